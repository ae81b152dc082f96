# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept stays exactly, the rest bends towards it without a seam, as the dense Gaussian says."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech import fill as fill_module
from facewright.inference.speech import matern
from facewright.inference.speech.fill import Kept, fill
from facewright.inference.speech.variation import draw, open_up, shipped
from facewright.rigs.arkit import ARKIT_52

FPS = 60


@pytest.fixture
def mean():
    times = np.arange(4 * FPS) / FPS
    base = 0.25 + 0.15 * np.sin(2 * np.pi * 2 * times)[:, None] * np.linspace(0.2, 1, 52)
    return Curves(ARKIT_52, times, base)


def test_nothing_kept_is_the_mean_and_seeds_are_draws(mean):
    nothing = Kept(mean, np.zeros(mean.values.shape, bool))
    assert fill(mean, nothing) is mean
    np.testing.assert_allclose(fill(mean, nothing, seed=4, amount=0.4).values, draw(mean, 4, 0.4).values, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_key_is_met_and_bends_its_neighbours(mean, seed):
    out = fill(mean, Kept.keys(mean, {"jawOpen": [(2.0, 0.8)]}), seed=seed, amount=0.4)
    jaw, row = out.channel("jawOpen"), 2 * FPS
    assert jaw[row] == np.float32(0.8)
    away = out.values - draw(mean, seed, 0.4).values
    bent = away[:, ARKIT_52.index("jawOpen")]
    assert bent[row - 3] > 0.5 * bent[row] and bent[row + 3] > 0.5 * bent[row]
    assert np.abs(away[np.abs(mean.times - 2.0) > 12 * shipped().correlation_time]).max() < 1e-6
    assert np.abs(np.diff(jaw)).max() < 0.1
    # channels that move with the jaw follow; eyes do not
    covariance = shipped().channel_covariance[shipped().names.index("jawOpen")]
    for name, together in zip(shipped().names, covariance, strict=True):
        if name != "jawOpen" and abs(together) > 0.01:
            assert np.sign(away[row, ARKIT_52.index(name)]) == np.sign(together), name
    assert (out.channel("eyeBlinkLeft") == mean.channel("eyeBlinkLeft")).all()


def test_the_mean_far_from_keys_stays_to_the_last_bit(mean):
    out = fill(mean, Kept.keys(mean, {"jawOpen": [(0.1, 0.6)]}))
    np.testing.assert_array_equal(out.values[3 * FPS :], mean.values[3 * FPS :])


@pytest.mark.parametrize("seed", [0, 2])
def test_a_kept_range_has_no_seam(mean, seed):
    """A range of another take: at its ends neither place nor speed jumps more than inside."""
    other = draw(mean, 9)
    out = fill(mean, Kept.span(other, 1.0, 2.0), seed=seed)
    inside = (mean.times >= 1.0) & (mean.times <= 2.0)
    np.testing.assert_array_equal(out.values[inside], other.values[inside])
    jump, bend = np.abs(np.diff(out.values, axis=0)), np.abs(np.diff(out.values, 2, axis=0))
    for row in (FPS, 2 * FPS):
        assert (jump[row - 2 : row + 3] <= 1.5 * jump[FPS : 2 * FPS].max(0) + 0.01).all()
        assert (bend[row - 3 : row + 3] <= 2 * bend[FPS + 4 : 2 * FPS - 4].max(0) + 0.01).all()
    # cutting it in would have
    cut = np.where(inside[:, None], other.values, draw(mean, seed).values)
    assert np.abs(np.diff(cut, axis=0))[2 * FPS].max() > 2 * jump[2 * FPS].max()


def test_a_kept_region_is_followed_by_the_rest_at_every_time(mean):
    other = draw(mean, 9)
    jaw = Kept.region(other, ["jawOpen"])
    out = fill(mean, jaw)
    np.testing.assert_array_equal(out.channel("jawOpen"), other.channel("jawOpen"))
    model = shipped()
    a, b = model.names.index("jawOpen"), int(np.abs(model.channel_covariance[model.names.index("jawOpen")] * (1 - np.eye(29)[3])).argmax())
    b = b if b != a else 0
    name, weight = model.names[b], model.channel_covariance[a, b] / model.channel_covariance[a, a]
    followed = open_up(out.channel(name)) - open_up(mean.channel(name))
    led = open_up(other.channel("jawOpen")) - open_up(mean.channel("jawOpen"))
    np.testing.assert_allclose(followed, weight * led, atol=1e-4)


def test_it_is_the_dense_conditional_mean():
    model, rng = shipped(), np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.01, 0.03, 25))
    where = rng.random((25, len(model.names))) < 0.2
    wanted = np.where(where, model.deviation(times, 3), 0)
    dense, seen = np.kron(matern.covariance(times, model.correlation_time), model.channel_covariance), where.reshape(-1)
    exact = dense[:, seen] @ np.linalg.solve(dense[np.ix_(seen, seen)], wanted.reshape(-1)[seen])
    found = fill_module._condition(times, where, wanted, model.channel_covariance, model.correlation_time)
    np.testing.assert_allclose(found, exact.reshape(25, -1), atol=1e-6)


def test_stretches_do_not_show(mean, monkeypatch):
    keys = Kept.keys(mean, {"jawOpen": [(t, 0.5) for t in np.arange(0.3, 3.8, 0.37)], "mouthFunnel": [(1.11, 0.6), (2.7, 0.0)]})
    whole = fill(mean, keys)
    monkeypatch.setattr(fill_module, "_ROWS", 37)
    np.testing.assert_allclose(fill(mean, keys).values, whole.values, atol=1e-5)


def test_kept_parts_join_and_the_later_wins(mean):
    both = Kept.region(mean, ["mouthPucker"]) | Kept.keys(mean, {"mouthPucker": [(1.0, 0.9)], "jawOpen": [(1.0, 0.1)]})
    out = fill(mean, both)
    assert out.channel("mouthPucker")[FPS] == np.float32(0.9) and out.channel("jawOpen")[FPS] == np.float32(0.1)
    assert out.channel("mouthPucker")[FPS + 1] == mean.channel("mouthPucker")[FPS + 1]


def test_all_kept_is_what_was_kept(mean):
    other = draw(mean, 3)
    np.testing.assert_array_equal(fill(mean, Kept.region(other, ARKIT_52), seed=5).values, other.values)


def test_keys_at_both_ends_of_the_range(mean):
    out = fill(mean, Kept.keys(mean, {"jawOpen": [(0.5, 0.0), (0.6, 1.0), (3.98, 1.0)]}))
    assert out.channel("jawOpen")[30] == 0 and out.channel("jawOpen")[36] == 1 and out.channel("jawOpen")[-1] == 1
    assert out.values.min() >= 0 and out.values.max() <= 1


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda m: Kept.keys(m, {"jawOpen": [(9.0, 0.5)]}), "outside the take"),
        (lambda m: Kept.keys(m, {"jawOpen": [(1.0, 1.5)]}), "from 0 to 1"),
        (lambda m: Kept.keys(m, {"jawOpen": [(float("nan"), 0.5)]}), "outside the take"),
        (lambda m: Kept.keys(m, {"jaw": [(1.0, 0.5)]}), "no channel 'jaw'"),
        (lambda m: Kept.span(m, 2.0, 1.0), "ends before"),
        (lambda m: Kept.region(m, ["lips"]), "no channel 'lips'"),
        (lambda m: Kept(m, np.zeros((2, 2))), "shape"),
        (lambda m: fill(m.select(["jawOpen"]), Kept.span(m, 0, 1)), "other channels"),
        (lambda m: Kept(Curves(m.names, m.times, m.values + 2), np.ones(m.values.shape)), "outside 0 to 1"),
    ],
)
def test_what_cannot_be_kept_is_told(mean, make, part):
    with pytest.raises(UserError) as told:
        make(mean)
    assert part in f"{told.value.message} {told.value.hint}"
