# SPDX-License-Identifier: GPL-3.0-or-later
"""Words about faces: prototypes are named, strengths and sides are said, whatever comes in gives a sentence that fits its numbers."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facewright.inference.video import describe
from facewright.inference.video.describe import (
    CATEGORIES,
    MOVEMENT_MIRROR,
    MOVEMENTS,
    REGIONS,
    category,
    category_scores,
    describe_clip,
    describe_frame,
    describe_shots,
    intensities,
)
from facewright.rigs.arkit import ARKIT_52


def face(**moves: float) -> np.ndarray:
    """Coefficients by name; a name without its side moves both."""
    out = np.zeros(52, np.float32)
    for name, value in moves.items():
        for channel in [name] if name in ARKIT_52 else [f"{name}Left", f"{name}Right"]:
            out[ARKIT_52.index(channel)] = value
    return out


SMILE = face(mouthSmile=0.7, cheekSquint=0.5)
PROTOTYPES = {
    "neutral": face(),
    "happiness": SMILE,
    "sadness": face(browInnerUp=0.6, mouthFrown=0.5),
    "surprise": face(browInnerUp=0.8, browOuterUp=0.7, eyeWide=0.6, jawOpen=0.5),
    "fear": face(browInnerUp=0.7, browDown=0.3, eyeWide=0.8, mouthStretch=0.6, jawOpen=0.3),
    "anger": face(browDown=0.8, eyeSquint=0.6, mouthPress=0.6),
    "disgust": face(noseSneer=0.7, mouthUpperUp=0.5, browDown=0.4),
    "contempt": face(mouthSmileLeft=0.5, mouthDimpleLeft=0.4),
    "pain": face(browDown=0.7, eyeSquint=0.9, cheekSquint=0.7, noseSneer=0.5, eyeBlink=0.9),
    "playful": face(tongueOut=0.8, jawOpen=0.3),
    "mixed": face(cheekPuff=0.8, mouthPucker=0.3),
}
MIRROR = [
    ARKIT_52.index(n.replace("Left", "#").replace("Right", "Left").replace("#", "Right")) for n in ARKIT_52
]  # fmt: skip
faces = arrays(np.float32, 52, elements=st.floats(-0.5, 1.5, width=32))


@pytest.mark.parametrize("name", PROTOTYPES)
def test_prototypes_are_named(name):
    assert category(PROTOTYPES[name])[0] == name
    assert describe_frame(PROTOTYPES[name]).expression_category == name
    assert set(PROTOTYPES) == set(CATEGORIES)


def test_a_blink_or_a_glance_is_no_expression():
    assert category(face(eyeBlink=1.0, eyeLookDown=0.3))[0] == "neutral"
    glance = describe_frame(face(eyeLookOutLeft=0.6, eyeLookInRight=0.6))
    assert glance.expression_category == "neutral" and glance.muscle_movements == {"gaze": "gaze strongly to the left"}


def test_words_say_region_strength_and_side():
    said = describe_frame(face(mouthSmileLeft=0.7, browInnerUp=0.2, eyeBlinkRight=0.95))
    assert said.muscle_movements == {
        "brows": "inner brows slightly raised",
        "eyes": "right eye fully closed",
        "mouth": "left lip corner strongly pulled up",
    }
    assert said.symmetry.startswith("strongly asymmetric: ") and "more on the left" in said.symmetry
    even = describe_frame(SMILE)
    assert even.symmetry == "symmetric" and "felt smile" in even.emotional_implication
    assert "polite" in describe_frame(face(mouthSmile=0.5)).emotional_implication


def test_the_order_of_the_export():
    told = describe_frame(SMILE).to_dict()
    assert list(told) == ["expression_category", "muscle_movements", "emotional_implication", "symmetry"]
    assert json.loads(json.dumps(told)) == told


@settings(max_examples=150, deadline=None)
@given(faces)
def test_any_face_has_words_that_fit_its_numbers(values):
    said = describe_frame(values)
    strength = intensities(values)
    assert strength.shape == (len(MOVEMENTS),) and strength.min() >= 0 and strength.max() <= 1
    assert said.expression_category in CATEGORIES and said.emotional_implication and said.symmetry
    assert set(said.muscle_movements) <= set(REGIONS) and all(said.muscle_movements.values())
    assert list(said.muscle_movements) == [r for r in REGIONS if r in said.muscle_movements]
    if not said.muscle_movements:
        assert said.expression_category == "neutral"
    scores = category_scores(values)
    assert scores.min() >= 0 and scores.max() <= 1 and np.isfinite(scores).all()
    assert said.sentence().endswith(".")


@settings(max_examples=100, deadline=None)
@given(faces)
def test_a_mirrored_face_has_mirrored_words(values):
    mirrored = values[MIRROR]
    np.testing.assert_allclose(intensities(mirrored), intensities(values)[list(MOVEMENT_MIRROR)], atol=1e-6)
    np.testing.assert_allclose(category_scores(mirrored), category_scores(values), atol=1e-6)
    one, other = describe_frame(values), describe_frame(mirrored)
    swap = str.maketrans({"\0": "left"})
    turned = other.symmetry.replace("left", "\0").replace("right", "left").translate(swap | str.maketrans({"\0": "right"}))
    assert sorted(one.symmetry.replace(": ", ", ").split(", ")) == sorted(turned.replace(": ", ", ").split(", "))


@settings(max_examples=100, deadline=None)
@given(faces, st.integers(0, 51), st.floats(0, 1, width=32))
def test_more_of_a_channel_is_never_less_of_its_movement(values, channel, more):
    stronger = values.copy()
    stronger[channel] = max(values[channel], more)
    assert (intensities(stronger) >= intensities(values) - 1e-6).all()


def test_broken_numbers_count_as_rest():
    assert describe_frame(np.full(52, np.nan)).expression_category == "neutral"


def test_many_faces_at_once_are_each_as_alone():
    rows = np.random.default_rng(0).random((4, 5, 52), np.float32)
    assert intensities(rows).shape == (4, 5, len(MOVEMENTS)) and category_scores(rows).shape == (4, 5, len(CATEGORIES))
    np.testing.assert_allclose(category_scores(rows)[2, 3], category_scores(rows[2, 3]), atol=1e-6)


TIMES = np.arange(150) / 25


def test_shots_are_cut_where_the_expression_changes():
    values = np.zeros((150, 52), np.float32)
    values[50:110] = SMILE
    shots = describe_shots(TIMES, values)
    assert [s.analysis.expression_category for s in shots] == ["neutral", "happiness", "neutral"]
    assert shots[0].start == 0 and shots[-1].end == pytest.approx(6.0)
    assert shots[1].start == pytest.approx(2.0, abs=0.21) and shots[1].end == pytest.approx(4.4, abs=0.21)
    assert describe_clip(shots, 6.0).startswith("Mostly neutral; happiness from ")


def test_blinks_are_counted_and_cut_nothing():
    values = np.tile(SMILE, (150, 1))
    for start in (20, 60, 100):
        values[start : start + 5] = np.maximum(values[start], face(eyeBlink=0.95))
    (shot,) = describe_shots(TIMES, values)
    assert shot.blinks == 3 and shot.analysis.muscle_movements["eyes"] == "3 blinks"
    assert shot.analysis.expression_category == "happiness" and "3 blinks" in describe_clip([shot], 6.0)


def test_speech_is_said_and_is_no_grimace():
    values = np.zeros((150, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.25 + 0.25 * np.sin(TIMES * 2 * np.pi * 4)
    values[:, ARKIT_52.index("mouthPucker")] = 0.3 + 0.3 * np.sin(TIMES * 2 * np.pi * 2.5)
    (shot,) = describe_shots(TIMES, values)
    assert shot.speaking and shot.analysis.expression_category == "neutral"
    assert shot.analysis.muscle_movements == {"mouth": "moving as in speech"}
    assert describe_clip([shot], 6.0) == "Neutral; speaking."


def test_where_no_face_is_there_is_no_shot():
    valid = np.ones(150, bool)
    valid[40:80] = False
    shots = describe_shots(TIMES, np.tile(SMILE, (150, 1)), valid)
    assert [(round(s.start, 2), round(s.end, 2)) for s in shots] == [(0, 1.6), (3.2, 6.0)]
    assert describe_shots(TIMES, np.zeros((150, 52)), np.zeros(150, bool)) == []
    assert describe_clip([], 6.0) == "No face is seen."


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 120))
def test_shots_cover_what_is_seen_in_order(seed, count):
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.3, count))
    values = rng.random((count, 52), np.float32) * rng.random()
    valid = rng.random(count) > 0.2
    shots = describe_shots(times, values, valid)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(shots))
    assert all(s.start < s.end and json.dumps(s.to_dict()) for s in shots)
    covered = np.zeros(count, bool)
    for s in shots:
        covered |= (times >= s.start - 1e-9) & (times < s.end - 1e-9)
    assert (covered == valid).all()


def test_every_movement_has_its_own_words():
    said = {describe_frame(np.where(np.arange(52) == i, 1.0, 0.0)).sentence() for i in range(52)} - {"Neutral: no clear movement."}
    unsaid = [n for i, n in enumerate(ARKIT_52) if not describe_frame(np.where(np.arange(52) == i, 1.0, 0.0)).muscle_movements]
    assert len(said) >= 44
    assert set(unsaid) == {"mouthClose", "mouthShrugUpper"}  # the first acts with the jaw only, the second says what mouthShrugLower does
    assert len({m.name for m in describe._TABLE}) == len(MOVEMENTS)
