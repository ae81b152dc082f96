# SPDX-License-Identifier: GPL-3.0-or-later
"""Bake Video and Pose from Image: reasons, results against the plain functions, head and gaze where asked for, how jobs end."""
import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from facewright.operators.bake_video import FACEWRIGHT_OT_bake_video as BakeVideo  # noqa: E402
from facewright.operators.drop_video import FACEWRIGHT_OT_drop_video as DropVideo  # noqa: E402
from facewright.operators.pose_image import FACEWRIGHT_OT_pose_image as PoseImage  # noqa: E402
from facewright.scene import actions_compat, bake, jobs  # noqa: E402

pytestmark = pytest.mark.blender

_spec = importlib.util.spec_from_file_location("stand_in", Path(__file__).with_name("stand_in.py"))
stand_in = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stand_in)


@pytest.fixture
def looking(face):
    """The face with a look shape, too."""
    face.shape_key_add(name="eyeLookOutLeft", from_mix=False).value = 0.0
    return face


@pytest.fixture
def video(settings, tmp_path):
    def choose(name="clip", suffix=".mp4"):
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(b"a file whose name says what comes of it")
        setattr(settings.video, "path" if suffix == ".mp4" else "picture", str(path))
        return settings.video

    return choose


@pytest.fixture
def rig(addon):
    data = bpy.data.armatures.new("Rig")
    made = bpy.data.objects.new("Rig", data)
    bpy.context.scene.collection.objects.link(made)
    active = bpy.context.view_layer.objects.active
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="EDIT")
    for name in ("head", "eye.L", "eye.R"):
        bone = data.edit_bones.new(name)
        bone.tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = active
    return made


def paths(block):
    action = block.animation_data.action
    return {(curve.data_path, curve.array_index): len(curve.keyframe_points) for curve in actions_compat.fcurves(action)}


def shapes(obj):
    return {path.split('"')[1] for path, _index in paths(obj.data.shape_keys)}


def test_each_reason_says_what_to_do(addon, settings):
    assert BakeVideo.disabled_reason(bpy.context) == "Select a character with shape keys, or add the demo head."


def test_it_asks_for_a_video_and_a_picture(face):
    assert BakeVideo.disabled_reason(bpy.context) == "Choose the video of a face, or drop a video file on the 3D View."
    assert PoseImage.disabled_reason(bpy.context) == "Choose a picture of a face."


def test_a_missing_file_is_a_sentence(face, settings, worker):
    settings.video.path, settings.video.picture = "//gone.mp4", "//gone.png"
    for operator in (bpy.ops.facewright.bake_video, bpy.ops.facewright.pose_image):
        with pytest.raises(RuntimeError, match="There is no file 'gone"):
            operator()


def test_the_operators_result_is_the_plain_functions(looking, settings, worker, video):
    video()
    assert bpy.ops.facewright.bake_video() == {"FINISHED"}
    by_operator = paths(looking.data.shape_keys)
    bake.remove([looking], bpy.context.scene)
    bake.apply(bake.plan([looking], stand_in.known_motion(), bake.BakeOptions()), bpy.context.scene)
    assert by_operator == paths(looking.data.shape_keys)
    assert shapes(looking) == {"jawOpen", "eyeBlinkLeft", "eyeLookOutLeft"}
    assert "A smile." in jobs.outcome("video").lines


def test_what_the_panel_asks_reaches_the_worker(face, settings, worker, video):
    chosen = video()
    chosen.face, chosen.neutral_from, chosen.neutral_time, chosen.mouth, chosen.smoothing = 2, "FRAME", 1.5, "BLEND", 0.5
    chosen.follow, chosen.careful = "NUMBERED", True
    bpy.ops.facewright.bake_video()
    assert "face=2 neutral=1.5 mouth=blend smoothing=0.5 careful=True" in jobs.outcome("video").lines


def test_head_and_eyes_turn_bones_and_then_the_look_shapes_rest(looking, settings, worker, video, rig):
    chosen = video()
    chosen.head, chosen.head_bone, chosen.gaze, chosen.left_eye_bone, chosen.right_eye_bone = rig, "head", "BONES", "eye.L", "eye.R"
    bpy.ops.facewright.bake_video()
    assert {path.split('"')[1] for path, _index in paths(rig)} == {"head", "eye.L", "eye.R"}
    assert shapes(looking) == {"jawOpen", "eyeBlinkLeft"}
    assert "'Rig' turns with the head." in jobs.outcome("video").lines[0]
    bpy.ops.facewright.remove_bake()
    assert rig.animation_data.action is None and not bpy.data.actions


def test_another_character_s_head_and_markers_stay_and_a_head_alone_can_be_removed(looking, settings, worker, video, rig):
    chosen = video()
    chosen.head, chosen.head_bone, chosen.describe = rig, "head", True
    bpy.ops.facewright.bake_video()
    other = looking.copy()
    other.data = looking.data.copy()
    other.data.shape_keys.animation_data_clear()
    bpy.context.scene.collection.objects.link(other)
    looking.select_set(False)
    other.select_set(True)
    bpy.context.view_layer.objects.active = other
    chosen.head, chosen.describe = None, False
    bpy.ops.facewright.bake_video()
    bpy.ops.facewright.remove_bake()
    assert rig.animation_data.action is not None and len(bpy.context.scene.timeline_markers) == 2
    other.select_set(False)
    rig.select_set(True)
    assert bpy.ops.facewright.remove_bake() == {"FINISHED"}
    assert rig.animation_data.action is None and looking.data.shape_keys.animation_data.action is not None


def test_eye_bones_that_were_not_chosen_are_asked_for_before_the_wait(face, settings, worker, video, rig):
    chosen = video("slow")
    chosen.gaze = "BONES"
    with pytest.raises(RuntimeError, match="no armature"):
        bpy.ops.facewright.bake_video()
    chosen.head, chosen.head_bone = rig, "head"
    with pytest.raises(RuntimeError, match="No left eye bone"):
        bpy.ops.facewright.bake_video()


def test_head_motion_is_taken_back_where_the_face_cannot_be_baked(looking, settings, worker, video, rig, monkeypatch):
    chosen = video()
    chosen.head, chosen.head_bone = rig, "head"
    monkeypatch.setattr(bake, "apply", lambda plan, scene: 1 / 0)
    with pytest.raises(RuntimeError, match="unexpected"):
        bpy.ops.facewright.bake_video()
    assert rig.animation_data is None and not bpy.data.actions


def test_the_description_goes_into_markers_on_request(face, settings, worker, video):
    chosen = video()
    bpy.ops.facewright.bake_video()
    assert not bpy.context.scene.timeline_markers
    chosen.describe = True
    settings.start_frame = 101
    for _again in range(2):
        bpy.ops.facewright.bake_video()
        found = [(m.frame, m.name) for m in bpy.context.scene.timeline_markers]
        assert found == [(101, "Happiness: lip corners clearly pulled up."), (113, "Happiness: lip corners clearly pulled up.")]
    bpy.ops.facewright.remove_bake()
    assert not bpy.context.scene.timeline_markers


def test_a_video_without_a_face_is_told_and_changes_nothing(face, settings, worker, video):
    video("noface")
    with pytest.raises(RuntimeError, match="No face was found"):
        bpy.ops.facewright.bake_video()
    assert jobs.outcome("video").kind == "failed" and not bpy.data.actions


def test_cancel_leaves_the_file_as_it_was(face, settings, worker, video):
    video("slow")
    work = BakeVideo.begin(None, bpy.context)
    jobs.start("video", "Bake Video", work.task, work.finish, work.clean_up)
    end = time.monotonic() + 20
    while jobs.running().progress < 0.4:
        assert time.monotonic() < end
        jobs.tick()
        time.sleep(0.01)
    jobs.cancel()
    while jobs.tick() is not None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert jobs.outcome("video").kind == "cancelled" and not bpy.data.actions


def test_a_picture_becomes_one_key_on_the_current_frame(face, settings, worker, video):
    video("smile", ".png")
    bpy.context.scene.frame_set(12)
    assert bpy.ops.facewright.pose_image() == {"FINISHED"}
    action = face.data.shape_keys.animation_data.action
    jaw = next(curve for curve in actions_compat.fcurves(action) if "jawOpen" in curve.data_path)
    np.testing.assert_allclose([tuple(point.co) for point in jaw.keyframe_points], [(12, 0.4)], atol=1e-6)
    assert jobs.outcome("video").lines[1] == "Happiness: lip corners clearly pulled up."


def test_the_largest_face_or_the_one_counted_from_the_left(face, settings, worker, video):
    chosen = video("two", ".png")
    blocks = face.data.shape_keys.key_blocks
    for follow, which, expected in (("LARGEST", 1, 0.4), ("NUMBERED", 2, 0.9), ("NUMBERED", 1, 0.4)):
        chosen.follow, chosen.face = follow, which
        bpy.ops.facewright.pose_image()
        assert blocks["jawOpen"].value == pytest.approx(expected)
    chosen.follow, chosen.face = "NUMBERED", 3
    with pytest.raises(RuntimeError, match="shows only 2 faces"):
        bpy.ops.facewright.pose_image()


def test_a_picture_without_a_face_is_a_sentence(face, settings, worker, video):
    video("empty", ".png")
    with pytest.raises(RuntimeError, match=r"No face was found in empty\.png"):
        bpy.ops.facewright.pose_image()
    assert not bpy.data.actions


def test_a_dropped_video_is_kept_without_a_character(addon, settings, video):
    assert bpy.ops.facewright.drop_video(filepath="/clip.mp4") == {"FINISHED"}
    assert settings.video.path == "/clip.mp4"
    assert DropVideo.disabled_reason(bpy.context) == ""
