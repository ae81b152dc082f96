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
    """strip: the strip's name, "" where none could be made; warnings: sentences that say why, and which strips were kept."""

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


def place(scene: bpy.types.Scene, path: Path | str, frame: int, owners: Iterable[str] = (), replaces: Iterable[str] = ()) -> PlacedSound:
    """Put the sound at ``frame`` on a free channel for these ``owners`` (bakes), in place of our strips for them and for ``replaces``.

    - A strip of ours with the same file at the same frame that is to stay, since other bakes play with it or the artist changed it (volume,
      trim, fades), is shared: two of them would sound twice as loud.
    - A strip that is to go, but that the artist moved or changed, is kept as the artist's, and muted as an edited Action is unlinked.

    The path is stored relative to a saved .blend where the user's preferences say so. A Blender without sound gives a warning, no error.
    """
    check(path)
    # Not resolved: what lies behind a mapped drive or a linked folder has another name on the next machine.
    path, owners = Path(path).absolute(), set(owners)
    audible = bpy.app.build_options.audaspace
    letting_go = owners | set(replaces)
    ours = _ours(scene)
    shared = next(
        (s for s in ours if _lies_at(s, path, frame) and (not audible or _was_changed(s) or _owners(s) - letting_go)),
        None,
    )
    if shared is not None:
        tags.write(shared, owners=sorted((_owners(shared) - letting_go) | owners), state=tags.read(shared).get("state"))
        return PlacedSound(shared.name, _let_go(scene, [s for s in ours if s != shared], letting_go))
    if not audible:
        return PlacedSound("", ("This Blender was built without sound, so the sound was not placed in the sequencer.",))
    editor = scene.sequence_editor or scene.sequence_editor_create()
    strips = _strips(editor)
    channel = _free_channel(strips, frame, [s for s in ours if _owners(s) <= letting_go and not _was_changed(s)])
    if channel is None:
        return PlacedSound("", (f"All {_CHANNELS} sequencer channels are in use after frame {frame}, so the sound was not placed.",))
    known = set(bpy.data.sounds)
    try:
        strip = strips.new_sound(path.stem, stored_path(path), channel, frame)
    except RuntimeError as error:
        return PlacedSound(
            "", (f"Blender could not open the sound {path.name} ({str(error).strip().removeprefix('Error: ')}), so it was not placed.",)
        )
    if strip.sound is not None and strip.sound not in known:
        strip.sound.name = path.name
    tags.write(strip, owners=sorted(owners), state=_state(strip))
    warnings = _let_go(scene, ours, letting_go)
    strip.name = path.stem  # an earlier one may have held the name until now
    return PlacedSound(strip.name, warnings)


def file_of(scene: bpy.types.Scene, owners: Iterable[str]) -> str:
    """The file, as the .blend keeps it, that our strip for one of these owners plays; "" where there is none. Blender keeps it right when
    the .blend is saved elsewhere, and an artist relinks it."""
    wanted = set(owners)
    found = (strip.sound.filepath for strip in _ours(scene) if _owners(strip) & wanted and getattr(strip, "sound", None) is not None)
    return next(found, "")


def remove(scene: bpy.types.Scene, owners: Iterable[str]) -> tuple[str, ...]:
    """Take away our strips for these owners; one that other bakes share stays for them, and one that the artist changed stays, muted.

    Returns sentences about those that were kept.
    """
    return _let_go(scene, _ours(scene), set(owners))


def _ours(scene: bpy.types.Scene) -> list[Any]:
    return [] if scene.sequence_editor is None else [s for s in _strips(scene.sequence_editor) if tags.read(s) is not None]


def _strips(editor: Any) -> Any:
    return editor.strips if hasattr(editor, "strips") else editor.sequences  # named sequences before 4.4's rename


def _end(strip: Any) -> int:
    """The frame after its last one."""
    return strip.right_handle if hasattr(strip, "right_handle") else strip.frame_final_end  # renamed in 5.1


def _start(strip: Any) -> int:
    """Its first frame."""
    return strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start  # renamed in 5.1


def _content_start(strip: Any) -> float:
    """The frame on which the file begins, whether or not it is heard from there on."""
    return strip.content_start if hasattr(strip, "content_start") else strip.frame_start  # renamed in 5.1


def _owners(strip: Any) -> set[str]:
    return set(tags.read(strip).get("owners", ()))


def _state(strip: Any) -> dict[str, Any]:
    """What an artist changes about a strip. Neither channel nor muting: nothing is lost with them."""
    content = _content_start(strip)
    return {
        "start": round(content, 3),
        "trimmed": [round(_start(strip) - content, 3), round(_end(strip) - content, 3)],
        "volume": round(strip.volume, 3),
        "pan": round(strip.pan, 3),
        "modifiers": len(strip.modifiers),
        "retiming": len(getattr(strip, "retiming_keys", ())),
    }


def _was_changed(strip: Any) -> bool:
    made = tags.read(strip).get("state")
    return made is not None and made != _state(strip)


def _lies_at(strip: Any, path: Path, frame: int) -> bool:
    """Whether the strip plays this file from this frame on."""
    if getattr(strip, "sound", None) is None or round(_content_start(strip)) != frame:
        return False
    own = Path(bpy.path.abspath(strip.sound.filepath))
    return own.exists() and own.samefile(path)


def _let_go(scene: bpy.types.Scene, strips: Iterable[Any], owners: set[str]) -> tuple[str, ...]:
    """Take these owners off our strips; one that has none left goes, or is the artist's where somebody changed it."""
    warnings = []
    for strip in list(strips):
        before = _owners(strip)
        if not before & owners:
            continue
        if before - owners:
            tags.write(strip, owners=sorted(before - owners), state=tags.read(strip).get("state"))
        elif _was_changed(strip):
            tags.release(strip)
            strip.mute = True
            warnings.append(f"The sound strip '{strip.name}' of the earlier bake was changed, so it was kept, muted.")
        else:
            sound = getattr(strip, "sound", None)
            _strips(scene.sequence_editor).remove(strip)
            if sound is not None and sound.users == 0:
                bpy.data.sounds.remove(sound)
    return tuple(warnings)


def _free_channel(strips: Any, frame: int, ignoring: list[Any]) -> int | None:
    """The lowest channel with nothing at or after ``frame``; the strips that are about to go do not count."""
    going = {strip.as_pointer() for strip in ignoring}
    taken = {strip.channel for strip in strips if _end(strip) > frame and strip.as_pointer() not in going}
    # A strip that is about to go still lies there while the new one is made, and Blender would push the new one away from it.
    present = {strip.channel for strip in ignoring if _end(strip) > frame}
    free = [channel for channel in range(1, _CHANNELS + 1) if channel not in taken]
    return next((c for c in free if c not in present), free[0] if free else None)


def stored_path(path: Path) -> str:
    """As a .blend keeps it: relative to a saved file where the user's preferences say so."""
    if bpy.data.filepath and bpy.context.preferences.filepaths.use_relative_paths:
        try:
            return bpy.path.relpath(str(path))
        except ValueError:  # another drive on Windows
            return str(path)
    return str(path)
