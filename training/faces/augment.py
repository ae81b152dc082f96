# SPDX-License-Identifier: GPL-3.0-or-later
"""From a stored picture to what the point network sees: a crop that is a little off, mirrored or not, through another lens and codec."""
from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...inference.video.crop import Crop, crop_of
from ...inference.video.points import MIRROR
from . import raster


@dataclass(frozen=True)
class AugmentOptions:
    """Spread of what is drawn. shift, scale: in crops; roll: radians."""

    shift: float = 0.05
    scale: float = 0.09
    roll: float = 0.16
    rolled_far: float = 0.1  # share of crops turned by up to 45 degrees: the finder's first crop knows no roll
    covered: float = 0.08  # share with something pasted over a part of the face
    grey: float = 0.12
    lip_lines: float = 0.35  # share with a wet glint on the lower lip, and share with a dark line between closed lips


def jittered(crop: Crop, rng: np.random.Generator, options: AugmentOptions) -> Crop:
    """A crop as the tracker or the finder may hand it over."""
    dx, dy = np.clip(rng.normal(0, options.shift, 2), -0.17, 0.17) * crop.side
    scale = np.exp(np.clip(rng.normal(0, options.scale), -0.22, 0.22))
    roll = rng.uniform(-0.8, 0.8) if rng.random() < options.rolled_far else rng.normal(0, options.roll)
    return Crop(crop.x + dx, crop.y + dy, crop.side * scale, crop.roll + roll)


def sensor(rng: np.random.Generator, grey: float) -> np.ndarray:
    """float32 [11] for ``raster.damage``: white balance, exposure, gamma, contrast, focus and motion blur, noise, block codec."""
    gain = np.exp(rng.normal(0, 0.16)) * np.exp(rng.normal(0, 0.09, 3))
    blur = abs(rng.normal(0, 0.55)) if rng.random() < 0.6 else 0.0
    if rng.random() < 0.06:
        blur = rng.uniform(1, 2.2)
    motion = np.array([1.0, 1.0])
    if rng.random() < 0.08:
        motion[rng.integers(2)] += rng.uniform(0.5, 2)
    noise = rng.exponential(2.2) if rng.random() < 0.5 else 0.0
    blocks = rng.uniform(0.1, 1.3) if rng.random() < 0.3 else 0.0
    contrast = np.exp(rng.normal(0.05, 0.16))
    spread = blur * motion + (motion - 1) * 0.8
    gamma, in_grey = np.exp(rng.normal(0, 0.2)), float(rng.random() < grey)
    return np.array([*gain, rng.normal(0, 10), gamma, in_grey, *spread, noise, blocks, contrast], np.float32)


def view(
    picture: np.ndarray, points: np.ndarray, visible: np.ndarray, size: int, rng: np.random.Generator, options: AugmentOptions,
    cover: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, bool]:  # fmt: skip
    """(crop uint8 [size, size, 3], points [P, 2] in its units, visible [P], mirrored or not). cover: a picture to hide parts with."""
    crop = jittered(crop_of(points), rng, options)
    mirror = bool(rng.random() < 0.5)
    out = raster.warp(np.ascontiguousarray(picture), crop.matrix(size), size, mirror)
    at = crop.from_picture(points)
    if mirror:
        at = np.stack([1 - at[:, 0], at[:, 1]], 1)[MIRROR]
        visible = visible[MIRROR]
    visible = visible & (at > 0).all(1) & (at < 1).all(1)
    if cover is not None and rng.random() < options.covered:
        x, y = rng.integers(0, size, 2)
        w, h = rng.integers(size // 10, size // 2, 2)
        x0, y0 = max(x - w // 2, 0), max(y - h // 2, 0)
        patch = out[y0 : y0 + h, x0 : x0 + w]
        u, v = rng.integers(0, cover.shape[0] - patch.shape[0]), rng.integers(0, cover.shape[1] - patch.shape[1])
        patch[:] = cover[u : u + patch.shape[0], v : v + patch.shape[1]]
        px = at * size
        visible = visible & ~((px[:, 0] > x0) & (px[:, 0] < x0 + w) & (px[:, 1] > y0) & (px[:, 1] < y0 + h))
    if visible[_UPPER[1:4] + _LOWER[1:4]].all():
        _lip_lines(out, at, rng, options.lip_lines)
    raster.damage(out, sensor(rng, options.grey), int(rng.integers(1 << 30)))
    return out, at.astype(np.float32), visible, mirror


_UPPER, _LOWER = [60, 61, 62, 63, 64], [60, 67, 66, 65, 64]  # inner lips from corner to corner
_SHUT = 0.03  # eye-corner distances between lips that a dark line may part


def _lip_lines(crop: np.ndarray, points: np.ndarray, rng: np.random.Generator, share: float) -> None:
    """Glints on wet lips and shadows between shut ones, in place: neither says how far lips are apart, and the mesh is too coarse for them.

    crop uint8 [S, S, 3]; points [P, 2] in its units.
    """
    size = len(crop)
    upper, lower = points[_UPPER] * size, points[_LOWER] * size
    apart = np.linalg.norm(upper - lower, axis=1).max() / (np.linalg.norm(points[36] - points[45]) * size + 1e-6)
    scale = size / 112
    if rng.random() < share:
        down = rng.uniform(0.4, 2.6) * scale
        _line(crop, lower + np.array([0, down]), rng.uniform(0.4, 1.0) * scale, rng.uniform(0.05, 0.45), 235.0)
    if rng.random() < share and apart < _SHUT:
        aside = rng.uniform(-0.7, 0.7) * scale
        _line(crop, 0.5 * (upper + lower) + np.array([0, aside]), rng.uniform(0.4, 1.4) * scale, rng.uniform(0.05, 0.6), 20.0)


def _line(crop: np.ndarray, line: np.ndarray, width: float, strength: float, tone: float) -> None:
    """Draws a soft line through [k, 2] px that fades towards its ends, by ``strength`` of the way to a grey ``tone``."""
    low, high = np.floor(line.min(0) - 3 * width).astype(int).clip(0), np.ceil(line.max(0) + 3 * width).astype(int) + 1
    patch = crop[low[1] : high[1], low[0] : high[0]]
    if not patch.size:
        return
    y, x = np.mgrid[low[1] : low[1] + patch.shape[0], low[0] : low[0] + patch.shape[1]] + 0.5
    best = np.zeros(patch.shape[:2])
    for i, (a, b) in enumerate(pairwise(line)):
        d = b - a
        t = (((x - a[0]) * d[0] + (y - a[1]) * d[1]) / (d @ d + 1e-6)).clip(0, 1)
        away = (x - a[0] - t * d[0]) ** 2 + (y - a[1] - t * d[1]) ** 2
        along = (i + t) / (len(line) - 1)
        best = np.maximum(best, np.exp(-away / width**2) * np.sin(np.pi * along.clip(0.02, 0.98)))
    amount = (strength * best)[..., None]
    patch[:] = (patch * (1 - amount) + tone * amount + 0.5).astype(np.uint8)


def no_face(
    picture: np.ndarray, points: np.ndarray, back: np.ndarray, size: int, rng: np.random.Generator, options: AugmentOptions
) -> np.ndarray:
    """A crop uint8 [size, size, 3] without a face, or with a small part of one: a background, or the picture beside the face."""
    if rng.random() < 0.5:
        scale = np.exp(rng.uniform(np.log(0.15), np.log(1.2)))
        crop = Crop(*(rng.uniform(0.2, 0.8, 2) * back.shape[0]), back.shape[0] * scale, rng.uniform(-3, 3))
        out = raster.warp(back, crop.matrix(size), size)
    else:
        face = crop_of(points)
        away = rng.uniform(0, 2 * np.pi)
        side = face.side * rng.uniform(0.2, 0.6)
        reach = (face.side / 2 + side * rng.uniform(0.15, 0.5)) / 1.2
        crop = Crop(face.x + np.cos(away) * reach, face.y + np.sin(away) * reach, side, rng.uniform(-3, 3))
        out = raster.warp(np.ascontiguousarray(picture), crop.matrix(size), size)
    raster.damage(out, sensor(rng, options.grey), int(rng.integers(1 << 30)))
    return out
