# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated raters answer by their taste, and the measuring of curves is right."""
import numpy as np

from facewright.core.curves import Curves
from facewright.rigs.arkit import ARKIT_52
from facewright.training.preference import raters, simulate


def talking(**scale: float) -> Curves:
    times = np.arange(0, 3, 1 / 50)
    values = np.zeros((len(times), len(ARKIT_52)), np.float32)
    for name, amount in {"jawOpen": 0.2, "mouthSmileLeft": 0.1, "mouthSmileRight": 0.1, "mouthPucker": 0.2, **scale}.items():
        values[:, ARKIT_52.index(name)] = amount * (0.5 + 0.5 * np.sin(2 * np.pi * 3 * times))
    return Curves(ARKIT_52, times, values)


def test_tastes_differ() -> None:
    wide, plain = talking(jawOpen=0.5), talking()
    assert raters.broad(wide) > raters.broad(plain) and raters.understated(wide) < raters.understated(plain)
    assert raters.rounded(talking(mouthPucker=0.5)) > raters.rounded(plain)
    smiling, grinning = talking(mouthSmileLeft=0.24, mouthSmileRight=0.24), talking(mouthSmileLeft=0.8, mouthSmileRight=0.8)
    assert raters.warm(smiling) > raters.warm(plain) and raters.warm(smiling) > raters.warm(grinning), "a light smile, no more"
    assert raters.calm(plain) > raters.calm(talking(eyeBlinkLeft=1.0, eyeBlinkRight=1.0, browInnerUp=0.5))


def test_answers_follow_the_taste_but_for_noise() -> None:
    generator = np.random.default_rng(0)
    assert all(raters.answer(2.0, 1.0, 0.0, generator) for _ in range(20))
    share = np.mean([raters.answer(2.0, 1.0, 0.4, generator) for _ in range(2000)])
    assert 0.76 < share < 0.84


def test_reach_and_wins() -> None:
    assert simulate.reach({20: 0.7, 40: 0.8}, 0.75) == 30
    assert simulate.reach({20: 0.7}, 0.9) == float("inf")
    assert simulate.wins(np.array([2.0, 1.0, 0.0]), np.array([1.0, 1.0, 1.0])) == 0.5


def test_tastes_of_filmed_faces_like_what_they_say() -> None:
    plain = talking()
    likes = {
        "raised": talking(browInnerUp=0.5, browOuterUpLeft=0.5, browOuterUpRight=0.5),
        "smiling": talking(mouthSmileLeft=0.4, mouthSmileRight=0.4),
        "bright": talking(eyeWideLeft=0.4, eyeWideRight=0.4),
    }
    for name, curves in likes.items():
        assert raters.FACE_TASTES[name](curves) > raters.FACE_TASTES[name](plain), name
    shaken = Curves(plain.names, plain.times, plain.values + 0.02 * np.random.default_rng(0).random(plain.values.shape).astype(np.float32))
    assert raters.steady(shaken) < raters.steady(plain)


def test_rendered_people_speak_and_blink() -> None:
    from facewright.training.faces import expressions
    from facewright.training.preference import faces

    speech = np.zeros((200, 52), np.float32)
    speech[:, expressions.AT["jawOpen"]] = np.abs(np.sin(np.arange(200) / 3)) * 0.4
    source = expressions.Expressions(speech, ((0, 200),))
    arkit, poses = faces.performance(np.random.default_rng(0), source, 100)
    assert arkit.shape == (100, 52) and poses.shape == (100, 3) and arkit.min() >= 0 and arkit.max() <= 1
    lids = arkit[:, expressions.AT["eyeBlinkLeft"]]
    assert 2 <= ((lids[1:] > 0.5) & (lids[:-1] <= 0.5)).sum() <= 4
