# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a script as a speaker would: numbers, money, clock times, abbreviations and symbols become spoken words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ...core.errors import UserError
from .han_script import HAN, Piece, pieces

ABBREVIATIONS: Final = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "dr": "doctor", "prof": "professor", "jr": "junior", "sr": "senior", "vs": "versus",
    "etc": "et cetera", "e.g": "for example", "i.e": "that is", "a.m": "ay em", "p.m": "pee em", "st": "saint", "mt": "mount", "ft": "fort",
    "approx": "approximately", "dept": "department", "est": "established", "fig": "figure", "inc": "incorporated", "ltd": "limited",
    "corp": "corporation", "gen": "general", "col": "colonel", "sgt": "sergeant", "capt": "captain", "lt": "lieutenant", "gov": "governor",
    "rev": "reverend", "hon": "honorable", "ave": "avenue", "blvd": "boulevard", "jan": "january", "feb": "february", "aug": "august",
    "sept": "september", "oct": "october", "nov": "november", "dec": "december", "no": "number",
}  # fmt: skip
"""Read out only where the script ends them with a full stop; 'No.' only before a number."""

_SYMBOLS: Final = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "°": "degrees", "#": "number", "~": "about", "×": "times",
    "÷": "divided by", "<": "less than", ">": "greater than",
}  # fmt: skip
_UNITS: Final = {
    "km": "kilometers", "kg": "kilograms", "cm": "centimeters", "mm": "millimeters", "m": "meters", "g": "grams", "mg": "milligrams",
    "mph": "miles an hour", "ft": "feet", "lb": "pounds", "lbs": "pounds", "oz": "ounces", "hz": "hertz", "khz": "kilohertz",
    "mhz": "megahertz", "ghz": "gigahertz", "kb": "kilobytes", "mb": "megabytes", "gb": "gigabytes", "tb": "terabytes",
    "ms": "milliseconds", "hrs": "hours", "min": "minutes", "sec": "seconds",
    "fps": "frames per second", "am": "ay em", "pm": "pee em", "k": "thousand", "s": "s",
}  # fmt: skip
_MONEY: Final = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen")}
_PLURAL: Final = {"penny": "pence", "yen": "yen", "sen": "sen"}
_SCALES: Final = ("thousand", "million", "billion", "trillion")
_FRACTIONS: Final = {(1, 2): "one half", (1, 3): "one third", (2, 3): "two thirds", (1, 4): "one quarter", (3, 4): "three quarters"}
_SMALL: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
    "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip
# Letters that Unicode does not take apart into a base letter and an accent.
_PLAIN: Final = str.maketrans({
    "æ": "ae", "œ": "oe", "ø": "o", "ß": "ss", "ł": "l", "đ": "d", "ð": "th", "þ": "th", "ı": "i",
    "Æ": "AE", "Œ": "OE", "Ø": "O", "Ł": "L", "Đ": "D", "Ð": "Th", "Þ": "Th",
    "‘": "'", "’": "'", "ʼ": "'", "`": "'",
})  # fmt: skip
# Notes to the actor, not words: [laughs], <b>. Parentheses stay: they are often spoken.
_NOTES: Final = re.compile(r"\[[^\]]*\]|<[a-zA-Z/][^>]*>")
_DASHES: Final = re.compile(r"\s*(?:--+|[–—―…]|\.\.\.+)\s*")
_EDGE: Final = "\"“”„«»()[]{}.,;:!?¿¡*_|\\/^'-"


@dataclass(frozen=True)
class ScriptWord:
    """``label`` as the script writes it, ``spoken`` the words to say for it (lower case; letters to spell are single upper-case letters).

    sentence_start: whether it opens a sentence. mandarin: it is said in Mandarin, and ``spoken`` is one string of Chinese characters: a run
    of the script's own, or what is said for a number.
    """

    label: str
    spoken: tuple[str, ...]
    sentence_start: bool = False
    mandarin: bool = False


def read_script(text: str, known: Collection[str] = ()) -> tuple[ScriptWord, ...]:
    """The script's words in order. ``known``: lower-case words that have a pronunciation of the user's own and are left as they are.

    Notes in [square brackets] are left out. Raises UserError where nothing readable is there or a word is neither in Latin letters nor in
    Chinese characters.
    """
    text = unicodedata.normalize("NFKC", str(text))
    plain = _DASHES.sub(" , ", _NOTES.sub(" ", text))
    chinese = HAN.search(plain) is not None
    # All in capitals: then capitals do not mark letters to spell. Among Chinese characters, a name in Latin letters says nothing of it.
    shouted = not chinese and not any(c.islower() for c in plain)
    parts = pieces(plain, known) if chinese else [Piece(token) for token in plain.split()]
    tokens = [part.text for part in parts]
    words, foreign, start = [], [], True
    for i, (token, part) in enumerate(zip(tokens, parts, strict=True)):
        if part.said:
            words.append(ScriptWord(token, (part.said,), start, mandarin=True))
            start = False
            continue
        label = token.strip(_EDGE) or token
        if label.lower() in known:
            spoken = [label.lower()]
        else:
            latin = _to_latin(token)
            if any(c.isalpha() and not c.isascii() for c in latin):
                foreign.append(label)
                continue
            after = _to_latin(tokens[i + 1]) if i + 1 < len(tokens) and not parts[i + 1].said else ""
            before = _to_latin(tokens[i - 1]) if i and not parts[i - 1].said else ""
            # Short and without a vowel beside Chinese characters: letters, as in "mp3" and "tv".
            letters = chinese and re.fullmatch("[b-df-hj-np-tv-xz]{2,3}", latin)
            spoken = list(latin.upper()) if letters else _expand(latin, before, after, shouted)
        if spoken:
            words.append(ScriptWord(label, tuple(spoken), start))
            start = False
        start = start or token.rstrip("\"”')").endswith((".", "!", "?", ":"))
    if foreign:
        shown = ", ".join(f"'{w}'" for w in dict.fromkeys(foreign[:3]))
        raise UserError(
            f"The script has words that are neither in Latin letters nor in Chinese characters: {shown}"
            f"{' and others' if len(foreign) > 3 else ''}.",
            "Run without a script: recordings in every language work by their sound alone. Or write them as they sound in English.",
        )
    if not words:
        raise UserError("The script holds no word that can be spoken.", "Give the words that are said, or run without a script.")
    return tuple(words)


def number_words(number: int) -> str:
    """A cardinal number in words, without 'and': 1234 -> 'one thousand two hundred thirty four'. Beyond the trillions: digit by digit."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        return " ".join([_TENS[number // 10 - 2], *([_SMALL[number % 10]] if number % 10 else [])])
    if number < 1000:
        return " ".join([_SMALL[number // 100], "hundred", *([number_words(number % 100)] if number % 100 else [])])
    for power, scale in reversed(list(enumerate(_SCALES, 1))):
        unit = 1000**power
        if unit <= number < 1000 * unit:
            return " ".join([number_words(number // unit), scale, *([number_words(number % unit)] if number % unit else [])])
    return _digits(str(number))


def ordinal_words(number: int) -> str:
    """21 -> 'twenty first'."""
    *head, last = number_words(number).split()
    last = _ORDINALS[last] if last in _ORDINALS else last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return " ".join([*head, last])


def year_words(year: int) -> str:
    """1984 -> 'nineteen eighty four', 2005 -> 'two thousand five', 1900 -> 'nineteen hundred', 1906 -> 'nineteen oh six'."""
    century, rest = divmod(year, 100)
    if year % 1000 < 10:
        return number_words(year)
    if rest == 0:
        return f"{number_words(century)} hundred"
    return f"{number_words(century)} {'oh ' if rest < 10 else ''}{number_words(rest)}"


def _to_latin(text: str) -> str:
    """Accents taken off, ligatures spelled out."""
    return "".join(c for c in unicodedata.normalize("NFD", text.translate(_PLAIN)) if unicodedata.category(c) != "Mn")


def _digits(text: str) -> str:
    return " ".join(_SMALL[int(d)] for d in text)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else _PLURAL.get(word, word + "s")


def _expand(token: str, before: str, after: str, shouted: bool) -> list[str]:
    """Spoken words of one token; none for punctuation alone."""
    core = token.rstrip("\"“”„«»()[]{},;:!?¿¡*_|\\^'-").lstrip("\"“”„«»()[]{},;:!?¿¡*_|\\^'")
    core = core if re.match(r"-[\d.]", core) else core.lstrip("-")
    bare = core.rstrip(".").lower()
    if core.endswith(".") and bare in ABBREVIATIONS and (bare != "no" or after[:1].isdigit()):
        capital = after[:1].isupper()
        if bare == "st" and not capital:
            return ["street"]
        return _plain_words(ABBREVIATIONS[bare])
    core = core if re.fullmatch(r"-?\.?\d.*", core) else core.strip(".'-/")
    core = core.rstrip(".'-/")
    if initials := re.fullmatch(r"((?:[A-Za-z]\.)+[A-Za-z])(\.?'s)?", core):  # U.S.A
        return [c.upper() for c in initials[1] if c.isalpha()]
    if any(c.isdigit() for c in core):
        return _expand_number(core, before, after)
    if before[:1] in _MONEY and any(c.isdigit() for c in before) and core.lower() in _SCALES:
        return []  # said with the amount: "$5 million" is "five million dollars"
    if re.search(r"\d$", before.rstrip(",")) and core.lower() in _UNITS and core.lower() not in ("s", "am"):
        return _plain_words(_UNITS[core.lower()])
    words: list[str] = []
    for part in re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)*'?|[&+=@%°#~×÷<>]", core):
        if part in _SYMBOLS:
            words += _plain_words(_SYMBOLS[part])
        elif not shouted and _is_initialism(part):
            words += list(part)
        else:
            words.append(part.lower().strip("'"))
    return words


def _is_initialism(part: str) -> bool:
    """Capitals that are surely spelled: without a vowel (HTML), or US beside lower-case words. NASA stays a word."""
    return part.isupper() and 2 <= len(part) <= 5 and (part == "US" or not any(c in "AEIOUY" for c in part))


def _plain_words(text: str) -> list[str]:
    spelled = {"ay em": ["A", "M"], "pee em": ["P", "M"]}
    return list(spelled.get(text) or text.split())


def _expand_number(core: str, before: str, after: str) -> list[str]:
    if money := re.fullmatch(r"([$€£¥])([\d,]*\d)(?:\.(\d\d?))?(k|m|bn)?", core, re.IGNORECASE):
        return _money(money, after)
    if clock := re.fullmatch(r"(\d{1,2}):(\d\d)(am|pm)?", core, re.IGNORECASE):
        hour, minute = int(clock[1]), int(clock[2])
        said = number_words(hour) + (f" {'oh ' if minute < 10 else ''}{number_words(minute)}" if minute else "" if clock[3] else " o'clock")
        return said.split() + (list(clock[3].upper()) if clock[3] else [])
    if fraction := re.fullmatch(r"(\d{1,3})[/⁄](\d{1,3})", core):
        pair = int(fraction[1]), int(fraction[2])
        return (_FRACTIONS.get(pair) or f"{number_words(pair[0])} over {number_words(pair[1])}").split()
    if decade := re.fullmatch(r"'?(\d{2}|\d{4})'?s", core):
        *head, last = (year_words if len(decade[1]) == 4 else number_words)(int(decade[1])).split()
        return [*head, last[:-1] + "ies" if last.endswith("y") else last + "s"]
    if ordinal := re.fullmatch(r"(\d[\d,]*)(st|nd|rd|th)", core, re.IGNORECASE):
        return ordinal_words(int(ordinal[1].replace(",", ""))).split()
    words: list[str] = []
    for part in re.findall(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.\d+|\d+|[A-Za-z]+|[&+=@%°#~×÷<>]|-", core):
        if part[0].isdigit() or part[0] == ".":
            words += _plain_number(part, alone=part == core)
        elif part in _SYMBOLS:
            words += _plain_words(_SYMBOLS[part])
        elif part == "-":
            if not words:
                words.append("minus")
        elif words and part.lower() in _UNITS and part.lower() != "s":
            words += _plain_words(_UNITS[part.lower()])
        elif len(part) <= 3 and (part.isupper() or not any(c in "aeiouy" for c in part)):
            words += list(part.upper())
        else:
            words.append(part.lower())
    return words


def _plain_number(text: str, alone: bool) -> list[str]:
    whole, _, decimals = text.replace(",", "").partition(".")
    if decimals:
        return f"{number_words(int(whole or 0))} point {_digits(decimals)}".split()
    value = int(whole)
    if (len(whole) > 1 and whole[0] == "0") or len(whole) > 15:
        return _digits(whole).split()
    if alone and "," not in text and len(whole) == 4 and (1100 <= value <= 1999 or 2000 <= value <= 2099):
        return year_words(value).split()
    return number_words(value).split()


def _money(match: re.Match, after: str) -> list[str]:
    unit, part = _MONEY[match[1]]
    amount = int(match[2].replace(",", ""))
    scale = {"k": "thousand", "m": "million", "bn": "billion"}.get((match[4] or "").lower()) or after.rstrip(".,;:!?").lower()
    if scale in _SCALES:
        decimals = f" point {_digits(match[3])}" if match[3] else ""
        return f"{number_words(amount)}{decimals} {scale} {_plural(unit, 2)}".split()
    said = [f"{number_words(amount)} {_plural(unit, amount)}"] if amount or not match[3] else []
    if match[3] and (rest := int(match[3].ljust(2, "0"))):
        said.append(f"{number_words(rest)} {_plural(part, rest)}")
    return " and ".join(said).split()
