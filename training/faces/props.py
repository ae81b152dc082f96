# SPDX-License-Identifier: GPL-3.0-or-later
"""What people wear and hold before the camera: hair, hats, glasses, clothes, microphones, hands. Each is a ``Part`` in head space."""
from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from . import raster
from .head import Head, smooth


@dataclass(frozen=True)
class Part:
    """A mesh: positions [n, 3] cm, tri [m, 3], material, paint [n, raster.PAINT]."""

    positions: np.ndarray
    tri: np.ndarray
    material: int
    paint: np.ndarray

    def moved(self, shift: np.ndarray) -> Part:
        return Part(self.positions + shift, self.tri, self.material, self.paint)


def painted(n: int, colour: np.ndarray, gloss: float = 0.05, ambient: float | np.ndarray = 0.9, key: float = 0.9) -> np.ndarray:
    out = np.zeros((n, raster.PAINT), np.float32)
    out[:, :3], out[:, 3], out[:, 4], out[:, 5], out[:, 8] = colour, gloss, ambient, key, 1
    return out


@functools.cache
def grid_triangles(rows: int, columns: int, closed: bool = False) -> np.ndarray:
    """Triangles of a rows x columns grid of vertices; closed joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    k = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + j, (i + 1) * columns + k
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3).astype(np.int32)


def lathe(profile: np.ndarray, axis: np.ndarray, origin: np.ndarray, around: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """A solid of revolution. profile [k, 2]: distance along the axis and radius."""
    axis = axis / np.linalg.norm(axis)
    side = np.cross(axis, [0.3, 0.5, 0.81])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.cos(turn)[:, None] * side + np.sin(turn)[:, None] * other
    at = origin + profile[:, None, :1] * axis + profile[:, None, 1:] * ring
    return at.reshape(-1, 3), grid_triangles(len(profile), around, True)


def _capsule(a: np.ndarray, b: np.ndarray, ra: float, rb: float) -> tuple[np.ndarray, np.ndarray]:
    length = float(np.linalg.norm(b - a))
    t = np.linspace(0, np.pi / 2, 4)
    low = np.stack([-ra * np.cos(t), ra * np.sin(t)], 1)
    high = np.stack([length + rb * np.sin(t), rb * np.cos(t)], 1)
    return lathe(np.concatenate([low, high]), b - a, a)


def joined(pieces: list[tuple[np.ndarray, np.ndarray]], material: int, colour: np.ndarray, gloss: float) -> Part:
    offset, positions, tri = 0, [], []
    for p, t in pieces:
        positions.append(p)
        tri.append(t + offset)
        offset += len(p)
    at = np.concatenate(positions)
    return Part(at, np.concatenate(tri).astype(np.int32), material, painted(len(at), colour, gloss))


@functools.lru_cache(maxsize=1)
def _scalp(head: Head) -> tuple[np.ndarray, np.ndarray]:
    near = (head.part < 2) & (head.masks["above_hairline"] > -8.5) & ((head.masks["above_hairline"] > -2.5) | (head.neutral[:, 1] > 6.2))
    tri = head.tri[: head.opaque]
    tri = tri[near[tri].all(1)]
    used = np.unique(tri)
    back = np.full(len(head.neutral), -1)
    back[used] = np.arange(len(used))
    return used, back[tri].astype(np.int32)


def hair(head: Head, positions: np.ndarray, normals: np.ndarray, rng: np.random.Generator, colour: np.ndarray) -> list[Part]:
    """A cap over the scalp, and for long hair a curtain around the head. positions, normals [V + 10, 3]: this person's head."""
    style = rng.choice(["buzz", "short", "medium", "long", "bob", "curly", "up"], p=[0.1, 0.28, 0.14, 0.22, 0.1, 0.08, 0.08])
    used, tri = _scalp(head)
    at, normal = positions[used], normals[used]
    x, y, z = at.T
    azimuth = head.masks["azimuth"][used]
    above = head.masks["above_hairline"][used] + rng.normal(0, 0.4)
    parting = rng.uniform(-3, 3)
    fringe = rng.random() < (0.35 if style in ("long", "bob", "medium", "short", "curly") else 0.0)
    if fringe:
        depth = rng.uniform(1.0, 4.6)
        slope = rng.normal(0, 0.25)
        reach = rng.uniform(0.5, 0.95)
        above = above + (depth + slope * x) * (1 - smooth(azimuth, reach, reach + 0.3))
    receding = rng.random() < 0.18 and style in ("buzz", "short")
    if receding:
        above = above - rng.uniform(0.5, 4) * np.exp(-((azimuth - rng.uniform(0, 0.7)) ** 2) / 0.25)
    if style in ("short", "buzz", "up"):
        above = np.where((azimuth > 0.8) & (y < 1), above - 1.5 * (rng.random() < 0.5), above)
    thick = rng.uniform(*{"buzz": (0.11, 0.13), "short": (0.5, 1.8), "medium": (1, 2.4), "long": (0.6, 1.8), "bob": (0.8, 2),
                          "curly": (1.8, 4.5), "up": (0.3, 0.8)}[style])  # fmt: skip
    lumps = raster.noise(np.ascontiguousarray(at, np.float32), 0.35 if style != "curly" else 0.7, int(rng.integers(1 << 30))) - 0.5
    fine = raster.noise(np.ascontiguousarray(at, np.float32), 1.3, int(rng.integers(1 << 30))) - 0.5
    profile = smooth(above, -0.3, 3.0) * (0.7 + 0.3 * smooth(y, 6, 13))
    rise = 0.12 + thick * (0.15 + 0.85 * profile) * (1 + 0.8 * lumps + 0.35 * fine)
    shell = at + normal * rise[:, None]
    if style in ("short", "medium") and rng.random() < 0.3:  # brushed up
        shell[:, 1] += smooth(above, 0, 3) * smooth(z, 0, 8) * rng.uniform(0.3, 2.0)
    paint = painted(len(at), colour, rng.uniform(0.02, 0.25), 0.35 + 0.5 * smooth(above, -0.5, 2) * (0.8 + 0.4 * lumps))
    lean = rng.uniform(-0.6, 0.6)
    angle = np.arctan2(x - parting * 0.3, z - 1)
    across, along = angle * 6.5, y
    if style in ("short", "medium", "curly") or fringe:
        across = across + lean * y
    if style == "up":
        across, along = x * 1.2 + 0.4 * fine, z + y
    if style == "curly":
        across, along = 2.0 * across + 5 * lumps, 8 * y + 6 * fine
    frizz = rng.uniform(0.25, 0.9)
    paint[:, 6], paint[:, 7] = across * rng.uniform(0.7, 1.3), along
    paint[:, 8] = np.clip((above + 0.45 * frizz) / frizz, 0, 1)
    if style == "buzz":
        paint[:, 8] *= 0.75
    parts = [Part(shell, tri, raster.HAIR, paint)]
    if style in ("long", "bob", "medium") or (style == "curly" and rng.random() < 0.5):
        parts.append(_curtain(rng, colour, style, thick, positions))
    if style == "up" and rng.random() < 0.6:
        centre = np.array([rng.uniform(-1, 1), rng.uniform(9, 15.5), rng.uniform(-9, -4)])
        turn = np.linspace(0.05, np.pi - 0.05, 9)
        bun = lathe(np.stack([-np.cos(turn), np.sin(turn)], 1) * rng.uniform(2.5, 4), np.array([0, 0, -1.0]), centre, 14)
        parts.append(joined([bun], raster.HAIR, colour, 0.1))
    return parts


def _curtain(rng: np.random.Generator, colour: np.ndarray, style: str, thick: float, positions: np.ndarray) -> Part:
    rows, columns = 30, 44
    wide = float(np.quantile(np.abs(positions[:, 0]), 0.985))
    bottom = {"long": rng.uniform(-19, -6), "bob": rng.uniform(-7, 0), "medium": rng.uniform(-2, 3), "curly": rng.uniform(-12, 2)}[style]
    top = 11.5
    v = np.linspace(0, 1, rows)[:, None]
    height = top + (bottom - top) * v
    # Half of the opening for the face at the forehead, cheek and below, differently on either side.
    opening = np.interp(height[:, 0], [-20, -6, 2, 6, 11.5], rng.uniform([0.5, 0.75, 0.95, 0.9, 0.5], [1.3, 1.35, 1.45, 1.3, 0.9]))
    left, right = opening * rng.uniform(0.9, 1.1), opening * rng.uniform(0.9, 1.1)
    t = np.linspace(0, 1, columns)[None]
    azimuth = left[:, None] + (2 * np.pi - left[:, None] - right[:, None]) * t
    dome = np.sqrt(np.clip(1 - np.clip((height - 5) / 9.0, 0, 1) ** 2, 0.08, 1))
    wave = rng.uniform(0, 0.5) * np.sin(height * rng.uniform(0.5, 1.3) + rng.uniform(0, 6) + azimuth * rng.uniform(0, 3))
    seed = int(rng.integers(1 << 30))
    flat = np.stack(np.broadcast_arrays(azimuth * 4, height, 0 * azimuth), -1).reshape(-1, 3).astype(np.float32)
    lumps = raster.noise(flat, 0.5, seed).reshape(rows, columns) - 0.5
    flare = rng.uniform(-0.5, 3.0) * smooth(-height, -4, 12)
    spread = (0.4 + 0.7 * thick) * (1 + lumps * (2.2 if style == "curly" else 0.9)) + wave + flare
    x = np.sin(azimuth) * (wide * dome + spread)
    z = -0.5 + np.cos(azimuth) * (9.0 * dome + spread)
    at = np.stack([x, np.broadcast_to(height, x.shape), z], -1).reshape(-1, 3)
    paint = painted(len(at), colour, rng.uniform(0.02, 0.25), (0.45 + 0.35 * (lumps + 0.5)).reshape(-1), 0.75)
    paint[:, 6] = ((azimuth - np.pi) * 8 + (lumps * 6 if style == "curly" else lumps)).reshape(-1)
    paint[:, 7] = np.broadcast_to(height * (6 if style == "curly" else 1), x.shape).reshape(-1)
    edge = np.minimum(np.minimum(t, 1 - t) / rng.uniform(0.03, 0.12), (1 - v) / rng.uniform(0.08, 0.4)) * np.ones_like(x)
    paint[:, 8] = np.clip(edge + 0.15, 0, 1).reshape(-1)
    return Part(at, grid_triangles(rows, columns), raster.HAIR, paint)


def hat(head: Head, positions: np.ndarray, normals: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """A knitted hat, a cap with a visor, a hat with a brim, or a scarf over the hair."""
    kind = rng.choice(["knit", "cap", "brim", "scarf"])
    used, tri = _scalp(head)
    at, normal = positions[used], normals[used]
    low, tilt = rng.uniform(7.5, 10.5), rng.uniform(-0.1, 0.25)
    level = low - tilt * (10 - at[:, 2])
    if kind == "scarf":
        level = np.interp(head.masks["azimuth"][used], [0, 0.8, 1.1, 3.2], [9.5, 6.5, -4, -9])
    colour = rng.random(3) ** 1.6 * rng.uniform(0.15, 0.9)
    shell = at + normal * (rng.uniform(0.5, 1.4) + (0.6 * smooth(at[:, 1], 8, 14))[:, None] * rng.uniform(0, 3) * np.array([0.3, 1, 0.3]))
    keep = (at[:, 1] > level)[tri].all(1)
    paint = painted(len(at), colour, 0.03)
    paint[:, 6], paint[:, 7] = at[:, 0] * 3, at[:, 1] * (3 if kind == "knit" else 0.5)
    parts = [Part(shell, tri[keep], raster.CLOTH, paint)]
    if kind in ("cap", "brim"):
        columns, reach = 40, (rng.uniform(5, 7.5) if kind == "cap" else rng.uniform(3, 9))
        spread = 1.05 if kind == "cap" else np.pi
        turn = np.linspace(-spread, spread, columns)
        inner = np.stack([np.sin(turn) * 8.2, np.zeros(columns), 1 + np.cos(turn) * 9.5], 1)
        out = np.stack([np.sin(turn), np.full(columns, -rng.uniform(0, 0.35)), np.cos(turn)], 1)
        grow = np.cos(turn / spread * np.pi / 2)[:, None] ** 0.5 if kind == "cap" else 1.0
        rim = np.concatenate([inner, inner + out * reach * grow])
        rim[:, 1] += low + tilt * (rim[:, 2] - 10) + 0.3
        parts.append(Part(rim, grid_triangles(2, columns), raster.CLOTH, painted(len(rim), colour * rng.uniform(0.5, 1.1), 0.05)))
    return parts


def glasses(landmarks: np.ndarray, rng: np.random.Generator) -> tuple[list[Part], list[Part]]:
    """(frames, lenses) over the eyes. landmarks [68, 3]: of this face."""
    eyes = {1: landmarks[42:48].mean(0), -1: landmarks[36:42].mean(0)}
    centre_x = (eyes[1][0] - eyes[-1][0]) / 2 * rng.uniform(0.98, 1.1)
    half_w, half_h = rng.uniform(2.0, 2.75), rng.uniform(1.2, 2.4)
    half_w = min(half_w, centre_x - 0.55)
    power = rng.uniform(2, 5)
    drop = rng.uniform(-0.7, 0.25)
    y = (eyes[1][1] + eyes[-1][1]) / 2 + drop
    plane = max(landmarks[27][2] - 0.25, eyes[1][2] + 0.9, eyes[-1][2] + 0.9) + rng.uniform(0.1, 0.7)
    bend = rng.uniform(0.01, 0.05)
    tube = rng.choice([rng.uniform(0.08, 0.16), rng.uniform(0.25, 0.6)])
    tilt = rng.uniform(0, 0.15)
    colour = np.full(3, rng.uniform(0.005, 0.05)) if rng.random() < 0.6 else rng.random(3) ** 2 * 0.6
    gloss = rng.uniform(0.05, 0.6)
    n = 36
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)

    def bent(p: np.ndarray) -> np.ndarray:
        p = p.copy()
        p[:, 2] -= bend * p[:, 0] ** 2 + tilt * (y - p[:, 1])
        return p

    def outline(scale: float, z: float, sign: int) -> np.ndarray:
        c, s = np.cos(turn), np.sin(turn)
        px = sign * centre_x + (half_w + scale) * np.sign(c) * np.abs(c) ** (2 / power)
        py = y + (half_h + scale) * np.sign(s) * np.abs(s) ** (2 / power) * np.where(s < 0, 1.0, 0.92)
        return bent(np.stack([px, py, np.full(n, plane + z)], 1))

    pieces, lenses = [], []
    rimless = rng.random() < 0.12
    for sign in (1, -1):
        inner, outer = outline(0, 0.12, sign), outline(tube, 0.12, sign)
        if not rimless:
            pieces.append((np.concatenate([inner, outer, outline(tube, -0.25, sign)]), grid_triangles(3, n, True)))
        a = bent(np.array([[sign * (centre_x + half_w + tube), y + half_h * 0.4, plane]]))[0]
        ear = np.array([sign * 7.9, eyes[1][1] + 0.6, 1.5])
        pieces.append(_capsule(a, ear, max(0.1, tube * 0.6), max(0.1, tube * 0.5)))
        lens = outline(0.02, 0.0, sign)
        middle = lens.mean(0, keepdims=True) + np.array([[0, 0, 0.25]])
        fan = np.stack([np.full(n, n), np.arange(n), (np.arange(n) + 1) % n], 1).astype(np.int32)
        paint = painted(n + 1, np.full(3, 0.7), 0.5)
        lenses.append(Part(np.concatenate([lens, middle]), fan, raster.LENS, paint))
    bridge = bent(np.array([[-centre_x + half_w, y + half_h * 0.35, plane], [centre_x - half_w, y + half_h * 0.35, plane]]))
    pieces.append(_capsule(bridge[0], bridge[1], max(0.1, tube * 0.5), max(0.1, tube * 0.5)))
    sun = rng.random() < 0.16
    tint = np.array([0.01, 0.012, 0.015]) if sun else np.array([0.75, 0.8, 0.8])
    alpha, shine = (rng.uniform(0.6, 0.97), rng.uniform(0.1, 0.5)) if sun else (rng.uniform(0, 0.1), rng.uniform(0, 0.6) ** 2)
    for lens in lenses:
        lens.paint[:, :3], lens.paint[:, 8], lens.paint[:, 3] = tint, alpha, shine
    return [joined(pieces, raster.CLOTH, colour, gloss)], lenses


def torso(rng: np.random.Generator, skin: np.ndarray) -> list[Part]:
    """Neck stump, shoulders and chest."""
    rows, columns = 12, 36
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    wide, deep, fall = rng.uniform(17, 23), rng.uniform(8, 12), rng.uniform(2.5, 7)
    t = np.array([0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.88, 1.0])
    grow = smooth(t, 0.0, 1.0)
    neck = rng.uniform(5.6, 6.6)
    rx, rz = neck + (wide - neck) * t, neck + (deep - neck) * t
    height = -12.5 - rng.uniform(0, 2) - fall * t - 3.5 * grow**3
    rows = len(t) + 1
    rx, rz, height = np.append(rx, wide * 1.03), np.append(rz, deep * 1.1), np.append(height, -60)
    power = np.append(1 - 0.25 * t, 0.75)
    c, s = np.cos(turn), np.sin(turn)
    x = rx[:, None] * np.sign(c) * np.abs(c) ** power[:, None]
    z = -2.0 + rz[:, None] * np.sign(s) * np.abs(s) ** power[:, None]
    at = np.stack([x, np.broadcast_to(height[:, None], x.shape), z], -1).reshape(-1, 3)
    colour = rng.random(3) ** 1.5 * rng.uniform(0.05, 0.9)
    if rng.random() < 0.5:
        colour = np.full(3, colour.mean()) * rng.uniform(0.9, 1.1, 3)
    paint = painted(len(at), colour, 0.02, 0.8, 0.8)
    bare = rng.choice([0, 1, 2, 3, 5], p=[0.3, 0.25, 0.2, 0.15, 0.1])
    paint[: bare * columns, :3] = skin
    if rng.random() < 0.3:
        paint[bare * columns : (bare + 1) * columns, :3] = rng.random(3)
    if rng.random() < 0.3:
        at_vertex = np.arange(rows * columns)
        stripes = ((at_vertex // rng.integers(1, 4)) % 2 == 0) & (at_vertex >= bare * columns)
        paint[:, :3] = np.where(stripes[:, None], rng.random(3) * 0.7, paint[:, :3])
    paint[:, 6], paint[:, 7] = at[:, 0] * 1.5, at[:, 1] * 1.5
    return [Part(at, grid_triangles(rows, columns, True), raster.CLOTH, paint)]


def microphone(mouth: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """A microphone before the lips or below them. mouth [3]."""
    down = np.array([rng.normal(0, 0.5), -1.0, rng.uniform(0.1, 1.2)])
    down /= np.linalg.norm(down)
    ball = rng.uniform(1.3, 3.0)
    at = mouth + np.array([rng.normal(0, 2.0), rng.uniform(-4.5, 0.3), rng.uniform(0.8, 4) + ball])
    turn = np.linspace(0.05, np.pi - 0.05, 9)
    head = lathe(np.stack([-np.cos(turn), np.sin(turn)], 1) * ball, down, at, 14)
    stick = lathe(np.array([[ball * 0.7, ball * 0.62], [ball * 1.2, ball * 0.55], [22, ball * 0.4]]), down, at, 12)
    tone = rng.uniform(0.01, 0.35)
    return [joined([head], raster.CLOTH, np.full(3, tone), 0.15), joined([stick], raster.CLOTH, np.full(3, rng.uniform(0.005, 0.2)), 0.4)]


def hand(anchor: np.ndarray, rng: np.random.Generator, skin: np.ndarray) -> list[Part]:
    """A hand with its fingers at ``anchor`` [3] of the face, coming from below or the side."""
    come = rng.normal(0, 1.1)
    up = np.array([np.sin(come), np.cos(come), rng.uniform(-0.1, 0.35)])
    up /= np.linalg.norm(up)
    across = np.cross(up, [0, 0, 1.0])
    across /= np.linalg.norm(across)
    across = across * np.cos(0.3) + np.cross(up, across) * np.sin(rng.normal(0, 0.3))
    out = np.cross(across, up)
    out *= np.sign(out[2]) or 1
    base = anchor + out * rng.uniform(0.6, 1.6) - up * rng.uniform(2, 7)
    pieces = []
    bent = rng.uniform(0, 1.2)
    folded = rng.random(4) < 0.3
    for k in range(4):
        spread = rng.uniform(1.5, 1.9)
        root = base + across * (k - 1.5) * spread
        length = (rng.uniform(2.2, 2.6) if folded[k] else rng.uniform(3.6, 4.6)) * (1 - 0.06 * abs(k - 1.4))
        mid = root + up * length + out * 0.4
        tip = mid + (up * np.cos(bent) - out * np.sin(bent) * 0.6) * length * (0.2 if folded[k] else 0.85)
        pieces += [_capsule(root, mid, 0.92, 0.85), _capsule(mid, tip, 0.85, 0.68)]
    palm = base - up * 4.2
    for k in range(4):
        pieces.append(_capsule(palm + across * (k - 1.5) * 1.3, base + across * (k - 1.5) * 1.7, 1.5, 1.1))
    thumb = palm + across * 3.0
    pieces.append(_capsule(thumb, thumb + up * 4.5 + across * 1.8 + out * 0.5, 1.2, 0.8))
    pieces.append(_capsule(palm, palm - up * 22 + out * rng.uniform(-2, 4), 2.5, 3.3))
    return [joined(pieces, raster.SKIN, skin * rng.uniform(0.85, 1.1), 0.06)]
