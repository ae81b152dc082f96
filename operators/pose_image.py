# SPDX-License-Identifier: GPL-3.0-or-later
"""A photo or drawing of a face becomes one key of the selected character on the current frame."""
from __future__ import annotations

from pathlib import Path

import bpy

from ..core.errors import UserError
from ..rigs.arkit import ARKIT_52
from ..scene import handles, jobs
from . import worker_job
from .adapters import in_use
from .bake_speech import character_reason
from .bake_video import face_only, followed, turned
from .verb import JobVerb, Work


class FACEWRIGHT_OT_pose_image(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.pose_image"
    bl_label = "Pose from Image"
    bl_description = (
        "Give the selected character the expression of the pictured face: keys on the current frame of its active Action, "
        "in place of what these channels have there"
    )
    bl_options = {"REGISTER", "UNDO"}
    topic = "video"
    title = "Pose from Image"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        no_picture = "" if context.scene.facewright.video.picture else "Choose a picture of a face."
        return jobs.busy_reason() or character_reason(context) or no_picture

    def begin(self, context: bpy.types.Context) -> Work:
        from ..scene import head_motion, targets

        video = context.scene.facewright.video
        path = Path(bpy.path.abspath(video.picture)).absolute()
        if not path.exists():
            raise UserError(f"There is no file '{path.name}' in {path.parent}.", "Choose the picture again.")
        targets.find(context.selected_objects, ARKIT_52)  # what stands in the way is said now
        head_motion.check(turned(video))
        taste = in_use(context, "image")
        who, which, frame = handles.remember(context.scene, context.selected_objects), followed(video), context.scene.frame_current

        def finish(result: dict) -> jobs.Outcome:
            scene, objects = handles.find(who)
            return write(scene, objects, path, result["files"][0], which, frame)

        return worker_job.begin(context, "image", lambda folder: {"paths": [str(path)], **taste}, finish)


def write(scene: bpy.types.Scene, objects: list, path: Path, found: dict, which: int | str, frame: int) -> jobs.Outcome:
    """found: what the worker says of the picture. which: as ``followed``."""
    from ..core.curves import Curves
    from ..inference.video import absent
    from ..inference.video.describe import Analysis
    from ..scene import pose_key

    people = found["faces"]
    if not people:
        raise absent.nobody(path.name)
    if which == "largest":
        face = max(people, key=lambda face: face["box"][2] * face["box"][3])
    elif which <= len(people):
        face = people[which - 1]
    else:
        raise absent.no_such(which, path.name, len(people))
    names = tuple(face["arkit"])
    pose = Curves(names, [0.0], [[face["arkit"][name] for name in names]])
    video = scene.facewright.video
    shapes = face_only(pose, video.gaze)
    angles = pose.select([name for name in names if name not in shapes.names])
    report = pose_key.apply(objects, shapes, angles, frame, turned(video), scene.facewright.strength)
    lines = (
        f"Posed {report.objects[0]}{f' and {len(report.objects) - 1} more' if len(report.objects) > 1 else ''} like {path.name}: "
        f"{report.keys} keys on frame {frame}.",
        Analysis(**face["analysis"]).sentence(),
        *found["warnings"],
        *report.warnings,
    )
    return jobs.Outcome("done", lines)
