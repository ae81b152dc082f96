# SPDX-License-Identifier: GPL-3.0-or-later
"""Which seeds of the renderer are never trained on: people, looks, backgrounds and expressions all follow from a pack's seed."""
from __future__ import annotations

from ..splits import GRID_HELD_OUT_SPEAKERS

HELD_OUT_FROM = 900_000


def held_out(seed: int) -> bool:
    return seed >= HELD_OUT_FROM


def assert_trainable(seeds: list[int]) -> None:
    """Raise AssertionError naming the first held-out seed."""
    for seed in seeds:
        if held_out(seed):
            raise AssertionError(f"the renders of seed {seed} are held out and must not be trained on")


def assert_person_trainable(number: int) -> None:
    """Raise AssertionError for a filmed person who is held out, by GRID's number."""
    if f"s{number}" in GRID_HELD_OUT_SPEAKERS:
        raise AssertionError(f"the pictures of GRID's speaker s{number} are held out and must not be trained on")
