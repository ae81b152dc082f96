# SPDX-License-Identifier: GPL-3.0-or-later
"""Points of a clip to a face track, through the shipped fit and an untrained correction (which changes nothing)."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from facewright.core.errors import UserError
from facewright.inference.video import anchor, coefficients
from facewright.inference.video.coefficients import Refiner, RefinerConfig, SolveOptions, solve
from facewright.inference.video.points import MIRROR
from facewright.rigs.arkit import ARKIT_52, ARKIT_MIRROR

from .heads import AT, Filmed, film, talking


@pytest.fixture(scope="module")
def network() -> Refiner:
    return Refiner(RefinerConfig()).eval()


PERSON = np.random.default_rng(8).normal(0, 0.8, 100).astype(np.float32)


def test_a_clip_of_a_stranger(network: Refiner) -> None:
    arkit = talking(60)
    arkit[:, AT["eyeLookOutLeft"]] = arkit[:, AT["eyeLookInRight"]] = 0.4
    angles = np.deg2rad([15.0, 5.0, 4.0]) * np.sin(np.arange(60) / 9)[:, None]
    track = solve(*film(arkit, angles, PERSON, noise=0.002).arguments(), network=network)
    assert track.valid.all()
    assert np.abs(track.arkit - arkit).mean() < 0.04
    for name in ("jawOpen", "eyeBlinkLeft", "mouthSmileRight", "browInnerUp"):
        assert np.corrcoef(track.channel(name), arkit[:, AT[name]])[0, 1] > 0.9, name
    assert np.abs(track.rotation - angles).mean() < np.deg2rad(2)
    assert np.rad2deg(track.gaze[:, 0].mean()) == pytest.approx(0.4 * 38, abs=5)
    names, values = track.channels()
    assert values.shape == (60, 61)
    assert names[-9] == "headYaw"


def test_a_mirrored_picture_gives_the_mirrored_face(network: Refiner) -> None:
    arkit = talking(8)
    arkit[:, AT["mouthLeft"]] = 0.5
    arkit[:, AT["cheekSquintRight"]] = 0.6
    plain = film(arkit, np.deg2rad([20.0, 0, 0]), PERSON, noise=0.004)
    points = plain.points * [-1, 1] + [plain.size[0], 0]
    box = np.concatenate([plain.size[0] - plain.box[:, :1] - plain.box[:, 2:3], plain.box[:, 1:]], 1)
    other = Filmed(plain.times, points[:, MIRROR], plain.sigma[:, MIRROR], plain.visible[:, MIRROR], plain.valid, box)
    a, b = (solve(*f.arguments(), options=SolveOptions(0.0), network=network) for f in (plain, other))
    assert np.abs(a.arkit - b.arkit[:, list(ARKIT_MIRROR)]).mean() < 0.005
    assert np.allclose(a.rotation, b.rotation * [-1, 1, -1], atol=0.01)


def test_a_photo_is_a_clip_of_one_frame(network: Refiner) -> None:
    arkit = np.zeros((1, 52), np.float32)
    arkit[0, [AT["jawOpen"], AT["browInnerUp"], AT["browOuterUpLeft"], AT["browOuterUpRight"]]] = 0.8
    track = solve(*film(arkit, None, PERSON, noise=0.002).arguments(), options=SolveOptions(0.0), network=network)
    top = {ARKIT_52[i] for i in np.argsort(-track.arkit[0])[:4]}
    assert "jawOpen" in top
    assert top & {"browInnerUp", "browOuterUpLeft", "browOuterUpRight"}


def test_gaps_short_and_long_and_no_face_at_all(network: Refiner) -> None:
    filmed = film(talking(50), None, PERSON, noise=0.002)
    filmed.valid[10:13] = filmed.valid[25:45] = False
    filmed.points[~filmed.valid] = 0
    track = solve(*filmed.arguments(), network=network)
    assert track.valid[10:13].all()
    assert not track.valid[25:45].any()
    assert np.isfinite(track.arkit).all()
    assert track.arkit[25:45].max() == 0
    filmed.valid[:] = False
    nobody = solve(*filmed.arguments(), network=network)
    assert not nobody.valid.any()
    assert nobody.arkit.max() == 0


def test_nothing_is_too_short(network: Refiner) -> None:
    empty = solve(*film(talking(3)[:0].reshape(0, 52)).arguments(), network=network)
    assert len(empty) == 0
    assert empty.channels()[1].shape == (0, 61)


def test_a_neutral_where_no_face_is_seen_is_said(network: Refiner) -> None:
    filmed = film(talking(10), None, PERSON)
    with pytest.raises(UserError, match="No face is seen at 9 s"):
        solve(*filmed.arguments(), options=SolveOptions(neutral_time=9.0), network=network)
    with pytest.raises(UserError, match="smoothing"):
        SolveOptions(3.0)


def test_hidden_lips_are_less_certain_and_do_not_scream(network: Refiner) -> None:
    filmed = film(talking(30), None, PERSON, noise=0.002)
    lips = [i for i, r in enumerate(coefficients.REGION) if r.startswith("lip")]
    wild = filmed.points.copy()
    wild[:, lips] += np.random.default_rng(0).normal(0, 15, wild[:, lips].shape)
    filmed.visible[:, lips] = 0.03
    filmed.sigma[:, lips] = 15
    track = solve(filmed.times, wild, *filmed.arguments()[2:], network=network)
    assert track.arkit[:, AT["browInnerUp"]].max() > 0.3  # the rest is still read
    assert track.arkit[:, AT["mouthFunnel"]].mean() < 0.3


def test_a_weights_file_of_another_kind_is_refused(tmp_path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"kind": "speech", "version": "1", "config": json.dumps({})})
    with pytest.raises(UserError, match="this Facewright reads"):
        coefficients.load(path)
    with pytest.raises(UserError, match="are missing"):
        coefficients.load(tmp_path / "missing.safetensors")


def test_the_network_is_its_own_mirror_image() -> None:
    torch.manual_seed(0)
    network = Refiner(RefinerConfig(width=32, appearance=True))
    torch.nn.init.normal_(network.head.weight, std=0.05)
    seen, shown = torch.rand(5, coefficients.FEATURES), torch.randn(5, 52)
    assert torch.allclose(coefficients.mirrored(coefficients.mirrored(seen)), seen)
    mirror = list(ARKIT_MIRROR)
    a, sa, ha = coefficients.refine(network, seen, shown)
    b, sb, hb = coefficients.refine(network, coefficients.mirrored(seen), shown[:, mirror])
    assert torch.allclose(a, b[:, mirror], atol=1e-6)
    assert torch.allclose(sa, sb[:, mirror], atol=1e-6)
    assert torch.allclose(ha, hb, atol=1e-6)
    assert (a[:, AT["mouthClose"]] <= a[:, AT["jawOpen"]]).all()


def test_what_is_idle_rests_and_what_moves_is_full_but_for_gaze() -> None:
    brow, gaze = AT["browInnerUp"], AT["eyeLookInLeft"]
    values = torch.full((3, 52), 0.04)
    values[:, brow] = values[:, gaze] = torch.tensor([0.3, 0.5, 0.99])
    spread, nothing_seen = torch.full((3, 52), 0.1), torch.full((3, len(anchor.MEASURES)), 0.0)
    got = coefficients.settled(values, spread, anchor.on_head(torch.zeros(3, 52))[0], nothing_seen, 3)
    assert (got[:2, brow] > values[:2, brow]).all() and got[2, brow] == 1
    assert (got[:, gaze] < values[:, gaze]).all() and (got[:, gaze] > values[:, gaze] - 0.05).all()
    others = [i for i in range(52) if i not in (brow, gaze)]
    assert got[:, others].abs().max() < 1e-3


def test_a_brow_that_is_always_higher_is_the_person_and_a_cocked_one_is_not() -> None:
    left, right, smile = AT["browOuterUpLeft"], AT["browOuterUpRight"], AT["mouthSmileLeft"]
    arkit = np.zeros((50, 52), np.float32)
    arkit[:, left], arkit[:, right], arkit[:, smile] = 0.4, 0.1, 0.3
    arkit[10:30, right] += 0.5
    arkit[35:45, left] += 0.5
    got = coefficients.even_handed(arkit)
    np.testing.assert_allclose(got[[0, 34, 49], left], 0.1, atol=1e-6)
    np.testing.assert_allclose(got[35:45, left], 0.6, atol=1e-6)
    np.testing.assert_array_equal(got[:, [right, smile]], arkit[:, [right, smile]])


def test_how_a_person_usually_looks_is_the_low_end_and_the_mean_of_the_clip() -> None:
    moved, shown = torch.zeros(5, 52), torch.full((40, 52), -20.0)
    moved[:, 3] = torch.tensor([0.3, 0.3, 0.3, 0.3, 0.8])
    shown[::2, 4] = 20.0
    low, mean, seen_low, seen_mean = coefficients.usual(moved, shown).unflatten(0, (4, 52))
    assert float(low[3]) == pytest.approx(0.3)
    assert float(mean[3]) == pytest.approx(0.4)
    assert float(seen_low[4]) == pytest.approx(0, abs=1e-6)
    assert float(seen_mean[4]) == pytest.approx(0.5, abs=1e-6)
    assert (coefficients.usual(moved, None)[104:] == 0).all()
