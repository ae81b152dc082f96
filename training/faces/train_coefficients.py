# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the network that corrects the geometric fit: geometry-only clips through the very fit that is shipped, then a small regression.

    python entry.py training.faces.train_coefficients --corpora DIR --work DIR [--shards 40] [--epochs 14] [--seed 0] [--publish]

Shards of solved clips are made first (each by its own seed, kept in ``--work`` and taken up where they are), then the network is trained
with a checkpoint after each epoch; both go on after an interruption. ``--publish`` writes ``weights/coefficients.safetensors``.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ...core.paths import ROOT, replacing
from ...inference.speech.weights_file import pin, reproducible
from ...inference.video import coefficients, fit, neutral
from .. import corpora
from . import expressions, geometry_samples


@dataclass(frozen=True)
class TrainOptions:
    """seed; epochs over all shards; batch; learning_rate (cosine to zero); width and depth of the network."""

    seed: int = 0
    epochs: int = 14
    batch: int = 512
    learning_rate: float = 1.5e-3
    width: int = 384
    depth: int = 2


@dataclass(frozen=True)
class Solved:
    """What the network is trained on: features [N, FEATURES], arkit [N, 52], kinds [N]."""

    features: Tensor
    arkit: Tensor
    kinds: Tensor


def observe(clips: geometry_samples.Clips) -> tuple[Tensor, Tensor, Tensor]:
    """Points (y up), sigma and visible as the solver takes them, [B, T, P, ...] in crop units."""
    points = torch.from_numpy(np.ascontiguousarray((clips.points - 0.5) * np.float32([1, -1])))
    return points, torch.from_numpy(clips.sigma).clamp_min(coefficients.SMALLEST_SIGMA), torch.from_numpy(clips.visible)


def solve_clips(clips: geometry_samples.Clips, known_frames: int) -> Solved:
    """The shipped fit on clips: the neutral from each clip's first ``known_frames`` frames, features of all frames.

    With one frame a clip that frame is its own neutral, as in a photo.
    """
    points, sigma, visible = observe(clips)
    weight = coefficients.weights(sigma, visible)
    _, shape, perspective, _ = neutral.shared(points[:, :known_frames], weight[:, :known_frames])
    frames = points.shape[1]
    solution = fit.frames(
        points.flatten(0, 1), weight.flatten(0, 1), shape.repeat_interleave(frames, 0), perspective.repeat_interleave(frames)
    )
    known = torch.full((points.shape[0] * frames,), coefficients.known_by(known_frames))
    seen = coefficients.features(solution, sigma.flatten(0, 1), visible.flatten(0, 1), known)
    return Solved(seen, torch.from_numpy(clips.arkit).flatten(0, 1), torch.from_numpy(clips.kinds).flatten())


def make_shard(source: expressions.Expressions, kit: Path, seed: int) -> Solved:
    """Some 2,000 solved frames: photos, short clips and longer ones."""
    rng = np.random.default_rng([seed, 1])
    parts = []
    for known_frames, people, frames in ((1, 250, 1), (4, 24, 24), (10, 16, 34), (20, 10, 56)):
        for at in range(0, people, 32 // known_frames + 1):
            few = min(32 // known_frames + 1, people - at)
            parts.append(solve_clips(geometry_samples.draw(rng, source, kit, few, frames), known_frames))
    return Solved(*(torch.cat([getattr(p, name) for p in parts]) for name in ("features", "arkit", "kinds")))


def shards(root: Path, work: Path, count: int, held_out: bool = False) -> Solved:
    """``count`` shards, made where they are missing (held-out ones by seeds and speech of their own)."""
    source = expressions.load(root, held_out)
    parts = []
    with torch.inference_mode():
        for number in range(count):
            seed = number + (1_000_000 if held_out else 0)
            path = work / f"shard-{seed}.safetensors"
            if not path.exists():
                start = time.perf_counter()
                made = make_shard(source, root / "ict_facekit.npz", seed)
                tensors = {"features": made.features.half(), "arkit": made.arkit.half(), "kinds": made.kinds}
                with replacing(path) as temporary:
                    safetensors.torch.save_file(tensors, temporary)
                print(f"shard {seed}: {len(made.arkit)} frames in {time.perf_counter() - start:.0f} s", flush=True)
            parts.append(Solved(**safetensors.torch.load_file(path)))
    return Solved(*(torch.cat([getattr(p, name) for p in parts]) for name in ("features", "arkit", "kinds")))


def loss_of(value: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
    """Laplace likelihood for the uncertainty, and the absolute and squared error themselves so that sure channels do not rule."""
    error = (value - target).abs()
    likelihood = error.detach() / log_sigma.exp() + log_sigma
    return error.mean() + 2.0 * error.square().mean() + 0.05 * likelihood.mean()


def train(data: Solved, held_out: Solved, options: TrainOptions, work: Path) -> coefficients.Refiner:
    """The network after all epochs; resumes from ``work/refiner.pt`` where that is of the same options."""
    torch.manual_seed(options.seed)
    network = coefficients.Refiner(coefficients.RefinerConfig(options.width, options.depth))
    optimiser = torch.optim.AdamW(network.parameters(), options.learning_rate, weight_decay=0.01)
    steps = options.epochs * (len(data.arkit) // options.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min(1, (s + 1) / 200) * 0.5 * (1 + np.cos(np.pi * min(1, s / steps))))
    checkpoint, first = work / "refiner.pt", 0
    told = {**asdict(options), "frames": len(data.arkit)}
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["options"] == told:
            network.load_state_dict(saved["network"])
            optimiser.load_state_dict(saved["optimiser"])
            schedule.load_state_dict(saved["schedule"])
            first = saved["epoch"]
    for epoch in range(first, options.epochs):
        order = torch.randperm(len(data.arkit), generator=torch.Generator().manual_seed(options.seed * 1000 + epoch))
        total = 0.0
        for at in range(0, len(order) - options.batch + 1, options.batch):
            rows = order[at : at + options.batch]
            seen, target = data.features[rows].float(), data.arkit[rows].float()
            if (at // options.batch) % 2:
                seen, target = coefficients.mirrored(seen), target[:, coefficients.CHANNEL_MIRROR]
            loss = loss_of(*network(seen), target)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
        with replacing(checkpoint) as temporary:
            torch.save({**state, "epoch": epoch + 1, "options": told}, temporary)
        print(f"epoch {epoch + 1}: loss {total / max(1, len(order) // options.batch):.4f}; {scores(network, held_out)}", flush=True)
    return network.eval()


def scores(network: coefficients.Refiner, data: Solved) -> str:
    """MAE and mean r of the fit and of the network on each kind of expression."""
    out = []
    with torch.inference_mode():
        value, _ = coefficients.refine(network, data.features.float())
    fitted = data.features[:, 2 * coefficients.POINTS : 2 * coefficients.POINTS + 52].float()
    for k, name in enumerate(expressions.KINDS):
        rows = data.kinds == k
        truth = data.arkit[rows].float()
        pair = [f"{(v[rows] - truth).abs().mean():.4f}/{mean_r(v[rows], truth):.3f}" for v in (fitted, value)]
        out.append(f"{name} {pair[0]} -> {pair[1]}")
    return ", ".join(out)


def mean_r(value: Tensor, truth: Tensor) -> float:
    """Mean over channels of Pearson's r; a channel without movement in the truth is left out, one without in the answer counts as 0."""
    a, b = value - value.mean(0), truth - truth.mean(0)
    spread = b.square().sum(0)
    r = (a * b).sum(0) / (a.square().sum(0) * spread).sqrt().clamp_min(1e-9)
    return float(r[spread > 1e-6].mean())


def publish(network: coefficients.Refiner, options: TrainOptions, frames: int, out: Path = coefficients.SHIPPED) -> str:
    """Writes the weights in float16 and pins them. Returns the sha256."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    told = {"kind": coefficients.KIND, "version": coefficients.VERSION, "config": json.dumps(asdict(network.config), sort_keys=True)}
    run = {**asdict(options), "frames": frames, "commit": commit}
    tensors = {n: t.detach().half().contiguous() for n, t in network.state_dict().items()}
    data = reproducible(safetensors.torch.save(tensors, metadata={**told, "run": json.dumps(run, sort_keys=True)}))
    with replacing(out) as temporary:
        temporary.write_bytes(data)
    pin(out, {"licence": "GPL-3.0-or-later", "card": "video.md", "trainingRun": run})
    return json.loads(out.with_name("manifest.json").read_text("utf-8"))[out.name]["sha256"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=40)
    parser.add_argument("--seed", type=int, default=TrainOptions.seed)
    parser.add_argument("--epochs", type=int, default=TrainOptions.epochs)
    parser.add_argument("--publish", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    options = TrainOptions(args.seed, args.epochs)
    root = corpora.folder(args.corpora)
    held_out = shards(root, args.work, 2, held_out=True)
    data = shards(root, args.work, args.shards)
    network = train(data, held_out, options, args.work)
    if args.publish:
        print("sha256", publish(network, options, len(data.arkit)))


if __name__ == "__main__":
    main()
