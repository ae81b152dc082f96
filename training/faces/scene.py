# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws people and pictures of them: a ``Person`` (identity, look, what they wear) before a camera with light, and the truth with it."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...inference.video.crop import crop_of
from ...inference.video.points import LANDMARK68, POINTS, SKIN
from ...rigs.arkit import ARKIT_52
from . import backgrounds, look, props, raster
from .head import Head, smooth, vertex_normals

SIDE = 160  # pixels of a stored picture
FILL = 0.78  # of it is the crop: the rest is room to move it
HIDDEN = 0.4  # cm a point may lie behind what is drawn there and still count as seen
_NEAR = 16  # directions of light near the key light that make its penumbra


@dataclass(frozen=True)
class Truth:
    """What is known of one picture. points float32 [POINTS, 2] px; visible bool [POINTS]; arkit [52]; identity [100] (NaN where a
    stylised head is no sum of the kit's shapes); rotation [3, 3] head to camera; distance cm; focal px; stylised; tone: mean linear
    reflectance of the skin, 0.05 (very dark) to 0.6 (very light)."""

    points: np.ndarray
    visible: np.ndarray
    arkit: np.ndarray
    identity: np.ndarray
    rotation: np.ndarray
    shift: np.ndarray
    distance: float
    focal: float
    centre: np.ndarray
    stylised: bool
    tone: float


@dataclass(frozen=True)
class Person:
    """One person, ready for pictures. identity [100]; seal [V + 10, 3]: what closes the lips at rest, and how their line runs; bend: what a
    stylised head does to positions; parts: static props in head space."""

    identity: np.ndarray
    seal: np.ndarray
    look: look.Look
    stylised: bool
    cel: int
    outline: float
    bend: tuple[tuple[np.ndarray, float, float], ...]
    slim: float
    opaque: list[props.Part]
    clear: list[props.Part]
    seed: int


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Head to camera, radians: yaw + towards the subject's left, pitch + up, roll + clockwise in the picture."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(-roll), np.sin(-roll)
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rx = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    rz = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return rz @ ry @ rx


def bent(positions: np.ndarray, person: Person) -> np.ndarray:
    """A person's shape from the sum of the kit's: lips that meet in a line of their own; on a stylised head regions swollen or shrunk about
    a centre and the jaw narrowed. positions [V + 10, 3]."""
    out = positions + person.seal
    for centre, amount, size in person.bend:
        d = out - centre
        out = out + d * (amount * np.exp(-((d**2).sum(-1, keepdims=True)) / (2 * size * size)))
    if person.slim:
        factor = 1 - person.slim * smooth(-out[..., 1], -2, 8)
        out = out * np.stack([factor, np.ones_like(factor), np.ones_like(factor)], -1)
    return out.astype(np.float32)


def draw_person(head: Head, rng: np.random.Generator) -> Person:
    stylised = bool(rng.random() < 0.13)
    identity = (rng.normal(size=100) * rng.uniform(0.5, 1.15)).astype(np.float32)
    painted = look.draw(head, rng, stylised)
    neutral, eyes = head.place(identity[None], np.zeros((1, 52), np.float32))
    bend: list[tuple[np.ndarray, float, float]] = []
    slim, cel, outline = 0.0, 0, 0.0
    if stylised:
        big = rng.uniform(0.0, 0.75)
        bend += [(eyes[0, k] + [0, 0, 0.5], big, rng.uniform(1.7, 2.4)) for k in range(2)]
        if rng.random() < 0.6:
            bend.append((np.array([0, 1.2, 11.5]), rng.uniform(-0.4, 0.4), 1.8))
        if rng.random() < 0.4:
            bend.append((np.array([0, -3.3, 10.5]), rng.uniform(-0.25, 0.3), 2.6))
        if rng.random() < 0.5:
            bend.append((np.array([0, 11.0, 0.0]), rng.uniform(0, 0.3), 7.0))
        slim = rng.uniform(-0.15, 0.4)
        if rng.random() < 0.65:
            cel = int(rng.choice([1, 2, 3, 4]))
        if rng.random() < 0.55:
            outline = rng.uniform(0.4, 1.0)
    seal, seed = head.sealed(neutral[0]) + _lip_line(head, rng), int(rng.integers(1 << 30))
    person = Person(identity, seal, painted, stylised, cel, outline, tuple(bend), slim, [], [], seed)
    shape = bent(neutral[0], person)
    normals = vertex_normals(shape, head.tri)
    opaque: list[props.Part] = []
    if rng.random() < 0.88:
        opaque += props.hair(head, shape, normals, rng, painted.hair)
    if rng.random() < 0.1:
        opaque += props.hat(head, shape, normals, rng)
    clear: list[props.Part] = []
    if painted.beard is not None and painted.beard_length > 0.08:
        used = np.flatnonzero(painted.beard > 0.02)
        back = np.full(len(shape), -1)
        back[used] = np.arange(len(used))
        tri = head.tri[: head.opaque]
        clear.append(props.Part(used, back[tri[(back[tri] >= 0).all(1)]].astype(np.int32), raster.BEARD, np.zeros(0)))
    if rng.random() < 0.24:
        frames, lenses = props.glasses(shape[head.points[list(LANDMARK68)]], rng)
        opaque += frames
        clear += lenses
    if rng.random() < 0.92:
        opaque += props.torso(rng, painted.skin)
    return replace(person, opaque=opaque, clear=clear)


def _lip_line(head: Head, rng: np.random.Generator) -> np.ndarray:
    """How the line between a person's lips runs, [V + 10, 3]: a bow from corner to corner and a dip in the middle."""
    return head.bowed(rng.normal(0, 0.07), rng.uniform(1.2, 2.2)) + head.bowed(rng.normal(0.05, 0.07), rng.uniform(0.3, 0.8))


def draw_light(rng: np.random.Generator, brightness: float) -> np.ndarray:
    """float32 [30]: raster.c's Light. brightness: of the face's albedo; cameras expose darker skin longer, though not fully."""

    def tint(spread: float) -> np.ndarray:
        warm = rng.normal(0, spread)
        return np.array([1 + warm, 1 + rng.normal(0, spread * 0.15), 1 - warm]).clip(0.3, 2)

    contrast = rng.random()
    ambient = tint(0.08) * rng.uniform(0.15, 0.7) * (1.15 - contrast)
    sky = tint(0.1) * rng.uniform(0, 0.5) * (1.15 - 0.6 * contrast)
    side = tint(0.12) * rng.uniform(0, 0.5) * (rng.random() < 0.5)
    if side.any() and rng.random() < 0.5:  # from the other side
        ambient, side = ambient + side, -side * 0.9
    directions, colours = [], []
    for k, share in enumerate((1.0, 0.5, 0.3)):
        az, el = rng.normal(0, 0.8), rng.normal(0.5, 0.4)
        if k == 2:
            az += np.pi
        directions += [np.sin(az) * np.cos(el), np.sin(el), np.cos(az) * np.cos(el)]
        colours.append(tint(0.1) * rng.uniform(0.1, 1.0) * share * (0.25 + contrast) * (rng.random() < (1.0, 0.6, 0.4)[k]))
    total = ambient.sum() + 0.6 * sky.sum() + 0.6 * sum(c.sum() for c in colours)
    wanted = rng.uniform(0.55, 1.05) * (0.34 / (brightness + 0.03)) ** 0.55
    scale = 3 * wanted / (total + 1e-6)
    up = rng.normal([0, 1, 0.2], 0.15)
    return np.concatenate([ambient * scale, sky * scale, side * scale, directions, *(c * scale for c in colours), up]).astype(np.float32)


def draw_pose(rng: np.random.Generator) -> tuple[float, float, float]:
    """Yaw, pitch and roll in radians: mostly towards the camera, now and then up to 60 degrees away."""
    if rng.random() < 0.6:
        return rng.normal(0, 0.22), rng.normal(0, 0.14), rng.normal(0, 0.07)
    return rng.uniform(-1.05, 1.05), rng.uniform(-0.6, 0.6), rng.normal(0, 0.12)


def _key_visibility(head: Head, direction: np.ndarray, softness: float) -> np.ndarray:
    cosine = head.directions @ direction
    near = np.argsort(-cosine)[:_NEAR]
    weight = np.exp((cosine[near] - cosine[near[0]]) / softness)
    return (weight / weight.sum()).astype(np.float32) @ head.seen[near]


def _let_in(marks: np.ndarray) -> float:
    """Share of the light that parted lips let onto teeth and tongue, for the 68 landmarks [68, 3]: next to none between closed ones."""
    apart = np.linalg.norm(marks[[61, 62, 63]] - marks[[67, 66, 65]], axis=1).max()
    return 0.06 + 0.94 * float(smooth(apart, 0.05, 0.5))


def picture(head: Head, person: Person, mesh: np.ndarray, arkit: np.ndarray, rng: np.random.Generator, backs: np.ndarray, side: int = SIDE,
            fill: float = FILL, clutter: float = 1.0, sway: Sequence[float] = (0.0, 0.0, 0.0),
            ) -> tuple[np.ndarray, np.ndarray, Truth]:  # fmt: skip
    """One picture uint8 [side, side, 3], its foreground mask, and the truth. mesh: from ``head.place``; fill: crop over side; sway: added
    to the drawn yaw, pitch and roll."""
    shape = bent(mesh, person)
    turned = rotation(*(angle + more for angle, more in zip(draw_pose(rng), sway, strict=True)))
    distance = float(np.exp(rng.normal(np.log(75), 0.5)).clip(32, 400))
    shift = np.array([*rng.normal(0, 0.06 * distance, 2), 0.0]).clip(-12, 12)
    points3 = np.ascontiguousarray(shape[head.points])
    camera = raster.Camera(turned, shift, distance, 1000.0, (0.0, 0.0))
    flat = raster.project(points3, camera)
    crop = crop_of(flat[:, :2])
    scale = 2 * fill * side / crop.side
    camera = raster.Camera(turned, shift, distance, 1000 * scale, (side - crop.x * scale, side - crop.y * scale))
    parts, clear = list(person.opaque), []
    marks = shape[head.points[list(LANDMARK68)]]
    if rng.random() < 0.05 * clutter:
        parts += props.microphone(marks[62], rng)
    if rng.random() < 0.09 * clutter:
        parts += props.hand(marks[int(rng.integers(68))] + rng.normal(0, 1.0, 3), rng, person.look.skin)
    normals = None
    for part in person.clear:
        if part.material == raster.BEARD:
            normals = vertex_normals(shape, head.tri) if normals is None else normals
            used = part.positions
            paint = person.look.paint[used].copy()
            at = head.neutral[used]
            paint[:, :3], paint[:, 8] = person.look.hair * 0.9, person.look.beard[used]
            paint[:, 6], paint[:, 7] = at[:, 0] + at[:, 2], at[:, 1]
            for layer in (0.3, 0.65, 1.0):
                rise = person.look.beard_length * layer * person.look.beard[used][:, None]
                level = paint.copy()
                level[:, 8] *= 1.15 - 0.55 * layer
                level[:, 4] *= 0.5 + 0.5 * layer
                grown = shape[used] + (normals[used] + np.array([0, -0.3, 0.1])) * rise
                clear.append(props.Part(grown, part.tri, part.material, level))
        else:
            clear.append(part)
    paint = person.look.paint.copy()
    light = draw_light(rng, float(person.look.skin.mean()))
    toward = turned.T @ light[9:12]
    paint[paint[:, 5] < 0, 4] *= _let_in(marks)
    paint[:, 5] = np.where(paint[:, 5] < 0, 0.8 * paint[:, 4], _key_visibility(head, toward, rng.uniform(0.01, 0.08)))
    eyes = person.look.eyes.copy()
    eyes[11], eyes[12] = rng.uniform(-0.3, 0.3), rng.uniform(-0.05, 0.35)
    if rng.random() < 0.3:
        eyes[11] = 9.0
    positions, tri, material, paints = [shape], [head.tri[: head.opaque]], [head.material[: head.opaque]], [paint]
    count = len(shape)
    for part in parts:
        positions.append(part.positions)
        tri.append(part.tri + count)
        material.append(np.full(len(part.tri), part.material, np.uint8))
        paints.append(part.paint)
        count += len(part.positions)
    opaque = sum(len(t) for t in tri)
    lash = head.tri[head.opaque :]
    tri.append(lash)
    material.append(np.full(len(lash), raster.LASH, np.uint8))
    for part in clear:
        positions.append(part.positions)
        tri.append(part.tri + count)
        material.append(np.full(len(part.tri), part.material, np.uint8))
        paints.append(part.paint)
        count += len(part.positions)
    out, mask, zb = raster.render(
        np.concatenate(positions).astype(np.float32), np.concatenate(tri).astype(np.int32), np.concatenate(material),
        opaque, np.concatenate(paints).astype(np.float32), camera, light, eyes, backgrounds.cut(rng, backs, side), person.seed,
        person.cel, person.outline,
    )  # fmt: skip
    screen = raster.project(points3, camera)
    visible = seen(screen, zb)
    tongue = slice(SKIN + 10, POINTS)
    visible[tongue] &= arkit[ARKIT_52.index("tongueOut")] > 0.3
    tone = float(person.look.skin.mean())
    truth = Truth((screen[:, :2] / 2).astype(np.float32), visible, arkit, person.identity * (np.nan if person.stylised else 1), turned,
                  shift, distance, camera.focal / 2, np.array(camera.centre) / 2, person.stylised, tone)  # fmt: skip
    return out, mask, truth


def seen(screen: np.ndarray, zb: np.ndarray) -> np.ndarray:
    """bool [n]: whether nothing lies before projected points [n, 3], given the depth of the picture."""
    h, w = zb.shape
    at = np.floor(screen[:, :2]).astype(int)
    inside = (at[:, 0] >= 1) & (at[:, 0] < w - 1) & (at[:, 1] >= 1) & (at[:, 1] < h - 1)
    x, y = at[:, 0].clip(1, w - 2), at[:, 1].clip(1, h - 2)
    far = np.max([zb[y + j, x + i] for i in (-1, 0, 1) for j in (-1, 0, 1)], 0)
    return inside & (screen[:, 2] < far + HIDDEN)
