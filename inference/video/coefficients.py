# SPDX-License-Identifier: GPL-3.0-or-later
"""Dense points of a clip to 52 coefficients, head pose and gaze: the fit of ``fit`` and ``neutral``, corrected by a small network.

The fit knows the geometry and how the points err together; the network knows which expressions are likely, how the point network's
errors hide them, and what the picture shows beside the points (``appearance``). It sees the fit's coefficients with their certainty, each
point's residual and what all of them say about each coefficient, how well each region is seen, yaw and pitch, and how the person usually
looks in the clip: whose lids always hang has not closed them. A mirrored face gives the mirrored answer, because every answer is the
mean of both. Last, ``anchor`` makes lips and lids as open as they were seen.
"""
from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ...core.paths import WEIGHTS
from ...rigs.arkit import ARKIT_52, ARKIT_MIRROR
from .. import weights_file
from . import anchor, camera, fit, geometry, neutral, smoothing
from .neutral import Neutral
from .points import MIRROR, POINTS, REGION
from .track import FaceTrack, FrameByFrame

SHIPPED: Final = WEIGHTS / "coefficients.safetensors"
KIND, VERSION = "coefficients", "3"
BLOCK: Final = 64  # frames at once: enough to fill the processor, and a cancelled job stops within a fifth of a second
SMALLEST_SIGMA: Final = 0.0015  # of the crop: nothing is found better
_RESIDUAL, _FAR = 0.15, 0.25  # cm: size of a usual residual; sigma at which a point counts for half
_IDLE = 0.05  # a coefficient so small is mostly none: an answer that is right on average leaves a little of everything. Chosen on renders
# An answer that is right on average is also less than what was done; by so much more its mean square error is the same. Gaze is measured.
_FULLER: Final = torch.tensor([1.0 if name.startswith("eyeLook") else 1.2 for name in ARKIT_52])
_LOW = 0.2  # quantile over a clip's frames at which a coefficient is about at rest
_GLANCES = 600  # frames that tell how a person usually looks
_REGIONS: Final = tuple(dict.fromkeys(REGION))
_CLOSE, _JAW = ARKIT_52.index("mouthClose"), ARKIT_52.index("jawOpen")
# What takes its time on any face; words and blinks hardly move it.
_SLOW_NAMES: Final = ("brow", "cheek", "nose", "eyeSquint", "mouthFrown", "mouthDimple")
_SLOW: Final = [i for i, name in enumerate(ARKIT_52) if name.startswith(_SLOW_NAMES)]
_LOPSIDED: Final = np.array([name.startswith(("brow", "eyeSquint", "cheekSquint")) for name in ARKIT_52])

_SIDES: Final = list(ARKIT_MIRROR)
_USUAL = 4  # numbers of a coefficient that tell how it is over the clip
FEATURES: Final = (3 + _USUAL) * len(ARKIT_52) + 2 * POINTS + 2 * len(_REGIONS) + 4
ERROR_MODES: Final = 40


@dataclass(frozen=True)
class RefinerConfig:
    """Shape of the network. appearance: whether it sees the point network's own guess of the coefficients."""

    width: int = 512
    depth: int = 2
    appearance: bool = False


class Refiner(nn.Module):
    """Features [B, FEATURES] (and appearance [B, 52] logits) to coefficients [B, 52] and their log sigma [B, 52].

    errors [2P, ERROR_MODES]: how the point network's points err together, measured with it (``fit.error_modes``); for the fit.
    """

    def __init__(self, config: RefinerConfig):
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        size = FEATURES + len(ARKIT_52) * config.appearance
        for _ in range(config.depth):
            layers += [nn.Linear(size, config.width), nn.SiLU()]
            size = config.width
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(size, 2 * len(ARKIT_52))
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("errors", torch.zeros(2 * POINTS, ERROR_MODES))

    def forward(self, features: Tensor, appearance: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.answer(features, self.hidden(features, appearance))

    def answer(self, features: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The same from what the last layer sees."""
        change, log_sigma = self.head(hidden).split(len(ARKIT_52), -1)
        return features[:, : len(ARKIT_52)] + 0.3 * change, log_sigma - 2.5

    def hidden(self, features: Tensor, appearance: Tensor | None = None) -> Tensor:
        """What the last layer sees, [B, width]."""
        if self.config.appearance:
            features = torch.cat([features, torch.sigmoid(appearance)], -1)
        return self.body(features)


def usual(moved: Tensor, appearance: Tensor | None) -> Tensor:
    """How a person is over a clip, [..., 208]: low quantile and mean of the fit's coefficients ``moved`` [..., F, 52] in the frames that
    the neutral is from, and of the ``appearance`` [..., T, 52] logits of all frames (zeros without)."""
    if appearance is None or not appearance.shape[-1]:
        appearance = moved.new_full((*moved.shape[:-2], 1, len(ARKIT_52)), -torch.inf)
    shown = torch.sigmoid(appearance[..., :: max(1, appearance.shape[-2] // _GLANCES), :])
    return torch.cat([value for part in (moved, shown) for value in (part.quantile(_LOW, -2), part.mean(-2))], -1)


def features(solution: fit.Solution, sigma: Tensor, visible: Tensor, known: Tensor, usually: Tensor) -> Tensor:
    """What the network sees, [T, FEATURES].

    solution: of ``fit.frames``; sigma [T, P] in the points' unit; visible [T, P] 0..1; known [T]: 1 where the neutral is from many frames,
    towards 0 where it is from one; usually [T, 208] or [208]: ``usual``.
    """
    pose = solution.pose
    yaw, sin_pitch = torch.atan2(pose.rotation[:, 0, 2], pose.rotation[:, 2, 2]), pose.rotation[:, 1, 2]
    roll = torch.atan2(pose.rotation[:, 1, 0], pose.rotation[:, 1, 1])
    c, s = roll.cos()[:, None], roll.sin()[:, None]
    x, y = (solution.residual / pose.scale[:, None, None]).unbind(-1)
    upright = torch.stack([c * x + s * y, c * y - s * x], -1)
    in_cm = sigma / pose.scale[:, None]
    trust = visible / (1 + (in_cm / _FAR).square())
    left = torch.tanh(upright / (3 * _RESIDUAL)) * 3 * trust[..., None]
    pooled = _pooling()
    return torch.cat(
        [
            solution.coefficients, solution.spread.clamp(0.01, 1).log() + 2, left.flatten(1) @ _directions(),
            usually.expand(len(left), -1), left.flatten(1),
            visible @ pooled, (in_cm.clamp(0.01, 2).log() + 2) @ pooled,
            torch.stack([yaw.sin(), yaw.cos(), sin_pitch, known], 1),
        ],
        1,
    )  # fmt: skip


def mirrored(seen: Tensor) -> Tensor:
    """The features of the mirrored face."""
    n, by_channel = len(ARKIT_52), 3 + _USUAL
    parts = [seen[:, k * n : (k + 1) * n][:, _SIDES] for k in range(by_channel)]
    left = seen[:, by_channel * n : by_channel * n + 2 * POINTS].unflatten(1, (POINTS, 2))[:, MIRROR] * torch.tensor([-1.0, 1.0])
    rest = seen[:, by_channel * n + 2 * POINTS :].clone()
    rest[:, -4] = -rest[:, -4]
    return torch.cat([*parts, left.flatten(1), rest], 1)


def refine(network: Refiner, seen: Tensor, appearance: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Coefficients [T, 52] in 0..1, sigma [T, 52], and what the last layer sees [T, width]: each the mean of the face's and its mirror
    image's, so the last is the same for both sides."""
    back = mirrored(seen)
    there, here = network.hidden(back, None if appearance is None else appearance[:, _SIDES]), network.hidden(seen, appearance)
    (value, log_sigma), (other, other_sigma) = network.answer(seen, here), network.answer(back, there)
    spread = (0.5 * (log_sigma + other_sigma[:, _SIDES])).exp().clamp(0.002, 0.5)
    return legal(0.5 * (value + other[:, _SIDES])), spread, 0.5 * (here + there)


def legal(values: Tensor) -> Tensor:
    """Within 0..1, mouthClose not above jawOpen."""
    values = values.clamp(0, 1)
    values[:, _CLOSE] = torch.minimum(values[:, _CLOSE], values[:, _JAW])
    return values


@functools.lru_cache(maxsize=1)
def _directions() -> Tensor:
    """Where each coefficient moves the points of a face seen from the front, unit length, [2P, 52]."""
    flat = fit.model().arkit[..., :2].flatten(1)
    return (flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-6)).T.contiguous()


@functools.lru_cache(maxsize=1)
def _pooling() -> Tensor:
    out = torch.zeros(POINTS, len(_REGIONS))
    for i, name in enumerate(REGION):
        out[i, _REGIONS.index(name)] = 1
    return out / out.sum(0)


@functools.lru_cache(maxsize=2)
def load(path: Path = SHIPPED) -> Refiner:
    """The shipped network. Raises UserError for a file that is missing, altered or of another kind."""
    return weights_file.load(path, KIND, VERSION, Refiner, RefinerConfig, "coefficient network")


@dataclass(frozen=True)
class SolveOptions:
    """smoothing: 0 (each frame for itself) to 2. neutral_time: a time in s at which the face is at rest; None: the whole clip tells."""

    smoothing: float = 1.0
    neutral_time: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing <= 2:
            raise UserError(f"A smoothing of {self.smoothing:g} is not possible.", "Give a number from 0 (none) to 2.")


class Taste(Protocol):
    """What may change a solved clip (``preference.image_adapter``)."""

    def heed(self, hidden: Tensor) -> Tensor:
        """The part of a block's hidden features [T, width] that it needs, [T, any]."""

    def applied(self, track: FaceTrack, rows: np.ndarray, heeded: Tensor, cuts: Sequence[float]) -> FaceTrack:
        """The track as it is to be. rows: of the track, those that were solved; heeded: of each of them."""


def solve(
    times: np.ndarray,
    points: np.ndarray,
    sigma: np.ndarray,
    visible: np.ndarray,
    valid: np.ndarray,
    box: np.ndarray,
    size: tuple[int, int],
    appearance: np.ndarray | None = None,
    options: SolveOptions | None = None,
    cuts: Sequence[float] = (),
    report: Callable[[float], None] = lambda share: None,
    network: Refiner | None = None,
    adapter: Taste | None = None,
) -> FaceTrack:
    """A clip of one person: T frames at ``times`` [T] s.

    points [T, P, 2] and sigma [T, P] in px; visible [T, P] 0..1; valid [T]: rows that hold a face; box [T, 4] px; size: the picture's width
    and height; appearance [T, F] of the point network, if the network asks for it; cuts: times of scene cuts; network: None is the shipped
    one; adapter: a taste that has the last word. Raises UserError where ``neutral_time`` has no face, and what ``load`` raises.
    """
    options = options or SolveOptions()
    network = network or load()
    times, valid = np.asarray(times, np.float64), np.asarray(valid, bool)
    rows = np.flatnonzero(valid)
    count, out = len(times), {}
    out["arkit"], out["sigma"] = np.zeros((count, 52), np.float32), np.zeros((count, 52), np.float32)
    rotation, shift = np.zeros((count, 3, 3)), np.zeros((count, 2))
    scale = np.ones(count)
    wanted, certain = np.zeros((2, count, len(anchor.MEASURES)), np.float32)
    heeded: list[Tensor] = []
    heed = None if adapter is None else lambda hidden: heeded.append(adapter.heed(hidden))
    person = neutral.average()
    if len(rows):
        side = np.maximum(np.asarray(box, np.float32)[rows, 2:].max(1), 1.0)
        middle = np.asarray(box, np.float32)[rows, :2] + np.asarray(box, np.float32)[rows, 2:] / 2
        unit = torch.from_numpy(np.ascontiguousarray((points[rows] - middle[:, None]) / side[:, None, None] * [1, -1], np.float32))
        blur = torch.from_numpy(np.ascontiguousarray(sigma[rows] / side[:, None], np.float32)).clamp_min(SMALLEST_SIGMA)
        seen = torch.from_numpy(np.ascontiguousarray(visible[rows], np.float32)).clamp(0, 1)
        shown = None if appearance is None else torch.from_numpy(np.ascontiguousarray(appearance[rows], np.float32))
        with torch.inference_mode():
            person = _person(network, times[rows], unit, blur, seen, options, lambda: report(0.0))
            usually = usual(person.moved, shown)
            measured = []
            for at in range(0, len(rows), BLOCK):
                part = slice(at, at + BLOCK)
                look = None if shown is None else shown[part]
                value, spread, pose = frames(network, person, unit[part], blur[part], seen[part], look, usually, heed)
                these = rows[part]
                out["arkit"][these], out["sigma"][these] = value.numpy(), spread.numpy()
                rotation[these], scale[these] = pose.rotation.numpy(), pose.scale.numpy() * side[part]
                shift[these] = pose.shift.numpy() * [1, -1] * side[part, None] + middle[part]
                measured.append(anchor.seen(unit[part], seen[part], pose, person, value))
                report(min(1.0, (at + BLOCK) / len(rows)))
            if options.neutral_time is None and len(rows) >= anchor.ENOUGH:
                out["arkit"][rows] = even_handed(out["arkit"][rows])
            wanted[rows] = anchor.wanted(torch.cat([m for m, _ in measured]), person).numpy()
            certain[rows] = torch.cat([c for _, c in measured]).numpy()
    turned, translation = np.zeros((count, 3, 3)), np.zeros((count, 3))
    turned[rows], translation[rows] = camera.place(rotation[rows], scale[rows], shift[rows], float(person.perspective), size)
    angles = np.zeros((count, 3))
    angles[rows] = camera.angles(turned[rows])
    before = FrameByFrame(valid, out["arkit"], out["sigma"], angles, translation, wanted, certain)
    track = _over_time(times, before, np.asarray(points), np.asarray(box), options, cuts)
    return track if adapter is None or not heeded else adapter.applied(track, rows, torch.cat(heeded), cuts)


def even_handed(arkit: np.ndarray) -> np.ndarray:
    """A clip's coefficients [T, 52] without what one brow or cheek does more than the other in most frames: that is how a face is, or how
    its head is held, and a cocked brow comes down again."""
    lasting = np.median(arkit - arkit[:, _SIDES], 0).clip(0)
    return (arkit - np.where(_LOPSIDED, lasting, 0)).clip(0).astype(np.float32)


def settled(values: Tensor, spread: Tensor, target: Tensor, certain: Tensor, frames: int) -> Tensor:
    """What coefficients [T, 52] become: idle ones rest, others than gaze are as full as they were done, and lips and lids are as they were
    seen (``anchor.settle``). frames: of the clip."""
    moving = ((values - _IDLE) / (1 - _IDLE)).clamp_min(0)
    return legal(anchor.settle((moving * _FULLER).clamp_max(1), spread, target, certain, frames))


def _settled(arkit: np.ndarray, sigma: np.ndarray, target: np.ndarray, certain: np.ndarray, frames: int) -> np.ndarray:
    """``settled`` in blocks."""
    out = np.empty_like(arkit)
    with torch.inference_mode():
        for at in range(0, len(arkit), BLOCK):
            given = (torch.from_numpy(np.ascontiguousarray(a[at : at + BLOCK], np.float32)) for a in (arkit, sigma, target, certain))
            out[at : at + BLOCK] = settled(*given, frames).numpy()
    return out


def smoothed_anew(track: FaceTrack, options: SolveOptions, cuts: Sequence[float] = ()) -> FaceTrack:
    """A solved track (``track.before`` is known) as it would be with other ``options`` of smoothing."""
    assert track.before is not None
    return _over_time(track.times, track.before, track.points, track.box, options, cuts)


def frames(
    network: Refiner,
    person: Neutral,
    points: Tensor,
    sigma: Tensor,
    visible: Tensor,
    appearance: Tensor | None,
    usually: Tensor,
    heed: Callable[[Tensor], None] | None = None,
) -> tuple[Tensor, Tensor, fit.Pose]:
    """Coefficients [T, 52], sigma [T, 52] and pose of frames, each for itself: points [T, P, 2] in crop units, y up, sigma alike. usually:
    of the clip they are from (``usual``). heed: is given what the network's last layer sees."""
    weight = weights(sigma, visible)
    solution = fit.frames(points, weight, person.shape, person.perspective, errors=network.errors)
    known = torch.full((len(points),), known_by(person.frames))
    seen = features(solution, sigma, visible, known, usually)
    value, spread, hidden = refine(network, seen, appearance)
    if heed is not None:
        heed(hidden)
    return value, spread, solution.pose


def weights(sigma: Tensor, visible: Tensor) -> Tensor:
    """Inverse variances [T, P] for the fit: hidden points are where the network guesses them, so they count little."""
    return (visible.clamp(0.02, 1) / sigma.clamp_min(SMALLEST_SIGMA).square()) * (visible > 0.05)


def known_by(frames_of_neutral: int) -> float:
    """How well a neutral from so many frames is known, 0..1."""
    return 1 - 1 / max(frames_of_neutral, 1)


def _person(
    network: Refiner,
    times: np.ndarray,
    points: Tensor,
    sigma: Tensor,
    visible: Tensor,
    options: SolveOptions,
    tick: Callable[[], None],
) -> Neutral:
    weight = weights(sigma, visible)
    if options.neutral_time is None:
        return neutral.from_clip(points, weight, network.errors, tick)
    nearest = int(np.abs(times - options.neutral_time).argmin())
    if abs(times[nearest] - options.neutral_time) > 0.5:
        raise UserError(f"No face is seen at {options.neutral_time:g} s, where the neutral should be.", "Name a time that shows it.")
    return neutral.from_marked(points[nearest][None], weight[nearest][None], network.errors)


def _over_time(
    times: np.ndarray, before: FrameByFrame, points: np.ndarray, box: np.ndarray, options: SolveOptions, cuts: Sequence[float]
) -> FaceTrack:
    """Smoothing within each stretch, then what is idle and what lips and lids were seen to do, then short gaps."""
    valid, arkit, sigma, angles, translation = (
        a.copy() for a in (before.valid, before.arkit, before.sigma, before.angles, before.translation)
    )
    for start, end in smoothing.stretches(valid, times, cuts):
        part = slice(start, end)
        angles[part] = np.unwrap(angles[part], axis=0)
        arkit[part] = smoothing.smooth(times[part], arkit[part], sigma[part], options.smoothing)
        arkit[part, _SLOW] = smoothing.slowed(times[part], arkit[part, _SLOW], options.smoothing)
        target = smoothing.smooth(times[part], before.wanted[part], anchor.NOISE, options.smoothing)
        arkit[part] = _settled(arkit[part], sigma[part], target, before.certain[part], int(valid.sum()))
        angles[part] = smoothing.smooth(times[part], angles[part], 0.03, options.smoothing)
        tremble = 0.03 * np.abs(translation[part]).mean(0) + 0.1
        translation[part] = smoothing.smooth(times[part], translation[part], tremble, options.smoothing)
    everything = np.concatenate([arkit, sigma, angles, translation, box], 1)
    filled = smoothing.fill(times, everything, valid, cuts)
    arkit, sigma, angles, translation, box = np.split(everything.astype(np.float32), [52, 104, 107, 110], 1)
    arkit = np.ascontiguousarray(arkit.clip(0, 1))
    arkit[:, _CLOSE] = np.minimum(arkit[:, _CLOSE], arkit[:, _JAW])
    sigma[filled & ~valid] *= 3  # guessed
    return FaceTrack(
        times, filled, arkit, sigma, angles, translation, geometry.gaze_from_coefficients(arkit).astype(np.float32), points, box, before
    )
