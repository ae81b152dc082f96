# SPDX-License-Identifier: GPL-3.0-or-later
"""The pieces of the training loop, on sound made here."""
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.inference.speech.features import FEATURES
from facewright.inference.speech.lip_gap import from_measured
from facewright.inference.speech.model import FACE, SpeechModel, SpeechModelConfig
from facewright.training import augment, blend, checkpoint, ict_head, metrics, pack, train
from facewright.training.corpora import Example
from facewright.training.pack import Clip, Phone

torch.set_num_threads(1)
CONFIG = SpeechModelConfig(width=16, dilations=(1, 2))
NEUTRAL = np.array([[0, 0.04, 1], [0, -0.04, 1], [-2.5, 0, 0], [2.5, 0, 0], [0, 3, 1], [0, -5, 0], [-4.5, 3, 0], [4.5, 3, 0]], float)
JAW = np.zeros((8, 3))
JAW[[1, 5], 1] = -4
HEAD = ict_head.Head(NEUTRAL, {"jawOpen": JAW})


def example(seed: int = 0, corpus: str = "synthetic", speaker: str = "flite-rms") -> Example:
    rng = np.random.default_rng(seed)
    audio = (rng.normal(0, 2000, 32000)).astype(np.int16)
    phones = (Phone(0, 0.3, "SIL"), Phone(0.3, 0.6, "M"), Phone(0.6, 1.2, "AA"), Phone(1.2, 1.5, "P"), Phone(1.5, 2.0, "IY"))
    return Example(corpus, Clip(f"c{seed}", speaker, audio, phones))


def measured(e: Example) -> Example:
    gap = np.abs(np.sin(np.arange(e.clip.frames) / 9)) * 0.15
    track = np.stack([gap, 0.5 + 0 * gap, 1 + gap], 1).astype(np.float32)
    return Example(e.corpus, e.clip, measured=track)


def test_a_measured_gap_maps_one_closure_threshold_to_the_other_and_keeps_order() -> None:
    m = np.linspace(0, 0.25, 500)
    t = from_measured(m)
    assert (np.diff(t) >= 0).all()
    assert float(from_measured(np.array(metrics.VIDEO_CLOSED))) == pytest.approx(metrics.CURVE_CLOSED)
    assert t[0] == pytest.approx(0.0095)
    assert np.diff(t[m > 0.02]).mean() == pytest.approx(np.diff(m).mean())


def test_a_step_lowers_the_loss_and_every_term_is_finite() -> None:
    torch.manual_seed(0)
    e = [example(i) for i in range(3)] + [measured(example(9, "grid_more", "s2"))]
    options = train.TrainOptions(batch=8, share={"synthetic": 0.6, "grid_more": 0.4})
    batch = train.Batches(train.prepare(e, HEAD, CONFIG.face_units), len(CONFIG.face_units), options, 0).next()
    assert batch["features"].shape == (8, 150, FEATURES) and batch["features"].isfinite().all()
    model, losses = SpeechModel(CONFIG), train.Losses(CONFIG, HEAD, options)
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    history = []
    for _ in range(20):
        terms = losses(model(batch["features"]), batch)
        assert set(terms) == set(options.weight) and all(bool(v.isfinite()) for v in terms.values())
        total = sum(options.weight[k] * v for k, v in terms.items())
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        history.append(total.item())
    assert history[-1] < 0.8 * history[0]


def test_a_held_out_recording_stops_the_run() -> None:
    with pytest.raises(AssertionError, match="held-out"):
        train.prepare([example(speaker="festival-ked")], HEAD, CONFIG.face_units)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    model = SpeechModel(CONFIG)
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.randn(1, 20, FEATURES)).face.sum().backward()
    optimiser.step()
    average = {n: t + 1 if t.is_floating_point() else t.clone() for n, t in model.state_dict().items()}
    checkpoint.save(tmp_path, model, average, optimiser, {"step": 3})
    again, mean, adam, state = checkpoint.load(tmp_path)
    assert state == {"step": 3} and again.config == CONFIG
    assert torch.equal(again.stem.weight, model.stem.weight) and torch.equal(mean["stem.weight"], model.stem.weight + 1)
    moments = optimiser.state[next(iter(model.parameters()))]
    assert torch.equal(adam["adam.0.exp_avg"], moments["exp_avg"])
    assert torch.allclose(checkpoint.load_model(tmp_path).stem.weight, model.stem.weight + 1)


def test_packs_hold_what_was_put_in(tmp_path: Path) -> None:
    clips = [example(i).clip for i in range(3)]
    hours = pack.write(tmp_path / "p", clips)
    assert hours == pytest.approx(6 / 3600)
    for a, b in zip(clips, pack.read(tmp_path / "p"), strict=True):
        assert (a.name, a.speaker, a.phones) == (b.name, b.speaker, b.phones) and np.array_equal(a.audio, b.audio)


def test_augmentation_keeps_time_and_is_repeatable() -> None:
    sound = torch.zeros(2, 48000)
    sound[:, 24000:24160] = 0.5 * torch.randn(160, generator=torch.Generator().manual_seed(0))
    calm = augment.AugmentOptions(reverb_share=0, noise_share=0)
    first, second = (augment.augmented_features(sound, torch.Generator().manual_seed(3), calm) for _ in range(2))
    assert torch.equal(first, second) and first.shape == (2, 150, FEATURES)
    assert (first.mean(2).argmax(1) == 75).all()
    assert len(augment.stretch(np.zeros(1000, np.float32), 900)) == 900


def test_a_blend_lies_between_its_runs() -> None:
    first, last = SpeechModel(CONFIG), SpeechModel(CONFIG)
    mixed = blend.blend(first, last, 0.25)
    assert torch.allclose(mixed.stem.weight, 0.75 * first.stem.weight + 0.25 * last.stem.weight)
    assert not mixed.training


def test_sides_share_a_unit() -> None:
    assert len(SpeechModelConfig().face_units) < len(FACE)
