# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one recording sound like many: speed and pitch, vocal tract length, microphone, room, noise, bandwidth and level.

Noise is mild on purpose: the scouting run that used much of it underfitted.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..inference.speech import features


@dataclass(frozen=True)
class AugmentOptions:
    """How far each property may stray."""

    speed: float = 0.1  # +-10 %: more sounds unnatural and moves formants beyond any speaker's
    warp: float = 0.12  # vocal tract length; with speed, which moves formants too, it spans child to large man
    tilt_db: float = 6.0  # spectral tilt from 0 to 8 kHz
    ripple_db: float = 3.0  # microphone and room colour
    quietest_db: float = -26.0  # level below the recording's own
    loudest_db: float = 8.0
    noise_share: float = 0.4  # of the clips
    noise_snr_db: tuple[float, float] = (12.0, 40.0)
    reverb_share: float = 0.2
    narrow_share: float = 0.15  # telephone-like bandwidth
    mask_share: float = 0.2  # a narrow band removed


def stretch(sound: np.ndarray, samples: int) -> np.ndarray:
    """Resample to ``samples`` by linear interpolation: speed, pitch and formants move together."""
    if len(sound) == samples:
        return sound
    return np.interp(np.linspace(0, len(sound) - 1, samples), np.arange(len(sound)), sound).astype(np.float32)


def reverberate(sound: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """A decaying noise tail on some of the batch; the direct sound stays where it is. [B, n] -> [B, n]."""
    batch, samples = sound.shape
    length = 4800  # 0.3 s
    time = torch.arange(length) / features.SAMPLE_RATE
    decay = 0.03 + 0.09 * torch.rand(batch, 1, generator=generator)
    tail = torch.randn(batch, length, generator=generator) * torch.exp(-time / decay)
    tail[:, :40] = 0
    tail = tail / tail.square().sum(1, keepdim=True).sqrt()
    wet = (0.1 + 0.5 * torch.rand(batch, 1, generator=generator)) * (torch.rand(batch, 1, generator=generator) < share)
    size = 1 << (samples + length - 1).bit_length()
    echo = torch.fft.irfft(torch.fft.rfft(sound, size) * torch.fft.rfft(tail, size), size)[:, :samples]
    return sound + wet * echo


def augmented_features(sound: Tensor, generator: torch.Generator, options: AugmentOptions, strength: Tensor | None = None) -> Tensor:
    """Features of a batch [B, n] as another voice, microphone and place would give them. [B, T, 160].

    strength: [B], multiplies tract length and colour of each clip (1 if not given).
    """
    batch = len(sound)
    strong = torch.ones(batch, 1, 1) if strength is None else strength[:, None, None]

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(batch, 1, 1, generator=generator)

    def some(share: float) -> Tensor:
        return torch.rand(batch, 1, 1, generator=generator) < share

    chosen = torch.rand(batch, generator=generator) < options.reverb_share
    if chosen.any():
        sound = sound.clone()
        sound[chosen] = reverberate(sound[chosen], generator, 1.0)
    power = features.power_spectrum(sound)
    bins = power.shape[-1]
    position = torch.arange(bins, dtype=torch.float32)
    # Vocal tract length: one scale of the frequency axis for a whole clip. Reading the filters at scaled frequencies costs a
    # tenth of moving the spectrum.
    source = (position * (strong * uniform(-options.warp, options.warp)).exp()[:, 0]).clamp(max=bins - 1.001)
    low = source.floor().long()
    part = (source - low)[..., None]
    filters = features.mel_filters()
    weights = filters[low] * (1 - part) + filters[low + 1] * part
    # Colour in decibels over frequency.
    x = (position / (bins - 1))[:, None]
    colour = strong * uniform(-options.tilt_db, options.tilt_db) * (x - 0.3)
    for k in (1, 2, 3):
        colour = colour + strong * uniform(-1, 1) * options.ripple_db / k * torch.cos(math.pi * k * x + uniform(0, 2 * math.pi))
    colour = colour - 60 * some(options.narrow_share) * torch.sigmoid((x - uniform(0.42, 0.9)) * 60)
    level = uniform(options.quietest_db, options.loudest_db)
    mel = torch.bmm(power, weights * torch.pow(10.0, (colour + level) / 10))
    # Noise relative to the clip's own mean power, with a tilt of its own. A filter averages a few bins of a periodogram: near log-normal.
    slope = torch.pow(10.0, -uniform(0, 25) * torch.linspace(0, 1, features.MEL_BINS) ** 1.5 / 10)
    noise = mel.mean((1, 2), keepdim=True) * torch.pow(10.0, -uniform(*options.noise_snr_db) / 10) * slope / slope.mean(2, keepdim=True)
    grain = torch.exp(0.6 * torch.randn(mel.shape, generator=generator))
    mel = mel + some(options.noise_share) * noise * grain
    mel = mel + uniform(0, 3e-8)  # quantisation and self-noise: digital silence is rare outside synthesisers
    start = (torch.rand(batch, 1, 1, generator=generator) * (features.MEL_BINS - 8)).long()
    band = torch.arange(features.MEL_BINS)
    masked = some(options.mask_share) & (band >= start) & (band < start + 8)
    mel = mel.masked_fill(masked, 0.0)
    mel = features.compress(mel)
    return mel.reshape(batch, -1, features.FEATURES)
