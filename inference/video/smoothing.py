# SPDX-License-Identifier: GPL-3.0-or-later
"""Smoothing that knows its noise: still faces stop trembling, blinks and lip closures stay as short and as deep as they were.

Each value is averaged with its neighbours in time as far as they differ from it by no more than noise does (a bilateral filter; Tomasi,
Manduchi 1998). A blink differs by many times the noise and is left alone, edges and depth; a low-pass would flatten it. The noise of
a channel is measured on the clip itself, and never taken for more than the solver's own uncertainty.
"""
from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

import numpy as np

from .gaps import SHORT

REACH: Final = 0.09  # s: standard deviation of the neighbourhood at amount 1; a blink lasts 0.15 s and is kept by its depth
DIFFERENCE: Final = 2.2  # noise standard deviations at which a neighbour counts for 0.6
SLOW: Final = 0.05  # s: standard deviation at amount 1 of the average that brows and cheeks, which take 0.2 s to rise, go through besides
FLOOR: Final = 1e-4


def stretches(valid: np.ndarray, times: np.ndarray, cuts: Sequence[float] = ()) -> list[tuple[int, int]]:
    """Runs (start, end) of valid rows that no cut (a time in s) divides."""
    out: list[tuple[int, int]] = []
    shot = np.searchsorted(np.sort(np.asarray(cuts, float)), times, side="right")
    for i in np.flatnonzero(valid):
        if out and out[-1][1] == i and shot[i] == shot[i - 1]:
            out[-1] = (out[-1][0], int(i) + 1)
        else:
            out.append((int(i), int(i) + 1))
    return out


def noise(values: np.ndarray) -> np.ndarray:
    """Frame-to-frame noise [C] of channels [T, C]: the median size of second differences, which movements of a face hardly raise."""
    if len(values) < 5:
        return np.zeros(values.shape[1])
    second = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
    return np.median(second, 0) * 1.4826 / np.sqrt(6)


def smooth(times: np.ndarray, values: np.ndarray, sigma: np.ndarray | float, amount: float = 1.0) -> np.ndarray:
    """One stretch without gaps, [T, C]; times [T] s; sigma [T, C] or a number: the most that noise can be; amount 0 (off) to 2."""
    values = np.asarray(values, np.float64)
    if amount < 0.02 or len(values) < 3:  # below that nothing would change
        return values.copy()
    step = max(float(np.median(np.diff(times))), 1e-3)
    most = np.broadcast_to(np.asarray(sigma, np.float64), values.shape)
    typical = np.maximum(np.median(most, 0), FLOOR)
    scale = np.maximum(np.minimum(noise(values), typical) * (most / typical), FLOOR) * DIFFERENCE * min(amount, 1.5)
    reach = REACH * amount
    half = int(min(np.ceil(2.2 * reach / step), len(values) - 1))
    total, weights = values.copy(), np.ones_like(values)
    for lag in range(1, half + 1):
        near = np.exp(-0.5 * ((times[lag:] - times[:-lag]) / reach) ** 2)[:, None]
        apart = values[lag:] - values[:-lag]
        for here, there, difference in ((slice(lag, None), slice(None, -lag), apart), (slice(None, -lag), slice(lag, None), -apart)):
            weight = near * np.exp(-0.5 * (difference / scale[here]) ** 2)
            total[here] += weight * values[there]
            weights[here] += weight
    return total / weights


def slowed(times: np.ndarray, values: np.ndarray, amount: float = 1.0) -> np.ndarray:
    """One stretch [T, C] of what never moves fast, averaged over time [T] s, so that no single frame twitches."""
    if amount < 0.02 or len(values) < 3:
        return np.array(values, np.float64)
    return averaged(times, values, SLOW * amount)


def averaged(times: np.ndarray, values: np.ndarray, reach: float) -> np.ndarray:
    """One stretch [T, C] averaged over time [T] s by a Gaussian of standard deviation ``reach`` s; linear in the values."""
    values = np.asarray(values, np.float64)
    step = max(float(np.median(np.diff(times))), 1e-3) if len(times) > 1 else 1.0
    total, weights = values.copy(), np.ones((len(values), 1))
    for lag in range(1, min(int(np.ceil(2.5 * reach / step)), len(values) - 1) + 1):
        near = np.exp(-0.5 * ((times[lag:] - times[:-lag]) / reach) ** 2)[:, None]
        total[lag:] += near * values[:-lag]
        total[:-lag] += near * values[lag:]
        weights[lag:] += near
        weights[:-lag] += near
    return total / weights


def fill(times: np.ndarray, values: np.ndarray, valid: np.ndarray, cuts: Sequence[float] = (), longest: float = SHORT) -> np.ndarray:
    """Interpolates gaps of at most ``longest`` seconds in ``values`` [T, C] in place, none across a cut. Returns the new ``valid`` [T]."""
    valid = np.asarray(valid, bool).copy()
    runs = stretches(valid, times, ())
    for (_, end), (start, _) in itertools.pairwise(runs):
        before, after = end - 1, start
        cut = any(times[before] < c <= times[after] for c in cuts)
        if times[after] - times[before] > longest + 1e-9 or cut:
            continue
        share = ((times[end:start] - times[before]) / (times[after] - times[before]))[:, None]
        values[end:start] = (1 - share) * values[before] + share * values[after]
        valid[end:start] = True
    return valid
