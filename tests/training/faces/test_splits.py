# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out seeds stay held out."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


def test_a_held_out_seed_is_refused() -> None:
    from facewright.training.faces import splits

    splits.assert_trainable([1, splits.HELD_OUT_FROM - 1])
    with pytest.raises(AssertionError, match=str(splits.HELD_OUT_FROM)):
        splits.assert_trainable([1, splits.HELD_OUT_FROM])


def test_training_refuses_a_folder_with_a_held_out_pack(tmp_path: Path) -> None:
    from facewright.training.faces import splits, train_points

    (tmp_path / f"close-{splits.HELD_OUT_FROM}").mkdir()
    with pytest.raises(AssertionError, match="held out"):
        train_points.Data(tmp_path, 112, train_points.TrainOptions(), 0).refresh()


def test_the_evaluation_looks_at_held_out_seeds_only() -> None:
    from facewright.training.faces import points_error, splits

    assert all(splits.held_out(s) for s in points_error.SEEDS)
    assert len(points_error.SEEDS) * points_error.PICTURES >= 2000


def test_finder_targets_mark_each_centre_once() -> None:
    from facewright.inference.video.finder import decode
    from facewright.training.faces import train_finder

    faces = np.array([[30.0, 41, 20, 0.3], [90, 85, 60, -0.2]], np.float32)
    scene = train_finder.Scene(np.zeros((128, 128, 3), np.uint8), faces)
    heat, values, weight = train_finder.targets([scene], 128)
    assert (heat == 1).sum() == 2
    assert weight.sum() >= 2
    import torch

    logits = torch.logit(heat.clamp(1e-4, 1 - 1e-4))
    found = decode(torch.cat([logits[:, None], values], 1)[0], 128, 0.5)
    for got, face in zip(found, faces[::-1], strict=True):
        assert got[:3] == pytest.approx(face[:3], rel=1e-3)
        assert got[3] == pytest.approx(face[3], abs=1e-3)
