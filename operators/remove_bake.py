# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes our bake off the selected character."""
from __future__ import annotations

import bpy

from ..scene import jobs
from .verb import Verb


class FACEWRIGHT_OT_remove_bake(Verb, bpy.types.Operator):
    bl_idname = "facewright.remove_bake"
    bl_label = "Remove Bake"
    bl_description = (
        "Take Facewright's Action, sound and description markers off the selected objects, with the head motion that was baked with them. "
        "Your own Actions and bakes that you edited stay"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        from ..scene import bake, head_motion

        if any(bake.has_bake(obj) or head_motion.has_motion(obj) for obj in context.selected_objects):
            return jobs.busy_reason()
        if bake.only_pushed_down(context.selected_objects):
            return "The bake was pushed down in the NLA, so it is yours now: delete its strip there."
        return "Select an object that carries a Facewright bake."

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._remove(context))

    def _remove(self, context: bpy.types.Context) -> set[str]:
        from ..scene import bake, head_motion, markers
        from .bake_video import described_by

        scene, chosen = context.scene, context.selected_objects
        faces = [obj.data.shape_keys.name for obj in chosen if bake.has_bake(obj)]
        heads = {*head_motion.of_faces(scene, faces), *filter(head_motion.has_motion, chosen)}
        kept = bake.remove(chosen, scene) if faces else ()
        kept += head_motion.remove(heads)[1]
        for face in faces:
            markers.remove(scene, described_by(face))
        said = "The bake was removed." + "".join(f" Its keys were edited, so it was kept as the Action '{name}'." for name in kept)
        jobs.set_outcome("speech", jobs.Outcome("done", (said,)))
        self.report({"INFO"}, said.rstrip("."))
        return {"FINISHED"}
