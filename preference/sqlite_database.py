# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's SQL on a SQLite file: opening it wherever it lies, and saying in a sentence what SQLite says in codes."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ..core.errors import UserError
from . import schema
from .disks import is_local

FILE_NAME: Final = "votes.sqlite"
PATIENCE: Final = 5.0  # seconds to wait for another Blender that is writing; a vote is written in milliseconds
PAGE: Final = 1000  # rows fetched at once: no read lock is held while the caller works

# Result codes of SQLite (sqlite.org/rescode.html); extended ones hold them in their low byte.
_BUSY, _LOCKED, _READONLY, _CORRUPT, _FULL, _CANTOPEN, _NOTADB = 5, 6, 8, 11, 13, 14, 26


class SqliteDatabase:
    """One connection. ``read_only`` is a sentence that says why nothing can be written, or ""."""

    dialect: Final = "sqlite"

    def __init__(self, path: Path, read_only: bool = False):
        """Open the file, make it where it is missing, bring an older one up to date.

        Raises UserError where it cannot be opened, is no votes file, was written by a newer version or is damaged. A damaged file named
        votes.sqlite is kept aside under another name, so that voting can go on; nothing is ever deleted.
        """
        self.path = path
        self.read_only = "The votes were opened for reading only." if read_only else ""
        if read_only and not path.is_file():
            raise UserError(f"There are no votes at {path}.")
        try:
            try:
                self._open(writing=not read_only)
            except sqlite3.OperationalError as error:
                if read_only or _code(error) not in {_READONLY, _CANTOPEN} or not path.is_file() or not path.stat().st_size:
                    raise
                self.connection.close()
                self.read_only = (
                    f"The votes in {path.parent} can be read but not written: ask for write access, or vote into another folder."
                )
                self._open(writing=False)
        except sqlite3.Error as error:
            self.close()
            raise self._told(error) from error
        except UserError:
            self.close()
            raise

    def _open(self, writing: bool) -> None:
        if not writing:
            self._open_for_reading()
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"Cannot make the folder {self.path.parent}: {error.strerror}.", "Vote into another folder.") from error
        self.connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        self._settings()
        version = self._version()
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute(f"PRAGMA user_version = {version}")  # a write: SQLite opens a read-only file without a word
        self.connection.execute("ROLLBACK")
        # FULL: a vote that was answered survives a power cut too; it costs one fsync, which nobody notices between two questions.
        self.connection.execute("PRAGMA synchronous = FULL")
        try:
            self.connection.execute(f"PRAGMA journal_mode = {'WAL' if is_local(self.path.parent) else 'DELETE'}")
        except sqlite3.OperationalError as error:
            if _code(error) not in {_BUSY, _LOCKED}:  # another Blender has it open: its journal serves as well
                raise
        if version < schema.VERSION:
            self._migrate()

    def _open_for_reading(self) -> None:
        place = self.path.absolute().as_posix()
        uri = "file://" + ("" if place.startswith("/") else "/") + quote(place, safe="/:")
        self.connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=PATIENCE, isolation_level=None)
        try:
            self._settings()
            version = self._version()
        except sqlite3.OperationalError as error:
            log = Path(f"{self.path}-wal")
            if _code(error) not in {_CANTOPEN, _READONLY}:
                raise
            self.connection.close()
            if (log.is_file() and log.stat().st_size) or Path(f"{self.path}-journal").is_file():
                raise UserError(
                    f"The votes in {self.path.parent} were not closed cleanly and cannot be put in order without write access.",
                    "Open them once from a seat that may write there.",
                ) from error
            # A read-only folder has no room for the log's shared memory; without a log none is needed.
            self.connection = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
            self._settings()
            version = self._version()
        if version < schema.VERSION:
            raise UserError(
                f"The votes in {self.path} are of an older version ({version}; this Facewright reads {schema.VERSION}).",
                "Open them once where they can be written, which brings them up to date.",
            )

    def _settings(self) -> None:
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.execute("PRAGMA trusted_schema = OFF")  # the file may come from elsewhere
        self.connection.execute("PRAGMA cache_size = -65536")  # 64 MB

    def _version(self) -> int:
        """user_version of a file that is ours or new. Raises UserError for all others."""
        version, mark = (self.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id"))
        tables = self.connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if mark != schema.APPLICATION_ID and (tables or version or mark):
            raise UserError(f"{self.path} is another program's database, not votes.", "Choose another file.")
        if version > schema.VERSION:
            raise UserError(
                f"The votes in {self.path} were written by a newer Facewright (file version {version}; this one knows {schema.VERSION}).",
                "Update Facewright on this machine. The file was left as it is.",
            )
        return version

    def _migrate(self) -> None:
        """All missing steps in one transaction: killed in between, the file is what it was."""
        with self.writing():
            for step in schema.MIGRATIONS[self._version() :]:  # asked again: another Blender may have been faster
                for statement in schema.statements(step):
                    self.connection.execute(statement)
            for statement in schema.SQLITE_TRIGGERS:
                self.connection.execute(statement)
            self.connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
            self.connection.execute(f"PRAGMA user_version = {schema.VERSION}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all of the block or nothing. Raises UserError where nothing can be written, or another writes."""
        if self.read_only:
            raise UserError(self.read_only)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._told(error) from error

    def run(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """One statement for each row of parameters, inside ``writing``."""
        self.connection.executemany(sql, rows)

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> list[tuple]:
        """All rows of a query. Raises UserError where the file cannot be read."""
        try:
            return self.connection.execute(sql, values or {}).fetchall()
        except sqlite3.Error as error:
            raise self._told(error) from error

    @property
    def bytes(self) -> int:
        """What the file takes on disk."""
        return self.path.stat().st_size

    def close(self) -> None:
        if connection := getattr(self, "connection", None):
            connection.close()

    def _told(self, error: sqlite3.Error) -> UserError:
        code = _code(error)
        if code in {_BUSY, _LOCKED}:
            return UserError(f"Another program has been writing to {self.path} for {PATIENCE:g} s.", "Try again when it has finished.")
        if code == _FULL:
            return UserError(f"The disk that holds {self.path} is full: this was not kept.", "Free some space; earlier votes are safe.")
        if code == _READONLY:
            return UserError(f"The votes in {self.path.parent} cannot be written.", "Ask for write access, or vote into another folder.")
        if code == _CANTOPEN:
            return UserError(f"Cannot open {self.path}.", "Check that the folder exists and may be written.")
        if code in {_CORRUPT, _NOTADB}:
            return self._keep_aside()
        return UserError(f"The votes in {self.path} could not be used: {error}.", "Check the disk, or the connection to it.")

    def _keep_aside(self) -> UserError:
        """Rename a damaged votes.sqlite so that a new one can be begun. A file under any other name is somebody else's: it stays."""
        told = f"{self.path} is damaged, or no votes file."
        if self.path.name != FILE_NAME or self.read_only:
            return UserError(told, "Choose another file, or restore it from a copy.")
        self.close()
        aside = self.path.with_name(f"votes-damaged-{time.strftime('%Y%m%d-%H%M%S')}.sqlite")
        number = 1
        while aside.exists():
            number += 1
            aside = aside.with_name(f"votes-damaged-{time.strftime('%Y%m%d-%H%M%S')}-{number}.sqlite")
        try:
            for ending in ("", "-wal", "-journal"):  # the journals hold what the file may lack
                if (part := Path(f"{self.path}{ending}")).is_file():
                    shutil.move(part, f"{aside}{ending}")
            Path(f"{self.path}-shm").unlink(missing_ok=True)  # an index of the log, made anew when needed
        except OSError as error:
            return UserError(told, f"It could not be renamed ({error.strerror}); restore it from a copy.")
        return UserError(f"{told} It was kept as {aside.name}.", "Voting begins a new file; if there is a copy of the old one, merge it.")


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
