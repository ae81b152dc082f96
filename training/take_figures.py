# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the shipped statistics of takes and prints the figures of docs/takes.md.

    python entry.py training.take_figures --corpora DIR

Spread on training clips (that is what was fitted); everything else on recordings never trained on.
"""
from __future__ import annotations

import argparse
import zlib

import numpy as np
import torch

from ..core.curves import Curves
from ..inference.speech import generate, matern, variation, weights_file
from ..inference.speech.model import SpeechModel, unit_of
from ..rigs.arkit import ARKIT_52
from . import corpora, evaluate, ict_head, take_statistics
from .take_statistics import ARTIST, Seen

SHOWN = ("gap r", "width r", "closure recall", "closure precision", "jitter ratio", "jawOpen in silence", "P/B/M closure", "false closure")


def spreads(model: SpeechModel, takes: variation.TakeModel, clips: list[Seen], head: ict_head.Head) -> dict[str, tuple[float, float]]:
    """Standard deviation of what real faces and drawn takes (amount 1) add to the mean take: distances of video, channels of the artist."""
    names, units = model.config.face_names, model.config.face_units
    columns = [units.index(unit_of(n)) for n in names]
    real, drawn = [], []
    for clip in clips:
        mean = Curves(names, clip.times, variation.close_down(clip.predicted[:, columns]))
        take = variation.draw(mean, zlib.crc32(clip.name.encode()) or 1, 1.0, takes)
        if clip.speaker == "facegood":
            at = [units.index(n) for n in ARTIST]
            one = [columns.index(unit) for unit in at]
            real.append(variation.close_down(clip.predicted[:, at] + clip.errors) - mean.values[:, one])
            drawn.append(take.values[:, one] - mean.values[:, one])
        else:
            real.append(clip.errors[:, :3])
            drawn.append(evaluate.measures(take, clip.times, head) - evaluate.measures(mean, clip.times, head))
    labels = ARTIST if clips[0].speaker == "facegood" else ict_head.MEASURES
    return {n: (r, d) for n, r, d in zip(labels, np.concatenate(real).std(0), np.concatenate(drawn).std(0), strict=True)}


def densities(takes: variation.TakeModel, trained: list[Seen], unheard: list[Seen], noise: float) -> dict[str, float]:
    """Log density a frame of errors never trained on: under a white Gaussian with the training errors' covariance, under the model without
    its memory, under the model."""
    errors = np.concatenate([c.errors for c in trained])
    root = np.linalg.cholesky(np.cov(errors.T))
    constant, logarithm = np.log(2 * np.pi), float(np.log(np.diag(root)).sum())
    found = {"white Gaussian": 0.0, "the model, without memory": 0.0, "the model": 0.0}
    frames = sum(len(c.times) for c in unheard)
    units = list(dict.fromkeys(unit_of(n) for n in takes.names))
    one_side = [next(i for i, n in enumerate(takes.names) if unit_of(n) == unit) for unit in units]
    covariance = takes.channel_covariance[np.ix_(one_side, one_side)]
    for c, series in zip(unheard, take_statistics.whitened(unheard, covariance), strict=True):
        count = series.shape[1]
        seen = c.per_unit @ covariance @ c.per_unit.transpose(0, 2, 1) + 1e-9 * np.eye(count)
        shrunk = 0.5 * float(np.linalg.slogdet(seen)[1].sum())
        white = np.linalg.solve(root, c.errors.T)
        found["white Gaussian"] += -0.5 * float((white**2).sum() + white.size * constant) - len(c.times) * logarithm
        found["the model, without memory"] += -0.5 * float((series**2).sum() + series.size * constant) - shrunk
        scale = np.sqrt(1 - noise)
        found["the model"] += matern.log_density(c.times, series / scale, takes.correlation_time, noise / (1 - noise))
        found["the model"] -= series.size * float(np.log(scale)) + shrunk
    return {name: total / frames for name, total in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    args = parser.parse_args()
    root = corpora.folder(args.corpora)
    torch.set_num_threads(1)
    model, takes = weights_file.load(), variation.load()
    measured = weights_file.manifest_entry(variation.SHIPPED)["measured"]
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    video, artist, _ = take_statistics.look(model, root)
    print("spread: real, drawn (ratio)")
    for name, (real, drawn) in (spreads(model, takes, video, head) | spreads(model, takes, artist, head)).items():
        print(f"  {name:16s}{real:.4f} {drawn:.4f} ({drawn / real:.2f})")
    unheard, drawn_unheard, _ = take_statistics.look(model, root, held_out=True)
    for title, trained, others, key in (("video", video, unheard, "video"), ("artist", artist, drawn_unheard, "artist")):
        print(f"log density a frame, held-out {title}")
        for name, value in densities(takes, trained, others, measured[key]["3/2"][2]).items():
            print(f"  {name:28s}{value:.3f}")
    held_out = evaluate.HeldOut.read(root)
    for name in ("grid_s1", evaluate.UNSEEN, "ljspeech"):
        print(f"{name}: the whole product, without a script")
        for seed, amount in ((0, 0.0), (1, generate.VARIATION), (2, generate.VARIATION), (1, 1.0)):
            table = evaluate.evaluate(product(seed, amount), held_out, head, [name])[name]
            told = ", ".join(f"{f} {table[f].value:.3f}" for f in SHOWN if f in table)
            print(f"  seed {seed}, variation {amount:g}: {told}", flush=True)


def product(seed: int, amount: float) -> evaluate.Subject:
    """The whole product's take ``seed``, another one for each recording."""
    return lambda example: evaluate.pipeline(
        False, seed=(zlib.crc32(example.name.encode()) + seed) % 2**32 if seed else 0, variation=amount
    )(example)


if __name__ == "__main__":
    main()
