# SPDX-License-Identifier: GPL-3.0-or-later
"""The mouth of a take from the picture, from the sound, or from both by how well the lips are seen, without a seam.

Sound tells articulation; it tells neither a smile nor a chewed lip. So the lip corners' expression stays the picture's wherever the lips
are seen, and all else of the mouth goes over to the sound where they are hidden, blurred or turned away, and where the face is lost.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core.errors import UserError
from ...rigs.arkit import ARKIT_52
from .points import REGION

MOUTHS: Final = ("picture", "sound", "blend")
# What the lips express beside speech: sound does not know it.
EXPRESSION: Final = tuple(n for n in ARKIT_52 if n.startswith(("mouthSmile", "mouthFrown", "mouthDimple")))
SPOKEN: Final = tuple(n for n in ARKIT_52 if n.startswith(("jaw", "mouth")) or n == "tongueOut" if n not in EXPRESSION)
_LIPS: Final = np.array([region.startswith("lip") for region in REGION])
# Mean visibility of the lips' points below which they count as hidden, and above which they count as seen.
_HIDDEN, _SEEN = 0.35, 0.75
# The same for the points' own uncertainty, in parts of the crop: as sharp as on held-out renders, and four times that.
_SHARP, _BLURRED = 0.012, 0.05
# Seconds. Going over takes this long on each side, about a phone, so that neither source is cut into.
_FADE: Final = 0.12
# One gain brings the sound's jaw to how far this person opens it; samples' worth of belief in 1, and the bounds.
_GAIN_PRIOR, _GAIN = 0.5, (0.5, 1.6)
_AGREE = 0.5  # r of the two jaws from which on they are taken to say the same


def lip_confidence(visible: np.ndarray, sigma: np.ndarray, side: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """How far the picture is to be believed about the lips, float64 [T] in 0..1, 0 where there is no face.

    visible, sigma: [T, P] of the dense points (probability; px). side: [T] the crop's side in px. valid: [T] bool.
    """
    seen = np.asarray(visible, np.float64)[:, _LIPS].mean(1)
    blur = np.asarray(sigma, np.float64)[:, _LIPS].mean(1) / np.maximum(np.asarray(side, np.float64), 1.0)
    certain = np.clip((seen - _HIDDEN) / (_SEEN - _HIDDEN), 0, 1) * np.clip((_BLURRED - blur) / (_BLURRED - _SHARP), 0, 1)
    return np.where(valid, certain, 0.0)


def fuse(times: np.ndarray, picture: np.ndarray, sound: np.ndarray, confidence: np.ndarray, mouth: str) -> np.ndarray:
    """One take of both, float32 [T, 52] in the order of rigs.arkit.

    times: [T] s, rising. picture, sound: [T, 52] at these times. confidence: [T] from ``lip_confidence``. mouth: one of ``MOUTHS``;
    "sound" takes all articulation from the sound, "blend" as much as the picture does not tell.
    """
    if mouth not in MOUTHS:
        raise UserError(f"The mouth cannot be taken from '{mouth}'.", f"Use {', '.join(MOUTHS)}.")
    picture = np.asarray(picture, np.float32)
    if mouth == "picture" or len(times) == 0:
        return picture.copy()
    sound = np.asarray(sound, np.float32)
    spoken = [ARKIT_52.index(n) for n in SPOKEN]
    felt = [ARKIT_52.index(n) for n in EXPRESSION]
    seen = _soften(np.asarray(times, np.float64), np.asarray(confidence, np.float64))
    gain = _gain(picture, sound, seen)
    heard = sound.copy()
    for name in ("jawOpen", "mouthClose"):  # together, or a seal would come apart
        heard[:, ARKIT_52.index(name)] = np.clip(sound[:, ARKIT_52.index(name)] * gain, 0, 1)
    out = picture.copy()
    share = (np.zeros_like(seen) if mouth == "sound" else seen)[:, None].astype(np.float32)
    out[:, spoken] = share * picture[:, spoken] + (1 - share) * heard[:, spoken]
    share = seen[:, None].astype(np.float32)
    out[:, felt] = share * picture[:, felt] + (1 - share) * heard[:, felt]
    close, jaw = ARKIT_52.index("mouthClose"), ARKIT_52.index("jawOpen")
    out[:, close] = np.minimum(out[:, close], out[:, jaw])
    return out


def _soften(times: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Confidence [T] that has faded to 0 by the time the lips are hidden and comes back after: never above what it was."""
    low = confidence.copy()
    reach = np.searchsorted(times, times + _FADE, side="right"), np.searchsorted(times, times - _FADE, side="left")
    for i, (after, before) in enumerate(zip(*reach, strict=True)):
        low[i] = confidence[before:after].min()
    out = np.empty_like(low)
    for i, (after, before) in enumerate(zip(*reach, strict=True)):  # a raised cosine as wide as the fade
        weight = 1 + np.cos(np.pi * (times[before:after] - times[i]) / (_FADE * 1.001))
        out[i] = float((weight * low[before:after]).sum() / weight.sum())
    return np.minimum(out, confidence)


def _gain(picture: np.ndarray, sound: np.ndarray, seen: np.ndarray) -> float:
    """How much wider this person's jaw opens than the sound's, by least squares where both are believed; 1 where the two do not agree."""
    jaw = ARKIT_52.index("jawOpen")
    p, s = picture[:, jaw].astype(np.float64), sound[:, jaw].astype(np.float64)
    total = seen.sum()
    if total <= 0:
        return 1.0
    p0, s0 = p - (seen * p).sum() / total, s - (seen * s).sum() / total
    spread = np.sqrt((seen * p0 * p0).sum() * (seen * s0 * s0).sum())
    if spread <= 0 or (seen * p0 * s0).sum() / spread < _AGREE:
        return 1.0
    gain = ((seen * p * s).sum() + _GAIN_PRIOR) / ((seen * s * s).sum() + _GAIN_PRIOR)
    return float(np.clip(gain, *_GAIN))
