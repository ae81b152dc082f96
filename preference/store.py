# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of votes: a file in the user's data folder, or a studio's PostgreSQL server. Append-only; the same calls for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from pathlib import Path
from typing import Final

from ..core.errors import UserError
from ..core.paths import default_data_folder
from .curve_files import CurveFiles
from .sqlite_database import FILE_NAME, PAGE, SqliteDatabase
from .votes import Alias, Record, Retraction, Take, Vote, canonical, loads, new_id, now

BATCH: Final = 500  # rows in one transaction: others wait no longer than it takes, and a kill loses no more
SHORTEST_LOOK: Final = 0.3  # seconds: nobody has judged two stills in less
LEAST_WATCHED: Final = 0.5  # share of the longest take that must have played before an answer can be meant

_COLUMNS: Final = (
    *("id", "digest", "kind", "seat", "sequence", "received", "at", "rater", "about"),
    *("region", "axis", "shown", "chosen", "winner", "hasty", "body"),
)
_LAST: Final = 2**40  # of a seat's records
_INSERT: Final = f"INSERT INTO records ({', '.join(_COLUMNS)}) VALUES ({', '.join(':' + name for name in _COLUMNS)}) ON CONFLICT DO NOTHING"
# 'shown > 0' is 'is a vote' by a column that no index begins with: by 'kind' SQLite would walk through all votes to find a few.
_IN_FORCE: Final = (
    "r.shown > 0 AND NOT EXISTS (SELECT 1 FROM disputed d WHERE d.id = r.id) AND NOT EXISTS "
    "(SELECT 1 FROM records x WHERE x.about = r.id AND x.about <> '' AND x.kind = 'retraction')"
)


@dataclass(frozen=True)
class Tally:
    """What one rater has answered, counted.

    answers: {(takes shown, place of the best or TIE or BAD): votes}    hasty: answers that came before the takes can have been watched
    repeats: questions asked again    same: how often the answer was the same    luck: how often it would be, were answers drawn blindly
    """

    rater: str
    answers: Mapping[tuple[int, int], int] = field(default_factory=dict)
    hasty: int = 0
    repeats: int = 0
    same: int = 0
    luck: float = 0.0

    @property
    def votes(self) -> int:
        return sum(self.answers.values())


@dataclass(frozen=True)
class Stats:
    """Numbers of a store. votes: those that count, so without ``retracted`` and ``disputed`` ones. first, last: UTC, "" where empty."""

    votes: int
    retracted: int
    disputed: int
    takes: int
    seats: int
    ties: int
    both_bad: int
    regions: Mapping[str, int]
    axes: Mapping[str, int]
    raters: tuple[Tally, ...]
    first: str
    last: str
    bytes: int


@dataclass(frozen=True)
class Added:
    """What became of records that were offered: new ones by kind, ones that were there, ids that now contradict themselves."""

    votes: int = 0
    retractions: int = 0
    aliases: int = 0
    known: int = 0
    disputed: tuple[str, ...] = ()

    def __add__(self, other: Added) -> Added:
        return Added(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Added)))


class Store:
    """Takes, votes and what was appended about them. Use ``Store.open``; close it, or use it in a ``with`` block.

    A store belongs to the thread that opened it. ``seat`` is its own id; ``place`` is what to call it in a sentence.
    """

    def __init__(self, database, curves, place: str):
        self._database = database
        self._curves = curves
        self._seconds: dict[str, float] = {}  # of takes that were seen; takes never change
        self.place = place
        found = database.rows("SELECT value FROM meta WHERE key = 'seat'")
        if not found and not database.read_only:
            with database.writing():
                database.run("INSERT INTO meta VALUES ('seat', :seat) ON CONFLICT (key) DO NOTHING", [{"seat": new_id()}])
            found = database.rows("SELECT value FROM meta WHERE key = 'seat'")
        self.seat: str = found[0][0] if found else new_id()

    @staticmethod
    def open(place: Path | str | None = None, read_only: bool = False) -> Store:
        """A votes file, the folder that holds one, or postgresql://...; the user's own votes where nothing is given.

        A file that is missing is made, one that can only be read is opened so: ``voting_reason`` says it. Raises UserError where there is
        nothing that can be opened.
        """
        if isinstance(place, str) and "://" in place:
            from .server_database import open_server

            database = open_server(place, read_only)
            return Store(database, database.curves, database.place)
        path = Store.file(place if place is not None else default_data_folder() / "votes")
        return Store(SqliteDatabase(path, read_only), CurveFiles(path.parent / "curves"), str(path))

    @staticmethod
    def file(place: Path | str) -> Path:
        """The votes file that a path means: itself, or the one in that folder."""
        path = Path(place)
        return path if path.suffix == ".sqlite" or path.is_file() else path / FILE_NAME

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @property
    def voting_reason(self) -> str:
        """Why no vote can be added here, in a sentence; "" where one can."""
        return self._database.read_only

    # adding

    def add_take(self, take: Take, curves_path: Path | str | None = None) -> str:
        """Keep a take and a copy of its curves file. Returns its id; does nothing the second time.

        Without ``curves_path`` only the description is kept. Raises UserError where the file is not the take's or nothing can be written.
        """
        if curves_path is not None:
            self._writable()
            self._curves.add_file(take.curves, Path(curves_path))
        self.add_takes([take])
        return take.id

    def add_takes(self, takes: Iterable[Take]) -> int:
        """Keep descriptions of takes. Returns how many were new."""
        self._writable()
        new = 0
        for batch in batches(takes):
            with self._database.writing():
                known = self._known_takes([take.id for take in batch])
                fresh = {take.id: take for take in batch if take.id not in known}
                rows = [{"id": id, "curves": take.curves, "body": canonical(take.to_json())} for id, take in fresh.items()]
                self._database.run("INSERT INTO takes VALUES (:id, :curves, :body) ON CONFLICT (id) DO NOTHING", rows)
            self._seconds.update({id: take.seconds for id, take in fresh.items()})
            new += len(fresh)
        return new

    def add_vote(self, vote: Vote) -> Record:
        """Keep one vote; when this returns it is on disk.

        Raises UserError where its id is taken, a take is unknown or nothing can be written.
        """
        return self._append(vote)

    def retract(self, vote_id: str, rater: str = "") -> Record:
        """Take a vote back by an appended record; ``rater``: who does, the vote's own by default.

        Raises UserError where there is no such vote in force.
        """
        found = self._database.rows(f"SELECT rater FROM records r WHERE r.id = :id AND {_IN_FORCE}", {"id": vote_id})
        if not found:
            raise UserError(f"There is no vote {vote_id[:12]} to take back.", "It may have been taken back already.")
        return self._append(Retraction(new_id(), now(), rater or found[0][0], vote_id))

    def add_alias(self, rater: str, person: str) -> Record:
        """Say that this rater's name means this person; the latest word counts, ``add_alias(name, name)`` takes it back."""
        return self._append(Alias(new_id(), now(), rater, person))

    def add_curves(self, sha: str, data: bytes) -> bool:
        """Keep a curves file by its content. False where it is there already."""
        self._writable()
        return self._curves.add_bytes(sha, data)

    def add_records(self, records: Iterable[Record]) -> Added:
        """Keep records that were made elsewhere, as they are; the takes of their votes must be there. For import and merge."""
        self._writable()
        done = Added()
        for batch in batches(records):
            for record in batch:
                if record.sequence > _LAST:  # after it the seat of that name could never vote again
                    raise UserError(f"The record {record.content.id[:12]} has a number that no seat reaches.", "Get the file anew.")
            with self._database.writing():
                done += self._insert(batch)
        return done

    def _append(self, content: Vote | Retraction | Alias) -> Record:
        with self._database.writing():
            if self._database.rows("SELECT 1 FROM records WHERE id = :id", {"id": content.id}):
                raise UserError(f"There is a record {content.id[:12]} already.", "Every vote needs an id of its own.")
            last = self._database.rows("SELECT MAX(sequence) FROM records WHERE seat = :seat", {"seat": self.seat})[0][0]
            record = Record(content, self.seat, (last or 0) + 1, now())
            self._insert([record])
        return record

    def _insert(self, records: Sequence[Record]) -> Added:
        wanted = {take for record in records if isinstance(record.content, Vote) for take in record.content.takes}
        self._look_up_seconds(wanted - self._seconds.keys())
        names, values = _places([record.content.id for record in records])
        known: dict[str, set[str]] = {}
        for id, digest in self._database.rows(f"SELECT id, digest FROM records WHERE id IN ({names})", values):
            known.setdefault(id, set()).add(digest)
        rows, disputed, there = [], [], 0
        for record in records:
            digests = known.setdefault(record.content.id, set())
            if record.digest in digests:
                there += 1
                continue
            if digests:
                disputed.append(record.content.id)
            digests.add(record.digest)
            rows.append(self._row(record))
        self._database.run(_INSERT, rows)
        self._database.run("INSERT INTO disputed VALUES (:id) ON CONFLICT (id) DO NOTHING", [{"id": id} for id in disputed])
        new = Counter(row["kind"] for row in rows)
        return Added(new["vote"], new["retraction"], new["alias"], there, tuple(disputed))

    def _row(self, record: Record) -> dict[str, object]:
        content = record.content
        row = dict.fromkeys(("region", "axis", "winner", "about"), "") | dict.fromkeys(("shown", "chosen", "hasty"), 0)
        if isinstance(content, Vote):
            row |= {
                "about": content.repeat_of,
                "region": content.region,
                "axis": content.axis,
                "shown": len(content.takes),
                "chosen": content.chosen,
                "winner": content.winner[:16],
                "hasty": int(is_hasty(content, max(self._seconds[take] for take in content.takes))),
            }
        else:
            row["about"] = content.vote if isinstance(content, Retraction) else content.rater
        return row | {
            "id": content.id,
            "digest": record.digest,
            "kind": record.kind,
            "seat": record.seat,
            "sequence": record.sequence,
            "received": record.received or now(),
            "at": content.at,
            "rater": content.rater,
            "body": canonical(content.to_json()),
        }

    def _look_up_seconds(self, ids: set[str]) -> None:
        found = self.takes(ids) if ids else {}
        self._seconds.update({id: take.seconds for id, take in found.items()})
        if missing := sorted(ids - found.keys()):
            raise UserError(f"The vote is on a take that the store does not hold ({missing[0][:12]}).", "Add the take first.")

    def _known_takes(self, ids: Sequence[str]) -> set[str]:
        names, values = _places(ids)
        return {row[0] for row in self._database.rows(f"SELECT id FROM takes WHERE id IN ({names})", values)}

    def _writable(self) -> None:
        if self._database.read_only:
            raise UserError(self._database.read_only)

    # reading

    def votes(self, region: str | None = None, axis: str | None = None, rater: str | None = None) -> Iterator[Vote]:
        """All votes that count (not taken back, not disputed), those of one seat in the order in which they were cast."""
        for record in self._records(_IN_FORCE, region=region, axis=axis, rater=rater):
            yield record.content

    def vote_records(self) -> Iterator[Record]:
        """The same votes with the seat and sequence they came from."""
        return self._records(_IN_FORCE)

    def records(self) -> Iterator[Record]:
        """Everything that was ever appended, also what no longer counts."""
        return self._records("1 = 1")

    def _records(self, condition: str, **columns: str | None) -> Iterator[Record]:
        wanted = {name: value for name, value in columns.items() if value is not None}
        condition += "".join(f" AND r.{name} = :{name}" for name in wanted)
        after = {"seat": "", "sequence": 0, "id": "", "digest": ""}
        while rows := self._database.rows(
            f"SELECT seat, sequence, id, digest, kind, received, body FROM records r "
            f"WHERE (seat, sequence, id, digest) > (:after_seat, :after_sequence, :after_id, :after_digest) AND {condition} "
            f"ORDER BY seat, sequence, id, digest LIMIT {PAGE}",
            wanted | {f"after_{name}": value for name, value in after.items()},
        ):
            for seat, sequence, id, digest, kind, received, body in rows:
                after = {"seat": seat, "sequence": sequence, "id": id, "digest": digest}
                try:
                    record = Record.from_json({"kind": kind, "seat": seat, "sequence": sequence, "content": loads(body)})
                except UserError as error:
                    raise UserError(f"{self.place} holds a record that is none ({id[:12]}): {error.message}", error.hint) from error
                yield replace(record, received=received)

    def takes(self, ids: Iterable[str] | None = None) -> dict[str, Take]:
        """Takes by id: these, or all. Ids that the store does not hold are left out."""
        if ids is None:
            return {take.id: take for take in self.all_takes()}
        found: dict[str, Take] = {}
        for batch in batches(set(ids)):
            names, values = _places(batch)
            for (body,) in self._database.rows(f"SELECT body FROM takes WHERE id IN ({names})", values):
                take = Take.from_json(loads(body))
                found[take.id] = take
        return found

    def all_takes(self) -> Iterator[Take]:
        """All takes, in order of id."""
        after = ""
        while rows := self._database.rows(f"SELECT id, body FROM takes WHERE id > :after ORDER BY id LIMIT {PAGE}", {"after": after}):
            after = rows[-1][0]
            for _, body in rows:
                yield Take.from_json(loads(body))

    def votes_by_kind(self) -> dict[str, int]:
        """How many votes that count are on takes of sounds ("speech") and how many on those of videos and pictures ("image"). Reads votes
        only where there are takes of both."""
        others = self._database.rows("SELECT id FROM takes WHERE body NOT LIKE :speech", {"speech": '%"kind":"speech"%'})
        seen = {take for (take,) in others}
        if not seen:
            return {"speech": self.stats().votes, "image": 0}
        image = total = 0
        for vote in self.votes():
            total += 1
            image += vote.takes[0] in seen
        return {"speech": total - image, "image": image}

    def has_curves(self, take: Take) -> bool:
        return self._curves.has(take.curves)

    def missing_curves(self, takes: Iterable[Take]) -> set[str]:
        """sha256s of curves that these takes name and the store does not hold."""
        named = {take.curves for take in takes}
        return {sha for batch in batches(named) for sha in self._curves.missing(batch)}

    def curves(self, sha: str) -> bytes | None:
        """The content of a curves file, None where the store does not hold it."""
        return self._curves.read(sha)

    def curves_path(self, take: Take) -> Path:
        """The take's curves file (npz; ``inference.curves_file.load`` reads it). Raises UserError where the store does not hold it."""
        if not self._curves.has(take.curves):
            raise UserError(
                f"The curves of take {take.id[:12]} ({take.clip_name}) are not in {self.place}.",
                "Import the bundle that holds them, or make the take again.",
            )
        return self._curves.path(take.curves)

    def people(self) -> dict[str, str]:
        """Raters that are known by another name: rater -> person. Within a seat the last word counts, between seats the latest."""
        told = {alias.rater: alias.person for alias in self.latest_aliases()}
        return {rater: person for rater, person in sorted(told.items()) if person != rater}

    def latest_aliases(self) -> list[Alias]:
        """Each seat's last word on each rater's name, the latest said last."""
        latest: dict[tuple[str, str], Alias] = {}
        for record in self._records("r.kind = 'alias' AND NOT EXISTS (SELECT 1 FROM disputed d WHERE d.id = r.id)"):
            latest[record.content.rater, record.seat] = record.content
        return sorted(latest.values(), key=lambda alias: (alias.at, alias.id))

    def disputed(self) -> list[str]:
        """Ids whose records contradict each other; they do not count."""
        return [row[0] for row in self._database.rows("SELECT id FROM disputed ORDER BY id")]

    def stats(self) -> Stats:
        """Counts for the panel and the shell; quick also for a million votes, since it reads indexes only."""
        rows = self._database.rows
        counted: Counter[tuple] = Counter()
        group = "rater, region, axis, shown, chosen, hasty"
        for *key, count in rows(f"SELECT {group}, COUNT(*) FROM records WHERE kind = 'vote' GROUP BY {group}"):
            counted[tuple(key)] += count
        taken_back = "SELECT about FROM records WHERE kind = 'retraction' AND about <> ''"
        out = f"id IN ({taken_back} UNION SELECT id FROM disputed) AND shown > 0"
        for *key, count in rows(f"SELECT {group}, COUNT(*) FROM records WHERE {out} GROUP BY {group}"):
            counted[tuple(key)] -= count
        disputed = rows("SELECT COUNT(*) FROM disputed")[0][0]
        retracted = rows(
            f"SELECT COUNT(*) FROM records r WHERE r.id IN ({taken_back}) AND r.shown > 0 "
            "AND NOT EXISTS (SELECT 1 FROM disputed d WHERE d.id = r.id)"
        )[0][0]
        seats = rows(  # hops from one seat to the next in the index; COUNT(DISTINCT) would read all of it
            "WITH RECURSIVE s(seat) AS (SELECT MIN(seat) FROM records UNION ALL "
            "SELECT (SELECT MIN(seat) FROM records WHERE records.seat > s.seat) FROM s WHERE s.seat IS NOT NULL) SELECT COUNT(seat) FROM s"
        )[0][0]
        first, last = (rows(f"SELECT {most}(at) FROM records")[0][0] or "" for most in ("MIN", "MAX"))
        # CROSS JOIN keeps SQLite to this order, from the few repeats to what each repeats. Naming r.kind would lead it to all votes.
        # What no longer counts is subtracted: to ask it of every repeat would take a third longer.
        repeats: Counter[tuple] = Counter()
        for sign, only in ((1, ""), (-1, f"AND r.id IN ({taken_back} UNION SELECT id FROM disputed)")):
            for *key, count in rows(
                "SELECT r.rater, r.shown, CASE WHEN r.winner = b.winner THEN 1 ELSE 0 END, COUNT(*) FROM records r CROSS JOIN records b "
                f"WHERE r.about <> '' AND r.shown > 0 {only} AND b.id = r.about AND b.shown > 0 GROUP BY 1, 2, 3"
            ):
                repeats[tuple(key)] += sign * count
        regions, axes = Counter(), Counter()
        tallies: dict[str, Tally] = {}
        for (rater, region, axis, shown, chosen, hasty), count in counted.items():
            regions[region] += count
            axes[axis] += count
            tally = tallies.get(rater, Tally(rater))
            answers = Counter(tally.answers)
            answers[shown, chosen] += count
            tallies[rater] = replace(tally, answers=answers, hasty=tally.hasty + hasty * count)
        for (rater, shown, same), count in repeats.items():
            tally = tallies[rater]
            tallies[rater] = replace(
                tally, repeats=tally.repeats + count, same=tally.same + same * count, luck=round(tally.luck + count / shown, 9)
            )
        return Stats(
            votes=sum(counted.values()),
            retracted=retracted,
            disputed=disputed,
            takes=rows("SELECT COUNT(*) FROM takes")[0][0],
            seats=seats,
            ties=sum(count for key, count in counted.items() if key[4] == -1),
            both_bad=sum(count for key, count in counted.items() if key[4] == -2),
            regions=dict(+regions),
            axes=dict(+axes),
            raters=tuple(sorted((t for t in tallies.values() if t.votes), key=lambda t: (-t.votes, t.rater))),
            first=first,
            last=last,
            bytes=self._database.bytes,
        )

    def check_curves(self) -> dict[str, list[str]]:
        """Reads every curves file: {"missing": take ids, "damaged": sha256s, "unused": sha256s that no take names}. Removes nothing."""
        named = {take.id: take.curves for take in self.all_takes()}
        there = set(self._curves.all())
        return {
            "missing": sorted(id for id, sha in named.items() if sha not in there),
            "damaged": sorted(sha for sha in there if not self._curves.is_sound(sha)),
            "unused": sorted(there - set(named.values())),
        }


def is_hasty(vote: Vote, seconds: float) -> bool:
    """The answer came before the takes (the longest lasts ``seconds``) can have been judged."""
    return vote.milliseconds < 1000 * max(SHORTEST_LOOK, LEAST_WATCHED * seconds)


def batches(items: Iterable) -> Iterator[list]:
    """Lists of at most ``BATCH`` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _places(values: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Named places for an IN list, as both databases read them, and what goes there."""
    named = {f"v{i}": value for i, value in enumerate(values)}
    return ", ".join(f":{name}" for name in named), named
