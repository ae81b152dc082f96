# SPDX-License-Identifier: GPL-3.0-or-later
"""Emotion: calm changes nothing, amounts grow, the voice leads, and what the mouth says comes first."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech.closures import apply_track
from facewright.inference.speech.emotion import CALM, NAMES, Emotion, add_lower, add_upper, express, loudness, pitch_deviation
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.rigs.arkit import ARKIT_52

FPS = 60
TIMES = np.arange(6 * FPS) / FPS
SAID = ("B", "AA", "M", "IY", "P", "UW", "F", "AA", "M", "AA")
PHONES = tuple(Phone(label, 1 + 0.15 * i, 1 + 0.15 * (i + 1), int(label in ("AA", "IY", "UW"))) for i, label in enumerate(SAID))
TRACK = PhoneTrack(PHONES)
LEVEL = np.where((np.arange(300) * 0.02 > 1) & (np.arange(300) * 0.02 < 2.5), -20.0, -80.0).astype(np.float32)
PITCH = np.where(LEVEL > -50, 120 + 20 * np.sin(np.arange(300) / 7), 0).astype(np.float32)


@pytest.fixture
def mouth():
    """A jaw that speaks from 1 to 2.5 s, lips that part with it."""
    values = np.zeros((len(TIMES), 52), np.float32)
    speaking = np.clip(np.minimum(TIMES - 0.9, 2.6 - TIMES) * 10, 0, 1)
    values[:, ARKIT_52.index("jawOpen")] = speaking * (0.2 + 0.15 * np.sin(TIMES * 21))
    for name in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        values[:, ARKIT_52.index(name)] = 0.15 * speaking
    values[:, ARKIT_52.index("mouthPucker")] = 0.1 * speaking
    return Curves(ARKIT_52, TIMES, values)


def made_of(mouth, emotion):
    plain = apply_track(mouth, TRACK)
    expression = express(TIMES, emotion, TRACK, LEVEL, PITCH)
    return plain, apply_track(add_lower(mouth, expression, spoken=plain), TRACK, expression.rest), expression


def test_calm_is_no_expression():
    assert express(TIMES, CALM, TRACK, LEVEL, PITCH) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("amount", [0.5, 1.0, 1.5])
def test_what_is_said_comes_first(mouth, name, amount):
    plain, made, _ = made_of(mouth, Emotion(**{name: amount}))
    before, after = (lip_gap(ARKIT_52, c.values) for c in (plain, made))
    for phone in PHONES:
        if phone.label in "PBM":
            inside = slice(*np.searchsorted(TIMES, (phone.start, phone.end)))
            assert after[inside].min() < TOUCHING, f"{phone.label} at {phone.start:.2f} s"
    speaking = (TIMES > 0.8) & (TIMES < 2.7)
    assert np.corrcoef(before[speaking], after[speaking])[0, 1] > 0.97
    assert (made.channel("mouthClose") <= made.channel("jawOpen") + 1e-6).all()
    assert made.values.min() >= 0 and made.values.max() <= 1
    still = (TIMES < 0.2) | (TIMES > 4.5)
    assert made.channel("jawOpen")[still].max() == 0, "the jaw rests where nobody speaks"
    assert after[still].max() < TOUCHING, "and the lips stay together"
    u = slice(*np.searchsorted(TIMES, (PHONES[5].start + 0.05, PHONES[5].end - 0.05)))
    assert made.channel("mouthPucker")[u].min() > 0.25, "rounded lips stay round"


@pytest.mark.parametrize(("name", "channel"), [
    ("happy", "mouthSmileLeft"), ("sad", "mouthFrownRight"), ("angry", "browDownLeft"), ("surprised", "browOuterUpRight"),
    ("afraid", "eyeWideLeft"), ("disgusted", "noseSneerLeft"), ("contempt", "mouthDimpleLeft"),
])  # fmt: skip
def test_amounts_grow(mouth, name, channel):
    life = Curves((), TIMES, np.zeros((len(TIMES), 0)))
    tops = []
    for amount in (0.2, 0.6, 1.0):
        _, made, expression = made_of(mouth, Emotion(**{name: amount}))
        both = made if channel.startswith(("mouth", "nose")) else add_upper(life, expression)
        tops.append(both.channel(channel).max())
    assert tops[0] < tops[1] < tops[2] and tops[2] > 0.3


def test_contempt_is_one_sided(mouth):
    _, made, _ = made_of(mouth, Emotion(contempt=1))
    assert made.channel("mouthSmileLeft").max() > made.channel("mouthSmileRight").max() + 0.2


def test_it_rises_before_speech_and_falls_after(mouth):
    expression = express(TIMES, Emotion(surprised=1), TRACK, LEVEL, PITCH)
    brow = expression.upper.channel("browOuterUpLeft")
    assert 0.2 < brow[0] < brow[FPS] < brow.max() and brow[-1] == pytest.approx(brow[0], abs=0.02)
    assert brow[int(0.97 * FPS)] > brow[0] + 0.02, "under way before the voice"
    assert np.abs(np.diff(brow)).max() < 0.06, "no jump"


def test_blends_hold_both_and_opposites_weaken_each_other():
    lower = express(TIMES, Emotion(happy=0.8, surprised=0.8), TRACK, LEVEL, PITCH)
    assert lower.upper.channel("browOuterUpLeft").max() > 0.4 and lower.lower.channel("mouthSmileLeft").max() > 0.3
    asked = (Emotion(happy=1), Emotion(happy=1, sad=1))
    happy, both = (express(TIMES, e, TRACK, LEVEL, PITCH).lower.channel("mouthSmileLeft").max() for e in asked)
    assert both < happy


def test_blinks_shut_wide_eyes():
    blink = np.zeros((len(TIMES), 2), np.float32)
    blink[100] = 1
    life = Curves(("eyeBlinkLeft", "eyeBlinkRight"), TIMES, blink)
    made = add_upper(life, express(TIMES, Emotion(afraid=1), TRACK, LEVEL, PITCH))
    assert made.channel("eyeBlinkLeft")[100] == 1 and made.channel("eyeWideLeft")[100] == 0 < made.channel("eyeWideLeft")[50]


def test_the_voice_leads():
    assert loudness(TIMES, LEVEL)[0] < 0.05 < 0.8 < loudness(TIMES, LEVEL)[100]
    high = pitch_deviation(TIMES, PITCH)
    assert np.abs(high).max() <= 2 and high[60:150].max() > 0.3 > -0.3 > high[60:150].min()
    assert pitch_deviation(TIMES, np.zeros(300, np.float32)).max() == 0 and loudness(TIMES, LEVEL[:0]).max() == 0


@pytest.mark.parametrize("value", [-0.1, 1.6, float("nan"), "much", True])
def test_amounts_that_cannot_be_are_told(value):
    with pytest.raises(UserError, match="'happy'"):
        Emotion(happy=value)
