# SPDX-License-Identifier: GPL-3.0-or-later
"""Unified Expressions (VRCFaceTracking), as avatars for social VR carry them: ARKit's shapes, some under other names.

Source: https://docs.vrcft.io/docs/tutorial-avatars/tutorial-avatars-extras/compatibility/arkit (the comparison table)
"""

from typing import Final

from ..arkit import ARKIT_52

_RENAMED: Final = {
    "eyeBlinkLeft": "EyeClosedLeft",
    "eyeBlinkRight": "EyeClosedRight",
    "mouthClose": "MouthClosed",
    "mouthRollUpper": "LipSuckUpper",
    "mouthRollLower": "LipSuckLower",
    "mouthFunnel": "LipFunnel",
    "mouthPucker": "LipPucker",
    "mouthShrugUpper": "MouthRaiserUpper",
    "mouthShrugLower": "MouthRaiserLower",
}
_NOT_IN_THE_TABLE: Final = ("mouthLeft", "mouthRight")  # Unified Expressions splits these into upper and lower lip

NAMES: Final = {name: (_RENAMED.get(name, name[0].upper() + name[1:]),) for name in ARKIT_52 if name not in _NOT_IN_THE_TABLE}
