# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pair to ask about next: the one whose answer tells most about all the others.

For every candidate the expected loss of variance of other pairs' utility differences is computed under the reward model's posterior, and
counted where those pairs are undecided: the expected predictive information of Bickford Smith et al. 2023 ("Prediction-oriented Bayesian
active learning") in its Gaussian form. Without votes it asks about pairs that differ most, in many directions. Asking where the model
itself is least certain (BALD, Houlsby et al. 2011) spends early votes on features that matter for few pairs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np

from .reward import RewardModel, pair_rows

# Pairs that are weighed, and pairs whose answers they are to tell: more change the choice little and cost time between two votes.
_CANDIDATES, _TARGETS = 1500, 300
# Variance of the Gaussian noise that makes answers about as unsure as the logistic ones of the reward model do.
_NOISE = 8 / math.pi
_erf = np.vectorize(math.erf, otypes=[float])


def pairs_within(groups: Sequence) -> list[tuple[int, int]]:
    """All pairs of rows of one group (a stretch of one clip)."""
    rows: dict = {}
    for row, group in enumerate(groups):
        rows.setdefault(group, []).append(row)
    return [pair for members in rows.values() for pair in combinations(members, 2)]


def next_pairs(
    model: RewardModel,
    rows: np.ndarray,
    groups: Sequence,
    count: int,
    asked: Collection[tuple[int, int]] = (),
    mask: np.ndarray | None = None,
    seed: int = 0,
) -> list[tuple[int, int]]:
    """``count`` pairs of rows (fewer if there are none left), the most telling first, each chosen as if those before were answered.

    rows: features [n, P]; groups: the stretch of each row; asked: pairs not to ask again, in any order; mask: what the question is about.
    """
    generator = np.random.default_rng(seed)
    known = {frozenset(pair) for pair in asked}
    every = pairs_within(groups)
    if not every:
        return []
    targets = [every[i] for i in generator.permutation(len(every))[:_TARGETS]]
    candidates = [p for p in every if frozenset(p) not in known]
    candidates = [candidates[i] for i in generator.permutation(len(candidates))[:_CANDIDATES]]
    scaled = rows / model.scale if mask is None else rows / model.scale * mask
    aims, x = pair_rows(scaled, targets), pair_rows(scaled, candidates)
    covariance, chosen = model.covariance, []
    open_ = np.ones(len(candidates), bool)
    undecided = aims @ model.weights
    means = x @ model.weights
    for _ in range(min(count, len(candidates))):
        through = aims @ covariance
        spread = np.maximum(np.einsum("ij,ij->i", through, aims), 1e-12)
        moved = x @ covariance
        own = np.maximum(np.einsum("ij,ij->i", moved, x), 0)
        told = _told(means, own)
        value = (np.exp(-0.5 * undecided**2 / spread) / spread) @ (through @ x.T) ** 2 * told
        best = int(np.argmax(np.where(open_, value, -1)))
        open_[best] = False
        chosen.append(candidates[best])
        covariance = covariance - told[best] * np.outer(moved[best], moved[best])
    return chosen


def _told(means: np.ndarray, own: np.ndarray) -> np.ndarray:
    """By how much an answer is expected to lower the variance of the pair's own difference, over that variance squared; [n].

    means, own: mean and variance of each difference. An answer only says which side of zero the difference lies on, so of a wide
    distribution it takes at most 2 / pi (the moments of a Gaussian cut at zero). The curvature of the likelihood promises nearly all,
    which sends early questions to pairs that differ most, whatever else could be learnt.
    """
    whole = own + _NOISE
    z = means / np.sqrt(whole)
    chance = 0.5 * (1 + _erf(np.clip(z, -5, 5) / math.sqrt(2)))
    return np.exp(-np.square(z)) / (2 * np.pi) / (chance * (1 - chance)) / whole
