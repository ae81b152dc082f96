# SPDX-License-Identifier: GPL-3.0-or-later
"""What a face does, in words: muscle movements by region, symmetry, an expression category and what it suggests, of a frame or a stretch.

Everything is read from the 52 coefficients by fixed rules, so the words can always be traced to the numbers beside them. Which movements
make which category follows the prototypes that facial coding has published for decades: Ekman and Friesen's Facial Action Coding System
and its emotion prototypes (EMFACS: smile with raised cheeks for happiness, 1+4+15 sadness, 1+2+5+26 surprise, 1+2+4+5+20 fear, 4+5/7+23/24
anger, 9 or 10 disgust, one-sided 12/14 contempt), and Prkachin and Solomon's pain score (4, 6/7, 9/10, 43). A category is what a face
looks like, not what a person feels.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...rigs.arkit import ARKIT_52

REGIONS: Final = ("brows", "eyes", "gaze", "cheeks", "nose", "jaw", "mouth", "tongue")
CATEGORIES: Final = (
    "neutral", "happiness", "sadness", "surprise", "fear", "anger", "disgust", "contempt", "pain", "playful", "mixed",
)  # fmt: skip


@dataclass(frozen=True)
class Movement:
    """One muscle movement. ``channels``: what adds to it on the left and on the right (the same names where it has no sides).

    many, one, verb: "outer brows", "outer brow", "raised". full: the coefficient that is called full strength. Some muscles hardly reach 1
    in a real face. least: below this, in parts of ``full``, nothing is said; it lies above what calm faces show (the 90th percentile of
    1000 clips of people speaking without emotion, GRID, as a tracker scored them).
    """

    name: str
    region: str
    left: tuple[str, ...]
    right: tuple[str, ...]
    many: str
    one: str
    verb: str
    full: float = 1.0
    least: float = 0.15


def _sides(name: str, region: str, stem: str, many: str, one: str, verb: str, full: float = 1.0, least: float = 0.15) -> Movement:
    return Movement(name, region, (f"{stem}Left",), (f"{stem}Right",), many, one, verb, full, least)


def _whole(name: str, region: str, channel: str, subject: str, verb: str, full: float = 1.0, least: float = 0.15) -> Movement:
    return Movement(name, region, (channel,), (channel,), subject, subject, verb, full, least)


def _gaze(name: str, left: str, right: str, verb: str) -> Movement:
    # Both eyes move as one: the mean, so that a squinting eye alone turns no gaze. 0.25 is about 9 degrees.
    return Movement(name, "gaze", (left, right), (left, right), "gaze", "gaze", verb, 1.0, 0.25)


_ROLL: Final = ("mouthRollUpper", "mouthRollLower")
_TABLE: Final = (
    _whole("inner_brow_raise", "brows", "browInnerUp", "inner brows", "raised", 0.8),
    _sides("outer_brow_raise", "brows", "browOuterUp", "outer brows", "outer brow", "raised", 0.8, 0.25),
    _sides("brow_lower", "brows", "browDown", "brows", "brow", "lowered", 0.8, 0.3),
    _sides("eye_close", "eyes", "eyeBlink", "eyes", "eye", "closed", 0.9, 0.4),
    _sides("eye_squint", "eyes", "eyeSquint", "lids", "lid", "tightened", 1.0, 0.4),
    _sides("eye_widen", "eyes", "eyeWide", "eyes", "eye", "widened", 0.8),
    _gaze("gaze_up", "eyeLookUpLeft", "eyeLookUpRight", "up"),
    _gaze("gaze_down", "eyeLookDownLeft", "eyeLookDownRight", "down"),
    _gaze("gaze_left", "eyeLookOutLeft", "eyeLookInRight", "to the left"),
    _gaze("gaze_right", "eyeLookInLeft", "eyeLookOutRight", "to the right"),
    _sides("cheek_raise", "cheeks", "cheekSquint", "cheeks", "cheek", "raised", 0.8),
    _whole("cheek_puff", "cheeks", "cheekPuff", "cheeks", "puffed"),
    _sides("nose_wrinkle", "nose", "noseSneer", "nose wings", "nose wing", "wrinkled up", 0.8),
    _whole("jaw_drop", "jaw", "jawOpen", "jaw", "dropped", 0.8),
    _whole("jaw_thrust", "jaw", "jawForward", "jaw", "thrust forward"),
    _whole("jaw_left", "jaw", "jawLeft", "jaw", "moved to the left"),
    _whole("jaw_right", "jaw", "jawRight", "jaw", "moved to the right"),
    _sides("smile", "mouth", "mouthSmile", "lip corners", "lip corner", "pulled up", 0.9),
    _sides("corners_down", "mouth", "mouthFrown", "lip corners", "lip corner", "pulled down", 0.8),
    _sides("dimple", "mouth", "mouthDimple", "lip corners", "lip corner", "tightened inwards", 0.8),
    _sides("lip_stretch", "mouth", "mouthStretch", "lip corners", "lip corner", "stretched sideways", 0.8),
    _whole("pucker", "mouth", "mouthPucker", "lips", "puckered", 1.0, 0.25),
    _whole("funnel", "mouth", "mouthFunnel", "lips", "funnelled", 0.9),
    _sides("upper_lip_raise", "mouth", "mouthUpperUp", "upper lip", "upper lip", "raised", 0.8),
    _sides("lower_lip_drop", "mouth", "mouthLowerDown", "lower lip", "lower lip", "lowered", 0.8),
    _sides("lip_press", "mouth", "mouthPress", "lips", "lips", "pressed together", 0.8, 0.25),
    Movement("lips_in", "mouth", _ROLL, _ROLL, "lips", "lips", "rolled in", 0.8, 0.25),
    _whole("chin_raise", "mouth", "mouthShrugLower", "chin and lower lip", "pushed up", 0.8),
    _whole("mouth_left", "mouth", "mouthLeft", "mouth", "pulled to the left"),
    _whole("mouth_right", "mouth", "mouthRight", "mouth", "pulled to the right"),
    _whole("tongue_out", "tongue", "tongueOut", "tongue", "out", 1.0, 0.3),
)  # fmt: skip
MOVEMENTS: Final[tuple[str, ...]] = tuple(m.name for m in _TABLE)
_AT: Final = {name: i for i, name in enumerate(MOVEMENTS)}
# What a mirrored picture shows: MOVEMENTS[MOVEMENT_MIRROR[i]] is MOVEMENTS[i] seen in a mirror.
MOVEMENT_MIRROR: Final[tuple[int, ...]] = tuple(
    _AT[m.name.replace("_left", "_right") if m.name.endswith("_left") else m.name.replace("_right", "_left")] for m in _TABLE
)
# Adverbs by strength in parts of full: about the steps of facial coding's A to E, trace to maximum, with trace left unsaid.
_WORDS: Final = ((0.8, "fully"), (0.55, "strongly"), (0.3, "clearly"), (0.0, "slightly"))
# One side counts as stronger where it leads by this much, and alone where the other side reaches less than this part of it. People's
# faces and trackers are never exactly even: 0.1 between the sides is common in calm speech.
_UNEVEN, _ALONE = 0.15, 0.35


def _matrix(side: str) -> np.ndarray:
    weights = np.zeros((len(ARKIT_52), len(_TABLE)), np.float32)
    for column, movement in enumerate(_TABLE):
        channels = getattr(movement, side)
        for channel in channels:
            weights[ARKIT_52.index(channel), column] += 1.0 / (len(channels) * movement.full)
    return weights


_LEFT: Final = _matrix("left")
_RIGHT: Final = _matrix("right")


def sides(arkit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Strength of each movement on the left and on the right half, float32 [..., M] in 0..1. arkit: [..., 52]; NaN counts as 0."""
    clean = np.clip(np.nan_to_num(np.asarray(arkit, np.float32), nan=0.0), 0.0, 1.0)
    return np.clip(clean @ _LEFT, 0.0, 1.0), np.clip(clean @ _RIGHT, 0.0, 1.0)


def intensities(arkit: np.ndarray) -> np.ndarray:
    """Strength of each of ``MOVEMENTS`` on its stronger side, float32 [..., M] in 0..1. arkit: [..., 52] in the order of rigs.arkit."""
    left, right = sides(arkit)
    return np.maximum(left, right)


def category_scores(arkit: np.ndarray) -> np.ndarray:
    """How well the face fits each of ``CATEGORIES``, float32 [..., C] in 0..1; they do not add up to 1. arkit: [..., 52]."""
    left, right = sides(arkit)
    strongest = np.maximum(left, right)
    both = np.minimum(left, right)

    def on(name: str, low: float = 0.1, high: float = 0.6, of: np.ndarray = strongest) -> np.ndarray:
        return np.clip((of[..., _AT[name]] - low) / (high - low), 0.0, 1.0)

    most = np.maximum
    smile = on("smile", 0.12)
    down, inner, outer, lowered = on("corners_down"), on("inner_brow_raise"), on("outer_brow_raise", 0.2), on("brow_lower", 0.2)
    wide, squint, closed = on("eye_widen"), on("eye_squint", 0.35, 0.85), on("eye_close", 0.5, 0.9)
    closed_both = on("eye_close", 0.5, 0.9, both)
    wrinkle, upper, cheeks = on("nose_wrinkle"), on("upper_lip_raise", 0.2), on("cheek_raise")
    jaw, stretch, chin = on("jaw_drop", 0.25, 0.8), on("lip_stretch"), on("chin_raise", 0.2)
    tight = most(on("lip_press", 0.25), on("lips_in", 0.25))
    tongue = on("tongue_out", 0.3, 0.7)
    # 0 where the weaker side has 0.6 of the stronger, 1 where it has 0.2; a trace on one side only is none.
    uneven = np.clip(1.5 - 2.5 * both / np.maximum(strongest, 0.1), 0.0, 1.0)
    one_corner = most(smile * uneven[..., _AT["smile"]], on("dimple") * uneven[..., _AT["dimple"]])
    wink = uneven[..., _AT["eye_close"]] * closed * (1 - closed_both)

    scores = np.zeros((*strongest.shape[:-1], len(CATEGORIES)), np.float32)

    def put(name: str, value: np.ndarray) -> None:
        scores[..., CATEGORIES.index(name)] = np.clip(value, 0.0, 1.0)

    put(
        "happiness",
        smile * (1 - 0.8 * uneven[..., _AT["smile"]]) * (0.75 + 0.25 * cheeks) * (1 - 0.7 * down) * (1 - 0.6 * most(wrinkle, lowered)),
    )
    grieving = inner * (1 - outer) * (1 - wide)
    put("sadness", (0.6 * down + 0.5 * grieving + 0.15 * chin * (down + grieving)) * (1 - smile) * (1 - 0.7 * most(jaw, wrinkle)))
    raised = np.sqrt(inner * outer)
    open_wide = np.sqrt(wide * jaw)
    put("surprise", (0.45 * raised + 0.3 * wide + 0.35 * jaw) * most(raised, 0.7 * open_wide) * (1 - lowered) * (1 - 0.5 * smile))
    alarmed = np.sqrt(wide * most(most(inner, stretch), 0.5 * lowered))
    put("fear", (0.35 * wide + 0.35 * inner + 0.25 * lowered + 0.35 * stretch) * alarmed * (1 - smile))
    glare = 0.5 + 0.3 * most(squint, wide) + 0.35 * most(tight, 0.6 * chin)
    put("anger", lowered * glare * (1 - inner) * (1 - smile) * (1 - 0.6 * wrinkle))
    repelled = 0.75 * wrinkle + 0.35 * upper + 0.15 * most(down, chin)
    put("disgust", repelled * most(wrinkle, 0.7 * upper) * (1 - 0.7 * smile) * (1 - closed_both))
    put("contempt", one_corner * (1 - jaw) * (1 - most(wrinkle, lowered)) * (1 - 0.8 * wink))
    hurt = (lowered + most(cheeks, squint) + most(wrinkle, upper) + 0.75 * closed_both) / 3
    put("pain", hurt * np.sqrt(lowered * most(closed_both, 0.4 * squint)))
    put("playful", most(tongue, wink * (0.6 + 0.4 * smile)))
    busy = np.clip((_amount(strongest) - 0.15) / 0.2, 0.0, 1.0)
    put("neutral", 1.0 - busy)
    put("mixed", 0.45 * busy * (1 - scores[..., 1:-1].max(-1)))  # what moves and fits no prototype; a fair fit wins over it
    return scores


def _amount(strength: np.ndarray) -> np.ndarray:
    """The strongest movement that is part of an expression: a blink or a glance is none. strength: [..., M]; [...]"""
    counts = np.array([m.name != "eye_close" and m.region != "gaze" for m in _TABLE])
    least = np.array([m.least for m in _TABLE], np.float32)
    return np.where(counts & (strength >= least), strength, 0.0).max(-1)


def category(arkit: np.ndarray) -> tuple[str, float]:
    """The best of ``CATEGORIES`` for one face, arkit [52], and its score 0..1. A blink or a glance alone leaves it neutral."""
    scores = category_scores(np.asarray(arkit).reshape(len(ARKIT_52)))
    best = int(scores.argmax())
    return CATEGORIES[best], float(scores[best])


@dataclass(frozen=True)
class Analysis:
    """Words about one face. ``muscle_movements``: region -> a phrase, only regions that move, from the brows down."""

    expression_category: str
    muscle_movements: dict[str, str]
    emotional_implication: str
    symmetry: str

    def to_dict(self) -> dict[str, Any]:
        """The four, in the order in which they are exported."""
        return {
            "expression_category": self.expression_category,
            "muscle_movements": dict(self.muscle_movements),
            "emotional_implication": self.emotional_implication,
            "symmetry": self.symmetry,
        }

    def sentence(self) -> str:
        """One line: category, movements, symmetry where it is not even."""
        moving = "; ".join(self.muscle_movements.values()) or "no clear movement"
        balance = "" if self.symmetry == "symmetric" else f" {self.symmetry.capitalize()}."
        return f"{self.expression_category.capitalize()}: {moving}.{balance}"


@dataclass(frozen=True)
class Shot:
    """A stretch of like expression. start, end: seconds. blinks: how often the eyes closed briefly. speaking: the mouth keeps moving."""

    start: float
    end: float
    analysis: Analysis
    blinks: int = 0
    speaking: bool = False

    def to_dict(self) -> dict[str, Any]:
        """{start, end, analysis}, plain data."""
        return {"start": round(self.start, 3), "end": round(self.end, 3), "analysis": self.analysis.to_dict()}


def describe_frame(arkit: np.ndarray) -> Analysis:
    """Words for one face. arkit: [52] in the order of rigs.arkit; values outside 0..1 are clipped, NaN counts as 0."""
    return _describe(np.asarray(arkit, np.float32).reshape(len(ARKIT_52)))


def _describe(arkit: np.ndarray, extra: Mapping[str, str] | None = None) -> Analysis:
    """extra: region -> a phrase that goes before the others of its region."""
    left, right = sides(arkit)
    named, _ = category(arkit)
    phrases: dict[str, list[str]] = {region: [extra[region]] if extra and region in extra else [] for region in REGIONS}
    uneven: list[tuple[float, str]] = []
    for movement, on_left, on_right in zip(_TABLE, left.tolist(), right.tolist(), strict=True):
        if max(on_left, on_right) < movement.least:
            continue
        phrases[movement.region].append(_phrase(movement, on_left, on_right))
        if (lead := abs(on_left - on_right)) >= _UNEVEN:
            uneven.append((lead, f"{movement.one} {movement.verb} more on the {'left' if on_left > on_right else 'right'}"))
    return Analysis(
        named,
        {region: ", ".join(parts) for region, parts in phrases.items() if parts},
        _implication(named, intensities(arkit)),
        _symmetry(uneven),
    )


def _phrase(movement: Movement, left: float, right: float) -> str:
    strength = max(left, right)
    word = next(word for least, word in _WORDS if strength >= least)
    if movement.left == movement.right or abs(left - right) < _UNEVEN:
        return f"{movement.many} {word} {movement.verb}"
    side = "left" if left > right else "right"
    if min(left, right) <= _ALONE * strength:
        if movement.one == movement.many:  # lips have no single left lip
            return f"{movement.one} {word} {movement.verb} on the {side}"
        return f"{side} {movement.one} {word} {movement.verb}"
    return f"{movement.many} {word} {movement.verb}, more on the {side}"


def _symmetry(uneven: list[tuple[float, str]]) -> str:
    if not uneven:
        return "symmetric"
    uneven.sort(reverse=True)
    word = "strongly" if uneven[0][0] >= 0.5 else "clearly" if uneven[0][0] >= 0.3 else "slightly"
    return f"{word} asymmetric: " + ", ".join(what for _, what in uneven[:3])


# Mild, clear and strong forms of what a category suggests.
_FEELS: Final = {
    "happiness": ("content or friendly", "happy", "delighted"),
    "sadness": ("a little downcast", "sad", "grieving"),
    "surprise": ("attentive or mildly surprised", "surprised", "astonished"),
    "fear": ("uneasy", "afraid", "terrified"),
    "anger": ("annoyed or concentrating", "angry", "furious"),
    "disgust": ("put off", "disgusted", "revolted"),
    "contempt": ("sceptical or amused", "scornful", "contemptuous"),
    "pain": ("in discomfort", "in pain", "in strong pain"),
    "playful": ("playful", "teasing", "teasing"),
}  # fmt: skip


def _implication(named: str, strength: np.ndarray) -> str:
    if named == "neutral":
        return "calm; no particular emotion shows"
    if named == "mixed":
        return "no single emotion; the movements fit no common pattern, as in speech or a grimace"
    amount = float(_amount(strength))
    feels = "suggests " + _FEELS[named][0 if amount < 0.45 else 1 if amount < 0.85 else 2]
    if named == "happiness":
        felt = strength[_AT["cheek_raise"]] >= 0.25 or strength[_AT["eye_squint"]] >= 0.5
        return f"{feels}; " + ("the eyes take part, as in a felt smile" if felt else "the eyes hardly take part, as in a polite smile")
    return feels


# Shots.
_PIECE: Final = 0.2  # seconds that are taken together before shots are cut: longer than a blink and than most phones
_SHORTEST: Final = 0.8  # seconds; a shorter stretch is a transition
# Neighbours join while this is not exceeded: seconds times squared distance of their movements. Two of one second may differ by 0.3.
_DIFFERENT: Final = 0.045
_BLINK: Final = 0.5  # eye_close above this, with both eyes, is a closure
_LONGEST_BLINK: Final = 0.5  # seconds; longer is eyes closed
_LID_FRAMES: Final = 2  # frames in which the lids are on their way, on each side of a closure
_SPEAKING: Final = 1.2  # movement of jaw and lips, full ranges a second, all added: 99 % of 100 clips of reading aloud (GRID) exceed 1.7
# Speech moves these all the time: they cut shots less than the rest.
_ARTICULATORS: Final = (
    "jaw_drop", "pucker", "funnel", "lower_lip_drop", "upper_lip_raise", "lip_press", "lips_in", "chin_raise", "lip_stretch", "dimple",
)  # fmt: skip


def describe_shots(times: np.ndarray, arkit: np.ndarray, valid: np.ndarray | None = None) -> list[Shot]:
    """Stretches of like expression over a clip, in order, and words for each; where no face is known there is no shot.

    times: [T] seconds, rising. arkit: [T, 52]. valid: [T] bool, True where a face was seen (default: everywhere).
    """
    times = np.asarray(times, np.float64)
    arkit = np.asarray(arkit, np.float32).reshape(len(times), len(ARKIT_52))
    valid = np.ones(len(times), bool) if valid is None else np.asarray(valid, bool)
    shots: list[Shot] = []
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / 25
    edges = np.flatnonzero(np.diff(np.concatenate([[0], valid.view(np.int8), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        for a, b in _cut(times[first:last], _without_blinks(times[first:last], arkit[first:last]), step):
            a, b = first + a, first + b
            end = float(times[b]) if b < len(times) else float(times[-1]) + step
            shots.append(_shot(float(times[a]), end, times[a:b], arkit[a:b]))
    return shots


@dataclass
class _Stretch:
    """Frames [first, last) that belong together: what they last in seconds, the mean of their movements, and how often they were joined."""

    first: int
    last: int
    seconds: float
    mean: np.ndarray
    before: int
    after: int
    version: int = 0
    alive: bool = True

    def absorb(self, later: _Stretch) -> None:
        self.mean = (self.mean * self.seconds + later.mean * later.seconds) / (self.seconds + later.seconds)
        self.seconds, self.last, self.after = self.seconds + later.seconds, later.last, later.after
        self.version += 1
        later.alive = False


def _cost(a: _Stretch, b: _Stretch) -> float:
    """By how much the spread within stretches grows when the two become one (Ward's criterion)."""
    return a.seconds * b.seconds / (a.seconds + b.seconds) * float(((a.mean - b.mean) ** 2).sum())


def _cut(times: np.ndarray, strength: np.ndarray, step: float) -> list[tuple[int, int]]:
    """Frame ranges of like expression. times [T], strength [T, M]. Neighbouring pieces are joined, the most alike first."""
    weight = np.ones(len(_TABLE), np.float32)
    weight[[_AT[n] for n in _ARTICULATORS]] = 0.35
    weight[[i for i, m in enumerate(_TABLE) if m.region == "gaze"]] = 0.5
    numbers = np.floor((times - times[0]) / _PIECE + 1e-6).astype(np.int64)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    ends = np.append(starts[1:], len(times))
    pieces = [
        _Stretch(int(a), int(b), (b - a) * step, np.median(strength[a:b], 0) * weight, i - 1, i + 1)
        for i, (a, b) in enumerate(zip(starts, ends, strict=True))
    ]
    pieces[-1].after = -1
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(i: int) -> None:
        if i >= 0 and pieces[i].after >= 0:
            a, b = pieces[i], pieces[pieces[i].after]
            heapq.heappush(heap, (_cost(a, b), i, a.after, a.version, b.version))

    for i in range(len(pieces)):
        offer(i)
    while heap and heap[0][0] < _DIFFERENT:
        _, i, j, version_i, version_j = heapq.heappop(heap)
        a, b = pieces[i], pieces[j]
        if a.alive and b.alive and (a.version, b.version) == (version_i, version_j):
            a.absorb(b)
            if a.after >= 0:
                pieces[a.after].before = i
            offer(i)
            offer(a.before)
    kept = [p for p in pieces if p.alive]
    while len(kept) > 1:  # what is too short to be a stretch is a transition and joins the nearer neighbour
        i = min(range(len(kept)), key=lambda i: kept[i].seconds)
        if kept[i].seconds >= _SHORTEST:
            break
        sides_of = [k for k in (i - 1, i) if 0 <= k < len(kept) - 1]
        k = min(sides_of, key=lambda k: _cost(kept[k], kept[k + 1]))
        kept[k].absorb(kept.pop(k + 1))
    return [(p.first, p.last) for p in kept]


def _shot(start: float, end: float, times: np.ndarray, arkit: np.ndarray) -> Shot:
    """Words for frames [T, 52] as one: what lasts, not what passes."""
    strength = intensities(arkit)
    typical = np.quantile(arkit, 0.65, axis=0).astype(np.float32)  # above the middle, so that speech does not hide a smile
    eyes = [i for i, name in enumerate(ARKIT_52) if name.startswith("eye")]
    typical[eyes] = np.median(arkit[:, eyes], 0)  # a blink or a glance passes
    blinks = len(_blinks(times, arkit))
    spoken = [_AT[n] for n in _ARTICULATORS]
    length = float(times[-1] - times[0])
    coarse = _means(times, strength[:, spoken], 0.12)  # longer than a tracker's jitter, shorter than most syllables
    path = float(np.abs(np.diff(coarse, axis=0)).sum()) / length if length > 0 else 0.0
    speaking = length >= 0.3 and path >= _SPEAKING and float(np.ptp(strength[:, _AT["jaw_drop"]])) >= 0.08
    extra = {}
    if blinks:
        extra["eyes"] = "one blink" if blinks == 1 else f"{blinks} blinks"
    if speaking:  # then these serve the words, not the expression
        extra["mouth"] = "moving as in speech"
        typical[[i for i, column in enumerate(_LEFT + _RIGHT) if column[spoken].any()]] = 0.0
    return Shot(start, end, _describe(typical, extra), blinks, speaking)


def _means(times: np.ndarray, values: np.ndarray, seconds: float) -> np.ndarray:
    """values [T, N] averaged over steps of this length, [steps, N]."""
    starts = np.flatnonzero(np.diff(np.floor((times - times[0]) / seconds + 1e-6), prepend=-1))
    return np.add.reduceat(values, starts, axis=0) / np.diff(np.append(starts, len(values)))[:, None]


def _blinks(times: np.ndarray, arkit: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) of closures of both eyes that opened again soon. arkit: [T, 52]."""
    shut = np.minimum(*(side[:, _AT["eye_close"]] for side in sides(arkit))) >= _BLINK
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.view(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if times[b - 1] - times[a] <= _LONGEST_BLINK]


def _without_blinks(times: np.ndarray, arkit: np.ndarray) -> np.ndarray:
    """Movements [T, M] as if no eye had blinked: lids and gaze keep what they were."""
    strength = intensities(arkit)
    lids = [i for i, m in enumerate(_TABLE) if m.region in ("eyes", "gaze")]
    for first, last in _blinks(times, arkit):
        first, last = max(first - _LID_FRAMES, 0), min(last + _LID_FRAMES, len(strength))
        calm = strength[first - 1] if first else strength[min(last, len(strength) - 1)]
        strength[first:last, lids] = calm[lids]
    return strength


def describe_clip(shots: Sequence[Shot], duration: float) -> str:
    """The clip in a sentence or two: what it mostly shows, when it shows something else, blinks, speech."""
    seconds: dict[str, float] = {}
    for shot in shots:
        seconds[shot.analysis.expression_category] = seconds.get(shot.analysis.expression_category, 0.0) + shot.end - shot.start
    if not seconds:
        return "No face is seen."
    mostly = max(seconds, key=seconds.get)
    text = f"Mostly {mostly}" if len(seconds) > 1 else mostly.capitalize()
    others = [s for s in shots if s.analysis.expression_category != mostly]
    others = sorted(sorted(others, key=lambda s: s.start - s.end)[:3], key=lambda s: s.start)
    if others:
        text += "; " + ", ".join(f"{s.analysis.expression_category} from {s.start:.1f} to {s.end:.1f} s" for s in others)
    spoken = sum(s.end - s.start for s in shots if s.speaking)
    blinks = sum(s.blinks for s in shots)
    if spoken >= 0.5 * duration:
        text += "; speaking"
    elif spoken > 0:
        text += f"; speaking for {spoken:.1f} s"
    return text + (f"; {blinks} blink{'' if blinks == 1 else 's'}." if blinks else ".")
