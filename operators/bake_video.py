# SPDX-License-Identifier: GPL-3.0-or-later
"""A filmed face becomes keys on the selected character, with head, gaze and the video's sound."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import UserError
from ..rigs.arkit import ARKIT_52, HEAD_AND_EYES
from ..scene import handles, jobs
from ..settings.scene import bake_options
from . import worker_job
from .adapters import in_use
from .bake_speech import character_reason, faces, transcript
from .verb import JobVerb, Work

EYE_LOOKS = tuple(name for name in ARKIT_52 if name.startswith("eyeLook"))


class FACEWRIGHT_OT_bake_video(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.bake_video"
    bl_label = "Bake Video to Shape Keys"
    bl_description = "Turn the filmed face into animation of the selected character's shape keys. Your own keys are never touched"
    bl_options = {"REGISTER", "UNDO"}
    topic = "video"
    title = "Bake Video"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        no_video = "" if context.scene.facewright.video.path else "Choose the video of a face, or drop a video file on the 3D View."
        return jobs.busy_reason() or character_reason(context) or no_video

    def begin(self, context: bpy.types.Context) -> Work:
        import numpy as np

        from ..core.curves import Curves
        from ..scene import bake, head_motion

        chosen = context.scene.facewright
        video = chosen.video
        path = Path(bpy.path.abspath(video.path)).absolute()
        if not path.exists():
            raise UserError(f"There is no file '{path.name}' in {path.parent}.", "Choose the video again.")
        options = bake_options(chosen, path)
        # Whatever stands in the way of the bake is said now, not after the wait.
        bake.plan(context.selected_objects, Curves(ARKIT_52, [0.0], np.zeros((1, len(ARKIT_52)), np.float32)), options)
        head_motion.check(turned(video))
        who = handles.remember(context.scene, context.selected_objects)
        taste = in_use(context, "image")
        place_sound, describe, gaze = chosen.place_sound, video.describe, video.gaze

        def params(folder: Path) -> dict:
            return {
                "path": str(path),
                "out": str(folder / "curves.npz"),
                "face": followed(video),
                "neutral_time": video.neutral_time if video.neutral_from == "FRAME" else None,
                "mouth": video.mouth.lower(),
                "text": transcript(chosen) if video.mouth != "PICTURE" else None,
                "smoothing": video.smoothing,
                "careful": video.careful,
                **taste,
            }

        def finish(result: dict) -> jobs.Outcome:
            scene, objects = handles.find(who)
            sound = path if place_sound and result["has_sound"] else None
            return write(scene, objects, result, bake_options(scene.facewright, path, sound=sound), gaze, describe)

        return worker_job.begin(context, "video", params, finish)


def followed(video: bpy.types.PropertyGroup) -> int | str:
    """Which face the Video panel wants: "largest", or its number from the picture's left, from 1."""
    return "largest" if video.follow == "LARGEST" else video.face


def turned(video: bpy.types.PropertyGroup) -> list:
    """The bones and objects that the Video panel wants turned."""
    from ..scene import head_motion

    found = [head_motion.head(video.head, video.head_bone if video.head.type == "ARMATURE" else "")] if video.head else []
    if video.gaze == "BONES":
        if video.head is None or video.head.type != "ARMATURE":
            raise UserError("Gaze is to go to eye bones, but no armature is chosen as the head.", "Choose the armature, or Look Shapes.")
        for side, bone in (("left", video.left_eye_bone), ("right", video.right_eye_bone)):
            if not bone:
                raise UserError(f"No {side} eye bone is chosen.", "Choose both eye bones, or Look Shapes.")
            found.append(head_motion.eye(side, video.head, bone))
    return found


def face_only(curves, gaze: str):
    """The curves for shape keys: without head and eye angles, the eyes' look shapes at rest where the gaze goes elsewhere."""
    kept = curves.select([name for name in curves.names if name not in HEAD_AND_EYES])
    if gaze != "SHAPES":
        for name in EYE_LOOKS:
            if name in kept.names:
                kept.values[:, kept.names.index(name)] = 0.0
    return kept


def write(scene: bpy.types.Scene, objects: list, result: dict, options, gaze: str, describe: bool) -> jobs.Outcome:
    """Shape keys, head and eyes, sound and markers, all or none of them."""
    from ..core.timing import scene_fps
    from ..inference import curves_file
    from ..scene import bake, head_motion, lines, markers

    curves = curves_file.load(result["curves"])
    plan = bake.plan(objects, face_only(curves, gaze), options)
    faces_of = [target.key.name for target in plan.targets]
    placements, warnings = head_motion.write(
        turned(scene.facewright.video), curves, scene, options.start_frame, options.keys == "SPARSE", options.max_error,
        source=options.source, faces=faces_of,
    )  # fmt: skip
    lines.keep_tracks(plan)
    try:
        report = bake.apply(plan, scene)
    except BaseException:
        for place in reversed(placements):
            place.take_back()
        raise
    for place in placements:
        warnings += [f"Keys of the earlier head motion were edited, so it was kept as '{name}'." for name in place.retire_earlier()]
    fps = scene_fps(scene.render.fps, scene.render.fps_base)
    described = result["shots"] if describe else []  # an earlier video's words must not stay
    markers.replace(scene, described_by(faces_of[0]), [(options.start_frame + round(s["start"] * fps), said(s)) for s in described])
    return jobs.Outcome("done", told(plan, report, result, placements, tuple(warnings)))


def described_by(face: str) -> str:
    """The kind of the markers that describe a video on the face with these shape keys."""
    return f"description {face}"


def said(shot: dict) -> str:
    """A stretch's description for a marker."""
    from ..inference.video.describe import Analysis

    return Analysis(**shot["analysis"]).sentence()


def told(plan, report, result: dict, placements: list, warnings: tuple[str, ...]) -> tuple[str, ...]:
    """What was done, in sentences for the panel."""
    moved = ", ".join(place.owner.label for place in placements if place.action)
    return (
        f"Baked {faces(plan)}: {report.keys:,} keys, frames {report.frame_start} to {report.frame_end}."
        + (f" '{moved}' turns with the head." if moved else ""),
        f"{result['duration']:.1f} s of video took {result['seconds'] + report.seconds:.1f} s on {result['device'].upper()}.",
        *([result["description"]] if result.get("description") else []),
        *result["warnings"],
        *report.warnings,
        *warnings,
        "Press Space over the 3D View to play it.",
    )
