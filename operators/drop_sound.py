# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a sound dropped on the 3D View, and bakes it after a question."""
import bpy

from .bake_speech import FACEWRIGHT_OT_bake_speech
from .drop import DropVerb


class FACEWRIGHT_OT_drop_sound(DropVerb, bpy.types.Operator):
    bl_idname = "facewright.drop_sound"
    bl_label = "Bake Speech to Shape Keys"
    bl_description = "Use this sound, and bake its speech on the selected character"
    bl_options = {"INTERNAL"}
    icon = "SOUND"
    bake = FACEWRIGHT_OT_bake_speech

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def keep(self, context: bpy.types.Context) -> None:
        context.scene.facewright.sound = self.filepath
