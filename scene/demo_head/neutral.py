# SPDX-License-Identifier: GPL-3.0-or-later
"""The face at rest: where every vertex of the topology lies, with lids and lips built as profiles and the skin relaxed between them."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import surface
from .surface import EYE_CENTRE, EYE_RADIUS, LID_RADIUS, MOUTH_HALF_WIDTH, MOUTH_HEIGHT
from .topology import EYE_RINGS, EYE_SKIN_RINGS, MOUTH_SKIN_RINGS, ROW_COUNT, Topology, neighbours

# Latitudes (degrees, seen from HEAD_CENTRE) of the rows from the crown to the chin, by row number.
HEAD_CENTRE = np.array((0.0, 0.1, 0.1))
ROW_LATITUDES = ((0, 82.0), (5, 52.0), (11, 27.0), (19, -9.5), (25, -21.5), (33, -41.0), (37, -58.0))
# Below the chin the rows are tilted ellipses: (row, front y, front z, back y, back z, half width).
NECK_ROWS = (
    (38, -0.48, -1.075, 0.86, -0.62, 0.70),
    (39, -0.34, -1.07, 0.78, -0.72, 0.62),
    (40, -0.23, -1.11, 0.72, -0.84, 0.56),
    (41, -0.20, -1.20, 0.68, -0.96, 0.50),
    (42, -0.19, -1.34, 0.66, -1.08, 0.48),
    (43, -0.19, -1.45, 0.65, -1.22, 0.48),
    (44, -0.19, -1.57, 0.65, -1.38, 0.48),
    (45, -0.19, -1.70, 0.65, -1.55, 0.48),
    (46, -0.19, -1.85, 0.65, -1.75, 0.48),
    (47, -0.19, -2.00, 0.65, -1.95, 0.48),
)
COLUMN_LONGITUDES = ((0, 0.0), (4, 5.0), (9, 28.0), (14, 55.0), (19, 88.0), (28, 180.0))

LID_INNER, LID_OUTER = (-42.0, -5.0), (51.0, 3.0)  # azimuth and elevation of the lid corners, degrees about the eye's centre
LID_UPPER_PEAK, LID_LOWER_PEAK = 29.0, -27.0  # elevation above and below the line between the corners
LID_CLOSED = -15.0  # where the lids meet, relative to the same line


@dataclass(frozen=True)
class Neutral:
    """``points`` [V, 3] in design units; ``lid_azimuth`` [K] and ``lid_elevation`` [K] of the left lid margin in degrees."""

    points: np.ndarray
    lid_azimuth: np.ndarray
    lid_elevation: np.ndarray
    lid_closed: np.ndarray
    lip_t: np.ndarray
    lip_upper: np.ndarray


def to_sphere(points: np.ndarray) -> np.ndarray:
    """Left-eye coordinates [N, 3]: azimuth (deg), elevation (deg) about the lid's horizontal axis, distance from the eye's centre."""
    q = points - EYE_CENTRE
    rho = np.linalg.norm(q, axis=-1)
    azimuth = np.degrees(np.arcsin(np.clip(q[..., 0] / np.maximum(rho, 1e-9), -1, 1)))
    elevation = np.degrees(np.arctan2(q[..., 2], -q[..., 1]))
    return np.stack((azimuth, elevation, rho), axis=-1)


def from_sphere(coordinates: np.ndarray) -> np.ndarray:
    """Inverse of ``to_sphere``."""
    az, el = np.radians(coordinates[..., 0]), np.radians(coordinates[..., 1])
    rho = coordinates[..., 2]
    return EYE_CENTRE + np.stack((rho * np.sin(az), -rho * np.cos(az) * np.cos(el), rho * np.cos(az) * np.sin(el)), axis=-1)


def direction(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Unit vectors [..., 3] from radians; longitude 0 looks forwards (-Y), positive to the character's left."""
    longitude, latitude = np.broadcast_arrays(longitude, latitude)
    return np.stack((np.cos(latitude) * np.sin(longitude), -np.cos(latitude) * np.cos(longitude), np.sin(latitude)), axis=-1)


def symmetrise(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Points (or displacements) [V, 3] made exactly mirror-symmetric."""
    return 0.5 * (points + points[mirror] * np.array((-1.0, 1.0, 1.0)))


def _lid_margin(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    half = count // 2
    s = np.empty(count)
    s[: half + 1] = np.linspace(0, 1, half + 1)
    s[half + 1 :] = np.linspace(1, 0, half + 1)[1:-1]
    s = 0.5 * s + 0.5 * (0.5 - 0.5 * np.cos(np.pi * s))  # denser at the corners
    upper = np.arange(count) <= half
    azimuth = LID_INNER[0] + (LID_OUTER[0] - LID_INNER[0]) * s
    line = LID_INNER[1] + (LID_OUTER[1] - LID_INNER[1]) * s
    arch_upper = np.sin(np.pi * s**0.92) ** 0.72
    arch_lower = np.sin(np.pi * s**1.08) ** 0.80
    elevation = line + np.where(upper, LID_UPPER_PEAK * arch_upper, LID_LOWER_PEAK * arch_lower)
    closed = line + LID_CLOSED * np.sin(np.pi * s) ** 1.2
    return azimuth, elevation, closed


def _grid_rings(topology: Topology) -> np.ndarray:
    columns = topology.grid.shape[1]
    signed = np.arange(columns)
    signed = np.where(signed > columns // 2, signed - columns, signed)
    longitude = np.radians(np.interp(np.abs(signed), *zip(*COLUMN_LONGITUDES, strict=True))) * np.sign(signed)
    points = np.zeros((ROW_COUNT, columns, 3))
    upper = ROW_LATITUDES[-1][0] + 1
    latitude = np.radians(np.interp(np.arange(upper), *zip(*ROW_LATITUDES, strict=True)))[:, None]
    points[:upper] = surface.cast(HEAD_CENTRE, direction(longitude[None], latitude).reshape(-1, 3)).reshape(upper, columns, 3)
    for row, fy, fz, by, bz, width in NECK_ROWS:
        blend = 0.5 + 0.5 * np.cos(longitude)
        points[row] = np.stack((width * np.sin(longitude), by + (fy - by) * blend, bz + (fz - bz) * blend), axis=-1)
        points[row] = surface.project(points[row], steps=8)
    return points


def lip_parameters(count: int) -> tuple[np.ndarray, np.ndarray]:
    """For positions along the mouth's loops: t in -1..1 from the right to the left corner [K], and +1 above, -1 below, 0 at corners [K]."""
    half = count // 2
    k = np.arange(count)
    along = np.where(k <= half, k, count - k) / half
    t = 0.45 * (2 * along - 1) - 0.55 * np.cos(np.pi * along)
    side = np.where((k == 0) | (k == half), 0, np.where(k < half, 1, -1))
    return t, side


def _lip_profiles(count: int) -> np.ndarray:
    """The mouth's rings from the vermilion border inwards [rings, K, 3]."""
    t, side = lip_parameters(count)
    taper = np.sqrt(np.maximum(1 - t * t, 0.0))
    x = MOUTH_HALF_WIDTH * t
    seam = MOUTH_HEIGHT + 0.062 * np.abs(t) ** 2.2 - 0.014 * np.exp(-((t / 0.22) ** 2)) + 0.010 * np.exp(-(((np.abs(t) - 0.4) / 0.2) ** 2))
    height = np.where(
        side >= 0,
        0.078 * taper**1.1 + 0.012 * np.exp(-(((np.abs(t) - 0.22) / 0.16) ** 2)) - 0.018 * np.exp(-((t / 0.12) ** 2)),
        0.098 * taper**1.1,
    ) * np.where(side == 0, 0.0, 1.0)  # fmt: skip
    bulge = np.where(side >= 0, 0.040, 0.055) * taper**0.8
    depth = surface.front(x, seam)[:, 1]
    border = surface.front(x * 1.0, seam + side * height)
    rings = []

    def ring(inwards: np.ndarray | float, up: np.ndarray | float, widen: np.ndarray | float = 1.0) -> None:
        rings.append(np.stack((x * widen, depth + inwards, seam + side * up), axis=-1))

    corner = 1 - taper  # corners sink in a little instead of bulging
    rings.append(border + np.stack((0.05 * x * corner, np.full_like(x, -0.006), np.zeros_like(x)), axis=-1))
    middle = 0.5 * (border[:, 1] + depth)
    rings.append(np.stack((x * (1 + 0.03 * corner), middle - bulge * 0.85, seam + side * height * 0.66), axis=-1))
    rings.append(np.stack((x * (1 + 0.015 * corner), 0.3 * border[:, 1] + 0.7 * depth - bulge, seam + side * height * 0.30), axis=-1))
    ring(-bulge * 0.55 + 0.008, 0.002 * taper)
    ring(0.045, -0.003 * taper, 0.985)  # the lips press into each other, so no light comes through
    ring(0.095, -0.003 * taper, 0.97)
    ring(0.130, 0.055 * taper, 0.97)
    ring(0.150, 0.17 * taper**0.5, 1.02)
    ring(0.27, 0.24 * taper**0.3, 1.06)
    ring(0.55, 0.24 * taper**0.3, 0.95)
    ring(0.85, 0.16 * taper**0.5, 0.75)
    return np.array(rings)


def _lid_profiles(azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """The lid margin's front and back edge and two rings behind the lid [4, K, 3], left eye."""
    centre = np.array((0.5 * (LID_INNER[0] + LID_OUTER[0]), 0.0))
    rings = []
    for radius, spread in ((LID_RADIUS - 0.012, 1.0), (1.055, 0.975), (1.04, 1.16), (1.03, 1.5)):
        az = centre[0] + (azimuth - centre[0]) * (1 + (spread - 1) * 0.6)
        rings.append(from_sphere(np.stack((az, elevation * spread, np.full_like(az, radius * EYE_RADIUS)), axis=-1)))
    # Beside the nose the skin stands further out than the lid's own sphere: the margin comes out to meet it.
    outwards = (rings[0] - EYE_CENTRE) / np.linalg.norm(rings[0] - EYE_CENTRE, axis=-1, keepdims=True)
    reach = np.full(len(azimuth), EYE_RADIUS)
    for _ in range(16):
        reach = reach - 0.9 * surface.distance(EYE_CENTRE + reach[:, None] * outwards)
    reach = np.clip(reach - 0.004, (LID_RADIUS - 0.012) * EYE_RADIUS, 1.3 * EYE_RADIUS)
    rings[0] = EYE_CENTRE + reach[:, None] * outwards
    return np.array(rings)


def _relax(points: np.ndarray, free: np.ndarray, topology: Topology, rounds: int = 26) -> None:
    """Even out the skin in place: each free vertex of the left half goes towards its neighbours' mean, on the surface."""
    a, b = neighbours(topology)
    degree = np.bincount(a, minlength=topology.count)[:, None]
    opposite = topology.mirror[free]
    middle = opposite == free
    flip = np.array((-1.0, 1.0, 1.0))
    for step in range(rounds + 1):
        if step:
            mean = np.stack([np.bincount(a, weights=points[b, axis], minlength=topology.count) for axis in range(3)], axis=-1) / degree
            points[free] += 0.5 * (mean - points)[free]
        placed = surface.project(points[free], steps=1 if 0 < step < rounds else 4)
        placed[middle, 0] = 0.0
        points[free] = placed
        points[opposite] = placed * flip


def build(topology: Topology) -> Neutral:
    points = np.zeros((topology.count, 3))
    placed = topology.grid >= 0
    grid_points = _grid_rings(topology)
    points[topology.grid[placed]] = grid_points[placed]
    points[topology.crown] = surface.cast(HEAD_CENTRE, np.array(((0.0, 0.0, 1.0),)))[0]
    fixed = np.zeros(topology.count, dtype=bool)
    fixed[topology.crown] = True
    fixed[topology.grid[-1]] = True

    azimuth, elevation, closed = _lid_margin(topology.eye_left.count)
    lids = _lid_profiles(azimuth, elevation)
    left = topology.eye_left.index
    points[left[EYE_SKIN_RINGS + 1 :]] = lids
    fixed[left[EYE_SKIN_RINGS + 1 :]] = True
    for ring in range(1, EYE_SKIN_RINGS + 1):
        points[left[ring]] = points[left[0]] + (lids[0] - points[left[0]]) * (ring / (EYE_SKIN_RINGS + 1))
    assert EYE_RINGS == EYE_SKIN_RINGS + 4
    right = topology.eye_right.index
    points[right] = points[left] * np.array((-1.0, 1.0, 1.0))
    fixed[right] = fixed[left]

    mouth = topology.mouth.index
    lips = _lip_profiles(topology.mouth.count)
    points[mouth[MOUTH_SKIN_RINGS + 1 :]] = lips
    fixed[mouth[MOUTH_SKIN_RINGS + 1 :]] = True
    for ring in range(1, MOUTH_SKIN_RINGS + 1):
        points[mouth[ring]] = points[mouth[0]] + (lips[0] - points[mouth[0]]) * (ring / (MOUTH_SKIN_RINGS + 1))

    points = symmetrise(points, topology.mirror)
    _relax(points, np.flatnonzero(~fixed & (points[:, 0] > -1e-6)), topology)
    t, side = lip_parameters(topology.mouth.count)
    return Neutral(points, azimuth, elevation, closed, t, side)
