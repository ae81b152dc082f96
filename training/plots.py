# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of what the model does, for looking at: predicted against measured gap, and the channels of a sentence under its phones.

    python entry.py training.plots --corpora DIR --weights FILE_OR_RUN --out FOLDER
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from ..rigs.arkit import ARKIT_52
from . import checkpoint, corpora, evaluate, ict_head
from .corpora import Example
from .evaluate import HeldOut, Subject

WIDTH, ROW = 1500, 90
COLOURS = ((200, 40, 40), (40, 90, 200), (30, 140, 60), (150, 90, 0))
SHOWN = ("jawOpen", "mouthClose", "mouthPressLeft", "mouthRollLower", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthSmileLeft",
         "mouthLowerDownLeft", "mouthUpperUpLeft", "tongueOut")  # fmt: skip


def _row(draw: ImageDraw.ImageDraw, top: int, title: str, seconds: float, lines: list[tuple[np.ndarray, np.ndarray]], high: float) -> None:
    """One strip: lines (times, values) between 0 and ``high``."""
    draw.rectangle((0, top, WIDTH - 1, top + ROW - 1), outline=(210, 210, 210))
    draw.text((4, top + 2), title, fill=(0, 0, 0))
    for (times, values), colour in zip(lines, COLOURS, strict=False):
        ok = np.isfinite(values)
        x = times[ok] / seconds * WIDTH
        y = top + ROW - 4 - np.clip(values[ok] / high, 0, 1) * (ROW - 8)
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=colour, width=2)


def gap_picture(examples: list[Example], subject: Subject, head: ict_head.Head) -> Image.Image:
    """Lip gap of several clips: measured in red, made in blue; mouth width below each."""
    image = Image.new("RGB", (WIDTH, 2 * ROW * len(examples)), "white")
    draw = ImageDraw.Draw(image)
    for i, e in enumerate(examples):
        times, track = e.video
        got = evaluate.measures(subject(e), times, head)
        rest = np.nanmedian(track[:, 1]) - np.median(got[:, 1])
        title = f"{e.corpus} {e.name}: gap (red measured, blue made)  {e.script}"
        _row(draw, 2 * i * ROW, title, e.clip.seconds, [(times, track[:, 0]), (times, got[:, 0])], 0.25)
        width = [(times, track[:, 1] - rest - 0.42), (times, got[:, 1] - 0.42)]
        _row(draw, (2 * i + 1) * ROW, "width", e.clip.seconds, width, 0.3)
    return image


def sentence_picture(example: Example, subject: Subject, head: ict_head.Head, seconds: float) -> Image.Image:
    """Gap and channels of the first ``seconds`` of an utterance, with its phones; P, B and M shaded."""
    image = Image.new("RGB", (WIDTH, ROW * (len(SHOWN) + 1) + 20), "white")
    draw = ImageDraw.Draw(image)
    for phone in example.clip.phones or ():
        x0, x1 = (t / seconds * WIDTH for t in (phone.start, phone.end))
        if phone.name in ("P", "B", "M"):
            draw.rectangle((x0, 0, x1, image.height), fill=(255, 225, 200))
        if phone.name in ("F", "V"):
            draw.rectangle((x0, 0, x1, image.height), fill=(225, 240, 255))
        if phone.name in ("UW", "OW", "W", "UH"):
            draw.rectangle((x0, 0, x1, image.height), fill=(230, 250, 225))
        draw.text((x0 + 1, image.height - 14), "" if phone.name == "SIL" else phone.name, fill=(0, 0, 0))
    made = subject(example)
    times = np.arange(0, seconds, 1 / 60)
    values = made.resample(times)
    _row(draw, 0, "lip gap (line: closed)", seconds, [(times, evaluate.measures(made, times, head)[:, 0]), (times, 0 * times + 0.03)], 0.25)
    for i, name in enumerate(SHOWN):
        _row(draw, (i + 1) * ROW, name, seconds, [(times, values.select([name]).values[:, 0])], 0.6)
    return image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    held_out = HeldOut.read(root)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    subject = evaluate.network(checkpoint.load_model(args.weights))
    args.out.mkdir(parents=True, exist_ok=True)
    clips = [*held_out.sets["grid_s1"][:3], *held_out.sets[evaluate.UNSEEN][::8][:4]]
    gap_picture(clips, subject, head).save(args.out / "gap.png")
    for e in held_out.sets["ljspeech"][:2]:
        sentence_picture(e, subject, head, 5.0).save(args.out / f"{e.name}.png")


if __name__ == "__main__":
    main()
