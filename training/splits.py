# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recordings are never trained on: the one place that decides, and the check every training run makes.

Two sets are kept out of training: the held-out set, on which figures are reported, and the choice set, on which decoding weights,
thresholds and the better of two runs are chosen, so that the held-out figures stay untouched by choices. The choice set was split off
later: runs up to weights 31862b25 have trained on its GRID and LJSpeech clips."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable

GRID_HELD_OUT_SPEAKERS = ("s5", "s32")
FACEGOOD_HELD_OUT = ("1114_2_04",)
SYNTHETIC_HELD_OUT = ("festival-ked",)
LJSPEECH_BELOW = 64  # of 256: a quarter of a small corpus
GRID_BELOW = 26  # of 256: about a tenth
LJSPEECH_CHOICE = 112  # from LJSPEECH_BELOW to here: chosen on
GRID_CHOICE = 40  # from GRID_BELOW to here for s1, up to here for the other speakers that are trained on


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


def choice(corpus: str, name: str, speaker: str = "", upstream_split: str = "") -> bool:
    """Whether a recording is chosen on: neither trained on nor reported. Arguments as for ``held_out``.

    Of speechocean762's test split, ``corpora.speechocean_parts`` reports every third adult and chooses on every third other one.
    """
    if held_out(corpus, name, speaker, upstream_split):
        return False
    if corpus == "ljspeech":
        return name_hash(name) < LJSPEECH_CHOICE
    return corpus in ("grid_s1", "grid_more") and name_hash(name) < GRID_CHOICE


def assert_none_held_out(examples: Iterable) -> None:
    """Raise AssertionError naming the first example (with corpus, name, speaker, upstream_split) that must not be trained on: held out or
    chosen on."""
    for e in examples:
        kept = (e.corpus, e.name, e.speaker, e.upstream_split)
        if held_out(*kept) or choice(*kept):
            raise AssertionError(f"held-out recording in the training set: {e.corpus} {e.name} ({e.speaker})")
