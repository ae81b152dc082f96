# SPDX-License-Identifier: GPL-3.0-or-later
"""Touches of the lips that tuning makes or loses are seen, softly, and only those."""
import numpy as np
import torch

from facewright.inference.preference import check, settle, touches
from facewright.inference.preference.adapter import Adapter
from facewright.inference.preference.speech_base import SpeechBase
from facewright.inference.speech.generate import SpeechEngine
from facewright.inference.speech.lip_gap import TOUCHING


def talking(*lowest: float) -> np.ndarray:
    """A lip gap at 50 frames a second: open, with one dip of 60 ms to each of these gaps every 0.4 s."""
    gap = np.full(20 * (len(lowest) + 1), 0.12)
    for i, value in enumerate(lowest):
        gap[20 * (i + 1) - 1 : 20 * (i + 1) + 2] = value
    return gap


def test_what_stays_as_it_is_loses_nothing() -> None:
    gap = talking(0.0, 0.01, 0.09)
    assert touches.kept_and_known([gap], [gap]) == (1.0, 1.0)
    assert touches.kept_and_known([gap], [np.roll(gap, 2)]) == (1.0, 1.0), "a video frame later is the same touch"
    assert touches.kept_and_known([talking(0.09)], [talking(0.09)]) == (1.0, 1.0), "nothing touches"


def test_new_and_lost_touches_count_on_their_own_side() -> None:
    two, three = talking(0.0, 0.01, 0.09), talking(0.0, 0.01, 0.0)
    kept, known = touches.kept_and_known([two], [three])
    assert kept == 1.0 and abs(known - 2 / 3) < 1e-9
    kept, known = touches.kept_and_known([three], [two])
    assert known == 1.0 and abs(kept - 2 / 3) < 1e-9


def test_a_gap_that_nears_touching_is_told_before_it_touches() -> None:
    before, nearer = talking(0.0, 0.05), talking(0.0, 1.1 * TOUCHING)
    assert touches.kept_and_known([before], [nearer])[1] < 1.0


def test_the_loss_grows_with_the_touch_and_pulls_the_lips_back() -> None:
    usual = torch.tensor(talking(0.0, 0.05)[None], dtype=torch.float32)
    valid = torch.ones_like(usual, dtype=torch.bool)
    gaps = [torch.tensor(talking(0.0, low)[None], dtype=torch.float32) for low in (0.05, 0.035, 0.02)]
    found = [float(touches.moved(g, usual, valid)) for g in gaps]
    assert found[0] < 0.01 < found[1] < found[2]
    gap = gaps[2].clone().requires_grad_()
    touches.moved(gap, usual, valid).sum().backward()
    assert (gap.grad <= 0).all() and gap.grad[0, 40] < 0, "opening the new touch makes the loss smaller"
    assert float(touches.moved(usual, torch.where(usual > 0.1, usual, 0.12), valid)) > float(touches.moved(usual, usual, valid))


def test_padding_is_no_touch() -> None:
    usual, tuned = torch.full((1, 10), 0.1), torch.zeros(1, 10)
    assert float(touches.moved(tuned, usual, torch.zeros(1, 10, dtype=torch.bool))) < 1e-6


def test_the_check_foresees_lips_that_no_longer_touch_when_they_did() -> None:
    engine = SpeechEngine()
    before = check.figures(engine.model)
    assert before.kept == before.known == 1.0, "the untouched model is its own measure"
    other = Adapter.none(engine.model)
    other.offset[engine.model.config.face_units.index("mouthClose")] = 0.5
    after = check.figures(other.applied(engine.model))
    lost = after.lost(before)
    assert lost["kept"] > 5 * check.MOST_LOST > 5 * lost["closure"], "P, B and M alone would not tell"
    assert any("apart where they touched" in sentence for sentence in check.sentences(before, after))
    settled = settle.settle(other, SpeechBase(engine))
    assert settled.strength < 1.0 and settled.after.kept > after.kept
