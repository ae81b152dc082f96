# SPDX-License-Identifier: GPL-3.0-or-later
"""Held-out speech on the demo head, to look at: the same moments of an utterance made by the product and by an energy envelope.

    python entry.py training.sheet --corpora DIR --out docs/images/speech_heldout.png

One utterance of GRID's s1, one of a GRID speaker never trained on, one of LJSpeech; a row each for the product without a script and for
the envelope. Needs bpy.
"""
from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from ..core.curves import Curves
from ..inference.speech import decode
from ..rigs.arkit import ARKIT_52
from . import align, checkpoint, corpora, evaluate, ict_head
from .corpora import Example
from .evaluate import HeldOut
from .pack import Phone

TELLING = ("M", "B", "P", "F", "V", "TH", "W", "UW", "AO", "OW", "IY", "EY", "AA", "AE", "AY", "S", "SH")
COLUMNS, SIZE, CLOSER = 8, 180, 1.5


def moments(phones: list[Phone]) -> list[Phone]:
    """``COLUMNS`` unlike mouths of an utterance: the longest phone of each telling kind, then others, in the order of time."""
    longest = sorted((p for p in phones if p.name != "SIL"), key=lambda p: p.start - p.end)
    chosen = [p for p in (next((q for q in longest if q.name == name), None) for name in TELLING) if p is not None][:COLUMNS]
    chosen += [p for p in longest if p not in chosen][: COLUMNS - len(chosen)]
    return sorted(chosen, key=lambda p: p.start)


def spoken(example: Example, model) -> list[Phone]:
    """The phones of an utterance: the corpus's own, else what is heard."""
    if example.clip.phones:
        return list(example.clip.phones)
    track = decode.decoded_track(decode.decode(align.log_posteriors(model, example.clip.sound())))
    return [Phone(p.start, p.end, p.label) for p in track.phones]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    import bpy

    from ..cli import blender
    from ..scene import demo_head, playblast, render

    torch.set_num_threads(1)
    root = corpora.folder(args.corpora)
    held_out = HeldOut.read(root)
    measuring = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    model = checkpoint.load_model(evaluate.SHIPPED)
    examples = [held_out.sets["grid_s1"][2], held_out.sets[evaluate.UNSEEN][3], held_out.sets["ljspeech"][1]]
    subjects = {"product": evaluate.pipeline(False), "envelope": evaluate.envelope_baseline(held_out.tuning, measuring)}
    with blender.quiet(), tempfile.TemporaryDirectory() as folder:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        scene = bpy.context.scene
        head = demo_head.build(scene)
        head.camera.data.lens *= CLOSER
        scene.render.resolution_x = scene.render.resolution_y = SIZE
        tiles = []
        for example in examples:
            at = moments(spoken(example, model))
            for name, subject in subjects.items():
                made: Curves = subject(example)
                middle = np.array([(p.start + p.end) / 2 for p in at])
                rows = made.select(ARKIT_52).resample(middle).values
                for phone, row in zip(at, rows, strict=True):
                    for thing in head.objects:
                        for key in thing.data.shape_keys.key_blocks if thing.data.shape_keys else ():
                            if key.name in ARKIT_52:
                                key.value = float(row[ARKIT_52.index(key.name)])
                    with playblast.caption(scene, f"{phone.name}  {name}"):
                        tiles.append(render.render_still(scene, Path(folder) / f"{len(tiles)}.png", (SIZE, SIZE)))
        playblast.contact_sheet(tiles, args.out, COLUMNS)


if __name__ == "__main__":
    main()
