# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.core.errors import UserError


def ramp(rows: int = 5) -> Curves:
    return Curves(("jawOpen", "mouthClose"), np.arange(rows) / 10, np.stack([np.linspace(0, 1, rows), np.zeros(rows)], 1))


@pytest.mark.parametrize(
    ("names", "times", "values", "words"),
    [
        (("a",), [0, 1], [[0]], "do not fit"),
        (("a", "a"), [0], [[0, 0]], "'a' is there twice"),
        (("a",), [0, 0], [[0], [1]], "do not rise"),
        (("a",), [1, 0], [[0], [1]], "do not rise"),
        (("a",), [0], [[np.nan]], "not numbers"),
        (("a",), [np.inf], [[0]], "not numbers"),
    ],
)
def test_bad_curves_get_a_sentence(names, times, values, words) -> None:
    with pytest.raises(UserError, match=words):
        Curves(names, times, values)


def test_resampling_is_linear_and_holds_the_ends() -> None:
    curves = ramp().resample(np.array([-1.0, 0.05, 0.2, 9.0]))
    np.testing.assert_allclose(curves.channel("jawOpen"), [0, 0.125, 0.5, 1], atol=1e-6)


def test_select_keeps_order_and_fills_missing_channels_with_zeros() -> None:
    chosen = ramp().select(("tongueOut", "jawOpen"))
    assert chosen.names == ("tongueOut", "jawOpen")
    np.testing.assert_array_equal(chosen.values[:, 0], 0)
    np.testing.assert_allclose(chosen.values[:, 1], np.linspace(0, 1, 5), atol=1e-6)


def test_a_channel_that_is_not_there_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="tongueOut"):
        ramp().channel("tongueOut")


def test_no_rows_are_fine() -> None:
    empty = Curves(("a",), [], np.zeros((0, 1)))
    assert empty.duration == 0
    assert empty.resample(np.array([0.0, 1.0])).values.tolist() == [[0], [0]]


@given(st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=40))
def test_resampling_at_its_own_times_changes_nothing(column: list[float]) -> None:
    curves = Curves(("x",), np.arange(len(column)) / 60, np.array(column)[:, None])
    np.testing.assert_allclose(curves.resample(curves.times).values, curves.values, atol=1e-6)
