# SPDX-License-Identifier: GPL-3.0-or-later
"""What curves do while the face is lost: short gaps are bridged, in longer ones the face comes to rest."""

from __future__ import annotations

from typing import Final

import numpy as np

# Seconds, from last seen to seen again, up to which a lost face is bridged: a hand passes, a blur. Nobody knows about longer ones.
SHORT: Final = 0.25
# Seconds in which a face comes to rest after it was lost, and back before it is found.
_EASE: Final = 0.3


def filled(times: np.ndarray, values: np.ndarray, valid: np.ndarray, rest: bool = True) -> np.ndarray:
    """values [T, N] with the rows that are not ``valid`` [T] replaced, float32. times: [T] seconds, rising.

    Gaps up to ``SHORT`` are linear from one side to the other. In longer ones coefficients ease to 0 and back (``rest``), and angles, for
    which 0 means nothing, ease from one side to the other. Before the first and after the last face angles are held.
    """
    out = np.where(np.asarray(valid, bool)[:, None], values, 0.0).astype(np.float32)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], (~np.asarray(valid, bool)).view(np.int8), [0]])))
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        before, after = (a - 1 if a else None), (b if b < len(times) else None)
        if before is None and after is None:
            continue
        at = times[a:b]
        since = at - times[before] if before is not None else np.full(b - a, np.inf)
        until = times[after] - at if after is not None else np.full(b - a, np.inf)
        inside = before is not None and after is not None
        if inside and (not rest or times[after] - times[before] <= SHORT + 1e-9):
            share = since / (since + until)
            if times[after] - times[before] > SHORT + 1e-9:
                share = share * share * (3 - 2 * share)
            out[a:b] = (1 - share)[:, None] * out[before] + share[:, None] * out[after]
        elif rest:
            sides = [(values[n], _eased(away)) for n, away in ((before, since), (after, until)) if n is not None]
            whole = np.maximum(sum(share for _, share in sides), 1.0)  # in a gap little longer than a short one both reach its middle
            out[a:b] = sum((share / whole)[:, None] * value for value, share in sides)
        else:
            out[a:b] = values[before if before is not None else after]
    return out


def _eased(away: np.ndarray) -> np.ndarray:
    """How much of a face is left so many seconds away from where it was seen: 1 to 0."""
    return 0.5 + 0.5 * np.cos(np.pi * np.minimum(away / _EASE, 1.0))
