# SPDX-License-Identifier: GPL-3.0-or-later
"""Life is drawn from its seed alone, looks like the literature's numbers, and stays off the mouth."""
import numpy as np
import pytest

from facewright.core.errors import UserError
from facewright.inference.speech.life import LIFE_CHANNELS, accent_times, blink_times, live
from facewright.inference.speech.phone_track import Phone, PhoneTrack
from facewright.rigs.arkit import ARKIT_52


def _talk(seconds):
    """Phrases of two seconds with 0.4 s pauses; loud stressed vowels now and then."""
    phones, level, at = [], np.full(int(seconds * 50) + 1, -50.0, np.float32), 0.3
    rng = np.random.default_rng(0)
    while at < seconds - 1:
        for _ in range(12):
            phones += [Phone("T", at, at + 0.07), Phone("AE", at + 0.07, at + 0.17, int(rng.integers(0, 2)))]
            level[int(at * 50) : int((at + 0.17) * 50)] = -25 + rng.normal(0, 3)
            at += 0.17
        at += 0.4
    return PhoneTrack(tuple(phones)), level


TRACK, LEVEL = _talk(300)
TIMES = np.arange(300 * 60) / 60


def test_same_seed_same_life_other_seed_other_life():
    a, b, c = (live(TIMES, TRACK, LEVEL, seed).values for seed in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 0.5


def test_stays_in_range_and_off_the_mouth():
    out = live(TIMES, TRACK, LEVEL, 3)
    assert set(out.names) <= set(ARKIT_52) and not any(n.startswith(("mouth", "jaw", "tongue", "cheek", "nose")) for n in out.names)
    assert out.values.min() >= 0 and out.values.max() <= 1


def test_blink_rate_is_that_of_conversation():
    rates = [len(blink_times(TRACK, 300, np.random.default_rng(s))) / 5 for s in range(20)]
    assert 18 < np.mean(rates) < 32
    sizes = [size for s in range(20) for _, size in blink_times(TRACK, 300, np.random.default_rng(s))]
    assert 0.005 < np.mean(np.array(sizes) < 1) < 0.08


def test_blinks_gather_at_phrase_ends():
    ends = np.array([start for start, _ in TRACK.pauses(300, 0.15) if start > 0])
    near = [np.abs(ends - (t - 0.085)).min() < 0.1 for s in range(20) for t, _ in blink_times(TRACK, 300, np.random.default_rng(s))]
    by_chance = 0.2 * len(ends) / 300
    assert np.mean(near) > 3 * by_chance


def test_a_blink_shuts_the_lids_and_opens_slower():
    out = live(TIMES, TRACK, LEVEL, 0)
    lid = out.channel("eyeBlinkLeft")
    at = next(t for t, size in blink_times(TRACK, 300, np.random.default_rng((0, 1))) if size == 1)
    around = (at - 0.2 < TIMES) & (at + 0.3 > TIMES)
    assert lid[around].max() > 0.97
    closing = np.interp(np.arange(at - 0.12, at, 0.001), TIMES, lid)
    opening = np.interp(np.arange(at + 0.035, at + 0.3, 0.001), TIMES, lid)
    assert (closing > 0.5).sum() < (opening > 0.5).sum() * 0.7
    np.testing.assert_array_equal(lid, out.channel("eyeBlinkRight"))


def test_both_eyes_look_the_same_way_and_only_a_little():
    out = live(TIMES, TRACK, LEVEL, 0)
    np.testing.assert_array_equal(out.channel("eyeLookOutLeft"), out.channel("eyeLookInRight"))
    np.testing.assert_array_equal(out.channel("eyeLookUpLeft"), out.channel("eyeLookUpRight"))
    assert (out.channel("eyeLookOutLeft") * out.channel("eyeLookInLeft")).max() == 0
    looks = out.values[:, [i for i, n in enumerate(LIFE_CHANNELS) if "Look" in n]]
    assert 0.02 < looks.max() <= 4 / 30 + 1e-6


def test_brows_rise_with_loud_stressed_vowels():
    accents = accent_times(TRACK, LEVEL, np.random.default_rng(0))
    assert 10 < len(accents) < 190
    assert np.diff([t for t, _ in accents]).min() >= 1.5
    assert live(TIMES, TRACK, LEVEL, 0).channel("browInnerUp").max() <= 0.18


def test_the_beginning_does_not_depend_on_what_follows():
    """Nor on windows: a cut of the sound lives as the whole does until close to the cut."""
    cut = 100.0
    short = PhoneTrack(tuple(p for p in TRACK.phones if p.end < cut))
    times = TIMES[cut > TIMES]
    a = live(times, short, LEVEL[: int(cut * 50)], 5).values
    b = live(TIMES, TRACK, LEVEL, 5).values[: len(times)]
    safe = times < cut - 4
    np.testing.assert_array_equal(a[safe], b[safe])


def test_silence_and_nothing():
    out = live(np.arange(600) / 60, PhoneTrack(), np.full(500, -120, np.float32), 0)
    assert out.channel("eyeBlinkLeft").max() > 0.9 and out.channel("browInnerUp").max() == 0
    assert live(np.zeros(0), PhoneTrack(), np.zeros(0), 0).values.shape == (0, len(LIFE_CHANNELS))
    with pytest.raises(UserError):
        live(TIMES, TRACK, LEVEL, -1)
