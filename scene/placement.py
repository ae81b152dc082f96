# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new Action of ours goes on a data-block, and how it is taken back: what bakes of shape keys and of head motion share.

- A data-block without an active Action, or with an earlier bake of ours, gets it as its active Action.
- One whose active Action is the artist's keeps it. Ours goes into a new NLA track at the top of the NLA. Blender evaluates the active
  Action above all tracks, so on a channel that both animate the artist's keys win (a warning names them); elsewhere ours are seen.
- An earlier bake of ours is replaced while it is the active Action, or on the strip and track that we made and nobody changed. One that
  was pushed down, moved or changed in the NLA is the artist's, and stays and plays as it is.
- If somebody edited an earlier bake's keys, it is kept under another name, with a fake user, and is the artist's from then on.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import bpy
import numpy as np

from ..core.errors import UserError
from ..core.keys import Keys
from . import actions_compat, rest, tags

Path = rest.Path


@dataclass(frozen=True)
class Owner:
    """A data-block that is animated.

    block: a Key or an Object. label: what sentences call it. kind: "KEY" or "OBJECT", as a slot names it.
    channel: what to call one of its data paths in a sentence.
    """

    block: bpy.types.ID
    label: str
    kind: str
    channel: Callable[[str], str]

    @property
    def animation(self) -> bpy.types.AnimData | None:
        return self.block.animation_data


def obstacles(owner: Owner) -> None:
    """Raises UserError where the data-block's animation must not be written to now."""
    adt = owner.animation
    if adt is None:
        return
    if adt.use_tweak_mode:
        raise UserError(
            f"An NLA strip of '{owner.label}' is being edited (tweak mode).", "Leave tweak mode in the NLA editor (Tab) and bake again."
        )
    if any(track.lock for track, _strip in tags.our_strips(owner.block)):
        raise UserError(f"The NLA track with the earlier bake of '{owner.label}' is locked.", "Unlock it in the NLA editor.")
    for action in tags.our_actions(owner.block):
        locked = [owner.channel(f.data_path) for f in actions_compat.fcurves(action) if f.lock or (f.group and f.group.lock)]
        if locked:
            others = " and others" if len(locked) > 1 else ""
            raise UserError(
                f"The earlier bake '{action.name}' of '{owner.label}' has locked channels ({locked[0]}{others}).",
                "Unlock them in the Graph editor, or unlink that Action to keep it, and bake again.",
            )


class Placement:
    """The new Action of one data-block, and how to take it back."""

    def __init__(self, owner: Owner):
        self.owner = owner
        self.action: bpy.types.Action | None = None
        self.earlier = tags.our_actions(owner.block)
        adt = owner.animation
        self.had_animation = adt is not None
        self.previous = (adt.action, actions_compat.active_slot(adt)) if adt else (None, None)
        self.extrapolation = adt.action_extrapolation if adt else "HOLD"
        self.track: bpy.types.NlaTrack | None = None
        self.rested: set[Path] = set()
        self.before: Mapping[str, Any] = {}
        self.channels = self.keys = 0

    def create(self, curves: Mapping[Path, Keys], sparse: bool) -> None:
        """Write the Action; none where there is no curve."""
        if not curves:
            return
        self.action, fcurves = actions_compat.new_action(f"Facewright {self.owner.label}", self.owner.kind, self.owner.block.name)
        for (path, index), found in curves.items():
            write_keys(fcurves.new(path, index=index), found, sparse)
            self.channels += 1
            self.keys += len(found)

    def assign(self, start_frame: int, before: Mapping[str, Any], nla: bool = False, **told: Any) -> list[str]:
        """Make it play, and tag it. Returns warnings.

        before: what removing the bake brings back, kept in the tag. nla: always on a track. told: what else the tag is to hold.
        """
        self.before = before
        if self.action is None:
            if self.earlier and self.previous[0] in self.earlier:
                actions_compat.assign(self.owner.animation, None)
            return []
        strip, warnings = self._link(start_frame, nla)
        tags.write(
            self.action,
            take=uuid4().hex,
            start_frame=start_frame,
            fingerprint=tags.fingerprint(self.action),
            nla=strip,
            **told,
            **before,
        )
        return warnings

    def _link(self, start_frame: int, nla: bool) -> tuple[dict[str, Any] | None, list[str]]:
        """Make it the active Action, or put it on a track. Returns what the tag says of the strip (None: it is active), and warnings."""
        adt = self.owner.animation or self.owner.block.animation_data_create()
        active = adt.action
        paths = paths_of(self.action)
        if (active is None or active in self.earlier) and not nla:
            actions_compat.assign(adt, self.action)
            # Where strips below animate the same channels (an earlier line, pushed down), they are to be seen outside this one's range.
            under = animated_paths(self.owner.block, except_for=[*self.earlier, self.action])
            if paths & under:
                adt.action_extrapolation = "NOTHING"
                self._rest(paths - under)
            return None, []
        if active in self.earlier:
            actions_compat.assign(adt, None)
        under = animated_paths(self.owner.block, except_for=[*self.earlier, active])
        if paths & under:
            self._rest(paths - under)
        self.track = adt.nla_tracks.new()
        self.track.name = "Facewright"
        strip = self.track.strips.new(self.action.name, start_frame, self.action)
        actions_compat.assign_to_strip(strip, self.action)
        strip.blend_type = "REPLACE"
        # Outside its range ours rests; where an artist's strip below animates the same channel, that one is to be seen there.
        strip.extrapolation = "NOTHING" if paths & under else "HOLD"
        made = tags.strip_state(adt, self.track, strip)
        if active is None or active in self.earlier:
            return made, []
        warnings = []
        above = paths & paths_of(active, actions_compat.active_slot(adt))
        if above:
            names = sorted({self.owner.channel(path) for path, _index in above})
            listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
            warnings.append(
                f"'{self.owner.label}' keeps its Action '{active.name}', whose keys win over this bake on {listed}: "
                "mute those channels, or push that Action down in the NLA editor, to see the bake there."
            )
        if not adt.use_nla:
            warnings.append(f"The NLA of '{self.owner.label}' is turned off, so the bake is not seen until it is on.")
        return made, warnings

    def _rest(self, paths: set[Path]) -> None:
        values = {path: self._resting(path) for path in paths}
        self.rested = rest.add(self.owner.block, self.owner.kind, {path: v for path, v in values.items() if v is not None})

    def _resting(self, path: Path) -> float | None:
        """A channel's value without our bakes; None for one that is gone, or that no bake of ours sets."""
        name, index = path
        if name in self.before.get("rotations", {}):
            return float(self.before["rotations"][name][index])
        try:
            block = self.owner.block.path_resolve(name.rpartition(".")[0])
            return min(max(self.before["sliders"].get(block.name, 0.0), block.slider_min), block.slider_max)
        except (ValueError, AttributeError, KeyError):
            return None

    def take_back(self) -> None:
        """Undo create and assign."""
        adt = self.owner.animation
        if adt is not None:
            if self.track is not None:
                adt.nla_tracks.remove(self.track)
            if self.rested:
                rest.drop(self.owner.block, self.rested)
            if adt.action != self.previous[0]:
                actions_compat.assign(adt, *self.previous)
            adt.action_extrapolation = self.extrapolation
            if not self.had_animation:
                self.owner.block.animation_data_clear()
        if self.action is not None:
            bpy.data.actions.remove(self.action)

    def retire_earlier(self) -> list[str]:
        """Let go of what this one replaces, once nothing can fail any more. Returns the names of Actions that were kept."""
        remove_our_strips(self.owner.block, self.earlier)
        left = {path for action in self.earlier for path in paths_of(action)} - animated_paths(self.owner.block, except_for=self.earlier)
        for path in left:  # else they would stay as the playhead's frame has them
            value = self._resting(path)
            if value is not None:
                _set(self.owner.block, path, value)
        rest.drop(self.owner.block, left)
        kept = [name for action in self.earlier if (name := retire(action))]
        if self.action is not None:
            self.action.name = f"Facewright {self.owner.label}"  # the earlier one no longer holds the name
        return kept


def unlink(block: bpy.types.ID, before: Mapping[str, Any]) -> tuple[set[Path], list[str]]:
    """Take our Actions off a data-block. Returns the paths they animated, and the names of Actions that were edited and so kept."""
    adt = block.animation_data
    actions = tags.our_actions(block)
    paths = {path for action in actions for path in paths_of(action)}
    if adt.action in actions:
        actions_compat.assign(adt, None)
        adt.action_extrapolation = before.get("extrapolation", "HOLD")
    remove_our_strips(block, actions)
    rest.drop(block, paths - {path for action in lines(block) for path in paths_of(action)})
    return paths, [name for action in actions if (name := retire(action))]


def earliest_before(block: bpy.types.ID) -> dict[str, Any] | None:
    """The tag of any bake that the data-block still plays: each keeps what was there before the first; None where there is none."""
    return next((tags.read(action) for action in lines(block)), None)


def lines(block: bpy.types.ID) -> list[bpy.types.Action]:
    """Our bakes that the data-block plays: the present one, and those that were pushed down."""
    adt = block.animation_data
    used = [*tags.our_actions(block), *(strip.action for track in adt.nla_tracks for strip in track.strips)] if adt else []
    return [action for action in dict.fromkeys(used) if tags.read(action) is not None]


def remove_our_strips(block: bpy.types.ID, actions: Sequence[bpy.types.Action]) -> None:
    """Take the strips that we made for these Actions out of the NLA, and their tracks where nothing else is on them."""
    ours = [(track, strip) for track, strip in tags.our_strips(block) if strip.action in actions]
    for track, strip in reversed(ours):
        if len(track.strips) == 1:
            block.animation_data.nla_tracks.remove(track)
        else:
            track.strips.remove(strip)


def retire(action: bpy.types.Action) -> str:
    """Delete an Action of ours that nobody uses any more; keep it as the artist's where it was edited. Returns a kept one's name or ""."""
    if tags.was_edited(action):
        tags.release(action)
        action.name = f"{action.name} (edited)"
        action.use_fake_user = True
        return action.name
    if action.users == 0:
        bpy.data.actions.remove(action)
    return ""


def animated_paths(block: bpy.types.ID, except_for: Sequence[bpy.types.Action | None]) -> set[Path]:
    """What other Actions of this data-block animate."""
    adt = block.animation_data
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
    seen = [(action, slot) for action, slot in pairs if action and action not in except_for and not rest.is_rest(action)]
    return {path for action, slot in seen for path in paths_of(action, slot)}


def _set(block: bpy.types.ID, path: Path, value: float) -> None:
    """A channel's value where nothing animates it; nothing where it is gone."""
    owner_path, _, name = path[0].rpartition(".")
    try:
        owner = block.path_resolve(owner_path) if owner_path else block
    except ValueError:
        return
    if isinstance(getattr(owner, name), float):
        setattr(owner, name, value)
    else:
        getattr(owner, name)[path[1]] = value


def paths_of(action: bpy.types.Action, slot: object | None = None) -> set[Path]:
    return {(f.data_path, f.array_index) for f in actions_compat.fcurves(action, slot)}


def write_keys(fcurve: bpy.types.FCurve, found: Keys, sparse: bool) -> None:
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
