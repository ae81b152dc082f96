# SPDX-License-Identifier: GPL-3.0-or-later
"""``facewright bench``: what the product costs on this machine, and how accurate it is on held-out recordings."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.paths import ROOT
from ..inference import curves_file
from . import blender, work
from .demo import SAMPLE, SCRIPT
from .result import Result


@dataclass(frozen=True)
class Row:
    """One measured figure. ``bar`` is what it must reach, "" where it is told only."""

    figure: str
    value: float
    unit: str
    bar: str = ""

    def __str__(self) -> str:
        return f"{self.figure:<58} {self.value:>10.3f} {self.unit:<10} {self.bar}"


def run(options: Namespace) -> Result:
    if options.what == "votes":
        rows = list(vote_rows(round(options.votes)))
        return Result("\n".join(map(str, rows)), {row.figure: row.value for row in rows})
    if options.what == "speech":  # the network and the whole product, beside baselines
        return accuracy(options.seat, options.corpora, "training.evaluate", "--pipeline")
    if options.what == "video":
        return accuracy(options.seat, options.corpora, "training.faces.evaluate_video")
    return speed(options.seat, options.minutes)


def accuracy(seat: work.Seat, corpora: Path | None, *module: str) -> Result:
    """What an evaluation module says of held-out recordings. A process of its own: torch is never in this one."""
    if not (ROOT / "training").is_dir():
        raise UserError("Accuracy is measured by the project's training code, which the installed add-on leaves out.", "Use a checkout.")
    with tempfile.TemporaryDirectory(prefix="facewright-bench-") as folder:
        figures = Path(folder) / "figures.json"
        command = [seat.runtime(), ROOT / "entry.py", *module, "--json", figures]
        done = subprocess.run([*command, *(["--corpora", corpora] if corpora else [])], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise UserError("The measurement did not end well; its own words are above.")
        return Result(done.stdout.rstrip(), json.loads(figures.read_text("utf-8")))


def speed(seat: work.Seat, minutes: float) -> Result:
    blender.require()
    rows = [*speech_rows(seat, minutes), *bake_rows(seat)]
    return Result("\n".join(map(str, rows)), {row.figure: row.value for row in rows})


def speech_rows(seat: work.Seat, minutes: float) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="facewright-bench-") as folder:
        ten = tile(SAMPLE, Path(folder) / "ten.wav", 10.0)
        long = tile(SAMPLE, Path(folder) / "long.wav", 60.0 * minutes)
        with blender.quiet():
            scene, objects = fresh_head()
            began = time.perf_counter()
            with work.worker(seat) as client:
                to_keys(client, ten, scene, objects)
                cold = time.perf_counter() - began
                warm = []
                for _ in range(3):
                    began = time.perf_counter()
                    to_keys(client, ten, scene, objects)
                    warm.append(time.perf_counter() - began)
                began = time.perf_counter()
                job = client.submit("speech", params(long))
                while not job.ended and job.progress < 0.2:
                    client.poll()
                    time.sleep(0.002)
                began = time.perf_counter()
                client.cancel(job)
                cancel = time.perf_counter() - began
                for _ in range(2):  # the first one loads the dictionary
                    scripted = client.wait(client.submit("speech", params(ten, SCRIPT.read_text("utf-8"))))
        yield Row("10 s of sound to baked keys, worker starting", cold, "s", "<= 8")
        yield Row("10 s of sound to baked keys, worker warm (best of 3)", min(warm), "s", "<= 1.5")
        yield Row("cancel: until the caller is free", cancel, "s", "<= 0.5")
        yield Row("speech with a transcript, 10 s", scripted["cpu_seconds"] / scripted["duration"], "CPU-s/s", "<= 0.03")

        with work.worker(seat) as client:
            client.wait(client.submit("speech", params(ten)))  # loads the model, which is not part of the cost
            before = resident()
            report = client.wait(client.submit("speech", params(long)))
            curves = curves_file.load(report["curves"])
            growth = resident() - before
        yield Row(f"speech, {minutes:g} min of sound", report["cpu_seconds"] / report["duration"], "CPU-s/s", "<= 0.03")
        yield Row("the worker's largest memory so far", largest_child(), "MB", "< 1500 for 60 min")
        if growth == growth:
            yield Row(f"Blender's growth with all {len(curves.times)} rows of curves", growth, "MB", "< 100 for 60 min")


def resident() -> float:
    """This process's memory in MB; NaN where the system does not tell it as Linux does."""
    try:
        import resource

        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
    except (ImportError, OSError):
        return float("nan")


def largest_child() -> float:
    """The largest memory that an ended child process had, in MB; NaN on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    # ru_maxrss counts kibibytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def bake_rows(seat: work.Seat) -> Iterator[Row]:
    """52 curves x 3600 frames: the sample's own curves, tiled to a minute at 60 frames a second."""
    import bpy

    from ..core import keys
    from ..scene import bake

    with tempfile.TemporaryDirectory(prefix="facewright-bench-") as folder, work.worker(seat) as client:
        curves = speech_curves(client, SAMPLE, Path(folder))
    repeats = -(-3600 // len(curves.times))
    values = np.tile(curves.values, (repeats, 1))[:3600]
    # Channels that speech leaves at zero are drawn as slow waves, so that all 52 cost what a busy face costs.
    still = np.flatnonzero(np.ptp(values, 0) < 1e-3)
    values[:, still] = 0.5 + 0.4 * np.sin(np.arange(3600)[:, None] / (9.0 + still))
    minute = Curves(curves.names, np.arange(3600) / 60, values)
    began = time.perf_counter()
    reduced = keys.reduce_all(minute.times * 60, minute.values.astype(float), keys.DEFAULT_MAX_ERROR)
    yield Row("reducing 52 x 3600 samples to sparse keys", time.perf_counter() - began, "s", "<= 2")
    spoken = [i for i in range(len(minute.names)) if i not in set(still)]
    kept = sum(len(reduced[i]) for i in spoken)
    yield Row("sparse keys: times fewer than samples, speaking channels", 3600 * len(spoken) / kept, "x", ">= 5")
    with blender.quiet():
        scene, objects = fresh_head()
        scene.render.fps = 60
        began = time.perf_counter()
        bake.apply(bake.plan(objects[:1], minute, bake.BakeOptions(keys="DENSE")), scene)
        dense = time.perf_counter() - began
        began = time.perf_counter()
        bake.apply(bake.plan(objects[:1], minute, bake.BakeOptions()), scene)
        sparse = time.perf_counter() - began
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    yield Row("baking 52 x 3600 dense keys", dense, "s", "<= 0.3")
    yield Row("baking the same as sparse keys, reduction included", sparse, "s", "")


def fresh_head() -> tuple:
    import bpy

    from ..scene import demo_head

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene, demo_head.build(bpy.context.scene).objects


def to_keys(client, audio: Path, scene, objects) -> None:
    """Sound to keys on all objects of the head."""
    from ..scene import bake

    curves = speech_curves(client, audio, audio.parent)
    bake.apply(bake.plan(objects, curves, bake.BakeOptions()), scene)


def speech_curves(client, audio: Path, folder: Path) -> Curves:
    report = client.wait(client.submit("speech", params(audio, folder=folder)))
    return curves_file.load(report["curves"])


def params(audio: Path, text: str | None = None, folder: Path | None = None) -> dict:
    """A speech job on one CPU thread."""
    out = (folder or audio.parent) / "curves.npz"
    return {"audio": str(audio), "out": str(out), "text": text, "fps": work.MODEL_FPS, "seed": 0, "life": True, "device": "cpu"}


def tile(source: Path, target: Path, seconds: float) -> Path:
    """The sound repeated to this length, written piece by piece: an hour need not fit in memory."""
    import soundfile

    sound, rate = soundfile.read(source, dtype="int16")
    left = int(seconds * rate)
    with soundfile.SoundFile(target, "w", rate, 1, "PCM_16") as file:
        while left > 0:
            file.write(sound[:left])
            left -= min(left, len(sound))
    return target


_SCHEDULER = Path("/proc/thread-self/schedstat")  # Linux: nanoseconds on a core, nanoseconds ready but without one, turns


def _waited_for_a_core() -> float:
    """Seconds in which this thread could have run and no core was free; 0 where the system does not tell."""
    return int(_SCHEDULER.read_text().split()[1]) / 1e9 if _SCHEDULER.exists() else 0.0


def vote_rows(count: int) -> Iterator[Row]:
    """A store of this many votes by 20 raters on 5000 takes, a tenth of them repeats, in a temporary folder (1.2 GB for a million)."""
    import random

    from ..preference.store import Store
    from ..preference.votes import Record, Take, Vote, new_id, now

    chance = random.Random(0)
    with tempfile.TemporaryDirectory(prefix="facewright-bench-") as folder:
        with Store.open(folder) as store:
            plain = {"kind": "speech", "clip": "c" * 64, "clip_name": "clip.wav", "start": 0.0, "end": 2.0, "variation": 0.4}
            plain |= {"controls": {}, "model": "d" * 64, "adapter": "", "adapter_strength": 0.0, "fps": 60.0, "rig": "", "camera": ""}
            plain |= {"curves": "e" * 64}
            takes = [Take(seed=seed, **plain).id for seed in range(5000)]
            store.add_takes(Take(seed=seed, **plain) for seed in range(5000))

            def votes() -> Iterator[Record]:
                cast: list[Vote] = []
                for number in range(count):
                    before = chance.choice(cast) if len(cast) > 10 and number % 10 == 0 else None
                    shown = tuple(chance.sample(before.takes, 2) if before else chance.sample(takes, 2))
                    vote = Vote(
                        id=new_id(),
                        at=now(),
                        rater=before.rater if before else f"rater {chance.randrange(20)}",
                        sitting="bench",
                        takes=shown,
                        ranks=chance.choice([(0, 1), (1, 0), (0, 0)]),
                        region=chance.choice(["whole", "upper", "lower"]),
                        milliseconds=chance.randrange(500, 9000),
                        repeat_of=before.id if before else "",
                    )
                    if number % 10:
                        cast[number % 1000 : number % 1000 + 1] = [vote]
                    yield Record(vote, store.seat, number + 1)

            began = time.perf_counter()
            store.add_records(votes())
            filling = time.perf_counter() - began
        began = time.perf_counter()
        store = Store.open(folder)
        opening = time.perf_counter() - began
        with store:
            began, cpu, waited = time.perf_counter(), time.process_time(), _waited_for_a_core()
            stats = store.stats()
            counting, cpu, waited = time.perf_counter() - began, time.process_time() - cpu, _waited_for_a_core() - waited
            vote = Vote(id=new_id(), at=now(), rater="rater 1", sitting="", takes=tuple(takes[:2]), ranks=(0, 1))
            began = time.perf_counter()
            store.add_vote(vote)
            voting = time.perf_counter() - began
            began = time.perf_counter()
            read = sum(1 for _ in zip(store.votes(), range(100_000), strict=False))
            reading = time.perf_counter() - began
        if stats.votes != count:
            raise UserError(f"The store counted {stats.votes} of {count} votes.")
        yield Row(f"store of {count} votes: opening", opening, "s", "<= 0.5")
        yield Row("all its statistics", counting, "s", "<= 2")
        yield Row("of it: computing", cpu, "CPU-s", "")
        if _SCHEDULER.exists():
            yield Row("of it: waiting for a core that other programs use", waited, "s", "")
        yield Row("one more vote, safe on disk", voting, "s", "<= 0.1")
        yield Row("adding votes in bulk", count / filling, "1/s", "")
        yield Row("reading votes", read / reading, "1/s", "")
        yield Row("its file", stats.bytes / 2**20, "MB", "")
