# SPDX-License-Identifier: GPL-3.0-or-later
"""Many seats become one store: files, bundles and servers are merged as sets are, so order and repetition do not matter.

Duplicates are known by id and content. An id with two contents does not count on either side and is told. Clocks may be wrong: within a
seat the sequence decides what came first, and a clock that cannot be right is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from ..core.errors import Cancelled, UserError
from .store import Added, Store, batches
from .votes import Record, Take, now

AHEAD: Final = timedelta(minutes=10)  # a clock further in the future than this is wrong; less may be the merging machine's own fault
BACK: Final = timedelta(minutes=10)  # a seat's clock that jumps back by more was set meanwhile
MOST_SENTENCES: Final = 5  # of one kind; the count says how many there are


class Source(Protocol):
    """What can be merged: a store, a bundle, a file of votes."""

    @property
    def place(self) -> str: ...
    def records(self) -> Iterable[Record]: ...
    def all_takes(self) -> Iterable[Take]: ...
    def curves(self, sha: str) -> bytes | None: ...


@dataclass(frozen=True)
class Merged:
    """What a merge did. known: records that were there already    missing_curves: takes whose curves neither side holds"""

    source: str
    votes: int = 0
    retractions: int = 0
    aliases: int = 0
    known: int = 0
    takes: int = 0
    curves: int = 0
    missing_curves: int = 0
    disputed: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        parts = [f"{self.votes} new votes", f"{self.known} known already", f"{self.takes} new takes", f"{self.curves} new curves files"]
        if self.retractions:
            parts.insert(1, f"{self.retractions} taken back")
        return f"{self.source}: {', '.join(parts)}."


def merge(source: Source, target: Store, stop: Callable[[], bool] = lambda: False) -> Merged:
    """Add everything that ``source`` holds to ``target``. Raises UserError where the target cannot be written or the source is damaged,
    Cancelled where ``stop``, which is asked before each batch, says so.

    Stopped in the middle, what was added stays; merging again adds the rest.
    """
    if target.voting_reason:
        raise UserError(target.voting_reason)
    if source.place == target.place:
        raise UserError(f"{source.place} cannot be merged into itself.", "Name another store.")
    takes = curves = missing = 0
    for batch in _until(stop, source.all_takes()):
        takes += target.add_takes(batch)
        for sha in sorted(target.missing_curves(batch)):
            if (data := source.curves(sha)) is None:
                missing += sum(take.curves == sha for take in batch)
            else:
                curves += target.add_curves(sha, data)
    added = Added()
    clocks = _Clocks()
    for batch in _until(stop, source.records()):
        for record in batch:
            clocks.look(record)
        added += target.add_records([replace(record, received="") for record in batch])
    disputed = added.disputed
    warnings = [
        f"The record {id[:12]} is there twice with different content, so it does not count: one of the two was changed."
        for id in disputed[:MOST_SENTENCES]
    ]
    if len(disputed) > MOST_SENTENCES:
        warnings.append(f"{len(disputed) - MOST_SENTENCES} more records contradict themselves and do not count.")
    warnings += clocks.sentences()
    warnings += _names(target)
    if missing:
        warnings.append(f"The curves of {missing} takes are not in {source.place}: their votes count, but cannot be trained on.")
    warnings += getattr(source, "warnings", ())
    return Merged(
        source.place,
        added.votes,
        added.retractions,
        added.aliases,
        added.known,
        takes,
        curves,
        missing,
        disputed,
        tuple(warnings),
    )


def _until(stop: Callable[[], bool], items: Iterable) -> Iterator[list]:
    for batch in batches(items):
        if stop():
            raise Cancelled
        yield batch


class _Clocks:
    """Looks at each seat's times beside its sequence."""

    def __init__(self):
        self.latest: dict[str, str] = {}
        self.back: dict[str, timedelta] = {}
        self.ahead: dict[str, timedelta] = {}
        self.now = datetime.fromisoformat(now())

    def look(self, record: Record) -> None:
        """Records of a seat come in the order of its sequence."""
        at, seat = record.content.at, record.seat
        latest = self.latest.get(seat, at)
        if at < latest:
            self.back[seat] = max(self.back.get(seat, timedelta()), datetime.fromisoformat(latest) - datetime.fromisoformat(at))
        self.latest[seat] = max(latest, at)

    def sentences(self) -> Iterator[str]:
        for seat, latest in sorted(self.latest.items()):
            ahead = datetime.fromisoformat(latest) - self.now
            if ahead > AHEAD:
                yield f"The clock of seat {seat[:8]} is {_words(ahead)} ahead; its votes keep the order they were cast in."
            if self.back.get(seat, timedelta()) > BACK:
                yield f"The clock of seat {seat[:8]} went back by {_words(self.back[seat])}; its votes keep the order they were cast in."


def _words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours" if minutes < 2880 else f"{minutes / 1440:.0f} days"


def _names(target: Store) -> Iterator[str]:
    """Seats that disagree on who a rater is."""
    said: dict[str, set[str]] = {}
    for alias in target.latest_aliases():
        said.setdefault(alias.rater, set()).add(alias.person)
    people = target.people()
    for rater, persons in sorted(said.items()):
        if len(persons) > 1:
            yield f"Seats say that '{rater}' is {' and '.join(sorted(persons))}; '{people.get(rater, rater)}' was said last and counts."
