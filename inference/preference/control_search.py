# SPDX-License-Identifier: GPL-3.0-or-later
"""A few votes are enough for a few sliders: Bayesian search over the model's named controls, from pairs alone.

A Gaussian process over the controls' amounts, learnt from pairs through a logistic likelihood by Laplace's method (Chu and Ghahramani 2005,
"Preference learning with Gaussian processes"). What is suggested is where its mean is highest within what was tried; how sure that is, is
the spread of the best place over draws from the posterior. BoTorch's PairwiseGP does the same at the price of twelve packages and 227 MB
(docs/ranking.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from .reward import logistic

# Length scale of the process, in shares of the range that was tried, and its amplitude. Left to the evidence they came out worse on
# simulated favourites: 10 to 25 votes cannot tell them.
_LENGTH, _AMPLITUDE = 0.6, 25.0
_PLACES: Final = 1500  # amounts that are looked at; a grid of three controls at a tenth has as many
_DRAWS: Final = 64
_JITTER: Final = 1e-6
NEUTRAL: Final[Mapping[str, float]] = {"jaw": 1.0, "lips": 1.0, "articulation": 1.0}  # every other control rests at 0


@dataclass(frozen=True)
class Suggestion:
    """controls: amount by name, of those that differed among the takes; uncertainty: standard deviation of each; votes_used; chance: that
    the suggestion is liked better than the neutral amounts; try_next: amounts that would teach most, for the next takes."""

    controls: dict[str, float]
    uncertainty: dict[str, float]
    votes_used: int
    chance: float
    try_next: dict[str, float]


def suggest(takes: Sequence[Mapping[str, float]], answers: Sequence[tuple[int, int, bool, float]], seed: int = 0) -> Suggestion:
    """What the answers prefer. takes: amounts by name (missing ones neutral); answers: (better, worse, tied, trust) as numbers of takes.

    Answers about takes of equal amounts tell nothing and are not counted. Without any, everything stays neutral.
    """
    names = sorted({n for t in takes for n in t})
    amounts = np.array([[t.get(n, NEUTRAL.get(n, 0.0)) for n in names] for t in takes]).reshape(len(takes), len(names))
    moved = [i for i in range(len(names)) if np.ptp(amounts[:, i]) > 1e-6] if len(takes) else []
    names, amounts = [names[i] for i in moved], amounts[:, moved]
    told = [a for a in answers if np.abs(amounts[a[0]] - amounts[a[1]]).max(initial=0) > 1e-6]
    if not told:
        return Suggestion({}, {}, 0, 0.5, {})
    low, high = amounts.min(0), amounts.max(0)
    unit = (amounts - low) / (high - low)
    neutral = (np.clip([NEUTRAL.get(n, 0.0) for n in names], low, high) - low) / (high - low)
    generator = np.random.default_rng(seed)
    alpha, inner = _laplace(unit, told)
    places = np.concatenate([neutral[None], unit, generator.random((_PLACES, len(names)))])
    cross = _kernel(places, unit)
    mean = cross @ alpha
    covariance = _kernel(places, places) - cross @ inner @ cross.T
    best = int(np.argmax(mean))
    root = np.linalg.cholesky(covariance + 1e-6 * _AMPLITUDE * np.eye(len(places)))
    drawn = mean + generator.standard_normal((_DRAWS, len(places))) @ root.T
    tops = places[np.argmax(drawn, 1)]
    gap_mean = mean[best] - mean[0]
    gap_spread = np.sqrt(max(covariance[best, best] + covariance[0, 0] - 2 * covariance[0, best], 0))
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    chance = float(logistic(gap_mean + gap_spread * nodes) @ (weights / weights.sum()))

    def named(values: np.ndarray) -> dict[str, float]:
        return {n: round(float(v), 3) for n, v in zip(names, values, strict=True)}

    span = high - low
    return Suggestion(named(low + span * places[best]), named(span * tops.std(0)), len(told), chance, named(low + span * tops[0]))


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared exponential plus a line, so that a taste for more is found by a few votes."""
    square = ((a[:, None] - b[None]) ** 2).sum(-1)
    return _AMPLITUDE * (np.exp(-0.5 * square / _LENGTH**2) + 0.5 * (a - 0.5) @ (b - 0.5).T)


def _laplace(unit: np.ndarray, told: Sequence[tuple[int, int, bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    """(alpha, inner): posterior mean k(x, unit) @ alpha, covariance k - k inner k'."""
    count = len(unit)
    kernel = _kernel(unit, unit) + _JITTER * np.eye(count)
    pick = np.zeros((len(told), count))
    for row, (better, worse, _, _) in enumerate(told):
        pick[row, better], pick[row, worse] = 1, -1
    wanted = np.array([0.5 if tied else 1.0 for _, _, tied, _ in told])
    trust = np.array([t for *_, t in told])
    value = np.zeros(count)
    for _ in range(50):
        p = logistic(pick @ value)
        curvature = (pick * (trust * np.maximum(p * (1 - p), 1e-6))[:, None]).T @ pick
        slope = pick.T @ (trust * (wanted - p))
        # (K^-1 + W)^-1 (W f + slope), without inverting K
        solved = np.linalg.solve(np.eye(count) + kernel @ curvature, kernel @ (curvature @ value + slope))
        change, value = np.abs(solved - value).max(), solved
        if change < 1e-6:
            break
    alpha = pick.T @ (trust * (wanted - logistic(pick @ value)))
    return alpha, curvature @ np.linalg.inv(np.eye(count) + kernel @ curvature)
