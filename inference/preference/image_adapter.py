# SPDX-License-Identifier: GPL-3.0-or-later
"""A taste as a small correction of what the image model says of a face; the model's own weights are never touched.

It works on finished coefficients v in the open space z of ``speech.variation``, in which 0..1 has no walls. There it adds

- three numbers a unit (both sides of a face are one unit): an offset, a gain about rest, and how far each frame follows the average of
  its neighbours in time, o + g (z - z_rest) + m (z_average - z);
- a low-rank part of what the network's last layer sees, A B h (Hu et al. 2021, "LoRA"), by which the correction depends on the face.

All of it is linear in z and h, so what tuning sees is what the product does, and a strength is a factor. Gaze is measured on the irises
and is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Final

import numpy as np
import torch
from torch import Tensor

from ...core.errors import UserError
from ...rigs.arkit import ARKIT_52
from ..speech import variation
from ..video.coefficients import legal
from ..video.track import FaceTrack
from . import seen

RANK: Final = 4  # as the speech model's adapter: 200 votes carry no more
CHANNELS: Final = tuple(n for n in ARKIT_52 if not n.startswith("eyeLook"))
"""What an adapter corrects."""
_SIDEWAYS: Final = {"jawLeft": "jawSideways", "jawRight": "jawSideways", "mouthLeft": "mouthSideways", "mouthRight": "mouthSideways"}


def unit_of(name: str) -> str:
    """A channel without its side."""
    return _SIDEWAYS.get(name, name.removesuffix("Left").removesuffix("Right"))


UNITS: Final = tuple(dict.fromkeys(unit_of(n) for n in CHANNELS))
OF_CHANNEL: Final = np.array([UNITS.index(unit_of(n)) for n in CHANNELS])
COLUMNS: Final = np.array([ARKIT_52.index(n) for n in CHANNELS])
REST: Final = float(variation.open_up(0.0))  # z of a face at rest


@dataclass(frozen=True)
class ImageAdapter:
    """Float32 tensors for U units, H features and rank R: offset, gain, smooth [U]; down [R, H], up [U, R]. All but down zero is no change
    at all."""

    FIXED: ClassVar[tuple[str, ...]] = ()

    units: tuple[str, ...]
    offset: Tensor
    gain: Tensor
    smooth: Tensor
    down: Tensor
    up: Tensor

    @staticmethod
    def none(width: int, rank: int = RANK, seed: int = 0) -> ImageAdapter:
        """An adapter that changes nothing yet. width: of the network's features. ``down`` is drawn from ``seed``, since two zero factors
        would never move."""
        generator = torch.Generator().manual_seed(seed)
        zero = torch.zeros(len(UNITS))
        down = torch.randn(rank, width, generator=generator) / math.sqrt(width)
        return ImageAdapter(UNITS, zero, zero, zero, down, torch.zeros(len(UNITS), rank))

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "units"}

    @property
    def life(self) -> Tensor:
        """Habits of added life; a filmed face has its own. [0]."""
        return self.offset[:0]

    def moved(self, opened: Tensor, calm: Tensor, low: Tensor) -> Tensor:
        """Coefficients in the open space with the adapter, [..., C, T] as ``opened``; calm: their average over time; low: B h, [..., R, T].
        Differentiable."""
        of = torch.from_numpy(OF_CHANNEL).to(opened.device)
        offset, gain, smooth = (v[of][:, None] for v in (self.offset, self.gain, self.smooth))
        return opened + offset + gain * (opened - REST) + smooth * (calm - opened) + (self.up @ low)[..., of, :]

    def to(self, device: torch.device) -> ImageAdapter:
        """The same numbers on a device."""
        return replace(self, **{n: t.to(device) for n, t in self.tensors().items()})

    def detached(self) -> ImageAdapter:
        """The same numbers as they stand, on the CPU."""
        return replace(self, **{n: t.detach().cpu().clone() for n, t in self.tensors().items()})

    def scaled(self, strength: float) -> ImageAdapter:
        """The adapter whose strength 1 is this one's ``strength``."""
        return replace(self, **{n: strength * t for n, t in self.tensors().items() if n != "down"})

    @torch.no_grad()
    def values(self, arkit: np.ndarray, calm: np.ndarray, low: np.ndarray) -> np.ndarray:
        """The mean take with the adapter. arkit, calm: [T, 52] coefficients; low: [T, R]. Float32 [T, 52], legal."""
        opened, averaged = (open_columns(v) for v in (arkit, calm))
        moved = self.moved(opened, averaged, torch.from_numpy(np.ascontiguousarray(low.T, np.float32)))
        return closed(arkit, moved.T.numpy())


def open_columns(arkit: np.ndarray) -> Tensor:
    """The channels that an adapter corrects in the open space: [T, 52] -> float32 [C, T]."""
    return torch.from_numpy(np.ascontiguousarray(variation.open_up(np.asarray(arkit)[:, COLUMNS]).T, np.float32))


def closed(arkit: np.ndarray, opened: np.ndarray) -> np.ndarray:
    """``arkit`` [T, 52] with the corrected channels from the open space [T, C], within 0..1 and mouthClose not above jawOpen. Float32."""
    out = np.array(arkit, np.float32)
    out[:, COLUMNS] = variation.close_down(opened)
    return legal(torch.from_numpy(out)).numpy()


class Applied:
    """An adapter at a strength (0..1), for ``coefficients.solve``."""

    def __init__(self, adapter: ImageAdapter, strength: float = 1.0):
        self._adapter = adapter.scaled(strength)

    def heed(self, hidden: Tensor) -> Tensor:
        if hidden.shape[1] != self._adapter.down.shape[1]:
            raise UserError("The adapter was made for an image model of another shape.", "Tune it again on this one.")
        return hidden @ self._adapter.down.T

    def applied(self, track: FaceTrack, rows: np.ndarray, heeded: Tensor, cuts: Sequence[float]) -> FaceTrack:
        low = seen.spread_over(track, rows, seen.averaged(track.times[rows], heeded.numpy(), cuts))
        arkit = np.where(track.valid[:, None], self._adapter.values(track.arkit, calmed(track, cuts), low), track.arkit)
        return replace(track, arkit=arkit.astype(np.float32))


def calmed(track: FaceTrack, cuts: Sequence[float] = ()) -> np.ndarray:
    """A track's coefficients averaged over time in the open space, float32 [T, 52]; rows without a face take no part."""
    rows = np.flatnonzero(track.valid)
    out = np.array(track.arkit, np.float32)
    out[rows] = variation.close_down(seen.averaged(track.times[rows], variation.open_up(track.arkit[rows]), cuts))
    return out


def blend(a: ImageAdapter, b: ImageAdapter, share: float) -> ImageAdapter:
    """(1 - share) of ``a`` and ``share`` of ``b``, exactly: ranks add up. share: 0..1."""
    if a.units != b.units or a.down.shape[1] != b.down.shape[1]:
        raise UserError("The two adapters belong to networks of different shapes and cannot be blended.", "Choose two for the same model.")
    mixed = {n: (1 - share) * getattr(a, n) + share * getattr(b, n) for n in ("offset", "gain", "smooth")}
    return ImageAdapter(a.units, **mixed, down=torch.cat([a.down, b.down]), up=torch.cat([(1 - share) * a.up, share * b.up], 1))
