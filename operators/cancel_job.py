# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops the running job."""
import bpy

from ..scene import jobs
from .verb import Verb


class FACEWRIGHT_OT_cancel_job(Verb, bpy.types.Operator):
    bl_idname = "facewright.cancel_job"
    bl_label = "Cancel"
    bl_description = "Stop the running job; nothing is changed"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return "" if jobs.running() else "Nothing is running."

    def execute(self, context: bpy.types.Context) -> set[str]:
        jobs.cancel()
        return {"FINISHED"}
