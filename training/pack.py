# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepared training sound on disk: one folder, one long int16 file and one JSON list of clips, so that hours of speech load in a second."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..inference.speech.features import FRAME_SECONDS, SAMPLE_RATE, frame_count
from ..inference.speech.model import PHONES


@dataclass(frozen=True)
class Phone:
    """One sounded phone: ``start`` and ``end`` in seconds, ``name`` as in ``PHONES``."""

    start: float
    end: float
    name: str


@dataclass(frozen=True)
class Clip:
    """One utterance. audio: int16 [n] at 16 kHz; phones: with times, where they are known."""

    name: str
    speaker: str
    audio: np.ndarray
    phones: tuple[Phone, ...] | None = None

    @property
    def seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE

    @property
    def frames(self) -> int:
        return frame_count(len(self.audio))

    def sound(self) -> np.ndarray:
        """float32 [n], full scale 1."""
        return self.audio.astype(np.float32) / 32768.0


def frame_labels(phones: Iterable[Phone], frames: int) -> np.ndarray:
    """Which phone sounds at each frame's centre. int8 [frames], indices into PHONES, silence where nothing is said."""
    labels = np.zeros(frames, np.int8)
    for phone in phones:
        first, last = (max(0, round(t / FRAME_SECONDS)) for t in (phone.start, phone.end))
        labels[first:last] = PHONES.index(phone.name)
    return labels


def write(folder: Path, clips: Iterable[Clip]) -> float:
    """Store clips (as they come, never all in memory). Returns the hours written."""
    folder.mkdir(parents=True, exist_ok=True)
    listed, at = [], 0
    with (folder / "audio.i16").open("wb") as sound:
        for clip in clips:
            sound.write(clip.audio.astype("<i2").tobytes())
            phones = None if clip.phones is None else [list(asdict(p).values()) for p in clip.phones]
            listed.append({"name": clip.name, "speaker": clip.speaker, "at": at, "samples": len(clip.audio), "phones": phones})
            at += len(clip.audio)
    (folder / "clips.json").write_text(json.dumps(listed), "utf-8")
    return at / SAMPLE_RATE / 3600


def read(folder: Path) -> Iterator[Clip]:
    """The clips of a stored pack; their sound stays on disk until it is used."""
    sound = np.memmap(folder / "audio.i16", "<i2", "r")
    for c in json.loads((folder / "clips.json").read_text("utf-8")):
        phones = None if c["phones"] is None else tuple(Phone(*p) for p in c["phones"])
        yield Clip(c["name"], c["speaker"], sound[c["at"] : c["at"] + c["samples"]], phones)
