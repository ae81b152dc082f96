# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a sitting's takes come from: stretch after stretch, the worker makes candidates while earlier ones are judged."""

from __future__ import annotations

import random
import shutil
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.content import sha256_of
from ..core.errors import UserError
from ..inference import curves_file
from . import films, ranking, takes
from .tasks import Task

ENOUGH = 8  # questions that wait: more takes are made when there are fewer


@dataclass(frozen=True)
class Brief:
    """What a sitting asks about. path: the sound, video or picture; kind: of its takes, "speech", "video" or "image"; params: of the
    worker's verb, but for start, end and out; size: takes in a question."""

    path: Path
    params: Mapping
    wanted: tuple[takes.Candidate, ...]
    region: str
    axis: str
    size: int
    rig: str
    camera: str
    fps: float
    step: int
    seed: int
    kind: str = "speech"
    tested: str = ""  # file name of the adapter that is tested against the model as it ships: takes 0 and 1, 2 and 3... are compared

    @property
    def verb(self) -> str:
        """The worker's, that makes the takes."""
        return "takes" if self.kind == "speech" else "video_takes"

    @property
    def base(self) -> str:
        """The model that votes on the takes teach."""
        return "speech" if self.kind == "speech" else "image"


@dataclass(frozen=True)
class Shown:
    """A take of a sitting: its record, its curves file, and the film that is to be made of it."""

    take: takes.Take
    curves: Path
    wanted: films.Wanted


@dataclass
class TakeSource:
    """Makes the takes of one stretch at a time. ``submit(verb, params) -> Task`` asks the worker.

    votes: the store's folder, from which the worker learns which pairs tell most; None while there are too few votes for that
    """

    brief: Brief
    cuts: deque[takes.Cut]
    submit: Callable[[str, dict], Task]
    folder: Path
    made: dict[str, Shown] = field(default_factory=dict)
    groups: list[dict[str, object]] = field(default_factory=list)  # for each stretch: take id -> Curves
    error: UserError | None = None
    sound: Path | None = None  # what the player plays with the takes
    votes: Path | None = None
    rest: Callable[[float], list[takes.Cut]] | None = None  # the cuts of a clip whose length (s) only the worker knows
    _running: tuple[Task, takes.Cut] | None = None
    _choosing: tuple[Task, list[tuple[str, ...]]] | None = None

    def start(self) -> Task:
        """Ask for the next stretch's takes. Raises UserError where there is none."""
        if not self.cuts:
            raise UserError("There is nothing left to make takes of.", "Choose a longer clip or another place.")
        cut = self.cuts.popleft()
        out = self.folder / f"stretch{len(self.groups):04d}"
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Takes cannot be written to {out}: {error.strerror}.", "Free some space on the disk.") from error
        task = self._ask(self.brief.verb, {**self.brief.params, "start": cut.start, "end": cut.end, "out": str(out)})
        self._running = task, cut
        return task

    def poll(self, waiting: int) -> list[tuple[str, ...]]:
        """Questions on takes that have just been made; asks for more takes when few questions are waiting. Never waits."""
        if self._choosing is not None:
            return self._chosen()
        if self._running is None:
            if waiting < ENOUGH and self.cuts and self.error is None:
                self._attempt()
            return []
        task = self._running[0]
        task.poll()
        if task.state in ("queued", "running"):
            return []
        if task.state == "done":
            try:
                return self._choose(self.take(task.result))
            except UserError as error:
                self.error = error
                return []
        self._running = None
        if task.error is not None:
            self.error = task.error if isinstance(task.error, UserError) else UserError(f"Making takes failed: {task.error}.")
        return []

    def _attempt(self) -> None:
        try:
            self.start()
        except UserError as error:
            self.error = error

    def _ask(self, verb: str, params: dict) -> Task:
        try:
            return self.submit(verb, params)
        except RuntimeError as error:  # the runtime was set up anew, or another one chosen
            raise UserError("The process that makes takes was closed.", "Judge what is there, or start another sitting.") from error

    def _choose(self, pairs: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """Have the worker put the questions in the order of what they tell, where it has learned something."""
        if self.votes is None or self.brief.size != 2 or self.brief.tested or len(pairs) < 2:
            return pairs
        ids = list(self.groups[-1])
        params = {
            "votes": str(self.votes),
            "pool": [{"curves": str(self.made[take].curves), "stretch": ""} for take in ids],
            "count": len(pairs),
            "region": self.brief.region,
            "axis": self.brief.axis,
            "seed": self.brief.seed,
            "base": self.brief.base,
        }
        try:
            self._choosing = self._ask("next_pairs", params), pairs
        except UserError as error:
            self.error = error
            return pairs
        return []

    def _chosen(self) -> list[tuple[str, ...]]:
        """The questions in the worker's order once it has answered; in our own where it cannot."""
        task, pairs = self._choosing
        task.poll()
        if task.state in ("queued", "running"):
            return []
        self._choosing = None
        if task.state != "done":
            return pairs
        ids = list(self.groups[-1])
        known = {frozenset(pair) for pair in pairs}
        order = [(ids[i], ids[j]) for i, j in task.result["pairs"]]
        return [pair for pair in order if frozenset(pair) in known] or pairs

    def take(self, result: Mapping) -> list[tuple[str, ...]]:
        """Take in what the worker made of the stretch that was asked for last; returns its questions, the plainest difference first."""
        _task, cut = self._running
        self._running = None
        if self.rest is not None:
            self.cuts.extend(in_turn(self.rest(float(result["duration"])), self.brief.seed))
            self.rest = None
        brief, group = self.brief, {}
        if brief.kind == "speech":
            self.sound = brief.path
        elif result.get("sound"):
            self.sound = Path(result["sound"])
        for candidate, entry in zip(brief.wanted, result["takes"], strict=True):
            path = Path(entry["curves"])
            sha = sha256_of(path)
            span = replace(cut, start=float(result.get("start", cut.start)), end=float(result.get("end", cut.end)))
            about = brief.kind, result["clip"], brief.path.name, result["model"]
            take = takes.record(candidate, sha, span, *about, brief.rig, brief.camera, brief.fps)
            wanted = films.Wanted(take.id, path, cut.frame, cut.frames, brief.step, brief.fps)
            self.made[take.id] = Shown(take, path, wanted)
            group[take.id] = curves_file.load(path)
        self.groups.append(group)
        if brief.tested:
            ids = list(group)
            pairs = [(a, b) for a, b in zip(ids[::2], ids[1::2], strict=False)]
            return [pair for pair in pairs if ranking.difference(group[pair[0]], group[pair[1]]) >= ranking.LEAST_DIFFERENCE / 4]
        return ranking.telling_pairs([group], brief.region, brief.size, brief.seed + len(self.groups))

    @property
    def busy(self) -> bool:
        return self._running is not None or self._choosing is not None

    def close(self) -> None:
        """Stop what is being made and remove the files; votes have copies of theirs."""
        for begun in (self._running, self._choosing):
            if begun is not None:
                begun[0].cancel()
        self._running = self._choosing = None
        self.cuts.clear()
        shutil.rmtree(self.folder, ignore_errors=True)


def in_turn(cuts: list[takes.Cut], seed: int) -> deque[takes.Cut]:
    """The stretches in an order that does not follow the line, so that a sitting that ends early has seen all parts of it."""
    order = list(cuts)
    random.Random(seed).shuffle(order)
    return deque(order)
