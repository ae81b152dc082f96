# SPDX-License-Identifier: GPL-3.0-or-later
"""The image model as tuning sees it: coefficients of what was filmed, their policy, rendered check clips."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...core.content import sha256_of
from ...core.curves import Curves
from ...core.errors import UserError
from ...preference.votes import Vote
from ...rigs.arkit import ARKIT_52
from .. import curves_file
from ..video import coefficients
from . import adapter_file, features, image_adapter, image_check, image_policy, seen
from .base import Explorer
from .explore import Explored
from .image_adapter import ImageAdapter
from .image_policy import Anchor, ImageMaterial
from .seen import Seen

# Seconds of a check clip that are tuned on where little else was seen.
_SPARE = 3.0


class ImageBase:
    """See ``base.Base``. Rows of a face are the channels that an adapter corrects."""

    name = "image"
    kinds = ("video", "image")
    nothing_voted = "There are no votes on videos or pictures to learn from."

    def __init__(self, weights: Path = coefficients.SHIPPED):
        self.weights_file = Path(weights)
        coefficients.load(self.weights_file)  # what cannot be used is said before the work
        self.sha256 = sha256_of(self.weights_file)
        self.units = image_adapter.UNITS

    @staticmethod
    def at(weights: object) -> ImageBase:
        """The base of a weights file, None for the shipped one."""
        return ImageBase(Path(str(weights or coefficients.SHIPPED)))

    def known(self, folder: Path | str) -> Mapping[tuple, Seen]:
        return seen.load_all(folder, self.sha256)

    def spare(self) -> list[Seen]:
        found = []
        for clip in image_check.clips(self.weights_file):
            rows = clip.times <= clip.times[0] + _SPARE
            parts = {n: getattr(clip, n)[rows] for n in ("times", "hidden", "arkit", "calm", "sigma")}
            found.append(Seen(clip.clip, clip.model, clip.start, float(parts["times"][-1]), **parts))
        return found

    def load(self, path: Path) -> tuple[Curves, Curves]:
        """The second is the take in the open space before anything was held or cut off; the finished one where the file has no other."""
        curves = curves_file.load(path).select(ARKIT_52)
        try:
            with np.load(path, allow_pickle=False) as data:
                if "opened" in data.files:
                    return curves, Curves(image_adapter.CHANNELS, curves.times, data["opened"])
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, UserError):
            pass
        return curves, Curves(image_adapter.CHANNELS, curves.times, image_adapter.open_columns(curves.values).T.numpy())

    def speaks(self, vote: Vote) -> bool:
        """The policy is the whole face's; a vote about a half speaks of that half (``weights``)."""
        return True

    def about(self, region: str) -> np.ndarray:
        return image_policy.in_region(region).astype(np.float32)

    def weights(self, stretch: Seen, takes: Sequence[tuple[Curves, str]]) -> np.ndarray:
        found, own = [], image_adapter.open_columns(stretch.arkit).T.numpy()
        for take, region in takes:
            opened = take.values if np.array_equal(take.times, stretch.times) else take.resample(stretch.times).values
            found.append(image_policy.whitened(stretch, opened - own, region))
        return np.array(found, np.float32)

    def move(self, device: torch.device) -> None:
        """Nothing of the network itself takes part."""

    def material(self, stretches: Sequence[Seen], device: torch.device) -> ImageMaterial:
        self._anchor = Anchor(device)
        self._precision = torch.from_numpy(image_policy.PRECISION).float().to(device)
        return ImageMaterial.of(stretches, device)

    def none(self, material: ImageMaterial, rank: int, seed: int) -> ImageAdapter:
        return ImageAdapter.none(material.hidden.shape[1], rank, seed)

    def means(self, adapter: ImageAdapter | None, material: ImageMaterial) -> tuple[Tensor, Tensor]:
        opened = material.opened
        if adapter is not None:
            adapter = adapter.to(opened.device)
            opened = adapter.moved(opened, material.calm, adapter.down @ material.hidden)
        return image_policy.close_down(opened), opened

    def distance(self, shift: Tensor, material: ImageMaterial) -> Tensor:
        return image_policy.distance(shift, material, self._precision)

    def losses(self, faces: Tensor, own: Tensor, material: ImageMaterial) -> Tensor:
        return self._anchor.losses(faces.clamp(0, 1), own.clamp(0, 1), material.valid)

    def usual(self, stretch: Seen) -> Curves:
        return self.mean_face(stretch, None)

    def explorer(self, adapter: ImageAdapter) -> Explorer:
        def explore(stretch: Seen, usual: Curves, count: int, seed: int) -> Explored:
            generator = np.random.default_rng(seed)
            mean = image_policy.mean_take(stretch, adapter)
            opened, shown = image_adapter.open_columns(mean).T.numpy(), 1 - image_policy.held(stretch)
            weights, rows = [], []
            for _ in range(count):
                deviation = image_policy.draw(stretch, generator)
                take = image_adapter.closed(mean, opened + shown * deviation)
                weights.append(image_policy.whitened(stretch, deviation))
                rows.append(features.describe(Curves(ARKIT_52, stretch.times, take), usual))
            return Explored(np.array(weights, np.float32), np.zeros((count, 0), np.float32), np.array(rows))

        return explore

    def open(self, path: Path | str) -> ImageAdapter:
        return adapter_file.load_image(path, self.sha256)

    def figures(self, adapter: ImageAdapter | None) -> image_check.FaceFigures:
        return image_check.figures(adapter, self.weights_file)

    def blend(self, a: ImageAdapter, b: ImageAdapter, share: float) -> ImageAdapter:
        return image_adapter.blend(a, b, share)

    def compared(self, clips: Sequence[Path]) -> Sequence[Seen]:
        if not clips:
            return image_check.clips(self.weights_file)
        from . import video_takes

        return [video_takes.look(Path(c), self.weights_file).whole(self.sha256) for c in clips]

    def mean_face(self, stretch: Seen, adapter: ImageAdapter | None) -> Curves:
        return Curves(ARKIT_52, stretch.times, image_policy.mean_take(stretch, adapter))
