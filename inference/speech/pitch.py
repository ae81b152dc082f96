# SPDX-License-Identifier: GPL-3.0-or-later
"""The voice's pitch in each 20 ms frame, by autocorrelation: what expression follows. The speech model does not use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from .features import FRAME_SAMPLES, SAMPLE_RATE, frame_count

LOWEST_HZ, HIGHEST_HZ = 65.0, 500.0  # from a low man's voice to a child's
# Samples about a frame's centre: four periods of the lowest voice.
WINDOW: Final = 1024
# Autocorrelation at the period, over that at 0, from which a frame counts as voiced (Boersma 1993 uses 0.45 after his window correction).
VOICED: Final = 0.5
# Of the highest peak; the shortest period that reaches it is taken, as every multiple of a period is one too.
_NEARLY: Final = 0.9
# RMS under which there is no voice: room noise has pitches of its own.
_QUIET: Final = 1e-3
_FRAMES_AT_ONCE: Final = 512


class PitchListener:
    """Listens along: pass the sound's blocks through ``along``; afterwards ``pitch()`` is there.

    float32 [T], Hz, 0 where there is no voice. Two milliseconds of work a second of sound.
    """

    def __init__(self) -> None:
        self._held = np.zeros(WINDOW // 2 - FRAME_SAMPLES // 2, np.float32)  # the first window reaches before the sound
        self._parts: list[np.ndarray] = []
        self._samples = 0

    def along(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The blocks (float32 at 16 kHz, any lengths) as they come."""
        for block in blocks:
            self._samples += len(block)
            self._take(block)
            yield block

    def pitch(self) -> np.ndarray:
        """Of all blocks so far; the sound is taken to end here."""
        missing = frame_count(self._samples) - sum(map(len, self._parts))
        if missing > 0:
            self._take(np.zeros(WINDOW + FRAME_SAMPLES, np.float32))
        found = np.concatenate(self._parts) if self._parts else np.zeros(0, np.float32)
        return found[: frame_count(self._samples)]

    def _take(self, block: np.ndarray) -> None:
        held = np.concatenate([self._held, block])
        frames = max((len(held) - WINDOW) // FRAME_SAMPLES + 1, 0)
        for at in range(0, frames, _FRAMES_AT_ONCE):
            count = min(_FRAMES_AT_ONCE, frames - at)
            piece = held[at * FRAME_SAMPLES : (at + count - 1) * FRAME_SAMPLES + WINDOW]
            windows = np.lib.stride_tricks.sliding_window_view(piece, WINDOW)[::FRAME_SAMPLES]
            self._parts.append(pitch_of(windows))
        self._held = held[frames * FRAME_SAMPLES :]


def pitch_of(windows: np.ndarray) -> np.ndarray:
    """Pitch of each window, float32 [n], Hz, 0 without voice. windows: [n, WINDOW] at 16 kHz."""
    centred = windows - windows.mean(1, keepdims=True)
    loud = np.sqrt(np.square(centred).mean(1)) > _QUIET
    shape = np.hanning(WINDOW).astype(np.float32)
    # Both autocorrelations by FFT; the sound's is divided by the window's, so that long periods are not taken for weak ones.
    spectrum = np.fft.rfft(centred * shape, 2 * WINDOW)
    found = np.fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag))
    own = np.fft.irfft(np.square(np.abs(np.fft.rfft(shape, 2 * WINDOW))))
    first, last = int(SAMPLE_RATE / HIGHEST_HZ), int(SAMPLE_RATE / LOWEST_HZ) + 1
    lags = slice(first - 1, last + 2)
    likeness = found[:, lags] / np.maximum(found[:, :1], 1e-12) * (own[0] / own[lags])
    inner = likeness[:, 1:-1]
    peaks = (inner >= likeness[:, :-2]) & (inner > likeness[:, 2:]) & (inner > VOICED)
    best = np.where(peaks, inner, 0).max(1)
    at = (peaks & (inner >= _NEARLY * best[:, None])).argmax(1)
    rows = np.arange(len(inner))
    before, here, after = likeness[rows, at], likeness[rows, at + 1], likeness[rows, at + 2]
    bend = np.minimum(before - 2 * here + after, -1e-9)
    period = first + at + 0.5 * (before - after) / bend  # the parabola through three lags
    return np.where((best > VOICED) & loud, SAMPLE_RATE / period, 0).astype(np.float32)
