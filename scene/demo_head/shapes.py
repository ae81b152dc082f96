# SPDX-License-Identifier: GPL-3.0-or-later
"""The face's 52 shapes: what each ARKit channel means on this character, in design units and degrees."""
from __future__ import annotations

import numpy as np

from ...rigs.arkit import ARKIT_52
from .deform import LIP_BORDER, LipMotion, Skin

JAW_OPEN = 20.0  # degrees
JAW_FORWARD = (0.0, -0.15, 0.035)
JAW_LEFT = (0.15, 0.0, 0.0)
TONGUE_JAW = 8.5  # degrees the jaw drops to let the tongue out
CLOSE_SHARE = 0.35  # of the open mouth's gap is closed by the upper lip, the rest by the lower


def build(skin: Skin) -> dict[str, np.ndarray]:
    """Displacements [V, 3] of the face by canonical name, in canonical order."""
    shapes = {**_eyes(skin), **_brows(skin), **_jaw(skin), **_mouth(skin), **_cheeks_and_nose(skin)}
    return {name: shapes[name] for name in ARKIT_52}


def _sides(skin: Skin, name: str, left: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}Left": left, f"{name}Right": skin.mirrored(left)}


def _halves(skin: Skin, name: str, both: np.ndarray) -> dict[str, np.ndarray]:
    """A symmetric displacement split softly at the middle."""
    return _sides(skin, name, skin.symmetric(both) * skin.left_mask[:, None])


def _eyes(skin: Skin) -> dict[str, np.ndarray]:
    neutral = skin.neutral
    upper = np.arange(len(neutral.lid_elevation)) <= len(neutral.lid_elevation) // 2
    meet = neutral.lid_closed - neutral.lid_elevation
    overlap = np.where(upper, -1.6, 0.6) * np.clip(np.abs(meet) / 6.0, 0, 1)  # subdivision draws the margins back a little
    blink = skin.lids(meet + overlap, meet + overlap, lift=0.024)
    cheek_lift = skin.bump((0.42, -0.16), (0.26, 0.16), (0.0, -0.01, 0.035), lids=0.0)
    return (
        _sides(skin, "eyeBlink", blink)
        | _sides(skin, "eyeLookUp", skin.lids(9.0, 3.5))
        | _sides(skin, "eyeLookDown", skin.lids(-18.0, -7.0))
        | _sides(skin, "eyeLookIn", skin.lids(0.0, 0.0, azimuth=-3.0))
        | _sides(skin, "eyeLookOut", skin.lids(0.0, 0.0, azimuth=3.0))
        | _sides(skin, "eyeSquint", skin.lids(-10.0, 11.0) + cheek_lift)
        | _sides(skin, "eyeWide", skin.lids(13.0, -5.0))
    )


def _brows(skin: Skin) -> dict[str, np.ndarray]:
    front = np.flatnonzero((skin.front_mask > 0) & (skin.points[:, 2] > 0.2))

    def moved(*bumps: np.ndarray) -> np.ndarray:
        return skin.slide(sum(bumps), front)

    inner = skin.bump((0.24, 0.62), (0.24, 0.28), (0.0, 0.0, 0.15), lids=0.25)
    return (
        _sides(skin, "browDown", moved(skin.bump((0.24, 0.56), (0.22, 0.22), (-0.045, 0.0, -0.13), lids=0.25) * skin.left_mask[:, None],
                                       skin.bump((0.56, 0.56), (0.22, 0.22), (0.0, 0.0, -0.06), lids=0.2)))
        | {"browInnerUp": skin.symmetric(moved(inner, skin.mirrored(inner)))}
        | _sides(skin, "browOuterUp", moved(skin.bump((0.60, 0.62), (0.26, 0.28), (0.0, 0.0, 0.16), lids=0.25)))
    )  # fmt: skip


def _jaw(skin: Skin) -> dict[str, np.ndarray]:
    opened = skin.symmetric(skin.spread(skin.jaw(JAW_OPEN) + skin.lips(LipMotion(corner=(-0.035, 0.0, 0.0), slide=False)), slide=False))
    left = skin.spread(skin.jaw(shift=JAW_LEFT), slide=False)
    forward = skin.symmetric(skin.spread(skin.jaw(shift=JAW_FORWARD) + skin.lips(LipMotion(lower=(0, 0, 0), slide=False)), slide=False))
    return {
        "jawOpen": opened,
        "jawForward": forward,
        "jawLeft": left,
        "jawRight": skin.mirrored(left),
        "mouthClose": _close(skin, opened),
    }


def _close(skin: Skin, opened: np.ndarray) -> np.ndarray:
    """Undo exactly the gap that ``opened`` makes between facing lip vertices, and let the skin follow."""
    index = skin.topology.mouth.index[LIP_BORDER:]
    count = index.shape[1]
    facing = index[:, (count - np.arange(count)) % count]
    upper = np.arange(count) <= count // 2
    above = np.where(upper, index, facing)
    below = np.where(upper, facing, index)
    meet = (1 - CLOSE_SHARE) * opened[above] + CLOSE_SHARE * opened[below]
    follow = np.array((1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.6, 0.2, 0.0, 0.0))
    result = np.zeros_like(opened)
    result[index] = (meet - opened[index]) * follow[:, None, None]
    return skin.symmetric(skin.spread(result, slide=False))


def _mouth(skin: Skin) -> dict[str, np.ndarray]:
    def lips(slide_skin: bool = True, **motion: object) -> np.ndarray:
        return skin.symmetric(skin.spread(skin.lips(LipMotion(**motion)), slide=slide_skin))

    cheek = skin.both(skin.bump((0.52, -0.26), (0.22, 0.20), (0.0, -0.015, 0.055), puff=0.075, lids=0.5))
    smile = lips(corner=(0.135, -0.015, 0.14), upper_quarter=(0.070, 0.0, 0.048), upper=(0, -0.015, 0.026),
                 lower_quarter=(0.070, 0.0, 0.047), lower=(0, -0.015, 0.025), thick_upper=0.80, thick_lower=0.88) + cheek  # fmt: skip
    frown = lips(corner=(0.03, 0.0, -0.15), upper_quarter=(0.01, 0.0, -0.045), lower_quarter=(0.01, 0.0, -0.05), upper=(0, 0, 0.0),
                 lower=(0, 0.01, 0.0), thick_lower=1.05)  # fmt: skip
    dent = skin.both(skin.bump((0.46, -0.51), (0.10, 0.14), (0.0, 0.0, 0.0), puff=-0.05))
    dimple = lips(corner=(0.11, -0.05, 0.03), upper_quarter=(0.05, -0.02, 0.005), lower_quarter=(0.05, -0.02, 0.005), thick_upper=0.85,
                  thick_lower=0.85) + dent  # fmt: skip
    stretch = lips(corner=(0.17, -0.01, -0.045), upper_quarter=(0.08, 0.0, -0.01), lower_quarter=(0.08, 0.0, -0.035), lower=(0, 0, -0.015),
                   thick_upper=0.80, thick_lower=0.80)  # fmt: skip
    bulge = skin.both(skin.bump((0.36, -0.54), (0.12, 0.20), (0, 0, 0), puff=0.03))
    press = lips(corner=(0.02, -0.01, 0.015), upper=(0, -0.03, 0.0), lower=(0, -0.03, 0.0), thick_upper=0.45, thick_lower=0.45,
                 roll_upper=-14.0, roll_lower=-14.0) + bulge  # fmt: skip
    lower_down = lips(lower=(0, 0.0, -0.13), lower_quarter=(0.02, 0.0, -0.12), corner=(0.02, 0, -0.015), roll_lower=14.0, thick_lower=0.92)
    nasolabial = skin.both(skin.bump((0.30, -0.30), (0.14, 0.14), (0.0, -0.005, 0.04), puff=0.03))
    upper_up = lips(upper=(0, 0.0, 0.10), upper_quarter=(0.015, 0.0, 0.10), corner=(0.015, 0, 0.015), roll_upper=14.0, thick_upper=0.90)
    upper_up = upper_up + nasolabial
    funnel = lips(corner=(-0.13, 0.05, -0.03), upper=(0, 0.12, 0.075), upper_quarter=(-0.045, 0.11, 0.06), lower=(0, 0.12, -0.115),
                  lower_quarter=(-0.045, 0.11, -0.10), roll_upper=26.0, roll_lower=26.0, slide_skin=False, slide=False)  # fmt: skip
    pucker = lips(corner=(-0.165, 0.09, -0.055), upper=(0, 0.16, -0.004), upper_quarter=(-0.085, 0.145, -0.020), lower=(0, 0.15, 0.0),
                  lower_quarter=(-0.085, 0.135, -0.016), thick_upper=1.05, thick_lower=1.0, roll_upper=14, roll_lower=14, slide_skin=False,
                  slide=False)  # fmt: skip
    roll_lower = lips(lower=(0, -0.075, 0.03), lower_quarter=(0.0, -0.055, 0.02), roll_lower=-38.0, thick_lower=0.40)
    roll_upper = lips(upper=(0, -0.065, -0.02), upper_quarter=(0.0, -0.05, -0.015), roll_upper=-38.0, thick_upper=0.40)
    chin = skin.bump((0.0, -0.90), (0.26, 0.15), (0.0, -0.02, 0.075), puff=0.03)
    shrug_lower = lips(lower=(0, 0.05, 0.085), lower_quarter=(0, 0.03, 0.065), upper=(0, 0.03, 0.07), upper_quarter=(0, 0.02, 0.05),
                       corner=(0, 0, -0.02), roll_lower=16.0, thick_lower=1.15) + chin  # fmt: skip
    shrug_upper = lips(upper=(0, 0.07, 0.055), upper_quarter=(0, 0.05, 0.045), lower=(0, -0.01, 0.05), lower_quarter=(0, 0, 0.04),
                       corner=(0, 0, 0.0), roll_upper=24.0, thick_upper=1.25)  # fmt: skip
    left = _aside(skin)
    return (
        _halves(skin, "mouthSmile", smile)
        | _halves(skin, "mouthFrown", frown)
        | _halves(skin, "mouthDimple", dimple)
        | _halves(skin, "mouthStretch", stretch)
        | _halves(skin, "mouthPress", press)
        | _halves(skin, "mouthLowerDown", lower_down)
        | _halves(skin, "mouthUpperUp", upper_up)
        | {
            "mouthFunnel": funnel,
            "mouthPucker": pucker,
            "mouthRollLower": roll_lower,
            "mouthRollUpper": roll_upper,
            "mouthShrugLower": skin.symmetric(shrug_lower),
            "mouthShrugUpper": shrug_upper,
            "mouthLeft": left,
            "mouthRight": skin.mirrored(left),
            "tongueOut": _tongue(skin),
        }
    )


def _aside(skin: Skin) -> np.ndarray:
    """The whole mouth drawn to the character's left, its left corner a little further and up."""
    corner = skin.lips(LipMotion(corner=(0.03, 0.0, 0.05), upper_quarter=(0.01, 0.0, 0.015), lower_quarter=(0.01, 0.0, 0.015)))
    return skin.spread(skin.lips(LipMotion(aside=0.14)) + corner * skin.left_mask[:, None], slide=True)


def _tongue(skin: Skin) -> np.ndarray:
    """The jaw drops a little and the lips part round the tongue."""
    parted = skin.lips(LipMotion(upper=(0, 0.01, 0.045), upper_quarter=(-0.01, 0.005, 0.03), lower=(0, 0.02, -0.055), corner=(-0.03, 0, 0)))
    return skin.symmetric(skin.spread(skin.jaw(TONGUE_JAW) + parted, slide=False))


def _cheeks_and_nose(skin: Skin) -> dict[str, np.ndarray]:
    puffed = skin.both(skin.bump((0.55, -0.48), (0.24, 0.27), (0.0, 0.0, 0.0), puff=0.21))
    puffed += skin.bump((0.0, -0.37), (0.20, 0.08), (0, 0, 0), puff=0.03) + skin.bump((0.0, -0.75), (0.22, 0.08), (0, 0, 0), puff=0.035)
    pressed = skin.spread(skin.lips(LipMotion(corner=(-0.05, 0.09, 0.0), upper=(0, 0.035, 0), lower=(0, 0.035, 0), thick_upper=0.75,
                                              thick_lower=0.75)), slide=False)  # fmt: skip
    cheek = skin.bump((0.50, -0.20), (0.22, 0.17), (0.0, -0.02, 0.09), puff=0.06, lids=0.1) + skin.lids(0.0, 8.0)
    wing = skin.bump((0.145, -0.17), (0.085, 0.10), (0.025, -0.015, 0.065), puff=0.015)
    fold = skin.bump((0.13, 0.10), (0.10, 0.13), (0.0, -0.015, 0.03), puff=0.025)
    lifted = skin.symmetric(skin.spread(skin.lips(LipMotion(upper_quarter=(0.0, 0.0, 0.05), upper=(0, 0, 0.02))), slide=True))
    sneer = wing + fold + skin.bump((0.27, -0.22), (0.12, 0.12), (0, 0, 0.045), puff=0.03) + lifted * skin.left_mask[:, None]
    sneer += skin.bump((0.16, 0.50), (0.14, 0.16), (-0.02, 0.0, -0.05))
    return (
        {"cheekPuff": skin.symmetric(puffed + pressed)}
        | _sides(skin, "cheekSquint", cheek)
        | _sides(skin, "noseSneer", sneer)
    )
