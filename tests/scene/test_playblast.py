# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest

pytestmark = pytest.mark.blender
bpy = pytest.importorskip("bpy")

import numpy as np  # noqa: E402

from facewright.core.errors import UserError  # noqa: E402
from facewright.scene import playblast, render  # noqa: E402


def tile(path: Path, color: tuple[float, float, float], size: int = 4) -> Path:
    image = bpy.data.images.new(path.stem, size, size)
    image.pixels.foreach_set(np.tile(np.array([*color, 1.0], np.float32), size * size))
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def test_a_sheet_runs_from_left_to_right_and_from_top_to_bottom(scene, tmp_path: Path) -> None:
    colors = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    tiles = [tile(tmp_path / f"{i}.png", color) for i, color in enumerate(colors)]
    playblast.contact_sheet(tiles, tmp_path / "sheet.png", columns=2)
    sheet = bpy.data.images.load(str(tmp_path / "sheet.png"))
    assert tuple(sheet.size) == (8, 8)
    pixels = np.array(sheet.pixels[:]).reshape(8, 8, 4)[::-1]  # first row on top
    np.testing.assert_allclose(pixels[1, 1, :3], colors[0], atol=0.01)
    np.testing.assert_allclose(pixels[1, 6, :3], colors[1], atol=0.01)
    np.testing.assert_allclose(pixels[6, 1, :3], colors[2], atol=0.01)
    np.testing.assert_allclose(pixels[6, 6, :3], (1, 1, 1), atol=0.01)
    assert not [i for i in bpy.data.images if i.name.startswith(("facewright", "0"))]


def test_a_clip_is_written_and_the_settings_are_put_back(scene, tmp_path: Path) -> None:
    if not render.workbench_available():
        pytest.skip("Workbench needs EGL, which this machine lacks")
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.frame_end = 3
    scene.render.resolution_x = scene.render.resolution_y = 32
    render.use_engine(scene, "WORKBENCH")
    scene.render.filepath = "//somewhere"
    before = (scene.render.image_settings.file_format, scene.render.filepath, scene.render.use_simplify, scene.display.render_aa)
    playblast.render_clip(scene, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_bytes()[4:8] == b"ftyp"
    assert before == (scene.render.image_settings.file_format, scene.render.filepath, scene.render.use_simplify, scene.display.render_aa)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_folder_that_is_not_there_is_a_sentence(scene, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot write in"):
        playblast.render_clip(scene, tmp_path / "nowhere" / "clip.mp4")


def test_a_caption_is_in_the_picture_and_leaves_the_scene_as_it_was(scene, tmp_path: Path) -> None:
    if not render.workbench_available():
        pytest.skip("Workbench needs EGL, which this machine lacks")
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.resolution_x = scene.render.resolution_y = 160
    scene.world = bpy.data.worlds.new("White")
    scene.world.color = (1, 1, 1)  # the captions are dark
    before = (scene.render.use_stamp, scene.render.use_stamp_date, tuple(scene.render.stamp_foreground))
    plain = playblast._read(render.render_still(scene, tmp_path / "plain.png", (160, 160)))
    with playblast.caption(scene, "OW  poems"):
        told = playblast._read(render.render_still(scene, tmp_path / "told.png", (160, 160)))
    assert np.abs(told - plain)[-20:].max() > 0.1
    assert np.abs(told - plain)[:100].max() < 0.02
    assert before == (scene.render.use_stamp, scene.render.use_stamp_date, tuple(scene.render.stamp_foreground))
