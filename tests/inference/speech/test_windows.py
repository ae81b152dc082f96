# SPDX-License-Identifier: GPL-3.0-or-later
"""Windowed inference equals one pass over the whole sound."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.speech.features import FRAME_SAMPLES, frame_count
from facewright.inference.speech.windows import SMALLEST_WINDOW, WindowRunner

CPU = torch.device("cpu")


def _blocks(sound, sizes):
    at, turn = 0, 0
    while at < len(sound):
        yield sound[at : at + sizes[turn % len(sizes)]]
        at += sizes[turn % len(sizes)]
        turn += 1


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(1, 80 * FRAME_SAMPLES),
    window=st.integers(1, 60),
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_windows_show_no_seam(tiny_model, samples, window, sizes, seed):
    sound = (0.3 * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)
    whole = WindowRunner(tiny_model, CPU, window=10**6).run([sound])
    windowed = WindowRunner(tiny_model, CPU, window=window).run(_blocks(sound, sizes))
    assert len(windowed) == len(whole) == frame_count(samples)
    for name in ("log_phones", "articulation", "face", "level"):
        np.testing.assert_allclose(getattr(windowed, name), getattr(whole, name), atol=1e-4)


def test_no_sound_gives_no_frames(tiny_model):
    out = WindowRunner(tiny_model, CPU).run([])
    assert len(out) == 0 and out.face.shape == (0, len(tiny_model.config.face_names))


def test_progress_counts_every_sample_and_may_stop_the_run(tiny_model):
    sound = np.zeros(60 * FRAME_SAMPLES + 7, np.float32)
    seen = []
    WindowRunner(tiny_model, CPU, window=10).run([sound], seen.append)
    assert seen == sorted(seen) and seen[-1] == len(sound) and len(seen) >= 3

    class StopHere(Exception):
        pass

    def stop(done):
        raise StopHere

    with pytest.raises(StopHere):
        WindowRunner(tiny_model, CPU, window=10).run([sound], stop)


class _SmallDevice(WindowRunner):
    """A pretended GPU (its tensors live on the CPU) that holds only ``room`` frames at a time."""

    room = 0

    def _forward(self, sound, left, frames):
        if self.device.type == "meta" and frame_count(len(sound)) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        device, self.device = self.device, CPU
        try:
            return super()._forward(sound, left, frames)
        finally:
            self.device = device


@pytest.mark.parametrize(("room", "ends_on"), [(400, "meta"), (50, "cpu")])
def test_out_of_memory_takes_smaller_windows_then_the_cpu(tiny_model, monkeypatch, room, ends_on):
    monkeypatch.setattr(tiny_model, "to", lambda device: tiny_model)
    sound = (0.3 * np.random.default_rng(3).standard_normal(1500 * FRAME_SAMPLES)).astype(np.float32)
    runner = _SmallDevice(tiny_model, torch.device("meta"), window=1000)
    runner.room = room
    out = runner.run([sound])
    whole = WindowRunner(tiny_model, CPU, window=10**6).run([sound])
    np.testing.assert_allclose(out.face, whole.face, atol=1e-4)
    assert runner.device.type == ends_on
    assert runner.warnings and "memory" in runner.warnings[0]
    assert runner.window >= SMALLEST_WINDOW // 2
    assert ("CPU" in runner.warnings[-1]) == (ends_on == "cpu")


class _Broken(WindowRunner):
    def _forward(self, sound, left, frames):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")


def test_an_error_of_our_own_is_not_taken_for_lack_of_memory(tiny_model, monkeypatch):
    monkeypatch.setattr(tiny_model, "to", lambda device: tiny_model)
    with pytest.raises(RuntimeError, match="multiplied"):
        _Broken(tiny_model, torch.device("meta")).run([np.zeros(1000, np.float32)])
