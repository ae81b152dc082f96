# SPDX-License-Identifier: GPL-3.0-or-later
"""The front end: frame timing, and pieces of a sound equal the whole."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.speech import features

torch.set_num_threads(1)


@pytest.mark.parametrize("samples", [0, 1, 319, 320, 321, 16000])
def test_one_frame_for_every_started_20_ms(samples: int) -> None:
    assert features.log_mel(torch.zeros(samples)).shape == (-(-samples // 320), features.FEATURES)


@settings(deadline=None, max_examples=25)
@given(first=st.integers(2, 60), length=st.integers(5, 60), seed=st.integers(0, 5))
def test_a_window_equals_the_whole_inside_its_context(first: int, length: int, seed: int) -> None:
    sound = 0.1 * torch.randn(130 * 320, generator=torch.Generator().manual_seed(seed))
    whole = features.log_mel(sound)
    context = features.CONTEXT_FRAMES
    piece = features.log_mel(sound[(first - context) * 320 : (first + length + context) * 320])
    assert torch.allclose(piece[context : context + length], whole[first : first + length], atol=1e-4)


def test_batch_equals_single() -> None:
    sound = 0.1 * torch.randn(3, 5000, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(features.log_mel(sound)[1], features.log_mel(sound[1]), atol=1e-5)


def test_a_click_is_loudest_in_the_frame_that_holds_it() -> None:
    sound = torch.zeros(50 * 320)
    sound[20 * 320 + 160] = 1.0  # the centre of frame 20
    assert int(features.log_mel(sound).mean(1).argmax()) == 20


def test_a_tone_falls_on_the_filter_of_its_frequency() -> None:
    time = torch.arange(16000) / 16000
    mel = features.log_mel(0.3 * torch.sin(2 * torch.pi * 1000 * time))[25, : features.MEL_BINS]
    centres = features.mel_filters().argmax(0) * 16000 / features.FFT_SIZE
    assert abs(float(centres[int(mel.argmax())]) - 1000) < 60


def test_silence_and_full_scale_noise_stay_finite_and_near_unit_scale() -> None:
    assert features.log_mel(torch.zeros(3200)).abs().max() < 4
    loud = torch.rand(3200, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert features.log_mel(loud).abs().max() < 4
