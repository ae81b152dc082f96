# SPDX-License-Identifier: GPL-3.0-or-later
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core import keys as reduction
from facewright.core.errors import UserError


def speech_like(seed: int, seconds: float = 60.0, rate: float = 60.0, channels: int = 52) -> tuple[np.ndarray, np.ndarray]:
    """Syllables of random size and length with rests and closures between, at ``rate``: frames from 1, values [T, channels]."""
    random = np.random.default_rng(seed)
    time_s = np.arange(int(seconds * rate)) / rate
    values = np.zeros((len(time_s), channels))
    for channel in range(channels):
        at, points = 0.0, [(0.0, 0.0)]
        while at < seconds:
            at += random.uniform(0.06, 0.25) if random.random() < 0.9 else random.uniform(0.3, 1.0)
            points.append((at, random.uniform(0, 0.8) if random.random() < 0.7 else 0.0))
        x, y = np.array(points).T
        values[:, channel] = np.interp(time_s, x, y)
    kernel = np.hanning(9)
    kernel /= kernel.sum()
    return time_s * rate + 1, np.apply_along_axis(np.convolve, 0, values, kernel, "same")


def worst_error(times: np.ndarray, values: np.ndarray, keys: list[reduction.Keys]) -> float:
    return max(np.abs(reduction.evaluate(k, times) - values[:, i]).max() for i, k in enumerate(keys))


def test_error_is_bounded_and_keys_are_few():
    frames, values = speech_like(0)
    keys = reduction.reduce_all(frames, values, 0.005)
    assert worst_error(frames, values, keys) <= 0.005
    assert values.size / sum(map(len, keys)) >= 5


def test_a_minute_of_52_channels_takes_less_than_two_seconds():
    frames, values = speech_like(1)
    began = time.process_time()
    reduction.reduce_all(frames, values, 0.005)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("rate", [24, 25, 30, 60, 120])
@pytest.mark.parametrize("max_error", [0.001, 0.005, 0.02])
def test_bound_holds_at_any_rate(rate, max_error):
    frames, values = speech_like(rate, seconds=8, rate=rate, channels=6)
    keys = reduction.reduce_all(frames, values, max_error)
    assert worst_error(frames, values, keys) <= max_error


wild = st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(values=wild, max_error=st.sampled_from([1e-4, 0.005, 0.1, 1.0]), start=st.integers(-500, 5000))
def test_bound_holds_for_anything(values, max_error, start):
    times = np.arange(len(values), dtype=float) + start
    keys = reduction.reduce(times, np.array(values), max_error)
    assert np.abs(reduction.evaluate(keys, times) - values).max() <= max_error
    assert (np.diff(keys.co[:, 0]) > 0).all()
    assert set(keys.co[:, 0]) <= set(times)  # on whole frames where the samples are


def test_a_short_closure_is_a_key_of_its_own():
    frames = np.arange(1, 121, dtype=float)
    values = np.full(120, 0.4)
    values[59:61] = 0.0  # 33 ms at 60 fps
    keys = reduction.reduce(frames, values, 0.005)
    assert 0.0 in keys.co[:, 1]
    assert np.abs(reduction.evaluate(keys, frames[59:61])).max() <= 0.005


def test_a_rest_is_exactly_zero():
    frames = np.arange(240, dtype=float)
    values = 0.6 * np.clip(np.sin(frames / 20), 0, None)
    values[130:] = 0.0
    keys = reduction.reduce(frames, values, 0.02)
    assert np.abs(reduction.evaluate(keys, frames[132:])).max() < 1e-9


def test_turns_have_horizontal_handles():
    frames = np.arange(0, 97, dtype=float)
    values = 0.5 - 0.5 * np.cos(frames / 24 * np.pi)  # turns at 24, 48 and 72
    keys = reduction.reduce(frames, values, 0.005)
    for turn in (24, 48, 72):
        at = list(keys.co[:, 0]).index(turn)
        assert keys.handle_left[at, 1] == pytest.approx(keys.co[at, 1])
        assert keys.handle_right[at, 1] == pytest.approx(keys.co[at, 1])


def test_handles_are_aligned_and_stay_between_their_keys():
    frames, values = speech_like(3, seconds=6, channels=8)
    for keys in reduction.reduce_all(frames, values, 0.005):
        left, right = keys.co - keys.handle_left, keys.handle_right - keys.co
        assert (left[:, 0] > 0).all() and (right[:, 0] > 0).all()
        np.testing.assert_allclose(left[:, 1] * right[:, 0], right[:, 1] * left[:, 0], atol=1e-9)
        if len(keys) > 1:
            assert (keys.handle_right[:-1, 0] < keys.co[1:, 0]).all() and (keys.handle_left[1:, 0] > keys.co[:-1, 0]).all()


def test_many_keys_can_be_automatic():
    frames, values = speech_like(4, seconds=20, channels=10)
    keys = reduction.reduce_all(frames, values, 0.005)
    assert sum(k.auto.sum() for k in keys) / sum(map(len, keys)) > 0.3
    for k in keys:
        left, right = reduction.auto_handles(k.co)
        np.testing.assert_allclose(k.handle_left[k.auto], left[k.auto], atol=1e-9)
        np.testing.assert_allclose(k.handle_right[k.auto], right[k.auto], atol=1e-9)


@pytest.mark.parametrize(("values", "expected"), [([0.0] * 9, 0.0), ([0.3] * 9, 0.3), ([0.003, -0.003, 0.001], 0.0), ([0.7], 0.7)])
def test_flat_channels_are_one_key(values, expected):
    keys = reduction.reduce(np.arange(len(values), dtype=float), np.array(values), 0.005)
    assert len(keys) == 1
    assert keys.co[0, 1] == pytest.approx(expected)


def test_no_samples_no_keys():
    assert len(reduction.reduce(np.zeros(0), np.zeros(0))) == 0


@pytest.mark.parametrize("error", [0.0, -1.0, float("nan")])
def test_error_must_be_positive(error):
    with pytest.raises(UserError, match="above 0"):
        reduction.reduce(np.arange(3.0), np.arange(3.0), error)


def test_dense_keys_are_the_samples():
    keys = reduction.dense(np.arange(4.0), np.array([0.0, 1.0, 0.5, 0.5]))
    np.testing.assert_array_equal(keys.co, [[0, 0], [1, 1], [2, 0.5], [3, 0.5]])


@pytest.mark.blender
@pytest.mark.parametrize("seed", [0, 1])
def test_blender_agrees(seed):
    """Blender's own evaluation is within the error, and it keeps the handles as they were set."""
    bpy = pytest.importorskip("bpy")
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    from facewright.scene import actions_compat, placement

    frames, values = speech_like(seed, seconds=10, channels=12)
    random = np.random.default_rng(seed)
    values[:, 8:] += random.normal(0, 0.02, values[:, 8:].shape)  # jitter, so that handles get odd
    found = reduction.reduce_all(frames, values, 0.005)
    _, fcurves = actions_compat.new_action("Test", "KEY", "Test")
    for channel, keys in enumerate(found):
        curve = fcurves.new(f'key_blocks["{channel}"].value')
        placement.write_keys(curve, keys, sparse=True)
        assert max(abs(curve.evaluate(f) - v) for f, v in zip(frames, values[:, channel], strict=True)) <= 0.005
        for side in ("left", "right"):
            flat = np.empty(2 * len(keys), np.float32)
            curve.keyframe_points.foreach_get(f"handle_{side}", flat)
            np.testing.assert_allclose(flat.reshape(-1, 2), getattr(keys, f"handle_{side}"), atol=2e-3)
        between = np.linspace(frames[0], frames[-1], 997)
        ours = reduction.evaluate(keys, between)
        np.testing.assert_allclose([curve.evaluate(f) for f in between], ours, atol=1e-3)
