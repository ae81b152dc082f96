# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes packs of filmed people, so that the point network sees real lips and lids too while it trains on renders.

    python entry.py training.faces.filmed --corpora DIR --out CACHE/faces/packs [--points FILE|RUN]

Nobody measured 340 points on these frames. Their labels are what an earlier point network says after several careful looks, which is more
even than any single look that the pack will be trained with (noisy student: Xie et al. 2020), and between the lips, where networks of
renders err most, the gap that GRID's tracker measured. Coefficients are unknown (NaN) and teach nothing. One pack a person,
``filmed-NUMBER``, without the people and clips that ``training/splits.py`` keeps out of training.
"""
from __future__ import annotations

import argparse
import functools
from collections import defaultdict
from pathlib import Path

import numpy as np

from ...inference.video import geometry, points_net, tracker
from ...inference.video.crop import Crop, crop_of, cut
from ...inference.video.frames import Pictures
from ...inference.video.networks import FaceNetworks
from ...inference.video.points import indices
from .. import corpora
from . import packs
from .evaluate_video import RealClip, clips
from .points_error import load_points
from .scene import FILL, SIDE

_LOWER = 0.8  # share of a correction that the lower lip takes: where lips touch, and on teeth, it is mostly the one that is misplaced


@functools.cache
def inner_lips() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the inner lips' points [n], whether each is on the upper lip, and where it lies across the mouth, -1..1."""
    neutral = geometry.load().neutral
    at = indices("lipInner")
    right, left = neutral[60], neutral[64]
    across = 2 * (neutral[at, 0] - right[0]) / (left[0] - right[0]) - 1
    seam = [0.5 * (neutral[a, 1] + neutral[b, 1]) for a, b in ((60, 60), (61, 67), (62, 66), (63, 65), (64, 64))]
    upper = neutral[at, 1] > np.interp(neutral[at, 0], neutral[[60, 61, 62, 63, 64], 0], seam)
    return at, upper, across


def with_gap(points: np.ndarray, gap: float) -> np.ndarray:
    """Points [P, 2] px with the lips as far apart in the middle as was measured: ``gap`` over the distance of the outer eye corners."""
    out = points.astype(np.float64)
    eyes = out[45] - out[36]
    span = float(np.linalg.norm(eyes))
    down = np.array([-eyes[1], eyes[0]]) / span  # from the subject's right eye to the left one is to the picture's right
    more = gap * span - float((out[66] - out[62]) @ down)
    at, upper, across = inner_lips()
    height = out[at] @ down
    for above, part in ((True, 1 - _LOWER), (False, _LOWER)):
        mine, others = np.flatnonzero(upper == above), np.flatnonzero(upper != above)
        others = others[np.argsort(across[others])]
        open_by = (np.interp(across[mine], across[others], height[others]) - height[mine]) * (1 if above else -1)
        bow = (1 - across[mine] ** 2).clip(0)
        parted = np.maximum(open_by + more * bow, 0.3 * gap * span * bow)  # nowhere inside one another
        moved = part * (parted - open_by)
        out[at[mine]] += (-moved if above else moved)[:, None] * down
    return out.astype(np.float32)


def labelled(clip: RealClip, networks: FaceNetworks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures uint8 [n, SIDE, SIDE, 3], points [n, P, 2] in their px and visibilities [n, P] of the clip's frames that show a face."""
    frames = list(Pictures(clip.path).frames())
    track = tracker.Tracker(networks).run(frames)
    pictures, points, visible = [], [], []
    for k in np.flatnonzero(track.valid[: len(clip.gap)] & np.isfinite(clip.gap[: len(track.valid)])):
        face = crop_of(track.points[k])
        dense = tracker.carefully([frames[k].rgb], [face], networks)
        at = with_gap(face.to_picture(dense.points[0]), float(clip.gap[k]))
        around = Crop(face.x, face.y, face.side / FILL)
        pictures.append(cut(frames[k].rgb, around, SIDE))
        points.append((around.from_picture(at) * SIDE).astype(np.float32))
        visible.append(dense.visible[0] > 0.5)
    return np.stack(pictures), np.stack(points), np.stack(visible)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=Path, default=points_net.SHIPPED, help="the network that labels")
    args = parser.parse_args()
    networks = FaceNetworks(points=load_points(args.points))
    people: dict[str, list[RealClip]] = defaultdict(list)
    for clip in clips(corpora.folder(args.corpora)):
        if clip.trainable:
            people[clip.speaker].append(clip)
    for speaker, taken in sorted(people.items()):
        folder = args.out / f"{packs.FILMED}-{speaker.removeprefix('s')}"
        if folder.exists():
            continue
        pictures, points, visible = (np.concatenate(parts) for parts in zip(*(labelled(c, networks) for c in taken), strict=True))
        packs.save(packs.filmed(pictures, points, visible), folder)
        print(f"{folder.name}: {len(pictures)} frames of {len(taken)} clips", flush=True)


if __name__ == "__main__":
    main()
