# SPDX-License-Identifier: GPL-3.0-or-later
"""Unlike sides: even at 0, as wide as measured at 1, the same for a person in every take, and no change to how far the lips are apart."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech.asymmetry import BIAS, DRIFT, apart, sides
from facewright.inference.speech.lip_gap import lip_gap
from facewright.rigs.arkit import ARKIT_52

TIMES = np.arange(600) / 60


@pytest.fixture
def even():
    """A mouth that moves, both sides alike."""
    values = np.zeros((600, 52), np.float32)
    wave = (0.4 - 0.4 * np.cos(TIMES * 5)).astype(np.float32)
    for unit in (*BIAS, "jawOpen"):
        for name in (unit, unit + "Left", unit + "Right"):
            if name in ARKIT_52:
                values[:, ARKIT_52.index(name)] = wave
    return Curves(ARKIT_52, TIMES, values)


def test_zero_is_perfectly_even(even):
    assert sides(TIMES, 0, 3, 4) is None and apart(even, None) is even


def test_what_one_side_gains_the_other_loses_and_the_lips_stay_as_far_apart(even):
    for person in range(8):
        uneven = sides(TIMES, 2, person, 0)
        made = apart(even, uneven)
        assert made.values.min() >= 0 and made.values.max() <= 1
        for unit in BIAS:
            left, right = made.channel(unit + "Left"), made.channel(unit + "Right")
            np.testing.assert_allclose(left + right, 2 * even.channel(unit + "Left"), atol=1e-5)
        without_side = Curves(made.names, TIMES, made.values.copy())
        for name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            without_side.values[:, ARKIT_52.index(name)] = 0
        np.testing.assert_allclose(lip_gap(ARKIT_52, without_side.values), lip_gap(ARKIT_52, even.values), atol=1e-5)
        np.testing.assert_allclose(lip_gap(ARKIT_52, made.values), lip_gap(ARKIT_52, even.values), atol=0.01)


def test_what_rests_stays_at_rest():
    still = Curves(ARKIT_52, TIMES, np.zeros((600, 52), np.float32))
    assert apart(still, sides(TIMES, 2, 1, 1)).values.max() == 0


def test_the_spread_over_people_is_the_measured_one():
    found = np.array([sides(TIMES[:2], 1, person, 0).balance["mouthSmile"][0] for person in range(400)])
    assert found.std() == pytest.approx(np.hypot(BIAS["mouthSmile"], DRIFT), rel=0.15) and abs(found.mean()) < 0.02


def test_a_person_keeps_the_strong_side_and_takes_drift_apart():
    a, b, other = sides(TIMES, 1, 5, 1), sides(TIMES, 1, 5, 2), sides(TIMES, 1, 6, 1)
    difference = a.balance["mouthDimple"] - b.balance["mouthDimple"]
    assert 0 < np.abs(difference).max() < 6 * DRIFT and a.jaw == b.jaw != other.jaw


def test_a_moment_does_not_depend_on_the_length_or_the_rate():
    whole, start = sides(TIMES, 1, 2, 3), sides(TIMES[:200], 1, 2, 3)
    np.testing.assert_array_equal(whole.balance["browDown"][:200], start.balance["browDown"])
    assert np.abs(np.diff(whole.balance["browDown"])).max() < 0.01, "slow"
    np.testing.assert_allclose(sides(TIMES[::2], 1, 2, 3).balance["browDown"], whole.balance["browDown"][::2], atol=1e-6)


@pytest.mark.parametrize("amount", [-0.1, 2.1, float("nan")])
def test_amounts_that_cannot_be_are_told(amount):
    with pytest.raises(UserError, match="asymmetry"):
        sides(TIMES, amount, 0, 0)
