# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds a character to try everything on."""
from __future__ import annotations

import bpy

from .verb import Verb


class FACEWRIGHT_OT_add_demo_head(Verb, bpy.types.Operator):
    bl_idname = "facewright.add_demo_head"
    bl_label = "Add Demo Head"
    bl_description = "Add a stylised head with all 52 ARKit shape keys, with its own camera, lights and background"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if context.mode != "OBJECT":
            return "Leave the present mode first (Tab): objects are added in Object Mode."
        return ""

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._add(context))

    def _add(self, context: bpy.types.Context) -> set[str]:
        from ..scene import demo_head

        head = demo_head.build(context.scene)
        for obj in context.selected_objects:
            obj.select_set(False)
        for obj in head.objects:
            obj.select_set(True)
        context.view_layer.objects.active = head.objects[0]
        if context.space_data is not None and context.space_data.type == "VIEW_3D":
            context.space_data.region_3d.view_perspective = "CAMERA"  # a head of life size is easily lost beside other objects
        return {"FINISHED"}
