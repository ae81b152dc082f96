# SPDX-License-Identifier: GPL-3.0-or-later
"""How well votes on videos teach the image model, with simulated raters: the figures of docs/benchmarks.md.

    python entry.py training.preference.simulate_faces --corpora DIR --work DIR [--tastes raised smiling] [--json OUT]
    python entry.py training.preference.simulate_faces --merge A B                                        the table of runs in parts

Rendered people (``faces``) are kept in ``--work``; delete it when the point network changes. Each simulated rater has a hidden taste
(``raters.FACE_TASTES``), votes on takes of some people and is judged on other people's.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ...core.curves import Curves
from ...inference.preference import features, image_adapter, image_check, image_policy, learn, questions, reward, settle, video_takes
from ...inference.preference.image_adapter import ImageAdapter
from ...inference.preference.image_base import ImageBase
from ...inference.preference.image_check import Clip
from ...inference.preference.seen import Seen
from ...inference.preference.tuning import TuneOptions
from ...inference.preference.video_takes import VideoCandidate, VideoControls
from ...inference.video.networks import FaceNetworks
from ...rigs.arkit import ARKIT_52
from .. import corpora
from . import clips, faces, raters
from .simulate import Pool, agreement, lesson, mean_of, vote, wins

VOTED, FRESH = (905_201, 8), (905_301, 6)  # first seed and number of people; each is filmed for SECONDS
SECONDS, STRETCH = 4.0, 2.0
TAKES = 8  # a stretch
SPREAD = 0.4  # of the amounts, as the panel's
VOTES = (60, 200)


def people(first: int, count: int, folder: Path, root: Path | None) -> list[Clip]:
    """Rendered clips, from ``folder`` where they are there. root: the corpora."""
    folder.mkdir(parents=True, exist_ok=True)
    found, seed, networks = [], first, None
    while len(found) < count:
        path = folder / f"{seed}.npz"
        if path.is_file():
            found.append(Clip.load(path))
        else:
            networks = networks or FaceNetworks("cpu")
            clip = faces.clip(seed, SECONDS, corpora.folder(root), networks)
            if clip is not None:
                clip.save(path)
                found.append(clip)
        seed += 1
    return found


def stretches(known: Sequence[Clip], base: ImageBase) -> list[Seen]:
    """All clips as the model sees them, cut in two."""
    found = []
    for number, clip in enumerate(known):
        whole = clip.see(base.sha256)
        for start in np.arange(0, SECONDS - 0.1, STRETCH):
            rows = (whole.times >= start - 1e-6) & (whole.times < start + STRETCH - 1e-6)
            parts = {n: getattr(whole, n)[rows] for n in ("times", "hidden", "arkit", "calm", "sigma")}
            parts["times"] = parts["times"] - parts["times"][0]
            found.append(Seen(f"{number:064x}", base.sha256, float(start), float(start + STRETCH), **parts))
    return found


def make_pool(known: Sequence[Seen], base: ImageBase, seed: int, tastes: Sequence[raters.Taste]) -> Pool:
    """Takes of each stretch that differ as a sitting's do: seed, and amounts of mouth, brows and eyes."""
    generator = np.random.default_rng(seed)
    rows, utility, whitened, usual = [], [], [], []
    for stretch in known:
        usual.append(base.usual(stretch))
        own = []
        for _ in range(TAKES):
            amounts = VideoControls(*map(float, generator.uniform(1 - SPREAD, 1 + SPREAD, 3)))
            values, opened = video_takes.made(None, stretch, VideoCandidate(int(generator.integers(1, 2**31)), controls=amounts), None)
            take = Curves(ARKIT_52, stretch.times, values)
            own.append((Curves(image_adapter.CHANNELS, stretch.times, opened), "whole"))
            rows.append(features.describe(take, usual[-1]))
            utility.append([taste(take) for taste in tastes])
        whitened.append(base.weights(stretch, own))
    groups = np.repeat(np.arange(len(known)), TAKES)
    return Pool(tuple(known), np.array(rows), groups, np.array(utility), tuple(whitened), tuple(usual))


def judged(adapter: ImageAdapter | None, fresh: Pool, taste: raters.Taste) -> np.ndarray:
    """What a rater thinks of the mean take and of one drawn take of each fresh stretch, [stretches, 2]."""
    found = []
    for stretch in fresh.stretches:
        mean = image_policy.mean_take(stretch, adapter)
        tuned = replace(stretch, arkit=mean)
        drawn, _ = video_takes.made(None, tuned, VideoCandidate(11), None)
        found.append([taste(Curves(ARKIT_52, stretch.times, v)) for v in (mean, drawn)])
    return np.array(found)


def held_out(adapter: ImageAdapter | None, known: Sequence[tuple[Seen, np.ndarray]]) -> dict[str, float]:
    """The gate's figures on people whom neither it nor the tuning knows."""
    return image_check.measured([(image_policy.mean_take(s, adapter), truth) for s, truth in known]).to_dict()


def runs(names: Sequence[str], seeds: int, work: Path, root: Path | None) -> Iterator[dict]:
    """Agreement, win rates, figures and time, a run for each taste, seed and number of votes."""
    base = ImageBase()
    tastes = [raters.FACE_TASTES[n] for n in names]
    others = people(*FRESH, work, root)
    pool = make_pool(stretches(people(*VOTED, work, root), base), base, 0, tastes)
    fresh = make_pool(stretches(others, base), base, 1, tastes)
    whole = [(clip.see(base.sha256), clip.arkit) for clip in others]
    print(f"votes on {len(pool.stretches)} stretches, judged on {len(fresh.stretches)} others", flush=True)
    every = questions.pairs_within(pool.groups)
    scale = reward.scale_of(pool.rows, pool.groups)
    untouched = held_out(None, whole)
    before_of = [judged(None, fresh, taste) for taste in tastes]
    for seed in range(seeds):
        for t, name in enumerate(names):
            before = before_of[t]
            for count in VOTES:
                generator = np.random.default_rng((seed, 2))
                answers = vote(pool, t, [every[i] for i in generator.permutation(len(every))[:count]], 0.0, generator)
                at = time.process_time()
                _, adapter = learn.tune(lesson(pool, answers), base, TuneOptions(seed=seed), clips.quiet)
                settled = settle.settle(adapter, base)
                seconds = time.process_time() - at
                after = judged(settled.adapter, fresh, tastes[t])
                spread = float(np.std(fresh.utility[:, t] - np.repeat(before[:, 0], TAKES)))
                yield {
                    "taste": name, "seed": seed, "votes": count, "strength": settled.strength, "seconds": seconds,
                    "agreement": agreement(reward.fit(pool.rows, pool.groups, answers, scale), fresh, t),
                    "mean": wins(after[:, 0], before[:, 0]), "drawn": wins(after[:, 1], before[:, 1]),
                    "far": float((after[:, 0] - before[:, 0]).mean() / spread), "before": untouched,
                    "after": held_out(settled.adapter, whole),
                }  # fmt: skip


def print_table(found: Sequence[dict]) -> None:
    """Everything with 95 % bootstrap intervals over runs (a taste and a seed each)."""
    for count in sorted({r["votes"] for r in found}):
        own = [r for r in found if r["votes"] == count]
        print(f"{count} votes ({len(own)} runs)")
        for what in ("agreement", "mean", "drawn", "far", "strength", "seconds"):
            by_taste = {n: np.mean([r[what] for r in own if r["taste"] == n]) for n in dict.fromkeys(r["taste"] for r in own)}
            print(f"  {what:10s} {mean_of([r[what] for r in own])}  {' '.join(f'{n} {v:.2f}' for n, v in by_taste.items())}")
        for name, value in own[0]["before"].items():
            after = np.array([r["after"][name] for r in own])
            print(f"  {name:18s} {value:.3f} -> {after.mean():.3f}, {after.min():.3f} to {after.max():.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpora")
    parser.add_argument("--work", type=Path, help="where rendered people are kept")
    parser.add_argument("--json", type=Path, help="write every run's figures")
    parser.add_argument("--tastes", nargs="*", choices=list(raters.FACE_TASTES), default=list(raters.FACE_TASTES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--merge", type=Path, nargs="+", help="print the table of runs that were written before")
    args = parser.parse_args()
    found: list[dict] = []
    if args.merge:
        for path in args.merge:
            found += json.loads(path.read_text("utf-8"))
        print_table(found)
        return
    if args.work is None:
        parser.error("--work is needed, or --merge")
    torch.set_num_threads(1)
    if not args.tastes:
        people(*VOTED, args.work, args.corpora)
        people(*FRESH, args.work, args.corpora)
        return
    for run in runs(args.tastes, args.seeds, args.work, args.corpora):
        found.append(run)
        if args.json:
            args.json.write_text(json.dumps(found), "utf-8")
    print_table(found)


if __name__ == "__main__":
    main()
