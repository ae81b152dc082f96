# SPDX-License-Identifier: GPL-3.0-or-later
"""What was heard in a sound: everything that shaping a face needs of it, so that a take can be shaped anew without listening again.

``ListeningCache`` keeps it in a folder of bounded size, by the content of the sound and of the model that heard it.
"""

from __future__ import annotations

import json
import os
import zipfile
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import UserError
from ...core.paths import replacing
from .windows import FrameOutputs

FORMAT: Final = 1  # raise it when what is kept changes its meaning
# Bytes in the folder; a minute of speech takes a megabyte, so this is the last four hours or so.
LARGEST: Final = 256 * 1024 * 1024


@dataclass(frozen=True)
class Listening:
    """frames: what the network says of each 20 ms; pitch: float32 [T], Hz, 0 without voice; seconds, peak: of the sound.

    warnings: sentences about the sound and the device; device: where the network ran ("cpu", ...).
    """

    frames: FrameOutputs
    pitch: np.ndarray
    seconds: float
    peak: float
    warnings: tuple[str, ...]
    device: str


@dataclass(frozen=True)
class ListeningCache:
    """What was heard, in ``folder`` (made when first needed). A file that is gone, damaged or of another format is as if never kept."""

    folder: Path
    largest: int = LARGEST

    def path(self, sound: str, model: str) -> Path:
        """sound, model: sha256 of the sound's and the weights' bytes (and what else decides how the model hears)."""
        return self.folder / f"{sound[:32]}-{model[:16]}.npz"

    def load(self, sound: str, model: str) -> Listening | None:
        """None where it is not there."""
        path = self.path(sound, model)
        try:
            with np.load(path, allow_pickle=False) as data:
                told = json.loads(str(data["told"]))
                if told["format"] != FORMAT:
                    return None
                frames = FrameOutputs(**{f.name: data[f"frames_{f.name}"] for f in fields(FrameOutputs)})
                pitch = data["pitch"]
            if any(len(getattr(frames, f.name)) != len(pitch) for f in fields(FrameOutputs)):
                return None
            warnings = tuple(map(str, told["warnings"]))
            found = Listening(frames, pitch, float(told["seconds"]), float(told["peak"]), warnings, str(told["device"]))
        except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
            return None
        with suppress(OSError):
            os.utime(path)  # the least recently used go first
        return found

    def save(self, sound: str, model: str, heard: Listening) -> None:
        """Keep it, and let the least recently used go where the folder is full. A full disk is no error: it is listened to again."""
        told = {
            "format": FORMAT, "seconds": heard.seconds, "peak": heard.peak, "warnings": heard.warnings, "device": heard.device,
        }  # fmt: skip
        arrays = {f"frames_{f.name}": getattr(heard.frames, f.name) for f in fields(FrameOutputs)}
        with suppress(OSError, UserError):
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.path(sound, model)) as temporary, temporary.open("wb") as file:
                np.savez(file, told=np.array(json.dumps(told)), pitch=heard.pitch, **arrays)
            self._make_room(self.path(sound, model))

    def _make_room(self, newest: Path) -> None:
        kept = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in self.folder.glob("*.npz")), reverse=True)
        total = 0
        for _when, size, path in kept:
            total += size
            if total > self.largest and path != newest:
                path.unlink(missing_ok=True)
