# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves onto shape keys: one Action of our own for each Key data-block. ``plan`` looks, ``apply`` writes, all or nothing.

Where the Action goes
- A Key without an active Action, or with an earlier bake of ours, gets it as its active Action.
- A Key whose active Action is the artist's keeps it. Ours goes into a new NLA track at the top of the NLA. Blender evaluates the active
  Action above all tracks, so on a channel that both animate the artist's keys win (a warning names them); elsewhere ours are seen.
- An earlier bake of ours is replaced while it is the active Action, or on the strip and track that we made and nobody changed. One that
  was pushed down, moved or changed in the NLA is the artist's, and stays and plays as it is: so a Key can carry one line after another.
- If somebody edited an earlier bake's keys, it is kept under another name, with a fake user, and is the artist's from then on.

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
from uuid import uuid4

import bpy
import numpy as np

from ..core import keys as reduction
from ..core import sampling
from ..core.curves import Curves
from ..core.errors import UserError
from ..core.timing import frame_times, scene_fps
from ..rigs.mapping import Mapping
from . import actions_compat, sound, tags
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
        warnings += _obstacles(target)
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
    made: list[_Placement] = []
    cache: dict[tuple, dict[str, reduction.Keys]] = {}
    span = scene.frame_start, scene.frame_end
    replaced = [_sound_owner(t.key, action) for t in plan.targets for action in tags.our_actions(t.key)]
    try:
        for target in plan.targets:
            key = _cache_key(target.mapping)
            if key not in cache:
                cache[key] = _channels(target.mapping.apply(curves), frames, options)
            placement = _Placement(target)
            made.append(placement)
            placement.create(cache[key], options)
            warnings += placement.assign(options)
        written = [p for p in made if p.action is not None]
        if len(written) < len(made):
            warnings.append(_said_at_rest([p.target.label for p in made if p.action is None], len(made)))
        placed = sound.PlacedSound("")
        if written:
            scene.frame_start, scene.frame_end = min(span[0], max(0, options.start_frame)), max(span[1], end)
        if written and options.sound is not None:
            owners = [_sound_owner(p.key, p.action) for p in written]
            placed = sound.place(scene, options.sound, options.start_frame, owners, replaced)
            warnings += placed.warnings
    except BaseException:
        for placement in reversed(made):
            placement.take_back()
        scene.frame_start, scene.frame_end = span
        raise
    if not placed.strip:  # the earlier take's sound would play to this one
        warnings += sound.remove(scene, replaced)
    kept = [name for placement in made for name in placement.retire_earlier()]
    warnings += [f"Keys of the earlier bake were edited, so it was kept as the Action '{name}'." for name in kept]
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
        adt = key.animation_data
        actions = tags.our_actions(key)
        paths = {fcurve.data_path for action in actions for fcurve in actions_compat.fcurves(action)}
        before = _before(key)
        sliders = before["sliders"]
        if adt.action in actions:
            actions_compat.assign(adt, None)
            adt.action_extrapolation = before["extrapolation"]
        _remove_our_strips(key, actions)
        kept += [name for action in actions if (name := _retire(action))]
        for block in key.key_blocks:
            if value_path(block.name) in paths or block.name in sliders:
                block.value = sliders.get(block.name, min(max(0.0, block.slider_min), block.slider_max))
    return tuple(kept)


def has_bake(obj: bpy.types.Object) -> bool:
    """Whether the object carries a bake of ours."""
    key = getattr(obj.data, "shape_keys", None)
    return key is not None and bool(tags.our_actions(key))


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


def _obstacles(target: Target) -> tuple[str, ...]:
    """Warnings about the Key's animation; raises UserError where it must not be written to now."""
    adt = target.key.animation_data
    if adt is None:
        return ()
    if adt.use_tweak_mode:
        raise UserError(
            f"An NLA strip of '{target.label}' is being edited (tweak mode).", "Leave tweak mode in the NLA editor (Tab) and bake again."
        )
    ours = tags.our_actions(target.key)
    if any(track.lock for track, _strip in tags.our_strips(target.key)):
        raise UserError(f"The NLA track with the earlier bake of '{target.label}' is locked.", "Unlock it in the NLA editor.")
    for action in ours:
        locked = [channel_name(f.data_path) for f in actions_compat.fcurves(action) if f.lock or (f.group and f.group.lock)]
        if locked:
            others = " and others" if len(locked) > 1 else ""
            raise UserError(
                f"The earlier bake '{action.name}' of '{target.label}' has locked channels ({locked[0]}{others}).",
                "Unlock them in the Graph editor, or unlink that Action to keep it, and bake again.",
            )
    return ()


def _remove_our_strips(key: bpy.types.Key, actions: Sequence[bpy.types.Action]) -> None:
    """Take the strips that we made for these Actions out of the NLA, and their tracks where nothing else is on them."""
    ours = [(track, strip) for track, strip in tags.our_strips(key) if strip.action in actions]
    for track, strip in reversed(ours):
        if len(track.strips) == 1:
            key.animation_data.nla_tracks.remove(track)
        else:
            track.strips.remove(strip)


def _retire(action: bpy.types.Action) -> str:
    """Delete an Action of ours that nobody uses any more; keep it as the artist's where it was edited. Returns a kept one's name or ""."""
    if tags.was_edited(action):
        tags.release(action)
        action.name = f"{action.name} (edited)"
        action.use_fake_user = True
        return action.name
    if action.users == 0:
        bpy.data.actions.remove(action)
    return ""


def _sound_owner(key: bpy.types.Key, action: bpy.types.Action) -> str:
    """Who a sound strip belongs to: this bake on this Key, not the one that was pushed down before it, nor a copy on another character."""
    return f"{key.name} {tags.read(action).get('take', '')}".strip()


def _before(key: bpy.types.Key) -> dict[str, Any]:
    """What the Key was like before the first bake, as a bake's tag keeps it: any bake that it still plays tells, else it is so now.

    sliders: those not at 0; extrapolation: of the active Action.
    """
    adt = key.animation_data
    used = [*tags.our_actions(key), *(strip.action for track in adt.nla_tracks for strip in track.strips)] if adt else []
    for data in map(tags.read, used):
        if data is not None:
            return {"sliders": dict(data.get("sliders", {})), "extrapolation": data.get("extrapolation", "HOLD")}
    return {
        "sliders": {block.name: block.value for block in key.key_blocks if abs(block.value) > _NOTHING},
        "extrapolation": adt.action_extrapolation if adt else "HOLD",
    }


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


class _Placement:
    """The new Action of one target, and how to take it back."""

    def __init__(self, target: Target):
        self.target = target
        self.key = target.key
        self.action: bpy.types.Action | None = None
        self.earlier = tags.our_actions(self.key)
        self.had_animation = self.key.animation_data is not None
        adt = self.key.animation_data
        self.previous = (adt.action, actions_compat.active_slot(adt)) if adt else (None, None)
        self.extrapolation = adt.action_extrapolation if adt else "HOLD"
        self.track: bpy.types.NlaTrack | None = None
        self.channels = self.keys = 0

    def create(self, channels: dict[str, reduction.Keys], options: BakeOptions) -> None:
        """Write the Action; none where no channel has a key."""
        elsewhere = _animated_paths(self.key, except_for=self.earlier)
        resting = reduction.reduce(np.array([options.start_frame], np.float64), np.zeros(1))
        used: dict[str, reduction.Keys] = {}
        for name, found in channels.items():
            path = value_path(name)
            if len(found):
                used[path] = found
            elif abs(self.key.key_blocks[name].value) > _NOTHING and path not in elsewhere:
                used[path] = resting
        if not used:
            return
        self.action, fcurves = actions_compat.new_action(f"Facewright {self.target.label}", "KEY", self.key.name)
        for path, found in used.items():
            _write(fcurves.new(path), found, options.keys == "SPARSE")
            self.channels += 1
            self.keys += len(found)

    def assign(self, options: BakeOptions) -> list[str]:
        """Make it play, and tag it. Returns warnings."""
        if self.action is None:
            if self.earlier and self.previous[0] in self.earlier:
                actions_compat.assign(self.key.animation_data, None)
            return []
        before = _before(self.key)
        nla, warnings = self._link(options)
        tags.write(
            self.action,
            take=uuid4().hex,
            source=options.source,
            start_frame=options.start_frame,
            fingerprint=tags.fingerprint(self.action),
            nla=nla,
            **before,
        )
        return warnings

    def _link(self, options: BakeOptions) -> tuple[dict[str, Any] | None, list[str]]:
        """Make it the active Action, or put it on a track. Returns what the tag says of the strip (None: it is active), and warnings."""
        adt = self.key.animation_data or self.key.animation_data_create()
        active = adt.action
        paths = {f.data_path for f in actions_compat.fcurves(self.action)}
        if (active is None or active in self.earlier) and not options.nla:
            actions_compat.assign(adt, self.action)
            # Where strips below animate the same channels (an earlier line, pushed down), they are to be seen outside this one's range.
            if paths & _animated_paths(self.key, except_for=[*self.earlier, self.action]):
                adt.action_extrapolation = "NOTHING"
            return None, []
        if active in self.earlier:
            actions_compat.assign(adt, None)
        under = _animated_paths(self.key, except_for=[*self.earlier, active])
        self.track = adt.nla_tracks.new()
        self.track.name = "Facewright"
        strip = self.track.strips.new(self.action.name, options.start_frame, self.action)
        actions_compat.assign_to_strip(strip, self.action)
        strip.blend_type = "REPLACE"
        # Outside its range ours rests; where an artist's strip below animates the same channel, that one is to be seen there.
        strip.extrapolation = "NOTHING" if paths & under else "HOLD"
        made = tags.strip_state(adt, self.track, strip)
        if active is None or active in self.earlier:
            return made, []
        warnings = []
        above = paths & {f.data_path for f in actions_compat.fcurves(active, actions_compat.active_slot(adt))}
        if above:
            names = sorted(channel_name(path) for path in above)
            listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            warnings.append(
                f"'{self.target.label}' keeps its Action '{active.name}', whose keys win over this bake on {listed}: "
                "mute those channels, or push that Action down in the NLA editor, to see the bake there."
            )
        if not adt.use_nla:
            warnings.append(f"The NLA of '{self.target.label}' is turned off, so the bake is not seen until it is on.")
        return made, warnings

    def take_back(self) -> None:
        """Undo create and assign."""
        adt = self.key.animation_data
        if adt is not None:
            if self.track is not None:
                adt.nla_tracks.remove(self.track)
            if adt.action != self.previous[0]:
                actions_compat.assign(adt, *self.previous)
            adt.action_extrapolation = self.extrapolation
            if not self.had_animation:
                self.key.animation_data_clear()
        if self.action is not None:
            bpy.data.actions.remove(self.action)

    def retire_earlier(self) -> list[str]:
        """Let go of what this one replaces, once nothing can fail any more. Returns the names of Actions that were kept."""
        _remove_our_strips(self.key, self.earlier)
        if self.action is None:
            return [name for action in self.earlier if (name := _retire(action))]
        kept = [name for action in self.earlier if (name := _retire(action))]
        self.action.name = f"Facewright {self.target.label}"  # the earlier one no longer holds the name
        return kept


def _animated_paths(key: bpy.types.Key, except_for: Sequence[bpy.types.Action | None]) -> set[str]:
    """Data paths that other Actions of this Key animate."""
    adt = key.animation_data
    if adt is None:
        return set()
    pairs = [(adt.action, actions_compat.active_slot(adt))]
    pairs += [
        (strip.action, actions_compat.strip_slot(strip))
        for track in adt.nla_tracks
        if not track.mute
        for strip in track.strips
        if not strip.mute
    ]
    return {f.data_path for action, slot in pairs if action and action not in except_for for f in actions_compat.fcurves(action, slot)}


def _write(fcurve: bpy.types.FCurve, found: reduction.Keys, sparse: bool) -> None:
    """All keys of one curve, in bulk."""
    points = fcurve.keyframe_points
    count = len(found)
    points.add(count)
    points.foreach_set("co", found.co.astype(np.float32).ravel())
    if sparse:
        fcurve.auto_smoothing = "NONE"  # what core.keys reckons with; and moving one key changes its neighbours only
        points.foreach_set("handle_left", found.handle_left.astype(np.float32).ravel())
        points.foreach_set("handle_right", found.handle_right.astype(np.float32).ravel())
        kinds = np.where(found.auto, _enum("handle_left_type", "AUTO_CLAMPED"), _enum("handle_left_type", "ALIGNED")).astype(np.int32)
        points.foreach_set("handle_left_type", kinds)
        points.foreach_set("handle_right_type", kinds)
    points.foreach_set("interpolation", np.full(count, _enum("interpolation", "BEZIER" if sparse else "LINEAR"), np.int32))
    fcurve.update()


def _enum(prop: str, item: str) -> int:
    return bpy.types.Keyframe.bl_rna.properties[prop].enum_items[item].value
