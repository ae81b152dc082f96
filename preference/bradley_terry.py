# SPDX-License-Identifier: GPL-3.0-or-later
"""How good each take is, from votes alone: the Bradley-Terry model with ties, fitted by Newton's method in numpy.

Davidson's tie model (Journal of the American Statistical Association 65, 1970): with strengths a and b in logits, "the first is
better", "the second is better" and "a tie" have weights exp((a - b) / 2), exp((b - a) / 2) and nu. It is a multinomial logit in
(strengths, log nu), so with a Gaussian prior the posterior has one maximum, and Newton's method finds it from anywhere.

"Both bad" is about an absolute level. A bar stands for "good enough", with a strength of its own: of takes that are all bad each
loses to the bar, and whenever a rater could have said so and did not, the best take wins against it.

A ranking of k takes becomes its k (k - 1) / 2 pairs, each weighted 2 / k: together they weigh as much as the k - 1 choices that were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..core.errors import UserError
from .votes import Vote

if TYPE_CHECKING:
    import numpy as np

SPREAD: Final = 2.0  # prior standard deviation of strengths, logits: 2 apart is 88 to 12, more is rarely seen between takes of one clip
TIE_SPREAD: Final = 2.0  # the same for log nu around 0, where takes of one strength tie in a third of the votes
MOST_TAKES: Final = 4000  # the Hessian is dense; beyond this it takes minutes and gigabytes
STEPS: Final = 100
BAR: Final = "bar"  # the name of "good enough" among the comparisons


@dataclass(frozen=True)
class Strengths:
    """takes: ids, the strongest first    strength: logits, 0 in the mean    low, high: 95 % interval of each (Laplace)

    nu: weight of a tie    bar: strength of "good enough" and its interval, None where nobody could say that takes are bad
    """

    takes: tuple[str, ...]
    strength: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    nu: float
    bar: tuple[float, float, float] | None

    def probability(self, first: str, second: str) -> float:
        """Chance that the first take is called better, among votes that are no tie."""
        import math

        of = dict(zip(self.takes, self.strength, strict=True))
        return 1 / (1 + math.exp(of[second] - of[first]))


Comparison = tuple[str, str, bool, float]
"""(better, worse, tied, weight)"""


def comparisons(votes: Iterable[Vote], weights: Mapping[str, float] | None = None) -> list[Comparison]:
    """Votes as weighted pairs, the bar among them. ``weights``: rater -> 0..1 (``raters.weights``), 1 where a rater is not named."""
    out: list[Comparison] = []
    weights = weights or {}
    for vote in votes:
        weight = weights.get(vote.rater, 1.0)
        if weight <= 0:
            continue
        if vote.both_bad:
            out += [(BAR, take, False, weight) for take in vote.takes]
            continue
        share = weight * 2 / len(vote.takes)
        out += [(better, worse, tied, share) for better, worse, tied in vote.pairs()]
        out += [(take, BAR, False, weight) for take, rank in zip(vote.takes, vote.ranks, strict=True) if rank == 0][:1]
    return out


def fit(votes: Iterable[Vote], weights: Mapping[str, float] | None = None, spread: float = SPREAD) -> Strengths:
    """Strengths of all takes in the votes. Raises UserError where there are none, or more takes than fit."""
    pairs = comparisons(votes, weights)
    if not any(BAR in (better, worse) and better == BAR for better, worse, _, _ in pairs):
        # Nobody ever said that takes are bad: the bar is below them all, and where it lies is not known.
        pairs = [pair for pair in pairs if BAR not in pair[:2]]
    return fit_comparisons(pairs, spread)


def fit_comparisons(pairs: Sequence[Comparison], spread: float = SPREAD) -> Strengths:
    """The same for weighted pairs; ``BAR`` may be one of the names."""
    import numpy as np

    names = sorted({name for better, worse, _, _ in pairs for name in (better, worse)})
    if not names:
        raise UserError("There are no votes to learn strengths from.")
    if len(names) > MOST_TAKES:
        raise UserError(f"Strengths of {len(names)} takes at once are too many; {MOST_TAKES} fit.", "Choose one clip, region or axis.")
    place = {name: i for i, name in enumerate(names)}
    first = np.array([place[pair[0]] for pair in pairs])
    second = np.array([place[pair[1]] for pair in pairs])
    tied = np.array([pair[2] for pair in pairs])
    weight = np.array([pair[3] for pair in pairs], float)
    against_bar = np.array([BAR in pair[:2] for pair in pairs])  # a question with two answers: no tie

    count = len(names)
    parameters = np.zeros(count + 1)
    prior = np.full(count + 1, spread**-2)
    prior[count] = TIE_SPREAD**-2
    value, gradient, hessian = _posterior(parameters, first, second, tied, weight, against_bar, prior)
    for _ in range(STEPS):
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-6:  # halve until it climbs: Newton overshoots far from the top
            tried = _posterior(parameters + size * step, first, second, tied, weight, against_bar, prior)
            if tried[0] >= value - 1e-12 * abs(value):
                break
            size /= 2
        parameters = parameters + size * step
        value, gradient, hessian = tried
        if np.abs(step).max() * size < 1e-9:
            break
    covariance = np.linalg.inv(hessian)
    takes = [i for i, name in enumerate(names) if name != BAR]
    # Only differences are observed: strengths and their intervals are told against the mean take.
    contrast = np.zeros((count, count + 1))
    contrast[:, :count] = np.eye(count)
    contrast[:, takes] -= 1 / max(1, len(takes))
    strength = contrast @ parameters
    error = 1.96 * np.sqrt(np.maximum(0, np.einsum("ij,jk,ik->i", contrast, covariance, contrast, optimize=True)))
    order = sorted(takes, key=lambda i: (-strength[i], names[i]))

    def told(i: int) -> tuple[float, float, float]:
        return float(strength[i]), float(strength[i] - error[i]), float(strength[i] + error[i])

    rows = [told(i) for i in order]
    return Strengths(
        takes=tuple(names[i] for i in order),
        strength=tuple(row[0] for row in rows),
        low=tuple(row[1] for row in rows),
        high=tuple(row[2] for row in rows),
        nu=float(np.exp(parameters[count])),
        bar=told(place[BAR]) if BAR in place else None,
    )


def _posterior(
    parameters: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    tied: np.ndarray,
    weight: np.ndarray,
    against_bar: np.ndarray,
    prior: np.ndarray,
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log posterior, its gradient and its negative Hessian at (strengths [N], log nu)."""
    import numpy as np

    count = len(parameters) - 1
    half = (parameters[first] - parameters[second]) / 2
    log_tie = np.where(against_bar, -np.inf, parameters[count])
    top = np.maximum(np.abs(half), log_tie)
    log_sum = top + np.log(np.exp(half - top) + np.exp(-half - top) + np.exp(log_tie - top))
    win, lose, tie = np.exp(half - log_sum), np.exp(-half - log_sum), np.exp(log_tie - log_sum)
    value = float((weight * (np.where(tied, log_tie, half) - log_sum)).sum() - (prior * parameters**2).sum() / 2)

    # Features of the three answers: +-1/2 on the difference, 1 on log nu for a tie. Gradient: seen minus expected; Hessian: covariance.
    seen_half = np.where(tied, 0.0, 0.5)
    slope = weight * (seen_half - (win - lose) / 2)
    slope_tie = weight * (tied - tie)
    gradient = np.bincount(first, slope, count + 1) - np.bincount(second, slope, count + 1)
    gradient[count] += slope_tie.sum()
    gradient -= prior * parameters

    mean = (win - lose) / 2
    curve = weight * ((win + lose) / 4 - mean**2)  # variance of the difference's feature
    cross = weight * (-mean * tie)  # covariance with the tie's
    curve_tie = weight * tie * (1 - tie)
    hessian = np.diag(prior)
    flat = np.bincount(first * (count + 1) + second, curve, (count + 1) ** 2).reshape(count + 1, count + 1)
    hessian -= flat + flat.T
    hessian[np.arange(count), np.arange(count)] += np.bincount(first, curve, count) + np.bincount(second, curve, count)
    side = np.bincount(first, cross, count) - np.bincount(second, cross, count)
    hessian[:count, count] += side
    hessian[count, :count] += side
    hessian[count, count] += curve_tie.sum()
    return value, gradient, hessian
