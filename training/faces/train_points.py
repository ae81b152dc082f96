# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the point network on packs of renders.

    python entry.py training.faces.train_points --packs CACHE/faces/packs --out CACHE/faces/points --minutes 60

The clock sets the schedule, so that a run ends when it must on a machine of any speed. A stopped run goes on with the same command;
packs that are rendered meanwhile join in. Several processes train together under PyTorch's launcher, each on batches of its own:

    torchrun --nproc_per_node 2 entry.py training.faces.train_points ...

Their weights are averaged every few steps (local SGD; Stich 2019), which costs less than gradients at each and does not wait where
a core is busy with other work, as the threads of one process would.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from ...inference import weights_file
from ...inference.video import points_net
from ...inference.video.describe import intensities
from ...inference.video.points import POINTS, REGION
from ...inference.video.points_net import PointsNet, PointsNetConfig, PointsOutput
from ...rigs.arkit import ARKIT_MIRROR
from . import augment, backgrounds, checkpoint, packs, splits


@dataclass(frozen=True)
class TrainOptions:
    """Every hyper-parameter of the recipe; stored with the run."""

    batch: int = 16  # of a process; larger ones gain little speed on a core and take fewer steps
    together: int = 4  # steps after which processes average their weights
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average: float = 0.999  # moving average of the weights
    no_face: float = 0.05  # share of crops without one
    tracked: float = 0.6  # share of crops that are off no further than a tracker's, which cuts anew what is; the rest as a finder's
    filmed: float = 0.08  # share of crops of filmed people, where there are packs of them (``filmed.py``)
    hidden: float = 0.3  # weight of points that cannot be seen: they are guessed from the rest
    sharp: float = 1.6  # weight of lips, lids and irises, which the coefficients hang on most
    weight: dict[str, float] = field(
        default_factory=lambda: {
            "coarse": 0.4, "found": 0.6, "points": 1.0, "likelihood": 0.15, "gaps": 0.5, "visible": 0.05, "face": 0.1, "appearance": 0.5,
            "movements": 0.2,
        }
    )  # fmt: skip
    seed: int = 0


# Points whose distance says how far lips and lids are open: (upper, lower), numbers of iBUG's landmarks.
GAPS = ((61, 67), (62, 66), (63, 65), (37, 41), (38, 40), (43, 47), (44, 46), (60, 64), (48, 54))


@dataclass(frozen=True)
class Batch:
    """crops uint8 [B, 3, S, S]; points [B, P, 2]; visible [B, P]; face [B]; arkit [B, 52]; movements [B, M]; known [B]: whether arkit and
    movements are; all float32 but the crops."""

    crops: Tensor
    points: Tensor
    visible: Tensor
    face: Tensor
    arkit: Tensor
    movements: Tensor
    known: Tensor


class Data:
    """Draws augmented batches from all packs there are; looks for new ones now and then."""

    def __init__(self, root: Path, size: int, options: TrainOptions, seed: int) -> None:
        self.root, self.size, self.options = root, size, options
        self.rng = np.random.default_rng([seed, 3])
        self.packs: dict[Path, packs.Pack] = {}
        self.backs = backgrounds.bank(0, 160)
        self.drawn = 0

    def refresh(self) -> None:
        people = packs.folders(self.root, packs.FILMED) if self.options.filmed else []
        for folder in (*packs.folders(self.root, packs.CLOSE), *people):
            if folder not in self.packs:
                number = packs.number(folder)
                if folder in people:
                    splits.assert_person_trainable(number)
                else:
                    splits.assert_trainable([number])
                self.packs[folder] = packs.load(folder)
        self.all = list(self.packs.values())
        counts = np.array([len(p.points) for p in self.all], float)
        real = np.array([folder in people for folder in self.packs])
        self.share = np.where(real, self.options.filmed / max(real.sum(), 1), counts)  # a person's share, however many frames
        self.share[~real] *= (1 - self.share[real].sum()) / counts[~real].sum()

    def next(self) -> Batch:
        if self.drawn % 100 == 0:
            self.refresh()
        self.drawn += 1
        rng, n, size = self.rng, self.options.batch, self.size
        crops = np.empty((n, size, size, 3), np.uint8)
        points, visible = np.zeros((n, POINTS, 2), np.float32), np.zeros((n, POINTS), np.float32)
        face, arkit = np.ones(n, np.float32), np.zeros((n, 52), np.float32)
        mirrors = np.zeros(n, bool)
        for i, k in enumerate(rng.choice(len(self.all), n, p=self.share)):
            pack = self.all[k]
            j = rng.integers(len(pack.points))
            back = self.backs[rng.integers(len(self.backs))]
            spread = augment.TRACKED if rng.random() < self.options.tracked else augment.AugmentOptions()
            if rng.random() < self.options.no_face:
                crops[i] = augment.no_face(pack.pictures[j], pack.points[j], back, size, rng, spread)
                face[i] = 0
                continue
            crops[i], points[i], visible[i], mirrors[i] = augment.view(
                pack.pictures[j], pack.points[j], pack.visible[j], size, rng, spread, back
            )
            arkit[i] = pack.arkit[j][list(ARKIT_MIRROR)] if mirrors[i] else pack.arkit[j]
        known = face * np.isfinite(arkit[:, 0])
        arkit = np.nan_to_num(arkit)
        moved = intensities(arkit).astype(np.float32)  # of the mirrored face already
        rest = (points, visible, face, arkit, moved, known.astype(np.float32))
        return Batch(torch.from_numpy(crops).permute(0, 3, 1, 2), *map(torch.from_numpy, rest))


def region_weights(options: TrainOptions) -> Tensor:
    """float32 [P]."""
    sharp = {"lid", "lipInner", "lipOuter", "lip", "iris"}
    return torch.tensor([options.sharp if r in sharp else 1.0 for r in REGION])


def losses(out: PointsOutput, batch: Batch, weights: Tensor, options: TrainOptions) -> dict[str, Tensor]:
    """Unweighted terms; distances are in hundredths of the crop."""
    shown = batch.face[:, None]
    care = (options.hidden + (1 - options.hidden) * batch.visible) * weights * shown
    care = care / care.sum().clamp(min=1)
    terms = {}
    for name, points in zip(("coarse", "found", "points"), (*out.stages, out.points), strict=True):
        away = 100 * (points - batch.points).abs().sum(-1)
        terms[name] = (care * away).sum()
    scale = out.log_sigma.clamp(-8, 0)
    off = (out.points - batch.points).abs().sum(-1).detach()
    terms["likelihood"] = (care * (2 * scale + off * torch.exp(-scale))).sum() + 10.0
    a, b = torch.tensor([g[0] for g in GAPS]), torch.tensor([g[1] for g in GAPS])
    gap = (out.points[:, a] - out.points[:, b]) - (batch.points[:, a] - batch.points[:, b])
    terms["gaps"] = 100 * (gap.abs().sum(-1) * shown).mean()
    terms["visible"] = (F.binary_cross_entropy_with_logits(out.visible, batch.visible, reduction="none") * shown).mean()
    terms["face"] = F.binary_cross_entropy_with_logits(out.face, batch.face)
    known = batch.known[:, None]
    terms["appearance"] = (F.binary_cross_entropy_with_logits(out.appearance, batch.arkit, reduction="none") * known).mean()
    terms["movements"] = (F.binary_cross_entropy_with_logits(out.movements, batch.movements, reduction="none") * known).mean()
    return terms


@dataclass(frozen=True)
class Team:
    """The processes of one run."""

    rank: int = 0
    size: int = 1

    @staticmethod
    def here() -> Team:
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size > 1:
            dist.init_process_group("gloo")
        return Team(int(os.environ.get("RANK", "0")), size)

    def average(self, model: nn.Module, progress: float) -> float:
        """Make the weights everyone's mean; returns the furthest progress, so that all end together."""
        if self.size == 1:
            return progress
        parameters = [p.detach() for p in model.parameters()]
        mean = torch.cat([p.flatten() for p in parameters])
        dist.all_reduce(mean)
        for p, part in zip(parameters, (mean / self.size).split([p.numel() for p in parameters]), strict=True):
            p.copy_(part.view(p.shape))
        furthest = torch.tensor(progress)
        dist.all_reduce(furthest, dist.ReduceOp.MAX)
        return float(furthest)


def begun(start: Path) -> dict[str, Tensor]:
    """Weights to begin with: of an earlier run's folder, averaged, or of a weights file."""
    if start.is_dir():
        return checkpoint.load(start)[1]
    kind = points_net.KIND, points_net.VERSION, PointsNet, PointsNetConfig, "point network"
    return weights_file.load(start, *kind).state_dict()


def called(start: Path) -> str:
    """Which weights those are, for the card: a run's step, or a file's hash."""
    if start.is_dir():
        return checkpoint.called(start)
    return f"{start.name} {hashlib.sha256(start.read_bytes()).hexdigest()[:8]}"


def train(root: Path, out: Path, minutes: float, options: TrainOptions, start: Path | None = None, samples: int = 0) -> None:
    """One run of ``minutes`` (or ``samples``, if given). Writes ``out/run.safetensors`` every two minutes and ``out/log.jsonl``."""
    torch.manual_seed(options.seed)
    team = Team.here()
    state = {"step": 0, "seconds": 0.0}
    average: dict[str, Tensor] = {}
    adam: dict[str, Tensor] = {}
    model = PointsNet(PointsNetConfig())
    if checkpoint.there(out):
        weights, average, adam, state = checkpoint.load(out)
        model.load_state_dict(weights)
    elif start:
        model.load_state_dict(begun(start))
    model = model.to(memory_format=torch.channels_last).train()
    average = average or {n: t.clone() for n, t in model.state_dict().items()}
    now_is = {n: t for n, t in model.state_dict().items() if t.is_floating_point()}  # changes as the model does
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}],
                                  lr=options.learning_rate, betas=(0.9, 0.99), fused=True)  # fmt: skip
    checkpoint.restore(optimiser, adam)
    data = Data(root, model.config.size, options, options.seed + 1000 * state["step"] + 7 * team.rank)
    care = region_weights(options)
    out.mkdir(parents=True, exist_ok=True)
    told = {**asdict(options), "minutes": minutes, "samples": samples, "begin": called(start) if start else "nothing"}
    (out / "options.json").write_text(json.dumps(told, indent=1), "utf-8")
    began, saved, told = time.monotonic() - state["seconds"], time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    count, waited, progress, each = 0, 0.0, 0.0, options.batch * team.size
    while True:
        elapsed = time.monotonic() - began
        if state["step"] % options.together == 0:
            done = min(state["step"] * each / samples if samples else elapsed / (minutes * 60), 1.0)
            progress = team.average(model, done)
        warm = min(1.0, (state["step"] + 1) / 200)
        for group in optimiser.param_groups:
            group["lr"] = options.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        before = time.monotonic()
        batch = data.next()
        waited += time.monotonic() - before
        with torch.autocast("cpu", torch.bfloat16):
            output = model(batch.crops)
        terms = losses(output, batch, care, options)
        total = sum(options.weight[k] * v for k, v in terms.items())
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        state["step"] += 1
        with torch.no_grad():
            keep = min(options.average, (1 + state["step"]) / (20 + state["step"]))
            torch._foreach_lerp_([average[n] for n in now_is], list(now_is.values()), 1 - keep)
        count += 1
        for k, v in terms.items():
            sums[k] = sums.get(k, 0.0) + float(v.detach())
        now = time.monotonic()
        if team.rank:
            if progress >= 1:
                return
            continue
        if now - told > 30 or progress >= 1:
            line = {"step": state["step"], "samples": state["step"] * each, "minutes": round(elapsed / 60, 2),
                    "packs": len(data.all), "cpu": round(time.process_time()), "data": round(waited)}  # fmt: skip
            line |= {k: round(v / count, 3) for k, v in sums.items()}
            print(json.dumps(line), flush=True)
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            sums, count, told, waited = {}, 0, now, 0.0
        if now - saved > 120 or progress >= 1:
            state["seconds"] = elapsed
            checkpoint.save(out, model, average, optimiser, state)
            saved = now
        if progress >= 1:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--begin", type=Path, help="an earlier run or a weights file to begin with, on a fresh schedule")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--samples", type=int, default=0, help="end after so many crops instead: for comparisons")
    parser.add_argument("--learning-rate", type=float, default=TrainOptions.learning_rate)
    parser.add_argument("--filmed", type=float, default=TrainOptions.filmed, help="share of crops of filmed people")
    parser.add_argument("--without", choices=[k for k in TrainOptions().weight], action="append", default=[], help="terms left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    weight = {k: 0.0 if k in args.without else v for k, v in TrainOptions().weight.items()}
    options = TrainOptions(learning_rate=args.learning_rate, filmed=args.filmed, seed=args.seed, weight=weight)
    train(args.packs, args.out, args.minutes, options, args.begin, args.samples)


if __name__ == "__main__":
    main()
