# SPDX-License-Identifier: GPL-3.0-or-later
"""The square around a face that the point network looks at: where it lies for given points, and how to cut it out of a picture."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

MARGIN: Final = 1.2  # side of the crop over the larger extent of the points
_NASION, _CHIN = 27, 8  # equally far forward on a head, so the line between them leans with the roll only, hardly with yaw


@dataclass(frozen=True)
class Crop:
    """A square: centre x, y and side in px; roll in radians, + where the head leans clockwise in the picture."""

    x: float
    y: float
    side: float
    roll: float = 0.0

    def matrix(self, size: int) -> np.ndarray:
        """float64 [2, 3]: pixel coordinates of a ``size`` x ``size`` crop to those of the picture."""
        k, c, s = self.side / size, np.cos(self.roll), np.sin(self.roll)
        turn = k * np.array([[c, -s], [s, c]])
        return np.concatenate([turn, np.array([[self.x], [self.y]]) - turn @ np.full((2, 1), size / 2)], 1)

    def to_picture(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] in units of the crop (0..1) to px of the picture."""
        m = self.matrix(1)
        return points @ m[:, :2].T + m[:, 2]

    def from_picture(self, points: np.ndarray) -> np.ndarray:
        """Points [..., 2] in px of the picture to units of the crop."""
        m = self.matrix(1)
        return (points - m[:, 2]) @ np.linalg.inv(m[:, :2]).T


def crop_of(points: np.ndarray, margin: float = MARGIN) -> Crop:
    """The upright square around a face's points [P, 2] px (order of ``points.py``; the irises and the tongue do not count)."""
    from .points import SKIN

    skin = np.asarray(points, np.float64)[:SKIN]
    down = skin[_CHIN] - skin[_NASION]
    roll = float(np.arctan2(-down[0], down[1]))
    c, s = np.cos(roll), np.sin(roll)
    upright = skin @ np.array([[c, -s], [s, c]])
    low, high = upright.min(0), upright.max(0)
    x, y = np.array([[c, -s], [s, c]]) @ ((low + high) / 2)
    return Crop(float(x), float(y), float(margin * (high - low).max()), roll)


def cut(picture: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """The crop as uint8 [size, size, 3] of a picture uint8 [H, W, 3]; edges repeat. Finer pictures are averaged, so no detail flickers."""
    m = crop.matrix(size)
    taps = int(np.clip(np.ceil(crop.side / size - 0.3), 1, 4))
    at = (np.arange(size * taps) + 0.5) / taps
    gx, gy = np.meshgrid(at, at)
    u = np.clip(m[0, 0] * gx + m[0, 1] * gy + m[0, 2] - 0.5, 0, picture.shape[1] - 1).astype(np.float32)
    v = np.clip(m[1, 0] * gx + m[1, 1] * gy + m[1, 2] - 0.5, 0, picture.shape[0] - 1).astype(np.float32)
    iu, iv = np.minimum(u.astype(np.int32), max(picture.shape[1] - 2, 0)), np.minimum(v.astype(np.int32), max(picture.shape[0] - 2, 0))
    fu, fv = (u - iu)[..., None], (v - iv)[..., None]
    ju, jv = np.minimum(iu + 1, picture.shape[1] - 1), np.minimum(iv + 1, picture.shape[0] - 1)
    top = picture[iv, iu] * (1 - fu) + picture[iv, ju] * fu
    bottom = picture[jv, iu] * (1 - fu) + picture[jv, ju] * fu
    out = top * (1 - fv) + bottom * fv
    if taps > 1:
        out = out.reshape(size, taps, size, taps, 3).mean((1, 3))
    return (out + 0.5).astype(np.uint8)
