# SPDX-License-Identifier: GPL-3.0-or-later
"""The speech model's weights on disk (``inference.weights_file`` says in what form)."""
from __future__ import annotations

from pathlib import Path

from ...core.paths import WEIGHTS
from .. import weights_file as files
from ..weights_file import manifest_entry, pin, pinned_sha256, reproducible, sha256
from .model import SpeechModel, SpeechModelConfig

__all__ = ["KIND", "SHIPPED", "VERSION", "load", "manifest_entry", "metadata", "pin", "pinned_sha256", "reproducible", "save", "sha256"]

KIND = "speech"
VERSION = "1"  # raise it when features or layers change their meaning
SHIPPED = WEIGHTS / "speech.safetensors"


def load(path: Path | str = SHIPPED, expected_sha256: str | None = None) -> SpeechModel:
    """The model in a weights file, as in ``files.load``."""
    return files.load(path, KIND, VERSION, SpeechModel, SpeechModelConfig, "speech model", expected_sha256)


def save(model: SpeechModel, path: Path | str, metadata: dict[str, str] | None = None) -> str:
    """Write the model in float16, its config and ``metadata``. Returns the sha256."""
    return files.save(model, path, KIND, VERSION, metadata)


def metadata(path: Path | str) -> dict[str, str]:
    """The text that ``save`` put in the file. Raises UserError where ``load`` would for a file that is not there or not safetensors."""
    return files.metadata(path, "speech model")
