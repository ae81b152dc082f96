# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that goes on elsewhere than on Blender's main thread: in the worker process, or in a thread. Touches no bpy."""
from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.errors import Cancelled

if TYPE_CHECKING:
    from ..inference.client import Job, WorkerClient

_client: WorkerClient | None = None  # the session's one worker; it stays warm between jobs
_client_key: tuple[str, str] | None = None


def worker(python: Path | str, log_folder: Path | str) -> WorkerClient:
    """The session's worker for this Python; one that ran under another Python is closed first."""
    global _client, _client_key
    from ..inference.client import WorkerClient  # not at start: subprocess and what it brings would slow down enabling the add-on

    key = (str(python), str(log_folder))
    if _client is None or _client_key != key:
        close_worker()
        _client, _client_key = WorkerClient(python, log_folder), key
    return _client


def close_worker() -> None:
    """End the worker process, if there is one."""
    global _client, _client_key
    if _client is not None:
        _client.close()
    _client = _client_key = None


class Task(Protocol):
    """``state`` is "queued", "running", "done", "failed" or "cancelled"; ``details`` is "" unless ``error`` leaves something to say.

    ``settled`` is False while there is something to poll for, also after a cancel. ``join`` gives a cancelled one that long to settle
    when nobody will poll again.
    """

    state: str
    progress: float
    stage: str
    eta: float | None
    result: dict[str, Any] | None
    error: Exception | None
    details: str
    settled: bool

    def poll(self) -> None: ...
    def cancel(self) -> None: ...
    def wait(self) -> dict[str, Any]: ...
    def join(self, seconds: float) -> None: ...


class WorkerTask:
    """A job of the worker process."""

    def __init__(self, client: WorkerClient, job: Job):
        self._client, self._job = client, job

    state = property(lambda self: self._job.state)
    progress = property(lambda self: self._job.progress)
    stage = property(lambda self: self._job.stage)
    eta = property(lambda self: self._job.eta)
    result = property(lambda self: self._job.result)
    error = property(lambda self: self._job.error)
    details = property(lambda self: self._job.details)
    settled = property(lambda self: self._job.ended and not self._client.busy)

    def poll(self) -> None:
        self._client.poll()

    def cancel(self) -> None:
        self._client.cancel(self._job)

    def wait(self) -> dict[str, Any]:
        return self._client.wait(self._job)

    def join(self, seconds: float) -> None:
        """Nothing to wait for: close_worker has ended the worker."""


INTERRUPT_SECONDS = 3.0  # for a thread to end its children after Ctrl-C


class ThreadTask:
    """``function(task) -> dict`` in a thread. It must not touch bpy; it sets ``progress`` and ``stage`` and heeds ``cancelled()``."""

    def __init__(self, function: Callable[[ThreadTask], dict[str, Any]]):
        self.state, self.progress, self.stage, self.eta, self.details = "running", 0.0, "", None, ""
        self.result: dict[str, Any] | None = None
        self.error: Exception | None = None
        self.left = ""  # what is said after a cancel where something stays
        self._cancelled = threading.Event()
        self._ended = threading.Event()  # a join that Ctrl-C interrupts takes a running thread for a stopped one (Python 3.11)
        threading.Thread(target=self._run, args=(function,), name="facewright job", daemon=True).start()

    @property
    def settled(self) -> bool:
        return self._ended.is_set()

    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def _run(self, function: Callable[[ThreadTask], dict[str, Any]]) -> None:
        try:
            self.result = function(self)
            self.state = "done"
        except Cancelled:
            self.state = "cancelled"
        except Exception as error:  # told to the user by the timer, on the main thread
            self.error = error
            self.state = "failed"
        finally:
            self._ended.set()

    def poll(self) -> None:
        """Nothing to do: the thread writes its state itself."""

    def cancel(self) -> None:
        self._cancelled.set()

    def wait(self) -> dict[str, Any]:
        try:
            self._ended.wait()
        except BaseException:  # Ctrl-C in a script: what the thread started must not outlive it
            self.cancel()
            self._ended.wait(INTERRUPT_SECONDS)
            raise
        if self.error is not None:
            raise self.error
        if self.state == "cancelled":
            raise Cancelled
        return self.result

    def join(self, seconds: float) -> None:
        self._ended.wait(seconds)
