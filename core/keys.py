# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense samples to few Bezier keys, within an error, with handles that an animator likes to edit.

Every turn of a curve gets a key with horizontal handles (a closure is one), and so does every rest where it begins and ends. Between those,
keys are added only where the error asks for them, and taken away again where it does not. Handles are a third of the way to the next key,
so that a segment is a plain cubic in time; slopes come from a least-squares fit. Where Blender's own AUTO_CLAMPED handles stay within
the error as well, the key says so (``auto``): its handles follow when it or a neighbour is moved. The others are ALIGNED.

Channels are worked on together, laid end to end: every step is a handful of numpy calls over all their samples.

Blender's side of the bargain (how it evaluates, and what AUTO_CLAMPED handles come to) is restated in ``evaluate`` and ``auto_handles``;
tests hold both against Blender itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .errors import UserError

DEFAULT_MAX_ERROR = 0.005  # half a percent of a shape key's range: below what is seen, above the jitter of tracked or generated curves
_TURN = 4.0  # a turn counts as one when it stands out by this many times the error
_REST = 8  # samples at zero that count as a rest (0.13 s at 60 fps)
_STILL = 0.1  # of the error: a value below this is zero
_HANDLE = 1.0 / 3.0  # the handle length, of the way to the next key, that makes time linear along the segment
_AUTO_HANDLE = 1.0 / 2.5614  # the handle length of Blender's automatic handles without smoothing
_SAMPLES_AT_ONCE = 200_000  # bounds memory (about 50 MB) for takes of an hour; a minute of all 52 channels at 60 fps fits
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

    A channel that stays within the error of one value becomes one key (of value 0 where 0 will do).
    Raises UserError for an error that is not positive.
    """
    if not max_error > 0:
        raise UserError(f"The largest error for sparse keys is {max_error:g}; it must be above 0.", "Use 0.005, or dense keys.")
    times, values = np.asarray(times, np.float64), np.asarray(values)
    channels = values.shape[1]
    if len(times) == 0:
        empty = np.zeros((0, 2))
        return [Keys(empty, empty, empty, np.zeros(0, bool)) for _ in range(channels)]
    tolerance = max_error * _SAFETY
    low, high = values.min(0).astype(np.float64), values.max(0).astype(np.float64)
    middle = np.where(np.maximum(high, -low) <= tolerance, 0.0, (low + high) / 2)
    moving = np.flatnonzero(high - low > 2 * tolerance)
    found = {channel: _single_key(times, middle[channel]) for channel in set(range(channels)) - set(moving)}
    at_once = max(1, _SAMPLES_AT_ONCE // len(times))
    for start in range(0, len(moving), at_once):
        batch = moving[start : start + at_once]
        found.update(zip(batch, _Fit(times, values[:, batch].astype(np.float64), tolerance).run(), strict=True))
    return [found[channel] for channel in range(channels)]


def dense(times: np.ndarray, values: np.ndarray) -> Keys:
    """A key at every sample, for linear interpolation: handles lie on the neighbours' side, a third of the way, on the line."""
    co = np.stack([np.asarray(times, np.float64), np.asarray(values, np.float64)], 1)
    step = np.diff(co, axis=0, prepend=co[:1], append=co[-1:]) * _HANDLE
    return Keys(co, co - step[:-1], co + step[1:], np.zeros(len(co), bool))


def auto_handles(co: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The handles (left, right), float64 [K, 2], of AUTO_CLAMPED keys in Blender, for F-curves without smoothing that hold their ends."""
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
    """The reduction of moving channels. State is [N, T]; each step lays the channels it works on end to end."""

    def __init__(self, times: np.ndarray, values: np.ndarray, tolerance: float):
        self.T, self.N = values.shape
        self.times = times
        self.v = np.ascontiguousarray(values.T)
        self.tolerance = tolerance
        self.ends = np.zeros((self.N, self.T), bool)
        self.ends[:, [0, -1]] = True
        self.turns, self.level = self._landmarks()
        self.is_key = self.ends | self.turns
        self.slope = np.zeros((self.N, self.T))

    def run(self) -> list[Keys]:
        self._split()
        self._prune()
        return self._finish()

    def _landmarks(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the curves turn by more than the noise (keys from the start), and where a key is to have a horizontal slope."""
        v, reach = self.v, 3
        pad = np.pad(v, ((0, 0), (reach, reach)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(pad, reach + 1, axis=1)
        past, ahead = windows[:, : self.T], windows[:, reach:]  # each includes the sample itself
        past_low, past_high, ahead_low, ahead_high = past.min(2), past.max(2), ahead.min(2), ahead.max(2)
        stands_out = _TURN * self.tolerance
        peak = (v >= past_high) & (v >= ahead_high) & (v - past_low > stands_out) & (v - ahead_low > stands_out)
        dip = (v <= past_low) & (v <= ahead_low) & (past_high - v > stands_out) & (ahead_high - v > stands_out)
        turn = peak | dip
        turn[:, 1:] &= ~((peak[:, 1:] & peak[:, :-1]) | (dip[:, 1:] & dip[:, :-1]))  # one key for two equal samples
        turn |= self._rests()
        quiet = self.tolerance / 2
        plateau = (past_high - past_low < quiet) | (ahead_high - ahead_low < quiet)
        extreme = ((v >= past_high) & (v >= ahead_high)) | ((v <= past_low) & (v <= ahead_low))
        return turn, turn | plateau | extreme

    def _rests(self) -> np.ndarray:
        """Where the curve comes to rest at zero and where it leaves: a face at rest is to be exactly that, not within the error of it."""
        out = np.zeros((self.N, self.T), bool)
        if self.T <= _REST:
            return out
        windows = np.lib.stride_tricks.sliding_window_view(self.v, _REST, axis=1)
        still = np.maximum(windows.max(2), -windows.min(2)) <= _STILL * self.tolerance  # [N, T - _REST + 1], by each window's first sample
        begins, goes_on = still.copy(), still.copy()
        begins[:, 1:] &= ~still[:, :-1]
        goes_on[:, :-1] &= still[:, 1:]
        out[:, : still.shape[1]] |= begins
        out[:, _REST - 1 :] |= still & ~goes_on
        return out & ~self.ends

    def _split(self) -> None:
        """Add a key at the worst sample of every segment that is not within the error, until all are."""
        active = np.arange(self.N)
        while len(active):
            part = _Part(self, active)
            slope, error = part.fit()
            self.slope[active] = part.spread(slope)
            worst = np.maximum.reduceat(error, part.keys)
            failing = worst > self.tolerance
            if not failing.any():
                return
            candidates = np.flatnonzero((error == worst[part.segment]) & failing[part.segment])
            _, first = np.unique(part.segment[candidates], return_index=True)
            rows = candidates[first]
            self.is_key[active[rows // self.T], rows % self.T] = True
            active = np.unique(active[part.keys[failing] // self.T])

    def _prune(self) -> None:
        """Take out keys that the error does not ask for, the least needed first, never two neighbours in one round."""
        active = np.arange(self.N)
        while len(active):
            part = _Part(self, active)
            cost = part.error_without_each()
            left, right = np.r_[np.inf, cost[:-1]], np.r_[cost[1:], np.inf]
            rows = part.keys[(cost <= self.tolerance) & (cost < left) & (cost <= right)]
            channel = active[rows // self.T]
            self.is_key[channel, rows % self.T] = False
            self.slope[channel, rows % self.T] = 0.0
            active = np.unique(channel)
            if len(active):
                self._refit(active)

    def _refit(self, active: np.ndarray) -> None:
        """Fit the slopes again; a channel keeps its earlier ones where the new ones are not within the error."""
        part = _Part(self, active)
        slope, error = part.fit()
        good = error.reshape(len(active), self.T).max(1) <= self.tolerance
        self.slope[active[good]] = part.spread(slope)[good]

    def _finish(self) -> list[Keys]:
        """Handles, and which of them may be Blender's own."""
        part = _Part(self, np.arange(self.N))
        keys, x, y, slope = part.keys, part.x[part.keys], part.v[part.keys], part.slope[part.keys]
        first, last = keys % self.T == 0, keys % self.T == self.T - 1
        gap = np.diff(x, append=x[-1])
        before = np.where(first, gap, np.r_[gap[:1], gap[:-1]])
        after = np.where(last, np.r_[gap[:1], gap[:-1]], gap)
        co = np.stack([x, y], 1)
        fitted_left = np.stack([-before, -slope * before], 1) * _HANDLE
        fitted_right = np.stack([after, slope * after], 1) * _HANDLE
        auto_left, auto_right = _auto_offsets(x, y, first)

        inner = np.flatnonzero(~part.is_key)
        segment = part.segment[inner]
        auto = np.ones(len(keys), bool)
        checked = np.ones(len(inner), bool)
        while True:
            left = np.where(auto[:, None], auto_left, fitted_left)
            right = np.where(auto[:, None], auto_right, fitted_right)
            s = segment[checked]
            value = _bezier(part.x[inner[checked]], co[s], (co + right)[s], (co + left)[s + 1], co[s + 1])
            failing = np.unique(s[np.abs(value - part.v[inner[checked]]) > self.tolerance])
            if len(failing) == 0:
                break
            auto[failing] = auto[failing + 1] = False
            checked = np.isin(segment, np.r_[failing - 1, failing, failing + 1])  # only what changed needs another look
        bounds = np.searchsorted(keys, np.arange(self.N + 1) * self.T)
        parts = (slice(a, b) for a, b in pairwise(bounds))
        return [Keys(co[p], (co + left)[p], (co + right)[p], auto[p]) for p in parts]


class _Part:
    """Some channels of a fit, end to end: row c * T + t is sample t of the c-th of them. Both ends are keys: segments never cross channels.

    keys: rows of the keys [K]; segment: the last key at or before each row [rows]; u: the row's place 0..1 from that key to the next.
    """

    def __init__(self, fit: _Fit, active: np.ndarray):
        self.shape = len(active), fit.T
        self.x = np.tile(fit.times, len(active))
        self.v, self.slope = fit.v[active].ravel(), fit.slope[active].ravel()
        self.is_key, self.level = fit.is_key[active].ravel(), fit.level[active].ravel()
        self.stays = (fit.ends | fit.turns)[active].ravel()
        self.keys = np.flatnonzero(self.is_key)
        self.segment = np.cumsum(self.is_key) - 1
        self.span, self.u = self._places(self.keys, self.segment)

    def spread(self, of_keys: np.ndarray) -> np.ndarray:
        """Values of the keys [K] at their samples [channels, T], 0 elsewhere."""
        out = np.zeros(len(self.v))
        out[self.keys] = of_keys
        return out.reshape(self.shape)

    def _places(self, keys: np.ndarray, segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The length of each segment [K] (0 for the jump to the next channel) and ``u`` [rows]."""
        x = self.x[keys]
        span = np.maximum(np.diff(x, append=x[-1]), 0.0)
        return span, (self.x - x[segment]) / np.where(span > 0, span, 1.0)[segment]

    def fit(self) -> tuple[np.ndarray, np.ndarray]:
        """Least-squares slopes [K], horizontal where the curve turns or rests, and the error of every sample [rows]."""
        keys, segment, span, u = self.keys, self.segment, self.span, self.u
        y = self.v[keys]
        rise = np.where(span > 0, np.diff(y, append=y[-1]), 0.0)
        rest = 1 - u
        from_left, from_right = u * rest * rest, -u * u * rest  # the cubic's share of each end's slope
        residual = self.v - y[segment] - u * u * (3 - 2 * u) * rise[segment]
        residual[keys] = 0.0
        starts = keys
        a00 = np.add.reduceat(from_left * from_left, starts) * span**2
        a11 = np.add.reduceat(from_right * from_right, starts) * span**2
        a01 = np.add.reduceat(from_left * from_right, starts) * span**2
        b0 = np.add.reduceat(residual * from_left, starts) * span
        b1 = np.add.reduceat(residual * from_right, starts) * span
        secant = np.where(span > 0, rise / np.where(span > 0, span, 1.0), 0.0)
        prior = (_shifted(secant) + secant) / 2
        weight = 0.02 * (_shifted(span) + span) ** 2  # where few samples speak, the neighbours' slope does
        diagonal = a00 + _shifted(a11) + weight + 1e-12
        right_hand = b0 + _shifted(b1) + weight * prior
        free = ~self.level[keys]
        slope = np.where(free, prior, 0.0)
        odd = np.arange(len(keys)) % 2 == 1
        for _ in range(12):  # red-black Gauss-Seidel: the system is tridiagonal and dominated by its diagonal
            for half in (odd & free, ~odd & free):
                coupled = a01 * np.append(slope[1:], 0.0) + _shifted(a01 * slope)
                slope = np.where(half, (right_hand - coupled) / diagonal, slope)
        slope_next = np.append(slope[1:], 0.0)
        return slope, np.abs(residual - from_left * (slope * span)[segment] - from_right * (slope_next * span)[segment])

    def error_without_each(self) -> np.ndarray:
        """For each key [K]: the worst error if it alone were taken out and its neighbours kept their slopes; inf for keys that stay."""
        worst = np.full(len(self.keys), np.inf)
        stays = self.stays[self.keys]
        for parity in (0, 1):
            removed = (np.arange(len(self.keys)) % 2 == parity) & ~stays
            kept = self.keys[~removed]
            flags = np.zeros(len(self.v), bool)
            flags[kept] = True
            merged = np.maximum.reduceat(self._error_of(kept, np.cumsum(flags) - 1), kept)
            worst[removed] = merged[np.searchsorted(kept, self.keys[removed]) - 1]
        return worst

    def _error_of(self, keys: np.ndarray, segment: np.ndarray) -> np.ndarray:
        """Errors [rows] of the slopes as they are, with these keys."""
        span, u = self._places(keys, segment)
        y, slope = self.v[keys], self.slope[keys]
        rise = np.where(span > 0, np.diff(y, append=y[-1]), 0.0)
        rest = 1 - u
        value = y[segment] + u * u * (3 - 2 * u) * rise[segment]
        value += u * rest * rest * (slope * span)[segment] - u * u * rest * (np.append(slope[1:], 0.0) * span)[segment]
        error = np.abs(self.v - value)
        error[keys] = 0.0
        return error


def _shifted(values: np.ndarray) -> np.ndarray:
    """Each key's value of the key before it."""
    out = np.empty_like(values)
    out[0], out[1:] = 0.0, values[:-1]
    return out
