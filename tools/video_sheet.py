# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts frames of videos beside the demo head driven by what was tracked in them, to be looked at.

    python tools/video_sheet.py samples/face.mp4 --out docs/images/video.png [--frames 6] [--size 200] [--mouth picture]

For each video the frames that differ most are chosen; each stands above the head in the same moment, with its description below.
"""
from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import entry

entry.load_package()
import bpy  # noqa: E402
import numpy as np  # noqa: E402
from mathutils import Matrix  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from facewright.cli import work  # noqa: E402
from facewright.core.curves import Curves  # noqa: E402
from facewright.inference import curves_file  # noqa: E402
from facewright.inference.video.describe import describe_frame, intensities  # noqa: E402
from facewright.inference.video.frames import Pictures  # noqa: E402
from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import render  # noqa: E402
from facewright.scene.demo_head import build  # noqa: E402

# The subject's axes (left, up, out of the face) as the demo head's own: it faces -Y, Z is up.
_AXES = Matrix(((1, 0, 0), (0, 0, -1), (0, 1, 0)))
_INK, _PAPER = (50, 50, 50), (246, 246, 244)


def tracked(videos: list[Path], mouth: str) -> list[Curves]:
    """All 61 channels of each video, one row a frame."""
    out = []
    with work.worker(work.Seat()) as client, tempfile.TemporaryDirectory() as folder:
        for video in videos:
            params = {"path": str(video.absolute()), "out": str(Path(folder) / "curves.npz"), "mouth": mouth, "device": "cpu"}
            out.append(curves_file.load(work.wait(client, "video", params)["curves"]))
    return out


def telling(curves: Curves, count: int) -> list[int]:
    """Rows that differ most from each other, in order of time."""
    strength = intensities(curves.select(ARKIT_52).values)
    chosen = [int(strength.sum(1).argmax())]
    while len(chosen) < min(count, len(strength)):
        far = np.min([np.abs(strength - strength[c]).sum(1) for c in chosen], 0)
        chosen.append(int(far.argmax()))
    return sorted(chosen)


def pose(head, curves: Curves, row: int) -> None:
    """Put the demo head into a row of the curves, turned as the filmed head is."""
    values = dict(zip(curves.names, curves.values[row].tolist(), strict=True))
    for obj in head.objects:
        for block in obj.data.shape_keys.key_blocks[1:]:
            block.value = values.get(block.name, 0.0)
    yaw, pitch, roll = (Matrix.Rotation(values[f"head{name}"], 3, axis) for name, axis in (("Yaw", "Y"), ("Pitch", "X"), ("Roll", "Z")))
    turn = yaw @ pitch @ roll
    head.root.matrix_world = (_AXES @ turn @ _AXES.transposed()).to_4x4()


def square(rgb: np.ndarray, size: int) -> Image.Image:
    """The middle of a frame as a square picture."""
    side = min(rgb.shape[:2])
    top, left = (rgb.shape[0] - side) // 2, (rgb.shape[1] - side) // 2
    return Image.fromarray(rgb[top : top + side, left : left + side]).resize((size, size), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--mouth", choices=("picture", "sound", "blend"), default="picture")
    arguments = parser.parse_args()
    takes = tracked(arguments.videos, arguments.mouth)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    head = build(scene)
    head.camera.data.lens *= 1.2
    side, label = arguments.size, max(arguments.size // 4, 40)
    sheet = Image.new("RGB", (arguments.frames * side, len(takes) * (2 * side + label)), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=label * 0.22)
    with tempfile.TemporaryDirectory() as folder:
        for number, (video, curves) in enumerate(zip(arguments.videos, takes, strict=True)):
            rows = telling(curves, arguments.frames)
            pictures = {i: f.rgb for i, f in enumerate(Pictures(video).frames()) if i in rows}
            for column, row in enumerate(rows):
                pose(head, curves, row)
                path = render.render_still(scene, Path(folder) / "head.png", (side, side), "AUTO")
                x, y = column * side, number * (2 * side + label)
                sheet.paste(square(pictures[row], side), (x, y))
                with Image.open(path) as picture:
                    sheet.paste(picture.convert("RGB"), (x, y + side))
                said = describe_frame(curves.select(ARKIT_52).values[row])
                text = f"{curves.times[row]:.2f} s {said.expression_category}: " + (", ".join(said.muscle_movements.values()) or "at rest")
                lines = textwrap.wrap(text, 34)[:4]
                draw.multiline_text((x + 4, y + 2 * side + 3), "\n".join(lines), fill=_INK, font=font, spacing=1)
    # A palette of 256 colours: a quarter of the bytes, and the dithering hides the steps.
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
