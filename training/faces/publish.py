# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns runs of the face networks into the shipped weights: files and their entries in weights/manifest.json.

    python entry.py training.faces.publish --points CACHE/faces/points [--finder CACHE/faces/finder] [--figures FILE]

Of several runs the mean of their weights is published, where one went on from the other: it keeps more of what a run knew before the
learning rate fell, which carries over to real pictures better (Wortsman et al. 2022).
Ends without writing if float16 moves a point by more than rounding.
"""
from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from ...core.paths import ROOT
from ...inference import weights_file
from ...inference.video import finder as finders
from ...inference.video import points_net
from . import checkpoint
from .points_error import load_finder, load_points

LICENCE = "GPL-3.0-or-later"
LARGEST_ROUNDING = 0.0005  # of the crop: a tenth of the error that is aimed at
_CARD = "video.md"


def rounding(model: points_net.PointsNet) -> float:
    """Largest distance, in crops, by which float16 storage moves any point of a smooth picture."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.safetensors"
        points_net.save(model, path)
        stored = points_net.load(path)
    torch.manual_seed(0)
    coarse = torch.rand(8, 3, 7, 7) * 255
    crops = nn.functional.interpolate(coarse, model.config.size, mode="bilinear")
    with torch.inference_mode():
        return float((model(crops).points - stored(crops).points).abs().mean())


def mean_of(runs: list[Path]) -> points_net.PointsNet:
    """The point network whose weights are the mean of the runs' averaged ones."""
    model = load_points(runs[0])
    for number, run in enumerate(runs[1:], 2):
        other = load_points(run).state_dict()
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.lerp_(other[name], 1 / number)
    return model


def _told(run: Path) -> dict:
    """A run's options, and how far it went."""
    state = checkpoint.load(run)[3]
    done = {"step": state["step"], "trainedMinutes": round(state["seconds"] / 60, 1)}
    return {**json.loads((run / "options.json").read_text("utf-8")), **done}


def _publish(runs: list[Path], model: nn.Module, shipped: Path, save: Callable[..., str], figures: dict) -> None:
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    recipe = {**_told(runs[0]), **({"meanWith": [_told(run) for run in runs[1:]]} if len(runs) > 1 else {})}
    told = {"licence": LICENCE, "commit": commit, "seed": str(recipe["seed"]), "run": json.dumps(recipe, sort_keys=True)}
    save(model, shipped, told)
    weights_file.pin(shipped, {"licence": LICENCE, "card": _CARD, "trainingRun": {"commit": commit, **recipe}, "measured": figures})
    print(f"{shipped}: {shipped.stat().st_size} bytes, step {recipe['step']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=Path, nargs="+", help="one run's folder, or more")
    parser.add_argument("--finder", type=Path)
    parser.add_argument("--figures", type=Path, help="what training.faces.points_error wrote")
    args = parser.parse_args()
    figures = json.loads(args.figures.read_text("utf-8")) if args.figures else {}
    if args.points:
        model = mean_of(args.points)
        if (off := rounding(model)) > LARGEST_ROUNDING:
            raise SystemExit(f"float16 moves points by {off:.5f} of the crop; keep float32 for this run.")
        _publish(args.points, model, points_net.SHIPPED, points_net.save, figures.get("points", {}))
    if args.finder:
        _publish([args.finder], load_finder(args.finder), finders.SHIPPED, finders.save, figures.get("finder", {}))


if __name__ == "__main__":
    main()
