# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a worker that crashes again and again from being started again and again."""
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

LIMIT: Final = 3  # crashes: one is bad luck, two may be one bad file tried twice
WINDOW: Final = 120.0  # s: three crashes in separate hours of work are no loop


class Breaker:
    """Opens after ``limit`` crashes within ``window`` seconds with no success in between, and stays open until ``reset``."""

    def __init__(self, limit: int = LIMIT, window: float = WINDOW, clock: Callable[[], float] = time.monotonic):
        self._times: deque[float] = deque(maxlen=limit)
        self._limit, self._window, self._clock = limit, window, clock
        self.is_open = False

    def crashed(self) -> None:
        self._times.append(self._clock())
        if len(self._times) == self._limit and self._times[-1] - self._times[0] <= self._window:
            self.is_open = True

    def succeeded(self) -> None:
        self._times.clear()

    def reset(self) -> None:
        self._times.clear()
        self.is_open = False
