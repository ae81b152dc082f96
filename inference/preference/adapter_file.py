# SPDX-License-Identifier: GPL-3.0-or-later
"""Adapters on disk: a safetensors file with its card in the metadata. The torch-free half is ``preference.adapters``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from ...core.errors import UserError
from ...core.paths import replacing
from ...preference.adapters import Card, read_card
from ..speech import weights_file
from .adapter import Adapter


def save(adapter: Adapter, card: Card, path: Path | str) -> None:
    """Write the adapter and its card. Raises UserError where the file cannot be written."""
    tensors = {n: t.detach().cpu().float().contiguous() for n, t in adapter.tensors().items()}
    data = weights_file.reproducible(safetensors.torch.save(tensors, metadata=card.to_metadata()))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def load(path: Path | str, base: str) -> Adapter:
    """The adapter in a file, for the weights of sha256 ``base``.

    Raises UserError for a file that is missing or no adapter, and for one that was tuned on other weights.
    """
    path = Path(path)
    card = read_card(path)
    card.require_base(base, path)
    return _tensors(path, path.stat().st_mtime_ns, card.units)


@lru_cache(8)
def _tensors(path: Path, changed: int, units: tuple[str, ...]) -> Adapter:
    try:
        tensors = safetensors.torch.load(path.read_bytes())
        adapter = Adapter(units, **{n: t.float() for n, t in tensors.items()})
        count = len(units)
        shapes = {n: tuple(t.shape) for n, t in adapter.tensors().items()}
        fits = all(shapes[n] == (count,) for n in ("offset", "gain", "shift", "smooth", "centre")) and shapes["life"] == (3,)
        fits = fits and shapes["up"] == (count, shapes["down"][0]) and shapes["hidden_up"][1] == shapes["hidden_down"][0]
        if not fits or not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
            raise ValueError("its numbers do not fit together")
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"The adapter {path} is damaged ({error}).", "Choose another, or tune it again.") from error
    return adapter
