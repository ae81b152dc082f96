# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone pairs are counted over word borders and pauses, and every row is a distribution."""
import numpy as np

from facewright.inference.speech.model import PHONES
from facewright.training import phone_bigram

LEXICON = {"see": [("S", "IY")], "me": [("M", "IY")]}
AT = {name: i for i, name in enumerate(PHONES)}


def test_pairs_cross_words_and_stop_at_unknown_ones() -> None:
    pairs = phone_bigram.counts(["See me, xyzzy me."], LEXICON)
    assert pairs[AT["SIL"], AT["S"]] == 1 and pairs[AT["IY"], AT["M"]] == 1 and pairs[AT["IY"], AT["SIL"]] == 2
    assert pairs.sum() == 7  # SIL-S S-IY IY-M M-IY IY-SIL, then M-IY IY-SIL after the unknown word


def test_rows_are_distributions_without_zeros() -> None:
    log_p = phone_bigram.log_probabilities(phone_bigram.counts(["see me"], LEXICON))
    assert np.isfinite(log_p).all() and np.allclose(np.exp(log_p).sum(1), 1, atol=0.02)
    assert log_p[AT["S"], AT["IY"]] > log_p[AT["S"], AT["M"]]
