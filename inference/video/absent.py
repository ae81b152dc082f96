# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said where a face is looked for and is not there."""

from __future__ import annotations

from typing import Final

from ...core.errors import UserError

# The finder drops what is smaller than a 25th of the longer side.
ADVICE: Final = "A face should be at least 40 pixels and a twentieth of the picture wide, not turned away and not mostly hidden."


def nobody(where: str) -> UserError:
    return UserError(f"No face was found in {where}.", ADVICE)


def no_such(which: int, where: str, most: int) -> UserError:
    """which: the number that was asked for, from 1. most: people who are seen at once."""
    return UserError(
        f"Face {which} was asked for, but {where} shows only {most} face{'' if most == 1 else 's'}.",
        "Choose a smaller number, counted from 1 from left to right, or the largest.",
    )
