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
from .image_adapter import UNITS, ImageAdapter


def save(adapter: Adapter | ImageAdapter, card: Card, path: Path | str) -> None:
    """Write the adapter and its card. Raises UserError where the file cannot be written."""
    tensors = {n: t.detach().cpu().float().clone(memory_format=torch.contiguous_format) for n, t in adapter.tensors().items()}
    data = weights_file.reproducible(safetensors.torch.save(tensors, metadata=card.to_metadata()))
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def load(path: Path | str, base: str) -> Adapter:
    """The speech model's adapter in a file, for the weights of sha256 ``base``.

    Raises UserError for a file that is missing or no adapter, and for one that was tuned on another model or other weights.
    """
    return _loaded(Path(path), "speech", base)


def load_image(path: Path | str, base: str) -> ImageAdapter:
    """The image model's, likewise."""
    return _loaded(Path(path), "image", base)


def _loaded(path: Path, kind: str, base: str) -> Adapter | ImageAdapter:
    card = read_card(path)
    card.require_base(base, path, kind)
    return _tensors(path, path.stat().st_mtime_ns, kind, card.units)


@lru_cache(8)
def _tensors(path: Path, changed: int, kind: str, units: tuple[str, ...]) -> Adapter | ImageAdapter:
    try:
        tensors = {n: t.float() for n, t in safetensors.torch.load(path.read_bytes()).items()}
        adapter = (Adapter if kind == "speech" else ImageAdapter)(units, **tensors)
        shapes = {n: tuple(t.shape) for n, t in tensors.items()}
        count, ranks = len(units), {n: shapes[n][0] for n in ("down", "hidden_down") if n in shapes}
        wanted = {n: (count,) for n in ("offset", "gain", "shift", "smooth", "centre")} | {"life": (3,), "up": (count, ranks["down"])}
        fits = all(shapes[n] == shape for n, shape in wanted.items() if n in shapes) and len(shapes["down"]) == 2
        fits = fits and (units == UNITS if kind == "image" else shapes["hidden_up"][1] == ranks["hidden_down"])
        if not fits or not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
            raise ValueError("its numbers do not fit together")
    except (OSError, SafetensorError, KeyError, IndexError, TypeError, ValueError) as error:
        raise UserError(f"The adapter {path} is damaged ({error}).", "Choose another, or tune it again.") from error
    return adapter
