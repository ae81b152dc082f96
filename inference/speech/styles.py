# SPDX-License-Identifier: GPL-3.0-or-later
"""Which styles of moving the mouth the shipped speech model knows, read from its file's header: Blender's Python has no safetensors."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from ...core.paths import WEIGHTS

SHIPPED = WEIGHTS / "speech.safetensors"
_LARGEST_HEADER = 1 << 20  # bytes


@cache
def known(path: Path = SHIPPED) -> tuple[str, ...]:
    """Names for ``SpeechOptions.style``; () for a file that knows none, or that is not there: the job says what is wrong with it."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length <= _LARGEST_HEADER else {}
        return tuple(map(str, json.loads(header["__metadata__"]["config"]).get("style_names", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ()
