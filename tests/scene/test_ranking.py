# SPDX-License-Identifier: GPL-3.0-or-later
"""A sitting is blind, repeats some pairs, loses nothing by undo and skip, and tells when to rest."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("bpy")
from facewright.core.curves import Curves
from facewright.rigs.arkit import ARKIT_52
from facewright.scene import ranking

pytestmark = pytest.mark.blender
VERSIONS = {"facewright": "0", "blender": "0"}


def take(number):
    return f"{number:064x}"


def sitting(pairs=10, seed=0, first=0):
    made = ranking.Sitting("mika", "whole", "overall", seed, VERSIONS)
    made.add((take(first + 2 * i), take(first + 2 * i + 1)) for i in range(pairs))
    return made


def test_an_answer_becomes_a_vote_with_sides_time_and_replays():
    made = sitting()
    shown = made.question.takes
    made.shown(10.0)
    made.played()
    made.played()
    made.note = "late"
    vote = made.prefer(1, 12.5)
    assert vote.takes == shown and vote.ranks == (1, 0) and vote.winner == shown[1]
    assert vote.milliseconds == 2500 and vote.replays == (2, 2) and vote.note == "late"
    assert (vote.rater, vote.region, vote.axis, dict(vote.versions)) == ("mika", "whole", "overall", VERSIONS)
    assert made.note == "" and made.question.takes != shown


def test_tie_and_all_bad():
    made = sitting()
    assert made.tie(1.0).winner == "tie"
    assert made.all_bad(2.0).winner == "bad"


def test_sides_are_drawn_and_can_be_drawn_again():
    lefts = [sitting(1, seed).question.takes[0] for seed in range(200)]
    assert 70 < lefts.count(take(0)) < 130
    assert [q.takes for q in sitting(8, 5).ahead(8)] == [q.takes for q in sitting(8, 5).ahead(8)]


def test_an_empty_queue_asks_nothing_again_however_often_it_is_looked_at():
    """A timer looks ahead many times between two answers."""
    repeats = 0
    for seed in range(20):
        made = sitting(30, seed)
        at = 0
        while made.question is not None and at < 100:
            repeats += made.question.repeat_of != ""
            made.tie(at)
            at += 1
            for _ in range(50):
                made.ahead(3)
    assert 10 < repeats < 100  # of 600 pairs: about one in twelve


def test_a_note_on_a_skipped_pair_is_no_other_s():
    made = sitting()
    made.note = "late"
    made.skip(1.0)
    assert made.tie(2.0).note == ""


def test_looking_ahead_changes_nothing():
    one, other = sitting(6, 3), sitting(6, 3)
    other.ahead(4)
    for at in range(6):
        assert one.question == other.question
        one.tie(at)
        other.tie(at)
    assert one.question is None


def repeats_of(made, count):
    found = []
    for at in range(count):
        if made.question is None:
            break
        found.append(made.question.repeat_of)
        made.prefer(0, float(at))
    return found


def test_about_one_in_twelve_repeats_an_earlier_pair():
    counts = [sum(map(bool, repeats_of(sitting(120, seed), 130))) for seed in range(20)]
    assert 5 < np.mean(counts) < 15


def test_a_repeat_is_never_of_a_recent_or_repeated_pair():
    for seed in range(20):
        made = sitting(100, seed)
        asked = repeats_of(made, 110)
        ids = [vote.id for vote in made.votes]
        again = [(at, base) for at, base in enumerate(asked) if base]
        assert len({base for _, base in again}) == len(again)
        for at, base in again:
            assert at - ids.index(base) > ranking.REPEAT_AFTER
            assert set(made.votes[at].takes) == set(made.votes[ids.index(base)].takes)
            assert not asked[ids.index(base)], "a repeat is not repeated"


def test_consistency_counts_the_same_answer_whatever_the_sides():
    best = {}
    made = sitting(200, 1)
    while made.question is not None:
        takes = made.question.takes
        liked = best.setdefault(frozenset(takes), min(takes))
        made.prefer(takes.index(liked), 0.0)
    counter = made.counter
    assert counter.repeats > 5 and counter.same == counter.repeats
    assert counter.consistency.startswith(f"You gave the same answer to {counter.same} of")
    assert "a few more votes" in sitting().counter.consistency


def test_undo_asks_the_same_question_again():
    made = sitting()
    first = made.question
    vote = made.prefer(0, 1.0)
    later = made.ahead(3)
    assert made.undo() == vote
    assert made.question == first and made.ahead(4)[1:] == later
    assert made.counter.votes == 0
    assert made.undo() is None


def test_a_skipped_question_comes_last_and_is_no_vote():
    made = sitting(3)
    first = made.question.takes
    made.skip(1.0)
    assert made.left == 3 and made.counter == ranking.Counter(0, 1, 0, 0, 0.0)
    asked = []
    while made.question:
        asked.append(set(made.question.takes))
        made.tie(2.0)
    assert asked[-1] == set(first)


def test_the_only_question_is_still_there_after_a_skip():
    made = sitting(1)
    asked = set(made.question.takes)
    made.skip(1.0)
    assert set(made.question.takes) == asked and made.left == 1


def test_a_vote_that_could_not_be_kept_leaves_time_and_replays():
    made = sitting()
    made.shown(10.0)
    made.played()
    question = made.question
    made.tie(13.0)
    made.uncast()
    assert made.question == question and made.counter.minutes == 0
    vote = made.prefer(0, 15.0)
    assert vote.milliseconds == 5000 and vote.replays == (1, 1)


def test_a_take_that_cannot_be_shown_is_dropped_with_its_questions():
    made = sitting(4)
    made.ahead(2)
    gone = made.question.takes[0]
    assert made.drop(gone) == 1
    assert made.left == 3 and all(gone not in q.takes for q in made.ahead(3))


def test_rest_after_many_votes_and_after_many_minutes():
    made = sitting(250)
    for at in range(ranking.REST_VOTES):
        assert not made.rest_reason
        made.shown(float(at))
        made.tie(at + 1.0)
    assert "rest your eyes" in made.rest_reason
    made.rested()
    assert not made.rest_reason
    made.shown(1000.0)
    made.tie(1000.0 + 60 * ranking.REST_MINUTES)
    assert "20 minutes" in made.rest_reason


def test_time_away_from_the_screen_does_not_count():
    made = sitting()
    made.shown(0.0)
    made.hidden(60.0)
    made.shown(10_000.0)
    vote = made.tie(10_060.0)
    assert vote.milliseconds == 60_000
    assert made.counter.minutes == pytest.approx(2.0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["prefer", "tie", "bad", "skip", "undo"]), max_size=60), st.integers(0, 1000))
def test_whatever_a_rater_does_no_pair_is_lost_or_doubled(acts, seed):
    made = sitting(12, seed)
    at = 0.0
    for act in acts:
        at += 1
        if act == "undo":
            made.undo()
        elif made.question is not None:
            if act == "skip":
                made.skip(at)
            else:
                answers = {"prefer": made.prefer, "tie": made.tie, "bad": made.all_bad}
                answers[act](*((0, at) if act == "prefer" else (at,)))
    voted = [frozenset(v.takes) for v in made.votes if not v.repeat_of]
    waiting = [frozenset(q.takes) for q in made.ahead(99) if not q.repeat_of]
    assert len(voted) + len(waiting) == 12
    assert len(set(voted + waiting)) == len(voted + waiting)
    assert len({v.id for v in made.votes}) == len(made.votes)


def curves(**channels):
    times = np.arange(20) / 60
    values = np.zeros((20, 52), np.float32)
    for name, value in channels.items():
        values[:, ARKIT_52.index(name)] = value
    return Curves(ARKIT_52, times, values)


def test_difference_looks_at_the_asked_region():
    rest, mouth = curves(), curves(jawOpen=0.5)
    assert ranking.difference(rest, mouth) > 0
    assert ranking.difference(rest, mouth, "upper") == 0
    assert ranking.difference(rest, mouth, "lower") > ranking.difference(rest, mouth)
    upper = ranking.in_region(ARKIT_52, "upper")
    assert {ARKIT_52[i][:3] for i in upper} == {"eye", "bro"} and len(upper) == 19
    assert len(upper) + len(ranking.in_region(ARKIT_52, "lower")) == 52


def test_telling_pairs_begin_with_the_plainest_and_leave_out_the_unseen():
    group = {take(i): curves(jawOpen=amount) for i, amount in enumerate((0.0, 0.001, 0.3, 0.9))}
    pairs = ranking.telling_pairs([group], "whole", 2, 0)
    assert len(pairs) == 5, "the two that look alike are not asked about"
    assert take(3) in pairs[0] and take(2) not in pairs[0]


def test_stretches_take_turns_and_pairs_stay_within_one():
    groups = [{take(10 * g + i): curves(jawOpen=0.1 * i) for i in range(4)} for g in range(3)]
    pairs = ranking.telling_pairs(groups, "whole", 2, 0)
    of = {take(10 * g + i): g for g in range(3) for i in range(4)}
    assert all(of[a] == of[b] for a, b in pairs)
    assert sorted(of[a] for a, _ in pairs[:3]) == [0, 1, 2]


def test_four_ups_hold_four_that_all_differ():
    group = {take(i): curves(jawOpen=0.1 * i) for i in range(9)}
    groups = ranking.telling_pairs([group], "whole", 4, 0)
    assert [len(g) for g in groups] == [4, 4]
    assert len({t for g in groups for t in g}) == 8
