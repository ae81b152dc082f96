# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense samples to few Bezier keys, within an error, with handles that an animator likes to edit.

A key is put where a curve turns or where a plateau begins, and the handles there are horizontal; between those, keys are added only where the
error asks for them, and taken away again where it does not. Handles are a third of the way to the next key, so that a segment is a plain cubic
in time; slopes come from a least-squares fit. Where Blender's own AUTO_CLAMPED handles stay within the error as well, the key says so
(``auto``): such keys follow when they are moved. The others are ALIGNED.

All channels are worked on at once, laid end to end: every step is a handful of numpy calls over all samples.

Blender's side of the bargain (how it evaluates, and what AUTO_CLAMPED handles come to) is re-stated in ``evaluate`` and ``auto_handles``; tests
hold both against Blender itself.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import UserError

DEFAULT_MAX_ERROR = 0.005  # half a percent of a shape key's range: below what is seen, above the jitter of tracked or generated curves
_TURN = 4.0  # a turn counts as one when it stands out by this many times the error
_HANDLE = 1.0 / 3.0  # the handle length, of the way to the next key, that makes time linear along the segment
_AUTO_HANDLE = 1.0 / 2.5614  # the handle length of Blender's automatic handles without smoothing
_SAFETY = 0.98  # share of the error that the fit may use: Blender stores keys as float32


@dataclass(frozen=True)
class Keys:
    """Bezier keys of one channel, K of them, in the units of the times that were given (frames or seconds).

    co, handle_left, handle_right: float64 [K, 2], (time, value)
    auto: bool [K], True where AUTO_CLAMPED handles (with the F-curve's ``auto_smoothing`` 'NONE') are these very handles; else ALIGNED
    """

    co: np.ndarray
    handle_left: np.ndarray
    handle_right: np.ndarray
    auto: np.ndarray

    def __len__(self) -> int:
        return len(self.co)


def reduce(times: np.ndarray, values: np.ndarray, max_error: float = DEFAULT_MAX_ERROR) -> Keys:
    """Keys of one channel: times [T] rising, values [T]. See reduce_all."""
    return reduce_all(times, np.asarray(values)[:, None], max_error)[0]


def reduce_all(times: np.ndarray, values: np.ndarray, max_error: float = DEFAULT_MAX_ERROR) -> list[Keys]:
    """Keys of every channel: times [T] rising, values [T, N] finite. At every sample the Bezier curve is within ``max_error`` of the value.

    A channel that stays within the error of one value becomes one key (of value 0 where 0 will do). Raises UserError for an error that is not positive.
    """
    if not max_error > 0:
        raise UserError(f"The largest error for sparse keys is {max_error:g}; it must be above 0.", "Use 0.005, or dense keys.")
    times = np.asarray(times, np.float64)
    values = np.asarray(values, np.float64)
    if len(times) == 0:
        empty = np.zeros((0, 2))
        return [Keys(empty, empty, empty, np.zeros(0, bool)) for _ in range(values.shape[1])]
    low, high = values.min(0), values.max(0)
    flat = high - low <= 2 * max_error * _SAFETY
    middle = np.where(np.maximum(high, -low) <= max_error * _SAFETY, 0.0, (low + high) / 2)
    result: list[Keys | None] = [None] * values.shape[1]
    for channel in np.flatnonzero(flat):
        result[channel] = _single_key(times, middle[channel])
    moving = np.flatnonzero(~flat)
    if len(moving):
        for channel, keys in zip(moving, _Fit(times, values[:, moving], max_error * _SAFETY).run(), strict=True):
            result[channel] = keys
    return result


def dense(times: np.ndarray, values: np.ndarray) -> Keys:
    """A key at every sample, for linear interpolation: handles lie on the neighbours' side, a third of the way, on the line."""
    co = np.stack([np.asarray(times, np.float64), np.asarray(values, np.float64)], 1)
    step = np.diff(co, axis=0, prepend=co[:1], append=co[-1:]) * _HANDLE
    return Keys(co, co - step[:-1], co + step[1:], np.zeros(len(co), bool))


def auto_handles(co: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The handles (left, right), float64 [K, 2], that Blender gives AUTO_CLAMPED keys of an F-curve without smoothing and with constant extrapolation."""
    offset_left, offset_right = _auto_offsets(co[:, 0], co[:, 1], np.r_[True, np.zeros(len(co) - 1, bool)])
    return co + offset_left, co + offset_right


def evaluate(keys: Keys, times: np.ndarray) -> np.ndarray:
    """Values [len(times)] of the Bezier curve as Blender evaluates it, ends held."""
    times = np.asarray(times, np.float64)
    x, y = keys.co[:, 0], keys.co[:, 1]
    if len(x) == 1:
        return np.full(len(times), y[0])
    segment = np.clip(np.searchsorted(x, times, side="right") - 1, 0, len(x) - 2)
    held = np.clip(times, x[0], x[-1])
    return _bezier(held, keys.co[segment], keys.handle_right[segment], keys.handle_left[segment + 1], keys.co[segment + 1])


def _single_key(times: np.ndarray, value: float) -> Keys:
    step = (times[1] - times[0]) if len(times) > 1 else 1.0
    co = np.array([[times[0], value]])
    reach = np.array([[step * _AUTO_HANDLE, 0.0]])
    return Keys(co, co - reach, co + reach, np.ones(1, bool))


def _bezier(time: np.ndarray, p0: np.ndarray, p1: np.ndarray, p2: np.ndarray, p3: np.ndarray) -> np.ndarray:
    """Value at each time [M] on its own cubic segment; points [M, 2]. Handles that overlap are pulled back as Blender does."""
    span = np.maximum(p3[:, 0] - p0[:, 0], 1e-12)
    reach1, reach2 = np.abs(p1[:, 0] - p0[:, 0]), np.abs(p3[:, 0] - p2[:, 0])
    shrink = np.minimum(1.0, span / np.maximum(reach1 + reach2, 1e-12))
    a, b = shrink * reach1 / span, 1.0 - shrink * reach2 / span
    y1, y2 = p0[:, 1] + shrink * (p1[:, 1] - p0[:, 1]), p3[:, 1] + shrink * (p2[:, 1] - p3[:, 1])
    target = (time - p0[:, 0]) / span
    u = target.copy()
    for _ in range(8):  # Newton; x(u) rises and is close to a line, so a few steps reach float precision
        rest = 1.0 - u
        x = 3 * rest * rest * u * a + 3 * rest * u * u * b + u**3
        slope = 3 * rest * rest * a + 6 * rest * u * (b - a) + 3 * u * u * (1 - b)
        u = np.clip(u - (x - target) / np.maximum(slope, 1e-6), 0.0, 1.0)
    rest = 1.0 - u
    return rest**3 * p0[:, 1] + 3 * rest * rest * u * y1 + 3 * rest * u * u * y2 + u**3 * p3[:, 1]


def _auto_offsets(x: np.ndarray, y: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets [K, 2] of AUTO_CLAMPED handles for channels laid end to end; ``first`` [K] marks each channel's first key.

    The slope is the mean of the slopes to the two neighbours; 0 where the key is not between them; and flatter where a handle would pass a
    neighbour's value. First and last keys are flat (constant extrapolation).
    """
    last = np.r_[first[1:], True]
    before = np.where(first, 0.0, x - np.r_[x[:1], x[:-1]])
    after = np.where(last, 0.0, np.r_[x[1:], x[-1:]] - x)
    before, after = np.where(first, after, before), np.where(last, before, after)
    before, after = np.where(before == 0, 1.0, before), np.where(after == 0, 1.0, after)
    fall = np.where(first, 0.0, np.r_[y[:1], y[:-1]] - y)  # from the key to its left neighbour
    rise = np.where(last, 0.0, np.r_[y[1:], y[-1:]] - y)
    slope = (rise / after - fall / before) / 2
    reach_left = np.minimum(before, 5 * after)
    reach_right = np.minimum(after, 5 * reach_left)
    reach_left, reach_right = reach_left * _AUTO_HANDLE, reach_right * _AUTO_HANDLE
    turning = first | last | (fall * rise >= 0)
    left, right = -slope * reach_left, slope * reach_right
    left_limited = np.where(fall <= 0, np.maximum(left, fall), np.minimum(left, fall))
    right_limited = np.where(rise <= 0, np.maximum(right, rise), np.minimum(right, rise))
    left_violates, right_violates = left_limited != left, right_limited != right
    left, right = left_limited, right_limited
    aligned_right = -left / reach_left * reach_right
    aligned_left = -right / reach_right * reach_left
    right = np.where(left_violates, aligned_right, right)
    left = np.where(~left_violates & right_violates, aligned_left, left)
    left, right = np.where(turning, 0.0, left), np.where(turning, 0.0, right)
    return np.stack([-reach_left, left], 1), np.stack([reach_right, right], 1)


class _Fit:
    """The reduction of moving channels, laid end to end: sample j of channel c is row c * T + j. Segments never cross channels."""

    def __init__(self, times: np.ndarray, values: np.ndarray, tolerance: float):
        self.T, self.N = values.shape
        self.x = np.tile(times, self.N)
        self.v = np.ascontiguousarray(values.T).ravel()
        self.tolerance = tolerance
        position = np.tile(np.arange(self.T), self.N)
        self.ends = (position == 0) | (position == self.T - 1)
        self.turns, self.level = self._landmarks(values.T)
        self.is_key = self.ends | self.turns

    def run(self) -> list[Keys]:
        self._split()
        self._prune()
        return self._finish()

    def _landmarks(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the curves turn by more than the noise (keys from the start), and where the slope is to be zero if a key is put there."""
        reach = 3
        pad = np.pad(v, ((0, 0), (reach, reach)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(pad, reach + 1, axis=1)
        past, ahead = windows[:, : self.T], windows[:, reach:]  # each includes the sample itself
        past_low, past_high, ahead_low, ahead_high = past.min(2), past.max(2), ahead.min(2), ahead.max(2)
        stands_out = _TURN * self.tolerance
        peak = (v >= past_high) & (v >= ahead_high) & (v - past_low > stands_out) & (v - ahead_low > stands_out)
        dip = (v <= past_low) & (v <= ahead_low) & (past_high - v > stands_out) & (ahead_high - v > stands_out)
        turn = peak | dip
        turn[:, 1:] &= ~((peak[:, 1:] & peak[:, :-1]) | (dip[:, 1:] & dip[:, :-1]))  # one key for two equal samples
        quiet = self.tolerance / 2
        plateau = (past_high - past_low < quiet) | (ahead_high - ahead_low < quiet)
        extreme = ((v >= past_high) & (v >= ahead_high)) | ((v <= past_low) & (v <= ahead_low))
        return turn.ravel(), (turn | plateau | extreme).ravel()

    def _segments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Keys' rows [K], each sample's segment [rows] and its place 0..1 in it."""
        keys = np.flatnonzero(self.is_key)
        segment = np.cumsum(self.is_key) - 1
        start = keys[segment]
        stop = keys[np.minimum(segment + 1, len(keys) - 1)]
        span = self.x[stop] - self.x[start]
        u = np.where(span > 0, (self.x - self.x[start]) / np.where(span > 0, span, 1.0), 0.0)
        return keys, segment, u

    def _slopes(self, keys: np.ndarray, segment: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least-squares slopes [K] (zero where the curve turns or rests) and the error of every sample [rows]."""
        count = len(keys)
        y = self.v[keys]
        step = np.diff(self.x[keys], append=self.x[keys[-1]])
        inside = step > 0  # False for the jump from one channel to the next
        span = np.where(inside, step, 0.0)
        rest = 1 - u
        h0, h1 = u * rest * rest, -u * u * rest
        blend = u * u * (3 - 2 * u)
        y_next = np.r_[y[1:], y[-1:]]
        residual = self.v - (y[segment] + blend * (y_next - y)[segment])
        residual[keys] = 0.0

        def total(weights: np.ndarray) -> np.ndarray:
            return np.bincount(segment, weights, count) * inside

        a00, a11, a01 = total(h0 * h0) * span**2, total(h1 * h1) * span**2, total(h0 * h1) * span**2
        b0, b1 = total(residual * h0) * span, total(residual * h1) * span
        secant = np.where(inside, (y_next - y) / np.where(inside, step, 1.0), 0.0)
        before = np.r_[0.0, secant[:-1]]
        prior = (before + secant) / 2
        weight = 0.02 * (np.r_[0.0, span[:-1]] + span) ** 2  # where few samples speak, the neighbours' slope does
        diagonal = a00 + np.r_[0.0, a11[:-1]] + weight + 1e-12
        right_hand = b0 + np.r_[0.0, b1[:-1]] + weight * prior
        free = ~self.level[keys]
        slope = np.where(free, prior, 0.0)
        odd = np.arange(count) % 2 == 1
        for _ in range(12):  # red-black Gauss-Seidel: the system is tridiagonal and dominated by its diagonal
            for half in (odd, ~odd):
                coupled = a01 * np.r_[slope[1:], 0.0] + np.r_[0.0, (a01 * slope)[:-1]]
                slope = np.where(half & free, (right_hand - coupled) / diagonal, slope)
        slope_next = np.r_[slope[1:], 0.0]
        error = residual - (h0 * (slope * span)[segment] + h1 * (slope_next * span)[segment])
        return slope, np.abs(error)

    def _split(self) -> None:
        """Add a key at the worst sample of every segment that is not within the error, until all are."""
        while True:
            keys, segment, u = self._segments()
            slope, error = self._slopes(keys, segment, u)
            self.slope = np.zeros(len(self.v))
            self.slope[keys] = slope
            worst = np.maximum.reduceat(error, keys)
            failing = worst > self.tolerance
            if not failing.any():
                return
            candidates = np.flatnonzero((error == worst[segment]) & failing[segment])
            _, first = np.unique(segment[candidates], return_index=True)
            self.is_key[candidates[first]] = True

    def _error_without(self, keys: np.ndarray) -> np.ndarray:
        """For each key [K]: the worst error if it alone were taken out and its neighbours kept their slopes; inf for keys that stay."""
        worst = np.full(len(keys), np.inf)
        for parity in (0, 1):
            index = np.arange(len(keys))
            stays = self.ends[keys] | self.turns[keys]
            removed = (index % 2 == parity) & ~stays
            kept = keys[~removed]
            flags = np.zeros(len(self.v), bool)
            flags[kept] = True
            error = self._error_of(kept, np.cumsum(flags) - 1)
            merged = np.maximum.reduceat(error, kept)
            worst[removed] = merged[np.searchsorted(kept, keys[removed]) - 1]
        return worst

    def _error_of(self, keys: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """Errors [rows] of the current slopes with these keys."""
        y, slope = self.v[keys], self.slope[keys]
        step = np.diff(self.x[keys], append=self.x[keys[-1]])
        span = np.where(step > 0, step, 0.0)
        u = np.where(span[segment] > 0, (self.x - self.x[keys[segment]]) / np.where(span > 0, span, 1.0)[segment], 0.0)
        rest = 1 - u
        y_next, slope_next = np.r_[y[1:], y[-1:]], np.r_[slope[1:], 0.0]
        value = y[segment] + u * u * (3 - 2 * u) * (y_next - y)[segment]
        value += u * rest * rest * (slope * span)[segment] - u * u * rest * (slope_next * span)[segment]
        error = np.abs(self.v - value)
        error[keys] = 0.0
        return error

    def _prune(self) -> None:
        """Take out keys that the error does not ask for, the least needed first, never two neighbours in one round."""
        while True:
            keys = np.flatnonzero(self.is_key)
            cost = self._error_without(keys)
            left, right = np.r_[np.inf, cost[:-1]], np.r_[cost[1:], np.inf]
            chosen = (cost <= self.tolerance) & (cost < left) & (cost <= right)
            if not chosen.any():
                return
            self.is_key[keys[chosen]] = False
            self.slope[keys[chosen]] = 0.0
            self._refit()

    def _refit(self) -> None:
        """Fit the slopes again; a channel keeps its earlier ones where the new ones are not within the error."""
        keys, segment, u = self._segments()
        slope, error = self._slopes(keys, segment, u)
        good = error.reshape(self.N, self.T).max(1) <= self.tolerance
        accept = good[keys // self.T]
        self.slope[keys[accept]] = slope[accept]

    def _finish(self) -> list[Keys]:
        """Handles, and which of them may be Blender's own."""
        keys = np.flatnonzero(self.is_key)
        x, y, slope = self.x[keys], self.v[keys], self.slope[keys]
        first = keys % self.T == 0
        last = keys % self.T == self.T - 1
        gap = np.diff(x, append=x[-1])
        after = np.where(last, np.r_[gap[:1], gap[:-1]], gap)
        before = np.where(first, gap, np.r_[gap[:1], gap[:-1]])
        co = np.stack([x, y], 1)
        fitted_left = np.stack([-before, -slope * before], 1) * _HANDLE
        fitted_right = np.stack([after, slope * after], 1) * _HANDLE
        auto_left, auto_right = _auto_offsets(x, y, first)

        inner = np.flatnonzero(~self.is_key)
        segment = (np.cumsum(self.is_key) - 1)[inner]
        auto = np.ones(len(keys), bool)
        checked = np.ones(len(inner), bool)
        while True:
            left = np.where(auto[:, None], auto_left, fitted_left)
            right = np.where(auto[:, None], auto_right, fitted_right)
            s = segment[checked]
            value = _bezier(self.x[inner[checked]], co[s], (co + right)[s], (co + left)[s + 1], co[s + 1])
            failing = np.unique(s[np.abs(value - self.v[inner[checked]]) > self.tolerance])
            if len(failing) == 0:
                break
            auto[failing] = auto[failing + 1] = False
            checked = np.isin(segment, np.r_[failing - 1, failing, failing + 1])  # only what changed needs another look
        bounds = np.searchsorted(keys, np.arange(self.N + 1) * self.T)
        parts = (slice(a, b) for a, b in zip(bounds[:-1], bounds[1:], strict=True))
        return [Keys(co[p], (co + left)[p], (co + right)[p], auto[p]) for p in parts]
