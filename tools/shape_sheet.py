# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the demo head's sheet of shapes: neutral, the 52 at 1.0 and some combinations, each named below its picture.

    python tools/shape_sheet.py --portrait docs/images/head.png    # Cycles, 640 pixels, about a minute
    python tools/shape_sheet.py --out docs/images/shapes.png [--only jawOpen mouthClose] [--size 160] [--columns 10] [--engine AUTO]
"""
from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import entry

entry.load_package()
import bpy  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from facewright.rigs.arkit import ARKIT_52  # noqa: E402
from facewright.scene import render  # noqa: E402
from facewright.scene.demo_head import build  # noqa: E402


def _both(**weights: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in weights.items() for side in ("Left", "Right")}


COMBINATIONS: dict[str, dict[str, float]] = {
    "smile": _both(mouthSmile=0.85, cheekSquint=0.5, eyeSquint=0.25),
    "laugh": {**_both(mouthSmile=0.9, cheekSquint=0.7, mouthUpperUp=0.3, eyeSquint=0.4), "jawOpen": 0.55},
    "surprise": {**_both(eyeWide=0.9, browOuterUp=0.9), "browInnerUp": 0.9, "jawOpen": 0.6, "mouthFunnel": 0.25},
    "angry": {**_both(browDown=1.0, noseSneer=0.6, eyeSquint=0.4, mouthPress=0.5, mouthFrown=0.5)},
    "sad": {**_both(mouthFrown=0.8, eyeLookDown=0.4), "browInnerUp": 0.9, "mouthShrugLower": 0.4},
    "wink": {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.6, **_both(mouthSmile=0.6), "browOuterUpRight": 0.5},
    "M": {"mouthRollLower": 0.3, "mouthRollUpper": 0.3, **_both(mouthPress=0.5), "jawOpen": 0.08, "mouthClose": 0.08},
    "F": {"mouthRollLower": 0.55, **_both(mouthUpperUp=0.35), "jawOpen": 0.12},
    "O": {"jawOpen": 0.45, "mouthFunnel": 0.6, "mouthPucker": 0.35},
    "U": {"mouthPucker": 0.75, "mouthFunnel": 0.3, "jawOpen": 0.1},
    "E": {**_both(mouthStretch=0.5, mouthSmile=0.35, mouthLowerDown=0.3), "jawOpen": 0.15},
    "jawOpen + mouthClose": {"jawOpen": 1.0, "mouthClose": 1.0},
    "pucker + funnel": {"mouthPucker": 0.7, "mouthFunnel": 0.7},
    "smile + jawOpen": {**_both(mouthSmile=1.0), "jawOpen": 0.8},
    "blink": _both(eyeBlink=1.0),
    "half blink": _both(eyeBlink=0.5),
    "squint + blink": _both(eyeBlink=1.0, eyeSquint=1.0),
    "blink + lookDown": _both(eyeBlink=1.0, eyeLookDown=1.0),
    "lookDown": _both(eyeLookDown=1.0),
    "lookUp": _both(eyeLookUp=1.0),
    "tongueOut + jawOpen": {"tongueOut": 1.0, "jawOpen": 0.7},
}


PORTRAIT = {**_both(mouthSmile=0.8, cheekSquint=0.5, eyeSquint=0.12, mouthUpperUp=0.2, mouthLowerDown=0.1), "jawOpen": 0.3,
            "browOuterUpLeft": 0.4, "browInnerUp": 0.2}  # fmt: skip


def _save(picture: Image.Image, path: Path) -> None:
    """A palette of 256 colours: a quarter of the bytes, and the dithering hides the steps."""
    palette = picture.quantize(256, method=Image.Quantize.MEDIANCUT)
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--portrait", type=Path, help="render one good picture here instead of the sheet")
    parser.add_argument("--only", nargs="*", default=None, help="names of shapes or combinations")
    parser.add_argument("--size", type=int, default=160, help="pixels of a picture's side")
    parser.add_argument("--columns", type=int, default=10)
    parser.add_argument("--engine", choices=("AUTO", "WORKBENCH", "CYCLES"), default="AUTO")
    parser.add_argument("--zoom", type=float, default=1.18, help="crops towards the face; 1 is the studio's own frame")
    arguments = parser.parse_args()
    if bool(arguments.out) == bool(arguments.portrait):
        parser.error("give --out or --portrait")
    poses = {"neutral": {}, **{name: {name: 1.0} for name in ARKIT_52}, **COMBINATIONS}
    if arguments.only:
        poses = {name: poses[name] for name in arguments.only}
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    head = build(scene)
    blocks = [block for o in head.objects for block in o.data.shape_keys.key_blocks[1:]]
    if arguments.portrait:
        for block in blocks:
            block.value = PORTRAIT.get(block.name, 0.0)
        scene.render.dither_intensity = 0.0  # noise that doubles the file
        render.CYCLES_SAMPLES = 32
        render.render_still(scene, arguments.portrait, (640, 640), "CYCLES", detail=2)
        with Image.open(arguments.portrait) as picture:
            picture.convert("RGB").save(arguments.portrait, optimize=True)
        return
    head.camera.data.lens *= arguments.zoom
    side, label = arguments.size, max(14, arguments.size // 11)
    columns = min(arguments.columns, len(poses))
    rows = -(-len(poses) // columns)
    sheet = Image.new("RGB", (columns * side, rows * (side + label)), (246, 246, 244))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=label * 0.72)
    with tempfile.TemporaryDirectory() as folder:
        for place, (name, weights) in enumerate(poses.items()):
            for block in blocks:
                block.value = weights.get(block.name, 0.0)
            path = render.render_still(scene, Path(folder) / "pose.png", (side, side), arguments.engine)
            x, y = place % columns * side, place // columns * (side + label)
            with Image.open(path) as picture:
                sheet.paste(picture.convert("RGB"), (x, y))
            draw.text((x + side / 2, y + side + label / 2), name, fill=(50, 50, 50), font=font, anchor="mm")
    _save(sheet, arguments.out)


if __name__ == "__main__":
    main()
