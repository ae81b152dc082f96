# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech model: log-mel frames to phones, articulation and face through one stack of dilated convolutions."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from . import features

SILENCE: Final = "SIL"
PHONES: Final = (
    SILENCE,
    "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH", "IY", "JH",
    "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
"""ARPAbet without stress, silence first: the columns of ``SpeechOutput.phones``."""

ARTICULATION: Final = (
    "bilabialClosure", "labiodental", "dental", "rounding", "spreading", "jawHeight", "tongueTip", "sibilant", "voicing",
)  # fmt: skip
"""The columns of ``SpeechOutput.articulation``. jawHeight is 1 for a closed jaw, 0 for a fully open one."""

FACE: Final = (
    "jawForward", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The canonical channels speech drives. No data shows which side a voice favours, so left and right share one prediction."""


@dataclass(frozen=True)
class SpeechModelConfig:
    """Everything needed to rebuild the network; travels in the weights file."""

    width: int = 256  # hidden channels: 3.6 M parameters with 12 blocks, 0.003 CPU-s a second of sound
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8)  # +-0.9 s: phones lean on neighbours, not on sentences
    dropout: float = 0.1  # a few hours of real faces overfit without it
    phone_names: tuple[str, ...] = PHONES
    articulation_names: tuple[str, ...] = ARTICULATION
    face_names: tuple[str, ...] = FACE
    style_names: tuple[str, ...] = ()  # measured speakers and the artist, whose way to move the mouth may be asked for

    @property
    def face_units(self) -> tuple[str, ...]:
        """One name for each prediction: a left/right pair is one unit."""
        return tuple(dict.fromkeys(unit_of(n) for n in self.face_names))


def unit_of(name: str) -> str:
    """The prediction that drives a channel: its name without Left or Right."""
    return name.removesuffix("Left").removesuffix("Right")


@dataclass(frozen=True)
class SpeechOutput:
    """phones [B, T, 40] and articulation [B, T, A]: logits. face [B, T, K]: 0..1. hidden [B, T, width]: the shared features."""

    phones: Tensor
    articulation: Tensor
    face: Tensor
    hidden: Tensor


class _Block(nn.Module):
    """Residual dilated convolution of three taps, then a pointwise mix."""

    def __init__(self, width: int, dilation: int, dropout: float):
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.mix = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout1d(dropout)  # whole channels: one draw a clip, a fifth of the time saved

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(self.dropout(torch.relu(self.norm(self.dilated(x)))))


class SpeechModel(nn.Module):
    """See ``SpeechModelConfig``. ``config`` and ``context_frames`` are public."""

    def __init__(self, config: SpeechModelConfig | None = None):
        super().__init__()
        self.config = config = config or SpeechModelConfig()
        self.stem = nn.Conv1d(features.FEATURES, config.width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(config.width, d, config.dropout) for d in config.dilations)
        self.norm = nn.BatchNorm1d(config.width)
        self.phones = nn.Conv1d(config.width, len(config.phone_names), 1)
        self.articulation = nn.Conv1d(config.width, len(config.articulation_names), 1)
        units = config.face_units
        self.face_hidden = nn.Conv1d(config.width, config.width, 5, padding=2)  # lips move smoothly where phones jump
        self.face = nn.Conv1d(config.width, len(units), 1)
        # One direction in the features for each style; the zero vector is the average of all speakers.
        self.style = nn.Parameter(torch.zeros(len(config.style_names), config.width)) if config.style_names else None
        self.register_buffer("unit_of_channel", torch.tensor([units.index(unit_of(n)) for n in config.face_names]), persistent=False)

    @property
    def context_frames(self) -> int:
        """Frames on each side that an output frame hears (features included). Of a window cut out of a longer sound, the
        ``context_frames`` outermost frames at each inner edge differ from the whole file's; all others are equal."""
        return sum(self.config.dilations) + 3 + self.face.padding[0] + features.CONTEXT_FRAMES  # a tuned face layer looks around

    def style_vector(self, amounts: Mapping[str, float]) -> Tensor:
        """``forward``'s style from amounts by name (``config.style_names``; not named is 0). Float32 [S]. UserError for other names."""
        if unknown := sorted(set(amounts) - set(self.config.style_names)):
            known = ", ".join(self.config.style_names) or "none"
            raise UserError(f"The speech model has no style '{unknown[0]}'.", f"Its styles are: {known}.")
        return torch.tensor([float(amounts.get(n, 0.0)) for n in self.config.style_names])

    def forward(self, audio_features: Tensor, style: Tensor | None = None) -> SpeechOutput:
        """audio_features: ``features.log_mel`` frames, float32 [B, T, 160].

        style: amounts of ``config.style_names``, float32 [S] or [B, S]; 0 to 1 each, and mixtures. None is the zero vector, the average.
        It shapes the face only; phones and articulation do not hear it.
        """
        x = self.stem(audio_features.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        hidden = torch.relu(self.norm(x))
        styled = hidden
        if style is not None and self.style is not None:
            styled = hidden + (style.to(hidden.dtype) @ self.style).reshape(-1, self.config.width, 1)
        units = torch.sigmoid(self.face(torch.relu(self.face_hidden(styled))))
        return SpeechOutput(
            phones=self.phones(hidden).transpose(1, 2),
            articulation=self.articulation(hidden).transpose(1, 2),
            face=units.transpose(1, 2)[..., self.unit_of_channel],
            hidden=hidden.transpose(1, 2),
        )
