# SPDX-License-Identifier: GPL-3.0-or-later
"""Timeline markers at the words or phones of the shown track: ours, and gone again with a click."""
import bpy

from .phoneme_edit import KINDS, no_track_reason
from .verb import Verb


class FACEWRIGHT_OT_phoneme_markers(Verb, bpy.types.Operator):
    bl_idname = "facewright.phoneme_markers"
    bl_label = "Mark on Timeline"
    bl_description = "Set a timeline marker at the start of every word or phone, in place of those set before. Your own markers stay"
    bl_options = {"REGISTER", "UNDO"}

    kind: bpy.props.EnumProperty(name="Kind", description="What is marked", items=KINDS, default="word")  # phones are many
    clear: bpy.props.BoolProperty(name="Clear", description="Take the markers away")

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        cleared = "Take the markers of words and phones away. Your own, and those that you moved, stay"
        return cleared if properties.clear else cls.bl_description

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return no_track_reason(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._mark(context))

    def _mark(self, context: bpy.types.Context) -> set[str]:
        from ..scene import phonemes

        if self.clear:
            self.report({"INFO"}, f"{phonemes.unmark(context.scene)} markers were taken away")
        else:
            count = phonemes.mark(phonemes.required(context), context.scene, self.kind)
            self.report({"INFO"}, f"{count} {self.kind}s are marked on the timeline")
        return {"FINISHED"}
