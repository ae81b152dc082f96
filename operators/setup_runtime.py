# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a Python environment with PyTorch in the data folder."""
from __future__ import annotations

import sys
from collections import deque

import bpy

from ..core.errors import UserError
from ..preferences import settings, use_own_runtime
from ..scene import jobs, runtime_status, sitting, tasks
from .verb import JobVerb, Work

PHASES = (  # how a line of the installer begins, how much is done then, and the words for it; downloading takes nearly all of the time
    ("Making an environment", 0.01, "Making an environment"),
    ("Collecting", 0.05, "Downloading packages"),
    ("Installing collected", 0.7, "Installing packages"),
    ("Trying it", 0.95, "Trying it"),
)
LINES_KEPT = 200  # of the installer's: pip tells the reason at the end, a failed build in about a hundred lines


class FACEWRIGHT_OT_setup_runtime(JobVerb, bpy.types.Operator):
    bl_idname = "facewright.setup_runtime"
    bl_label = "Set Up Runtime"
    topic = "runtime"
    title = "Set Up Runtime"

    @classmethod
    def description(cls, context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        from ..inference import runtime

        return f"Download PyTorch (about {runtime.DOWNLOAD}) into the data folder, to run the models on this machine"

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        if not bpy.app.online_access:
            return "Allow online access in Preferences > System > Network first: PyTorch has to be downloaded."
        if sitting.current() is not None:
            return "A sitting is open and makes takes with the runtime: end it first."
        return jobs.busy_reason()

    def begin(self, context: bpy.types.Context) -> Work:
        from ..inference import runtime

        chosen = settings(context)
        tasks.close_worker()  # it may run from the folder that is to be replaced
        base = chosen.python or sys.executable

        def install(task: tasks.ThreadTask) -> dict:
            said: deque[str] = deque(maxlen=LINES_KEPT)

            def on_line(line: str) -> None:
                said.append(line)
                for start, fraction, words in PHASES:
                    if line.startswith(start):
                        task.progress, task.stage = max(task.progress, fraction), words

            try:
                return {"python": str(runtime.install(chosen.data_folder, base, on_line, task.cancelled))}
            except UserError:
                task.details = "\n".join(said)
                raise

        def finish(result: dict) -> jobs.Outcome:
            use_own_runtime(bpy.context)
            runtime_status.find("", chosen.data_folder)
            return jobs.Outcome("done", ("The runtime is set up.",))

        return Work(tasks.ThreadTask(install), finish)
