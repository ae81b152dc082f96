# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves onto shape keys: one Action of our own for each Key data-block. ``plan`` looks, ``apply`` writes, all or nothing.

Where the Action goes, and what becomes of an earlier one: see ``placement``.

What is written
- Keys lie on whole frames; peaks and dips shorter than a frame move to the nearest one (core.sampling).
- A channel that is zero throughout gets no curve, unless its slider stands elsewhere and nothing else animates it: then one key of zero.
  A Key that would get no curve at all gets no Action.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import bpy
import numpy as np

from ..core import keys as reduction
from ..core import sampling
from ..core.curves import Curves
from ..core.errors import UserError
from ..core.timing import frame_times, scene_fps
from ..rigs.mapping import Mapping
from . import placement, sound, tags
from .targets import Target, channel_name, find, value_path, with_shape_keys

_NOTHING = 1e-6  # a channel that never leaves zero by more than this is not used
_LAST_FRAME = 1_048_574  # the highest frame number of a Blender scene


@dataclass(frozen=True)
class BakeOptions:
    """How curves are written.

    start_frame: the scene frame of time 0 (1: where Blender's scenes start)
    strength:    0..4, multiplies every value before it is held inside the slider's range (1: as generated)
    smoothing:   0..1 s, standard deviation of a Gaussian that keeps closures, blinks and other sharp extremes (0: curves come smooth)
    keys:        'SPARSE', few Bezier keys within ``max_error``, or 'DENSE', a linear key on every frame ('SPARSE': made for editing)
    max_error:   the largest difference of sparse keys from the curve at any frame, in slider units
    nla:         always use an NLA track, even where the Key has no Action of its own (False: an active Action is easier to edit)
    sound:       placed in the sequencer at start_frame, as our own strip (None: no sound, and that of a replaced bake goes)
    source:      where the curves come from, kept in the Action's tag ("": nothing to tell)
    """

    start_frame: int = 1
    strength: float = 1.0
    smoothing: float = 0.0
    keys: Literal["SPARSE", "DENSE"] = "SPARSE"
    max_error: float = reduction.DEFAULT_MAX_ERROR
    nla: bool = False
    sound: Path | None = None
    source: str = ""


@dataclass(frozen=True)
class BakePlan:
    """What ``apply`` will do. Holds data-blocks, so it is for use at once, not after an undo or another file."""

    targets: tuple[Target, ...]
    curves: Curves
    options: BakeOptions
    warnings: tuple[str, ...] = ()

    def summary(self) -> str:
        """A sentence for a panel: how many channels go where."""
        return " ".join(f"{t.label}: {len(t.mapping.channels)} channels." for t in self.targets)


@dataclass(frozen=True)
class BakeReport:
    """What was written: names of the new Actions, how many channels and keys over all of them, the frames, and what else should be said.

    kept: Actions of earlier bakes that somebody had edited, by their new names; sound: the strip's name or ""; seconds: how long it took.
    """

    actions: tuple[str, ...]
    channels: int
    keys: int
    frame_start: int
    frame_end: int
    kept: tuple[str, ...]
    sound: str
    warnings: tuple[str, ...]
    seconds: float


def plan(
    objects: Sequence[bpy.types.Object], curves: Curves, options: BakeOptions | None = None, mapping: Mapping | None = None
) -> BakePlan:
    """Check everything and write nothing. Raises UserError with the first thing that stands in the way."""
    options = options or BakeOptions()
    _check_options(options)
    if len(curves.times) == 0 or not curves.names:
        raise UserError("The curves are empty, so there is nothing to bake.", "Generate or import them again.")
    targets, warnings = find(objects, curves.names, mapping)
    for target in targets:
        placement.obstacles(_owner(target))
    if options.start_frame < 0:
        said = f"The bake starts on frame {options.start_frame}, but a scene starts at frame 0 at the earliest: it is unseen before that."
        warnings += (said,)
    if options.sound is not None:
        sound.check(options.sound)
    return BakePlan(targets, curves, options, warnings)


def apply(plan: BakePlan, scene: bpy.types.Scene) -> BakeReport:
    """Write the plan into the file. On any exception what was made is removed and the file is as it was."""
    began = time.perf_counter()
    options = plan.options
    fps = scene_fps(scene.render.fps, scene.render.fps_base)
    times = frame_times(plan.curves.duration, fps)
    end = options.start_frame + len(times) - 1
    if end > _LAST_FRAME:
        raise UserError(
            f"The bake would end on frame {end}, past the last one a Blender scene can have ({_LAST_FRAME}).", "Use an earlier start frame."
        )
    curves = sampling.at_times(sampling.smooth(plan.curves, options.smoothing), times)
    if options.strength != 1:
        curves = Curves(curves.names, curves.times, curves.values * np.float32(options.strength))
    frames = options.start_frame + np.arange(len(times), dtype=np.float64)

    warnings = list(plan.warnings)
    made: list[placement.Placement] = []
    cache: dict[tuple, dict[str, reduction.Keys]] = {}
    span = scene.frame_start, scene.frame_end
    replaced = [_sound_owner(t.key, action) for t in plan.targets for action in tags.our_actions(t.key)]
    try:
        for target in plan.targets:
            key = _cache_key(target.mapping)
            if key not in cache:
                cache[key] = _channels(target.mapping.apply(curves), frames, options)
            place = placement.Placement(_owner(target))
            made.append(place)
            place.create(_used(target.key, cache[key], place.earlier, options), options.keys == "SPARSE")
            warnings += place.assign(options.start_frame, _before(target.key), options.nla, source=options.source)
        written = [p for p in made if p.action is not None]
        if len(written) < len(made):
            warnings.append(_said_at_rest([p.owner.label for p in made if p.action is None], len(made)))
        placed = sound.PlacedSound("")
        if written:
            scene.frame_start, scene.frame_end = min(span[0], max(0, options.start_frame)), max(span[1], end)
        if written and options.sound is not None:
            owners = [_sound_owner(p.owner.block, p.action) for p in written]
            placed = sound.place(scene, options.sound, options.start_frame, owners, replaced)
            warnings += placed.warnings
    except BaseException:
        for place in reversed(made):
            place.take_back()
        scene.frame_start, scene.frame_end = span
        raise
    if not placed.strip:  # the earlier take's sound would play to this one
        warnings += sound.remove(scene, replaced)
    kept = [name for place in made for name in place.retire_earlier()]
    warnings += [f"The earlier bake was edited by hand, so it was kept as the Action '{name}'." for name in kept]
    return BakeReport(
        actions=tuple(p.action.name for p in written),
        channels=sum(p.channels for p in made),
        keys=sum(p.keys for p in made),
        frame_start=options.start_frame,
        frame_end=end,
        kept=tuple(kept),
        sound=placed.strip,
        warnings=tuple(warnings),
        seconds=time.perf_counter() - began,
    )


def remove(objects: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> tuple[str, ...]:
    """Take our bakes off these objects: Action, NLA strip and track, sound. One that was pushed down, or whose strip was changed, stays.

    An edited bake is unlinked, but kept as the artist's.
    Sliders that we moved go back to where they were before the first bake. Returns the names of edited Actions that were kept.
    Raises UserError where there is none of ours.
    """
    owners = [(key, users) for key, users in with_shape_keys(objects) if key.library is None and tags.our_actions(key)]
    if not owners:
        raise UserError("None of the selected objects carries a Facewright bake.", "Select the character's face.")
    kept: list[str] = []
    sound.remove(scene, [_sound_owner(key, action) for key, _users in owners for action in tags.our_actions(key)])
    for key, _users in owners:
        before = _before(key)
        sliders = before["sliders"]
        paths, edited = placement.unlink(key, before)
        kept += edited
        for block in key.key_blocks:
            if (value_path(block.name), 0) in paths or block.name in sliders:
                block.value = sliders.get(block.name, min(max(0.0, block.slider_min), block.slider_max))
    return tuple(kept)


def sound_of(action: bpy.types.Action, objects: Sequence[bpy.types.Object], scene: bpy.types.Scene) -> str:
    """The file that the sequencer plays to this bake on these objects, as the .blend keeps it; "" where there is none."""
    return sound.file_of(scene, [_sound_owner(key, action) for key, _users in with_shape_keys(objects)])


def has_bake(obj: bpy.types.Object) -> bool:
    """Whether the object carries a bake of ours."""
    key = getattr(obj.data, "shape_keys", None)
    return key is not None and bool(tags.our_actions(key))


def only_pushed_down(objects: Sequence[bpy.types.Object]) -> bool:
    """Whether bakes of ours play on these objects, but only such as were pushed down or changed in the NLA, which are the artist's."""
    strips = [
        strip.action
        for key, _users in with_shape_keys(objects)
        if key.animation_data is not None
        for track in key.animation_data.nla_tracks
        for strip in track.strips
    ]
    return any(tags.read(action) is not None for action in strips if action is not None) and not any(map(has_bake, objects))


def _check_options(options: BakeOptions) -> None:
    if not -_LAST_FRAME <= options.start_frame <= _LAST_FRAME:
        raise UserError(f"The start frame {options.start_frame} is outside what a Blender scene can have.", "Choose another start frame.")
    if not 0 <= options.strength <= 4:
        raise UserError(f"The strength is {options.strength:g}; it must be from 0 to 4.", "Use 1 for the curves as they are.")
    if not 0 <= options.smoothing <= 1:
        raise UserError(f"The smoothing is {options.smoothing:g} s; it must be from 0 to 1 s.", "Use 0 for none.")
    if options.keys not in ("SPARSE", "DENSE"):
        raise UserError(f"'{options.keys}' is not a way to write keys.", "Use SPARSE or DENSE.")
    if options.keys == "SPARSE" and not 1e-5 <= options.max_error <= 1:
        raise UserError(
            f"The largest error for sparse keys is {options.max_error:g}; it must be from 0.00001 to 1.", "Use 0.005, or dense keys."
        )


def _sound_owner(key: bpy.types.Key, action: bpy.types.Action) -> str:
    """Who a sound strip belongs to: this bake on this Key, not the one that was pushed down before it, nor a copy on another character."""
    return f"{key.name} {tags.read(action).get('take', '')}".strip()


def _said_at_rest(labels: Sequence[str], count: int) -> str:
    """A sentence about targets that got no Action."""
    if len(labels) == count:
        return "The curves stay at zero (is the sound silent?), so no keys and no sound were written."
    return f"The curves of {', '.join(labels)} stay at zero, so no keys were written there."


def _cache_key(mapping: Mapping) -> tuple:
    channels = tuple((own, tuple(weights.items())) for own, weights in mapping.channels.items())
    return channels, tuple(sorted(mapping.limits.items()))


def _channels(curves: Curves, frames: np.ndarray, options: BakeOptions) -> dict[str, reduction.Keys]:
    """Keys of each channel; one that is zero throughout has none (length 0)."""
    used = np.abs(curves.values).max(0) > _NOTHING
    if options.keys == "SPARSE":
        found = iter(reduction.reduce_all(frames, curves.values[:, used], options.max_error))
    else:
        found = (reduction.dense(frames, column) for column in curves.values.T[used])
    empty = reduction.dense(frames[:0], np.zeros(0))
    return {name: next(found) if is_used else empty for name, is_used in zip(curves.names, used, strict=True)}


def _owner(target: Target) -> placement.Owner:
    return placement.Owner(target.key, target.label, "KEY", channel_name)


def _before(key: bpy.types.Key) -> dict[str, Any]:
    """What the Key was like before the first bake: any bake that it still plays tells, else it is so now.

    sliders: those not at 0; extrapolation: of the active Action.
    """
    data = placement.earliest_before(key)
    if data is not None:
        return {"sliders": dict(data.get("sliders", {})), "extrapolation": data.get("extrapolation", "HOLD")}
    adt = key.animation_data
    return {
        "sliders": {block.name: block.value for block in key.key_blocks if abs(block.value) > _NOTHING},
        "extrapolation": adt.action_extrapolation if adt else "HOLD",
    }


def _used(
    key: bpy.types.Key, channels: dict[str, reduction.Keys], earlier: Sequence[bpy.types.Action], options: BakeOptions
) -> dict[placement.Path, reduction.Keys]:
    """The curves that the Action needs: channels that move, and a key of zero where a slider stands elsewhere and nothing animates it, or
    where another line of ours moves it, which would else hold its last pose through this one."""
    ours = placement.lines(key)  # the earlier ones among them
    lines = {path for action in ours if action not in earlier for path in placement.paths_of(action)}
    elsewhere = placement.animated_paths(key, except_for=ours)
    resting = reduction.reduce(np.array([options.start_frame], np.float64), np.zeros(1))
    used = {}
    for name, found in channels.items():
        path = value_path(name), 0
        if len(found):
            used[path] = found
        elif path not in elsewhere and (path in lines or abs(key.key_blocks[name].value) > _NOTHING):
            used[path] = resting
    return used
