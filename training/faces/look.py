# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's look: skin tone and its blemishes, brows, lips, makeup, beard, eyes, hair colour; painted on the head's vertices."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import raster
from .geometry import IRIS_RADIUS
from .head import KEPT, Head, smooth

# Linear RGB of skin from very light to very dark; between them lies every tone (after published reflectances, L* from about 75 to 20).
_TONES = np.array([
    [0.78, 0.55, 0.45], [0.70, 0.46, 0.36], [0.60, 0.37, 0.27], [0.48, 0.28, 0.19], [0.34, 0.185, 0.115], [0.20, 0.10, 0.062],
    [0.095, 0.048, 0.032],
])  # fmt: skip
_HAIR = np.array([
    [0.012, 0.010, 0.009], [0.03, 0.02, 0.014], [0.07, 0.04, 0.022], [0.14, 0.08, 0.04], [0.30, 0.19, 0.09], [0.50, 0.37, 0.2],
    [0.22, 0.06, 0.02], [0.32, 0.31, 0.30], [0.60, 0.59, 0.57],
])  # fmt: skip
_HAIR_SHARES = np.array([0.22, 0.2, 0.18, 0.12, 0.08, 0.05, 0.05, 0.06, 0.04])
_IRIS = np.array([
    [0.045, 0.022, 0.012], [0.10, 0.05, 0.02], [0.16, 0.10, 0.04], [0.12, 0.14, 0.06], [0.12, 0.2, 0.22], [0.10, 0.18, 0.32],
    [0.2, 0.24, 0.27],
])  # fmt: skip


@dataclass(frozen=True)
class Look:
    """paint float32 [V + 10, raster.PAINT] (key light still 0); skin, hair linear RGB; eyes float32 [14] as in raster.c (spark apart);
    beard: alpha per vertex of the beard's shell, or None."""

    paint: np.ndarray
    skin: np.ndarray
    hair: np.ndarray
    eyes: np.ndarray
    beard: np.ndarray | None
    beard_length: float


def draw(head: Head, rng: np.random.Generator, stylised: bool) -> Look:
    """A look for the average head's vertices (paint goes with the vertices, so it fits every identity)."""
    m = head.masks
    place = rng.uniform(0, len(_TONES) - 1)
    i = min(int(place), len(_TONES) - 2)
    skin = _TONES[i] + (_TONES[i + 1] - _TONES[i]) * (place - i)
    skin = skin * np.exp(rng.normal(0, 0.06, 3))
    hair = _HAIR[rng.choice(len(_HAIR), p=_HAIR_SHARES)] * np.exp(rng.normal(0, 0.2)) * np.exp(rng.normal(0, 0.07, 3))
    if place > 3.5 and rng.random() < 0.85:
        hair = _HAIR[rng.integers(3)] * np.exp(rng.normal(0, 0.2))
    if stylised:
        if rng.random() < 0.25:  # aliens and robots
            skin = rng.random(3) * 0.8 + 0.1
        if rng.random() < 0.5:
            hair = rng.random(3) ** 1.5 * 0.8
    elif rng.random() < 0.04:
        hair = rng.random(3) * 0.6
    p = np.zeros((len(head.neutral), raster.PAINT), np.float32)
    at = head.neutral
    seeds = rng.integers(0, 1 << 30, 8)
    uneven = 0.0 if stylised and rng.random() < 0.6 else 1.0
    age = rng.random() ** 1.5
    blotch = raster.noise(at, 0.5, seeds[0]) - 0.5
    grain = raster.noise(at, 4.0, seeds[1]) - 0.5
    value = 1 + uneven * (0.16 * blotch + (0.06 + 0.1 * age) * grain)
    p[:, :3] = skin * value[:, None]
    red = uneven * (rng.uniform(0, 0.25) * m["cheek"] + rng.uniform(0, 0.3) * m["nose"] + 0.1 * (raster.noise(at, 1.1, seeds[2]) - 0.5))
    red = red + 0.15 * m["ear"] * uneven
    p[:, :3] *= 1 + red[:, None] * np.array([0.25, -0.6, -0.55])
    p[:, :3] *= 1 - (uneven * rng.uniform(0, 0.4) * m["under_eye"])[:, None] * np.array([0.7, 1.0, 0.85])
    if rng.random() < 0.12:  # freckles, spots
        spots = smooth(raster.noise(at, rng.uniform(2, 4), seeds[3]), 0.72, 0.82) * (m["cheek"] * 0.7 + 0.3) * rng.uniform(0.2, 0.6)
        p[:, :3] *= 1 - spots[:, None] * np.array([0.5, 0.8, 0.9])
    p[:, 3] = rng.uniform(0.0, 0.22) * (0.6 + 0.8 * raster.noise(at, 0.6, seeds[4])) + 0.1 * m["nose"] * rng.random()
    makeup = rng.random() < 0.3
    lips = skin * np.array([1.0, 0.62, 0.66]) ** rng.uniform(0.5, 1.7) * rng.uniform(0.65, 1.05)
    if makeup and rng.random() < 0.7:
        lips = lips * 0.4 + np.array([0.45, 0.05, 0.08]) * np.exp(rng.normal(0, 0.4, 3)) * rng.uniform(0.3, 1)
    strength = rng.uniform(0.25, 1.0) if not makeup else rng.uniform(0.6, 1.0)
    amount = (m["lips"] * strength)[:, None]
    p[:, :3] = p[:, :3] * (1 - amount) + lips * amount
    p[:, 3] += m["lips"] * rng.uniform(0, 0.35)
    _seam(p, m, rng)
    if makeup:
        shadow = (m["eye_shadow"] * rng.uniform(0, 0.7))[:, None]
        p[:, :3] = p[:, :3] * (1 - shadow) + (rng.random(3) * 0.3 + skin * 0.3) * shadow
    liner = m["lid_rim"] * (m["upper"] * rng.uniform(0.1, 0.75) + (1 - m["upper"]) * rng.uniform(0, 0.4))
    if makeup:
        liner = np.clip(liner * 1.5, 0, 0.95)
    p[:, :3] *= 1 - liner[:, None] * np.array([0.75, 0.9, 0.95])
    _brows(p, head, rng, hair, skin, seeds[5], stylised)
    beard = None
    length = 0.0
    kind = rng.choice(["none", "stubble", "full", "goatee", "moustache"], p=[0.55, 0.2, 0.12, 0.07, 0.06])
    if kind != "none":
        mask = m["beard"]
        if kind == "goatee":
            mask = mask * np.maximum(m["chin"], m["moustache"])
        if kind == "moustache":
            mask = m["moustache"]
        mask = mask * (1 - m["lips"]) * smooth(raster.noise(at, 0.7, seeds[6]) + rng.uniform(0.1, 0.6), 0.2, 0.6)
        flat = mask * (rng.uniform(0.15, 0.5) if kind == "stubble" else rng.uniform(0.5, 0.95))
        speckle = flat * (0.6 + 0.8 * raster.noise(at, 5.0, seeds[7]))
        p[:, :3] += np.clip(speckle, 0, 1)[:, None] * (hair * 0.9 + skin * 0.06 - p[:, :3])
        p[:, 3] *= 1 - 0.8 * np.clip(flat, 0, 1)
        if kind != "stubble":
            beard, length = mask * rng.uniform(0.7, 1.2), rng.uniform(0.1, 1.2) ** 1.5
    scalp = smooth(m["above_hairline"], -0.2, 1.0)  # roots show dark under the hair
    p[:, :3] += (0.75 * scalp)[:, None] * (hair * 0.8 - p[:, :3]) * (rng.random() < 0.85)
    _mouth(p, head, rng, skin)
    p[:, 4] = np.where(head.part < 2, 0.25 + 0.75 * head.ambient, p[:, 4])
    lash = head.part >= KEPT.index("lashes_l")
    p[lash, :3] = hair * 0.4
    p[lash, 3] = 0
    p[lash, 8] = rng.uniform(0.0, 0.5) if not makeup else rng.uniform(0.4, 0.95)
    p[lash, 4] = 0.5
    ball = (head.part == KEPT.index("sclera_l")) | (head.part == KEPT.index("sclera_r"))
    p[ball, 6], p[ball, 7] = m["eye_u"][ball], m["eye_v"][ball]
    p[ball, 3], p[ball, 4] = 0.5, rng.uniform(0.5, 0.95)
    iris = _IRIS[rng.choice(len(_IRIS), p=[0.32, 0.2, 0.14, 0.08, 0.09, 0.1, 0.07])] * np.exp(rng.normal(0, 0.25))
    if stylised and rng.random() < 0.4:
        iris = rng.random(3) * 0.6
    white = np.array([0.72, 0.70, 0.68]) * rng.uniform(0.65, 1.05) * np.exp(rng.normal(0, 0.03, 3))
    rim = iris * rng.uniform(0.15, 0.6)
    eyes = np.array([*iris, *rim, *white, IRIS_RADIUS, rng.uniform(0.25, 0.6), 0, 0, rng.uniform(0, 0.35)], np.float32)
    return Look(p, skin.astype(np.float32), hair.astype(np.float32), eyes, beard, length)


def _brows(p: np.ndarray, head: Head, rng: np.random.Generator, hair: np.ndarray, skin: np.ndarray, seed: int, stylised: bool) -> None:
    """Painted a little below ICT's brow landmarks, which lie on the brow's upper border, where photographs have their hair."""
    m = head.masks
    lower, arch = rng.uniform(0.2, 0.95), rng.normal(0, 0.15)
    thick = rng.uniform(0.2, 0.5) * (1.4 if stylised else 1.0)
    dark = rng.uniform(0.5, 1.1) if rng.random() > 0.08 else 0.1
    colour = hair * rng.uniform(0.3, 0.9) if rng.random() < 0.8 else np.array([0.02, 0.015, 0.01])
    if hair.mean() > 0.25:
        colour = colour * rng.uniform(0.25, 0.9)
    strands = raster.noise(head.neutral * np.array([1.0, 2.0, 1.0], np.float32), 2.5, seed)
    for side in ("brow_l", "brow_r"):
        along, above = m[f"{side}_along"], m[f"{side}_above"]
        middle = -lower + arch * np.sin(np.pi * along)
        width = thick * (1.15 - 0.75 * smooth(along, 0.35, 1.0))
        amount = np.exp(-(((above - middle) / width) ** 2) * 1.3) * (above < 5)
        amount = amount * smooth(1.35 - np.abs(along - 0.5) * 2, 0, 0.5)
        x = np.abs(head.neutral[:, 0])
        amount = amount * smooth(x, 0.75, 1.4) * smooth(6.3 - x, 0, 0.7)
        amount = np.clip(amount * dark * (0.7 + 0.6 * strands) * 1.2, 0, 0.97)[:, None]
        p[:, :3] = p[:, :3] * (1 - amount) + (colour + 0.05 * skin) * amount
        p[:, 3] *= 1 - 0.8 * amount[:, 0]


def _seam(p: np.ndarray, m: dict[str, np.ndarray], rng: np.random.Generator) -> None:
    """The line where lips meet: on some people broad and dark, on others hardly there, so its darkness does not tell how far they part;
    and the wet edge of the lower lip, which shines below it."""
    for half in (m["above_seam"] > 0, m["above_seam"] <= 0):
        width, dark = rng.uniform(0.06, 0.3), rng.uniform(0, 0.85) * (rng.random() < 0.8)
        amount = (dark * half * np.exp(-((m["lip_seam"] / width) ** 2)))[:, None]
        p[:, :3] *= 1 - amount * np.array([0.85, 1.0, 0.97])
        p[:, 3] *= 1 - amount[:, 0]
    wet = rng.uniform(0.2, 1.2) * (rng.random() < 0.4) * (m["above_seam"] <= 0.02)
    p[:, 3] += wet * np.exp(-((m["lip_seam"] / rng.uniform(0.1, 0.35)) ** 2))


def _mouth(p: np.ndarray, head: Head, rng: np.random.Generator, skin: np.ndarray) -> None:
    """Teeth, gums and tongue, darker the deeper they lie: light enters through the lips only."""
    z = head.neutral[:, 2]
    light = rng.uniform(0.02, 0.1) + rng.uniform(0.35, 0.85) * smooth(z, 5.5, 10.6)
    for name, colour, gloss in (
        ("mouthsocket", np.array([0.30, 0.08, 0.07]), 0.05),
        ("gums_tongue", np.array([0.48, 0.17, 0.16]) * rng.uniform(0.7, 1.2), 0.25),
        ("teeth", np.array([0.72, 0.68, 0.58]) * rng.uniform(0.7, 1.1), 0.3),
    ):
        rows = head.part == KEPT.index(name)
        p[rows, :3] = colour * (0.9 + 0.1 * skin[0])
        p[rows, 3] = gloss * rng.random()
        p[rows, 4] = light[rows] * (0.35 if name == "mouthsocket" else 1.0)
        p[rows, 5] = -1.0  # marks what the key light reaches by depth alone
