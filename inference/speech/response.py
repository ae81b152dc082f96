# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the mouth follows the speaker's rate and loudness: quick speech moves less, loud speech more. Before the track's events."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from .emotion import smooth
from .features import FRAME_SECONDS
from .phone_track import VOWELS, PhoneTrack

RANGE: Final = (0.0, 2.0)
# Seconds over which rate and loudness are taken: a phrase or so, so that a phrase changes and not a syllable.
_SPAN: Final = 0.8
# Exponents at the amount 1. Rate: undershoot, formants of vowels move 10 to 20 % less at twice the rate (Lindblom 1963; Moon and Lindblom
# 1994). Loudness: the jaw opens about a fifth more for 6 dB (Schulman 1989, loud speech).
_BY_RATE, _BY_LOUDNESS_DB = 0.3, 0.03
_BOUNDS: Final = (0.5, 1.6)


@dataclass(frozen=True)
class Response:
    """Each from 0, which changes nothing, to 2. The sound shapes the mouth already; this adds to it.

    rate:   how much faster passages move the mouth less, and slower ones more, than the recording's usual rate
    energy: how much louder passages move the mouth more, and softer ones less, than the recording's usual level
    """

    rate: float = 0.0
    energy: float = 0.0

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not RANGE[0] <= value <= RANGE[1]:
                hint = f"Use a number from {RANGE[0]:g} to {RANGE[1]:g}; 0 changes nothing."
                raise UserError(f"The response '{f.name}' is {value!r}.", hint)


NONE: Final = Response()


def respond(curves: Curves, response: Response, track: PhoneTrack, level: np.ndarray) -> Curves:
    """The mouth scaled over time, in 0..1; at no response ``curves`` itself. level: dB of each 20 ms frame of the sound."""
    if response == NONE or not len(curves.times) or not len(level):
        return curves
    scale = np.exp(response.rate * _BY_RATE * -_log_rate(track, len(level)) + response.energy * _BY_LOUDNESS_DB * _decibels(track, level))
    frames = (np.arange(len(level)) + 0.5) * FRAME_SECONDS
    over_time = np.interp(curves.times, frames, np.clip(scale, *_BOUNDS)).astype(np.float32)
    mouth = [i for i, n in enumerate(curves.names) if n.startswith(("jaw", "mouth", "cheek", "tongue"))]
    values = curves.values.copy()
    values[:, mouth] = np.clip(values[:, mouth] * over_time[:, None], 0, 1)
    return Curves(curves.names, curves.times, values)


def _speech(track: PhoneTrack, frames: int) -> np.ndarray:
    """1 in frames with a phone."""
    out = np.zeros(frames)
    for phone in track.phones:
        out[int(phone.start / FRAME_SECONDS) : max(int(phone.end / FRAME_SECONDS), int(phone.start / FRAME_SECONDS) + 1)] = 1
    return out


def _log_rate(track: PhoneTrack, frames: int) -> np.ndarray:
    """Logarithm of the syllables a second of speech over the recording's own, in each frame; 0 where there is nothing to tell."""
    speech = _speech(track, frames)
    vowels = np.zeros(frames)
    for phone in track.phones:
        if phone.label in VOWELS:
            at = int(0.5 * (phone.start + phone.end) / FRAME_SECONDS)
            if at < frames:
                vowels[at] += 1
    spoken = speech.sum()
    if vowels.sum() < 4 or spoken < 25:
        return np.zeros(frames)
    usual = vowels.sum() / spoken
    # A little of the usual rate is mixed in: where little is said the rate is uncertain.
    prior = 0.1
    rate = (smooth(vowels, _SPAN) + prior * usual) / (smooth(speech, _SPAN) + prior)
    return np.log(rate / usual)


def _decibels(track: PhoneTrack, level: np.ndarray) -> np.ndarray:
    """Level over the recording's own while somebody speaks, dB, in each frame."""
    speech = _speech(track, len(level))
    if speech.sum() < 25:
        return np.zeros(len(level))
    usual = float(np.median(level[speech > 0]))
    over = np.where(speech > 0, np.clip(level - usual, -12, 12), 0)
    return smooth(over, _SPAN) / np.maximum(smooth(speech, _SPAN), 0.2)
