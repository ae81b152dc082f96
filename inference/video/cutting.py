# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts crops out of pictures fast: what ``crop.cut`` gives, in a tenth of the time, for a tracker that does it every frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from .crop import Crop

# The face is first shrunk so that this many px make one of the crop's; the turn's interpolation then loses no detail and invents none.
_FINER = 1.25


def cut(picture: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """The crop as uint8 [size, size, 3] of a picture uint8 [H, W, 3]: averaged where it shrinks, edges repeated outside."""
    return cut_all([picture], crop, size)[0]


def cut_all(pictures: Sequence[np.ndarray], crop: Crop, size: int) -> np.ndarray:
    """The same crop of B pictures of one size, uint8 [B, size, size, 3]."""
    height, width = pictures[0].shape[:2]
    reach = crop.side * (abs(np.cos(crop.roll)) + abs(np.sin(crop.roll))) / 2 + 2
    x0, x1 = (int(np.clip(round(crop.x + s), 0, width)) for s in (-reach, reach))
    y0, y1 = (int(np.clip(round(crop.y + s), 0, height)) for s in (-reach, reach))
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    part = torch.from_numpy(np.stack([picture[y0:y1, x0:x1] for picture in pictures])).permute(0, 3, 1, 2)
    shrink = min(size * _FINER / crop.side, 1.0)
    if shrink < 1:
        target = max(round((y1 - y0) * shrink), 1), max(round((x1 - x0) * shrink), 1)
        part = functional.interpolate(part, target, mode="bilinear", align_corners=False, antialias=True)
    # From the crop's units through the picture's px to the part's own, which grid_sample wants as -1..1.
    m = crop.matrix(1)
    scale = np.array([2 / (x1 - x0), 2 / (y1 - y0)])
    turn = m[:, :2] * scale[:, None] / 2
    shift = (m[:, 2] + m[:, :2] @ (0.5, 0.5) - (x0, y0)) * scale - 1
    theta = torch.from_numpy(np.concatenate([turn, shift[:, None]], 1).astype(np.float32))[None]
    grid = functional.affine_grid(theta, [1, 3, size, size], align_corners=False).expand(len(part), -1, -1, -1)
    out = functional.grid_sample(part.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return out.add_(0.5).clamp_(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
