# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said of a take in numbers that an animator would recognise: how far, how fast, how often, how round, how late.

The reward model learns on these. Each feature belongs to a region (upper or lower face) and an axis (timing, mouth, expression, life), so
that a vote about one part of the face teaches nothing about the others. Arrays only, no torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...rigs.arkit import ARKIT_52
from ..speech import variation
from ..speech.lip_gap import TOUCHING, lip_gap

FACE: Final = tuple(n for n in ARKIT_52 if n.startswith(("jaw", "mouth", "cheek", "nose", "tongue")))
"""The channels of the lower face."""
REGIONS: Final = ("whole", "upper", "lower")
AXES: Final = ("overall", "timing", "mouth", "expression", "life")
# Features are measured at one rate, so that takes at 24 and at 60 frames a second can be compared; lips close for 40 ms and more.
RATE: Final = 50.0
# Lids more than half shut are a blink; gaze that turns faster than 0.6 of an eyeLook unit a second (18 degrees) is a saccade.
_SHUT, _SACCADE = 0.5, 0.6
# Which units an animator would call expression rather than mouth shape.
_EXPRESSIVE: Final = ("mouthSmile", "mouthFrown", "mouthDimple", "cheekSquint", "noseSneer", "mouthPress")
_UPPER: Final = ("eyeBlink", "eyeSquint", "eyeWide", "browDown", "browInnerUp", "browOuterUp")
_LOOKS: Final = (("eyeLookOutLeft", "eyeLookInLeft"), ("eyeLookUpLeft", "eyeLookDownLeft"))


@dataclass(frozen=True)
class Feature:
    """name: what is measured, in words. region: "upper" or "lower". axis: one of ``AXES`` but "overall"."""

    name: str
    region: str
    axis: str


def _unit(name: str) -> str:
    """A channel without its side; a jaw or mouth that goes sideways is one unit for both sides."""
    return {"jawLeft": "jawSideways", "jawRight": "jawSideways", "mouthLeft": "mouthSideways", "mouthRight": "mouthSideways"}.get(
        name, name.removesuffix("Left").removesuffix("Right")
    )


@cache
def _units() -> tuple[str, ...]:
    return tuple(dict.fromkeys(_unit(n) for n in FACE))


@cache
def listed() -> tuple[Feature, ...]:
    """Every feature, in the order of ``describe``."""
    found = []
    for unit in _units():
        axis = "expression" if unit in _EXPRESSIVE else "mouth"
        found += [Feature(f"{unit}: {what}", "lower", axis) for what in ("mean", "spread", "speed", "peak")]
    found += [
        Feature(f"lip gap: {what}", "lower", "mouth")
        for what in ("mean", "spread", "peak", "speed", "share closed", "closures a second", "openings a second")
    ]
    found += [
        Feature("rounding: mean", "lower", "mouth"), Feature("rounding: peak", "lower", "mouth"),
        Feature("left against right", "lower", "expression"), Feature("jaw: unrest", "lower", "mouth"),
        Feature("lip gap: how much later", "lower", "timing"), Feature("jaw: how much later", "lower", "timing"),
        Feature("rounding: how much later", "lower", "timing"),
    ]  # fmt: skip
    found += [Feature(f"pattern {i + 1}: {what}", "lower", "mouth") for i in range(_patterns().shape[1]) for what in ("mean", "spread")]
    for unit in _UPPER:
        axis = "life" if unit == "eyeBlink" else "expression"
        found += [Feature(f"{unit}: {what}", "upper", axis) for what in ("mean", "spread", "speed", "peak")]
    found += [
        Feature("blinks a second", "upper", "life"), Feature("gaze: spread", "upper", "life"), Feature("gaze: speed", "upper", "life"),
        Feature("gaze: saccades a second", "upper", "life"), Feature("gaze: mean height", "upper", "life"),
    ]  # fmt: skip
    return tuple(found)


@cache
def _patterns() -> np.ndarray:
    """What tells how much of each shared pattern of the take model a mouth holds: float64 [len(FACE), R]."""
    model = variation.shipped()
    basis = np.zeros((len(FACE), model.basis.shape[1]))
    for row, name in enumerate(model.names):
        if name in FACE:
            basis[FACE.index(name)] = model.basis[row]
    return np.linalg.pinv(basis).T


def describe(take: Curves, usual: Curves | None = None) -> np.ndarray:
    """The features of a take, float64 [len(listed())]; channels that are not there count as at rest.

    usual: what a take's timing is compared with, of the same sound (the mean take, or the mean of the takes at hand); without it nothing is
    late. Seconds, channel units and units a second throughout; of a still (one sample) all that tells of change is 0.
    """
    times = _grid(take)
    mouth = take.select(FACE).resample(times).values.astype(np.float64)
    units = _merged(mouth)
    gap = lip_gap(FACE, mouth.astype(np.float32)).astype(np.float64)
    rounding = units[:, _units().index("mouthFunnel")] + units[:, _units().index("mouthPucker")]
    # A still has no rates.
    seconds = len(times) / RATE if len(times) > 1 else np.inf
    closed = gap < TOUCHING
    opened = (variation.open_up(mouth) - variation.open_up(np.zeros(1))) @ _patterns()
    out: list[float] = [*_of_channels(units).ravel()]
    out += [*_of_channels(gap[:, None])[0, [0, 1, 3, 2]], float(closed.mean()), _starts(closed) / seconds, _starts(gap > 0.1) / seconds]
    pairs = [(i, FACE.index(n[:-4] + "Right")) for i, n in enumerate(FACE) if n.endswith("Left")]
    sides = np.abs(mouth[:, [a for a, _ in pairs]] - mouth[:, [b for _, b in pairs]]).mean()
    jaw = units[:, _units().index("jawOpen")]
    out += [float(rounding.mean()), float(np.percentile(rounding, 95)), float(sides), unrest(jaw, RATE)]
    out += _later(times, (gap, jaw, rounding), usual)
    out += [*np.stack([opened.mean(0), opened.std(0)], 1).ravel()]
    upper = _upper(take, times)
    looks = take.select([n for pair in _LOOKS for n in pair]).resample(times).values.astype(np.float64)
    gaze = np.stack([looks[:, 0] - looks[:, 1], looks[:, 2] - looks[:, 3]], 1)
    turning = np.linalg.norm(np.diff(gaze, axis=0), axis=1) * RATE if len(gaze) > 1 else np.zeros(1)
    out += [*_of_channels(upper).ravel()]
    out += [
        _starts(upper[:, 0] > _SHUT) / seconds, float(gaze.std(0).mean()), float(turning.mean()), _starts(turning > _SACCADE) / seconds,
        float(gaze[:, 1].mean()),
    ]  # fmt: skip
    return np.array(out)


def mask(region: str = "whole", axis: str = "overall") -> np.ndarray:
    """Which features a vote about this region and axis speaks of. bool [len(listed())]; an axis that a region lacks counts as overall."""
    of_region = np.array([region in ("whole", f.region) for f in listed()])
    of_axis = np.array([axis in ("overall", f.axis) for f in listed()])
    both = of_region & of_axis
    return both if both.any() else of_region


def unrest(jaw: np.ndarray, rate: float) -> float:
    """Mean |second difference| per frame at 25 frames a second of a channel sampled at ``rate``: jitter, as docs/training.md has it."""
    if len(jaw) < 2:
        return 0.0
    times = np.arange(0, len(jaw) / rate, 1 / 25)
    sampled = np.interp(times, np.arange(len(jaw)) / rate, jaw)
    return float(np.abs(np.diff(sampled, 2)).mean()) if len(sampled) > 2 else 0.0


def differences(rows: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """rows [n, P], pairs of row numbers: first minus second, [len(pairs), P]."""
    if not len(pairs):
        return np.zeros((0, rows.shape[1]))
    a, b = np.array(pairs).T
    return rows[a] - rows[b]


def _grid(take: Curves) -> np.ndarray:
    if len(take.times) < 2:
        return take.times if len(take.times) else np.zeros(1)
    return np.arange(take.times[0], take.times[-1] + 1e-9, 1 / RATE)


def _merged(mouth: np.ndarray) -> np.ndarray:
    """FACE channels [T, K] to one a unit: the mean of both sides."""
    names = [_unit(n) for n in FACE]
    table = np.array([[names[k] == u for u in _units()] for k in range(len(names))], float)
    return mouth @ (table / table.sum(0))


def _upper(take: Curves, times: np.ndarray) -> np.ndarray:
    columns = []
    for unit in _UPPER:
        sides = [n for n in (unit, unit + "Left", unit + "Right") if n in take.names]
        values = take.select(sides).resample(times).values if sides else np.zeros((len(times), 1))
        columns.append(values.mean(1))
    return np.stack(columns, 1).astype(np.float64)


def _of_channels(values: np.ndarray) -> np.ndarray:
    """Mean, spread, speed (mean |change| a second) and peak (95th percentile) of each column: [N, 4]."""
    speed = np.abs(np.diff(values, axis=0)).mean(0) * RATE if len(values) > 1 else np.zeros(values.shape[1])
    return np.stack([values.mean(0), values.std(0), speed, np.percentile(values, 95, axis=0)], 1)


def _starts(mask: np.ndarray) -> int:
    return int((mask[1:] & ~mask[:-1]).sum() + mask[0]) if len(mask) else 0


def _later(times: np.ndarray, curves: Sequence[np.ndarray], usual: Curves | None) -> list[float]:
    """Seconds by which each curve comes later than the same of ``usual``, to first order: usual(t - d) = usual - d * usual'."""
    if usual is None or len(times) < 3:
        return [0.0] * len(curves)
    mouth = usual.select(FACE).resample(times).values
    units = _merged(mouth.astype(np.float64))
    names = _units()
    references = (
        lip_gap(FACE, mouth).astype(np.float64),
        units[:, names.index("jawOpen")],
        units[:, names.index("mouthFunnel")] + units[:, names.index("mouthPucker")],
    )
    found = []
    for curve, reference in zip(curves, references, strict=True):
        slope = np.gradient(reference, 1 / RATE)
        slope -= slope.mean()
        power = float(slope @ slope)
        found.append(float(-(curve - reference) @ slope / power) if power > 1e-9 else 0.0)
    return found
