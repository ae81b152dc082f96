# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes differ: a Gaussian around the mean take, measured on real faces, to draw takes from and to say how likely one is.

A take's deviation from the mean lives in a space that opens 0..1 to both sides (``open_up``). There it is a Matern-3/2 process in time
with one correlation time, times a covariance over the channels: a few patterns that move channels together, and a little for each
channel alone. ``training.take_statistics`` measures both; ``docs/takes.md`` says what came out.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from ...core.curves import Curves
from ...core.errors import UserError
from ...core.paths import WEIGHTS, replacing
from . import matern, weights_file

KIND: Final = "takes"
VERSION: Final = "1"  # raise it when a tensor changes its meaning
SHIPPED: Final = WEIGHTS / "takes.safetensors"
# How far beyond 0..1 the open space reaches. GRID's errors have a log density of 9.5, 9.8 and 9.9 nats a frame at 0.1, 0.2 and 0.4; but
# the wider, the more a mouth moves that should rest.
EASE: Final = 0.2
# Seconds between the states that a seed draws: the network's frames. Finer ones would differ by a hundredth of the spread.
STEP: Final = 0.02
# States that are held at a time: an hour has 180,000.
_STATES: Final = 1024
_REINSTALL: Final = "Install Facewright again, or put the file back from its release."


def open_up(values: np.ndarray) -> np.ndarray:
    """0..1 to the open space, float64: log((v + EASE) / (1 - v + EASE)); finite at 0 and at 1."""
    v = np.asarray(values, np.float64)
    return np.log((v + EASE) / (1 - v + EASE))


def close_down(opened: np.ndarray) -> np.ndarray:
    """The way back, clipped to 0..1. Float32."""
    share = 1 / (1 + np.exp(-np.asarray(opened, np.float64)))
    return np.clip(share * (1 + 2 * EASE) - EASE, 0, 1).astype(np.float32)


@dataclass(frozen=True)
class TakeModel:
    """How takes differ. names: N channels. basis: float64 [N, R], what the shared patterns do; alone: float64 [N], each channel's own
    standard deviation. correlation_time: seconds, the Matern length. All in the open space."""

    names: tuple[str, ...]
    basis: np.ndarray
    alone: np.ndarray
    correlation_time: float

    @cached_property
    def channel_covariance(self) -> np.ndarray:
        """float64 [N, N]."""
        return self.basis @ self.basis.T + np.diag(self.alone**2)

    def deviation(self, times: np.ndarray, seed: int) -> np.ndarray:
        """What take ``seed`` adds to the mean in the open space at ``times`` (s, rising, from 0). Float64 [T, N].

        A time's value depends on the seed and the time alone: not on the length, the frame rate or the blocks it is made in.
        """
        times = np.maximum(np.asarray(times, np.float64), 0)
        out = np.empty((len(times), len(self.names)))
        mix = np.concatenate([self.basis.T, np.diag(self.alone)])
        blocks = matern.sample(STEP, self.correlation_time, len(mix), np.random.default_rng((seed, 2)))
        slope = STEP * math.sqrt(3) / self.correlation_time
        first, held = 0, np.zeros((0, 2, len(self.names)))
        row = 0
        while row < len(times):
            # the last state of a stretch is the first of the next
            stretch = [held[-1:]] + [next(blocks) @ mix for _ in range(_STATES // 64)]
            first += max(len(held) - 1, 0)
            held = np.concatenate(stretch)
            end = int(np.searchsorted(times, (first + len(held) - 1) * STEP))
            at = times[row:end] / STEP - first
            i = np.clip(at.astype(np.intp), 0, len(held) - 2)
            x = (at - i)[:, None]
            here, there = held[i], held[i + 1]
            rest = 1 - x
            # cubic through values and velocities, which is what the process is most likely to do between two states
            out[row:end] = (
                rest * rest * ((1 + 2 * x) * here[:, 0] + slope * x * here[:, 1])
                + x * x * ((1 + 2 * rest) * there[:, 0] - slope * rest * there[:, 1])
            )
            row = end
        return out

    def log_density(self, times: np.ndarray, deviation: np.ndarray, noise: float = 0.0) -> float:
        """Log density of deviations [T, N] at ``times``, exact, in linear time. noise: the share of white noise in a tracked face."""
        root = np.linalg.cholesky(self.channel_covariance)
        white = np.linalg.solve(root, np.asarray(deviation, np.float64).T).T
        return matern.log_density(times, white, self.correlation_time, noise) - len(times) * float(np.log(np.diag(root)).sum())

    def save(self, path: Path | str) -> None:
        """Write the model; ``weights_file.pin`` lists it."""
        tensors = {"basis": self.basis.astype(np.float32), "alone": self.alone.astype(np.float32)}
        described = {"kind": KIND, "version": VERSION, "names": json.dumps(self.names), "correlationTime": f"{self.correlation_time:.4f}"}
        data = weights_file.reproducible(safetensors.numpy.save(tensors, metadata=described))
        with replacing(path) as temporary:
            temporary.write_bytes(data)


def load(path: Path | str = SHIPPED) -> TakeModel:
    """The model in a file, whose sha256 must be the one that ``manifest.json`` beside it lists, if it lists one.

    Raises UserError for a file that is missing, unreadable, altered, or of another kind or version.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The statistics of takes cannot be read: {path} ({error.strerror}).", _REINSTALL) from error
    expected = weights_file.pinned_sha256(path)
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise UserError(f"The statistics of takes are damaged or altered: {path}.", _REINSTALL)
    try:
        described = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__", {})
        if (described.get("kind"), described.get("version")) != (KIND, VERSION):
            raise UserError(f"The file {path} holds no statistics of takes that this Facewright reads.", _REINSTALL)
        tensors = safetensors.numpy.load(data)
        names = tuple(json.loads(described["names"]))
        basis, alone = tensors["basis"].astype(np.float64), tensors["alone"].astype(np.float64)
        if basis.ndim != 2 or len(basis) != len(names) or alone.shape != (len(names),) or not (alone > 0).all():
            raise ValueError("its arrays do not fit together")
        return TakeModel(names, basis, alone, float(described["correlationTime"]))
    except (SafetensorError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise UserError(f"The statistics of takes cannot be used: {path} ({error}).", _REINSTALL) from error


@cache
def shipped() -> TakeModel:
    """The shipped model, read once."""
    return load()


def draw(curves: Curves, seed: int, amount: float = 1.0, model: TakeModel | None = None) -> Curves:
    """Take ``seed`` around the mean take ``curves``. Seed 0 and amount 0 give back ``curves`` itself.

    amount: scales how far takes differ; 1 as measured. Channels that the model does not know stay as they are; all lie in 0..1. The same
    seed gives the same deviations at every frame rate.
    """
    if seed == 0 or amount == 0 or not len(curves.times):
        return curves
    model = model or shipped()
    here, there = _common(curves.names, model.names)
    values = curves.values.copy()
    values[:, here] = close_down(open_up(values[:, here]) + amount * model.deviation(curves.times, seed)[:, there])
    return Curves(curves.names, curves.times, values)


def log_likelihood(take: Curves, mean: Curves, model: TakeModel | None = None) -> float:
    """Log density of ``take`` around ``mean`` (same names and times) in the open space, over the model's channels. Linear in time.

    Exact for samples at any times; where a take was cut off at 0 or 1 the cut value counts. To compare policies on drawn takes without
    that loss, use ``TakeModel.deviation`` and ``TakeModel.log_density``. Raises UserError where the two curves do not match.
    """
    model = model or shipped()
    if take.names != mean.names or not np.array_equal(take.times, mean.times):
        raise UserError("The take and the mean take have other channels or times.", "Compare takes of one sound at one frame rate.")
    here, there = _common(take.names, model.names)
    part = TakeModel(tuple(model.names[i] for i in there), model.basis[there], model.alone[there], model.correlation_time)
    return part.log_density(take.times, open_up(take.values[:, here]) - open_up(mean.values[:, here]))


def _common(names: tuple[str, ...], known: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Columns of the channels that both have: in ``names``, in ``known``."""
    shared = [n for n in known if n in names]
    return [names.index(n) for n in shared], [known.index(n) for n in shared]
