# SPDX-License-Identifier: GPL-3.0-or-later
"""The time left: unknown at first, right at a steady speed, following a change of speed."""
import pytest

from facewright.inference.estimate import Estimate


def test_unknown_until_there_is_progress_and_a_little_time() -> None:
    estimate = Estimate(10.0)
    assert estimate.remaining(20.0) is None
    estimate.update(10.1, 0.5)
    assert estimate.remaining(10.2) is None


def test_right_at_a_steady_speed_and_counts_down() -> None:
    estimate = Estimate(0.0)
    for i in range(1, 31):
        estimate.update(i * 0.1, i * 0.01)
    assert estimate.remaining(3.0) == pytest.approx(7.0)
    assert estimate.remaining(4.0) == pytest.approx(6.0)
    assert estimate.remaining(100.0) == 0.0


def test_a_slow_start_is_soon_forgotten() -> None:
    estimate = Estimate(0.0)
    estimate.update(5.0, 0.01)  # loading the model
    for i in range(1, 61):
        estimate.update(5.0 + i * 0.1, 0.01 + i * 0.005)
    assert estimate.remaining(11.0) == pytest.approx(0.69 / 0.05, rel=0.35)
