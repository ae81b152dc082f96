# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences in a narrow panel: Blender cuts a label that is too long, so it is broken into lines."""
import textwrap

import bpy

PIXELS_PER_LETTER = 7.0  # of Blender's interface font at scale 1, on average
MARGIN = 62  # pixels at scale 1 that borders, a box and an icon take


def wrapped(layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE") -> None:
    """``text`` as labels under each other, as wide as the region; the icon stands at the first."""
    scale = context.preferences.system.ui_scale
    width = context.region.width / scale if context.region else 240
    letters = max(int((width - MARGIN) / PIXELS_PER_LETTER), 16)
    column = layout.column(align=True)
    column.scale_y = 0.85
    for i, line in enumerate(textwrap.wrap(text, letters) or [""]):
        column.label(text=line, icon=icon if i == 0 else ("BLANK1" if icon != "NONE" else "NONE"))
