# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns a training run into the shipped weights: the file and its entry in weights/manifest.json. training.card writes the card.

    python entry.py training.publish --corpora DIR --run CACHE/run

Ends without writing if float16 costs more than rounding: the faces of the two must agree.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import torch

from ..core.paths import ROOT
from ..inference.speech import weights_file
from ..inference.speech.features import log_mel
from . import checkpoint, corpora

LICENCE = "GPL-3.0-or-later"
LARGEST_ROUNDING = 0.01  # of a channel: an animator sees steps of a few hundredths


def rounding(weights: Path, root: Path) -> float:
    """Largest difference that float16 storage makes to any face channel on a held-out sentence."""
    model = checkpoint.load_model(weights)
    sentence = next(e for e in corpora.ljspeech(root) if corpora.is_held_out(e))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.safetensors"
        stored = weights_file.load(path, weights_file.save(model, path))
    heard = log_mel(torch.from_numpy(sentence.clip.sound()))[None]
    with torch.inference_mode():
        return float((model(heard).face - stored(heard).face).abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="what ships in place of the run's own average: a blend of it (training.blend)")
    parser.add_argument("--out", type=Path, default=weights_file.SHIPPED)
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    chosen = args.weights or args.run
    if (off := rounding(chosen, root)) > LARGEST_ROUNDING:
        raise SystemExit(f"float16 moves a channel by {off:.3f}; keep float32 for this run.")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    options = json.loads((args.run / "options.json").read_text("utf-8"))
    if args.weights:
        options["blend"] = weights_file.metadata(args.weights).get("blend", "")
    told = {"licence": LICENCE, "commit": commit, "seed": str(options["seed"]), "run": json.dumps(options, sort_keys=True)}
    weights_file.save(checkpoint.load_model(chosen), args.out, told)
    weights_file.pin(args.out, {"licence": LICENCE, "card": f"{args.out.stem}.md", "trainingRun": {"commit": commit, **options}})
    print(f"{args.out}: float16 moves no channel by more than {off:.4f}")


if __name__ == "__main__":
    main()
