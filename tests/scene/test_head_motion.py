# SPDX-License-Identifier: GPL-3.0-or-later
"""Head and eye angles on bones and objects: the way a character looks, whatever its axes, and what an artist made stays."""
import math

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")
from mathutils import Euler, Quaternion, Vector  # noqa: E402

from facewright.core.curves import Curves  # noqa: E402
from facewright.core.errors import UserError  # noqa: E402
from facewright.scene import head_motion, tags  # noqa: E402

pytestmark = pytest.mark.blender


@pytest.fixture
def scene():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    found = bpy.context.scene
    found.render.fps, found.render.fps_base = 25, 1
    return found


def armature(scene, y_up=False, roll=0.7):
    """A body bone, a head bone and two eyes; facing -Y with Z up, or made Y up and turned by its object as imports are."""
    data = bpy.data.armatures.new("Rig")
    rig = bpy.data.objects.new("Rig", data)
    scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    up, out = (Vector((0, 1, 0)), Vector((0, 0, 1))) if y_up else (Vector((0, 0, 1)), Vector((0, -1, 0)))
    body = data.edit_bones.new("body")
    body.head, body.tail = Vector(), up
    head = data.edit_bones.new("head")
    head.head, head.tail, head.roll, head.parent = up, up * 1.5 + out * 0.1, roll, body
    for name, x in (("eye.L", 0.03), ("eye.R", -0.03)):
        eye = data.edit_bones.new(name)
        eye.head = up * 1.3 + Vector((x, 0, 0))
        eye.tail, eye.parent = eye.head + out * 0.05, head
    bpy.ops.object.mode_set(mode="OBJECT")
    if y_up:
        rig.rotation_euler = (math.pi / 2, 0, 0)
    bpy.context.view_layer.update()
    return rig


def angles(yaw=0.0, pitch=0.0, roll=0.0, names=head_motion.HEAD, count=26):
    values = np.linspace(0, 1, count)[:, None] * np.array([yaw, pitch, roll])
    return Curves(names, np.arange(count) / 25, values.astype(np.float32))


def play(turned, curves, scene, **options):
    made, warnings = head_motion.write(turned, curves, scene, options.pop("start", 1), options.pop("sparse", False), 0.005)
    kept = [name for place in made for name in place.retire_earlier()]
    scene.frame_set(26)
    bpy.context.view_layer.update()
    return warnings, kept


def turn_of(rig, bone):
    """How far the bone is turned from its rest, in the world."""
    world = rig.matrix_world.to_3x3().normalized()
    pose, rest = rig.pose.bones[bone].matrix.to_3x3().normalized(), rig.data.bones[bone].matrix_local.to_3x3().normalized()
    return world @ pose @ rest.inverted() @ world.inverted()


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZYX"])
@pytest.mark.parametrize("y_up", [False, True])
@pytest.mark.parametrize(
    ("angle", "toward"),
    [
        ({"yaw": 0.5}, (math.sin(0.5), -math.cos(0.5), 0)),
        ({"pitch": 0.5}, (0, -math.cos(0.5), -math.sin(0.5))),
        ({"roll": 0.5}, (0, -1, 0)),
    ],
)
def test_a_head_bone_turns_as_the_subject_does(scene, mode, y_up, angle, toward):
    """Facing -Y: yaw looks to the subject's left (+X), pitch looks down, roll keeps looking ahead and lifts the left ear."""
    rig = armature(scene, y_up)
    rig.pose.bones["head"].rotation_mode = mode
    play([head_motion.head(rig, "head")], angles(**angle), scene)
    turn = turn_of(rig, "head")
    np.testing.assert_allclose(turn @ Vector((0, -1, 0)), toward, atol=1e-3)
    if "roll" in angle:
        np.testing.assert_allclose(turn @ Vector((1, 0, 0)), (math.cos(0.5), 0, math.sin(0.5)), atol=1e-3)


def test_the_angles_compose_as_yaw_pitch_roll(scene):
    rig = armature(scene)
    play([head_motion.head(rig, "head")], angles(0.4, -0.3, 0.2), scene)
    expected = Quaternion((0, 0, 1), 0.4) @ Quaternion((1, 0, 0), -0.3) @ Quaternion((0, -1, 0), 0.2)
    np.testing.assert_allclose(turn_of(rig, "head"), expected.to_matrix(), atol=1e-3)


def test_an_object_turns_about_its_own_axes_from_how_it_stood(scene):
    head = bpy.data.objects.new("Head", None)
    scene.collection.objects.link(head)
    head.rotation_euler = stood = Euler((0, 0, math.pi / 2))  # it faces +X
    bpy.context.view_layer.update()
    play([head_motion.head(head)], angles(pitch=0.5), scene)
    np.testing.assert_allclose(head.matrix_world.to_3x3() @ Vector((0, -1, 0)), (math.cos(0.5), 0, -math.sin(0.5)), atol=1e-3)
    found, kept = head_motion.remove([head])
    assert found and not kept and tuple(head.rotation_euler) == tuple(stood) and not bpy.data.actions


def test_eyes_and_head_of_one_armature_share_an_action(scene):
    rig = armature(scene)
    curves = Curves(
        (*head_motion.HEAD, *head_motion.EYES["left"], *head_motion.EYES["right"]), [0, 1], [[0] * 9, [0.2, 0, 0, 0.3, 0, 0, 0.1, 0, 0]]
    )
    play([head_motion.head(rig, "head"), head_motion.eye("left", rig, "eye.L"), head_motion.eye("right", rig, "eye.R")], curves, scene)
    assert len(bpy.data.actions) == 1
    for bone, yaw in (("head", 0.2), ("eye.L", 0.5), ("eye.R", 0.3)):  # eyes go with the head and turn in it
        np.testing.assert_allclose(turn_of(rig, bone) @ Vector((0, -1, 0)), (math.sin(yaw), -math.cos(yaw), 0), atol=2e-3)


def test_more_than_half_a_turn_does_not_jump(scene):
    rig = armature(scene)
    play([head_motion.head(rig, "head")], angles(yaw=4.0, count=51), scene)
    action = rig.animation_data.action
    from facewright.scene import actions_compat

    for curve in actions_compat.fcurves(action):
        steps = np.diff([curve.evaluate(frame) for frame in range(1, 52)])
        assert np.abs(steps).max() < 0.1


def test_an_artists_action_stays_and_a_second_bake_replaces_the_first(scene):
    rig = armature(scene)
    rig.pose.bones["body"].rotation_mode = "XYZ"
    rig.pose.bones["body"].keyframe_insert("rotation_euler", frame=1)
    own = rig.animation_data.action
    for yaw in (0.2, 0.6):
        play([head_motion.head(rig, "head")], angles(yaw=yaw), scene)
    assert rig.animation_data.action == own and len(rig.animation_data.nla_tracks) == 1
    np.testing.assert_allclose(turn_of(rig, "head") @ Vector((0, -1, 0)), (math.sin(0.6), -math.cos(0.6), 0), atol=1e-3)


def test_an_edited_bake_is_kept(scene):
    rig = armature(scene)
    play([head_motion.head(rig, "head")], angles(yaw=0.2), scene)
    from facewright.scene import actions_compat

    next(actions_compat.fcurves(rig.animation_data.action)).keyframe_points[0].co.y += 0.5
    _warnings, kept = play([head_motion.head(rig, "head")], angles(yaw=0.6), scene)
    assert len(kept) == 1 and bpy.data.actions[kept[0]].use_fake_user
    assert tags.read(bpy.data.actions[kept[0]]) is None


def test_what_was_made_can_be_taken_back(scene):
    rig = armature(scene)
    made, _warnings = head_motion.write([head_motion.head(rig, "head")], angles(yaw=0.2), scene, 1, True, 0.005)
    for place in made:
        place.take_back()
    assert rig.animation_data is None and not bpy.data.actions


def test_a_still_head_makes_no_action(scene):
    rig = armature(scene)
    play([head_motion.head(rig, "head")], angles(), scene)
    assert not bpy.data.actions


def test_what_a_new_bake_no_longer_turns_goes_back(scene):
    rig = armature(scene)
    stood = Quaternion((0.8, 0.6, 0.0, 0.0))
    rig.pose.bones["eye.L"].rotation_quaternion = stood
    head = angles(yaw=0.5)
    curves = Curves((*head.names, *head_motion.EYES["left"]), head.times, np.concatenate([head.values, head.values], 1))
    play([head_motion.head(rig, "head"), head_motion.eye("left", rig, "eye.L")], curves, scene)
    play([head_motion.head(rig, "head")], curves, scene)
    assert tuple(rig.pose.bones["eye.L"].rotation_quaternion) == pytest.approx(tuple(stood))
    play([head_motion.head(rig, "head")], angles(), scene)
    assert tuple(rig.pose.bones["head"].rotation_quaternion) == pytest.approx((1, 0, 0, 0)) and not bpy.data.actions


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda rig: None, "has no bone"),
        (lambda rig: setattr(rig.pose.bones["head"], "rotation_mode", "AXIS_ANGLE"), "axis and angle"),
        (lambda rig: rig.pose.bones["head"].driver_add("rotation_quaternion", 0), "driver"),
    ],
)
def test_what_cannot_be_turned_is_a_sentence(scene, spoil, said):
    rig = armature(scene)
    spoil(rig)
    bone = "neck" if "no bone" in said else "head"
    with pytest.raises(UserError, match=said):
        head_motion.check([head_motion.head(rig, bone)])


def test_an_armature_needs_a_bone(scene):
    with pytest.raises(UserError, match="No bone"):
        head_motion.check([head_motion.head(armature(scene))])
