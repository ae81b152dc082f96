# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender from a shell: import it with a sentence when that fails, keep its chatter off stdout, save files safely."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.errors import UserError
from ..core.paths import replacing


def require() -> None:
    """Import bpy. Raises UserError where this Python has none or a system library is missing."""
    try:
        with quiet():  # it may print about the system while it is loaded
            import bpy  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "bpy":
            raise
        raise UserError(
            "This verb needs Blender's module bpy.",
            "Use the ./facewright launcher, which installs it, or run inside Blender: blender -c facewright ...",
        ) from error
    except ImportError as error:
        raise UserError(f"Blender's module could not be loaded: {error}.", "Install the system package that holds this library.") from error


@contextmanager
def quiet(*descriptors: int) -> Iterator[None]:
    """Blender's C code prints every frame and file to stdout, and graphics drivers doubts to stderr: none of it is seen in this block.

    descriptors: what to silence; 1 (stdout) where none is named.
    """
    descriptors = descriptors or (1,)
    sys.stdout.flush()
    kept = [os.dup(descriptor) for descriptor in descriptors]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in descriptors:
            os.dup2(nowhere, descriptor)
        yield
    finally:
        sys.stdout.flush()
        for descriptor, original in zip(descriptors, kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
        os.close(nowhere)


def open_file(path: Path) -> None:
    """Open a .blend. Raises UserError where it is missing or not a Blender file."""
    import bpy

    if not path.is_file():
        raise UserError(f"There is no file {path}.", "Check the path given with --blend.")
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.absolute()), load_ui=False)
    except RuntimeError as error:
        raise UserError(
            f"{path} could not be opened as a .blend file: {_last_line(error)}", "Check that Blender itself opens it."
        ) from error


def save_copy(path: Path) -> None:
    """Save the open file as ``path`` in one step: a temporary file beside it, then a rename; relative paths are kept right."""
    import bpy

    filepaths = bpy.context.preferences.filepaths
    versions = filepaths.save_version
    with replacing(path.absolute()) as temporary:
        filepaths.save_version = 0  # the temporary file would leave a .blend1 behind
        try:
            bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True)
        except RuntimeError as error:
            raise UserError(f"Cannot write {path}: {_last_line(error)}", "Free some space or choose another folder.") from error
        finally:
            filepaths.save_version = versions


def _last_line(error: RuntimeError) -> str:
    return str(error).strip().splitlines()[-1].removeprefix("Error: ").rstrip(".") + "."


def find_objects(scene, names: list[str] | None) -> list:
    """The scene's objects of these names; without names, all that have one of ARKit's shape keys. Raises UserError where there are none."""
    from ..rigs.mapping import best_mapping
    from ..scene.targets import with_shape_keys

    if names:
        missing = [name for name in names if name not in scene.objects]
        if missing:
            raise UserError(f"There is no object '{missing[0]}' in the scene '{scene.name}'.", "Give its name as the Outliner shows it.")
        return [scene.objects[name] for name in names]
    found = [obj for key, users in with_shape_keys(scene.objects) if best_mapping(b.name for b in key.key_blocks)[1].count for obj in users]
    if not found:
        raise UserError(
            f"No object in the scene '{scene.name}' has shape keys with ARKit names (jawOpen, eyeBlinkLeft, ...).",
            "Name the object with --object.",
        )
    return found
