# SPDX-License-Identifier: GPL-3.0-or-later
"""Another take of the same line around what the animator made: edited keys, or a part that is to stay, are kept without a seam."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bpy

from ..core.errors import UserError
from ..scene import handles, jobs
from ..settings.scene import performance
from . import worker_job
from .adapters import in_use
from .bake_speech import CURVES_FPS, faces, takes_folder
from .phoneme_edit import no_track_reason
from .redrive_face import LISTENED, asked_of, bake_options, check, recipe_of
from .verb import JobVerb, Work


class FACEWRIGHT_OT_retake(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.retake"
    bl_label = "Re-Take Around My Keys"
    bl_description = (
        "Make the take again with the settings of the panels (seed, mood, lips and so on), and keep what you changed, or the part that you "
        "choose, exactly as it is"
    )
    bl_options = {"REGISTER", "UNDO"}
    topic = "speech"
    title = "Re-Take"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        chosen = context.scene.facewright.phonemes
        if reason := no_track_reason(context):
            return reason
        return "" if chosen.keep_edits or chosen.keep_part else "Choose what to keep: your edits, a part, or both."

    def begin(self, context: bpy.types.Context) -> Work:
        from ..core.timing import scene_fps
        from ..inference.speech import around_file
        from ..scene import bake, edits, lines, phonemes

        scene, chosen = context.scene, context.scene.facewright.phonemes
        shown = phonemes.required(context)
        if shown.pushed:
            raise UserError("This take was pushed down in the NLA, so its keys are yours and stay.", "Bake a new take on top of it.")
        objects = phonemes.parts(shown, scene, context.selected_objects)
        made = recipe_of(shown, objects, scene)
        part = (chosen.region, (chosen.first, chosen.last)) if chosen.keep_part else ("", None)
        if chosen.keep_part and chosen.first > chosen.last:
            raise UserError(f"The part to keep ends (frame {chosen.last}) before it starts ({chosen.first}).", "Turn the two around.")
        held = edits.held(objects, scene, chosen.keep_edits, *part)
        changed = lines.by_hand(shown.action)  # then another mood or seed on the artist's own track is a take of its own
        if not held.samples and not held.keys and not (changed and chosen.keep_edits):
            what = "No key of this take was changed since it was baked" if chosen.keep_edits else "The part to keep lies outside the take"
            raise UserError(f"{what}, so there is nothing to keep.", "Edit some keys, or choose a part to keep.")
        # Sampled at the scene's own frames, so that what is kept is met on every one of them.
        fps, whole = scene_fps(scene.render.fps, scene.render.fps_base), not held.samples
        if not whole and abs(made.get("fps", fps) - fps) > 1e-3:
            raise UserError(
                f"The take was baked at {made['fps']:g} frames a second and the scene has {fps:g} now, so its keys no longer lie where the "
                "sound has them.",
                "Set the scene's frame rate back.",
            )
        panel = context.scene.facewright
        strength, smoothing = panel.strength, panel.smoothing
        options = replace(
            bake_options(made, phonemes.start_frame(shown.used)),
            strength=strength if whole else 1.0,  # around what is kept the worker sees to both
            smoothing=smoothing if whole else 0.0,
            keys=panel.keys,
            max_error=panel.max_error,
        )
        check(objects, options)
        who = handles.remember(scene, objects)
        asked = {**asked_of(made), **performance(panel), "fps": CURVES_FPS if whole else fps, "cache": takes_folder(context)}
        asked = {n: v for n, v in asked.items() if not n.startswith("adapter")} | in_use(context)
        asked["track"] = phonemes.read(shown.action).to_dict()

        def params(folder: Path) -> dict:
            if whole:
                return {**asked, "out": str(folder / "curves.npz")}
            bounded = replace(held.curves, values=held.curves.values.clip(0, 1))  # what the models know; the bake keeps what lies beyond
            around_file.save(around_file.Around(bounded, held.where, strength, smoothing), folder / "kept.npz")
            return {**asked, "around": str(folder / "kept.npz"), "out": str(folder / "curves.npz")}

        def finish(result: dict) -> jobs.Outcome:
            from ..inference import curves_file

            scene, objects = handles.find(who)
            plan = bake.plan(objects, edits.keep(curves_file.load(result["curves"]), held), options)
            report = bake.apply(plan, scene)
            keys = edits.restore_keys(held.keys, objects)
            spoken = lines.recipe(asked, result, replace(options, strength=strength, smoothing=smoothing))
            lines.record(plan, report, result, {**made, **spoken, "audio": made["audio"], "by_hand": changed}, scene, held)
            frames = int(held.where.any(1).sum())
            around = f"around {keys:,} {'key' if keys == 1 else 'keys'} of yours ({frames} frames)" if frames or keys else "of your track"
            told = (
                f"A new take on {faces(plan)} {around}.",
                *([LISTENED] if result["listened"] else []),
                *result["warnings"],
                *report.warnings,
            )
            return jobs.Outcome("done", told)

        return worker_job.begin(context, "speech", params, finish)
