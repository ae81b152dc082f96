# SPDX-License-Identifier: GPL-3.0-or-later
"""The take's sound as our own strip in the sequencer. Other strips are never touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import UserError
from . import tags

_CHANNELS = 128  # what Blender's sequencer has


@dataclass(frozen=True)
class PlacedSound:
    """strip: the new strip's name, "" where none could be made; warnings: sentences that say why."""

    strip: str
    warnings: tuple[str, ...] = ()


def check(path: Path | str) -> None:
    """Raises UserError where the file cannot be read."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no sound file {path}.", "Choose the sound again.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise UserError(f"Cannot read the sound {path}: {error.strerror}.", "Check that the file may be read.") from error
    if empty:
        raise UserError(f"The sound file {path} is empty.", "Choose another one.")


def place(scene: bpy.types.Scene, path: Path | str, frame: int, owners: Iterable[str] = ()) -> PlacedSound:
    """Put the sound at ``frame`` on a free channel, in place of the strip that an earlier bake made for the same ``owners`` (Key names).

    The path is stored relative to a saved .blend where the user's preferences say so. A Blender without sound gives a warning, no error.
    """
    check(path)
    path, owners = Path(path).resolve(), set(owners)
    if not bpy.app.build_options.audaspace:
        return PlacedSound("", ("This Blender was built without sound, so the sound was not placed in the sequencer.",))
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = _strips(editor)
    earlier = [strip for strip in strips if _owners(strip) is not None and (_owners(strip) & owners or not owners)]
    channel = _free_channel(strips, frame, earlier)
    if channel is None:
        return PlacedSound("", (f"All {_CHANNELS} sequencer channels are in use after frame {frame}, so the sound was not placed.",))
    known = set(bpy.data.sounds)
    try:
        strip = strips.new_sound(path.stem, _stored_path(path), channel, frame)
    except RuntimeError as error:
        return PlacedSound(
            "", (f"Blender could not open the sound {path.name} ({str(error).strip().removeprefix('Error: ')}), so it was not placed.",)
        )
    if strip.sound is not None and strip.sound not in known:
        strip.sound.name = path.name
    tags.write(strip, owners=sorted(owners))
    for old in earlier:
        _give_up(strips, old, owners)
    strip.name = path.stem  # an earlier one may have held the name until now
    return PlacedSound(strip.name)


def remove(scene: bpy.types.Scene, owners: Iterable[str]) -> int:
    """Take away our strips for these owners (Key names); one that other bakes share stays for them. Returns how many went."""
    if scene.sequence_editor is None:
        return 0
    strips, owners = _strips(scene.sequence_editor), set(owners)
    ours = [strip for strip in strips if _owners(strip) is not None and _owners(strip) & owners]
    return sum(_give_up(strips, strip, owners) for strip in ours)


def _strips(editor: Any) -> Any:
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # named sequences before 4.4's rename


def _end(strip: Any) -> int:
    """The frame after its last one."""
    return strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end  # renamed in 5.1


def _owners(strip: Any) -> set[str] | None:
    data = tags.read(strip)
    return set(data.get("owners", ())) if data is not None else None


def _give_up(strips: Any, strip: Any, owners: set[str]) -> bool:
    """Remove our strip, or leave it to the other bakes that use it. True where it went."""
    others = _owners(strip) - owners
    if others:
        tags.write(strip, owners=sorted(others))
        return False
    sound = getattr(strip, "sound", None)
    strips.remove(strip)
    if sound is not None and sound.users == 0:
        bpy.data.sounds.remove(sound)
    return True


def _free_channel(strips: Any, frame: int, ignoring: list[Any]) -> int | None:
    """The lowest channel with nothing at or after ``frame``; the strips that are about to go do not count."""
    going = {strip.as_pointer() for strip in ignoring}
    taken = {strip.channel for strip in strips if _end(strip) > frame and strip.as_pointer() not in going}
    # A strip that is about to go still lies there while the new one is made, and Blender would push the new one away from it.
    present = {strip.channel for strip in ignoring if _end(strip) > frame}
    free = [channel for channel in range(1, _CHANNELS + 1) if channel not in taken]
    return next((c for c in free if c not in present), free[0] if free else None)


def _stored_path(path: Path) -> str:
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return bpy.path.relpath(str(path))
        except ValueError:  # another drive on Windows
            return str(path)
    return str(path)
