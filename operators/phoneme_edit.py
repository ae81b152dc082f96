# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of the shown phone track, a button each. The face follows with Re-Drive Face."""
import bpy

from ..scene import jobs
from .verb import Verb

ACTIONS = (
    ("HERE", "At Playhead", "Choose what is said at the playhead"),
    ("PREVIOUS", "Previous", "Choose the one before"),
    ("NEXT", "Next", "Choose the next one"),
    ("START", "Start to Playhead", "Let it start at the playhead; a neighbour that touches it moves along"),
    ("END", "End to Playhead", "Let it end at the playhead; a neighbour that touches it moves along"),
    ("INSERT", "Insert", "Insert a phone at the playhead"),
    ("DELETE", "Delete", "Delete it; silence is left"),
    ("SPLIT", "Split", "Split the phone at the playhead, or in its middle"),
    ("MERGE", "Merge with Next", "Make it and the next one into one"),
    ("SEARCH", "Find Next", "Choose the next one that the search finds"),
)
KINDS = (("phone", "Phone", "A speech sound"), ("word", "Word", "A word of the transcript"))


def no_track_reason(context: bpy.types.Context) -> str:
    """Why no track can be edited; empty where one can."""
    from ..scene import phonemes

    return jobs.busy_reason() or ("" if phonemes.find(context.selected_objects, context.scene) else phonemes.NO_TRACK)


class FACEWRIGHT_OT_phoneme_edit(Verb, bpy.types.Operator):
    bl_idname = "facewright.phoneme_edit"
    bl_label = "Edit Phonemes"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    action: bpy.props.EnumProperty(name="Action", description="What to do", items=ACTIONS)
    kind: bpy.props.EnumProperty(name="Kind", description="What it is done to", items=KINDS, default="phone")  # phones shape the mouth
    label: bpy.props.StringProperty(name="Phone", description="The phone to insert (ARPAbet)", default="AH")  # the most common one

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return next(text for name, _label, text in ACTIONS if name == properties.action)

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return no_track_reason(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._edit(context))

    def _edit(self, context: bpy.types.Context) -> set[str]:
        from ..core.errors import UserError
        from ..inference.speech import track_edit
        from ..scene import phonemes

        shown, kind = phonemes.required(context), self.kind
        now = phonemes.seconds_at(shown, context.scene)
        if self.action == "INSERT":
            at = -1

            def insert(track):
                nonlocal at
                made, at = track_edit.insert(track, now, self.label)
                return made

            phonemes.edit(shown, insert)
            phonemes.choose(shown, "phone", at)
            return {"FINISHED"}
        if self.action == "SEARCH":
            wanted = context.scene.facewright.phonemes.search
            number = track_edit.search(phonemes.read(shown.action), wanted, kind, getattr(shown.take, f"{kind}_index"))
            if number is None:
                raise UserError(f"No {kind} '{wanted}' is in the track." if wanted.strip() else "There is nothing to search for.")
            setattr(shown.take, f"{kind}_index", number)  # and the playhead follows
            return {"FINISHED"}
        if self.action == "HERE":
            for each in ("phone", "word"):
                number = track_edit.at_time(phonemes.read(shown.action), each, now)
                if number is not None:
                    phonemes.choose(shown, each, number)
            return {"FINISHED"}
        number = phonemes.chosen(shown, kind)
        if self.action in ("PREVIOUS", "NEXT"):
            count = len(shown.take.phones if kind == "phone" else shown.take.words)
            setattr(shown.take, f"{kind}_index", min(max(number + (1 if self.action == "NEXT" else -1), 0), count - 1))
            return {"FINISHED"}
        changes = {
            "START": lambda track: track_edit.retime(track, kind, number, start=now),
            "END": lambda track: track_edit.retime(track, kind, number, end=now),
            "DELETE": lambda track: track_edit.delete(track, kind, number),
            "SPLIT": lambda track: track_edit.split(track, number, now),
            "MERGE": lambda track: track_edit.merge(track, kind, number),
        }
        phonemes.edit(shown, changes[self.action])
        return {"FINISHED"}
