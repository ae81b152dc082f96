# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device the speech model runs on, and a sentence where the wanted one is not there."""

from __future__ import annotations

import torch

from ...core.errors import UserError

CHOICES = ("auto", "cpu", "cuda", "mps")


def resolve_device(wanted: str = "auto") -> torch.device:
    """'auto' takes CUDA, then Apple's MPS, then the CPU; 'cuda:1' is the second card. Raises UserError for an unknown or absent device."""
    name, _, index = str(wanted).lower().partition(":")
    if name not in CHOICES or (index and not (name == "cuda" and index.isdigit())):
        raise UserError(f"There is no device '{wanted}'.", f"Choose one of {', '.join(CHOICES)}.")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(n for n in ("cuda", "mps", "cpu") if there[n]))
    if not there[name]:
        what = "CUDA graphics card" if name == "cuda" else "Apple graphics processor (MPS)"
        raise UserError(
            f"The runtime's PyTorch finds no {what} on this machine.", "Choose 'auto' or 'cpu', or install a PyTorch built for it."
        )
    return torch.device(name)


def out_of_memory(error: RuntimeError) -> bool:
    """Whether the device, not the code, was at fault (CUDA has a class for it, MPS only a message)."""
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error).lower()
