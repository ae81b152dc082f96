# SPDX-License-Identifier: GPL-3.0-or-later
"""How much longer a job takes, from its progress so far."""
from __future__ import annotations

import math
from typing import Final

MEMORY: Final = 3.0  # s: the speed of the last few seconds counts, so a slow start (loading the model) is soon forgotten
EARLIEST: Final = 0.5  # s: before that any number would jump


class Estimate:
    """Progress a second, older progress counting less. Times are seconds of one steady clock."""

    def __init__(self, start: float):
        self._start = self._last = start
        self._fraction = 0.0
        self._done = self._spent = 0.0  # faded sums of progress and of the time it took

    def update(self, now: float, fraction: float) -> None:
        step, passed = fraction - self._fraction, now - self._last
        if step <= 0 or passed <= 0:
            return
        fade = math.exp(-passed / MEMORY)
        self._done, self._spent = self._done * fade + step, self._spent * fade + passed
        self._last, self._fraction = now, fraction

    def remaining(self, now: float) -> float | None:
        """Seconds left, counting down between updates; None while unknown."""
        if self._done <= 0 or now - self._start < EARLIEST:
            return None
        return max(0.0, (1 - self._fraction) * self._spent / self._done - (now - self._last))
