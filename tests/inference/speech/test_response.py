# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate and loudness: none changes nothing, quick speech moves less, loud speech more."""
import numpy as np
import pytest

from facewright.core.curves import Curves
from facewright.core.errors import UserError
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.inference.speech.response import NONE, Response, respond

TIMES = np.arange(600) / 60
CURVES = Curves(("jawOpen", "browInnerUp"), TIMES, np.full((600, 2), 0.4, np.float32))
# Five syllables a second up to 5 s, then two and a half.
TRACK = PhoneTrack(
    tuple(Phone("B" if i % 2 else "AA", 0.1 * i, 0.1 * (i + 1)) for i in range(50))
    + tuple(Phone("B" if i % 2 else "AA", 5 + 0.2 * i, 5 + 0.2 * (i + 1)) for i in range(25))
)
LEVEL = np.where(np.arange(500) < 250, -30.0, -20.0).astype(np.float32)


def test_none_is_the_very_same():
    assert respond(CURVES, NONE, TRACK, LEVEL) is CURVES


def test_quick_speech_moves_less():
    jaw = respond(CURVES, Response(rate=1), TRACK, LEVEL).channel("jawOpen")
    assert jaw[60:200].mean() < 0.39 < 0.41 < jaw[400:540].mean()
    more = respond(CURVES, Response(rate=2), TRACK, LEVEL).channel("jawOpen")
    assert more[60:200].mean() < jaw[60:200].mean()


def test_loud_speech_moves_more_and_brows_do_not():
    made = respond(CURVES, Response(energy=1), TRACK, LEVEL)
    assert made.channel("jawOpen")[60:200].mean() < 0.39 < 0.41 < made.channel("jawOpen")[400:540].mean()
    assert (made.channel("browInnerUp") == np.float32(0.4)).all()
    assert np.abs(np.diff(made.channel("jawOpen"))).max() < 0.01, "slow"


def test_nothing_to_tell_changes_nothing():
    made = respond(CURVES, Response(1, 1), PhoneTrack(), LEVEL)
    np.testing.assert_allclose(made.values, CURVES.values)


@pytest.mark.parametrize("value", [-1, 2.5, None, float("nan")])
def test_amounts_that_cannot_be_are_told(value):
    with pytest.raises(UserError, match="'rate'"):
        Response(rate=value)
