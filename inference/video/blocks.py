# SPDX-License-Identifier: GPL-3.0-or-later
"""What the face networks are made of: 3x3 convolutions with batch normalisation, and their quicker form for use."""
from __future__ import annotations

import copy
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_Model = TypeVar("_Model", bound=nn.Module)


def block(into: int, out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    return nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """One convolution beside the identity: two would train slower a sample on a CPU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm(self.conv(x)))


def fused(model: _Model) -> _Model:
    """A copy in evaluation mode whose normalisations are part of their convolutions: the same answers in less time. Not for training on."""
    model = copy.deepcopy(model).eval()
    for part in list(model.modules()):
        if isinstance(part, Residual):
            part.conv, part.norm = fuse_conv_bn_eval(part.conv, part.norm), nn.Identity()
        elif isinstance(part, nn.Sequential):
            for i in range(len(part) - 1):
                if isinstance(part[i], nn.Conv2d) and isinstance(part[i + 1], nn.BatchNorm2d):
                    part[i], part[i + 1] = fuse_conv_bn_eval(part[i], part[i + 1]), nn.Identity()
    return model.to(memory_format=torch.channels_last)
