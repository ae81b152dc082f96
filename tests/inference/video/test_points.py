# SPDX-License-Identifier: GPL-3.0-or-later
"""The dense points and the geometry file: their order is a contract between four weights files."""

import numpy as np
import pytest

from facewright.core.errors import UserError
from facewright.inference.video import geometry, points
from facewright.rigs.arkit import ARKIT_52


def test_every_point_has_a_region_and_a_mirror_image_of_it() -> None:
    assert len(points.REGION) == points.POINTS == len(points.MIRROR)
    assert (points.MIRROR[points.MIRROR] == np.arange(points.POINTS)).all()
    assert all(points.REGION[i] == points.REGION[j] for i, j in enumerate(points.MIRROR))
    assert len(set(points.SKIN_VERTICES)) == points.SKIN


def test_the_average_face_is_its_own_mirror_image() -> None:
    neutral = geometry.load().neutral
    assert np.abs(neutral[points.MIRROR] * [-1, 1, 1] - neutral).max() < 0.02


def test_mirrored_shapes_are_each_others() -> None:
    head = geometry.load()
    left, right = (head.arkit[ARKIT_52.index(f"mouthSmile{s}")] for s in ("Left", "Right"))
    assert np.abs(right[points.MIRROR] * [-1, 1, 1] - left).max() < 0.02
    assert left[:, 1].max() > 0.3


def test_landmarks_are_where_ibug_has_them() -> None:
    at = geometry.load().neutral[list(points.LANDMARK68)]
    assert at[16, 0] > 7 > -7 > at[0, 0]  # jaw, from the subject's right to the left
    assert at[27, 1] > at[30, 1] > at[51, 1] > at[8, 1]  # nose bridge, tip, upper lip, chin
    assert at[30, 2] == pytest.approx(at[:, 2].max(), abs=0.1)  # the tip of the nose is the foremost


def test_regions_by_name() -> None:
    assert set(points.indices("iris", "tongue")) == set(range(points.SKIN, points.POINTS))
    with pytest.raises(ValueError, match="moustache"):
        points.indices("moustache")


def test_full_looks_are_the_eyes_furthest_turns() -> None:
    arkit = np.zeros((2, 52), np.float32)
    for row, name in ((0, "eyeLookOutLeft"), (0, "eyeLookInRight"), (0, "eyeLookUpLeft"), (1, "eyeLookInLeft"), (1, "eyeLookDownRight")):
        arkit[row, ARKIT_52.index(name)] = 1
    expected = np.deg2rad([[38, 28, 35, 0], [-35, 0, 0, -32]])  # left yaw, left pitch, right yaw, right pitch
    assert np.allclose(geometry.gaze_from_coefficients(arkit), expected, atol=1e-6)


def test_looking_left_moves_the_left_iris_outward_and_the_right_one_inward() -> None:
    head = geometry.load()
    still = np.zeros((1, 52), np.float32)
    moved = geometry.place(head, still, gaze=np.array([[0.3, 0.2, 0.3, 0.2]])) - geometry.place(head, still)
    for iris in (points.IRIS_LEFT, points.IRIS_RIGHT):
        assert moved[0, iris[0], 0] > 0.3
        assert moved[0, iris[0], 1] > 0.2


def test_the_tongue_comes_forward_between_the_lips_of_an_open_mouth() -> None:
    head = geometry.load()
    arkit = np.zeros((1, 52), np.float32)
    arkit[0, ARKIT_52.index("jawOpen")] = 0.3
    arkit[0, ARKIT_52.index("tongueOut")] = 1
    at = geometry.place(head, arkit)[0]
    upper, lower, tip = at[62], at[66], at[points.TONGUE[0]]
    assert tip[2] > max(upper[2], lower[2]) + 0.5
    assert lower[1] - 1 < tip[1] < upper[1]


def test_an_altered_geometry_file_is_refused(tmp_path) -> None:
    for name in ("face_geometry.safetensors", "manifest.json"):
        (tmp_path / name).write_bytes(geometry.SHIPPED.with_name(name).read_bytes())
    path = tmp_path / "face_geometry.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(UserError, match="altered"):
        geometry.load(path)
