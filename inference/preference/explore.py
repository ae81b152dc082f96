# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes drawn from the policy for the reward model to judge: between votes it stands in for the rater, on as many pairs as are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from ...core.curves import Curves
from ...core.timing import frame_times
from ...rigs.arkit import ARKIT_52
from ..speech import variation
from ..speech.closures import apply_track
from ..speech.features import FRAME_SECONDS
from ..speech.life import Habits, live
from ..speech.model import SpeechModel
from ..speech.resample import resample_frames
from . import features
from .adapter import HABITS, Adapter
from .policy import HABIT_SPREAD, Spread, to_frames
from .stretches import Stretch

# Samples a second: the network's own frames, and features.RATE.
FPS: Final = 50.0
# How far explored takes scatter beside measured ones: as far. Wider ones show the reward model takes it has no votes near.
AMOUNT: Final = 1.0


@dataclass(frozen=True)
class Explored:
    """K takes of one stretch. weights [K, F, U]: S^-1 of each deviation at the network's frames; life [K, 3]: the same of the logarithms of
    the habits; rows [K, P]: features."""

    weights: np.ndarray
    life: np.ndarray
    rows: np.ndarray


@torch.no_grad()
def mean_mouth(stretch: Stretch, network: SpeechModel, fps: float = FPS) -> Curves:
    """The mean take's mouth before events, by a network that may be tuned; times from the start of the stretch."""
    hidden = torch.from_numpy(stretch.hidden)[None].to(network.face.weight.device)
    units = torch.sigmoid(network.face(torch.relu(network.face_hidden(hidden))))[0].T
    faces = units[:, network.unit_of_channel].cpu().numpy()
    times = frame_times(stretch.seconds, fps)
    return Curves(network.config.face_names, times, resample_frames(faces, times - stretch.first))


def finished(stretch: Stretch, mouth: Curves, seed: int, habits: Habits) -> Curves:
    """A mouth with the track's events and a seed's life: all 52 channels."""
    curves = apply_track(mouth.select(ARKIT_52), stretch.track)
    skipped = round(-stretch.first / FRAME_SECONDS)
    life = live(curves.times, stretch.track, stretch.level[max(skipped, 0) :], seed, habits)
    for column, name in enumerate(life.names):
        curves.values[:, ARKIT_52.index(name)] = life.values[:, column]
    return curves


def explore(stretch: Stretch, network: SpeechModel, adapter: Adapter, usual: Curves, spread: Spread, count: int, seed: int) -> Explored:
    """``count`` takes about the mean of ``network`` (the model with ``adapter``). usual: the untouched mean take, finished."""
    mouth = mean_mouth(stretch, network)
    times, names = mouth.times, mouth.names
    here = [names.index(n) for n in spread.known]
    opened = variation.open_up(mouth.values[:, here])
    generator = np.random.default_rng(seed)
    weights, life, rows = [], [], []
    for _ in range(count):
        own = int(generator.integers(1, 2**31))
        deviation = AMOUNT * spread.draw(times, generator)
        moved = generator.standard_normal(len(HABITS)) * HABIT_SPREAD
        values = mouth.values.copy()
        values[:, here] = variation.close_down(opened + deviation)
        habits = Habits(**{n: math.exp(v + m) for n, v, m in zip(HABITS, adapter.life.tolist(), moved, strict=True)})
        curves = finished(stretch, Curves(names, times, values), own, habits)
        units = len(adapter.units)
        weights.append(to_frames(spread.whitened(times, deviation, units), times, stretch.first, stretch.hidden.shape[1]))
        life.append(moved / HABIT_SPREAD**2)
        rows.append(features.describe(curves, usual))
    return Explored(np.array(weights, np.float32), np.array(life, np.float32), np.array(rows))
