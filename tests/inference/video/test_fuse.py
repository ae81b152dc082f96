# SPDX-License-Identifier: GPL-3.0-or-later
"""A take of picture and sound: each where it is to be believed, nothing lost in between, no jump where one takes over."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.errors import UserError
from facewright.inference.video.fuse import EXPRESSION, MOUTHS, SPOKEN, fuse, lip_confidence
from facewright.inference.video.points import POINTS, REGION
from facewright.rigs.arkit import ARKIT_52

JAW, CLOSE, SMILE, BROW = (ARKIT_52.index(n) for n in ("jawOpen", "mouthClose", "mouthSmileLeft", "browInnerUp"))
TIMES = np.arange(100) / 25


def takes():
    picture, sound = np.zeros((100, 52), np.float32), np.zeros((100, 52), np.float32)
    picture[:, JAW], sound[:, JAW] = 0.3 + 0.2 * np.sin(TIMES * 9), 0.3 + 0.2 * np.sin(TIMES * 9)
    picture[:, SMILE], picture[:, BROW], sound[:, BROW] = 0.5, 0.4, 0.9
    return picture, sound


def test_the_channels_are_shared_out():
    assert not set(SPOKEN) & set(EXPRESSION)
    assert {"jawOpen", "mouthClose", "mouthPucker", "tongueOut"} <= set(SPOKEN)
    assert not any(n.startswith(("eye", "brow", "cheek", "nose")) for n in SPOKEN + EXPRESSION)


def test_the_picture_alone_is_left_as_it_is():
    picture, sound = takes()
    np.testing.assert_array_equal(fuse(TIMES, picture, sound, np.zeros(100), "picture"), picture)


def test_sound_moves_the_mouth_and_the_picture_keeps_the_rest():
    picture, sound = takes()
    sound[:, JAW] = 0.2
    out = fuse(TIMES, picture, sound, np.ones(100), "sound")
    assert np.ptp(out[:, JAW]) < 1e-6 and (out[:, BROW] == picture[:, BROW]).all()
    np.testing.assert_allclose(out[:, SMILE], 0.5, atol=1e-6)  # the smile is seen, not heard


def test_hidden_lips_follow_the_sound_without_a_seam():
    picture, sound = takes()
    sound[:, JAW] = 0.3 + 0.2 * np.sin(TIMES * 9 + 0.5)
    picture[40:60, JAW] = 1.0  # what a hand before the mouth looks like
    confidence = np.ones(100)
    confidence[40:60] = 0.0
    out = fuse(TIMES, picture, sound, confidence, "blend")
    np.testing.assert_allclose(out[40:60, JAW], sound[40:60, JAW], atol=0.03)
    np.testing.assert_allclose(out[:34, JAW], picture[:34, JAW], atol=1e-6)
    np.testing.assert_allclose(out[66:, JAW], picture[66:, JAW], atol=1e-6)
    steepest = max(np.abs(np.diff(picture[:36, JAW])).max(), np.abs(np.diff(sound[:, JAW])).max())
    assert np.abs(np.diff(out[:, JAW])).max() < 1.7 * steepest


def test_the_sound_opens_as_far_as_this_person_does():
    picture, sound = takes()
    picture[:, JAW] *= 1.4
    sound[:, CLOSE] = sound[:, JAW]  # sealed throughout
    confidence = np.ones(100)
    confidence[50:] = 0.0
    out = fuse(TIMES, picture, sound, confidence, "blend")
    np.testing.assert_allclose(out[60:, JAW], 1.4 * sound[60:, JAW], rtol=0.04)
    np.testing.assert_allclose(out[60:, CLOSE], out[60:, JAW], rtol=1e-6)


def test_a_lost_face_speaks_on():
    picture, sound = takes()
    picture[50:, :] = 0.0
    confidence = np.concatenate([np.ones(50), np.zeros(50)])
    out = fuse(TIMES, picture, sound, confidence, "blend")
    assert np.corrcoef(out[55:, JAW], sound[55:, JAW])[0, 1] > 0.99


def test_another_word_is_a_sentence():
    with pytest.raises(UserError, match="'both'"):
        fuse(TIMES, *takes(), np.ones(100), "both")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.sampled_from(MOUTHS))
def test_whatever_comes_in_stays_a_face(seed, count, mouth):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.005, 0.3, count))
    picture, sound = rng.random((2, count, 52), np.float32)
    picture[:, CLOSE] = np.minimum(picture[:, CLOSE], picture[:, JAW])
    out = fuse(times, picture, sound, rng.random(count), mouth)
    assert out.shape == (count, 52) and out.min() >= 0 and out.max() <= 1
    assert (out[:, CLOSE] <= out[:, JAW] + 1e-6).all()


def test_confidence_needs_lips_that_are_seen_and_sharp():
    visible, sigma = np.ones((4, POINTS)), np.full((4, POINTS), 1.0)
    lips = [i for i, region in enumerate(REGION) if region.startswith("lip")]
    visible[1, lips] = 0.1
    sigma[2, lips] = 12.0
    valid = np.array([True, True, True, False])
    np.testing.assert_allclose(lip_confidence(visible, sigma, np.full(4, 200.0), valid), [1, 0, 0, 0])
