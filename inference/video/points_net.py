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
from ...rigs.arkit import ARKIT_52, ARKIT_MIRROR
from .. import weights_file
from . import geometry
from .blocks import Residual, block, fused
from .describe import MOVEMENT_MIRROR, MOVEMENTS
from .points import MIRROR, POINTS

KIND: Final = "points"
VERSION: Final = "2"  # raise it when points or layers change their meaning
SHIPPED: Final = WEIGHTS / "points.safetensors"
APPEARANCE: Final = ARKIT_52
"""What the appearance features stand for: the coefficients as the picture's shading suggests them, before any geometry."""


@dataclass(frozen=True)
class PointsNetConfig:
    """size: side of the crop in px. widths: channels at 1/2, 1/4, 1/8 and 1/16 of it; depths: residual convolutions at the last three.
    read: numbers that a point reads at its place in a step of refinement; holistic, shading: sizes of the fully connected layers."""

    size: int = 112
    points: int = POINTS
    widths: tuple[int, ...] = (16, 48, 96, 160)
    depths: tuple[int, ...] = (1, 1, 2)
    read: int = 8
    holistic: int = 256
    shading: int = 128
    appearance: int = len(APPEARANCE)
    movements: int = len(MOVEMENTS)


@dataclass(frozen=True)
class PointsOutput:
    """points [B, P, 2] in units of the crop (x right, y down, 0..1); log_sigma [B, P]: log of the Laplace scale of either coordinate, same
    unit; visible [B, P] logits; face [B] logit: the crop holds a face; appearance [B, 52] and movements [B, M] logits, the latter only
    to shape the features in training; stages: the points after each earlier step."""

    points: Tensor
    log_sigma: Tensor
    visible: Tensor
    face: Tensor
    appearance: Tensor
    movements: Tensor
    stages: tuple[Tensor, ...] = ()


_STILL: Final = (*range(27, 36), 36, 39, 42, 45)  # nose and eye corners: expressions hardly move them
_MOVED: Final = 8.0  # an expression moves points by some tenths of an eye distance
_REACH: Final = 0.05  # of the crop: how far a step of refinement moves a point for a reading of 1


def mirrored(out: PointsOutput) -> PointsOutput:
    """What the mirrored crops would have given, if the network were even-handed."""
    points = torch.stack([1 - out.points[..., 0], out.points[..., 1]], -1)[:, MIRROR]
    appearance, movements = out.appearance[:, list(ARKIT_MIRROR)], out.movements[:, list(MOVEMENT_MIRROR)]
    return PointsOutput(points, out.log_sigma[:, MIRROR], out.visible[:, MIRROR], out.face, appearance, movements)


def both_ways(model: PointsNet, crops: Tensor) -> PointsOutput:
    """The mean of what the network says of crops [B, 3, S, S] and of their mirror images: twice the work, a part of the error less, and a
    mirrored face gives exactly the mirrored answer."""
    there, back = model(crops), mirrored(model(crops.flip(-1)))
    names = ("points", "log_sigma", "visible", "face", "appearance", "movements")
    return PointsOutput(*(0.5 * (getattr(there, n) + getattr(back, n)) for n in names))


class Refinement(nn.Module):
    """Moves points by what the feature maps hold where they are: each point reads a few numbers with weights of its own, corrects itself by
    them, and a layer that sees what all points read pulls them to where a face can have them.

    near: channels that are read at a point; pooled: channels that tell of the whole crop.
    """

    def __init__(self, points: int, near: int, pooled: int, read: int, holistic: int) -> None:
        super().__init__()
        self.points = points
        self.local = nn.Parameter(torch.randn(points, near, read) * 0.1 * near**-0.5)
        self.local_bias = nn.Parameter(torch.zeros(points, read))
        self.holistic = nn.Sequential(nn.Linear((read + 2) * points + pooled, holistic), nn.ReLU(), nn.Linear(holistic, 4 * points))
        nn.init.normal_(self.holistic[2].weight, std=1e-3)

    def forward(self, at: Tensor, maps: tuple[Tensor, ...], pooled: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Points [B, P, 2], what they said of themselves [B, P, read] and the change [B, P, 4]: offset x, y, log sigma, visible."""
        grid = (2 * at - 1).unsqueeze(2)
        near = torch.cat([_sample(features, grid) for features in maps], 1)  # [B, C, P]
        # A product for each point; in order in memory, as batched products are slow otherwise.
        said = torch.bmm(near.permute(2, 0, 1).contiguous(), self.local).transpose(0, 1) + self.local_bias
        moved = at + _REACH * said[..., :2]
        placed = 4 * (moved - moved.mean(1, keepdim=True))
        more = self.holistic(torch.cat([placed.flatten(1), said.flatten(1), pooled], 1)).unflatten(1, (self.points, 4))
        return moved + _REACH * more[..., :2], said, said[..., :4] + more


class PointsNet(nn.Module):
    """See the module's text. Input: crops uint8 or float 0..255, [B, 3, size, size]."""

    def __init__(self, config: PointsNetConfig = PointsNetConfig()) -> None:
        super().__init__()
        self.config = config
        w, points = config.widths, config.points
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), block(12, w[0]), block(w[0], w[1], 2))
        self.middle = nn.Sequential(block(w[1], w[2], 2), *(Residual(w[2]) for _ in range(config.depths[1])))
        self.deep = nn.Sequential(block(w[2], w[3], 2), *(Residual(w[3]) for _ in range(config.depths[2])))
        self.deep_to_middle, self.middle_to_fine = nn.Conv2d(w[3], w[2], 1), nn.Conv2d(w[2], w[1], 1)
        self.coarse = Residual(w[2])
        self.heat = nn.Conv2d(w[2], points, 1)
        self.fine = nn.Sequential(*(Residual(w[1]) for _ in range(config.depths[0])))
        pooled = 2 * w[3]
        self.first = Refinement(points, w[1] + w[2], pooled, config.read, config.holistic)
        self.second = Refinement(points, w[1], pooled, config.read, config.holistic)
        self.face = nn.Sequential(nn.Linear(pooled, 32), nn.ReLU(), nn.Linear(32, 1))
        wide, narrow = 2 * config.shading, config.shading
        self.shading = nn.Sequential(
            nn.Linear((2 + config.read) * points + pooled, wide), nn.SiLU(), nn.Linear(wide, narrow), nn.SiLU()
        )
        self.appearance = nn.Linear(config.shading, config.appearance)
        self.movements = nn.Linear(config.shading, config.movements)
        cells = config.size // 8
        at = (torch.arange(cells) + 0.5) / cells
        grid = torch.stack(torch.meshgrid(at, at, indexing="xy"), -1).reshape(-1, 2)
        self.register_buffer("grid", grid, persistent=False)
        self.register_buffer("average", _average_face(points), persistent=False)

    def forward(self, crops: Tensor) -> PointsOutput:
        x = (crops.float() - 127.5) / 64
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.bfloat16)
        x = x.contiguous(memory_format=torch.channels_last)
        fine = self.stem(x)
        mid = self.middle(fine)
        deep = self.deep(mid)
        mid = self.coarse(F.relu(mid + F.interpolate(self.deep_to_middle(deep), scale_factor=2, mode="bilinear")))
        fine = self.fine(F.relu(fine + F.interpolate(self.middle_to_fine(mid), scale_factor=2, mode="bilinear")))
        heat = self.heat(mid).permute(0, 2, 3, 1).flatten(1, 2).float()  # [B, cells, P], as it lies in memory
        pooled = torch.cat([deep.float().mean((2, 3)), deep.float().amax((2, 3))], 1)
        with torch.autocast("cpu", enabled=False):
            coarse = (self.grid.T @ heat.softmax(1)).transpose(1, 2)
            found, _, told = self.first(coarse, (fine, mid), pooled)
            points, said, more = self.second(found, (fine,), pooled)
            told = told + more
            moved = _MOVED * (upright(points, self.average) - self.average)
            shading = self.shading(torch.cat([moved.flatten(1), said.flatten(1), pooled], 1))
            return PointsOutput(
                points, told[..., 2] - 4.5, told[..., 3], self.face(pooled)[:, 0], self.appearance(shading), self.movements(shading),
                (coarse, found),
            )  # fmt: skip


def upright(points: Tensor, average: Tensor) -> Tensor:
    """Points [B, P, 2] turned, scaled and shifted so that those that expressions hardly move lie on the ``average`` face's [P, 2]."""
    still = list(_STILL)
    there = average[still] - average[still].mean(0)
    middle = points[:, still].mean(1, keepdim=True)
    here = points - middle
    # A similarity is a multiplication of complex numbers: its least-squares factor from here to there.
    x, y = here[:, still].unbind(-1)
    u, v = there.unbind(-1)
    size = (x * x + y * y).sum(1).clamp_min(1e-6)
    real, turn = ((x * u + y * v).sum(1) / size)[:, None], ((x * v - y * u).sum(1) / size)[:, None]
    x, y = here.unbind(-1)
    return torch.stack([real * x - turn * y, turn * x + real * y], -1) + average[still].mean(0)


def _average_face(points: int) -> Tensor:
    """Where an average face's points lie from the front, [P, 2], y down, in eye-corner distances."""
    neutral = torch.from_numpy(geometry.load().neutral[:points, :2]) * torch.tensor([1.0, -1.0])
    return (neutral - neutral.mean(0)) / (neutral[45] - neutral[36]).norm()


def _sample(features: Tensor, at: Tensor) -> Tensor:
    """[B, C, P] of features [B, C, h, w] at [B, P, 1, 2] in -1..1."""
    return F.grid_sample(features.float(), at, mode="bilinear", padding_mode="border", align_corners=False)[..., 0]


def load(path: Path | str = SHIPPED) -> PointsNet:
    """The network in a weights file, ready for use (``blocks.fused``). Raises UserError as ``weights_file.load``."""
    return fused(weights_file.load(path, KIND, VERSION, PointsNet, PointsNetConfig, "point network"))


def save(model: PointsNet, path: Path | str, told: dict[str, str] | None = None) -> str:
    """Write the network in float16 with its config and metadata ``told``. Returns the sha256."""
    return weights_file.save(model, path, KIND, VERSION, told)
