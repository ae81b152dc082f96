# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves from and to other programs."""
import bpy

from .speech import FacewrightPanel
from .text import wrapped


class FACEWRIGHT_PT_interchange(FacewrightPanel, bpy.types.Panel):
    bl_label = "Import and Export"
    bl_order = 3
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        column = layout.column(align=True)
        column.operator("facewright.import_curves", icon="IMPORT")
        column.operator("facewright.export_curves", icon="EXPORT")
        wrapped(layout, context, "Live Link Face .csv, which other face tools read, or .json.")
