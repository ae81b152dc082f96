# SPDX-License-Identifier: GPL-3.0-or-later
"""The geometric fit finds what it was made from."""

import numpy as np
import torch

from facewright.inference.video import camera, coefficients, fit, neutral

from .heads import AT, Filmed, film, talking


def unit(filmed: Filmed) -> tuple[torch.Tensor, torch.Tensor]:
    """Points y up and weights, as the solver makes them."""
    side = filmed.box[:, 2]
    middle = filmed.box[:, :2] + filmed.box[:, 2:] / 2
    points = torch.tensor((filmed.points - middle[:, None]) / side[:, None, None] * [1, -1]).float()
    sigma = torch.tensor(filmed.sigma / side[:, None]).float()
    return points, coefficients.weights(sigma, torch.tensor(filmed.visible).float())


def test_exact_points_of_the_average_head_give_back_pose_and_coefficients() -> None:
    arkit = talking(20)
    angles = np.deg2rad([25.0, -10, 8])
    points, weight = unit(film(arkit, angles))
    found = fit.frames(points, weight, fit.model().neutral, torch.tensor(1 / 75), steps=4)
    assert np.abs(found.coefficients.numpy() - arkit).mean() < 0.01
    assert np.abs(camera.angles(found.pose.rotation.numpy()) - angles).max() < np.deg2rad(0.5)


def test_one_frame_alone_gives_the_same_as_in_a_batch() -> None:
    points, weight = unit(film(talking(6), noise=0.004))
    together = fit.frames(points, weight, fit.model().neutral, torch.tensor(1 / 75)).coefficients
    alone = fit.frames(points[2:3], weight[2:3], fit.model().neutral, torch.tensor(1 / 75)).coefficients
    assert (together[2:3] - alone).abs().max() < 0.02  # float32 sums in another order, on nearly equal shapes


def test_bounded_least_squares_beats_clipping() -> None:
    gram = torch.tensor([[[1.0, 0.9], [0.9, 1.0]]])
    right = torch.tensor([[1.0, 0.2]])
    found = fit.bounded(gram, right, torch.zeros(1, 2), 100)
    assert torch.allclose(found, torch.tensor([[1.0, 0.0]]), atol=1e-4)


def test_the_neutral_of_a_clip_is_closer_than_the_average_and_helps() -> None:
    rng = np.random.default_rng(3)
    arkit = talking(30)
    person = rng.normal(0, 1, 100).astype(np.float32)
    points, weight = unit(film(arkit, rng.normal(0, 0.12, (30, 3)), person, noise=0.002))
    mine = neutral.from_clip(points, weight)
    assert 1 < mine.frames <= neutral.FRAMES
    errors = []
    for who in (neutral.average(), mine):
        found = fit.frames(points, weight, who.shape, who.perspective).coefficients.numpy()
        errors.append(np.abs(found - arkit).mean())
    assert errors[1] < 0.5 * errors[0]


def test_a_marked_frame_is_the_person_at_rest() -> None:
    rng = np.random.default_rng(4)
    arkit = np.zeros((3, 52), np.float32)
    arkit[2, AT["jawOpen"]] = 0.5
    points, weight = unit(film(arkit, None, rng.normal(0, 1, 100).astype(np.float32), noise=0.001))
    mine = neutral.from_marked(points[:1], weight[:1])
    found = fit.frames(points[1:], weight[1:], mine.shape, mine.perspective).coefficients.numpy()
    assert found[0].max() < 0.1
    assert abs(found[1, AT["jawOpen"]] - 0.5) < 0.1


def test_no_visible_frame_gives_the_average() -> None:
    points, weight = unit(film(talking(4)))
    assert neutral.from_clip(points, weight * 0).frames == 0


def test_diverse_frames_are_few_and_differ() -> None:
    points, weight = unit(film(talking(200)))
    rows = neutral.diverse(points, weight, 24)
    assert len(rows) <= 24 == len(set(rows)) or len(rows) > 12
    assert rows.min() >= 0
    assert rows.max() < 200


def test_angles_and_matrices_are_each_others_inverse() -> None:
    angles = np.deg2rad(np.random.default_rng(0).uniform(-60, 60, (50, 3)))
    assert np.allclose(camera.angles(camera.matrix(angles)), angles)


def test_a_face_beside_the_axis_is_not_turned_by_where_it_stands() -> None:
    rotation = np.eye(3)[None]
    shift = np.array([[520.0, 240.0]])
    turned, at = camera.place(rotation, np.array([8.0]), shift, 1 / 75, (640, 480))
    focal = 8.0 * 75
    assert np.isclose(np.rad2deg(camera.angles(turned)[0, 0]), -np.rad2deg(np.arctan(200 / focal)), atol=0.1)
    assert np.allclose(at[0], [200 / 8, 0, 75], atol=0.1)
