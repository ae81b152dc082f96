# SPDX-License-Identifier: GPL-3.0-or-later
"""A stretch of a video, or a photo, as the image model saw it: what tuning needs of a face, so that it is never looked at twice.

Kept beside what was heard (``stretches``), under the same rules: it describes a person's face, so it stays in the user's data folder and
goes into no export. No picture and no point of the face is in it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from torch import Tensor

from ...core.errors import UserError
from ...core.paths import replacing
from ...rigs.arkit import ARKIT_52
from ..video import smoothing
from ..video.track import FaceTrack
from . import stretches

# Standard deviation (s) of the average over time that the adapter sees: what the network's features do within a frame or two is noise.
REACH: Final = 0.05


@dataclass(frozen=True)
class Seen:
    """clip, model: sha256 of the video's or photo's and of the weights' bytes. start, end: seconds of the clip; equal for a still.

    times: float64 [T], frames, seconds from the start of the stretch. hidden: float32 [T, C], what the network's last layer sees, averaged
    over time (``averaged``). arkit: float32 [T, 52], the mean take; calm: the same, averaged over time; sigma: [T, 52], its own standard
    deviation.
    """

    clip: str
    model: str
    start: float
    end: float
    times: np.ndarray
    hidden: np.ndarray
    arkit: np.ndarray
    calm: np.ndarray
    sigma: np.ndarray

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def key(self) -> tuple[str, float, float]:
        """What takes of it have in common."""
        return self.clip, round(self.start, 3), round(self.end, 3)


class Watcher:
    """A ``coefficients.Taste`` that changes nothing and keeps what was seen: ``hidden``, float32 [T, C], of all solved rows, as is."""

    def __init__(self) -> None:
        self.hidden = np.zeros((0, 0), np.float32)

    def heed(self, hidden: Tensor) -> Tensor:
        return hidden

    def applied(self, track: FaceTrack, rows: np.ndarray, heeded: Tensor, cuts: Sequence[float]) -> FaceTrack:
        self.hidden = spread_over(track, rows, averaged(track.times[rows], heeded.numpy(), cuts))
        return track


def averaged(times: np.ndarray, values: np.ndarray, cuts: Sequence[float] = ()) -> np.ndarray:
    """A Gaussian average of ``REACH`` over time, none across a cut; linear in the values. times [T] s, values [T, N] -> float32 [T, N]."""
    values = np.asarray(values, np.float64)
    out = values.copy()
    for start, end in smoothing.stretches(np.ones(len(times), bool), times, cuts):
        out[start:end] = smoothing.averaged(times[start:end], values[start:end], REACH)
    return out.astype(np.float32)


def spread_over(track: FaceTrack, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values [R, N] of some rows of a track at all its rows [T, N]: linear in between, for frames that were interpolated too."""
    if len(rows) == len(track.times):
        return values
    return np.stack([np.interp(track.times, track.times[rows], column) for column in values.T], 1).astype(np.float32)


def cut(track: FaceTrack, hidden: np.ndarray, calm: np.ndarray, clip: str, model: str, start: float, end: float) -> Seen:
    """The stretch ``start``..``end`` (s) of a whole clip; a still where they are equal. Raises UserError where no face is seen in it."""
    rows = rows_of(track, start, end)
    part = (hidden[rows], track.arkit[rows], calm[rows], track.sigma[rows])
    return Seen(clip, model, start, end, track.times[rows] - start, *(np.asarray(p, np.float32) for p in part))


def rows_of(track: FaceTrack, start: float, end: float) -> np.ndarray:
    """The rows of a stretch in which a face is seen; of a still the nearest one. Raises UserError where there are none."""
    seen = np.flatnonzero(track.valid)
    if end <= start:
        nearest = seen[[np.abs(track.times[seen] - start).argmin()]] if len(seen) else seen
        rows = nearest[np.abs(track.times[nearest] - start) < 0.1] if len(nearest) else nearest
    else:
        rows = seen[(track.times[seen] >= start - 1e-6) & (track.times[seen] <= end + 1e-6)]
    if not len(rows) or (end > start and len(rows) < 3):
        raise UserError(f"No face is seen from {start:.1f} to {end:.1f} s.", "Choose a stretch in which the face is in the picture.")
    return rows


def save(seen: Seen, path: Path | str) -> None:
    """Write the stretch (features in float16). Raises UserError where it cannot be written."""
    told = {"clip": seen.clip, "model": seen.model, "start": seen.start, "end": seen.end}
    small = {n: getattr(seen, n).astype(np.float16) for n in ("hidden", "sigma")}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, told=np.array(json.dumps(told)), times=seen.times, arkit=seen.arkit, calm=seen.calm, **small)


def load(path: Path | str) -> Seen:
    """Read what ``save`` wrote. Raises UserError for anything else."""
    try:
        with np.load(path, allow_pickle=False) as data:
            told = json.loads(str(data["told"]))
            parts = {n: data[n].astype(np.float32) for n in ("hidden", "arkit", "calm", "sigma")}
            times = data["times"].astype(np.float64)
        frames = len(times)
        wide = {"arkit": len(ARKIT_52), "calm": len(ARKIT_52), "sigma": len(ARKIT_52), "hidden": parts["hidden"].shape[-1]}
        if not frames or any(parts[n].shape != (frames, w) for n, w in wide.items()) or (np.diff(times) <= 0).any():
            raise ValueError("its arrays do not fit together")
        if not all(np.isfinite(p).all() for p in (times, *parts.values())):
            raise ValueError("its numbers are none")
        return Seen(str(told["clip"]), str(told["model"]), float(told["start"]), float(told["end"]), times, **parts)
    except OSError as error:
        raise UserError(f"The seen stretch {path} cannot be read: {error.strerror or error}.", "Make the takes again.") from error
    except (ValueError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"The seen stretch {path} is damaged.", "Make the takes again.") from error


def file_name(clip: str, model: str, start: float, end: float) -> str:
    """Where a stretch is kept in its folder, beside those that were heard."""
    return f"seen-{stretches.file_name(clip, model, start, end)}"


def load_all(folder: Path | str, model: str) -> dict[tuple[str, float, float], Seen]:
    """The readable stretches in a folder that this model saw, by ``Seen.key``; an absent folder has none."""
    return stretches.readable(folder, f"seen-*-{model[:12]}-*.npz", load, model)
