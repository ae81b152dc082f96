# SPDX-License-Identifier: GPL-3.0-or-later
"""Our bakes as curves again, sampled from the Actions as they are now: whatever an animator edited is in them. Reads only."""
from __future__ import annotations

from collections.abc import Sequence

import bpy
import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.timing import frame_times, scene_fps
from ..rigs.arkit import ARKIT_52
from ..rigs.mapping import best_mapping
from . import actions_compat, tags
from .targets import value_path, with_shape_keys


def curves(objects: Sequence[bpy.types.Object], scene: bpy.types.Scene, fps: float) -> Curves:
    """The bakes on these objects under their ARKit names, ``fps`` samples a second from the sound's start to the last key.

    Where several objects have a channel (face, teeth, tongue) the first one's is taken; of a channel that the rig splits, the mean of the
    halves. Channels that a bake left at rest are 0. Raises UserError where no object carries a bake.
    """
    start, end, found = None, None, {}
    for key, _users in with_shape_keys(objects):
        for action in tags.our_actions(key):
            by_path = {fcurve.data_path: fcurve for fcurve in actions_compat.fcurves(action)}
            lasts = [fcurve.range()[1] for fcurve in by_path.values() if len(fcurve.keyframe_points)]
            if not lasts:
                continue
            begins = tags.read(action).get("start_frame", 1)
            start = begins if start is None else min(start, begins)
            end = max(lasts) if end is None else max(end, *lasts)
            _mapping, report = best_mapping(block.name for block in key.key_blocks)
            owns = report.owners
            for canonical in ARKIT_52:
                present = [by_path[path] for own in owns.get(canonical, ()) if (path := value_path(own)) in by_path]
                if present and canonical not in found:
                    found[canonical] = present
    if start is None:
        raise UserError("None of the selected objects carries a Facewright bake.", "Bake speech or import curves onto the character first.")
    if not found:
        raise UserError("The bake has no channel that ARKit knows.", "Bake onto shape keys with ARKit names.")
    rate = scene_fps(scene.render.fps, scene.render.fps_base)
    times = frame_times((end - start) / rate, fps)
    values = np.zeros((len(times), len(ARKIT_52)), np.float32)
    for column, canonical in enumerate(ARKIT_52):
        for fcurve in found.get(canonical, ()):
            values[:, column] += np.array([fcurve.evaluate(start + t * rate) for t in times], np.float32) / len(found[canonical])
    return Curves(ARKIT_52, times, values)
