# SPDX-License-Identifier: GPL-3.0-or-later
"""Lip-sync figures of a tuned model on the shipped clips, beside the untouched model's: what an adapter must not lose.

The clips are public-domain LJSpeech utterances (``check/``, made by ``training.preference.check_clips``) with machine-aligned phones. Each
is heard as it is and played slower, which is a lower voice that takes its time: on other voices an adapter does more than on this reader's.
The product runs as it ships, by ear alone, mean take. Figures are those of docs/training.md, but no camera saw this reader: the lip gap is
correlated with the one that the phones ask for, and of touches that no phone asks for the untouched model's are the measure.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final, Protocol

import numpy as np
import soundfile

from ...core.curves import Curves
from ...core.errors import UserError
from ..speech import weights_file
from ..speech.features import FRAME_SECONDS
from ..speech.generate import SpeechEngine, SpeechOptions
from ..speech.life import USUAL
from ..speech.lip_gap import TOUCHING, lip_gap
from ..speech.model import SpeechModel
from . import explore, features, stretches, touches
from .stretches import Stretch

FOLDER: Final = Path(__file__).parent / "check"
# How much of any figure an adapter may lose, of the untouched model's own.
MOST_LOST: Final = 0.02
_SEALED: Final = frozenset("PBM")
_OPEN: Final = frozenset({"AA", "AE", "AO", "AW", "AY", "EH", "OW", "IY"})
_MARGIN, _EDGE = 0.02, 0.2  # s around a consonant; share of a vowel at each end that belongs to its neighbours
_FPS: Final = 50.0
# How much longer the clips last when they are played slower, by which the voice is a third of an octave lower.
_SLOWER: Final = 1.25


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
    share of open vowels whose inner part stays open. jitter: mean |second difference| of jawOpen at 25 frames a second. kept: share of the
    untouched model's lip touches that are still there. known: share of the lip touches that the untouched model has too."""

    WORSE: ClassVar[Mapping[str, str]] = {
        "gap_r": "the lips follow the sound less (gap r)",
        "closure": "fewer lips close on P, B and M",
        "open_vowels": "more vowels close",
        "jitter": "the jaw shakes more",
        "kept": "lips stay apart where they touched",
        "known": "lips touch where they did not",
    }

    gap_r: float
    closure: float
    open_vowels: float
    jitter: float
    kept: float = 1.0
    known: float = 1.0

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
    """phones: label, start and end (s). gap: what they ask for at the network's frame centres. usual: the untouched model's gap at _FPS."""

    stretch: Stretch
    phones: tuple[tuple[str, float, float], ...]
    gap: np.ndarray
    usual: np.ndarray


@lru_cache(2)
def _clips(weights: Path, sha256: str) -> tuple[_Clip, ...]:
    engine = SpeechEngine(weights)
    try:
        told = json.loads((FOLDER / "check.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"The gate's check clips cannot be read: {FOLDER}.", "Install Facewright again.") from error
    return tuple(_heard(engine, sha256, name, entry, slower) for slower in (1.0, _SLOWER) for name, entry in told.items())


def _heard(engine: SpeechEngine, sha256: str, name: str, entry: Mapping, slower: float) -> _Clip:
    path = FOLDER / f"{name}.opus"
    with tempfile.TemporaryDirectory() as folder:
        if slower != 1.0:
            sound, rate = soundfile.read(path, dtype="float32")
            path = Path(folder) / f"{name}.wav"
            soundfile.write(path, sound, round(rate / slower), subtype="PCM_16")
        heard, hidden = stretches.listen(engine, path, SpeechOptions(device="cpu"), lambda fraction, stage: None)
    whole = stretches.cut(hidden, heard.frames.level, heard.track, name, sha256, 0.0, heard.duration)
    centres = (np.arange(int(len(entry["gap"]) * slower)) + 0.5) * FRAME_SECONDS
    gap = np.interp(centres / slower, (np.arange(len(entry["gap"])) + 0.5) * FRAME_SECONDS, entry["gap"])
    phones = tuple((label, slower * float(a), slower * float(b)) for label, a, b in entry["phones"])
    curves = _mean_take(whole, engine.model)
    return _Clip(whole, phones, gap, lip_gap(curves.names, curves.values))


def _mean_take(stretch: Stretch, network: SpeechModel) -> Curves:
    return explore.finished(stretch, explore.mean_mouth(stretch, network, _FPS), 0, USUAL)


def clips(weights: Path | str = weights_file.SHIPPED) -> tuple[Stretch, ...]:
    """The check clips as these weights hear them, unslowed; once a process."""
    found = _clips(Path(weights), weights_file.sha256(weights))
    return tuple(c.stretch for c in found[: len(found) // 2])


def figures(network: SpeechModel, weights: Path | str = weights_file.SHIPPED) -> LipFigures:
    """Of a network on the CPU that may be tuned. weights: the file of its untouched base."""
    rs, closed, sealed, opened, vowels, jitters, gaps = [], 0, 0, 0, 0, [], []
    heard = _clips(Path(weights), weights_file.sha256(weights))
    for clip in heard:
        curves = _mean_take(clip.stretch, network)
        gap = lip_gap(curves.names, curves.values)
        gaps.append(gap)

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
    kept, known = touches.kept_and_known([c.usual for c in heard], gaps)
    return LipFigures(float(np.mean(rs)), closed / max(sealed, 1), opened / max(vowels, 1), float(np.mean(jitters)), kept, known)


def _touches(gap: Callable[[np.ndarray], np.ndarray], start: float, end: float) -> bool:
    return bool((gap(np.arange(start, end + 1e-9, 0.005)) < TOUCHING).any())


def sentences(before: Figures, after: Figures, most: float = MOST_LOST) -> list[str]:
    """What the tuned model lost beyond what it may; empty where nothing."""
    lost = after.lost(before).items()
    return [f"On the check clips {after.WORSE[n]}: {share:.1%} worse, {most:.0%} is allowed." for n, share in lost if share > most]
