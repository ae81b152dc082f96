# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a sound file as a stream of 16 kHz mono blocks in bounded memory, and says what is wrong with it."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import UserError

SAMPLE_RATE: Final = 16000
# Rates outside these bounds come from broken headers: they would stretch a short file to hours or shrink it to nothing.
_RATES: Final = (2000, 1_000_000)
# Below 8 kHz (telephone sound) the bands that tell consonants apart are missing.
_LITTLE_BANDWIDTH: Final = 8000
# Values read at a time, all channels together: 4 MB of float32.
_BLOCK_VALUES: Final = 1 << 20
# Frames read at a time near a damaged place.
_LAST_RESORT: Final = 1024
# 3 hours: the phones of more would not fit into the worker's answer (16 MiB), and curves and posteriors stay in memory, 25 kB a second.
LONGEST: Final = 3 * 3600
# 30 dB under the quietest speech that a usable microphone records; dither of 16-bit files (1/32768) lies below it.
SILENT_PEAK: Final = 2e-4
# A value this large is damage, not level: float files scaled like 16-bit integers stay under it.
_DAMAGED: Final = 1e6
# Bytes of a header chunk list searched for the sound's size; real files have it in the first kilobytes.
_HEADER_BYTES: Final = 1 << 16


@dataclass
class AudioStream:
    """A sound file being read. Iterate ``blocks()`` once; afterwards ``samples``, ``peak`` and ``warnings`` describe what was there.

    path:     the file            rate, channels: as its header says
    expected: seconds the header promises (never allocated, only for progress; 0 where it is not known)
    samples:  16 kHz samples given out so far       peak: highest absolute value so far
    warnings: sentences for the user
    Raises UserError at once where nothing can be read.
    """

    path: Path
    rate: int = field(init=False)
    channels: int = field(init=False)
    expected: float = field(init=False)
    samples: int = field(default=0, init=False)
    peak: float = field(default=0.0, init=False)
    warnings: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        with _open(self.path) as sound:
            self.rate, self.channels, frames = sound.samplerate, sound.channels, sound.frames
        if not _RATES[0] <= self.rate <= _RATES[1]:
            raise UserError(
                f"{self.path.name} claims {self.rate} samples a second, which no speech recording has.",
                "Save it again as WAV with 16 to 48 kHz.",
            )
        if self.rate < _LITTLE_BANDWIDTH:
            self.warnings.append(
                f"{self.path.name} has only {self.rate} samples a second: consonants can hardly be told apart. "
                "Use the original recording if there is one."
            )
        present, claimed = _wav_bytes(self.path)
        if claimed > present:
            self.warnings.append(
                f"{self.path.name} promises more sound than it holds ({100 * present / claimed:.3g} % is there): "
                "the file is damaged or was cut off. What is there was used."
            )
        size = self.path.stat().st_size
        # No format holds more than this many frames a byte (silent FLAC or Opus come close): a larger claim is a lie.
        self.expected = frames / self.rate if 0 < frames < size * 4096 else 0.0

    @property
    def seconds(self) -> float:
        """Length of what was read so far."""
        return self.samples / SAMPLE_RATE

    def blocks(self) -> Iterator[np.ndarray]:
        """float32 [n] blocks at 16 kHz, mono (the mean of the channels), without delay against the file. NaN and infinity become silence.

        Raises UserError where the file holds no sample or more than three hours.
        """
        import soundfile
        import soxr

        convert = soxr.ResampleStream(self.rate, SAMPLE_RATE, 1, dtype="float32") if self.rate != SAMPLE_RATE else None
        frames = max(_BLOCK_VALUES // self.channels, 1)
        read = bad = 0
        first_bad = 0.0
        with _open(self.path) as sound:
            while True:
                try:
                    block = sound.read(frames, dtype="float32", always_2d=True)
                except (soundfile.LibsndfileError, RuntimeError):
                    if frames > _LAST_RESORT and sound.seekable():
                        frames = _LAST_RESORT  # a block that fails loses its good part too: come closer in small ones
                        with suppress(soundfile.LibsndfileError, RuntimeError):  # then the next read fails again, and is told
                            sound.seek(read)
                        continue
                    self.warnings.append(f"{self.path.name} is damaged after {read / self.rate:.2f} s; the sound up to there was used.")
                    break
                if len(block) == 0:
                    break
                fine = np.abs(block) < _DAMAGED  # False for NaN too
                if not fine.all():
                    rows = np.flatnonzero(~fine.all(axis=1))
                    first_bad = first_bad if bad else (read + rows[0]) / self.rate
                    bad += len(rows)
                    block = np.where(fine, block, np.float32(0))
                read += len(block)
                if read > LONGEST * self.rate:
                    raise UserError(f"{self.path.name} is longer than {LONGEST // 3600} hours.", "Cut it into parts.")
                mono = block[:, 0] if self.channels == 1 else block.mean(axis=1, dtype=np.float32)
                yield from self._give(convert.resample_chunk(np.ascontiguousarray(mono)) if convert else np.ascontiguousarray(mono))
        if read == 0:
            raise UserError(f"{self.path.name} holds no sound: it has zero samples.", "Choose another file or export it again.")
        if convert:
            yield from self._give(convert.resample_chunk(np.zeros(0, np.float32), last=True))
        if bad:
            self.warnings.append(
                f"{self.path.name} holds {bad} damaged sample{'s' if bad > 1 else ''} (not a number or infinite), "
                f"the first at {first_bad:.2f} s; they were read as silence."
            )
        if self.peak < SILENT_PEAK:
            self.warnings.append(f"{self.path.name} is silent throughout, so the mouth stays closed and still.")

    def _give(self, block: np.ndarray) -> Iterator[np.ndarray]:
        if len(block):
            self.samples += len(block)
            self.peak = max(self.peak, float(np.abs(block).max()))
            yield block


def read_audio(path: Path | str) -> np.ndarray:
    """A whole short file as float32 [n] at 16 kHz; the pipeline streams instead."""
    return np.concatenate(list(AudioStream(Path(path)).blocks()))


def _open(path: Path):
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise UserError(
            "The worker's Python cannot read sound: the package 'soundfile' is missing.", "Set the runtime up again."
        ) from error
    if path.is_dir():
        raise UserError(f"{path} is a folder.", "Choose a sound file.")
    if not path.exists():
        raise UserError(f"The sound file {path} does not exist.", "Check the path; it may have been moved or renamed.")
    if not path.is_file():
        raise UserError(f"{path} is no file.", "Choose a sound file.")
    if not os.access(path, os.R_OK):
        raise UserError(f"The sound file {path} cannot be read: permission denied.", "Change its permissions or copy it.")
    if path.stat().st_size == 0:
        raise UserError(f"{path.name} is empty (0 bytes).", "Choose another file or export it again.")
    try:
        return soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise UserError(_unreadable(path), "Save it as WAV, FLAC, OGG or MP3.") from error


def _unreadable(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(512)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64") and head[8:12] in (b"", b"WAVE"[: len(head[8:12])]):
        return f"{path.name} starts like a WAV, but its header is cut off or damaged."
    for start, name in ((b"fLaC", "FLAC"), (b"OggS", "OGG"), (b"ID3", "MP3")):
        if head.startswith(start):
            return f"{path.name} starts like a {name} file, but it is cut off or damaged."
    if head and all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return f"{path.name} is a text file, not sound."
    return f"{path.name} is in no sound format that Facewright reads."


def _wav_bytes(path: Path) -> tuple[int, int]:
    """Bytes of sound that a RIFF file holds and claims; (0, 0) for other formats and for writers that left the size open."""
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return 0, 0
    at = 12
    while at + 8 <= len(head):
        kind, size = head[at : at + 4], struct.unpack("<I", head[at + 4 : at + 8])[0]
        if kind == b"data":
            left_open = size in (0, 0xFFFFFFFF, 0x7FFFFFFF)  # streamed by ffmpeg, sox and others
            return (0, 0) if left_open else (path.stat().st_size - at - 8, size)
        at += 8 + size + (size & 1)
    return 0, 0
