# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what emotions do to speech on the held-out recordings: closures, lip gap, amplitude and jaw in silence, beside the calm face.

    python entry.py training.emotion_figures --corpora DIR [--amount 1.0] [--clips 30]

The whole product without a script, asymmetry as it ships. The figures are those of training.evaluate.
"""
from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import soundfile
import torch

from ..core.curves import Curves
from ..inference.speech.emotion import NAMES, Emotion
from ..inference.speech.features import SAMPLE_RATE
from ..inference.speech.generate import SpeechEngine, SpeechOptions
from ..inference.speech.listening import ListeningCache
from ..inference.speech.response import Response
from ..rigs.arkit import ARKIT_52
from . import corpora, ict_head
from .corpora import Example
from .evaluate import UNSEEN, HeldOut, phone_figures, video_figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--amount", type=float, default=1.0)
    parser.add_argument("--clips", type=int, default=30, help="of each GRID set")
    args = parser.parse_args()
    torch.set_num_threads(1)
    root = corpora.folder(args.corpora)
    held_out = HeldOut.read(root)
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    engine = SpeechEngine()
    with tempfile.TemporaryDirectory() as folder:
        cache = ListeningCache(Path(folder) / "heard")

        def curves(example: Example, **more: object) -> Curves:
            path = Path(folder) / f"{example.corpus}-{example.name}.wav"
            if not path.exists():
                soundfile.write(path, example.clip.audio, SAMPLE_RATE, subtype="PCM_16")
            options = SpeechOptions(life=False, device="cpu", **more)
            return engine.run(path, options, lambda fraction, stage: None, cache).curves

        wishes = {"calm": {}, "calm, even sides": {"asymmetry": 0.0}}
        wishes |= {name: {"emotion": Emotion(**{name: args.amount})} for name in NAMES}
        wishes |= {"rate 1": {"response": Response(rate=1)}, "energy 1": {"response": Response(energy=1)}}
        sets = {"s1": held_out.sets["grid_s1"][: args.clips], "unseen": held_out.sets[UNSEEN][: args.clips]}
        spoken = held_out.sets["ljspeech"]
        print(f"{len(sets['s1'])} clips of s1, {len(sets['unseen'])} of unseen speakers, {len(spoken)} of LJSpeech; amount {args.amount:g}")
        print("face | gap r s1, unseen | closure R, P s1 | amplitude s1 | P/B/M closure, false closure | jawOpen in silence s1, LJSpeech")
        for name, more in wishes.items():
            video = {of: video_figures(examples, [curves(e, **more) for e in examples], head) for of, examples in sets.items()}
            phones = phone_figures(spoken, [curves(e, **more) for e in spoken], head)
            s1 = video["s1"]
            print(
                f"{name:18s} {s1['gap r'].value:.3f} {video['unseen']['gap r'].value:.3f} | {s1['closure recall'].value:.2f} "
                f"{s1['closure precision'].value:.2f} | {s1['amplitude'].value:.2f} | {phones['P/B/M closure'].value:.3f} "
                f"{phones['false closure'].value:.3f} | {s1['jawOpen in silence'].value:.3f} {phones['jawOpen in silence'].value:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
