# SPDX-License-Identifier: GPL-3.0-or-later
"""A taste as a small correction of the speech model's face head; the model's own weights are never touched.

The head turns features h of the sound into one logit u a unit: u = W relu(V h). An adapter adds, to order of weight in practice:

- four numbers a unit: an offset, a gain about the unit's usual logit, a shift in time and a smoothing, u + o + g (u - c) - s u' + m u'';
- low-rank parts of both layers, W + A B and V + C D (Hu et al. 2021, "LoRA"), which let the correction depend on what is said;
- three habits of the life that is added: how many blinks, how large brows and gaze (as logarithms of factors).

All of it folds into two ordinary layers, so a tuned model costs what the model costs.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Final

import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ..speech.life import USUAL, Habits
from ..speech.model import SpeechModel

HABITS: Final = ("blinks", "brows", "gaze")
# Rank of both low-rank parts: 200 votes carry about as many bits, and four patterns of 20 units are what the measured takes need for
# nine tenths of their variance.
RANK: Final = 4


@dataclass(frozen=True)
class Adapter:
    """Float32 tensors for U units, C features, rank R and a kernel of K frames.

    offset, gain, shift (frames, later is positive), smooth, centre [U]; down [R, C], up [U, R]; hidden_down [R, C, K], hidden_up [C, R];
    life [3] in the order of ``HABITS``. All but centre zero is no change at all.
    """

    FIXED: ClassVar[tuple[str, ...]] = ("centre",)

    units: tuple[str, ...]
    offset: Tensor
    gain: Tensor
    shift: Tensor
    smooth: Tensor
    centre: Tensor
    down: Tensor
    up: Tensor
    hidden_down: Tensor
    hidden_up: Tensor
    life: Tensor

    @staticmethod
    def none(model: SpeechModel, centre: Tensor | None = None, rank: int = RANK, seed: int = 0) -> Adapter:
        """An adapter that changes nothing yet. centre: the usual logit of each unit. The inner halves of the low-rank parts are drawn from
        ``seed``, since two zero factors would never move."""
        units = model.config.face_units
        features, kernel = model.face.in_channels, model.face_hidden.kernel_size[0]
        generator = torch.Generator().manual_seed(seed)
        zero = torch.zeros(len(units))
        return Adapter(
            units, zero, zero, zero, zero, zero if centre is None else centre.float(),
            torch.randn(rank, features, generator=generator) / math.sqrt(features), torch.zeros(len(units), rank),
            torch.randn(rank, model.face_hidden.in_channels, kernel, generator=generator) / math.sqrt(features * kernel),
            torch.zeros(features, rank), torch.zeros(len(HABITS)),
        )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "units"}

    def head(self, hidden: Tensor, before: Tensor, logits: Tensor, face: nn.Conv1d) -> Tensor:
        """Logits [B, U, T] with the adapter. hidden: [B, C, T]; before: the model's own V hidden [B, C, T] (what its relu takes); logits:
        its own u [B, U, T]; face: its last layer. Differentiable in the adapter's tensors; equals ``applied`` at strength 1."""
        pad = self.hidden_down.shape[-1] // 2
        moved = torch.einsum("cr,brt->bct", self.hidden_up, nn.functional.conv1d(hidden, self.hidden_down, padding=pad))
        rectified = torch.relu(before + moved)
        own = nn.functional.conv1d(rectified, face.weight, face.bias) if self.hidden_up.any() or self.hidden_up.requires_grad else logits
        return self._shaped(own) + torch.einsum("ur,rc,bct->but", self.up, self.down, rectified)

    def _shaped(self, own: Tensor) -> Tensor:
        around = nn.functional.pad(own, (1, 1), mode="replicate")
        left, right = around[..., :-2], around[..., 2:]
        gain, shift, smooth = self.gain[:, None], self.shift[:, None], self.smooth[:, None]
        change = self.offset[:, None] + gain * (own - self.centre[:, None]) - shift * (right - left) / 2 + smooth * (left + right - 2 * own)
        return own + change

    @torch.no_grad()
    def applied(self, model: SpeechModel, strength: float = 1.0) -> SpeechModel:
        """A model with ``strength`` (0..1) of the adapter; it shares all but two small layers with ``model``, which stays as it is.

        Raises UserError where the adapter was made for a network of another shape.
        """
        if strength == 0:
            return model
        face, hidden = model.face, model.face_hidden
        shape = (model.config.face_units, face.in_channels, hidden.out_channels)
        if shape != (self.units, self.down.shape[1], self.hidden_up.shape[0]):
            raise UserError("The adapter was made for a speech model of another shape.", "Tune it again on this one.")
        device, s = face.weight.device, strength
        tensors = {n: t.to(device) for n, t in self.tensors().items()}
        weight, bias = face.weight[:, :, 0], face.bias
        gain, shift, smooth = tensors["gain"], tensors["shift"], tensors["smooth"]
        side, tilt = (s * smooth)[:, None] * weight, (s * shift / 2)[:, None] * weight
        middle = (1 + s * gain - 2 * s * smooth)[:, None] * weight + s * tensors["up"] @ tensors["down"]
        tuned = copy.copy(model)
        tuned._modules = dict(model._modules)
        tuned.face = nn.Conv1d(face.in_channels, face.out_channels, 3, padding=1, padding_mode="replicate").to(device)
        tuned.face.weight.copy_(torch.stack([side + tilt, middle, side - tilt], -1))
        tuned.face.bias.copy_((1 + s * gain) * bias + s * tensors["offset"] - s * gain * tensors["centre"])
        tuned.face_hidden = copy.deepcopy(hidden)
        tuned.face_hidden.weight.add_(s * torch.einsum("or,rik->oik", tensors["hidden_up"], tensors["hidden_down"]))
        tuned.face.requires_grad_(False)
        tuned.face_hidden.requires_grad_(False)
        return tuned.eval()

    def habits(self, strength: float = 1.0) -> Habits:
        """How lively the face is with ``strength`` of the adapter."""
        if strength == 0 or not self.life.any():
            return USUAL
        return Habits(**{n: math.exp(strength * v) for n, v in zip(HABITS, self.life.tolist(), strict=True)})

    def to(self, device: torch.device) -> Adapter:
        """The same numbers on a device."""
        return replace(self, **{n: t.to(device) for n, t in self.tensors().items()})

    def detached(self) -> Adapter:
        """The same numbers as they stand, on the CPU."""
        return Adapter(self.units, **{n: t.detach().cpu().clone() for n, t in self.tensors().items()})

    def scaled(self, strength: float) -> Adapter:
        """The adapter whose strength 1 is this one's ``strength``."""
        kept = ("centre", "down", "hidden_down")
        return Adapter(self.units, **{n: t if n in kept else strength * t for n, t in self.tensors().items()})


def blend(a: Adapter, b: Adapter, share: float) -> Adapter:
    """(1 - share) of ``a`` and ``share`` of ``b``, exactly: ranks add up. Both must belong to one base. share: 0..1."""
    if not 0 <= share <= 1:
        raise UserError(f"The share {share:g} is out of range.", "Use 0 (only the first) to 1 (only the second).")
    if a.units != b.units or a.down.shape[1] != b.down.shape[1] or a.hidden_down.shape[1:] != b.hidden_down.shape[1:]:
        raise UserError("The two adapters belong to networks of different shapes and cannot be blended.", "Choose two for the same model.")
    mixed = {n: (1 - share) * getattr(a, n) + share * getattr(b, n) for n in ("offset", "gain", "shift", "smooth", "life")}
    # g_a (u - c_a) + g_b (u - c_b) = g (u - c) + an offset
    drift = (1 - share) * a.gain * (b.centre - a.centre)
    return Adapter(
        a.units, **{**mixed, "offset": mixed["offset"] + drift}, centre=b.centre,
        down=torch.cat([a.down, b.down]), up=torch.cat([(1 - share) * a.up, share * b.up], 1),
        hidden_down=torch.cat([a.hidden_down, b.hidden_down]), hidden_up=torch.cat([(1 - share) * a.hidden_up, share * b.hidden_up], 1),
    )  # fmt: skip
