# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves as files that other programs read and write: ``read_curves`` and ``write_curves`` choose the format by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core.curves import Curves
from ..core.errors import UserError
from . import curves_json, livelink

_FORMATS = {".csv": livelink, ".json": curves_json}


def read_curves(path: Path | str, fps: float | None = None, warn: Callable[[str], None] = lambda sentence: None) -> Curves:
    """Curves of a Live Link Face CSV or a JSON file.

    fps: rows a second, where it is to overrule the file's own; warn: called with a sentence for everything that was not taken as it stands.
    Raises UserError.
    """
    return format_of(path).read(path, fps, warn)


def write_curves(curves: Curves, path: Path | str, fps: float, warn: Callable[[str], None] = lambda sentence: None) -> None:
    """Write a Live Link Face CSV or a JSON file at ``fps`` rows a second. Raises UserError."""
    format_of(path).write(curves, path, fps, warn)


def format_of(path: Path | str):
    """The module that reads and writes files of this suffix. Raises UserError for an unknown one."""
    suffix = Path(path).suffix.lower()
    if suffix not in _FORMATS:
        raise UserError(f"'{Path(path).name}' is neither a .csv nor a .json file.", "Live Link Face CSV and Facewright JSON are known.")
    return _FORMATS[suffix]
