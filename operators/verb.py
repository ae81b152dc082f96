# SPDX-License-Identifier: GPL-3.0-or-later
"""What operators share: why one cannot run now, how trouble is told, and how a long one runs."""
from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ..core.errors import Cancelled, UserError
from ..scene import dialogs, jobs, tasks


class Verb:
    """Mixed into every operator. ``disabled_reason`` feeds ``poll`` and its message, and is tested by itself."""

    @classmethod
    def disabled_reason(cls, context: bpy.types.Context) -> str:
        """Empty where the operator can run, else a sentence that says what to do."""
        raise NotImplementedError

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        reason = cls.disabled_reason(context)
        if reason:
            cls.poll_message_set(reason.rstrip("."))  # Blender adds the full stop
        return not reason

    def guarded(self, work: Callable[[], set[str]]) -> set[str]:
        """Run ``work``: expected trouble is reported in its sentence, anything else opens the dialog with details to copy."""
        try:
            return work()
        except UserError as error:
            self.report({"ERROR"}, str(error))
        except Cancelled:
            self.report({"INFO"}, "Cancelled, nothing was changed")
        except Exception as error:
            self.report({"ERROR"}, f"Something unexpected went wrong: {error}")
            dialogs.show_details(dialogs.details(traceback.format_exc()))
        return {"CANCELLED"}


@dataclass(frozen=True)
class Work:
    """A job that has begun, and what to do with its result."""

    task: tasks.Task
    finish: Callable[[dict], jobs.Outcome]
    clean_up: Callable[[], None] = lambda: None


class JobVerb(Verb):
    """An operator whose work goes on outside Blender's main thread.

    From the window it starts the job and leaves the window free; the panel shows the job, Esc or the Cancel button stops it. Scripts
    and ``blender -b`` call ``execute``, which waits for the end.
    """

    topic: str  # which panel shows the job
    title: str  # of the job and of its undo step

    def begin(self, context: bpy.types.Context) -> Work:
        """Check everything that can be checked now, and start the work. Raises UserError."""
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        return self.guarded(lambda: self._run(context))

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:
            return self.execute(context)
        return self.guarded(lambda: self._start(context))

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if jobs.running() is not self._job:  # it ended; the timer has written the result and the undo step
            return {"CANCELLED"}
        if event.type == "ESC" and event.value == "PRESS":
            jobs.cancel()
            return {"CANCELLED"}
        return {"PASS_THROUGH"}

    def _start(self, context: bpy.types.Context) -> set[str]:
        work = self._begun(context)
        self._job = jobs.start(self.topic, self.title, work.task, work.finish, work.clean_up)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def _begun(self, context: bpy.types.Context) -> Work:
        try:
            return self.begin(context)
        except Exception as error:
            jobs.set_outcome(self.topic, jobs.outcome_of(error))  # the report goes away, the panel keeps what to do
            raise

    def _run(self, context: bpy.types.Context) -> set[str]:
        work = self._begun(context)
        try:
            outcome = work.finish(work.task.wait())
        except Exception as error:
            jobs.set_outcome(self.topic, jobs.outcome_of(error, work.task.details))
            raise
        finally:
            work.clean_up()
        jobs.set_outcome(self.topic, outcome)
        self.report({"INFO"}, " ".join(outcome.lines))
        return {"FINISHED"}
