# SPDX-License-Identifier: GPL-3.0-or-later
"""Noise goes, events stay."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facewright.inference.video import smoothing

TIMES = np.arange(100) / 25


def _noisy(values: np.ndarray, sigma: float) -> np.ndarray:
    return values + np.random.default_rng(0).normal(0, sigma, values.shape)


def test_a_still_face_trembles_less_than_half_as_much() -> None:
    raw = _noisy(np.full((100, 3), 0.3), 0.02)
    calm = smoothing.smooth(TIMES, raw, 0.05)
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.5 * np.abs(np.diff(raw, axis=0)).mean()
    assert abs(calm.mean() - 0.3) < 0.01


def test_a_blink_keeps_its_depth_and_its_length() -> None:
    blink = np.zeros((100, 1))
    blink[50:54, 0] = [0.5, 1.0, 0.8, 0.3]
    calm = smoothing.smooth(TIMES, _noisy(blink, 0.02), 0.05)
    assert calm[51, 0] > 0.93
    assert np.abs(calm[50:54] - blink[50:54]).max() < 0.08
    assert np.abs(calm[[48, 49, 54, 55]]).max() < 0.06


def test_amount_zero_changes_nothing_and_two_smooths_more_than_one() -> None:
    raw = _noisy(np.full((100, 1), 0.5), 0.02)
    assert (smoothing.smooth(TIMES, raw, 0.05, 0) == raw).all()
    trembling = [np.abs(np.diff(smoothing.smooth(TIMES, raw, 0.05, a), axis=0)).mean() for a in (0.5, 1.0, 2.0)]
    assert trembling[0] > trembling[1] > trembling[2]


def test_noise_is_never_taken_for_more_than_the_solver_says() -> None:
    wave = np.sin(2 * np.pi * 5 * TIMES)[:, None] * 0.3 + 0.5  # fast real movement: second differences are large
    assert np.abs(smoothing.smooth(TIMES, wave, 0.01) - wave).max() < 0.01


def test_short_gaps_are_filled_long_ones_and_cuts_are_not() -> None:
    valid = np.ones(100, bool)
    valid[10:13] = valid[30:50] = valid[70:72] = False
    values = np.where(valid, TIMES, 0.0)[:, None].copy()
    filled = smoothing.fill(TIMES, values, valid, cuts=(TIMES[71] - 0.001,))
    assert filled[10:13].all()
    assert np.allclose(values[10:13, 0], TIMES[10:13])
    assert not filled[30:50].any()
    assert not filled[70:72].any()


def test_stretches_end_at_gaps_and_cuts() -> None:
    valid = np.array([1, 1, 1, 0, 1, 1], bool)
    assert smoothing.stretches(valid, np.arange(6.0), (0.5,)) == [(0, 1), (1, 3), (4, 6)]
    assert smoothing.stretches(np.zeros(3, bool), np.arange(3.0)) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40), st.floats(0, 2), st.floats(1e-4, 0.3))
def test_smoothing_stays_within_the_values(values: list[float], amount: float, sigma: float) -> None:
    raw = np.array(values)[:, None]
    out = smoothing.smooth(np.arange(len(values)) / 30, raw, sigma, amount)
    assert out.shape == raw.shape
    assert out.min() >= raw.min() - 1e-9
    assert out.max() <= raw.max() + 1e-9


def test_what_is_slow_does_not_twitch_and_keeps_its_rise() -> None:
    times = np.arange(50) / 25
    raised = np.interp(times, [0.8, 1.0, 1.2, 1.4], [0.0, 1.0, 1.0, 0.0])[:, None]
    twitch = np.full((50, 1), 0.2)
    twitch[20] = 0.8
    assert smoothing.slowed(times, twitch).max() < 0.4
    assert np.abs(np.diff(smoothing.slowed(times, twitch), 2, axis=0)).max() < 0.3 * np.abs(np.diff(twitch, 2, axis=0)).max()
    got = smoothing.slowed(times, raised)
    assert got.max() > 0.93 and abs(float((times[:, None] * got).sum() / got.sum()) - 1.1) < 0.005, "as high, and not later"
    np.testing.assert_allclose(smoothing.slowed(times, np.full((50, 2), 0.3)), 0.3)
    np.testing.assert_array_equal(smoothing.slowed(times, twitch, 0.0), twitch)
