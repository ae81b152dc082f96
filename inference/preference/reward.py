# SPDX-License-Identifier: GPL-3.0-or-later
"""A reward model: from votes on pairs to a number for any take, with how sure it is. Small enough to be fitted between two votes.

Utility is linear in the take's features. An answer follows Bradley and Terry (1952) with Davidson's ties (1970): with s the difference of
two utilities, wins, losses and ties are as exp(s/2) : exp(-s/2) : nu. Weights have a Gaussian prior whose width is chosen by the evidence
(MacKay 1992), so noisy raters are believed less; the posterior is Laplace's. An ensemble is drawn from it where disagreement is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

# Widths of the prior that the evidence chooses among, as variances; features are scaled to a spread of 1 within a clip.
_PRIORS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
_STEPS: Final = 25
_TOLERANCE: Final = 1e-4
MEMBERS: Final = 8
# Nodes of the Gauss-Hermite rule for averages over the posterior of one difference.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_SHARES: Final = _WEIGHTS / _WEIGHTS.sum()


@dataclass(frozen=True)
class Comparison:
    """One answered pair: rows ``better`` and ``worse`` of a feature table (in either order where tied).

    weight: 0..1, how far the rater is trusted. mask: bool [P], which features the question was about; None for all.
    """

    better: int
    worse: int
    tied: bool = False
    weight: float = 1.0
    mask: np.ndarray | None = None


@dataclass(frozen=True)
class RewardModel:
    """weights float64 [P] on features divided by ``scale`` [P]; covariance [P, P] of the weights; tie: Davidson's nu; prior: the chosen
    variance; evidence: log, up to a constant; votes: how many comparisons it was fitted to."""

    scale: np.ndarray
    weights: np.ndarray
    covariance: np.ndarray
    tie: float
    prior: float
    evidence: float
    votes: int

    def utility(self, rows: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """One number a row of features [n, P]; only differences within one clip mean anything."""
        return self._scaled(rows, mask) @ self.weights

    def difference(
        self, rows: np.ndarray, pairs: Sequence[tuple[int, int]], mask: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of utility(first) - utility(second) for each pair of rows."""
        x = pair_rows(self._scaled(rows, mask), pairs)
        return x @ self.weights, np.sqrt(np.maximum(np.einsum("ij,ij->i", x @ self.covariance, x), 0))

    def probability(self, rows: np.ndarray, pairs: Sequence[tuple[int, int]], mask: np.ndarray | None = None) -> np.ndarray:
        """That the first of each pair is preferred where one is, averaged over the posterior."""
        mean, spread = self.difference(rows, pairs, mask)
        return logistic(mean[:, None] + spread[:, None] * _NODES) @ _SHARES

    def ensemble(self, count: int = MEMBERS, seed: int = 0) -> np.ndarray:
        """``count`` weight vectors drawn from the posterior, [count, P]."""
        root = np.linalg.cholesky(self.covariance + 1e-9 * np.eye(len(self.weights)))
        return self.weights + np.random.default_rng(seed).standard_normal((count, len(self.weights))) @ root.T

    def _scaled(self, rows: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        scaled = rows / self.scale
        return scaled if mask is None else scaled * mask


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(x)))


def pair_rows(rows: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """First minus second row of each pair, [len(pairs), P]."""
    if not len(pairs):
        return np.zeros((0, rows.shape[1]))
    first, second = np.asarray(pairs, np.intp).T
    return rows[first] - rows[second]


def scale_of(rows: np.ndarray, groups: Sequence) -> np.ndarray:
    """Spread of each feature between takes of one clip; infinite (the feature is ignored) where takes never differ. [P]."""
    groups = np.asarray(groups)
    centred = rows.astype(np.float64).copy()
    for group in np.unique(groups):
        at = groups == group
        centred[at] -= centred[at].mean(0)
    spread = centred.std(0) if len(rows) else np.zeros(rows.shape[1])
    # A feature that hardly moves would be noise blown up.
    return np.where(spread > 1e-6 * (1 + np.abs(rows).max(0, initial=0)), spread, np.inf)


def fit(rows: np.ndarray, groups: Sequence, comparisons: Sequence[Comparison], scale: np.ndarray | None = None) -> RewardModel:
    """The model that the answers speak for. rows: features [n, P] of all takes at hand; groups: which clip each row belongs to; scale: from
    a larger pool of takes, if there is one. Without comparisons it is the prior."""
    scale = scale_of(rows, groups) if scale is None else scale
    scaled = rows / scale
    x = pair_rows(scaled, [(c.better, c.worse) for c in comparisons])
    for i, c in enumerate(comparisons):
        if c.mask is not None:
            x[i] *= c.mask
    tied = np.array([c.tied for c in comparisons], bool)
    trust = np.array([c.weight for c in comparisons], float)
    best: RewardModel | None = None
    start = np.zeros(rows.shape[1])
    for prior in _PRIORS:
        weights, covariance, tie, evidence = _posterior(x, tied, trust, prior, start)
        start = weights
        if best is None or evidence > best.evidence:
            best = RewardModel(scale, weights, covariance, tie, prior, evidence, len(comparisons))
        if not len(x):
            # Nothing to choose by: a moderate width, under which a pair that differs as usual is answered alike four times in five.
            return RewardModel(scale, weights, 0.03 * np.eye(len(weights)), 0.0, 0.03, 0.0, 0)
    return best


def _posterior(x: np.ndarray, tied: np.ndarray, trust: np.ndarray, prior: float, start: np.ndarray):
    """(weights, covariance, nu, log evidence) for one width of the prior, by Newton's method."""
    p = x.shape[1]
    weights, tie = start, 0.5 if tied.any() else 0.0
    target = np.where(tied, 0.0, 0.5)
    hessian = np.eye(p) / prior
    for _ in range(_STEPS):
        s = x @ weights
        if tied.any():
            share = (trust * _tie_share(s, tie)).sum()
            tie = float(np.clip(tie * (trust * tied).sum() / max(share, 1e-9), 1e-3, 1e3))
        slope, curvature = _slopes(s, tie)
        hessian = (x * (trust * curvature)[:, None]).T @ x + np.eye(p) / prior
        step = np.linalg.solve(hessian, x.T @ (trust * (target - slope)) - weights / prior)
        # A full step may overshoot where the answers are all but certain.
        step *= min(1.0, 8.0 / max(float(np.abs(x @ step).max(initial=0)), 1e-9))
        weights = weights + step
        if np.abs(step).max(initial=0) < _TOLERANCE:
            break
    s = x @ weights
    log_z = np.logaddexp(np.logaddexp(s / 2, -s / 2), np.log(tie)) if tie else np.logaddexp(s / 2, -s / 2)
    fits = float((trust * (np.where(tied, np.log(max(tie, 1e-12)), s / 2) - log_z)).sum())
    _, log_det = np.linalg.slogdet(hessian)
    evidence = fits - 0.5 * float(weights @ weights) / prior - 0.5 * (log_det + p * np.log(prior))
    return weights, np.linalg.inv(hessian), tie, evidence


def _slopes(s: np.ndarray, tie: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of log Z = log(exp(s/2) + exp(-s/2) + nu)."""
    if not tie:
        p = logistic(s)
        return p - 0.5, p * (1 - p)
    away = np.exp(-np.abs(s))
    z = 1 + away + tie * np.sqrt(away)
    slope = 0.5 * np.sign(s) * (1 - away) / z
    return slope, np.maximum(0.25 * (1 + away) / z - slope**2, 1e-9)


def _tie_share(s: np.ndarray, tie: float) -> np.ndarray:
    away = np.exp(-np.abs(s))
    return tie * np.sqrt(away) / (1 + away + tie * np.sqrt(away))
