# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech model as tuning sees it: its face head on what was heard, its policy, its check clips."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...core.curves import Curves
from ...core.errors import UserError
from ...preference.votes import Vote
from .. import curves_file
from ..speech import job as speech_job
from ..speech import variation, weights_file
from ..speech.generate import SpeechEngine
from ..speech.life import USUAL
from . import adapter_file, check, explore, features, policy, stretches
from .adapter import Adapter, blend
from .base import Explorer
from .policy import Lips, Material, Spread, open_up
from .stretches import Stretch

# Seconds of a check clip that are tuned on where no voted sound is known: as long as a ranked stretch.
_SPARE: Final = 4.0
# Check clips that are tuned on where few sounds were heard: the others stay a fresh measure.
_SPARES: Final = 8


class SpeechBase:
    """See ``base.Base``. Rows of a face are the model's units."""

    name = "speech"
    kinds = ("speech",)
    nothing_voted = "There are no votes on speech to learn from."

    def __init__(self, engine: SpeechEngine):
        self.engine, self.model = engine, engine.model
        self.sha256 = weights_file.sha256(engine.weights)
        self.units = self.model.config.face_units

    @staticmethod
    def at(weights: object) -> SpeechBase:
        """The warm engine of a weights file, None for the shipped one."""
        return SpeechBase(speech_job._warm_engine(Path(str(weights or weights_file.SHIPPED))))

    @cached_property
    def spread(self) -> Spread:
        return Spread.of(self.model)

    def known(self, folder: Path | str) -> Mapping[tuple, Stretch]:
        return stretches.load_all(folder, self.sha256)

    def spare(self) -> list[Stretch]:
        return [_shortened(c) for c in check.clips(self.engine.weights)[:_SPARES]]

    def load(self, path: Path) -> tuple[Curves, Curves]:
        """The second is the mouth before events; the finished mouth where the file holds no other."""
        curves = curves_file.load(path)
        try:
            with np.load(path, allow_pickle=False) as data:
                if "mouth" in data.files:
                    return curves, Curves(tuple(map(str, data["mouth_names"])), curves.times, data["mouth"])
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, UserError):
            pass
        return curves, curves.select([n for n in features.FACE if n in curves.names])

    def speaks(self, vote: Vote) -> bool:
        """The policy is the mouth's; the upper face is added life."""
        return vote.region != "upper" and vote.axis != "life"

    def about(self, region: str) -> np.ndarray:
        return np.ones(len(self.units), np.float32)

    @torch.no_grad()
    def weights(self, stretch: Stretch, takes: Sequence[tuple[Curves, str]]) -> np.ndarray:
        found, frames = [], stretch.hidden.shape[1]
        mean = explore.mean_mouth(stretch, self.model)
        for take, _region in takes:
            mouth = take.select(self.spread.known)
            own = mean.select(self.spread.known).resample(mouth.times)
            deviation = variation.open_up(np.clip(mouth.values, 0, 1)) - variation.open_up(own.values)
            white = self.spread.whitened(mouth.times - mouth.times[0], deviation, len(self.units))
            found.append(policy.to_frames(white, mouth.times, stretch.first, frames))
        return np.array(found, np.float32)

    def move(self, device: torch.device) -> None:
        self.model.to(device)

    def material(self, stretches: Sequence[Stretch], device: torch.device) -> Material:
        self._lips = Lips(self.model.config.face_names, self.model.unit_of_channel.cpu().numpy(), device)
        self._precision = torch.from_numpy(self.spread.unit_precision).float().to(device)
        return Material.of(stretches, self.model, self.spread.length, device)

    def none(self, material: Material, rank: int, seed: int) -> Adapter:
        return Adapter.none(self.model, material.centre.cpu(), rank, seed)

    def means(self, adapter: Adapter | None, material: Material) -> tuple[Tensor, Tensor]:
        logits = material.logits
        if adapter is not None:
            logits = adapter.to(logits.device).head(material.hidden, material.before, logits, self.model.face)
        faces = torch.sigmoid(logits)
        return faces, open_up(faces)

    def distance(self, shift: Tensor, material: Material) -> Tensor:
        return policy.distance(shift, material, self._precision)

    def losses(self, faces: Tensor, own: Tensor, material: Material) -> Tensor:
        return self._lips.losses(faces, own, material.valid)

    def usual(self, stretch: Stretch) -> Curves:
        return explore.finished(stretch, explore.mean_mouth(stretch, self.model), 0, USUAL)

    def explorer(self, adapter: Adapter) -> Explorer:
        network = adapter.applied(self.model)
        return lambda stretch, usual, count, seed: explore.explore(stretch, network, adapter, usual, self.spread, count, seed)

    def open(self, path: Path | str) -> Adapter:
        return adapter_file.load(path, self.sha256)

    def figures(self, adapter: Adapter | None) -> check.Figures:
        return check.figures(self._network(adapter), self.engine.weights)

    def blend(self, a: Adapter, b: Adapter, share: float) -> Adapter:
        return blend(a, b, share)

    def compared(self, clips: Sequence[Path]) -> Sequence[Stretch]:
        return [_hear(Path(c), self.engine) for c in clips] or check.clips(self.engine.weights)

    def mean_face(self, stretch: Stretch, adapter: Adapter | None) -> Curves:
        return explore.mean_mouth(stretch, self._network(adapter))

    def _network(self, adapter: Adapter | None):
        return self.model if adapter is None else adapter.applied(self.model)


def _shortened(stretch: Stretch) -> Stretch:
    """The first seconds of a stretch."""
    if stretch.seconds <= _SPARE:
        return stretch
    return stretches.cut(stretch.hidden, stretch.level, stretch.track, stretch.clip, stretch.model, 0.0, _SPARE)


def _hear(path: Path, engine: SpeechEngine) -> Stretch:
    from ..speech.generate import SpeechOptions
    from . import takes

    listened = takes._listen(path, engine, SpeechOptions(device="cpu"), lambda fraction, stage: None)
    heard = listened.heard
    hidden = listened.hidden.astype(np.float32)
    return stretches.cut(hidden, heard.frames.level, heard.track, listened.key[0], listened.key[-1], 0.0, heard.duration)
