# SPDX-License-Identifier: GPL-3.0-or-later
"""From the fit's pose about the face to angles and a place before the camera."""
from __future__ import annotations

from typing import Final

import numpy as np

LENS: Final = (0.7, 3.0)  # focal length over the picture's longer side: from a wide phone lens to a long portrait lens


def angles(rotation: np.ndarray) -> np.ndarray:
    """Yaw, pitch, roll [T, 3] rad of rotations [T, 3, 3] = turn(yaw, pitch) Rz(roll); the inverse of ``matrix``."""
    forward = rotation[:, :, 2]
    yaw = np.arctan2(forward[:, 0], forward[:, 2])
    pitch = np.arcsin(np.clip(forward[:, 1], -1, 1))
    roll = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])  # second row: cos(pitch) (sin roll, cos roll), sin(pitch)
    return np.stack([yaw, pitch, roll], 1)


def matrix(angles_of: np.ndarray) -> np.ndarray:
    """Rotations [T, 3, 3] from yaw, pitch, roll [T, 3]."""
    from .geometry import turn

    yaw, pitch, roll = np.moveaxis(np.asarray(angles_of, np.float64), -1, 0)
    c, s, zero = np.cos(roll), np.sin(roll), np.zeros_like(roll)
    about_z = np.stack([np.stack([c, -s, zero], -1), np.stack([s, c, zero], -1), np.stack([zero, zero, zero + 1], -1)], -2)
    return turn(yaw, pitch) @ about_z


def place(
    rotation: np.ndarray, scale: np.ndarray, shift: np.ndarray, perspective: float, size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The head before a camera whose axis goes through the picture's middle.

    rotation [T, 3, 3] as the face appears about its own ray; scale [T] px a cm; shift [T, 2] px of the pivot (x right, y DOWN);
    perspective: 1/cm at the median scale; size: width, height of the picture. Returns rotation [T, 3, 3] against the camera's axes and
    translation [T, 3] cm (x right, y up, z away).

    The focal length follows from perspective and scale, kept within ``LENS``. A face off the axis is seen along a slanted ray, so it
    appears turned by the ray's angle.
    """
    if not len(scale):
        return rotation, np.zeros((0, 3))
    longer = float(max(size))
    focal = float(np.clip(np.median(scale) / max(perspective, 1e-6), LENS[0] * longer, LENS[1] * longer))
    distance = focal / np.maximum(scale, 1e-6)
    ray = (shift - np.array(size) / 2) * [1, -1] / focal
    translation = np.stack([ray[:, 0] * distance, ray[:, 1] * distance, distance], 1)
    # A face that looks along its own ray towards the camera is, against the axes, turned back by the ray's angle.
    turned = matrix(np.stack([-np.arctan(ray[:, 0]), -np.arctan(ray[:, 1]), np.zeros(len(ray))], 1))
    return turned @ rotation, translation
