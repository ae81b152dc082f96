# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips with sound and contact sheets of a scene: what an animator shows around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np

from ..core.paths import replacing


def render_clip(scene: bpy.types.Scene, path: Path, subdivision: int = 1) -> None:
    """Render the scene's frame range with its sound to an H.264 .mp4 at ``path``; the scene's settings are put back.

    Engine, size and frame range are the scene's own. subdivision: no modifier subdivides more than this; most of a frame's time goes
    there (1: round enough in motion). Raises UserError where the file cannot be written.
    """
    render = scene.render
    image = render.image_settings
    before = (render.filepath, render.use_file_extension, getattr(image, "media_type", None), image.file_format, image.color_mode)
    simplified = (render.use_simplify, render.simplify_subdivision_render, scene.display.render_aa)
    with replacing(path) as temporary:
        try:
            render.use_simplify, render.simplify_subdivision_render = True, subdivision
            scene.display.render_aa = "FXAA"  # a quarter of the time of eight samples, and motion hides the rest
            render.filepath = str(temporary)
            render.use_file_extension = False
            if hasattr(image, "media_type"):  # Blender 5.0 sorts formats by medium
                image.media_type = "VIDEO"
            image.file_format = "FFMPEG"
            image.color_mode = "RGB"
            render.ffmpeg.format = "MPEG4"
            render.ffmpeg.codec = "H264"
            render.ffmpeg.constant_rate_factor = "HIGH"
            render.ffmpeg.audio_codec = "AAC"
            bpy.ops.render.render(animation=True, scene=scene.name)
        finally:
            render.filepath, render.use_file_extension = before[:2]
            if before[2] is not None:
                image.media_type = before[2]
            image.file_format, image.color_mode = before[3:]
            render.use_simplify, render.simplify_subdivision_render, scene.display.render_aa = simplified


@contextmanager
def caption(scene: bpy.types.Scene, text: str) -> Iterator[None]:
    """Pictures rendered in this block carry the text in their upper left corner, by Blender's own stamp; its settings are put back."""
    render = scene.render
    stamps = [name for name in dir(render) if name.startswith("use_stamp")]
    before = {name: getattr(render, name) for name in (*stamps, "stamp_note_text", "stamp_font_size")}
    colors = tuple(render.stamp_background), tuple(render.stamp_foreground)
    try:
        for name in stamps:
            setattr(render, name, name in ("use_stamp", "use_stamp_note"))
        render.stamp_note_text = text
        render.stamp_background, render.stamp_foreground = (0, 0, 0, 0), (0.05, 0.05, 0.08, 1)
        render.stamp_font_size = max(8, render.resolution_y // 20)
        yield
    finally:
        for name, value in before.items():
            setattr(render, name, value)
        render.stamp_background, render.stamp_foreground = colors


def contact_sheet(tiles: Sequence[Path], path: Path, columns: int = 4) -> None:
    """Lay equally large pictures out in rows, left to right and top to bottom, into one .png at ``path``."""
    pixels = [_read(tile) for tile in tiles]
    height, width = pixels[0].shape[:2]
    rows = -(-len(pixels) // columns)
    sheet = np.ones((rows * height, columns * width, 4), np.float32)
    for i, tile in enumerate(pixels):
        row, column = divmod(i, columns)
        top = (rows - 1 - row) * height  # Blender's first pixel row is the lowest
        sheet[top : top + height, column * width : (column + 1) * width] = tile
    with replacing(path) as temporary:
        picture = bpy.data.images.new("facewright sheet", columns * width, rows * height, alpha=False)
        try:
            picture.pixels.foreach_set(sheet.ravel())
            picture.filepath_raw = str(temporary)
            picture.file_format = "PNG"
            picture.save()
        finally:
            bpy.data.images.remove(picture)


def _read(path: Path) -> np.ndarray:
    """float32 [height, width, 4], first row lowest, as stored (no colour transform)."""
    picture = bpy.data.images.load(str(path))
    try:
        picture.colorspace_settings.name = "Non-Color"
        width, height = picture.size
        pixels = np.empty(width * height * 4, np.float32)
        picture.pixels.foreach_get(pixels)
        return pixels.reshape(height, width, 4)
    finally:
        bpy.data.images.remove(picture)
