# SPDX-License-Identifier: GPL-3.0-or-later
"""Neutral changes nothing; each control moves the mouth one way, within range, and lips still close."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech.closures import apply_track
from facewright.inference.speech.controls import Controls, apply_controls
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.rigs.arkit import ARKIT_52


@pytest.fixture
def curves():
    rng = np.random.default_rng(0)
    times = np.arange(300) / 60
    waves = np.sin(2 * np.pi * (2 + rng.random(52)) * times[:, None] + rng.uniform(0, 6, 52))
    return Curves(ARKIT_52, times, 0.3 + 0.25 * waves)


def test_neutral_is_exactly_the_same(curves):
    assert apply_controls(curves, Controls()) is curves


@pytest.mark.parametrize(
    ("control", "moved", "still"),
    [("jaw", "jawOpen", "mouthFunnel"), ("jaw", "mouthClose", "mouthPucker"), ("lips", "mouthFunnel", "jawOpen"),
     ("lips", "mouthSmileLeft", "mouthClose")],
)  # fmt: skip
def test_scales_are_monotone_and_their_own(curves, control, moved, still):
    rows = [apply_controls(curves, Controls(**{control: s})) for s in (0, 0.3, 0.9, 1, 1.1, 2)]
    columns = np.stack([r.channel(moved) for r in rows])
    assert (np.diff(columns, axis=0) >= 0).all() and (columns[0] == 0).all() and columns.max() <= 1
    assert all((r.channel(still) == curves.channel(still)).all() for r in rows)
    assert all((r.channel("eyeBlinkLeft") == curves.channel("eyeBlinkLeft")).all() for r in rows)


def test_articulation_widens_and_narrows_the_movement_about_the_same_mean(curves):
    made = [apply_controls(curves, Controls(articulation=a)) for a in (0, 0.5, 0.99, 1, 1.01, 1.5, 2)]
    spread = [m.channel("jawOpen")[60:-60].std() for m in made]
    assert (np.diff(spread) > 0).all()
    assert spread[0] < 0.1 * spread[3] and spread[1] == pytest.approx(0.5 * spread[3], rel=0.1)
    assert abs(made[1].channel("jawOpen").mean() - made[3].channel("jawOpen").mean()) < 0.01
    assert np.abs(made[2].values - made[3].values).max() < 0.01 > np.abs(made[4].values - made[3].values).max()
    assert all(m.values.min() >= 0 and m.values.max() <= 1 for m in made)
    assert (made[0].channel("eyeBlinkLeft") == curves.channel("eyeBlinkLeft")).all()


def test_a_still_face_stays_still_whatever_is_asked():
    still = Curves(ARKIT_52, np.arange(60) / 60, np.zeros((60, 52)))
    assert apply_controls(still, Controls(2, 2, 2)).values.max() == 0


@pytest.mark.parametrize("length", [0, 1, 2])
def test_the_shortest_curves(curves, length):
    short = Curves(ARKIT_52, curves.times[:length], curves.values[:length])
    assert apply_controls(short, Controls(0.5, 0.5, 0.5)).values.shape == (length, 52)


@pytest.mark.parametrize("controls", [Controls(jaw=2), Controls(lips=2), Controls(articulation=2), Controls(2, 2, 2), Controls(0, 0, 0)])
def test_lips_close_and_vowels_open_whatever_is_asked(curves, controls):
    track = PhoneTrack(tuple(Phone(p, 0.25 * i, 0.25 * i + 0.25) for i, p in enumerate(["AA", "M", "OW", "P", "EH", "B", "AA"])))
    out = apply_track(apply_controls(curves, controls), track)
    gap = lip_gap(out.names, out.values)
    for phone in track.phones:
        middle = np.abs(out.times - 0.5 * (phone.start + phone.end)).argmin()
        assert (gap[middle] < TOUCHING) == (phone.label in "PBM")


@pytest.mark.parametrize("value", [-0.1, 2.1, float("nan"), "1", None, True])
def test_values_out_of_range_are_told(value):
    with pytest.raises(UserError, match="'lips'"):
        Controls(lips=value)
