# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts a worker and asks it what it can compute on."""
from __future__ import annotations

import bpy

from ..preferences import settings
from ..scene import jobs, runtime_status, tasks
from .verb import JobVerb, Work


class FACEWRIGHT_OT_check_runtime(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.check_runtime"
    bl_label = "Check"
    bl_description = "Find the Python that runs the models, start the worker (anew if it crashed) and see what it can compute on"
    topic = "runtime"
    title = "Check Runtime"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        return jobs.busy_reason()

    def begin(self, context: bpy.types.Context) -> Work:
        chosen = settings(context)
        found = runtime_status.find(chosen.python, chosen.data_folder)
        client = tasks.worker(found.python, chosen.data_folder / "logs")
        client.reset()

        def finish(result: dict) -> jobs.Outcome:
            runtime_status.set_devices(found, result["devices"], result["torch"])
            return jobs.Outcome("done", ("The worker answered.",))

        return Work(tasks.WorkerTask(client, client.submit("devices", {})), finish)
