# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws only: nothing here computes for long, runs a process or changes data."""
