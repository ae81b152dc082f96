# SPDX-License-Identifier: GPL-3.0-or-later
"""One object of the head as plain data, before Blender sees it."""
from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

Faces = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Part:
    """``points`` [V, 3] in design units, ``material`` [F] indexes ``materials`` (palette names), ``tint`` [V, 3] multiplies the palette's
    colours, ``shapes`` hold displacements [V, 3] by canonical name, ``subdivision`` is (viewport, render) levels, (0, 0) for none."""

    name: str
    points: np.ndarray
    faces: Faces
    materials: tuple[str, ...]
    material: np.ndarray
    shapes: dict[str, np.ndarray] = field(default_factory=dict)
    tint: np.ndarray | None = None
    subdivision: tuple[int, int] = (1, 2)

    @staticmethod
    def joined(name: str, parts: list[Part]) -> Part:
        """Parts made one object; a shape that some of them lack leaves them still."""
        offsets = np.cumsum([0] + [len(p.points) for p in parts])
        materials = tuple(dict.fromkeys(m for p in parts for m in p.materials))
        names = tuple(dict.fromkeys(n for p in parts for n in p.shapes))
        return Part(
            name,
            np.concatenate([p.points for p in parts]),
            tuple(tuple(i + int(o) for i in face) for p, o in zip(parts, offsets, strict=False) for face in p.faces),
            materials,
            np.concatenate([np.array([materials.index(m) for m in p.materials])[p.material] for p in parts]),
            {n: np.concatenate([p.shapes.get(n, np.zeros_like(p.points)) for p in parts]) for n in names},
            np.concatenate([np.ones_like(p.points) if p.tint is None else p.tint for p in parts]),
            parts[0].subdivision,
        )

    def mirrored(self, name: str | None = None) -> Part:
        """The same on the character's other side; Left shapes become Right ones."""
        flip = np.array((-1.0, 1.0, 1.0))
        swap = {"Left": "Right", "Right": "Left"}
        shapes = {}
        for shape, displacement in self.shapes.items():
            side = next((s for s in swap if shape.endswith(s)), None)
            shapes[shape.removesuffix(side) + swap[side] if side else shape] = displacement * flip
        faces = tuple(face[::-1] for face in self.faces)
        return Part(name or self.name, self.points * flip, faces, self.materials, self.material, shapes, self.tint, self.subdivision)


def lattice(rows: int, columns: int, closed: bool = False) -> Faces:
    """Quads over points numbered row by row; ``closed`` joins the last column to the first."""
    faces = []
    for r in range(rows - 1):
        for c in range(columns if closed else columns - 1):
            n = (c + 1) % columns
            faces.append((r * columns + c, (r + 1) * columns + c, (r + 1) * columns + n, r * columns + n))
    return tuple(faces)


def outward(points: np.ndarray, faces: Faces) -> Faces:
    """The faces of one connected piece, all turned over if they enclose a negative volume."""
    middle = points.mean(axis=0)
    volume = 0.0
    for face in faces:
        a, *rest = (points[i] - middle for i in face)
        volume += sum(float(a @ np.cross(b, c)) for b, c in pairwise(rest))
    return faces if volume > 0 else tuple(face[::-1] for face in faces)


def capped(rows: int, columns: int) -> Faces:
    """A closed lattice whose first and last rows are filled by a face each."""
    first = tuple(range(columns))
    last = tuple(range((rows - 1) * columns, rows * columns))[::-1]
    return (*lattice(rows, columns, closed=True), first, last)
