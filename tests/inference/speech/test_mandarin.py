# SPDX-License-Identifier: GPL-3.0-or-later
"""Chinese characters become phones that the model knows, and syllables are found where a synthetic voice says them."""

import sys

import numpy as np
import pytest

from facewright.core.errors import UserError
from facewright.inference.speech.mandarin import MandarinReader
from facewright.inference.speech.phone_track import ARPABET, VOWELS
from facewright.inference.speech.pinyin_table import syllable_phones
from facewright.inference.speech.script_reader import ScriptReader

pytest.importorskip("pypinyin")


@pytest.fixture(scope="module")
def reader():
    return ScriptReader()


def _phones(reader, text, own=None):
    return [(w.label, " ".join(w.phones)) for w in reader.read(text, own)]


def test_every_syllable_of_pypinyin_has_phones():
    """All readings of its 42,000 characters and 47,000 phrases."""
    from pypinyin.contrib.tone_convert import to_normal
    from pypinyin.phrases_dict import phrases_dict
    from pypinyin.pinyin_dict import pinyin_dict

    toned = {reading for readings in pinyin_dict.values() for reading in readings.split(",")}
    toned |= {reading for phrase in phrases_dict.values() for syllable in phrase for reading in syllable}
    syllables = {to_normal(t) for t in toned} | {to_normal(t, v_to_u=True) for t in toned}
    assert len(syllables) > 400
    without_vowel = {"m", "n", "ng", "hm", "hng"}
    for syllable in sorted(syllables):
        phones = syllable_phones(syllable)
        assert phones and set(phones) <= ARPABET, syllable
        assert (syllable in without_vowel) != any(p in VOWELS for p in phones), syllable
        assert len(phones) <= 5, syllable


def test_every_character_that_pypinyin_knows_is_read(reader):
    from pypinyin.pinyin_dict import pinyin_dict

    from facewright.inference.speech.han_script import HAN

    known = "".join(c for c in map(chr, pinyin_dict) if HAN.match(c))
    assert len(known) > 40000
    assert all(w.phones for w in reader.read(known))


@pytest.mark.parametrize(
    ("syllable", "phones"),
    [
        ("ba", "B AA"), ("po", "P W AO"), ("mi", "M IY"), ("fei", "F EY"), ("zhi", "JH IH"), ("zi", "D Z IH"), ("ji", "JH IY"),
        ("ju", "JH Y UW"), ("xue", "SH Y UW EH"), ("lü", "L Y UW"), ("lv", "L Y UW"),
        ("nu", "N UW"), ("yuan", "W EH N"), ("quan", "CH W EH N"),
        ("guan", "G W AE N"), ("wo", "W AO"), ("you", "Y OW"), ("xiong", "SH Y UH NG"),
        ("zhong", "JH UH NG"), ("er", "ER"), ("yi", "IY"), ("wu", "UW"),
        ("ying", "IY NG"), ("shuang", "SH W AA NG"), ("ê", "EH"), ("hng", "HH NG"),
    ],
)  # fmt: skip
def test_syllables(syllable, phones):
    assert " ".join(syllable_phones(syllable)) == phones


@pytest.mark.parametrize("syllable", ["", "q", "bq", "xyz", "zh", "hello"])
def test_what_is_no_syllable_is_refused(syllable):
    with pytest.raises(KeyError):
        syllable_phones(syllable)


def test_phrases_decide_how_a_character_is_read(reader):
    assert _phones(reader, "银行行长") == [("银", "IY N"), ("行", "HH AA NG"), ("行", "HH AA NG"), ("长", "JH AA NG")]
    assert _phones(reader, "不行")[1] == ("行", "SH IY NG")
    assert _phones(reader, "重庆很重要")[0][1] == "CH UH NG" and _phones(reader, "重庆很重要")[3][1] == "JH UH NG"


def test_simplified_and_traditional_read_alike(reader):
    assert [p for _, p in _phones(reader, "媽媽說話")] == [p for _, p in _phones(reader, "妈妈说话")]


def test_every_character_is_a_word_and_every_number_one(reader):
    assert _phones(reader, "有12只Blender猫！") == [
        ("有", "Y OW"),
        ("12", "SH IH ER"),
        ("只", "JH IH"),
        ("Blender", "B L EH N D ER"),
        ("猫", "M AW"),
    ]


def test_the_users_pronunciation_comes_first(reader):
    own = {"长": "CH AA1 NG", "Ｂ站": ["B", "IY1", "JH", "AA", "N"], "Blender": "B AH0"}
    assert _phones(reader, "很长，b站Blender", own) == [("很", "HH AH N"), ("长", "CH AA NG"), ("b站", "B IY JH AA N"), ("Blender", "B AH")]


def test_english_is_not_loaded_for_a_chinese_script():
    reader = ScriptReader()
    reader.read("你好，2024年")
    assert "english" not in vars(reader) and "mandarin" in vars(reader)


def test_a_character_without_a_reading_is_named(reader):
    with pytest.raises(UserError, match="not known: \U000323af"):
        reader.read("你好\U000323af")
    assert len(reader.read("你好\U000323af", {"\U000323af": "B AA1"})) == 3


def test_a_missing_package_gets_a_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    with pytest.raises(UserError, match="no 'pypinyin'"):
        MandarinReader()


@pytest.fixture(scope="module")
def figures():
    """Six sentences in two voices of espeak-ng, aligned with the shipped weights."""
    from facewright.inference.speech.generate import SpeechEngine
    from facewright.training import mandarin

    try:
        items = list(mandarin.readings(voices=("", "f2"), rates=(170,), sentences=mandarin.SENTENCES[:6]))
    except SystemExit as missing:
        pytest.skip(str(missing))
    return mandarin.measure(items, SpeechEngine())


def test_syllables_are_found_where_they_are_said(figures):
    assert len(figures.errors) > 150
    assert np.median(figures.errors) <= 0.03 and np.percentile(figures.errors, 90) <= 0.1


def test_a_right_script_is_taken_and_another_is_noticed(figures):
    assert figures.refused + figures.doubted <= 2 and figures.taken == 0


def test_the_lips_touch_on_every_b_p_and_m(figures):
    assert figures.sealed == 1.0
