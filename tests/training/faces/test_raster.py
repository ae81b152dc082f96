# SPDX-License-Identifier: GPL-3.0-or-later
"""The rasteriser on meshes whose picture is known: a ball before a wall. Needs a C compiler."""
from __future__ import annotations

import shutil

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="the face renderer needs gcc")

RADIUS = 6.0


@pytest.fixture(scope="module")
def ball() -> tuple[np.ndarray, np.ndarray]:
    """Vertices and outward triangles of a ball about the origin."""
    from facewright.training.faces.props import lathe

    turn = np.linspace(0.01, np.pi - 0.01, 40)
    at, tri = lathe(RADIUS * np.stack([-np.cos(turn), np.sin(turn)], 1), np.array([0, 1.0, 0]), np.zeros(3), 60)
    centre = at[tri].mean(1)
    outward = (np.cross(at[tri[:, 1]] - at[tri[:, 0]], at[tri[:, 2]] - at[tri[:, 0]]) * centre).sum(1) > 0
    tri = np.where(outward[:, None], tri, tri[:, ::-1])
    return at.astype(np.float32), np.ascontiguousarray(tri, np.int32)


def _drawn(ball: tuple[np.ndarray, np.ndarray], light_from: tuple[float, float, float] = (0, 0, 1)):
    from facewright.training.faces import props, raster

    at, tri = ball
    camera = raster.Camera(np.eye(3), np.zeros(3), 60.0, 1200.0, (128.0, 128.0))
    light = np.zeros(30, np.float32)
    light[9:12] = light_from
    light[12:18] = [0, 1, 0, 0, 1, 0]
    light[18:21] = 1
    light[27:30] = [0, 1, 0]
    paint = props.painted(len(at), np.full(3, 0.5), 0.0, 1.0, 1.0)
    back = np.full((128, 128, 3), (0, 0, 255), np.uint8)
    material = np.full(len(tri), raster.SKIN, np.uint8)
    picture, mask, zb = raster.render(at, tri, material, len(tri), paint, camera, light, np.zeros(14, np.float32), back, 0)
    return picture, mask, zb, raster.project(at, camera)


def test_a_ball_is_a_disc_of_the_right_size_before_its_background(ball) -> None:
    picture, mask, zb, _ = _drawn(ball)
    y, x = np.mgrid[0:128, 0:128] + 0.5
    away = np.hypot(x - 64, y - 64)
    # A ball's outline under perspective, in pixels of the picture (half of the camera's).
    outline = 600 * RADIUS / np.sqrt(60**2 - RADIUS**2)
    assert (mask[away < outline - 1.5] == 255).all()
    assert (mask[away > outline + 1.5] == 0).all()
    assert (picture[away > outline + 1.5] == (0, 0, 255)).all()
    assert zb[128, 128] == pytest.approx(60 - RADIUS, abs=0.05)


def test_projected_points_lie_on_what_is_drawn_and_those_behind_are_hidden(ball) -> None:
    from facewright.training.faces.scene import seen

    _, _, zb, screen = _drawn(ball)
    at, _ = ball
    visible = seen(screen, zb)
    horizon = RADIUS**2 / 60  # a point is in sight where it lies before the tangent cone's circle
    assert visible[at[:, 2] > horizon + 0.8].all()
    assert not visible[at[:, 2] < -1].any()
    assert screen[at[:, 0].argmax(), 0] > 128 > screen[at[:, 0].argmin(), 0], "+x is to the right: the subject's left"
    assert screen[at[:, 1].argmax(), 1] < screen[at[:, 1].argmin(), 1], "+y is up"


def test_the_side_towards_the_light_is_the_bright_one(ball) -> None:
    picture, _, _, _ = _drawn(ball, (1, 0, 0))
    assert picture[64, 110].sum() > picture[64, 20].sum() + 100


def test_normals_point_away_from_the_middle(ball) -> None:
    from facewright.training.faces import raster

    at, tri = ball
    normals = raster.normals(at, tri)
    assert ((normals * at).sum(1)[60:-60] > 0.98 * RADIUS).all()


def test_warp_moves_pixels_as_its_matrix_says_and_mirrors() -> None:
    from facewright.training.faces import raster

    rng = np.random.default_rng(0)
    picture = np.repeat(np.repeat(rng.integers(0, 255, (20, 20, 3)).astype(np.uint8), 4, 0), 4, 1)
    same = raster.warp(picture, np.array([[1, 0, 0], [0, 1, 0]]), 80)
    assert np.abs(same.astype(int) - picture).max() <= 1
    moved = raster.warp(picture, np.array([[1, 0, 8], [0, 1, 4]]), 60)
    assert np.abs(moved.astype(int) - picture[4:64, 8:68]).max() <= 1
    assert (raster.warp(picture, np.array([[1, 0, 0], [0, 1, 0]]), 80, mirror=True) == same[:, ::-1]).all()


def test_damage_without_any_changes_nothing_and_each_kind_does_its_own() -> None:
    from facewright.training.faces import raster

    rng = np.random.default_rng(1)
    picture = rng.integers(30, 220, (64, 64, 3)).astype(np.uint8)
    none = np.array([1, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1], np.float32)

    def after(**changes: float) -> np.ndarray:
        out, options = picture.copy(), none.copy()
        for place, value in changes.items():
            options[int(place[1:])] = value
        raster.damage(out, options, 3)
        return out.astype(int)

    assert np.abs(after() - picture).max() <= 1
    grey = after(o5=1)
    assert np.abs(grey[..., 0] - grey[..., 2]).max() <= 1
    assert after(o6=2, o7=2).std() < 0.5 * picture.std(), "blur levels"
    assert 2 < np.abs(after(o8=6) - picture).mean() < 15, "noise"
    assert 1 < np.abs(after(o9=1.0) - picture).mean() < 60, "blocks"
    assert after(o0=1.5)[..., 0].mean() > picture[..., 0].mean() + 20
