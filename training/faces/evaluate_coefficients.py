# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the coefficients on held-out people whose truth is known, beside the mean and median predictors.

    python entry.py training.faces.evaluate_coefficients --corpora DIR [--points] [--people 180] [--out figures.json]

Without ``--points`` the points come from geometry with errors (``--level``, mean error as a share of the crop): what the solver alone can
do. With it, held-out people are rendered, dressed and lit, and the shipped point network finds their points: the chain after the crop.
Each set is solved three times: every frame for itself (a photo), and with the person's neutral from all frames of the clip, looked at both
ways round, as videos are, and ``carefully``.
"""
from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ...inference.video import anchor, camera, coefficients, geometry, neutral, smoothing
from ...inference.video.points import MIRROR
from ...rigs.arkit import ARKIT_52, ARKIT_MIRROR
from .. import corpora
from . import expressions, geometry_samples

SEED: Final = 900_500  # held out: training seeds lie below 900,000 (``splits``)
SETS: Final[Mapping[str, Mapping[str, float]]] = {
    "dense random": {"dense": 1.0},
    "one at a time": {"one": 1.0},
    "realistic": {"speech": 0.6, "acted": 0.4},
}
REGIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "eyes": ("eye",), "brows": ("brow",), "jaw": ("jaw",), "mouth": ("mouth", "tongue"), "cheeks and nose": ("cheek", "nose"),
}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """People filmed for some frames: points [N, T, P, 2] in crop units y up, sigma and visible [N, T, P], appearance [N, T, F] or None, and
    the truth: arkit [N, T, 52], rotation [N, T, 3, 3], error: mean distance of visible points in crop units."""

    points: Tensor
    sigma: Tensor
    visible: Tensor
    appearance: Tensor | None
    arkit: np.ndarray
    rotation: np.ndarray
    error: float


def from_geometry(root: Path, people: int, frames: int, shares: Mapping[str, float], level: float) -> Seen:
    """Points with errors of ``level``."""
    rng = np.random.default_rng([SEED, len(shares), int(level * 1e5)])
    clips = geometry_samples.draw(rng, expressions.load(root, True), root / "ict_facekit.npz", people, frames, shares, level)
    error = float(np.linalg.norm(clips.points - clips.exact, axis=-1)[clips.visible > 0.5].mean())
    points = torch.from_numpy((clips.points - 0.5) * np.float32([1, -1]))
    return Seen(points, torch.from_numpy(clips.sigma), torch.from_numpy(clips.visible), None, clips.arkit, clips.rotation, error)


def from_renders(root: Path, people: int, frames: int, shares: Mapping[str, float], mirror: bool = False) -> tuple[Seen, Seen]:
    """Rendered people (none stylised) as the shipped point network sees them on photos and in clips; ``mirror``: the pictures mirrored,
    points mirrored back."""
    from ...inference.video import networks, tracker
    from ...inference.video.crop import Crop, crop_of, cut
    from . import backgrounds, scene
    from . import head as heads

    rng = np.random.default_rng([SEED, 7, len(shares), int(1000 * max(shares.values()))])
    head, drawn = heads.load(root / "ict_facekit.npz"), expressions.load(root, True)
    backs, look = backgrounds.bank(1, 160), networks.FaceNetworks("cpu")
    rows: tuple[list[tuple[np.ndarray, ...]], ...] = ([], [])
    found = 0
    while found < people:
        person = scene.draw_person(head, rng)
        arkit, _ = drawn.draw(rng, frames, shares)
        if person.stylised:
            continue
        found += 1
        mesh, _ = head.place(np.repeat(person.identity[None], frames, 0), arkit)
        photos, crops, truths, squares = [], [], [], []
        for k in range(frames):
            image, _, truth = scene.picture(head, person, mesh[k], arkit[k], rng, backs)
            square = crop_of(truth.points)
            side = square.side * np.exp(rng.normal(0, 0.04))
            x, y = np.array([square.x, square.y]) + rng.normal(0, 0.02 * side, 2)  # as a tracker is off
            square = Crop(float(x), float(y), float(side), square.roll + rng.normal(0, 0.04))
            truths.append(truth)
            squares.append(square)
            seen_in = Crop(image.shape[1] - square.x, square.y, square.side, -square.roll) if mirror else square
            photos.append(tracker.carefully([np.ascontiguousarray(image[:, ::-1]) if mirror else image], [seen_in], look))
            crops.append(cut(image, square, look.size)[:, :: -1 if mirror else 1])
        true = np.stack([s.from_picture(t.points) for s, t in zip(squares, truths, strict=True)])
        shows = np.stack([t.visible for t in truths])
        turned = np.stack([_rolled(_along_the_ray(t.rotation, t.shift, t.distance), s.roll) for s, t in zip(squares, truths, strict=True)])
        names = ("points", "sigma", "visible", "appearance")
        as_photos = [np.concatenate([getattr(photo, name) for photo in photos]) for name in names]
        dense = look.look(np.ascontiguousarray(np.stack(crops)), both_ways=True)
        for way, (at, blur, seen, shown) in zip(rows, (as_photos, [getattr(dense, name) for name in names]), strict=True):
            if mirror:
                at, blur, seen = (at * [-1, 1] + [1, 0])[:, MIRROR], blur[:, MIRROR], seen[:, MIRROR]
                shown = shown[:, list(ARKIT_MIRROR)]
            way.append((at, blur, seen, shown, arkit, turned, np.linalg.norm(at - true, axis=-1)[shows]))
    return _together(rows[0]), _together(rows[1])


def _together(rows: list[tuple[np.ndarray, ...]]) -> Seen:
    """From each person's points, sigma, visible, appearance, arkit, rotation and errors of visible points."""
    at, blur, seen, shown, arkit, turned = (np.stack([r[i] for r in rows]) for i in range(6))
    points = torch.from_numpy(((at - 0.5) * [1, -1]).astype(np.float32))
    parts = (torch.from_numpy(np.ascontiguousarray(a, np.float32)) for a in (blur, seen, shown))
    return Seen(points, *parts, arkit, turned, float(np.concatenate([r[6] for r in rows]).mean()))


def _along_the_ray(rotation: np.ndarray, shift: np.ndarray, distance: float) -> np.ndarray:
    """The rotation as it appears about the ray from the camera to the head, which is what one crop can tell (see ``camera.place``)."""
    at = rotation @ geometry.PIVOT + shift
    ray = at[:2] / (distance - at[2])
    return camera.matrix(np.array([[-np.arctan(ray[0]), -np.arctan(ray[1]), 0.0]]))[0].T @ rotation


def _rolled(rotation: np.ndarray, roll: float) -> np.ndarray:
    """The head's rotation as it appears in a crop that was turned upright (``Crop.roll`` is + clockwise in the picture)."""
    c, s = np.cos(roll), np.sin(roll)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ rotation


def answers(network: coefficients.Refiner, seen: Seen, together: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coefficients and sigma [N * T, 52] and rotations [N * T, 3, 3]; together: with the neutral from the whole clip."""
    value, spread, rotation = [], [], []
    sigma = seen.sigma.clamp_min(coefficients.SMALLEST_SIGMA)
    weight = coefficients.weights(sigma, seen.visible)
    people, frames = seen.points.shape[:2]
    with torch.inference_mode():
        for n in range(people):
            groups = [list(range(frames))] if together else [[k] for k in range(frames)]
            for rows in groups:
                who = neutral.from_clip(seen.points[n, rows], weight[n, rows], network.errors)
                shown = None if seen.appearance is None else seen.appearance[n, rows]
                usually = coefficients.usual(who.moved, shown)
                v, s, pose = coefficients.frames(network, who, seen.points[n, rows], sigma[n, rows], seen.visible[n, rows], shown, usually)
                measured, certain = anchor.seen(seen.points[n, rows], seen.visible[n, rows], pose, who, v)
                v = coefficients.settled(v, s, anchor.wanted(measured, who), certain, len(rows))
                value.append(v.numpy())
                spread.append(s.numpy())
                rotation.append(pose.rotation.numpy())
    return np.concatenate(value), np.concatenate(spread), np.concatenate(rotation)


def figures(value: np.ndarray, truth: np.ndarray) -> dict[str, dict[str, float]]:
    """MAE and mean r of all channels and by region; a channel that does not move in the truth has no r."""
    r = correlations(value, truth)
    out = {}
    for name, starts in {"all": ("",), **REGIONS}.items():
        pick = [i for i, channel in enumerate(ARKIT_52) if channel.startswith(starts)]
        out[name] = {"MAE": float(np.abs(value - truth)[:, pick].mean()), "r": float(np.nanmean(r[pick]))}
    return out


def correlations(value: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Pearson's r of each channel [52]; NaN where the truth does not move, 0 where the answer does not."""
    a, b = value - value.mean(0), truth - truth.mean(0)
    spread, moved = np.sqrt((a * a).sum(0)), np.sqrt((b * b).sum(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (a * b).sum(0) / (np.maximum(spread, 1e-9) * moved)
    return np.where(moved > 1e-4, r, np.nan)


def interval(value: np.ndarray, truth: np.ndarray, clips: int, draws: int = 200) -> dict[str, list[float]]:
    """95 % bootstrap intervals of MAE and mean r over people."""
    rng = np.random.default_rng(0)
    value, truth = value.reshape(clips, -1, 52), truth.reshape(clips, -1, 52)
    drawn = []
    for _ in range(draws):
        rows = rng.integers(clips, size=clips)
        f = figures(value[rows].reshape(-1, 52), truth[rows].reshape(-1, 52))["all"]
        drawn.append((f["MAE"], f["r"]))
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    return {"MAE": [float(low[0]), float(high[0])], "r": [float(low[1]), float(high[1])]}


def degrees(found: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Median and 95th percentile of the angle between rotations."""
    cosine = (np.einsum("nij,nij->n", found, truth) - 1) / 2
    angle = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    return {"median": float(np.median(angle)), "p95": float(np.quantile(angle, 0.95))}


def gaze_degrees(value: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute error of the four gaze angles where the eye is open."""
    error = np.abs(geometry.gaze_from_coefficients(value) - geometry.gaze_from_coefficients(truth))
    open_eyes = truth[:, [ARKIT_52.index("eyeBlinkLeft"), ARKIT_52.index("eyeBlinkRight")]].max(1) < 0.5
    return float(np.rad2deg(error[open_eyes].mean()))


def measure(make: Callable[[Mapping[str, float]], tuple[Seen, Seen]], network: coefficients.Refiner) -> dict:
    """All sets, solved as photos and as clips."""
    out = {}
    for name, shares in SETS.items():
        photos, seen = make(shares)
        truth = seen.arkit.reshape(-1, 52)
        rotation = seen.rotation.reshape(-1, 3, 3)
        entry: dict = {"frames": len(truth), "people": len(seen.arkit), "error of points": seen.error, "on photos": photos.error}
        entry["mean predictor MAE"] = float(np.abs(truth - truth.mean(0)).mean())
        entry["median predictor MAE"] = float(np.abs(truth - np.median(truth, 0)).mean())
        for way, looked, together in (("photo", photos, False), ("clip", seen, True), ("careful clip", photos, True)):
            started = time.process_time()
            value, sigma, turned = answers(network, looked, together)
            spent = (time.process_time() - started) / len(truth)
            off = np.abs(value - truth)
            r = correlations(value, truth)
            entry[way] = {
                **figures(value, truth), "95 %": interval(value, truth, len(seen.arkit)), "pose degrees": degrees(turned, rotation),
                "gaze degrees": gaze_degrees(value, truth), "ms a frame": 1000 * spent,
                "r by channel": {c: round(float(r[i]), 3) for i, c in enumerate(ARKIT_52)},
                "within two sigma": float((off < 2 * sigma).mean()),
            }  # fmt: skip
        out[name] = entry
        print(told(name, entry), flush=True)
    return out


def told(name: str, entry: dict) -> str:
    """A few lines for people."""
    lines = [
        f"{name}: {entry['frames']} frames of {entry['people']} people, points off by {100 * entry['error of points']:.2f} % "
        f"of the crop, on photos {100 * entry['on photos']:.2f} %; "
        f"mean predictor {entry['mean predictor MAE']:.3f}, median {entry['median predictor MAE']:.3f}"
    ]
    for way in ("photo", "clip", "careful clip"):
        e = entry[way]
        regions = ", ".join(f"{k} {e[k]['MAE']:.3f}/{e[k]['r']:.2f}" for k in REGIONS)
        weak = ", ".join(f"{c} {r:.2f}" for c, r in sorted(e["r by channel"].items(), key=lambda item: item[1])[:6])
        lines.append(
            f"  {way}: MAE {e['all']['MAE']:.4f} {_pair(e['95 %']['MAE'])} r {e['all']['r']:.3f} {_pair(e['95 %']['r'])}; {regions}; "
            f"pose {e['pose degrees']['median']:.1f} deg (p95 {e['pose degrees']['p95']:.1f}), gaze {e['gaze degrees']:.1f} deg, "
            f"{e['ms a frame']:.1f} ms; weakest {weak}; within two sigma {e['within two sigma']:.2f}"
        )
    return "\n".join(lines)


def _pair(values: list[float]) -> str:
    return f"[{values[0]:.3f}, {values[1]:.3f}]"


def jitter(network: coefficients.Refiner, root: Path, level: float, amount: float) -> dict[str, float]:
    """A face that holds still while its points tremble: mean absolute change of a coefficient from frame to frame."""
    rng = np.random.default_rng(SEED + 1)
    clips = geometry_samples.draw(rng, expressions.load(root, True), root / "ict_facekit.npz", 12, 50, {"acted": 1.0}, 0.0, calm=True)
    exact = clips.exact[:, :1].repeat(50, 1)
    noise = geometry_samples.trembling(rng, clips.visible[:, :1].repeat(50, 1), level)
    points = torch.from_numpy(((exact + noise - 0.5) * [1, -1]).astype(np.float32))
    sigma = torch.from_numpy(np.broadcast_to(level / 1.25 * geometry_samples.rough(), points.shape[:3]).astype(np.float32).copy())
    visible = torch.from_numpy(clips.visible[:, :1].repeat(50, 1).astype(np.float32))
    raw, calm = [], []
    unlit = torch.zeros(50, len(ARKIT_52)) if network.config.appearance else None  # there is no picture to tell more than the points
    sigma = sigma.clamp_min(coefficients.SMALLEST_SIGMA)
    with torch.inference_mode():
        for n in range(12):
            who = neutral.from_clip(points[n], coefficients.weights(sigma[n], visible[n]), network.errors)
            usually = coefficients.usual(who.moved, unlit)
            value, spread, _ = coefficients.frames(network, who, points[n], sigma[n], visible[n], unlit, usually)
            value, spread = value.numpy(), spread.numpy()
            raw.append(np.abs(np.diff(value, axis=0)).mean())
            smoothed = smoothing.smooth(np.arange(50) / 25, value, spread, amount)
            calm.append(np.abs(np.diff(smoothed, axis=0)).mean())
    return {"raw": float(np.mean(raw)), "smoothed": float(np.mean(calm))}


def mirror_difference(network: coefficients.Refiner, plain: Seen, other: Seen) -> float:
    """Mean absolute difference of a face's answer and its mirror image's mirrored answer; ``other`` holds points mirrored back."""
    a, _, _ = answers(network, plain, False)
    b, _, _ = answers(network, other, False)
    return float(np.abs(a - b).mean())


def mirrored_points(seen: Seen) -> Seen:
    """The same people in a mirror."""
    points = (seen.points * torch.tensor([-1.0, 1.0]))[:, :, MIRROR]
    shown = None if seen.appearance is None else seen.appearance[..., list(ARKIT_MIRROR)]
    arkit = seen.arkit[..., list(ARKIT_MIRROR)]
    return Seen(points, seen.sigma[..., MIRROR], seen.visible[..., MIRROR], shown, arkit, seen.rotation, seen.error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--points", action="store_true", help="render people and find their points")
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--frames", type=int, default=neutral.FRAMES, help="of each person")
    parser.add_argument("--level", type=float, default=0.006)
    parser.add_argument("--weights", type=Path, default=coefficients.SHIPPED)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    root = corpora.folder(args.corpora)
    network = coefficients.load(args.weights)

    def make(shares: Mapping[str, float]) -> tuple[Seen, Seen]:
        if args.points:
            return from_renders(root, args.people, args.frames, shares)
        seen = from_geometry(root, args.people, args.frames, shares, args.level)
        return seen, seen

    out: dict = {"points": "point network on renders" if args.points else f"geometry, level {args.level}", "sets": measure(make, network)}
    out["jitter"] = jitter(network, root, args.level, 1.0)
    if args.points:
        pairs = zip(*(from_renders(root, 20, 4, SETS["realistic"], mirror) for mirror in (False, True)), strict=True)
        out["mirror"] = {way: mirror_difference(network, *pair) for way, pair in zip(("photo", "clip"), pairs, strict=True)}
    else:
        few = from_geometry(root, 20, 4, SETS["realistic"], args.level)
        b, _, _ = answers(network, mirrored_points(few), False)
        off = float(np.abs(answers(network, few, False)[0] - b[:, list(ARKIT_MIRROR)]).mean())
        out["mirror"] = {"photo": off, "clip": off}
    print(f"jitter {out['jitter']['raw']:.4f}, smoothed {out['jitter']['smoothed']:.4f}; mirror {out['mirror']}")
    if args.out:
        args.out.write_text(json.dumps(out, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
