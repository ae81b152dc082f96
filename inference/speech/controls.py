# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may ask of the mouth as a whole, each a number with a neutral: set before the track's events, so lips still close."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError

# Twice a mouth is a shout or a caricature; beyond it channels only stick at 1.
RANGE: Final = (0.0, 2.0)
# The jaw and its corrective, which closes the lips over an open jaw, so that one scale leaves the lips as they were.
JAW: Final = ("jawOpen", "jawForward", "mouthClose")
# Seconds of the mean that articulation pulls towards: a phrase, so that words lose and syllables keep their posture.
PHRASE: Final = 1.0


@dataclass(frozen=True)
class Controls:
    """Each from 0 to 2, and 1 leaves the mouth exactly as it is.

    jaw:          scale of the jaw's opening; 0 speaks through closed teeth
    lips:         scale of the lips' shapes (rounding, spreading, raising, lowering, rolling)
    articulation: distance from the running mean of a second; under 1 mumbled (hypo-articulated), above 1 exaggerated
    """

    jaw: float = 1.0
    lips: float = 1.0
    articulation: float = 1.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not RANGE[0] <= value <= RANGE[1]:
                hint = f"Use a number from {RANGE[0]:g} to {RANGE[1]:g}; 1 changes nothing."
                raise UserError(f"The control '{f.name}' is {value!r}.", hint)


NEUTRAL: Final = Controls()


def apply_controls(curves: Curves, controls: Controls) -> Curves:
    """The mouth as asked, in 0..1. Every channel of mouth, jaw, cheeks and tongue rises with its scale and moves away from its running
    mean with articulation; at the neutral ``curves`` itself comes back."""
    if controls == NEUTRAL or not len(curves.times):
        return curves
    values = curves.values.copy()
    mouth = [i for i, n in enumerate(curves.names) if n.startswith(("jaw", "mouth", "cheek", "tongue"))]
    if controls.articulation != 1 and mouth:
        usual = running_mean(curves.times, values[:, mouth])
        values[:, mouth] = usual + controls.articulation * (values[:, mouth] - usual)
        np.clip(values, 0, 1, out=values)
    for column in mouth:
        name = curves.names[column]
        if name in JAW:
            values[:, column] *= controls.jaw
        elif name.startswith("mouth"):
            values[:, column] *= controls.lips
    return Curves(curves.names, curves.times, np.clip(values, 0, 1, out=values))


def running_mean(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Mean over ``PHRASE`` seconds about each time, triangular weights; the ends weigh what there is. Float32 [T, N]."""
    half = max(1, round(PHRASE / (2 * _spacing(times))))
    out = values.astype(np.float64)
    for _ in range(2):
        sums = np.concatenate([np.zeros((1, out.shape[1])), np.cumsum(out, 0)])
        rows = np.arange(len(out))
        low, high = np.maximum(rows - half // 2, 0), np.minimum(rows + half // 2 + 1, len(out))
        out = (sums[high] - sums[low]) / (high - low)[:, None]
    return out.astype(np.float32)


def _spacing(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else PHRASE
