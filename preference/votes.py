# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of a ranking: takes, votes on them, and what is appended later about either. Plain data with one canonical JSON form."""

from __future__ import annotations

import hashlib
import json
import math
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final

from ..core.errors import UserError

KINDS: Final = ("speech", "video", "image")
REGIONS: Final = ("whole", "upper", "lower")
AXES: Final = ("overall", "timing", "mouth", "expression", "life")
MOST_TAKES: Final = 4  # a four-up is the largest question that the panel asks
LONGEST_TEXT: Final = 4000  # characters of a note; longer ones are pasted by accident

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UUID = re.compile(r"[0-9a-f]{32}")
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NO_LINES = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # a note may hold line ends and tabs


def canonical(data: object) -> str:
    """The one JSON text of this data: ASCII, keys sorted, no spaces, no NaN. Equal data give equal text on every machine."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(data: object) -> str:
    """sha256 (hex) of the canonical text."""
    return hashlib.sha256(canonical(data).encode("ascii")).hexdigest()


def new_id() -> str:
    """A fresh vote id: a random UUID, 32 hex digits."""
    return uuid.uuid4().hex


def now() -> str:
    """This moment as votes write it: UTC, milliseconds."""
    return _moment(datetime.now(UTC))


@dataclass(frozen=True)
class Take:
    """One performance of a clip: everything that decides how it looks. Its id is the sha256 of its canonical JSON.

    kind: "speech", "video" or "image"           clip: sha256 of the sound, video or photo   clip_name: what people call it
    start, end: seconds of the clip, end >= start (equal for a still)
    seed, variation, controls: what the model was asked for (controls: name -> amount)
    model: sha256 of the weights    adapter: sha256 or "" for none    adapter_strength: 0..1
    fps: frames a second    rig, camera: the character and view it was rendered with, "" where it was not
    curves: sha256 of the curves file
    Raises UserError where a field cannot be meant.
    """

    kind: str
    clip: str
    clip_name: str
    start: float
    end: float
    seed: int
    variation: float
    controls: Mapping[str, float] = field(hash=False)
    model: str
    adapter: str
    adapter_strength: float
    fps: float
    rig: str
    camera: str
    curves: str

    def __post_init__(self) -> None:
        of = "take"
        _one_of(of, "kind", self.kind, KINDS)
        _sha(of, "clip", self.clip)
        _sha(of, "model", self.model)
        _sha(of, "adapter", self.adapter, empty=True)
        _sha(of, "curves", self.curves)
        for name in ("clip_name", "rig", "camera"):
            _text(of, name, getattr(self, name))
        for name, least, most in (
            ("start", 0.0, 1e7),
            ("end", 0.0, 1e7),
            ("variation", 0.0, 100.0),
            ("adapter_strength", 0.0, 1.0),
            ("fps", 1e-3, 1e4),
        ):
            _set(self, name, _number(of, name, getattr(self, name), least, most))
        _whole(of, "seed", self.seed, -(2**63), 2**63 - 1)
        if self.end < self.start:
            raise UserError(f"A take cannot end ({self.end:g} s) before it starts ({self.start:g} s).")
        _set(self, "controls", _amounts(of, self.controls))

    @cached_property
    def id(self) -> str:
        """sha256 of the canonical JSON of all fields."""
        return digest(_plain(self))

    @property
    def seconds(self) -> float:
        """How long it plays; 0 for a still."""
        return self.end - self.start

    def to_json(self) -> dict:
        return {"id": self.id, **_plain(self)}

    @staticmethod
    def from_json(data: object) -> Take:
        """What ``to_json`` gave. Raises UserError where fields are missing, unknown or wrong, or the id is another's."""
        data = _object(data, "take", {f.name for f in fields(Take)}, optional={"id"})
        stated = data.pop("id", None)
        take = Take(**data)
        if stated is not None and stated != take.id:
            raise UserError(f"The take {str(stated)[:12]} does not match its own id.", "It was changed after it was written.")
        return take


@dataclass(frozen=True)
class Vote:
    """One answer to one question: which of these takes is better.

    id: 32 hex digits (``new_id``)    at: UTC, ISO 8601 (``now``)    rater: who (a name or nickname)    sitting: which session, any text
    takes: 2 to 4 take ids in the order shown (left to right)
    ranks: one int a take, 0 the best, equal numbers a tie; kept without gaps (0, 2, 2 becomes 0, 1, 1)
    both_bad: none of them is good enough; the ranks are then all 0
    region: "whole", "upper", "lower"    axis: "overall", "timing", "mouth", "expression", "life"
    replays: one count a take    milliseconds: from the question on screen to the answer
    repeat_of: the id of the earlier vote that this question silently repeats, or ""    note: free words
    versions: {"facewright": ..., "blender": ...}
    Raises UserError where a field cannot be meant.
    """

    id: str
    at: str
    rater: str
    sitting: str
    takes: tuple[str, ...]
    ranks: tuple[int, ...]
    both_bad: bool = False
    region: str = "whole"
    axis: str = "overall"
    replays: tuple[int, ...] = ()
    milliseconds: int = 0
    repeat_of: str = ""
    note: str = ""
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        of = "vote"
        _uuid(of, "id", self.id)
        _uuid(of, "repeat_of", self.repeat_of, empty=True)
        if self.repeat_of == self.id:
            raise UserError("A vote cannot repeat itself.")
        _set(self, "at", _utc(of, self.at))
        _name(of, "rater", self.rater)
        _text(of, "sitting", self.sitting)
        _text(of, "note", self.note, lines=True)
        _one_of(of, "region", self.region, REGIONS)
        _one_of(of, "axis", self.axis, AXES)
        takes = _list(of, "takes", self.takes)
        if not 2 <= len(takes) <= MOST_TAKES:
            raise UserError(f"A vote compares 2 to {MOST_TAKES} takes, not {len(takes)}.")
        for take in takes:
            _sha(of, "takes", take)
        if len(set(takes)) != len(takes):
            raise UserError("A vote cannot compare a take with itself.")
        ranks = _list(of, "ranks", self.ranks)
        replays = _list(of, "replays", self.replays) or (0,) * len(takes)
        for name, values, most in (("ranks", ranks, MOST_TAKES - 1), ("replays", replays, 2**31)):
            if len(values) != len(takes):
                raise UserError(f"A vote on {len(takes)} takes has {len(values)} {name}.", "There must be one for each take.")
            for value in values:
                _whole(of, name, value, 0, most)
        if not isinstance(self.both_bad, bool):
            raise UserError(f"The vote's 'both_bad' is neither true nor false but {self.both_bad!r:.40}.")
        if self.both_bad and len(set(ranks)) > 1:
            raise UserError("A vote that finds all takes bad cannot also rank them.")
        order = sorted(set(ranks))
        _set(self, "takes", takes)
        _set(self, "ranks", tuple(order.index(rank) for rank in ranks))
        _set(self, "replays", replays)
        _whole(of, "milliseconds", self.milliseconds, 0, 2**53)
        _set(self, "versions", _names(of, "versions", self.versions))

    @property
    def chosen(self) -> int:
        """The place (0 is the left) of the one best take, ``TIE`` where several share the best place, ``BAD`` where all are bad."""
        if self.both_bad:
            return BAD
        return self.ranks.index(0) if self.ranks.count(0) == 1 else TIE

    @property
    def winner(self) -> str:
        """The id of the one best take, "tie" or "bad": the answer without its place on screen."""
        return {TIE: "tie", BAD: "bad"}.get(self.chosen) or self.takes[self.chosen]

    def pairs(self) -> Iterator[tuple[str, str, bool]]:
        """All pairs that the vote implies, in the order shown: (better, worse, tied). Of tied takes the one shown first comes first."""
        for i, left in enumerate(self.takes):
            for j in range(i + 1, len(self.takes)):
                right = self.takes[j]
                tied = self.ranks[i] == self.ranks[j]
                yield (left, right, tied) if self.ranks[i] <= self.ranks[j] else (right, left, tied)

    def to_json(self) -> dict:
        return _plain(self)

    @staticmethod
    def from_json(data: object) -> Vote:
        """What ``to_json`` gave. Raises UserError where fields are missing, unknown or wrong."""
        return Vote(**_object(data, "vote", {f.name for f in fields(Vote)}))


TIE: Final = -1
BAD: Final = -2


@dataclass(frozen=True)
class Retraction:
    """Takes a vote back. Appended like a vote; the vote itself stays in the store and no longer counts."""

    id: str
    at: str
    rater: str
    vote: str

    def __post_init__(self) -> None:
        _uuid("retraction", "id", self.id)
        _uuid("retraction", "vote", self.vote)
        _set(self, "at", _utc("retraction", self.at))
        _name("retraction", "rater", self.rater)

    def to_json(self) -> dict:
        return _plain(self)

    @staticmethod
    def from_json(data: object) -> Retraction:
        return Retraction(**_object(data, "retraction", {f.name for f in fields(Retraction)}))


@dataclass(frozen=True)
class Alias:
    """Says that a rater's name means this person: 'mk' and 'Mika (laptop)' are one. The latest word on a name counts."""

    id: str
    at: str
    rater: str
    person: str

    def __post_init__(self) -> None:
        _uuid("alias", "id", self.id)
        _set(self, "at", _utc("alias", self.at))
        _name("alias", "rater", self.rater)
        _name("alias", "person", self.person)

    def to_json(self) -> dict:
        return _plain(self)

    @staticmethod
    def from_json(data: object) -> Alias:
        return Alias(**_object(data, "alias", {f.name for f in fields(Alias)}))


Content = Vote | Retraction | Alias
KIND_OF: Final = {"vote": Vote, "retraction": Retraction, "alias": Alias}


@dataclass(frozen=True)
class Record:
    """One appended thing with where it was made.

    seat: id of the store it was first written to    sequence: its number there, rising; clocks may be wrong, this is not
    received: UTC when this store took it in; differs from store to store, so it is no part of what the record says
    """

    content: Content
    seat: str
    sequence: int
    received: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        _uuid("record", "seat", self.seat)
        _whole("record", "sequence", self.sequence, 1, 2**53)

    @property
    def kind(self) -> str:
        return next(kind for kind, cls in KIND_OF.items() if isinstance(self.content, cls))

    def to_json(self) -> dict:
        return {"kind": self.kind, "seat": self.seat, "sequence": self.sequence, "content": self.content.to_json()}

    @staticmethod
    def from_json(data: object) -> Record:
        """What ``to_json`` gave. Raises UserError where it is none."""
        data = _object(data, "record", {"kind", "seat", "sequence", "content"})
        _one_of("record", "kind", data["kind"], tuple(KIND_OF))
        return Record(KIND_OF[data["kind"]].from_json(data["content"]), data["seat"], data["sequence"])

    @cached_property
    def digest(self) -> str:
        """First half of the sha256 (32 hex digits) of what the record says: one id with two digests contradicts itself."""
        return digest(self.to_json())[:32]


def loads(text: str) -> object:
    """JSON as a file may hold it. Raises UserError where it is none; NaN, repeated keys and absurd depth count as none."""

    def refuse(word: str) -> object:
        raise ValueError(f"{word} is no number")

    def unique(pairs: list[tuple[str, object]]) -> dict:
        data = dict(pairs)
        if len(data) != len(pairs):
            raise ValueError("a field is there twice")
        return data

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise UserError(f"This is no JSON: {error}.") from error


# What follows checks one field each and says which one is wrong.


def _set(self: object, name: str, value: object) -> None:
    object.__setattr__(self, name, value)


def _plain(self: object) -> dict:
    data = {f.name: getattr(self, f.name) for f in fields(self)}
    return {k: dict(v) if isinstance(v, Mapping) else list(v) if isinstance(v, tuple) else v for k, v in data.items()}


def _object(data: object, of: str, names: set[str], optional: frozenset | set = frozenset()) -> dict:
    if not isinstance(data, Mapping):
        raise UserError(f"This is no {of}: a JSON object was expected, not {type(data).__name__}.")
    if missing := sorted(names - set(data)):
        raise UserError(f"The {of} has no '{missing[0]}'.")
    if unknown := sorted(str(key) for key in set(data) - names - set(optional)):
        raise UserError(f"The {of} has an unknown field '{unknown[0]:.40}'.", "A newer Facewright may have written it.")
    return dict(data)


def _sha(of: str, name: str, value: object, empty: bool = False) -> None:
    if not (isinstance(value, str) and (_SHA256.fullmatch(value) or (empty and value == ""))):
        raise UserError(f"The {of}'s '{name}' is no sha256 (64 hex digits): {value!r:.80}.")


def _uuid(of: str, name: str, value: object, empty: bool = False) -> None:
    if not (isinstance(value, str) and (_UUID.fullmatch(value) or (empty and value == ""))):
        raise UserError(f"The {of}'s '{name}' is no id (32 hex digits): {value!r:.80}.")


def _text(of: str, name: str, value: object, lines: bool = False) -> None:
    if not isinstance(value, str):
        raise UserError(f"The {of}'s '{name}' is no text: {value!r:.40}.")
    if len(value) > LONGEST_TEXT:
        raise UserError(f"The {of}'s '{name}' is longer than {LONGEST_TEXT} characters.")
    # Control characters and half surrogate pairs survive neither a CSV file nor PostgreSQL.
    if found := (_NO_LINES if lines else _NO_TEXT).search(value):
        raise UserError(f"The {of}'s '{name}' holds a character that is no text (U+{ord(found[0]):04X}).")


def _name(of: str, name: str, value: object) -> None:
    _text(of, name, value)
    if not value or value != value.strip() or len(value) > 100:
        raise UserError(f"The {of}'s '{name}' must be 1 to 100 characters without spaces around them, not {value!r:.40}.")


def _one_of(of: str, name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise UserError(f"The {of}'s '{name}' is {value!r:.40}.", f"Known are {', '.join(known)}.")


def _whole(of: str, name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"The {of}'s '{name}' is no whole number: {value!r:.40}.")
    if not least <= value <= most:
        raise UserError(f"The {of}'s '{name}' is {value}, which is not within {least} to {most}.")


def _number(of: str, name: str, value: object, least: float = -1e9, most: float = 1e9) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"The {of}'s '{name}' is no number: {value!r:.40}.")
    if not least <= value <= most:
        raise UserError(f"The {of}'s '{name}' is {value:g}, which is not within {least:g} to {most:g}.")
    return float(value) + 0.0  # -0.0 and 0.0 are one amount, and must be one text


def _list(of: str, name: str, value: object) -> tuple:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise UserError(f"The {of}'s '{name}' is no list: {value!r:.40}.")
    return tuple(value)


def _amounts(of: str, value: object) -> Mapping[str, float]:
    if not isinstance(value, Mapping) or len(value) > 100:
        raise UserError(f"The {of}'s 'controls' are no table of names and amounts.")
    for key in value:
        _name(of, "controls", key)
    return MappingProxyType({key: _number(of, f"controls.{key}", value[key]) for key in sorted(value)})


def _names(of: str, name: str, value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or len(value) > 20:
        raise UserError(f"The {of}'s '{name}' are no table of names and texts.")
    for key, text in value.items():
        _name(of, name, key)
        _text(of, f"{name}.{key}", text)
    return MappingProxyType({key: value[key] for key in sorted(value)})


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _utc(of: str, value: object) -> str:
    """One spelling for each moment, so that texts sort as times do."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return _moment(moment)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"The {of}'s 'at' is no time in UTC such as 2026-01-31T12:00:00.000Z: {value!r:.40}.") from error
