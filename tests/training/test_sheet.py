# SPDX-License-Identifier: GPL-3.0-or-later
"""The sheet shows unlike mouths in the order of time."""
from facewright.training import sheet
from facewright.training.pack import Phone


def test_moments_are_the_longest_of_each_telling_phone_in_order() -> None:
    phones = [Phone(0.0, 0.1, "SIL"), Phone(0.1, 0.15, "M"), Phone(0.2, 0.3, "AA"), Phone(0.4, 0.5, "M"), Phone(0.5, 0.52, "T")]
    phones += [Phone(1 + i / 10, 1.05 + i / 10, "T") for i in range(10)]
    chosen = sheet.moments(phones)
    assert len(chosen) == sheet.COLUMNS and chosen == sorted(chosen, key=lambda p: p.start)
    assert Phone(0.4, 0.5, "M") in chosen and Phone(0.2, 0.3, "AA") in chosen and Phone(0.1, 0.15, "M") not in chosen
    assert all(p.name != "SIL" for p in chosen)
