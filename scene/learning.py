# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panels know about votes and adapters. They are read from a timer, never while something is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from ..core.errors import UserError

if TYPE_CHECKING:  # panels import this file when the add-on is enabled
    from ..preference.adapters import Shelved

FEW, TENS, HUNDRED = 5, 20, 100  # votes from which each step of learning is worth while


@dataclass(frozen=True)
class Known:
    """votes: that count; seen: how many of them are on videos and pictures; by_rater: sentences; adapters: newest first; active: file names
    of those in use, by model ("speech", "image"); can_roll_back: the models of which another one was in use before."""

    folder: Path
    votes: int = 0
    seen: int = 0
    by_rater: tuple[str, ...] = ()
    adapters: tuple[Shelved, ...] = ()
    active: Mapping[str, str] = field(default_factory=dict)
    can_roll_back: tuple[str, ...] = ()
    error: str = ""

    def votes_of(self, base: str) -> int:
        """Those that teach this model."""
        return self.seen if base == "image" else self.votes - self.seen


_known: Known | None = None
_stale = True


def current(data_folder: Path) -> Known | None:
    """What was last read for this folder, None before; has it read again soon where it may have changed. Costs nothing in the window;
    without one no timer fires and nothing is drawn, so there it is read at once."""
    outdated = _stale or _known is None or _known.folder != data_folder
    if outdated and bpy.app.background:
        return read(data_folder)
    if outdated and not bpy.app.timers.is_registered(_refresh):
        _refresh.folder = data_folder
        bpy.app.timers.register(_refresh, first_interval=0.05)
    return _known if _known is not None and _known.folder == data_folder else None


def listed() -> tuple[Shelved, ...]:
    """The adapters as last read."""
    return _known.adapters if _known is not None else ()


def changed() -> None:
    """Votes were cast or adapters moved: read again when somebody looks."""
    global _stale
    _stale = True


def forget() -> None:
    """Unregister's part."""
    global _known
    _known = None
    changed()
    if bpy.app.timers.is_registered(_refresh):
        bpy.app.timers.unregister(_refresh)


def _refresh() -> None:
    from . import jobs

    read(_refresh.folder)
    jobs.redraw()


def read(data_folder: Path) -> Known:
    """Read the store's numbers and the shelf, and remember them. Writes nothing, not even an empty store."""
    global _known, _stale
    from ..preference import raters
    from ..preference.adapters import BASES, Shelf
    from ..preference.store import Store

    _stale = False
    votes, seen, told, error = 0, 0, (), ""
    if Store.file(data_folder / "votes").is_file():
        try:
            with Store.open(data_folder / "votes", read_only=True) as store:
                stats = store.stats()
                people = raters.by_person(stats.raters, store.people())
                seen = store.votes_by_kind()["image"]
        except UserError as problem:
            error = str(problem)
        else:
            votes = stats.votes
            told = tuple(raters.assess(tally).sentence for tally in list(people.values())[:3])
    shelf = Shelf.of(data_folder)
    active = {base: found.path.name for base in BASES if (found := shelf.active(base))}
    back = tuple(base for base in BASES if shelf.can_roll_back(base))
    _known = Known(data_folder, votes, seen, told, shelf.listed(), active, back, error)
    return _known


def worth(votes: int) -> tuple[tuple[str, bool], ...]:
    """What so many votes are good for: (a sentence, whether there are enough) for each step."""

    def step(least: int, what: str) -> tuple[str, bool]:
        missing = least - votes
        return (f"{what}: {'ready' if missing <= 0 else f'{missing} more vote' + ('s' if missing > 1 else '')}.", missing <= 0)

    return step(FEW, "Suggest controls"), step(TENS, "Choose telling pairs"), step(HUNDRED, "Tune an adapter")
