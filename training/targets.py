# SPDX-License-Identifier: GPL-3.0-or-later
"""What the articulators do for each phone: classes for the recogniser, and coarticulated channel targets where no corpus shows the face.

Targets are blended by dominance functions (Cohen and Massaro 1993): each phone pulls every channel towards its target with a strength of
its own, falling off exponentially from the phone's middle. Values are our own judgement of ordinary English, checked on the demo head.
"""
from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from ..inference.speech.model import ARTICULATION, PHONES, SILENCE
from .pack import Phone

VOWELS: Final = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
OPEN_VOWELS: Final = frozenset(["AA", "AE", "AO", "AW", "AY", "EH", "OW", "IY"])  # the vowels of the false-closure metric
BILABIAL: Final = frozenset(["P", "B", "M"])

_MEMBERS: Final = {
    "bilabialClosure": "P B M",
    "labiodental": "F V",
    "dental": "TH DH",
    "rounding": "UW OW UH W AO OY ER R SH ZH CH JH",
    "spreading": "IY IH EY EH AE S Z Y",
    "tongueTip": "T D N L S Z TH DH",
    "sibilant": "S Z SH ZH CH JH",
    "voicing": "AA AE AH AO AW AY B D DH EH ER EY G IH IY JH L M N NG OW OY R UH UW V W Y Z ZH",
}
_JAW_OPENNESS: Final = {
    "AA": 1.0, "AE": 0.95, "AW": 0.95, "AY": 0.95, "AO": 0.85, "EH": 0.75, "AH": 0.6, "EY": 0.65, "OW": 0.65, "OY": 0.7, "IH": 0.4,
    "ER": 0.4, "UH": 0.4, "IY": 0.3, "UW": 0.3, "HH": 0.5, "L": 0.35, "K": 0.3, "G": 0.3, "NG": 0.3, "R": 0.25, "W": 0.2, "Y": 0.2,
    "TH": 0.25, "DH": 0.25, "T": 0.2, "D": 0.2, "N": 0.2,
}  # fmt: skip


def articulation_table() -> np.ndarray:
    """float32 [40, A]: the articulation targets (0..1) of each phone."""
    table = np.zeros((len(PHONES), len(ARTICULATION)), np.float32)
    for column, name in enumerate(ARTICULATION):
        for row, phone in enumerate(PHONES):
            if name == "jawHeight":
                table[row, column] = 1.0 - _JAW_OPENNESS.get(phone, 0.1)
            else:
                table[row, column] = phone in _MEMBERS[name].split()
    return table


# Channel targets. A diphthong is two phones in a row; a strength in brackets says how firmly a phone insists (1 if not given).
_TARGETS: Final[dict[str, dict[str, float | tuple[float, float]]]] = {
    "AA": {"jawOpen": 0.30, "mouthLowerDown": 0.12, "mouthUpperUp": 0.05},
    "AE": {"jawOpen": 0.29, "mouthStretch": 0.12, "mouthLowerDown": 0.20, "mouthUpperUp": 0.12, "mouthSmile": 0.05},
    "AH": {"jawOpen": 0.19, "mouthLowerDown": 0.10},
    "AO": {"jawOpen": 0.22, "mouthFunnel": (0.35, 2), "mouthPucker": 0.12},
    "EH": {"jawOpen": 0.23, "mouthStretch": 0.10, "mouthLowerDown": 0.16, "mouthUpperUp": 0.05},
    "ER": {"jawOpen": 0.12, "mouthFunnel": 0.24, "mouthPucker": 0.16},
    "IH": {"jawOpen": 0.14, "mouthStretch": 0.12, "mouthSmile": 0.08, "mouthLowerDown": 0.12, "mouthUpperUp": 0.04},
    "IY": {"jawOpen": 0.11, "mouthStretch": (0.26, 2), "mouthSmile": (0.18, 2), "mouthLowerDown": 0.14, "mouthUpperUp": 0.08,
           "mouthDimple": 0.06},
    "UH": {"jawOpen": 0.12, "mouthFunnel": 0.28, "mouthPucker": 0.26},
    "UW": {"jawOpen": 0.08, "mouthFunnel": (0.26, 2), "mouthPucker": (0.55, 3)},
    "P": {"jawOpen": (0.05, 3), "mouthClose": (0.05, 4), "mouthPress": (0.24, 3), "mouthRollLower": (0.10, 2), "mouthRollUpper": (0.07, 2),
          "mouthLowerDown": (0, 4), "mouthUpperUp": (0, 4), "mouthFunnel": (0, 2), "cheekPuff": (0.08, 2)},
    "F": {"jawOpen": (0.06, 2), "mouthRollLower": (0.42, 4), "mouthUpperUp": (0.16, 3), "mouthLowerDown": (0, 3), "mouthFunnel": (0, 1),
          "mouthStretch": 0.05},
    "TH": {"jawOpen": 0.11, "tongueOut": (0.28, 3), "mouthLowerDown": 0.14, "mouthUpperUp": 0.06},
    "S": {"jawOpen": (0.06, 2), "mouthStretch": 0.10, "mouthLowerDown": 0.20, "mouthUpperUp": 0.12},
    "SH": {"jawOpen": (0.07, 2), "mouthFunnel": (0.40, 3), "mouthPucker": (0.14, 2), "mouthLowerDown": 0.14, "mouthUpperUp": 0.12},
    "T": {"jawOpen": 0.09, "mouthLowerDown": 0.12, "mouthUpperUp": 0.04},
    "L": {"jawOpen": 0.13, "mouthLowerDown": 0.12, "tongueOut": 0.03},
    "R": {"jawOpen": 0.09, "mouthFunnel": (0.22, 2), "mouthPucker": (0.20, 2)},
    "W": {"jawOpen": (0.05, 2), "mouthPucker": (0.62, 4), "mouthFunnel": (0.16, 2)},
    "Y": {"jawOpen": 0.09, "mouthStretch": 0.16, "mouthSmile": 0.10},
    "K": {"jawOpen": 0.12},
    "HH": {},
    SILENCE: {},
}  # fmt: skip
_LIKE: Final = {"V": "F", "D": "T", "N": "T", "Z": "S", "ZH": "SH", "CH": "SH", "JH": "SH", "G": "K", "NG": "K", "B": "P"}
_GLIDES: Final = {"AW": ("AA", "UH"), "AY": ("AA", "IH"), "EY": ("EH", "IY"), "OW": ("AO", "UW"), "OY": ("AO", "IH")}
_STRENGTH: Final = {"HH": 0.05, "K": 0.3, "G": 0.3, "NG": 0.3, "T": 0.5, "D": 0.5, "N": 0.5, SILENCE: 1.5}
FARTHEST = 0.12  # seconds: a held vowel or a pause yields to its neighbours for so long at its ends, a shorter phone for a quarter of it
REACH = 0.045  # seconds: how fast a phone's pull fades; anticipatory rounding is heard and seen 0.1-0.2 s ahead


def _entry(phone: str) -> dict[str, float | tuple[float, float]]:
    if phone == "M":
        return {**{k: v for k, v in _TARGETS["P"].items() if k != "cheekPuff"}, "mouthPress": (0.16, 3)}
    if phone == "DH":
        return {**_TARGETS["TH"], "tongueOut": (0.16, 2)}
    return _TARGETS[_LIKE.get(phone, phone)]


def channel_table(units: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(targets, strengths), each float32 [40, units]. Rows of diphthongs are unused."""
    targets = np.zeros((len(PHONES), len(units)), np.float32)
    strengths = np.ones_like(targets)
    for row, phone in enumerate(PHONES):
        if phone in _GLIDES:
            continue
        strengths[row] = _STRENGTH.get(phone, 1.0)
        for unit, told in _entry(phone).items():
            value, strength = told if isinstance(told, tuple) else (told, 1.0)
            targets[row, units.index(unit)] = value
            strengths[row, units.index(unit)] *= strength
    return targets, strengths


def channel_targets(phones: Iterable[Phone], frames: int, units: tuple[str, ...], frame_seconds: float = 0.02) -> np.ndarray:
    """Coarticulated channels for a phone sequence that covers the clip. float32 [frames, units], 0..1."""
    targets, strengths = channel_table(units)
    spans: list[tuple[float, float, int]] = []
    for phone in phones:
        if phone.name in _GLIDES:
            first, second = _GLIDES[phone.name]
            turn = phone.start + 0.6 * (phone.end - phone.start)
            spans += [(phone.start, turn, PHONES.index(first)), (turn, phone.end, PHONES.index(second))]
        else:
            spans.append((phone.start, phone.end, PHONES.index(phone.name)))
    if not spans:
        return np.zeros((frames, len(units)), np.float32)
    starts, ends, rows = (np.array(x) for x in zip(*spans, strict=True))
    centres = (np.arange(frames) + 0.5) * frame_seconds
    middle, half = (starts + ends) / 2, (ends - starts) / 2
    core = np.maximum(0.5 * half, half - FARTHEST)
    away = np.maximum(np.abs(centres[:, None] - middle) - core, 0)
    pull = np.exp(-away / REACH)
    weight = strengths[rows.astype(int)]
    return ((pull @ (weight * targets[rows.astype(int)])) / (pull @ weight + 1e-9)).astype(np.float32)
