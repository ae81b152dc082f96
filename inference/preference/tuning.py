# SPDX-License-Identifier: GPL-3.0-or-later
"""Direct preference optimisation (Rafailov et al. 2023) of an adapter, on answers about takes of known stretches.

The policy's log-ratios are exact (``policy``, ``image_policy``), so the loss is the paper's: with label smoothing (their conservative
variant), soft answers where a reward model gave them, and two anchors. One is the divergence from the untouched model, the other keeps
lips, and the lids of a filmed face, in time. Which model is tuned is the base's matter (``base``). The loop runs alone or under
``torchrun``: then each process owns some of the stretches and gradients are summed over all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from .adapter import RANK
from .base import Adapter, Base, Material

Report = Callable[[float, str], None]


@dataclass(frozen=True)
class TuneOptions:
    """rounds:    how often takes are drawn anew from the tuned policy and judged; 2: more go where nobody voted
    steps:        optimiser steps a round
    batch:        stretches a step
    beta:         the paper's temperature: how far log-ratios may go for one unit of utility
    smoothing:    share of the answers that is taken for slips
    anchor:       weight of the divergence from the untouched model, a frame
    lips:         weight of what keeps the lips in time
    human:        weight of a vote itself beside a pair of explored takes that the reward model judged
    rate, rank_rate: learning rates of the numbers a unit and of the low-rank parts
    decay:        weight of the low-rank parts' squares: they need more votes than the numbers a unit
    takes:        explored takes a stretch and round
    seed:         of drawn takes, batches and the low-rank parts' start
    """

    rounds: int = 2
    steps: int = 120
    batch: int = 12
    beta: float = 0.1
    smoothing: float = 0.02
    anchor: float = 0.2
    lips: float = 0.02
    human: float = 1.0
    rate: float = 0.02
    rank_rate: float = 0.004
    decay: float = 0.02
    rank: int = RANK
    takes: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Judged:
    """Answers about K takes of one stretch. weights [K, F, R] and life [K, habits] as in ``explore.Explored``; pairs int [n, 2]; chance
    [n], that the first of the pair is preferred (0.5 a tie); trust [n]."""

    weights: np.ndarray
    life: np.ndarray
    pairs: np.ndarray
    chance: np.ndarray
    trust: np.ndarray


class Student(nn.Module):
    """The adapter that is being tuned, and its loss on a batch."""

    def __init__(self, start: Adapter, base: Base, options: TuneOptions, device: torch.device):
        super().__init__()
        self.options = options
        self._start = start.to(device)
        for name, tensor in self._start.tensors().items():
            if name not in start.FIXED:
                self.register_parameter(name, nn.Parameter(tensor.clone()))
        self._base = base

    def adapter(self) -> Adapter:
        """As it stands; tensors still know their gradients."""
        return replace(self._start, **dict(self.named_parameters()))

    def groups(self) -> list[dict]:
        """For the optimiser."""
        simple = [p for n, p in self.named_parameters() if "down" not in n and "up" not in n]
        ranks = [p for n, p in self.named_parameters() if "down" in n or "up" in n]
        return [{"params": simple, "lr": self.options.rate}, {"params": ranks, "lr": self.options.rank_rate}]

    def forward(self, material: Material, judged: Sequence[Judged], reference: Tensor, life: Tensor, share: float) -> Tensor:
        """The loss of this process's part of a batch. reference: [S, R, F], the mean that answers are relative to, in the open space; life:
        its habits; share: of the whole batch's trust that lies in this part (its mean is taken over the whole batch)."""
        adapter, base, o = self.adapter(), self._base, self.options
        # An empty part still takes part in the sum over processes.
        total = sum((p.sum() * 0.0 for p in self.parameters()), torch.zeros((), device=reference.device))
        if not judged:
            return total
        faces, opened = base.means(adapter, material)
        shift = (opened - reference) * material.valid[:, None]
        trust = total.new_tensor(0.0)
        answers = total
        for i, j in enumerate(judged):
            device = faces.device
            weights = torch.from_numpy(j.weights).to(device)
            moved = torch.einsum("kfr,rf->k", weights, shift[i, :, : weights.shape[1]])
            logit = o.beta * (moved + torch.from_numpy(j.life).to(device) @ (adapter.life - life))
            first, second = torch.from_numpy(j.pairs).to(device).T
            chance = torch.from_numpy(j.chance).float().to(device)
            wanted = o.smoothing + (1 - 2 * o.smoothing) * chance
            own = torch.from_numpy(j.trust).float().to(device)
            error = nn.functional.binary_cross_entropy_with_logits(logit[first] - logit[second], wanted, reduction="none")
            answers = answers + (own * error).sum()
            trust = trust + own.sum()
        total = total + share * answers / trust.clamp_min(1e-6)
        count = len(judged) / o.batch
        untouched, rest = base.means(None, material)
        total = total + count * o.anchor * base.distance((opened - rest) * material.valid[:, None], material).mean()
        total = total + count * o.lips * base.losses(faces, untouched, material).mean()
        ranks = sum(p.square().sum() for n, p in self.named_parameters() if n.endswith("up"))
        return total + count * (o.decay * ranks + o.decay * adapter.life.square().sum())


@dataclass(frozen=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @staticmethod
    def here() -> World:
        """As ``torchrun`` set it up; one process otherwise."""
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            return World(torch.distributed.get_rank(), torch.distributed.get_world_size())
        return World()


OnStep = Callable[[Student, torch.optim.Optimizer, int], None]


def run_round(
    student: Student,
    start: Adapter,
    material: Material,
    judged: Sequence[Judged | None],
    report: Report,
    number: int = 0,
    done: int = 0,
    moments: dict | None = None,
    on_step: OnStep = lambda student, optimiser, step: None,
) -> None:
    """One round of steps, in place. start: the adapter that the round's takes were drawn with, to which answers are relative.

    judged: one entry a stretch, None where it has no answers or is another process's (process r owns stretches r, r + size, ...). number:
    of the round, which seeds its batches. done, moments: steps and the optimiser's state of a round that goes on. report(fraction of the
    round, stage) may raise Cancelled between steps; on_step is called after each.
    """
    o, world = student.options, World.here()
    wrapped = DistributedDataParallel(student) if world.size > 1 else student
    optimiser = torch.optim.Adam(student.groups(), betas=(0.9, 0.98))
    rates = [g["lr"] for g in optimiser.param_groups]
    if moments:
        optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    with torch.no_grad():
        every = torch.arange(len(judged), device=material.valid.device)
        reference = torch.cat([student._base.means(start, material.part(at))[1] for at in every.split(16)])
        life = start.life.detach().clone().to(reference.device)
    trusts = _shared([float(j.trust.sum()) if j is not None else 0.0 for j in judged], world)
    usable = [i for i, t in enumerate(trusts) if t > 0]
    generator = np.random.default_rng((o.seed, number))
    order: list[int] = []
    for step in range(o.steps):
        while len(order) < min(o.batch, len(usable)):
            order += list(generator.permutation(usable))
        rows, order = sorted(set(order[: o.batch])), order[o.batch :]
        if step < done:
            continue  # the same batches as a run that was never stopped
        report(step / o.steps, "Tuning")
        mine = [i for i in rows if i % world.size == world.rank]
        at = torch.tensor(mine, dtype=torch.long, device=reference.device)
        whole = sum(trusts[i] for i in rows)
        share = sum(trusts[i] for i in mine) / whole
        fade = 0.5 * (1 + math.cos(math.pi * step / o.steps)) * 0.95 + 0.05
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * fade
        optimiser.zero_grad(set_to_none=True)
        # DistributedDataParallel takes the mean over processes; the loss is a sum over them.
        loss = world.size * wrapped(material.part(at), [judged[i] for i in mine], reference[at], life, share)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 5.0)
        optimiser.step()
        on_step(student, optimiser, step + 1)


def _shared(values: list[float], world: World) -> list[float]:
    """The sum over all processes."""
    if world.size == 1:
        return values
    tensor = torch.tensor(values, dtype=torch.float64)
    torch.distributed.all_reduce(tensor)
    return tensor.tolist()
