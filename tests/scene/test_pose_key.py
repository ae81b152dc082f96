# SPDX-License-Identifier: GPL-3.0-or-later
"""One pose as one key, in the Action that an artist works in."""
import pytest

bpy = pytest.importorskip("bpy")

from facewright.core.curves import Curves  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.scene import actions_compat, bake, head_motion, pose_key, tags  # noqa: E402

pytestmark = pytest.mark.blender
POSE = Curves(("jawOpen", "mouthSmileLeft"), [0.0], [[0.5, 0.8]])
STILL = Curves(head_motion.HEAD, [0.0], [[0.0, 0.0, 0.0]])


@pytest.fixture
def face():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    obj = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(obj)
    for name in ("Basis", "jawOpen", "mouthSmile_L", "hairUp"):
        obj.shape_key_add(name=name, from_mix=False).value = 0.0
    return obj


def values(face, frame):
    return {
        curve.data_path.split('"')[1]: curve.evaluate(frame) for curve in actions_compat.fcurves(face.data.shape_keys.animation_data.action)
    }


def test_it_sets_and_keys_what_the_character_has(face):
    report = pose_key.apply([face], POSE, STILL, 7)
    blocks = face.data.shape_keys.key_blocks
    assert report.keys == 2 and report.objects == ("Face",)
    assert blocks["jawOpen"].value == pytest.approx(0.5) and blocks["mouthSmile_L"].value == pytest.approx(0.8)
    assert values(face, 7) == pytest.approx({"jawOpen": 0.5, "mouthSmile_L": 0.8})


def test_keys_elsewhere_stay(face):
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.25
    face.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=1)
    own = face.data.shape_keys.animation_data.action
    pose_key.apply([face], POSE, STILL, 10, strength=0.5)
    assert face.data.shape_keys.animation_data.action == own
    assert values(face, 1)["jawOpen"] == pytest.approx(0.25) and values(face, 10)["jawOpen"] == pytest.approx(0.25)


def test_a_bake_that_was_posed_counts_as_edited(face):
    bake.apply(bake.plan([face], Curves(("jawOpen",), [0.0, 1.0], [[0.0], [1.0]])), bpy.context.scene)
    action = face.data.shape_keys.animation_data.action
    pose_key.apply([face], POSE, STILL, 5)
    assert tags.was_edited(action)


def test_the_head_turns_with_it(face):
    angles = Curves(head_motion.HEAD, [0.0], [[0.3, 0.0, 0.0]])
    head = bpy.data.objects.new("Head", None)
    bpy.context.scene.collection.objects.link(head)
    pose_key.apply([face], POSE, angles, 3, [head_motion.head(head)])
    assert head.rotation_euler[2] == pytest.approx(0.3)
    assert head.animation_data.action is not None


def test_an_object_turns_away_from_how_it_stood_however_often_it_is_posed(face):
    """As FBX imports stand: a quarter turned about x."""
    head = bpy.data.objects.new("Head", None)
    head.rotation_euler = (1.5708, 0.0, 0.5)
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.update()
    pose_key.apply([face], POSE, STILL, 3, [head_motion.head(head)])
    assert tuple(head.rotation_euler) == pytest.approx((1.5708, 0.0, 0.5), abs=1e-4)
    angles = Curves(head_motion.HEAD, [0.0], [[0.0, 0.3, 0.0]])
    for _ in range(2):
        pose_key.apply([face], POSE, angles, 3, [head_motion.head(head)])
        assert tuple(head.rotation_euler) == pytest.approx((1.8708, 0.0, 0.5), abs=1e-4)


def test_what_is_locked_gets_no_key_and_is_named(face):
    block = face.data.shape_keys.key_blocks["mouthSmile_L"]
    block.value = 0.1
    block.keyframe_insert("value", frame=1)
    (curve,) = actions_compat.fcurves(face.data.shape_keys.animation_data.action)
    curve.lock = True
    report = pose_key.apply([face], POSE, STILL, 3)
    assert report.keys == 1 and "mouthSmile_L" in report.warnings[-1] and "ocked" in report.warnings[-1]
    assert block.value == pytest.approx(0.1) and len(curve.keyframe_points) == 1


def test_nothing_to_pose_is_a_sentence(face):
    with pytest.raises(UserError):
        pose_key.apply([], POSE, STILL, 1)
