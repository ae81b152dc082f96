# SPDX-License-Identifier: GPL-3.0-or-later
"""How speech-driven curves are measured against a tracked mouth and against aligned phones.

Arrays in, numbers out; docs/training.md defines each figure.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..inference.speech import lip_gap

CURVE_CLOSED = lip_gap.TOUCHING  # lip gap over eye distance of curves whose lips touch: the measuring head's neutral is 0.009
VIDEO_CLOSED = lip_gap.SEEN_TOUCHING  # the same of a tracked mouth
SPEAKING = 0.04  # closures count between the first and last frame of the video that is wider open than this
LAGS = range(-4, 5)  # video frames
PHONE_MARGIN = 0.02  # seconds around a /p b m/ in which the lips may close
VOWEL_INNER = 0.6  # the middle share of a vowel in which they must not
LONG_SILENCE = 0.3  # seconds


@dataclass(frozen=True)
class Figure:
    """A mean over clips with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    clips: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.clips}"


def bootstrap(rows: Sequence, statistic: Callable[[np.ndarray], float], draws: int = 1000, seed: int = 0) -> Figure:
    """``statistic`` of rows [clips, ...], and its spread when clips are drawn again with replacement."""
    array = np.asarray(rows, float)
    if not len(array):
        return Figure(float("nan"), float("nan"), float("nan"), 0)
    rng = np.random.default_rng(seed)
    values = np.array([statistic(array[rng.integers(len(array), size=len(array))]) for _ in range(draws)])
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (float("nan"), float("nan"))
    return Figure(float(statistic(array)), float(low), float(high), len(array))


def pearson(a: np.ndarray, b: np.ndarray) -> float:
    """r over the frames where both are numbers; 0 if one of them does not move, NaN with fewer than three."""
    ok = np.isfinite(a) & np.isfinite(b)
    if ok.sum() < 3:
        return float("nan")
    a, b = a[ok] - a[ok].mean(), b[ok] - b[ok].mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / scale) if scale > 1e-12 else 0.0


def lagged(curve: np.ndarray, measured: np.ndarray) -> list[float]:
    """r at each of LAGS. A positive lag means that the curve moves first: it would fit best if played that many frames later."""
    out = []
    for lag in LAGS:
        a = curve[: len(curve) - lag] if lag >= 0 else curve[-lag:]
        b = measured[lag:] if lag >= 0 else measured[: len(measured) + lag]
        out.append(pearson(a, b))
    return out


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """[first, last] of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def closures(curve_gap: np.ndarray, measured_gap: np.ndarray, closed: float = CURVE_CLOSED) -> tuple[int, int, int, int]:
    """(video events, of them found, curve events, of them right) of one clip; an event matches one at most a frame away."""
    wide = np.flatnonzero(measured_gap > SPEAKING)
    if not len(wide):
        return 0, 0, 0, 0
    span = slice(wide[0], wide[-1] + 1)
    video, curve = runs(measured_gap[span] < VIDEO_CLOSED), runs(curve_gap[span] < closed)

    def near(event: tuple[int, int], others: list[tuple[int, int]]) -> bool:
        return any(event[0] <= o[1] + 1 and o[0] <= event[1] + 1 for o in others)

    return len(video), sum(near(v, curve) for v in video), len(curve), sum(near(c, video) for c in curve)


def phone_closures(
    gap: Callable[[np.ndarray], np.ndarray], bilabials: Sequence[tuple[float, float]], vowels: Sequence[tuple[float, float]]
) -> tuple[int, int, int, int]:
    """(bilabials, closed, open vowels, falsely closed). gap: lip gap of the curves at given times; spans in seconds."""

    def closes(start: float, end: float) -> bool:
        times = np.arange(start, end + 1e-9, 0.005)
        return bool((gap(times) < CURVE_CLOSED).any())

    closed = sum(closes(s - PHONE_MARGIN, e + PHONE_MARGIN) for s, e in bilabials)
    edge = (1 - VOWEL_INNER) / 2
    false = sum(closes(s + edge * (e - s), e - edge * (e - s)) for s, e in vowels)
    return len(bilabials), closed, len(vowels), false


def share(hits: int, of: int) -> Callable[[np.ndarray], float]:
    """A statistic for ``bootstrap``: the column ``hits`` summed over the column ``of`` summed."""

    def value(rows: np.ndarray) -> float:
        total = rows[:, of].sum()
        return float(rows[:, hits].sum() / total) if total else float("nan")

    return value


def edit_distance(found: Sequence, wanted: Sequence) -> int:
    """Fewest insertions, deletions and substitutions that turn one sequence into the other."""
    row = list(range(len(wanted) + 1))
    for i, a in enumerate(found, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(wanted, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def median3(track: np.ndarray) -> np.ndarray:
    """3-frame median, ends held."""
    padded = np.concatenate([track[:1], track, track[-1:]])
    return np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), 0)


def jitter(track: np.ndarray) -> float:
    """Mean absolute second difference a frame."""
    return float(np.nanmean(np.abs(np.diff(track, 2)))) if len(track) > 2 else float("nan")
