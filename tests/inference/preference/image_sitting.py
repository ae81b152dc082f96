# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes by simulated raters on takes of rendered faces, kept in a real store: the gate's own clips, cut into stretches."""
from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from facewright.core.content import sha256_of
from facewright.core.curves import Curves
from facewright.inference.preference import image_adapter, image_check, image_policy, seen, video_takes
from facewright.inference.preference.seen import Seen
from facewright.inference.video import coefficients
from facewright.preference.store import Store
from facewright.preference.votes import Take, Vote, new_id, now
from facewright.rigs.arkit import ARKIT_52

MODEL = sha256_of(coefficients.SHIPPED)
SECONDS = 1.5


def brows(curves: Curves) -> float:
    """A simulated taste: brows that go up far."""
    return float(np.percentile(curves.channel("browInnerUp") + curves.channel("browOuterUpLeft") + curves.channel("browOuterUpRight"), 80))


def stretches() -> list[Seen]:
    """The check clips in pieces, each under a name of its own."""
    found = []
    for number, clip in enumerate(image_check.clips()):
        for start in np.arange(0, clip.times[-1] - SECONDS, SECONDS):
            rows = (clip.times >= start) & (clip.times < start + SECONDS)
            parts = {n: getattr(clip, n)[rows] for n in ("hidden", "arkit", "calm", "sigma")}
            times = clip.times[rows] - clip.times[rows][0]
            found.append(Seen(f"{number:064x}", MODEL, float(start), float(start + SECONDS), times, **parts))
    return found


@dataclass(frozen=True)
class Made:
    take: Take
    path: Path
    curves: Curves
    stretch: int


@dataclass(frozen=True)
class Sitting:
    """Takes of rendered faces, and what the model saw of them."""

    made: tuple[Made, ...]
    seen: tuple[Seen, ...]

    @staticmethod
    def of(folder: Path, takes: int = 4) -> Sitting:
        made, known = [], stretches()
        for number, stretch in enumerate(known):
            generator = np.random.default_rng((number, 5))
            for seed in range(takes):
                mean, drawn = image_adapter.open_columns(stretch.arkit).T.numpy(), image_policy.draw(stretch, generator)
                shown = image_adapter.closed(stretch.arkit, mean + (1 - image_policy.held(stretch)) * drawn)
                curves = Curves(ARKIT_52, stretch.times, shown)
                path = folder / f"{number}-{seed}.npz"
                video_takes.save(stretch.times, shown, mean + drawn, path)
                take = Take(
                    kind="video", clip=stretch.clip, clip_name="rendered", start=stretch.start, end=stretch.end, seed=seed + 1,
                    variation=1.0, controls={}, model=MODEL, adapter="", adapter_strength=0.0, fps=25.0, rig="", camera="",
                    curves=sha256_of(path),
                )  # fmt: skip
                made.append(Made(take, path, curves, number))
        return Sitting(tuple(made), tuple(known))

    def voted(self, folder: Path, taste: Callable[[Curves], float], count: int, region: str = "whole") -> Path:
        """A store in ``folder`` with ``count`` answers of a rater of this taste."""
        chance = random.Random(0)
        pairs = [(a, b) for a, b in combinations(self.made, 2) if a.stretch == b.stretch]
        with Store.open(folder) as store:
            for made in self.made:
                store.add_take(made.take, made.path)
            for a, b in chance.sample(pairs, count):
                ranks = (0, 1) if taste(a.curves) > taste(b.curves) else (1, 0)
                store.add_vote(Vote(new_id(), now(), "simulated", "test", (a.take.id, b.take.id), ranks, region=region, milliseconds=5000))
        (folder / "heard").mkdir()
        for stretch in self.seen:
            seen.save(stretch, folder / "heard" / seen.file_name(stretch.clip, MODEL, stretch.start, stretch.end))
        return folder
