# SPDX-License-Identifier: GPL-3.0-or-later
"""Styles: the names in a weights file, and that an asked one moves the face."""
import numpy as np
import torch

from facewright.inference.speech import styles, weights_file
from facewright.inference.speech.generate import SpeechEngine, SpeechOptions
from facewright.inference.speech.listening import ListeningCache
from facewright.inference.speech.model import SpeechModel, SpeechModelConfig


def test_names_are_read_from_the_header(tmp_path):
    model = SpeechModel(SpeechModelConfig(width=16, dilations=(1,), style_names=("ann", "bo")))
    weights_file.save(model, tmp_path / "a.safetensors")
    assert styles.known(tmp_path / "a.safetensors") == ("ann", "bo")
    (tmp_path / "b.safetensors").write_bytes(b"no weights")
    assert styles.known(tmp_path / "b.safetensors") == styles.known(tmp_path / "none") == ()
    assert styles.known() == tuple(weights_file.load().config.style_names)


def test_a_style_moves_the_face_and_is_heard_apart(tmp_path, wav, babble):
    torch.manual_seed(0)
    model = SpeechModel(SpeechModelConfig(width=16, dilations=(1,), style_names=("ann", "bo")))
    torch.nn.init.normal_(model.style, std=2.0)
    weights_file.save(model.eval(), tmp_path / "a.safetensors")
    engine, cache = SpeechEngine(tmp_path / "a.safetensors"), ListeningCache(tmp_path / "heard")
    path = wav(babble(2.0))

    def mouth(**style):
        return engine.run(path, SpeechOptions(device="cpu", style=style), lambda fraction, stage: None, cache).mouth.values

    plain, ann = mouth(), mouth(ann=1.0)
    assert np.abs(plain - ann).max() > 0.05
    np.testing.assert_array_equal(mouth(ann=0), plain)
    np.testing.assert_array_equal(mouth(ann=1.0), ann)
    assert np.abs(mouth(ann=0.5, bo=0.5) - ann).max() > 0.01
