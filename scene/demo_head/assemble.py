# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the head's parts into Blender objects with shape keys, materials, a root to move them by and a studio."""
from __future__ import annotations

from dataclasses import dataclass, replace

import bpy
import numpy as np

from . import dressing, eyes, mouth_parts, neutral, shapes, studio, topology
from .deform import Skin
from .materials import COLOR_ATTRIBUTE, PALETTE, linear, material
from .part import Part

SCALE = 0.1  # metres to a design unit: a head of life size
NAME = "Facewright Head"


@dataclass(frozen=True)
class DemoHead:
    """``objects`` carry the shape keys under their canonical ARKit names (the face has all 52); select them all and bake once."""

    objects: tuple[bpy.types.Object, ...]
    root: bpy.types.Object
    camera: bpy.types.Object


def parts() -> tuple[Part, ...]:
    """Every object of the head as data, the face first. Deterministic, no Blender needed."""
    quads = topology.build()
    skin = Skin(quads, neutral.build(quads))
    moves = shapes.build(skin)
    face = Part("Face", skin.points, quads.faces, ("skin", "lips", "mouth"), quads.material, moves, _complexion(skin))
    ear = dressing.ear()
    eye, highlight = eyes.eyeball(), eyes.highlights()
    lash, brow = eyes.lashes(skin, moves), eyes.brows(skin, moves)
    return (
        Part.joined("Face", [face, ear, ear.mirrored()]),
        eye,
        eye.mirrored("Eye Right"),
        # A reflection comes from the same light in both eyes: moved across, not mirrored.
        Part.joined("Eye Highlights", [highlight, _other_eye(highlight)]),
        Part.joined("Lashes", [lash, lash.mirrored()]),
        _paired(brow),
        *mouth_parts.teeth(),
        mouth_parts.tongue(),
        dressing.hair(),
        dressing.shirt(),
    )


def _other_eye(highlight: Part) -> Part:
    moved = highlight.points - np.array((2 * eyes.EYE_CENTRE[0], 0.0, 0.0))
    across = {"eyeLookInLeft": "eyeLookOutRight", "eyeLookOutLeft": "eyeLookInRight", "eyeLookUpLeft": "eyeLookUpRight",
              "eyeLookDownLeft": "eyeLookDownRight"}  # fmt: skip
    return replace(highlight, points=moved, shapes={across[n]: d for n, d in highlight.shapes.items()})


def _paired(brow: Part) -> Part:
    """Both brows in one object; browInnerUp moves both."""
    return Part.joined("Brows", [brow, brow.mirrored()])


def _complexion(skin: Skin) -> np.ndarray:
    """A blush on cheeks, nose and chin as a factor [V, 3] on the skin's colour."""
    p = skin.points
    blush = np.zeros(len(p))
    for x, z, size, strength in ((0.50, -0.26, 0.24, 1.0), (-0.50, -0.26, 0.24, 1.0), (0.0, -0.13, 0.15, 0.8), (0.0, -0.94, 0.2, 0.3)):
        blush += strength * np.exp(-((p[:, 0] - x) ** 2 + (p[:, 2] - z) ** 2) / size**2) * (p[:, 1] < -0.2)
    nostril = np.exp(-((np.abs(p[:, 0]) - 0.062) / 0.034) ** 2 - ((p[:, 2] + 0.222) / 0.022) ** 2 - ((p[:, 1] + 1.02) / 0.06) ** 2)
    return (1 - blush[:, None] * np.array((0.02, 0.22, 0.22))) * (1 - nostril[:, None] * np.array((0.55, 0.70, 0.70)))


def _mesh(part: Part) -> bpy.types.Mesh:
    mesh = bpy.data.meshes.new(part.name)
    mesh.from_pydata((part.points * SCALE).tolist(), [], part.faces)
    for name in part.materials:
        mesh.materials.append(bpy.data.materials.get(f"Facewright {name.capitalize()}") or material(name))
    mesh.polygons.foreach_set("material_index", part.material.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(part.faces), dtype=bool))
    corners = np.empty(len(mesh.loops), dtype=np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    sizes = np.empty(len(mesh.polygons), dtype=np.int32)
    mesh.polygons.foreach_get("loop_total", sizes)
    paint = np.array([linear(PALETTE[name].color) for name in part.materials])
    color = np.ones((len(corners), 4), dtype=np.float32)
    color[:, :3] = paint[np.repeat(part.material, sizes)]
    if part.tint is not None:
        color[:, :3] = np.clip(color[:, :3] * part.tint[corners], 0, 1)
    attribute = mesh.color_attributes.new(COLOR_ATTRIBUTE, "FLOAT_COLOR", "CORNER")
    attribute.data.foreach_set("color", color.ravel())
    mesh.color_attributes.active_color = attribute
    mesh.update()
    return mesh


def _object(part: Part, root: bpy.types.Object, collection: bpy.types.Collection) -> bpy.types.Object:
    made = bpy.data.objects.new(part.name, _mesh(part))
    collection.objects.link(made)
    made.parent = root
    if part.shapes:
        made.shape_key_add(name="Basis", from_mix=False)
        for name, displacement in part.shapes.items():
            key = made.shape_key_add(name=name, from_mix=False)
            key.data.foreach_set("co", ((part.points + displacement) * SCALE).astype(np.float32).ravel())
            key.value = 0.0
        made.data.shape_keys.name = part.name
    viewport, render = part.subdivision
    if render:
        smooth = made.modifiers.new("Subdivision", "SUBSURF")
        smooth.levels, smooth.render_levels = viewport, render
    return made


def build(scene: bpy.types.Scene) -> DemoHead:
    """Adds the head, its camera, lights and world to ``scene`` in a collection of its own, and makes the camera the scene's."""
    collection = bpy.data.collections.new(NAME)
    scene.collection.children.link(collection)
    root = bpy.data.objects.new(NAME, None)
    root.empty_display_type, root.empty_display_size = "CIRCLE", 0.15
    collection.objects.link(root)
    made = [_object(part, root, collection) for part in parts()]
    camera = studio.build(scene, collection)
    return DemoHead(tuple(o for o in made if o.data.shape_keys), root, camera)
