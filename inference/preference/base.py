# SPDX-License-Identifier: GPL-3.0-or-later
"""What tuning asks of a model that can be tuned. ``speech_base`` and ``image_base`` answer it; the learners know nothing else of either.

A base's stretches, takes and adapters are its own; here they are only passed on. Every stretch has ``key``; every adapter is a frozen
dataclass with ``units``, ``FIXED`` (names of tensors that are not tuned), ``tensors``, ``life``, ``to``, ``detached`` and ``scaled``.
S: stretches, R: rows of a face (what the policy's density is over), F: frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...core.curves import Curves
from ...core.errors import UserError
from ...preference.votes import Vote
from .check import Figures
from .explore import Explored

Stretch = Any
Material = Any
Adapter = Any
# (stretch, its finished untouched mean take, how many, seed) -> takes about a tuned mean
Explorer = Callable[[Stretch, Curves, int, int], Explored]


class Base(Protocol):
    """name: as on an adapter's card; kinds: of takes that votes may be on; sha256: of the weights; units: what an adapter corrects;
    nothing_voted: a sentence for when there are no such votes."""

    name: str
    kinds: tuple[str, ...]
    sha256: str
    units: tuple[str, ...]
    nothing_voted: str

    # Votes.

    def known(self, folder: Path | str) -> Mapping[tuple, Stretch]:
        """The stretches kept in a folder, by key."""

    def spare(self) -> Sequence[Stretch]:
        """Others to tune on where few are known."""

    def load(self, path: Path) -> tuple[Curves, Curves]:
        """A take's curves file: (all channels, those that ``weights`` takes)."""

    def speaks(self, vote: Vote) -> bool:
        """Whether the policy covers what the vote is about."""

    def about(self, region: str) -> np.ndarray:
        """Which rows of a face a region has: 0 or 1, [R]; all where the policy covers but one half."""

    def weights(self, stretch: Stretch, takes: Sequence[tuple[Curves, str]]) -> np.ndarray:
        """S^-1 of the deviations from the mean take, of (what ``load`` gave, the region that is judged) each: float32 [K, F, R]."""

    # Tuning.

    def move(self, device: torch.device) -> None:
        """Compute there from now on."""

    def material(self, stretches: Sequence[Stretch], device: torch.device) -> Material:
        """One batch, with ``valid`` [S, F] and ``part(rows)``."""

    def none(self, material: Material, rank: int, seed: int) -> Adapter:
        """An adapter that changes nothing yet."""

    def means(self, adapter: Adapter | None, material: Material) -> tuple[Tensor, Tensor]:
        """The mean takes with an adapter, None for the model as it ships: [S, R, F] in 0..1 and in the open space. Differentiable."""

    def distance(self, shift: Tensor, material: Material) -> Tensor:
        """Divergence, a frame or so, of two policies whose means differ by ``shift`` [S, R, F] in the open space. [S]."""

    def losses(self, faces: Tensor, own: Tensor, material: Material) -> Tensor:
        """How far tuned means [S, R, F] lost what the untouched ones have and no taste may cost. [S], about 1 where it shows."""

    def usual(self, stretch: Stretch) -> Curves:
        """The mean take of the model as it ships, finished."""

    def explorer(self, adapter: Adapter) -> Explorer:
        """What draws takes about the mean with an adapter."""

    # Results.

    def open(self, path: Path | str) -> Adapter:
        """An adapter's file. Raises UserError where it is none for this model."""

    def figures(self, adapter: Adapter | None) -> Figures:
        """On the check clips, on the CPU."""

    def blend(self, a: Adapter, b: Adapter, share: float) -> Adapter:
        """(1 - share) of ``a`` and ``share`` of ``b``."""

    def compared(self, clips: Sequence[Path]) -> Sequence[Stretch]:
        """Files to compare mean takes on; the check clips without any."""

    def mean_face(self, stretch: Stretch, adapter: Adapter | None) -> Curves:
        """The mean take, unfinished where the product would finish it."""


def named(name: object, weights: object = None) -> Base:
    """The base of an adapter or a job. weights: its file, None for the shipped one. Raises UserError for a name that is none."""
    if name == "speech":
        from .speech_base import SpeechBase

        return SpeechBase.at(weights)
    if name == "image":
        from .image_base import ImageBase

        return ImageBase.at(weights)
    raise UserError(f"There is no model '{name!s:.40}' to tune.", "Use 'speech' or 'image'.")
