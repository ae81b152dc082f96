# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out recordings never reach training."""
from collections import namedtuple

import pytest

from facewright.training import splits

Example = namedtuple("Example", "corpus name speaker upstream_split", defaults=("", ""))


def test_the_hash_is_the_first_byte_of_sha1() -> None:
    assert splits.name_hash("abc") == 0xA9  # FIPS 180-1: SHA1("abc") = A9993E36...


@pytest.mark.parametrize(
    ("example", "held"),
    [
        (Example("grid_more", "s5_bbaf1n", "s5"), True),
        (Example("grid_more", "s32_bbaf1n", "s32"), True),
        (Example("grid_more", "s2_bbaf1n", "s2"), False),
        (Example("facegood", "1114_2_04", "facegood"), True),
        (Example("facegood", "1114_2_03", "facegood"), False),
        (Example("speechocean762", "x", "so1", "test"), True),
        (Example("speechocean762", "x", "so1", "train"), False),
        (Example("speechocean762", "x", "so1"), True),
        (Example("synthetic", "x", "festival-ked"), True),
        (Example("synthetic", "x", "flite-rms"), False),
        (Example("ljspeech", "LJ001-0001", "lj"), splits.name_hash("LJ001-0001") < 64),
        (Example("grid_s1", "bbaf2n", "s1"), splits.name_hash("bbaf2n") < 26),
    ],
)
def test_who_is_held_out(example: Example, held: bool) -> None:
    assert splits.held_out(*example) is held
    assert not (held and splits.choice(*example))
    if held or splits.choice(*example):
        with pytest.raises(AssertionError, match=example.name):
            splits.assert_none_held_out([example])
    else:
        splits.assert_none_held_out([example])


def test_shares_are_about_what_they_should_be() -> None:
    names = [f"clip{i}" for i in range(2000)]
    assert 0.08 < sum(splits.held_out("grid_s1", n) for n in names) / 2000 < 0.13
    assert 0.2 < sum(splits.held_out("ljspeech", n) for n in names) / 2000 < 0.3


def test_a_corpus_without_a_split_is_refused() -> None:
    with pytest.raises(ValueError, match="no split"):
        splits.held_out("elsewhere", "x")


def test_what_is_chosen_on_is_neither_trained_on_nor_reported() -> None:
    names = [f"clip{i}" for i in range(2000)]
    for corpus, speaker, part in (("grid_s1", "s1", 14 / 256), ("grid_more", "s2", 40 / 256), ("ljspeech", "lj", 48 / 256)):
        chosen = [n for n in names if splits.choice(corpus, n, speaker)]
        assert abs(len(chosen) / len(names) - part) < 0.03
        assert not any(splits.held_out(corpus, n, speaker) for n in chosen)
        with pytest.raises(AssertionError, match=chosen[0]):
            splits.assert_none_held_out([Example(corpus, chosen[0], speaker)])
    assert not splits.choice("grid_more", names[0], "s5") and not splits.choice("facegood", "1114_2_04")
