# SPDX-License-Identifier: GPL-3.0-or-later
"""One worker process and the threads that serve its pipes, so that nobody else ever waits for it.

Three daemon threads a process: one starts it and reads its messages, one writes to it, one drains its stderr into the log. No pipe can
fill up and stop either side, and the caller only looks at plain attributes and a queue.
"""
from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import protocol
from .worker_log import WorkerLog

GARBAGE_LINES: Final = 1000  # a chatty start of some Python is skipped; a flood means that this is no worker
GARBAGE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Deadlines:
    """Seconds; each with the reason for its default."""

    hello: float = 60.0  # a first start under a virus scanner or from a network drive takes tens of seconds
    silence: float = 60.0  # loading torch from a slow disk holds Python's lock, and with it the beats, for many seconds
    cancel: float = 3.0  # a job reports several times a second; loading a model may not: worth a wait, a warm worker saves seconds
    bye: float = 0.5  # an idle worker ends in milliseconds
    terminate: float = 1.0
    kill: float = 2.0  # the system has to give back the memory


@dataclass(frozen=True)
class Ended:
    """The process is gone. ``status`` is None where it never started or wrote no messages; ``reason`` then says why."""

    status: int | None
    reason: str = ""


LEAKS: Final = (  # set for Blender's Python or another one, wrong for the worker's
    "PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONEXECUTABLE", "PYTHONPLATLIBDIR", "PYTHONSAFEPATH",
    "PYTHONIOENCODING", "PYTHONWARNINGS", "__PYVENV_LAUNCHER__",
)  # fmt: skip


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for another Python. What concerns only the user (PYTHONNOUSERSITE, proxies, GPU choice) stays."""
    return {**{name: value for name, value in os.environ.items() if name not in LEAKS}, **(extra or {})}


def detached() -> dict[str, Any]:
    """Popen's options: a group of its own, so that Ctrl-C in a shell is ours alone and the group ends as a whole; no console window."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def stop(process: subprocess.Popen, force: bool) -> None:
    """Terminate (or kill) a process made with ``detached`` and whatever it started. Does nothing if it is gone."""
    try:
        if sys.platform == "win32":
            process.terminate()  # the only way there
        else:
            import signal

            os.killpg(process.pid, signal.SIGKILL if force else signal.SIGTERM)
    except (ProcessLookupError, PermissionError):  # gone already (macOS says "not permitted" of a process that is not yet reaped)
        pass


class Child:
    """A running (or starting) worker.

    ``events`` holds Hello, Result, Failed and at last Ended, in order; ``progress`` is the newest Progress; ``heard`` the time of the last
    message. ``wake`` is set whenever one of them changes.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: WorkerLog, wake: threading.Event, deadlines: Deadlines):
        self.events: queue.SimpleQueue[protocol.Message | Ended] = queue.SimpleQueue()
        self.progress: protocol.Progress | None = None
        self.heard = self.started = time.monotonic()
        self.gone = threading.Event()
        self._command, self._env, self._log, self._wake, self._deadlines = list(command), dict(env), log, wake, deadlines
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards the moment of starting against the wish to end
        self._process: subprocess.Popen | None = None
        self._ending = False
        self._answered = threading.Event()  # one for each job, so that a late watcher never looks at the next one's
        threading.Thread(target=self._serve, name="facewright worker", daemon=True).start()

    # What the client asks for; none of these waits, except `finish`.

    def send_job(self, line: bytes) -> None:
        self._answered = threading.Event()
        self.progress = None
        self._outbox.put(line)

    def cancel(self, job: int) -> None:
        """Ask for the job to stop; a worker that does not answer in time is ended. Watched by a thread, so nobody need come back."""
        self._outbox.put(protocol.encode(protocol.Cancel(job)))
        threading.Thread(target=self._insist, args=(self._answered,), name="facewright cancel", daemon=True).start()

    def end(self) -> None:
        """Terminate, then kill, behind the caller's back."""
        threading.Thread(target=self.finish, kwargs={"politely": False}, name="facewright end", daemon=True).start()

    def finish(self, politely: bool = True) -> None:
        """Bye, then terminate, then kill, each with its deadline; returns when the process is gone or beyond reach."""
        with self._lock:
            self._ending = True
            process = self._process
        if process is None:
            return  # the starting thread sees the flag
        if politely:
            self._outbox.put(protocol.encode(protocol.Bye()))
            self._outbox.put(None)
            if self.gone.wait(self._deadlines.bye):
                return
        stop(process, force=False)
        if not self.gone.wait(self._deadlines.terminate):
            self._log.note(f"worker {process.pid} did not end when asked; it is killed")
            stop(process, force=True)
            if not self.gone.wait(self._deadlines.kill):
                self._log.note(f"worker {process.pid} could not be killed")

    # The threads.

    def _insist(self, answered: threading.Event) -> None:
        if not answered.wait(self._deadlines.cancel):
            self._log.note("the worker did not stop its job in time; it is ended")
            self.finish(politely=False)

    def _serve(self) -> None:
        try:
            with self._lock:
                if self._ending:
                    return self._finished(Ended(None, "it was stopped before it started"))
                process = self._process = subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._env, **detached()
                )
        except (OSError, ValueError) as error:
            return self._finished(Ended(None, getattr(error, "strerror", None) or str(error)))
        self._log.note(f"worker {process.pid} started: {' '.join(self._command)}")
        drain = threading.Thread(target=self._drain, args=(process,), name="facewright worker's log", daemon=True)
        drain.start()
        threading.Thread(target=self._write, args=(process,), name="facewright worker's jobs", daemon=True).start()
        trouble = self._read(process)
        if trouble:
            stop(process, force=True)
        status = process.wait()
        process.stdout.close()
        drain.join(1.0)  # the last words of a crash; a program that the worker left behind may hold the pipe open
        self._log.note(f"worker {process.pid} ended with status {status}")
        self._finished(Ended(None if trouble else status, trouble))

    def _finished(self, ended: Ended) -> None:
        self._outbox.put(None)
        self.gone.set()
        self._answered.set()
        self.events.put(ended)
        self._wake.set()

    def _read(self, process: subprocess.Popen) -> str:
        """Passes messages on until the pipe closes. Returns "" then, or what is wrong with a process that is no worker."""
        lines = size = 0
        while line := process.stdout.readline(protocol.LINE_LIMIT + 1):
            try:
                message = protocol.decode(line)
            except protocol.ProtocolError as error:
                lines, size = lines + 1, size + len(line)
                self._log.note(f"skipped on stdout: {line[:500]!r} ({error!s:.200})")
                if lines > GARBAGE_LINES or size > GARBAGE_BYTES:
                    return f"it wrote {size} bytes that are no messages"
                continue
            self.heard = time.monotonic()
            if isinstance(message, protocol.Progress):
                self.progress = message
            elif isinstance(message, protocol.Hello | protocol.Result | protocol.Failed):
                self.events.put(message)
                if not isinstance(message, protocol.Hello):
                    self._answered.set()
            else:
                continue
            self._wake.set()
        return ""

    def _write(self, process: subprocess.Popen) -> None:
        try:
            while (line := self._outbox.get()) is not None:
                process.stdin.write(line)
                process.stdin.flush()
        except OSError:
            pass  # the process is gone; its end is told by the reading thread
        finally:
            with contextlib.suppress(OSError):  # what was not sent before the process ended cannot be sent now
                process.stdin.close()

    def _drain(self, process: subprocess.Popen) -> None:
        with process.stderr as pipe:
            while data := pipe.read1(65536):
                self._log.write(data)
