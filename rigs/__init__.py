# SPDX-License-Identifier: GPL-3.0-or-later
"""Channel names and how they map from rig to rig: no bpy, no torch."""
