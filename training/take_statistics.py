# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how real faces differ from the network's mean take, and ships it as weights/takes.safetensors. Run it after training.publish.

    python entry.py training.take_statistics --corpora DIR

No corpus shows all channels, and video shows distances rather than channels. So the covariance of the channels is found by expectation
maximisation: every frame sees a linear part of the deviation, the rest is filled in from what is known so far. Training clips only.
"""
from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..inference.speech import matern, variation, weights_file
from ..inference.speech.features import log_mel
from ..inference.speech.lip_gap import from_measured
from ..inference.speech.model import SpeechModel, unit_of
from ..rigs.arkit import ARKIT_52
from . import checkpoint, corpora, ict_head, splits
from .train import ARTIST_CHANNELS, calibrate

LICENCE = "GPL-3.0-or-later"
EVERY_S1 = 3  # of GRID s1's 800 clips each third: one man must not outvote six
RANK = 8  # patterns that move channels together
EASE = variation.EASE
# The artist's smile hardly moves, so the smile comes from video; MediaPipe's scores of it are sound.
ARTIST = tuple(n for n in ARTIST_CHANNELS if n != "mouthSmile")
PRIOR_WEIGHT = 0.02  # of the frames
FLOOR = 0.05  # of a channel's variance is its own at least, so that no take is impossible
FRAMES = 6000  # of each corpus for the covariance
ROUNDS = 25


@dataclass(frozen=True)
class Seen:
    """What one clip shows. times: [T] s. errors: float64 [T, K], real less predicted; per_unit: [T, K, U], how the units' deviations
    cause them. predicted: [T, U], the network's units in the open space."""

    name: str
    speaker: str
    times: np.ndarray
    errors: np.ndarray
    per_unit: np.ndarray
    predicted: np.ndarray


def opened_slope(values: np.ndarray) -> np.ndarray:
    """How fast a channel moves with its opened value."""
    return (values + EASE) * (1 - values + EASE) / (1 + 2 * EASE)


def faces(model: SpeechModel, example: corpora.Example, times: np.ndarray) -> np.ndarray:
    """The network's mean take by unit at ``times``, float64 [T, U]."""
    with torch.inference_mode():
        face = model(log_mel(torch.from_numpy(example.clip.sound()))[None]).face[0].numpy()
    first = [model.config.face_names.index(n) for n in _one_side(model)]
    centres = corpora.frame_centres(len(face))
    return np.stack([np.interp(times, centres, face[:, i]) for i in first], 1)


def _one_side(model: SpeechModel) -> list[str]:
    """A channel of each unit."""
    return [next(n for n in model.config.face_names if unit_of(n) == unit) for unit in model.config.face_units]


def see_video(model: SpeechModel, example: corpora.Example, smile: np.ndarray, shift: np.ndarray, head: ict_head.Head) -> Seen | None:
    """A GRID clip: errors of lip gap, mouth width, nose-chin distance and (opened) smile."""
    times, track = example.video
    if not np.isfinite(track).all():
        return None
    real = track[:, :3].astype(np.float64) + shift
    real[:, 0] = from_measured(real[:, 0])
    face = faces(model, example, times)
    units, names = model.config.face_units, model.config.face_names
    unit_column = [units.index(unit_of(n)) for n in names]
    values = torch.tensor(face[:, unit_column], dtype=torch.float32, requires_grad=True)
    made = head.measure(values, names)
    by_channel = np.stack([torch.autograd.grad(made[:, k].sum(), values, retain_graph=True)[0].numpy() for k in range(3)], 1)
    per_unit = np.zeros((len(times), 4, len(units)))
    for column, unit in enumerate(unit_column):
        per_unit[:, :3, unit] += by_channel[:, :, column]
    per_unit *= opened_slope(face)[:, None]
    at = units.index("mouthSmile")
    per_unit[:, 3, at] = 1
    errors = np.concatenate([real - made.detach().numpy(), variation.open_up(smile)[:, None] - variation.open_up(face[:, at : at + 1])], 1)
    return Seen(example.name, example.speaker, times, errors, per_unit, variation.open_up(face))


def see_artist(model: SpeechModel, example: corpora.Example) -> Seen:
    """A FACEGOOD clip: opened errors of the channels the artist moved."""
    times, track = example.video
    face = variation.open_up(faces(model, example, times))
    units = model.config.face_units
    columns = [units.index(n) for n in ARTIST]
    real = np.stack([track[:, [i for i, n in enumerate(example.curve_names) if unit_of(n) == unit]].mean(1) for unit in ARTIST], 1)
    per_unit = np.broadcast_to(np.eye(len(units))[columns], (len(times), len(columns), len(units)))
    return Seen(example.name, "facegood", times, variation.open_up(real) - face[:, columns], per_unit, face)


def smiles(root: Path, which: str) -> dict[str, np.ndarray]:
    """MediaPipe's scores of both corners, float64 [T, 2] a clip."""
    with np.load(root / which / "curves.npz", allow_pickle=False) as z:
        columns = [str(c) for c in z["columns"]]
        pick = [columns.index(n) for n in ("mouthSmileLeft", "mouthSmileRight")]
        return {n: z[n][:, pick].astype(np.float64) for n in z.files if n not in ("columns", "fps")}


def look(model: SpeechModel, root: Path, held_out: bool = False) -> tuple[list[Seen], list[Seen], float]:
    """(video, artist, correlation of the left and right smile) of the training clips, or of the held-out ones to test on."""
    head = ict_head.load(root / "ict_facekit.npz", ARKIT_52)
    clips = [*corpora.grid(root, "grid_s1"), *corpora.grid(root, "grid_more")]
    shifts = calibrate(clips, head)
    smile = {which: smiles(root, which) for which in ("grid_s1", "grid_more")}
    chosen = [e for e in clips if corpora.is_held_out(e) == held_out and not corpora.is_choice(e)]
    if not held_out:
        ones = [e for e in chosen if e.corpus == "grid_s1"][::EVERY_S1]
        chosen = ones + [e for e in chosen if e.corpus != "grid_s1"]
    drawn = [e for e in corpora.facegood(root) if corpora.is_held_out(e) == held_out]
    if not held_out:
        splits.assert_none_held_out([*chosen, *drawn])
    video, sides = [], []
    for e in chosen:
        both = smile[e.corpus][e.name]
        if (seen := see_video(model, e, both.mean(1), shifts[e.speaker], head)) is not None:
            video.append(seen)
            sides.append(variation.open_up(both))
    left, right = (np.concatenate([s[:, k] - s[:, k].mean() for s in sides]) for k in (0, 1))
    return centred(video), centred([see_artist(model, e) for e in drawn]), float(np.corrcoef(left, right)[0, 1])


def centred(clips: list[Seen]) -> list[Seen]:
    """Each speaker's mean error taken off: it is the shape of a face, not a take."""
    means = {s: np.concatenate([c.errors for c in clips if c.speaker == s]).mean(0) for s in {c.speaker for c in clips}}
    return [Seen(c.name, c.speaker, c.times, c.errors - means[c.speaker], c.per_unit, c.predicted) for c in clips]


def whitened(clips: list[Seen], covariance: np.ndarray) -> Iterator[np.ndarray]:
    """Errors of each clip as unit, uncorrelated series, float64 [T, K]: the face's part only, at every frame as likely as at any other."""
    for c in clips:
        seen = c.per_unit @ covariance @ c.per_unit.transpose(0, 2, 1)
        root = np.linalg.cholesky(seen + 1e-9 * np.eye(seen.shape[1]))
        yield np.linalg.solve(root, c.errors[..., None])[..., 0]


def pieces(series: list[np.ndarray], length: int) -> np.ndarray:
    """Cut into equal pieces, [length, pieces * K]."""
    return np.concatenate([s[at : at + length] for s in series for at in range(0, len(s) - length + 1, length)], 1)


def kernel(kind: str, times: np.ndarray, length: float) -> np.ndarray:
    """Matern covariances to choose from, and white noise."""
    if kind == "white":
        return np.eye(len(times))
    x = np.abs(np.subtract.outer(times, times)) / length
    if kind == "1/2":
        return np.exp(-x)
    return matern.covariance(times, length)


def fit_time(columns: np.ndarray, fps: float, kind: str) -> tuple[float, float, float]:
    """(log density a sample, length s, share of white noise) that suit the series best, each column's scale left free."""
    times = np.arange(len(columns)) / fps
    best = (-np.inf, 0.0, 0.0)
    lengths = (1.0,) if kind == "white" else np.geomspace(0.06, 1.5, 18)
    for length in lengths:
        for noise in (0.0,) if kind == "white" else (0.002, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3):
            root = np.linalg.cholesky((1 - noise) * kernel(kind, times, length) + noise * np.eye(len(times)))
            size = (np.linalg.solve(root, columns) ** 2).mean()
            score = -0.5 * (1 + np.log(2 * np.pi * size)) - np.log(np.diag(root)).mean()
            best = max(best, (float(score), float(length), float(noise)))
    return best


def fit_channels(groups: list[list[Seen]], noises: list[np.ndarray], prior: np.ndarray) -> np.ndarray:
    """The units' covariance in the open space, float64 [U, U]. Each group counts alike. noises: [K] of each group."""
    parts = []
    for clips, noise in zip(groups, noises, strict=True):
        errors, per_unit = (np.concatenate([getattr(c, n) for c in clips]) for n in ("errors", "per_unit"))
        some = np.linspace(0, len(errors) - 1, min(FRAMES, len(errors))).astype(int)
        parts.append((errors[some], per_unit[some], np.diag(noise)))
    found = prior
    for _ in range(ROUNDS):
        total = PRIOR_WEIGHT * prior
        for errors, per_unit, noise in parts:
            cross = per_unit @ found
            gain = np.linalg.solve(cross @ per_unit.transpose(0, 2, 1) + noise, cross)  # [n, K, U]
            guess = np.einsum("nku,nk->nu", gain, errors)
            left = found - np.einsum("nku,nkv->uv", gain, cross) / len(errors)
            total = total + (guess.T @ guess / len(errors) + left) * (1 - PRIOR_WEIGHT) / len(parts)
        found = (total + total.T) / 2
    return found


def to_channels(units: tuple[str, ...], names: tuple[str, ...], covariance: np.ndarray, sides: float) -> tuple[np.ndarray, np.ndarray]:
    """(basis [N, RANK], alone [N]) of the channels. sides: correlation of left and right."""
    values, vectors = np.linalg.eigh(covariance)
    shared = vectors[:, -RANK:] * np.sqrt(values[-RANK:])
    column = [units.index(unit_of(n)) for n in names]
    paired = np.array([unit_of(n) != n for n in names])
    basis = shared[column] * np.where(paired, np.sqrt(sides), 1)[:, None]
    variance = np.diag(covariance)[column]
    most = np.sqrt(np.minimum(1, (1 - FLOOR) * variance / np.maximum((basis**2).sum(1), 1e-12)))
    basis = basis * most[:, None]
    return basis, np.sqrt(variance - (basis**2).sum(1))


def prior_covariance(clips: list[Seen], artist: list[Seen]) -> np.ndarray:
    """What is assumed where nothing is seen: channels deviate as much against their own movement as the artist's do, and together as they
    move together, half as strongly."""
    moved = np.cov(np.concatenate([c.predicted for c in clips]).T)
    errors = np.concatenate([c.errors for c in artist]).var(0).sum()
    columns = np.flatnonzero(artist[0].per_unit[0].any(0))
    share = errors / np.concatenate([c.predicted for c in artist]).var(0)[columns].sum()
    return share * (0.5 * moved + 0.5 * np.diag(np.diag(moved))) + 1e-6 * np.eye(len(moved))


def estimate(model: SpeechModel, video: list[Seen], artist: list[Seen], sides: float) -> tuple[variation.TakeModel, dict]:
    """The model of takes, and what was measured on the way."""
    prior = prior_covariance([*video, *artist], artist)
    noises = [0.1 * np.concatenate([c.errors for c in clips]).var(0) for clips in (video, artist)]
    told: dict = {"sides": sides}
    for _ in range(2):  # the noise's share is known only once the covariance is
        found = fit_channels([video, artist], noises, prior)
        for at, (name, clips, fps, length) in enumerate((("video", video, 25, 74), ("artist", artist, 30, 90))):
            columns = pieces(list(whitened(clips, found)), length)
            fits = {kind: fit_time(columns, fps, kind) for kind in ("white", "1/2", "3/2")}
            told[name] = {kind: [round(x, 4) for x in fit] for kind, fit in fits.items()}
            noises[at] = fits["3/2"][2] * np.concatenate([c.errors for c in clips]).var(0)
    basis, alone = to_channels(model.config.face_units, model.config.face_names, found, sides)
    told["share of variance in the basis"] = float((basis**2).sum() / np.diag(basis @ basis.T + np.diag(alone**2)).sum())
    told["spread"] = dict(zip(model.config.face_units, np.sqrt(np.diag(found)).round(3).tolist(), strict=True))
    # the network knows the artist's four clips nearly by heart, so what memory its errors have there is its own
    return variation.TakeModel(model.config.face_names, basis, alone, told["video"]["3/2"][1]), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--weights", type=Path, default=weights_file.SHIPPED, help="a weights file or a training run's folder")
    parser.add_argument("--out", type=Path, default=variation.SHIPPED)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = checkpoint.load_model(args.weights)
    takes, told = estimate(model, *look(model, corpora.folder(args.corpora)))
    takes.save(args.out)
    of = weights_file.manifest_entry(args.weights).get("sha256", "")
    measured = {"correlation time (s)": takes.correlation_time, **told}
    weights_file.pin(args.out, {"licence": LICENCE, "card": "takes.md", "around": of, "measured": measured})
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
