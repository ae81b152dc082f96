# SPDX-License-Identifier: GPL-3.0-or-later
"""The point network: a crop of a face to dense points, each with its uncertainty and whether it can be seen.

Three steps, each correcting the one before. A heat map for every point, read out as its mean position (integral regression: Sun, Xiao et
al. 2018), is coarse but follows the picture wherever the face goes. A finer feature map is sampled where each point was found and moves
it within its neighbourhood. A small fully connected layer, which sees all points at once, then pulls them to where a face can have them.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.paths import WEIGHTS
from ...rigs.arkit import ARKIT_52
from .. import weights_file
from .blocks import Residual, block, fused
from .describe import MOVEMENT_MIRROR, MOVEMENTS
from .points import MIRROR, POINTS

KIND: Final = "points"
VERSION: Final = "1"  # raise it when points or layers change their meaning
SHIPPED: Final = WEIGHTS / "points.safetensors"
APPEARANCE: Final = ARKIT_52
"""What the appearance features stand for: the coefficients as the picture's shading suggests them, before any geometry."""


@dataclass(frozen=True)
class PointsNetConfig:
    """size: side of the crop in px. widths: channels at 1/4, 1/8 and 1/16 of it; depths: residual convolutions at 1/8 and 1/16."""

    size: int = 112
    points: int = POINTS
    widths: tuple[int, ...] = (32, 64, 128)
    depths: tuple[int, ...] = (1, 3)
    holistic: int = 256
    appearance: int = len(APPEARANCE)
    movements: int = len(MOVEMENTS)


@dataclass(frozen=True)
class PointsOutput:
    """points [B, P, 2] in units of the crop (x right, y down, 0..1); log_sigma [B, P]: log of the Laplace scale of either coordinate, same
    unit; visible [B, P] logits; face [B] logit: the crop holds a face; appearance [B, 52] and movements [B, M] logits; stages: the points
    after each earlier step."""

    points: Tensor
    log_sigma: Tensor
    visible: Tensor
    face: Tensor
    appearance: Tensor
    movements: Tensor
    stages: tuple[Tensor, ...] = ()


_OTHER: Final = {"Left": "Right", "Right": "Left"}
_CHANNEL_MIRROR: Final = tuple(
    ARKIT_52.index(next((n.removesuffix(side) + other for side, other in _OTHER.items() if n.endswith(side)), n)) for n in ARKIT_52
)


def mirrored(out: PointsOutput) -> PointsOutput:
    """What the mirrored crops would have given, if the network were even-handed."""
    points = torch.stack([1 - out.points[..., 0], out.points[..., 1]], -1)[:, MIRROR]
    appearance, movements = out.appearance[:, list(_CHANNEL_MIRROR)], out.movements[:, list(MOVEMENT_MIRROR)]
    return PointsOutput(points, out.log_sigma[:, MIRROR], out.visible[:, MIRROR], out.face, appearance, movements)


def both_ways(model: PointsNet, crops: Tensor) -> PointsOutput:
    """The mean of what the network says of crops [B, 3, S, S] and of their mirror images: twice the work, a part of the error less, and a
    mirrored face gives exactly the mirrored answer."""
    there, back = model(crops), mirrored(model(crops.flip(-1)))
    names = ("points", "log_sigma", "visible", "face", "appearance", "movements")
    return PointsOutput(*(0.5 * (getattr(there, n) + getattr(back, n)) for n in names))


class PointsNet(nn.Module):
    """See the module's text. Input: crops uint8 or float 0..255, [B, 3, size, size]."""

    def __init__(self, config: PointsNetConfig = PointsNetConfig()) -> None:
        super().__init__()
        self.config = config
        w, points = config.widths, config.points
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), block(12, w[0], 2))
        self.middle = nn.Sequential(block(w[0], w[1], 2), *(Residual(w[1]) for _ in range(config.depths[0])))
        self.deep = nn.Sequential(block(w[1], w[2], 2), *(Residual(w[2]) for _ in range(config.depths[1])))
        self.deep_to_middle, self.middle_to_fine = nn.Conv2d(w[2], w[1], 1), nn.Conv2d(w[1], w[0], 1)
        self.coarse = Residual(w[1])
        self.heat = nn.Conv2d(w[1], points, 1)
        self.fine = Residual(w[0])
        near = w[0] + w[1]
        self.local = nn.Parameter(torch.randn(points, near, 4) * 0.01)  # offset x, y, log sigma, visible of each point
        self.local_bias = nn.Parameter(torch.zeros(points, 4))
        pooled = 2 * w[2]
        self.holistic = nn.Sequential(nn.Linear(4 * points + pooled, config.holistic), nn.ReLU(), nn.Linear(config.holistic, 4 * points))
        nn.init.normal_(self.holistic[2].weight, std=1e-3)
        self.face = nn.Sequential(nn.Linear(pooled, 32), nn.ReLU(), nn.Linear(32, 1))
        self.shading = nn.Sequential(nn.Linear(4 * points + pooled, 192), nn.ReLU())
        self.appearance = nn.Linear(192, config.appearance)
        self.movements = nn.Linear(192, config.movements)
        cells = config.size // 8
        at = (torch.arange(cells) + 0.5) / cells
        grid = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1).reshape(-1, 2)
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, crops: Tensor) -> PointsOutput:
        x = (crops.float() - 127.5) / 64
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.bfloat16)
        x = x.contiguous(memory_format=torch.channels_last)
        fine = self.stem(x)
        mid = self.middle(fine)
        deep = self.deep(mid)
        mid = self.coarse(F.relu(mid + F.interpolate(self.deep_to_middle(deep), scale_factor=2, mode="bilinear")))
        heat = self.heat(mid).flatten(2).float()
        coarse = heat.softmax(-1) @ self.grid
        fine = self.fine(F.relu(fine + F.interpolate(self.middle_to_fine(mid), scale_factor=2, mode="bilinear")))
        at = (2 * coarse - 1).unsqueeze(2)
        near = torch.cat([_sample(fine, at), _sample(mid, at)], 1).permute(0, 2, 1)  # [B, P, C]
        said = torch.einsum("bpc,pco->bpo", near, self.local) + self.local_bias
        found = coarse + 0.05 * said[..., :2]
        pooled = torch.cat([deep.float().mean((2, 3)), deep.float().amax((2, 3))], 1)
        centre = found.mean(1, keepdim=True)
        seen = torch.cat([(4 * (found - centre)).flatten(1), said[..., 2:].flatten(1), pooled], 1)
        with torch.autocast("cpu", enabled=False):
            more = self.holistic(seen).unflatten(1, (self.config.points, 4))
            points = found + 0.05 * more[..., :2]
            shading = self.shading(seen)
            return PointsOutput(
                points, said[..., 2] + more[..., 2] - 4.5, said[..., 3] + more[..., 3], self.face(pooled)[:, 0], self.appearance(shading),
                self.movements(shading), (coarse, found),
            )  # fmt: skip


def _sample(features: Tensor, at: Tensor) -> Tensor:
    """[B, C, P] of features [B, C, h, w] at [B, P, 1, 2] in -1..1."""
    return F.grid_sample(features.float(), at, mode="bilinear", padding_mode="border", align_corners=False)[..., 0]


def load(path: Path | str = SHIPPED) -> PointsNet:
    """The network in a weights file, ready for use (``blocks.fused``). Raises UserError as ``weights_file.load``."""
    return fused(weights_file.load(path, KIND, VERSION, PointsNet, PointsNetConfig, "point network"))


def save(model: PointsNet, path: Path | str, told: dict[str, str] | None = None) -> str:
    """Write the network in float16 with its config and metadata ``told``. Returns the sha256."""
    return weights_file.save(model, path, KIND, VERSION, told)
