# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file dropped on the 3D View offers."""
import bpy


class FACEWRIGHT_FH_sound(bpy.types.FileHandler):
    bl_idname = "FACEWRIGHT_FH_sound"
    bl_label = "Bake Speech to Shape Keys"
    bl_import_operator = "facewright.drop_sound"
    bl_file_extensions = ".wav;.flac;.ogg;.mp3"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class FACEWRIGHT_FH_video(bpy.types.FileHandler):
    bl_idname = "FACEWRIGHT_FH_video"
    bl_label = "Bake Video to Shape Keys"
    bl_import_operator = "facewright.drop_video"
    bl_file_extensions = ".mp4;.mov;.m4v;.webm;.mkv;.avi"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


class FACEWRIGHT_FH_curves(bpy.types.FileHandler):
    bl_idname = "FACEWRIGHT_FH_curves"
    bl_label = "Import Facial Curves"
    bl_import_operator = "facewright.import_curves"
    bl_file_extensions = ".csv;.json"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"
