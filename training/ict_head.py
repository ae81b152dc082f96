# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring head: ARKit channels to lip gap, mouth width and nose-chin distance on the ICT-FaceKit neutral face, differentiably.

ICT-FaceKit (MIT, github.com/ICT-VGL/ICT-FaceKit) names its shapes ``jawOpen``, ``mouthSmile_L``, ...; ``browInnerUp`` and ``cheekPuff`` are
one ARKit channel for two of its shapes. The head is linear: v = neutral + sum of channel x shape.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

# 68-point landmarks (0-based): inner lips, mouth corners, nose tip and chin, outer eye corners.
UPPER_LIP, LOWER_LIP, RIGHT_CORNER, LEFT_CORNER, NOSE, CHIN, RIGHT_EYE, LEFT_EYE = 62, 66, 48, 54, 30, 8, 36, 45
USED = (UPPER_LIP, LOWER_LIP, RIGHT_CORNER, LEFT_CORNER, NOSE, CHIN, RIGHT_EYE, LEFT_EYE)
MEASURES = ("gap", "width", "noseChin")
BOTH_SIDES = ("browInnerUp", "cheekPuff")


def shape_names(channel: str) -> tuple[str, ...]:
    """ICT-FaceKit's names for one ARKit channel."""
    if channel in BOTH_SIDES:
        return (f"{channel}_L", f"{channel}_R")
    for side in ("Left", "Right"):
        if channel.endswith(side) and channel not in (f"jaw{side}", f"mouth{side}"):
            return (f"{channel.removesuffix(side)}_{side[0]}",)
    return (channel,)


@dataclass(frozen=True)
class Head:
    """The eight landmarks that are measured. neutral [8, 3] cm; shapes: channel -> [8, 3] cm at full weight (absent: no effect)."""

    neutral: np.ndarray
    shapes: dict[str, np.ndarray]

    def basis(self, names: Sequence[str]) -> Tensor:
        """float32 [len(names), 8, 3]."""
        return torch.tensor(np.stack([self.shapes.get(n, np.zeros((8, 3))) for n in names]), dtype=torch.float32)

    def measure(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Channels [..., N] (0..1) to [..., 3]: gap, width and nose-chin over the distance of the outer eye corners."""
        points = torch.tensor(self.neutral, dtype=torch.float32) + torch.einsum("...n,npc->...pc", values, self.basis(names))

        def distance(a: int, b: int) -> Tensor:
            return ((points[..., a, :] - points[..., b, :]).square().sum(-1) + 1e-12).sqrt()

        return torch.stack([distance(0, 1), distance(2, 3), distance(4, 5)], -1) / distance(6, 7)[..., None]


def load(path: Path, channels: Sequence[str]) -> Head:
    """Read ``ict_facekit.npz`` (see docs/training.md for its layout)."""
    with np.load(path, allow_pickle=False) as z:
        vertices = z["lmk68"][list(USED)].astype(int)
        index = {str(n): i for i, n in enumerate(z["expression_names"])}
        expression = z["expression"][:, vertices].astype(np.float64)
        neutral = z["neutral"][vertices].astype(np.float64)
    shapes = {}
    for channel in channels:
        found = [expression[index[n]] for n in shape_names(channel) if n in index]
        if found:
            shapes[channel] = np.sum(found, 0)
    return Head(neutral, shapes)
