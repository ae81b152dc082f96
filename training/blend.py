# SPDX-License-Identifier: GPL-3.0-or-later
"""Averages two runs, one started from the other: most of what the later learnt, most of how the earlier generalised.

    python entry.py training.blend --earlier CACHE/second --later CACHE/third --later-share 0.7 --out CACHE/blend.safetensors

After Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
"""
from __future__ import annotations

import argparse
from pathlib import Path

from ..inference.speech import weights_file
from ..inference.speech.model import SpeechModel
from . import checkpoint


def blend(earlier: SpeechModel, later: SpeechModel, later_share: float) -> SpeechModel:
    """A model whose every weight lies ``later_share`` of the way from ``earlier`` to ``later``."""
    mixed = SpeechModel(later.config)
    first = earlier.state_dict()
    # What the earlier run had not (styles) is the later's.
    merged = {n: first.get(n, t).lerp(t, later_share) if t.is_floating_point() else t for n, t in later.state_dict().items()}
    mixed.load_state_dict(merged)
    return mixed.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--earlier", type=Path, required=True)
    parser.add_argument("--later", type=Path, required=True)
    parser.add_argument("--later-share", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    mixed = blend(checkpoint.load_model(args.earlier), checkpoint.load_model(args.later), args.later_share)
    told = f"{args.later_share:g} of {args.later.name}, the rest of {args.earlier.name}"
    weights_file.save(mixed, args.out, {"blend": told})


if __name__ == "__main__":
    main()
