# SPDX-License-Identifier: GPL-3.0-or-later
"""Seed 0 is the mean take; others drift smoothly and a little."""
import numpy as np

from facewright.core.curves import Curves
from facewright.inference.speech.variation import vary
from facewright.rigs.arkit import ARKIT_52


def _curves(seconds):
    return Curves(ARKIT_52, np.arange(int(seconds * 60)) / 60, np.full((int(seconds * 60), 52), 0.5))


def test_seed_0_is_the_mean_take():
    curves = _curves(3)
    assert vary(curves, 0) is curves


def test_other_seeds_differ_smoothly_and_a_little():
    curves = _curves(60)
    takes = [vary(curves, seed).channel("jawOpen") for seed in (1, 1, 2)]
    np.testing.assert_array_equal(takes[0], takes[1])
    assert np.abs(takes[0] - takes[2]).max() > 0.02
    gain = takes[0] / 0.5
    assert 0.03 < gain.std() < 0.15 and gain.min() > 0.75 and gain.max() < 1.25
    assert np.abs(np.diff(gain)).max() < 0.01


def test_jaw_and_closure_drift_together_and_the_eyes_do_not():
    out = vary(_curves(10), 7)
    np.testing.assert_array_equal(out.channel("jawOpen"), out.channel("mouthClose"))
    assert (out.channel("eyeBlinkLeft") == 0.5).all()


def test_the_beginning_does_not_depend_on_the_length():
    np.testing.assert_allclose(vary(_curves(60), 4).values[:600], vary(_curves(20), 4).values[:600], atol=1e-6)
