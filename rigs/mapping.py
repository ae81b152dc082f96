# SPDX-License-Identifier: GPL-3.0-or-later
"""From ARKit curves to a rig's own channels, by weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.curves import Curves
from ..core.errors import UserError
from ..core.paths import replacing
from .arkit import ARKIT_52
from .detect import MatchReport, match_names
from .tables import TABLES

_FORMAT = "facewright-mapping"
_VERSION = 1
_MAX_WEIGHT = 10.0  # a weight beyond this is a slip of the pen: a shape key's whole range is 1


@dataclass(frozen=True)
class Mapping:
    """Weighted many-to-many: each rig channel is a sum of ARKit channels.

    channels: the rig's channel -> {ARKit channel: weight}
    limits:   the rig's channel -> (lowest, highest) value; a channel that is not named is not limited
    """

    channels: dict[str, dict[str, float]]
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    name: str = ""

    @classmethod
    def from_report(cls, report: MatchReport) -> Mapping:
        """One ARKit channel to one shape key, weight 1; a channel that the rig splits drives both halves."""
        channels = {own: {canonical: 1.0} for canonical, owners in report.owners.items() for own in owners}
        return cls(channels)

    @classmethod
    def from_table(cls, name: str) -> Mapping:
        """A naming convention of ``rigs.tables``, by its name there."""
        return cls({own: {canonical: 1.0} for canonical, owns in TABLES[name].items() for own in owns}, name=name)

    @property
    def sources(self) -> tuple[str, ...]:
        """The ARKit channels it uses, each once."""
        return tuple(dict.fromkeys(s for weights in self.channels.values() for s in weights))

    def within(self, names: Iterable[str]) -> Mapping:
        """Only the rig channels that are among these names."""
        kept = set(names)
        channels = {own: weights for own, weights in self.channels.items() if own in kept}
        return Mapping(channels, {own: pair for own, pair in self.limits.items() if own in kept}, self.name)

    def with_limits(self, limits: MappingType[str, tuple[float, float]]) -> Mapping:
        """The same with these limits (a shape key's slider range) over its own."""
        return Mapping(self.channels, {**self.limits, **limits}, self.name)

    def apply(self, curves: Curves) -> Curves:
        """The rig's channels, in this mapping's order. A channel of which no source is in the curves is left out, not set to zero."""
        index = {name: i for i, name in enumerate(curves.names)}
        present = [own for own, weights in self.channels.items() if any(s in index for s in weights)]
        matrix = np.zeros((len(curves.names), len(present)), np.float32)
        for column, own in enumerate(present):
            for source, weight in self.channels[own].items():
                if source in index:
                    matrix[index[source], column] = weight
        values = curves.values @ matrix
        for column, own in enumerate(present):
            if own in self.limits:
                values[:, column] = np.clip(values[:, column], *self.limits[own])
        return Curves(tuple(present), curves.times, values)

    def save(self, path: Path | str) -> None:
        """Write it as JSON, to be read again by ``load`` and by people."""
        data = {"format": _FORMAT, "version": _VERSION, "name": self.name, "channels": self.channels}
        if self.limits:
            data["limits"] = {own: list(pair) for own, pair in self.limits.items()}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path | str) -> Mapping:
        """Read it from JSON. Raises UserError with what is wrong and where."""
        path = Path(path)
        try:
            data = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise UserError(f"Cannot read the mapping {path}: {error.strerror}.") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"The mapping {path.name} is not JSON: {error}.", "Choose a mapping that Facewright saved.") from error
        return cls._parse(data, path.name)

    @classmethod
    def _parse(cls, data: Any, where: str) -> Mapping:
        def wrong(what: str, hint: str = "") -> UserError:
            return UserError(f"The mapping {where} {what}.", hint)

        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise wrong("is JSON, but not a Facewright mapping", f'Its first entry would be "format": "{_FORMAT}".')
        if data.get("version") != _VERSION:
            raise wrong(f"has version {data.get('version')!r}; this Facewright reads version {_VERSION}", "Update Facewright.")
        channels, limits, name = data.get("channels"), data.get("limits", {}), data.get("name", "")
        if not isinstance(channels, dict) or not channels:
            raise wrong("has no channels", 'It needs "channels": {"rig channel": {"jawOpen": 1.0}}.')
        if not isinstance(limits, dict) or not isinstance(name, str):
            raise wrong("has a name or limits of the wrong kind")
        for own, weights in channels.items():
            if not isinstance(weights, dict) or not weights:
                raise wrong(f"gives no ARKit channels for '{own}'", f'Write "{own}": {{"jawOpen": 1.0}}.')
            for source, weight in weights.items():
                if source not in ARKIT_52:
                    hint = "Names are spelled as in jawOpen, eyeBlinkLeft."
                    raise wrong(f"names '{source}' for '{own}', which is not one of the 52 ARKit channels", hint)
                if not _is_number(weight) or abs(weight) > _MAX_WEIGHT:
                    hint = f"Weights are numbers from -{_MAX_WEIGHT:g} to {_MAX_WEIGHT:g}."
                    raise wrong(f"has the weight {weight!r} for '{source}' in '{own}'", hint)
        for own, pair in limits.items():
            if own not in channels:
                raise wrong(f"has limits for '{own}', which is not among its channels")
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)) and pair[0] <= pair[1]):
                raise wrong(f"has the limits {pair!r} for '{own}'", "Limits are [lowest, highest].")
        return cls(
            {own: {s: float(w) for s, w in weights.items()} for own, weights in channels.items()},
            {own: (float(pair[0]), float(pair[1])) for own, pair in limits.items()},
            name,
        )


def best_mapping(names: Iterable[str]) -> tuple[Mapping, MatchReport]:
    """The mapping for a rig with these shape keys: by spelling (match_names), or by a convention of ``rigs.tables`` if that finds more,
    with what only the spelling finds besides."""
    names = list(names)
    report, own = match_names(names), set(names)
    tables = [{canonical: halves for canonical, halves in table.items() if own.issuperset(halves)} for table in TABLES.values()]
    found = max(tables, key=len, default={})
    if len(found) > report.count:
        used = {half for halves in found.values() for half in halves}
        more = {canonical: halves for canonical, halves in report.owners.items() if canonical not in found and used.isdisjoint(halves)}
        report = _report_from_table(found | more, names)
    return Mapping.from_report(report), report


def _report_from_table(found: dict[str, tuple[str, ...]], names: list[str]) -> MatchReport:
    used = {own for owns in found.values() for own in owns}
    return MatchReport(
        matched={c: owns[0] for c, owns in found.items() if len(owns) == 1},
        missing=tuple(c for c in ARKIT_52 if c not in found),
        unmatched=tuple(n for n in dict.fromkeys(names) if n not in used),
        split={c: (owns[0], owns[1]) for c, owns in found.items() if len(owns) == 2},
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
