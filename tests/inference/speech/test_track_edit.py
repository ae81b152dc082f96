# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a phone track: each does what its button says, and no sequence of them makes a track that is none."""
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.speech import track_edit as edit
from facewright.inference.speech.phone_track import ARPABET, Phone, PhoneTrack, Word


@pytest.fixture
def track():
    """Bob (B AA B), a pause, may (M EY)."""
    phones = (Phone("B", 0.1, 0.2), Phone("AA", 0.2, 0.4, 1, 0.6), Phone("B", 0.4, 0.5), Phone("M", 0.8, 0.9), Phone("EY", 0.9, 1.2, 1))
    return PhoneTrack(phones, (Word("Bob", 0.1, 0.5, 0.7), Word("may", 0.8, 1.2)))


def labels(track):
    return " ".join(p.label for p in track.phones)


def test_a_word_knows_its_phones(track):
    assert list(edit.phones_of(track, 0)) == [0, 1, 2] and list(edit.phones_of(track, 1)) == [3, 4]
    assert [edit.word_of(track, i) for i in range(5)] == [0, 0, 0, 1, 1]


def test_the_entry_at_the_playhead(track):
    assert [edit.at_time(track, "phone", t) for t in (0.0, 0.1, 0.3, 0.6, 9.0)] == [0, 0, 1, 2, 4]
    assert edit.at_time(PhoneTrack(), "word", 1.0) is None


def test_search_goes_round(track):
    assert edit.search(track, "b", "phone") == 0 and edit.search(track, "b", "phone", after=0) == 2
    assert edit.search(track, "B", "phone", after=2) == 0
    assert edit.search(track, "m ey", "phone") == 3 and edit.search(track, "ob", "word") == 0
    assert edit.search(track, "zz", "word") is None and edit.search(track, " ", "word") is None


def test_another_phone_at_the_same_place(track):
    made = edit.relabel(track, 1, "OW")
    assert (made.phones[1].label, made.phones[1].stress, made.phones[1].confidence) == ("OW", 1, 1.0)
    assert edit.relabel(track, 1, "S").phones[1].stress == 0
    with pytest.raises(UserError, match="no ARPAbet"):
        edit.relabel(track, 1, "QQ")
    with pytest.raises(UserError, match="no phone 10"):
        edit.relabel(track, 9, "AA")


def test_a_shared_boundary_moves_for_both(track):
    made = edit.retime(track, "phone", 1, end=0.45)
    assert made.phones[1].end == made.phones[2].start == 0.45 and made.words == track.words
    assert edit.retime(track, "phone", 1, start=0.15).phones[0].end == 0.15


def test_a_neighbour_in_the_way_becomes_shorter_but_stays(track):
    made = edit.retime(track, "phone", 1, end=5.0)
    assert made.phones[2].end - made.phones[2].start == pytest.approx(edit.SHORTEST)
    assert made.phones[3] == track.phones[3]


def test_the_words_end_follows_its_last_phone(track):
    assert edit.retime(track, "phone", 2, end=0.6).words[0].end == 0.6
    assert edit.retime(track, "phone", 3, start=0.7).words[1].start == 0.7


def test_a_phone_cannot_be_turned_inside_out(track):
    with pytest.raises(UserError, match="shorter than 10 ms"):
        edit.retime(track, "phone", 1, end=0.2)


def test_a_word_takes_its_phones_along(track):
    made = edit.retime(track, "word", 1, start=0.6, end=1.0)
    assert [(p.start, p.end) for p in made.phones[3:]] == [(0.6, 0.7), (0.7, 1.0)]
    squeezed = edit.retime(track, "word", 0, end=1.0)
    assert squeezed.words[0].end == squeezed.words[1].start == 1.0
    assert squeezed.phones[2].end == 1.0 and squeezed.phones[3].start >= 1.0


def test_a_word_in_the_way_keeps_its_phones(track):
    """A slider that is dragged too far and back must not cost a closure."""
    there = edit.retime(track, "word", 0, end=1.19)
    assert labels(there) == labels(track) and there.words[1].start == 1.18  # two phones of 10 ms stay
    assert min(p.end - p.start for p in there.phones) >= edit.SHORTEST - 1e-6
    assert labels(edit.retime(there, "word", 0, end=0.5)) == labels(track)


def test_insert_into_a_gap_and_into_a_phone(track):
    made, at = edit.insert(track, 0.6, "SH")
    assert at == 3 and (made.phones[3].start, made.phones[3].end) == (0.6, 0.68)
    made, at = edit.insert(track, 0.3, "SH")
    assert labels(made) == "B AA SH B M EY" and made.phones[1].end == made.phones[2].start == 0.3 and at == 2
    made, at = edit.insert(track, 0.2, "SH")
    assert labels(made) == "B SH AA B M EY" and at == 1
    assert edit.insert(PhoneTrack(), 0.0, "AA")[0].phones[0].end == 0.08


def test_delete_leaves_silence(track):
    assert labels(edit.delete(track, "phone", 1)) == "B B M EY"
    made = edit.delete(track, "word", 0)
    assert labels(made) == "M EY" and len(made.words) == 1


def test_split_and_merge(track):
    made = edit.split(track, 1, 0.25)
    assert labels(made) == "B AA AA B M EY" and made.phones[1].end == 0.25
    assert edit.split(track, 1, 9.0).phones[1].end == 0.3, "in the middle where the time lies elsewhere"
    assert edit.merge(made, "phone", 1).phones[1] == Phone("AA", 0.2, 0.4, 1)
    words = edit.merge(track, "word", 0)
    assert words.words == (Word("Bob may", 0.1, 1.2),)
    with pytest.raises(UserError, match="last one"):
        edit.merge(track, "word", 1)


def test_another_word_keeps_what_sounds_alike(track):
    made = edit.replace_word(track, 0, "Bill", ("B", "IH", "L"), (0, 1, 0))
    assert labels(made) == "B IH L M EY" and made.phones[0].end == 0.2 and made.words[0].label == "Bill"
    assert made.phones[1].stress == 1 and made.phones[2].end == 0.5
    made = edit.replace_word(track, 0, "Rob", ("R", "AA", "B"))
    assert labels(made) == "R AA B M EY" and made.phones[1].end == 0.4, "the end stays"
    made = edit.replace_word(track, 0, "Bobby", ("B", "AA", "B", "IY"))
    assert labels(made) == "B AA B IY M EY" and made.phones[3].end == 0.5
    with pytest.raises(UserError, match="does not fit"):
        edit.replace_word(track, 0, "long", ("B",) * 60)


def test_a_word_in_a_gap(track):
    made, at = edit.insert_word(track, 0.55, 0.75, "a", ("AH",))
    assert at == 1 and labels(made) == "B AA B AH M EY" and made.words[1].label == "a"
    with pytest.raises(UserError, match="no room"):
        edit.insert_word(track, 0.2, 0.3, "no", ("N", "OW"))


_TIMES = st.floats(-1, 3, allow_nan=False)
_EDITS = st.one_of(
    st.tuples(st.just("retime"), st.sampled_from(["phone", "word"]), st.integers(0, 6), st.none() | _TIMES, st.none() | _TIMES),
    st.tuples(st.just("insert"), _TIMES, st.sampled_from(sorted(ARPABET))),
    st.tuples(st.just("delete"), st.sampled_from(["phone", "word"]), st.integers(0, 6)),
    st.tuples(st.just("split"), st.integers(0, 6), st.none() | _TIMES),
    st.tuples(st.just("merge"), st.sampled_from(["phone", "word"]), st.integers(0, 6)),
    st.tuples(st.just("relabel"), st.integers(0, 6), st.sampled_from(sorted(ARPABET))),
    st.tuples(st.just("replace_word"), st.integers(0, 3), st.just("x"), st.lists(st.sampled_from(sorted(ARPABET)), max_size=9)),
    st.tuples(st.just("insert_word"), _TIMES, _TIMES, st.just("y"), st.lists(st.sampled_from(sorted(ARPABET)), min_size=1, max_size=4)),
)


@given(st.lists(_EDITS, max_size=12))
@settings(max_examples=150, deadline=None)
def test_no_row_of_edits_makes_a_broken_track(edits):
    """PhoneTrack refuses overlaps and empty entries itself: what is not refused with a sentence must be a track."""
    track = test_no_row_of_edits_makes_a_broken_track.start
    for name, *given_ in edits:
        try:
            made = getattr(edit, name)(track, *given_)
        except UserError:
            continue
        track = made[0] if isinstance(made, tuple) else made
        assert all(p.end - p.start > 0.004 for p in track.phones)
        assert all(a.end <= b.start + 1e-6 for a, b in zip(track.phones, track.phones[1:], strict=False))


test_no_row_of_edits_makes_a_broken_track.start = PhoneTrack(
    (Phone("B", 0.1, 0.2), Phone("AA", 0.2, 0.4, 1, 0.6), Phone("B", 0.4, 0.5), Phone("M", 0.8, 0.9), Phone("EY", 0.9, 1.2, 1)),
    (Word("Bob", 0.1, 0.5, 0.7), Word("may", 0.8, 1.2)),
)
