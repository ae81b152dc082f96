# SPDX-License-Identifier: GPL-3.0-or-later
"""Eyeballs whose iris and pupil are geometry, their highlights, lashes that ride on the lids and brows that ride on the forehead."""
from __future__ import annotations

import numpy as np

from . import surface
from .deform import Skin, eye_turn
from .neutral import from_sphere, to_sphere
from .part import Part, capped, lattice, outward
from .surface import EYE_CENTRE, EYE_RADIUS
from .topology import EYE_SKIN_RINGS

LOOK_SIDE, LOOK_UP, LOOK_DOWN = 27.0, 20.0, 23.0  # degrees at 1.0; small enough that a linear morph keeps the ball round
PUPIL, IRIS, RIM = 13.0, 29.5, 33.5  # where each ends, degrees from the eye's axis
SEGMENTS = 40


def _looks(points: np.ndarray, share: float = 1.0) -> dict[str, np.ndarray]:
    turns = {"eyeLookDownLeft": (0, -LOOK_DOWN), "eyeLookInLeft": (-LOOK_SIDE, 0), "eyeLookOutLeft": (LOOK_SIDE, 0),
             "eyeLookUpLeft": (0, LOOK_UP)}  # fmt: skip
    return {name: eye_turn(points, yaw * share, pitch * share) - points for name, (yaw, pitch) in turns.items()}


def eyeball() -> Part:
    """The left eye. Rings run from the pupil's centre (towards -Y) back to the far pole."""
    polar = np.array((0.8, 5, 9, PUPIL, PUPIL + 0.6, 18, 23, 27, IRIS, RIM - 1.5, RIM, RIM + 1.0,
                      42, 50, 60, 72, 86, 102, 120, 140, 160, 179.0))  # fmt: skip
    around = np.linspace(0, 2 * np.pi, SEGMENTS, endpoint=False)
    a = np.radians(polar)[:, None]
    unit = np.stack((np.sin(a) * np.sin(around), -np.cos(a) * np.ones_like(around), np.sin(a) * np.cos(around)), axis=-1)
    points = EYE_CENTRE + EYE_RADIUS * unit.reshape(-1, 3)
    middle = 0.5 * (polar[1:] + polar[:-1])
    per_ring = np.select([middle < PUPIL, middle < PUPIL + 0.6, middle < IRIS, middle < RIM], [0, 0, 1, 2], 3)
    material = np.append(np.repeat(per_ring, SEGMENTS), (0, 3))
    # A stylised iris is darker under the upper lid and glows opposite the light.
    height = np.repeat(np.cos(around)[None], len(polar), axis=0)
    glow = np.where((polar[:, None] > PUPIL) & (polar[:, None] < RIM), 1.0 - 0.42 * height, 1.0)
    shade = np.where(polar[:, None] >= RIM, 1.0 - 0.16 * np.clip(height, 0, 1) - 0.10 * np.clip((polar[:, None] - 40) / 40, 0, 1), 1.0)
    tint = np.repeat((glow * shade).reshape(-1, 1), 3, axis=1)
    faces = outward(points, capped(len(polar), SEGMENTS))
    return Part("Eye Left", points, faces, ("pupil", "iris", "rim", "sclera"), material, _looks(points), tint, (0, 0))


def highlights() -> Part:
    """Two painted reflections on the left eye; they follow the gaze half way, as a reflection does."""
    parts = []
    for azimuth, elevation, size in ((-11.5, 12.5, 6.2), (10.5, -11.0, 2.6)):
        around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        rings = [np.stack((azimuth + size * f * np.sin(around), elevation + size * f * np.cos(around),
                           np.full(16, 1.012 * EYE_RADIUS)), axis=-1) for f in (0.02, 0.5, 1.0)]  # fmt: skip
        points = from_sphere(np.concatenate(rings))
        faces = tuple(f[::-1] for f in (*lattice(3, 16, closed=True), tuple(range(16))))
        parts.append(Part("Highlight Left", points, faces, ("highlight",), np.zeros(len(faces), int), _looks(points, 0.6), None, (0, 0)))
    return Part.joined("Highlight Left", parts)


def lashes(skin: Skin, shapes: dict[str, np.ndarray]) -> Part:
    """A dark wedge along the left upper lid's margin that takes the margin's own motion; closing turns its tips down."""
    index = skin.topology.eye_left.index[EYE_SKIN_RINGS + 1]
    half = len(index) // 2
    along = index[1 : half + 1]
    s = np.linspace(0, 1, len(along))
    base = to_sphere(skin.points[along])
    s_seen = np.clip((s - 0.22) / 0.78, 0, 1)  # the inner end lies in the fold beside the nose
    length = 0.018 * np.clip(s / 0.15, 0.1, 1) + 0.075 * s_seen**1.2
    thick = 1.0 * np.clip(s / 0.15, 0.1, 1) + 1.6 * np.sin(np.pi * np.clip(s_seen, 0.0, 0.97)) ** 0.7
    wing = 11.0 * s**4

    def rows(turn: np.ndarray, tip_turn: np.ndarray) -> np.ndarray:
        def row(azimuth: np.ndarray, elevation: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
            return np.stack((base[:, 0] + azimuth, base[:, 1] + turn + elevation, base[:, 2] + radius + lift), axis=-1)

        lift = np.clip((-turn - 8.0) / 25.0, 0, 1) * 0.055  # closed lashes lie on the lower lid, not in it
        zero = np.zeros_like(s)
        sections = (
            row(zero, -0.8 + zero, -0.012 + zero),
            row(wing * 0.35, 0.3 + 0.35 * tip_turn + 1.5 * s, length * 0.55),
            row(wing, 3.0 + tip_turn + 5.0 * s, length),
            row(wing * 0.35, thick + 0.4 * tip_turn + 1.5 * s, length * 0.50),
            row(zero, thick, 0.012 + zero),
        )
        return from_sphere(np.stack(sections, axis=1).reshape(-1, 3))

    rest = rows(np.zeros_like(s), np.zeros_like(s))
    result = {}
    for name in ("eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft"):
        moved = to_sphere(skin.points[along] + shapes[name][along])
        turn = moved[:, 1] - base[:, 1]
        shift = from_sphere(np.stack((moved[:, 0], base[:, 1], base[:, 2]), axis=-1)) - skin.points[along]
        result[name] = rows(turn, np.clip(turn, -60, 5) * 0.30) - rest + np.repeat(shift, 5, axis=0)
    faces = outward(rest, capped(len(s), 5))
    return Part("Lashes", rest, faces, ("lash",), np.zeros(len(faces), int), result)


def brows(skin: Skin, shapes: dict[str, np.ndarray]) -> Part:
    """The left brow, a tapered band lying on the forehead and bound to it."""
    s = np.linspace(0, 1, 14)
    x = 0.150 + 0.57 * s
    z = 0.545 + 0.26 * s - 0.275 * s**2
    centre = surface.front(x, z)
    normal = surface.normal(centre)
    tangent = np.gradient(centre, axis=0)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    up = np.cross(tangent, normal)
    up *= np.sign(up[:, 2:])
    height = 0.058 * np.clip(s / 0.25, 0.62, 1) * (1 - 0.78 * s**2.0)
    depth = 0.034 * np.clip(s / 0.10, 0.6, 1) * (1 - 0.65 * s**1.6)
    around = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    points = (centre[:, None] + normal[:, None] * (depth[:, None] * (0.25 + np.cos(around)))[..., None]
              + up[:, None] * (height[:, None] * np.sin(around))[..., None]).reshape(-1, 3)  # fmt: skip
    faces = outward(points, capped(len(s), 8))
    names = ("browDownLeft", "browInnerUp", "browOuterUpLeft", "noseSneerLeft")
    anchors = np.repeat(centre, 8, axis=0)
    return Part("Brows", points, faces, ("brow",), np.zeros(len(faces), int), {n: bound(skin, shapes[n], anchors) for n in names})


def bound(skin: Skin, displacement: np.ndarray, anchors: np.ndarray, nearest: int = 6) -> np.ndarray:
    """The displacement [N, 3] of the skin under ``anchors`` [N, 3], weighted by inverse distance."""
    gap = np.linalg.norm(anchors[:, None] - skin.points[None], axis=-1)
    pick = np.argsort(gap, axis=1)[:, :nearest]
    weight = 1.0 / (np.take_along_axis(gap, pick, axis=1) ** 2 + 1e-4)
    return (displacement[pick] * weight[..., None]).sum(1) / weight.sum(1, keepdims=True)
