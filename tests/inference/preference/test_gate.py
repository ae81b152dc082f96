# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate counts only fresh blind comparisons, and says what is lacking."""
from dataclasses import replace

import pytest

from facewright.inference.preference.check import LipFigures, sentences
from facewright.inference.preference.gate import FEWEST, Score, fresh, judge
from facewright.preference.votes import Take, Vote, new_id, now

OWN, CLIP, MODEL = "a" * 64, "c" * 64, "d" * 64


def take(adapter: str = "", seed: int = 1, **more) -> Take:
    known = {"kind": "speech", "clip": CLIP, "clip_name": "x", "start": 0.0, "end": 2.0, "variation": 0.4, "controls": {}, "model": MODEL}
    rest = {"adapter_strength": 1.0 if adapter else 0.0, "fps": 60.0, "rig": "", "camera": "", "curves": f"{seed:064d}"}
    return Take(seed=seed, adapter=adapter, **{**known, **rest, **more})


def vote(a: Take, b: Take, ranks=(0, 1), rater: str = "Mika") -> Vote:
    return Vote(new_id(), now(), rater, "s", (a.id, b.id), ranks)


def test_only_takes_that_differ_in_the_adapter_alone_count() -> None:
    base, tuned, other = take(), take(OWN), take(OWN, seed=2)
    louder, another = take(OWN, controls={"jaw": 1.2}), take("b" * 64)
    takes = {t.id: t for t in (base, tuned, other, louder, another)}
    votes = [
        vote(tuned, base), vote(base, tuned, rater="A"), vote(base, tuned, (0, 0), rater="B"), vote(base, tuned, (1, 0), rater="C"),
        vote(other, base), vote(louder, base), vote(another, base), vote(tuned, base, rater="Side"),
    ]  # fmt: skip
    assert fresh(votes, takes, OWN, {"Mika": 1.0, "Side": 0.1}) == Score(wins=2, ties=1, losses=1, ignored=1)
    assert fresh(votes, takes, "b" * 64, {}).wins == 1
    assert fresh(votes, takes, OWN, {}, against="b" * 64).count == 0


def test_a_silent_repeat_is_no_further_comparison() -> None:
    base, tuned = take(), take(OWN)
    asked = vote(tuned, base)
    again = replace(vote(base, tuned, (1, 0)), repeat_of=asked.id)
    assert fresh([asked, again], {t.id: t for t in (base, tuned)}, OWN, {}) == Score(wins=1)


def test_only_the_whole_face_at_full_strength_counts_and_two_takes_once_a_rater() -> None:
    base, tuned, faint = take(), take(OWN), take(OWN, adapter_strength=0.2)
    takes = {t.id: t for t in (base, tuned, faint)}
    upper, life = replace(vote(tuned, base), region="upper"), replace(vote(tuned, base), axis="life")
    assert fresh([upper, life, vote(faint, base)], takes, OWN, {}).count == 0
    assert fresh([vote(base, tuned), *[vote(tuned, base)] * 11], takes, OWN, {}) == Score(wins=1)


@pytest.mark.parametrize(
    ("score", "passed", "words"),
    [
        (Score(), False, "compared blind"),
        (Score(wins=5), False, "more would settle"),
        (Score(wins=FEWEST), True, ""),
        (Score(wins=10, losses=8), False, "more would settle"),
        (Score(wins=20, losses=20), False, "hardly help"),
        (Score(wins=4, losses=16), False, "hardly help"),
        (Score(wins=40, ties=10, losses=15), True, ""),
    ],
)
def test_wins_by_more_than_chance(score: Score, passed: bool, words: str) -> None:
    verdict = judge(score, [], {})
    assert verdict.passed == passed and words in " ".join(verdict.reasons)
    assert bool(verdict.reasons) != passed
    if score.count:
        low, high = verdict.interval
        assert low <= verdict.win_rate <= high


def test_lips_that_fell_refuse_any_win() -> None:
    before = LipFigures(0.86, 1.0, 0.98, 0.030)
    assert not sentences(before, LipFigures(0.85, 0.99, 0.98, 0.0305))
    lost = sentences(before, LipFigures(0.83, 0.95, 0.90, 0.04))
    assert len(lost) == 4
    assert len(sentences(before, LipFigures(0.86, 1.0, 0.98, 0.030, kept=0.97, known=0.96))) == 2, "touches of the lips that went or came"
    verdict = judge(Score(wins=50), lost, {})
    assert not verdict.passed and verdict.reasons == tuple(lost)
    assert not sentences(before, LipFigures(0.90, 1.0, 1.0, 0.01)), "better is never a loss"
