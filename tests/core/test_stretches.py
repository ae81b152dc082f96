# SPDX-License-Identifier: GPL-3.0-or-later
"""Stretches cover a sound without gaps, are of a length that can be judged, and end in pauses where there are some."""
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.stretches import LONGEST, SHORTEST, around, cut


@given(st.floats(0.01, 400), st.floats(0.5, 5), st.lists(st.tuples(st.floats(0, 400), st.floats(0, 400)), max_size=30))
def test_stretches_join_and_are_one_to_three_seconds(duration, length, pauses):
    found = cut(duration, length, pauses)
    assert found[0][0] == 0 and found[-1][1] == duration
    assert all(a[1] == b[0] for a, b in pairwise(found))
    if duration >= SHORTEST:
        assert all(SHORTEST - 1e-6 <= end - start <= LONGEST + 1e-6 for start, end in found)
    else:
        assert len(found) == 1


def test_it_cuts_in_the_middle_of_a_pause_near_the_wished_length():
    assert cut(4.5, 2.0, [(2.2, 2.4), (0.9, 1.0)]) == [(0.0, pytest.approx(2.3)), (pytest.approx(2.3), 4.5)]


def test_nothing_of_nothing():
    assert cut(0.0) == []


@given(st.floats(-10, 50), st.floats(0.05, 40), st.floats(1, 3))
def test_the_stretch_around_a_moment_lies_in_the_sound(moment, duration, length):
    start, end = around(moment, duration, length)
    assert 0 <= start <= end <= duration + 1e-9
    assert end - start == pytest.approx(min(length, duration))
