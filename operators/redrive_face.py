# SPDX-License-Identifier: GPL-3.0-or-later
"""The face follows its edited words and phones, without listening to the sound again."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.content import sha256_of
from ..core.errors import UserError
from ..preference.adapters import ASIDE, SUFFIX
from ..scene import handles, jobs
from . import worker_job
from .adapters import shelf
from .bake_speech import CURVES_FPS, faces, takes_folder
from .phoneme_edit import no_track_reason
from .verb import JobVerb, Work

NO_ADAPTER = "The adapter '{}' of this take is not on this computer any more, so the model was used as it ships."
LISTENED = "The sound was listened to again, since what was heard of it was no longer kept."


class FACEWRIGHT_OT_redrive_face(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.redrive_face"
    bl_label = "Re-Drive Face"
    bl_description = "Bake the take again so that the mouth follows the edited words and phones. Everything else stays as it was"
    bl_options = {"REGISTER", "UNDO"}
    topic = "speech"
    title = "Re-Drive Face"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return no_track_reason(context)

    def begin(self, context: bpy.types.Context) -> Work:
        from ..scene import bake, lines, phonemes

        shown = phonemes.required(context)
        track = phonemes.read(shown.action)
        objects = phonemes.parts(shown, context.scene, context.selected_objects)
        if not objects:
            raise UserError("No object of this scene plays the take any more.", "Select the character and bake the sound again.")
        made = recipe_of(shown, objects, context.scene) | {"by_hand": lines.by_hand(shown.action)}
        options = bake_options(made, round(shown.start))
        who, action = handles.remember(context.scene, objects), handles.remember_action(shown.action)
        check(objects, options)
        adapter, missed = adapter_of(made, shelf(context).folder)
        asked = {**asked_of(made), "adapter": adapter, "fps": CURVES_FPS, "cache": takes_folder(context), "track": track.to_dict()}

        def params(folder: Path) -> dict:
            return {**asked, "out": str(folder / "curves.npz")}

        def finish(result: dict) -> jobs.Outcome:
            from ..inference import curves_file

            scene, objects = handles.find(who)
            plan = bake.plan(objects, curves_file.load(result["curves"]), options)
            report = bake.apply(plan, scene)
            lines.record(plan, report, result, {**made, "start_frame": options.start_frame, "sound": result["sound"]}, scene)
            kept = handles.find_action(action, gone_is_fine=True)  # a pushed-down take stays, and its track is on a face now
            if kept is not None:
                kept.facewright_take.edited = False
            told = (
                f"{faces(plan)} follow the edited track: {len(track.phones)} phones, {report.keys:,} keys.",
                *([LISTENED] if result["listened"] else []),
                *(["The take that was pushed down stays below the new one."] if shown_was_pushed else []),
                *missed,
                *result["warnings"],
                *report.warnings,
                *(["Re-Take Around My Keys keeps such keys on the face."] if report.kept else []),
            )
            return jobs.Outcome("done", told)

        shown_was_pushed = shown.pushed
        return worker_job.begin(context, "speech", params, finish)


def recipe_of(shown, objects, scene: bpy.types.Scene) -> dict:
    """How the shown take of these objects was made, its sound where the sequencer has it now. Raises UserError where it does not say."""
    from ..scene import bake, phonemes

    made = phonemes.recipe(shown.used) or phonemes.recipe(shown.action)
    if not {"audio", "params", "bake"} <= made.keys():
        raise UserError("The take does not say which sound it was made from.", "Bake the sound again.")
    return {**made, "audio": bake.sound_of(shown.used, objects, scene) or made["audio"]}


def asked_of(made: dict) -> dict:
    """The worker's parameters for the same take: its sound, by its content too, and how it is spoken."""
    return {"audio": str(Path(bpy.path.abspath(made["audio"])).absolute()), "sound": made.get("sound", ""), **made["params"]}


def adapter_of(made: dict, folder: Path) -> tuple[str | None, tuple[str, ...]]:
    """The adapter of the take, by its content, in the shelf's folder or among those taken off the list; a sentence where it is gone."""
    told = made.get("adapter")
    if told is None:
        return None, ()
    for path in (*folder.glob(f"*{SUFFIX}"), *(folder / ASIDE).glob(f"*{SUFFIX}")):
        if sha256_of(path) == told["sha256"]:
            return str(path), ()
    return None, (NO_ADAPTER.format(told["name"]),)


def bake_options(made: dict, start: int):
    """The ``scene.bake.BakeOptions`` of the take, with its sound where that can still be read."""
    from ..scene.bake import BakeOptions

    path = Path(bpy.path.abspath(made["audio"]))
    place = made.get("place_sound") and path.is_file()
    return BakeOptions(start_frame=start, sound=path.absolute() if place else None, source=path.name, **made["bake"])


def check(objects, options) -> None:
    """Whatever stands in the way of the bake is said now, not after the wait."""
    import numpy as np

    from ..core.curves import Curves
    from ..rigs.arkit import ARKIT_52
    from ..scene import bake

    bake.plan(objects, Curves(ARKIT_52, [0.0], np.zeros((1, len(ARKIT_52)), np.float32)), options)
