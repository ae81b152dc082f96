# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of the head as an implicit surface: smooth unions of ellipsoids, spheres and cones that the mesh is laid upon.

Design units: 1 unit is 0.1 m. The face looks along -Y, +Z is up and +X is the character's left.
"""
from __future__ import annotations

import numpy as np

EYE_CENTRE = np.array((0.385, -0.575, 0.16))
EYE_RADIUS = 0.335
LID_RADIUS = 1.10  # in eye radii: the skin of the closed lid stands this far from the eye's centre
MOUTH_HEIGHT = -0.60
MOUTH_HALF_WIDTH = 0.33
JAW_HINGE = np.array((0.0, 0.25, -0.35))  # behind the ear: low enough that the chin drops more than it retreats


def _ellipsoid(p: np.ndarray, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> np.ndarray:
    r = np.asarray(radii)
    q = p - np.asarray(centre)
    k0 = np.linalg.norm(q / r, axis=-1)
    k1 = np.linalg.norm(q / (r * r), axis=-1)
    return k0 * (k0 - 1.0) / np.maximum(k1, 1e-9)


def _sphere(p: np.ndarray, centre: tuple[float, float, float] | np.ndarray, radius: float) -> np.ndarray:
    return np.linalg.norm(p - np.asarray(centre), axis=-1) - radius


def _cone(p: np.ndarray, a: tuple[float, float, float], b: tuple[float, float, float], ra: float, rb: float) -> np.ndarray:
    a_, b_ = np.asarray(a), np.asarray(b)
    axis = b_ - a_
    t = np.clip(((p - a_) @ axis) / (axis @ axis), 0.0, 1.0)
    return np.linalg.norm(p - a_ - t[..., None] * axis, axis=-1) - (ra + (rb - ra) * t)


def _join(a: np.ndarray, b: np.ndarray, k: float) -> np.ndarray:
    h = np.maximum(k - np.abs(a - b), 0.0) / k
    return np.minimum(a, b) - h * h * k * 0.25


def distance(p: np.ndarray) -> np.ndarray:
    """Approximate signed distance [N] (negative inside) of points [N, 3]. Symmetric in x by construction."""
    q = p.copy()
    q[..., 0] = np.abs(q[..., 0])
    d = _ellipsoid(q, (0.0, 0.14, 0.50), (0.98, 1.10, 0.95))
    d = _join(d, _ellipsoid(q, (0.0, -0.10, -0.16), (0.83, 0.82, 0.98)), 0.35)
    d = _join(d, _sphere(q, (0.0, -0.59, -0.93), 0.23), 0.36)
    d = _join(d, _sphere(q, (0.46, -0.48, -0.30), 0.37), 0.30)
    d = _join(d, _ellipsoid(q, (0.0, -0.66, -0.58), (0.40, 0.27, 0.28)), 0.22)
    d = _join(d, _cone(q, (0.0, 0.16, -0.6), (0.0, 0.24, -2.4), 0.40, 0.42), 0.22)
    d = _join(d, _ellipsoid(q, (0.36, -0.66, 0.52), (0.36, 0.20, 0.10)), 0.18)
    d = _join(d, _sphere(q, EYE_CENTRE, LID_RADIUS * EYE_RADIUS), 0.07)
    d = _join(d, _cone(q, (0.0, -0.86, 0.24), (0.0, -1.07, -0.12), 0.06, 0.10), 0.16)
    d = _join(d, _ellipsoid(q, (0.0, -1.09, -0.14), (0.135, 0.115, 0.105)), 0.09)
    return _join(d, _ellipsoid(q, (0.125, -0.985, -0.165), (0.075, 0.095, 0.075)), 0.07)


def gradient(p: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Gradient [N, 3] by central differences."""
    columns = []
    for axis in range(3):
        offset = np.zeros(3)
        offset[axis] = step
        columns.append((distance(p + offset) - distance(p - offset)) / (2 * step))
    return np.stack(columns, axis=-1)


def normal(p: np.ndarray) -> np.ndarray:
    g = gradient(p)
    return g / np.maximum(np.linalg.norm(g, axis=-1, keepdims=True), 1e-9)


def project(p: np.ndarray, level: np.ndarray | float = 0.0, steps: int = 4) -> np.ndarray:
    """Move points [N, 3] along the gradient until their distance is ``level``."""
    for _ in range(steps):
        g = gradient(p)
        miss = distance(p) - level
        p = p - (miss / np.maximum((g * g).sum(-1), 1e-6))[..., None] * g
    return p


def cast(origin: np.ndarray, direction: np.ndarray, reach: float = 3.5) -> np.ndarray:
    """First surface points [N, 3] met when coming from ``reach`` units outside towards ``origin`` against ``direction`` (unit)."""
    t = np.full(len(direction), reach)
    for _ in range(60):
        t = t - 0.8 * distance(origin + t[:, None] * direction)
    return project(origin + t[:, None] * direction)


def front(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The points [N, 3] of the face seen from the front at (x, z)."""
    origin = np.stack((x, np.zeros_like(x), z), axis=-1)
    direction = np.broadcast_to(np.array((0.0, -1.0, 0.0)), origin.shape)
    t = np.full(len(x), 2.0)
    for _ in range(60):
        t = t - 0.8 * distance(origin + t[:, None] * direction)
    return origin + t[:, None] * direction
