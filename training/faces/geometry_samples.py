# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips of dense points without pictures: identities, expressions, poses, cameras, and errors as a point network makes them.

A clip is one person under one camera for some frames. Errors have the structure that the solver has to live with: a part that stays with
the person through the clip, a part that neighbouring points share, and a part of each point's own; larger on contours and far larger
where a point is hidden. ``level`` is the mean error of a visible point as a share of the crop's side.
"""
from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ...inference.video import geometry
from ...inference.video.points import POINTS, REGION, SKIN, SKIN_VERTICES, TONGUE, indices
from ...rigs.arkit import ARKIT_52
from . import expressions
from .geometry import load_kit

PIVOT: Final = geometry.PIVOT
CROP: Final = (24.0, 31.0)  # side of the crop in cm of the head's scale
DISTANCE: Final = (35.0, 250.0)  # cm from the camera to the head, log-uniform: a phone at arm's length to a long lens
LEVELS: Final = (0.002, 0.013)  # log-uniform
_ROUGH: Final[Mapping[str, float]] = {
    "jaw": 1.9, "temple": 1.8, "forehead": 1.7, "cheek": 1.5, "fold": 1.2, "chin": 1.2, "brow": 1.1, "nose": 0.9, "lidFold": 0.9,
    "lid": 0.65, "lipOuter": 0.8, "lip": 0.85, "lipInner": 0.8, "lipSkin": 0.9, "iris": 0.6, "tongue": 1.3,
}  # fmt: skip


@dataclass(frozen=True)
class Clips:
    """B clips of T frames.

    points [B, T, P, 2] in crop units (x right, y down) with errors, exact [B, T, P, 2] without; sigma [B, T, P] crop units; visible
    [B, T, P] 0..1 as a network would say; arkit [B, T, 52]; gaze [B, T, 4] rad; identity [B, 100]; rotation [B, T, 3, 3]; scale [B, T]
    crop units a cm; perspective [B] 1/cm; kinds [B, T] (numbers in ``expressions.KINDS``).
    """

    points: np.ndarray
    exact: np.ndarray
    sigma: np.ndarray
    visible: np.ndarray
    arkit: np.ndarray
    gaze: np.ndarray
    identity: np.ndarray
    rotation: np.ndarray
    scale: np.ndarray
    perspective: np.ndarray
    kinds: np.ndarray


def rotations(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Head rotations [..., 3, 3]: roll about z first, then the turn of ``geometry.turn`` (yaw + to the subject's left, pitch + up)."""
    c, s, zero = np.cos(roll), np.sin(roll), np.zeros_like(roll)
    about_z = np.stack([np.stack([c, -s, zero], -1), np.stack([s, c, zero], -1), np.stack([zero, zero, zero + 1], -1)], -2)
    return geometry.turn(yaw, pitch) @ about_z


@functools.lru_cache(maxsize=1)
def normals(kit_path: Path) -> np.ndarray:
    """Outward directions of the skin's points on the average face, [SKIN, 3]."""
    kit = load_kit(kit_path)
    at, tri = kit["neutral"].astype(float), kit["tri"][(kit["part"][kit["tri"].astype(int)] == 0).all(1)].astype(int)
    out = np.zeros_like(at)
    facet = np.cross(at[tri[:, 1]] - at[tri[:, 0]], at[tri[:, 2]] - at[tri[:, 0]])
    for k in range(3):
        np.add.at(out, tri[:, k], facet)
    out = out[list(SKIN_VERTICES)]
    return out / np.linalg.norm(out, axis=1, keepdims=True)


@functools.lru_cache(maxsize=2)
def _shared(length: float) -> np.ndarray:
    """Factor [P, P] of errors that neighbours within ``length`` cm share (unit variance)."""
    at = geometry.load().neutral.astype(float)
    gap = np.square(at[:, None] - at[None]).sum(-1)
    values, vectors = np.linalg.eigh(np.exp(-gap / (2 * length**2)))
    keep = values > 1e-3 * values[-1]
    return (vectors[:, keep] * np.sqrt(values[keep])).astype(np.float32)


def rough() -> np.ndarray:
    """Relative error of each point [P]."""
    return np.array([_ROUGH[r] for r in REGION], np.float32)


def draw(
    rng: np.random.Generator,
    source: expressions.Expressions,
    kit_path: Path,
    clips: int,
    frames: int,
    shares: Mapping[str, float] | None = None,
    level: float | None = None,
    calm: bool = False,
) -> Clips:
    """``clips`` people for ``frames`` frames each. shares: mixture of expressions (None: each clip its own); level: mean error of a visible
    point in crop units (None: each clip its own within LEVELS, 0: exact); calm: poses within some 15 degrees of the camera."""
    head = geometry.load()
    arkit = np.empty((clips, frames, 52), np.float32)
    kinds = np.empty((clips, frames), int)
    for b in range(clips):
        mixture = shares
        if mixture is None:  # a clip has a character: mostly speech, or acting, or exercises
            mixture = dict(zip(expressions.KINDS, rng.dirichlet([1.2, 0.8, 0.8, 0.3, 0.9]), strict=True))
        arkit[b], kinds[b] = source.draw(rng, frames, mixture)
    identity = rng.normal(0, 1, (clips, geometry.IDENTITIES)).astype(np.float32) * rng.uniform(0.6, 1.2, (clips, 1)).astype(np.float32)
    flat = arkit.reshape(-1, 52)
    at = geometry.place(head, flat, np.repeat(identity, frames, 0)).reshape(clips, frames, POINTS, 3)
    wide = (rng.random((clips, 1)) < (0.0 if calm else 0.35)) * 1.0
    spread = np.deg2rad([12, 8, 6] if calm else [16, 9, 8])
    base = rng.normal(0, 1, (clips, 1, 3)) * spread + wide[..., None] * rng.uniform(-1, 1, (clips, 1, 3)) * np.deg2rad([50, 25, 25])
    angles = (base + rng.normal(0, 0.5, (clips, frames, 3)) * spread).clip(*np.deg2rad([[-62, -38, -45], [62, 38, 45]]))
    turned = rotations(*np.moveaxis(angles, -1, 0)).astype(np.float32)
    space = (at - PIVOT) @ np.swapaxes(turned, -1, -2)
    perspective = np.exp(-rng.uniform(*np.log(DISTANCE), clips)).astype(np.float32)
    side = rng.uniform(*CROP, (clips, 1)) * rng.uniform(0.95, 1.05, (clips, frames))
    scale = (1 / side).astype(np.float32)
    plane = space[..., :2] * [1, -1] / (1 - perspective[:, None, None] * space[..., 2])[..., None] * scale[..., None, None]
    exact = plane - plane[:, :, :SKIN].mean(2, keepdims=True) + rng.normal(0.5, 0.03, (clips, frames, 1, 2))
    facing = np.ones((clips, frames, POINTS), np.float32)
    facing[..., :SKIN] = np.einsum("btj,pj->btp", turned[..., 2, :], normals(kit_path))
    seen = (facing > 0.08).astype(np.float32)
    seen[..., list(TONGUE)] = (arkit[..., ARKIT_52.index("tongueOut")] > 0.25)[..., None]
    for side_name, iris in (("Left", slice(SKIN, SKIN + 5)), ("Right", slice(SKIN + 5, SKIN + 10))):
        seen[..., iris] *= (arkit[..., ARKIT_52.index(f"eyeBlink{side_name}")] < 0.6)[..., None]
    for b in np.flatnonzero(rng.random(clips) < 0.25):  # a hand, a microphone, hair
        centre = exact[b, 0, rng.integers(POINTS)] + rng.normal(0, 0.08, 2)
        some = rng.random(frames) < rng.uniform(0.3, 1)
        seen[b] *= 1 - some[:, None] * (np.linalg.norm(exact[b] - centre, axis=-1) < rng.uniform(0.06, 0.22))
    drawn = np.exp(rng.uniform(*np.log(LEVELS), (clips, 1, 1)))
    levels = drawn if level is None else np.full((clips, 1, 1), level)
    # mean length of a 2D Gaussian error is 1.25 sigma
    true_sigma = levels / 1.25 * rough() * np.where(seen > 0, 1.0, 4.0) * np.exp(rng.normal(0, 0.25, (clips, frames, 1)))
    near, broad = _shared(0.8), _shared(4.0)

    def together(factor: np.ndarray, count: int) -> np.ndarray:
        """Errors [clips, count, P, 2]."""
        white = rng.standard_normal((clips, count, 2, factor.shape[1]), np.float32)
        return np.moveaxis(white @ factor.T, 2, -1)

    shares_of = np.sqrt(rng.dirichlet([2, 2, 1, 2], (clips, 1, 1))).astype(np.float32)  # person, neighbours, broad, own
    own = rng.standard_normal(exact.shape, np.float32)
    error = shares_of[..., :1] * together(near, 1) + shares_of[..., 1:2] * together(near, frames)
    error = error + shares_of[..., 2:3] * together(broad, frames) + shares_of[..., 3:] * own
    points = exact + error * true_sigma[..., None]
    sigma = true_sigma * np.exp(rng.normal(0, 0.2, true_sigma.shape))
    visible = np.clip(np.where(seen > 0, 0.95, 0.08) + rng.normal(0, 0.05, seen.shape), 0.0, 1.0)
    return Clips(
        points.astype(np.float32), exact.astype(np.float32), np.maximum(sigma, 1e-4).astype(np.float32), visible.astype(np.float32), arkit,
        geometry.gaze_from_coefficients(flat).reshape(clips, frames, 4).astype(np.float32), identity, turned, scale, perspective, kinds,
    )  # fmt: skip


def trembling(rng: np.random.Generator, visible: np.ndarray, level: float) -> np.ndarray:
    """Errors [B, T, P, 2] that are new in every frame, half of them shared by neighbours: what a still face's points do."""
    factor = _shared(0.8)
    white = rng.standard_normal((*visible.shape[:2], 2, factor.shape[1]), np.float32)
    error = np.sqrt(0.5) * (np.moveaxis(white @ factor.T, 2, -1) + rng.standard_normal((*visible.shape, 2), np.float32))
    return error * (level / 1.25 * rough() * np.where(visible > 0.5, 1.0, 4.0))[..., None]


def hide(clips: Clips, *regions: str) -> np.ndarray:
    """A copy of ``visible`` with whole regions hidden (tests and measurements of what is lost)."""
    out = clips.visible.copy()
    out[..., indices(*regions)] = 0
    return out
