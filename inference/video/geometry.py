# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's geometry at the dense points: how identity, the 52 coefficients and the gaze place them in space.

    v = neutral + sum of identity_k x identity[k] + sum of coefficient_c x arkit[c], iris points rotated about their eye's centre

Units are ICT-FaceKit's centimetres (a head about 18 cm wide at the ears), +x the subject's left, +y up, +z out of the face.
"""
from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from ...core.errors import UserError
from ...core.paths import WEIGHTS
from ...rigs.arkit import ARKIT_52
from .points import IRIS_LEFT, IRIS_RIGHT, POINTS

SHIPPED: Final = WEIGHTS / "face_geometry.safetensors"
IDENTITIES: Final = 100
PIVOT: Final = np.array([0.0, -0.5, 8.0], np.float32)  # cm: the middle of the face's points; rotation and scale refer to it

# Eye rotation in radians at a coefficient of 1.
LOOK_IN, LOOK_OUT, LOOK_UP, LOOK_DOWN = (float(np.deg2rad(d)) for d in (35.0, 38.0, 28.0, 32.0))
_EYES: Final = (("Left", 1.0), ("Right", -1.0))
_REINSTALL = "Install Facewright again, or put the file back from its release."


@dataclass(frozen=True)
class Geometry:
    """float32: neutral [P, 3] cm; identity [100, P, 3] cm per standard deviation; arkit [52, P, 3] cm at 1 (order of ``ARKIT_52``;
    tongueOut moves the tongue points only); eyes [2, 3] centres of rotation (left, right) and eyes_identity [100, 2, 3]."""

    neutral: np.ndarray
    identity: np.ndarray
    arkit: np.ndarray
    eyes: np.ndarray
    eyes_identity: np.ndarray


@functools.lru_cache(maxsize=2)
def load(path: Path = SHIPPED) -> Geometry:
    """The geometry file. Raises UserError if it is missing, altered (sha256 against ``manifest.json``) or of another shape."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The face's geometry cannot be read: {path} ({error.strerror}).", _REINSTALL) from error
    manifest = path.with_name("manifest.json")
    pinned = json.loads(manifest.read_text("utf-8")).get(path.name, {}).get("sha256") if manifest.exists() else None
    if pinned and pinned != hashlib.sha256(data).hexdigest():
        raise UserError(f"The face's geometry is damaged or altered: {path}.", _REINSTALL)
    try:
        tensors = {n: np.ascontiguousarray(t, np.float32) for n, t in safetensors.numpy.load(data).items()}
        geometry = Geometry(**tensors)
    except (SafetensorError, ValueError, TypeError) as error:
        raise UserError(f"The face's geometry is not what this Facewright reads: {path} ({error}).", _REINSTALL) from error
    if geometry.identity.shape != (IDENTITIES, POINTS, 3) or geometry.arkit.shape != (len(ARKIT_52), POINTS, 3):
        raise UserError(f"The face's geometry {path} has other points than this Facewright.", _REINSTALL)
    return geometry


def gaze_from_coefficients(arkit: np.ndarray) -> np.ndarray:
    """eyeLook* of [..., 52] to gaze [..., 4]: left yaw, left pitch, right yaw, right pitch in radians; yaw + towards the subject's left,
    pitch + up."""
    out = []
    for side, outward in _EYES:
        value = {d: arkit[..., ARKIT_52.index(f"eyeLook{d}{side}")] for d in ("In", "Out", "Up", "Down")}
        out += [outward * (value["Out"] * LOOK_OUT - value["In"] * LOOK_IN), value["Up"] * LOOK_UP - value["Down"] * LOOK_DOWN]
    return np.stack(out, -1)


def turn(yaw: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Rotation matrices [..., 3, 3] that turn a look straight ahead (+z) to ``yaw`` (+ to +x) and ``pitch`` (+ up), yaw applied last."""
    sy, cy, sp, cp = np.sin(yaw), np.cos(yaw), np.sin(pitch), np.cos(pitch)
    zero = np.zeros_like(sy)
    return np.stack(
        [np.stack([cy, -sy * sp, sy * cp], -1), np.stack([zero, cp, sp], -1), np.stack([-sy, -cy * sp, cy * cp], -1)],
        -2,
    )


def place(geometry: Geometry, arkit: np.ndarray, identity: np.ndarray | None = None, gaze: np.ndarray | None = None) -> np.ndarray:
    """Points [B, P, 3] in cm of the head's own space.

    arkit [B, 52]; identity [B, 100] or [100] in standard deviations (None: the average head); gaze [B, 4] (None: what
    arkit's eyeLook* say).
    """
    arkit = np.asarray(arkit, np.float32)
    out = geometry.neutral + np.tensordot(arkit, geometry.arkit, 1)
    eyes = np.broadcast_to(geometry.eyes, (len(arkit), 2, 3))
    if identity is not None:
        identity = np.asarray(identity, np.float32)
        out = out + np.tensordot(identity, geometry.identity[: identity.shape[-1]], 1)
        eyes = eyes + np.tensordot(identity, geometry.eyes_identity[: identity.shape[-1]], 1)
    gaze = gaze_from_coefficients(arkit) if gaze is None else gaze
    for k, iris in enumerate((IRIS_LEFT, IRIS_RIGHT)):
        turned = turn(gaze[:, 2 * k], gaze[:, 2 * k + 1]).astype(np.float32)
        out[:, iris] = np.einsum("bij,bpj->bpi", turned, out[:, iris] - eyes[:, None, k]) + eyes[:, None, k]
    return out
