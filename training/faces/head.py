# SPDX-License-Identifier: GPL-3.0-or-later
"""The head that is rendered: ICT-FaceKit's mesh without the parts that never show, the 52 shapes, where skin is lip, brow, beard or
scalp, and how much of the sky each vertex sees."""
from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...inference.video import geometry as face_geometry
from ...inference.video.points import IRIS_LEFT, IRIS_RIGHT, POINTS, SKIN_VERTICES, TONGUE, TONGUE_VERTICES
from . import raster
from .geometry import EYE_CENTRE, IRIS_CENTRE, arkit_shapes, build, load_kit

KEPT = ("face", "headneck", "mouthsocket", "gums_tongue", "teeth", "sclera_l", "sclera_r", "lashes_l", "lashes_r")
DIRECTIONS = 80  # over the sphere: about 25 degrees apart, as soft as the shadows of a window
_DEPTH = 256
_LIP = 0.6  # cm from the seam within which lips follow it


@dataclass(frozen=True, eq=False)
class Head:
    """V mesh vertices and, after them, the ten iris points, so that whatever bends the head bends its truth.

    neutral [V + 10, 3] cm; identity [100, (V + 10) * 3]; shapes [52, (V + 10) * 3]; part uint8 [V + 10] (index in KEPT; iris points as the
    sclera); tri int32 [T, 3] and material uint8 [T], lashes last; opaque: number of triangles before them; points int [POINTS]: the
    vertex of each dense point; eyes, eyes_identity as in ``inference.video.geometry``; masks: name -> float32 [V + 10];
    seen: float32 [DIRECTIONS, V + 10]; directions [DIRECTIONS, 3]; ambient: float32 [V + 10].
    """

    neutral: np.ndarray
    identity: np.ndarray
    shapes: np.ndarray
    part: np.ndarray
    tri: np.ndarray
    material: np.ndarray
    opaque: int
    points: np.ndarray
    eyes: np.ndarray
    eyes_identity: np.ndarray
    masks: dict[str, np.ndarray]
    seen: np.ndarray
    directions: np.ndarray
    ambient: np.ndarray

    def place(self, identity: np.ndarray, arkit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices float32 [n, V + 10, 3] of n faces, eyes turned, and their eye centres [n, 2, 3]. identity [n, 100], arkit [n, 52]."""
        n = len(arkit)
        out = (np.concatenate([identity, arkit], 1) @ self.basis + self.neutral.reshape(-1)).reshape(n, -1, 3)
        eyes = self.eyes + np.tensordot(identity, self.eyes_identity, 1)
        gaze = face_geometry.gaze_from_coefficients(arkit)
        for k, side in enumerate("lr"):
            ball = self.part == KEPT.index(f"sclera_{side}")
            turned = face_geometry.turn(gaze[:, 2 * k], gaze[:, 2 * k + 1])
            centre = eyes[:, None, k]
            out[:, ball] = np.einsum("nij,nvj->nvi", turned, out[:, ball] - centre) + centre
        return out.astype(np.float32), eyes

    def sealed(self, neutral: np.ndarray) -> np.ndarray:
        """What to add to a person's ``neutral`` [V + 10, 3] so that the lips meet as the average head's do, [V + 10, 3]. The kit's people
        are scanned and fitted with lips up to 3 mm apart or inside one another, where anybody's touch."""
        upper, lower = (list(self.points[list(line)]) for line in ((61, 62, 63), (67, 66, 65)))
        apart = (neutral[upper, 1] - neutral[lower, 1]) - (self.neutral[upper, 1] - self.neutral[lower, 1])
        x, corners = self.neutral[upper, 0], self.neutral[self.points[[60, 64]], 0]
        order = np.argsort(x)
        along = [corners.min(), *x[order], corners.max()]
        half = 0.5 * np.interp(self.neutral[:, 0], along, [0, *apart[order], 0])
        out = np.zeros_like(neutral)
        out[:, 1] = -half * np.sign(self.masks["above_seam"]) * self._near_seam
        return out

    def bowed(self, dip: float, breadth: float) -> np.ndarray:
        """What to add to a person [V + 10, 3] so that both lips, and the line between them, lie ``dip`` cm lower in the middle, fading with
        the distance from it by ``breadth`` cm: an upper lip whose middle hangs over the lower one is common, and rare in the kit."""
        out = np.zeros_like(self.neutral)
        out[:, 1] = -dip * np.exp(-((self.neutral[:, 0] / breadth) ** 2)) * self._near_seam
        return out

    @functools.cached_property
    def _near_seam(self) -> np.ndarray:
        """float32 [V + 10]: 1 where the lips meet, fading with the distance from there."""
        return np.exp(-((self.masks["lip_seam"] / _LIP) ** 2))

    @functools.cached_property
    def basis(self) -> np.ndarray:
        return np.concatenate([self.identity, self.shapes])


def smooth(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _to_polyline(at: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance of [n, 2] to a polyline [k, 2] and the place along it in 0..1."""
    best, along = np.full(len(at), 1e9), np.zeros(len(at))
    for i in range(len(line) - 1):
        d = line[i + 1] - line[i]
        t = np.clip(((at - line[i]) @ d) / (d @ d), 0, 1)
        r = np.linalg.norm(at - line[i] - t[:, None] * d, axis=1)
        along = np.where(r < best, (i + t) / (len(line) - 1), along)
        best = np.minimum(best, r)
    return best, along


def _to_ring(at: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Distance of [n, 3] to the closed line through [k, 3]."""
    best = np.full(len(at), 9.0)
    for a, b in zip(ring, np.roll(ring, -1, 0), strict=True):
        t = np.clip(((at - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        best = np.minimum(best, np.linalg.norm(at - a - t[:, None] * (b - a), axis=1))
    return best


def _inside(at: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    out = np.zeros(len(at), bool)
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        crosses = (a[1] > at[:, 1]) != (b[1] > at[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            out ^= crosses & (at[:, 0] < (b[0] - a[0]) * (at[:, 1] - a[1]) / (b[1] - a[1]) + a[0])
    return out


def _masks(neutral: np.ndarray, part: np.ndarray, marks: np.ndarray) -> dict[str, np.ndarray]:
    """Where on the average head things are painted. marks: the 68 landmarks [68, 3]."""
    x, y, z = neutral.T
    xy = np.stack([x, y], 1)
    face = part == KEPT.index("face")
    front = face & (z > 6)
    out: dict[str, np.ndarray] = {}
    outer = marks[[*range(48, 60)], :2]
    far, _ = _to_polyline(xy, np.concatenate([outer, outer[:1]]))
    signed = np.where(_inside(xy, outer), far, -far)
    out["lips"] = smooth(signed, -0.12, 0.08) * (front & (np.abs(x) < 3))
    for name, line in (("brow_r", marks[17:22, :2]), ("brow_l", marks[22:27, :2])):
        far, along = _to_polyline(xy, line)
        out[f"{name}_far"], out[f"{name}_along"] = far, along if name == "brow_l" else 1 - along
        side = 1 if name == "brow_l" else -1
        nearest = np.array([np.interp(abs(v), np.sort(np.abs(line[:, 0])), line[np.argsort(np.abs(line[:, 0])), 1]) for v in x])
        out[f"{name}_above"] = np.where(front & (x * side > 0.3) & (np.abs(x) < 7), y - nearest, 9.0)
    azimuth = np.arctan2(np.abs(x), z - 1.0)
    # The hairline by azimuth: forehead, temple, before and behind the ear, nape.
    line = np.interp(azimuth, [0, 0.35, 0.6, 0.85, 1.05, 1.2, 1.45, 1.9, 3.2], [11.3, 11.0, 9.8, 8.2, 6.0, 3.0, 1.5, -3.0, -5.5])
    ear = (np.abs(x) > 7.65) & (y > -3) & (y < 6.5) & (z > -2.8) & (z < 5)
    scalp = (face | (part == KEPT.index("headneck"))) & ~ear
    out["above_hairline"] = np.where(scalp, y - line, -9).astype(np.float32)
    out["azimuth"] = azimuth
    out["ear"] = ear.astype(np.float32)
    cheek_line = np.interp(np.abs(x), [0, 2.6, 4.5, 6.5, 7.6], [-1.3, -1.6, -1.8, 0.0, 2.5])
    beard = smooth(cheek_line - y, 0, 0.8) * smooth(y, -11.5, -9.0) * (z > 2.0) * ~ear
    out["beard"] = beard * (face | (part == KEPT.index("headneck")))
    out["moustache"] = smooth(-1.25 - y, 0, 0.3) * smooth(y, -3.6, -2.9) * smooth(3.2 - np.abs(x), 0, 0.8) * front
    out["chin"] = smooth(-3.6 - y, 0, 0.8) * smooth(3.0 - np.abs(x), 0, 0.9) * smooth(y, -10, -8.5) * (z > 4) * face
    out["cheek"] = np.exp(-((np.abs(x) - 4.6) ** 2 + (y + 0.3) ** 2) / 3.5) * front
    out["nose"] = np.exp(-(x**2 + (y - 0.7) ** 2 + (z - 12.5) ** 2) / 1.6)
    out["under_eye"] = np.exp(-((np.abs(x) - 3.1) ** 2 / 2.2 + (y - 2.3) ** 2 / 0.35)) * front
    out["eye_shadow"] = np.exp(-((np.abs(x) - 3.2) ** 2 / 2.5 + (y - 4.5) ** 2 / 0.3)) * front
    rim = np.full(len(x), 9.0)
    for first in (36, 42):
        rim = np.minimum(rim, _to_ring(neutral, marks[first : first + 6]))
    out["lid_rim"] = np.exp(-((rim / 0.16) ** 2)) * face
    out["upper"] = smooth(y - 3.45, -0.1, 0.2)
    out["lip_seam"] = np.where(face, _to_ring(neutral, marks[60:68]), 9.0)
    seam = 0.5 * (marks[[60, 61, 62, 63, 64]] + marks[[60, 67, 66, 65, 64]])
    out["above_seam"] = y - np.interp(x, seam[:, 0], seam[:, 1])
    return {k: np.asarray(v, np.float32) for k, v in out.items()}


def _visibility(neutral: np.ndarray, tri: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 [V, D]: how much of each direction's light arrives (soft at edges of shadows), and the directions, spread evenly."""
    i = np.arange(DIRECTIONS) + 0.5
    polar, turn = np.arccos(1 - 2 * i / DIRECTIONS), np.pi * (1 + 5**0.5) * i
    directions = np.stack([np.cos(turn) * np.sin(polar), np.cos(polar), np.sin(turn) * np.sin(polar)], 1).astype(np.float32)
    seen = np.zeros((len(neutral), DIRECTIONS), np.float32)
    for k, d in enumerate(directions):
        side = np.cross([0, 1, 0] if abs(d[1]) < 0.9 else [1, 0, 0], d)
        side /= np.linalg.norm(side)
        view = np.stack([side, np.cross(d, side), d]).astype(np.float32)
        camera = raster.Camera(view, np.zeros(3), 0.0, 6.0, (_DEPTH / 2, _DEPTH / 2))
        zb = raster.depth(neutral, tri, camera, _DEPTH)
        s = raster.project(np.ascontiguousarray(neutral + 0.15 * normals, np.float32), camera)
        at = np.clip(s[:, :2].astype(int), 1, _DEPTH - 2)
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                seen[:, k] += zb[at[:, 1] + dy, at[:, 0] + dx] > s[:, 2] - 0.25
        seen[:, k] /= 9
    return seen, directions


def vertex_normals(positions: np.ndarray, tri: np.ndarray) -> np.ndarray:
    """Unit normals float32 [V, 3]."""
    return raster.normals(np.ascontiguousarray(positions, np.float32), tri)


@functools.lru_cache(maxsize=1)
def load(path: Path) -> Head:
    """The head from ``ict_facekit.npz`` (MIT, github.com/ICT-VGL/ICT-FaceKit)."""
    kit = load_kit(path)
    names = [str(n) for n in kit["part_names"]]
    kept_part = np.array([KEPT.index(n) if n in KEPT else -1 for n in names])[kit["part"]]
    tri = kit["tri"].astype(np.int64)
    tri = tri[(kept_part[tri] >= 0).all(1)]
    used = np.unique(np.concatenate([tri.reshape(-1), np.array([*SKIN_VERTICES, *TONGUE_VERTICES])]))
    back = np.full(len(kept_part), -1)
    back[used] = np.arange(len(used))
    tri, part = back[tri], kept_part[used]
    tables = build(kit)
    iris = list(IRIS_LEFT) + list(IRIS_RIGHT)
    n = len(used) + len(iris)
    neutral = np.concatenate([kit["neutral"][used], tables["neutral"][iris]]).astype(np.float32)
    identity = np.concatenate([kit["identity"][:, used].astype(np.float32), tables["identity"][:, iris]], 1)
    shapes = np.concatenate([arkit_shapes(kit)[:, used], np.zeros((52, len(iris), 3), np.float32)], 1)
    part = np.concatenate([part, [KEPT.index("sclera_l")] * 5 + [KEPT.index("sclera_r")] * 5])
    points = np.zeros(POINTS, int)
    points[: len(SKIN_VERTICES)] = back[list(SKIN_VERTICES)]
    points[list(TONGUE)] = back[list(TONGUE_VERTICES)]
    points[iris] = len(used) + np.arange(len(iris))
    by_part = part[tri[:, 0]]
    lash = np.isin(by_part, [KEPT.index("lashes_l"), KEPT.index("lashes_r")])
    order = np.argsort(lash, kind="stable")
    tri, by_part = tri[order].astype(np.int32), by_part[order]
    material = np.array([raster.SKIN, raster.SKIN, raster.MOUTH, raster.MOUTH, raster.MOUTH, raster.EYE, raster.EYE, raster.LASH,
                         raster.LASH], np.uint8)[by_part]  # fmt: skip
    skin = np.ascontiguousarray(tri[by_part < 2])
    seen, directions = _visibility(neutral, skin, vertex_normals(neutral, np.ascontiguousarray(tri[: int((~lash).sum())])))
    normals = vertex_normals(neutral, tri)
    cosine = np.clip(normals @ directions.T, 0, None)
    ambient = (seen * cosine).sum(1) / (cosine.sum(1) + 1e-6)
    marks = kit["neutral"][kit["lmk68"].astype(int)]
    seen = np.ascontiguousarray(seen.T)
    masks = _masks(neutral, part, marks)
    for side, sign in (("l", 1), ("r", -1)):  # where on the eyeball, from the middle of the iris
        ball = part == KEPT.index(f"sclera_{side}")
        centre = IRIS_CENTRE * [sign, 1, 1]
        masks.setdefault("eye_u", np.zeros(n, np.float32))[ball] = neutral[ball, 0] - centre[0]
        masks.setdefault("eye_v", np.zeros(n, np.float32))[ball] = neutral[ball, 1] - centre[1]
        behind = ball & (neutral[:, 2] < EYE_CENTRE[2])
        masks["eye_u"][behind] = 9.0
    return Head(neutral, identity.reshape(100, -1), shapes.reshape(52, -1), part.astype(np.uint8), np.ascontiguousarray(tri), material,
                int((~lash).sum()), points, tables["eyes"], tables["eyes_identity"], masks, seen, directions,
                ambient.astype(np.float32))  # fmt: skip
