# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical 52 ARKit channels, in the order of Live Link Face's CSV, and the nine head and eye angles that follow them there.

Source: Apple, ARFaceAnchor.BlendShapeLocation, https://developer.apple.com/documentation/arkit/arfaceanchor/blendshapelocation
"Left" and "Right" are the character's own.
"""
from typing import Final

ARKIT_52: Final = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawRight", "jawLeft", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft",
    "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip

_SIDES: Final = {"Left": "Right", "Right": "Left"}
ARKIT_MIRROR: Final = tuple(
    ARKIT_52.index(next((name.removesuffix(a) + b for a, b in _SIDES.items() if name.endswith(a)), name)) for name in ARKIT_52
)
"""Numbers of the channels that each becomes on a mirrored face."""

HEAD_AND_EYES: Final = (
    "headYaw", "headPitch", "headRoll", "leftEyeYaw", "leftEyePitch", "leftEyeRoll", "rightEyeYaw", "rightEyePitch", "rightEyeRoll",
)  # fmt: skip
