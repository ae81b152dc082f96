# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered people who speak, blink and pull faces, as the point network sees them: to check image adapters on, and to simulate votes with.

People, looks, light and expressions are held out from every training (``training.faces.splits``): seeds from 900 000 on, and tracked
speech of held-out clips.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...inference.preference.image_check import Clip
from ...inference.video.frames import Frame
from ...inference.video.tracker import Networks, Tracker
from ..faces import expressions, film, scene
from ..faces import head as heads

FPS = 25
BLINK = 0.07  # s: standard deviation of a blink's shutting
ACTED = (0.35, 0.8)  # strengths of pulled faces
_LIDS = [expressions.AT[n] for n in ("eyeBlinkLeft", "eyeBlinkRight")]


def performance(rng: np.random.Generator, source: expressions.Expressions, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [T, 52] of speech with two pulled faces and blinks, and head angles [T, 3]."""
    times = np.arange(frames) / FPS
    arkit = source.clip(rng, frames)
    arkit[:, _LIDS] = np.minimum(arkit[:, _LIDS], 0.3)  # what was tracked as a blink is often half of one
    for _ in range(2):
        face = rng.uniform(*ACTED) * source._acted(rng, 1)[0]
        face[_LIDS] = 0.0
        envelope = np.exp(-0.5 * ((times - rng.uniform(0, times[-1])) / rng.uniform(0.3, 0.7)) ** 2)
        arkit = np.maximum(arkit, envelope[:, None] * face)
    for at in np.arange(rng.uniform(0.3, 0.8), times[-1], 1.1):
        lids = np.exp(-0.5 * ((times - at - rng.uniform(0, 0.3)) / BLINK) ** 2)
        arkit[:, _LIDS] = np.maximum(arkit[:, _LIDS], lids[:, None])
    sway = [a * np.sin(2 * np.pi * (times / p + rng.random())) for a, p in ((0.18, 4.7), (0.07, 3.1), (0.05, 5.9))]
    return expressions.legal(arkit), np.stack(sway, 1)


def clip(seed: int, seconds: float, root: Path, networks: Networks) -> Clip | None:
    """One rendered person as the point network sees them; None where the face is not seen in every frame."""
    rng = np.random.default_rng(seed)
    head = heads.load(root / "ict_facekit.npz")
    person = scene.draw_person(head, rng)
    arkit, poses = performance(rng, expressions.load(root, held_out=True), round(seconds * FPS))
    pictures = film.film(head, person, arkit, poses, seed)
    seen = Tracker(networks).run(Frame(i / FPS, picture) for i, picture in enumerate(pictures))
    if not seen.valid.all() or len(seen.times) != len(arkit) or seen.cuts:
        return None
    side, middle = seen.box[:, 2:].max(1), seen.box[:, :2] + seen.box[:, 2:] / 2
    points = (seen.points - middle[:, None]) / side[:, None, None]
    return Clip(
        seen.times, points, seen.sigma.astype(np.float32) / side[:, None], seen.visible.astype(np.float32), seen.appearance, seen.box,
        film.SIZE, arkit,
    )  # fmt: skip
