# SPDX-License-Identifier: GPL-3.0-or-later
"""Pitch: glides are followed, blocks make no difference, noise and silence have none."""
import numpy as np
import pytest

from facewright.inference.speech.pitch import PitchListener


def listened(*blocks):
    listener = PitchListener()
    assert sum(len(b) for b in listener.along(blocks)) == sum(map(len, blocks))
    return listener.pitch()


def voice(hz):
    """Harmonics of a pitch given for each sample at 16 kHz."""
    phase = 2 * np.pi * np.cumsum(hz) / 16000
    return (0.1 * sum(np.sin(k * phase) / k for k in range(1, 10))).astype(np.float32)


@pytest.mark.parametrize(("low", "high"), [(80, 130), (150, 260), (250, 420)])
def test_a_glide_is_followed_whatever_the_blocks(low, high):
    hz = np.linspace(low, high, 32000)
    sound = voice(hz)
    found = listened(sound[:5000], sound[5000:5003], sound[5003:])
    centres = ((np.arange(len(found)) + 0.5) * 320).astype(int)
    assert len(found) == 100
    np.testing.assert_allclose(found[3:-3], hz[centres][3:-3], rtol=0.02)
    np.testing.assert_array_equal(found, listened(sound))


def test_silence_noise_and_nothing_have_no_pitch():
    assert listened(np.zeros(16000, np.float32)).max() == 0
    noise = 0.1 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    assert (listened(noise) > 0).mean() < 0.1
    assert len(listened()) == 0 and len(listened(np.zeros(1, np.float32))) == 1
