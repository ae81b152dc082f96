# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a character's shape keys is which ARKit channel, from their names alone."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .arkit import ARKIT_52

_SIDES = {"l": "left", "left": "left", "lft": "left", "lf": "left", "r": "right", "right": "right", "rgt": "right", "rt": "right"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_DUPLICATE = re.compile(r"[._ ]0*[0-9]{1,3}$")  # Blender's .001, other tools' _1
_MAX_PREFIX_WORDS = (
    6  # "Head|blendShape1.A14_Eye_Blink_Left"; a longer lead-in is not a prefix but another shape (a combination, a corrective)
)


@dataclass(frozen=True)
class MatchReport:
    """What ``match_names`` found.

    matched:   canonical name -> the rig's own name; each own name at most once
    split:     canonical name -> the rig's two halves (left, right), where the rig splits what ARKit keeps as one (browInnerUp, cheekPuff)
    missing:   canonical names that nothing matches, in canonical order
    unmatched: the rig's names that match nothing, in the rig's order
    ambiguous: canonical name -> the names that would have done as well as the chosen one (they are also in ``unmatched``)
    """

    matched: dict[str, str]
    missing: tuple[str, ...]
    unmatched: tuple[str, ...] = ()
    ambiguous: dict[str, tuple[str, ...]] = field(default_factory=dict)
    split: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def owners(self) -> dict[str, tuple[str, ...]]:
        """Canonical name -> the rig's names that make it: one, or two halves."""
        return {canonical: (own,) for canonical, own in self.matched.items()} | self.split

    @property
    def count(self) -> int:
        """How many of the 52 were found, halves counted as the whole they make."""
        return len(self.matched) + len(self.split)

    def summary(self) -> str:
        """Sentences for a panel or a log: '51 of 52 ARKit shape keys found. Missing: tongueOut.'"""
        parts = [f"{self.count} of {len(ARKIT_52)} ARKit shape keys found."]
        if self.missing and self.count:
            named = ", ".join(self.missing[:8])
            parts.append(f"Missing: {named}{f' and {len(self.missing) - 8} more' if len(self.missing) > 8 else ''}.")
        for canonical, halves in self.split.items():
            parts.append(f"{canonical} drives both {halves[0]} and {halves[1]}.")
        for canonical, others in self.ambiguous.items():
            parts.append(f"{canonical} was also found as {', '.join(others)}; {self.matched[canonical]} was taken.")
        return " ".join(parts)


def match_names(names: Iterable[str]) -> MatchReport:
    """Match shape key names with the canonical 52, whatever their case, separators, side marks and prefix.

    Understood: ``eyeBlinkLeft``, ``EyeBlinkLeft``, ``eye_blink_left``, ``eyeBlink_L``, ``eyeBlink.L``, ``L_eyeBlink``, ``left_eye_blink``,
    ``eye Blink Left``, ``ARKit_eyeBlinkLeft``, ``Head|blendShape1.eyeBlinkLeft``, ``eyeBlinkLeft.001``. An exact name wins over another
    spelling, that over one with a prefix, that over a numbered duplicate; equals go to the rig's first one, and ``ambiguous`` tells.
    """
    own = list(dict.fromkeys(names))
    found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    halves: dict[str, dict[str, list[tuple[int, int, str]]]] = defaultdict(lambda: {"left": [], "right": []})
    for position, name in enumerate(own):
        hit = _recognise(name)
        if hit is None:
            continue
        canonical, side, rank = hit
        (found[canonical] if side is None else halves[canonical][side]).append((rank, position, name))

    matched, ambiguous, split = {}, {}, {}
    for canonical in ARKIT_52:
        candidates = sorted(found[canonical])
        if candidates:
            matched[canonical] = candidates[0][2]
            rivals = tuple(name for rank, _, name in candidates[1:] if rank == candidates[0][0])
            if rivals:
                ambiguous[canonical] = rivals
        elif halves[canonical]["left"] and halves[canonical]["right"]:
            split[canonical] = (min(halves[canonical]["left"])[2], min(halves[canonical]["right"])[2])
    used = set(matched.values()) | {name for pair in split.values() for name in pair}
    return MatchReport(
        matched=matched,
        missing=tuple(c for c in ARKIT_52 if c not in matched and c not in split),
        unmatched=tuple(n for n in own if n not in used),
        ambiguous=ambiguous,
        split=split,
    )


def _words(name: str) -> tuple[str, ...]:
    return tuple(w.lower() for w in _WORD.findall(name))


def _key(words: Iterable[str]) -> tuple[str, str]:
    """Side-free letters in order, and the side: ('eyeblink', 'left')."""
    side = ""
    rest = []
    for word in words:
        if word in _SIDES and not side:
            side = _SIDES[word]
        else:
            rest.append(word)
    return "".join(rest), side


_CANONICAL = {_key(_words(name)): name for name in ARKIT_52}
_STEMS = {letters for letters, _ in _CANONICAL}
_SIDELESS = Counter(letters for letters, _ in _CANONICAL)


def _lookup(words: tuple[str, ...]) -> tuple[str, str | None] | None:
    """(canonical, side if it is one half of a channel that ARKit has whole) for exactly these words."""
    for key in _readings(words):
        if key in _CANONICAL:
            return _CANONICAL[key], None
        letters, side = key
        if side and (letters, "") in _CANONICAL and _SIDELESS[letters] == 1:
            return _CANONICAL[letters, ""], side
    return None


def _readings(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """The ways to read words as (letters, side): as they stand, and with a side glued to letters of one case (eyeblinkleft, eyeblinkl)."""
    letters, side = _key(words)
    readings = [(letters, side)]
    if not side:
        for mark, meaning in _SIDES.items():
            if letters.endswith(mark) and letters.removesuffix(mark) in _STEMS:
                readings.append((letters.removesuffix(mark), meaning))
            if letters.startswith(mark) and letters.removeprefix(mark) in _STEMS:
                readings.append((letters.removeprefix(mark), meaning))
    return readings


def _recognise(name: str) -> tuple[str, str | None, int] | None:
    """(canonical, half, rank) of one name, or None. Rank: 0 exact, 1 another spelling, +2 with a prefix, +4 numbered as a duplicate."""
    if name in ARKIT_52:
        return name, None, 0
    duplicate = 0
    core = name
    while _DUPLICATE.search(core):
        core, duplicate = _DUPLICATE.sub("", core), 4
    words = _words(core)
    for skipped in range(min(_MAX_PREFIX_WORDS, max(len(words) - 1, 0)) + 1):
        hit = _lookup(words[skipped:])
        if hit is not None and any(_lookup(words[i:skipped]) for i in range(skipped)):
            return None  # "jawOpen_mouthClose": a combination of two
        if hit is not None:
            return *hit, 1 + 2 * bool(skipped) + duplicate
    return None
