# SPDX-License-Identifier: GPL-3.0-or-later
"""Live Link Face CSV: ``Timecode,BlendshapeCount,`` and 61 columns in PascalCase, the 52 of ARKit, then head and eye angles.

Row i is at the time i / fps. The timecode is HH:MM:SS:FF.mmm, FF the frame in its second and mmm thousandths of a frame.
Source: recordings of the app, whose columns are in this order (Unreal's own EARFaceBlendShape has jaw and mouth left before right), and
https://dev.epicgames.com/documentation/en-us/unreal-engine/API/Runtime/AugmentedReality/EARFaceBlendShape
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.paths import replacing
from ..rigs.arkit import ARKIT_52, HEAD_AND_EYES
from . import rows

COLUMNS: Final = tuple(name[0].upper() + name[1:] for name in ARKIT_52 + HEAD_AND_EYES)
_CANONICAL: Final = {name.lower(): name for name in ARKIT_52 + HEAD_AND_EYES}
_LEADING: Final = ("timecode", "blendshapecount")
_TIMECODE: Final = re.compile(r"\s*(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)\s*$")
_USUAL_FPS: Final = 60.0  # what the app records at unless told otherwise
_RATES: Final = (24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 90.0, 100.0, 120.0, 24 / 1.001, 30 / 1.001, 60 / 1.001)
_LARGEST: Final = 1e30  # anything beyond is not a channel's value, and would not fit float32
_FEW_WRONG: Final = 0.9  # share of timecodes that must fit in for the others to be put between them
_SNAP: Final = 3e-4  # relative: 30 and 29.97 are 1e-3 apart


def read(path: Path | str, fps: float | None = None, warn: Callable[[str], None] = lambda sentence: None) -> Curves:
    """Curves of the file, named as ARKit does, with the columns that are there, in the file's order.

    fps: rows a second; without it the timecodes tell. Rows in which the face was lost hold the last values. A cut-off last row is left out.
    Semicolons and decimal commas (a spreadsheet's export) are understood. Raises UserError with the line of what cannot be read.
    """
    name = Path(path).name
    lines = rows.read_text(path).splitlines()
    header_at = next(i for i, line in enumerate(lines) if line.strip())
    header_line = lines[header_at]
    separator = max(",;\t", key=header_line.count)
    header = [field.strip().strip('"') for field in header_line.split(separator)]
    columns, extra = _columns(header, name)
    if extra:
        are = "column is" if len(extra) == 1 else "columns are"
        warn(f"{name}: {len(extra)} {are} not Live Link Face's and left out ({', '.join(extra[:4])}).")
    missing = [c for c in COLUMNS[: len(ARKIT_52)] if c[0].lower() + c[1:] not in columns]
    if missing:
        warn(
            f"{name}: {len(missing)} of the 52 ARKit columns are not there ({', '.join(missing[:4])}{', ...' if len(missing) > 4 else ''})."
        )

    body = [(number, line) for number, line in enumerate(lines[header_at + 1 :], header_at + 2) if line.strip(separator + " ")]
    timecodes, values, lost = _rows(body, separator, header, columns, name, warn)
    if not len(values):
        raise UserError(f"{name} has a header but no rows.", "Record or export it again.")
    if lost:
        warn(f"{name}: the face was lost in {lost} of {len(values)} rows; the last values are held there.")
    times = np.arange(len(values)) / rows.check_fps(fps, name) if fps is not None else _times(timecodes, name, warn)
    return Curves(tuple(columns), times, values)


def write(
    curves: Curves, path: Path | str, fps: float, warn: Callable[[str], None] = lambda sentence: None, own_times: bool = False
) -> None:
    """Write the 61 columns, sampled at ``fps``; channels that are not there are 0. Raises UserError where none of the 61 is.

    own_times: one row for each sample of the curves instead, with its own time as timecode; ``fps`` then only says how timecodes count.
    """
    known = ARKIT_52 + HEAD_AND_EYES
    others = [n for n in curves.names if n not in known]
    if curves.names and len(others) == len(curves.names):
        raise UserError(
            f"None of the curves ({', '.join(others[:4])}) is a Live Link Face channel.", "Write them as .json, which takes any name."
        )
    if others:
        warn(f"{len(others)} of the curves are not Live Link Face channels and are not in the CSV ({', '.join(others[:4])}).")
    sampled = (rows.checked(curves, fps) if own_times else rows.at_fps(curves, fps)).select(known)
    numbers = sampled.times * fps if own_times else range(len(sampled.times))
    values = np.round(sampled.values.astype(np.float64), 6) + 0.0  # no minus zeros
    pattern = ",".join(["%.6f"] * len(known))
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write("Timecode,BlendshapeCount," + ",".join(COLUMNS) + "\n")
        for i, row in zip(numbers, values.tolist(), strict=True):
            file.write(f"{timecode(i, fps)},{len(known)},{pattern % tuple(row)}\n")


def timecode(row: float, fps: float) -> str:
    """HH:MM:SS:FF.mmm of a row, which may lie between two: FF counts frames of the nominal rate (30 for 29.97); the time is true."""
    nominal = max(round(fps), 1)
    thousandths = round(row / fps * nominal * 1000)
    seconds, frame = divmod(thousandths, nominal * 1000)
    return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frame // 1000:02d}.{frame % 1000:03d}"


def _columns(header: list[str], name: str) -> tuple[dict[str, int], list[str]]:
    """Canonical name -> column, and the headings that mean nothing to us."""
    if not header or header[0].lower() != _LEADING[0]:
        raise UserError(
            f"{name} is not a Live Link Face CSV: its first column is '{header[0][:40]}', not Timecode.",
            "The first line should be Timecode,BlendshapeCount,EyeBlinkLeft,...",
        )
    columns: dict[str, int] = {}
    extra: list[str] = []
    for position, heading in enumerate(header):
        canonical = _CANONICAL.get(heading.lower())
        if canonical in columns:
            raise UserError(f"{name} has the column {heading} twice.", "Keep one of the two.")
        if canonical is not None:
            columns[canonical] = position
        elif heading and heading.lower() not in _LEADING:
            extra.append(heading)
    if not columns:
        raise UserError(
            f"{name} has none of Live Link Face's columns.", "The first line should be Timecode,BlendshapeCount,EyeBlinkLeft,..."
        )
    return columns, extra


def _rows(
    body: list[tuple[int, str]], separator: str, header: list[str], columns: dict[str, int], name: str, warn: Callable[[str], None]
) -> tuple[list[str], np.ndarray, int]:
    """Timecodes, values float32 [rows, columns] and how many rows had no face."""
    positions = list(columns.values())
    needed = max(positions) + 1
    values = np.zeros((len(body), len(columns)), np.float32)
    timecodes: list[str] = []
    lost = 0
    for i, (number, line) in enumerate(body):
        fields = [field.strip().strip('"') for field in line.split(separator)]
        if len(fields) > len(header) and any(fields[len(header) :]):
            hint = "It seems to use decimal commas: export it with decimal points." if separator == "," else "Export it again."
            raise UserError(f"Line {number} of {name} has {len(fields)} fields, but the header has {len(header)}.", hint)
        if separator == ";":
            fields = [f.replace(",", ".") for f in fields]
        if i == len(body) - 1 and i > 0 and not _whole(fields, positions, timecodes[0]):
            warn(f"{name}: its last row is cut off and was left out.")
            return timecodes, values[:i], lost
        if not any(fields[p] for p in positions if p < len(fields)):  # the app writes such rows, with a count of 0, while it sees no face
            values[i] = values[i - 1] if i else 0.0
            lost += 1
        elif len(fields) < needed:
            raise UserError(
                f"Line {number} of {name} has {len(fields)} fields instead of {len(header)}.", "Export it again, or remove that line."
            )
        else:
            try:
                row = [float(fields[p]) for p in positions]
            except ValueError:
                row = [np.nan]
            if not all(abs(value) < _LARGEST for value in row):
                column, text = _bad_field(fields, columns)
                raise UserError(
                    f"Line {number} of {name} has '{text}' in {column}, which is not a number.", "Export it again, or mend that line."
                )
            values[i] = row
        timecodes.append(fields[0])
    return timecodes, values, lost


def _whole(fields: list[str], positions: list[int], first: str) -> bool:
    """Whether a row goes on to its end: it has a timecode, if the ``first`` one is one, and all of its values or none."""
    given = [fields[p] for p in positions if p < len(fields)]
    timed = bool(_TIMECODE.match(fields[0])) or not _TIMECODE.match(first)
    return timed and (not any(given) or (len(given) == len(positions) and given[-1] not in ("", "-", "+", ".", "-.")))


def _bad_field(fields: list[str], columns: dict[str, int]) -> tuple[str, str]:
    """The first column whose field is not a usable number, and what it holds."""
    return next((c, fields[p][:20]) for c, p in columns.items() if not abs(_number(fields[p])) < _LARGEST)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan


def _times(timecodes: list[str], name: str, warn: Callable[[str], None]) -> np.ndarray:
    """Seconds from the first row, by the timecodes where they tell; a few that do not fit in are put between their neighbours. Else as many
    rows a second as most of them tell, or 60, with a warning."""
    uniform = np.arange(len(timecodes)) / _USUAL_FPS
    if len(timecodes) == 1:
        return uniform
    matches = [_TIMECODE.match(text) for text in timecodes]
    parsed = [match for match in matches if match]
    told = np.flatnonzero([match is not None for match in matches])
    if len(told) < max(2, _FEW_WRONG * len(timecodes)):
        line = next(i for i, match in enumerate(matches) if not match)
        warn(f"{name}: '{timecodes[line][:30]}' is not a timecode; {_USUAL_FPS:g} rows a second were assumed.")
        return uniform
    whole = np.array([int(m[1]) * 3600 + int(m[2]) * 60 + int(m[3]) for m in parsed], np.float64)
    frame = np.array([float(m[4]) for m in parsed])
    whole += 86400 * np.cumsum(np.diff(whole, prepend=whole[0]) < -43200)  # past midnight
    turns = np.flatnonzero(np.diff(whole) == 1)
    within = np.diff(frame)[np.diff(whole) == 0]
    step = float(np.median(within)) if len(within) else 1.0
    if len(turns) == 0 or step <= 0:
        if frame.max() >= _USUAL_FPS or len(np.unique(whole)) > 1:
            warn(f"{name}: its timecodes do not tell the frame rate; {_USUAL_FPS:g} rows a second were assumed.")
            return uniform
        warn(f"{name}: less than a second does not tell the frame rate; {_USUAL_FPS:g} frames a second were assumed.")
        frames_a_second = _USUAL_FPS
    else:
        frames_a_second = max(float(np.round(np.median(frame[turns] + step - frame[turns + 1]))), np.floor(frame.max()) + 1)
    times = whole + frame / frames_a_second
    keep = _rising(times)
    if len(keep) < _FEW_WRONG * len(timecodes):
        rate = frames_a_second / step if step > 0 and len(turns) else _USUAL_FPS
        warn(f"{name}: its timecodes do not rise from row to row; {rate:g} rows a second were assumed.")
        return np.arange(len(timecodes)) / rate
    if len(keep) < len(timecodes):
        wrong = len(timecodes) - len(keep)
        warn(f"{name}: {wrong} of its timecodes do not fit in, and these rows were put between the others.")
        times = _between(told[keep], times[keep], len(timecodes))
    times -= times[0]
    if len(within) == 0:
        step = float(np.median(np.diff(times))) * frames_a_second
    gaps = np.diff(times) * frames_a_second / step
    if gaps.max() > 1.5 and len(times) > 2:
        warn(f"{name}: {int(np.round(gaps - 1).clip(0).sum())} frames are missing between its rows; the rows stay at their own times.")
        return times
    rate = (len(times) - 1) / times[-1]
    nearest = min(_RATES, key=lambda r: abs(r - rate))
    if abs(nearest / rate - 1) <= max(_SNAP, 0.6 / (1000 * len(times))):
        rate = nearest
    return np.arange(len(times)) / rate


def _between(rows: np.ndarray, times: np.ndarray, count: int) -> np.ndarray:
    """Times of all ``count`` rows by those of some ``rows``; before and after them the usual step goes on."""
    every, at = float(np.median(np.diff(times) / np.diff(rows))), np.arange(count)
    return np.interp(at, rows, times) + every * (np.minimum(at - rows[0], 0) + np.maximum(at - rows[-1], 0))


def _rising(times: np.ndarray) -> list[int]:
    """Rows whose times rise, from the first row on or up to the last, whichever are more."""
    forward, backward = [0], [len(times) - 1]
    for i in range(1, len(times)):
        if times[i] > times[forward[-1]]:
            forward.append(i)
        if times[-1 - i] < times[backward[-1]]:
            backward.append(len(times) - 1 - i)
    return max(forward, backward[::-1], key=len)
