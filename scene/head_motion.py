# SPDX-License-Identifier: GPL-3.0-or-later
"""Head and eye angles onto bones or an object: what a tracked face does besides its shape keys.

Angles are radians about the subject's own axes (right-handed: x to the subject's left, y up, z out of the face): yaw about y (positive:
to the subject's left), pitch about x (positive: down), roll about z, composed as yaw . pitch . roll, as Live Link Face's channels.
They turn a bone away from its rest pose, an object away from how it stood before the first bake. A character is taken to face -Y with
Z up in its own space, as Blender's are, or +Z with Y up where its object is turned that way (what FBX and glTF imports bring).

The Action goes where ``placement`` says: an artist's own stays.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from ..core import keys as reduction
from ..core.curves import Curves
from ..core.errors import UserError
from ..core.timing import frame_times, scene_fps
from . import placement, tags

HEAD = ("headYaw", "headPitch", "headRoll")
EYES = {"left": ("leftEyeYaw", "leftEyePitch", "leftEyeRoll"), "right": ("rightEyeYaw", "rightEyePitch", "rightEyeRoll")}
_STILL = 1e-6  # rad: below this nothing turns
_STOOD = "facewright_stood"  # on an Action with poses of an object: how it stood before the first, by the rotation's name


@dataclass(frozen=True)
class Turned:
    """Something that is turned: a pose bone of an armature, or an object where ``bone`` is empty, by three of the curves' channels."""

    object: bpy.types.Object
    bone: str
    channels: tuple[str, str, str]

    @property
    def label(self) -> str:
        return f"{self.object.name}: {self.bone}" if self.bone else self.object.name

    @property
    def block(self) -> bpy.types.Object | bpy.types.PoseBone:
        """What has the rotation."""
        return self.object.pose.bones[self.bone] if self.bone else self.object

    @property
    def path(self) -> str:
        """The data path of its rotation, from its object."""
        name = "rotation_quaternion" if self.block.rotation_mode == "QUATERNION" else "rotation_euler"
        return f'pose.bones["{bpy.utils.escape_identifier(self.bone)}"].{name}' if self.bone else name


def head(obj: bpy.types.Object, bone: str = "") -> Turned:
    return Turned(obj, bone, HEAD)


def eye(side: str, obj: bpy.types.Object, bone: str = "") -> Turned:
    """side: "left" or "right", the subject's."""
    return Turned(obj, bone, EYES[side])


def check(turned: Iterable[Turned]) -> None:
    """Raises UserError for the first that cannot be animated now."""
    for one in turned:
        obj = one.object
        if obj.library is not None:
            raise UserError(f"'{obj.name}' is linked and cannot be animated here.", "Make a library override of it, or make it local.")
        if one.bone and (obj.pose is None or one.bone not in obj.pose.bones):
            raise UserError(f"'{obj.name}' has no bone '{one.bone}'.", "Choose one of its bones in the Video panel.")
        if obj.type == "ARMATURE" and not one.bone:
            raise UserError(f"No bone of '{obj.name}' is chosen.", "Choose its head bone in the Video panel, or another object.")
        if one.block.rotation_mode == "AXIS_ANGLE":
            raise UserError(f"'{one.label}' rotates by axis and angle.", "Set its rotation mode to Quaternion or XYZ Euler.")
        if obj.animation_data and any(driver.data_path == one.path for driver in obj.animation_data.drivers):
            raise UserError(f"The rotation of '{one.label}' has a driver, and a driver wins over keys.", "Delete the driver.")
    for obj in _objects(turned):
        placement.obstacles(_owner(obj))


def write(
    turned: Sequence[Turned], curves: Curves, scene: bpy.types.Scene, start_frame: int, sparse: bool, max_error: float, **told: Any
) -> tuple[list[placement.Placement], list[str]]:
    """New Actions for the objects of ``turned``; sentences that should be said. told: what their tags are to hold besides:
    ``faces``, the names of the Keys that go with them, and the ``source``.

    Nothing of an earlier bake is let go yet: call ``retire_earlier`` of each placement once all has gone well, or ``take_back``. Raises
    UserError, and then nothing is changed.
    """
    check(turned)
    fps = scene_fps(scene.render.fps, scene.render.fps_base)
    times = frame_times(curves.duration, fps)
    frames = start_frame + np.arange(len(times), dtype=np.float64)
    sampled = curves.resample(times)
    made: list[placement.Placement] = []
    warnings: list[str] = []
    try:
        for obj in _objects(turned):
            place = placement.Placement(_owner(obj))
            before = _before(obj)
            written: dict[placement.Path, reduction.Keys] = {}
            for one in (one for one in turned if one.object == obj):
                angles = sampled.select(one.channels).values.astype(np.float64)
                if np.abs(angles).max(initial=0.0) <= _STILL:
                    continue
                rest = before["rotations"].setdefault(one.path, list(_rotation(one)))
                values = _values(one, angles, rest)
                found = reduction.reduce_all(frames, values, max_error) if sparse else [reduction.dense(frames, v) for v in values.T]
                written |= {(one.path, index): keys for index, keys in enumerate(found)}
            made.append(place)
            place.create(written, sparse)
            warnings += place.assign(start_frame, before, **told)
    except BaseException:
        for place in reversed(made):
            place.take_back()
        raise
    return made, warnings


def of_faces(scene: bpy.types.Scene, faces: Iterable[str]) -> list[bpy.types.Object]:
    """Objects of the scene with head motion that was baked with these faces (names of Keys)."""
    wanted = set(faces)
    return [o for o in scene.objects if any(wanted & set(tags.read(action).get("faces", ())) for action in tags.our_actions(o))]


def has_motion(obj: bpy.types.Object) -> bool:
    """Whether head motion of ours plays on the object."""
    return obj.library is None and bool(tags.our_actions(obj))


def remove(objects: Iterable[bpy.types.Object]) -> tuple[bool, tuple[str, ...]]:
    """Take our head motion off these objects; they turn back as they stood. Returns whether there was any, and names of edited ones."""
    found, kept = False, []
    for obj in objects:
        if not has_motion(obj):
            continue
        before = _before(obj)
        _paths, edited = placement.unlink(obj, before)
        for path, values in before["rotations"].items():
            owner_path, _, name = path.rpartition(".")
            try:
                setattr(obj.path_resolve(owner_path) if owner_path else obj, name, values)
            except ValueError:  # the bone is gone
                continue
        found, kept = True, kept + edited
    return found, tuple(kept)


def key_pose(turned: Sequence[Turned], curves: Curves, frame: int) -> list[str]:
    """Turns each by the curves' first row and keys it on ``frame`` in the active Action. Returns the labels of those that took no key.

    A bone turns away from its rest, an object away from how it stood before the first bake or pose, which the Action with the poses
    remembers, so that a second pose does not add to the first.
    """
    refused = []
    for one in turned:
        stood = _stood(one)
        angles = curves.select(one.channels).values[:1].astype(np.float64)
        owner, name = one.block, one.path.rpartition(".")[2]
        before = list(_rotation(one))
        setattr(owner, name, [float(v) for v in _values(one, angles, stood)[0]])
        if not one.object.keyframe_insert(one.path, frame=frame):
            setattr(owner, name, before)
            refused.append(one.label)
        elif not one.bone:
            one.object.animation_data.action[_STOOD] = {name: stood}
    return refused


def _stood(one: Turned) -> list[float]:
    before = _before(one.object)["rotations"].get(one.path)
    adt = one.object.animation_data
    posed = adt.action.get(_STOOD, {}).get(one.path) if adt and adt.action and not one.bone else None
    return [float(v) for v in (before or posed or _rotation(one))]


def _values(one: Turned, angles: np.ndarray, rest: Sequence[float]) -> np.ndarray:
    """angles: float64 [T, 3] yaw, pitch, roll. Returns the rotation channel's values [T, 4 or 3], without jumps."""
    mode = one.block.rotation_mode
    space = _axes(one.object)
    if one.bone:
        space = one.object.data.bones[one.bone].matrix_local.to_3x3().inverted() @ space
    quaternion = mode == "QUATERNION"
    # A bone's rotation counts from its rest, whatever it was set to before.
    stood = Matrix.Identity(3) if one.bone else (Quaternion(rest) if quaternion else Euler(rest, mode)).to_matrix()
    rows, last = [], None
    for yaw, pitch, roll in angles:
        turn = Matrix.Rotation(yaw, 3, "Y") @ Matrix.Rotation(pitch, 3, "X") @ Matrix.Rotation(roll, 3, "Z")
        local = stood @ space @ turn @ space.transposed()
        if quaternion:
            value = local.to_quaternion()
            if last is not None and value.dot(last) < 0:
                value.negate()
        else:
            value = local.to_euler(mode, last) if last is not None else local.to_euler(mode)
        rows.append(tuple(value))
        last = value
    return np.array(rows)


def _axes(obj: bpy.types.Object) -> Matrix:
    """The subject's axes (left, up, out of the face) as columns in the object's space."""
    up = obj.matrix_world.to_3x3().normalized().inverted_safe() @ Matrix.Identity(3).col[2]
    if abs(up.y) > abs(up.z):
        return Matrix.Identity(3)  # y up, z forward
    return Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))


def _objects(turned: Iterable[Turned]) -> Iterator[bpy.types.Object]:
    """Each object once."""
    yield from dict.fromkeys(one.object for one in turned)


def _owner(obj: bpy.types.Object) -> placement.Owner:
    return placement.Owner(obj, obj.name, "OBJECT", lambda path: path.split('"')[1] if '"' in path else path)


def _rotation(one: Turned) -> Sequence[float]:
    return one.block.rotation_quaternion if one.block.rotation_mode == "QUATERNION" else one.block.rotation_euler


def _before(obj: bpy.types.Object) -> dict:
    """How the object stood before the first bake: rotations by data path, the active Action's extrapolation."""
    data = placement.earliest_before(obj)
    if data is not None:
        return {"rotations": dict(data.get("rotations", {})), "extrapolation": data.get("extrapolation", "HOLD")}
    adt = obj.animation_data
    return {"rotations": {}, "extrapolation": adt.action_extrapolation if adt else "HOLD"}
