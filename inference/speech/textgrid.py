# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone tracks as Praat TextGrids, which aligners (Montreal Forced Aligner, WebMAUS, Gentle's converters) write and phoneticians edit.

Format: Boersma and Weenink, Praat manual, "TextGrid file formats" (https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html).
Read in its long and its short form: Praat takes the numbers and quoted strings in their order and passes over everything else, and so
does this. Interval tiers only; a tier of points is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import UserError
from ...core.paths import replacing
from .phone_track import ARPABET, Phone, PhoneTrack, Word

LARGEST: Final = 64 * 1024 * 1024  # bytes; three hours of phones and words take ten
# Labels of silence and noise that aligners write in either tier.
_SILENCE: Final = frozenset({
    "", "sil", "sp", "spn", "nsn", "<eps>", "<p:>", "<sil>", "#", "h#", "pau", "epi", "brth", "silence", "noise", "<unk>",
})  # fmt: skip
# Numbers stand free; a quotation mark inside a string is doubled. Comments ("!") end with the line.
_TOKEN: Final = re.compile(r'"((?:[^"]|"")*)"|(?<![\w\[\]<])([-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?![\w\]])|<(exists|absent)>|!.*')
# IPA and other alphabets to the nearest ARPAbet phone, for English models of aligners (mfa's english_mfa, WebMAUS's SAMPA).
_IPA: Final = {
    "ɑ": "AA", "a": "AA", "ɒ": "AA", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɐ": "AH", "ɔ": "AO", "aw": "AW", "aʊ": "AW", "aj": "AY", "aɪ": "AY",
    "ɛ": "EH", "e": "EH", "ɝ": "ER", "ɚ": "ER", "ɜ": "ER", "ej": "EY", "eɪ": "EY", "ɪ": "IH", "i": "IY", "əw": "OW", "ow": "OW", "oʊ": "OW",
    "əʊ": "OW", "o": "OW", "ɔj": "OY", "ɔɪ": "OY", "ʊ": "UH", "ʉ": "UW", "u": "UW",
    "b": "B", "tʃ": "CH", "d": "D", "ð": "DH", "f": "F", "ɡ": "G", "g": "G", "h": "HH", "ç": "HH", "dʒ": "JH", "k": "K", "c": "K", "ɟ": "G",
    "l": "L", "ɫ": "L", "ʎ": "L", "m": "M", "n": "N", "ɲ": "N", "ŋ": "NG", "p": "P", "ɹ": "R", "r": "R", "s": "S", "ʃ": "SH", "t": "T",
    "ɾ": "D", "ʔ": "T", "θ": "TH", "v": "V", "ʋ": "V", "w": "W", "ʍ": "W", "j": "Y", "z": "Z", "ʒ": "ZH",
}  # fmt: skip
_MODIFIERS: Final = re.compile("[ːˑʰʷʲ̩̃̍̚ˈˌ˞]")


@dataclass(frozen=True)
class Tier:
    """One interval tier: its name and (start, end, text), s."""

    name: str
    intervals: tuple[tuple[float, float, str], ...]


def load(path: Path | str, warn: Callable[[str], None] = lambda sentence: None) -> PhoneTrack:
    """The words and phones of a TextGrid. ``warn`` is told of labels that are no phones and were left out.

    The tiers are found by name ("words", "phones" or "phonemes", also as "speaker - words"), else by what they hold: the tier of phones is
    the one with the most labels that are phones. Raises UserError where the file is none or has no tier of phones.
    """
    path = Path(path)
    tiers = parse(_text(path), path.name)
    # WebMAUS calls its tiers ORT-MAU (words), KAN-MAU (words in phones) and MAU (phones).
    others = [tier for tier in tiers if not tier.name.strip().lower().startswith(("ort", "kan"))]
    phones = _named(others, ("phones", "phone", "phonemes", "phoneme", "mau", "segments")) or _by_content(others)
    if phones is None:
        names = ", ".join(f"'{t.name}'" for t in tiers) or "none"
        raise UserError(f"{path.name} has no tier of phones (its tiers: {names}).", "Name it 'phones', with ARPAbet or IPA labels.")
    words = _named(tiers, ("words", "word", "ort", "ort-mau", "orthography"))
    unknown: dict[str, None] = {}
    found = []
    for start, end, label in phones.intervals:
        phone = _phone(label)
        if phone is None:
            if label.strip().lower() not in _SILENCE:
                unknown[label] = None
            continue
        found.append(Phone(phone[0], start, end, phone[1]))
    if unknown:
        listed = ", ".join(f"'{u}'" for u in list(unknown)[:6]) + (" and others" if len(unknown) > 6 else "")
        warn(f"{path.name} holds labels that are no phones and were left out: {listed}.")
    if unknown and not found:
        raise UserError(f"The tier '{phones.name}' of {path.name} holds no phone.", "Label it in ARPAbet or IPA.")
    said = [Word(t.strip(), a, b) for a, b, t in (words.intervals if words else ()) if t.strip().lower() not in _SILENCE]
    return PhoneTrack(tuple(found), tuple(said))


def save(track: PhoneTrack, path: Path | str, duration: float) -> None:
    """Write the track as a TextGrid in the long form with the tiers "words" and "phones", from 0 to ``duration`` (s). Vowels of words
    carry their stress digit, as Montreal Forced Aligner writes them. Raises UserError where the file cannot be written."""
    end = max([duration, *(e.end for e in (*track.phones, *track.words))])
    by_phone = [(p.start, p.end, p.label + (str(p.stress) if p.stress else "")) for p in track.phones]
    tiers = (("words", [(w.start, w.end, w.label) for w in track.words]), ("phones", by_phone))
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_number(end)}"]
    lines += ["tiers? <exists>", "size = 2", "item []:"]
    for at, (name, intervals) in enumerate(tiers, 1):
        full = _with_silences(intervals, end)
        lines += [
            f"    item [{at}]:",
            '        class = "IntervalTier"',
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {_number(end)}",
            f"        intervals: size = {len(full)}",
        ]
        for number, (a, b, text) in enumerate(full, 1):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{number}]:", f"            xmin = {_number(a)}", f"            xmax = {_number(b)}"]
            lines.append(f'            text = "{quoted}"')
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def parse(text: str, name: str) -> tuple[Tier, ...]:
    """The interval tiers of a TextGrid's text. Raises UserError where it is none."""
    damaged = UserError(f"{name} is no TextGrid that can be read.", "Save it from Praat as a text file.")
    values: list[str | float | None] = []
    for match in _TOKEN.finditer(text):
        if match[1] is not None:
            values.append(match[1].replace('""', '"'))
        elif match[2] is not None:
            values.append(float(match[2]))
        elif match[3] is not None:
            values.append(None)
    at = 0

    def take(kind: type):
        nonlocal at
        if at >= len(values) or not isinstance(values[at], kind):
            raise damaged
        at += 1
        return values[at - 1]

    if take(str) != "ooTextFile" or take(str) != "TextGrid":
        raise damaged
    take(float), take(float), take(type(None))
    tiers = []
    for _ in range(_count(take(float), damaged)):
        kind, tier = take(str), take(str)
        take(float), take(float)
        count = _count(take(float), damaged)
        rows = []
        for _ in range(count):
            if kind == "IntervalTier":
                start, end, label = take(float), take(float), take(str)
                if not (math.isfinite(start) and math.isfinite(end)):
                    raise damaged
                if end - start > 1e-4:
                    rows.append((round(max(start, 0.0), 4), round(end, 4), label))
            else:
                take(float), take(str)
        if kind == "IntervalTier":
            tiers.append(Tier(tier, tuple(rows)))
    return tuple(tiers)


def _count(number: float, damaged: UserError) -> int:
    if not 0 <= number < 1e7 or number != int(number):
        raise damaged
    return int(number)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(f"{path.name} is larger than {LARGEST // 2**20} MB.", "Choose the TextGrid of one take.")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Choose the file again.") from error
    try:  # Praat writes UTF-16 where a label needs it
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not text.", "Save it from Praat as a text file in UTF-8.") from error


def _named(tiers: Sequence[Tier], names: Sequence[str]) -> Tier | None:
    """The tier of the first of these names that there is; else one whose name ends in it, as "speaker - words" does."""
    own = {tier.name.strip().lower(): tier for tier in reversed(tiers)}
    exact = next((own[name] for name in names if name in own), None)
    ends = ((tier, name) for name in names for tier in tiers if re.search(rf"[- _/]{re.escape(name)}$", tier.name.strip().lower()))
    return exact or next((tier for tier, _name in ends), None)


def _by_content(tiers: Sequence[Tier]) -> Tier | None:
    def phones(tier: Tier) -> int:
        return sum(_phone(text) is not None for _, _, text in tier.intervals)

    best = max(tiers, key=phones, default=None)
    return best if best is not None and phones(best) > 0.5 * sum(bool(t.strip()) for _, _, t in best.intervals) > 0 else None


def _phone(label: str) -> tuple[str, int] | None:
    """(ARPAbet label, stress), or None for what is none."""
    text = label.strip()
    plain = text.rstrip("012")
    if plain.upper() in ARPABET and len(text) - len(plain) <= 1 and (plain.isupper() or plain not in _IPA):
        return plain.upper(), int(text[-1]) if text != plain else 0
    found = _IPA.get(_MODIFIERS.sub("", text))
    return (found, 0) if found else None


def _with_silences(intervals: Sequence[tuple[float, float, str]], end: float) -> list[tuple[float, float, str]]:
    """A Praat tier has no gaps: silence is an interval without text."""
    full, at = [], 0.0
    for a, b, text in intervals:
        a = max(a, at)
        if a - at > 1e-6:
            full.append((at, a, ""))
        if b > a:
            full.append((a, b, text))
            at = b
    if end - at > 1e-6 or not full:
        full.append((at, end, ""))
    return full


def _number(seconds: float) -> str:
    return f"{seconds:.4f}".rstrip("0").rstrip(".")
