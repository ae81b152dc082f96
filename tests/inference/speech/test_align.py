# SPDX-License-Identifier: GPL-3.0-or-later
"""Forced alignment is the exact best path on short sounds, follows long ones in a band, and notices a wrong script."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.speech import align as align_module
from facewright.inference.speech.align import SpokenWord, align
from facewright.inference.speech.decode import decode, decoded_track
from facewright.inference.speech.model import PHONES
from facewright.inference.speech.phone_track import PhoneTrack

SIL = 0


def _word(label, phones):
    return SpokenWord(label, tuple(phones.split()), (0,) * len(phones.split()))


def _spoken(timeline, seed=0, error=0.0):
    """Posteriors in which ``timeline`` [(phone, frames)] is said (p about 0.7); a share ``error`` of frames says something else."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[PHONES.index(p)] * n for p, n in timeline])
    logits = 0.5 * rng.standard_normal((len(truth), len(PHONES)))
    heard = np.where(rng.random(len(truth)) < error, rng.integers(0, len(PHONES), len(truth)), truth)
    logits[np.arange(len(truth)), heard] += 5
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def _align(log_phones, words, **options):
    return align(log_phones, words, decode(log_phones), **options)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), frames=st.integers(6, 9), cut=st.integers(1, 2))
def test_is_the_best_of_all_alignments(seed, frames, cut):
    """Against every way of giving 3 phones at least two frames and each optional silence any number of frames."""
    phones = ["B", "IY", "T"]
    words = [SpokenWord("x", tuple(phones[:cut]), (0,) * cut), SpokenWord("y", tuple(phones[cut:]), (0,) * (3 - cut))]
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal((frames, len(PHONES)))
    score = np.maximum(logits - np.log(np.exp(logits).sum(1, keepdims=True)), align_module._FLOOR).astype(np.float32)
    order = [SIL, *(PHONES.index(p) for p in phones[:cut]), SIL, *(PHONES.index(p) for p in phones[cut:]), SIL]
    best = -np.inf
    for lengths in itertools.product(range(frames + 1), repeat=len(order)):
        if sum(lengths) == frames and all(n >= 2 for n, label in zip(lengths, order, strict=True) if label != SIL):
            path = np.repeat(order, lengths)
            best = max(best, score[np.arange(frames), path].sum())
    labels, optional, _ = align_module._states(words)
    path = align_module._viterbi(score, labels, optional, len(labels))
    assert score[np.arange(frames), labels[path]].sum() == pytest.approx(best, abs=1e-3)
    assert np.isin(np.diff(path), (0, 1, 2)).all()


def test_words_get_the_times_of_their_phones():
    log_phones = _spoken([("SIL", 10), ("B", 4), ("IY", 6), ("SIL", 5), ("M", 3), ("AY", 9), ("SIL", 8)])
    result = _align(log_phones, [_word("Bee", "B IY"), _word("my", "M AY")])
    assert [(w.label, round(w.start, 2), round(w.end, 2)) for w in result.track.words] == [("Bee", 0.2, 0.4), ("my", 0.5, 0.74)]
    assert [p.label for p in result.track.phones] == ["B", "IY", "M", "AY"]
    assert result.fits and result.deficit < 0.1
    assert min(w.confidence for w in result.track.words) > 0.5


def _story(words, seed, pause_every=7):
    """Random words with the timeline that says them, pauses in between."""
    rng = np.random.default_rng(seed)
    script, timeline = [], [("SIL", 20)]
    for i in range(words):
        phones = [PHONES[j] for j in rng.integers(1, len(PHONES), rng.integers(2, 6))]
        # The same phone twice in a row has no boundary that could be found.
        last = timeline[-1][0]
        phones = [p for p, before in zip(phones, [last, *phones], strict=False) if p != before] or ["AH" if last != "AH" else "IY"]
        script.append(SpokenWord(f"w{i}", tuple(phones), (0,) * len(phones)))
        timeline += [(p, int(rng.integers(2, 9))) for p in phones]
        if i % pause_every == 0:
            timeline.append(("SIL", int(rng.integers(5, 60))))
    return script, timeline


def test_a_long_text_is_followed_in_a_narrow_band():
    script, timeline = _story(600, seed=4)
    log_phones = _spoken(timeline, seed=5, error=0.15)
    result = _align(log_phones, script, band=128)
    starts, at = [], 0
    for phone, frames in timeline:
        if phone != "SIL":
            starts.append(at * 0.02)
        at += frames
    error = np.abs(np.array([p.start for p in result.track.phones]) - starts)
    assert np.median(error) <= 0.02 and np.quantile(error, 0.95) <= 0.1
    assert result.fits


def test_another_text_does_not_fit():
    script, timeline = _story(40, seed=1)
    other, _ = _story(40, seed=2)
    log_phones = _spoken(timeline, error=0.2)
    assert _align(log_phones, script).fits
    assert not _align(log_phones, other).fits


def test_more_text_than_sound_is_refused():
    assert _align(_spoken([("B", 5)]), [_word("banana", "B AH N AE N AH")]) is None


def test_a_track_never_overlaps_even_on_noise():
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((400, len(PHONES))).astype(np.float32)
    log_phones = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    script, _ = _story(20, seed=9)
    result = _align(log_phones, script)  # PhoneTrack itself refuses overlaps
    assert len(result.track.words) == 20
    assert all(p.end - p.start >= 0.0399 for p in result.track.phones)


def test_a_wrong_passage_is_found_named_and_replaced_by_what_is_heard():
    script, timeline = _story(30, seed=11)
    log_phones = _spoken(timeline, seed=12, error=0.1)
    other, _ = _story(30, seed=13)
    edited = [*script[:12], *other[12:18], *script[18:]]
    segments = decode(log_phones)
    result = align(log_phones, edited, segments)
    assert result.fits
    doubt = max(result.doubts, key=lambda d: d.end - d.start)
    assert doubt.start >= result.track.words[11].start and doubt.end <= result.track.words[18].end
    assert set(doubt.words) <= {w.label for w in edited[11:19]} and len(doubt.words) >= 3
    corrected = result.corrected(decoded_track(segments))
    assert {w.label for w in corrected.words} == {w.label for w in edited} - {w for d in result.doubts for w in d.words}
    heard = {p.label for p in decoded_track(segments).phones if p.start >= doubt.start and p.end <= doubt.end}
    assert heard and heard <= {p.label for p in corrected.phones if p.start >= doubt.start - 1e-6 and p.end <= doubt.end + 1e-6}


def test_a_right_script_has_no_doubts():
    script, timeline = _story(40, seed=1)
    result = _align(_spoken(timeline, error=0.2), script)
    assert result.doubts == () and result.corrected(PhoneTrack()) == result.track
