# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated raters: hidden tastes, each a fixed function of the curves, that answer pairs of takes as a person would, with noise if asked.

They stand in for people where hundreds of votes are needed, and are called simulated wherever a figure rests on them. A taste is written
down apart from the reward model's features: other percentiles, products, targets and thresholds, so that none of them is one feature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...inference.speech.lip_gap import lip_gap

Taste = Callable[[Curves], float]


def _channel(curves: Curves, *names: str) -> np.ndarray:
    return np.mean([curves.select([n]).values[:, 0] for n in names], 0).astype(np.float64)


def _pair(curves: Curves, name: str) -> np.ndarray:
    return _channel(curves, name + "Left", name + "Right")


def _speed(curve: np.ndarray, times: np.ndarray) -> np.ndarray:
    return np.abs(np.gradient(curve, times)) if len(times) > 1 else np.zeros(1)


def broad(c: Curves) -> float:
    """A mouth that opens wide and moves much, on top of which the lips show teeth."""
    gap = lip_gap(c.names, c.values)
    return 6 * float(np.percentile(gap, 85) - np.percentile(gap, 15)) + 2 * float(_pair(c, "mouthLowerDown").mean())


def understated(c: Curves) -> float:
    """Small, slow and soft: little jaw, no sudden moves, lips not stretched."""
    jaw = _channel(c, "jawOpen")
    sudden = float((_speed(jaw, c.times) ** 2).mean() ** 0.5)
    return -5 * float((jaw**2).mean() ** 0.5) - 0.15 * sudden - 3 * float(_pair(c, "mouthStretch").mean())


def rounded(c: Curves) -> float:
    """Round sounds made fully round, and not by a wide mouth."""
    lips = _channel(c, "mouthPucker") + 0.7 * _channel(c, "mouthFunnel")
    return 3 * float(np.sort(lips)[-max(len(lips) // 4, 1) :].mean()) - 4 * float(_pair(c, "mouthStretch").mean())


def warm(c: Curves) -> float:
    """A light smile of a certain size, no more; relaxed lips and brows that take part."""
    smile = _pair(c, "mouthSmile")
    tense = float(_pair(c, "mouthPress").mean())
    return -16 * abs(float(smile.mean()) - 0.12) - 3 * tense + 2 * float(_channel(c, "browInnerUp").mean())


def crisp(c: Curves) -> float:
    """Lips that travel between open and shut: quick, with true closures and true openings."""
    gap = lip_gap(c.names, c.values).astype(np.float64)
    return 2 * float((_speed(gap, c.times) ** 2).mean() ** 0.5) + 0.8 * float((gap < 0.02).mean()) + 2.5 * float((gap > 0.09).mean())


def calm(c: Curves) -> float:
    """Quiet upper face: few blinks, eyes that rest, still brows."""
    eyes = sum(_speed(_channel(c, n), c.times).mean() for n in ("eyeLookOutLeft", "eyeLookInLeft", "eyeLookUpLeft", "eyeLookDownLeft"))
    return -4 * float(_pair(c, "eyeBlink").mean()) - 4 * float(eyes) - 8 * float(_channel(c, "browInnerUp").mean())


def raised(c: Curves) -> float:
    """Brows that go up far at least at times, and are seldom drawn together."""
    up = _channel(c, "browInnerUp") + _pair(c, "browOuterUp")
    return 4 * float(np.sort(up)[-max(len(up) // 4, 1) :].mean()) - 3 * float(_pair(c, "browDown").mean())


def smiling(c: Curves) -> float:
    """Corners of the mouth up, cheeks with them, nothing pressed or pulled down."""
    joy = _pair(c, "mouthSmile") * (0.5 + _pair(c, "cheekSquint"))
    return 6 * float(joy.mean() ** 0.5) - 2 * float(_pair(c, "mouthFrown").mean()) - 2 * float(_pair(c, "mouthPress").mean())


def bright(c: Curves) -> float:
    """Open eyes: wide rather than narrow, between blinks."""
    awake = _pair(c, "eyeBlink") < 0.5
    narrow = _pair(c, "eyeSquint") + _pair(c, "eyeBlink") - _pair(c, "eyeWide")
    return -5 * float(narrow[awake].mean() if awake.any() else 1.0)


def steady(c: Curves) -> float:
    """No tremble: what changes goes one way for a while."""
    turns = np.abs(np.diff(c.values.astype(np.float64), 2, axis=0)) if len(c.times) > 2 else np.zeros((1, 1))
    return -40 * float(np.sqrt((turns**2).mean()))


FACE_TASTES: Final[dict[str, Taste]] = {f.__name__: f for f in (broad, raised, smiling, bright, steady)}
"""Of what a camera saw: the mouth, brows, cheeks and eyes, and how calm all of it is."""
TASTES: Final[dict[str, Taste]] = {f.__name__: f for f in (broad, understated, rounded, warm, crisp, calm)}


def answer(a: float, b: float, random_share: float, generator: np.random.Generator) -> bool:
    """Whether the first of two takes of these utilities is chosen; with ``random_share`` the answer is a coin's."""
    if generator.random() < random_share:
        return bool(generator.random() < 0.5)
    return a > b
