# SPDX-License-Identifier: GPL-3.0-or-later
"""Lip-sync figures of a tuned model on eight shipped clips, beside the untouched model's: what an adapter must not lose.

The clips are public-domain LJSpeech utterances (``check/``, made by ``training.preference.check_clips``) with machine-aligned phones. The
product runs as it ships, by ear alone, mean take. Figures are those of docs/training.md, but for gap r: no camera saw this reader, so the
lip gap is correlated with the one that the phones ask for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final, Protocol

import numpy as np

from ...core.errors import UserError
from ..speech import weights_file
from ..speech.features import FRAME_SECONDS
from ..speech.generate import SpeechEngine, SpeechOptions
from ..speech.life import USUAL
from ..speech.lip_gap import TOUCHING, lip_gap
from ..speech.model import SpeechModel
from . import explore, features, stretches
from .stretches import Stretch

FOLDER: Final = Path(__file__).parent / "check"
# How much of any figure an adapter may lose, of the untouched model's own.
MOST_LOST: Final = 0.02
_SEALED: Final = frozenset("PBM")
_OPEN: Final = frozenset({"AA", "AE", "AO", "AW", "AY", "EH", "OW", "IY"})
_MARGIN, _EDGE = 0.02, 0.2  # s around a consonant; share of a vowel at each end that belongs to its neighbours
_FPS: Final = 50.0


class Figures(Protocol):
    """Figures of a model on its check clips. WORSE: what is said where one of them is worse."""

    WORSE: ClassVar[Mapping[str, str]]

    def to_dict(self) -> dict[str, float]:
        """By name, for a card."""

    def lost(self, before: Figures) -> dict[str, float]:
        """Share by which each figure is worse than ``before``; negative where it is better."""


@dataclass(frozen=True)
class LipFigures:
    """gap_r: correlation of the lip gap with the expected one, mean over clips. closure: share of P, B, M whose lips touch. open_vowels:
    share of open vowels whose inner part stays open. jitter: mean |second difference| of jawOpen at 25 frames a second."""

    WORSE: ClassVar[Mapping[str, str]] = {
        "gap_r": "the lips follow the sound less (gap r)",
        "closure": "fewer lips close on P, B and M",
        "open_vowels": "more vowels close",
        "jitter": "the jaw shakes more",
    }

    gap_r: float
    closure: float
    open_vowels: float
    jitter: float

    def to_dict(self) -> dict[str, float]:
        return rounded(self)

    def lost(self, before: LipFigures) -> dict[str, float]:
        return lost(self, before, ("jitter",))


def rounded(figures: Figures) -> dict[str, float]:
    """By name, for a card."""
    return {k: round(v, 5) for k, v in vars(figures).items()}


def lost(after: Figures, before: Figures, less_is_better: Collection[str]) -> dict[str, float]:
    """See ``Figures.lost``."""
    found = {}
    for name, value in vars(after).items():
        was = getattr(before, name)
        if was <= 0:
            found[name] = 0.0  # there was nothing to lose
        else:
            found[name] = value / was - 1 if name in less_is_better else 1 - value / was
    return found


@dataclass(frozen=True)
class _Clip:
    stretch: Stretch
    phones: tuple[tuple[str, float, float], ...]
    gap: np.ndarray


@lru_cache(2)
def _clips(weights: Path, sha256: str) -> tuple[_Clip, ...]:
    engine = SpeechEngine(weights)
    try:
        told = json.loads((FOLDER / "check.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The gate's check clips cannot be read: {FOLDER}.", "Install Facewright again.") from error
    found = []
    for name, entry in told.items():
        path = FOLDER / f"{name}.opus"
        heard, hidden = stretches.listen(engine, path, SpeechOptions(device="cpu"), lambda fraction, stage: None)
        whole = stretches.cut(hidden, heard.frames.level, heard.track, name, sha256, 0.0, heard.duration)
        found.append(_Clip(whole, tuple((p, float(a), float(b)) for p, a, b in entry["phones"]), np.array(entry["gap"])))
    return tuple(found)


def clips(weights: Path | str = weights_file.SHIPPED) -> tuple[Stretch, ...]:
    """The check clips as these weights hear them; once a process."""
    return tuple(c.stretch for c in _clips(Path(weights), weights_file.sha256(weights)))


def figures(network: SpeechModel, weights: Path | str = weights_file.SHIPPED) -> LipFigures:
    """Of a network on the CPU that may be tuned. weights: the file of its untouched base."""
    rs, closed, sealed, opened, vowels, jitters = [], 0, 0, 0, 0, []
    for clip in _clips(Path(weights), weights_file.sha256(weights)):
        curves = explore.finished(clip.stretch, explore.mean_mouth(clip.stretch, network, _FPS), 0, USUAL)
        gap = lip_gap(curves.names, curves.values)

        def at(times: np.ndarray, own: np.ndarray = curves.times, gap: np.ndarray = gap) -> np.ndarray:
            return np.interp(times, own, gap)

        centres = (np.arange(len(clip.gap)) + 0.5) * FRAME_SECONDS
        rs.append(float(np.corrcoef(at(centres), clip.gap)[0, 1]))
        for label, start, end in clip.phones:
            if label in _SEALED:
                sealed += 1
                closed += _touches(at, start - _MARGIN, end + _MARGIN)
            elif label in _OPEN:
                vowels += 1
                edge = _EDGE * (end - start)
                opened += not _touches(at, start + edge, end - edge)
        jitters.append(features.unrest(curves.channel("jawOpen").astype(np.float64), _FPS))
    return LipFigures(float(np.mean(rs)), closed / max(sealed, 1), opened / max(vowels, 1), float(np.mean(jitters)))


def _touches(gap: Callable[[np.ndarray], np.ndarray], start: float, end: float) -> bool:
    return bool((gap(np.arange(start, end + 1e-9, 0.005)) < TOUCHING).any())


def sentences(before: Figures, after: Figures, most: float = MOST_LOST) -> list[str]:
    """What the tuned model lost beyond what it may; empty where nothing."""
    lost = after.lost(before).items()
    return [f"On the check clips {after.WORSE[n]}: {share:.1%} worse, {most:.0%} is allowed." for n, share in lost if share > most]
