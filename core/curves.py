# SPDX-License-Identifier: GPL-3.0-or-later
"""Animation curves as plain data: what every model makes, every file format stores and every bake reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import UserError


@dataclass(frozen=True)
class Curves:
    """Named channels sampled at common times.

    names:  channel names, unique, N of them (canonical ARKit names unless a rig's own are meant)
    times:  float64 [T], seconds from the start of the sound or clip, strictly rising
    values: float32 [T, N], usually 0..1 (head and gaze angles -1..1)
    Raises UserError where shapes, order or values do not fit.
    """

    names: tuple[str, ...]
    times: np.ndarray
    values: np.ndarray

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "times", np.asarray(self.times, np.float64))
        object.__setattr__(self, "values", np.asarray(self.values, np.float32))
        if self.values.shape != (len(self.times), len(self.names)):
            raise UserError(
                f"The curves do not fit together: {len(self.times)} times, {len(self.names)} names, values of shape {self.values.shape}."
            )
        if len(set(self.names)) != len(self.names):
            twice = next(n for n in self.names if self.names.count(n) > 1)
            raise UserError(f"The curve '{twice}' is there twice.", "Keep one of the two.")
        if len(self.times) > 1 and not (np.diff(self.times) > 0).all():
            raise UserError("The curve times do not rise from row to row.", "Sort the rows by time and drop repeated ones.")
        if not (np.isfinite(self.values).all() and np.isfinite(self.times).all()):
            raise UserError("The curves hold values that are not numbers (NaN or infinity).", "Export them again from their source.")

    @property
    def duration(self) -> float:
        """Seconds from time 0 to the last sample."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def channel(self, name: str) -> np.ndarray:
        """One channel, float32 [T]. Raises KeyError if it is not there."""
        try:
            return self.values[:, self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    def select(self, names: Sequence[str]) -> Curves:
        """These channels in this order; a name that is not there becomes a channel of zeros."""
        out = np.zeros((len(self.times), len(names)), np.float32)
        index = {n: i for i, n in enumerate(self.names)}
        for column, name in enumerate(names):
            if name in index:
                out[:, column] = self.values[:, index[name]]
        return Curves(tuple(names), self.times, out)

    def resample(self, times: np.ndarray) -> Curves:
        """Linear interpolation at the given times (seconds, rising); the ends are held."""
        times = np.asarray(times, np.float64)
        if len(self.times) == 0:
            return Curves(self.names, times, np.zeros((len(times), len(self.names)), np.float32))
        columns = [np.interp(times, self.times, self.values[:, i]) for i in range(len(self.names))]
        return Curves(self.names, times, np.stack(columns, 1) if columns else np.zeros((len(times), 0), np.float32))
