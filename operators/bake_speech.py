# SPDX-License-Identifier: GPL-3.0-or-later
"""The main verb: a sound becomes keys on the selected character."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import UserError
from ..core.script_file import read_script
from ..preferences import settings
from ..rigs.arkit import ARKIT_52
from ..scene import handles, jobs
from ..settings.scene import bake_options, performance
from . import worker_job
from .adapters import in_use
from .verb import JobVerb, Work

CURVES_FPS = 60.0  # Live Link Face's rate; the bake resamples to the scene's


def character_reason(context: bpy.types.Context) -> str:
    """Why nothing can be baked onto the selection; empty where it can be tried."""
    chosen = context.selected_objects
    if not chosen:
        return "Select a character with shape keys, or add the demo head."
    if not any(getattr(obj.data, "shape_keys", None) for obj in chosen):
        one = f"'{chosen[0].name}' has" if len(chosen) == 1 else "The selected objects have"
        return f"{one} no shape keys. Select a character with ARKit shape keys, or add the demo head."
    return ""


class FACEWRIGHT_OT_bake_speech(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.bake_speech"
    bl_label = "Bake Speech to Shape Keys"
    bl_description = "Turn the sound into animation of the selected character's shape keys. Your own keys are never touched"
    bl_options = {"REGISTER", "UNDO"}
    topic = "speech"
    title = "Bake Speech"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        no_sound = "" if context.scene.facewright.sound else "Choose the sound of the speech, or drop a sound file on the 3D View."
        return jobs.busy_reason() or character_reason(context) or no_sound

    def begin(self, context: bpy.types.Context) -> Work:
        import numpy as np

        from ..core.curves import Curves
        from ..scene import bake, sound

        chosen = context.scene.facewright
        path = Path(bpy.path.abspath(chosen.sound)).absolute()
        sound.check(path)
        options = bake_options(chosen, path, sound=path if chosen.place_sound else None)
        # Whatever stands in the way of the bake is said now, not after the wait.
        bake.plan(context.selected_objects, Curves(ARKIT_52, [0.0], np.zeros((1, len(ARKIT_52)), np.float32)), options)
        text = transcript(chosen)
        who = handles.remember(context.scene, context.selected_objects)
        asked = {"audio": str(path), "text": text, "fps": CURVES_FPS, "cache": takes_folder(context), **performance(chosen)}
        asked |= in_use(context)

        def params(folder: Path) -> dict:
            return {**asked, "out": str(folder / "curves.npz")}

        def finish(result: dict) -> jobs.Outcome:
            from ..inference import curves_file
            from ..scene import lines

            scene, objects = handles.find(who)
            plan = bake.plan(objects, curves_file.load(result["curves"]), options)
            lines.keep_tracks(plan)
            report = bake.apply(plan, scene)
            lines.record(plan, report, result, lines.recipe(asked, result, options), scene)
            return jobs.Outcome("done", told(plan, report, result))

        return worker_job.begin(context, "speech", params, finish)


def takes_folder(context: bpy.types.Context) -> str:
    """Where the worker keeps what it heard, so that the same sound is listened to once."""
    return str(settings(context).data_folder / "takes")


def transcript(chosen: bpy.types.PropertyGroup) -> str | None:
    """What is said, from the panel's fields; None where the user gives nothing. Raises UserError where it is empty or unreadable."""
    if chosen.transcript_from == "NONE":
        return None
    if chosen.transcript_from == "TYPED":
        if not chosen.transcript.strip():
            raise UserError("The transcript is empty.", "Type what is said, or set the transcript to None.")
        return chosen.transcript
    if not chosen.transcript_file:
        raise UserError("No transcript file is chosen.", "Choose the text file of what is said, or set the transcript to None.")
    return read_script(Path(bpy.path.abspath(chosen.transcript_file)))


def faces(plan) -> str:
    """Which shapes go where: "52 of 52 shapes on 'Face' and 4 more"."""
    # The object that takes most of them is the face; that its teeth share a shape which it lacks would say nothing of the face.
    face = max(plan.targets, key=lambda target: len(set(target.mapping.sources) & set(ARKIT_52)))
    others = f" and {len(plan.targets) - 1} more" if len(plan.targets) > 1 else ""
    return f"{len(set(face.mapping.sources) & set(ARKIT_52))} of {len(ARKIT_52)} shapes on '{face.label}'{others}"


def told(plan, report, result: dict) -> tuple[str, ...]:
    """What was done, in sentences for the panel."""
    took = f"{result['duration']:.1f} s of sound took {result['seconds'] + report.seconds:.1f} s on {result['device'].upper()}."
    if not report.actions:  # a silent sound: why is among the warnings
        return ("Nothing was baked.", *result["warnings"], *report.warnings, took)
    return (
        f"Baked {faces(plan)}: {report.keys:,} keys, frames {report.frame_start} to {report.frame_end}.",
        took,
        *result["warnings"],
        *report.warnings,
        "Press Space over the 3D View to play it.",
    )
