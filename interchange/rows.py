# SPDX-License-Identifier: GPL-3.0-or-later
"""What the formats share: reading a text file with limits, rows a second, and sampling for writing."""

from __future__ import annotations

import math
from pathlib import Path

from ..core import sampling
from ..core.curves import Curves
from ..core.errors import UserError
from ..core.timing import frame_times

MAX_BYTES = 1 << 30  # two and a half hours at 60 rows a second and more; a larger file is not a face take
MAX_FPS = 1000.0  # no face is recorded faster


def read_text(path: Path | str) -> str:
    """The file as text: UTF-8 with or without a byte order mark, or UTF-16 with one. Raises UserError."""
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UserError(
                f"{path.name} has {size / 1e9:.1f} GB; a take of the face has at most {MAX_BYTES / 1e9:.1f} GB.", "Cut it into parts."
            )
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Check that the file is there and may be read.") from error
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not text.", "Choose a .csv or .json file that holds curves.") from error
    if not text.strip():
        raise UserError(f"{path.name} is empty.", "Export it again.")
    if "\0" in text:
        raise UserError(f"{path.name} is not text.", "Choose a .csv or .json file that holds curves.")
    return text


def check_fps(fps: float, where: str) -> float:
    """``fps`` as a float. Raises UserError where no take can have it."""
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not math.isfinite(fps) or not 0 < fps <= MAX_FPS:
        raise UserError(f"{where} has {fps!r} rows a second; it must be a number above 0, at most {MAX_FPS:g}.", "60 and 30 are usual.")
    return float(fps)


def at_fps(curves: Curves, fps: float) -> Curves:
    """The curves at i / fps from time 0 to their end, short closures kept. Raises UserError where there is nothing to write."""
    return sampling.at_times(checked(curves, fps), frame_times(curves.duration, fps))


def checked(curves: Curves, fps: float) -> Curves:
    """The curves as they are. Raises UserError where there is nothing to write, or no such rate."""
    check_fps(fps, "The file to write")
    if len(curves.times) == 0 or not curves.names:
        raise UserError("The curves are empty, so there is nothing to write.", "Generate or import them first.")
    return curves
