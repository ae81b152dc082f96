# SPDX-License-Identifier: GPL-3.0-or-later
"""A face over time: what the picture says about each frame, in numpy alone."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...rigs.arkit import ARKIT_52, HEAD_AND_EYES


@dataclass(frozen=True)
class FrameByFrame:
    """What each frame says for itself. valid [T]; arkit, sigma float32 [T, 52]; angles [T, 3] rad and translation [T, 3] as in
    ``FaceTrack``; wanted, certain float32 [T, M]: how far lips and lids were seen apart, and how well (``anchor``)."""

    valid: np.ndarray
    arkit: np.ndarray
    sigma: np.ndarray
    angles: np.ndarray
    translation: np.ndarray
    wanted: np.ndarray
    certain: np.ndarray


@dataclass(frozen=True)
class FaceTrack:
    """T frames of one face. Left and right are the subject's.

    times [T] s; valid [T]: seen, or within a gap short enough to interpolate (rows that are not hold zeros).
    arkit float32 [T, 52] 0..1 in the order of ``rigs.arkit.ARKIT_52``, and sigma [T, 52], the standard deviation to expect of each.
    rotation [T, 3] rad: yaw (+ towards the subject's left), pitch (+ up), roll (+ towards the subject's right shoulder) of the head against
    the camera's axes; yaw is applied last, roll first.
    translation [T, 3]: where the head's middle is from the camera, in centimetres of an average head: x to the right in the picture, y up,
    z away from the camera (its absolute size hangs on a guessed lens; its relative changes do not).
    gaze [T, 4] rad: left yaw, left pitch, right yaw, right pitch against the head, signs as the head's.
    points [T, P, 2] px as found; box [T, 4] px: x, y, width, height. before: what it was made from, if that is known.
    """

    times: np.ndarray
    valid: np.ndarray
    arkit: np.ndarray
    sigma: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    gaze: np.ndarray
    points: np.ndarray
    box: np.ndarray
    before: FrameByFrame | None = None

    def __len__(self) -> int:
        return len(self.times)

    def channel(self, name: str) -> np.ndarray:
        """One of the 61 channels, float32 [T]: an ARKit coefficient, or an angle in radians (``HEAD_AND_EYES``; eyes do not roll)."""
        if name in ARKIT_52:
            return self.arkit[:, ARKIT_52.index(name)]
        if name.startswith("head"):
            return self.rotation[:, ("headYaw", "headPitch", "headRoll").index(name)]
        eyes = ("leftEyeYaw", "leftEyePitch", "rightEyeYaw", "rightEyePitch")
        return self.gaze[:, eyes.index(name)] if name in eyes else np.zeros(len(self.times), np.float32)

    def channels(self) -> tuple[tuple[str, ...], np.ndarray]:
        """All 61 names and values, float32 [T, 61]."""
        names = ARKIT_52 + HEAD_AND_EYES
        return names, np.stack([self.channel(n) for n in names], 1).astype(np.float32)
