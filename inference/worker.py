# SPDX-License-Identifier: GPL-3.0-or-later
"""The worker process: ``python entry.py inference.worker``. Reads jobs from stdin, answers on stdout, one job at a time.

Three threads: the main one runs the job, one reads the client's messages, one sends a beat every half second while a job runs. The process
ends when its stdin closes or its parent is gone, even in the middle of a job.

Threads for the maths: ``FACEWRIGHT_THREADS``; without it half the cores, at most 4 (the networks are small and gain nothing above;
the other half keeps Blender's viewport smooth). The priority stays normal: with half the cores there is no need to yield, and a worker of
low priority would wait behind any background render.
"""
from __future__ import annotations

import argparse
import gc
import importlib.metadata
import importlib.util
import os
import platform
import queue
import runpy
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

from ..core.errors import Cancelled, UserError
from ..core.paths import ROOT
from . import handlers, protocol

BEAT_INTERVAL: Final = 0.5  # s: many beats fit into the client's silence deadline
PROGRESS_INTERVAL: Final = 0.05  # s: a progress bar needs no more than 20 updates a second
ORPHAN_GRACE: Final = 2.0  # s for a job to remove its temporary files after the client is gone
MOST_THREADS: Final = 4


class Channel:
    """The client's pipes, taken away from file descriptors 0 and 1 so that no library (C code too) can read or write in between."""

    def __init__(self) -> None:
        self._in: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._out: BinaryIO = os.fdopen(os.dup(1), "wb")
        self._lock = threading.Lock()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        # Python's own sys.stdout still writes to descriptor 1, which now is the log.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")

    def send(self, message: protocol.Message) -> None:
        """Raises ProtocolError for a message that makes no line. Ends the process when the client is gone."""
        line = protocol.encode(message)
        try:
            with self._lock:
                self._out.write(line)
                self._out.flush()
        except OSError:
            os._exit(0)

    def lines(self):
        """The client's lines until it closes the pipe."""
        try:
            while line := self._in.readline(protocol.LINE_LIMIT + 1):
                yield line
        except OSError:
            return


class Worker:
    """Runs jobs from a channel until the client says goodbye."""

    def __init__(self, channel: Channel, table: Mapping[str, str | handlers.Handler]):
        self._channel = channel
        self._table = table
        self._jobs: queue.SimpleQueue[protocol.Job | None] = queue.SimpleQueue()
        self._current: int | None = None
        self._cancelled: set[int] = set()  # ids; also of jobs that wait in the pipe
        self._orphaned = threading.Event()

    def run(self) -> None:
        parent = os.getppid()
        threading.Thread(target=self._read, name="reader", daemon=True).start()
        threading.Thread(target=self._beat, args=(parent,), name="beat", daemon=True).start()
        self._channel.send(_hello())
        while (job := self._jobs.get()) is not None:
            self._current = job.id
            answer = self._answer(job)
            self._current = None
            try:
                self._channel.send(answer)
            except protocol.ProtocolError as error:
                message = f"The job '{job.verb}' gave a result that cannot be sent."
                self._channel.send(protocol.Failed(job.id, "bug", message, "", str(error)))

    def _read(self) -> None:
        for line in self._channel.lines():
            try:
                message = protocol.decode(line)
            except protocol.ProtocolError as error:
                print(f"worker: a line from the client was skipped: {error}", file=sys.stderr, flush=True)
                continue
            if isinstance(message, protocol.Job):
                self._jobs.put(message)
            elif isinstance(message, protocol.Cancel):
                self._cancelled.add(message.id)
            elif isinstance(message, protocol.Bye):
                break
        self._end_soon()

    def _end_soon(self) -> None:
        """The client is gone: let the job stop at its next report, but do not wait for ever."""
        self._orphaned.set()
        self._jobs.put(None)
        deadline = time.monotonic() + ORPHAN_GRACE
        while self._current is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        os._exit(0)

    def _beat(self, parent: int) -> None:
        while True:
            time.sleep(BEAT_INTERVAL)
            # A process forked from Blender may hold our stdin open after Blender itself was killed.
            if os.name == "posix" and os.getppid() != parent:
                self._end_soon()
            job = self._current
            if job is not None:
                self._channel.send(protocol.Beat(job))

    def _reporter(self, job: protocol.Job) -> handlers.Report:
        sent_at, sent_stage = 0.0, None

        def report(fraction: float, stage: str = "") -> None:
            nonlocal sent_at, sent_stage
            if job.id in self._cancelled or self._orphaned.is_set():
                raise Cancelled
            now = time.monotonic()
            if stage != sent_stage or now - sent_at >= PROGRESS_INTERVAL:
                sent_at, sent_stage = now, stage
                self._channel.send(protocol.Progress(job.id, min(max(float(fraction), 0.0), 1.0), stage))

        return report

    def _answer(self, job: protocol.Job) -> protocol.Message:
        report = self._reporter(job)
        try:
            report(0.0, "Starting")
            handler = self._table[job.verb] if callable(self._table.get(job.verb)) else handlers.find(job.verb, self._table)
            return protocol.Result(job.id, handler(job.params, report))
        except Cancelled:
            return protocol.Failed(job.id, "cancelled")
        except UserError as error:
            return protocol.Failed(job.id, "user", error.message, error.hint)
        except BaseException as error:
            failed = _in_words(job, error)
            print(f"worker: job {job.id} ({job.verb}) failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
        finally:
            self._cancelled.discard(job.id)
        _free_memory()
        return failed


def _in_words(job: protocol.Job, error: BaseException) -> protocol.Failed:
    if _is_out_of_memory(error):
        return protocol.Failed(
            job.id, "user", f"There was not enough memory for the job '{job.verb}' ({error or type(error).__name__}).",
            "Close other programs, choose the CPU as device, or work on a shorter file.",
        )  # fmt: skip
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith(__package__.partition(".")[0]):
        return protocol.Failed(
            job.id, "user", f"The Python that runs the models, {sys.executable}, lacks the package '{error.name.partition('.')[0]}'.",
            "Set up the runtime in the add-on's preferences, or install requirements/worker.txt into that Python.",
        )  # fmt: skip
    message = f"The job '{job.verb}' failed: {type(error).__name__}: {error}"[:2000]
    return protocol.Failed(job.id, "bug", message, "", traceback.format_exc()[-20000:])


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")  # not imported here: a job that never loaded torch cannot raise its errors
    if torch is None or not isinstance(error, RuntimeError):
        return False
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error) or "MPS backend out of memory" in str(error)


def _free_memory() -> None:
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def _hello() -> protocol.Hello:
    try:
        torch = importlib.metadata.version("torch") if importlib.util.find_spec("torch") else None
    except importlib.metadata.PackageNotFoundError:
        torch = ""  # importable, but not installed by pip
    return protocol.Hello(protocol.PROTOCOL, package_version(), platform.python_version(), torch, ["cpu"], os.getpid())


def package_version() -> str:
    """Facewright's version, which only blender_manifest.toml knows."""
    import tomllib

    try:
        return str(tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return ""


def _limit_threads() -> None:
    """Tells OpenMP, MKL and torch before any of them is loaded."""
    default = min(MOST_THREADS, max(1, (os.cpu_count() or 2) // 2))
    wanted = os.environ.get("FACEWRIGHT_THREADS", "")
    count = int(wanted) if wanted.isdigit() and int(wanted) > 0 else default
    os.environ["FACEWRIGHT_THREADS"] = str(count)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(count)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="inference.worker", description="Runs Facewright's models. Started by the add-on, not by hand.")
    parser.add_argument("--handlers", help="a Python file whose HANDLERS (verb -> function) are added; for the tests of this package")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the shell is the client's to handle
    _limit_threads()
    channel = Channel()
    table: dict[str, str | Callable[..., Any]] = dict(handlers.HANDLERS)
    if options.handlers:
        table.update(runpy.run_path(options.handlers)["HANDLERS"])
    Worker(channel, table).run()
    sys.stderr.flush()
    os._exit(0)  # torch's threads may hang or crash an orderly end


if __name__ == "__main__":
    main(sys.argv[1:])
