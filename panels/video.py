# SPDX-License-Identifier: GPL-3.0-or-later
"""The Video panel: a filmed or pictured face, what else is to turn, and how it went."""
import bpy

from ..operators.bake_video import FACEWRIGHT_OT_bake_video
from ..operators.pose_image import FACEWRIGHT_OT_pose_image
from ..scene import jobs
from .speech import FacewrightPanel, draw_outcome, draw_running, draw_transcript
from .text import wrapped


class FACEWRIGHT_PT_video(FacewrightPanel, bpy.types.Panel):
    bl_label = "Video and Image"
    bl_order = 1
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        video = context.scene.facewright.video
        running = jobs.running()
        inputs = layout.column()
        inputs.enabled = running is None
        inputs.prop(video, "path", text="", placeholder="Video of a face", icon="FILE_MOVIE")
        if running is not None and running.topic == "video":
            draw_running(layout, context, running)
            return
        row = layout.row()
        row.scale_y = 1.4
        row.operator("facewright.bake_video", icon="REC")
        if video.path and (reason := FACEWRIGHT_OT_bake_video.disabled_reason(context)):
            wrapped(layout, context, reason, icon="INFO")
        layout.separator(factor=0.5)
        inputs = layout.column()
        inputs.enabled = running is None
        inputs.prop(video, "picture", text="", placeholder="Photo or drawing of a face", icon="IMAGE_DATA")
        layout.operator("facewright.pose_image", icon="ARMATURE_DATA")
        if video.picture and (reason := FACEWRIGHT_OT_pose_image.disabled_reason(context)):
            wrapped(layout, context, reason, icon="INFO")
        draw_outcome(layout, context, "video")


class FACEWRIGHT_PT_video_settings(FacewrightPanel, bpy.types.Panel):
    bl_label = "Video Settings"
    bl_parent_id = "FACEWRIGHT_PT_video"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = jobs.running() is None
        settings = context.scene.facewright
        video = settings.video
        layout.prop(video, "follow")
        if video.follow == "NUMBERED":
            layout.prop(video, "face")
        layout.prop(video, "neutral_from")
        if video.neutral_from == "FRAME":
            layout.prop(video, "neutral_time")
        layout.prop(video, "smoothing", slider=True)
        layout.prop(video, "careful")
        layout.prop(video, "mouth")
        if video.mouth != "PICTURE":
            draw_transcript(layout, settings)
        layout.separator()
        layout.prop(video, "head")
        armature = video.head.data if video.head is not None and video.head.type == "ARMATURE" else None
        if armature is not None:
            layout.prop_search(video, "head_bone", armature, "bones", icon="BONE_DATA")
        layout.prop(video, "gaze")
        if video.gaze == "BONES" and armature is not None:
            layout.prop_search(video, "left_eye_bone", armature, "bones", icon="BONE_DATA")
            layout.prop_search(video, "right_eye_bone", armature, "bones", icon="BONE_DATA")
        elif video.gaze == "BONES":
            wrapped(layout, context, "Choose the armature as the head: its bones are the eyes.", icon="INFO")
        layout.separator()
        layout.prop(video, "describe")
        wrapped(layout, context, "Start frame, strength, smoothing, keys and sound are in Speech, Bake Settings.", icon="BLANK1")
