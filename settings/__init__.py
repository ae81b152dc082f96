# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user sets in a .blend file: property groups on the scene and on a take's Action."""
