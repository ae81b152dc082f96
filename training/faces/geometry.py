# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds ``weights/face_geometry.safetensors`` from ICT-FaceKit, and says how the whole mesh moves where the kit has no shape for it.

    python entry.py training.faces.geometry --corpora DIR

ARKit's names map one to one except ``browInnerUp`` and ``cheekPuff`` (both halves) and ``tongueOut``, which the kit lacks: ``tongue_out``
makes it. Eyes are rotated, not blended: ``EYE_CENTRE`` and ``IRIS_CENTRE`` were measured on the meshes (sphere through the sclera, extent
of the iris mesh).
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import safetensors.numpy

from ...core.paths import replacing
from ...inference.speech.weights_file import pin, reproducible
from ...inference.video.geometry import IDENTITIES, SHIPPED
from ...inference.video.points import IRIS_LEFT, IRIS_RIGHT, POINTS, SKIN, SKIN_VERTICES, TONGUE, TONGUE_VERTICES
from ...rigs.arkit import ARKIT_52
from .. import corpora
from ..ict_head import shape_names

EYE_CENTRE = np.array([3.116, 3.602, 7.982])  # of the left eye; the right one is its mirror image
IRIS_CENTRE = np.array([3.19, 3.617, 9.46])
IRIS_RADIUS = 0.565
TONGUE_MESH = slice(16602, 17039)  # vertices of the tongue within the part gums_tongue
TONGUE_ROOT, TONGUE_TIP = 4.5, 9.75  # z in cm: what is behind the root stays
TONGUE_FORWARD = 3.3  # cm at the tip
TONGUE_LEVEL, TONGUE_FLATTENED, TONGUE_DROOP = -3.3, 0.45, 0.6  # height of the stretched tongue, its thickness left, the tip's drop


def tongue_out(neutral: np.ndarray) -> np.ndarray:
    """tongueOut's displacement of every vertex, float32 [V, 3] cm: stretched forward between the teeth, flattened, its tip drooping.

    It lies between the lips when the jaw is open by 0.2 or more; with a closed jaw it would pass through them, as ARKit's faces do not.
    """
    out = np.zeros_like(neutral, dtype=np.float32)
    at = neutral[TONGUE_MESH].astype(np.float64)
    along = np.clip((at[:, 2] - TONGUE_ROOT) / (TONGUE_TIP - TONGUE_ROOT), 0, 1)
    weight = along * along * (3 - 2 * along)
    level = TONGUE_LEVEL + TONGUE_FLATTENED * (at[:, 1] - np.median(at[along > 0.7, 1])) - TONGUE_DROOP * along**4
    out[TONGUE_MESH, 1] = weight * (level - at[:, 1])
    out[TONGUE_MESH, 2] = TONGUE_FORWARD * weight
    return out


def arkit_shapes(kit: dict[str, np.ndarray]) -> np.ndarray:
    """ARKit's 52 displacements of the whole mesh, float32 [52, V, 3] cm (eyeballs do not move: rotate them)."""
    index = {str(n): i for i, n in enumerate(kit["expression_names"])}
    out = np.zeros((len(ARKIT_52), *kit["neutral"].shape), np.float32)
    for c, channel in enumerate(ARKIT_52):
        for name in shape_names(channel):
            if name in index:
                out[c] += kit["expression"][index[name]]
    out[ARKIT_52.index("tongueOut")] = tongue_out(kit["neutral"])
    return out


def build(kit: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of the geometry file, float32 (see ``inference.video.geometry.Geometry``)."""
    vertices = np.array([*SKIN_VERTICES, *TONGUE_VERTICES])
    rows = np.array([*range(SKIN), *TONGUE])
    names = [str(n) for n in kit["part_names"]]
    neutral = np.zeros((POINTS, 3), np.float32)
    identity = np.zeros((IDENTITIES, POINTS, 3), np.float32)
    arkit = np.zeros((len(ARKIT_52), POINTS, 3), np.float32)
    neutral[rows] = kit["neutral"][vertices]
    identity[:, rows] = kit["identity"][:IDENTITIES, vertices]
    arkit[:, rows] = arkit_shapes(kit)[:, vertices]
    eyes, eyes_identity = np.zeros((2, 3), np.float32), np.zeros((IDENTITIES, 2, 3), np.float32)
    for k, (side, iris, sign) in enumerate((("l", IRIS_LEFT, 1), ("r", IRIS_RIGHT, -1))):
        ball = kit["part"] == names.index(f"sclera_{side}")
        eyes[k] = EYE_CENTRE * [sign, 1, 1]
        eyes_identity[:, k] = kit["identity"][:IDENTITIES, ball].astype(np.float32).mean(1)
        centre = IRIS_CENTRE * [sign, 1, 1]
        depth = 0.05  # the rim lies behind the middle of the cornea
        rim = [(IRIS_RADIUS, 0, -depth), (0, IRIS_RADIUS, -depth), (-IRIS_RADIUS, 0, -depth), (0, -IRIS_RADIUS, -depth)]
        neutral[list(iris)] = centre + np.array([(0, 0, 0), *rim])
        identity[:, list(iris)] = eyes_identity[:, None, k]
    return {"neutral": neutral, "identity": identity, "arkit": arkit, "eyes": eyes, "eyes_identity": eyes_identity}


def load_kit(path: Path) -> dict[str, np.ndarray]:
    """All arrays of ``ict_facekit.npz`` (docs/training.md has its layout)."""
    with np.load(path, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    args = parser.parse_args()
    tensors = build(load_kit(corpora.folder(args.corpora) / "ict_facekit.npz"))
    data = reproducible(safetensors.numpy.save({n: t.astype(np.float16) for n, t in tensors.items()}, metadata={"kind": "face_geometry"}))
    with replacing(args.out) as temporary:
        temporary.write_bytes(data)
    pin(args.out, {"licence": "GPL-3.0-or-later, from ICT-FaceKit (MIT)", "card": "video.md"})
    print(f"{args.out}: {len(data)} bytes")


if __name__ == "__main__":
    main()
