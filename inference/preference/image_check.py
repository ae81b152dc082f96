# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of a tuned image model on shipped rendered faces, beside the untouched model's: what an adapter must not lose.

The clips (``check/face-*.npz``, made by ``training.preference.check_faces``) hold what the solver takes: points, their sigma, appearance.
So the shipped coefficients' network runs on them as it stands, while the point network does not have to. Their truth is exact.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from ...core.content import sha256_of
from ...core.errors import UserError
from ...rigs.arkit import ARKIT_52
from ..speech.lip_gap import TOUCHING, lip_gap
from ..video import coefficients
from . import seen
from .check import FOLDER, lost, rounded
from .image_adapter import COLUMNS, ImageAdapter, calmed
from .image_policy import mean_take
from .seen import Seen

PATTERN: Final = "face-*.npz"
_NEAR: Final = 1  # frames: events that lie this far apart are one
_SHUT: Final = 0.5  # of eyeBlink, the mean of both: a blink
_MOVES: Final = 0.05  # standard deviation from which on a channel of the truth moves
_BLINKS: Final = [ARKIT_52.index(n) for n in ("eyeBlinkLeft", "eyeBlinkRight")]


@dataclass(frozen=True)
class FaceFigures:
    """gap_r: correlation of the lip gap with the truth's, mean over clips. closure_recall: share of the truth's closures of the lips that
    are closed; closure_precision: share of closures that the truth has. blink_recall: share of its blinks. jitter: mean |second
    difference| a frame over the standard deviation, of the channels that move: a larger movement is no unrest."""

    WORSE: ClassVar[Mapping[str, str]] = {
        "gap_r": "the lips follow the filmed lips less (gap r)",
        "closure_recall": "fewer lips close that should",
        "closure_precision": "more lips close that should not",
        "blink_recall": "fewer blinks shut the eyes",
        "jitter": "the face shakes more",
    }

    gap_r: float
    closure_recall: float
    closure_precision: float
    blink_recall: float
    jitter: float

    def to_dict(self) -> dict[str, float]:
        return rounded(self)

    def lost(self, before: FaceFigures) -> dict[str, float]:
        return lost(self, before, ("jitter",))


@dataclass(frozen=True)
class Clip:
    """What the solver takes of a rendered clip, as ``coefficients.solve`` has it but in parts of each frame's box (x right, y down, from
    its middle): points [T, P, 2], sigma [T, P]; and truth: arkit [T, 52]."""

    times: np.ndarray
    points: np.ndarray
    sigma: np.ndarray
    visible: np.ndarray
    appearance: np.ndarray
    box: np.ndarray
    size: tuple[int, int]
    arkit: np.ndarray

    def save(self, path: Path) -> None:
        """In half precision: a two-thousandth of the box, a third of what any point is sure of."""
        small = {n: getattr(self, n).astype(np.float16) for n in ("points", "appearance", "arkit")}
        small |= {n: _coarse(getattr(self, n)) for n in ("sigma", "visible")}
        with path.open("wb") as file:
            np.savez_compressed(file, times=self.times, box=self.box.astype(np.float32), size=np.array(self.size), **small)

    @staticmethod
    def load(path: Path) -> Clip:
        """Raises UserError for a file that ``save`` did not write."""
        try:
            with np.load(path, allow_pickle=False) as data:
                parts = {n: data[n].astype(np.float32) for n in ("points", "sigma", "visible", "appearance", "box", "arkit")}
                return Clip(times=data["times"].astype(np.float64), size=tuple(int(v) for v in data["size"]), **parts)
        except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(f"The gate's check clips cannot be read: {path}.", "Install Facewright again.") from error

    def see(self, model: str, network: coefficients.Refiner | None = None) -> Seen:
        """The whole clip as the network sees it, smoothed as the product does by default."""
        side = self.box[:, 2:].max(1)
        middle = self.box[:, :2] + self.box[:, 2:] / 2
        points = self.points * side[:, None, None] + middle[:, None]
        watcher = seen.Watcher()
        track = coefficients.solve(
            self.times, points, self.sigma * side[:, None], self.visible, np.ones(len(self.times), bool), self.box, self.size,
            self.appearance, network=network, adapter=watcher,
        )  # fmt: skip
        end = float(self.times[-1])
        return seen.cut(track, watcher.hidden, calmed(track), "check", model, 0.0, end)


def _coarse(values: np.ndarray) -> np.ndarray:
    """Float16 to one part in 64, which packs into half the bytes."""
    return ((values.astype(np.float16).view(np.uint16) + 16) & 0xFFE0).view(np.float16)


@lru_cache(2)
def _clips(weights: Path, sha256: str) -> tuple[tuple[Seen, np.ndarray], ...]:
    paths = sorted(FOLDER.glob(PATTERN))
    if not paths:
        raise UserError(f"The gate's check clips of faces are missing: {FOLDER}.", "Install Facewright again.")
    network = coefficients.load(weights)
    made = [Clip.load(path) for path in paths]
    return tuple((clip.see(sha256, network), clip.arkit) for clip in made)


def clips(weights: Path = coefficients.SHIPPED) -> tuple[Seen, ...]:
    """The check clips as these weights see them; once a process, some seconds."""
    return tuple(s for s, _ in _clips(weights, sha256_of(weights)))


def figures(adapter: ImageAdapter | None, weights: Path = coefficients.SHIPPED) -> FaceFigures:
    """Of the model with an adapter, or as it ships. weights: the file of the model."""
    return measured([(mean_take(stretch, adapter), truth) for stretch, truth in _clips(weights, sha256_of(weights))])


def measured(pairs: list[tuple[np.ndarray, np.ndarray]]) -> FaceFigures:
    """Figures of curves [T, 52] beside the truth [T, 52], a pair a clip."""
    rs, jitters = [], []
    counts = np.zeros(6)  # truth's closures, found, ours, right; blinks, found
    for own, truth in pairs:
        gaps = [lip_gap(ARKIT_52, v) for v in (own, truth)]
        rs.append(float(np.corrcoef(*gaps)[0, 1]))
        ours, theirs = (g < TOUCHING for g in gaps)
        shut, blinks = (v[:, _BLINKS].mean(1) > _SHUT for v in (own, truth))
        counts += [*_matched(theirs, ours), *_matched(ours, theirs), *_matched(blinks, shut)]
        moving = COLUMNS[truth[:, COLUMNS].std(0) > _MOVES]
        second = np.abs(np.diff(own[:, moving], 2, axis=0)).mean(0)
        jitters.append(float((second / np.maximum(own[:, moving].std(0), 1e-3)).mean()))
    recall, precision, blinked = (float(hit / max(of, 1)) for of, hit in counts.reshape(3, 2))
    return FaceFigures(float(np.mean(rs)), recall, precision, blinked, float(np.mean(jitters)))


def _matched(events: np.ndarray, others: np.ndarray) -> tuple[int, int]:
    """(runs of true rows, how many of them have a true row of the others within ``_NEAR``)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], events.view(np.int8), [0]]))).reshape(-1, 2)
    return len(edges), sum(bool(others[max(a - _NEAR, 0) : b + _NEAR].any()) for a, b in edges)
