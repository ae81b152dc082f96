# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the face finder on renders pasted into scenes of none to three people.

    python entry.py training.faces.train_finder --packs CACHE/faces/packs --out CACHE/faces/finder --minutes 15
"""
from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...inference.video.crop import Crop, crop_of
from ...inference.video.finder import STRIDE, Finder, FinderConfig
from . import augment, backgrounds, checkpoint, packs, raster, splits


@dataclass(frozen=True)
class FinderOptions:
    """Every hyper-parameter of the recipe; stored with the run."""

    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    average: float = 0.998
    smallest: float = 0.055  # side of the crop over the picture's: 7 px of 128
    tiles: float = 0.08  # share of pasted scenes on tiles of chance instead of a background
    seed: int = 0


@dataclass(frozen=True)
class Scene:
    """picture uint8 [S, S, 3]; faces [n, 4]: centre x, y and side in px, roll."""

    picture: np.ndarray
    faces: np.ndarray


def _paste(canvas: np.ndarray, pack: packs.Pack, j: int, rng: np.random.Generator, smallest: float) -> tuple[float, float, float, float]:
    """One person of a wide pack into the canvas, in place. Returns centre, side and roll of the face."""
    size = len(canvas)
    own = crop_of(pack.points[j])
    side = size * float(np.exp(rng.uniform(np.log(smallest), np.log(0.75))))
    x, y = rng.uniform(0.08, 0.92, 2) * size
    roll = rng.normal(0, 0.25)
    zoom = own.side / side
    c, s = np.cos(-roll) * zoom, np.sin(-roll) * zoom
    matrix = np.array([[c, -s, own.x - c * x + s * y], [s, c, own.y - s * x - c * y]])
    mirror = rng.random() < 0.5
    picture, mask = np.ascontiguousarray(pack.pictures[j]), np.repeat(np.asarray(pack.masks[j])[..., None], 3, -1)
    lean = own.roll + roll
    if mirror:
        picture, mask = np.ascontiguousarray(picture[:, ::-1]), np.ascontiguousarray(mask[:, ::-1])
        flip = picture.shape[1] - own.x
        matrix[0, 2] += flip - own.x
        lean = -own.roll + roll
    # Only the square that the pasted picture can reach.
    reach = picture.shape[0] * 0.75 / zoom
    x0, y0 = (int(np.clip(np.floor(v - reach), 0, size)) for v in (x, y))
    n = int(min(np.ceil(2 * reach) + 1, size - min(x0, y0)))
    matrix[:, 2] += matrix[:, :2] @ np.array([x0, y0])
    part = canvas[y0 : y0 + n, x0 : x0 + n]
    g = np.arange(n) + 0.5
    u = matrix[0, 0] * g[None] + matrix[0, 1] * g[:, None] + matrix[0, 2]
    v = matrix[1, 0] * g[None] + matrix[1, 1] * g[:, None] + matrix[1, 2]
    inside = (u > 1) & (v > 1) & (u < picture.shape[1] - 1) & (v < picture.shape[0] - 1)
    alpha = raster.warp(mask, matrix, n)[..., :1] * (inside[..., None] / np.float32(255))
    drawn = raster.warp(picture, matrix, n)
    h, w = part.shape[:2]
    part[:] = part + (drawn[:h, :w] - part.astype(np.float32)) * alpha[:h, :w]
    return x, y, side, lean


def _tiles(rng: np.random.Generator, size: int) -> np.ndarray:
    """A picture uint8 [size, size, 3] of tiles in any colours, from noise to large ones: chance puts eyes and mouths among them."""
    tile = int(rng.integers(1, 17))
    cells = -(-size // tile)
    return np.repeat(np.repeat(rng.integers(0, 256, (cells, cells, 3), np.uint8), tile, 0), tile, 1)[:size, :size].copy()


def scene(data: list[packs.Pack], close: list[packs.Pack], backs: np.ndarray, rng: np.random.Generator, options: FinderOptions,
          size: int) -> Scene:  # fmt: skip
    """A picture with none to three people, some of whose faces are covered and then do not count."""
    faces: list[tuple[float, float, float, float]] = []
    if rng.random() < 0.3:  # one face fills the picture
        pack = close[rng.integers(len(close))]
        j = int(rng.integers(len(pack.points)))
        own = crop_of(pack.points[j])
        side, roll = size * rng.uniform(0.55, 1.0), rng.normal(0, 0.3)
        x, y = rng.uniform(0.4, 0.6, 2) * size
        view = Crop(0, 0, own.side * size / side, roll)
        m = view.matrix(size)
        m[:, 2] += np.array([own.x, own.y]) - (m[:, :2] @ np.array([x, y]) + m[:, 2])
        canvas = raster.warp(np.ascontiguousarray(pack.pictures[j]), m, size)
        faces.append((x, y, side, own.roll - roll))
    else:
        canvas = _tiles(rng, size) if rng.random() < options.tiles else backgrounds.cut(rng, backs, size)
        for _ in range(rng.choice(4, p=[0.14, 0.5, 0.24, 0.12])):
            pack = data[rng.integers(len(data))]
            made = _paste(canvas, pack, int(rng.integers(len(pack.points))), rng, options.smallest)
            hidden = [f for f in faces if np.hypot(f[0] - made[0], f[1] - made[1]) < 0.75 * max(made[2], 0.5 * (f[2] + made[2]))]
            faces = [f for f in faces if f not in hidden]
            faces.append(made)
    if faces and rng.random() < 0.1:  # a covered face is none
        x, y, side, _ = faces.pop(int(rng.integers(len(faces))))
        x0, y0, x1, y1 = (int(np.clip(v, 0, size)) for v in (x - side * 0.55, y - side * 0.55, x + side * 0.55, y + side * 0.55))
        canvas[y0:y1, x0:x1] = backgrounds.cut(rng, backs, size)[: y1 - y0, : x1 - x0]
    if rng.random() < 0.45:  # letterboxed
        bar = int(size * rng.choice([0.125, 0.21875, rng.uniform(0, 0.25)]))
        tall = rng.random() < 0.3
        kept = [f for f in faces if bar + 2 < (f[0] if tall else f[1]) < size - bar - 2]
        for at in (slice(0, bar), slice(size - bar, size)):
            canvas[(slice(None), at) if tall else (at,)] = 127
        faces = kept
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
        faces = [(size - x, y, side, -roll) for x, y, side, roll in faces]
    canvas = np.ascontiguousarray(canvas)
    gentle = np.array([1, 1, 1, 1, 1, 1, 0.6, 0.6, 0.7, 0.6, 1], np.float32)  # the picture is shrunk, and its faults with it
    raster.damage(canvas, augment.sensor(rng, 0.12) * gentle, int(rng.integers(1 << 30)))
    return Scene(canvas, np.array(faces, np.float32).reshape(-1, 4))


def targets(scenes: list[Scene], size: int) -> tuple[Tensor, Tensor, Tensor]:
    """(heat [B, h, w], values [B, 5, h, w], weight [B, h, w]) for pictures of ``size``: values hold around each centre."""
    cells = size // STRIDE
    n = len(scenes)
    heat, values, weight = (np.zeros(shape, np.float32) for shape in ((n, cells, cells), (n, 5, cells, cells), (n, cells, cells)))
    at = np.arange(cells) + 0.5
    for i, s in enumerate(scenes):
        for x, y, side, roll in s.faces:
            dx, dy = x / STRIDE - at[None], y / STRIDE - at[:, None]
            spread = np.clip(0.08 * side / STRIDE, 0.45, 2.0)
            bump = np.exp(-(dx**2 + dy**2) / (2 * spread**2))
            near = (np.abs(dx) <= 1.01) & (np.abs(dy) <= 1.01)
            bump = np.where((np.abs(dx) <= 0.5) & (np.abs(dy) <= 0.5), 1.0, bump)
            heat[i] = np.maximum(heat[i], bump)
            weight[i][near] = 1
            told = (np.full_like(bump, v) for v in (np.log(side / size), np.sin(roll), np.cos(roll)))
            values[i][:, near] = np.stack([*np.broadcast_arrays(dx, dy), *told])[:, near]
    return torch.from_numpy(heat), torch.from_numpy(values), torch.from_numpy(weight)


def loss(out: Tensor, heat: Tensor, values: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """CenterNet's focal loss on the heat map, and L1 beside the centres."""
    p = torch.sigmoid(out[:, 0]).clamp(1e-5, 1 - 1e-5)
    centre = heat > 0.999
    count = centre.sum().clamp(min=1)
    hit = -(((1 - p) ** 2) * torch.log(p))[centre].sum() / count
    miss = -(((1 - heat) ** 4) * p**2 * torch.log(1 - p))[~centre].sum() / count
    beside = (F.l1_loss(out[:, 1:], values, reduction="none").sum(1) * weight).sum() / weight.sum().clamp(min=1)
    return {"hit": hit, "miss": miss, "beside": 0.3 * beside}


class Data:
    """Scenes from all packs there are."""

    def __init__(self, root: Path, options: FinderOptions, seed: int, size: int) -> None:
        self.options, self.size = options, size
        self.rng = np.random.default_rng([seed, 4])
        self.backs = backgrounds.bank(0, 160)

        def read(kind: str) -> list[packs.Pack]:
            folders = packs.folders(root, kind)
            splits.assert_trainable([packs.number(f) for f in folders])
            return [packs.load(f) for f in folders]

        self.wide, self.close = read(packs.WIDE), read(packs.CLOSE)

    def next(self) -> list[Scene]:
        return [scene(self.wide, self.close, self.backs, self.rng, self.options, self.size) for _ in range(self.options.batch)]


def train(root: Path, out: Path, minutes: float, options: FinderOptions, start: Path | None = None) -> None:
    """One run, from the averaged weights of the run ``start`` if given. Writes ``out/run.safetensors`` every two minutes, and
    ``out/log.jsonl``."""
    torch.manual_seed(options.seed)
    state = {"step": 0, "seconds": 0.0}
    average: dict[str, Tensor] = {}
    adam: dict[str, Tensor] = {}
    model = Finder(FinderConfig())
    if checkpoint.there(out):
        weights, average, adam, state = checkpoint.load(out)
        model.load_state_dict(weights)
    elif start:
        model.load_state_dict(checkpoint.load(start)[1])
    model = model.to(memory_format=torch.channels_last).train()
    average = average or {n: t.clone() for n, t in model.state_dict().items()}
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, betas=(0.9, 0.99))
    checkpoint.restore(optimiser, adam)
    data = Data(root, options, options.seed + 1000 * state["step"], model.config.size)
    out.mkdir(parents=True, exist_ok=True)
    told = {**asdict(options), "minutes": minutes, "begin": checkpoint.called(start) if start else "nothing"}
    (out / "options.json").write_text(json.dumps(told, indent=1), "utf-8")
    began, saved, told = time.monotonic() - state["seconds"], time.monotonic(), time.monotonic()
    sums: dict[str, float] = {}
    count = 0
    while True:
        elapsed = time.monotonic() - began
        progress = min(elapsed / (minutes * 60), 1.0)
        for group in optimiser.param_groups:
            warm = min(1, (state["step"] + 1) / 100)
            group["lr"] = options.learning_rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        scenes = data.next()
        wanted = targets(scenes, model.config.size)
        pictures = torch.from_numpy(np.stack([s.picture for s in scenes])).permute(0, 3, 1, 2)
        with torch.autocast("cpu", torch.bfloat16):
            output = model(pictures)
        terms = loss(output, *wanted)
        optimiser.zero_grad(set_to_none=True)
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        state["step"] += 1
        with torch.no_grad():
            keep = min(options.average, (1 + state["step"]) / (20 + state["step"]))
            for n, t in model.state_dict().items():
                average[n].lerp_(t, 1 - keep) if t.is_floating_point() else average[n].copy_(t)
        count += 1
        for k, v in terms.items():
            sums[k] = sums.get(k, 0.0) + float(v.detach())
        now = time.monotonic()
        if now - told > 30 or progress >= 1:
            line = {"step": state["step"], "minutes": round(elapsed / 60, 2), "cpu": round(time.process_time()),
                    **{k: round(v / count, 4) for k, v in sums.items()}}  # fmt: skip
            print(json.dumps(line), flush=True)
            with (out / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            sums, count, told = {}, 0, now
        if now - saved > 60 or progress >= 1:
            state["seconds"] = elapsed
            checkpoint.save(out, model, average, optimiser, state)
            saved = now
        if progress >= 1:
            return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--begin", type=Path, help="an earlier run to begin with, on a fresh schedule")
    parser.add_argument("--learning-rate", type=float, default=FinderOptions.learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args.packs, args.out, args.minutes, FinderOptions(learning_rate=args.learning_rate, seed=args.seed), args.begin)


if __name__ == "__main__":
    main()
