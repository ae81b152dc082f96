# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes the mask a person: ears, hair and a shirt with a collar."""
from __future__ import annotations

import numpy as np

from . import surface
from .neutral import HEAD_CENTRE, direction
from .part import Part, capped, lattice, outward


def ear() -> Part:
    """The left ear: rings from the concha over the rim to the back, its last rings inside the head."""
    count = 20
    a = np.linspace(0, 2 * np.pi, count, endpoint=False)
    up, back = np.cos(a), np.sin(a)
    height = np.where(up > 0, 0.30, 0.27)
    width = np.where(back > 0, 0.20, 0.13) * (1 - 0.30 * np.clip(-up, 0, 1) ** 1.5)
    rim = 0.55 + 0.45 * np.clip(0.35 + back + 0.25 * up, 0, 1)  # the rim stands up behind and above, less in front
    rings = ((0.06, -0.030, 0), (0.32, -0.028, 0), (0.52, -0.005, 0), (0.68, 0.030, 0.3), (0.80, 0.022, 0.5), (0.91, 0.062, 1),
             (1.0, 0.070, 1), (1.05, 0.045, 1), (1.02, 0.005, 1), (0.88, -0.03, 0), (0.66, -0.09, 0), (0.5, -0.22, 0))  # fmt: skip
    points = []
    for scale, out, follow in rings:
        out_here = out * (1 - follow) + out * rim * follow
        points.append(np.stack((out_here * np.ones(count), back * width * scale, up * height * scale), axis=-1))
    local = np.concatenate(points)
    flare, tilt = np.radians(30), np.radians(-10)
    x, y, z = local.T
    x, y = x * np.cos(flare) + y * np.sin(flare), y * np.cos(flare) - x * np.sin(flare)
    y, z = y * np.cos(tilt) - z * np.sin(tilt), y * np.sin(tilt) + z * np.cos(tilt)
    place = np.array((0.93, 0.10, 0.02))
    faces = outward(local, (*lattice(len(rings), count, closed=True), tuple(range(count))))
    tint = np.ones((len(local), 3))
    tint[: count * 3] = (0.90, 0.74, 0.70)
    return Part("Ear", np.stack((x, y, z), axis=-1) + place, faces, ("skin",), np.zeros(len(faces), int), {}, tint)


def _cap() -> Part:
    columns, rows = 56, 16
    theta = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    degrees = np.abs(np.degrees(theta))
    line = np.interp(degrees, (0, 25, 50, 68, 80, 92, 105, 125, 180), (37, 36, 30, 16, -4, 6, -14, -38, -44))
    f = np.linspace(0, 1, rows)[:, None]
    latitude = np.radians(89 + (line[None] - 89) * np.minimum(f * 1.02, 1.0))
    ground = surface.cast(HEAD_CENTRE, direction(theta[None], latitude).reshape(-1, 3))
    lift = 0.17 * np.sqrt(np.maximum(1 - f**3.0, 0.0))
    lift[-1] -= 0.05  # the edge goes under the skin
    points = ground + surface.normal(ground) * np.repeat(lift, columns, axis=0)
    faces = outward(points, (*lattice(rows, columns, closed=True), tuple(range(columns))))
    return Part("Hair", points, faces, ("hair",), np.zeros(len(faces), int))


def _lock(knots: list[tuple[float, float, float]], width: float, thick: float, tip: float = 0.02) -> Part:
    """A tapered lock through (longitude, latitude, lift) knots in degrees and design units, lying on the head."""
    k = np.array(knots)
    s = np.linspace(0, len(k) - 1, 14)
    path = np.stack([_spline(k[:, i], s) for i in range(3)], axis=-1)
    ground = surface.cast(HEAD_CENTRE, direction(np.radians(path[:, 0]), np.radians(path[:, 1])))
    normal = surface.normal(ground)
    centre = ground + normal * path[:, 2:]
    tangent = np.gradient(centre, axis=0)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True)
    side = np.cross(tangent, normal)
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    out = np.cross(side, tangent)
    u = np.linspace(0, 1, 14)
    profile = np.maximum(np.sin(np.pi * np.clip(u * 0.80 + 0.20, 0, 1)) ** 0.8, tip)
    around = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    points = (centre[:, None] + side[:, None] * (width * profile[:, None] * np.cos(around))[..., None]
              + out[:, None] * (thick * profile[:, None] * np.sin(around))[..., None])  # fmt: skip
    points = points.reshape(-1, 3)
    faces = outward(points, capped(14, 10))
    return Part("Lock", points, faces, ("hair",), np.zeros(len(faces), int))


def _spline(values: np.ndarray, s: np.ndarray) -> np.ndarray:
    padded = np.concatenate(([2 * values[0] - values[1]], values, [2 * values[-1] - values[-2]]))
    i = np.clip(s.astype(int), 0, len(values) - 2)
    f = s - i
    a, b, c, d = (padded[i + n] for n in range(4))
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)


def hair() -> Part:
    """A cap and a swept fringe of a few big locks, parted on the character's left."""
    locks = [
        _lock([(30, 62, 0.14), (10, 53, 0.24), (-18, 43, 0.20), (-46, 31, 0.13), (-66, 17, 0.07)], 0.20, 0.10),
        _lock([(34, 66, 0.12), (0, 62, 0.26), (-34, 48, 0.22), (-62, 28, 0.14), (-78, 8, 0.08)], 0.22, 0.11),
        _lock([(30, 56, 0.12), (16, 48, 0.20), (-4, 41, 0.16), (-24, 36, 0.11), (-40, 32, 0.06)], 0.15, 0.08),
        _lock([(26, 62, 0.14), (40, 52, 0.20), (58, 38, 0.16), (72, 20, 0.10), (80, 2, 0.05)], 0.20, 0.10),
        _lock([(40, 70, 0.12), (62, 58, 0.20), (80, 40, 0.18), (90, 24, 0.12)], 0.22, 0.10),
        _lock([(30, 72, 0.10), (-30, 70, 0.22), (-72, 52, 0.20), (-92, 28, 0.14), (-98, 6, 0.07)], 0.24, 0.10),
        _lock([(60, 76, 0.12), (104, 58, 0.19), (112, 32, 0.17), (114, 6, 0.10), (112, -14, 0.03)], 0.26, 0.09),
        _lock([(-50, 78, 0.12), (-112, 60, 0.19), (-122, 34, 0.17), (-122, 6, 0.11), (-118, -16, 0.03)], 0.27, 0.09),
        _lock([(100, 80, 0.14), (142, 60, 0.19), (148, 32, 0.17), (150, 0, 0.11), (146, -32, 0.02)], 0.28, 0.08),
        _lock([(-100, 80, 0.14), (-152, 62, 0.19), (-162, 32, 0.17), (-164, 0, 0.11), (-158, -34, 0.02)], 0.28, 0.08),
        _lock([(150, 82, 0.14), (176, 60, 0.20), (180, 30, 0.18), (182, -2, 0.12), (180, -36, 0.02)], 0.26, 0.09),
    ]
    return Part.joined("Hair", [_cap(), *locks])


def shirt() -> Part:
    """Shoulders and a soft rolled collar."""
    count = 40
    a = np.linspace(0, 2 * np.pi, count, endpoint=False)
    # z, half width, half depth, centre y, squareness
    rings = ((-1.44, 0.44, 0.44, 0.22, 1.0), (-1.32, 0.47, 0.47, 0.22, 1.0), (-1.28, 0.52, 0.52, 0.22, 1.0), (-1.32, 0.57, 0.57, 0.22, 1.0),
             (-1.44, 0.60, 0.60, 0.22, 1.0), (-1.54, 0.59, 0.59, 0.22, 1.0), (-1.58, 0.57, 0.57, 0.22, 1.0), (-1.62, 0.66, 0.60, 0.23, 1.0),
             (-1.72, 0.95, 0.68, 0.25, 0.95), (-1.87, 1.25, 0.74, 0.27, 0.9), (-2.12, 1.45, 0.78, 0.27, 0.85),
             (-2.52, 1.52, 0.78, 0.27, 0.85),
             (-3.02, 1.50, 0.76, 0.27, 0.85))  # fmt: skip
    points = []
    for z, w, d, y, square in rings:
        c, s = np.cos(a), np.sin(a)
        x, depth = np.sign(s) * np.abs(s) ** square, np.sign(c) * np.abs(c) ** square
        points.append(np.stack((w * x, y - d * depth, np.full(count, z)), axis=-1))
    for ring in points[1:7]:  # the collar dips in front
        ring[:, 2] -= 0.10 * (0.5 + 0.5 * np.cos(a))
    points = np.concatenate(points)
    faces = outward(points, lattice(len(rings), count, closed=True))
    material = np.array([0] * (6 * count) + [1] * (6 * count))
    return Part("Shirt", points, faces, ("collar", "shirt"), material)
