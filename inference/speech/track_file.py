# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone tracks as files, the format chosen by the name: .json (ours, nothing is lost) or .TextGrid (Praat's)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ...core.errors import UserError
from . import phone_track, textgrid
from .phone_track import PhoneTrack

SUFFIXES: Final = (".json", ".textgrid")


def check_name(path: Path | str) -> str:
    """The suffix in lower case. Raises UserError for one that is no phone track's."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        name = Path(path).name
        raise UserError(f"'{name}' is neither a .json nor a .TextGrid file.", "Phone tracks are Facewright JSON or Praat TextGrids.")
    return suffix


def load(path: Path | str, warn: Callable[[str], None] = lambda sentence: None) -> PhoneTrack:
    """The track in a file. ``warn`` is told what was left out. Raises UserError."""
    return phone_track.load(path) if check_name(path) == ".json" else textgrid.load(path, warn)


def save(track: PhoneTrack, path: Path | str, duration: float) -> None:
    """Write the track; ``duration`` (s) of the sound, which a TextGrid wants to know. Raises UserError."""
    if check_name(path) == ".json":
        phone_track.save(track, path)
    else:
        textgrid.save(track, path, duration)
