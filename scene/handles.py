# SPDX-License-Identifier: GPL-3.0-or-later
"""Names a data-block across undo, renaming and deleting, where a Python reference to it would dangle."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy

from ..core.errors import UserError


@dataclass(frozen=True)
class Handle:
    """``uid`` stays the same for as long as the file is open; ``name`` is for sentences."""

    uid: int
    name: str


@dataclass(frozen=True)
class Chosen:
    """The scene and the objects a job was started for."""

    scene: Handle
    objects: tuple[Handle, ...]


def remember(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]) -> Chosen:
    return Chosen(Handle(scene.session_uid, scene.name), tuple(Handle(o.session_uid, o.name) for o in objects))


def find(chosen: Chosen) -> tuple[bpy.types.Scene, list[bpy.types.Object]]:
    """The same scene and objects, whatever they are called now. Raises UserError where one of them is gone."""
    scene = next((s for s in bpy.data.scenes if s.session_uid == chosen.scene.uid), None)
    if scene is None:
        raise UserError(f"The scene '{chosen.scene.name}' is gone, so nothing was written.", "Bake again in the scene that you want.")
    present = {o.session_uid: o for o in scene.objects}
    gone = [handle.name for handle in chosen.objects if handle.uid not in present]
    if gone:
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        raise UserError(f"The object '{gone[0]}'{more} is gone, so nothing was written.", "Select the character and bake again.")
    return scene, [present[handle.uid] for handle in chosen.objects]


def remember_action(action: bpy.types.Action) -> Handle:
    return Handle(action.session_uid, action.name)


def find_action(handle: Handle, gone_is_fine: bool = False) -> bpy.types.Action | None:
    """The same Action, whatever it is called now. Raises UserError where it is gone, or returns None where that is fine."""
    found = next((a for a in bpy.data.actions if a.session_uid == handle.uid), None)
    if found is None and not gone_is_fine:
        raise UserError(f"The Action '{handle.name}' is gone, so nothing was written.", "Select the character and try again.")
    return found
