# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts a sound into stretches of a second or three: long enough to judge a performance, short enough to keep it in mind."""

from __future__ import annotations

from collections.abc import Sequence

SHORTEST, LONGEST = 1.0, 3.0  # seconds


def cut(duration: float, length: float = 2.0, pauses: Sequence[tuple[float, float]] = ()) -> list[tuple[float, float]]:
    """Stretches (start, end) in seconds that cover 0..duration, each about ``length`` and SHORTEST..LONGEST long.

    They are cut in pauses where there are some: pauses: (start, end) of silences in the sound. One shorter than SHORTEST is one stretch.
    """
    if duration <= 0:
        return []
    length = min(max(length, SHORTEST), LONGEST)
    quiet = sorted((start + end) / 2 for start, end in pauses if end > start)
    stretches, at = [], 0.0
    while duration - at > LONGEST or duration - at > length + SHORTEST:
        low, high = at + max(SHORTEST, 0.6 * length), min(at + min(LONGEST, 1.4 * length), duration - SHORTEST)
        near = [moment for moment in quiet if low <= moment <= high]
        end = min(near, key=lambda moment: abs(moment - at - length)) if near else min(at + length, high)
        stretches.append((at, end))
        at = end
    stretches.append((at, duration))
    return stretches


def around(moment: float, duration: float, length: float = 2.0) -> tuple[float, float]:
    """The stretch of ``length`` seconds with ``moment`` in its middle, moved inside 0..duration."""
    length = min(min(max(length, SHORTEST), LONGEST), duration)
    start = min(max(moment - length / 2, 0.0), duration - length)
    return start, start + length
