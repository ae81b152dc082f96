# SPDX-License-Identifier: GPL-3.0-or-later
"""Events a viewer misses when they are not there: sealed lips on P, B, M, lip under teeth on F, V, the tongue on TH, round and open vowels,
still pauses.

They are set into curves that already have the output's frame rate, so that no resampling can wash them out, and they need only
curves and a phone track: an edited track drives the mouth again without any sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ...core.curves import Curves
from .lip_gap import PER_CHANNEL, TOUCHING, lip_gap, lip_vector
from .phone_track import VOWELS, Phone, PhoneTrack

SEALED: Final = frozenset("PBM")
TUCKED: Final = frozenset("FV")
# Confidence from which a phone heard without a script seals the lips: below it, held-out LJSpeech has more false closures and misses
# as few.
CLEAR: Final = 0.3
# Lips are fully together for at least this long (s): measured closures of stops last 50-100 ms, and 20 ms vanish between two frames
# at 30 frames a second.
SEAL_TIME: Final = 0.04
# Of a long phone (a hummed M) all but its edges is closed; 40 ms at each end belong to the lips' way.
_EDGE: Final = 0.04
# The lips' way to the seal and out of it (s). Slower ramps flatten the syllables around and shut short vowels whose neighbour was placed
# 20 ms off (30 and 40 ms: a third more of them).
_ATTACK, _RELEASE = 0.025, 0.03
# A tuck is gentler: the lip slides under the teeth while the jaw goes on moving.
_TUCK_ATTACK, _TUCK_RELEASE = 0.045, 0.055
# Gap a seal is made for: a quarter under touching, so that interpolation between two frames of a seal still touches.
_AIM: Final = 0.75 * TOUCHING
# The jaw need not rise fully for a seal, but above this the lips would have to be stretched over an open jaw.
_SEAL_JAW: Final = 0.2
# Smallest gap inside a vowel but for its edges: visibly more than touching lips. Open vowels show more of the mouth than close ones.
_OPEN_VOWELS: Final = frozenset({"AA", "AE", "AO", "AW", "AY", "EH", "EY", "OW", "IY"})
_OPEN_GAP, _CLOSE_GAP = 0.06, 0.042
# Share of a vowel at each end that belongs to its neighbours, and the way there (s). Opening more of it (0.1) undid closures that the
# network had right.
_VOWEL_EDGE, _VOWEL_RAMP = 0.2, 0.04
# A vowel shorter than this (s) is reduced: its neighbours decide.
_SHORT_VOWEL: Final = 0.04
# Only the middle of a long silence is calmed (s after a phone, before the next, ramp): real mouths close late after the last sound and open
# early for the first; calming from 0.1 s on cost 0.1 of the gap's r on unseen GRID speakers.
_CALM_AFTER, _CALM_BEFORE, _CALM_RAMP = 0.35, 0.45, 0.2

# In a pause the jaw hangs less than it swings: lips that part before the voice or stay parted after it do so by themselves, as far as
# they can (s after a phone, before the next, ramp; share of the jaw that is left; most of a lip's own part).
_JAW_AFTER, _JAW_BEFORE, _JAW_RAMP, _JAW_LEFT, _LIP_PART = 0.1, 0.12, 0.1, 0.25, 0.35
# A falling jaw narrows the mouth too; this much funnel for each part of the jaw keeps the width.
_FUNNEL_PART: Final = 0.8

# What a seal does to the channels that hold lips apart: the share that is left of them.
_LEFT_IN_SEAL: Final = {
    "mouthFunnel": 0.15, "mouthLowerDownLeft": 0.05, "mouthLowerDownRight": 0.05, "mouthUpperUpLeft": 0.05, "mouthUpperUpRight": 0.05,
    "mouthShrugUpper": 0.3, "jawForward": 0.6, "tongueOut": 0.0,
}  # fmt: skip
# Lips roll in and press a little, both equally: bounds of the channel within a seal.
_IN_SEAL: Final = {
    "mouthRollLower": (0.05, 0.12), "mouthRollUpper": (0.05, 0.12), "mouthPressLeft": (0.12, 0.5), "mouthPressRight": (0.12, 0.5),
}  # fmt: skip
# Least of what a sound must show. Rounding: a narrow mouth is what the eye reads, and tracked video hardly shows it to the net; three
# quarters of what articulation tables give: on GRID speakers never seen this takes the width's r from 0.52 to 0.57.
_ROUNDED: Final = {
    label: {"mouthPucker": pucker, "mouthFunnel": funnel}
    for label, pucker, funnel in (
        ("W", 0.38, 0.04), ("UW", 0.34, 0.08), ("OW", 0.22, 0.15), ("UH", 0.15, 0.11), ("AO", 0.08, 0.19), ("OY", 0.15, 0.19),
        ("R", 0.11, 0.09), ("SH", 0.11, 0.22), ("ZH", 0.11, 0.22), ("CH", 0.11, 0.22), ("JH", 0.11, 0.22),
    )
}  # fmt: skip
# The tongue's tip between parted teeth; no video of ours shows the tongue, so the net hardly moves it.
_TONGUED: Final = {"TH": {"tongueOut": 0.25, "jawOpen": 0.1}, "DH": {"tongueOut": 0.15, "jawOpen": 0.08}}
# Rounding begins before the sound and outlasts it (s); at the ends of the phone it is under way.
_ROUND_RAMP, _ROUND_EDGE = 0.08, 0.02
# The tongue is quicker than the lips.
_TONGUE_RAMP, _TONGUE_EDGE = 0.05, 0.01
_LEFT_IN_TUCK: Final = {"mouthFunnel": 0.3, "mouthLowerDownLeft": 0.3, "mouthLowerDownRight": 0.3, "mouthRollUpper": 0.0, "tongueOut": 0.0}
_IN_TUCK: Final = {
    "jawOpen": (0.03, 0.12), "mouthRollLower": (0.35, 0.7), "mouthUpperUpLeft": (0.12, 0.4), "mouthUpperUpRight": (0.12, 0.4),
}  # fmt: skip


def apply_track(curves: Curves, track: PhoneTrack, rest: Curves | None = None) -> Curves:
    """The curves with the track's events set into them; the same track twice changes nothing more that can be seen.

    curves: ARKit channels in 0..1 at the output's frame rate; rest: one row, the mouth in long pauses (an expression; None: relaxed, all
    channels 0). Only mouth and jaw channels change. The result lies in 0..1 and has
    mouthClose <= jawOpen everywhere (mouthClose closes the lips over an open jaw; more of it would push them through each other).
    At 20 frames a second or more, every P, B and M of a word, and every other that was heard clearly (``CLEAR``), has a frame whose lip gap
    is under ``lip_gap.TOUCHING``.
    """
    names, times = curves.names, curves.times
    values = np.clip(curves.values, 0, 1)
    _keep_order(names, values)
    if len(times):
        _close_jaw(names, times, values, track)
        _calm(names, times, values, track, rest)
        _show(names, times, values, track.phones, _ROUNDED, _ROUND_RAMP, _ROUND_EDGE)
        _show(names, times, values, _certain(track), _TONGUED, _TONGUE_RAMP, _TONGUE_EDGE)
        _open_vowels(names, times, values, track)
        _blend(names, times, values, [p for p in track.phones if p.label in TUCKED], _LEFT_IN_TUCK, _IN_TUCK, sealed=False)
        _blend(names, times, values, [p for p in _certain(track) if p.label in SEALED], _LEFT_IN_SEAL, _IN_SEAL, sealed=True)
    np.clip(values, 0, 1, out=values)
    _keep_order(names, values)
    return Curves(names, times, values)


def _certain(track: PhoneTrack) -> list[Phone]:
    """Phones of a script's words, and of others those that were heard clearly: an uncertain one is left to what the network shows."""
    starts = np.array([w.start for w in track.words])

    def in_word(phone: Phone) -> bool:
        middle = 0.5 * (phone.start + phone.end)
        at = int(np.searchsorted(starts, middle)) - 1
        return at >= 0 and middle <= track.words[at].end

    return [p for p in track.phones if p.confidence >= CLEAR or in_word(p)]


def _keep_order(names: tuple[str, ...], values: np.ndarray) -> None:
    if "mouthClose" in names:
        close = names.index("mouthClose")
        jaw = values[:, names.index("jawOpen")] if "jawOpen" in names else 0.0
        values[:, close] = np.minimum(values[:, close], jaw)


def _bump(times: np.ndarray, start: float, end: float, attack: float, release: float) -> tuple[slice, np.ndarray]:
    """Rows around start..end (s) and the weight there: 1 inside, smooth (C1) down to 0 over ``attack`` before and ``release`` after."""
    rows = slice(*np.searchsorted(times, (start - attack, end + release)))
    t = times[rows]
    x = np.clip(np.minimum((t - start) / attack, (end - t) / release) + 1, 0, 1)
    return rows, (x * x * (3 - 2 * x)).astype(np.float32)


def _together(times: np.ndarray, bumps: Iterable[tuple[slice, np.ndarray]]) -> np.ndarray:
    """Weights of several bumps as one: never above 1, smooth where they overlap. Float32 [T]."""
    rest = np.ones(len(times), np.float32)
    for rows, weight in bumps:
        rest[rows] *= 1 - weight
    return 1 - rest


def _spacing(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _core(phone: Phone, spacing: float) -> tuple[float, float]:
    """The part of a consonant in which its closure is complete: about its middle, never shorter than one frame."""
    middle = 0.5 * (phone.start + phone.end)
    half = max(0.5 * SEAL_TIME, 0.5 * (phone.end - phone.start) - _EDGE, 0.501 * spacing)
    return middle - half, middle + half


def _blend(names, times, values, phones, left_share, bounds, sealed: bool) -> None:
    """Blend the rows around ``phones`` towards the pose that these bounds make of them."""
    spacing = _spacing(times)
    ramps = (_ATTACK, _RELEASE) if sealed else (_TUCK_ATTACK, _TUCK_RELEASE)
    weight = _together(times, (_bump(times, *_core(p, spacing), *ramps) for p in phones))
    rows = np.flatnonzero(weight > 0)
    if not len(rows):
        return
    column = {n: i for i, n in enumerate(names)}
    pose = values[rows].copy()
    for name, share in left_share.items():
        if name in column:
            pose[:, column[name]] *= share
    for name, (low, high) in bounds.items():
        if name in column:
            np.clip(pose[:, column[name]], low, high, out=pose[:, column[name]])
    if sealed:
        _close(names, column, pose)
    w = weight[rows, None]
    values[rows] = (1 - w) * values[rows] + w * pose


def _close(names, column, pose: np.ndarray) -> None:
    """Bring the lips of every row together."""
    if "jawOpen" in column:
        jaw = pose[:, column["jawOpen"]]
        np.minimum(jaw, _SEAL_JAW, out=jaw)
        if "mouthClose" in column:
            pose[:, column["mouthClose"]] = jaw
        else:
            jaw *= 0.1
    # Whatever else keeps them apart (a sideways jaw, a sneer) goes as far towards rest as needed. The gap is convex in the channels, so the
    # share that a straight line from here to rest says is enough.
    moving = [column[n] for n in PER_CHANNEL if n in column]
    gap = lip_gap(names, pose)
    rest = float(lip_gap(names, np.zeros((1, len(names)), np.float32))[0])
    too_far = np.clip((gap - _AIM) / np.maximum(gap - rest, 1e-6), 0, 1)
    pose[:, moving] *= 1 - too_far[:, None]


def _show(names, times, values, phones, table, ramp: float, edge: float) -> None:
    """Raise the channels of ``table`` where one of its sounds shows too little of them."""
    for label, least in table.items():
        spans = ((p.start + edge, max(p.end - edge, p.start + edge + 0.01)) for p in phones if p.label == label)
        weight = _together(times, (_bump(times, a, b, ramp, ramp) for a, b in spans))
        rows = np.flatnonzero(weight)
        for name, low in least.items():
            if name in names:
                column = names.index(name)
                values[rows, column] += weight[rows] * np.maximum(low - values[rows, column], 0)


def _open_vowels(names, times, values, track: PhoneTrack) -> None:
    """Lower the jaw where a vowel's middle would show closed lips."""
    if "jawOpen" not in names:
        return
    jaw = names.index("jawOpen")
    along = np.array(PER_CHANNEL["jawOpen"], np.float32)
    for phone in track.phones:
        length = phone.end - phone.start
        if phone.label not in VOWELS or length < _SHORT_VOWEL:
            continue
        rows, weight = _bump(times, phone.start + _VOWEL_EDGE * length, phone.end - _VOWEL_EDGE * length, _VOWEL_RAMP, _VOWEL_RAMP)
        if rows.start == rows.stop:
            continue
        wanted = _OPEN_GAP if phone.label in _OPEN_VOWELS else _CLOSE_GAP
        vector = lip_vector(names, values[rows])
        # |vector + lower * along| = wanted, solved for how much to lower the jaw.
        a, b = float(along @ along), vector @ along
        c = (vector * vector).sum(axis=1) - wanted**2
        lower = np.where(c < 0, (-b + np.sqrt(np.maximum(b * b - a * c, 0))) / a, 0)
        values[rows, jaw] += weight * lower.astype(np.float32)


def _close_jaw(names, times, values, track: PhoneTrack) -> None:
    """Close the jaw in pauses and open the lips themselves instead, so that their gap stays where the lips' reach allows."""
    lips = [n for n in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight") if n in names]
    if "jawOpen" not in names or not lips:
        return
    end = float(times[-1])
    bumps = []
    for start, stop in track.pauses(end, shortest=_JAW_AFTER + _JAW_BEFORE + 2 * _JAW_RAMP):
        a = start + _JAW_AFTER + _JAW_RAMP if start > 0 else -_JAW_RAMP
        b = stop - _JAW_BEFORE - _JAW_RAMP if stop < end else end + _JAW_RAMP
        bumps.append(_bump(times, a, b, _JAW_RAMP, _JAW_RAMP))
    weight = _together(times, bumps)
    rows = np.flatnonzero(weight > 0)
    if not len(rows):
        return
    before = values[rows]
    jaw, close = names.index("jawOpen"), names.index("mouthClose") if "mouthClose" in names else None
    after = before.copy()
    for column in (jaw, close):
        if column is not None:
            after[:, column] *= 1 - weight[rows] * (1 - _JAW_LEFT)
    if "mouthFunnel" in names:
        funnel = names.index("mouthFunnel")
        after[:, funnel] += _FUNNEL_PART * np.clip(before[:, jaw] - after[:, jaw], 0, 0.2)
    lost = lip_vector(names, before)[:, 1] - lip_vector(names, after)[:, 1]
    per_unit = sum(PER_CHANNEL[n][1] for n in lips)
    for name in lips:
        column = names.index(name)
        after[:, column] += np.clip(lost / per_unit, 0, np.maximum(_LIP_PART - before[:, column], 0))
    values[rows] = after


def _calm(names, times, values, track: PhoneTrack, rest: Curves | None) -> None:
    """Let the mouth come to rest in the middle of pauses; before the first and after the last phone it is at rest to the sound's ends."""
    end = float(times[-1])
    bumps = []
    for start, stop in track.pauses(end, shortest=_CALM_AFTER + _CALM_BEFORE):
        a = start + _CALM_AFTER + _CALM_RAMP if start > 0 else -_CALM_RAMP
        b = stop - _CALM_BEFORE - _CALM_RAMP if stop < end else end + _CALM_RAMP
        if a < b:
            bumps.append(_bump(times, a, b, _CALM_RAMP, _CALM_RAMP))
    weight = _together(times, bumps)
    rows = np.flatnonzero(weight > 0)
    mouth = [i for i, n in enumerate(names) if n.startswith(("jaw", "mouth", "cheek", "nose", "tongue"))]
    if len(rows) and mouth:
        values[np.ix_(rows, mouth)] *= 1 - weight[rows, None]
        if rest is not None:
            values[np.ix_(rows, mouth)] += weight[rows, None] * rest.select([names[i] for i in mouth]).values[:1]
