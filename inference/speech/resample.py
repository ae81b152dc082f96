# SPDX-License-Identifier: GPL-3.0-or-later
"""Network frames (50 a second) to the output's frame rate, smoothly."""

from __future__ import annotations

import numpy as np

from .features import FRAME_SECONDS

# Rows computed at a time: four neighbours of each are gathered, and an hour has 216,000 of them at 60 a second.
_ROWS = 20_000


def resample_frames(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Catmull-Rom through the frames (frame i lies at (i + 0.5) * 0.02 s), clipped to 0..1; the ends are held.

    values: float32 [T, K]; times: float64 [N], seconds. Returns float32 [N, K]. An interpolating cubic keeps the amplitude of
    syllables (a smoothing spline takes 6 % of them at 5 Hz). The face moves slower than 10 Hz, so rates from 24 up need no filter.
    """
    out = np.zeros((len(times), values.shape[1]), np.float32)
    last = len(values) - 1
    if last < 0:
        return out
    for at in range(0, len(times), _ROWS):
        position = np.clip(times[at : at + _ROWS] / FRAME_SECONDS - 0.5, 0, last)
        i = np.minimum(position.astype(np.intp), max(last - 1, 0))
        x = (position - i).astype(np.float32)[:, None]
        before, here, there, after = (values[np.clip(i + k, 0, last)] for k in (-1, 0, 1, 2))
        slope, slope_there = 0.5 * (there - before), 0.5 * (after - here)
        rise = there - here
        cubic = here + x * (slope + x * ((3 * rise - 2 * slope - slope_there) + x * (slope + slope_there - 2 * rise)))
        out[at : at + _ROWS] = np.clip(cubic, 0, 1)
    return out
