# SPDX-License-Identifier: GPL-3.0-or-later
"""From answers to an adapter: the reward model, rounds of explored takes that it judges, and tuning on both; stops and goes on anywhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import safetensors
import safetensors.torch
import torch
from safetensors import SafetensorError

from ...core.paths import replacing
from . import reward, tuning
from .base import Adapter, Base, Stretch
from .explore import Explored
from .reward import Comparison, RewardModel
from .tuning import Judged, Student, TuneOptions, World

Report = Callable[[float, str], None]
# Steps between two checkpoints: a second or two of work.
_KEPT_EVERY: Final = 20


@dataclass(frozen=True)
class Voted:
    """Votes on takes of one stretch. weights [K, F, R]: S^-1 of the takes' deviations at the stretch's frames; pairs int [n, 2], the
    preferred first; tied bool [n]; trust [n]."""

    weights: np.ndarray
    pairs: np.ndarray
    tied: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """What is learnt from. rows [n, P], groups [n]: features of all takes, and whose stretch each is; comparisons: the votes on them;
    stretches: what to tune on; voted: for some of them (by number) the votes whose takes are known in full; region: the half of the face
    that all votes are about, "whole" where they are not."""

    rows: np.ndarray
    groups: tuple
    comparisons: tuple[Comparison, ...]
    stretches: tuple[Stretch, ...]
    voted: dict[int, Voted]
    region: str = "whole"

    def fingerprint(self, options: TuneOptions, base: str) -> str:
        """Changes with everything that decides the result."""
        digest = hashlib.sha256(json.dumps([asdict(options), base], sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.rows, np.float64).tobytes())
        for c in self.comparisons:
            digest.update(repr((c.better, c.worse, c.tied, round(c.weight, 6), None if c.mask is None else c.mask.tobytes())).encode())
        digest.update(self.region.encode())
        for s in self.stretches:
            digest.update(repr(s.key).encode())
        return digest.hexdigest()


def tune(
    lesson: Lesson,
    base: Base,
    options: TuneOptions,
    report: Report,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
    first: Sequence[Explored] | None = None,
) -> tuple[RewardModel, Adapter]:
    """The reward model and the tuned adapter.

    checkpoint: a file that is written on the way and removed at the end; one of the same lesson and options is gone on from. first:
    explored takes of the first round, if they were made before. report(0..1, stage) may raise Cancelled.
    """
    device = device or torch.device("cpu")
    world = World.here()
    report(0.0, "Learning what the votes prefer")
    judge = reward.fit(lesson.rows, lesson.groups, lesson.comparisons)
    base.move(device)
    material = base.material(lesson.stretches, device)
    start = base.none(material, options.rank, options.seed)
    student = Student(start, base, options, device)
    mark = lesson.fingerprint(options, base.sha256)
    at = _resume(checkpoint, mark, student) if checkpoint else None
    usual = [base.usual(s) if i % world.size == world.rank else None for i, s in enumerate(lesson.stretches)]
    for number in range(at.number if at else 0, options.rounds):
        going_on = at is not None and number == at.number
        start = at.start if going_on else student.adapter().detached()
        explorer = base.explorer(start)
        judged: list[Judged | None] = []
        for i, stretch in enumerate(lesson.stretches):
            report((number + 0.5 * i / len(lesson.stretches)) / options.rounds, "Drawing takes")
            if i % world.size != world.rank:
                judged.append(None)
                continue
            if number == 0 and first is not None:
                drawn = first[i]
            else:
                seed = int(np.random.default_rng((options.seed, number, i)).integers(2**31))
                drawn = explorer(stretch, usual[i], options.takes, seed)
            drawn = replace(drawn, weights=drawn.weights * base.about(lesson.region))  # the other half is not to move by chance
            judged.append(_judged(drawn, judge, lesson.voted.get(i), options))

        def kept(student: Student, optimiser: torch.optim.Optimizer, step: int, number: int = number, start: Adapter = start) -> None:
            if checkpoint and world.rank == 0 and (step % _KEPT_EVERY == 0 or step == options.steps):
                _keep(checkpoint, mark, student, start, optimiser, number, step)

        def told(fraction: float, stage: str, number: int = number) -> None:
            report((number + 0.5 + 0.5 * fraction) / options.rounds, stage)

        done, moments = (at.step, at.moments) if going_on else (0, None)
        tuning.run_round(student, start, material, judged, told, number, done, moments, kept)
    if checkpoint and world.rank == 0:
        checkpoint.unlink(missing_ok=True)
    return judge, student.adapter().detached()


def _judged(drawn: Explored, judge: RewardModel, voted: Voted | None, options: TuneOptions) -> Judged:
    """What the reward model says of explored takes, and with it the votes themselves."""
    pairs = np.array(list(combinations(range(len(drawn.rows)), 2)), np.int64).reshape(-1, 2)
    chance = judge.probability(drawn.rows, pairs)
    weights, life, trust = drawn.weights, drawn.life, np.ones(len(pairs))
    if voted is not None and len(voted.pairs):
        pairs = np.concatenate([pairs, voted.pairs + len(drawn.rows)])
        chance = np.concatenate([chance, np.where(voted.tied, 0.5, 1.0)])
        trust = np.concatenate([trust, options.human * voted.trust])
        weights = np.concatenate([weights, voted.weights])
        life = np.concatenate([life, np.zeros((len(voted.weights), life.shape[1]), np.float32)])
    return Judged(weights, life, pairs, chance, trust)


@dataclass(frozen=True)
class _Stand:
    number: int
    step: int
    start: Adapter
    moments: dict


def _keep(path: Path, mark: str, student: Student, start: Adapter, optimiser: torch.optim.Optimizer, number: int, step: int) -> None:
    tensors = {f"student.{n}": t.detach().cpu().contiguous() for n, t in student.adapter().tensors().items()}
    tensors |= {f"start.{n}": t.cpu().contiguous() for n, t in start.tensors().items()}
    for i, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{i}.{k}": torch.as_tensor(v).cpu().contiguous() for k, v in state.items()}
    told = {"mark": mark, "number": str(number), "step": str(step)}
    data = safetensors.torch.save(tensors, metadata=told)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _resume(path: Path, mark: str, student: Student) -> _Stand | None:
    """Where a stopped run stands, with ``student`` set to it; None where there is none of this lesson."""
    try:
        with safetensors.safe_open(str(path), "pt") as f:
            told = f.metadata() or {}
            if told.get("mark") != mark:
                return None
            tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118 - a safetensors handle is not a dict
    except (OSError, SafetensorError):
        return None
    parts: dict[str, dict] = {"student": {}, "start": {}}
    moments: dict[int, dict] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "adam":
            number, _, key = rest.partition(".")
            moments.setdefault(int(number), {})[key] = tensor
        else:
            parts[kind][rest] = tensor
    with torch.no_grad():
        for name, parameter in student.named_parameters():
            parameter.copy_(parts["student"][name])
    start = replace(student.adapter().detached(), **parts["start"])
    return _Stand(int(told["number"]), int(told["step"]), start, moments)

