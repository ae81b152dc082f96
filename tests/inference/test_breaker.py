# SPDX-License-Identifier: GPL-3.0-or-later
"""Three crashes in a short time open it; a success or time between them does not."""
from facewright.inference.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_opens_after_three_quick_crashes_and_stays_open_until_reset() -> None:
    clock = Clock()
    breaker = Breaker(limit=3, window=60, clock=clock)
    for _ in range(2):
        breaker.crashed()
    assert not breaker.is_open
    breaker.crashed()
    clock.now = 1e6
    assert breaker.is_open
    breaker.reset()
    assert not breaker.is_open
    breaker.crashed()
    assert not breaker.is_open


def test_crashes_far_apart_do_not_count_together() -> None:
    clock = Clock()
    breaker = Breaker(limit=3, window=60, clock=clock)
    for _ in range(10):
        clock.now += 31
        breaker.crashed()
    assert not breaker.is_open


def test_a_success_starts_the_count_again() -> None:
    breaker = Breaker(limit=3, window=60, clock=Clock())
    for _ in range(4):
        breaker.crashed()
        breaker.crashed()
        breaker.succeeded()
    assert not breaker.is_open
