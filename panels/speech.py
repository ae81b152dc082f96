# SPDX-License-Identifier: GPL-3.0-or-later
"""The main panel: a sound, a button, and how it went."""
import bpy

from .. import preferences
from ..operators.bake_speech import FACEWRIGHT_OT_bake_speech, character_reason
from ..scene import jobs, runtime_status
from .text import wrapped

ICONS = {"done": "CHECKMARK", "failed": "ERROR", "cancelled": "CANCEL"}


class FacewrightPanel:
    """Mixed into every panel: the Facewright tab of the 3D View's sidebar."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Facewright"


class FACEWRIGHT_PT_speech(FacewrightPanel, bpy.types.Panel):
    bl_label = "Speech"
    bl_order = 0

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        settings = context.scene.facewright
        running = jobs.running()

        inputs = layout.column()
        inputs.enabled = running is None
        inputs.prop(settings, "sound", text="", placeholder="Sound of the speech", icon="SOUND")
        draw_transcript(inputs, settings)
        inputs.prop(settings, "life")
        inputs.prop(settings, "seed")

        if running is not None and running.topic != "video":  # that one is shown in its own panel
            draw_running(layout, context, running)
            return
        reason = FACEWRIGHT_OT_bake_speech.disabled_reason(context)
        if reason:
            wrapped(layout, context, reason, icon="INFO")
        if character_reason(context):
            layout.operator("facewright.add_demo_head", icon="USER")
        row = layout.row()
        row.scale_y = 1.6
        row.operator("facewright.bake_speech", icon="REC")
        draw_outcome(layout, context, "speech")
        chosen = preferences.settings(context)
        if runtime_status.current(chosen.python, chosen.data_folder).ok is False:
            layout.operator("preferences.addon_show", text="Open Preferences", icon="PREFERENCES").module = preferences.__package__


def draw_transcript(layout: bpy.types.UILayout, settings: bpy.types.PropertyGroup) -> None:
    layout.prop(settings, "transcript_from")
    if settings.transcript_from == "TYPED":
        layout.prop(settings, "transcript", text="", placeholder="What is said")
    elif settings.transcript_from == "FILE":
        layout.prop(settings, "transcript_file", text="", placeholder="Text file of what is said")


def draw_running(layout: bpy.types.UILayout, context: bpy.types.Context, running: jobs.Running) -> None:
    """The bar with stage and time left, and Cancel beside it."""
    column = layout.column(align=True)
    column.progress(factor=running.progress, text=f"{running.progress:.0%}")
    row = column.row(align=True)
    row.scale_y = 1.6
    row.operator("facewright.cancel_job", icon="CANCEL")
    wrapped(layout, context, running.text + ".", icon="TIME")


def draw_outcome(layout: bpy.types.UILayout, context: bpy.types.Context, topic: str) -> None:
    """How the last job ended: done, failed or cancelled, in sentences."""
    outcome = jobs.outcome(topic)
    if outcome is None:
        return
    layout.separator(factor=0.3)  # Blender would hand the mouse's highlight on from the progress bar to a box in its place
    box = layout.box()
    box.alert = outcome.kind == "failed"
    for i, line in enumerate(outcome.lines):
        wrapped(box, context, line, icon=ICONS[outcome.kind] if i == 0 else "BLANK1")
    if outcome.details:
        button = box.operator("facewright.show_details", text="Show Details", icon="TEXT")
        button.details, button.expected = outcome.details, outcome.expected
