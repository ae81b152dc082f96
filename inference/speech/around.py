# SPDX-License-Identifier: GPL-3.0-or-later
"""A finished take made to fit what of another one is kept: an artist's keys, a range of time, a region of the face.

The measured Gaussian of takes (``fill``) bends the mouth; brows, lids and the other channels it does not know bend each alone, with the
same correlation in time. Then the track's events are set again, since a bent mouth may have opened a seal, but they fade towards what is
kept: kept samples stay exactly as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core import sampling
from ...core.curves import Curves
from ...core.errors import UserError
from ...rigs.arkit import ARKIT_52
from .around_file import Around
from .closures import apply_track
from .fill import Kept, fill
from .phone_track import PhoneTrack
from .variation import TakeModel, shipped

# Standard deviation in the open space of channels that the model of takes does not know: only their ratio to each other would matter, and
# they are alone.
_ALONE: Final = 0.2
# Seconds from a kept sample within which the track's events fade out: the lips' way to a seal and back.
_FADE: Final = 0.1
# How far a channel is bent where the events are set again in full.
_BENT: Final = 0.02


def fit(take: Curves, around: Around, track: PhoneTrack, rest: Curves | None = None) -> Curves:
    """``take`` (all of ARKIT_52, finished) with what is kept in it, without a seam: kept samples exactly, the rest bent towards them.

    track, rest: as ``closures.apply_track`` had them. Raises UserError where what is kept was sampled at other times, or lies outside 0..1.
    """
    rows = min(len(take.times), len(around.curves.times))
    if not np.allclose(take.times[:rows], around.curves.times[:rows], atol=1e-6):
        raise UserError("What is kept was sampled at another frame rate than the new take.", "Use the same rate for both.")
    take = sampling.smooth(take, around.smoothing)
    values = np.clip(take.values * np.float32(around.strength), 0, 1)
    where = np.zeros(values.shape, bool)
    kept_values = values.copy()
    for column, name in enumerate(around.curves.names):
        if name in ARKIT_52:
            at = ARKIT_52.index(name)
            where[:rows, at] = around.where[:rows, column]
            kept_values[:rows, at] = around.curves.values[:rows, column]
    if not where.any():
        return Curves(ARKIT_52, take.times, values)
    mean = Curves(ARKIT_52, take.times, values)
    kept = Kept(Curves(ARKIT_52, take.times, np.where(where, kept_values, values)), where)
    bent = fill(mean, kept, model=_all_channels())
    closed = apply_track(bent, track, rest)
    # Where something is kept the events fade, channel by channel: the eye sees a jump sooner than a seal that the artist opened.
    mouth = [i for i, n in enumerate(ARKIT_52) if n.startswith(("jaw", "mouth", "cheek", "nose", "tongue"))]
    touched = where[:, mouth].any(1)
    # And only where the mouth was bent: elsewhere the take has its events already.
    share = np.clip(np.abs(bent.values[:, mouth] - values[:, mouth]).max(1) / _BENT, 0, 1)
    if touched.any():
        share *= _away_from(take.times, touched)
    out = bent.values.copy()
    out[:, mouth] += share[:, None] * (closed.values[:, mouth] - bent.values[:, mouth])
    close, jaw = ARKIT_52.index("mouthClose"), ARKIT_52.index("jawOpen")
    out[:, close] = np.where(where[:, close], out[:, close], np.minimum(out[:, close], out[:, jaw]))
    out[where] = kept_values[where]
    return Curves(ARKIT_52, take.times, np.clip(out, 0, 1))


def _away_from(times: np.ndarray, touched: np.ndarray) -> np.ndarray:
    """0 at touched rows, smoothly 1 from ``_FADE`` seconds on. Float32 [T]."""
    at = times[touched]
    after = np.searchsorted(at, times)
    distance = np.minimum(np.abs(times - at[np.maximum(after - 1, 0)]), np.abs(times - at[np.minimum(after, len(at) - 1)]))
    x = np.clip(distance / _FADE, 0, 1)
    return (x * x * (3 - 2 * x)).astype(np.float32)


def _all_channels() -> TakeModel:
    """The model of takes with every channel of the face: those it does not know are alone."""
    known = shipped()
    others = tuple(n for n in ARKIT_52 if n not in known.names)
    basis = np.concatenate([known.basis, np.zeros((len(others), known.basis.shape[1]))])
    return TakeModel((*known.names, *others), basis, np.concatenate([known.alone, np.full(len(others), _ALONE)]), known.correlation_time)
