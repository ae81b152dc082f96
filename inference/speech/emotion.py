# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion as layers on top of speech: seven expressions of any amount, led by the voice, that give way to what the mouth says.

No recording of ours holds acted emotion, so the poses are articulated from the facial actions that the literature names, not learnt:
[EF78] Ekman and Friesen 1978, Facial Action Coding System, and Friesen and Ekman 1983, EMFACS: the actions (AU) of each emotion.
[ES03] Ekman 2003, Emotions Revealed: contempt is one-sided; the lids' parts in fear, surprise, anger and sadness.
[S06]  Schmidt, Ambadar, Cohn and Reed 2006, Movement differences between deliberate and spontaneous facial expressions: onset, offset.
[BS96] Banse and Scherer 1996, Acoustic profiles in vocal emotion expression: arousal shows in loudness and pitch.
The size of each channel is ours, set by eye on the demo head so that the amount 1 is plain and no caricature.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from ...rigs.arkit import ARKIT_52
from .features import FRAME_SECONDS
from .lip_gap import PER_CHANNEL, TOUCHING, lip_gap, lip_vector
from .phone_track import PhoneTrack

RANGE: Final = (0.0, 1.5)


@dataclass(frozen=True)
class Emotion:
    """Amounts from 0 to 1.5: 0 is calm and changes nothing, 1 is plain to see, above is theatre. Several add up to blends."""

    happy: float = 0.0
    sad: float = 0.0
    angry: float = 0.0
    surprised: float = 0.0
    afraid: float = 0.0
    disgusted: float = 0.0
    contempt: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not RANGE[0] <= value <= RANGE[1]:
                hint = f"Use a number from {RANGE[0]:g} to {RANGE[1]:g}; 0 changes nothing."
                raise UserError(f"The emotion '{f.name}' is {value!r}.", hint)


CALM: Final = Emotion()
NAMES: Final = tuple(f.name for f in fields(Emotion))


@dataclass(frozen=True)
class _Pose:
    """channels: pairs by their stem (both sides alike), or one side by its full name. onset, offset: s from rest to apex and back.
    rest: share of the amount that stays where nobody speaks."""

    channels: dict[str, float]
    onset: float
    offset: float
    rest: float = 0.55


# The comments name the action units [EF78]. Brow and lids carry surprise and fear, since the jaw speaks.
_POSES: Final = {
    # 6 + 12: cheeks narrow the eyes from below, corners up and back.
    "happy": _Pose({
        "mouthSmile": 0.55, "mouthDimple": 0.1, "cheekSquint": 0.5, "eyeSquint": 0.3, "mouthUpperUp": 0.06, "browInnerUp": 0.08,
        "browOuterUp": 0.06,
    }, 0.45, 1.2),
    # 1 + 4 + 15 + 17, lids that hang: inner brows up and together, corners down, chin up.
    "sad": _Pose({
        "browInnerUp": 0.7, "browDown": 0.18, "mouthFrown": 0.55, "mouthShrugLower": 0.28, "mouthStretch": 0.08, "eyeSquint": 0.12,
        "eyeBlink": 0.16, "cheekSquint": 0.1,
    }, 0.8, 1.6, 0.7),
    # 4 + 5 + 7 + 23/24: brows down and together, glaring and narrowed eyes, tight lips; 10 shows in the nose's wings.
    "angry": _Pose({
        "browDown": 1.0, "eyeSquint": 0.5, "eyeWide": 0.12, "noseSneer": 0.4, "mouthPress": 0.25, "mouthFrown": 0.28,
        "mouthRollLower": 0.06, "mouthLowerDown": 0.08, "jawForward": 0.12,
    }, 0.35, 1.0),
    # 1 + 2 + 5 (+ 26, which is the speech's): the whole brow up, upper lids up.
    "surprised": _Pose({"browInnerUp": 0.8, "browOuterUp": 0.75, "eyeWide": 0.65, "mouthUpperUp": 0.06}, 0.25, 0.8, 0.5),
    # 1 + 2 + 4 + 5 + 20: brows up and together, upper lids up, lips stretched sideways.
    "afraid": _Pose({
        "browInnerUp": 0.85, "browOuterUp": 0.25, "browDown": 0.25, "eyeWide": 0.65, "mouthStretch": 0.5, "mouthFrown": 0.12,
        "mouthLowerDown": 0.1,
    }, 0.3, 1.2, 0.6),
    # 9 + 10 + 17 (+ 15): nose wrinkled, upper lip and chin up, lids narrowed by the cheeks.
    "disgusted": _Pose({
        "noseSneer": 0.95, "mouthUpperUp": 0.3, "browDown": 0.55, "cheekSquint": 0.4, "eyeSquint": 0.6, "mouthFrown": 0.35,
        "mouthShrugLower": 0.2,
    }, 0.4, 1.2),
    # 12 + 14 of one side [ES03]: the corner tightened and up; the lids a little heavy, the brow of that side a little up.
    "contempt": _Pose({
        "mouthSmileLeft": 0.34, "mouthDimpleLeft": 0.5, "mouthPressLeft": 0.14, "mouthUpperUpLeft": 0.1, "cheekSquintLeft": 0.14,
        "noseSneerLeft": 0.06, "eyeSquint": 0.14, "eyeBlink": 0.1, "browOuterUpRight": 0.16, "browDownLeft": 0.12,
    }, 0.5, 1.2, 0.65),
}  # fmt: skip

_MIDDLE: Final = ("browInnerUp", "jawForward", "mouthShrugLower", "mouthShrugUpper", "mouthRollLower")
_LOWER: Final = ("mouth", "jaw", "cheek", "nose")
# Pauses shorter than this (s) do not let an expression go.
_HELD: Final = 0.9
# Share of the spoken part of an amount that loudness decides: a loud syllable shows all of it.
_BY_LOUDNESS: Final = 0.35
# Share by which the pitch lifts or lowers the brows' part, a standard deviation of the speaker's pitch each [BS96].
_BY_PITCH: Final = 0.12
_SPEECH_DYNAMICS: Final = 25.0  # dB from the quietest speech sound that counts to the loudest
_LOUDNESS_SMOOTH, _PITCH_SMOOTH = 0.25, 0.35  # s, about a syllable and a word: faces do not flicker
# Rounded lips cannot be spread: what is left of spreading channels at full rounding, and how much pucker and funnel that is.
_SPREADING: Final = ("mouthSmile", "mouthDimple", "mouthStretch", "mouthFrown", "mouthPress")
_SPREAD_LEFT, _FULLY_ROUND = 0.35, 0.45
# A smile and a frown, lowered and raised brows pull against each other; each loses this share of the weaker.
_AGAINST: Final = (("mouthSmile", "mouthFrown"),)
_LOST: Final = 0.5
# What makes up for an expression that parts or closes the lips, and how far the chin may rise for it.
_HELPERS: Final = ("jawOpen", "mouthClose", "mouthShrugLower")
_CHIN: Final = 0.35
_STIFFNESS, _ROUNDS = 0.003, 12
# Of an error sideways, up and forward: from the front the last is hardly seen.
_SEEN: Final = np.array([1, 1, 0.4], np.float32)
# The gap up to which touching lips may part (they touch below ``lip_gap.TOUCHING``, 0.03).
_TOUCH: Final = 0.015
# A channel that moves the lips apart or together by more than this (eye-corner distances at 1) has to give way.
_PARTS_LIPS: Final = 0.01


@dataclass(frozen=True)
class Expression:
    """An emotion over a take's time. lower: what is added to mouth, cheeks and nose; upper: brows and lids, 0..1;
    rest: the lower face where nobody speaks, one row."""

    lower: Curves
    upper: Curves
    rest: Curves


def express(times: np.ndarray, emotion: Emotion, track: PhoneTrack, level: np.ndarray, pitch: np.ndarray) -> Expression | None:
    """The expression at ``times`` (s); None for a calm face.

    track: where speech begins and ends; level: dB, pitch: Hz (0 unvoiced), both of each 20 ms frame. An amount rises from its rest before
    speech begins, stands at its apex while it lasts, more on loud syllables, and falls after it.
    """
    if emotion == CALM or not len(times):
        return None
    loud, high = loudness(times, level), pitch_deviation(times, pitch)
    runs = _runs(track, float(times[-1]))
    channels: dict[str, np.ndarray] = {}
    resting: dict[str, float] = {}
    for name in NAMES:
        amount = float(getattr(emotion, name))
        if not amount:
            continue
        pose = _POSES[name]
        spoken = _spoken(times, runs, pose) * (1 - _BY_LOUDNESS + _BY_LOUDNESS * loud)
        over_time = amount * (pose.rest + (1 - pose.rest) * spoken)
        for stem, size in pose.channels.items():
            led = over_time * (1 + _BY_PITCH * high) if stem.startswith("brow") else over_time
            for channel in _sides(stem):
                # Two reasons to raise a brow raise it more than one, but never past its end.
                channels[channel] = 1 - (1 - channels.get(channel, 0.0)) * (1 - np.clip(size * led, 0, 1))
                resting[channel] = 1 - (1 - resting.get(channel, 0.0)) * (1 - min(size * amount * pose.rest, 1.0))
    for one, other in _AGAINST:
        for side in ("Left", "Right"):
            a, b = one + side, other + side
            for table in (channels, resting):
                if a in table and b in table:
                    lost = _LOST * np.minimum(table[a], table[b])
                    table[a], table[b] = table[a] - lost, table[b] - lost
    names = sorted(channels)
    values = np.stack([np.broadcast_to(channels[n], times.shape) for n in names], 1).astype(np.float32)
    lower = [i for i, n in enumerate(names) if n.startswith(_LOWER)]
    upper = [i for i, n in enumerate(names) if not n.startswith(_LOWER)]
    still = np.array([[resting[names[i]] for i in lower]], np.float32)
    own = tuple(names[i] for i in lower)
    relaxed = np.zeros((1, len(ARKIT_52)), np.float32)
    at_rest = _hold_lips(ARKIT_52, relaxed, Curves(own, times[:1], still).select(ARKIT_52).values)
    above = Curves(tuple(names[i] for i in upper), times, values[:, upper])
    return Expression(Curves(own, times, values[:, lower]), above, Curves(ARKIT_52, times[:1], at_rest))


def add_lower(mouth: Curves, expression: Expression, spoken: Curves) -> Curves:
    """The mouth with the expression, in 0..1; touching lips still touch, open ones stand as far apart as before within a tenth.

    mouth: before the track's events; spoken: after them, which says where the lips are rounded.
    """
    names, values = mouth.names, mouth.values.copy()
    column = {n: i for i, n in enumerate(names)}
    added = np.zeros_like(values)
    round_lips = np.zeros(len(values), np.float32)
    for name in ("mouthPucker", "mouthFunnel"):
        if name in spoken.names:
            round_lips = np.maximum(round_lips, spoken.channel(name))
    spread = 1 - (1 - _SPREAD_LEFT) * np.clip(round_lips / _FULLY_ROUND, 0, 1)
    for i, name in enumerate(expression.lower.names):
        if name in column:
            here = column[name]
            amount = expression.lower.values[:, i] * (spread if name.startswith(_SPREADING) else 1)
            added[:, here] = amount * (1 - values[:, here])
    return Curves(names, mouth.times, _hold_lips(names, values, added))


def add_upper(life: Curves, expression: Expression) -> Curves:
    """Brows and lids of the take's life with the expression's, in 0..1: a blink still shuts the eye, a raised brow still rises."""
    names = tuple(dict.fromkeys([*life.names, *expression.upper.names]))
    values = life.select(names).values
    for i, name in enumerate(expression.upper.names):
        at = names.index(name)
        values[:, at] = 1 - (1 - values[:, at]) * (1 - expression.upper.values[:, i])
    for side in ("Left", "Right"):
        if "eyeWide" + side in names and "eyeBlink" + side in names:  # a shut lid is not wide
            blink = life.select(("eyeBlink" + side,)).values[:, 0]
            values[:, names.index("eyeWide" + side)] *= 1 - blink
    return Curves(names, life.times, values)


def loudness(times: np.ndarray, level: np.ndarray) -> np.ndarray:
    """How loud the voice is at ``times``, 0 to 1 of this sound's own range, smooth. Float32 [T]. level: dB of each 20 ms frame."""
    if not len(level):
        return np.zeros(len(times), np.float32)
    top = float(np.percentile(level, 95))
    share = np.clip((level - (top - _SPEECH_DYNAMICS)) / _SPEECH_DYNAMICS, 0, 1)
    return _at(times, smooth(share, _LOUDNESS_SMOOTH))


def pitch_deviation(times: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """The pitch in standard deviations of its own logarithm, -2 to 2, smooth; 0 where there is no voice. Float32 [T]."""
    voiced = pitch > 0
    if voiced.sum() < 10:
        return np.zeros(len(times), np.float32)
    log = np.log(np.where(voiced, pitch, 1.0))
    middle = float(np.median(log[voiced]))
    spread = max(float(np.median(np.abs(log[voiced] - middle))) * 1.48, 0.03)  # robust: some frames are an octave off
    z = np.where(voiced, np.clip((log - middle) / spread, -2, 2), 0)
    weight = smooth(voiced.astype(np.float64), _PITCH_SMOOTH)
    return _at(times, smooth(z, _PITCH_SMOOTH) / np.maximum(weight, 0.2))


def smooth(values: np.ndarray, seconds: float) -> np.ndarray:
    """Hann-weighted mean over ``seconds`` each way, of values 50 a second; the ends are held. Float64 [T]."""
    reach = max(round(seconds / FRAME_SECONDS), 1)
    kernel = np.hanning(2 * reach + 1)[1:-1] if reach > 1 else np.ones(1)
    half = len(kernel) // 2
    return np.convolve(np.pad(values.astype(np.float64), half, mode="edge"), kernel / kernel.sum(), "valid")


def _sides(stem: str) -> tuple[str, ...]:
    return (stem,) if stem in _MIDDLE or stem.endswith(("Left", "Right")) else (stem + "Left", stem + "Right")


def _at(times: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.interp(times, (np.arange(len(values)) + 0.5) * FRAME_SECONDS, values).astype(np.float32)


def _runs(track: PhoneTrack, end: float) -> list[tuple[float, float]]:
    """Speech without long pauses, s."""
    if not track.phones:
        return []
    edges = [t for pause in track.pauses(end, shortest=_HELD) for t in pause]
    starts = [track.phones[0].start, *(b for a, b in zip(edges[::2], edges[1::2], strict=True) if a > track.phones[0].start)]
    stops = [a for a in edges[::2] if a > track.phones[0].start]
    runs = []
    for start in starts:
        if start < track.phones[-1].end:
            runs.append((start, next((s for s in stops if s > start), track.phones[-1].end)))
    return runs


def _spoken(times: np.ndarray, runs: list[tuple[float, float]], pose: _Pose) -> np.ndarray:
    """0 at rest, 1 while there is speech: the face is under way before the voice [S06]. Float32 [T]."""
    out = np.zeros(len(times), np.float32)
    for start, stop in runs:
        begin = start - 0.6 * pose.onset
        rows = slice(*np.searchsorted(times, (begin, stop + pose.offset)))
        t = times[rows]
        x = np.clip(np.minimum((t - begin) / pose.onset, (stop + pose.offset - t) / pose.offset), 0, 1)
        np.maximum(out[rows], x * x * (3 - 2 * x), out=out[rows])
    return out


def _hold_lips(names: tuple[str, ...], values: np.ndarray, added: np.ndarray) -> np.ndarray:
    """values + added, with the vector between the lips as ``values`` has it: jaw, its corrective and the chin make up for what is added;
    what they cannot make up for is taken from the channels that part or close the lips. Float32 [T, N] in 0..1."""
    if not added.any():
        return values
    column = {n: i for i, n in enumerate(names)}
    before = lip_vector(names, values)
    out = np.clip(values + added, 0, 1)
    helpers = [column[n] for n in _HELPERS if n in column]
    along = np.array([PER_CHANNEL[names[i]] for i in helpers], np.float32)  # [H, 3]
    seen = along * _SEEN
    pull = _SEEN[:, None] * (seen.T @ np.linalg.inv(seen @ seen.T + _STIFFNESS * np.eye(len(helpers), dtype=np.float32)))  # [3, H]
    for _ in range(_ROUNDS):
        out[:, helpers] -= (lip_vector(names, out) - before) @ pull
        for name, i in zip(_HELPERS, helpers, strict=False):
            if name == "jawOpen":  # a shut jaw stays shut
                most = np.where(values[:, i] < 1e-3, 0, np.minimum(1.2 * values[:, i], 1))
            elif name == "mouthClose":
                most = out[:, column["jawOpen"]] if "jawOpen" in column else 0
            else:
                most = np.minimum(values[:, i] + added[:, i] + _CHIN, 1)
            np.clip(out[:, i], 0, most, out=out[:, i])
    gap = np.linalg.norm(before, axis=1)
    # Touching lips still touch; open ones may differ by a tenth.
    allowed = np.maximum(_TOUCH - gap, 0.1 * gap)
    parting = [i for i, n in enumerate(names) if np.abs(PER_CHANNEL.get(n, (0.0,))).max() > _PARTS_LIPS]
    error = lip_vector(names, out) - before
    left = np.linalg.norm(error * _SEEN, axis=1)
    # The vector is linear in the channels: a share of all that moves it leaves that share of the error.
    share = np.minimum(1, allowed / np.maximum(left, 1e-9))
    out[:, parting] = values[:, parting] + share[:, None] * (out[:, parting] - values[:, parting])
    if "jawOpen" in column:
        _same_gap(names, out, column["jawOpen"], values[:, column["jawOpen"]], gap)
    return out


def _same_gap(names: tuple[str, ...], out: np.ndarray, jaw: int, before: np.ndarray, gap: np.ndarray) -> None:
    """Open or close the jaw a little more until open lips stand as far apart as they did: by halving, as the gap rises with the jaw."""
    rows = np.flatnonzero((gap > TOUCHING) & (before > 1e-3))
    if not len(rows):
        return
    low, high = np.zeros(len(rows), np.float32), np.minimum(1.4 * before[rows] + 0.02, 1).astype(np.float32)
    pose = out[rows]
    for _ in range(12):
        pose[:, jaw] = 0.5 * (low + high)
        under = lip_gap(names, pose) < gap[rows]
        low, high = np.where(under, pose[:, jaw], low), np.where(under, high, pose[:, jaw])
    share = np.clip((gap[rows] - TOUCHING) / TOUCHING, 0, 1)  # no jump where lips begin to touch
    out[rows, jaw] += share * (0.5 * (low + high) - out[rows, jaw])
    if "mouthClose" in names:
        close = names.index("mouthClose")
        out[rows, close] = np.minimum(out[rows, close], out[rows, jaw])
