# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves that lost amplitude get it back from the points: lips, mouth corners and lids are as far apart as they were seen."""

import numpy as np
import pytest
import torch

from facewright.inference.speech.lip_gap import SEEN_SHUT, TOUCHING, from_measured, lip_gap
from facewright.inference.video import anchor, fit, neutral
from facewright.rigs.arkit import ARKIT_52

from .heads import AT, film, talking

SPREAD = 0.1


def observed(arkit: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, fit.Pose, neutral.Neutral]:
    """Points and visibility of the average head in units of 300 px, with its exact pose."""
    filmed = film(arkit)
    points = torch.from_numpy(((filmed.points - [320, 240]) / 300 * [1, -1]).astype(np.float32))
    count = len(arkit)
    pose = fit.Pose(torch.eye(3).repeat(count, 1, 1), torch.full((count,), 10 / 300), torch.zeros(count, 2))
    return points, torch.from_numpy(filmed.visible.astype(np.float32)), pose, neutral.average()


def anchored(arkit: np.ndarray, guess: np.ndarray, hide: list[int] | None = None) -> np.ndarray:
    points, visible, pose, person = observed(arkit)
    if hide is not None:
        visible[:, hide] = 0.0
    start = torch.from_numpy(guess.astype(np.float32))
    measured, certain = anchor.seen(points, visible, pose, person, start)
    return anchor.settle(start, torch.full(start.shape, SPREAD), anchor.wanted(measured, person), certain, len(arkit)).numpy()


def test_the_average_head_is_seen_as_it_is() -> None:
    arkit = talking(20)
    points, visible, pose, person = observed(arkit)
    measured, _ = anchor.seen(points, visible, pose, person, torch.from_numpy(arkit))
    shown, _ = anchor.on_head(torch.from_numpy(arkit))
    assert torch.allclose(anchor.wanted(measured, person)[:, 1], shown[:, 1], atol=0.025), "the width between the corners"
    assert np.corrcoef(measured[:, 2], shown[:, 2])[0, 1] > 0.99


def test_the_corners_move_further_than_the_lips_beside_them_by_the_width_s_gain() -> None:
    beside, corners = (of(fit.model().arkit).mean(1)[:, 0] for of in (anchor.WIDTH.between, anchor.WIDTH.on_head))
    assert float(beside @ corners / (beside @ beside)) == pytest.approx(anchor.WIDTH.gain, abs=0.005)


def test_slopes_are_those_of_the_measures() -> None:
    at = torch.rand(3, 52, generator=torch.Generator().manual_seed(0)).double() * 0.5
    step = torch.rand(3, 52, generator=torch.Generator().manual_seed(1)).double() * 1e-3
    shown, slope = anchor.on_head(at.float())
    further, _ = anchor.on_head((at + step).float())
    assert torch.allclose(further - shown, (slope * step[:, None]).sum(-1).float(), atol=2e-5)


def test_flattened_curves_open_and_shut_the_lips_as_the_picture_does() -> None:
    arkit = talking(60)
    flat = 0.6 * arkit + 0.4 * arkit.mean(0)
    got = lip_gap(ARKIT_52, anchored(arkit, flat))
    true, before = lip_gap(ARKIT_52, arkit), lip_gap(ARKIT_52, flat)
    assert before.min() > TOUCHING > got.min()
    asked = from_measured(true - anchor.SHUT + SEEN_SHUT)
    assert np.abs(got - asked).mean() < 0.3 * np.abs(before - asked).mean()
    assert np.corrcoef(got, true)[0, 1] > 0.98


def test_shut_lids_shut() -> None:
    arkit = talking(60)
    guess = arkit.copy()
    blinks = [AT["eyeBlinkLeft"], AT["eyeBlinkRight"]]
    guess[:, blinks] *= 0.5
    got = anchored(arkit, guess)[:, blinks]
    assert got.max(0) == pytest.approx(arkit[:, blinks].max(0), abs=0.15)
    assert got.min() >= 0


def test_lids_at_rest_are_not_called_wide() -> None:
    arkit = talking(40)
    guess = arkit.copy()
    wide = [AT["eyeWideLeft"], AT["eyeWideRight"]]
    guess[:, wide] = 0.6
    got = anchored(arkit, guess)
    assert got[:, wide].mean() < 0.2
    assert (np.minimum(got[:, wide], got[:, [AT["eyeBlinkLeft"], AT["eyeBlinkRight"]]]) < 1e-5).all()


def test_a_few_frames_leave_wide_eyes_wide_and_still_shut_lids() -> None:
    arkit = talking(40)[:10]
    wide, blinks = ([AT[f"eye{what}{side}"] for side in ("Left", "Right")] for what in ("Wide", "Blink"))
    guess = arkit.copy()
    guess[:, blinks] = 0.0
    guess[:5, wide] = 0.6
    arkit[5:, blinks] = 0.8
    got = anchored(arkit, guess)
    assert got[:5, wide] == pytest.approx(0.6, abs=0.02)
    assert got[5:, blinks].mean() > 0.4


def test_hidden_lips_stay_as_they_were_guessed() -> None:
    arkit, guess = talking(40), np.zeros((40, 52), np.float32)
    lips = [i for pair in (*anchor.LIPS.pairs, *anchor.WIDTH.pairs) for i in pair]
    moved = np.abs(anchored(arkit, guess, lips)[:, AT["jawOpen"]]).mean()
    assert moved < 0.3 * np.abs(anchored(arkit, guess)[:, AT["jawOpen"]]).mean()


def test_one_frame_and_bounds() -> None:
    wild = np.random.default_rng(3).random((1, 52)).astype(np.float32)
    got = anchored(talking(1), wild)
    assert got.shape == (1, 52)
    assert got.min() >= 0
    assert got.max() <= 1


def test_a_measured_gap_keeps_its_order_and_its_threshold() -> None:
    gaps = np.linspace(0, 0.2, 100)
    asked = from_measured(gaps)
    assert (np.diff(asked) >= 0).all()
    assert from_measured(np.array([0.012])) == pytest.approx(TOUCHING)
    assert torch.allclose(from_measured(torch.from_numpy(gaps)), torch.from_numpy(asked))
