# SPDX-License-Identifier: GPL-3.0-or-later
"""The point network's training runs in two processes, can be loaded, and is begun from runs and from weights files."""
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.core.paths import ROOT
from facewright.inference.video import points_net
from facewright.training.faces import checkpoint, packs, points_error, publish, train_points

PICTURES = ROOT / "tests" / "inference" / "video" / "held_out_faces.npz"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A pack of the tests' four pictures."""
    with np.load(PICTURES, allow_pickle=False) as z:
        pictures, points, visible = z["pictures"], z["points"].astype(np.float32), z["visible"]
    n = len(pictures)
    rest = {"arkit": np.zeros((n, 52), np.float32), "identity": np.zeros((n, 100), np.float16), "rotation": np.tile(np.eye(3), (n, 1, 1))}
    rest |= {"shift": np.zeros((n, 3)), "centre": np.zeros((n, 2)), "stylised": np.zeros(n, bool)}
    rest |= {name: np.ones(n) for name in ("distance", "focal", "tone")}
    packs.save(packs.Pack(1, pictures, points, visible, **rest), tmp_path / "packs" / "close-1")
    return tmp_path / "packs"


@pytest.mark.slow
def test_two_processes_train_together(folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(ROOT / "entry.py")]
    asked = ["training.faces.train_points", "--packs", str(folder), "--out", str(run), "--samples", "160"]
    done = subprocess.run([*torchrun, *asked, "--begin", str(points_net.SHIPPED)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    last = json.loads((run / "log.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["samples"] >= 160
    assert json.loads((run / "options.json").read_text("utf-8"))["begin"].startswith("points.safetensors ")
    trained, shipped = points_error.load_points(run), points_net.load()
    with np.load(PICTURES, allow_pickle=False) as z:
        crops = torch.from_numpy(z["pictures"][:, 24:136, 24:136]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        moved = (trained(crops).points - shipped(crops).points).norm(dim=-1).mean()
    assert 0 < moved < 0.05, "it went on from the weights it was given, and went on"
    begun = train_points.begun(run)
    assert all((begun[name] == t).all() for name, t in checkpoint.load(run)[1].items())


def test_a_run_is_begun_from_a_weights_file() -> None:
    model = points_net.PointsNet()
    model.load_state_dict(train_points.begun(points_net.SHIPPED))
    crops = torch.zeros(1, 3, 112, 112)
    with torch.inference_mode():
        assert (model.eval()(crops).points - points_net.load()(crops).points).abs().max() < 1e-4


def test_the_mean_of_runs_is_that_of_their_averaged_weights(tmp_path: Path) -> None:
    runs = []
    for seed in range(3):
        torch.manual_seed(seed)
        model = points_net.PointsNet()
        runs.append(tmp_path / str(seed))
        checkpoint.save(runs[-1], model, {n: t.clone() for n, t in model.state_dict().items()}, torch.optim.AdamW(model.parameters()), {})
    mean, each = publish.mean_of(runs).state_dict(), [checkpoint.load(run)[1] for run in runs]
    for name in ("heat.weight", "first.local", "stem.1.1.running_var"):
        assert torch.allclose(mean[name], sum(weights[name] for weights in each) / 3, atol=1e-6), name


def test_careful_looks_err_less_than_one(folder: Path) -> None:
    figures = points_error.careful_figures(points_net.load(), [packs.load(folder / "close-1")])
    assert 0.2 < max(figures["carefully"], figures["bothWays"]) < figures["oneLook"] < 1.5
