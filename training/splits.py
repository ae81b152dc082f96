# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recordings are never trained on: the one place that decides, and the check every training run makes."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable

GRID_HELD_OUT_SPEAKERS = ("s5", "s32")
FACEGOOD_HELD_OUT = ("1114_2_04",)
SYNTHETIC_HELD_OUT = ("festival-ked",)
LJSPEECH_BELOW = 64  # of 256: a quarter of a small corpus
GRID_BELOW = 26  # of 256: about a tenth


def name_hash(name: str) -> int:
    """First byte of the name's sha1."""
    return hashlib.sha1(name.encode()).digest()[0]


def held_out(corpus: str, name: str, speaker: str = "", upstream_split: str = "") -> bool:
    """Whether a recording belongs to the held-out set of its corpus.

    corpus: "ljspeech", "grid_s1", "grid_more", "facegood", "speechocean762" or "synthetic". name: the utterance's own, without suffix.
    """
    if corpus == "ljspeech":
        return name_hash(name) < LJSPEECH_BELOW
    if corpus == "grid_s1":
        return name_hash(name) < GRID_BELOW
    if corpus == "grid_more":
        return speaker in GRID_HELD_OUT_SPEAKERS
    if corpus == "facegood":
        return name in FACEGOOD_HELD_OUT
    if corpus == "speechocean762":
        return upstream_split != "train"
    if corpus == "synthetic":
        return speaker in SYNTHETIC_HELD_OUT
    raise ValueError(f"no split is defined for the corpus '{corpus}'")


def assert_none_held_out(examples: Iterable) -> None:
    """Raise AssertionError naming the first example (with corpus, name, speaker, upstream_split) that must not be trained on."""
    for e in examples:
        if held_out(e.corpus, e.name, e.speaker, e.upstream_split):
            raise AssertionError(f"held-out recording in the training set: {e.corpus} {e.name} ({e.speaker})")
