# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders and their truth, on the real head: run where FACEWRIGHT_CORPORA names the corpora's folder and there is a C compiler."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("FACEWRIGHT_CORPORA" not in os.environ, reason="renders ICT-FaceKit: set FACEWRIGHT_CORPORA"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="the face renderer needs gcc"),
]
SEED = 990_001  # held out


@pytest.fixture(scope="module")
def head():
    from facewright.training.faces import head

    return head.load(Path(os.environ["FACEWRIGHT_CORPORA"]) / "ict_facekit.npz")


@pytest.fixture(scope="module")
def pack(head):
    from facewright.training.faces import expressions, packs

    return packs.make(head, expressions.load(Path(os.environ["FACEWRIGHT_CORPORA"]), True), SEED, 20)


def test_points_of_the_mesh_are_those_of_the_shipped_geometry(head) -> None:
    from facewright.inference.video import geometry
    from facewright.rigs.arkit import ARKIT_52

    rng = np.random.default_rng(0)
    identity, arkit = rng.normal(size=(3, 100)).astype(np.float32), rng.random((3, len(ARKIT_52))).astype(np.float32) * 0.3
    mesh, _ = head.place(identity, arkit)
    shipped = geometry.load()
    for k in range(3):
        told = geometry.place(shipped, arkit[k : k + 1], identity[k])[0]
        assert np.abs(mesh[k][head.points] - told).max() < 0.03, "cm, of which float16 takes a hundredth"


def test_the_camera_s_truth_is_where_the_points_are_drawn(head, monkeypatch) -> None:
    from facewright.training.faces import expressions, packs, raster, scene

    monkeypatch.setattr(packs, "_resting", lambda rng: np.zeros(52, np.float32))
    monkeypatch.setattr(scene, "_lip_line", lambda head, rng: np.zeros_like(head.neutral))
    pack = packs.make(head, expressions.load(Path(os.environ["FACEWRIGHT_CORPORA"]), True), SEED, 10)
    for k in np.flatnonzero(~pack.stylised):
        at_rest_and_not = np.stack([np.zeros(52, np.float32), pack.arkit[k]])
        (rest, mesh), _ = head.place(np.repeat(pack.identity[k : k + 1].astype(np.float32), 2, 0), at_rest_and_not)
        mesh = mesh + head.sealed(rest)
        camera = raster.Camera(pack.rotation[k], pack.shift[k], float(pack.distance[k]), float(pack.focal[k]), tuple(pack.centre[k]))
        at = raster.project(np.ascontiguousarray(mesh[head.points]), camera)[:, :2]
        assert np.abs(at - pack.points[k]).max() < 0.2, "px; identities are kept in float16"


def test_faces_fill_their_pictures_and_mostly_show(pack) -> None:
    from facewright.inference.video.crop import crop_of
    from facewright.training.faces import scene

    for points in pack.points:
        crop = crop_of(points)
        assert crop.side == pytest.approx(scene.FILL * scene.SIDE, rel=0.02)
        assert (crop.x, crop.y) == pytest.approx((scene.SIDE / 2, scene.SIDE / 2), abs=1)
    assert 0.4 < pack.visible.mean() < 0.95
    assert pack.pictures.std((1, 2, 3)).min() > 5


def test_a_seed_makes_the_same_pack_again(head, pack) -> None:
    from facewright.training.faces import expressions, packs

    again = packs.make(head, expressions.load(Path(os.environ["FACEWRIGHT_CORPORA"]), True), SEED, 5)
    assert (again.pictures == pack.pictures[:5]).all()
    assert (again.points == pack.points[:5]).all()


def test_people_of_clips_stay_and_half_of_them_in_one_place(head) -> None:
    from facewright.training.faces import expressions, packs

    drawn = expressions.load(Path(os.environ["FACEWRIGHT_CORPORA"]), True)
    clips = packs.make(head, drawn, SEED, 6 * packs.PICTURES_A_PERSON[packs.CLIP], packs.CLIP)
    each = clips.each
    tones, distances, turns = (a.reshape(6, each, -1) for a in (clips.tone, clips.distance, clips.rotation))
    assert np.ptp(tones, 1).max() == 0 and len(np.unique(tones[:, 0])) == 6
    in_one_take = np.ptp(distances, 1)[:, 0] == 0
    assert 0 < in_one_take.sum() < 6
    assert (turns.std(1).mean(1) > 0.01).all(), "a head never quite keeps still"
    assert turns[in_one_take].std(1).mean() < 0.5 * turns[~in_one_take].std(1).mean()


def test_a_pack_survives_the_disk(pack, tmp_path: Path) -> None:
    from facewright.training.faces import packs

    packs.save(pack, tmp_path / f"close-{SEED}")
    back = packs.load(packs.folders(tmp_path, packs.CLOSE)[0])
    assert back.seed == SEED
    assert (back.pictures == pack.pictures).all()
    assert (back.points == pack.points).all()


def test_mirrored_views_keep_their_points_on_the_face(pack) -> None:
    from facewright.inference.video.points import MIRROR
    from facewright.training.faces import augment

    options = augment.AugmentOptions(shift=0, scale=0, roll=0, rolled_far=0, covered=0)
    k = int(pack.visible.mean(1).argmax())
    seen = {}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, at, visible, mirrored = augment.view(pack.pictures[k], pack.points[k], pack.visible[k], 112, rng, options)
        seen[mirrored] = at, visible
    (plain, shown), (other, other_shown) = seen[False], seen[True]
    assert np.abs(np.stack([1 - other[MIRROR][:, 0], other[MIRROR][:, 1]], 1) - plain).max() < 1e-4
    assert (other_shown[MIRROR] == shown).all()


def test_how_a_face_hangs_at_rest_is_no_expression(head, monkeypatch) -> None:
    from facewright.inference.video.points import LANDMARK68
    from facewright.training.faces import expressions, packs

    drawn = expressions.load(Path(os.environ["FACEWRIGHT_CORPORA"]), True)
    blink = np.isin(np.arange(52), [expressions.AT["eyeBlinkLeft"], expressions.AT["eyeBlinkRight"]])
    made = []
    for lids in (0.0, 0.35):
        monkeypatch.setattr(packs, "_resting", lambda rng, lids=lids: (lids * blink).astype(np.float32))
        made.append(packs.make(head, drawn, SEED, 10))
    awake, tired = made
    assert (awake.arkit == tired.arkit).all()
    opened = [np.linalg.norm(p.points[:, LANDMARK68[37]] - p.points[:, LANDMARK68[41]], axis=1).mean() for p in made]
    assert opened[1] < 0.85 * opened[0]


def test_everybody_s_lips_meet_at_rest(head) -> None:
    rng = np.random.default_rng(0)
    people, _ = head.place(rng.normal(size=(20, 100)).astype(np.float32), np.zeros((20, 52), np.float32))

    def apart(shape: np.ndarray) -> np.ndarray:
        at = shape[head.points]
        return at[[61, 62, 63], 1] - at[[67, 66, 65], 1]

    gaps, sealed = (np.array([apart(p) for p in given]) for given in (people, [p + head.sealed(p) for p in people]))
    assert gaps.std() > 0.05, "cm: the kit's people differ"
    assert np.abs(sealed - apart(head.neutral)).max() < 0.01, "cm"


def test_the_line_between_the_lips_dips_and_they_still_meet(head) -> None:
    dip = head.bowed(0.2, 0.5)[head.points]
    assert dip[[62, 66], 1] == pytest.approx(-0.2, abs=0.02), "both lips, in the middle"
    assert np.abs(dip[[60, 64], 1]).max() < 0.01, "not at the corners"
    far = np.delete(dip, np.flatnonzero(np.abs(head.neutral[head.points, 1] - head.neutral[head.points[62], 1]) < 2.5), 0)
    assert np.abs(far).max() < 0.01


def test_no_light_falls_between_closed_lips(head) -> None:
    from facewright.inference.video.points import LANDMARK68
    from facewright.training.faces import expressions, scene

    jaw = np.zeros((2, 52), np.float32)
    jaw[1, expressions.AT["jawOpen"]] = 0.5
    mesh, _ = head.place(np.zeros((2, 100), np.float32), jaw)
    closed, parted = (scene._let_in(shape[head.points[list(LANDMARK68)]]) for shape in mesh)
    assert closed < 0.15 < 0.9 < parted
