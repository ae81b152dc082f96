# SPDX-License-Identifier: GPL-3.0-or-later
"""The face finder: a whole picture, shrunk to 128 px, to the faces in it, each with its square, roll and score.

A heat map says where centres of faces are (as CenterNet, Zhou et al. 2019), and beside each centre stand the square's side and the roll. It
is a twentieth of the point network's work and runs only where no earlier frame tells where to look.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.paths import WEIGHTS
from .. import weights_file
from .blocks import Residual, block, fused

KIND: Final = "finder"
VERSION: Final = "1"  # raise it when layers or outputs change their meaning
SHIPPED: Final = WEIGHTS / "finder.safetensors"
THRESHOLD: Final = 0.5  # score from which on there is a face
STRIDE: Final = 4
_LEAST: Final = 0.04  # side over the picture's: smaller than any face that was trained on
_APART: Final = 0.35  # centres closer than this, in sides of the larger square, are one face


@dataclass(frozen=True)
class FinderConfig:
    """size: side of the input in px. widths: channels at 1/4, 1/8 and 1/16 of it; depths: residual convolutions there."""

    size: int = 128
    widths: tuple[int, ...] = (24, 48, 96)
    depths: tuple[int, ...] = (1, 2, 2)


@dataclass(frozen=True)
class Face:
    """box: x, y, width, height in px, the upright square that holds the face (turn it by roll about its middle for the point network's
    crop); roll: radians, + clockwise in the picture, which is towards the subject's left; score: 0..1."""

    box: tuple[float, float, float, float]
    roll: float
    score: float


class Finder(nn.Module):
    """Input: letterboxed pictures uint8 or float 0..255, [B, 3, size, size].

    Output [B, 6, size / 4, size / 4]: heat (logit), offset x, y of the centre from the cell's middle in cells, log of the side over the
    input's, and sine and cosine of the roll (not normalised).
    """

    def __init__(self, config: FinderConfig = FinderConfig()) -> None:
        super().__init__()
        self.config = config
        w, depth = config.widths, config.depths
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), block(12, w[0], 2), *(Residual(w[0]) for _ in range(depth[0])))
        self.middle = nn.Sequential(block(w[0], w[1], 2), *(Residual(w[1]) for _ in range(depth[1])))
        self.deep = nn.Sequential(block(w[1], w[2], 2), *(Residual(w[2]) for _ in range(depth[2])))
        self.deep_to_middle, self.middle_to_fine = nn.Conv2d(w[2], w[1], 1), nn.Conv2d(w[1], w[0], 1)
        self.joined = Residual(w[1])
        self.fine = Residual(w[0])
        self.out = nn.Conv2d(w[0], 6, 1)
        nn.init.constant_(self.out.bias, 0.0)
        with torch.no_grad():
            self.out.bias[0] = -4.0  # hardly any cell is a centre
            self.out.bias[3] = -1.0

    def forward(self, pictures: Tensor) -> Tensor:
        x = (pictures.float() - 127.5) / 64
        if torch.is_autocast_enabled("cpu"):
            x = x.to(torch.bfloat16)
        fine = self.stem(x.contiguous(memory_format=torch.channels_last))
        mid = self.middle(fine)
        deep = self.deep(mid)
        mid = self.joined(F.relu(mid + F.interpolate(self.deep_to_middle(deep), scale_factor=2, mode="bilinear")))
        fine = self.fine(F.relu(fine + F.interpolate(self.middle_to_fine(mid), scale_factor=2, mode="bilinear")))
        return self.out(fine).float()

    @torch.inference_mode()
    def find(self, rgb: np.ndarray, threshold: float = THRESHOLD) -> list[Face]:
        """Faces of a picture uint8 [H, W, 3], the largest first."""
        device = self.out.weight.device
        small, scale, left, top = letterbox(rgb, self.config.size)
        out = self(torch.from_numpy(small).to(device).permute(2, 0, 1)[None])[0].cpu()
        return [
            Face(((x - left - side / 2) / scale, (y - top - side / 2) / scale, side / scale, side / scale), roll, score)
            for x, y, side, roll, score in decode(out, self.config.size, threshold)
        ]


def letterbox(rgb: np.ndarray, size: int) -> tuple[np.ndarray, float, float, float]:
    """(uint8 [size, size, 3], scale, left, top): the picture shrunk by ``scale`` into a grey square, at (left, top)."""
    h, w = rgb.shape[:2]
    scale = size / max(h, w)
    nh, nw = max(round(h * scale), 1), max(round(w * scale), 1)
    step = max(int(min(h / nh, w / nw) / 4), 1)  # large pictures: every n-th pixel is enough for the mean
    part = torch.from_numpy(np.ascontiguousarray(rgb[::step, ::step])).permute(2, 0, 1)[None]
    small = F.interpolate(part, (nh, nw), mode="bilinear", align_corners=False, antialias=True)[0]
    out = np.full((size, size, 3), 127, np.uint8)
    top, left = (size - nh) // 2, (size - nw) // 2
    out[top : top + nh, left : left + nw] = small.permute(1, 2, 0).numpy()
    return out, scale, float(left), float(top)


def decode(out: Tensor, size: int, threshold: float) -> Sequence[tuple[float, float, float, float, float]]:
    """(x, y, side in px of the input, roll, score) of each face in an output [6, h, w], the largest first."""
    heat = torch.sigmoid(out[0])
    peak = F.max_pool2d(heat[None, None], 3, 1, 1)[0, 0]
    rows, columns = torch.nonzero((heat == peak) & (heat > threshold), as_tuple=True)
    found: list[tuple[float, float, float, float, float]] = []
    for r, c in sorted(zip(rows.tolist(), columns.tolist(), strict=True), key=lambda at: -float(heat[at])):
        _, dx, dy, log_side, sine, cosine = out[:, r, c].tolist()
        side = float(np.exp(np.clip(log_side, -4, 1.0))) * size
        x, y = (c + 0.5 + float(np.clip(dx, -1, 1))) * STRIDE, (r + 0.5 + float(np.clip(dy, -1, 1))) * STRIDE
        if side < _LEAST * size:
            continue
        if any(np.hypot(x - other[0], y - other[1]) < _APART * max(side, other[2]) for other in found):
            continue
        found.append((x, y, side, float(np.arctan2(sine, cosine)), float(heat[r, c])))
    return sorted(found, key=lambda face: -face[2])


def load(path: Path | str = SHIPPED) -> Finder:
    """The network in a weights file, ready for use (``blocks.fused``). Raises UserError as ``weights_file.load``."""
    return fused(weights_file.load(path, KIND, VERSION, Finder, FinderConfig, "face finder"))


def save(model: Finder, path: Path | str, told: dict[str, str] | None = None) -> str:
    """Write the network in float16 with its config and metadata ``told``. Returns the sha256."""
    return weights_file.save(model, path, KIND, VERSION, told)
