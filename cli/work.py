# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a worker job from a shell: starts the worker, shows progress on stderr, stops it on Ctrl-C."""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..core.curves import Curves
from ..core.paths import default_data_folder
from ..core.script_file import read_script
from ..inference import curves_file
from ..inference.client import Job, WorkerClient
from ..inference.runtime import find_python
from ..inference.speech import track_file

MODEL_FPS = 60.0  # what Live Link Face records; a bake resamples to the scene's own rate


@dataclass(frozen=True)
class Seat:
    """Where the verbs run: what the add-on's preferences say inside Blender, the defaults in a shell.

    python: the worker's Python, "" to look for one. device: for verbs that are given none.
    """

    python: str = ""
    data_folder: Path = field(default_factory=default_data_folder)
    device: str = "auto"

    def runtime(self) -> Path:
        """The Python that runs the models. Raises UserError where there is none."""
        return find_python(self.python, self.data_folder, sys.executable).python


@contextmanager
def worker(seat: Seat) -> Iterator[WorkerClient]:
    """A worker that ends with the block."""
    client = WorkerClient(seat.runtime(), seat.data_folder / "logs")
    try:
        yield client
    finally:
        client.close()


def asked(options: Namespace, fps: float) -> dict:
    """What the command line asks the verb ``speech`` for."""
    return {
        "audio": str(options.audio.absolute()),
        "text": read_script(options.text) if options.text else None,
        "fps": fps,
        "seed": options.seed,
        "variation": options.variation,
        "controls": {"jaw": options.jaw, "lips": options.lips, "articulation": options.articulation},
        "emotion": dict(options.emotion),
        "response": {"rate": options.rate_response, "energy": options.energy_response},
        "style": dict(options.style),
        "asymmetry": options.asymmetry,
        "person": options.person,
        "track": track_file.load(options.track, lambda sentence: warn([sentence])).to_dict() if options.track else None,
        "cache": str(options.seat.data_folder / "takes") if "seat" in options else None,
        "life": options.life,
        **taste(options),
        "device": options.device,
    }


def taste(options: Namespace) -> dict:
    """The adapter that the command line names, as the worker's verbs take it."""
    adapter = getattr(options, "adapter", None)
    return {"adapter": str(adapter.absolute()) if adapter else None, "adapter_strength": getattr(options, "adapter_strength", 1.0)}


def speech(client: WorkerClient, params: dict) -> tuple[Curves, dict]:
    """Curves for what was ``asked``, and the worker's report (duration, device, seconds, words, phones, warnings)."""
    with tempfile.TemporaryDirectory(prefix="facewright-") as folder:
        report = wait(client, "speech", {**params, "out": str(Path(folder) / "curves.npz")})
        return curves_file.load(report["curves"]), report


def wait(client: WorkerClient, verb: str, params: dict) -> dict:
    """A job's report, with progress and warnings on stderr on the way. Raises UserError, or what Ctrl-C raises."""
    progress = Progress()
    job = client.submit(verb, params)
    try:
        report = client.wait(job, on_progress=progress.show)
    finally:
        progress.end()
    warn(report.get("warnings", ()))
    return report


def warn(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        print(f"facewright: {sentence}", file=sys.stderr)


class Progress:
    """One line on stderr that is rewritten in place; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self.drawn = False
        self.last = 0.0

    def show(self, job: Job) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self.last < 0.1:
            return
        self.last, self.drawn = time.monotonic(), True
        done = round(30 * job.progress)
        left = f", about {job.eta:.0f} s left" if job.eta is not None else ""
        sys.stderr.write(f"\r\x1b[K[{'#' * done}{'.' * (30 - done)}] {job.stage}{left}")
        sys.stderr.flush()

    def end(self) -> None:
        if self.drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
