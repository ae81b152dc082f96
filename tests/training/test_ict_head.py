# SPDX-License-Identifier: GPL-3.0-or-later
"""The measuring head on a small head made here; no corpus is needed."""
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.rigs.arkit import ARKIT_52
from facewright.training import ict_head


@pytest.fixture
def head(tmp_path: Path) -> ict_head.Head:
    """68 vertices that are the landmarks. jawOpen lowers lower lip and chin, mouthClose raises the lip again, smiles widen."""
    neutral = np.zeros((68, 3), np.float32)
    neutral[[36, 45]] = [-4.5, 3, 0], [4.5, 3, 0]
    neutral[[62, 66]] = [0, 0.04, 1], [0, -0.04, 1]
    neutral[[48, 54]] = [-2.5, 0, 0], [2.5, 0, 0]
    neutral[[30, 8]] = [0, 3, 1], [0, -5, 0]
    names = ["jawOpen", "mouthClose", "mouthSmile_L", "mouthSmile_R", "cheekPuff_L", "cheekPuff_R"]
    shapes = np.zeros((6, 68, 3), np.float16)
    shapes[0, [66, 8], 1] = -4
    shapes[1, 66, 1] = 4
    shapes[2, 54, 0], shapes[3, 48, 0] = 1, -1
    shapes[4, 54, 2], shapes[5, 48, 2] = 0.5, 0.5
    path = tmp_path / "ict_facekit.npz"
    np.savez(path, neutral=neutral, expression=shapes, expression_names=np.array(names), lmk68=np.arange(68, dtype=np.uint16))
    return ict_head.load(path, ARKIT_52)


def gap(head: ict_head.Head, **channels: float) -> torch.Tensor:
    return head.measure(torch.tensor(list(channels.values())), list(channels))


def test_jaw_open_opens_the_gap_and_mouth_close_seals_it(head: ict_head.Head) -> None:
    rest, wide, sealed = gap(head, jawOpen=0.0), gap(head, jawOpen=0.5), gap(head, jawOpen=0.5, mouthClose=0.5)
    assert rest[0] == pytest.approx(0.08 / 9, abs=1e-4)
    assert wide[0] == pytest.approx(2.08 / 9, abs=1e-3)
    assert sealed[0] == pytest.approx(float(rest[0]), abs=1e-3)
    assert wide[2] > rest[2] and sealed[2] == pytest.approx(float(wide[2]))


def test_sides_and_shared_channels(head: ict_head.Head) -> None:
    assert ict_head.shape_names("mouthSmileLeft") == ("mouthSmile_L",)
    assert ict_head.shape_names("jawLeft") == ("jawLeft",) and ict_head.shape_names("mouthRight") == ("mouthRight",)
    assert ict_head.shape_names("cheekPuff") == ("cheekPuff_L", "cheekPuff_R")
    rest = gap(head, mouthSmileLeft=0.0)[1]
    assert gap(head, mouthSmileLeft=1.0)[1] - rest == pytest.approx(1 / 9, abs=1e-3)
    assert gap(head, mouthSmileLeft=1.0, mouthSmileRight=1.0)[1] - rest == pytest.approx(2 / 9, abs=1e-3)
    assert np.allclose(head.shapes["cheekPuff"][[2, 3], 2], 0.5)


def test_it_is_differentiable_and_unknown_channels_do_nothing(head: ict_head.Head) -> None:
    values = torch.zeros(2, 3, 2, requires_grad=True)
    measured = head.measure(values, ["jawOpen", "tongueOut"])
    measured[..., 0].sum().backward()
    assert measured.shape == (2, 3, 3)
    assert (values.grad[..., 0] > 0).all() and (values.grad[..., 1] == 0).all()
