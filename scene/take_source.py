# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a sitting's takes come from: stretch after stretch, the worker makes candidates while earlier ones are judged."""

from __future__ import annotations

import random
import shutil
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.errors import UserError
from ..inference import curves_file
from . import films, ranking, takes
from .tasks import Task

ENOUGH = 8  # questions that wait: more takes are made when there are fewer


@dataclass(frozen=True)
class Brief:
    """What a sitting asks about. params: of the worker's verb ``takes``, but for start, end and out. size: takes in a question."""

    sound: Path
    clip: str
    params: Mapping
    wanted: tuple[takes.Candidate, ...]
    region: str
    size: int
    rig: str
    camera: str
    fps: float
    step: int
    seed: int


@dataclass(frozen=True)
class Shown:
    """A take of a sitting: its record, its curves file, and the film that is to be made of it."""

    take: takes.Take
    curves: Path
    wanted: films.Wanted


@dataclass
class TakeSource:
    """Makes the takes of one stretch at a time. ``submit(params, folder) -> Task`` starts the worker's verb ``takes``."""

    brief: Brief
    cuts: deque[takes.Cut]
    submit: Callable[[dict, Path], Task]
    folder: Path
    made: dict[str, Shown] = field(default_factory=dict)
    groups: list[dict[str, object]] = field(default_factory=list)  # for each stretch: take id -> Curves
    error: UserError | None = None
    _running: tuple[Task, takes.Cut, Path] | None = None

    def start(self) -> Task:
        """Ask for the next stretch's takes. Raises UserError where there is none."""
        if not self.cuts:
            raise UserError("There is no sound left to make takes of.", "Choose a longer sound or another place.")
        cut = self.cuts.popleft()
        out = self.folder / f"stretch{len(self.groups):04d}"
        out.mkdir(parents=True, exist_ok=True)
        task = self.submit({**self.brief.params, "start": cut.start, "end": cut.end, "out": str(out)}, out)
        self._running = task, cut, out
        return task

    def poll(self, waiting: int) -> list[tuple[str, ...]]:
        """Questions on takes that have just been made; asks for more takes when few questions are waiting. Never waits."""
        if self._running is None:
            if waiting < ENOUGH and self.cuts and self.error is None:
                self._attempt()
            return []
        task = self._running[0]
        task.poll()
        if task.state in ("queued", "running"):
            return []
        if task.state == "done":
            return self.take(task.result)
        self._running = None
        if task.error is not None:
            self.error = task.error if isinstance(task.error, UserError) else UserError(f"Making takes failed: {task.error}.")
        return []

    def _attempt(self) -> None:
        try:
            self.start()
        except UserError as error:
            self.error = error

    def take(self, result: Mapping) -> list[tuple[str, ...]]:
        """Take in what the worker made of the stretch that was asked for last; returns its questions, the plainest difference first."""
        _task, cut, _out = self._running
        self._running = None
        brief, group = self.brief, {}
        for candidate, entry in zip(brief.wanted, result["takes"], strict=True):
            path = Path(entry["curves"])
            sha = takes.file_hash(path)
            span = replace(cut, start=float(result.get("start", cut.start)), end=float(result.get("end", cut.end)))
            take = takes.record(candidate, sha, span, brief.clip, brief.sound.name, result["model"], brief.rig, brief.camera, brief.fps)
            wanted = films.Wanted(take.id, path, cut.frame, cut.frames, brief.step, brief.fps)
            self.made[take.id] = Shown(take, path, wanted)
            group[take.id] = curves_file.load(path)
        self.groups.append(group)
        return ranking.telling_pairs([group], brief.region, brief.size, brief.seed + len(self.groups))

    @property
    def busy(self) -> bool:
        return self._running is not None

    def close(self) -> None:
        """Stop what is being made and remove the files; votes have copies of theirs."""
        if self._running is not None:
            self._running[0].cancel()
            self._running = None
        self.cuts.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def in_turn(cuts: list[takes.Cut], seed: int) -> deque[takes.Cut]:
    """The stretches in an order that does not follow the line, so that a sitting that ends early has seen all parts of it."""
    order = list(cuts)
    random.Random(seed).shuffle(order)
    return deque(order)
