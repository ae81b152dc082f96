# SPDX-License-Identifier: GPL-3.0-or-later
"""Seals survive any frame rate, vowels stay open, nothing leaves its range, pauses are still."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.core.curves import Curves
from facewright.inference.speech.closures import apply_track
from facewright.inference.speech.lip_gap import TOUCHING, lip_gap
from facewright.inference.speech.phone_track import Phone, PhoneTrack, Word
from facewright.rigs.arkit import ARKIT_52

LABELS = ("P", "B", "M", "F", "V", "AA", "IY", "UW", "AH", "S", "T", "W", "NG")


@st.composite
def tracks(draw, labels=LABELS, shortest=0.04):
    """Phones of 40 to 400 ms, some with pauses before them."""
    at, phones = 0.0, []
    for label in draw(st.lists(st.sampled_from(labels), min_size=1, max_size=12)):
        at += draw(st.sampled_from([0.0, 0.0, 0.0, 0.03, 0.7]))
        length = draw(st.floats(shortest, 0.4))
        phones.append(Phone(label, at, at + length))
        at += length
    return PhoneTrack(tuple(phones))


def _curves(track, fps, seed, offset=0.0, scale=1.0):
    end = track.phones[-1].end + 0.3
    times = np.arange(int(end * fps) + 1) / fps + offset
    rng = np.random.default_rng(seed)
    values = scale * rng.random((len(times), len(ARKIT_52))) ** rng.choice([0.3, 1, 4])
    return Curves(ARKIT_52, times, values)


@settings(max_examples=150, deadline=None)
@given(track=tracks(), fps=st.floats(20, 120), seed=st.integers(0, 999), shift=st.floats(0, 0.5))
def test_every_seal_shows_at_any_frame_rate(track, fps, seed, shift):
    """Whatever the curves were (here: noise on all 52 channels) and wherever between the seals their frames fall."""
    out = apply_track(_curves(track, fps, seed, shift / fps), track)
    gap = lip_gap(out.names, out.values)
    for phone in track.phones:
        if phone.label in "PBM":
            # METRICS: within the phone, +-20 ms; a frame is never further than half a frame from its middle
            reach = max(0.02 + (phone.end - phone.start) / 2, 0.51 / fps)
            near = np.abs(out.times - (phone.start + phone.end) / 2) <= reach
            assert gap[near].min() < TOUCHING
    assert out.values.min() >= 0 and out.values.max() <= 1
    assert (out.channel("mouthClose") <= out.channel("jawOpen") + 1e-6).all()


@settings(max_examples=100, deadline=None)
@given(track=tracks(labels=("AA", "AE", "IY", "OW", "M", "B", "S"), shortest=0.06), fps=st.floats(20, 120), seed=st.integers(0, 99))
def test_vowels_are_open_in_their_middle(track, fps, seed):
    closed = _curves(track, fps, seed, scale=0.01)
    out = apply_track(closed, track)
    gap = lip_gap(out.names, out.values)
    for phone in track.phones:
        length = phone.end - phone.start
        if phone.label in ("AA", "AE", "IY", "OW") and length > 0.12 and fps >= 50:
            middle = (out.times >= phone.start + 0.4 * length) & (out.times <= phone.end - 0.4 * length)
            assert (gap[middle] >= TOUCHING).all()


@settings(max_examples=40, deadline=None)
@given(track=tracks(), seed=st.integers(0, 99))
def test_the_same_track_again_changes_nothing_visible(track, seed):
    once = apply_track(_curves(track, 60, seed), track)
    twice = apply_track(once, track)
    gap = [lip_gap(c.names, c.values) for c in (once, twice)]
    sealed = gap[0] < TOUCHING
    assert (gap[1][sealed] < TOUCHING + 0.035).all()  # a vowel's opening may reach into the flank of a seal


def test_the_lips_move_in_and_out_smoothly():
    """At 1000 frames a second: no jump in place, none in speed, and lips that touch for about the time a stop takes."""
    track = PhoneTrack((Phone("AA", 0.2, 0.5), Phone("B", 0.5, 0.58), Phone("AA", 0.58, 0.9)))
    times = np.arange(1100) / 1000
    values = np.zeros((1100, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.5
    out = apply_track(Curves(ARKIT_52, times, values), track)
    for name in ("jawOpen", "mouthClose"):
        move = np.diff(out.channel(name)[320:760])  # away from the pauses' own ramps
        # from 0.5 to 0.2 by 3x^2 - 2x^3 over 25 ms: 1.5 / 25 of the way in the steepest millisecond, its change 6 / 25^2 at most
        assert np.abs(move).max() < 0.3 * 1.5 / 25 * 1.05
        assert np.abs(np.diff(move)).max() < 0.3 * 6 / 25**2 * 1.05
    touching = times[(lip_gap(out.names, out.values) < TOUCHING) & (times > 0.3) & (times < 0.8)]
    assert 0.04 <= np.ptp(touching) <= 0.075
    assert touching.mean() == pytest.approx(0.54, abs=0.01)


def test_a_hummed_m_stays_closed_and_a_long_pause_is_still():
    track = PhoneTrack((Phone("AA", 0.1, 0.4), Phone("M", 0.4, 1.0), Phone("AA", 1.0, 1.3)))
    times = np.arange(240) / 60
    out = apply_track(Curves(ARKIT_52, times, np.full((240, 52), 0.3, np.float32)), track)
    gap = lip_gap(out.names, out.values)
    assert (gap[(times > 0.45) & (times < 0.95)] < TOUCHING).all()
    assert out.values[times > 1.9][:, ARKIT_52.index("jawOpen")].max() == 0
    assert (out.channel("eyeBlinkLeft") == np.float32(0.3)).all()


def test_f_tucks_the_lower_lip_and_does_not_seal():
    track = PhoneTrack((Phone("AA", 0.1, 0.4), Phone("F", 0.4, 0.5), Phone("AA", 0.5, 0.8)))
    times = np.arange(60) / 60
    values = np.zeros((60, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.3
    out = apply_track(Curves(ARKIT_52, times, values), track)
    middle = 27
    assert out.channel("mouthRollLower")[middle] >= 0.349
    assert out.channel("jawOpen")[middle] <= 0.12
    assert lip_gap(out.names, out.values)[middle] > TOUCHING


def test_an_edited_track_moves_the_seal():
    times = np.arange(120) / 60
    base = np.zeros((120, 52), np.float32)
    base[:, ARKIT_52.index("jawOpen")] = 0.3
    curves = Curves(ARKIT_52, times, base)
    for start in (0.5, 1.1):
        track = PhoneTrack((Phone("AA", 0.1, start), Phone("M", start, start + 0.1), Phone("AA", start + 0.1, 1.8)))
        out = apply_track(curves, track)
        closed = times[(lip_gap(out.names, out.values) < TOUCHING) & (times > 0.2) & (times < 1.7)]
        assert abs(closed.mean() - start - 0.05) < 0.01


def test_no_phones_and_no_frames():
    times = np.arange(30) / 30
    still = apply_track(Curves(ARKIT_52, times, np.full((30, 52), 0.5)), PhoneTrack())
    assert still.channel("jawOpen").max() == 0
    assert len(apply_track(Curves(ARKIT_52, np.zeros(0), np.zeros((0, 52))), PhoneTrack()).times) == 0


def test_an_uncertain_seal_counts_only_with_a_script():
    times = np.arange(60) / 60
    values = np.zeros((60, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.3
    heard = (Phone("AA", 0.1, 0.4, confidence=0.9), Phone("M", 0.4, 0.5, confidence=0.1), Phone("AA", 0.5, 0.8, confidence=0.9))
    for words, closed in (((), False), ((Word("ama", 0.1, 0.8),), True)):
        out = apply_track(Curves(ARKIT_52, times, values), PhoneTrack(heard, words))
        assert (lip_gap(out.names, out.values)[27] < TOUCHING) == closed


SHOWN = [
    ("TH", "tongueOut", 0.22),
    ("DH", "tongueOut", 0.13),
    ("W", "mouthPucker", 0.35),
    ("UW", "mouthPucker", 0.3),
    ("SH", "mouthFunnel", 0.2),
]


@pytest.mark.parametrize(("label", "channel", "least"), SHOWN)
def test_round_sounds_are_round_and_the_tongue_is_seen(label, channel, least):
    times = np.arange(60) / 60
    track = PhoneTrack((Phone("IY", 0.1, 0.4), Phone(label, 0.4, 0.5), Phone("IY", 0.5, 0.8)))
    out = apply_track(Curves(ARKIT_52, times, np.zeros((60, 52), np.float32)), track)
    assert out.channel(channel)[27] >= least
    assert out.channel(channel)[12] == 0


def test_in_a_pause_the_jaw_rests_and_the_lips_keep_their_gap():
    track = PhoneTrack((Phone("AA", 0.1, 0.4), Phone("AA", 1.0, 1.3)))
    times = np.arange(90) / 60
    values = np.zeros((90, 52), np.float32)
    values[:, ARKIT_52.index("jawOpen")] = 0.08
    out = apply_track(Curves(ARKIT_52, times, values), track)
    pause, speech = (times > 0.62) & (times < 0.76), (times > 0.15) & (times < 0.35)
    assert out.channel("jawOpen")[pause].max() < 0.04 <= 0.08 <= out.channel("jawOpen")[speech].min() + 1e-6
    before = lip_gap(ARKIT_52, values)[pause]
    assert np.abs(lip_gap(out.names, out.values)[pause] - before).max() < 0.012
