# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures on curves made by hand, where the right answer is known."""
import numpy as np
import pytest

from facewright.training import metrics


def test_pearson_ignores_missing_frames_and_scale() -> None:
    a = np.array([0.0, 1, 2, np.nan, 4])
    assert metrics.pearson(3 * a + 1, a) == pytest.approx(1)
    assert metrics.pearson(-a, a) == pytest.approx(-1)
    assert metrics.pearson(np.ones(5), a) == 0
    assert np.isnan(metrics.pearson(a[:2], a[:2]))


def test_a_curve_that_leads_by_two_frames_fits_best_at_plus_two() -> None:
    track = np.random.default_rng(0).normal(size=60)
    lags = metrics.lagged(np.roll(track, -2), track)
    assert metrics.LAGS[int(np.argmax(lags))] == 2
    assert metrics.LAGS[int(np.argmax(metrics.lagged(np.roll(track, 3), track)))] == -3


def test_runs() -> None:
    assert metrics.runs(np.array([1, 1, 0, 0, 1, 0, 1], bool)) == [(0, 1), (4, 4), (6, 6)]
    assert metrics.runs(np.zeros(3, bool)) == []


def test_closures_count_between_the_first_and_last_open_frame() -> None:
    video = np.array([0.0, 0, 0.1, 0.1, 0.005, 0.1, 0.1, 0.1, 0.005, 0.1, 0, 0])
    curve = np.array([0.0, 0, 0.1, 0.1, 0.1, 0.01, 0.1, 0.01, 0.1, 0.1, 0, 0])
    # The curve closes a frame late, then a frame early: both match.
    assert metrics.closures(curve, video) == (2, 2, 2, 2)
    never = np.full(12, 0.1)
    assert metrics.closures(never, video) == (2, 0, 0, 0)
    extra = curve.copy()
    extra[5], extra[2:4] = 0.1, 0.01
    assert metrics.closures(extra, video) == (2, 2, 2, 2)  # a closure at frames 2-3 is still a frame from 4
    assert metrics.closures(curve, np.zeros(12)) == (0, 0, 0, 0)


def test_phone_closures_use_the_margin_and_the_vowels_inner_part() -> None:
    def gap(times: np.ndarray) -> np.ndarray:
        return np.where((times > 0.10) & (times < 0.14), 0.0, 0.2)

    assert metrics.phone_closures(gap, [(0.10, 0.16)], []) == (1, 1, 0, 0)
    assert metrics.phone_closures(gap, [(0.15, 0.20)], []) == (1, 1, 0, 0)  # 20 ms before the phone still counts
    assert metrics.phone_closures(gap, [(0.17, 0.20)], []) == (1, 0, 0, 0)
    assert metrics.phone_closures(gap, [], [(0.12, 0.32)]) == (0, 0, 1, 0)  # only the vowel's edge is closed
    assert metrics.phone_closures(gap, [], [(0.06, 0.20)]) == (0, 0, 1, 1)


def test_bootstrap_holds_the_mean_and_narrows_with_clips() -> None:
    rng = np.random.default_rng(0)
    few, many = (metrics.bootstrap(rng.normal(1, 1, n), lambda rows: float(rows.mean())) for n in (10, 1000))
    assert few.low < few.value < few.high and many.clips == 1000
    assert many.high - many.low < few.high - few.low
    assert metrics.bootstrap([], lambda rows: 0.0).clips == 0
    assert metrics.bootstrap([(1, 4), (1, 4)], metrics.share(0, 1)).value == pytest.approx(0.25)


def test_edit_distance() -> None:
    assert metrics.edit_distance("kitten", "sitting") == 3
    assert metrics.edit_distance([], ["AA"]) == metrics.edit_distance(["AA"], []) == 1
    assert metrics.edit_distance(["AA", "B"], ["AA", "B"]) == 0


def test_jitter_of_a_ramp_is_nothing_and_of_a_zigzag_is_its_height() -> None:
    assert metrics.jitter(np.linspace(0, 1, 20)) == pytest.approx(0, abs=1e-12)
    assert metrics.jitter(np.tile([0.0, 0.1], 10)) == pytest.approx(0.2)
    assert metrics.median3(np.array([0.0, 0, 1, 0, 0])).max() == 0
