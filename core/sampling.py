# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves at other times, without losing what is shorter than a frame."""

from __future__ import annotations

import numpy as np

from .curves import Curves

_WORTH_KEEPING = 0.01  # an extreme that linear sampling would miss by more than this is put on the nearest time; less is not seen
_FINEST = 1 / 120  # s between samples of uneven curves while they are smoothed
_SHARP = 0.1  # smoothing keeps peaks and dips that stand out by more than this: closures and blinks do, jitter does not


def at_times(curves: Curves, times: np.ndarray) -> Curves:
    """Linear interpolation at ``times`` [M] (seconds, rising), ends held, but a peak or dip that no time falls on moves to the nearest one.

    A lip closure lasts about 40 ms, as long as a frame at 24 fps: sampled plainly, many never quite close. All channels move alike, so what
    closes together stays together. Sampling at the curves' own times changes nothing.
    """
    times = np.asarray(times, np.float64)
    if np.array_equal(times, curves.times):
        return curves
    if len(curves.times) < 3 or len(times) < 2 or not curves.names:
        return curves.resample(times)
    out = np.empty((len(times), len(curves.names)), np.float32)
    for channel, values in enumerate(curves.values.T):  # one at a time: an hour of all of them at once takes a gigabyte
        out[:, channel] = _at_times(curves.times, values, times)
    return Curves(curves.names, times, out)


def _at_times(own: np.ndarray, v: np.ndarray, times: np.ndarray) -> np.ndarray:
    plain = np.interp(times, own, v)
    first = np.flatnonzero(np.append(True, v[1:] != v[:-1]))  # runs of equal values: a peak or dip may be a plateau
    last = np.append(first[1:], len(v)) - 1
    first, last = first[1:-1], last[1:-1]
    turns = (v[first] > v[first - 1]) == (v[first] > v[last + 1])
    first, last = first[turns], last[turns]
    right = np.searchsorted(times, own[first])
    unseen = (right == np.searchsorted(times, own[last], side="right")) & (right > 0) & (right < len(times))  # no time falls on it
    first, last, right = first[unseen], last[unseen], right[unseen]
    middle = (own[first] + own[last]) / 2
    nearest = np.where(middle - times[right - 1] <= times[right] - middle, right - 1, right)
    missed = np.abs(v[first] - plain[nearest])
    keep = np.flatnonzero(missed > _WORTH_KEEPING)
    keep = keep[np.argsort(missed[keep], kind="stable")]  # of two that meet, the one that would lose more is written last
    plain[nearest[keep]] = v[first[keep]]
    return plain


def smooth(curves: Curves, sigma: float) -> Curves:
    """Gaussian smoothing with the standard deviation ``sigma`` (seconds; 0 changes nothing), sharp extremes kept. What is
    sampled unevenly comes back at even times.

    A peak or dip that stands out on both sides by more than 0.1 within 3 sigma (a closure, a blink) is put back: what smoothing took
    from it is added again under a bump half as wide. What lies between such extremes, and jitter, is smoothed.
    """
    if sigma <= 0 or len(curves.times) < 3 or not curves.names:
        return curves
    step = (curves.times[-1] - curves.times[0]) / (len(curves.times) - 1)
    if np.abs(np.diff(curves.times) - step).max() > 0.1 * step:  # phones and screen recorders do not keep time
        span = curves.times[-1] - curves.times[0]
        count = round(span / max(float(np.diff(curves.times).min()), _FINEST))
        curves, step = at_times(curves, np.linspace(curves.times[0], curves.times[-1], count + 1)), span / count
    out = np.empty_like(curves.values)
    for channel, values in enumerate(curves.values.T):
        out[:, channel] = _smooth(values.astype(np.float64), sigma / step)
    return Curves(curves.names, curves.times, out)


def _smooth(v: np.ndarray, sigma: float) -> np.ndarray:
    """One channel [T]; sigma in samples."""
    smoothed = _gaussian(v, sigma)
    reach = max(1, min(int(np.ceil(3 * sigma)), len(v) - 1))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(v, reach, mode="edge"), reach + 1)
    past, ahead = windows[: len(v)], windows[reach:]  # each includes the sample itself
    past_low, past_high, ahead_low, ahead_high = past.min(1), past.max(1), ahead.min(1), ahead.max(1)
    peak = (v >= past_high) & (v >= ahead_high) & (v - np.maximum(past_low, ahead_low) > _SHARP)
    dip = (v <= past_low) & (v <= ahead_low) & (np.minimum(past_high, ahead_high) - v > _SHARP)
    sharp = peak | dip
    if not sharp.any():
        return smoothed
    marks, width = sharp.astype(np.float64), max(sigma / 2, 0.5)
    weight = _gaussian(marks, width)
    taken = np.where(weight > 1e-9, _gaussian(marks * (v - smoothed), width) / np.maximum(weight, 1e-9), 0.0)
    bump = np.minimum(weight * width * np.sqrt(2 * np.pi), 1.0)
    return np.where(sharp, v, smoothed + taken * bump)


def _gaussian(v: np.ndarray, sigma: float) -> np.ndarray:
    """One channel [T], edges held; sigma in samples."""
    reach = max(1, int(np.ceil(3 * sigma)))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(v, reach, mode="edge"), kernel / kernel.sum(), "valid")
