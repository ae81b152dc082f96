# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the clips that the gate checks an adapter's lips on: public-domain LJSpeech utterances with their phones and an expected lip gap.

    python entry.py training.preference.check_clips --corpora DIR

The utterances belong to the training set, so that the held-out figures stay clean; the gate compares a model with its own tuned self. No
camera saw the reader: the expected gap is what the phones ask for, blended by dominance functions (``training.targets``).
"""

from __future__ import annotations

import argparse
import json
import shutil

import numpy as np

from ...core.paths import ROOT
from ...inference.speech.lip_gap import lip_gap
from ...inference.speech.model import SpeechModelConfig, unit_of
from .. import corpora, targets

FOLDER = ROOT / "inference" / "preference" / "check"
LARGEST = 800_000  # bytes in all: they travel in every installation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    root = corpora.folder(parser.parse_args().corpora)
    config = SpeechModelConfig()
    FOLDER.mkdir(exist_ok=True)
    total, told = 0, {}
    for example in corpora.ljspeech(root):
        source = root / "ljspeech" / f"{example.name}.opus"
        size = source.stat().st_size
        bilabials = sum(p.name in targets.BILABIAL for p in example.clip.phones)
        if corpora.is_held_out(example) or total + size > LARGEST or bilabials < 3:
            continue
        total += size
        units = targets.channel_targets(example.clip.phones, example.clip.frames, config.face_units)
        face = units[:, [config.face_units.index(unit_of(n)) for n in config.face_names]]
        gap = lip_gap(config.face_names, face)
        phones = [[p.name, round(p.start, 3), round(p.end, 3)] for p in example.clip.phones]
        told[example.name] = {"phones": phones, "gap": [round(float(g), 3) for g in gap]}
        shutil.copyfile(source, FOLDER / source.name)
    (FOLDER / "check.json").write_text(json.dumps(told, separators=(",", ":")) + "\n", "utf-8")
    seconds = sum(len(c["gap"]) for c in told.values()) / 50
    print(f"{len(told)} clips, {seconds:.0f} s, {total} bytes of sound; expected gap's spread {np.std(gap):.3f}")


if __name__ == "__main__":
    main()
