# SPDX-License-Identifier: GPL-3.0-or-later
"""Revoiced and sung speech keeps its phones where the sound has them."""
import random

import numpy as np
import pytest

from facewright.inference.speech.features import SAMPLE_RATE
from facewright.training import revoice
from facewright.training.corpora import Example
from facewright.training.pack import Clip, Phone
from facewright.training.targets import VOWELS

pytest.importorskip("pyworld")


def _example() -> Example:
    """Hiss, buzz, hiss, buzz: fricatives and vowels that a vocoder can tell apart."""
    rng = np.random.default_rng(0)
    phones, parts, at = [], [], 0.0
    for name in ("S", "AA", "S", "AA", "S", "AA"):
        length = 0.12 if name == "S" else 0.16
        t = np.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
        buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 30))
        parts.append(0.05 * rng.standard_normal(len(t)) if name == "S" else 0.2 * buzz)
        phones.append(Phone(at, at + length, name))
        at += length
    sound = np.concatenate(parts)
    return Example("synthetic", Clip("a", "flite-x", (np.clip(sound, -1, 1) * 32767).astype(np.int16), tuple(phones)))


def test_held_vowels_are_where_the_phones_say() -> None:
    longest = 0.0
    for seed in range(8):
        clip = revoice.revoiced(_example(), "sing", random.Random(seed))
        assert clip is not None and clip.speaker == "sing-flite-x"
        assert clip.phones[0].start == 0 and clip.phones[-1].end == pytest.approx(clip.seconds, abs=0.01)
        assert all(a.end == pytest.approx(b.start, abs=1e-3) for a, b in zip(clip.phones, clip.phones[1:], strict=False))
        sound = clip.sound()
        for p in clip.phones:
            if p.name == "AA":
                longest = max(longest, p.end - p.start)
                level = np.sqrt(np.mean(sound[int((p.start + 0.03) * SAMPLE_RATE) : int((p.end - 0.03) * SAMPLE_RATE)] ** 2))
                assert level > 0.01
    assert longest > 0.8


def test_source_frames_never_go_back_and_keep_the_edges() -> None:
    old = (Phone(0.0, 0.1, "S"), Phone(0.1, 0.3, "AA"))
    new = (Phone(0.0, 0.1, "S"), Phone(0.1, 2.1, "AA"))
    frames = revoice.source_frames(old, new)
    assert len(frames) == int(2.1 / revoice.PERIOD) and (np.diff(frames) >= 0).all()
    assert frames[20] == pytest.approx(20, abs=0.01) and frames[30] == pytest.approx(30, abs=0.01)
    assert frames[-1] <= 0.3 / revoice.PERIOD


def test_a_melody_stays_in_the_range_of_voices() -> None:
    phones = tuple(Phone(float(i), i + 1.0, "AA" if i % 2 else "M") for i in range(12))
    for seed in range(10):
        pitch = revoice.sung_pitch(phones, int(12 / revoice.PERIOD), random.Random(seed))
        assert pitch.min() >= revoice.LOWEST_HZ and pitch.max() <= revoice.HIGHEST_HZ
    assert "AA" in VOWELS


def test_no_voice_nothing_to_change() -> None:
    silent = Example("synthetic", Clip("a", "x", np.zeros(SAMPLE_RATE, np.int16), (Phone(0.0, 1.0, "SIL"),)))
    assert revoice.revoiced(silent, "voice", random.Random(0)) is None
