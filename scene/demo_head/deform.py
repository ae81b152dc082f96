# SPDX-License-Identifier: GPL-3.0-or-later
"""How the face's skin follows: lips moved as sections of a tube, lids turned about the eyeball, the skin between solved as a thin plate."""
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import surface
from .neutral import Neutral, from_sphere, symmetrise, to_sphere
from .surface import EYE_CENTRE, JAW_HINGE
from .topology import MOUTH_SKIN_RINGS, Topology, neighbours

LIP_BORDER = MOUTH_SKIN_RINGS + 1  # index of the vermilion border among the mouth's rings
# How much of the lip's own motion each ring from the vermilion border to the throat takes.
LIP_FOLLOW = np.array((1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.85, 0.40, 0.10, 0.0, 0.0))
LIP_ROLL = np.array((0.25, 0.75, 1.0, 1.0, 1.0, 1.0, 0.8, 0.2, 0.0, 0.0, 0.0))
# How much of the lid's turn each ring from the block's border to behind the lid takes.
LID_FOLLOW = np.array((0.0, 0.05, 0.20, 0.46, 0.74, 0.94, 1.0, 1.0, 1.0, 1.0))
# How much of the jaw's motion each ring of lips and mouth bag takes: the throat follows like the tongue's root.
BAG_JAW = np.array((1.0,) * 8 + (0.95, 0.85, 0.70))
JAW_CORNER = 0.40  # share of the jaw's turn at the lip corners
Vector = tuple[float, float, float]
STILL: Vector = (0.0, 0.0, 0.0)


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def turn_about_x(points: np.ndarray, centre: np.ndarray, degrees: float | np.ndarray) -> np.ndarray:
    """Points [..., 3] turned about an axis along X; positive degrees move what lies in front (-Y) downwards."""
    angle = np.radians(degrees)
    q = points - centre
    c, s = np.cos(angle), np.sin(angle)
    return centre + np.stack((q[..., 0], q[..., 1] * c - q[..., 2] * s, q[..., 1] * s + q[..., 2] * c), axis=-1)


@dataclass(frozen=True)
class LipMotion:
    """Displacements (outwards, forwards, upwards) in design units at five places of the lips, rolls in degrees (positive turns the lip
    outwards) and thickness factors. ``None`` between middle and corner means half way."""

    upper: Vector = STILL
    upper_quarter: Vector | None = None
    corner: Vector = STILL
    lower_quarter: Vector | None = None
    lower: Vector = STILL
    roll_upper: float = 0.0
    roll_lower: float = 0.0
    thick_upper: float = 1.0
    thick_lower: float = 1.0
    aside: float = 0.0  # the whole mouth moved to the character's left
    slide: bool = True  # keep the lips at their distance from the face's curve


class Skin:
    """The neutral face with everything that turns a few intentions into a displacement of every vertex."""

    def __init__(self, topology: Topology, neutral: Neutral):
        self.topology, self.neutral = topology, neutral
        self.points = neutral.points
        self.level = surface.distance(neutral.points)

    @cached_property
    def lip_ring_of(self) -> np.ndarray:
        """True [V] for the vertices of lips and mouth bag."""
        flag = np.zeros(self.topology.count, dtype=bool)
        flag[self.topology.mouth.index[LIP_BORDER:]] = True
        return flag

    @cached_property
    def lid_share(self) -> np.ndarray:
        """0..1 [V]: how much a vertex belongs to a lid."""
        share = np.zeros(self.topology.count)
        for loops in (self.topology.eye_left, self.topology.eye_right):
            share[loops.index] = LID_FOLLOW[:, None]
        return share

    @cached_property
    def front_mask(self) -> np.ndarray:
        """1 on the face's front, 0 on back and neck [V]; lips and mouth bag 0."""
        p = self.points
        mask = (1 - smoothstep(p[:, 1], -0.15, 0.25)) * smoothstep(p[:, 2], -1.45, -1.15)
        return np.where(self.lip_ring_of, 0.0, mask)

    @cached_property
    def left_mask(self) -> np.ndarray:
        return smoothstep(self.points[:, 0], -0.13, 0.13)

    @cached_property
    def jaw_lips(self) -> np.ndarray:
        """Share of the jaw's turn [rings, K] on lips and mouth bag."""
        t, side = np.abs(self.neutral.lip_t), self.neutral.lip_upper
        upper = JAW_CORNER * smoothstep(t, 0.45, 1.0)
        lower = 1 - (1 - JAW_CORNER) * t**3.5
        share = np.where(side > 0, upper, np.where(side < 0, lower, JAW_CORNER))
        return BAG_JAW[:, None] * share

    @cached_property
    def chin(self) -> np.ndarray:
        p = self.points
        return (np.abs(p[:, 0]) < 0.33) & (p[:, 2] < -0.86) & (p[:, 1] < -0.42) & ~self.lip_ring_of

    @cached_property
    def _plate(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Free vertices [F], pinned vertices [P] and the solution matrix [F, P] of the thin plate between them."""
        topology, p = self.topology, self.points
        region = (p[:, 2] > -1.42) & (p[:, 2] < 0.02) & (p[:, 1] < 0.30) & (self.lid_share < 0.1)
        nose = (p[:, 1] < -0.90) & (np.abs(p[:, 0]) < 0.20) & (p[:, 2] > -0.225)
        free = np.flatnonzero(region & ~nose & ~self.lip_ring_of & ~self.chin)
        a, b = neighbours(topology)
        degree = np.bincount(a, minlength=topology.count)
        place = np.full(topology.count, -1)
        touched = np.unique(np.concatenate((free, b[np.isin(a, free)])))
        ring = np.unique(np.concatenate((touched, b[np.isin(a, touched)])))
        place[ring] = np.arange(len(ring))
        laplacian = np.zeros((len(touched), len(ring)))
        row_of = np.full(topology.count, -1)
        row_of[touched] = np.arange(len(touched))
        inside = row_of[a] >= 0
        laplacian[row_of[a[inside]], place[b[inside]]] = -1.0 / degree[a[inside]]
        laplacian[row_of[touched], place[touched]] += 1.0
        pinned = np.setdiff1d(ring, free)
        lf, lp = laplacian[:, place[free]], laplacian[:, place[pinned]]
        return free, pinned, -np.linalg.solve(lf.T @ lf, lf.T @ lp)

    def spread(self, displacement: np.ndarray, slide: bool) -> np.ndarray:
        """Fill in the lower face's skin [V, 3] from what its lips, chin and surroundings do."""
        free, pinned, matrix = self._plate
        result = displacement.copy()
        result[free] = matrix @ displacement[pinned]
        return self.slide(result, free) if slide else result

    def slide(self, displacement: np.ndarray, where: np.ndarray) -> np.ndarray:
        """Keep the vertices ``where`` at their distance from the neutral skin while they move along it."""
        result = displacement.copy()
        start = self.points[where]
        result[where] = surface.project(start + displacement[where], level=self.level[where], steps=2) - start
        return result

    def lips(self, motion: LipMotion) -> np.ndarray:
        """Displacement [V, 3] of lips and mouth bag; the rest is zero."""
        t, side = self.neutral.lip_t, self.neutral.lip_upper
        a = np.abs(t)

        def along(middle: Vector, quarter: Vector | None, corner: Vector) -> np.ndarray:
            m, c = np.array(middle), np.array(corner)
            q = 0.5 * (m + c) if quarter is None else np.array(quarter)
            basis = np.stack((np.ones_like(a), np.cos(np.pi * a), np.cos(2 * np.pi * a)))
            return basis.T @ np.stack(((m + c) / 4 + q / 2, (m - c) / 2, (m + c) / 4 - q / 2))

        upper = along(motion.upper, motion.upper_quarter, motion.corner)
        lower = along(motion.lower, motion.lower_quarter, motion.corner)
        local = np.where((side >= 0)[:, None], upper, lower)
        move = local * np.stack((np.sign(t), -np.ones_like(t), np.ones_like(t)), axis=-1)
        move[:, 0] += motion.aside
        index = self.topology.mouth.index[LIP_BORDER:]
        rest = self.points[index]
        seam = rest[3]
        if motion.slide:
            before = surface.front(seam[:, 0], seam[:, 2])
            after = surface.front(seam[:, 0] + move[:, 0], seam[:, 2] + move[:, 2])
            move[:, 1] += (after - before)[:, 1]
        thick = np.where(side >= 0, motion.thick_upper, motion.thick_lower)
        taper = np.sqrt(np.maximum(1 - t * t, 0))
        shape = rest.copy()
        # Thickness: the front of the lip closes on the seam (or swells away from it); the seam itself stays.
        shape[:3, :, 2] = seam[:, 2] + (rest[:3, :, 2] - seam[:, 2]) * thick
        fullness = (thick - 1) * taper * 0.035
        shape[1:3, :, 1] -= fullness
        # Roll about the middle of the lip.
        pivot = np.stack((seam[:, 0], seam[:, 1] + 0.03, 0.5 * (rest[0, :, 2] + seam[:, 2])), axis=-1)
        roll = np.where(side >= 0, motion.roll_upper, -motion.roll_lower) * taper
        for ring in range(len(index)):
            shape[ring] = turn_about_x(shape[ring], pivot, -roll * LIP_ROLL[ring])
        result = np.zeros((self.topology.count, 3))
        result[index] = shape - rest + move[None] * LIP_FOLLOW[:, None, None]
        return result

    def jaw(self, degrees: float = 0.0, shift: Vector = STILL) -> np.ndarray:
        """Displacement [V, 3] of lips, bag and chin when the jaw turns open and is moved by ``shift`` (x, y, z)."""
        moved = turn_about_x(self.points, JAW_HINGE, degrees) + np.array(shift) - self.points
        result = np.zeros_like(moved)
        result[self.chin] = moved[self.chin]
        index = self.topology.mouth.index[LIP_BORDER:]
        result[index] = moved[index] * self.jaw_lips[..., None]
        return result

    def lids(self, upper: np.ndarray | float, lower: np.ndarray | float, azimuth: float = 0.0, lift: float = 0.0) -> np.ndarray:
        """Displacement [V, 3] of the left lids turned by degrees (upwards positive) about the eye; arrays [K] follow the margin.

        ``lift`` in design units keeps a lid clear of the eyeball half way through a long turn, where a linear morph cuts the corner.
        """
        index = self.topology.eye_left.index
        count = index.shape[1]
        half = count // 2
        k = np.arange(count)
        s = np.where(k <= half, k, count - k) / half
        arch = np.sin(np.pi * s) ** 0.8
        delta = np.where(k <= half, upper, lower)
        delta = delta * arch if np.isscalar(upper) else delta
        coordinates = to_sphere(self.points[index])
        coordinates[..., 1] += delta[None] * LID_FOLLOW[:, None]
        coordinates[..., 0] += azimuth * arch[None] * LID_FOLLOW[:, None]
        coordinates[..., 2] += lift * arch[None] * LID_FOLLOW[:, None]
        result = np.zeros((self.topology.count, 3))
        result[index] = from_sphere(coordinates) - self.points[index]
        return result

    def bump(
        self, centre: tuple[float, float], size: tuple[float, float], move: Vector, puff: float = 0.0, lids: float = 0.0
    ) -> np.ndarray:
        """A soft push [V, 3] about the front-view point ``centre`` (x, z): ``move`` (x, y, z) plus ``puff`` along the normal.

        Lids take only the share ``lids`` of it, lips nothing.
        """
        p = self.points
        weight = np.exp(-(((p[:, 0] - centre[0]) / size[0]) ** 2) - ((p[:, 2] - centre[1]) / size[1]) ** 2) * self.front_mask
        weight *= 1 - self.lid_share * (1 - lids)
        weight[weight < 0.004] = 0.0
        result = weight[:, None] * np.array(move)
        if puff:
            where = np.flatnonzero(weight)
            result[where] += puff * weight[where, None] * surface.normal(p[where])
        return result

    def mirrored(self, displacement: np.ndarray) -> np.ndarray:
        return displacement[self.topology.mirror] * np.array((-1.0, 1.0, 1.0))

    def both(self, displacement: np.ndarray) -> np.ndarray:
        """A one-sided displacement on both sides."""
        return displacement + self.mirrored(displacement)

    def symmetric(self, displacement: np.ndarray) -> np.ndarray:
        return symmetrise(displacement, self.topology.mirror)


def eye_turn(points: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
    """Left eyeball points [N, 3] turned towards the character's left by ``yaw`` and upwards by ``pitch`` degrees."""
    y, p = np.radians(yaw), np.radians(pitch)
    about_z = np.array(((np.cos(y), -np.sin(y), 0), (np.sin(y), np.cos(y), 0), (0, 0, 1)))
    about_x = np.array(((1, 0, 0), (0, np.cos(p), np.sin(p)), (0, -np.sin(p), np.cos(p))))
    return EYE_CENTRE + (points - EYE_CENTRE) @ (about_z @ about_x).T
