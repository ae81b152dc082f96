# SPDX-License-Identifier: GPL-3.0-or-later
"""The skin of the head as an implicit surface: smooth unions of ellipsoids, spheres and cones that the mesh is laid upon.

Design units: 1 unit is 0.1 m. The face looks along -Y, +Z is up and +X is the character's left.
"""
from __future__ import annotations

import numpy as np

EYE_CENTRE = np.array((0.405, -0.525, 0.16))
EYE_RADIUS = 0.36
LID_RADIUS = 1.12  # in eye radii: the skin of the closed lid stands this far from the eye's centre
MOUTH_HEIGHT = -0.56
MOUTH_HALF_WIDTH = 0.34
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
    d = _ellipsoid(q, (0.0, 0.14, 0.50), (0.98, 1.10, 0.95))  # cranium
    d = _join(d, _ellipsoid(q, (0.0, -0.10, -0.12), (0.85, 0.82, 0.91)), 0.35)  # face
    d = _join(d, _sphere(q, (0.0, -0.57, -0.83), 0.25), 0.40)  # chin
    d = _join(d, _sphere(q, (0.33, -0.24, -0.60), 0.30), 0.40)  # jaw
    d = _join(d, _sphere(q, (0.46, -0.47, -0.32), 0.37), 0.30)  # cheek
    d = _join(d, _ellipsoid(q, (0.0, -0.66, -0.54), (0.40, 0.27, 0.28)), 0.22)  # round the mouth
    d = _join(d, _cone(q, (0.0, 0.16, -0.6), (0.0, 0.24, -2.4), 0.38, 0.40), 0.22)  # neck
    d = _join(d, _ellipsoid(q, (0.36, -0.64, 0.50), (0.38, 0.20, 0.12)), 0.22)  # brow
    d = _join(d, _cone(q, (0.0, -0.84, 0.22), (0.0, -1.02, -0.09), 0.05, 0.08), 0.16)  # bridge of the nose
    d = -_join(-d, _ellipsoid(q, (0.41, -0.91, 0.17), (0.31, 0.225, 0.24)), 0.24)  # eye socket, taken away
    d = _join(d, _sphere(q, EYE_CENTRE, LID_RADIUS * EYE_RADIUS), 0.08)  # lids over the eyeball
    d = _join(d, _ellipsoid(q, (0.0, -1.06, -0.125), (0.115, 0.105, 0.098)), 0.09)  # its tip
    return _join(d, _ellipsoid(q, (0.108, -0.965, -0.155), (0.066, 0.085, 0.064)), 0.07)  # its wings


_TETRAHEDRON = np.array(((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)), dtype=float)


def distance_and_gradient(p: np.ndarray, step: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    """Distance [N] and gradient [N, 3] from four samples about each point."""
    samples = distance((p[None] + step * _TETRAHEDRON[:, None]).reshape(-1, 3)).reshape(4, -1)
    return samples.mean(axis=0), np.einsum("kn,kc->nc", samples, _TETRAHEDRON) / (4 * step)


def normal(p: np.ndarray) -> np.ndarray:
    g = distance_and_gradient(p)[1]
    return g / np.maximum(np.linalg.norm(g, axis=-1, keepdims=True), 1e-9)


def project(p: np.ndarray, level: np.ndarray | float = 0.0, steps: int = 4) -> np.ndarray:
    """Move points [N, 3] along the gradient until their distance is ``level``."""
    for _ in range(steps):
        d, g = distance_and_gradient(p)
        p = p - ((d - level) / np.maximum((g * g).sum(-1), 1e-6))[..., None] * g
    return p


def cast(origin: np.ndarray, direction: np.ndarray, reach: float = 3.5) -> np.ndarray:
    """First surface points [N, 3] met when coming from ``reach`` units outside towards ``origin`` against ``direction`` (unit)."""
    t = np.full(len(direction), reach)
    for _ in range(40):
        t = t - 0.8 * distance(origin + t[:, None] * direction)
    return project(origin + t[:, None] * direction)


def front(x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The points [N, 3] of the face seen from the front at (x, z)."""
    p = np.stack((x, np.full_like(x, -2.0), z), axis=-1)
    for _ in range(30):
        p[:, 1] += 0.9 * distance(p)
    return p
