# SPDX-License-Identifier: GPL-3.0-or-later
"""Curves as JSON: {"fps": 60, "names": ["jawOpen", ...], "values": [[0.1, ...], ...]}, one row a frame, row i at the time i / fps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.paths import replacing
from . import rows

_DIGITS = 6  # a millionth of a shape key's range


def read(path: Path | str, fps: float | None = None, warn: Callable[[str], None] = lambda sentence: None) -> Curves:
    """Curves of the file; ``fps`` overrules the file's own. Raises UserError that says what is wrong and in which row."""
    name = Path(path).name
    hint = 'It should hold {"fps": 60, "names": ["jawOpen"], "values": [[0.1], [0.2]]}.'
    try:
        data = json.loads(rows.read_text(path), parse_constant=_not_a_number)
    except _NotANumber as error:
        raise UserError(f"{name} holds the value {error}, which is not a number.", "Export it again from its source.") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not JSON: {error}.", hint) from error
    if not isinstance(data, dict) or not {"fps", "names", "values"} <= set(data):
        raise UserError(f"{name} is JSON, but does not hold curves.", hint)
    names, values = data["names"], data["values"]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n for n in names):
        raise UserError(f"The names in {name} are not a list of texts.", hint)
    if not isinstance(values, list) or not values:
        raise UserError(f"{name} has no rows of values.", "Export it again.")
    rate = rows.check_fps(data["fps"] if fps is None else fps, name)
    for number, row in enumerate(values, 1):
        if not isinstance(row, list) or len(row) != len(names):
            count = len(row) if isinstance(row, list) else "no"
            raise UserError(
                f"Row {number} of {name} has {count} values for {len(names)} names.", "Every row needs one value for each name."
            )
        for own, value in zip(names, row, strict=True):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e30:
                raise UserError(
                    f"Row {number} of {name} has {value!r} for '{own}', which is not a number.", "Export it again from its source."
                )
    return Curves(tuple(names), np.arange(len(values)) / rate, np.array(values, np.float32))


def write(curves: Curves, path: Path | str, fps: float, warn: Callable[[str], None] = lambda sentence: None) -> None:
    """Write all channels, sampled at ``fps``. Raises UserError."""
    sampled = rows.at_fps(curves, fps)
    values = np.round(sampled.values.astype(np.float64), _DIGITS) + 0.0  # no minus zeros
    data = {"fps": fps, "names": list(sampled.names), "values": values.tolist()}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False) + "\n", encoding="utf-8")


class _NotANumber(Exception):
    """NaN or Infinity, which Python's JSON reader would let through."""


def _not_a_number(text: str) -> NoReturn:
    raise _NotANumber(text)
