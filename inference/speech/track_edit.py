# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a phone track, each a function from one track to the next: what the panel's buttons and a script call. No bpy, no numpy.

Times are seconds, rounded to a millisecond. What an edit touches has the confidence 1 from then on: somebody has decided it. A word holds
the phones whose middles lie in it. Raises UserError where an edit cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from ...core.errors import UserError
from .phone_track import ARPABET, VOWELS, Phone, PhoneTrack, Word

Kind = Literal["phone", "word"]
# The shortest phone (s): two of them still fit between two frames at 60 a second.
SHORTEST: Final = 0.01
# Length of a phone that is put where there is room (s), about what a consonant takes.
USUAL: Final = 0.08
# Neighbours closer than this (s) share a boundary, and move together.
_TOUCH: Final = 0.0015


def entries(track: PhoneTrack, kind: Kind) -> tuple[Phone, ...] | tuple[Word, ...]:
    """The phones or the words."""
    return track.phones if kind == "phone" else track.words


def at_time(track: PhoneTrack, kind: Kind, time: float) -> int | None:
    """Number of the entry at ``time``, else of the last one before it, else of the first; None where there is none."""
    found = entries(track, kind)
    if not found:
        return None
    return max((i for i, e in enumerate(found) if e.start <= time + 1e-6), default=0)


def phones_of(track: PhoneTrack, word: int) -> range:
    """Numbers of the word's phones."""
    w = _checked(track, "word", word)
    inside = [i for i, p in enumerate(track.phones) if w.start <= 0.5 * (p.start + p.end) < w.end]
    return range(inside[0], inside[-1] + 1) if inside else range(0)


def word_of(track: PhoneTrack, phone: int) -> int | None:
    """Number of the word that holds the phone; None outside of words."""
    p = _checked(track, "phone", phone)
    middle = 0.5 * (p.start + p.end)
    return next((i for i, w in enumerate(track.words) if w.start <= middle < w.end), None)


def search(track: PhoneTrack, text: str, kind: Kind, after: int = -1) -> int | None:
    """Number of the next entry after ``after`` (round again from the start) whose label holds ``text``, whatever its case.

    Several phones with spaces between ("HH AH") are looked for as a run. None where there is none.
    """
    found, wanted = entries(track, kind), text.strip().lower()
    if not wanted or not found:
        return None
    run = wanted.split() if kind == "phone" else [wanted]
    order = [*range(after + 1, len(found)), *range(0, min(after + 1, len(found)))]
    for i in order:
        here = [e.label.lower() for e in found[i : i + len(run)]]
        if here == run if kind == "phone" else wanted in here[0]:
            return i
    return None


def relabel(track: PhoneTrack, phone: int, label: str, stress: int | None = None) -> PhoneTrack:
    """Another phone at the same place. stress: None keeps it for vowels; consonants have none."""
    p = _checked(track, "phone", phone)
    given = p.stress if stress is None else stress
    changed = replace(p, label=_label(label), stress=given if label in VOWELS else 0, confidence=1.0)
    return _with(track, phones=(*track.phones[:phone], changed, *track.phones[phone + 1 :]))


def retime(track: PhoneTrack, kind: Kind, number: int, start: float | None = None, end: float | None = None) -> PhoneTrack:
    """Move an entry's start or end. A neighbour that shares the boundary follows; one that is in the way becomes shorter, but not shorter
    than ``SHORTEST``. A word's boundary takes those of its first and last phone along; a phone's that of the word it begins or ends."""
    e = _checked(track, kind, number)
    all_of = list(entries(track, kind))
    new_start = e.start if start is None else _time(start)
    new_end = e.end if end is None else _time(end)
    before = all_of[number - 1] if number else None
    after = all_of[number + 1] if number + 1 < len(all_of) else None

    def least(neighbour: int) -> float:
        """How short it may become: a word keeps all of its phones."""
        return SHORTEST * (max(len(phones_of(track, neighbour)), 1) if kind == "word" else 1)

    new_start = max(new_start, before.start + least(number - 1) if before else 0.0)
    if after is not None:
        new_end = min(new_end, after.end - least(number + 1))
    if new_end - new_start < SHORTEST - 1e-6:
        what = f"The {kind} '{e.label}' would be shorter than {SHORTEST * 1000:.0f} ms"
        raise UserError(f"{what}: from {new_start:.3f} to {new_end:.3f} s.", "Move its other end first.")
    all_of[number] = replace(e, start=new_start, end=new_end, confidence=1.0)
    if before is not None and (before.end > new_start or (start is not None and abs(before.end - e.start) < _TOUCH)):
        all_of[number - 1] = replace(before, end=new_start)
    if after is not None and (after.start < new_end or (end is not None and abs(after.start - e.end) < _TOUCH)):
        all_of[number + 1] = replace(after, start=new_end)
    if kind == "phone":
        return _with(track, phones=all_of, words=_words_after(track, number, e, new_start, new_end))
    changed = [n for n in (number - 1, number, number + 1) if 0 <= n < len(all_of) and all_of[n] != track.words[n]]
    return _squeezed(track, changed, all_of)


def insert(track: PhoneTrack, time: float, label: str, length: float = USUAL) -> tuple[PhoneTrack, int]:
    """A phone at ``time``: in a gap as long as fits, up to ``length``; inside another phone it takes that one's rest from ``time`` on.

    Returns the track and the new phone's number."""
    time = _time(time)
    label = _label(label)
    phones = list(track.phones)
    inside = next((i for i, p in enumerate(phones) if p.start - 1e-6 <= time < p.end), None)
    if inside is not None:
        p = phones[inside]
        if p.end - time < SHORTEST:
            time = _time(p.end - SHORTEST)
        if time - p.start < SHORTEST:
            if p.end - p.start < 2 * SHORTEST:
                raise UserError(f"The phone '{p.label}' at {p.start:.3f} s is too short to hold another.", "Make it longer first.")
            time = _time(p.start + min(0.5 * (p.end - p.start), length))
            phones[inside : inside + 1] = [Phone(label, p.start, time), replace(p, start=time, confidence=1.0)]
            return _with(track, phones=phones), inside
        phones[inside : inside + 1] = [replace(p, end=time, confidence=1.0), Phone(label, time, p.end)]
        return _with(track, phones=phones), inside + 1
    at = next((i for i, p in enumerate(phones) if p.start > time), len(phones))
    end = min(time + length, phones[at].start if at < len(phones) else time + length)
    if end - time < SHORTEST:
        time = _time(max(end - SHORTEST, phones[at - 1].end if at else 0.0))
    if end - time < SHORTEST - 1e-6:
        raise UserError(f"There is no room for a phone at {time:.3f} s.", "Insert it inside a neighbour, or move one.")
    phones.insert(at, Phone(label, time, _time(end)))
    return _with(track, phones=phones), at


def delete(track: PhoneTrack, kind: Kind, number: int) -> PhoneTrack:
    """Without the entry; a word goes with its phones. What follows stays where it is: silence is left."""
    _checked(track, kind, number)
    if kind == "phone":
        return _with(track, phones=(*track.phones[:number], *track.phones[number + 1 :]))
    gone = phones_of(track, number)
    phones = [p for i, p in enumerate(track.phones) if i not in gone]
    return _with(track, phones=phones, words=(*track.words[:number], *track.words[number + 1 :]))


def split(track: PhoneTrack, phone: int, time: float | None = None) -> PhoneTrack:
    """The phone in two of the same name, at ``time`` where that lies inside it, else in the middle."""
    p = _checked(track, "phone", phone)
    at = 0.5 * (p.start + p.end) if time is None or not p.start + SHORTEST <= time <= p.end - SHORTEST else time
    at = _time(at)
    if at - p.start < SHORTEST - 1e-6 or p.end - at < SHORTEST - 1e-6:
        raise UserError(f"The phone '{p.label}' at {p.start:.3f} s is too short to be split.", "Make it longer first.")
    halves = (replace(p, end=at, confidence=1.0), replace(p, start=at, confidence=1.0))
    return _with(track, phones=(*track.phones[:phone], *halves, *track.phones[phone + 1 :]))


def merge(track: PhoneTrack, kind: Kind, number: int) -> PhoneTrack:
    """The entry and the next one as one, under the first's label; words join their labels."""
    first = _checked(track, kind, number)
    all_of = list(entries(track, kind))
    if number + 1 >= len(all_of):
        raise UserError(f"The {kind} '{first.label}' is the last one: nothing follows to merge with.", "Choose the one before it.")
    second = all_of[number + 1]
    label = first.label if kind == "phone" else f"{first.label} {second.label}"
    all_of[number : number + 2] = [replace(first, label=label, end=second.end, confidence=1.0)]
    return _with(track, phones=all_of) if kind == "phone" else _with(track, words=all_of)


def replace_word(track: PhoneTrack, word: int, label: str, phones: Sequence[str], stresses: Sequence[int] | None = None) -> PhoneTrack:
    """Another word in the same time, with these phones (ARPAbet) in place of its own, vowels longer than consonants.

    Where the phones of the old and the new word begin or end alike, those keep their times."""
    w = _checked(track, "word", word)
    stresses = stresses or [0] * len(phones)
    new = [(_label(p), s) for p, s in zip(phones, stresses, strict=True)]
    if not new:
        raise UserError(f"'{label}' has no phones.", "Write a word that can be said.")
    if len(new) * SHORTEST > w.end - w.start + 1e-6:
        raise UserError(f"'{label}' does not fit into {w.end - w.start:.2f} s.", "Make the word longer first.")
    inside = phones_of(track, word)
    old = [track.phones[i] for i in inside]
    head = 0
    while head < min(len(old), len(new)) and old[head].label == new[head][0]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail].label == new[-1 - tail][0]:
        tail += 1
    start = old[head].start if head < len(old) - tail else (old[head - 1].end if head else w.start)
    end = old[-1 - tail].end if head < len(old) - tail else (old[len(old) - tail].start if tail else w.end)
    middle = new[head : len(new) - tail]
    if not old or (middle and end - start < len(middle) * SHORTEST):
        head = tail = 0  # no room between what stays: everything is laid out anew
        middle, start, end = new, w.start, w.end
    kept_head, kept_tail = old[:head], old[len(old) - tail :]
    made = [*kept_head, *_laid(middle, start, end), *kept_tail]
    made = [replace(p, stress=s, confidence=1.0) for p, (_, s) in zip(made, new, strict=True)]
    first = inside.start if len(inside) else next((i for i, p in enumerate(track.phones) if p.start >= w.start), len(track.phones))
    rest = track.phones[inside.stop :] if len(inside) else track.phones[first:]
    words = (*track.words[:word], replace(w, label=label, confidence=1.0), *track.words[word + 1 :])
    return _with(track, phones=(*track.phones[:first], *made, *rest), words=words)


def insert_word(
    track: PhoneTrack, start: float, end: float, label: str, phones: Sequence[str], stresses: Sequence[int] | None = None
) -> tuple[PhoneTrack, int]:
    """A word where there is none yet: phones that were heard there give way to its own. Returns the track and the word's number."""
    start, end = _time(start), _time(end)
    at = next((i for i, w in enumerate(track.words) if w.start > start), len(track.words))
    low = track.words[at - 1].end if at else 0.0
    high = track.words[at].start if at < len(track.words) else end
    start, end = max(start, low), min(end, high)
    if end - start < SHORTEST:
        raise UserError(f"There is no room for a word at {start:.2f} s.", "Make the words around it shorter first.")
    words = (*track.words[:at], Word(label, start, end), *track.words[at:])
    trimmed = []
    for p in track.phones:
        if not start <= 0.5 * (p.start + p.end) < end:
            if p.start < start < p.end:
                p = replace(p, end=start)
            elif p.start < end < p.end:
                p = replace(p, start=end)
            trimmed.append(p)
    return replace_word(_with(track, phones=trimmed, words=words), at, label, phones, stresses), at


def _laid(phones: Sequence[tuple[str, int]], start: float, end: float) -> list[Phone]:
    """Phones over a stretch, vowels twice as long as consonants, as in running speech."""
    if not phones:
        return []
    weights = [2.0 if label in VOWELS else 1.0 for label, _ in phones]
    total, at, made = sum(weights), 0.0, []
    edges = [start]
    for weight in weights:
        at += weight
        edges.append(_time(start + (end - start) * at / total))
    edges[-1] = end
    for (label, stress), a, b in zip(phones, edges[:-1], edges[1:], strict=True):
        made.append(Phone(label, a, b, stress))
    return made


def _squeezed(track: PhoneTrack, changed: Sequence[int], words: Sequence[Word]) -> PhoneTrack:
    """The track with these ``words``, of which the ``changed`` ones take their phones along to their new times, none of them shorter than
    ``SHORTEST``; phones of no word give way. Raises UserError for a word that is too short for its phones."""
    phones, moved = list(track.phones), set()
    for n in changed:
        was, now, inside = track.words[n], words[n], phones_of(track, n)
        if len(inside) * SHORTEST > now.end - now.start + 1e-6:
            raise UserError(f"The phones of '{was.label}' do not fit into {now.end - now.start:.2f} s.", "Make the word longer.")
        scale = (now.end - now.start) / (was.end - was.start)
        spans = [(now.start + (phones[i].start - was.start) * scale, now.start + (phones[i].end - was.start) * scale) for i in inside]
        for i, (start, end) in zip(inside, _fitted(spans, now.start, now.end), strict=True):
            phones[i] = replace(phones[i], start=_time(start), end=_time(end))
        moved.update(inside)
    for i in sorted(moved):
        for j in range(i - 1, -1, -1):
            if j in moved or phones[j].end <= phones[i].start:
                break
            phones[j] = replace(phones[j], end=phones[i].start)
        for j in range(i + 1, len(phones)):
            if j in moved or phones[j].start >= phones[i].end:
                break
            phones[j] = replace(phones[j], start=phones[i].end)
    return _with(track, phones=[p for p in phones if p.end - p.start >= 0.5 * SHORTEST], words=words)


def _fitted(spans: Sequence[tuple[float, float]], low: float, high: float) -> list[tuple[float, float]]:
    """The spans, which follow one another, moved into low..high, none shorter than ``SHORTEST``; there must be room for that."""
    out, at = [], low
    for start, end in spans:
        start = max(start, at)
        at = max(end, start + SHORTEST)
        out.append((start, at))
    at = high
    for i in range(len(out) - 1, -1, -1):
        end = min(out[i][1], at)
        at = min(out[i][0], end - SHORTEST)
        out[i] = (at, end)
    return out


def _words_after(track: PhoneTrack, phone: int, was: Phone, start: float, end: float) -> list[Word]:
    """Words whose boundary was that of the phone, with the new one."""
    words = list(track.words)
    for i, w in enumerate(words):
        new_start = start if abs(w.start - was.start) < _TOUCH else w.start
        new_end = end if abs(w.end - was.end) < _TOUCH else w.end
        # a neighbour that ended or began where the phone did moves along as well
        if abs(w.end - was.start) < _TOUCH:
            new_end = start
        if abs(w.start - was.end) < _TOUCH:
            new_start = end
        low = words[i - 1].end if i else 0.0
        if new_end - max(new_start, low) >= SHORTEST - 1e-6:
            words[i] = replace(w, start=max(new_start, low), end=new_end)
    for i in range(len(words) - 1):
        if words[i].end > words[i + 1].start:
            words[i] = replace(words[i], end=words[i + 1].start)
    return words


def _with(track: PhoneTrack, phones: Sequence[Phone] | None = None, words: Sequence[Word] | None = None) -> PhoneTrack:
    return PhoneTrack(tuple(track.phones if phones is None else phones), tuple(track.words if words is None else words))


def _checked(track: PhoneTrack, kind: Kind, number: int):
    found = entries(track, kind)
    if not 0 <= number < len(found):
        raise UserError(f"The track has no {kind} {number + 1}.", f"It has {len(found)}.")
    return found[number]


def _label(label: str) -> str:
    if label not in ARPABET:
        raise UserError(f"'{label}' is no ARPAbet phone.", "Use the 39 labels of the CMU dictionary, such as AA, B or SH.")
    return label


def _time(seconds: float) -> float:
    return round(max(float(seconds), 0.0), 3)
