# SPDX-License-Identifier: GPL-3.0-or-later
"""The point network: its contract, its weights file, and that the shipped one finds faces it was never trained on."""
from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from facewright.core.errors import UserError
from facewright.inference.video import points_net
from facewright.inference.video.crop import Crop, crop_of, cut
from facewright.inference.video.describe import MOVEMENTS
from facewright.inference.video.points import MIRROR, POINTS

HELD_OUT = Path(__file__).with_name("held_out_faces.npz")  # renders of a seed that no network is trained on
SMALL = points_net.PointsNetConfig(widths=(8, 8, 8, 8), depths=(1, 1, 1), holistic=16, shading=8)


@pytest.fixture(scope="module")
def shipped() -> points_net.PointsNet:
    return points_net.load()


@pytest.fixture(scope="module")
def faces() -> dict[str, np.ndarray]:
    with np.load(HELD_OUT, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def _see(model: points_net.PointsNet, *crops: np.ndarray) -> points_net.PointsOutput:
    with torch.inference_mode():
        return model(torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2))


def test_outputs_have_the_shapes_of_the_contract() -> None:
    model = points_net.PointsNet(SMALL).eval()
    out = model(torch.randint(0, 255, (3, 3, 112, 112), dtype=torch.uint8))
    assert out.points.shape == (3, POINTS, 2)
    assert out.log_sigma.shape == out.visible.shape == (3, POINTS)
    assert out.face.shape == (3,)
    assert out.appearance.shape == (3, len(points_net.APPEARANCE))
    assert out.movements.shape == (3, len(MOVEMENTS))


def test_a_weights_file_rebuilds_its_network(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = points_net.PointsNet(SMALL).eval()
    path = tmp_path / "points.safetensors"
    points_net.save(model, path, {"commit": "abc"})
    back = points_net.load(path)
    assert back.config == SMALL
    picture = torch.randint(0, 255, (1, 3, 112, 112), dtype=torch.uint8)
    with torch.inference_mode():
        assert (back(picture).points - model(picture).points).abs().max() < 2e-3
    (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:500])
    for broken in ("missing.safetensors", "cut.safetensors"):
        with pytest.raises(UserError, match="point network"):
            points_net.load(tmp_path / broken)


def test_batches_do_not_mix(shipped: points_net.PointsNet, faces: dict[str, np.ndarray]) -> None:
    size = shipped.config.size
    crops = [cut(p, crop_of(at), size) for p, at in zip(faces["pictures"], faces["points"], strict=True)]
    together = _see(shipped, *crops).points
    alone = torch.cat([_see(shipped, c).points for c in crops])
    assert (together - alone).abs().max() < 1e-3


def test_faces_of_a_held_out_seed_are_found_to_within_a_few_percent(shipped: points_net.PointsNet, faces: dict[str, np.ndarray]) -> None:
    size = shipped.config.size
    for picture, points, visible in zip(faces["pictures"], faces["points"], faces["visible"], strict=True):
        own = crop_of(points)
        for dx, dy, roll in itertools.islice(itertools.product((0, 0.06), (0, -0.06), (0, 0.2)), 8):
            crop = Crop(own.x + dx * own.side, own.y + dy * own.side, own.side, own.roll + roll)
            out = _see(shipped, cut(picture, crop, size))
            away = np.linalg.norm(out.points[0].numpy() - crop.from_picture(points), axis=1)
            assert away[visible].mean() < 0.02, "of the crop"
            assert float(out.face) > 0


def test_a_mirrored_face_has_mirrored_points(shipped: points_net.PointsNet, faces: dict[str, np.ndarray]) -> None:
    crops = [cut(p, crop_of(at), shipped.config.size) for p, at in zip(faces["pictures"], faces["points"], strict=True)]
    out = _see(shipped, *crops).points
    other = _see(shipped, *(np.ascontiguousarray(c[:, ::-1]) for c in crops)).points[:, MIRROR]
    assert (torch.stack([1 - other[..., 0], other[..., 1]], -1) - out).norm(dim=-1).mean() < 0.02


def test_no_face_on_noise_and_flat_colour(shipped: points_net.PointsNet) -> None:
    size = shipped.config.size
    rng = np.random.default_rng(0)
    coarse = np.kron(rng.integers(0, 255, (7, 7, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    noise = rng.integers(0, 255, (size, size, 3)).astype(np.uint8)
    nothing = [*(np.full((size, size, 3), v, np.uint8) for v in (0, 90, 255)), noise, coarse]
    assert (_see(shipped, *nothing).face < 0).all()


def test_sure_points_are_the_near_ones(shipped: points_net.PointsNet, faces: dict[str, np.ndarray]) -> None:
    crops = [crop_of(at) for at in faces["points"]]
    out = _see(shipped, *(cut(p, c, shipped.config.size) for p, c in zip(faces["pictures"], crops, strict=True)))
    truth = np.stack([c.from_picture(at) for c, at in zip(crops, faces["points"], strict=True)])
    away = np.linalg.norm(out.points.numpy() - truth, axis=-1).ravel()
    order = out.log_sigma.numpy().ravel().argsort()
    assert away[order[: len(order) // 3]].mean() < 0.7 * away[order[-len(order) // 3 :]].mean()


def test_both_ways_a_mirrored_face_gives_exactly_the_mirrored_answer(shipped: points_net.PointsNet, faces: dict[str, np.ndarray]) -> None:
    crops = [cut(p, crop_of(at), shipped.config.size) for p, at in zip(faces["pictures"], faces["points"], strict=True)]
    given = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        there = points_net.both_ways(shipped, given)
        back = points_net.mirrored(points_net.both_ways(shipped, given.flip(-1)))
    for name in ("points", "log_sigma", "visible", "face", "appearance", "movements"):
        assert (getattr(there, name) - getattr(back, name)).abs().max() < 1e-3, name
