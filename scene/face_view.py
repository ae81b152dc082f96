# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera that looks a character straight in the face, found from what its ARKit shape keys move: no names, no rig conventions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Matrix, Vector

from ..core.errors import UserError
from ..rigs.mapping import best_mapping

LENS = 85.0  # mm on 36 mm of film: a portrait lens, under which a nose does not grow
ROOM = 1.12  # how much more than the moving part of the face is seen, so that the chin may drop
NAME = "Facewright Face View"
_EYES = ("eyeBlinkLeft", "eyeBlinkRight", "eyeWideLeft", "eyeWideRight")
_MOVES = 0.05  # of the largest movement of any vertex: less is the far end of a soft fall-off
_UPRIGHT = np.array((0.0, 0.0, 1.0))
_LEVEL = 0.8  # cosine
_FRONT = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")
_MOUTH = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight")
_BROW = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "eyeBlinkLeft", "eyeBlinkRight")


def aim(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object], frames: Iterable[int]) -> bpy.types.Object:
    """Make the scene's camera one that frames the face over all these frames; an earlier one of ours is used again.

    The current frame is left at the last of ``frames``. Raises UserError where no object has ARKit shape keys.
    """
    face, shapes = _face(objects)
    centre, normal, up, points = None, None, None, []
    for frame in frames:
        scene.frame_set(frame)
        at, facing, upward = _look(face, shapes)
        points.append(at)
        if centre is None:
            normal, up = facing, upward
        centre = at
    cloud = np.concatenate(points)
    centre = (cloud.min(0) + cloud.max(0)) / 2
    side = np.cross(up, normal)
    relative = cloud - centre
    half = max(np.abs(relative @ side).max(), np.abs(relative @ up).max(), 1e-4) * ROOM
    middle = centre + side * _middle(relative @ side) + up * _middle(relative @ up)
    depth = (relative @ normal).max()

    camera = _camera(scene)
    data = camera.data
    data.lens, data.sensor_width, data.sensor_fit = LENS, 36.0, "AUTO"
    distance = half / (18.0 / LENS) + depth
    data.clip_start, data.clip_end = distance / 100, distance * 100
    place = middle + normal * distance
    basis = Matrix((Vector(side), Vector(up), Vector(normal))).transposed()
    camera.matrix_world = Matrix.Translation(Vector(place)) @ basis.to_4x4()
    scene.camera = camera
    return camera


def split(scene: bpy.types.Scene, objects: Sequence[bpy.types.Object]) -> float:
    """How high in the camera's picture, 0..1 from below, the nose parts the upper from the lower face, now."""
    face, shapes = _face(objects)
    points, _normals, weight = _moving(face, shapes)
    nose = sum(np.average(points, axis=0, weights=weight(names) + 1e-9) for names in (_MOUTH, _EYES)) / 2
    return min(max(world_to_camera_view(scene, scene.camera, Vector(nose)).y, 0.0), 1.0)


def _middle(values: np.ndarray) -> float:
    return float(values.min() + values.max()) / 2


def _camera(scene: bpy.types.Scene) -> bpy.types.Object:
    camera = bpy.data.objects.get(NAME)
    if camera is None or camera.type != "CAMERA":
        camera = bpy.data.objects.new(NAME, bpy.data.cameras.new(NAME))
    if camera.name not in scene.collection.objects:
        scene.collection.objects.link(camera)
    return camera


def _face(objects: Sequence[bpy.types.Object]) -> tuple[bpy.types.Object, dict[str, list[str]]]:
    """The object with the most ARKit shapes, and canonical name -> its own shape keys."""
    best, best_shapes = None, {}
    for obj in objects:
        key = getattr(obj.data, "shape_keys", None)
        if obj.type != "MESH" or key is None:
            continue
        report = best_mapping(block.name for block in key.key_blocks)[1]
        shapes = report.owners
        if len(shapes) > len(best_shapes):
            best, best_shapes = obj, shapes
    if best is None:
        raise UserError("None of the selected objects has ARKit shape keys, so none has a face.", "Select the character's face.")
    return best, best_shapes


def _look(face: bpy.types.Object, shapes: dict[str, list[str]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Now, in world space: points of the moving face [M, 3], the direction it faces and its up (unit, at right angles)."""
    points, normals, weight = _moving(face, shapes)
    moved = weight(shapes)
    seen = moved > _MOVES * moved.max()
    mouth, brow = (np.average(points, axis=0, weights=weight(names) + 1e-9) for names in (_MOUTH, _BROW))
    apart = brow - mouth
    # From mouth to brow is upright on every face; its normals lean with chin and brow, so they only say which side is the front.
    known = np.linalg.norm(apart) > 1e-3 * np.ptp(points, axis=0).max()
    up = _unit(apart, _UPRIGHT) if known else _UPRIGHT
    if up[2] > _LEVEL:  # a head that is nearly upright is looked at level, so that its tilt is seen
        up = _UPRIGHT
    normal = (normals * weight(_FRONT)[:, None]).sum(0)
    normal = _unit(normal - up * (normal @ up), np.array((0.0, -1.0, 0.0)))
    return points[seen], normal, up


def _moving(face: bpy.types.Object, shapes: dict[str, list[str]]) -> tuple[np.ndarray, np.ndarray, Callable[[Iterable[str]], np.ndarray]]:
    """World positions and normals [V, 3] of the resting face, and how far some shapes (else all) move a vertex [V]."""
    key = face.data.shape_keys
    basis = _coordinates(key.reference_key)
    moved = {name: np.zeros(len(basis)) for name in shapes}
    for name, owns in shapes.items():
        for own in owns:
            moved[name] += np.linalg.norm(_coordinates(key.key_blocks[own]) - basis, axis=1)
    if max((m.max() for m in moved.values()), default=0.0) <= 0:
        raise UserError(f"The shape keys of '{face.name}' move nothing, so there is no face to look at.", "Check its shape keys.")

    def weight(names: Iterable[str]) -> np.ndarray:
        return np.sum([moved[n] for n in names if n in moved] or list(moved.values()), axis=0)

    points, normals = _evaluated(face, basis)
    return points, normals, weight


def _coordinates(block: bpy.types.ShapeKey) -> np.ndarray:
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def _evaluated(face: bpy.types.Object, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World positions and normals [V, 3] after armatures and the like, or of the basis where modifiers change the vertices' number."""
    shown = [m for m in face.modifiers if m.show_viewport]
    grow = {"SUBSURF", "MULTIRES", "SOLIDIFY", "MIRROR", "REMESH", "DECIMATE", "BEVEL", "TRIANGULATE", "WELD", "EDGE_SPLIT", "NODES"}
    hidden = [m for m in shown if m.type in grow]
    pinned = face.show_only_shape_key, face.active_shape_key_index
    for modifier in hidden:
        modifier.show_viewport = False
    face.show_only_shape_key, face.active_shape_key_index = True, 0  # the resting face: two takes of a stretch get one and the same view
    try:
        graph = bpy.context.evaluated_depsgraph_get()
        graph.update()
        own = face.evaluated_get(graph)
        count = len(own.data.vertices)
        co, normals = np.empty(3 * count, np.float32), np.empty(3 * count, np.float32)
        own.data.vertices.foreach_get("co", co)
        own.data.vertices.foreach_get("normal", normals)
        matrix = np.array(own.matrix_world, np.float64)
    finally:
        face.show_only_shape_key, face.active_shape_key_index = pinned
        for modifier in hidden:
            modifier.show_viewport = True
    co, normals = co.reshape(-1, 3).astype(np.float64), normals.reshape(-1, 3).astype(np.float64)
    if count != len(basis):
        co, normals = basis, basis - basis.mean(0)
    turn = np.linalg.inv(matrix[:3, :3]).T
    return co @ matrix[:3, :3].T + matrix[:3, 3], normals @ turn.T


def _unit(vector: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-9 else otherwise
