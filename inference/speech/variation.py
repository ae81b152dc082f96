# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes differ: for seeds above 0 the mouth's strength drifts slowly, as no speaker says a sentence twice with the same effort."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core.curves import Curves
from .resample import resample_frames

# Channels that one effort moves together.
GROUPS: Final = (
    ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    ("mouthFunnel", "mouthPucker"),
    ("mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthDimpleLeft", "mouthDimpleRight"),
)  # fmt: skip
# Standard deviation of the strength: about what separates two readings by one speaker; the lip gap's r with the mean take stays over 0.99.
SPREAD: Final = 0.1
# Seconds between two independent strengths: a phrase, so that no syllable jumps against its neighbour.
KNOT: Final = 1.5


def vary(curves: Curves, seed: int) -> Curves:
    """Curves of take ``seed``; seed 0 is the mean take and comes back unchanged. The drift of a time depends only on seed and time."""
    if seed == 0 or not len(curves.times):
        return curves
    values = curves.values.copy()
    knots = int(curves.times[-1] / KNOT) + 3
    for number, group in enumerate(GROUPS):
        drawn = np.random.default_rng((seed, 100 + number)).standard_normal(knots).clip(-2, 2)
        # resample_frames works on 0..1 at 50 frames a second: scale the draw and the time to that
        drift = resample_frames((drawn[:, None] / 8 + 0.5).astype(np.float32), curves.times * 0.02 / KNOT + 0.01)[:, 0]
        gain = 1 + SPREAD * 8 * (drift - 0.5)
        columns = [i for i, n in enumerate(curves.names) if n in group]
        values[:, columns] *= gain[:, None]
    return Curves(curves.names, curves.times, np.clip(values, 0, 1))
