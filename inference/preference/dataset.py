# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes from a store, a server or an exported file, as what the learners take: features of takes, weighted comparisons, known stretches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ...core.curves import Curves
from ...core.errors import UserError
from ...preference import exchange, raters
from ...preference.curve_files import CurveFiles
from ...preference.store import Store
from ...preference.votes import Take, Vote
from . import features
from .base import Base, Stretch
from .learn import Lesson, Voted
from .reward import Comparison

# Two cuts of a clip are one stretch if their ends lie this close (s): frames of a scene and of the sound are rounded apart.
_SAME: Final = 0.05


@dataclass(frozen=True)
class VoteSet:
    """votes: those that count; takes: by id; trust: rater -> 0..1; people: a rater's name -> person; files: where curves lie (local path by
    sha256) for the takes that have them."""

    votes: tuple[Vote, ...]
    takes: Mapping[str, Take]
    trust: Mapping[str, float]
    people: Mapping[str, str]
    files: Mapping[str, Path]

    def of_kind(self, *kinds: str) -> tuple[Vote, ...]:
        """Votes whose takes are all of one of these kinds ("speech", ...)."""
        return tuple(v for v in self.votes if all(t in self.takes and self.takes[t].kind in kinds for t in v.takes))

    @property
    def raters(self) -> tuple[str, ...]:
        """The people who voted."""
        return tuple(sorted({self.people.get(v.rater, v.rater) for v in self.votes}))


def read(place: Path | str, curves: Path | str | None = None) -> VoteSet:
    """Votes of a store (its folder, file or postgresql:// URL) or of a .jsonl or .csv that ``votes export`` wrote.

    curves: a folder of curves files (ab/<sha256>.npz) for takes whose curves the place itself does not hold; for a text file the folder
    ``curves`` beside it is looked in too. Raises UserError where there are no votes to read.
    """
    extra = [CurveFiles(Path(curves))] if curves else []
    if "://" not in str(place) and Path(place).suffix in (".jsonl", ".csv"):
        file = exchange.read(Path(place))
        votes = tuple(r.content for r in file.records())
        takes = {t.id: t for t in file.all_takes()}
        people: dict[str, str] = {}
        folders = [*extra, CurveFiles(Path(place).parent / "curves")]
        files = {t.curves: path for t in takes.values() if (path := _first(folders, t.curves))}
    else:
        if "://" not in str(place) and not Store.file(place).is_file():
            raise UserError(f"There are no votes at {place}.", "Compare some takes first, or name another file.")
        with Store.open(place, read_only=True) as store:
            votes, people = tuple(store.votes()), dict(store.people())
            takes = dict(store.takes({t for v in votes for t in v.takes}))
            files = {}
            for take in takes.values():
                if found := _first(extra, take.curves):
                    files[take.curves] = found
                elif store.has_curves(take):
                    files[take.curves] = store.curves_path(take)
    return VoteSet(votes, takes, raters.weights(votes, takes, people), people, files)


def _first(folders: Sequence[CurveFiles], sha: str) -> Path | None:
    return next((f.path(sha) for f in folders if f.has(sha)), None)


@dataclass(frozen=True)
class Read:
    """A lesson and what was left out of it: votes used, votes without curves, votes on what this model has not heard or seen."""

    lesson: Lesson
    used: int
    without_curves: int
    unheard: int


def lesson(found: VoteSet, base: Base, heard: Mapping[tuple, Stretch], spare: Sequence[Stretch], fewest: int) -> Read:
    """What the votes on a base's takes teach. heard: stretches by key; spare: others to tune on where fewer than ``fewest`` are known.

    Raises UserError where no vote can be used.
    """
    # A silent repeat was asked to know the rater (``raters``): as another answer it would count one opinion twice.
    votes = [v for v in found.of_kind(*base.kinds) if not v.both_bad and not v.repeat_of and found.trust.get(v.rater, 1.0) > 0]
    usable = [v for v in votes if all(found.takes[t].curves in found.files for t in v.takes)]
    if not usable:
        raise UserError(
            base.nothing_voted if not votes else "The curves of the voted takes are not there.",
            "Compare some takes first." if not votes else "Bring the folder 'curves' of the votes along.",
        )
    ids = list(dict.fromkeys(t for v in usable for t in v.takes))
    stretches = list(heard.values())
    home = {i: _heard(found.takes[i], stretches) for i in ids}
    used = sorted({n for n in home.values() if n is not None})
    groups = [_group(found.takes[i], home[i]) for i in ids]
    loaded = {i: base.load(found.files[found.takes[i].curves]) for i in ids}
    usual = {g: _mean([loaded[i][0] for i, h in zip(ids, groups, strict=True) if h == g]) for g in dict.fromkeys(groups)}
    rows = np.array([features.describe(loaded[i][0], usual[g]) for i, g in zip(ids, groups, strict=True)])
    number = {take: row for row, take in enumerate(ids)}
    comparisons, pairs = [], {n: [] for n in used}
    for vote in usable:
        mask = None if (vote.region, vote.axis) == ("whole", "overall") else features.mask(vote.region, vote.axis)
        trust = float(found.trust.get(vote.rater, 1.0)) / max(len(vote.takes) - 1, 1)  # a ranking of four is three answers, not six
        for better, worse, tied in vote.pairs():
            if groups[number[better]] != groups[number[worse]]:
                continue  # other words or another face: no taste can be told from it
            comparisons.append(Comparison(number[better], number[worse], tied, trust, mask))
            if home[better] is not None and home[better] == home[worse] and base.speaks(vote):
                pairs[home[better]].append(((better, vote.region), (worse, vote.region), tied, trust))
    chosen = tuple(stretches[n] for n in used)
    voted = {k: v for k, n in enumerate(used) if (v := _voted(stretches[n], pairs[n], loaded, base)) is not None}
    if len(chosen) < fewest:
        chosen += tuple(spare)
    unheard = sum(any(home[t] is None for t in v.takes) for v in usable)
    regions = {v.region for v in usable}
    taught = Lesson(rows, tuple(groups), tuple(comparisons), chosen, voted, regions.pop() if len(regions) == 1 else "whole")
    return Read(taught, len(usable), len(votes) - len(usable), unheard)


def _heard(take: Take, stretches: Sequence[Stretch]) -> int | None:
    """The number of the stretch that a take is of: the nearest, since stills may be of neighbouring frames."""
    apart = {
        i: max(abs(s.start - take.start), abs(s.end - take.end)) for i, s in enumerate(stretches) if s.clip == take.clip
    }
    nearest = min(apart, key=apart.get, default=None)
    return nearest if nearest is not None and apart[nearest] < _SAME else None


def _group(take: Take, home: int | None) -> str:
    return f"heard {home}" if home is not None else f"{take.clip} {take.start:.2f} {take.end:.2f}"


def _mean(takes: Sequence[Curves]) -> Curves:
    first = takes[0]
    same = [t.select(first.names).resample(first.times).values for t in takes]
    return Curves(first.names, first.times, np.mean(same, 0))


def _voted(stretch: Stretch, pairs: Sequence[tuple], loaded: Mapping, base: Base) -> Voted | None:
    """The votes on takes of one stretch, with the takes' deviations from the mean take in the regions that were judged."""
    if not pairs:
        return None
    shown = list(dict.fromkeys(s for better, worse, _, _ in pairs for s in (better, worse)))
    number = {s: i for i, s in enumerate(shown)}
    return Voted(
        base.weights(stretch, [(loaded[take][1], region) for take, region in shown]),
        np.array([(number[b], number[w]) for b, w, _, _ in pairs]),
        np.array([tied for *_, tied, _ in pairs], bool),
        np.array([trust for *_, trust in pairs]),
    )
