# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of a clip as the speech model heard it: what tuning needs of a sound, so that it never listens twice.

Kept as small files by the content of clip and weights, they let votes teach long after the sound was moved. They hold what was said (as
the network's features and phones), so they stay in the user's data folder and go into no export.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from ...core.errors import UserError
from ...core.paths import replacing
from ..speech.features import FRAME_SECONDS
from ..speech.generate import Heard, Report, SpeechEngine, SpeechOptions
from ..speech.phone_track import Phone, PhoneTrack, Word
from ..speech.windows import FrameOutputs, WindowRunner

# Network frames kept beyond each end: the face layers look two or three frames around.
_MARGIN = 5


@dataclass(frozen=True)
class Stretch:
    """clip, model: sha256 of the sound's and the weights' bytes. start, end: seconds of the clip.

    hidden: float32 [C, F], what the face layers take, at frame centres ``first + (i + 0.5) * 0.02`` s from the start of the stretch
    (``first`` is 0 or a little below). level: float32 [F], dB. track: words and phones, seconds from the start of the stretch.
    """

    clip: str
    model: str
    start: float
    end: float
    first: float
    hidden: np.ndarray
    level: np.ndarray
    track: PhoneTrack

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def key(self) -> tuple[str, float, float]:
        """What takes of it have in common."""
        return self.clip, round(self.start, 3), round(self.end, 3)


class HiddenRunner(WindowRunner):
    """A ``WindowRunner`` that also keeps what the face layers take: ``hidden``, float32 [C, T], after ``run``."""

    def run(self, blocks, on_window=lambda samples: None) -> FrameOutputs:
        self._parts: list[np.ndarray] = []
        self._seen = None
        hook = self.model.face_hidden.register_forward_pre_hook(self._keep)
        try:
            out = super().run(blocks, on_window)
        finally:
            hook.remove()
        self.hidden = np.concatenate(self._parts, 1) if self._parts else np.zeros((self.model.face_hidden.in_channels, 0), np.float32)
        return out

    def _keep(self, module: nn.Module, given: tuple) -> None:
        self._seen = given[0]

    def _forward(self, sound: np.ndarray, left: int, frames: int) -> FrameOutputs:
        out = super()._forward(sound, left, frames)
        self._parts.append(self._seen[0, :, left : left + frames].float().cpu().numpy())
        return out


def listen(engine: SpeechEngine, path: Path, options: SpeechOptions, report: Report) -> tuple[Heard, np.ndarray]:
    """(what was heard of a sound, what the face layers take, float32 [C, T])."""
    runners: list[HiddenRunner] = []

    def runner(*given, **named) -> HiddenRunner:
        runners.append(HiddenRunner(*given, **named))
        return runners[-1]

    heard = engine.hear(path, options, report, runner)
    return heard, runners[-1].hidden


def cut(hidden: np.ndarray, level: np.ndarray, track: PhoneTrack, clip: str, model: str, start: float, end: float) -> Stretch:
    """The stretch ``start``..``end`` (s) of a whole sound's hidden features [C, T], levels [T] and track."""
    low = max(round(start / FRAME_SECONDS) - _MARGIN, 0)
    high = min(round(end / FRAME_SECONDS) + _MARGIN + 1, hidden.shape[1])
    first = low * FRAME_SECONDS - start
    return Stretch(clip, model, start, end, first, hidden[:, low:high], level[low:high], within(track, start, end))


def within(track: PhoneTrack, start: float, end: float) -> PhoneTrack:
    """The part of a track between two times, from the first of them on; what is cut through keeps its part."""

    def part(entries: tuple) -> tuple:
        found = []
        for e in entries:
            a, b = max(e.start, start) - start, min(e.end, end) - start
            if b - a > 0.005:
                rest = {k: v for k, v in vars(e).items() if k not in ("label", "start", "end")}
                found.append(type(e)(e.label, a, b, **rest))
        return tuple(found)

    return PhoneTrack(part(track.phones), part(track.words))


def save(stretch: Stretch, path: Path | str) -> None:
    """Write the stretch (features in float16). Raises UserError where it cannot be written."""
    told = {
        "clip": stretch.clip, "model": stretch.model, "start": stretch.start, "end": stretch.end, "first": stretch.first,
        "phones": [vars(p) for p in stretch.track.phones], "words": [vars(w) for w in stretch.track.words],
    }  # fmt: skip
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, told=np.array(json.dumps(told)), hidden=stretch.hidden.astype(np.float16), level=stretch.level.astype(np.float32))


def load(path: Path | str) -> Stretch:
    """Read what ``save`` wrote. Raises UserError for anything else."""
    try:
        with np.load(path, allow_pickle=False) as data:
            told = json.loads(str(data["told"]))
            hidden, level = data["hidden"].astype(np.float32), data["level"].astype(np.float32)
        track = PhoneTrack(tuple(Phone(**p) for p in told["phones"]), tuple(Word(**w) for w in told["words"]))
        if hidden.ndim != 2 or level.shape != hidden.shape[1:] or not np.isfinite(hidden).all() or not hidden.size:
            raise ValueError("its arrays do not fit together")
        numbers = {k: float(told[k]) for k in ("start", "end", "first")}
        return Stretch(str(told["clip"]), str(told["model"]), **numbers, hidden=hidden, level=level, track=track)
    except OSError as error:
        raise UserError(f"The heard stretch {path} cannot be read: {error.strerror or error}.", "Make the takes again.") from error
    except (ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"The heard stretch {path} is damaged.", "Make the takes again.") from error


def file_name(clip: str, model: str, start: float, end: float) -> str:
    """Where a stretch is kept in its folder."""
    return f"{clip[:24]}-{model[:12]}-{round(start * 1000)}-{round(end * 1000)}.npz"


def load_all(folder: Path | str, model: str) -> dict[tuple[str, float, float], Stretch]:
    """The readable stretches in a folder that this model heard, by ``Stretch.key``; an absent folder has none."""
    return readable(folder, f"*-{model[:12]}-*.npz", load, model)


def readable(folder: Path | str, pattern: str, load: Callable[[Path], Any], model: str) -> dict[tuple[str, float, float], Any]:
    """What ``load`` can read of a folder's files and is of this model, by its ``key``."""
    found = {}
    folder = Path(folder)
    for path in sorted(folder.glob(pattern)) if folder.is_dir() else ():
        try:
            kept = load(path)
        except UserError:
            continue
        if kept.model == model:
            found[kept.key] = kept
    return found
