# SPDX-License-Identifier: GPL-3.0-or-later
"""Naming conventions of rigs, one a file: ``NAMES`` maps each canonical ARKit channel to the rig's channels that it drives."""

from typing import Final

from . import ict_facekit, live_link, unified_expressions

TABLES: Final = {
    "ICT-FaceKit": ict_facekit.NAMES,
    "Live Link Face": live_link.NAMES,
    "Unified Expressions": unified_expressions.NAMES,
}
