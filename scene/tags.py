# SPDX-License-Identifier: GPL-3.0-or-later
"""How Facewright knows its own: a custom property, JSON inside, on the Actions and sound strips it made. Nothing else is ever replaced."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import bpy
import numpy as np

from . import actions_compat

PROPERTY = "facewright"
FORMAT = 1  # of what is inside


def write(owner: Any, **data: Any) -> None:
    """Mark an Action or a strip as made by Facewright."""
    owner[PROPERTY] = json.dumps({"format": FORMAT, **data})


def read(owner: Any) -> dict[str, Any] | None:
    """What was written, or None where it is not ours."""
    text = owner.get(PROPERTY) if owner is not None else None
    if not isinstance(text, str):
        return None
    try:
        data = json.loads(text)
    except ValueError:
        return None
    return data if isinstance(data, dict) and "format" in data else None


def release(owner: Any) -> None:
    """It belongs to the artist from now on."""
    if PROPERTY in owner:
        del owner[PROPERTY]


def fingerprint(action: bpy.types.Action) -> str:
    """Changes when anybody edits, adds or removes a key, a curve or a modifier; not when Blender rounds."""
    digest = hashlib.sha1(usedforsecurity=False)
    for fcurve in sorted(actions_compat.fcurves(action), key=lambda f: (f.data_path, f.array_index)):
        points = fcurve.keyframe_points
        digest.update(f"{fcurve.data_path}\0{fcurve.array_index}\0{len(points)}\0{len(fcurve.modifiers)}\0{fcurve.mute}".encode())
        for name in ("co", "handle_left", "handle_right"):
            flat = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, flat)
            digest.update((np.round(flat.astype(np.float64), 3) + 0.0).tobytes())
    return digest.hexdigest()


def was_edited(action: bpy.types.Action) -> bool:
    """True where the Action is ours and is no longer as we wrote it."""
    data = read(action)
    return data is not None and data.get("fingerprint") != fingerprint(action)
