# SPDX-License-Identifier: GPL-3.0-or-later
"""An ablated run goes without what its row says."""
import numpy as np
import torch

from facewright.training import ablate, ict_head, train

SHAPES = {"jawOpen": np.zeros((8, 3)), "mouthClose": np.zeros((8, 3))}
SHAPES["jawOpen"][1] = (0, -2.0, 0)
SHAPES["mouthClose"][1] = (0, 2.0, 0)
NEUTRAL = np.array([[0, 0, 0], [0, -0.05, 0], [-2, 0, 0], [2, 0, 0], [0, 3, 0], [0, -5, 0], [-4, 6, 0], [4, 6, 0]], float)
HEAD = ict_head.Head(NEUTRAL, SHAPES)


def _data(units: int) -> dict[str, list[train.Prepared]]:
    rng = np.random.default_rng(0)
    audio = (3000 * rng.standard_normal(120 * 320)).astype(np.int16)
    labels = np.repeat(np.array([0, 1, 27, 1, 0, 12], np.int8), 20)
    measured = np.stack([0.05 + 0.04 * np.sin(np.arange(120) / 5), np.full(120, 0.5), np.full(120, 1.0)], 1).astype(np.float32)
    teacher = np.full((120, units), 0.1, np.float16)
    return {"grid_s1": [train.Prepared(audio, labels, teacher, measured, None, "s1")]}


def test_every_variant_trains_and_what_is_left_out_teaches_nothing() -> None:
    torch.set_num_threads(1)
    units = len(train.SpeechModelConfig().face_units)
    options = train.TrainOptions(batch=2, seconds=1.0, share={"grid_s1": 1.0})
    heard = torch.randn(1, 40, 160)
    faces = {}
    for name, variant in ablate.VARIANTS.items():
        assert set(variant.without) <= set(options.weight)
        model = ablate.fit(_data(units), HEAD, options, 2, variant)
        with torch.inference_mode():
            faces[name] = model(heard)
        assert faces[name].face.isfinite().all()
    assert not torch.equal(faces["everything"].face, faces["without real video"].face)
    untrained = ablate.fit(_data(units), HEAD, options, 0, ablate.Variant())
    without = ablate.fit(_data(units), HEAD, options, 2, ablate.VARIANTS["without phone cues"])
    assert torch.allclose(without.articulation.bias, untrained.articulation.bias, atol=1e-6)
