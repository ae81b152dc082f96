# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes on takes: what they are, where they are kept, how they travel, and what they say. No bpy, no torch."""
