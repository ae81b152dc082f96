# SPDX-License-Identifier: GPL-3.0-or-later
"""Still pictures and frames of any scene: Workbench where it works, else a few samples of Cycles."""
from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
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
    """Set the scene's renderer and its settings for quick flattering pictures; returns the engine that was chosen."""
    if engine == "AUTO":
        engine = "WORKBENCH" if workbench_available() else "CYCLES"
    if engine == "WORKBENCH":
        scene.render.engine = "BLENDER_WORKBENCH"
        scene.display.render_aa = "8"
        shading = scene.display.shading
        shading.light, shading.studio_light = "STUDIO", "paint.sl"  # the brightest and softest of those that ship
        shading.color_type = "VERTEX" if _all_painted(scene) else "MATERIAL"
        shading.show_object_outline = False
        shading.show_cavity, shading.cavity_type = True, "WORLD"
        shading.cavity_ridge_factor, shading.cavity_valley_factor = 0.0, 1.0
        shading.show_shadows = False
        shading.show_specular_highlight = True
    else:
        scene.render.engine = "CYCLES"
        scene.cycles.device = "CPU"
        scene.cycles.samples = CYCLES_SAMPLES
        scene.cycles.use_denoising = True
    return engine


def _prepare(scene: bpy.types.Scene, size: tuple[int, int]) -> None:
    if scene.camera is None:
        raise UserError("The scene has no camera to render with.", "Add a camera or make one active.")
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"


def _write(scene: bpy.types.Scene, path: Path) -> None:
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    if not path.is_file():
        raise UserError(f"Blender could not write the picture {path}.", "Check that the folder exists and the disk has space.")


def render_still(scene: bpy.types.Scene, path: Path | str, size: tuple[int, int], engine: Engine = "AUTO") -> Path:
    """Render the scene as it stands to a PNG of ``size`` (width, height). Leaves the chosen render settings in the scene."""
    use_engine(scene, engine)
    _prepare(scene, size)
    _write(scene, Path(path))
    return Path(path)


def render_frames(
    scene: bpy.types.Scene, frames: Iterable[int], folder: Path | str, size: tuple[int, int], engine: Engine = "AUTO"
) -> list[Path]:
    """Render ``frames`` to ``folder`` as frame_00001.png and so on; the current frame is put back."""
    use_engine(scene, engine)
    _prepare(scene, size)
    before = scene.frame_current
    paths = []
    try:
        for frame in frames:
            scene.frame_set(frame)
            path = Path(folder) / f"frame_{frame:05d}.png"
            _write(scene, path)
            paths.append(path)
    finally:
        scene.frame_set(before)
    return paths
