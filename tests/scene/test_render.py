# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of a scene: written where they were asked for, in the size they were asked for, and what they need is said when it lacks."""
from pathlib import Path

import pytest

bpy = pytest.importorskip("bpy")
from facewright.core.errors import UserError  # noqa: E402
from facewright.scene import render  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def scene() -> "bpy.types.Scene":
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location.z = 5
    scene.collection.objects.link(camera)
    scene.camera = camera
    return scene


def size_of(path: Path) -> tuple[int, int]:
    image = bpy.data.images.load(str(path))
    size = tuple(image.size)
    bpy.data.images.remove(image)
    return size


def test_a_still_has_the_size_and_leaves_output_settings_alone(scene: "bpy.types.Scene", tmp_path: Path) -> None:
    scene.render.filepath = "//mine"
    scene.render.image_settings.file_format = "JPEG"
    scene.render.simplify_subdivision_render = 3
    path = render.render_still(scene, tmp_path / "still.png", (24, 16))
    assert size_of(path) == (24, 16)
    assert scene.render.filepath == "//mine"
    assert scene.render.image_settings.file_format == "JPEG"
    assert not scene.render.use_simplify and scene.render.simplify_subdivision_render == 3


def test_frames_are_named_by_number_and_the_frame_is_put_back(scene: "bpy.types.Scene", tmp_path: Path) -> None:
    scene.frame_set(7)
    paths = render.render_frames(scene, (1, 5), tmp_path, (16, 16))
    assert [p.name for p in paths] == ["frame_00001.png", "frame_00005.png"]
    assert all(p.is_file() for p in paths)
    assert scene.frame_current == 7


def test_cycles_draws_where_workbench_cannot(scene: "bpy.types.Scene", tmp_path: Path) -> None:
    assert size_of(render.render_still(scene, tmp_path / "cycles.png", (8, 8), "CYCLES")) == (8, 8)
    assert scene.render.engine == "CYCLES"


def test_automatic_choice_is_workbench_exactly_where_it_works(scene: "bpy.types.Scene", monkeypatch: pytest.MonkeyPatch) -> None:
    for works, engine in ((True, "WORKBENCH"), (False, "CYCLES")):
        monkeypatch.setattr(render, "workbench_available", lambda works=works: works)
        assert render.use_engine(scene) == engine


def test_a_child_that_dies_means_no_workbench(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "_PROBE", "import os; os.abort()")
    render.workbench_available.cache_clear()
    try:
        assert render.workbench_available() is False
    finally:
        render.workbench_available.cache_clear()


def test_no_camera_is_said(scene: "bpy.types.Scene", tmp_path: Path) -> None:
    scene.camera = None
    with pytest.raises(UserError, match="no camera"):
        render.render_still(scene, tmp_path / "still.png", (8, 8), "CYCLES")
