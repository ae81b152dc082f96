# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels' names and sides."""
from facewright.rigs.arkit import ARKIT_52, ARKIT_MIRROR


def test_mirrored_channels_swap_sides() -> None:
    names = {name: ARKIT_52[ARKIT_MIRROR[i]] for i, name in enumerate(ARKIT_52)}
    assert names["jawLeft"] == "jawRight"
    assert names["eyeLookInRight"] == "eyeLookInLeft"
    assert names["cheekPuff"] == "cheekPuff"
    assert [names[other] for other in names.values()] == list(ARKIT_52)
