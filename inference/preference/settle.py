# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a tuned adapter is kept: the most that leaves the lips in time on the check clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import check
from .base import Adapter, Base
from .check import Figures

# Shares of what the gate allows: other clips than these will be spoken, and what shakes the check clips' jaw a little shakes other voices'
# more. Strengths are tried from the whole down.
_MARGIN: Final = 0.5
_JITTER_MARGIN: Final = 0.25
_STRENGTHS: Final = (1.0, 0.85, 0.7, 0.55, 0.4, 0.25)


@dataclass(frozen=True)
class Settled:
    """adapter: what is kept, as its own strength 1; strength: the share of what was tuned; before, after: the figures."""

    adapter: Adapter
    strength: float
    before: Figures
    after: Figures


def settle(adapter: Adapter, base: Base) -> Settled:
    """Where no strength passes, the weakest is kept, and the gate will say what is lost. base: on the CPU."""
    before = base.figures(None)
    for strength in _STRENGTHS:
        kept = adapter.scaled(strength)
        after = base.figures(kept)
        lost = after.lost(before)
        if all(share <= (_JITTER_MARGIN if n == "jitter" else _MARGIN) * check.MOST_LOST for n, share in lost.items()):
            break
    return Settled(kept, strength, before, after)
