# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the network that corrects the geometric fit, on people whose truth is known, through the very fit that is shipped.

    python entry.py training.faces.train_coefficients --corpora DIR --work DIR [--packs CACHE/faces/packs] [--shards 6] [--publish]

With ``--packs``, rendered pictures (``training.faces.packs``) as the shipped point network sees them: how its points err together is
measured first and given to the fit, and the network sees its appearance features. Without, geometry with made-up errors
(``geometry_samples``): what can be had before there is a point network. Solved shards are kept in ``--work`` and the training has a
checkpoint after each epoch, so both go on after an interruption; everything follows from ``--seed``. ``--publish`` writes
``weights/coefficients.safetensors``.
"""
from __future__ import annotations

import argparse
import json
import math
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ...core.paths import ROOT, WEIGHTS, replacing
from ...inference.speech.weights_file import pin, reproducible
from ...inference.video import coefficients, fit, neutral
from ...inference.video.crop import Crop, crop_of, cut
from ...inference.video.tracker import Networks
from ...rigs.arkit import ARKIT_MIRROR
from .. import corpora
from . import augment, checkpoint, expressions, geometry_samples, packs, raster, splits

DAMAGED = 0.5  # share of the rendered pictures
PHOTOS = {packs.CLOSE: 1 / 3, packs.CLIP: 0.0}  # share of the people of a pack of either kind who are solved photo by photo
MODES_FROM = 8  # packs that tell how points err together: 8,000 pictures for 680 numbers


@dataclass(frozen=True)
class TrainOptions:
    """seed; epochs over all shards; batch; learning_rate (cosine to zero), weight_decay; width and depth of the network; dropout: share of
    what it sees beside the fit's coefficients that is taken away at each step."""

    seed: int = 0
    epochs: int = 30
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    width: int = 512
    depth: int = 2
    dropout: float = 0.4
    source: str = "geometry"


@dataclass(frozen=True)
class Solved:
    """What the network is trained on: features [N, FEATURES], appearance [N, 52] logits ([N, 0] without), arkit [N, 52], kinds [N] (numbers
    in ``KINDS``, or 0)."""

    features: Tensor
    appearance: Tensor
    arkit: Tensor
    kinds: Tensor


def joined(parts: list[Solved]) -> Solved:
    return Solved(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Solved)))


@dataclass(frozen=True)
class Observed:
    """Clips as the solver takes them, in crop units, y up: points [B, T, P, 2], sigma and visible [B, T, P], appearance [B, T, F], and the
    truth: exact [B, T, P, 2], seen [B, T, P] bool, arkit [B, T, 52], kinds [B, T]."""

    points: Tensor
    sigma: Tensor
    visible: Tensor
    appearance: Tensor
    exact: Tensor
    seen: Tensor
    arkit: Tensor
    kinds: Tensor


def observe(clips: geometry_samples.Clips) -> Observed:
    """Geometry samples as the solver takes them."""
    points, exact = (torch.from_numpy(np.ascontiguousarray((p - 0.5) * np.float32([1, -1]))) for p in (clips.points, clips.exact))
    sigma = torch.from_numpy(clips.sigma).clamp_min(coefficients.SMALLEST_SIGMA)
    visible = torch.from_numpy(clips.visible)
    none = torch.zeros(*sigma.shape[:2], 0)
    return Observed(points, sigma, visible, none, exact, visible > 0.5, torch.from_numpy(clips.arkit), torch.from_numpy(clips.kinds))


def observe_pack(pack: packs.Pack, look: Networks, rng: np.random.Generator, people: int) -> Observed:
    """The first people of a pack as the point network sees them, cropped as a tracker would, a little off; half of the pictures as damaged
    by cameras and codecs as the point network's training has them. A clip is from one camera."""
    each = pack.each
    count = min(people, len(pack.pictures) // each) * each
    camera = None
    rows: dict[str, list[np.ndarray]] = {"points": [], "sigma": [], "visible": [], "appearance": [], "exact": []}
    for start in range(0, count, 40):
        squares, crops = [], []
        for i in range(start, min(start + 40, count)):
            square = crop_of(pack.points[i])
            side = float(square.side * np.exp(rng.normal(0, 0.05)))
            x, y = np.array([square.x, square.y]) + rng.normal(0, 0.025 * side, 2)
            squares.append(Crop(float(x), float(y), side, square.roll + rng.normal(0, 0.05)))
            crops.append(cut(np.asarray(pack.pictures[i]), squares[-1], look.size))
            if i % each == 0 or pack.kind != packs.CLIP:
                camera = augment.sensor(rng, augment.AugmentOptions.grey) if rng.random() < DAMAGED else None
            if camera is not None:
                raster.damage(crops[-1], camera, int(rng.integers(1 << 30)))
        dense = look.look(np.stack(crops))
        rows["points"].append(dense.points)
        rows["sigma"].append(dense.sigma)
        rows["visible"].append(dense.visible)
        rows["appearance"].append(dense.appearance)
        rows["exact"].append(np.stack([s.from_picture(pack.points[start + k]) for k, s in enumerate(squares)]))
    made = {name: torch.from_numpy(np.concatenate(v).astype(np.float32)) for name, v in rows.items()}
    for name in ("points", "exact"):
        made[name] = (made[name] - 0.5) * torch.tensor([1.0, -1.0])
    made["sigma"] = made["sigma"].clamp_min(coefficients.SMALLEST_SIGMA)
    made["seen"] = torch.from_numpy(np.asarray(pack.visible[:count]))
    made["arkit"] = torch.from_numpy(np.asarray(pack.arkit[:count]))
    made["kinds"] = torch.zeros(count, dtype=torch.long)
    return Observed(**{name: t.unflatten(0, (-1, each)) for name, t in made.items()})


def standard_errors(observed: Observed) -> Tensor:
    """Errors of the points over their sigma, [N, P, 2], 0 where a point cannot be seen."""
    errors = (observed.points - observed.exact) / observed.sigma[..., None] * observed.seen[..., None]
    return errors.flatten(0, 1).clamp(-6, 6)


def solve_clips(observed: Observed, known_frames: int, errors: Tensor) -> Solved:
    """The shipped fit on clips: the neutral from each clip's first ``known_frames`` frames, features of all frames.

    With one frame a clip that frame is its own neutral, as in a photo.
    """
    points, sigma, visible = observed.points, observed.sigma, observed.visible
    weight = coefficients.weights(sigma, visible)
    _, shape, perspective, whole = neutral.shared(points[:, :known_frames], weight[:, :known_frames], errors=errors)
    frames = points.shape[1]
    usually = coefficients.usual(whole.coefficients.unflatten(0, (-1, known_frames)), observed.appearance).repeat_interleave(frames, 0)
    solution = fit.frames(
        points.flatten(0, 1), weight.flatten(0, 1), shape.repeat_interleave(frames, 0), perspective.repeat_interleave(frames), errors=errors
    )
    known = torch.full((points.shape[0] * frames,), coefficients.known_by(known_frames))
    seen = coefficients.features(solution, sigma.flatten(0, 1), visible.flatten(0, 1), known, usually)
    return Solved(seen, observed.appearance.flatten(0, 1), observed.arkit.flatten(0, 1), observed.kinds.flatten())


def one_by_one(observed: Observed) -> Observed:
    """Every frame a clip of its own."""
    return Observed(*(getattr(observed, f.name).flatten(0, 1)[:, None] for f in fields(Observed)))


def some(observed: Observed, rows: slice) -> Observed:
    return Observed(*(getattr(observed, f.name)[rows] for f in fields(Observed)))


def geometry_shard(source: expressions.Expressions, kit: Path, seed: int, errors: Tensor) -> Solved:
    """Some 2,000 solved frames: photos, short clips and longer ones."""
    rng = np.random.default_rng([seed, 1])
    parts = []
    for known_frames, people, frames in ((1, 250, 1), (4, 24, 24), (10, 16, 34), (20, 10, 56)):
        for at in range(0, people, 32 // known_frames + 1):
            few = min(32 // known_frames + 1, people - at)
            parts.append(solve_clips(observe(geometry_samples.draw(rng, source, kit, few, frames)), known_frames, errors))
    return joined(parts)


def pack_shard(observed: Observed, errors: Tensor, photos: float) -> Solved:
    """A share of the people photo by photo, the others with the neutral of all their pictures, or of as many as the fit takes."""
    people, frames = observed.points.shape[:2]
    alone, together, known = int(people * photos), max(1, 30 // frames), min(frames, neutral.FRAMES)
    parts = [solve_clips(one_by_one(some(observed, slice(at, min(at + 6, alone)))), 1, errors) for at in range(0, alone, 6)]
    parts += [solve_clips(some(observed, slice(at, at + together)), known, errors) for at in range(alone, people, together)]
    return joined(parts)


def kept(path: Path, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Tensors from a file, made and written if it is not there."""
    if not path.exists():
        start = time.perf_counter()
        tensors = {n: t.half() if t.is_floating_point() else t for n, t in make().items()}
        with replacing(path) as temporary:
            safetensors.torch.save_file({n: t.contiguous() for n, t in tensors.items()}, temporary)
        print(f"{path.name} in {time.perf_counter() - start:.0f} s", flush=True)
    return {n: t.float() if t.is_floating_point() else t for n, t in safetensors.torch.load_file(path).items()}


def from_geometry(root: Path, work: Path, count: int) -> tuple[Solved, Solved, Tensor]:
    """Training and held-out data, and the modes of the made-up errors."""
    kit = root / "ict_facekit.npz"

    def modes() -> dict[str, Tensor]:
        clips = geometry_samples.draw(np.random.default_rng(2), expressions.load(root), kit, 2500, 1)
        return {"errors": fit.error_modes(standard_errors(observe(clips)), coefficients.ERROR_MODES)}

    def shard(seed: int) -> Solved:
        source = expressions.load(root, splits.held_out(seed))
        return Solved(**kept(work / f"geometry-{seed}.safetensors", lambda: vars(geometry_shard(source, kit, seed, errors))))

    errors = kept(work / "geometry-errors.safetensors", modes)["errors"]
    held_out = joined([shard(splits.HELD_OUT_FROM + k) for k in range(2)])
    return joined([shard(k) for k in range(count)]), held_out, errors


def look_with(points: Path) -> Networks:
    """The point network of a weights file, without a finder."""
    from ...inference.video import finder, networks, points_net

    return networks.FaceNetworks("cpu", points_net.load(points), finder.Finder())


def from_packs(
    folder: Path, work: Path, count: int, people: int, held_out_folder: Path | None, look: Networks, share: tuple[int, int] = (0, 1)
) -> tuple[Solved, Solved, Tensor]:
    """The same from rendered packs through the shipped point network.

    share: (k, n) for only every n-th pack from the k-th on, so that n processes solve what one then trains on.
    """

    def of(root: Path, kind: str, held_out: bool) -> list[Path]:
        return [f for f in packs.folders(root, kind) if splits.held_out(packs.number(f)) == held_out]

    train = [f for kind in PHOTOS for f in of(folder, kind, False)[-count:]]  # the last ones: seen least often
    held = [f for kind in PHOTOS for f in of(held_out_folder or folder, kind, True)[:1]]
    if not train or not held:
        raise SystemExit(f"{folder} holds no packs to train on and to check with; training.faces.packs makes them.")

    def observed(path: Path) -> Observed:
        pack = packs.load(path)
        make = lambda: vars(observe_pack(pack, look, np.random.default_rng([pack.seed, 5]), people))  # noqa: E731
        return Observed(**kept(work / f"{path.name}-seen.safetensors", make))

    def modes() -> dict[str, Tensor]:
        together = torch.cat([standard_errors(observed(f)) for f in train[:MODES_FROM]])
        return {"errors": fit.error_modes(together, coefficients.ERROR_MODES), "scale": together.square().mean()[None]}

    errors = kept(work / "packs-errors.safetensors", modes)["errors"]

    def shard(path: Path) -> Solved:
        make = lambda: vars(pack_shard(observed(path), errors, PHOTOS[packs.load(path).kind]))  # noqa: E731
        return Solved(**kept(work / f"{path.name}-solved.safetensors", make))

    return joined([shard(f) for f in train[share[0] :: share[1]]]), joined([shard(f) for f in held]), errors


def loss_of(value: Tensor, log_sigma: Tensor, target: Tensor) -> Tensor:
    """Mostly the squared error: its answer is the mean of what may be, which keeps weak movements alive, where the absolute error's
    would be none. The Laplace likelihood is for the uncertainty alone."""
    error = (value - target).abs()
    likelihood = error.detach() / log_sigma.exp() + log_sigma
    return 4.0 * error.square().mean() + 0.25 * error.mean() + 0.05 * likelihood.mean()


def train(data: Solved, held_out: Solved, errors: Tensor, options: TrainOptions, work: Path) -> coefficients.Refiner:
    """The network after all epochs; goes on from ``work/refiner-SOURCE`` where that is of the same options and data."""
    torch.manual_seed(options.seed)
    sees = data.appearance.shape[1] > 0
    network = coefficients.Refiner(coefficients.RefinerConfig(options.width, options.depth, sees))
    network.errors.copy_(errors)
    optimiser = torch.optim.AdamW(network.parameters(), options.learning_rate, betas=(0.9, 0.99), weight_decay=options.weight_decay)
    batches = len(data.arkit) // options.batch
    steps = max(1, options.epochs * batches)
    folder, first = work / f"refiner-{options.source}", 0
    told = {**asdict(options), "frames": len(data.arkit)}
    if checkpoint.there(folder):
        weights, _, adam, state = checkpoint.load(folder)
        if state["options"] == told:
            network.load_state_dict(weights)
            checkpoint.restore(optimiser, adam)
            first = state["epoch"]
    for epoch in range(first, options.epochs):
        order = torch.randperm(len(data.arkit), generator=torch.Generator().manual_seed(options.seed * 1000 + epoch))
        total = 0.0
        for number in range(batches):
            rows = order[number * options.batch : (number + 1) * options.batch]
            seen, shown, target = data.features[rows], data.appearance[rows] if sees else None, data.arkit[rows]
            if (number + epoch) % 2:
                mirror = list(ARKIT_MIRROR)
                seen, shown, target = coefficients.mirrored(seen), shown[:, mirror] if sees else None, target[:, mirror]
            fitted, rest = seen[:, :52], seen[:, 52:]
            seen = torch.cat([fitted, torch.nn.functional.dropout(rest, options.dropout)], 1)
            # A hundred steps up, then a cosine down to zero.
            step = epoch * batches + number
            rate = min(1, (step + 1) / 100) * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimiser.param_groups:
                group["lr"] = options.learning_rate * rate
            loss = loss_of(*network(seen, shown), target)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            total += float(loss.detach())
        checkpoint.save(folder, network, {}, optimiser, {"epoch": epoch + 1, "options": told})
        if epoch % 5 == 4 or epoch + 1 == options.epochs:
            print(f"epoch {epoch + 1}: loss {total / max(1, batches):.4f}; {scores(network, held_out)}", flush=True)
    return network.eval()


def scores(network: coefficients.Refiner, data: Solved) -> str:
    """MAE and mean r of the fit and of the network on each kind of expression."""
    out = []
    with torch.inference_mode():
        value, _, _ = coefficients.refine(network, data.features, data.appearance if network.config.appearance else None)
    fitted = data.features[:, :52]
    for k in data.kinds.unique().tolist():
        rows = data.kinds == k
        truth = data.arkit[rows]
        pair = [f"{(v[rows] - truth).abs().mean():.4f}/{mean_r(v[rows], truth):.3f}" for v in (fitted, value)]
        out.append(f"{expressions.KINDS[k] if len(data.kinds.unique()) > 1 else 'all'} {pair[0]} -> {pair[1]}")
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
    parser.add_argument("--packs", type=Path, help="folder of rendered packs")
    parser.add_argument("--held-out", type=Path, help="folder of held-out packs, if they lie elsewhere")
    parser.add_argument("--points", type=Path, default=WEIGHTS / "points.safetensors", help="weights of the point network")
    parser.add_argument("--shards", type=int, default=6, help="shards of geometry, or packs")
    parser.add_argument("--people", type=int, default=400, help="of each pack")
    parser.add_argument("--seed", type=int, default=TrainOptions.seed)
    parser.add_argument("--epochs", type=int, default=TrainOptions.epochs)
    parser.add_argument("--only-solve", metavar="K/N", help="solve every N-th pack from the K-th on (0 is the first) and end")
    parser.add_argument("--publish", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.work.mkdir(parents=True, exist_ok=True)
    root = corpora.folder(args.corpora)
    with torch.inference_mode():
        if args.packs:
            share = tuple(int(n) for n in (args.only_solve or "0/1").split("/"))
            data, held_out, errors = from_packs(
                args.packs, args.work, args.shards, args.people, args.held_out, look_with(args.points), share
            )
            if args.only_solve:
                return
        else:
            data, held_out, errors = from_geometry(root, args.work, args.shards)
    options = TrainOptions(args.seed, args.epochs, source="packs" if args.packs else "geometry")
    network = train(data, held_out, errors.clone(), options, args.work)
    if args.publish:
        print("sha256", publish(network, options, len(data.arkit)))


if __name__ == "__main__":
    main()
