# SPDX-License-Identifier: GPL-3.0-or-later
"""What channels show where no line plays. Blender's NLA falls back on a property's default there, which is 1 for shape keys from 5.0 on.

A line that shares channels with another plays in its own range only, so that the other is seen outside. Its further channels then rest on a
strip beneath it, one key each, held for ever: the character's own "Facewright Rest".
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping

import bpy

from . import actions_compat

TRACK = "Facewright Rest"
_PROPERTY = "facewright_rest"  # on its Action

Path = tuple[str, int]  # an F-curve's data path and its index in the array there


def is_rest(action: bpy.types.Action | None) -> bool:
    return action is not None and _PROPERTY in action


def add(block: bpy.types.ID, kind: str, values: Mapping[Path, float]) -> set[Path]:
    """Let these channels rest at these values where nothing else moves them; kind as ``placement.Owner``'s. Returns those that are new."""
    if not values:
        return set()
    found = _find(block)
    if found is None:
        action, curves = actions_compat.new_action(TRACK, kind, block.name)
        action[_PROPERTY] = True
    else:
        action = found[1].action
        curves = actions_compat.collection(action)
    known = {(f.data_path, f.array_index) for f in curves}
    for path, index in (new := set(values) - known):
        curves.new(path, index=index).keyframe_points.insert(0, values[path, index])
    if found is None:
        track = (block.animation_data or block.animation_data_create()).nla_tracks.new()
        track.name = TRACK
        strip = track.strips.new(TRACK, 0, action)
        actions_compat.assign_to_strip(strip, action)
        strip.blend_type, strip.extrapolation = "REPLACE", "HOLD"
    return new


def drop(block: bpy.types.ID, paths: Iterable[Path]) -> None:
    """Forget these channels."""
    found, gone = _find(block), set(paths)
    if found is None:
        return
    track, strip = found
    action, curves = strip.action, actions_compat.collection(strip.action)
    for curve in [f for f in curves if (f.data_path, f.array_index) in gone]:
        curves.remove(curve)
    if not len(curves):
        block.animation_data.nla_tracks.remove(track)
        if action.users == 0:
            bpy.data.actions.remove(action)


def _find(block: bpy.types.ID) -> tuple[bpy.types.NlaTrack, bpy.types.NlaStrip] | None:
    tracks = block.animation_data.nla_tracks if block.animation_data else ()
    return next(((track, strip) for track in tracks for strip in track.strips if is_rest(strip.action)), None)
