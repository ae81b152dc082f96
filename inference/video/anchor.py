# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the curves open lips and lids by as much as the picture shows.

Coefficients explain all points at once, and what a prior and a correction learnt on many people leave of a lip gap is less than the
person's: lips that are a little apart shut, shut lids stay open. An animator looks at exactly these. So four distances are measured on the
points themselves, in the head's own space: between the lips, from corner to corner of the mouth, and between the lids of either eye.
The coefficients are then moved until the head that the curves drive shows the same, each by as much as it is uncertain (one step of a
Kalman filter a frame, repeated where a coefficient ran into its bounds).
"""
from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ...rigs.arkit import ARKIT_52
from ..speech.lip_gap import SEEN_SHUT, from_measured
from . import fit
from .neutral import Neutral


@dataclass(frozen=True)
class Measure:
    """A distance: mean over ``pairs`` of points along an ``axis`` of the head (0 to the subject's left, 1 up). noise: standard deviation
    of a single look at it, in distances of the outer eye corners. moves: names begin so of the channels that may be moved for it.
    meant: the pair that should be as far apart on the driven head, where ``pairs`` are only the ones that are found surely; gain: how much
    further expressions move it than them."""

    pairs: tuple[tuple[int, int], ...]
    axis: int
    noise: float
    moves: tuple[str, ...] = ("jaw", "mouth")
    meant: tuple[int, int] | None = None
    gain: float = 1.0

    def between(self, points: Tensor) -> Tensor:
        """From the second to the first of each pair, [..., pairs, D] of points [..., P, D]."""
        return _between(points, self.pairs)

    def on_head(self, points: Tensor) -> Tensor:
        """The same of the driven head's points, with the pair that is ``meant``."""
        return _between(points, (self.meant,) if self.meant else self.pairs)


def _between(points: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    first, second = (list(side) for side in zip(*pairs, strict=True))
    return points[..., first, :] - points[..., second, :]


_LEFT_EYE, _RIGHT_EYE = 45, 36  # outer corners
LIPS: Final = Measure(((62, 66),), 1, 0.0015)
# The corners themselves are found less surely than the lips beside them (chosen on GRID s1: r of the width 0.67 and 0.76).
WIDTH: Final = Measure(((85, 84), (83, 82), (69, 68), (73, 72), (91, 90)), 0, 0.022, meant=(54, 48), gain=1.21)
LIDS_LEFT: Final = Measure(((43, 47), (44, 46)), 1, 0.012, ("eyeBlink", "eyeWide"))
LIDS_RIGHT: Final = Measure(((37, 41), (38, 40)), 1, 0.012, ("eyeBlink", "eyeWide"))
MEASURES: Final = (LIPS, WIDTH, LIDS_LEFT, LIDS_RIGHT)
NOISE: Final = tuple(m.noise for m in MEASURES)

# Eye distances between the points of lips that touch. The renders that taught the point network have 0.0086 there; on real pictures the
# network says 0.005 to 0.014, most in the middle of speech. Chosen on GRID.
SHUT: Final = 0.0155
OPEN_SHARE: Final = 0.8  # of a clip's frames whose lids are at most as open as its open lids: some people look down for half of it
# Shares of the open lids' distance. Points of shut lids are so far apart: a blink is over before a camera's shutter is. From the next on
# they are as open as on a face at rest, and only beyond the last are eyes wide.
LIDS_SHUT, LIDS_OPEN, LIDS_WIDE = 0.25, 0.9, 1.1
ENOUGH: Final = 25  # frames from which on a clip tells how this person's open lids look
LEAST_SPREAD, MOST_SPREAD = 0.1, 0.25  # of a coefficient: what may move it here, whatever the correction thinks of itself
ROUNDS: Final = 3


@functools.lru_cache(maxsize=1)
def _eye_distance() -> float:
    neutral = fit.model().neutral
    return float((neutral[_LEFT_EYE] - neutral[_RIGHT_EYE]).norm())


@functools.lru_cache(maxsize=1)
def _head() -> tuple[Tensor, Tensor]:
    """The measures of the head that curves drive, at rest [M] and by coefficient [M, 52], in eye distances."""
    model = fit.model()
    rest = torch.stack([m.on_head(model.neutral)[:, m.axis].mean() for m in MEASURES])
    moved = torch.stack([m.on_head(model.arkit)[..., m.axis].mean(1) for m in MEASURES])
    return rest / _eye_distance(), moved / _eye_distance()


@functools.lru_cache(maxsize=1)
def _moves() -> Tensor:
    """1 where a measure may move a coefficient, [M, 52]."""
    return torch.tensor([[float(name.startswith(m.moves)) for name in ARKIT_52] for m in MEASURES])


def on_head(coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """The measures [T, M] that coefficients [T, 52] show on the average head, and their derivatives [T, M, 52]; in eye distances."""
    rest, moved = _head()
    return rest + coefficients @ moved.T, moved.expand(len(coefficients), -1, -1)


def _at_rest(person: Neutral, measure: Measure) -> Tensor:
    """A measure of the person's neutral, in the person's own eye distances."""
    return measure.between(person.shape)[:, measure.axis].mean() / _own_eyes(person)


def _own_eyes(person: Neutral) -> Tensor:
    return (person.shape[_LEFT_EYE] - person.shape[_RIGHT_EYE]).norm()


def seen(points: Tensor, visible: Tensor, pose: fit.Pose, person: Neutral, coefficients: Tensor) -> tuple[Tensor, Tensor]:
    """The measures [T, M] of points [T, P, 2] (y up), in the person's own eye distances, and how well each is seen, 0..1 [T, M].

    The coefficients say what a picture hides: how the pairs lie in depth.
    """
    shape = person.shape + torch.tensordot(coefficients, fit.model().arkit, 1)
    own = _own_eyes(person)
    expected, slope = fit.project(pose, person.perspective.expand(len(points)), shape)
    lengths, certain = [], []
    for measure in MEASURES:
        a, b = (list(side) for side in zip(*measure.pairs, strict=True))
        missing = measure.between(points) - measure.between(expected)
        along = (0.5 * (slope[:, a] + slope[:, b]) @ pose.rotation[:, None])[..., measure.axis]
        further = (missing * along).sum(-1) / along.square().sum(-1).clamp_min(1e-9)
        apart = measure.between(shape)[..., measure.axis] + further
        lengths.append(apart.mean(1) / own)
        certain.append(torch.minimum(visible[:, a], visible[:, b]).mean(1))
    return torch.stack(lengths, 1), torch.stack(certain, 1)


def wanted(measured: Tensor, person: Neutral) -> Tensor:
    """What the head that curves drive should show, [T, M], where ``measured`` [T, M] was seen on a person."""
    rest, _ = _head()
    out = torch.empty_like(measured)
    out[:, 0] = from_measured(measured[:, 0] - SHUT + SEEN_SHUT)
    out[:, 1] = rest[1] + WIDTH.gain * (measured[:, 1] - _at_rest(person, WIDTH))
    for i, measure in ((2, LIDS_LEFT), (3, LIDS_RIGHT)):
        usual = _at_rest(person, measure)
        if len(measured) >= ENOUGH:
            usual = measured[:, i].quantile(OPEN_SHARE).clamp(0.6 * usual, 1.4 * usual)
        open_by = measured[:, i] / usual.clamp_min(0.02)
        out[:, i] = rest[i] * (((open_by - LIDS_SHUT) / (LIDS_OPEN - LIDS_SHUT)).clamp(0, 1) + (open_by - LIDS_WIDE).clamp_min(0))
    return out.clamp_min(0)


def settle(coefficients: Tensor, spread: Tensor, target: Tensor, certain: Tensor, frames: int) -> Tensor:
    """Coefficients [T, 52] moved so that the head they drive shows the measures ``target`` [T, M].

    spread [T, 52]: standard deviations of the coefficients; certain [T, M]: how well each measure was seen, 0..1; frames: of the clip. A
    few do not tell how open a person's lids usually are, so there wide eyes stay as wide as the coefficients have them.
    """
    noise = torch.tensor(NOISE) / certain.clamp_min(0.02).square()  # half hidden lips say little
    loose = spread.clamp(LEAST_SPREAD, MOST_SPREAD)
    only_opened = _open_lids(target) & (frames < ENOUGH)
    out = coefficients
    for _ in range(ROUNDS):
        shown, slope = on_head(out)
        slope = slope * _moves()
        missing = target - shown
        missing = torch.where(only_opened, missing.clamp_min(0), missing)
        # What lies at a bound and would be pushed further does not take part.
        push = (slope * (missing / noise.square())[..., None]).sum(1)
        free = ~((out <= 0) & (push < 0) | (out >= 1) & (push > 0))
        variance = loose.square() * free
        gain = variance[:, None] * slope  # [T, M, 52]
        inner = gain @ slope.transpose(1, 2) + torch.diag_embed(noise.square())
        out = (out + (torch.linalg.solve(inner, missing[..., None]).transpose(1, 2) @ gain)[:, 0]).clamp(0, 1)
    return _either_wide_or_shut(out)


def _open_lids(target: Tensor) -> Tensor:
    """Which measures [T, M] are of lids that are at least as open as on a head at rest."""
    rest, _ = _head()
    lids = torch.tensor([measure in (LIDS_LEFT, LIDS_RIGHT) for measure in MEASURES])
    return lids & (target > 0.98 * rest)


def _either_wide_or_shut(coefficients: Tensor) -> Tensor:
    """Takes out of eyeBlink and eyeWide what of either undoes the other: the lids stay where they are, and nobody reads wide eyes there."""
    out = coefficients.clone()
    for number, side in ((2, "Left"), (3, "Right")):
        blink, wide = ARKIT_52.index(f"eyeBlink{side}"), ARKIT_52.index(f"eyeWide{side}")
        slope = _head()[1][number]
        share = -slope[wide] / slope[blink]  # of a blink that undoes wide eyes
        undone = torch.minimum(out[:, wide], out[:, blink] / share)
        out[:, wide] -= undone
        out[:, blink] -= share * undone
    return out.clamp_min(0)
