# SPDX-License-Identifier: GPL-3.0-or-later
"""Raters that a test simulates: honest ones keep their weight, those that follow the screen lose it, and it is said why."""
import importlib.util
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.preference import raters
from facewright.preference.raters import agreements, assess_all, binomial_p, weights, wilson
from facewright.preference.store import Store
from facewright.preference.votes import Vote

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
POOL = [making.take(number) for number in range(40)]
TAKES = {take.id: take for take in POOL}
GOOD = {take.id: number / 4 for number, take in enumerate(POOL)}  # logits: takes four apart are chosen 73 to 27


def honest(chance: random.Random, shown: list[str]) -> list[int]:
    """Ranks by a taste with the noise that people have (a Bradley-Terry or Plackett-Luce draw)."""
    felt = [GOOD[take] - math.log(-math.log(chance.random())) for take in shown]
    return [sorted(felt, reverse=True).index(value) for value in felt]


def always(place: int):
    return lambda chance, shown: [int(i != place) for i in range(len(shown))]


def blindly(chance: random.Random, shown: list[str]) -> list[int]:
    return chance.sample(range(len(shown)), len(shown))


def a_tie(chance: random.Random, shown: list[str]) -> list[int]:
    return [0] * len(shown)


def opposite(chance: random.Random, shown: list[str]) -> list[int]:
    ranks = honest(chance, shown)
    return [len(shown) - 1 - rank for rank in ranks]


def sitting(name: str, answer, seed: int, votes: int = 100, shown: int = 2, milliseconds: int = 3000, both_bad: bool = False) -> list[Vote]:
    """What someone answers to random questions with random sides, every fifth an earlier one again."""
    chance = random.Random(f"{name} {seed}")
    out: list[Vote] = []
    for number in range(votes):
        before = chance.choice(out) if number % 5 == 4 else None
        takes = chance.sample(before.takes, shown) if before else [take.id for take in chance.sample(POOL, shown)]
        ranks = tuple(answer(chance, takes))
        repeat = before.id if before else ""
        out.append(making.vote(takes, ranks, rater=name, repeat_of=repeat, milliseconds=milliseconds, both_bad=both_bad))
    return out


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("votes", [40, 100, 400])
def test_adversaries_are_found_and_weighted_down_and_the_honest_are_not(seed: int, votes: int) -> None:
    cast = []
    for name, answer in (("left", always(0)), ("right", always(1)), ("ties", a_tie), ("ann", honest), ("bo", honest)):
        cast += sitting(name, answer, seed, votes)
    cast += sitting("bad", a_tie, seed, votes, both_bad=True) + sitting("fast", honest, seed, votes, milliseconds=200)
    judged = assess_all(cast, TAKES)
    assert judged["left"].weight == 0
    assert "left take in 100 %" in judged["left"].sentence
    assert judged["right"].weight == 0
    assert "right take in 100 %" in judged["right"].sentence
    assert judged["ties"].weight == judged["bad"].weight == judged["fast"].weight == 0
    assert "a tie in 100 %" in judged["ties"].sentence
    assert "both are bad in 100 %" in judged["bad"].sentence
    assert "before the takes had played" in judged["fast"].sentence
    assert min(judged["ann"].weight, judged["bo"].weight) > 0.5
    assert judged["ann"].bias_p > raters.SURE


def test_who_answers_blindly_is_known_by_the_repeats() -> None:
    """Nothing else gives such a rater away, so it takes repeats: 20 in 100 votes take half the weight in the mean, 80 most of it."""

    def mean(answer, votes: int) -> float:
        return sum(assess_all(sitting("blind", answer, seed, votes), TAKES)["blind"].weight for seed in range(20)) / 20

    assert mean(blindly, 100) < 0.5
    assert mean(blindly, 400) < 0.25
    assert min(mean(honest, 100), mean(honest, 400)) > 0.9
    told = assess_all(sitting("blind", blindly, 1, 400), TAKES)["blind"].sentence
    assert "as chance would" in told


@pytest.mark.parametrize("seed", range(5))
def test_always_the_first_of_four_is_found(seed: int) -> None:
    judged = assess_all(sitting("first", always(0), seed, 60, shown=4) + sitting("ann", honest, seed, 60, shown=4), TAKES)
    assert judged["first"].weight == 0
    assert "prefers take 1 of 4 in 100 %" in judged["first"].sentence
    assert judged["ann"].weight > 0.4


def test_a_leaning_costs_in_proportion() -> None:
    def leaning(chance: random.Random, shown: list[str]) -> list[int]:
        return [0, 1] if chance.random() < 0.5 else honest(chance, shown)

    judged = assess_all(sitting("half", leaning, 0, 400), TAKES)["half"]
    assert judged.bias_p < raters.SURE
    assert 0.05 < judged.weight < 0.75
    assert 0.65 < judged.place.value < 0.85


def test_false_alarms_are_rare() -> None:
    """400 honest raters of 60 votes: at p < 0.001 one in a thousand would be accused of a habit."""
    accused = sum(assess_all(sitting("ann", honest, seed, 60), TAKES)["ann"].bias_p < raters.SURE for seed in range(400))
    assert accused <= 3


def test_who_chooses_the_opposite_of_all_others_is_told() -> None:
    cast = [vote for name in ("ann", "bo", "cy") for vote in same_questions(name, honest)] + same_questions("contra", opposite)
    judged = assess_all(cast, TAKES)
    assert judged["contra"].agreement.high < 0.5
    assert "opposite of the others" in judged["contra"].sentence
    assert judged["contra"].weight <= 0.5
    assert min(judged[name].agreement.value for name in ("ann", "bo", "cy")) > 0.5


def same_questions(name: str, answer) -> list[Vote]:
    chance = random.Random(name)
    pairs = random.Random("questions")
    out = []
    for _ in range(150):
        low = pairs.randrange(20)
        takes = [POOL[low].id, POOL[low + 19].id]
        chance.shuffle(takes)
        out.append(making.vote(takes, tuple(answer(chance, takes)), rater=name))
    return out


def test_two_names_of_one_person_are_judged_together_and_share_a_weight() -> None:
    cast = [v for name in ("mk", "Mika") for v in sitting(name, always(0), 1, 6)]
    assert {judged.weight for judged in assess_all(cast, TAKES).values()} == {1.0}  # six votes are too few to judge
    people = {"mk": "Mika"}
    assert weights(cast, TAKES, people) == {"mk": 0.0, "Mika": 0.0}
    own = [making.vote((POOL[0], POOL[1]), rater="mk"), making.vote((POOL[0], POOL[1]), (1, 0), rater="Mika")]
    assert agreements(own, people) == {}
    assert agreements(own) == {"mk": (0, 1), "Mika": (0, 1)}


def test_little_is_not_held_against_anyone() -> None:
    judged = assess_all([making.vote((POOL[0], POOL[1])) for _ in range(5)], TAKES)["ann"]
    assert judged.weight == 1
    assert "too few to judge" in judged.sentence
    assert (judged.consistency.low, judged.consistency.high) == (0, 1)


def test_the_stores_own_counts_judge_alike(tmp_path: Path) -> None:
    cast = sitting("ann", honest, 3, 60) + sitting("left", always(0), 3, 60) + sitting("fast", honest, 3, 30, milliseconds=100)
    with Store.open(tmp_path) as store:
        store.add_takes(POOL)
        for vote in cast:
            store.add_vote(vote)
        by_store = {tally.rater: raters.assess(tally) for tally in store.stats().raters}
    by_votes = {name: raters.assess(tally) for name, tally in raters.tallies(cast, TAKES).items()}
    assert by_store == by_votes


@given(st.integers(1, 200), st.floats(0.05, 0.95), st.data())
def test_the_binomial_test_is_the_sum_it_says(trials: int, chance: float, data) -> None:
    successes = data.draw(st.integers(0, trials))
    terms = [math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]
    as_rare = sum(term for term in terms if term <= terms[successes] * (1 + 1e-7))
    assert binomial_p(successes, trials, chance) == pytest.approx(min(1, as_rare), rel=1e-6)


def test_the_binomial_test_of_many_trials_joins_the_exact_one() -> None:
    exact, normal = binomial_p(2600, 5000, 0.5), binomial_p(2601, 5001, 0.5)
    assert normal == pytest.approx(exact, rel=0.06)


@pytest.mark.parametrize(("successes", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433)])
def test_wilson_intervals(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-4)
