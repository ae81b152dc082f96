# SPDX-License-Identifier: GPL-3.0-or-later
"""The mood that a line is spoken in, one slider for each emotion."""
import bpy

from ..scene import jobs
from ..settings.emotion import EMOTIONS
from .speech import FacewrightPanel


class FACEWRIGHT_PT_emotion(FacewrightPanel, bpy.types.Panel):
    bl_label = "Emotion"
    bl_parent_id = "FACEWRIGHT_PT_speech"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.enabled = jobs.running() is None
        column = layout.column(align=True)
        for name in EMOTIONS:
            column.prop(context.scene.facewright.emotion, name, slider=True)
