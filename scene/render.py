# SPDX-License-Identifier: GPL-3.0-or-later
"""Still pictures and frames of any scene: Workbench where it works, else a few samples of Cycles."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Literal

import bpy

from ..core.errors import UserError

Engine = Literal["AUTO", "WORKBENCH", "CYCLES"]
CYCLES_SAMPLES = 8  # enough with denoising for a picture that replaces Workbench's
PROBE_SECONDS = 60  # a first shader compilation on a slow machine; a machine without EGL fails within one
_PROBE = """
import bpy
scene = bpy.context.scene
if scene.camera is None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
scene.render.engine = "BLENDER_WORKBENCH"
scene.render.resolution_x = scene.render.resolution_y = 8
bpy.ops.render.render()
"""


@cache
def workbench_available() -> bool:
    """Whether Workbench can draw here. Without EGL it ends the process, so a child tries it; asked once per process."""
    if not bpy.app.background and not _is_module():
        return True  # a window is open, so drawing works
    command = [sys.executable, "-c", _PROBE]
    if not _is_module():
        command = [bpy.app.binary_path, "-b", "--factory-startup", "--python-exit-code", "1", "--python-expr", _PROBE]
    try:
        return subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _is_module() -> bool:
    """True in the bpy module, where there is no Blender executable to start."""
    return not bpy.app.binary_path


def _all_painted(scene: bpy.types.Scene) -> bool:
    meshes = [o.data for o in scene.objects if o.type == "MESH" and not o.hide_render]
    return bool(meshes) and all(m.color_attributes.active_color for m in meshes)


def use_engine(scene: bpy.types.Scene, engine: Engine = "AUTO") -> str:
    """Set the scene's renderer for quick, flattering pictures and leave it so; returns which one it is ("WORKBENCH" or "CYCLES")."""
    if engine == "AUTO":
        engine = "WORKBENCH" if workbench_available() else "CYCLES"
    if engine == "WORKBENCH":
        scene.render.engine = "BLENDER_WORKBENCH"
        scene.display.render_aa = "8"
        shading = scene.display.shading
        shading.light, shading.studio_light = "STUDIO", "paint.sl"  # the brightest and softest of those that ship
        shading.color_type = "VERTEX" if _all_painted(scene) else "MATERIAL"
        shading.show_object_outline = shading.show_shadows = False
        shading.show_specular_highlight = True
        shading.show_cavity, shading.cavity_type = True, "WORLD"
        shading.cavity_ridge_factor, shading.cavity_valley_factor = 0.0, 0.7  # parts lips and lids without dirtying the nose
    else:
        scene.render.engine = "CYCLES"
        scene.cycles.device = "CPU"  # a picture this small is done before a GPU's kernels are compiled
        scene.cycles.samples = CYCLES_SAMPLES
        scene.cycles.use_denoising = True
    return engine


@contextmanager
def _pictures(scene: bpy.types.Scene, size: tuple[int, int], engine: Engine, detail: int) -> Iterator[None]:
    """The scene set up for PNGs of ``size``. Engine and size stay, everything else is put back."""
    if scene.camera is None:
        raise UserError("The scene has no camera to render with.", "Add a camera or make one active.")
    use_engine(scene, engine)
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    render, image = scene.render, scene.render.image_settings
    wanted = [(render, "use_sequencer", False), (render, "use_compositing", False), (render, "use_simplify", True),
              (render, "simplify_subdivision_render", detail), (image, "file_format", "PNG"), (image, "color_mode", "RGB")]  # fmt: skip
    if hasattr(image, "media_type"):  # from Blender 5; a scene set to video offers no PNG
        wanted.insert(0, (image, "media_type", "IMAGE"))
    before = [(render, "filepath", render.filepath)]
    try:
        for owner, name, value in wanted:
            before.append((owner, name, getattr(owner, name)))
            setattr(owner, name, value)
        yield
    finally:
        # Forwards, so that a video's medium comes back before its format.
        for owner, name, value in before:
            setattr(owner, name, value)


def _write(scene: bpy.types.Scene, path: Path) -> None:
    path.unlink(missing_ok=True)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not path.is_file():
        raise UserError(f"Blender could not write the picture {path}.", "Check that the folder exists and the disk has space.")


def render_still(scene: bpy.types.Scene, path: Path | str, size: tuple[int, int], engine: Engine = "AUTO", detail: int = 1) -> Path:
    """Render the current frame to a PNG of ``size`` (width, height). The scene keeps the engine and the size.

    ``detail`` is the most levels of subdivision: 1 looks smooth up to about 700 pixels. Raises UserError without a camera or where the
    picture cannot be written.
    """
    path = Path(path).with_suffix(".png")
    with _pictures(scene, size, engine, detail):
        _write(scene, path)
    return path


def render_frames(
    scene: bpy.types.Scene, frames: Iterable[int], folder: Path | str, size: tuple[int, int], engine: Engine = "AUTO", detail: int = 1
) -> list[Path]:
    """Render ``frames`` into ``folder`` as frame_00001.png and so on; the current frame is put back. Else as ``render_still``."""
    before = scene.frame_current
    paths = []
    with _pictures(scene, size, engine, detail):
        try:
            for frame in frames:
                scene.frame_set(frame)
                path = Path(folder) / f"frame_{frame:05d}.png"
                _write(scene, path)
                paths.append(path)
        finally:
            scene.frame_set(before)
    return paths
