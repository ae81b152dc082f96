# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels of filmed people: lips as far apart as was measured, coefficients unknown, and nobody who is held out."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.core.paths import ROOT
from facewright.inference.video.points import POINTS
from facewright.training.faces import filmed, packs, train_points

PICTURES = ROOT / "tests" / "inference" / "video" / "held_out_faces.npz"


@pytest.fixture(scope="module")
def faces() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    with np.load(PICTURES, allow_pickle=False) as z:
        return z["pictures"], z["points"].astype(np.float32), z["visible"]


@given(gap=st.floats(0, 0.4), which=st.integers(0, 3), turn=st.floats(-1, 1))
def test_lips_are_as_far_apart_as_measured_and_nothing_else_moves(faces, gap: float, which: int, turn: float) -> None:
    c, s = np.cos(turn), np.sin(turn)
    points = (faces[1][which] @ np.array([[c, s], [-s, c]])).astype(np.float32)
    moved = filmed.with_gap(points, gap)
    eyes = moved[45] - moved[36]
    span = np.linalg.norm(eyes)
    down = np.array([-eyes[1], eyes[0]]) / span
    assert (moved[66] - moved[62]) @ down / span == pytest.approx(gap, abs=1e-3)
    at, upper, _ = filmed.inner_lips()
    assert upper.sum() > 8 and (~upper).sum() > 8
    rest = np.setdiff1d(np.arange(POINTS), at)
    assert np.abs(moved[rest] - points[rest]).max() < 1e-3
    for other in ((61, 67), (63, 65)):
        assert (moved[other[1]] - moved[other[0]]) @ down / span > -0.01, "nowhere inside one another"


def test_filmed_pictures_have_their_share_and_teach_no_coefficients(faces, tmp_path: Path) -> None:
    pictures, points, visible = faces
    render = packs.filmed(pictures, points, visible)
    packs.save(packs.Pack(**{**render.__dict__, "arkit": np.full((len(points), 52), 0.5, np.float32)}), tmp_path / "close-1")
    for person in (1, 31):
        packs.save(packs.filmed(pictures, points, visible), tmp_path / f"{packs.FILMED}-{person}")
    options = train_points.TrainOptions(batch=400, no_face=0.1, filmed=0.3)
    batch = train_points.Data(tmp_path, 112, options, 0).next()
    assert batch.known.mean() == pytest.approx(0.9 * 0.7, abs=0.08)
    assert not (batch.known.bool() & ~batch.face.bool()).any()
    assert all(t.isfinite().all() for t in (batch.points, batch.arkit, batch.movements))
    renders = train_points.Data(tmp_path, 112, train_points.TrainOptions(batch=50, no_face=0.0, filmed=0.0), 0)
    assert renders.next().known.all()


def test_who_is_held_out_is_not_trained_on(tmp_path: Path) -> None:
    (tmp_path / f"{packs.FILMED}-32").mkdir()
    with pytest.raises(AssertionError, match="s32"):
        train_points.Data(tmp_path, 112, train_points.TrainOptions(), 0).refresh()
