# SPDX-License-Identifier: GPL-3.0-or-later
"""A small random speech model and small sounds: what the runtime's tests run on."""
import numpy as np
import pytest
import soundfile
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_model():
    """Random weights from a fixed seed, with the shipped model's inputs and outputs; hears 11 frames on each side."""
    from facewright.inference.speech.model import SpeechModel, SpeechModelConfig

    torch.manual_seed(1)
    return SpeechModel(SpeechModelConfig(width=16, dilations=(1, 2, 4))).eval()


@pytest.fixture
def tiny_weights(tiny_model, tmp_path):
    from facewright.inference.speech import weights_file

    path = tmp_path / "tiny.safetensors"
    weights_file.save(tiny_model, path)
    return path


def _babble(seconds: float, rate: int = 16000, seed: int = 0) -> np.ndarray:
    """A buzz whose loudness and colour change four times a second, with pauses: speech-like enough to drive a network. Float32 [n]."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) * (0.5 + 0.5 * np.sin(2 * np.pi * (0.5 + k / 7) * t + k)) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * 4 * t) + 0.3, 0, 1) * (np.sin(2 * np.pi * 0.4 * t) > -0.7)
    return (0.15 * buzz * syllables + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.fixture
def wav(tmp_path):
    """write(samples [n] or [n, channels], rate, name, **soundfile options) -> path"""

    def write(samples, rate=16000, name="sound.wav", **options):
        path = tmp_path / name
        soundfile.write(path, samples, rate, **options)
        return path

    return write


@pytest.fixture
def babble():
    """babble(seconds, rate=16000, seed=0) -> float32 [n]"""
    return _babble
