# SPDX-License-Identifier: GPL-3.0-or-later
"""A track is checked, survives JSON, and knows its pauses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.speech.phone_track import ARPABET, Phone, PhoneTrack, Word, load, save

TRACK = PhoneTrack(
    (Phone("B", 0.2, 0.26, confidence=0.9), Phone("IY", 0.26, 0.4, 1, 0.8), Phone("M", 1.0, 1.1)),
    (Word("Bee", 0.2, 0.4, 0.85), Word("'m", 1.0, 1.1)),
)


def test_json_round_trip(tmp_path):
    save(TRACK, tmp_path / "t.json")
    assert load(tmp_path / "t.json") == TRACK


@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(ARPABET)), st.floats(0, 0.5), st.floats(0.002, 0.5), st.integers(0, 2), st.floats(0, 1)),
        max_size=20,
    )
)
def test_any_track_survives_to_a_millisecond(entries):
    at, phones = 0.0, []
    for label, pause, length, stress, confidence in entries:
        phones.append(Phone(label, at + pause, at + pause + length, stress, confidence))
        at += pause + length
    track = PhoneTrack(tuple(phones))
    again = PhoneTrack.from_dict(track.to_dict())
    assert [p.label for p in again.phones] == [p.label for p in track.phones]
    for a, b in zip(again.phones, track.phones, strict=True):
        assert (a.start, a.end, a.confidence) == pytest.approx((b.start, b.end, b.confidence), abs=0.00051)


@pytest.mark.parametrize(
    ("phones", "part"),
    [
        ((Phone("B", 0.2, 0.2),), "not after its start"),
        ((Phone("B", 0.3, 0.2),), "not after its start"),
        ((Phone("B", 0.2, 0.4), Phone("M", 0.3, 0.5)), "before the phone ahead of it ends"),
        ((Phone("XX", 0.2, 0.4),), "no ARPAbet phone"),
        ((Phone("AA1", 0.2, 0.4),), "no ARPAbet phone"),
        ((Phone("AA", 0.2, 0.4, stress=7),), "stress 7"),
        ((Phone("B", -0.1, 0.4),), "no valid time"),
        ((Phone("B", float("nan"), 0.4),), "no valid time"),
        ((Phone("B", 0.1, 0.4, confidence=1.5),), "confidence 1.5"),
    ],
)
def test_wrong_entries_are_named(phones, part):
    with pytest.raises(UserError, match=part):
        PhoneTrack(phones)


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"phones": 3},
        {"phones": [3]},
        {"phones": [{}]},
        {"phones": [{"label": "B", "start": "soon", "end": 1}]},
        {"phones": [], "words": 1},
        {"phones": [{"label": "B", "start": 0, "end": 1, "stress": "x"}]},
    ],
)
def test_what_is_no_track_gets_a_sentence(data):
    with pytest.raises(UserError, match="phone track"):
        PhoneTrack.from_dict(data)


def test_unreadable_files(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match="no JSON"):
        load(tmp_path / "bad.json")


def test_pauses():
    assert TRACK.pauses(2.0) == [(0.0, 0.2), (0.4, 1.0), (1.1, 2.0)]
    assert TRACK.pauses(2.0, shortest=0.3) == [(0.4, 1.0), (1.1, 2.0)]
    assert PhoneTrack().pauses(1.5) == [(0.0, 1.5)]
    assert PhoneTrack((Phone("AA", 0.0, 1.0),)).pauses(1.0) == []
