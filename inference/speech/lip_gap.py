# SPDX-License-Identifier: GPL-3.0-or-later
"""How far apart the lips are for given ARKit curves, measured on a standard head: it decides whether a closure closes."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

# Vector between the inner lips' middles (landmarks 62 and 66 of 68) over the distance of the outer eye corners: x to the subject's left,
# y up, z forward. At rest, and what each channel at 1 adds; the model is linear in the channels. Derived from the light model of
# ICT-FaceKit (USC Institute for Creative Technologies, MIT licence, github.com/ICT-VGL/ICT-FaceKit); channels left out move it by less
# than 0.001.
REST: Final = (0.0, 0.00855, 0.00318)
PER_CHANNEL: Final = {
    "jawForward": (0.0, 0.0145, -0.1002), "jawRight": (0.0708, -0.0026, -0.0092), "jawLeft": (-0.0708, -0.0026, -0.0092),
    "jawOpen": (0.0, 0.3673, 0.2136), "mouthClose": (0.0, -0.4367, -0.1659), "mouthFunnel": (0.0, 0.1539, -0.0033),
    "mouthPucker": (0.0, -0.0058, -0.0237), "mouthRight": (-0.0065, -0.0074, -0.0084), "mouthLeft": (0.0065, -0.0074, -0.0084),
    "mouthSmileLeft": (0.0, 0.0004, -0.0078), "mouthSmileRight": (0.0, 0.0004, -0.0078),
    "mouthFrownLeft": (0.0, -0.0014, -0.0042), "mouthFrownRight": (0.0, -0.0014, -0.0042),
    "mouthDimpleLeft": (0.0, -0.0040, 0.0048), "mouthDimpleRight": (0.0, -0.0040, 0.0048),
    "mouthStretchLeft": (0.0, -0.0017, -0.0021), "mouthStretchRight": (0.0, -0.0017, -0.0021),
    "mouthRollLower": (0.0, -0.0420, 0.1440), "mouthRollUpper": (0.0, 0.0204, -0.1237),
    "mouthShrugLower": (0.0, -0.0771, -0.0618), "mouthShrugUpper": (0.0, 0.0589, 0.0114),
    "mouthPressLeft": (0.0, -0.0142, -0.0122), "mouthPressRight": (0.0, -0.0142, -0.0122),
    "mouthLowerDownLeft": (0.0, 0.0379, 0.0075), "mouthLowerDownRight": (0.0, 0.0379, 0.0075),
    "mouthUpperUpLeft": (0.0, 0.0398, -0.0018), "mouthUpperUpRight": (0.0, 0.0398, -0.0018), "cheekPuff": (0.0, -0.0049, -0.0181),
    "cheekSquintLeft": (0.0, 0.0021, -0.0039), "cheekSquintRight": (0.0, 0.0021, -0.0039),
    "noseSneerLeft": (0.0, 0.0349, -0.0007), "noseSneerRight": (0.0, 0.0349, -0.0007),
}  # fmt: skip

# Lips touch below this gap; on a camera's picture of a person, whose touching lips are SEEN_SHUT apart, below the other.
TOUCHING: Final = 0.03
SEEN_TOUCHING: Final = 0.012
SEEN_SHUT: Final = 0.002
_SHUT: Final = 0.0095  # the head's own lips at rest, in all three directions


def lip_vector(names: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Vector between the inner lips, float32 [T, 3], in eye-corner distances. values: [T, N] in the order of ``names``."""
    table = np.array([PER_CHANNEL.get(n, (0.0, 0.0, 0.0)) for n in names], np.float32).reshape(len(names), 3)
    return values @ table + np.array(REST, np.float32)


def lip_gap(names: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Inner-lip gap, float32 [T], in eye-corner distances: 0.009 at rest, 0.43 with the jaw fully open."""
    return np.linalg.norm(lip_vector(names, values), axis=1)


def from_measured(gap):
    """The head's lip gap that one measured on a person's picture asks for (an array or tensor, in eye-corner distances).

    Lips that touch measure 0.002 to 0.005 on video and 0.009 on the head's neutral face; a gap counts as open above 0.012 on video and
    above 0.03 on the head. So touching maps to neutral, one threshold to the other, and beyond it the movement is kept as it is.
    """
    steep = (TOUCHING - _SHUT) / (SEEN_TOUCHING - SEEN_SHUT)
    low = gap.clip(SEEN_SHUT, SEEN_TOUCHING)
    return _SHUT + steep * (low - SEEN_SHUT) + (gap.clip(SEEN_TOUCHING) - SEEN_TOUCHING)
