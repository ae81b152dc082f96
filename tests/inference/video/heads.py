# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense points of a head with known coefficients and pose, for tests: no pictures, no corpora."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facewright.inference.video import camera, geometry
from facewright.inference.video.points import TONGUE
from facewright.rigs.arkit import ARKIT_52

AT = {name: i for i, name in enumerate(ARKIT_52)}


@dataclass(frozen=True)
class Filmed:
    """points [T, P, 2] px in a picture of ``size``; box [T, 4]; sigma and visible [T, P]; times and valid [T]."""

    times: np.ndarray
    points: np.ndarray
    sigma: np.ndarray
    visible: np.ndarray
    valid: np.ndarray
    box: np.ndarray
    size: tuple[int, int] = (640, 480)

    def arguments(self) -> tuple:
        return self.times, self.points, self.sigma, self.visible, self.valid, self.box, self.size


def film(
    arkit: np.ndarray,
    angles: np.ndarray | None = None,
    identity: np.ndarray | None = None,
    noise: float = 0.0,
    seed: int = 0,
    scale: float = 10.0,
    distance: float = 75.0,
    fps: float = 25.0,
) -> Filmed:
    """Coefficients [T, 52] filmed by a camera ``distance`` cm away; noise: standard deviation in parts of the crop."""
    head, count = geometry.load(), len(arkit)
    angles = np.zeros((count, 3)) if angles is None else np.broadcast_to(angles, (count, 3))
    at = geometry.place(head, arkit, identity) - geometry.PIVOT
    space = np.einsum("tij,tpj->tpi", camera.matrix(angles), at)
    plane = scale * space[..., :2] * [1, -1] / (1 - space[..., 2:] / distance) + [320, 240]
    skin = plane[:, :-13]
    side = 1.25 * (skin.max(1) - skin.min(1)).max(1)
    middle = (skin.max(1) + skin.min(1)) / 2
    rng = np.random.default_rng(seed)
    sigma = np.maximum(noise, 0.0015) * side[:, None] * np.ones(plane.shape[:2])
    plane = plane + rng.normal(0, 1, plane.shape) * noise * side[:, None, None]
    visible = np.full(plane.shape[:2], 0.97)
    visible[:, list(TONGUE)] = np.where(arkit[:, AT["tongueOut"], None] > 0.25, 0.9, 0.02)
    box = np.concatenate([middle - side[:, None] / 2, side[:, None], side[:, None]], 1)
    return Filmed(np.arange(count) / fps, plane, sigma, visible, np.ones(count, bool), box)


def talking(frames: int, seed: int = 0) -> np.ndarray:
    """Something like a face in motion, [T, 52]: jaw and lips opening and closing, a smile, brows, a blink."""
    t = np.arange(frames) / 25
    rng = np.random.default_rng(seed)
    out = np.zeros((frames, 52), np.float32)
    out[:, AT["jawOpen"]] = 0.35 * np.maximum(0, np.sin(2 * np.pi * (2.1 * t + rng.random())))
    out[:, AT["mouthFunnel"]] = 0.4 * np.maximum(0, np.sin(2 * np.pi * (0.9 * t + rng.random())))
    for side in ("Left", "Right"):
        out[:, AT[f"mouthSmile{side}"]] = 0.4 * np.maximum(0, np.sin(2 * np.pi * (0.4 * t + 0.2)))
        out[:, AT[f"eyeBlink{side}"]] = np.exp(-(((t - t[-1] * 0.6) / 0.05) ** 2))
        out[:, AT[f"browOuterUp{side}"]] = 0.5 * (np.sin(2 * np.pi * 0.3 * t) > 0.6)
    out[:, AT["browInnerUp"]] = 0.6 * (np.sin(2 * np.pi * 0.3 * t) > 0.6)
    return out
