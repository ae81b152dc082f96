# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a take is kept while the rest is made anew, and the file that carries it to the worker: Blender writes it, ``around`` fits it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from ...core.paths import replacing


@dataclass(frozen=True)
class Around:
    """What is kept of a take. curves: its channels at times i / fps; where: bool [T, N], the kept samples.

    strength, smoothing: of the bake that the rest goes through (see ``scene.bake``), done here, since what is kept went through it already.
    """

    curves: Curves
    where: np.ndarray
    strength: float = 1.0
    smoothing: float = 0.0


def save(around: Around, path: Path | str) -> None:
    """Write it as an npz without pickle. Raises UserError where it cannot be written."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            names=np.array(around.curves.names, dtype=np.str_),
            times=around.curves.times,
            values=around.curves.values,
            where=around.where,
            bake=np.array([around.strength, around.smoothing]),
        )


def load(path: Path | str) -> Around:
    """Read what ``save`` wrote. Raises UserError where it is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as data:
            curves = Curves(tuple(map(str, data["names"])), data["times"], data["values"])
            strength, smoothing = map(float, data["bake"])
            where = data["where"]
            if where.dtype != bool or where.shape != curves.values.shape:
                raise ValueError("other shapes")
    except OSError as error:
        raise UserError(f"Cannot read what is kept of the take: {error.strerror or error}.", "Try again.") from error
    except (ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise UserError("What is kept of the take is damaged.", "Try again.") from error
    return Around(curves, where, strength, smoothing)
