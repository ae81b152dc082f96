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

    Keys go into the active Action, a new one where there is none; keys of that frame are replaced, as with Blender's Insert Keyframe. What
    is locked there gets none, and a warning says so. An Action that a bake made counts as edited from then on, so no later bake replaces
    it. Raises UserError and then changes nothing.
    """
    targets, warnings = find(objects, pose.names)
    head_motion.check(turned)
    for target in targets:
        placement.obstacles(placement.Owner(target.key, target.label, "KEY", channel_name))
    for block, label in [*((t.key, t.label) for t in targets), *((one.object, one.label) for one in turned)]:
        action = block.animation_data.action if block.animation_data else None
        if action is not None and action.library is not None:
            raise UserError(f"The Action '{action.name}' of '{label}' is linked.", "Make it local, or give it another.")
    row = Curves(pose.names, pose.times[:1], np.clip(pose.values[:1] * strength, 0, 1))
    count, refused = 0, []
    for target in targets:
        values = target.mapping.apply(row)
        for name, value in zip(values.names, values.values[0], strict=True):
            block = target.key.key_blocks[name]
            before = block.value
            block.value = float(value)
            if target.key.keyframe_insert(value_path(name), frame=frame, group="Face"):
                count += 1
            else:
                block.value = before
                refused.append(name)
    refused += head_motion.key_pose(turned, angles, frame)
    if refused:
        warnings += (f"Locked in the Action, so without a key: {', '.join(refused[:4])}{', ...' if len(refused) > 4 else ''}.",)
    return PoseReport(count, tuple(t.label for t in targets), warnings)
