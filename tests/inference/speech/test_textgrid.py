# SPDX-License-Identifier: GPL-3.0-or-later
"""Praat TextGrids: what is written is read back, both forms and what aligners write are understood, and wild input is a sentence."""
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.speech import textgrid
from facewright.inference.speech.phone_track import ARPABET, Phone, PhoneTrack, Word

SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
3
"IntervalTier"
"speaker 1 - words"
0
1.5
3
0
0.25
""
0.25
1
"say ""hi"""
1
1.5
"<eps>"
"TextTier"
"notes"
0
1.5
1
0.5
"click"
"IntervalTier"
"speaker 1 - phones"
0
1.5
5
0
0.25
"sil"
0.25
0.5
"S"
0.5
0.75
"EY1"
0.75
1
"spn"
1
1.5
"""
'''  # fmt: skip
HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n'


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.TextGrid"
    path.write_bytes(text.encode(encoding))
    return path


def test_round_trip(tmp_path):
    track = PhoneTrack((Phone("HH", 0.2, 0.31), Phone("AY", 0.31, 0.6, 1)), (Word('"quoted"', 0.2, 0.6),))
    path = tmp_path / "out.TextGrid"
    textgrid.save(track, path, 2.5)
    assert textgrid.load(path) == track
    text = path.read_text("utf-8")
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2.5\ntiers? <exists>')
    assert textgrid.parse(text, "out")[1].intervals[-1] == (0.6, 2.5, ""), "a Praat tier has no gaps"


def test_the_short_form_with_points_silences_and_a_speakers_name(tmp_path):
    end = SHORT.rindex('"""')  # the last, empty label of Python's own quotes
    found = textgrid.load(write(tmp_path, SHORT[:end] + '""\n'))
    assert found.words == (Word('say "hi"', 0.25, 1.0),)
    assert found.phones == (Phone("S", 0.25, 0.5), Phone("EY", 0.5, 0.75, 1))


def test_utf_16_and_ipa_and_names_that_say_nothing(tmp_path):
    text = HEAD + '''0 1 <exists> 1 "IntervalTier" "x" 0 1 3 0 0.3 "tʰ" 0.3 0.6 "uː" 0.6 1 "?"'''
    told = []
    found = textgrid.load(write(tmp_path, text, "utf-16"), told.append)
    assert [p.label for p in found.phones] == ["T", "UW"] and found.words == ()
    assert len(told) == 1 and "'?'" in told[0]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "no TextGrid"),
        ("hello", "no TextGrid"),
        ('File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 5', "no TextGrid"),
        ('File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 1e99', "no TextGrid"),
        ('File type = "ooTextFile"\nObject class = "Pitch"\n0 1', "no TextGrid"),
        (HEAD + '0 1 <exists> 1 "IntervalTier" "words" 0 1 1 0 1 "hello"', "no tier of phones"),
        (
            'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 1 "IntervalTier" "phones" 0 1 2 0 1 "AA" 0.5 1 "B"',
            "before the phone ahead",
        ),
    ],
)
def test_what_is_no_textgrid_is_told(tmp_path, text, part):
    with pytest.raises(UserError, match=part):
        textgrid.load(write(tmp_path, text))


def test_webmaus_tiers_are_told_apart(tmp_path):
    """Words, words in phones, and phones, in this order."""
    def tier(name, *labels):
        rows = "\n".join(f'{i}\n{i + 1}\n"{label}"' for i, label in enumerate(labels))
        return f'"IntervalTier"\n"{name}"\n0\n2\n{len(labels)}\n{rows}\n'

    head = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n2\n<exists>\n{}\n'
    tiers = tier("ORT-MAU", "my", "") + tier("KAN-MAU", "m aI", "") + tier("MAU", "m", "aɪ")
    (tmp_path / "maus.TextGrid").write_text(head.format(3) + tiers, "utf-8")
    track = textgrid.load(tmp_path / "maus.TextGrid")
    assert [p.label for p in track.phones] == ["M", "AY"] and [w.label for w in track.words] == ["my"]
    (tmp_path / "none.TextGrid").write_text(head.format(1) + tier("MAU", "??", "!!"))
    with pytest.raises(UserError, match="holds no phone"):
        textgrid.load(tmp_path / "none.TextGrid")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match="Cannot read"):
        textgrid.load(tmp_path / "none.TextGrid")
    (tmp_path / "b.TextGrid").write_bytes(b"\xff\x00\x9f\x80")
    with pytest.raises(UserError):
        textgrid.load(tmp_path / "b.TextGrid")


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_wild_text_is_a_track_or_a_sentence(text):
    for head in ("", 'File type = "ooTextFile"\nObject class = "TextGrid"\n0 1 <exists> 1 "IntervalTier" '):
        with contextlib.suppress(UserError):
            textgrid.parse(head + text, "wild")


@given(st.lists(st.tuples(st.sampled_from(sorted(ARPABET)), st.integers(1, 400), st.integers(0, 300)), max_size=30))
@settings(max_examples=50, deadline=None)
def test_any_track_survives(tmp_path_factory, given_):
    at, phones = 0.0, []
    for label, length, gap in given_:
        start = round(at + gap / 1000, 3)
        at = round(start + length / 1000, 3)
        phones.append(Phone(label, start, at))
    track = PhoneTrack(tuple(phones))
    path = tmp_path_factory.mktemp("grid") / "t.TextGrid"
    textgrid.save(track, path, at)
    assert textgrid.load(path) == track if phones else True
