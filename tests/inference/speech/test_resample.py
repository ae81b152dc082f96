# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames keep their times, amplitudes and range at any output rate."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.inference.speech import resample
from facewright.inference.speech.resample import resample_frames


def test_frames_lie_at_their_centres():
    values = np.random.default_rng(0).random((50, 3), np.float32)
    np.testing.assert_allclose(resample_frames(values, (np.arange(50) + 0.5) * 0.02), values, atol=1e-5)


@pytest.mark.parametrize("fps", [24, 60, 120])
def test_a_syllable_keeps_its_height(fps):
    t = (np.arange(500) + 0.5) * 0.02
    out = resample_frames((0.5 + 0.4 * np.sin(2 * np.pi * 5 * t))[:, None].astype(np.float32), np.arange(10 * fps) / fps)
    expected = 0.5 + 0.4 * np.sin(2 * np.pi * 5 * np.arange(10 * fps) / fps)
    assert np.abs(out[fps:-fps, 0] - expected[fps:-fps]).max() < 0.02


@given(seed=st.integers(0, 999), frames=st.integers(1, 40), samples=st.integers(0, 100), fps=st.floats(10, 200), rows=st.integers(1, 50))
def test_stays_in_range_and_knows_no_blocks(seed, frames, samples, fps, rows):
    values = np.random.default_rng(seed).random((frames, 2)).round().astype(np.float32)
    times = np.arange(samples) / fps
    whole = resample_frames(values, times)
    assert whole.shape == (samples, 2)
    assert samples == 0 or (whole.min() >= 0 and whole.max() <= 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample, "_ROWS", rows)
        np.testing.assert_array_equal(resample_frames(values, times), whole)


def test_no_frames_are_rest():
    assert (resample_frames(np.zeros((0, 4), np.float32), np.arange(3) / 60) == 0).all()
