# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the correcting network learns, goes on where it was stopped, and writes weights that load."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.inference.video import coefficients, geometry, neutral
from facewright.training.faces import checkpoint, evaluate_coefficients, train_coefficients
from facewright.training.faces.train_coefficients import Observed, Solved, TrainOptions


def solved(count: int, seed: int, appearance: bool) -> Solved:
    """A fit that says a quarter too much of everything."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.rand(count, 52, generator=generator) * (torch.rand(count, 52, generator=generator) < 0.3)
    seen = torch.zeros(count, coefficients.FEATURES)
    seen[:, :52] = truth + 0.25
    shown = torch.logit(truth.clamp(0.02, 0.98)) if appearance else torch.zeros(count, 0)
    return Solved(seen, shown, truth, torch.zeros(count, dtype=torch.long))


OPTIONS = TrainOptions(epochs=6, batch=64, width=64, learning_rate=1e-2)
ERRORS = torch.zeros(2 * coefficients.POINTS, coefficients.ERROR_MODES)


@pytest.mark.parametrize("appearance", [False, True])
def test_it_learns_what_the_fit_gets_wrong(tmp_path: Path, appearance: bool) -> None:
    data, held_out = solved(1500, 0, appearance), solved(200, 1, appearance)
    network = train_coefficients.train(data, held_out, ERRORS, OPTIONS, tmp_path)
    value, spread, _ = coefficients.refine(network, held_out.features, held_out.appearance if appearance else None)
    before = (held_out.features[:, :52] - held_out.arkit).abs().mean()
    assert (value - held_out.arkit).abs().mean() < 0.6 * before
    assert (spread > 0).all()


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    data, held_out = solved(300, 0, False), solved(50, 1, False)
    whole = train_coefficients.train(data, held_out, ERRORS, OPTIONS, tmp_path)
    assert checkpoint.load(tmp_path / "refiner-geometry")[3]["epoch"] == OPTIONS.epochs
    again = train_coefficients.train(data, held_out, ERRORS, OPTIONS, tmp_path)
    assert all((a == b).all() for a, b in zip(whole.state_dict().values(), again.state_dict().values(), strict=True))


def test_clips_are_solved_as_the_product_solves_them() -> None:
    """Their rest from as many frames as the fit takes of a video, and every frame is learnt from."""
    head, frames = geometry.load(), neutral.FRAMES + 1
    arkit = np.random.default_rng(0).random((2 * frames, 52)).astype(np.float32) * 0.2
    at = torch.from_numpy(np.ascontiguousarray(geometry.place(head, arkit)[..., :2], np.float32) / 30).unflatten(0, (2, frames))
    ones, none = torch.ones(2, frames, coefficients.POINTS), torch.zeros(2, frames, 0)
    clips = Observed(at, 0.003 * ones, ones, none, at, ones > 0, torch.from_numpy(arkit).unflatten(0, (2, frames)), ones[..., 0].long())
    given = train_coefficients.pack_shard(clips, ERRORS, 0.0)
    assert (given.arkit == torch.from_numpy(arkit)).all()
    known = given.features[:, -1]
    assert known.unique().tolist() == [pytest.approx(coefficients.known_by(neutral.FRAMES))]
    half = train_coefficients.pack_shard(clips, ERRORS, 0.5).features[:, -1]
    assert (half[:frames] == 0).all() and (half[frames:] > 0.9).all(), "photos are their own rest"


def test_published_weights_load_and_are_pinned(tmp_path: Path) -> None:
    network = coefficients.Refiner(coefficients.RefinerConfig(width=32)).eval()
    path = tmp_path / "coefficients.safetensors"
    sha = train_coefficients.publish(network, OPTIONS, 10, path)
    loaded = coefficients.load(path)
    assert loaded.config == network.config
    assert len(sha) == 64


def test_correlations_leave_out_what_does_not_move() -> None:
    truth = np.zeros((20, 52))
    truth[:, 0] = np.arange(20)
    truth[:, 1] = np.arange(20)
    value = np.zeros((20, 52))
    value[:, 0] = 2 * truth[:, 0] + 1
    r = evaluate_coefficients.correlations(value, truth)
    assert r[0] == pytest.approx(1)
    assert r[1] == 0
    assert np.isnan(r[2:]).all()
    assert evaluate_coefficients.figures(value, truth)["eyes"]["r"] == pytest.approx(0.5)
