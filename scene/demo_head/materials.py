# SPDX-License-Identifier: GPL-3.0-or-later
"""The palette: plain principled materials whose colour is the object's ``Color`` attribute, and the same colour for Workbench."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import bpy

COLOR_ATTRIBUTE: Final = "Color"


@dataclass(frozen=True)
class Paint:
    """sRGB colour 0..1, roughness, subsurface weight, and the share of the colour that glows (teeth and eyes stay readable in shade)."""

    color: tuple[float, float, float]
    roughness: float = 0.6
    subsurface: float = 0.0
    emission: float = 0.0


PALETTE: Final[dict[str, Paint]] = {
    "skin": Paint((0.95, 0.71, 0.59), 0.55, 0.12),
    "lips": Paint((0.87, 0.50, 0.46), 0.42, 0.08),
    "mouth": Paint((0.33, 0.08, 0.10), 0.7),
    "teeth": Paint((0.96, 0.94, 0.89), 0.25, 0.0, 0.22),
    "gum": Paint((0.80, 0.42, 0.43), 0.45),
    "tongue": Paint((0.86, 0.43, 0.44), 0.5, 0.08),
    "sclera": Paint((0.97, 0.96, 0.94), 0.15, 0.0, 0.06),
    "iris": Paint((0.26, 0.55, 0.60), 0.12),
    "rim": Paint((0.08, 0.20, 0.25), 0.12),
    "pupil": Paint((0.02, 0.02, 0.03), 0.10),
    "highlight": Paint((1.0, 1.0, 1.0), 0.3, 0.0, 1.0),
    "lash": Paint((0.11, 0.07, 0.07), 0.6),
    "brow": Paint((0.29, 0.16, 0.11), 0.7),
    "hair": Paint((0.42, 0.22, 0.14), 0.5),
    "collar": Paint((0.95, 0.77, 0.42), 0.8),
    "shirt": Paint((0.93, 0.71, 0.33), 0.85),
}


def linear(color: tuple[float, float, float]) -> tuple[float, float, float]:
    """sRGB to scene-linear."""
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)


def material(name: str) -> bpy.types.Material:
    """The palette's material, made anew."""
    paint = PALETTE[name]
    made = bpy.data.materials.new(f"Facewright {name.capitalize()}")
    color = (*linear(paint.color), 1.0)
    made.diffuse_color = color
    made.roughness = paint.roughness
    if bpy.app.version < (5, 0):  # always on since, and the property is going
        made.use_nodes = True
    nodes, links = made.node_tree.nodes, made.node_tree.links
    shader = next(n for n in nodes if n.type == "BSDF_PRINCIPLED")
    attribute = nodes.new("ShaderNodeVertexColor")
    attribute.layer_name = COLOR_ATTRIBUTE
    attribute.location = (shader.location.x - 220, shader.location.y)
    links.new(attribute.outputs["Color"], shader.inputs["Base Color"])
    shader.inputs["Roughness"].default_value = paint.roughness
    if paint.subsurface:
        shader.inputs["Subsurface Weight"].default_value = paint.subsurface
        shader.inputs["Subsurface Radius"].default_value = (1.0, 0.35, 0.2)
        shader.inputs["Subsurface Scale"].default_value = 0.008
    if paint.emission:
        shader.inputs["Emission Color"].default_value = color
        shader.inputs["Emission Strength"].default_value = paint.emission
    return made
