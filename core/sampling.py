# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves at other times, without losing what is shorter than a frame."""

from __future__ import annotations

import numpy as np

from .curves import Curves

_WORTH_KEEPING = 0.01  # an extreme that linear sampling would miss by more than this is put on the nearest time; less is not seen


def at_times(curves: Curves, times: np.ndarray) -> Curves:
    """Linear interpolation at ``times`` [M] (seconds, rising), ends held, but a peak or dip that no time falls on moves to the nearest one.

    A lip closure lasts about 40 ms, as long as a frame at 24 fps: sampled plainly, many never quite close. All channels move alike, so what
    closes together stays together. Sampling at the curves' own times changes nothing.
    """
    plain = curves.resample(times)
    if len(curves.times) < 3 or len(times) < 2 or not curves.names:
        return plain
    times = np.asarray(times, np.float64)
    rows, channels = len(curves.times), len(curves.names)
    v = curves.values.T.ravel()
    row = np.tile(np.arange(rows), channels)
    begins = (row == 0) | np.append(True, v[1:] != v[:-1])  # runs of equal values: a peak or dip may be a plateau
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(v)) - 1
    inner = (row[first] > 0) & (row[last] < rows - 1)
    first, last = first[inner], last[inner]
    turns = (v[first] > v[first - 1]) == (v[first] > v[last + 1])
    first, last = first[turns], last[turns]
    begin, end = curves.times[row[first]], curves.times[row[last]]
    right = np.searchsorted(times, begin)
    unseen = (right == np.searchsorted(times, end, side="right")) & (right > 0) & (right < len(times))  # no time falls on it
    first, right, middle = first[unseen], right[unseen], (begin + end)[unseen] / 2
    nearest = np.where(middle - times[right - 1] <= times[right] - middle, right - 1, right)
    value, channel = v[first], first // rows
    missed = np.abs(value - plain.values[nearest, channel])
    keep = np.flatnonzero(missed > _WORTH_KEEPING)
    keep = keep[np.argsort(missed[keep], kind="stable")]  # of two that meet, the one that would lose more is written last
    out = plain.values.copy()
    out[nearest[keep], channel[keep]] = value[keep]
    return Curves(curves.names, times, out)


def smooth(curves: Curves, sigma: float) -> Curves:
    """Gaussian smoothing with the standard deviation ``sigma`` (seconds; 0 changes nothing), sharp extremes kept. Expects even sampling.

    A peak or dip that stands out on both sides by more than 0.1 within 3 sigma (a closure, a blink) is put back: what smoothing took
    from it is added again under a bump half as wide. What lies between such extremes, and jitter, is smoothed.
    """
    if sigma <= 0 or len(curves.times) < 3 or not curves.names:
        return curves
    step = (curves.times[-1] - curves.times[0]) / (len(curves.times) - 1)
    reach = int(np.ceil(3 * sigma / step))
    v = curves.values.astype(np.float64)
    smoothed = _gaussian(v, sigma / step)
    window = max(1, min(reach, len(v) - 1))
    pad = np.pad(v, ((window, window), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(pad, window + 1, axis=0)
    past, ahead = windows[: len(v)], windows[window:]
    low, high = np.maximum(past.min(2), ahead.min(2)), np.minimum(past.max(2), ahead.max(2))
    peak = (v >= past.max(2)) & (v >= ahead.max(2)) & (v - low > 0.1)
    dip = (v <= past.min(2)) & (v <= ahead.min(2)) & (high - v > 0.1)
    marks = (peak | dip).astype(np.float64)
    width = max(sigma / step / 2, 0.5)
    weight = _gaussian(marks, width)
    lost = _gaussian(marks * (v - smoothed), width)
    back = np.where(weight > 1e-9, lost / np.maximum(weight, 1e-9), 0.0)
    bump = np.minimum(weight * width * np.sqrt(2 * np.pi), 1.0)
    result = np.where(marks > 0, v, smoothed + back * bump)
    return Curves(curves.names, curves.times, result.astype(np.float32))


def _gaussian(v: np.ndarray, sigma: float) -> np.ndarray:
    """Along the first axis, edges held; sigma in samples."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    pad = np.pad(v, ((reach, reach), (0, 0)), mode="edge")
    out = np.zeros_like(v)
    for i, k in enumerate(kernel):
        out += k * pad[i : i + len(v)]
    return out
