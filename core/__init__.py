# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and data: no bpy, no torch."""
