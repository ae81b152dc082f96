# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist changed in our bakes: a snapshot of every channel as baked goes with the Action, and is compared with how it plays now.

The fingerprint of ``tags`` says whether anything was changed; the snapshot says what and where, so that a new take can keep it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import bpy
import numpy as np

from ..core.curves import Curves
from ..core.timing import scene_fps
from ..rigs.arkit import ARKIT_52
from ..rigs.mapping import best_mapping
from . import actions_compat, phonemes, tags
from .targets import value_path, with_shape_keys

PROPERTY: Final = "facewright_baked"  # on our Actions: base64 of zlib of a header line and float16 values
# A sample that differs by more than this was changed: float16 rounds by half of it at most.
_CHANGED: Final = 0.002
_LONGEST: Final = 40_000  # frames (half an hour at 24 a second): a longer take has no snapshot, and its edits cannot be told apart
REGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "ALL": ("",),
    "UPPER": ("brow", "eye"),
    "LOWER": ("mouth", "jaw", "cheek", "nose", "tongue"),
    "BROWS": ("brow",),
    "EYES": ("eye",),
    "MOUTH": ("mouth", "jaw", "tongue"),
}


@dataclass(frozen=True)
class KeptKey:
    """A key of the artist's own, to be put into the new take: its Key data-block's name, data path, frame and value.

    interpolation: as Blender names it. handles: its left and right handle, each a type and an offset (frames, value) from the key.
    """

    key: str
    path: str
    frame: float
    value: float
    interpolation: str
    handles: tuple[tuple[str, tuple[float, float]], tuple[str, tuple[float, float]]]


@dataclass(frozen=True)
class Held:
    """What of a take is to stay. curves: ARKIT_52 at the scene's frames from the sound's start, as they play (sliders may
    go beyond 0..1). where: bool [T, 52]. theirs: the same, of what an artist changed, and not only chose to stay.

    keys: the artist's keys, also those outside of the take and on shapes that are not ARKit's.
    """

    curves: Curves
    where: np.ndarray
    theirs: np.ndarray
    keys: tuple[KeptKey, ...]

    @property
    def edited(self) -> bool:
        """Whether any of it is an artist's work."""
        return bool(self.theirs.any() or self.keys)

    @property
    def samples(self) -> int:
        return int(self.where.sum())


def remember(action: bpy.types.Action, last: int, held: Held | None = None) -> None:
    """Keep how the Action plays now, from its start frame to ``last``; what is ``held`` as edited stays marked as the artist's."""
    first = phonemes.start_frame(action)
    if not 0 <= last - first < _LONGEST:
        action.pop(PROPERTY, None)
        return
    frames = np.arange(first, last + 1)
    curves = {f.data_path: f for f in actions_compat.fcurves(action)}
    values = np.stack([_sampled(f, frames) for f in curves.values()], 1) if curves else np.zeros((len(frames), 0))
    baked = values.astype(np.float16)
    if held is not None and held.edited:
        # what the artist made was never ours: NaN is unlike anything
        theirs = _paths_held(action, held)
        for column, path in enumerate(curves):
            rows = theirs.get(path)
            if rows is not None:
                count = min(len(rows), len(baked))
                baked[:count, column][rows[:count]] = np.nan
    head = json.dumps({"first": first, "paths": list(curves)}).encode()
    action[PROPERTY] = base64.b64encode(zlib.compress(head + b"\n" + baked.tobytes(), 6)).decode("ascii")


def changed(action: bpy.types.Action) -> dict[str, np.ndarray] | None:
    """Data path -> bool of each frame from the Action's start frame on: where it is no longer as baked. None where no snapshot tells."""
    known = _snapshot(action)
    if known is None:
        return None
    first, paths, baked = known
    frames = first + np.arange(len(baked))
    found = {}
    present = {f.data_path: f for f in actions_compat.fcurves(action)}
    for path in dict.fromkeys([*paths, *present]):
        before = baked[:, paths.index(path)].astype(np.float64) if path in paths else np.zeros(len(baked))
        now = _sampled(present[path], frames) if path in present else np.zeros(len(baked))
        differs = ~(np.abs(now - before) <= _CHANGED)  # NaN differs too
        if differs.any():
            found[path] = differs
    return found


def held(
    objects: Sequence[bpy.types.Object], scene: bpy.types.Scene, edits: bool, region: str = "", frames: tuple[int, int] | None = None
) -> Held:
    """What is to stay of the bakes on these objects: what was edited, and of ``region`` (one of ``REGIONS``, "" for none) the scene's
    ``frames`` from first to last. Nothing where no bake of ours is there."""
    fps = scene_fps(scene.render.fps, scene.render.fps_base)
    plays = [(key, action) for key, _users in with_shape_keys(objects) for action in tags.our_actions(key)]
    if not plays:
        return Held(Curves(ARKIT_52, [0.0], np.zeros((1, 52), np.float32)), np.zeros((1, 52), bool), np.zeros((1, 52), bool), ())
    first = min(phonemes.start_frame(action) for _key, action in plays)
    last = max(round(_last(action)) for _key, action in plays)
    count = max(last - first + 1, 1)
    times = np.arange(count) / fps
    values, where = np.zeros((count, 52), np.float32), np.zeros((count, 52), bool)
    keys: list[KeptKey] = []
    seen: set[str] = set()
    for key, action in plays:
        shift = phonemes.start_frame(action) - first
        theirs = (changed(action) or {}) if edits else {}
        by_path = {f.data_path: f for f in actions_compat.fcurves(action)}
        _mapping, report = best_mapping(block.name for block in key.key_blocks)
        owns = report.owners
        for column, canonical in enumerate(ARKIT_52):
            paths = [value_path(own) for own in owns.get(canonical, ())]
            present = [p for p in paths if p in by_path]
            rows = np.zeros(count, bool)
            for path in paths:
                if path in theirs:
                    here = theirs[path][: count - shift]
                    rows[shift : shift + len(here)] |= here
            if not rows.any() and canonical in seen:
                continue
            for path in present if rows.any() else ():
                keys += _keys(key, by_path[path], rows, first)
            now = np.mean([_sampled(by_path[p], first + np.arange(count)) for p in present], 0) if present else np.zeros(count)
            if rows.any() or canonical not in seen:
                mine = where[:, column] & ~rows
                values[:, column] = np.where(mine, values[:, column], now)
            where[:, column] |= rows
            seen.add(canonical)
        known = _snapshot(action) if edits else None
        if known is not None:
            arkit = {value_path(own) for names in owns.values() for own in names}
            for path, fcurve in by_path.items():
                rows = np.full(len(known[2]), path in theirs and path not in arkit)
                keys += _keys(key, fcurve, rows, known[0], beyond=True)
    edited = where.copy()
    if region and frames is not None:
        columns = [i for i, n in enumerate(ARKIT_52) if n.startswith(REGIONS[region])]
        low, high = max(frames[0] - first, 0), min(frames[1] - first + 1, count)
        if low < high:
            where[np.ix_(range(low, high), columns)] = True
    return Held(Curves(ARKIT_52, times, values), where, edited, tuple(keys))


def keep(take: Curves, held: Held) -> Curves:
    """The take with what is held of it as it played, also beyond 0..1, where the models' curves end."""
    values = take.values.copy()
    columns = [take.names.index(name) for name in ARKIT_52]
    rows = min(len(values), len(held.where))
    values[:rows, columns] = np.where(held.where[:rows], held.curves.values[:rows], values[:rows, columns])
    return Curves(take.names, take.times, values)


def restore_keys(keys: Sequence[KeptKey], objects: Sequence[bpy.types.Object]) -> int:
    """Put the artist's keys into the bakes on these objects, each at its frame with its very value. Returns how many there are now."""
    put = 0
    for key, _users in with_shape_keys(objects):
        mine = [k for k in keys if k.key == key.name]
        for action in tags.our_actions(key) if mine else ():
            by_path = {f.data_path: f for f in actions_compat.fcurves(action)}
            for k in mine:
                if k.path not in by_path and not (k.path.startswith("key_blocks") and k.path.endswith(".value")):
                    continue
                if k.path not in by_path:  # a shape that the take does not move
                    by_path[k.path] = actions_compat.collection(action).new(k.path)
                _put(by_path[k.path], k)
                put += 1
    return put


def _put(fcurve: bpy.types.FCurve, kept: KeptKey) -> None:
    """The artist's key with its interpolation and handles.

    Where the new take has none at that frame, its segment is cut in two as a cubic in time, so that the curve beside it stays.
    """
    points, frame, value = fcurve.keyframe_points, kept.frame, kept.value
    here = next((p for p in points if abs(p.co[0] - frame) < 0.01), None)
    if here is None:
        slope = (fcurve.evaluate(frame + 0.01) - fcurve.evaluate(frame - 0.01)) / 0.02
        before = max((i for i, p in enumerate(points) if p.co[0] < frame), default=None)
        points.insert(frame, value, options={"FAST"})
        at = 0 if before is None else before + 1
        here = points[at]
        here.interpolation = points[at - 1 if at else min(1, len(points) - 1)].interpolation
        here.handle_left_type = here.handle_right_type = "ALIGNED"
        for other, ours, theirs in ((at - 1, "handle_left", "handle_right"), (at + 1, "handle_right", "handle_left")):
            if not 0 <= other < len(points):
                setattr(here, ours, (frame + (-1 if other < at else 1), value + (-slope if other < at else slope)))
                continue
            neighbour = points[other]
            third = (neighbour.co[0] - frame) / 3
            setattr(here, ours, (frame + third, value + slope * third))
            old = getattr(neighbour, theirs)
            run = old[0] - neighbour.co[0]
            steep = (old[1] - neighbour.co[1]) / run if abs(run) > 1e-6 else 0.0
            neighbour.handle_left_type = neighbour.handle_right_type = "ALIGNED"
            setattr(neighbour, theirs, (neighbour.co[0] - third, neighbour.co[1] - steep * third))
    else:
        here.co_ui[1] = value  # takes its handles along
    here.interpolation = kept.interpolation
    here.handle_left_type, here.handle_right_type = (kind for kind, _offset in kept.handles)
    for name, (_kind, (run, rise)) in zip(("handle_left", "handle_right"), kept.handles, strict=True):
        room = 3 * (getattr(here, name)[0] - frame)  # to the neighbour, who may be nearer than it was: as steep, and no longer than that
        share = min(1.0, room / run) if run * room > 0 else 0.0
        if share:
            setattr(here, name, (frame + share * run, value + share * rise))
    fcurve.update()


def _keys(key: bpy.types.Key, fcurve: bpy.types.FCurve, rows: np.ndarray, first: int, beyond: bool = False) -> list[KeptKey]:
    """Keys of the curve on these rows; beyond: and before the first and after the last of them, where a bake sets none."""
    found = []
    for point in fcurve.keyframe_points:
        (frame, value), row = point.co, round(point.co[0]) - first
        if rows[row] if 0 <= row < len(rows) else beyond:
            left, right = ((handle[0] - frame, handle[1] - value) for handle in (point.handle_left, point.handle_right))
            handles = (point.handle_left_type, left), (point.handle_right_type, right)
            found.append(KeptKey(key.name, fcurve.data_path, frame, value, point.interpolation, handles))
    return found


def _paths_held(action: bpy.types.Action, held: Held) -> dict[str, np.ndarray]:
    """Data path -> rows that are the artist's, of the channels that the Action has."""
    found = {}
    for key in bpy.data.shape_keys:
        if action not in tags.our_actions(key):
            continue
        _mapping, report = best_mapping(block.name for block in key.key_blocks)
        owns = report.owners
        for canonical, own in owns.items():
            if canonical in ARKIT_52 and held.theirs[:, ARKIT_52.index(canonical)].any():
                for name in own:
                    found[value_path(name)] = held.theirs[:, ARKIT_52.index(canonical)]
        arkit = {value_path(name) for own in owns.values() for name in own}
        found |= {k.path: np.ones(len(held.theirs), bool) for k in held.keys if k.key == key.name and k.path not in arkit}
    return found


def _snapshot(action: bpy.types.Action) -> tuple[int, list[str], np.ndarray] | None:
    text = action.get(PROPERTY)
    if not isinstance(text, str):
        return None
    try:
        head, _, data = zlib.decompress(base64.b64decode(text)).partition(b"\n")
        told = json.loads(head)
        paths = [str(p) for p in told["paths"]]
        return int(told["first"]), paths, np.frombuffer(data, np.float16).reshape(-1, len(paths))
    except (ValueError, KeyError, TypeError, zlib.error):
        return None


def _sampled(fcurve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    if fcurve.mute:
        return np.zeros(len(frames))
    return np.array([fcurve.evaluate(float(frame)) for frame in frames])


def _last(action: bpy.types.Action) -> float:
    return max((f.range()[1] for f in actions_compat.fcurves(action) if len(f.keyframe_points)), default=phonemes.start_frame(action))
