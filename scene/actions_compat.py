# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file that knows how Blender versions differ about Actions: slots came with 4.4, ``Action.fcurves`` went with 5.0."""

from __future__ import annotations

from collections.abc import Iterator

import bpy

SLOTTED = bpy.app.version >= (4, 4, 0)


def new_action(name: str, id_type: str, slot_name: str) -> tuple[bpy.types.Action, object]:
    """A new Action and the collection its F-curves go into (``fcurves.new(path)``) for a data-block of ``id_type`` ('KEY')."""
    action = bpy.data.actions.new(name)
    if not SLOTTED:
        action.id_root = id_type
        return action, action.fcurves
    slot = action.slots.new(id_type=id_type, name=slot_name)
    strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
    return action, strip.channelbag(slot, ensure=True).fcurves


def assign(adt: bpy.types.AnimData, action: bpy.types.Action | None, slot: object | None = None) -> None:
    """Make ``action`` the active one; ``slot`` (default: its first) where Blender has slots."""
    adt.action = action
    if SLOTTED and action is not None:
        adt.action_slot = slot if slot is not None else (action.slots[0] if len(action.slots) else None)


def active_slot(adt: bpy.types.AnimData) -> object | None:
    """The slot in use, or None (also where Blender has no slots)."""
    return adt.action_slot if SLOTTED else None


def strip_slot(strip: bpy.types.NlaStrip) -> object | None:
    """The slot that an NLA strip plays, or None (also where Blender has no slots)."""
    return strip.action_slot if SLOTTED else None


def assign_to_strip(strip: bpy.types.NlaStrip, action: bpy.types.Action) -> None:
    """Point an NLA strip that was made from ``action`` at the Action's first slot."""
    if SLOTTED and strip.action_slot is None and len(action.slots):
        strip.action_slot = action.slots[0]


def fcurves(action: bpy.types.Action, slot: object | None = None) -> Iterator[bpy.types.FCurve]:
    """Every F-curve of the Action, of one slot only when ``slot`` is given and Blender has slots."""
    if not SLOTTED:
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                if slot is None or bag.slot_handle == slot.handle:
                    yield from bag.fcurves


def collection(action: bpy.types.Action) -> object:
    """The F-curves of an Action of ours, which has one slot, as a collection (``new``, ``remove``)."""
    return action.layers[0].strips[0].channelbag(action.slots[0], ensure=True).fcurves if SLOTTED else action.fcurves
