# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the point network is off on held-out renders, by region; how well the finder finds.

    python entry.py training.faces.points_error --corpora DIR --packs CACHE/faces/held [--points FILE|RUN] [--finder FILE|RUN]

Renders what is missing of the held-out packs (seeds from ``splits.HELD_OUT_FROM`` on: other people, looks, backgrounds and speech).
"""
from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ...core.paths import ROOT
from ...inference.video import finder as finders
from ...inference.video import points_net, tracker
from ...inference.video.crop import crop_of
from ...inference.video.cutting import cut
from ...inference.video.networks import FaceNetworks
from ...inference.video.points import POINTS, REGION
from .. import corpora
from . import augment, backgrounds, checkpoint, expressions, packs, raster, splits, train_finder
from . import head as heads

SEEDS = (splits.HELD_OUT_FROM + 1, splits.HELD_OUT_FROM + 2)
PICTURES = 1000  # in each
SCENES = 1000
TONES = (("very dark to dark", 0.0, 0.12), ("medium", 0.12, 0.3), ("light to very light", 0.3, 1.0))  # mean linear reflectance of the skin
_MILD = replace(augment.TRACKED, covered=0.0)


def load_points(path: Path) -> points_net.PointsNet:
    """The averaged network of a run's folder, or the network in a weights file."""
    if not path.is_dir():
        return points_net.load(path)
    model = points_net.PointsNet()
    model.load_state_dict(checkpoint.load(path)[1])
    return model.eval()


def load_finder(path: Path) -> finders.Finder:
    if not path.is_dir():
        return finders.load(path)
    model = finders.Finder()
    model.load_state_dict(checkpoint.load(path)[1])
    return model.eval()


def held_packs(root: Path, folder: Path, kind: str) -> list[packs.Pack]:
    """The held-out packs, rendered if they are not there."""
    out, head = [], None
    for seed in SEEDS if kind == packs.CLOSE else SEEDS[:1]:
        at = folder / f"{kind}-{seed}"
        if not at.exists():
            head = head or heads.load(root / "ict_facekit.npz")
            packs.save(packs.make(head, expressions.load(root, True), seed, PICTURES, kind), at)
        out.append(packs.load(at))
    return out


def points_figures(model: points_net.PointsNet, held: list[packs.Pack], batch: int = 16) -> dict[str, float]:
    """Errors in hundredths of the crop: mean distance over points that can be seen (``seen``), by region, over hidden ones, and further
    figures. Crops are off as a tracker's are; half of the pictures are degraded as cameras do."""
    rng = np.random.default_rng(12)
    size = model.config.size
    away, visible, stylised, tone, sigma, face, guess, mirrored, speed, both = [], [], [], [], [], [], [], [], [], []
    crops, truth = [], []
    for pack in held:
        for j in range(len(pack.points)):
            crop, at, seen, _ = augment.view(pack.pictures[j], pack.points[j], pack.visible[j], size, rng, _MILD)
            crops.append(crop)
            truth.append(at)
            visible.append(seen)
            stylised.append(bool(pack.stylised[j]))
            tone.append(float(pack.tone[j]))
    with torch.inference_mode():
        for i in range(0, len(crops), batch):
            began = time.process_time()
            given = torch.from_numpy(np.stack(crops[i : i + batch])).permute(0, 3, 1, 2)
            out = model(given)
            speed.append((time.process_time() - began) / len(given))
            at = torch.from_numpy(np.stack(truth[i : i + batch]))
            away.append((out.points - at).norm(dim=-1))
            sigma.append((out.points - at).abs().mean(-1) / out.log_sigma.exp())
            face.append(out.face > 0)
            guess.append(out.visible > 0)
            mean = points_net.both_ways(model, given).points
            both.append((mean - at).norm(dim=-1))
            mirrored.append(2 * (mean - out.points).norm(dim=-1))
    d, seen, styled = 100 * torch.cat(away).numpy(), np.stack(visible), np.array(stylised)
    out = {"seen": d[seen].mean(), "seenBothWays": 100 * torch.cat(both).numpy()[seen].mean(),
           "median": float(np.median(d[seen])), "seenReal": d[~styled][seen[~styled]].mean(),
           "seenStylised": d[styled][seen[styled]].mean(), "hidden": d[~seen].mean(), "overSigma": torch.cat(sigma).numpy()[seen].mean(),
           "faceFound": torch.cat(face).float().mean().item(), "visibleRight": (torch.cat(guess).numpy() == seen).mean(),
           "mirror": 100 * torch.cat(mirrored).mean().item(), "msPerCrop": 1000 * float(np.median(speed))}  # fmt: skip
    region = np.array(REGION)
    for name in dict.fromkeys(REGION):
        rows = seen & (region == name)[None]
        if rows.any():
            out[f"region {name}"] = d[rows].mean()
    skin = np.array(tone)
    for name, low, high in TONES:
        rows = (skin >= low) & (skin < high) & ~styled
        if rows.any():
            out[f"skin {name}"] = d[rows][seen[rows]].mean()
    assert d.shape[1] == POINTS
    people = d.reshape(-1, held[0].each, POINTS)  # the same person's pictures are no independent samples
    shown = seen.reshape(people.shape)
    means = np.array([p[s].mean() for p, s in zip(people, shown, strict=True) if s.any()])
    out["interval95"] = 1.96 * means.std() / len(means) ** 0.5
    return {k: round(float(v), 4) for k, v in out.items()}


def careful_figures(model: points_net.PointsNet, held: list[packs.Pack], batch: int = 16) -> dict[str, float]:
    """The error over points that can be seen, in hundredths of the crop, in one look, as the product looks at a frame of a
    video (``bothWays``) and at a photo (``carefully``): cut out of pictures that a camera has damaged."""
    rng = np.random.default_rng(12)
    networks = FaceNetworks(points=model)
    away: dict[str, list[np.ndarray]] = {"oneLook": [], "bothWays": [], "carefully": []}
    pictures, crops, truth, seen = [], [], [], []
    for pack in held:
        for j in range(0, len(pack.points), 2):
            picture = pack.pictures[j].copy()
            raster.damage(picture, augment.sensor(rng, _MILD.grey), int(rng.integers(1 << 30)))
            crop = augment.jittered(crop_of(pack.points[j]), rng, _MILD)
            at = crop.from_picture(pack.points[j])
            pictures.append(picture)
            crops.append(crop)
            truth.append(at)
            seen.append(pack.visible[j] & (at > 0).all(1) & (at < 1).all(1))
    for i in range(0, len(crops), batch):
        some = pictures[i : i + batch], crops[i : i + batch]
        taken = np.stack([cut(p, c, networks.size) for p, c in zip(*some, strict=True)])
        looks = {
            "oneLook": networks.look(taken),
            "bothWays": networks.look(taken, both_ways=True),
            "carefully": tracker.carefully(*some, networks),
        }
        for name, dense in looks.items():
            away[name].append(np.linalg.norm(dense.points - np.stack(truth[i : i + batch]), axis=-1))
    shown = np.stack(seen)
    return {name: round(float(100 * np.concatenate(d)[shown].mean()), 4) for name, d in away.items()}


def finder_figures(model: finders.Finder, wide: list[packs.Pack], close: list[packs.Pack]) -> dict[str, float]:
    """Recall and precision on held-out scenes (a find matches a face within half of its side), by size, and errors of what was found."""
    rng = np.random.default_rng(13)
    backs = backgrounds.bank(1, 160)
    options = train_finder.FinderOptions()
    size = model.config.size
    hits, misses, false, empty, off, scale, roll = [], [], 0, 0, [], [], []
    found_sizes: list[float] = []
    for _ in range(SCENES):
        scene = train_finder.scene(wide, close, backs, rng, options, size)
        got = model.find(scene.picture)
        left = list(got)
        for x, y, side, lean in scene.faces:
            at = [g for g in left if np.hypot(g.box[0] + g.box[2] / 2 - x, g.box[1] + g.box[3] / 2 - y) < 0.5 * side]
            if not at:
                misses.append(side)
                continue
            best = min(at, key=lambda g: abs(np.log(g.box[2] / side)))
            left.remove(best)
            hits.append(side)
            found_sizes.append(side)
            off.append(np.hypot(best.box[0] + best.box[2] / 2 - x, best.box[1] + best.box[3] / 2 - y) / side)
            scale.append(abs(np.log(best.box[2] / side)))
            roll.append(abs(np.angle(np.exp(1j * (best.roll - lean)))))
        false += len(left)
        empty += bool(len(left)) and not len(scene.faces)
    h, m = np.array(hits), np.array(misses)
    out = {"faces": len(h) + len(m), "recall": len(h) / (len(h) + len(m)), "precision": len(h) / (len(h) + false), "falseInEmpty": empty,
           "centre": np.mean(off), "scale": np.mean(scale), "rollDegrees": np.degrees(np.mean(roll))}  # fmt: skip
    for low, high in ((7, 10), (10, 16), (16, 32), (32, 128)):
        a, b = ((h >= low) & (h < high)).sum(), ((m >= low) & (m < high)).sum()
        out[f"recall {low}-{high} px of {size}"] = a / max(a + b, 1)
    picture = np.random.default_rng(0).integers(0, 255, (360, 640, 3), np.uint8)
    began = time.process_time()
    for _ in range(20):
        model.find(picture)
    out["msPerPicture"] = 1000 * (time.process_time() - began) / 20
    return {k: round(float(v), 4) for k, v in out.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--packs", type=Path, default=ROOT / ".cache" / "faces" / "held")
    parser.add_argument("--points", type=Path, default=points_net.SHIPPED)
    parser.add_argument("--finder", type=Path, default=finders.SHIPPED)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    args = parser.parse_args()
    torch.set_num_threads(1)
    root = corpora.folder(args.corpora)
    close, wide = held_packs(root, args.packs, packs.CLOSE), held_packs(root, args.packs, packs.WIDE)
    figures = {}
    if args.points.exists():
        model = load_points(args.points)
        figures["points"] = points_figures(model, close) | careful_figures(model, close)
    if args.finder.exists():
        figures["finder"] = finder_figures(load_finder(args.finder), wide, close)
    print(json.dumps(figures, indent=1))
    if args.out:
        args.out.write_text(json.dumps(figures, indent=1), "utf-8")


if __name__ == "__main__":
    main()
