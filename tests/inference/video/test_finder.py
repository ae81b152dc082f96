# SPDX-License-Identifier: GPL-3.0-or-later
"""The face finder: letterbox, reading of the heat map, its weights file, and the shipped one on renders it was never trained on."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.core.errors import UserError
from facewright.inference.video import finder
from facewright.inference.video.crop import crop_of

HELD_OUT = Path(__file__).with_name("held_out_faces.npz")


@pytest.fixture(scope="module")
def shipped() -> finder.Finder:
    return finder.load()


@pytest.fixture(scope="module")
def faces() -> dict[str, np.ndarray]:
    with np.load(HELD_OUT, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def _placed(picture: np.ndarray, scale: float, x: int, y: int, size: tuple[int, int] = (640, 360)) -> np.ndarray:
    """The picture, resized, at (x, y) of a larger one of its own border's mean colour."""
    side = round(picture.shape[0] * scale)
    small = torch.nn.functional.interpolate(torch.from_numpy(picture).permute(2, 0, 1)[None], (side, side), mode="bilinear", antialias=True)
    out = np.full((size[1], size[0], 3), picture[0].mean(0), np.uint8)
    out[y : y + side, x : x + side] = small[0].permute(1, 2, 0).numpy()
    return out


@pytest.mark.parametrize("shape", [(360, 640), (640, 360), (100, 100), (8, 3000), (1, 1)])
def test_letterboxed_pictures_keep_their_shape_in_the_middle(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 200, np.uint8)
    out, scale, left, top = finder.letterbox(rgb, 128)
    assert out.shape == (128, 128, 3)
    inside = (out == 200).all(-1)
    assert inside.any()
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    assert (rows[0], columns[0]) == (top, left)
    assert len(columns) == pytest.approx(shape[1] * scale, abs=1)
    assert len(rows) == pytest.approx(max(shape[0] * scale, 1), abs=1)


def test_peaks_become_faces_and_near_ones_are_one() -> None:
    out = torch.full((6, 32, 32), -8.0)
    for r, c, score in ((10, 8, 3.0), (10, 10, 1.0), (24, 25, 2.0)):
        out[0, r, c] = score
        out[1:, r, c] = torch.tensor([0.25, 0.0, float(np.log(0.25)), 0.0, 1.0])
    found = finder.decode(out, 128, 0.5)
    assert len(found) == 2
    x, y, side, roll, score = max(found, key=lambda f: f[4])
    assert (x, y, side, roll) == pytest.approx((35.0, 42.0, 32.0, 0.0), abs=1e-4)
    assert score == pytest.approx(1 / (1 + np.exp(-3)), abs=1e-4)


def test_a_weights_file_rebuilds_its_network(tmp_path: Path) -> None:
    model = finder.Finder(finder.FinderConfig(widths=(8, 8, 8), depths=(1, 1, 1))).eval()
    finder.save(model, tmp_path / "finder.safetensors")
    back = finder.load(tmp_path / "finder.safetensors")
    assert back.config == model.config
    picture = torch.randint(0, 255, (1, 3, 128, 128), dtype=torch.uint8)
    with torch.inference_mode():
        assert (back(picture) - model(picture)).abs().max() < 2e-2
    with pytest.raises(UserError, match="face finder"):
        finder.load(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(("scale", "x", "y"), [(2.0, 160, 20), (1.0, 60, 100), (0.6, 400, 40)])
def test_rendered_faces_of_a_held_out_seed_are_found(
    shipped: finder.Finder, faces: dict[str, np.ndarray], scale: float, x: int, y: int
) -> None:
    found = 0
    for picture, points in zip(faces["pictures"], faces["points"], strict=True):
        own = crop_of(points)
        got = shipped.find(_placed(picture, scale, x, y))
        if not got:
            continue
        bx, by, w, h = got[0].box
        near = np.hypot(bx + w / 2 - (x + own.x * scale), by + h / 2 - (y + own.y * scale)) < 0.25 * own.side * scale
        found += near and 0.6 < w / (own.side * scale) < 1.6
    assert found >= 3, "of 4"


def test_no_face_where_there_is_none(shipped: finder.Finder) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:360, 0:640]
    ramp = np.stack([x / 640 * 255, y / 360 * 255, np.full_like(x, 90)], -1)
    for picture in (
        np.zeros((360, 640, 3)), np.full((360, 640, 3), 255), rng.integers(0, 255, (360, 640, 3)), ramp, rng.integers(0, 255, (3, 2, 3)),
        np.kron(rng.integers(0, 255, (18, 32, 3)), np.ones((20, 20, 1))),
    ):  # fmt: skip
        assert shipped.find(picture.astype(np.uint8)) == []
