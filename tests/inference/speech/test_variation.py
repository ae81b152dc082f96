# SPDX-License-Identifier: GPL-3.0-or-later
"""Seed 0 is the mean take; others differ smoothly and as measured; the density is that of the dense Gaussian."""
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech import matern, variation, weights_file
from facewright.inference.speech.closures import apply_track
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.model import FACE
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.inference.speech.variation import TakeModel, close_down, draw, log_likelihood, open_up
from facewright.rigs.arkit import ARKIT_52


def _curves(seconds, fps=60, names=ARKIT_52, value=0.3):
    times = np.arange(int(seconds * fps)) / fps
    return Curves(names, times, np.full((len(times), len(names)), value))


@pytest.fixture
def small():
    rng = np.random.default_rng(0)
    return TakeModel(("jawOpen", "mouthFunnel", "mouthPucker"), 0.3 * rng.standard_normal((3, 2)), np.array([0.1, 0.2, 0.15]), 0.12)


def test_seed_0_and_amount_0_are_the_mean_take():
    curves = _curves(3)
    assert draw(curves, 0) is curves and draw(curves, 5, 0.0) is curves


def test_the_shipped_model_is_sound():
    model = variation.shipped()
    assert model.names == FACE and 0.05 < model.correlation_time < 1
    spread = np.sqrt(np.diag(model.channel_covariance))
    assert (spread < 1).all() and spread[model.names.index("jawOpen")] > 0.1
    assert 6 <= model.basis.shape[1] <= 10
    assert weights_file.manifest_entry(variation.SHIPPED)["card"] == "takes.md"


def test_seeds_differ_smoothly_within_range_and_leave_the_eyes():
    curves = _curves(60)
    takes = [draw(curves, seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(takes[0].values, takes[1].values)
    jaw = [t.channel("jawOpen") for t in takes]
    assert abs(np.corrcoef(jaw[0], jaw[2])[0, 1]) < 0.3
    assert 0.03 < jaw[0].std() < 0.2 and np.abs(np.diff(jaw[0], 2)).mean() < 0.2 * jaw[0].std()  # white noise: 2
    assert takes[0].values.min() >= 0 and takes[0].values.max() <= 1
    assert (takes[0].channel("eyeBlinkLeft") == curves.channel("eyeBlinkLeft")).all()
    assert np.corrcoef(takes[0].channel("mouthSmileLeft"), takes[0].channel("mouthSmileRight"))[0, 1] > 0.9


def test_amount_scales_the_take():
    half, whole = (np.std(draw(_curves(30), 3, amount).channel("jawOpen")) for amount in (0.5, 1.0))
    assert 1.6 < whole / half < 2.4


def test_a_draw_has_the_models_covariance(small):
    drawn = np.concatenate([small.deviation(np.arange(0, 200, 0.5), seed) for seed in range(10)])
    np.testing.assert_allclose(np.cov(drawn.T), small.channel_covariance, atol=0.015)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(1, 2**32 - 1), states=st.sampled_from([64, 192, 4096]))
def test_a_time_depends_on_seed_and_time_alone(seed, states):
    model = variation.shipped()
    long = model.deviation(np.arange(600) / 60, seed)
    before = variation._STATES
    try:
        variation._STATES = states
        np.testing.assert_array_equal(model.deviation(np.arange(600) / 60, seed), long)
    finally:
        variation._STATES = before
    np.testing.assert_allclose(model.deviation(np.arange(100) / 20, seed), long[:300:3], atol=1e-9)
    np.testing.assert_allclose(model.deviation(np.arange(240, 480) / 60, seed), long[240:480], atol=1e-9)


def test_lips_still_close():
    track = PhoneTrack(tuple(Phone(p, 0.2 * i, 0.2 * i + 0.2) for i, p in enumerate(["AA", "M", "OW", "P", "EH", "B", "AA"] * 10)))
    mean = _curves(14.5)
    for seed in (1, 2, 3):
        out = apply_track(draw(mean, seed), track)
        gap = lip_gap(out.names, out.values)
        for phone in track.phones:
            if phone.label in "PBM":
                assert gap[(out.times >= phone.start) & (out.times <= phone.end)].min() < TOUCHING


def test_log_likelihood_is_the_dense_one(small):
    rng = np.random.default_rng(4)
    times = np.cumsum(rng.uniform(0.01, 0.05, 30))
    mean = Curves((*small.names, "eyeBlinkLeft"), times, rng.uniform(0.2, 0.6, (30, 4)))
    take = Curves(mean.names, times, rng.uniform(0.2, 0.6, (30, 4)))
    off = (open_up(take.values[:, :3]) - open_up(mean.values[:, :3])).reshape(-1)
    dense = np.kron(matern.covariance(times, small.correlation_time), small.channel_covariance)
    wanted = -0.5 * (off @ np.linalg.solve(dense, off) + np.linalg.slogdet(dense)[1] + 90 * np.log(2 * np.pi))
    assert log_likelihood(take, mean, small) == pytest.approx(wanted, rel=1e-6)


def test_a_drawn_take_is_likelier_than_a_rough_one_and_less_likely_than_the_mean():
    mean = _curves(4, fps=50)
    take = draw(mean, 3)
    rough = Curves(mean.names, mean.times, take.values + np.random.default_rng(0).normal(0, 0.02, take.values.shape).clip(-0.05, 0.05))
    assert log_likelihood(rough, mean) < log_likelihood(take, mean) < log_likelihood(mean, mean)


def test_the_likelihood_wants_one_sound():
    with pytest.raises(UserError, match="other channels or times"):
        log_likelihood(_curves(2), _curves(3))


@given(st.floats(0, 1, width=32))
def test_the_open_space_goes_there_and_back(value):
    assert abs(float(close_down(open_up(np.array([value])))[0]) - value) < 1e-6


def test_a_saved_model_comes_back_and_an_altered_one_is_told(small, tmp_path):
    path = tmp_path / "takes.safetensors"
    small.save(path)
    again = variation.load(path)
    assert again.names == small.names and again.correlation_time == small.correlation_time
    np.testing.assert_allclose(again.channel_covariance, small.channel_covariance, atol=1e-6)
    (tmp_path / "manifest.json").write_text(json.dumps({path.name: {"sha256": "0" * 64}}))
    with pytest.raises(UserError, match="damaged"):
        variation.load(path)


@pytest.mark.parametrize("data", [b"", b"\x02\x00\x00\x00\x00\x00\x00\x00{}", b"nonsense" * 9, b"\x02\x00\x00\x00\x00\x00\x00\x00[]"])
def test_a_file_of_another_kind_is_told(data, tmp_path):
    path = tmp_path / "takes.safetensors"
    path.write_bytes(data)
    with pytest.raises(UserError, match="takes"):
        variation.load(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        variation.load(tmp_path / "none.safetensors")
