# SPDX-License-Identifier: GPL-3.0-or-later
"""How much longer a job takes, from its progress so far."""
from __future__ import annotations

import math
from typing import Final

MEMORY: Final = 3.0  # s: the speed of the last few seconds counts, so a slow start (loading the model) is soon forgotten
EARLIEST: Final = 0.5  # s: before that any number would jump


class Estimate:
    """Smoothed speed of progress. Times are seconds of one steady clock."""

    def __init__(self, start: float):
        self._start = self._last = start
        self._fraction = 0.0
        self._speed: float | None = None  # fraction a second

    def update(self, now: float, fraction: float) -> None:
        step, passed = fraction - self._fraction, now - self._last
        if step <= 0 or passed <= 0:
            return
        weight = 1.0 if self._speed is None else 1 - math.exp(-passed / MEMORY)
        self._speed = (1 - weight) * (self._speed or 0.0) + weight * step / passed
        self._last, self._fraction = now, fraction

    def remaining(self, now: float) -> float | None:
        """Seconds left, counting down between updates; None while unknown."""
        if self._speed is None or now - self._start < EARLIEST:
            return None
        return max(0.0, (1 - self._fraction) / self._speed - (now - self._last))
