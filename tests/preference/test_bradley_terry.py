# SPDX-License-Identifier: GPL-3.0-or-later
"""Strengths from votes: against a search that knows no calculus, and against tastes that a test makes up."""
import importlib.util
import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest

from facewright.core.errors import UserError
from facewright.preference.bradley_terry import BAR, SPREAD, TIE_SPREAD, comparisons, fit, fit_comparisons

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


def log_posterior(names, strengths, log_nu, pairs) -> float:
    """Written as the model is stated, one pair after the other."""
    of = dict(zip(names, strengths, strict=True))
    total = -sum(value**2 for value in strengths) / (2 * SPREAD**2) - log_nu**2 / (2 * TIE_SPREAD**2)
    for better, worse, tied, weight in pairs:
        first, second = math.exp((of[better] - of[worse]) / 2), math.exp((of[worse] - of[better]) / 2)
        tie = 0.0 if BAR in (better, worse) else math.exp(log_nu)
        total += weight * math.log((tie if tied else first) / (first + second + tie))
    return total


def search(names, pairs) -> list[float]:
    """The posterior's top by trying steps in each direction, smaller and smaller."""
    here, step = [0.0] * (len(names) + 1), 1.0
    best = log_posterior(names, here[:-1], here[-1], pairs)
    while step > 1e-6:
        moved = False
        for i, sign in itertools.product(range(len(here)), (1, -1)):
            there = [value + sign * step * (j == i) for j, value in enumerate(here)]
            value = log_posterior(names, there[:-1], there[-1], pairs)
            if value > best:
                here, best, moved = there, value, True
        step = step if moved else step / 2
    return here


@pytest.mark.parametrize(
    "votes",
    [
        [((A, B), (0, 1), False)],
        [((A, B), (0, 0), False)],
        [((A, B), (0, 1), False)] * 3 + [((B, A), (0, 1), False)] + [((A, B), (0, 0), False)] * 2,
        [((A, B), (0, 1), False), ((B, C), (0, 1), False), ((C, A), (0, 1), False)],
        [((A, B), (0, 0), True), ((B, C), (0, 1), False), ((C, D), (0, 0), False)],
        [((D, C, B, A), (1, 0, 1, 2), False), ((A, B, C), (0, 0, 0), True), ((A, C), (0, 1), False)],
    ],
)
def test_the_top_is_where_a_search_finds_it(votes) -> None:
    cast = [making.vote(takes, ranks, both_bad=bad) for takes, ranks, bad in votes]
    found = fit(cast)
    pairs = comparisons(cast)
    if not any(vote.both_bad for vote in cast):
        pairs = [pair for pair in pairs if BAR not in pair[:2]]
    names = sorted({name for pair in pairs for name in pair[:2]})
    searched = dict(zip(names, search(names, pairs), strict=False))
    mean = np.mean([searched[take] for take in found.takes])
    assert found.strength == pytest.approx([searched[take] - mean for take in found.takes], abs=1e-4)
    assert math.log(found.nu) == pytest.approx(search(names, pairs)[-1], abs=1e-4)
    if found.bar:
        assert found.bar[0] == pytest.approx(searched[BAR] - mean, abs=1e-4)
    assert list(found.strength) == sorted(found.strength, reverse=True)


def test_intervals_are_those_of_the_curvature() -> None:
    pairs = [("a", "b", False, 1.0)] * 5 + [("b", "a", False, 1.0)] * 2 + [("b", "c", False, 1.0)] * 3 + [("a", "c", True, 1.0)]
    found = fit_comparisons(pairs)
    names = ["a", "b", "c"]
    top = search(names, pairs)
    count, step = len(top), 1e-3
    hessian = np.zeros((count, count))
    for i, j in itertools.product(range(count), repeat=2):
        for si, sj in itertools.product((1, -1), repeat=2):
            there = list(top)
            there[i] += si * step
            there[j] += sj * step
            hessian[i, j] -= si * sj * log_posterior(names, there[:-1], there[-1], pairs) / (4 * step**2)
    covariance = np.linalg.inv(hessian)[:3, :3]
    contrast = np.eye(3) - 1 / 3
    error = dict(zip(names, 1.96 * np.sqrt(np.diag(contrast @ covariance @ contrast.T)), strict=True))
    for take, value, low, high in zip(found.takes, found.strength, found.low, found.high, strict=True):
        assert (value - low, high - value) == pytest.approx((error[take], error[take]), rel=1e-3)


def simulated(seed: int, takes: int, votes: int, nu: float = 0.6) -> tuple[dict[str, float], list]:
    """Davidson's model as it is stated, drawn from."""
    chance = random.Random(seed)
    strength = {making.take(number).id: chance.gauss(0, 1.2) for number in range(takes)}
    cast = []
    for _ in range(votes):
        pair = chance.sample(list(strength), 2)
        half = (strength[pair[0]] - strength[pair[1]]) / 2
        answer = chance.choices([(0, 1), (1, 0), (0, 0)], [math.exp(half), math.exp(-half), nu])[0]
        cast.append(making.vote(pair, answer))
    return strength, cast


def test_known_strengths_are_found_and_the_intervals_hold_them() -> None:
    inside = total = 0
    for seed in range(8):
        strength, cast = simulated(seed, 12, 600)
        found = fit(cast)
        mean = np.mean(list(strength.values()))
        true = [strength[take] - mean for take in found.takes]
        assert np.corrcoef(true, found.strength)[0, 1] > 0.92
        assert 0.4 < found.nu < 0.85
        inside += sum(low <= value <= high for value, low, high in zip(true, found.low, found.high, strict=True))
        total += len(true)
    assert 0.88 <= inside / total <= 1.0


def test_a_rater_who_counts_less_moves_less() -> None:
    strength, cast = simulated(1, 8, 200)
    noise = [making.vote(vote.takes, (0, 1), rater="left") for vote in simulated(2, 8, 600)[1]]

    def error(found) -> float:
        mean = np.mean(list(strength.values()))
        return float(np.abs([found.strength[i] - (strength[take] - mean) for i, take in enumerate(found.takes)]).mean())

    assert fit(cast + noise, {"left": 0.0}) == fit(cast)
    assert error(fit(cast + noise, {"left": 0.05})) < error(fit(cast + noise))


def test_both_bad_lowers_both_below_the_bar() -> None:
    found = fit([making.vote((A, B), (0, 0), both_bad=True)] * 3 + [making.vote((C, D))] * 3)
    assert set(found.takes[:2]) == {C.id, D.id}
    of = dict(zip(found.takes, found.strength, strict=True))
    assert of[A.id] == pytest.approx(of[B.id])
    assert of[A.id] < found.bar[0] < of[C.id]
    assert fit([making.vote((A, B))]).bar is None


def test_a_ranking_of_four_weighs_as_three_choices() -> None:
    pairs = [pair for pair in comparisons([making.vote((A, B, C, D), (0, 1, 2, 3))]) if BAR not in pair[:2]]
    assert sum(weight for *_, weight in pairs) == pytest.approx(3)
    found = fit([making.vote((A, B, C, D), (0, 1, 2, 3))])
    assert found.takes == (A.id, B.id, C.id, D.id)
    assert found.probability(A.id, D.id) > found.probability(A.id, B.id) > 0.5
    assert found.probability(A.id, B.id) + found.probability(B.id, A.id) == pytest.approx(1)


def test_one_sided_votes_stay_finite_and_islands_do_not_meet() -> None:
    found = fit([making.vote((A, B))] * 500 + [making.vote((C, D))] * 2)
    assert np.isfinite([*found.strength, *found.low, *found.high]).all()
    assert max(found.strength) < 10
    wide = dict(zip(found.takes, np.subtract(found.high, found.low), strict=True))
    assert wide[C.id] > 1


def test_nothing_to_learn_from_is_a_sentence() -> None:
    for votes, weights in (([], None), ([making.vote((A, B))], {"ann": 0.0})):
        with pytest.raises(UserError, match="no votes"):
            fit(votes, weights)


def test_hundreds_of_takes_are_fitted() -> None:
    strength, cast = simulated(5, 300, 6000)
    found = fit(cast)
    mean = np.mean(list(strength.values()))
    assert np.corrcoef([strength[take] - mean for take in found.takes], found.strength)[0, 1] > 0.9
