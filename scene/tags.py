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
FORMAT = 2  # of what is inside; 2: the fingerprint holds interpolation, easing and handle types, the NLA strip is described


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
        own = (fcurve.data_path, fcurve.array_index, len(points), len(fcurve.modifiers), fcurve.mute, fcurve.extrapolation)
        digest.update("\0".join(map(str, (*own, fcurve.auto_smoothing))).encode())
        for name in ("co", "handle_left", "handle_right"):
            flat = np.empty(2 * len(points), np.float32)
            points.foreach_get(name, flat)
            digest.update((np.round(flat.astype(np.float64), 3) + 0.0).tobytes())
        for name in ("interpolation", "easing", "handle_left_type", "handle_right_type", "type"):
            kinds = np.empty(len(points), np.int32)
            points.foreach_get(name, kinds)
            digest.update(kinds.tobytes())
    return digest.hexdigest()


def was_edited(action: bpy.types.Action) -> bool:
    """True where the Action is ours and is no longer as we wrote it, or was written by a version whose fingerprint saw less."""
    data = read(action)
    return data is not None and (data["format"] != FORMAT or data.get("fingerprint") != fingerprint(action))


def mark_edited(action: bpy.types.Action) -> None:
    """An Action of ours holds an artist's work, whatever its keys say: the next bake must not throw it away."""
    write(action, **{**read(action), "fingerprint": ""})


def strip_state(adt: bpy.types.AnimData, track: bpy.types.NlaTrack, strip: bpy.types.NlaStrip) -> dict[str, Any]:
    """An NLA strip as we made it, for its Action's tag: NLA strips and tracks take no custom properties.

    Muting is left out: it can be had again with a click, and is no work that a new bake could lose.
    """
    numbers = ("frame_start", "frame_end", "action_frame_start", "action_frame_end", "scale", "repeat", "blend_in", "blend_out")
    words = ("blend_type", "extrapolation", "use_auto_blend", "use_reverse", "use_animated_influence", "use_animated_time")
    settings = {name: round(getattr(strip, name), 3) for name in numbers} | {name: getattr(strip, name) for name in words}
    below, _above = _neighbours(adt, track)
    return {"track": track.name, "below": below, "strip": settings | {"modifiers": len(strip.modifiers)}}


def our_strips(key: bpy.types.Key) -> list[tuple[bpy.types.NlaTrack, bpy.types.NlaStrip]]:
    """NLA strips of this Key that a bake made and that are still as it made them, with their tracks.

    A strip that somebody pushed down, moved or changed, or whose track got another name or place, is the artist's.
    """
    adt = key.animation_data
    return [] if adt is None else [(t, s) for t in adt.nla_tracks for s in t.strips if _is_local(s.action) and _as_made(adt, t, s)]


def our_actions(key: bpy.types.Key) -> list[bpy.types.Action]:
    """Actions of ours that this Key uses, as its active one or on strips that we made, each once."""
    if key.animation_data is None:
        return []
    used = [key.animation_data.action, *(strip.action for _track, strip in our_strips(key))]
    return [action for action in dict.fromkeys(used) if _is_local(action) and read(action) is not None]


def _is_local(action: bpy.types.Action | None) -> bool:
    return action is not None and action.library is None


def _as_made(adt: bpy.types.AnimData, track: bpy.types.NlaTrack, strip: bpy.types.NlaStrip) -> bool:
    made = (read(strip.action) or {}).get("nla")
    if not isinstance(made, dict):
        return False
    below, above = _neighbours(adt, track)
    if not set(below) <= set(made["below"]) or len(set(above) & set(made["below"]) - {track.name}):
        return False
    return strip_state(adt, track, strip) | {"below": made["below"]} == made


def _neighbours(adt: bpy.types.AnimData, track: bpy.types.NlaTrack) -> tuple[list[str], list[str]]:
    """Names of the tracks below and above."""
    at = next(i for i, other in enumerate(adt.nla_tracks) if other == track)
    names = [other.name for other in adt.nla_tracks]
    return names[:at], names[at + 1 :]
