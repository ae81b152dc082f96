# SPDX-License-Identifier: GPL-3.0-or-later
"""Votes as text files: JSONL that preference trainers read (prompt, chosen, rejected) and CSV for people. Both come back without loss.

JSONL has one row for each pair that a vote implies, every column a string or a whole number, so that Hugging Face ``datasets`` infers one
type for each, and TRL's "preference" type is there by name (huggingface.co/docs/trl/dataset_formats). Trainers keep the rows whose
``outcome`` is "better"; of a tie or "both bad", ``chosen`` is merely the take shown first. The column ``record`` holds the whole vote.

Both hold the votes that count. Votes that were taken back, and what names mean, travel in a bundle (``bundle.py``).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from ..core.errors import UserError
from ..core.paths import replacing
from .votes import MOST_TAKES, Record, Take, Vote, canonical, loads

if TYPE_CHECKING:
    from .store import Store

LONGEST_LINE: Final = 2**20  # characters; a row of ours is a few thousand, and a file of another kind may be one endless line

JSONL_COLUMNS: Final = (
    *("prompt", "chosen", "rejected", "outcome", "pair", "pairs", "rater", "person", "region", "axis", "at", "vote"),
    *("chosen_curves", "rejected_curves", "record"),
)
_TEXT_COLUMNS: Final = ("rater", "person", "sitting", "note", "clip")  # of a CSV: what people wrote
CSV_COLUMNS: Final = (
    *("vote", "at", "rater", "person", "sitting", "clip", "start", "end", "region", "axis", "both_bad"),
    *(f"{name}_{place}" for name in ("rank", "replays") for place in range(1, MOST_TAKES + 1)),
    *("milliseconds", "repeat_of", "note", "versions", "seat", "sequence"),
    *(f"take_{place}" for place in range(1, MOST_TAKES + 1)),
)


@dataclass(frozen=True)
class Written:
    """What an export holds."""

    votes: int
    rows: int


def write(store: Store, path: Path) -> Written:
    """Write the votes that count as .jsonl or .csv, as the name says; an older file is replaced in one step.

    Raises UserError for another ending, or where the file cannot be written.
    """
    writer = _of_ending(path, {".jsonl": _write_jsonl, ".csv": _write_csv})
    people = store.people()
    votes = rows = 0
    known: dict[str, Take] = {}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8-sig" if path.suffix == ".csv" else "utf-8", newline="") as file:
        add = writer(file)
        for record in store.vote_records():
            if missing := set(record.content.takes) - known.keys():
                if len(known) > 10_000:
                    known.clear()
                known |= store.takes(missing | set(record.content.takes))
            rows += add(record, known, people.get(record.content.rater, record.content.rater))
            votes += 1
    return Written(votes, rows)


def prompt(vote: Vote, take: Take) -> str:
    """What was asked, as canonical JSON: the clip, the stretch of it, the region of the face and the axis."""
    asked = {name: getattr(take, name) for name in ("kind", "clip", "clip_name", "start", "end")}
    return canonical(asked | {"region": vote.region, "axis": vote.axis})


def rows(record: Record, takes: Mapping[str, Take], person: str) -> Iterator[dict[str, str | int]]:
    """The rows of one vote. takes: by id, at least the vote's."""
    vote = record.content
    pairs = list(vote.pairs())
    for number, (better, worse, tied) in enumerate(pairs):
        chosen, rejected = takes[better], takes[worse]
        yield {
            "prompt": prompt(vote, takes[vote.takes[0]]),
            "chosen": canonical(chosen.to_json()),
            "rejected": canonical(rejected.to_json()),
            "outcome": "both_bad" if vote.both_bad else "tie" if tied else "better",
            "pair": number,
            "pairs": len(pairs),
            "rater": vote.rater,
            "person": person,
            "region": vote.region,
            "axis": vote.axis,
            "at": vote.at,
            "vote": vote.id,
            "chosen_curves": chosen.curves,
            "rejected_curves": rejected.curves,
            "record": canonical(record.to_json()),
        }


def _write_jsonl(file: TextIO):
    def add(record: Record, takes: Mapping[str, Take], person: str) -> int:
        lines = [json.dumps(row) + "\n" for row in rows(record, takes, person)]
        file.writelines(lines)
        return len(lines)

    return add


def _write_csv(file: TextIO):
    writer = csv.DictWriter(file, CSV_COLUMNS, restval="")
    writer.writeheader()

    def add(record: Record, takes: Mapping[str, Take], person: str) -> int:
        vote, first = record.content, takes[record.content.takes[0]]
        row = {
            "vote": vote.id,
            "at": vote.at,
            "rater": vote.rater,
            "person": person,
            "sitting": vote.sitting,
            "clip": first.clip_name,
            "start": first.start,
            "end": first.end,
            "region": vote.region,
            "axis": vote.axis,
            "both_bad": int(vote.both_bad),
            "milliseconds": vote.milliseconds,
            "repeat_of": vote.repeat_of,
            "note": vote.note,
            "versions": canonical(dict(vote.versions)),
            "seat": record.seat,
            "sequence": record.sequence,
        }
        for place, (take, rank, replays) in enumerate(zip(vote.takes, vote.ranks, vote.replays, strict=True), 1):
            row |= {f"take_{place}": canonical(takes[take].to_json()), f"rank_{place}": rank, f"replays_{place}": replays}
        writer.writerow(row | {name: _quoted(row[name]) for name in _TEXT_COLUMNS})
        return 1

    return add


def _quoted(text: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula, and runs it; an apostrophe in front makes it text."""
    return "'" + text if text[:1] in {"=", "+", "-", "@", "'", "\t", "\n"} else text


def _unquoted(text: str) -> str:
    return text.removeprefix("'")


@dataclass(frozen=True)
class VoteFile:
    """A file of votes that was read through once and is sound: a source for ``merge.merge``. ``warnings``: sentences."""

    path: Path
    votes: int
    warnings: tuple[str, ...]

    @property
    def place(self) -> str:
        return str(self.path)

    def records(self) -> Iterator[Record]:
        for _, record, _, first in _parsed(self.path):
            if first:
                yield record

    def all_takes(self) -> Iterator[Take]:
        seen: set[str] = set()
        for _, _, takes, _ in _parsed(self.path):
            for take in takes:
                if take.id not in seen:
                    seen.add(take.id)
                    yield take

    def curves(self, sha: str) -> bytes | None:
        """None: text files hold none. The curves travel beside them, or in a bundle."""
        return None


def read(path: Path) -> VoteFile:
    """Check every line of a .jsonl or .csv that ``write`` made.

    Raises UserError with the line where it is another's, damaged or cut off.
    """
    votes, pairs, expected = 0, {}, {}
    for line, record, _, first in _parsed(path):
        votes += first
        if path.suffix == ".jsonl":
            id = record.content.id
            pairs[id] = pairs.get(id, 0) + 1
            expected[id] = (len(record.content.takes) * (len(record.content.takes) - 1) // 2, line)
    short = [(id, line) for id, (count, line) in expected.items() if pairs[id] < count]
    warnings = [
        f"{path.name}, line {line}: some pairs of the ranking {id[:12]} are missing; the vote itself is whole." for id, line in short[:5]
    ]
    if not votes:
        warnings.append(f"{path.name} holds no votes.")
    return VoteFile(path, votes, tuple(warnings))


def _parsed(path: Path) -> Iterator[tuple[int, Record, tuple[Take, ...], bool]]:
    """(line, record, takes of it, whether the vote is seen for the first time) of each row."""
    reader = _of_ending(path, {".jsonl": _read_jsonl, ".csv": _read_csv})
    seen: dict[str, str] = {}
    line = 0
    try:
        # 'utf-8-sig' also where no mark is expected: editors and spreadsheets add one when they save.
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, record, takes in reader(file):
                if not isinstance(record.content, Vote):
                    raise UserError(f"The row holds a {record.kind}, not a vote.")
                before = seen.get(record.content.id)
                if before not in (None, record.digest):
                    raise UserError(f"The vote {record.content.id[:12]} is there twice with different content.")
                seen[record.content.id] = record.digest
                yield line, record, takes, before is None
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.", "Check the file name.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is no text in UTF-8.", "Export the votes again.") from error
    except _Line as error:
        raise UserError(f"{path.name}, line {error.line}: {error.told.message}", error.told.hint) from error.told
    except UserError as error:
        raise UserError(f"{path.name}, line {line}: {error.message}", error.hint) from error


class _Line(Exception):
    """Trouble in a line that a reader could not give back."""

    def __init__(self, line: int, told: UserError):
        super().__init__(str(told))
        self.line, self.told = line, told


def _read_jsonl(file: TextIO) -> Iterator[tuple[int, Record, tuple[Take, ...]]]:
    number = 0
    while text := file.readline(LONGEST_LINE):
        number += 1
        try:
            if len(text) >= LONGEST_LINE:
                raise UserError("The line is longer than any that Facewright writes.", "Choose a file of votes.")
            if not text.strip():
                continue
            try:
                data = loads(text)
            except UserError as error:
                cut = "" if text.endswith("\n") else " The file is cut off there."
                raise UserError(f"This is no row of JSON.{cut}", "Export the votes again.") from error
            yield number, *_vote_of(data)
        except UserError as error:
            raise _Line(number, error) from error


def _vote_of(data: object) -> tuple[Record, tuple[Take, ...]]:
    if not isinstance(data, dict) or not {"prompt", "chosen", "rejected"} <= data.keys():
        raise UserError("The row has no 'prompt', 'chosen' and 'rejected'.", "This is no file of votes.")
    if not isinstance(data.get("record"), str):
        raise UserError("The row has no 'record', which holds the vote itself.", "Only files that Facewright wrote can be imported.")
    record = Record.from_json(loads(data["record"]))
    if not isinstance(record.content, Vote):
        return record, ()
    takes = {}
    for name in ("chosen", "rejected"):
        if not isinstance(data[name], str):
            raise UserError(f"The row's '{name}' is no text.")
        take = _take(data[name])
        takes[take.id] = take
    pairs = list(record.content.pairs())
    number = data.get("pair")
    if not isinstance(number, int) or not 0 <= number < len(pairs) or tuple(takes) != pairs[number][:2]:
        raise UserError("The row's 'chosen' and 'rejected' are not those of its 'record'.", "It was changed after it was written.")
    return record, tuple(takes.values())


def _read_csv(file: TextIO) -> Iterator[tuple[int, Record, tuple[Take, ...]]]:
    limit = csv.field_size_limit()
    reader = csv.reader(file, strict=True)
    try:
        csv.field_size_limit(LONGEST_LINE)
        header = next(reader, None)
        missing = sorted(set(CSV_COLUMNS) - set(header or ()))
        if missing:
            told = UserError(f"The column '{missing[0]}' is missing.", "This is no file of votes that Facewright wrote.")
            raise _Line(max(1, reader.line_num), told)
        for cells in reader:
            if not cells:
                continue
            try:
                if len(cells) != len(header):
                    raise UserError(f"The row has {len(cells)} cells instead of {len(header)}.", "The file is cut off or was changed.")
                yield reader.line_num, *_vote_of_cells(dict(zip(header, cells, strict=True)))
            except UserError as error:
                raise _Line(reader.line_num, error) from error
    except csv.Error as error:
        raise _Line(reader.line_num, UserError(f"This is no CSV: {error}.", "The file is cut off or was changed.")) from error
    finally:
        csv.field_size_limit(limit)


def _vote_of_cells(cells: dict[str, str]) -> tuple[Record, tuple[Take, ...]]:
    places = [place for place in range(1, MOST_TAKES + 1) if cells[f"take_{place}"]]
    takes = tuple(_take(cells[f"take_{place}"]) for place in places)
    vote = Vote(
        id=cells["vote"],
        at=cells["at"],
        rater=_unquoted(cells["rater"]),
        sitting=_unquoted(cells["sitting"]),
        takes=tuple(take.id for take in takes),
        ranks=tuple(_number(cells, f"rank_{place}") for place in places),
        both_bad=bool(_number(cells, "both_bad")),
        region=cells["region"],
        axis=cells["axis"],
        replays=tuple(_number(cells, f"replays_{place}") for place in places),
        milliseconds=_number(cells, "milliseconds"),
        repeat_of=cells["repeat_of"],
        note=_unquoted(cells["note"]),
        versions=loads(cells["versions"]),
    )
    return Record(vote, cells["seat"], _number(cells, "sequence")), takes


@lru_cache(maxsize=4096)
def _take(text: str) -> Take:
    """Takes come again and again in a file of votes on them."""
    return Take.from_json(loads(text))


def _number(cells: dict[str, str], name: str) -> int:
    text = cells[name]
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise UserError(f"'{name}' is no whole number: {text!r:.40}.")
    return int(text)


def _of_ending(path: Path, known: Mapping[str, object]):
    if path.suffix not in known:
        raise UserError(f"'{path.name}' ends in neither {' nor '.join(known)}.", "The ending says which format is meant.")
    return known[path.suffix]
