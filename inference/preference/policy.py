# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator as a policy whose log density is known, so that preferences tune it without sampling tricks.

Takes of a stretch are Gaussian about the mean take in the open space of ``speech.variation``; tuning moves the mean and leaves the spread.
For two takes a, b of one stretch the log-ratio of tuned and reference policy then differs by <S^-1 (a - b), m_tuned - m_reference>: terms
that both share cancel. ``whitened`` gives S^-1 a once for each take, and a training step is a scalar product.
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
from ..speech.features import FRAME_SECONDS
from ..speech.lip_gap import PER_CHANNEL, REST, TOUCHING
from ..speech.model import SpeechModel
from . import touches
from .stretches import Stretch

# White noise on top of the measured process, as a share of its variance: samples between two states are interpolated and takes are cut
# off at 0 and 1, and without it such corners would count as all but impossible.
NUGGET: Final = 0.02
# Spread of the logarithms of the habits (blinks, brows, gaze) among explored takes: half or twice as much is two standard deviations.
HABIT_SPREAD: Final = 0.35
# By how much less than the untouched face the jaw must shake on the tuned stretches: on other voices it shakes one or two percent more.
CALMER: Final = 0.01
# Frames between samples at 25 a second, at which jitter is defined.
_STRIDE: Final = 2


@lru_cache(32)
def time_precision(times: bytes, length: float) -> np.ndarray:
    """Inverse covariance [T, T] of unit samples at ``times`` (float64 bytes, seconds)."""
    at = np.frombuffer(times)
    return np.linalg.inv(matern.covariance(at, length) + NUGGET * np.eye(len(at)))


@lru_cache(32)
def _time_root(times: bytes, length: float) -> np.ndarray:
    at = np.frombuffer(times)
    return np.linalg.cholesky(matern.covariance(at, length) + 1e-9 * np.eye(len(at)))


@dataclass(frozen=True)
class Spread:
    """How takes differ, in the model's units. known: the K channels of the take model that the face has; of_channel: the unit of each;
    root: Cholesky factor of their covariance [K, K], precision: its inverse; unit_precision: [U, U], the same for a change that both
    sides share; length: correlation time, seconds."""

    known: tuple[str, ...]
    of_channel: np.ndarray
    root: np.ndarray
    precision: np.ndarray
    unit_precision: np.ndarray
    length: float

    @staticmethod
    def of(model: SpeechModel, takes: variation.TakeModel | None = None) -> Spread:
        takes = takes or variation.shipped()
        names = model.config.face_names
        rows = [i for i, n in enumerate(takes.names) if n in names]
        covariance = takes.channel_covariance[np.ix_(rows, rows)]
        known = tuple(takes.names[i] for i in rows)
        of_channel = model.unit_of_channel.cpu().numpy()[[names.index(n) for n in known]]
        # Channels that hardly move would make any change of theirs all but impossible: no channel is surer than a hundredth.
        precision = np.linalg.inv(covariance + 1e-4 * np.eye(len(rows)))
        table = np.eye(len(model.config.face_units))[of_channel]
        return Spread(known, of_channel, np.linalg.cholesky(covariance), precision, table.T @ precision @ table, takes.correlation_time)

    def draw(self, times: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """One deviation in the open space, [T, K]: the law of ``TakeModel.deviation``, quicker for a short stretch."""
        root = _time_root(np.ascontiguousarray(times, np.float64).tobytes(), self.length)
        return root @ generator.standard_normal((len(times), len(self.known))) @ self.root.T

    def whitened(self, times: np.ndarray, opened: np.ndarray, units: int) -> np.ndarray:
        """S^-1 of a deviation in the open space, summed over the channels of each unit. times [T] s, opened [T, K] -> [T, U]."""
        white = time_precision(np.ascontiguousarray(times, np.float64).tobytes(), self.length) @ opened @ self.precision
        out = np.zeros((len(times), units))
        np.add.at(out.T, self.of_channel, white.T)
        return out


def to_frames(weights: np.ndarray, times: np.ndarray, first: float, frames: int) -> np.ndarray:
    """Weights [T, U] at ``times`` moved to network frames [F, U], so that sums with anything interpolated between frames stay the same."""
    position = np.clip((times - first) / FRAME_SECONDS - 0.5, 0, frames - 1)
    low = np.minimum(position.astype(np.intp), max(frames - 2, 0))
    share = (position - low)[:, None]
    out = np.zeros((frames, weights.shape[1]))
    np.add.at(out, low, (1 - share) * weights)
    np.add.at(out, np.minimum(low + 1, frames - 1), share * weights)
    return out


def open_up(values: Tensor) -> Tensor:
    """``variation.open_up`` for tensors."""
    return torch.log((values + variation.EASE) / (1 - values + variation.EASE))


@dataclass(frozen=True)
class Material:
    """Stretches as one padded batch, with what the untouched head makes of them.

    hidden, before [S, C, F], logits [S, U, F], valid [S, F]; time_precision [S, F, F]; centre [U], the usual logit.
    """

    stretches: tuple[Stretch, ...]
    hidden: Tensor
    before: Tensor
    logits: Tensor
    valid: Tensor
    time_precision: Tensor

    @staticmethod
    @torch.no_grad()
    def of(stretches: Sequence[Stretch], model: SpeechModel, length: float, device: torch.device) -> Material:
        longest = max(s.hidden.shape[1] for s in stretches)
        count = len(stretches)
        hidden = torch.zeros(count, stretches[0].hidden.shape[0], longest)
        valid, precision = torch.zeros(count, longest, dtype=torch.bool), torch.zeros(count, longest, longest)
        for i, s in enumerate(stretches):
            frames = s.hidden.shape[1]
            hidden[i, :, :frames] = torch.from_numpy(s.hidden)
            valid[i, :frames] = True
            at = np.arange(frames) * FRAME_SECONDS
            precision[i, :frames, :frames] = torch.from_numpy(time_precision(at.tobytes(), length)).float()
        hidden = hidden.to(device)
        before = torch.cat([model.face_hidden(h) for h in hidden.split(16)])
        logits = torch.cat([model.face(torch.relu(b)) for b in before.split(16)])
        return Material(tuple(stretches), hidden, before, logits, valid.to(device), precision.to(device))

    @property
    def centre(self) -> Tensor:
        """Mean logit of each unit over all frames, [U]."""
        weight = self.valid[:, None].float()
        return (self.logits * weight).sum((0, 2)) / weight.sum()

    def part(self, rows: Tensor) -> Material:
        """Some of the stretches."""
        chosen = tuple(self.stretches[int(i)] for i in rows)
        rest = (self.hidden, self.before, self.logits, self.valid, self.time_precision)
        return Material(chosen, *(t[rows] for t in rest))


def distance(shift: Tensor, material: Material, unit_precision: Tensor) -> Tensor:
    """Half the squared Mahalanobis distance of two means a frame: their Kullback-Leibler divergence, since the spread is one. [S]."""
    along = torch.einsum("suf,sfg->sug", shift, material.time_precision)
    total = torch.einsum("sug,uv,svg->s", along, unit_precision, shift)
    return 0.5 * total / material.valid.sum(1)


class Lips:
    """Differentiable lip gap of faces, and what tuning must leave alone for the lips to stay in time with the sound."""

    def __init__(self, names: Sequence[str], row_of: np.ndarray, device: torch.device):
        """names: channels; row_of: the row of ``faces`` in which each of them is."""
        table = np.zeros((int(row_of.max()) + 1, 3), np.float32)
        for row, name in zip(row_of, names, strict=True):
            table[row] += np.array(PER_CHANNEL.get(name, (0.0, 0.0, 0.0)), np.float32)
        self.table = torch.from_numpy(table).to(device)
        self.rest = torch.tensor(REST, device=device)
        self.jaw = int(row_of[tuple(names).index("jawOpen")])

    def gap(self, faces: Tensor) -> Tensor:
        """[S, rows, F] -> [S, F] in eye-corner distances."""
        return torch.linalg.vector_norm(torch.einsum("suf,ud->sfd", faces, self.table) + self.rest, dim=-1)

    def losses(self, faces: Tensor, own: Tensor, valid: Tensor) -> Tensor:
        """How far the lips lost the sound: shape of the gap's curve, closures that opened or vowels that closed, touches that came or went,
        and more jitter than the untouched face ``own`` has. [S], about 1 where it begins to show."""
        weight = valid.float()
        gap, usual = self.gap(faces), self.gap(own)
        shape = 1 - _correlation(gap, usual, weight)
        frames = weight.sum(1)
        opened = (torch.relu(gap - torch.clamp(usual, min=0.8 * TOUCHING)) * (usual < TOUCHING) * weight).sum(1) / frames
        closed = (torch.relu(1.3 * TOUCHING - gap) * (usual > 1.5 * TOUCHING) * weight).sum(1) / frames
        unrest, before = (self._unrest(f[:, self.jaw], weight) for f in (faces, own))
        shaken = torch.relu(unrest / before - 1.0 + CALMER)
        moved = touches.moved(gap, usual, valid)
        return shape / 0.01 + (opened + closed) / 0.001 + moved / 0.03 + (shaken / 0.01).square()

    @staticmethod
    def _unrest(jaw: Tensor, weight: Tensor) -> Tensor:
        second = jaw[:, 2 * _STRIDE :] - 2 * jaw[:, _STRIDE:-_STRIDE] + jaw[:, : -2 * _STRIDE]
        w = weight[:, 2 * _STRIDE :]
        return (second.abs() * w).sum(1) / w.sum(1).clamp_min(1) + 1e-6


def _correlation(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Pearson r along the last axis under weights, [S]."""
    total = weight.sum(1, keepdim=True)
    a = (a - (a * weight).sum(1, keepdim=True) / total) * weight
    b = (b - (b * weight).sum(1, keepdim=True) / total) * weight
    return (a * b).sum(1) / ((a.square().sum(1) * b.square().sum(1)).sqrt() + 1e-6)
