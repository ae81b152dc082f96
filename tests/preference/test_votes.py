# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and votes: one text for each, nothing lost on the way through it, and sentences for what cannot be meant."""
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from facewright.core.errors import UserError
from facewright.preference.votes import BAD, TIE, Alias, Record, Retraction, Take, Vote, canonical, loads, new_id, now

_spec = importlib.util.spec_from_file_location("making", Path(__file__).with_name("making.py"))
making = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(making)
A, B, C, D, *_ = making.TAKES


@given(making.wild_takes)
def test_a_take_comes_back_from_its_text_with_its_id(take: Take) -> None:
    again = Take.from_json(loads(canonical(take.to_json())))
    assert again == take
    assert again.id == take.id


@given(making.wild_votes())
def test_a_vote_comes_back_from_its_text(vote: Vote) -> None:
    text = canonical(vote.to_json())
    assert text.isascii()
    assert Vote.from_json(loads(text)) == vote
    assert canonical(Vote.from_json(loads(text)).to_json()) == text


def test_records_of_every_kind_come_back() -> None:
    for content in (making.vote((A, B)), Retraction(new_id(), now(), "ann", new_id()), Alias(new_id(), now(), "ann", "Ann Lee")):
        record = Record(content, "5" * 32, 7)
        assert Record.from_json(loads(canonical(record.to_json()))) == record


def test_the_id_is_what_the_take_is() -> None:
    assert making.take(1).id == making.take(1, start=0, controls={"jaw": 1}, fps=60).id
    assert making.take(1, start=-0.0).id == making.take(1).id
    assert len({making.take(1, **{name: 0.5}).id for name in ("start", "variation", "adapter_strength", "fps")}) == 4
    data = making.take(1).to_json()
    with pytest.raises(UserError, match="does not match its own id"):
        Take.from_json(data | {"seed": 2})


def test_one_moment_has_one_spelling() -> None:
    for spelling in ("2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000Z"):
        assert making.vote((A, B), at=spelling).at == "2026-01-31T12:00:00.000Z"


@pytest.mark.parametrize(
    ("ranks", "both_bad", "chosen", "winner"),
    [((0, 1), False, 0, A.id), ((1, 0), False, 1, B.id), ((0, 0), False, TIE, "tie"), ((0, 0), True, BAD, "bad")],
)
def test_what_was_chosen(ranks, both_bad, chosen, winner) -> None:
    vote = making.vote((A, B), ranks, both_bad=both_bad)
    assert (vote.chosen, vote.winner) == (chosen, winner)


def test_a_ranking_of_four_implies_six_pairs_and_gaps_in_ranks_close() -> None:
    vote = making.vote((A, B, C, D), (2, 0, 3, 2))
    assert vote.ranks == (1, 0, 2, 1)
    assert list(vote.pairs()) == [
        (B.id, A.id, False), (A.id, C.id, False), (A.id, D.id, True), (B.id, C.id, False), (B.id, D.id, False), (D.id, C.id, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": "1"}, "no id"),
        ({"at": "yesterday"}, "no time"),
        ({"at": "2026-01-31T12:00:00"}, "no time"),
        ({"rater": " ann"}, "without spaces"),
        ({"rater": ""}, "1 to 100"),
        ({"rater": "a\nb"}, r"U\+000A"),
        ({"note": "\ud800"}, r"U\+D800"),
        ({"note": "n" * 5000}, "longer than"),
        ({"takes": (A.id,)}, "compares 2 to 4"),
        ({"takes": (A.id, A.id)}, "with itself"),
        ({"takes": (A.id, "b")}, "no sha256"),
        ({"ranks": (0, 1, 2)}, "3 ranks"),
        ({"ranks": (0, True)}, "no whole number"),
        ({"ranks": (0, -1)}, "not within"),
        ({"both_bad": True}, "cannot also rank"),
        ({"both_bad": 1}, "neither true nor false"),
        ({"region": "left"}, "Known are whole"),
        ({"axis": "taste"}, "Known are overall"),
        ({"replays": (1,)}, "1 replays"),
        ({"milliseconds": -1}, "not within"),
        ({"milliseconds": 1.5}, "no whole number"),
        ({"versions": {"blender": 5}}, "no text"),
    ],
)
def test_a_vote_that_cannot_be_meant_is_a_sentence(changes, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        making.vote(**({"takes": (A, B)} | changes))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kind": "mime"}, "Known are speech"),
        ({"clip": "C" * 64}, "no sha256"),
        ({"end": -1.0}, "not within"),
        ({"start": 3.0}, "cannot end"),
        ({"fps": float("nan")}, "no number"),
        ({"fps": "60"}, "no number"),
        ({"adapter_strength": 1.1}, "not within"),
        ({"controls": {"jaw": None}}, "controls.jaw"),
        ({"controls": [1]}, "no table"),
        ({"seed": 2**63}, "not within"),
        ({"seed": 1.0}, "no whole number"),
    ],
)
def test_a_take_that_cannot_be_meant_is_a_sentence(changes, sentence) -> None:
    with pytest.raises(UserError, match=sentence):
        making.take(**changes)


@pytest.mark.parametrize("text", ["", "{", "[1,", '{"a": NaN}', '{"a": 1, "a": 2}', "[" * 100_000, "9" * 10_000])
def test_no_json_is_a_sentence(text) -> None:
    with pytest.raises(UserError, match="no JSON"):
        loads(text)


@pytest.mark.parametrize("data", [None, [], "vote", {}, {"kind": "vote"}])
def test_what_is_no_vote_is_a_sentence(data) -> None:
    for cls in (Take, Vote, Record, Retraction, Alias):
        with pytest.raises(UserError):
            cls.from_json(data)


def test_a_field_that_is_missing_or_unknown_is_named() -> None:
    data = making.vote((A, B)).to_json()
    with pytest.raises(UserError, match="'mood'"):
        Vote.from_json(data | {"mood": "good"})
    data.pop("axis")
    with pytest.raises(UserError, match="'axis'"):
        Vote.from_json(data)


def test_the_digest_covers_where_a_record_was_made_but_not_when_it_came_here() -> None:
    record = Record(making.vote((A, B), number=1), "5" * 32, 7)
    assert replace(record, received=now()).digest == record.digest
    assert len({record.digest, replace(record, sequence=8).digest, replace(record, seat="6" * 32).digest}) == 3
    assert json.loads(canonical(record.to_json()))["content"]["takes"] == [A.id, B.id]
