# SPDX-License-Identifier: GPL-3.0-or-later
"""A portrait studio round the head: an 85 mm camera, three soft lights and a plain background."""
from __future__ import annotations

import bpy
from mathutils import Vector

from .materials import linear

LENS = 85.0  # mm: the usual portrait lens, it flatters because it stands back
SENSOR = 36.0  # mm
TARGET = Vector((0.0, -0.03, -0.005))
FRAME = 0.36  # metres of height in the picture
BACKGROUND = (0.66, 0.76, 0.79)
AMBIENT = 0.75  # of the background's brightness, as light
# name, position, size, watts, colour
LIGHTS = (
    ("Key", (-0.75, -0.95, 0.65), 0.60, 17.0, (1.0, 0.95, 0.88)),
    ("Fill", (0.95, -0.75, 0.10), 0.80, 4.0, (0.86, 0.92, 1.0)),
    ("Rim", (0.55, 0.90, 0.65), 0.40, 16.0, (1.0, 0.93, 0.85)),
)


def _aimed(name: str, data: bpy.types.ID, position: Vector, target: Vector, collection: bpy.types.Collection) -> bpy.types.Object:
    made = bpy.data.objects.new(name, data)
    made.location = position
    made.rotation_euler = (target - position).to_track_quat("-Z", "Y").to_euler()
    collection.objects.link(made)
    return made


def _world() -> bpy.types.World:
    """A plain background that the camera sees brighter than it lights the head."""
    world = bpy.data.worlds.new("Facewright Studio")
    world.color = linear(BACKGROUND)  # Workbench's
    if bpy.app.version < (5, 0):  # always on since, and the property is going
        world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    background = next(n for n in nodes if n.type == "BACKGROUND")
    background.inputs["Color"].default_value = (*linear(BACKGROUND), 1.0)
    rays = nodes.new("ShaderNodeLightPath")
    strength = nodes.new("ShaderNodeMapRange")
    strength.inputs["To Min"].default_value, strength.inputs["To Max"].default_value = AMBIENT, 1.0
    links.new(rays.outputs["Is Camera Ray"], strength.inputs["Value"])
    links.new(strength.outputs["Result"], background.inputs["Strength"])
    return world


def build(scene: bpy.types.Scene, collection: bpy.types.Collection) -> bpy.types.Object:
    """Adds camera, lights and world, makes the camera the scene's and returns it."""
    lens = bpy.data.cameras.new("Facewright Camera")
    lens.lens, lens.clip_start = LENS, 0.01
    lens.sensor_fit, lens.sensor_height = "VERTICAL", SENSOR  # the head fits a picture of any width
    distance = FRAME * LENS / SENSOR + 0.1  # the face stands about 0.1 m before the target
    camera = _aimed(lens.name, lens, TARGET + Vector((0.0, -distance, 0.02)), TARGET, collection)
    for name, position, size, watts, color in LIGHTS:
        lamp = bpy.data.lights.new(f"Facewright {name}", "AREA")
        lamp.shape, lamp.size, lamp.energy, lamp.color = "DISK", size, watts, color
        _aimed(lamp.name, lamp, Vector(position), TARGET, collection)
    scene.world = _world()
    scene.camera = camera
    scene.view_settings.view_transform = "Standard"  # the palette is meant as seen
    return camera
