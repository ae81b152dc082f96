# SPDX-License-Identifier: GPL-3.0-or-later
"""Another word in the shown track: the worker pronounces it, and its phones take the place of the old ones."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import UserError
from ..scene import jobs
from . import worker_job
from .phoneme_edit import no_track_reason
from .verb import JobVerb, Work

ROOM = 0.4  # seconds of a word that is put where there is room, about what one of two syllables takes


class FACEWRIGHT_OT_phoneme_word(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.phoneme_word"
    bl_label = "Change Word"
    bl_description = "Let the chosen word be the one in the field: its phones are looked up and laid into the same time"
    bl_options = {"REGISTER", "UNDO"}
    topic = "phonemes"
    title = "Change Word"

    insert: bpy.props.BoolProperty(name="Insert", description="A word of its own at the playhead, instead of the chosen one")

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        return "Put the word in the field at the playhead, where no word is yet" if properties.insert else cls.bl_description

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if not context.scene.facewright.phonemes.word.strip():
            return "Write the word into the field first."
        return no_track_reason(context)

    def begin(self, context: bpy.types.Context) -> Work:
        from ..scene import handles, phonemes

        text = " ".join(context.scene.facewright.phonemes.word.split())
        shown = phonemes.required(context)
        action, start = handles.remember_action(shown.action), phonemes.seconds_at(shown, context.scene)
        insert = self.insert
        number = None if insert else phonemes.chosen(shown, "word")
        own = phonemes.recipe(shown.action).get("params", {}).get("pronunciations", {})

        def params(folder: Path) -> dict:
            return {"text": text, "pronunciations": own}

        def finish(result: dict) -> jobs.Outcome:
            return jobs.Outcome("done", (put(handles.find_action(action), result["words"], text, number, start),))

        return worker_job.begin(context, "pronounce", params, finish)


def put(action: bpy.types.Action, said: list[dict], text: str, number: int | None, start: float) -> str:
    """Lay the pronounced word into the Action's track: in place of word ``number``, or at ``start`` (s). Returns what was done."""
    from ..inference.speech import track_edit
    from ..scene import phonemes

    phones = [p for word in said for p in word["phones"]]
    stresses = [s for word in said for s in word["stresses"]]
    track = phonemes.read(action)
    if number is None:
        if any(w.start <= start < w.end for w in track.words):
            raise UserError("There is a word at the playhead already.", "Change that one, or move the playhead into a gap.")
        track, number = track_edit.insert_word(track, start, start + ROOM, text, phones, stresses)
    else:
        track = track_edit.replace_word(track, number, text, phones, stresses)
    phonemes.write(action, track)
    action.facewright_take.edited = True
    return f"'{text}' is said as {' '.join(phones)}. Re-drive the face to see it."
