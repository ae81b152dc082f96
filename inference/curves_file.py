# SPDX-License-Identifier: GPL-3.0-or-later
"""The npz file that carries curves from the worker to Blender: arrays ``names``, ``times`` and ``values``, no pickle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.paths import replacing


def save(curves: Curves, path: Path | str) -> None:
    """Write the curves; an older file is replaced in one step. Raises UserError where it cannot be written."""
    with replacing(path) as temporary, temporary.open("wb") as file:  # a handle keeps numpy from adding a suffix of its own
        np.savez(file, names=np.array(curves.names, dtype=np.str_), times=curves.times, values=curves.values)


def load(path: Path | str) -> Curves:
    """Read what ``save`` wrote. Raises UserError where the file is missing, damaged or no curves file."""
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as data:
            if not isinstance(data, np.lib.npyio.NpzFile) or not {"names", "times", "values"} <= set(data.files):
                raise UserError(f"{path} is no curves file.", "Run the job again.")
            names, times, values = data["names"], data["times"], data["values"]
    except OSError as error:
        raise UserError(f"Cannot read the curves file {path}: {error.strerror or error}.", "Run the job again.") from error
    except (ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"The curves file {path} is damaged.", "Run the job again.") from error
    if names.ndim != 1 or names.dtype.kind != "U" or times.dtype.kind != "f" or values.dtype.kind != "f":
        raise UserError(f"{path} is no curves file.", "Run the job again.")
    return Curves(tuple(map(str, names)), times, values)
