# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes by simulated raters on real takes of the shipped sample, kept in a real store."""
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest
import torch

from facewright.core.curves import Curves
from facewright.inference import curves_file
from facewright.inference.preference import takes
from facewright.preference.store import Store
from facewright.preference.votes import Take, Vote, new_id, now

SAMPLE = Path(__file__).parents[3] / "samples" / "hello.wav"
STRETCHES = ((0.3, 2.0), (2.2, 4.0), (4.4, 6.0), (6.3, 8.0))


def quiet(fraction: float, stage: str) -> None:
    pass


def round_lips(curves: Curves) -> float:
    """A simulated taste: round sounds."""
    return float((curves.channel("mouthPucker") + curves.channel("mouthFunnel")).mean())


@dataclass(frozen=True)
class Made:
    """A take of the sample: its record, its curves file, what is on it, and the number of its stretch."""

    take: Take
    path: Path
    curves: Curves
    stretch: int


@dataclass(frozen=True)
class Sitting:
    """Takes of the sample, and what the model heard of it."""

    made: tuple[Made, ...]
    heard: Path

    def pairs(self) -> list[tuple[Made, Made]]:
        return [(a, b) for a, b in combinations(self.made, 2) if a.stretch == b.stretch]

    def voted(self, folder: Path, taste: Callable[[Curves], float], count: int, noise: float = 0.0, seed: int = 0) -> Path:
        """A store in ``folder`` with ``count`` answers of a rater of this taste, of which a share is a coin's."""
        chance = random.Random(seed)
        with Store.open(folder) as store:
            for made in self.made:
                store.add_take(made.take, made.path)
            for a, b in chance.sample(self.pairs(), count):
                if chance.random() < 0.5:
                    a, b = b, a
                first = taste(a.curves) > taste(b.curves)
                if chance.random() < noise:
                    first = chance.random() < 0.5
                store.add_vote(vote(a.take, b.take, first))
        (folder / "heard").symlink_to(self.heard)
        return folder


def vote(a: Take, b: Take, first: bool, rater: str = "simulated") -> Vote:
    return Vote(new_id(), now(), rater, "test", (a.id, b.id), (0, 1) if first else (1, 0), milliseconds=5000)


@pytest.fixture(scope="session")
def sitting(tmp_path_factory: pytest.TempPathFactory) -> Sitting:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sitting")
    chance, made = random.Random(7), []
    for number, (start, end) in enumerate(STRETCHES):
        candidates = [
            {
                "seed": chance.randrange(1, 2**31), "variation": chance.uniform(0.5, 1.0),
                "controls": {"jaw": chance.uniform(0.7, 1.3), "lips": chance.uniform(0.7, 1.4)},
            }
            for _ in range(8)
        ]  # fmt: skip
        params = {"audio": str(SAMPLE), "start": start, "end": end, "out": str(folder / str(number)), "candidates": candidates}
        answer = takes.run({**params, "heard": str(folder / "heard")}, quiet)
        for entry in answer["takes"]:
            take = Take(
                kind="speech", clip=answer["clip"], clip_name="hello", start=start, end=end, seed=entry["seed"],
                variation=entry["variation"], controls=entry["controls"], model=answer["model"], adapter="", adapter_strength=0.0,
                fps=60.0, rig="", camera="", curves=entry["sha256"],
            )  # fmt: skip
            made.append(Made(take, Path(entry["curves"]), curves_file.load(entry["curves"]), number))
    return Sitting(tuple(made), folder / "heard")
