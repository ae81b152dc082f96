# SPDX-License-Identifier: GPL-3.0-or-later
"""Owns the worker for Blender, the shell and the tests: queue of jobs, progress, cancel, deadlines, restarts.

All methods belong to one thread (in Blender the main one). ``submit``, ``poll`` and ``cancel`` return in a few milliseconds whatever the
worker does; only ``wait`` and ``close`` wait. Blender's timer calls ``poll`` while ``busy``; nothing here touches bpy, numpy or torch.
"""
from __future__ import annotations

import atexit
import contextlib
import queue
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from ..core.errors import Cancelled, UserError
from ..core.paths import ROOT
from . import exit_status, protocol
from .breaker import Breaker
from .child import Child, Deadlines, Ended, clean_environment
from .estimate import Estimate
from .worker_log import WorkerLog

__all__ = ["Deadlines", "Job", "WorkerClient"]

UNWATCHED: Final = 2.0  # s without a poll: Blender was busy or the computer slept, so the worker's silence in that time proves nothing
State = Literal["queued", "running", "done", "failed", "cancelled"]


class Job:
    """One thing the worker was asked to do. Read it; only the client changes it.

    ``progress`` is 0..1, ``stage`` a few words, ``eta`` seconds or None while unknown. ``result`` is there when ``state`` is "done",
    ``error`` (a UserError) when it is "failed"; ``details`` then holds a traceback or the log's last lines for a bug or a crash, "" for
    ordinary trouble.
    """

    def __init__(self, number: int, verb: str, line: bytes, folder: Path | None, stall: float | None):
        self.id, self.verb, self.folder = number, verb, folder
        self.state: State = "queued"
        self.progress = 0.0
        self.stage = "Waiting for the worker"
        self.eta: float | None = None
        self.result: dict[str, Any] | None = None
        self.error: UserError | None = None
        self.details = ""
        self._line, self._stall = line, stall
        self._estimate: Estimate | None = None
        self._moved = 0.0  # time of the last progress

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


class WorkerClient:
    """A worker that is started when a job needs it, kept warm, and started anew after trouble.

    python:     the interpreter that runs it (runtime.find_python)
    log_folder: where worker.log is kept (rotated)
    env:        environment variables on top of this process's
    arguments:  more words for the worker's command line; for tests
    """

    def __init__(
        self,
        python: Path | str,
        log_folder: Path | str,
        deadlines: Deadlines = Deadlines(),  # noqa: B008 frozen
        env: Mapping[str, str] | None = None,
        *,
        arguments: Sequence[str] = (),
        breaker: Breaker | None = None,
    ):
        self.log = WorkerLog(log_folder)
        self.hello: protocol.Hello | None = None  # of the running worker, else None
        self._command = [str(python), "-X", "utf8", "-X", "faulthandler", str(ROOT / "entry.py"), "inference.worker", *arguments]
        self._env = clean_environment(env)
        self._deadlines = deadlines
        self._breaker = breaker or Breaker()
        self._wake = threading.Event()
        self._queue: deque[Job] = deque()
        self._current: Job | None = None  # the one the worker has, also while a cancelled one is being cleaned up
        self._child: Child | None = None
        self._retired: list[Child] = []
        self._polled = time.monotonic()
        self._watched = self._polled  # deadlines count from here at the earliest
        self._count = 0
        self._closed = False
        atexit.register(self.close)

    @property
    def busy(self) -> bool:
        """Whether ``poll`` has something to do: a job that waits, runs, or is being cleaned up."""
        return bool(self._queue) or self._current is not None

    @property
    def stopped(self) -> bool:
        """Whether the worker crashed so often that only ``reset`` lets it start again."""
        return self._breaker.is_open

    def submit(self, verb: str, params: Mapping[str, Any], *, folder: Path | None = None, stall: float | None = None) -> Job:
        """Queue a job. Params are JSON; paths are fine and should be absolute.

        folder: a folder of this job alone, removed with all it holds if the job does not end well; afterwards it is the caller's.
        stall:  seconds without progress after which the job fails even though the worker lives; None: no such limit.
        Raises UserError where the params are too large to send, ProtocolError where they are not JSON.
        """
        if self._closed:
            raise RuntimeError("the worker client is closed")
        self._count += 1
        try:
            line = protocol.encode(protocol.Job(self._count, verb, dict(params)))
        except protocol.TooLarge as error:
            raise UserError(f"The job '{verb}' is too large for the worker: {error}.", "Shorten the text that goes with it.") from error
        job = Job(self._count, verb, line, folder, stall)
        self._queue.append(job)
        self.poll()
        return job

    def poll(self) -> None:
        """Bring all jobs up to date: take what the worker said, enforce deadlines, start what is next."""
        now = time.monotonic()
        if now - self._polled > UNWATCHED:
            self._watched = now
        self._polled = now
        self._retired = [child for child in self._retired if not child.gone.is_set()]
        self._take_events()
        self._update_progress(now)
        self._enforce_deadlines(now)
        self._start_next(now)

    def wait(self, job: Job, on_progress: Callable[[Job], object] | None = None, timeout: float | None = None) -> dict[str, Any]:
        """Block until the job has ended and return its result; ``on_progress(job)`` is called when its progress or stage changes.

        Raises UserError where it failed or took longer than ``timeout`` seconds, Cancelled where it was cancelled. Whatever is raised in
        between (Ctrl-C, a Cancelled of ``on_progress``) cancels the job.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        shown = None
        try:
            while True:
                self._wake.clear()
                self.poll()
                if on_progress and (job.progress, job.stage) != shown and job.state in ("running", "done"):
                    shown = (job.progress, job.stage)
                    on_progress(job)
                if job.ended:
                    break
                if deadline is not None and time.monotonic() > deadline:
                    raise UserError(f"The job '{job.verb}' took longer than {timeout:g} s and was stopped.", self.log.where())
                self._wake.wait(0.05)
        except BaseException:
            self.cancel(job)
            raise
        if job.state == "cancelled":
            raise Cancelled
        if job.error is not None:
            raise job.error
        return job.result

    def cancel(self, job: Job) -> None:
        """The job is cancelled at once for the user; the worker is stopped behind the scenes. Does nothing once it has ended."""
        if job.ended:
            return
        running = job is self._current
        self._end(job, "cancelled")
        if running:
            self._child.cancel(job.id)
        else:
            self._queue.remove(job)
            self._remove_folder(job)

    def reset(self) -> None:
        """Let the worker start again after too many crashes."""
        self._breaker.reset()

    def close(self) -> None:
        """Cancel everything and end the worker; returns when it is gone (3.5 s at the very worst). The client cannot be used afterwards."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        current = self._current
        for job in [*self._queue, *([current] if current else [])]:
            if not job.ended:
                self._end(job, "cancelled")
        children = [*self._retired, *([self._child] if self._child else [])]
        for child in children:
            child.finish()
        for job in [*self._queue, *([current] if current else [])]:
            self._remove_folder(job)
        self._queue.clear()
        self._current = self._child = self.hello = None

    # Events.

    def _take_events(self) -> None:
        while self._child is not None:
            try:
                event = self._child.events.get_nowait()
            except queue.Empty:
                return
            if isinstance(event, Ended):
                self._take_end(event)
            elif isinstance(event, protocol.Hello):
                self._take_hello(event)
            else:
                self._take_answer(event)

    def _take_hello(self, hello: protocol.Hello) -> None:
        if hello.protocol == protocol.PROTOCOL:
            self.hello = hello
            return
        self._replace_worker(
            f"The worker speaks version {hello.protocol} of the protocol, this add-on version {protocol.PROTOCOL}.",
            "Two versions of Facewright are mixed: restart Blender; if that does not help, install the add-on again.",
            crash=False,
        )

    def _take_answer(self, answer: protocol.Result | protocol.Failed) -> None:
        job = self._current
        if job is None or answer.id != job.id:
            self.log.note(f"an answer to job {answer.id}, which is not running, was skipped")
            return
        self._current = None
        self._breaker.succeeded()
        if job.ended:  # cancelled meanwhile
            self._remove_folder(job)
        elif isinstance(answer, protocol.Result):
            job.result = answer.values
            job.progress, job.eta = 1.0, 0.0
            self._end(job, "done")
        elif answer.kind == "cancelled":
            self._end(job, "cancelled")
            self._remove_folder(job)
        else:
            self._fail(job, UserError(answer.message, answer.hint), answer.traceback)

    def _take_end(self, ended: Ended) -> None:
        job, hello = self._current, self.hello
        self._child = self._current = self.hello = None
        if job is not None and job.ended:  # cancelled: its end was wanted
            self._remove_folder(job)
            return
        if job is None and hello is not None:
            self.log.note("the idle worker ended; the next job starts a new one")
            return
        job = job or (self._queue.popleft() if self._queue else None)
        self._breaker.crashed()
        if job is None:
            return
        if ended.status is None and hello is None:
            message = f"The worker could not be started: {ended.reason}."
            hint = f"Check the runtime's Python in the preferences, {self._command[0]}."
        elif ended.status is None:
            message, hint = f"The worker was stopped: {ended.reason}.", "Try again."
        else:
            happened, hint = exit_status.in_words(ended.status)
            message = f"The worker {happened}."
        self._fail(job, UserError(message, f"{hint} {self.log.where()}".strip()), self.log.tail())

    # Deadlines.

    def _update_progress(self, now: float) -> None:
        job, child = self._current, self._child
        if job is None or job.ended:
            return
        progress = child.progress
        if progress is not None and progress.id == job.id:
            if (progress.fraction, progress.stage) != (job.progress, job.stage):
                job._moved = now
            job.progress = max(job.progress, progress.fraction)  # a bar that goes back looks broken
            job.stage = progress.stage
            job._estimate.update(now, job.progress)
        job.eta = job._estimate.remaining(now)

    def _enforce_deadlines(self, now: float) -> None:
        child, job = self._child, self._current
        if child is None:
            return
        silent = now - max(child.heard, self._watched)
        if self.hello is None:
            if silent > self._deadlines.hello:
                self._replace_worker(
                    f"The worker did not start within {self._deadlines.hello:g} s.",
                    f"Try again; if it stays so, check the runtime's Python in the preferences, {self._command[0]}.",
                )
        elif job is not None and not job.ended:
            if silent > self._deadlines.silence:
                self._replace_worker(f"The worker hung: nothing was heard of it for {self._deadlines.silence:g} s.", "Try again.")
            elif job._stall is not None and now - max(job._moved, self._watched) > job._stall:
                self._replace_worker(f"The job '{job.verb}' made no progress for {job._stall:g} s.", "Try again.")

    def _replace_worker(self, message: str, hint: str, crash: bool = True) -> None:
        """Give the worker up and fail the job it has, or the one it was started for."""
        self.log.note(message)
        self._child.end()
        self._retired.append(self._child)
        job = self._current or (self._queue.popleft() if self._queue else None)
        self._child = self._current = self.hello = None
        if crash:
            self._breaker.crashed()
        if job is not None:
            self._fail(job, UserError(message, f"{hint} {self.log.where()}"), self.log.tail())

    # Jobs.

    def _start_next(self, now: float) -> None:
        if self._closed or self._current is not None or not self._queue:
            return
        if self._child is None:
            if self._breaker.is_open:
                while self._queue:
                    self._fail(self._queue.popleft(), self._too_many_crashes(), self.log.tail())
                return
            self._child = Child(self._command, self._env, self.log, self._wake, self._deadlines)
            self._watched = now
        if self.hello is None:
            self._queue[0].stage = "Starting the worker"
            return
        job = self._current = self._queue.popleft()
        job.state, job.stage = "running", "Starting"
        job._estimate, job._moved = Estimate(now), now
        self._child.heard = now  # an idle worker does not beat
        self._child.send_job(job._line)

    def _too_many_crashes(self) -> UserError:
        return UserError(
            "The worker crashed several times in a short time, so it is not started again.",
            f"{self.log.where()} Try another Python in the preferences, or restart the worker there.",
        )

    def _fail(self, job: Job, error: UserError, details: str) -> None:
        job.error, job.details = error, details
        self._end(job, "failed")
        self._remove_folder(job)

    def _end(self, job: Job, state: State) -> None:
        job.state = state
        if state != "done":
            job.eta = None

    def _remove_folder(self, job: Job) -> None:
        if job.folder is None:
            return
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(job.folder)
        except OSError as error:  # Windows: a virus scanner may still look at a file
            self.log.note(f"{job.folder} could not be removed: {error}")
