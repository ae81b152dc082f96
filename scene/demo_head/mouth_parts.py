# SPDX-License-Identifier: GPL-3.0-or-later
"""What the open mouth shows: two rows of teeth and the tongue, which follow the jaw."""
from __future__ import annotations

import numpy as np

from . import surface
from .deform import turn_about_x
from .part import Part, capped, outward
from .shapes import JAW_FORWARD, JAW_LEFT, JAW_OPEN, TONGUE_JAW
from .surface import JAW_HINGE, MOUTH_HEIGHT

TOOTH_WIDTHS = (0.092, 0.076, 0.076, 0.074, 0.074)  # from the middle outwards
SEAM = MOUTH_HEIGHT - 0.014


def _lip_depth() -> float:
    return float(surface.front(np.zeros(1), np.full(1, SEAM))[0, 1])


def _jaw_shapes(points: np.ndarray, share: np.ndarray | float = 1.0) -> dict[str, np.ndarray]:
    share = np.broadcast_to(np.asarray(share, dtype=float), len(points))[:, None]
    right = tuple(-c if axis == 0 else c for axis, c in enumerate(JAW_LEFT))
    return {
        "jawForward": share * np.array(JAW_FORWARD),
        "jawRight": share * np.array(right),
        "jawLeft": share * np.array(JAW_LEFT),
        "jawOpen": share * (turn_about_x(points, JAW_HINGE, JAW_OPEN) - points),
        "tongueOut": share * (turn_about_x(points, JAW_HINGE, TONGUE_JAW) - points),
    }


def _arch(name: str, front: float, half_width: float, edge: float, height: float, direction: float) -> Part:
    """A row of teeth with its gum: a profile swept along an arch, grooved between the teeth. ``direction`` +1 has its gum above."""
    bounds = np.concatenate(([0.0], np.cumsum(TOOTH_WIDTHS)))
    local = np.array((0.03, 0.12, 0.32, 0.5, 0.68, 0.88, 0.97))
    right_half = np.concatenate([b + w * local for b, w in zip(bounds, TOOTH_WIDTHS, strict=False)])
    length = np.concatenate((-right_half[::-1], right_half))
    swell = np.tile(1 - np.abs(2 * local - 1) ** 4, 2 * len(TOOTH_WIDTHS))
    angle = length / bounds[-1] * np.radians(82)
    depth = 0.34
    x = half_width * np.sin(angle)
    y = front + depth * (1 - np.cos(angle)) * 1.0
    away = np.stack((np.sin(angle) / half_width, -np.cos(angle) / depth), axis=-1)
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    tall = np.interp(np.abs(length), (0, 0.10, 0.2, 0.39), (1.0, 0.94, 0.92, 0.80))
    # Profile rows: (outwards, along the tooth: 0 edge, 1 gum line, beyond: gum), swell share.
    rows = ((-0.070, 1.45, 0), (-0.060, 0.95, 0), (-0.040, 0.10, 0), (-0.020, 0.0, 0.3), (-0.004, 0.04, 0.8), (0.004, 0.35, 1.0),
            (0.0, 0.80, 1.0), (-0.010, 1.0, 0.6), (0.004, 1.02, 0.3), (0.010, 1.2, 0.4), (-0.02, 1.5, 0.0))  # fmt: skip
    grid = []
    for out, along, share in rows:
        o = out + share * 0.010 * (swell - 1)
        lift = np.where(along < 0.2, (1 - swell) * 0.012, 0.0)
        z = edge + direction * (along * height * tall + lift)
        grid.append(np.stack((x + away[:, 0] * o, y + away[:, 1] * o, z), axis=-1))
    points = np.stack(grid, axis=1).reshape(-1, 3)
    count = len(rows)
    faces = outward(points, capped(len(length), count))
    gum_rows = {0, 7, 8, 9, 10}
    material = np.array([1 if (i % count) in gum_rows else 0 for i in range((len(length) - 1) * count)] + [1, 1])
    return Part(name, points, faces, ("teeth", "gum"), material, {}, None, (1, 1))


def teeth() -> tuple[Part, Part]:
    """(upper, lower); the lower row follows the jaw."""
    depth = _lip_depth()
    upper = _arch("Teeth Upper", depth + 0.185, 0.290, SEAM - 0.040, 0.125, 1.0)
    lower = _arch("Teeth Lower", depth + 0.225, 0.270, SEAM - 0.030, 0.105, -1.0)
    return upper, Part(lower.name, lower.points, lower.faces, lower.materials, lower.material, _jaw_shapes(lower.points), None, (1, 1))


def tongue() -> Part:
    """A flattened body from root to tip; tongueOut draws it over the lower lip."""
    depth = _lip_depth()
    s = np.linspace(0, 1, 16)
    around = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    body = np.sqrt(np.clip(1 - (np.abs(s - 0.45) / 0.58) ** 3.0, 0.002, 1))
    width, thick = 0.185 * body, 0.075 * body

    def sweep(y: np.ndarray, z: np.ndarray, width: np.ndarray, thick: np.ndarray) -> np.ndarray:
        lateral, vertical = np.sin(around), np.cos(around)
        groove = 0.35 * np.exp(-((lateral / 0.35) ** 2)) * (vertical > 0)
        slope = np.stack((np.gradient(y), np.gradient(z)))
        slope /= np.linalg.norm(slope, axis=0)
        up = np.stack((slope[1], -slope[0]))  # points up while the sweep runs towards -Y
        v = (vertical - groove)[None] * thick[:, None]
        x = lateral[None] * width[:, None]
        return np.stack((x, y[:, None] + up[0][:, None] * v, z[:, None] + up[1][:, None] * v), axis=-1).reshape(-1, 3)

    rest = sweep(depth + 0.82 - 0.55 * s, SEAM - 0.10 + 0.05 * np.sin(np.pi * s), width, thick)
    share = np.repeat(0.70 + 0.30 * s, len(around))
    shapes = _jaw_shapes(rest, share)
    run = s**1.3
    y = depth + 0.82 - (0.55 + 0.58 * run) * s
    z = SEAM - 0.14 + 0.03 * np.sin(np.pi * s) - 0.20 * np.clip((s - 0.78) / 0.22, 0, 1) ** 2
    out = sweep(y, z, width * (1 + 0.05 * s), np.minimum(thick, 0.052 + 0.02 * (1 - s)))
    shapes["tongueOut"] = out - rest
    faces = outward(rest, capped(len(s), len(around)))
    return Part("Tongue", rest, faces, ("tongue",), np.zeros(len(faces), int), shapes, None, (1, 2))
