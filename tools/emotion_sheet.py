# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders the demo head speaking the sample in every emotion: one row each, at an open vowel, a spread one, closed lips, rounded lips
and in a pause.

    python tools/emotion_sheet.py --out docs/images/emotions.png [--size 160] [--amount 1.0] [--only happy sad]
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
import torch  # noqa: E402
from PIL import Image, ImageDraw, ImageFont  # noqa: E402

from facewright.inference.speech.emotion import NAMES, Emotion  # noqa: E402
from facewright.inference.speech.generate import SpeechEngine, SpeechOptions, SpeechResult  # noqa: E402
from facewright.scene import render  # noqa: E402
from facewright.scene.demo_head import build  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
SOUND = ROOT / "samples" / "hello.wav"


def moments(result: SpeechResult) -> dict[str, float]:
    """Name -> seconds: the middle of the longest phone of each kind, and of the longest inner pause."""
    kinds = {"AA, AE, AH": ("AA", "AE", "AH", "AO"), "EH, IY": ("EH", "IY", "EY", "IH")}
    kinds |= {"P, B, M": ("P", "B", "M"), "UW, OW, W": ("UW", "OW", "W")}
    found = {}
    for name, labels in kinds.items():
        longest = max((p for p in result.track.phones if p.label in labels), key=lambda p: p.end - p.start)
        found[f"{name}"] = 0.5 * (longest.start + longest.end)
    inner = [(a, b) for a, b in result.track.pauses(result.duration) if a > 0 and b < result.duration]
    start, end = max(inner, key=lambda p: p[1] - p[0])
    return found | {"pause": 0.5 * (start + end)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=160, help="pixels of a picture's side")
    parser.add_argument("--amount", type=float, default=1.0)
    parser.add_argument("--only", nargs="*", default=list(NAMES))
    parser.add_argument("--zoom", type=float, default=1.18)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    head = build(scene)
    head.camera.data.lens *= arguments.zoom
    engine = SpeechEngine()
    text = SOUND.with_suffix(".txt").read_text(encoding="utf-8")
    rows = {"calm": Emotion(), **{name: Emotion(**{name: arguments.amount}) for name in arguments.only}}
    side, label = arguments.size, max(14, arguments.size // 10)
    sheet, draw, font = None, None, ImageFont.load_default(size=label * 0.75)
    with tempfile.TemporaryDirectory() as folder:
        for row, (name, emotion) in enumerate(rows.items()):
            options = SpeechOptions(text=text, device="cpu", emotion=emotion, life=False)
            result = engine.run(SOUND, options, lambda fraction, stage: None)
            times = moments(result)
            if sheet is None:
                sheet = Image.new("RGB", (len(times) * side + 5 * label, len(rows) * side + label), (246, 246, 244))
                draw = ImageDraw.Draw(sheet)
            draw.text((2.5 * label, label + (row + 0.5) * side), name, fill=(50, 50, 50), font=font, anchor="mm")
            for column, (moment, seconds) in enumerate(times.items()):
                at = int(abs(result.curves.times - seconds).argmin())
                values = dict(zip(result.curves.names, map(float, result.curves.values[at]), strict=True))
                for part in head.objects:
                    for block in part.data.shape_keys.key_blocks[1:]:
                        block.value = values.get(block.name, 0.0)
                path = render.render_still(scene, Path(folder) / "pose.png", (side, side))
                x = 5 * label + column * side
                with Image.open(path) as picture:
                    sheet.paste(picture.convert("RGB"), (x, label + row * side))
                draw.text((x + side / 2, label / 2), moment, fill=(50, 50, 50), font=font, anchor="mm")
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    sheet.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
