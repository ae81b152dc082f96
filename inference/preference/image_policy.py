# SPDX-License-Identifier: GPL-3.0-or-later
"""The image model as a policy whose log density is known, as ``policy`` makes one of the speech model.

Takes of a stretch are Gaussian about the mean take in the open space: deviation = scale x unit process. In time the unit process is slow
and quick at once (``LENGTHS``), over channels the two sides of a face go together (``SIDES``) and all else is free, so a vote about the
upper face speaks of the upper face's channels alone, exactly. The scale of a channel is the network's own sigma in the stretch: takes
differ by as much as the model may be wrong. What is shown of a draw keeps lips that touch and lids that shut (``held``), as the speech
model's takes keep their events; the density is that of the draw itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ..speech import matern, variation
from ..speech.lip_gap import TOUCHING, lip_gap
from .image_adapter import CHANNELS, COLUMNS, OF_CHANNEL, UNITS, ImageAdapter, open_columns
from .policy import NUGGET, Lips
from .seen import Seen, averaged

# (seconds, share of the variance): a wrong idea of an expression lasts for a phrase, one of a mouth shape for a syllable. Not measured.
LENGTHS: Final = ((0.6, 0.6), (0.12, 0.4))
# Correlation of the two sides of a unit: tastes speak of both.
SIDES: Final = 0.8
# Least and most of the network's sigma that is believed: below, nobody would see a difference; above, takes would be grotesque.
SIGMA: Final = (0.05, 0.15)
# Share of a draw that is not shown where lips touch (lower face) or lids are shut (lids): nobody would want that changed.
HELD: Final = 0.8
# Seconds for which the divergence is told: the kernels' own, so that neither a video's frame rate nor a still changes how far tuning goes.
SPELL: Final = 0.2
# Weight of the lips' loss beside that of the speech model's: what was filmed is known. At 1 the gate left 0.55 of a simulated taste for
# brows, at 3 it leaves 0.85 (one seed).
_LIPS: Final = 3.0
_UPPER: Final = ("eye", "brow")
UPPER: Final = np.array([n.startswith(_UPPER) for n in CHANNELS])
_LIDS: Final = np.array([n.startswith("eyeBlink") for n in CHANNELS])


def channel_covariance() -> np.ndarray:
    """Of the unit process, [C, C]: two channels of one unit that are its two sides go together."""
    out = np.eye(len(CHANNELS))
    for i, name in enumerate(CHANNELS):
        other = name.removesuffix("Left") + "Right"
        if name.endswith("Left") and not UNITS[OF_CHANNEL[i]].endswith("Sideways"):
            k = CHANNELS.index(other)
            out[i, k] = out[k, i] = SIDES
    return out


_COVARIANCE: Final = channel_covariance()
_ROOT: Final = np.linalg.cholesky(_COVARIANCE)
PRECISION: Final = np.linalg.inv(_COVARIANCE)


def scale_of(stretch: Seen) -> np.ndarray:
    """Standard deviations of takes in the open space, [C]."""
    mean = np.clip(stretch.arkit[:, COLUMNS].astype(np.float64), 0, 1).mean(0)
    slope = 1 / (mean + variation.EASE) + 1 / (1 - mean + variation.EASE)
    return np.clip(stretch.sigma[:, COLUMNS].mean(0), *SIGMA) * slope


def held(stretch: Seen) -> np.ndarray:
    """The share of a draw that is not shown, [T, C]."""
    mean = np.clip(stretch.arkit[:, COLUMNS], 0, 1)
    closed, shut = lip_gap(CHANNELS, mean) < TOUCHING, mean[:, _LIDS].mean(1) > 0.5
    share = HELD * averaged(stretch.times, np.stack([closed, shut], 1).astype(np.float64))
    out = np.zeros(mean.shape)
    out[:, ~UPPER], out[:, _LIDS] = share[:, :1], share[:, 1:]
    return out


def time_covariance(times: np.ndarray) -> np.ndarray:
    """Of the unit process, [T, T]."""
    return sum(share * matern.covariance(times, length) for length, share in LENGTHS)


@lru_cache(64)
def _precision(times: bytes) -> np.ndarray:
    at = np.frombuffer(times)
    return np.linalg.inv(time_covariance(at) + NUGGET * np.eye(len(at)))


@lru_cache(64)
def _root(times: bytes) -> np.ndarray:
    at = np.frombuffer(times)
    return np.linalg.cholesky(time_covariance(at) + 1e-9 * np.eye(len(at)))


def time_precision(times: np.ndarray) -> np.ndarray:
    """Inverse covariance of unit samples with a little white noise, [T, T]."""
    return _precision(np.ascontiguousarray(times, np.float64).tobytes())


def draw(stretch: Seen, generator: np.random.Generator) -> np.ndarray:
    """One deviation in the open space, [T, C]."""
    root = _root(np.ascontiguousarray(stretch.times, np.float64).tobytes())
    return scale_of(stretch) * (root @ generator.standard_normal((len(stretch.times), len(CHANNELS))) @ _ROOT.T)


def whitened(stretch: Seen, deviation: np.ndarray, region: str = "whole") -> np.ndarray:
    """S^-1 of a deviation in the open space, [T, C] -> float32 [T, C]; of the channels of ``region`` alone, 0 elsewhere."""
    scale = scale_of(stretch)
    white = time_precision(stretch.times) @ (deviation / scale) @ PRECISION / scale
    # The two halves of the face are independent, so leaving one out is the density of the other.
    return (white * in_region(region)).astype(np.float32)


def in_region(region: str) -> np.ndarray:
    """Which channels belong to "whole", "upper" or "lower", bool [C]."""
    return {"upper": UPPER, "lower": ~UPPER}.get(region, np.ones(len(CHANNELS), bool))


@dataclass(frozen=True)
class ImageMaterial:
    """Stretches as one padded batch. hidden [S, H, F]; opened and calm [S, C, F] and scale [S, C, 1] in the open space; valid [S, F];
    time_precision [S, F, F]; spells [S], how many ``SPELL`` each lasts, at least 1."""

    stretches: tuple[Seen, ...]
    hidden: Tensor
    opened: Tensor
    calm: Tensor
    scale: Tensor
    valid: Tensor
    time_precision: Tensor
    spells: Tensor

    @staticmethod
    def of(stretches: Sequence[Seen], device: torch.device) -> ImageMaterial:
        longest, count = max(len(s.times) for s in stretches), len(stretches)
        shape = (count, len(CHANNELS), longest)
        hidden = torch.zeros(count, stretches[0].hidden.shape[1], longest)
        opened, calm, scale = torch.zeros(shape), torch.zeros(shape), torch.ones(count, len(CHANNELS), 1)
        valid, precision = torch.zeros(count, longest, dtype=torch.bool), torch.zeros(count, longest, longest)
        for i, s in enumerate(stretches):
            frames = len(s.times)
            hidden[i, :, :frames] = torch.from_numpy(np.ascontiguousarray(s.hidden.T))
            opened[i, :, :frames], calm[i, :, :frames] = open_columns(s.arkit), open_columns(s.calm)
            scale[i, :, 0] = torch.from_numpy(scale_of(s)).float()
            valid[i, :frames] = True
            precision[i, :frames, :frames] = torch.from_numpy(time_precision(s.times)).float()
        spells = torch.tensor([max(1.0, float(s.times[-1] - s.times[0]) / SPELL) for s in stretches])
        return ImageMaterial(tuple(stretches), *(t.to(device) for t in (hidden, opened, calm, scale, valid, precision, spells)))

    def part(self, rows: Tensor) -> ImageMaterial:
        """Some of the stretches."""
        chosen = tuple(self.stretches[int(i)] for i in rows)
        rest = (self.hidden, self.opened, self.calm, self.scale, self.valid, self.time_precision, self.spells)
        return ImageMaterial(chosen, *(t[rows] for t in rest))


def close_down(opened: Tensor) -> Tensor:
    """``variation.close_down`` for tensors, without the cut at 0 and 1, which would stop all gradients there."""
    return torch.sigmoid(opened) * (1 + 2 * variation.EASE) - variation.EASE


def distance(shift: Tensor, material: ImageMaterial, precision: Tensor) -> Tensor:
    """Kullback-Leibler divergence a spell of two means that differ by ``shift`` [S, C, F] in the open space. [S]."""
    unit = shift / material.scale
    along = torch.einsum("scf,sfg->scg", unit, material.time_precision)
    return 0.5 * torch.einsum("scg,cd,sdg->s", along, precision, unit) / material.spells


class Anchor:
    """What tuning must leave as it was filmed: the lips' movement in time, and lids that shut."""

    def __init__(self, device: torch.device):
        self._lips = Lips(CHANNELS, np.arange(len(CHANNELS)), device)
        self._lids = torch.from_numpy(_LIDS).to(device)

    def losses(self, faces: Tensor, own: Tensor, valid: Tensor) -> Tensor:
        """faces, own: tuned and untouched means [S, C, F] in 0..1. [S], about 1 where it begins to show."""
        shut = torch.clamp(own[:, self._lids], max=0.7)
        opened = (torch.relu(shut - faces[:, self._lids]) * (own[:, self._lids] > 0.5) * valid[:, None]).sum((1, 2)) / valid.sum(1)
        still = valid.sum(1) < 3  # a still has no movement to keep
        return torch.where(still, 0.0, _LIPS * self._lips.losses(faces, own, valid)) + opened / 0.01


@torch.no_grad()
def mean_take(stretch: Seen, adapter: ImageAdapter | None) -> np.ndarray:
    """The mean take with an adapter, [T, 52]."""
    if adapter is None:
        return stretch.arkit
    return adapter.values(stretch.arkit, stretch.calm, stretch.hidden @ adapter.down.numpy().T)


