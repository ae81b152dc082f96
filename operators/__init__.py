# SPDX-License-Identifier: GPL-3.0-or-later
"""Thin operators, one verb a file. Each has ``disabled_reason(context) -> str``: empty where it can run, else a sentence for the user."""
