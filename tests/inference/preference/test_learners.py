# SPDX-License-Identifier: GPL-3.0-or-later
"""The reward model, the choice of pairs, the search over controls: on made-up tastes in feature space."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.preference import questions, reward
from facewright.inference.preference.control_search import suggest
from facewright.inference.preference.reward import Comparison, fit


def takes(seed: int, groups: int = 12, each: int = 8, features: int = 20) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((groups * each, features)) * np.linspace(0.1, 3, features)
    return rows, np.repeat(np.arange(groups), each)


def answers(rows, pairs, taste, generator, noise=0.0, ties=0.0) -> list[Comparison]:
    told = []
    for a, b in pairs:
        d = float((rows[a] - rows[b]) @ taste)
        if abs(d) < ties:
            told.append(Comparison(a, b, True))
            continue
        first = d > 0 if generator.random() >= noise else generator.random() < 0.5
        told.append(Comparison(a, b) if first else Comparison(b, a))
    return told


def agreement(model, rows, groups, taste) -> float:
    pairs = questions.pairs_within(groups)
    truth = np.array([(rows[a] - rows[b]) @ taste > 0 for a, b in pairs])
    return float(((model.difference(rows, pairs)[0] > 0) == truth).mean())


def test_more_votes_teach_more_and_noise_teaches_less() -> None:
    rows, groups = takes(0)
    fresh, fresh_groups = takes(1)
    generator = np.random.default_rng(2)
    taste = generator.standard_normal(20) / np.linspace(0.1, 3, 20)
    every = questions.pairs_within(groups)
    pairs = [every[i] for i in generator.permutation(len(every))[:200]]
    found = [agreement(fit(rows, groups, answers(rows, pairs[:n], taste, generator)), fresh, fresh_groups, taste) for n in (20, 200)]
    assert found[1] > 0.85 and found[1] > found[0] > 0.55
    noisy = fit(rows, groups, answers(rows, pairs, taste, generator, noise=0.5))
    clear = fit(rows, groups, answers(rows, pairs, taste, generator))
    assert noisy.prior <= clear.prior
    assert np.abs(noisy.probability(rows, pairs) - 0.5).mean() < np.abs(clear.probability(rows, pairs) - 0.5).mean()


def test_ties_pull_utilities_together() -> None:
    rows, groups = takes(3)
    pairs = questions.pairs_within(groups)[:120]
    tied = fit(rows, groups, [Comparison(a, b, True) for a, b in pairs])
    assert np.abs(tied.difference(rows, pairs)[0]).max() < 1e-6 and tied.tie > 1
    taste = np.ones(20)
    some = fit(rows, groups, answers(rows, pairs, taste, np.random.default_rng(0), ties=3.0))
    assert some.tie > 0 and agreement(some, rows, groups, taste) > 0.8


def test_an_untrusted_rater_hardly_moves_the_model() -> None:
    rows, groups = takes(4)
    pairs = questions.pairs_within(groups)[:100]
    taste = np.ones(20)
    good = answers(rows, pairs, taste, np.random.default_rng(0))
    spoilt = [Comparison(c.worse, c.better, weight=0.02) for c in good for _ in range(3)]
    assert agreement(fit(rows, groups, good + spoilt), rows, groups, taste) > 0.85


def test_a_masked_vote_says_nothing_about_the_rest() -> None:
    rows, groups = takes(5)
    mask = np.arange(20) < 10
    told = [Comparison(a, b, mask=mask) for a, b in questions.pairs_within(groups)[:60]]
    model = fit(rows, groups, told)
    assert np.abs(model.weights[:10]).max() > 0 and np.abs(model.weights[10:]).max() < 1e-9


def test_chosen_pairs_teach_more_than_random_ones() -> None:
    rows, groups = takes(6, groups=20)
    fresh, fresh_groups = takes(7)
    every = questions.pairs_within(groups)
    gained = []
    for seed in range(4):
        generator = np.random.default_rng(seed)
        taste = generator.standard_normal(20) / np.linspace(0.1, 3, 20)
        order = [every[i] for i in generator.permutation(len(every))[:60]]
        random = agreement(fit(rows, groups, answers(rows, order, taste, generator)), fresh, fresh_groups, taste)
        asked, told = [], []
        for _ in range(6):
            chosen = questions.next_pairs(fit(rows, groups, told), rows, groups, 10, asked, seed=seed)
            asked += chosen
            told += answers(rows, chosen, taste, generator)
        assert len({frozenset(p) for p in asked}) == 60
        gained.append(agreement(fit(rows, groups, told), fresh, fresh_groups, taste) - random)
    assert np.mean(gained) > 0


def test_no_pairs_where_there_are_none() -> None:
    rows, groups = takes(8, groups=4, each=1)
    assert questions.next_pairs(fit(rows, groups, []), rows, groups, 5) == []


def test_ensemble_disagrees_where_it_was_told_nothing() -> None:
    rows, groups = takes(9)
    pairs = questions.pairs_within(groups)
    few, many = fit(rows, groups, [Comparison(*p) for p in pairs[:3]]), fit(rows, groups, [Comparison(*p) for p in pairs[:150]])
    assert few.ensemble().shape == (reward.MEMBERS, 20)
    assert few.ensemble().std(0).mean() > many.ensemble().std(0).mean() or few.prior < many.prior


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.booleans(), st.floats(0, 1)), max_size=30), st.integers(0, 99))
def test_any_answers_give_finite_numbers(told: list, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((12, 6))
    rows[:, 5] = 1.0  # a feature that never moves
    model = fit(rows, [0] * 12, [Comparison(a, b, t, w) for a, b, t, w in told if a != b])
    pairs = questions.pairs_within([0] * 12)
    chance = model.probability(rows, pairs)
    assert np.isfinite(chance).all() and ((chance >= 0) & (chance <= 1)).all()
    controls = [{"jaw": float(r[0]), "lips": float(r[1])} for r in rows]
    found = suggest(controls, [(a, b, t, w) for a, b, t, w in told if a != b], seed)
    for name, value in found.controls.items():
        assert min(c[name] for c in controls) - 1e-3 <= value <= max(c[name] for c in controls) + 1e-3


def test_the_search_finds_a_favourite_amount() -> None:
    generator = np.random.default_rng(0)
    tried = [{"jaw": float(j), "articulation": float(a)} for j, a in generator.uniform(0.5, 1.5, (40, 2))]

    def liked(t: dict) -> float:
        return -((t["jaw"] - 1.25) ** 2) - 0.5 * (t["articulation"] - 0.8) ** 2

    told = []
    for _ in range(25):
        a, b = generator.choice(40, 2, replace=False)
        told.append((a, b, False, 1.0) if liked(tried[a]) > liked(tried[b]) else (b, a, False, 1.0))
    found = suggest(tried, told)
    assert found.controls["jaw"] == pytest.approx(1.25, abs=0.25) and found.votes_used == 25
    assert liked(found.controls) > liked({"jaw": 1.0, "articulation": 1.0})
    assert 0 < found.uncertainty["jaw"] < 0.35 and found.chance > 0.5
    assert suggest([{"jaw": 1.0}, {"jaw": 1.0}], [(0, 1, False, 1.0)]).votes_used == 0
