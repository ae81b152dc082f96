# SPDX-License-Identifier: GPL-3.0-or-later
"""Squares around faces: where they lie, and what is cut out of them."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewright.inference.video.crop import MARGIN, Crop, crop_of, cut
from facewright.inference.video.geometry import load
from facewright.inference.video.points import SKIN

crops = st.builds(Crop, st.floats(-500, 500), st.floats(-500, 500), st.floats(1, 800), st.floats(-3, 3))


@given(crops, st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), min_size=1, max_size=20))
def test_points_come_back_from_the_picture(crop: Crop, points: list[tuple[float, float]]) -> None:
    at = np.array(points)
    assert crop.from_picture(crop.to_picture(at)) == pytest.approx(at, abs=1e-6)


@given(crops)
def test_the_middle_of_a_crop_is_its_centre_and_its_side_is_its_side(crop: Crop) -> None:
    assert crop.to_picture(np.array([0.5, 0.5])) == pytest.approx((crop.x, crop.y), abs=1e-6)
    corners = crop.to_picture(np.array([[0, 0], [1, 0]]))
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(crop.side, rel=1e-6)


@given(st.floats(-1.2, 1.2), st.floats(0.5, 20), st.floats(-300, 300), st.floats(-300, 300))
def test_the_crop_goes_with_the_face(roll: float, scale: float, x: float, y: float) -> None:
    face = load().neutral[:, :2] * [1, -1]
    straight = crop_of(face)
    c, s = np.cos(roll), np.sin(roll)
    moved = crop_of(scale * face @ np.array([[c, s], [-s, c]]) + [x, y])
    assert moved.roll == pytest.approx(straight.roll + roll, abs=1e-6), "clockwise in the picture"
    assert moved.side == pytest.approx(scale * straight.side, rel=1e-6)
    extent = np.ptp(face[:SKIN], axis=0).max()
    assert straight.side == pytest.approx(MARGIN * extent, rel=0.02)


def test_cutting_shows_the_square_upright() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    crop = Crop(140, 90, 80, 0.5)
    x, y = crop.to_picture(np.array([0.75, 0.25]))
    picture[int(y) - 3 : int(y) + 3, int(x) - 3 : int(x) + 3] = 255
    out = cut(picture, crop, 100)
    bright = np.argwhere(out[..., 0] > 128).mean(0)
    assert bright == pytest.approx((25, 75), abs=1.5)
    assert cut(picture, Crop(-500, 0, 50), 16).shape == (16, 16, 3)
