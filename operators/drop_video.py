# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a video dropped on the 3D View, and bakes it after a question."""
import bpy

from .bake_video import FACEWRIGHT_OT_bake_video
from .drop import DropVerb


class FACEWRIGHT_OT_drop_video(DropVerb, bpy.types.Operator):
    bl_idname = "facewright.drop_video"
    bl_label = "Bake Video to Shape Keys"
    bl_description = "Use this video, and bake its face on the selected character"
    bl_options = {"INTERNAL"}
    icon = "FILE_MOVIE"
    bake = FACEWRIGHT_OT_bake_video

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})

    def keep(self, context: bpy.types.Context) -> None:
        context.scene.facewright.video.path = self.filepath
