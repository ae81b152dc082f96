# SPDX-License-Identifier: GPL-3.0-or-later
"""Which seeds of the renderer are never trained on: people, looks, backgrounds and expressions all follow from a pack's seed."""
from __future__ import annotations

HELD_OUT_FROM = 900_000


def held_out(seed: int) -> bool:
    return seed >= HELD_OUT_FROM


def assert_trainable(seeds: list[int]) -> None:
    """Raise AssertionError naming the first held-out seed."""
    for seed in seeds:
        if held_out(seed):
            raise AssertionError(f"the renders of seed {seed} are held out and must not be trained on")
