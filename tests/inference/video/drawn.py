# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawn faces, red squares with a blue upper half, and networks that really look for them: a tracker's test needs no weights."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from facewright.inference.video import geometry
from facewright.inference.video.crop import MARGIN
from facewright.inference.video.points import POINTS, SKIN
from facewright.inference.video.points_net import APPEARANCE
from facewright.inference.video.tracker import Dense

# Where the points lie in the square 0..1: the head's own, seen from the front, at rest.
_front = geometry.load().neutral[:, :2] * [1, -1]
_low, _high = _front[:SKIN].min(0), _front[:SKIN].max(0)
LAYOUT = ((_front - (_low + _high) / 2) / (_high - _low).max() + 0.5).astype(np.float32)


def scene(*faces: tuple[float, float, float], width: int = 320, height: int = 180, level: int = 60) -> np.ndarray:
    """A grey picture with a square face for each (left, top, side) in px."""
    image = np.full((height, width, 3), level, np.uint8)
    for left, top, side in faces:
        x0, y0, x1, y1 = (round(v) for v in (left, top, left + side, top + side))
        image[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)] = (200, 20, 20)
    return image


def blobs(rgb: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Boxes x0, y0, x1, y1 of red areas that no column parts."""
    red = (rgb[..., 0].astype(int) - rgb[..., 1]) > 90
    columns = np.flatnonzero(np.diff(np.concatenate([[0], red.any(0).view(np.int8), [0]])))
    out = []
    for x0, x1 in zip(columns[::2], columns[1::2], strict=True):
        rows = np.flatnonzero(red[:, x0:x1].any(1))
        out.append((int(x0), int(rows[0]), int(x1), int(rows[-1]) + 1))
    return out


class DrawnNetworks:
    """Finds the squares in the picture's own pixels. calls: how many crops were looked at; looks: how often in one go; finds."""

    size = 96

    def __init__(self) -> None:
        self.calls = self.looks = self.finds = 0

    def find(self, rgb: np.ndarray) -> Sequence[SimpleNamespace]:
        self.finds += 1
        room = (MARGIN - 1) / 2
        return [
            SimpleNamespace(box=(x0 - room * (x1 - x0), y0 - room * (y1 - y0), MARGIN * (x1 - x0), MARGIN * (y1 - y0)), roll=0.0, score=1.0)
            for x0, y0, x1, y1 in blobs(rgb)
            if x1 - x0 >= 12
        ]

    def look(self, crops: np.ndarray, both_ways: bool = False) -> Dense:
        assert crops.shape[1:] == (self.size, self.size, 3) and crops.dtype == np.uint8
        self.calls += len(crops)
        self.looks += 1
        count = len(crops)
        points = np.full((count, POINTS, 2), 0.5, np.float32)
        face = np.zeros(count, np.float32)
        for i, crop in enumerate(crops):
            found = [b for b in blobs(crop) if b[2] - b[0] > 0.3 * self.size]
            if not found:
                continue
            x0, y0, x1, y1 = min(found, key=lambda b: abs(b[0] + b[2] - self.size))
            points[i] = (np.array([x0, y0]) + LAYOUT * [x1 - x0, y1 - y0]) / self.size
            face[i] = 0.99 if min(x1 - x0, y1 - y0) > 0.3 * self.size else 0.2
        return Dense(
            points, np.full((count, POINTS), 0.004, np.float32), np.ones((count, POINTS), np.float32), face,
            np.full((count, len(APPEARANCE)), -4.0, np.float32),
        )  # fmt: skip
