# SPDX-License-Identifier: GPL-3.0-or-later
"""Blinks, brow accents and small eye movements, drawn from a seed: life that sound does not tell, apart from the speech model.

Sources, for the numbers below:
[B97] Bentivoglio et al. 1997, Analysis of blink rate patterns in normal subjects: 26 blinks a minute in conversation.
[N10] Nakano and Kitazawa 2010, Eyeblink entrainment at breakpoints of speech: blinks gather at the ends of phrases and in pauses.
[V03] VanderWerf et al. 2003, Eyelid movements: a closing of 75-100 ms, an opening about twice as long.
[C88] Carpenter 1988, Movements of the Eyes: a saccade of A degrees lasts 21 ms + 2.2 ms * A.
[L02] Lee, Badler and Badler 2002, Eyes Alive: gaze of a talking person, intervals and sizes of its saccades.
[F10] Flecha-Garcia 2010, Eyebrow raises in dialogue: raises go with pitch accents and lead them by about 60 ms.
[C96] Cave et al. 1996, About the relationship between eyebrow movements and F0 variations: not every accent is raised.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from .features import FRAME_SECONDS
from .phone_track import VOWELS, PhoneTrack

LIFE_CHANNELS: Final = (
    "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeWideLeft", "eyeWideRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight",
)  # fmt: skip

BLINK_MEDIAN, BLINK_SIGMA = 2.1, 0.55  # s and log-s: a log-normal whose mean of 2.4 s is 25 blinks a minute [B97]
BLINK_SHORTEST = 0.5  # s between two blinks
PHRASE_PAUSE = 0.15  # s of silence that ends a phrase
PHRASE_PULL = 0.7  # chance that a blink due near a phrase's end waits for it or comes early [N10]
PHRASE_REACH = (0.6, 1.0)  # s before and after the blink was due
BLINK_CLOSE, BLINK_HOLD, BLINK_OPEN = 0.1, 0.035, 0.2  # s [V03]; held for two frames at 60 a second so that one shows shut lids
HALF_BLINK_CHANCE, HALF_BLINK = 0.03, 0.5

GAZE_MEDIAN, GAZE_SIGMA, GAZE_SHORTEST = 0.9, 0.6, 0.25  # s, log-s, s between saccades of someone who looks at a listener [L02]
GAZE_YAW, GAZE_PITCH = 1.4, 0.8  # degrees, standard deviations: small, so that the character keeps looking at who listens
GAZE_RANGE = 4.0  # degrees, never further
FULL_LOOK = 30.0  # degrees at which an eyeLook channel is 1
LID_DOWN, LID_UP = 0.3, 0.3  # how far the lids follow the gaze, per unit of eyeLookDown and eyeLookUp

ACCENT_APART = 1.6  # s between two brow accents: a few words, as not every accent is raised [C96]
ACCENT_CHANCE = 0.55
ACCENT_LEAD, ACCENT_RISE, ACCENT_FALL = 0.06, 0.16, 0.34  # s [F10]
ACCENT_SIZE = (0.05, 0.18)
ACCENT_OVER = 2.0  # dB over the level of the last seconds that makes a vowel stand out


@dataclass(frozen=True)
class Habits:
    """How lively a face is beside the measured usual, each a factor above 0 with 1 for the usual. blinks: how many; brows: size of the
    accents; gaze: size of the eyes' moves, up to ``GAZE_RANGE``."""

    blinks: float = 1.0
    brows: float = 1.0
    gaze: float = 1.0


USUAL: Final = Habits()


def live(times: np.ndarray, track: PhoneTrack, level: np.ndarray, seed: int, habits: Habits = USUAL) -> Curves:
    """Curves of ``LIFE_CHANNELS`` at ``times`` (s, rising), in 0..1.

    track: where phrases end and stressed vowels lie. level: dB of each 20 ms frame of the sound. seed: 0 or more; the same seed
    gives the same life, and it is built from events in time, so it knows no windows. Memory: the curves and a few events a second.
    """
    if seed < 0:
        raise UserError(f"The seed is {seed}.", "Use 0 or a positive whole number.")
    end = float(times[-1]) if len(times) else 0.0
    column = {n: i for i, n in enumerate(LIFE_CHANNELS)}
    values = np.zeros((len(times), len(LIFE_CHANNELS)), np.float32)
    yaw, pitch = (habits.gaze * angle for angle in _gaze(times, end, np.random.default_rng((seed, 2))))
    # Both eyes turn together; positive yaw is to the character's own left, positive pitch up.
    for name, angle in (
        ("eyeLookOutLeft", yaw), ("eyeLookInRight", yaw), ("eyeLookInLeft", -yaw), ("eyeLookOutRight", -yaw),
        ("eyeLookUpLeft", pitch), ("eyeLookUpRight", pitch), ("eyeLookDownLeft", -pitch), ("eyeLookDownRight", -pitch),
    ):  # fmt: skip
        values[:, column[name]] = np.clip(angle, 0, GAZE_RANGE) / FULL_LOOK
    blink = LID_DOWN * values[:, column["eyeLookDownLeft"]]
    for at, size in blink_times(track, end, np.random.default_rng((seed, 1)), habits.blinks):
        _raise_to(blink, times, at, size, BLINK_CLOSE, BLINK_HOLD, BLINK_OPEN)
    wide = LID_UP * values[:, column["eyeLookUpLeft"]] * (1 - blink)
    accents = np.zeros(len(times), np.float32)
    for at, size in accent_times(track, level, np.random.default_rng((seed, 3))):
        _raise_to(accents, times, at, min(habits.brows * size, 1.0), ACCENT_RISE, 0.03, ACCENT_FALL)
    for side in ("Left", "Right"):
        values[:, column["eyeBlink" + side]] = blink
        values[:, column["eyeWide" + side]] = wide
        values[:, column["browOuterUp" + side]] = 0.6 * accents
    values[:, column["browInnerUp"]] = accents
    return Curves(LIFE_CHANNELS, times, values)


def blink_times(track: PhoneTrack, end: float, rng: np.random.Generator, rate: float = 1.0) -> list[tuple[float, float]]:
    """(time of shut lids, size) of every blink up to ``end`` seconds. rate: how many, beside the usual."""
    ends = np.array([start for start, _ in track.pauses(end, shortest=PHRASE_PAUSE) if start > 0])
    blinks: list[tuple[float, float]] = []
    at = float(rng.uniform(0.3, BLINK_MEDIAN)) / rate
    while at < end:
        pulled, jitter, half = rng.random(), rng.uniform(0.02, 0.15), rng.random()
        near = ends[(ends > at - PHRASE_REACH[0]) & (ends < at + PHRASE_REACH[1])]
        if pulled < PHRASE_PULL and len(near):
            at = float(near[np.abs(near - at).argmin()]) + jitter
        if not blinks or at - blinks[-1][0] >= BLINK_SHORTEST:
            blinks.append((at, HALF_BLINK if half < HALF_BLINK_CHANCE else 1.0))
        at = max(at, blinks[-1][0]) + max(float(rng.lognormal(np.log(BLINK_MEDIAN), BLINK_SIGMA)) / rate, BLINK_SHORTEST)
    return blinks


def accent_times(track: PhoneTrack, level: np.ndarray, rng: np.random.Generator) -> list[tuple[float, float]]:
    """(time of the highest brow, size): on some of the vowels that are stressed or louder than the seconds before."""
    accents: list[tuple[float, float]] = []
    usual = None  # slow mean of the vowels' levels, dB
    last = -ACCENT_APART
    for phone in track.phones:
        if phone.label not in VOWELS:
            continue
        chance, size = rng.random(), rng.uniform(*ACCENT_SIZE)
        frames = level[int(phone.start / FRAME_SECONDS) : max(int(phone.end / FRAME_SECONDS), int(phone.start / FRAME_SECONDS) + 1)]
        loud = float(frames.max()) if len(frames) else -120.0
        over = 0.0 if usual is None else loud - usual
        usual = loud if usual is None else usual + 0.15 * (loud - usual)
        needed = ACCENT_OVER * (0.25 if phone.stress == 1 else 1.0)
        at = phone.start - ACCENT_LEAD + ACCENT_RISE / 2
        if over >= needed and at - last >= ACCENT_APART and chance < ACCENT_CHANCE:
            accents.append((at, size * min(0.6 + over / 10, 1.0)))
            last = at
    return accents


def _gaze(times: np.ndarray, end: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Yaw and pitch in degrees, float32 [T]: fixations near the listener with quick moves between them."""
    starts, targets = [0.0], [(0.0, 0.0)]
    while starts[-1] <= end:
        starts.append(starts[-1] + max(float(rng.lognormal(np.log(GAZE_MEDIAN), GAZE_SIGMA)), GAZE_SHORTEST))
        targets.append(tuple(np.clip(rng.standard_normal(2) * (GAZE_YAW, GAZE_PITCH), -GAZE_RANGE, GAZE_RANGE)))
    start, target = np.array(starts), np.array(targets)
    which = np.searchsorted(start, times, side="right") - 1
    before = target[np.maximum(which - 1, 0)]
    size = np.linalg.norm(target[which] - before, axis=1)
    x = np.clip((times - start[which]) / (0.021 + 0.0022 * size), 0, 1)  # [C88]
    angle = (before + (target[which] - before) * (x * x * (3 - 2 * x))[:, None]).astype(np.float32)
    return angle[:, 0], angle[:, 1]


def _raise_to(curve: np.ndarray, times: np.ndarray, at: float, size: float, rise: float, hold: float, fall: float) -> None:
    """Lift ``curve`` in place to a smooth bump of height ``size`` whose top begins at ``at``."""
    rows = slice(*np.searchsorted(times, (at - rise, at + hold + fall)))
    t = times[rows]
    x = np.clip(np.minimum((t - at) / rise, (at + hold - t) / fall) + 1, 0, 1)
    np.maximum(curve[rows], size * x * x * (3 - 2 * x), out=curve[rows])
