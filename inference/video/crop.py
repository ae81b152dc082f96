# SPDX-License-Identifier: GPL-3.0-or-later
"""The square of a picture that the point network looks at: where it lies, how it is cut out, and how points in it become pixels again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from .points import LANDMARK68

# The crop's side in parts of the longer side of the box around the 68 landmarks: the face with its forehead, and room to move.
ROOM: Final = 1.6
# The landmarks end at the brows; the middle of the crop lies this part of the box's side above the middle of the box.
RAISED: Final = 0.06


@dataclass(frozen=True)
class Crop:
    """x, y: centre, side: length, all px of the picture. quarter: quarter turns counter-clockwise that make the face upright."""

    x: float
    y: float
    side: float
    quarter: int = 0

    @classmethod
    def around(cls, points: np.ndarray, quarter: int = 0) -> Crop:
        """The crop that belongs to a face. points: [P, 2] px, or the 68 landmarks alone."""
        outline = points[list(LANDMARK68)]
        low, high = outline.min(0), outline.max(0)
        longer = float(max(high - low))
        up = {0: (0.0, -1.0), 1: (1.0, 0.0), 2: (0.0, 1.0), 3: (-1.0, 0.0)}[quarter % 4]
        x, y = ((low + high) / 2 + np.array(up) * RAISED * longer).tolist()
        return cls(x, y, max(ROOM * longer, 4.0), quarter % 4)

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """[..., 2] in parts of the crop (x right, y down) to px of the picture."""
        return _turn(np.asarray(points, np.float64) - 0.5, -self.quarter) * self.side + (self.x, self.y)

    def from_pixels(self, points: np.ndarray) -> np.ndarray:
        """The inverse of ``to_pixels``."""
        return _turn((np.asarray(points, np.float64) - (self.x, self.y)) / self.side, self.quarter) + 0.5

    def differs(self, other: Crop) -> float:
        """How far apart two crops are, in parts of the side: the larger of what the centre and the size moved."""
        if self.quarter != other.quarter:
            return math.inf
        moved = max(abs(self.x - other.x), abs(self.y - other.y)) / self.side
        return max(moved, abs(math.log(other.side / self.side)))

    def snapped(self) -> Crop:
        """The same on whole pixels, so that a still face is cut out of a still picture alike."""
        side = max(round(self.side), 4)
        left, top = round(self.x - side / 2), round(self.y - side / 2)
        return Crop(left + side / 2, top + side / 2, side, self.quarter)


def _turn(offsets: np.ndarray, quarter: int) -> np.ndarray:
    """Offsets [..., 2] in a picture, as they are in the picture turned counter-clockwise by quarter turns (y points down)."""
    x, y = offsets[..., 0], offsets[..., 1]
    x, y = {0: (x, y), 1: (y, -x), 2: (-x, -y), 3: (-y, x)}[quarter % 4]
    return np.stack([x, y], -1)


def cut(rgb: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """The crop as uint8 [size, size, 3], averaged where it shrinks (a bilinear filter of fitting width). Outside the picture it is black.

    rgb: uint8 [H, W, 3]. The crop is taken on whole pixels (``Crop.snapped``).
    """
    import torch

    snapped = crop.snapped()
    side = int(snapped.side)
    left, top = round(snapped.x - side / 2), round(snapped.y - side / 2)
    height, width = rgb.shape[:2]
    x0, x1, y0, y1 = max(left, 0), min(left + side, width), max(top, 0), min(top + side, height)
    if (x0, x1, y0, y1) == (left, left + side, top, top + side):
        square = rgb[y0:y1, x0:x1]
    else:
        square = np.zeros((side, side, 3), np.uint8)
        if x1 > x0 and y1 > y0:
            square[y0 - top : y1 - top, x0 - left : x1 - left] = rgb[y0:y1, x0:x1]
    if side != size:
        # torch resizes bytes three times faster than a copy to float would take.
        channels_last = torch.from_numpy(np.ascontiguousarray(square)).permute(2, 0, 1)[None]
        resized = torch.nn.functional.interpolate(channels_last, (size, size), mode="bilinear", align_corners=False, antialias=True)
        square = resized[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(np.rot90(square, crop.quarter) if crop.quarter else square)
