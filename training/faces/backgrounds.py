# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind a face: walls, gradients, blurred rooms, clutter with hard edges and textures; no photographs."""
from __future__ import annotations

import functools

import numpy as np

from . import raster

SIDE = 256
COUNT = 480


def _colour(rng: np.random.Generator) -> np.ndarray:
    grey = rng.random()
    return np.clip(grey + rng.normal(0, 0.09 if rng.random() < 0.75 else 0.3, 3), 0, 1) * 255


def _noise(rng: np.random.Generator, cells: float) -> np.ndarray:
    """[SIDE, SIDE] in 0..1 with about ``cells`` cells across."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    stretch = np.exp(rng.normal(0, 0.4))
    at = np.stack([x * stretch, y / stretch, np.full_like(x, rng.random() * 99)], -1).reshape(-1, 3)
    return raster.noise(np.ascontiguousarray(at), cells, int(rng.integers(1 << 30))).reshape(SIDE, SIDE)


def make(rng: np.random.Generator) -> np.ndarray:
    """One background, uint8 [SIDE, SIDE, 3]."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    a, b = _colour(rng), _colour(rng)
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.clip((x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn) + 0.5, 0, 1)[..., None]
    out = a + (b - a) * ramp * rng.random()
    kind = rng.random()
    if kind > 0.18:
        for cells in (2, 5, 12, 30):
            out = out + (_noise(rng, cells)[..., None] - 0.5) * rng.normal(0, 60 / cells**0.5, 3) * (rng.random() < 0.6)
    if kind > 0.3:
        for _ in range(int(rng.integers(2, 40))):
            cx, cy, w, h = rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.1), *(rng.uniform(0.02, 0.6, 2) ** 1.5 + 0.01)
            turn = rng.choice([0.0, rng.uniform(0, np.pi)])
            u, v = (x - cx) * np.cos(turn) + (y - cy) * np.sin(turn), (y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)
            inside = (u / w) ** 2 + (v / h) ** 2 < 1 if rng.random() < 0.35 else (np.abs(u) < w) & (np.abs(v) < h)
            if not inside.any():
                continue
            colour = _colour(rng)
            pattern = rng.random()
            fill = np.broadcast_to(colour, (SIDE, SIDE, 3))[inside]
            if pattern < 0.25:
                fill = fill + 60 * np.sign(np.sin(u * rng.uniform(20, 200)))[inside][:, None]
            elif pattern < 0.5:
                fill = fill + (_noise(rng, rng.uniform(5, 60))[inside][:, None] - 0.5) * rng.uniform(20, 160)
            elif pattern < 0.6:
                fill = fill * (0.4 + 0.6 * (1 - ((u / w) ** 2 + (v / h) ** 2)[inside][:, None]).clip(0, 1))
            out[inside] = fill
    picture = np.ascontiguousarray(np.clip(out, 0, 255).astype(np.uint8))
    blur = rng.choice([0.0, rng.uniform(0.5, 6)], p=[0.35, 0.65])
    raster.damage(picture, np.array([1, 1, 1, 0, 1, 0, blur, blur, rng.uniform(0, 6), 0, 1], np.float32), int(rng.integers(1 << 30)))
    return picture


@functools.cache
def bank(seed: int, count: int = COUNT) -> np.ndarray:
    """uint8 [count, SIDE, SIDE, 3], the same for the same seed."""
    rng = np.random.default_rng([seed, 77])
    return np.stack([make(rng) for _ in range(count)])


def cut(rng: np.random.Generator, backs: np.ndarray, size: int) -> np.ndarray:
    """A piece of a background at any scale, turned or mirrored."""
    back = backs[rng.integers(len(backs))]
    scale = rng.uniform(0.5, 1.2)
    turn = rng.normal(0, 0.15) + rng.integers(4) * (np.pi / 2) * (rng.random() < 0.3)
    c, s = np.cos(turn) * scale * SIDE / size * 0.8, np.sin(turn) * scale * SIDE / size * 0.8
    centre = SIDE / 2 + rng.uniform(-60, 60, 2)
    matrix = np.array([[c, -s, centre[0] - (c - s) * size / 2], [s, c, centre[1] - (s + c) * size / 2]])
    out = raster.warp(back, matrix, size, bool(rng.random() < 0.5))
    if rng.random() < 0.5:
        out = out[..., rng.permutation(3)]
    return np.ascontiguousarray(out)
