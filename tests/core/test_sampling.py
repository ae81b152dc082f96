# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.core.sampling import at_times, smooth


def curves(*columns, rate=60.0) -> Curves:
    values = np.stack(columns, 1)
    return Curves(tuple(f"c{i}" for i in range(values.shape[1])), np.arange(len(values)) / rate, values)


@settings(max_examples=60, deadline=None)
@given(phase=st.floats(0, 1), fps=st.sampled_from([24.0, 25.0, 30.0, 29.97, 50.0, 60.0]))
def test_a_40_ms_closure_survives_any_frame_rate(phase, fps):
    rate = 60.0
    times = np.arange(120) / rate
    middle = 1.0 + phase / fps
    jaw = np.where(np.abs(times - middle) <= 0.02, 0.0, 0.5)
    close = np.where(np.abs(times - middle) <= 0.02, 0.3, 0.0)
    at = at_times(Curves(("jawOpen", "mouthClose"), times, np.stack([jaw, close], 1)), np.arange(int(2 * fps)) / fps)
    assert at.channel("jawOpen").min() == 0.0
    assert at.channel("mouthClose").max() >= 0.29
    together = at.channel("jawOpen") == 0.0
    assert at.channel("mouthClose")[together].max() >= 0.29  # both on the same frame


def test_own_times_change_nothing():
    c = curves(np.random.default_rng(0).random(50))
    np.testing.assert_array_equal(at_times(c, c.times).values, c.values)


def test_smooth_curves_are_sampled_plainly():
    t = np.arange(240) / 60
    c = curves(0.5 + 0.4 * np.sin(t * 5))
    times = np.arange(90) / 24
    assert np.abs(at_times(c, times).values - c.resample(times).values).max() == 0


def test_smoothing_takes_jitter_and_keeps_closures():
    t = np.arange(240) / 60
    jaw = 0.4 + 0.1 * np.sin(t * 3)
    jaw[119:122] = 0.0
    noisy = jaw + np.random.default_rng(1).normal(0, 0.01, len(t))
    noisy[119:122] = 0.0
    out = smooth(curves(noisy), 0.05).channel("c0")
    assert out[119:122].min() <= 0.001
    calm = np.r_[20:100, 140:220]
    assert np.abs(np.diff(out[calm], 2)).mean() < 0.3 * np.abs(np.diff(noisy[calm], 2)).mean()
    assert np.abs(out - jaw)[calm].max() < 0.03


def test_smoothing_is_as_wide_where_samples_are_sparse():
    """A phone's clip: 30 frames a second, then 10."""
    times = np.concatenate([np.arange(0, 4, 1 / 30), np.arange(4, 8, 1 / 10)])
    out = smooth(Curves(("c0",), times, (0.5 + 0.04 * np.sin(2 * np.pi * times))[:, None]), 0.1)
    kept = [np.ptp(out.channel("c0")[(out.times > a) & (out.times < b)]) / 0.08 for a, b in ((1, 3), (5, 7))]
    assert kept == pytest.approx([np.exp(-0.5 * (0.1 * 2 * np.pi) ** 2)] * 2, abs=0.04)


def test_no_smoothing_is_the_same_object():
    c = curves(np.zeros(5))
    assert smooth(c, 0.0) is c


def test_short_and_empty_curves():
    assert at_times(Curves(("a",), [0.0], [[0.5]]), np.arange(3) / 24).values.tolist() == [[0.5]] * 3
    assert at_times(Curves((), [0.0, 1.0, 2.0], np.zeros((3, 0))), np.arange(3.0)).values.shape == (3, 0)
    assert len(smooth(Curves(("a",), [0.0], [[0.5]]), 0.1).times) == 1
