# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel's answers to the present question, and what a sitting needs besides: note, taking a vote back, a rest, the end."""
import bpy

from ..scene import jobs, sitting
from .verb import Verb

ACTIONS = (
    ("TAKE_0", "A is Better", "The left take is better (in a group of four: it comes next in the order)"),
    ("TAKE_1", "B is Better", "The right take is better (in a group of four: it comes next in the order)"),
    ("TAKE_2", "C", "The third take comes next in the order"),
    ("TAKE_3", "D", "The fourth take comes next in the order"),
    ("TIE", "Equal", "They are equally good"),
    ("BAD", "All Bad", "None of them is good"),
    ("SKIP", "Skip", "Ask about this later; no vote is cast"),
    ("UNDO", "Undo Vote", "Take the last vote back and ask again"),
    ("RESTED", "Go On", "The rest is over"),
)


class FACEWRIGHT_OT_rank_act(Verb, bpy.types.Operator):
    bl_idname = "facewright.rank_act"
    bl_label = "Vote"
    bl_options = {"INTERNAL"}

    action: bpy.props.EnumProperty(name="Action", description="What to do with the present question", items=ACTIONS)

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return next(text for name, _label, text in ACTIONS if name == properties.action)

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "" if sitting.current() is not None else "No sitting is open. Start one."

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(self._act)

    def _act(self) -> set[str]:
        asked = sitting.current().question
        if self.action.startswith("TAKE_"):
            place = int(self.action[5:])
            told = sitting.prefer(place) if asked is not None and len(asked.takes) == 2 else sitting.place(place)
        else:
            told = {
                "TIE": sitting.tie,
                "BAD": sitting.all_bad,
                "SKIP": sitting.skip,
                "UNDO": sitting.undo,
                "RESTED": sitting.rested,
            }[self.action]()
        self.report({"INFO"}, told)
        return {"FINISHED"}


class FACEWRIGHT_OT_rank_note(Verb, bpy.types.Operator):
    bl_idname = "facewright.rank_note"
    bl_label = "Note on This Pair"
    bl_description = "Write a few words that are kept with the vote on this pair"
    bl_options = {"INTERNAL"}

    text: bpy.props.StringProperty(name="Note", description="A few words that are kept with the vote", options={"SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        opened = sitting.current()
        return "" if opened is not None and opened.question is not None else "There is no pair to write about."

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        self.text = sitting.current().sitting.note
        return context.window_manager.invoke_props_dialog(self, width=420, confirm_text="Keep Note")

    def draw(self, context: bpy.types.Context) -> None:
        self.layout.activate_init = True  # the cursor is in the field
        self.layout.prop(self, "text", text="", placeholder="What decides it?")

    def execute(self, context: bpy.types.Context) -> set[str]:
        def keep() -> set[str]:
            sitting.note(self.text)
            return {"FINISHED"}

        return self.guarded(keep)


class FACEWRIGHT_OT_rank_retract(Verb, bpy.types.Operator):
    bl_idname = "facewright.rank_retract"
    bl_label = "Take Vote Back"
    bl_description = "This vote no longer counts; it is not asked again"
    bl_options = {"INTERNAL"}

    vote: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "" if sitting.current() is not None else "No sitting is open."

    def execute(self, context: bpy.types.Context) -> set[str]:
        def retract() -> set[str]:
            self.report({"INFO"}, sitting.retract(self.vote))
            return {"FINISHED"}

        return self.guarded(retract)


class FACEWRIGHT_OT_rank_end(Verb, bpy.types.Operator):
    bl_idname = "facewright.rank_end"
    bl_label = "End Sitting"
    bl_description = "Close the player and the sitting. All votes are kept"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "" if sitting.current() is not None else "No sitting is open."

    def execute(self, context: bpy.types.Context) -> set[str]:
        def end() -> set[str]:
            tested = sitting.current().source.brief.tested
            told = sitting.end()
            waits = jobs.busy_reason() if tested else ""
            if waits:
                told = f"{told} {waits} Then press Count beside the adapter."
            jobs.set_outcome("ranking", jobs.Outcome("done", (told,)))
            self.report({"INFO"}, told)
            if tested and not waits and not bpy.app.background and context.window is not None:
                bpy.ops.facewright.adapter_gate("INVOKE_DEFAULT", name=tested)
            return {"FINISHED"}

        return self.guarded(end)
