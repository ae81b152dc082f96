# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the lips touch when the untouched model's do: as figures for the gate, and as a loss that keeps tuning from moving touches.

A softer, smaller mouth lets lips touch where nothing closes, a larger one opens closures, and neither shows in the curves' shape. Counted
at one threshold both come in jumps of one event, so figures are means over thresholds, and the loss slides over a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..speech.lip_gap import TOUCHING

# Gaps that count as touching, in eye-corner distances: a third either side of the one that decides, for another head's lips meet elsewhere.
THRESHOLDS: Final = tuple(float(t) for t in np.linspace(2 / 3, 4 / 3, 9) * TOUCHING)
# A touch is the same one if it comes at most a video frame (40 ms) earlier or later; in network frames.
_NEAR: Final = 2
# In the loss a touch fades over this gap, and must stay within one network frame.
_SOFT, _NEAR_LOSS = 0.004, 1


def kept_and_known(usual: Sequence[np.ndarray], tuned: Sequence[np.ndarray]) -> tuple[float, float]:
    """(share of the usual touches that are kept, share of the tuned touches that are usual ones) over clips of lip gaps [T] at 50 frames a
    second, before and after; 1 where nothing touches."""
    kept = before = known = after = 0
    for threshold in THRESHOLDS:
        for old, new in zip(usual, tuned, strict=True):
            a, b = _spans(old < threshold), _spans(new < threshold)
            before, after = before + len(a), after + len(b)
            kept += _near(a, b)
            known += _near(b, a)
    return (kept / before if before else 1.0), (known / after if after else 1.0)


def _spans(touching: np.ndarray) -> np.ndarray:
    """First and last frame of every touch, int [n, 2]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], touching, [False]])))
    return edges.reshape(-1, 2) - (0, 1)


def _near(spans: np.ndarray, others: np.ndarray) -> int:
    """How many of the spans have one of the others close by."""
    if not len(spans) or not len(others):
        return 0
    meets = (spans[:, None, 0] <= others[None, :, 1] + _NEAR) & (others[None, :, 0] <= spans[:, None, 1] + _NEAR)
    return int(meets.any(1).sum())


def moved(gap: Tensor, usual: Tensor, valid: Tensor) -> Tensor:
    """New and lost touches as a share of the usual ones, differentiable in ``gap``; [S]. gap, usual: [S, F]; valid: bool [S, F]."""
    apart = 10.0 * (~valid).float()
    gap, usual = gap + apart, usual + apart
    now, before = torch.sigmoid((TOUCHING - gap) / _SOFT), torch.sigmoid((TOUCHING - usual) / _SOFT)
    # One touch is one minimum of the gap: long closures weigh no more than short ones.
    here, there = _lowest(gap.detach()), _lowest(usual)
    new = (here * torch.relu(now - _spread(before))).sum(1)
    lost = (there * torch.relu(before - _spread(now))).sum(1)
    return (new + lost) / ((there * before).sum(1) + 1)


def _spread(values: Tensor) -> Tensor:
    """The largest value within ``_NEAR_LOSS`` frames, [S, F]."""
    return functional.max_pool1d(values[:, None], 2 * _NEAR_LOSS + 1, 1, _NEAR_LOSS)[:, 0]


def _lowest(gap: Tensor) -> Tensor:
    return (gap <= -_spread(-gap) + 1e-7).float()
