# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets to look at: renders, renders with their true or found points, and frames of real video with the points found.

    python entry.py training.faces.sheet --packs CACHE/faces/held/close-900001 --out sheet.png [--points true|found]
    python entry.py training.faces.sheet --video A.mp4 B.mp4 --out sheet.png

Green points can be seen, red ones are hidden.
"""
from __future__ import annotations

import argparse
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from ...inference.video import finder as finders
from ...inference.video import points_net
from ...inference.video.crop import Crop, crop_of, cut
from ...inference.video.frames import Pictures
from . import packs
from .points_error import load_finder, load_points

_SIDE = 240
_SEEN, _HIDDEN = (40, 255, 40), (255, 40, 40)


def write_png(path: Path, picture: np.ndarray) -> None:
    """uint8 [H, W, 3] as PNG."""
    h, w, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(picture))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 6)) + chunk(b"IEND", b""))


def marked(picture: np.ndarray, crop: Crop, points: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """The crop, uint8 [_SIDE, _SIDE, 3], with the points [P, 2] px of the picture on it."""
    out = cut(picture, crop, _SIDE)
    for (x, y), shown in zip(crop.from_picture(points) * _SIDE, visible, strict=True):
        if 0 <= x < _SIDE - 1 and 0 <= y < _SIDE - 1:
            out[int(y) : int(y) + 2, int(x) : int(x) + 2] = _SEEN if shown else _HIDDEN
    return out


def look(model: points_net.PointsNet, picture: np.ndarray, crop: Crop, again: int = 2) -> tuple[Crop, np.ndarray, np.ndarray]:
    """(the face's own crop, points px, visible) after looking ``again`` times, each at the crop that the last look gave."""
    for _ in range(again):
        with torch.inference_mode():
            out = points_net.both_ways(model, torch.from_numpy(cut(picture, crop, model.config.size)).permute(2, 0, 1)[None])
        points = crop.to_picture(out.points[0].numpy())
        crop = crop_of(points)
    return crop, points, out.visible[0].numpy() > 0


def of_renders(folder: Path, count: int, points: str, model: points_net.PointsNet | None) -> list[np.ndarray]:
    pack = packs.load(folder)
    out = []
    for j in np.linspace(0, len(pack.points) - 1, count).astype(int):
        picture, crop = np.array(pack.pictures[j]), crop_of(pack.points[j])
        wide = Crop(crop.x, crop.y, crop.side * 1.2, crop.roll)
        if points == "none":
            out.append(cut(picture, wide, _SIDE))
        elif points == "true":
            out.append(marked(picture, wide, pack.points[j], pack.visible[j]))
        else:
            _, at, seen = look(model, picture, crop)
            out.append(marked(picture, wide, at, seen))
    return out


def of_videos(files: list[Path], count: int, model: points_net.PointsNet, find: finders.Finder) -> list[np.ndarray]:
    """Frames spread over each video; those without a face are left out."""
    out = []
    for file in files:
        frames = [f.rgb for f in Pictures(file).frames()]
        for k in np.linspace(0, len(frames) - 1, max(count // len(files), 1)).astype(int):
            faces = find.find(frames[k])
            if faces:
                x, y, w, h = faces[0].box
                crop, at, seen = look(model, frames[k], Crop(x + w / 2, y + h / 2, w, faces[0].roll), 3)
                out.append(marked(frames[k], crop, at, seen))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=Path, help="one pack's folder")
    parser.add_argument("--video", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", choices=("none", "true", "found"), default="none")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--weights", type=Path, default=points_net.SHIPPED)
    parser.add_argument("--finder", type=Path, default=finders.SHIPPED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_points(args.weights) if args.video or args.points == "found" else None
    if args.video:
        pictures = of_videos(args.video, args.count, model, load_finder(args.finder))
    else:
        pictures = of_renders(args.packs, args.count, args.points, model)
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % args.columns)
    rows = [np.concatenate(pictures[i : i + args.columns], 1) for i in range(0, len(pictures), args.columns)]
    write_png(args.out, np.concatenate(rows))


if __name__ == "__main__":
    main()
