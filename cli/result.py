# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb gives back: words for a person, data for a program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """``text`` is printed as it is; ``data`` is JSON-ready and printed in one line with ``--json``."""

    text: str
    data: dict
