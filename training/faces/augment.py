# SPDX-License-Identifier: GPL-3.0-or-later
"""From a stored picture to what the point network sees: a crop that is a little off, mirrored or not, through another lens and codec."""
from __future__ import annotations

from dataclasses import dataclass

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


TRACKED = AugmentOptions(shift=0.02, scale=0.03, roll=0.05, rolled_far=0.0)
"""Crops that follow a face: ``tracker`` cuts anew what is off by more than a few percent."""


def jittered(crop: Crop, rng: np.random.Generator, options: AugmentOptions) -> Crop:
    """A crop as the tracker or the finder may hand it over."""
    dx, dy = np.clip(rng.normal(0, options.shift, 2), -0.17, 0.17) * crop.side
    scale = np.exp(np.clip(rng.normal(0, options.scale), -0.22, 0.22))
    roll = rng.uniform(-0.8, 0.8) if rng.random() < options.rolled_far else rng.normal(0, options.roll)
    return Crop(crop.x + dx, crop.y + dy, crop.side * scale, crop.roll + roll)


def sensor(rng: np.random.Generator, grey: float) -> np.ndarray:
    """float32 [11] for ``raster.damage``: white balance, exposure, gamma, contrast, focus and motion blur, noise, block codec."""
    cast = 0.3 if rng.random() < 0.12 else 0.09  # lamps make whole recordings orange
    gain = np.exp(rng.normal(0, 0.16)) * np.exp(rng.normal(0, cast, 3))
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
    raster.damage(out, sensor(rng, options.grey), int(rng.integers(1 << 30)))
    return out, at.astype(np.float32), visible, mirror


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
