# SPDX-License-Identifier: GPL-3.0-or-later
"""Free decoding is the exact best path in which a phone lasts two frames."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.speech.decode import decode, decoded_track
from facewright.inference.speech.model import PHONES
from facewright.inference.speech.phone_bigram import log_bigram

PENALTY, BONUS, WEIGHT = 1.0, 0.5, 0.6


def _posteriors(seed, frames, labels=40, sharp=2.0):
    logits = sharp * np.random.default_rng(seed).standard_normal((frames, labels))
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def _cost(path, log_phones):
    score = log_phones.astype(np.float64)
    score[:, [PHONES.index(p) for p in "PBM"]] += BONUS
    starts = np.flatnonzero(np.diff(path)) + 1
    return score[np.arange(len(path)), path].sum() + (WEIGHT * log_bigram()[path[starts - 1], path[starts]] - PENALTY).sum()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(2, 7))
def test_is_the_best_of_all_paths(seed, frames):
    choices = [0, PHONES.index("B"), PHONES.index("IY")]
    log_phones = np.full((frames, len(PHONES)), -50, np.float32)
    log_phones[:, choices] = _posteriors(seed, frames, len(choices))
    best = -np.inf
    for path in itertools.product(choices, repeat=frames):
        if all(len(list(run)) >= 2 for _, run in itertools.groupby(path)):
            best = max(best, _cost(np.array(path), log_phones))
    found = np.concatenate([[s.label] * (s.last - s.first) for s in decode(log_phones, PENALTY, BONUS, bigram_weight=WEIGHT)])
    assert _cost(found, log_phones) == pytest.approx(best, abs=1e-3)


@given(seed=st.integers(0, 10**6), frames=st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_segments_tile_the_sound_and_last_two_frames(seed, frames):
    segments = decode(_posteriors(seed, frames))
    assert [s.first for s in segments] == [0, *(s.last for s in segments)][: len(segments)]
    assert sum(s.last - s.first for s in segments) == frames
    if frames > 1:
        assert all(s.last - s.first >= 2 for s in segments)
    assert all(a.label != b.label for a, b in itertools.pairwise(segments))


def test_a_flicker_of_one_frame_is_no_phone():
    log_phones = np.full((20, len(PHONES)), -6, np.float32)
    log_phones[:, PHONES.index("AA")] = -0.1
    log_phones[10] = -6
    log_phones[10, PHONES.index("K")] = -0.01
    assert [PHONES[s.label] for s in decode(log_phones)] == ["AA"]


def test_the_track_leaves_silence_out_and_carries_times_and_confidence():
    log_phones = np.full((10, len(PHONES)), -9, np.float32)
    for frames, label in ((slice(0, 4), "SIL"), (slice(4, 7), "M"), (slice(7, 10), "IY")):
        log_phones[frames, PHONES.index(label)] = np.log(0.8)
    track = decoded_track(decode(log_phones))
    assert [(p.label, round(p.start, 3), round(p.end, 3)) for p in track.phones] == [("M", 0.08, 0.14), ("IY", 0.14, 0.2)]
    assert track.phones[0].confidence == pytest.approx(0.8, abs=1e-3)
    assert track.words == ()


def test_the_bigram_is_a_distribution_that_knows_english():
    table = np.exp(log_bigram())
    assert table.shape == (40, 40) and np.allclose(table.sum(1), 1, atol=0.05)
    at = {name: i for i, name in enumerate(PHONES)}
    assert table[at["NG"], at["K"]] > 5 * table[at["NG"], at["P"]]
    assert table[at["S"], at["T"]] > 20 * table[at["S"], at["ZH"]]


def test_of_two_phones_heard_alike_the_more_plausible_one_is_found():
    log_phones = np.full((9, len(PHONES)), -9, np.float32)
    for frames, labels in ((slice(0, 3), ("IH",)), (slice(3, 6), ("NG", "M")), (slice(6, 9), ("K",))):
        for label in labels:
            log_phones[frames, PHONES.index(label)] = np.log(0.9 / len(labels))
    assert [PHONES[s.label] for s in decode(log_phones, seal_bonus=0.0)] == ["IH", "NG", "K"]
