# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in File > Import and File > Export."""
import bpy


def import_entry(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.operator("facewright.import_curves", text="Facial Curves (.csv, .json)")


def export_entry(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    self.layout.operator("facewright.export_curves", text="Facial Curves (.csv, .json)")
