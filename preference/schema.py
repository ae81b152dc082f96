# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's tables, as SQL that SQLite and PostgreSQL both read. One list of migrations; only the triggers have a text for each.

Everything that was ever said is one row of ``records``, in canonical JSON, beside the columns that statistics need. Rows are only added:
triggers refuse to change or delete them. The key is what a row says (id and digest; the columns behind them let statistics find them
without reading rows), so that stores merge as sets do, in any order and any number of times. An id with two digests is in ``disputed``
and does not count until someone looks at it.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 2  # what this code reads and writes; user_version in SQLite, the row 'schema' of ``meta`` in PostgreSQL
APPLICATION_ID: Final = 0x46575654  # "FWVT", in the header of every SQLite file of ours

# chosen: place of the best take, -1 tie, -2 all bad.  winner: first 16 digits of the best take's id, 'tie' or 'bad'.
# hasty: 1 where the answer came before the takes can have been watched.  about: the vote that this repeats or retracts, or the rater.
_FIRST: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE takes (id TEXT PRIMARY KEY, curves TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE records (
    id TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    seat TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    received TEXT NOT NULL,
    at TEXT NOT NULL,
    rater TEXT NOT NULL,
    about TEXT NOT NULL,
    region TEXT NOT NULL,
    axis TEXT NOT NULL,
    shown INTEGER NOT NULL,
    chosen INTEGER NOT NULL,
    winner TEXT NOT NULL,
    hasty INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id, digest, shown, winner)
);
CREATE INDEX records_in_order ON records (seat, sequence, id, digest);
CREATE INDEX records_tally ON records (kind, rater, region, axis, shown, chosen, hasty);
CREATE INDEX records_about ON records (kind, about, id, rater, shown, winner) WHERE about <> '';
"""

# Ids that contradict themselves, which merging seats can bring; and when the first and the last vote were cast, without reading them all.
_SECOND: Final = """
CREATE TABLE disputed (id TEXT PRIMARY KEY);
INSERT INTO disputed SELECT id FROM records GROUP BY id HAVING COUNT(*) > 1;
CREATE INDEX records_at ON records (at);
"""

MIGRATIONS: Final = (_FIRST, _SECOND)  # MIGRATIONS[n] turns version n into version n + 1

APPEND_ONLY: Final = ("records", "takes", "disputed")

SQLITE_TRIGGERS: Final = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {table}_keep_{verb.lower()} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    for table in APPEND_ONLY
    for verb in ("UPDATE", "DELETE")
)


def statements(script: str) -> list[str]:
    """The single statements of a migration (none of them holds a semicolon of its own)."""
    return [part.strip() for part in script.split(";") if part.strip()]
