# SPDX-License-Identifier: GPL-3.0-or-later
"""The one running job of this Blender session: polled from one timer, its result handed to bpy.

Rules: everything here runs on Blender's main thread. The timer lives only while there is something to poll. A result is written by
the ``finish`` function that the job was started with, only from ``tick``; whatever happened meanwhile (undo, deleted objects,
another file) is for ``finish`` to find out from ids, never from kept references to Blender's data.
"""
from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass

import bpy

from ..core.errors import Cancelled, UserError
from . import dialogs, tasks

POLL_SECONDS = 0.05  # quick enough for a smooth bar and a prompt cancel; costs nothing measurable
UNEXPECTED = "Something unexpected went wrong"
CANCELLED = "Cancelled. Nothing was changed."
STOP_SECONDS = 3.0  # for a cancelled thread to end what it started: pip is killed within a second, and Blender should not seem to hang


@dataclass(frozen=True)
class Outcome:
    """How the last job of a topic ended. ``kind`` is "done", "failed" or "cancelled"; ``lines`` are sentences for the panel."""

    kind: str
    lines: tuple[str, ...]
    details: str = ""  # what a bug report needs, or what a failed job said; "" where there is no more to tell

    @property
    def expected(self) -> bool:
        """Whether the details are what a failed job said (pip, a crashed worker), and no bug's traceback."""
        return not self.lines or not self.lines[0].startswith(UNEXPECTED)


@dataclass
class Running:
    """The job as the panels see it. ``topic`` says who shows it: "speech" (the sidebar) or "runtime" (the preferences)."""

    topic: str
    title: str
    task: tasks.Task
    finish: Callable[[dict], Outcome]
    clean_up: Callable[[], None]

    @property
    def progress(self) -> float:
        return min(max(self.task.progress, 0.0), 1.0)

    def shown(self) -> tuple[int, str]:
        """What a panel shows of it, as exactly as it can be seen."""
        return round(self.progress * 100), self.text

    @property
    def text(self) -> str:
        """Stage, and the time left where it is known: "Listening, about 3 s left"."""
        stage = self.task.stage or self.title
        return stage if self.task.eta is None else f"{stage}, about {max(self.task.eta, 1.0):.0f} s left"


_running: Running | None = None
_stopping: list[Running] = []  # ended for the user; still polled until the worker has settled, so that its deadlines are kept
_outcomes: dict[str, Outcome] = {}
_drawn: tuple[int, str] | None = None  # what the last redraw showed: one that would change nothing is spared


def running() -> Running | None:
    return _running


def outcome(topic: str) -> Outcome | None:
    """How the last job of this topic ended in this session; None before the first."""
    return _outcomes.get(topic)


def set_outcome(topic: str, result: Outcome) -> None:
    _outcomes[topic] = result
    redraw()


def busy_reason() -> str:
    """Why no job can start now; empty where one can."""
    return f"'{_running.title}' is running. Wait for it or cancel it." if _running else ""


def start(
    topic: str,
    title: str,
    task: tasks.Task,
    finish: Callable[[dict], Outcome],
    clean_up: Callable[[], None] = lambda: None,
) -> Running:
    """Watch ``task``; when it is done ``finish(result)`` writes it into the file, in one undo step named ``title``.

    ``clean_up`` is called once the task has settled, however it ended. Raises UserError where a job is running already.
    """
    global _running
    if _running is not None:
        raise UserError(f"'{_running.title}' is running.", "Wait for it or cancel it.")
    _outcomes.pop(topic, None)
    _running = Running(topic, title, task, finish, clean_up)
    if not bpy.app.timers.is_registered(tick):
        bpy.app.timers.register(tick, first_interval=POLL_SECONDS, persistent=True)
    redraw()
    return _running


def cancel(why: str = "") -> None:
    """Stop the running job: the window is free at once and nothing is written into the file; the work itself ends in the background."""
    if _running is not None:
        _running.task.cancel()
        _end(Outcome("cancelled", (why or getattr(_running.task, "left", "") or CANCELLED,)))


def tick() -> float | None:
    """One look at the jobs; the seconds until the next, None when there is nothing left to watch."""
    for job in (*_stopping, *([_running] if _running else [])):
        try:
            job.task.poll()
        except Exception as error:  # a bug in the client: the bar must not stand still for ever
            _give_up(job, error)
    if _running is not None and _running.task.state not in ("queued", "running"):
        _end(_result(_running))
    for job in [job for job in _stopping if job.task.settled]:
        _stopping.remove(job)
        job.clean_up()
    if _running is not None and _running.shown() != _drawn:
        redraw()
    return POLL_SECONDS if _running is not None or _stopping else None


def _result(job: Running) -> Outcome:
    if job.task.state == "cancelled":
        return Outcome("cancelled", (CANCELLED,))
    try:
        if job.task.error is not None:
            raise job.task.error
        done = job.finish(job.task.result)
    except UserError as error:
        dialogs.show_sentence(error.message, error.hint)
        return outcome_of(error, job.task.details)
    except Exception as error:
        return _unexpected(error)
    if done.kind == "done":
        push_undo(job.title)
    return done


def outcome_of(error: Exception, details: str = "") -> Outcome:
    """The outcome that tells of this error. ``details`` is what a UserError leaves to say: a traceback, a log's end, pip's lines."""
    if isinstance(error, Cancelled):
        return Outcome("cancelled", (CANCELLED,))
    if isinstance(error, UserError):
        return Outcome("failed", tuple(line for line in (error.message, error.hint) if line), dialogs.details(details) if details else "")
    bug = dialogs.details("".join(traceback.format_exception(error)))
    return Outcome("failed", (f"{UNEXPECTED}: {error}",), bug)


def _unexpected(error: Exception) -> Outcome:
    """A bug: shown with all it takes to report it."""
    outcome = outcome_of(error)
    dialogs.show_details(outcome.details)
    return outcome


def _give_up(job: Running, error: Exception) -> None:
    global _running
    if job is _running:
        _outcomes[job.topic] = _unexpected(error)
        _running = None
    else:
        _stopping.remove(job)
    job.clean_up()
    redraw()


def _end(result: Outcome) -> None:
    global _running
    job, _running = _running, None
    _outcomes[job.topic] = result
    _stopping.append(job)
    redraw()


def push_undo(name: str) -> None:
    """One undo step for what a timer wrote; without a window there is no undo."""
    window = dialogs.visible_window()
    if window is not None:
        with bpy.context.temp_override(window=window):
            bpy.ops.ed.undo_push(message=name)


def redraw() -> None:
    """Let every place that shows the job draw again."""
    global _drawn
    _drawn = _running.shown() if _running else None
    places = {"VIEW_3D": "UI", "PREFERENCES": "WINDOW"}
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == places.get(area.type):
                    region.tag_redraw()


@bpy.app.handlers.persistent
def stop_before_load(*_: object) -> None:
    """load_pre: what the job was going to write into is about to go, and the last reports speak of another file."""
    for topic in _outcomes.keys() - {"runtime"}:  # the runtime is no part of a file
        del _outcomes[topic]
    if _running is not None:
        cancel("Another file was opened, so the job was stopped. Nothing was changed.")


def shut_down() -> None:
    """Unregister's part: no timer, no worker and nothing that a thread started is left. Waits up to STOP_SECONDS for a thread."""
    cancel()
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    tasks.close_worker()
    for job in _stopping:
        job.task.join(STOP_SECONDS)  # the interpreter's end would take a daemon thread along, but not its child processes
        job.clean_up()
    _stopping.clear()
    _outcomes.clear()
