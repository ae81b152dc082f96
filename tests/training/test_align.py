# SPDX-License-Identifier: GPL-3.0-or-later
"""Viterbi finds the phones where the posteriors put them."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from facewright.inference.speech.model import PHONES
from facewright.training.align import viterbi
from facewright.training.corpora import Word

WORDS = (Word("map", ("M", "AE", "P")), Word("see", ("S", "IY")))


def scores(spans: list[tuple[str, int]], sure: float = 4.0) -> np.ndarray:
    labels = [PHONES.index(p) for p, n in spans for _ in range(n)]
    out = np.full((len(labels), len(PHONES)), -sure)
    out[np.arange(len(labels)), labels] = 0
    return out


def test_clear_posteriors_give_exact_times_and_optional_pauses() -> None:
    spans = [("SIL", 5), ("M", 4), ("AE", 6), ("P", 3), ("SIL", 4), ("S", 5), ("IY", 7)]
    found = viterbi(scores(spans), WORDS)
    assert [(p.name, round((p.end - p.start) / 0.02)) for p in found] == spans
    tight = [("M", 4), ("AE", 6), ("P", 3), ("S", 5), ("IY", 7)]
    assert [p.name for p in viterbi(scores(tight), WORDS)] == [p for p, _ in tight]


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(0, 80), seed=st.integers(0, 100))
def test_any_posteriors_give_all_phones_in_order_or_nothing(frames: int, seed: int) -> None:
    found = viterbi(np.random.default_rng(seed).normal(size=(frames, 40)), WORDS) if frames else None
    if frames < 10:
        assert found is None
    else:
        assert [p.name for p in found if p.name != "SIL"] == ["M", "AE", "P", "S", "IY"]
        assert all(p.end - p.start >= 0.039 for p in found)
        assert found[0].start == 0 and abs(found[-1].end - frames * 0.02) < 1e-6


def test_known_word_times_hold() -> None:
    timed = (Word("map", ("M", "AE", "P"), 0.2, 0.5), Word("see", ("S", "IY"), 0.6, 0.9))
    found = [p for p in viterbi(np.zeros((60, 40)), timed) if p.name != "SIL"]
    assert found[0].start >= 0.1 and found[2].end <= 0.6 and found[3].start >= 0.5 and found[4].end <= 1.0
