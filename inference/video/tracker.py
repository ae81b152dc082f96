# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows one face through a stream of pictures: finder, crop, dense points, next crop; what is lost is found again or left a gap.

Frames go through the point network in blocks, which costs half of what single frames do, and both ways round: of the lips' closures on real
video two looks find more than one, and a mirrored video gives the mirrored answer. A block's frames share the crop of the last face
before it, the fewer the faster it moves; each frame whose points say that its own crop would lie elsewhere is then cut again where it
should be. A frame in which the shared crop holds no face ends the block: it starts the next one, from the face just before it. A scene cut
ends a block too.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Protocol

import numpy as np

from ...core.errors import UserError
from . import absent
from .crop import Crop, crop_of
from .cutting import cut, cut_all
from .frames import Frame
from .points import SKIN

Report = Callable[[float, str], None]

BLOCK: Final = 16  # frames: more gains nothing on a CPU, and a face moves further in them
# A crop is taken anew where the face's own lies this far away, in parts of its side; the network is trained on crops that are off by more.
_OFF: Final = 0.06
_DRIFT: Final = 0.1  # and frames share a crop only while the face, at its speed, stays within this much of it
_FAR_OFF: Final = 0.15  # beyond this, points are not to be trusted
_AGAIN: Final = 2  # times that a frame is cut anew at most
_FACE: Final = 0.5  # probability that the crop holds a face, from which on it does
# Median sigma of the points, in crops. Where it is above the last, the network only guesses: that is no face. A face on its side or upside
# down has ten times its usual sigma, so above the first the other ways up are tried. (Renders: median 0.008, 99 % below 0.02.)
_UNSURE, _GUESSED = 0.025, 0.04
# A scene cut: mean difference of two thumbnails, of 255. A head that turns quickly before a plain wall reaches 12.
_CUT: Final = 24.0
_THUMBNAIL: Final = 16
_LEANS: Final = (-0.12, 0.0, 0.12)  # radians
_LOOK_AROUND: Final = 0.5  # seconds between two looks for everybody in the picture
_REMEMBERED: Final = 1.0  # seconds after which a lost face may come back anywhere


@dataclass(frozen=True)
class Dense:
    """What the point network says of B crops; all float32.

    points [B, P, 2] in parts of the crop (x right, y down), sigma [B, P] in the same unit, visible [B, P] and face [B] as probabilities,
    appearance [B, F].
    """

    points: np.ndarray
    sigma: np.ndarray
    visible: np.ndarray
    face: np.ndarray
    appearance: np.ndarray

    def one(self, i: int) -> Dense:
        return Dense(*(getattr(self, name)[i : i + 1] for name in self.__dataclass_fields__))

    def blur(self) -> np.ndarray:
        """Median sigma of each crop's points, [B]."""
        return np.median(self.sigma, 1)


class FoundFace(Protocol):
    """box: x, y, width, height in px of the crop, before it is turned by roll (radians). score: 0..1."""

    box: Sequence[float]
    roll: float
    score: float


class Networks(Protocol):
    """The two networks (``networks.FaceNetworks``)."""

    size: int

    def find(self, rgb: np.ndarray) -> Sequence[Any]:
        """Faces of a picture uint8 [H, W, 3]; each a ``FoundFace``."""

    def look(self, crops: np.ndarray, both_ways: bool = False) -> Dense:
        """Points of crops uint8 [B, size, size, 3]. both_ways: the mean with what the mirror images say, for twice the time."""


@dataclass(frozen=True)
class TrackOptions:
    """face: "largest" when the track starts (the default: the one filmed), or its number from the picture's left, from 1. careful: every
    frame is looked at as a photo is (``carefully``), which takes three times as long."""

    face: int | str = "largest"
    careful: bool = False

    def __post_init__(self) -> None:
        if self.face != "largest" and (isinstance(self.face, bool) or not isinstance(self.face, int) or self.face < 1):
            raise UserError(
                f"The face {self.face!r} is none that can be chosen.", "Give a number from 1, from left to right, or 'largest'."
            )


@dataclass
class Track:
    """One face over a clip, T frames. Rows without a face hold zeros.

    times [T] s; valid [T]; points [T, P, 2] px of the frames given in; sigma [T, P] px and visible [T, P] float16; appearance [T, F];
    box [T, 4] (x, y, width, height of the crop, px); faces: the most people seen at once; cuts: times of scene cuts.
    """

    times: np.ndarray
    valid: np.ndarray
    points: np.ndarray
    sigma: np.ndarray
    visible: np.ndarray
    appearance: np.ndarray
    box: np.ndarray
    faces: int
    cuts: tuple[float, ...]

    def gaps(self, longer_than: float = 0.0) -> list[tuple[float, float]]:
        """Stretches without a face as (start, end) in seconds; the end is when the face is back. longer_than: s from last seen to then."""
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 0.0
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (~self.valid).view(np.int8), [0]])))
        ends = np.append(self.times, self.times[-1] + step) if len(self.times) else self.times
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return [(float(self.times[a]), float(ends[b])) for a, b in pairs if ends[b] - self.times[max(a - 1, 0)] > longer_than + 1e-9]

    def at(self, times: np.ndarray) -> Track:
        """The same rows at other times [T]; cuts move with their rows."""
        rows = np.searchsorted(self.times, self.cuts)
        return replace(self, times=times, cuts=tuple(float(times[row]) for row in rows))


@dataclass
class _Row:
    """One frame's outcome."""

    time: float
    crop: Crop | None = None
    dense: Dense | None = None

    def shows_face(self) -> bool:
        return bool(self.dense.face[0] >= _FACE and self.dense.blur()[0] < _GUESSED)

    def sure(self) -> bool:
        return bool(self.dense.blur()[0] < _UNSURE)

    def own_crop(self) -> Crop:
        """Where the crop should have been, by what was seen in it."""
        return crop_of(self.crop.to_picture(self.dense.points[0]))


@dataclass
class _Search:
    """Where the face was last, and where others are."""

    options: TrackOptions
    crop: Crop | None = None  # where to look next; None while the face is lost
    last: Crop | None = None  # where it was when it was lost
    lost_at: float = -1e9
    started: bool = False
    stride: int = BLOCK  # frames that may share a crop at the speed the face has
    others: list[tuple[float, float, float]] = field(default_factory=list)  # centre and size of people who are not followed
    most: int = 0
    looked_at: float = -1e9

    def lose(self, time: float) -> None:
        self.last, self.crop, self.lost_at = self.crop or self.last, None, time

    def forget(self) -> None:
        """A scene cut: nobody is where they were."""
        self.crop = self.last = None
        self.others = []
        self.started = False


class Tracker:
    """Follows one face. Feed ``run`` once with all frames. block: frames that go through the network at once, at most."""

    def __init__(self, networks: Networks, options: TrackOptions | None = None, block: int = BLOCK):
        self.block = block
        self.networks = networks
        self.state = _Search(options or TrackOptions())
        self.cuts: list[float] = []
        self._thumbnail: np.ndarray | None = None

    def run(self, frames: Iterable[Frame], on_block: Callable[[float], None] = lambda time: None) -> Track:
        """The track. on_block(time of the last frame done) is called for each block and may raise ``Cancelled``.

        Raises UserError where no frame shows the face that was asked for.
        """
        rows: list[_Row] = []
        for block in _blocks(frames, self.block):
            on_block(block[0].time)
            for part in self._scenes(block):
                found = self._follow(part, on_block)
                rows += self._again(part, found) if self.state.options.careful else found
        if not any(row.dense for row in rows):
            raise self._nobody(rows)
        return _track(rows, self.state.most, self.cuts)

    def _scenes(self, block: list[Frame]) -> Iterator[list[Frame]]:
        """The block cut where the scene changes; the search starts anew there."""
        start = 0
        for i, frame in enumerate(block):
            small = _thumbnail(frame.rgb)
            if self._thumbnail is not None and float(np.abs(small - self._thumbnail).mean()) > _CUT:
                if i > start:
                    yield block[start:i]
                self.state.forget()
                self.cuts.append(frame.time)
                start = i
            self._thumbnail = small
        yield block[start:]

    def _follow(self, frames: list[Frame], tick: Callable[[float], None]) -> list[_Row]:
        """Rows for frames of one scene."""
        state, rows = self.state, []
        while len(rows) < len(frames):
            frame = frames[len(rows)]
            known = state.crop is not None
            if known:
                self._look_around(frame)
                seen = self._look(frames[len(rows) :][: state.stride], state.crop)
            if not known or not seen:  # lost where it should be, or not yet found: look in the whole picture
                if known:
                    state.lose(frame.time)
                state.crop = self._search(frame)
                seen = self._look_anew(frame, state.crop) if state.crop else []
                known = False
            tick(frame.time)
            if not seen:
                state.crop = None
                rows.append(_Row(frame.time))
                continue
            rows += seen
            state.started = True
            own = seen[-1].own_crop()
            before = seen[0].own_crop() if len(seen) > 1 else state.crop
            speed = differs(before, own) / max(len(seen) - 1, 1) if known else _DRIFT / 4
            state.stride = int(np.clip(_DRIFT / max(speed, 1e-6), 1, BLOCK))
            # A crop that stays put keeps a still face from trembling.
            state.crop = own if not known or differs(state.crop, own) > _OFF / 2 else state.crop
        return rows

    def _look(self, frames: list[Frame], crop: Crop) -> list[_Row]:
        """Rows of the leading frames that show the face, from one shared crop, then from each frame's own where that differs."""
        size = self.networks.size
        dense = self.networks.look(cut_all([f.rgb for f in frames], crop, size), both_ways=True)
        rows = [_Row(f.time, crop, dense.one(i)) for i, f in enumerate(frames)]
        for _ in range(_AGAIN):
            own = [row.own_crop() for row in rows]
            # The points of a crop without a face lie anywhere; but a face half outside the shared crop can still be pulled in.
            away = [i for i, row in enumerate(rows) if _OFF < differs(row.crop, own[i]) < 0.7 and row.dense.face[0] > _FACE / 5]
            if not away:
                break
            dense = self.networks.look(np.stack([cut(frames[i].rgb, own[i], size) for i in away]), both_ways=True)
            for k, i in enumerate(away):
                rows[i] = _Row(frames[i].time, own[i], dense.one(k))
        # Where a crop is still far off after that, the frame begins the next block, from a better place; the first has no better one.
        far = [differs(row.crop, row.own_crop()) > _FAR_OFF for row in rows]
        stop = next((i for i, row in enumerate(rows) if not row.shows_face() or (far[i] and i)), len(rows))
        return rows[:stop]

    def _again(self, frames: list[Frame], rows: list[_Row]) -> list[_Row]:
        """The rows with the faces looked at ``carefully``, in the crops that the track has settled on."""
        shown = [i for i, row in enumerate(rows) if row.dense]
        if shown:
            dense = carefully([frames[i].rgb for i in shown], [rows[i].crop for i in shown], self.networks)
            for k, i in enumerate(shown):
                rows[i] = replace(rows[i], dense=dense.one(k))
        return rows

    def _look_anew(self, frame: Frame, crop: Crop) -> list[_Row]:
        """The frame's row from a crop of the finder's; [] where there is no face. Nobody turns over while they are lost, so only at the
        start of a scene is a doubtful face looked for the other ways up."""
        rows = self._look([frame], crop)
        if self.state.started or (rows and rows[0].sure()):
            return rows
        for turned in _lying(frame.rgb, self.networks):
            if math.hypot(turned.x - crop.x, turned.y - crop.y) < crop.side:
                rows += self._look([frame], turned)
        return sorted(rows, key=lambda row: row.dense.blur()[0])[:1]

    def _search(self, frame: Frame) -> Crop | None:
        """The face that is to be followed, if the finder sees it."""
        state = self.state
        faces = self._everybody(frame)
        if state.last is not None and frame.time - state.lost_at <= _REMEMBERED:
            return self._same(faces)
        if state.started and state.others:  # of several, another one must not take the place of who has left
            faces = [f for f in faces if not any(_near(f, other) for other in state.others)] or (
                faces if len(faces) > len(state.others) else []
            )
        if not faces:
            return None
        if state.options.face == "largest":
            chosen = max(faces, key=lambda f: f.box[2] * f.box[3])
        else:
            if len(faces) < int(state.options.face) and not state.started:
                return None
            chosen = faces[min(int(state.options.face), len(faces)) - 1]
        self._keep_others(faces, chosen)
        return crop_of_face(chosen)

    def _same(self, faces: list[Any]) -> Crop | None:
        """The face nearest to where it was, if it is near enough and nobody else's."""
        last = self.state.last
        free = [f for f in faces if not any(_near(f, other) for other in self.state.others)]
        if len(faces) == 1 and not self.state.others:
            return crop_of_face(faces[0])
        near = [(differs(last, crop_of_face(f)), i) for i, f in enumerate(free)]
        if not near or min(near)[0] > 1.5:
            return None
        return crop_of_face(free[min(near)[1]])

    def _look_around(self, frame: Frame) -> None:
        """Now and then: who else is there, so that they are not mistaken for the one who is followed."""
        state = self.state
        if 0 <= frame.time - state.looked_at < _LOOK_AROUND:
            return
        faces = self._everybody(frame)
        mine = [f for f in faces if differs(state.crop, crop_of_face(f)) < 0.5]
        self._keep_others(faces, min(mine, key=lambda f: differs(state.crop, crop_of_face(f))) if mine else None)

    def _everybody(self, frame: Frame) -> list[Any]:
        """All faces from the picture's left to its right."""
        faces = sorted(self.networks.find(frame.rgb), key=lambda f: f.box[0] + f.box[2] / 2)
        self.state.looked_at = frame.time
        self.state.most = max(self.state.most, len(faces))
        return faces

    def _keep_others(self, faces: list[Any], mine: Any) -> None:
        self.state.others = [(f.box[0] + f.box[2] / 2, f.box[1] + f.box[3] / 2, max(f.box[2], f.box[3])) for f in faces if f is not mine]

    def _nobody(self, rows: list[_Row]) -> UserError:
        if self.state.options.face != "largest" and self.state.most:
            return absent.no_such(int(self.state.options.face), "the video", self.state.most)
        return absent.nobody("the picture" if len(rows) == 1 else f"any of the {len(rows)} frames")


def look_at_photo(rgb: np.ndarray, networks: Networks, least: float = 0.0) -> list[Track]:
    """Every face of one picture that is ``least`` px or more, from left to right, each as a track of one frame. [] where there is none.

    The last look is ``carefully``: nobody notices the milliseconds.
    """
    tracker, frame = Tracker(networks), Frame(0.0, rgb)
    rows = [row for face in networks.find(rgb) for row in tracker._look([frame], crop_of_face(face))]
    if not any(row.sure() for row in rows):
        rows = [row for crop in _lying(rgb, networks) for row in tracker._look([frame], crop) if row.sure()] or rows
    tracks: list[Track] = []
    for row in sorted(rows, key=lambda row: row.crop.x):
        if not any(_overlap(row.crop, t.box[0]) > 0.5 for t in tracks):
            tracks.append(_track([_Row(0.0, row.crop, carefully([rgb], [row.crop], networks))], 1, []))
    return [track for track in tracks if np.ptp(track.points[0, :SKIN], 0).max() >= least]


def carefully(pictures: Sequence[np.ndarray], crops: Sequence[Crop], networks: Networks) -> Dense:
    """What is seen in a crop of each picture: the mean over it and two that lean a little, each both ways round. Its points are off by a
    tenth less than those of one look, and a mirrored picture gives the mirrored answer."""
    looks = []
    for lean in _LEANS:
        leaning = [replace(crop, roll=crop.roll + lean) for crop in crops]
        dense = networks.look(
            np.stack([cut(rgb, c, networks.size) for rgb, c in zip(pictures, leaning, strict=True)]), both_ways=True
        )
        points = [crop.from_picture(c.to_picture(at)) for crop, c, at in zip(crops, leaning, dense.points, strict=True)]
        looks.append(replace(dense, points=np.stack(points)))
    return Dense(*(np.mean([getattr(look, f.name) for look in looks], 0, dtype=np.float32) for f in fields(Dense)))


def _lying(rgb: np.ndarray, networks: Networks) -> Iterator[Crop]:
    """Crops of faces that are upside down or lie on a side: the finder knows upright ones only, so the picture is turned for it."""
    height, width = rgb.shape[:2]
    for quarters in (2, 1, 3):
        for face in networks.find(np.ascontiguousarray(np.rot90(rgb, quarters))):
            crop = crop_of_face(face)
            x, y = {1: (width - crop.y, crop.x), 2: (width - crop.x, height - crop.y), 3: (crop.y, height - crop.x)}[quarters]
            yield Crop(x, y, crop.side, crop.roll + quarters * math.pi / 2)


def _overlap(crop: Crop, box: np.ndarray) -> float:
    """Intersection over union of a crop and a box x, y, w, h."""
    x0, y0, x1, y1 = crop.x - crop.side / 2, crop.y - crop.side / 2, crop.x + crop.side / 2, crop.y + crop.side / 2
    w = min(x1, box[0] + box[2]) - max(x0, box[0])
    h = min(y1, box[1] + box[3]) - max(y0, box[1])
    inside = max(w, 0) * max(h, 0)
    return inside / (crop.side**2 + box[2] * box[3] - inside)


def _blocks(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    source = iter(frames)
    while block := list(itertools.islice(source, size)):
        yield block


def _thumbnail(rgb: np.ndarray) -> np.ndarray:
    """float32 [16, 16] of single pixels' green, for noticing that everything has changed."""
    h, w = rgb.shape[:2]
    rows = (np.arange(_THUMBNAIL) * 2 + 1) * h // (2 * _THUMBNAIL)
    columns = (np.arange(_THUMBNAIL) * 2 + 1) * w // (2 * _THUMBNAIL)
    return rgb[rows][:, columns, 1].astype(np.float32)


def _near(face: Any, other: tuple[float, float, float]) -> bool:
    x, y, size = other
    return max(abs(face.box[0] + face.box[2] / 2 - x), abs(face.box[1] + face.box[3] / 2 - y)) < 0.5 * size


def crop_of_face(face: Any) -> Crop:
    """The first crop for a face that the finder saw; from there on the points tell."""
    x, y, w, h = (float(v) for v in face.box)
    return Crop(x + w / 2, y + h / 2, max(w, h, 4.0), float(face.roll))


def differs(crop: Crop, other: Crop) -> float:
    """How far apart two crops are, in parts of the first one's side: the most that any corner of the face moves, about."""
    turned = abs((other.roll - crop.roll + np.pi) % (2 * np.pi) - np.pi)
    return max(
        abs(crop.x - other.x) / crop.side, abs(crop.y - other.y) / crop.side, abs(math.log(max(other.side, 1e-6) / crop.side)), 0.4 * turned
    )


def _track(rows: list[_Row], faces: int, cuts: list[float]) -> Track:
    seen = next(row.dense for row in rows if row.dense)
    count = len(rows)
    track = Track(
        times=np.array([row.time for row in rows], np.float64),
        valid=np.array([row.dense is not None for row in rows]),
        points=np.zeros((count, seen.points.shape[1], 2), np.float32),
        sigma=np.zeros((count, seen.points.shape[1]), np.float16),
        visible=np.zeros((count, seen.points.shape[1]), np.float16),
        appearance=np.zeros((count, seen.appearance.shape[1]), np.float32),
        box=np.zeros((count, 4), np.float32),
        faces=max(faces, 1),
        cuts=tuple(cuts),
    )
    for i, row in enumerate(rows):
        if row.dense is None:
            continue
        track.points[i] = row.crop.to_picture(row.dense.points[0])
        track.sigma[i] = row.dense.sigma[0] * row.crop.side
        track.visible[i] = row.dense.visible[0]
        track.appearance[i] = row.dense.appearance[0]
        track.box[i] = (row.crop.x - row.crop.side / 2, row.crop.y - row.crop.side / 2, row.crop.side, row.crop.side)
    return track
