# SPDX-License-Identifier: GPL-3.0-or-later
"""Log-mel features of the speech model: the one front end that training and the runtime share.

Nothing here hears more of the sound than one 25 ms window, so a file may be cut anywhere: overlapping cuts give the same frames once
``CONTEXT_FRAMES`` frames at an inner edge are dropped. No normalisation by utterance; the model learns level from augmentation.
"""
from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

SAMPLE_RATE = 16000
FRAME_SECONDS = 0.02  # one network frame: the shortest phones last two of them
FRAME_SAMPLES = 320
HOP_SAMPLES = 160  # two hops are stacked into a frame: a stop's burst is shorter than 20 ms
WINDOW_SAMPLES = 400  # 25 ms, the usual compromise between pitch ripple and time smear
FFT_SIZE = 512
MEL_BINS = 80
LOWEST_HZ, HIGHEST_HZ = 20.0, 7600.0  # below the Nyquist of 16 kHz: resamplers differ in their last octave's edge
FLOOR = 1e-8  # -80 dB under full scale: 16-bit rounding stays under it, room noise over it
CENTRE, SPREAD = -9.0, 4.0  # mean and standard deviation of log-mel over ordinary speech, rounded
FEATURES = 2 * MEL_BINS
CONTEXT_FRAMES = 1  # how far a frame's windows reach into its neighbours


def _hz_to_mel(hz: np.ndarray | float) -> np.ndarray:
    return 2595.0 * np.log10(1.0 + np.asarray(hz) / 700.0)


@cache
def mel_filters() -> Tensor:
    """Triangular filters on the HTK mel scale, each summing to 1. Float32 [FFT_SIZE // 2 + 1, MEL_BINS]."""
    edges_mel = np.linspace(_hz_to_mel(LOWEST_HZ), _hz_to_mel(HIGHEST_HZ), MEL_BINS + 2)
    edges = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    # Low filters are narrower than a bin: sampling each triangle finely keeps every one of them non-empty.
    fine = np.linspace(0, SAMPLE_RATE / 2, (FFT_SIZE // 2) * 16 + 1)
    rise = (fine[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - fine[:, None]) / (edges[2:] - edges[1:-1])
    triangle = np.clip(np.minimum(rise, fall), 0, None)
    bins = np.arange(FFT_SIZE // 2 + 1) * (SAMPLE_RATE / FFT_SIZE)
    nearest = np.clip(1 - np.abs(fine[None, :] - bins[:, None]) / (SAMPLE_RATE / FFT_SIZE), 0, None)
    weights = nearest @ triangle
    return torch.from_numpy((weights / weights.sum(0)).astype(np.float32))


@cache
def _window() -> Tensor:
    window = torch.hann_window(WINDOW_SAMPLES, periodic=False)
    return window / window.square().sum().sqrt()


def frame_count(samples: int) -> int:
    """Network frames for this many samples: the last, partly filled one counts."""
    return -(-samples // FRAME_SAMPLES)


def power_spectrum(audio: Tensor) -> Tensor:
    """Power of each 25 ms window, 10 ms apart. audio [..., n] at 16 kHz, full scale 1 -> [..., 2 * frame_count(n), FFT_SIZE // 2 + 1]."""
    frames = frame_count(audio.shape[-1])
    margin = (WINDOW_SAMPLES - HOP_SAMPLES) // 2
    padded = torch.nn.functional.pad(audio, (margin, frames * FRAME_SAMPLES - audio.shape[-1] + margin))
    windows = padded.unfold(-1, WINDOW_SAMPLES, HOP_SAMPLES) * _window().to(audio.device)
    return torch.fft.rfft(windows, FFT_SIZE).abs().square()


def compress(mel_power: Tensor) -> Tensor:
    """Logarithm and fixed scaling of mel power."""
    return ((mel_power + FLOOR).log() - CENTRE) / SPREAD


def log_mel(audio: Tensor) -> Tensor:
    """Features of mono 16 kHz sound.

    audio: float32 [n] or [B, n], full scale 1. Returns float32 [T, 160] or [B, T, 160] with T = frame_count(n): frame i is centred on
    (i + 0.5) * 0.02 s and holds the two 10 ms log-mel vectors centred 5 ms before and after. Sound is taken as silent beyond its ends.
    """
    if audio.shape[-1] == 0:
        return audio.new_zeros((*audio.shape[:-1], 0, FEATURES))
    mel = compress(power_spectrum(audio) @ mel_filters().to(audio.device))
    return mel.reshape(*mel.shape[:-2], -1, FEATURES)
