# SPDX-License-Identifier: GPL-3.0-or-later
"""Part of a take is given and the rest follows: the mean take bent towards kept keys, ranges or channels, without a seam.

The bend is the conditional mean of the Gaussian of ``variation``: it fades within the correlation time, and channels that move together
follow one another. A Kalman filter and its smoother (Durbin and Koopman 2012, Time Series Analysis by State Space Methods, 4.4) find it
in linear time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from . import matern
from .variation import TakeModel, close_down, open_up, shipped

# Correlation lengths after which what is kept no longer matters: the covariance is down to 2e-8.
_REACH = 12
# Rows that are solved at a time, between two such margins: bounds the memory for keys all over an hour.
_ROWS = 400


@dataclass(frozen=True)
class Kept:
    """What of a take must stay. values: channels in 0..1 at the take's own times; where: bool [T, N], the samples that are kept."""

    values: Curves
    where: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "where", np.asarray(self.where, bool))
        if self.where.shape != self.values.values.shape:
            raise UserError(f"What is kept has the shape {self.where.shape}, the take {self.values.values.shape}.")
        kept = self.values.values[self.where]
        if kept.size and (kept.min() < 0 or kept.max() > 1):
            raise UserError("A kept value lies outside 0 to 1.", "Bring the kept keys back into the range of their sliders.")

    @staticmethod
    def keys(take: Curves, keys: Mapping[str, Iterable[tuple[float, float]]]) -> Kept:
        """Single keys: channel -> (time in seconds, value in 0..1), each moved to the take's nearest sample."""
        values, where = take.values.copy(), np.zeros(take.values.shape, bool)
        for name, given in keys.items():
            column = _column(take, name)
            for time, value in given:
                if not (len(take.times) and take.times[0] - 0.5 <= time <= take.times[-1] + 0.5):
                    raise UserError(f"The kept key of '{name}' at {time:g} s lies outside the take.", "Keep keys within the sound.")
                if not 0 <= value <= 1:
                    raise UserError(f"The kept key of '{name}' at {time:g} s is {value:g}.", "Use values from 0 to 1.")
                row = int(np.abs(take.times - time).argmin())
                values[row, column], where[row, column] = value, True
        return Kept(Curves(take.names, take.times, values), where)

    @staticmethod
    def span(take: Curves, start: float, end: float, names: Sequence[str] | None = None) -> Kept:
        """From ``start`` to ``end`` (s) as in ``take``, all channels or these."""
        if not start <= end:
            raise UserError(f"The kept range from {start:g} to {end:g} s ends before it starts.")
        where = np.zeros(take.values.shape, bool)
        columns = range(len(take.names)) if names is None else [_column(take, n) for n in names]
        rows = np.flatnonzero((take.times >= start) & (take.times <= end))
        where[np.ix_(rows, list(columns))] = True
        return Kept(take, where)

    @staticmethod
    def region(take: Curves, names: Sequence[str]) -> Kept:
        """These channels throughout, as in ``take``."""
        where = np.zeros(take.values.shape, bool)
        where[:, [_column(take, n) for n in names]] = True
        return Kept(take, where)

    def __or__(self, other: Kept) -> Kept:
        """Both; where both keep a sample, the other's value."""
        _same(self.values, other.values)
        values = np.where(other.where, other.values.values, self.values.values)
        return Kept(Curves(self.values.names, self.values.times, values), self.where | other.where)


def fill(mean: Curves, kept: Kept, seed: int = 0, amount: float = 1.0, model: TakeModel | None = None) -> Curves:
    """The whole take: kept samples exactly as they are, the rest the likeliest for seed 0, drawn to fit them for other seeds.

    mean: the take that would be made if nothing were kept. amount: as in ``variation.draw``; 1 as measured. Channels that the model does
    not know take their kept values and do not bend. Time is linear in the length, memory bounded but for the result. Raises UserError
    where ``kept`` belongs to another take.
    """
    _same(mean, kept.values)
    if not kept.where.any() and (seed == 0 or amount == 0):
        return mean
    model = model or shipped()
    here = [mean.names.index(n) for n in model.names if n in mean.names]
    there = [i for i, n in enumerate(model.names) if n in mean.names]
    covariance = model.channel_covariance[np.ix_(there, there)]
    where, times, values = kept.where[:, here], mean.times, mean.values.copy()
    drawn = amount * model.deviation(times, seed)[:, there] if seed and amount else np.zeros((len(times), len(here)))
    wanted = np.where(where, open_up(kept.values.values[:, here]) - open_up(mean.values[:, here]) - drawn, 0.0)
    bend = _condition(times, where, wanted, covariance, model.correlation_time)
    moved = np.abs(drawn + bend) > 1e-6  # elsewhere the mean stays to the last bit
    values[:, here] = np.where(moved, close_down(open_up(values[:, here]) + drawn + bend), values[:, here])
    values[kept.where] = kept.values.values[kept.where]
    return Curves(mean.names, times, values)


def _column(take: Curves, name: str) -> int:
    if name not in take.names:
        raise UserError(f"There is no channel '{name}' in the take.", "Use ARKit names, such as jawOpen.")
    return take.names.index(name)


def _same(a: Curves, b: Curves) -> None:
    if a.names != b.names or not np.array_equal(a.times, b.times):
        raise UserError("What is kept has other channels or times than the take.", "Keep parts of the same take at the same frame rate.")


def _condition(times: np.ndarray, where: np.ndarray, wanted: np.ndarray, covariance: np.ndarray, length: float) -> np.ndarray:
    """Mean of the process at all samples given ``wanted`` at those ``where``. Float64 [T, N]."""
    bend = np.zeros(wanted.shape)
    if len(times) and (where == where[0]).all():
        # The same channels at every time: for noise-free data time drops out (autokrigeability).
        seen, rest = np.flatnonzero(where[0]), np.flatnonzero(~where[0])
        bend[:, seen] = wanted[:, seen]
        bend[:, rest] = wanted[:, seen] @ np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, rest)])
        return bend
    kept_times = times[where.any(1)]
    for start in range(0, len(times), _ROWS):
        end = min(start + _ROWS, len(times))
        low, high = times[start] - _REACH * length, times[end - 1] + _REACH * length
        if np.searchsorted(kept_times, low) == np.searchsorted(kept_times, high):
            continue
        if where[start:end].all():
            bend[start:end] = wanted[start:end]
            continue
        a, b = np.searchsorted(times, (low, high))
        bend[start:end] = _smooth(times[a:b], where[a:b], wanted[a:b], covariance, length)[start - a : end - a]
    return bend


def _smooth(times: np.ndarray, where: np.ndarray, wanted: np.ndarray, covariance: np.ndarray, length: float) -> np.ndarray:
    """Kalman filter and smoother over one stretch. The state is (values, velocities), each [N]."""
    count, channels = wanted.shape
    state = np.zeros((2, channels))
    spread = np.einsum("ab,ij->aibj", np.eye(2), covariance)  # [2, N, 2, N]
    forwards, states, spreads, seen, gains, scaled = [], [], [], [], [], []
    tiny = 1e-10 * covariance
    for i in range(count):
        forward, noise = matern.transition(float(times[i] - times[i - 1]), length) if i else (np.eye(2), np.zeros((2, 2)))
        state = forward @ state
        spread = np.einsum("ab,bicj,dc->aidj", forward, spread, forward) + np.einsum("ab,ij->aibj", noise, covariance)
        forwards.append(forward)
        states.append(state[0])
        spreads.append(spread[0])
        o = np.flatnonzero(where[i])
        seen.append(o)
        if not len(o):
            gains.append(None)
            scaled.append(None)
            continue
        cross = spread[:, :, 0, o].reshape(2 * channels, len(o))
        inverse = np.linalg.inv(spread[0][np.ix_(o, [0], o)][:, 0] + tiny[np.ix_(o, o)])
        error = wanted[i, o] - state[0, o]
        gain = cross @ inverse
        state = state + (gain @ error).reshape(2, channels)
        flat = spread.reshape(2 * channels, 2 * channels)
        flat = flat - gain @ cross.T
        spread = (0.5 * (flat + flat.T)).reshape(2, channels, 2, channels)
        gains.append(gain)
        scaled.append(inverse @ error)
    out = np.empty_like(wanted)
    back = np.zeros((2, channels))
    for i in range(count - 1, -1, -1):
        if i + 1 < count:
            back = forwards[i + 1].T @ back
        if len(seen[i]):
            back = back.copy()
            back[0, seen[i]] += scaled[i] - gains[i].T @ back.reshape(-1)
        out[i] = states[i] + np.einsum("ibj,bj->i", spreads[i], back)
    return out


