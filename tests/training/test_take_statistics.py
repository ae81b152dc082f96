# SPDX-License-Identifier: GPL-3.0-or-later
"""Statistics that were put in come out, though each corpus sees only part of the face."""
import numpy as np
import pytest

from facewright.inference.speech import matern
from facewright.training import take_figures
from facewright.training import take_statistics as ts
from facewright.training.take_statistics import Seen


def _clips(covariance, sees, count=40, frames=75, length=0.12, seed=0):
    """Clips that show ``sees`` [K, U] of a face whose units have that covariance."""
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / 25
    in_time, across = np.linalg.cholesky(matern.covariance(times, length) + 1e-9 * np.eye(frames)), np.linalg.cholesky(covariance)
    per_unit = np.broadcast_to(sees, (frames, *sees.shape))
    clips = []
    for number in range(count):
        face = in_time @ rng.standard_normal((frames, len(covariance))) @ across.T
        clips.append(Seen(str(number), "someone", times, face @ sees.T, per_unit, face))
    return clips


@pytest.fixture
def covariance():
    mix = np.array([[0.4, 0.0], [0.2, 0.1], [0.0, 0.3]])
    return mix @ mix.T + 0.01 * np.eye(3)


def test_the_covariance_is_found_from_corpora_that_each_see_a_part(covariance):
    groups = [_clips(covariance, np.array([[1.0, 0.5, 0], [0, 0, 1]])), _clips(covariance, np.array([[1.0, 0, 0], [0, 1, 0]]), seed=1)]
    found = ts.fit_channels(groups, [np.full(2, 1e-4)] * 2, 0.05 * np.eye(3))
    np.testing.assert_allclose(found, covariance, atol=0.03)


def test_what_nothing_shows_keeps_its_prior():
    covariance = np.diag([0.2, 0.3])
    found = ts.fit_channels([_clips(covariance, np.array([[1.0, 0]]))], [np.full(1, 1e-4)], np.diag([0.1, 0.07]))
    assert found[0, 0] == pytest.approx(0.2, rel=0.15) and found[1, 1] == pytest.approx(0.07, rel=1e-6)


def test_the_correlation_time_and_the_noise_are_found(covariance):
    clips = _clips(covariance, np.eye(3), length=0.2)
    columns = ts.pieces(list(ts.whitened(clips, covariance)), 75)
    columns = columns + np.sqrt(0.1) * np.random.default_rng(0).standard_normal(columns.shape)
    scores = {kind: ts.fit_time(columns, 25, kind) for kind in ("white", "1/2", "3/2")}
    assert scores["3/2"][0] > scores["1/2"][0] > scores["white"][0]
    assert scores["3/2"][1] == pytest.approx(0.2, rel=0.25) and 0.05 < scores["3/2"][2] < 0.16


def test_channels_keep_their_variance_and_left_goes_with_right(covariance):
    names = ("jawOpen", "mouthSmileLeft", "mouthSmileRight", "mouthFunnel")
    basis, alone = ts.to_channels(("jawOpen", "mouthSmile", "mouthFunnel"), names, covariance, 0.9)
    found = basis @ basis.T + np.diag(alone**2)
    np.testing.assert_allclose(np.diag(found), np.diag(covariance)[[0, 1, 1, 2]])
    assert 0.8 < found[1, 2] / found[1, 1] < 0.95
    assert (alone > 0).all()


def test_a_speakers_own_face_is_no_take(covariance):
    clips = _clips(covariance, np.eye(3), count=2)
    shifted = [Seen(c.name, c.speaker, c.times, c.errors + 5, c.per_unit, c.predicted) for c in clips]
    for a, b in zip(ts.centred(clips), ts.centred(shifted), strict=True):
        np.testing.assert_allclose(a.errors, b.errors, atol=1e-9)


def test_the_density_rewards_memory(covariance):
    from facewright.inference.speech.variation import TakeModel

    values, vectors = np.linalg.eigh(covariance - 0.009 * np.eye(3))
    model = TakeModel(("jawOpen", "mouthFunnel", "mouthPucker"), vectors * np.sqrt(values), np.full(3, np.sqrt(0.009)), 0.12)
    trained, unheard = _clips(covariance, np.eye(3)), _clips(covariance, np.eye(3), count=5, seed=9)
    found = take_figures.densities(model, trained, unheard, 0.002)
    assert found["the model"] > found["white Gaussian"] + 1
    assert found["the model, without memory"] == pytest.approx(found["white Gaussian"], abs=0.1)
