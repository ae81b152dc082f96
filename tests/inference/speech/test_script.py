# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts are read out as a speaker would."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.speech.han_script import HAN
from facewright.inference.speech.script import number_words, ordinal_words, read_script, year_words


def _said(text, **options):
    return " ".join(w for entry in read_script(text, **options) for w in entry.spoken)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello, world!", "hello world"),
        ("Dr. Smith lives on Elm St. with Mrs. Jones.", "doctor smith lives on elm street with missus jones"),
        ("St. John", "saint john"),
        ("No. 5 said no.", "number five said no"),
        ("cats, e.g. lions", "cats for example lions"),
        ("I have $250 in my pocket", "i have two hundred fifty dollars in my pocket"),
        ("$1.01, £2.50 and €1", "one dollar and one cent two pounds and fifty pence and one euro"),
        ("$5 million", "five million dollars"),
        ("$3.5 million", "three point five million dollars"),
        ("50% of it", "fifty percent of it"),
        ("at 10:30 or 9:05am or 7:00", "at ten thirty or nine oh five A M or seven o'clock"),
        ("in 1984, 2005, 1900 and 2024", "in nineteen eighty four two thousand five nineteen hundred and twenty twenty four"),
        ("the 1990s and the 80s", "the nineteen nineties and the eighties"),
        ("1,234 sheep", "one thousand two hundred thirty four sheep"),
        ("3.14", "three point one four"),
        ("agent 007", "agent zero zero seven"),
        ("the 21st and 3rd", "the twenty first and third"),
        ("1/2 or 3/4 or 5/8", "one half or three quarters or five over eight"),
        ("5km, 10 kg", "five kilometers ten kilograms"),
        ("-40°F", "minus forty degrees F"),
        ("you & me @ home + 1", "you and me at home plus one"),
        ("HTML and NASA and the U.S.A.", "H T M L and nasa and the U S A"),
        ("the US and us", "the U S and us"),
        ("STOP RIGHT THERE MR. US", "stop right there mister us"),
        ("B2B mp3", "B two B M P three"),
        ("well-known mother-in-law", "well known mother in law"),
        ("wait — what…really", "wait what really"),
        ("don’t ‘quote’ rock 'n' roll", "don't quote rock n roll"),
        ("[laughs] yes <b>indeed</b> (he said)", "yes indeed he said"),
        ("Café naïve Łódź Ærø", "cafe naive lodz aero"),
        ("ﬁne ｆｕｌｌ", "fine full"),
    ],
)
def test_reads(text, said):
    assert _said(text) == said


def test_labels_are_the_scripts_own_spelling():
    words = read_script('"In 1984," said Łukasz, "it cost $5!"')
    assert [w.label for w in words] == ["In", "1984", "said", "Łukasz", "it", "cost", "$5"]
    assert words[1].spoken == ("nineteen", "eighty", "four")
    assert [w.sentence_start for w in read_script("One two. Three four")] == [True, False, True, False]


def test_words_with_the_users_own_pronunciation_are_left_alone():
    assert _said("привет, 4K HTML", known=["привет", "4k", "html"]) == "привет 4k html"


@pytest.mark.parametrize("text", ["Привет мир", "안녕하세요", "hello κόσμε", "こんにちは 世界", "食べる", "مرحبا", "你好 привет"])
def test_other_letters_are_named(text):
    with pytest.raises(UserError, match="neither in Latin letters nor in Chinese characters") as caught:
        read_script(text)
    assert "Run without a script" in caught.value.hint


@pytest.mark.parametrize("text", ["", "  ", "?! ... --", "[door slams]", "🙂"])
def test_nothing_to_say(text):
    with pytest.raises(UserError, match="no word that can be spoken"):
        read_script(text)


@given(st.text(max_size=60) | st.text(alphabet="我们2两a3B.,:/-+%$ 。年个第0kg", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        words = read_script(text)
    except UserError:
        return
    assert words and all(w.spoken for w in words)
    assert all(HAN.fullmatch(w.spoken[0]) if w.mandarin else all(p.replace("'", "").isascii() for p in w.spoken) for w in words)


@given(st.text(alphabet="0123456789.,:/$£%-°'skmpthndr ", min_size=1, max_size=30))
def test_any_number_is_read(text):
    try:
        words = read_script(text)
    except UserError:
        return
    assert all(not any(c.isdigit() for c in part) for w in words for part in w.spoken)


def test_numbers():
    assert number_words(0) == "zero"
    assert number_words(1_000_001) == "one million one"
    assert number_words(999_999_999_999_999).startswith("nine hundred ninety nine trillion")
    assert number_words(10**15) == "one" + " zero" * 15
    assert [ordinal_words(n) for n in (1, 12, 20, 100, 1_000_000)] == ["first", "twelfth", "twentieth", "one hundredth", "one millionth"]
    assert [year_words(y) for y in (1066, 1906, 2000, 2010)] == ["ten sixty six", "nineteen oh six", "two thousand", "twenty ten"]
