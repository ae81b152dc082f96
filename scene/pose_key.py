# SPDX-License-Identifier: GPL-3.0-or-later
"""One pose of the face as one key: what an animator would set by hand on this frame, so it goes into the character's own Action."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from . import head_motion, placement
from .targets import channel_name, find, value_path


@dataclass(frozen=True)
class PoseReport:
    """What was set: how many shape keys got a key, on which objects, and what else should be said."""

    keys: int
    objects: tuple[str, ...]
    warnings: tuple[str, ...]


def apply(
    objects: Sequence[bpy.types.Object],
    pose: Curves,
    angles: Curves,
    frame: int,
    turned: Sequence[head_motion.Turned] = (),
    strength: float = 1.0,
) -> PoseReport:
    """Set the first row of ``pose`` on these objects, that of ``angles`` (head, eyes) on ``turned``, and key them on ``frame``.

    Keys go into the active Action, a new one where there is none; keys of that frame are replaced, as with Blender's Insert Keyframe. An
    Action that a bake made counts as edited from then on, so no later bake replaces it. Raises UserError and then changes nothing.
    """
    targets, warnings = find(objects, pose.names)
    head_motion.check(turned)
    for target in targets:
        placement.obstacles(placement.Owner(target.key, target.label, "KEY", channel_name))
        action = target.key.animation_data.action if target.key.animation_data else None
        if action is not None and action.library is not None:
            raise UserError(f"The Action '{action.name}' of '{target.label}' is linked.", "Make it local, or give the face another.")
    row = Curves(pose.names, pose.times[:1], np.clip(pose.values[:1] * strength, 0, 1))
    count = 0
    for target in targets:
        values = target.mapping.apply(row)
        for name, value in zip(values.names, values.values[0], strict=True):
            target.key.key_blocks[name].value = float(value)
            target.key.keyframe_insert(value_path(name), frame=frame, group="Face")
            count += 1
    for (obj, path), rotation in head_motion.pose(turned, angles).items():
        owner_path, _, name = path.rpartition(".")
        setattr(obj.path_resolve(owner_path) if owner_path else obj, name, rotation)
        obj.keyframe_insert(path, frame=frame)
    return PoseReport(count, tuple(t.label for t in targets), warnings)
