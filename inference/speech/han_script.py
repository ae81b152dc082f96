# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a script with Chinese characters apart: what is said in Mandarin, and the runs between that are in other letters."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from .han_numbers import NUMBER, number_said

HAN: Final = re.compile("[\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af]+")
"""Chinese characters, zero's circle included; compatibility forms are gone after Unicode's NFKC."""

_STOPS: Final = str.maketrans({"。": ". ", "、": ", "} | dict.fromkeys("《》「」『』【】〈〉〔〕〖〗·・", " "))
# Characters on either side of a number that its reading may depend on: a telephone number's length.
_SIGHT: Final = 20
_ENDS: Final = frozenset("!?;\n")
_POINT: Final = re.compile(r"[0-9]\.[0-9]")
_WITH_DIGITS: Final = re.compile(r"[A-Za-z]+[0-9][0-9A-Za-z]*|[0-9]+[A-Za-z][0-9A-Za-z]*")


@dataclass(frozen=True)
class Piece:
    """``text`` as the script writes it. said: its reading in Chinese characters; "" for what is not Mandarin."""

    text: str
    said: str = ""


def pieces(text: str, known: Collection[str] = ()) -> list[Piece]:
    """Runs of Chinese characters, numbers said in Mandarin, and everything else between blanks, in order.

    A number is Mandarin where the nearest letter before or after it in its sentence is a Chinese character ("5G" and the like left
    aside), or where it begins or ends a sentence with Chinese characters. known: lower-case words with a pronunciation of the user's own;
    those that hold Chinese characters become pieces that say themselves.
    """
    text = text.translate(_STOPS)
    sentences = _Sentences(text)
    own = sorted((w for w in known if HAN.search(w)), key=len, reverse=True)
    mandarin = _mandarin(own)
    found: list[Piece] = []
    at = 0
    while at < len(text):
        if hit := mandarin.match(text, at):
            found.append(Piece(hit[0], hit[0]))
            at = hit.end()
        elif (hit := NUMBER.match(text, at)) and sentences.mandarin(hit):
            if said := number_said(hit, text[max(at - _SIGHT, 0) : at], text[hit.end() : hit.end() + _SIGHT]):
                found.append(Piece(hit[0], said))
            at = hit.end()
        else:
            end = _end_of_run(text, at, mandarin, sentences)
            found += [Piece(part) for part in text[at:end].split()]
            at = end
    return [p for p in found if p.said or any(c.isalnum() for c in p.text) or p.text[-1] in ".!?:"]


def _mandarin(own: list[str]) -> re.Pattern:
    """One of the user's words, or a run of Chinese characters up to the next of them."""
    if not own:
        return HAN
    words = "|".join(re.escape(w) for w in own)
    return re.compile(f"{words}|(?:(?!{words}){HAN.pattern[:-1]})+", re.IGNORECASE)


class _Sentences:
    """Which language a number of the text is read in."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Letters of a word with digits ("5G") are no sign of a language.
        plain = _WITH_DIGITS.sub(lambda word: re.sub("[A-Za-z]", "0", word[0]), text)
        ends = [i for i, c in enumerate(plain) if c in _ENDS or (c == "." and not _POINT.match(plain, i - 1))]
        kinds = "".join("h" if HAN.match(c) else "l" if c.isalpha() else " " for c in plain)
        before, after, chinese = [], [], []
        for start, end in zip([0, *(i + 1 for i in ends)], [*(i + 1 for i in ends), len(text)], strict=True):
            sentence = kinds[start:end]
            before += _nearest(sentence)
            after += _nearest(sentence[::-1])[::-1]
            chinese += ["h" in sentence] * len(sentence)
        self._before, self._after, self._chinese = before, after, chinese

    def mandarin(self, number: re.Match) -> bool:
        """Read in Mandarin: next to Chinese characters, but for other letters; at an end of a sentence with any of them."""
        start, last = number.start(), number.end() - 1
        if self._text[start - 1 : start].isalpha() and self._text[last + 1 : last + 2].isalpha():
            beside = {"h" if HAN.match(self._text[i]) else "l" for i in (start - 1, last + 1)}
        else:
            beside = {self._before[start], self._after[last]}
        return "h" in beside or (" " in beside and self._chinese[start])


def _nearest(kinds: str) -> list[str]:
    """For every place the last letter's kind before it, blank where there is none."""
    found, last = [], " "
    for kind in kinds:
        found.append(last)
        last = kind if kind != " " else last
    return found


def _end_of_run(text: str, start: int, mandarin: re.Pattern, sentences: _Sentences) -> int:
    """Where the run in other letters that begins at ``start`` ends; English keeps its numbers ("B2B")."""
    at = start + 1
    while at < len(text) and not mandarin.match(text, at):
        if hit := NUMBER.match(text, at):
            if sentences.mandarin(hit):
                break
            at = hit.end() - 1
        at += 1
    return at
