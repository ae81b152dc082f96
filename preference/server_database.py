# SPDX-License-Identifier: GPL-3.0-or-later
"""The store's SQL on a studio's PostgreSQL server, by a connection URL. For the shell and the worker: Blender votes into its local file.

SQLAlchemy and psycopg are imported only when a URL is given. Curves lie in a table here, since seats share no folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..core.errors import UserError
from . import schema

PATIENCE: Final = 10  # seconds to wait for a server that does not answer

_CURVES: Final = "CREATE TABLE curves (sha TEXT PRIMARY KEY, data BYTEA NOT NULL)"
_TRIGGERS: Final = (
    "CREATE OR REPLACE FUNCTION facewright_keep() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$",
    *(
        f"CREATE OR REPLACE TRIGGER {table}_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION facewright_keep()"
        for table in (*schema.APPEND_ONLY, "curves")
    ),
)


def open_server(address: str, read_only: bool = False) -> ServerDatabase:
    """Connect to postgresql://user@host/database. A password may be in the URL, better in ~/.pgpass or PGPASSWORD: libpq reads them.

    Raises UserError where the URL is none, SQLAlchemy is missing, the server does not answer or lets nobody in, or the schema is newer.
    """
    try:
        import sqlalchemy
        from sqlalchemy.engine import make_url
    except ImportError as error:
        raise UserError(
            "This Python has no SQLAlchemy, which a studio's server needs.",
            "Install what requirements/worker.txt lists (sqlalchemy, psycopg).",
        ) from error
    try:
        url = make_url(address)
        if url.drivername not in {"postgresql", "postgres", "postgresql+psycopg"}:
            raise UserError(f"'{url.drivername}' servers are not supported.", "Give postgresql://user@host/database.")
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        # The URL is not repeated: it may hold a password.
        raise UserError("The server's address is no connection URL.", "Give postgresql://user@host/database.") from error
    return ServerDatabase(url.set(drivername="postgresql+psycopg"), read_only)


class ServerDatabase:
    """One connection. The same calls as SqliteDatabase."""

    dialect: Final = "postgresql"

    def __init__(self, url, read_only: bool):
        import sqlalchemy

        self._sqlalchemy = sqlalchemy
        self.place = f"postgresql://{url.host or 'local'}/{url.database or ''}"
        self.read_only = "The votes were opened for reading only." if read_only else ""
        self.connection = None
        try:
            # AUTOCOMMIT: transactions are the ones that ``writing`` begins, as on a file.
            self._engine = sqlalchemy.create_engine(
                url, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=0, connect_args={"connect_timeout": PATIENCE}
            )
            self.connection = self._engine.connect()
            self._prepare()
        except sqlalchemy.exc.SQLAlchemyError as error:
            self.close()
            raise self._told(error) from error
        except ImportError as error:
            raise UserError("This Python has no psycopg, which a studio's server needs.", "Install 'psycopg[binary]'.") from error
        except UserError:
            self.close()
            raise
        self.curves = ServerCurves(self)

    def _prepare(self) -> None:
        def ask(sql: str) -> object:
            return self.connection.exec_driver_sql(sql).scalar()

        if ask("SHOW server_encoding") != "UTF8":
            raise UserError(f"The database {self.place} is not in UTF-8.", "Create it with ENCODING 'UTF8'.")
        if not self.read_only and ask("SHOW transaction_read_only") == "on":
            self.read_only = f"The server {self.place} takes no changes (a read-only copy)."
        # The catalog itself, not to_regclass: that may remember that there was no table before the lock was had.
        exists = "SELECT EXISTS (SELECT 1 FROM pg_tables WHERE tablename = 'meta' AND schemaname = ANY (current_schemas(false)))"
        if not ask(exists):
            if self.read_only:
                raise UserError(f"There are no votes at {self.place}.")
            with self.writing():
                if not ask(exists):  # asked again: another seat may have been faster
                    self._create()
        version = ask("SELECT value FROM meta WHERE key = 'schema'")
        if version is None or not str(version).isdigit():
            raise UserError(f"The database {self.place} is another program's.", "Create a database of its own for the votes.")
        if int(version) > schema.VERSION:
            raise UserError(
                f"The votes on {self.place} were written by a newer Facewright (version {version}; this one knows {schema.VERSION}).",
                "Update Facewright on this machine.",
            )
        if int(version) < schema.VERSION:
            if self.read_only:
                raise UserError(
                    f"The votes on {self.place} are of an older version.", "Merge into them once, which brings them up to date."
                )
            with self.writing():
                self._migrate(int(ask("SELECT value FROM meta WHERE key = 'schema'")))
        if not self.read_only and not ask("SELECT has_table_privilege('records', 'INSERT')"):
            self.read_only = f"You may read the votes on {self.place} but not add any: ask whoever keeps the server."

    def _create(self) -> None:
        self.connection.exec_driver_sql(_CURVES)
        self._migrate(0)

    def _migrate(self, version: int) -> None:
        for step in schema.MIGRATIONS[version:]:
            for statement in schema.statements(step):
                self.connection.exec_driver_sql(statement)
        for statement in _TRIGGERS:
            self.connection.exec_driver_sql(statement)
        self.run(
            "INSERT INTO meta VALUES ('schema', :version) ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value",
            [{"version": str(schema.VERSION)}],
        )

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that no other seat's overlaps: an id that contradicts itself must be seen by whoever comes second."""
        if self.read_only:
            raise UserError(self.read_only)
        try:
            self.connection.exec_driver_sql("BEGIN")
            try:
                self.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({schema.APPLICATION_ID})")
                yield
                self.connection.exec_driver_sql("COMMIT")
            except BaseException:
                if not self.connection.invalidated:
                    self.connection.exec_driver_sql("ROLLBACK")
                raise
        except self._sqlalchemy.exc.SQLAlchemyError as error:
            raise self._told(error) from error

    def run(self, sql: str, rows: Sequence[Mapping[str, object]]) -> None:
        """One statement for each row of parameters, inside ``writing``."""
        if rows:
            self.connection.execute(self._sqlalchemy.text(sql), list(rows))

    def rows(self, sql: str, values: Mapping[str, object] | None = None) -> list[tuple]:
        """All rows of a query. Raises UserError where the server does not answer."""
        try:
            return [tuple(row) for row in self.connection.execute(self._sqlalchemy.text(sql), dict(values or {}))]
        except self._sqlalchemy.exc.SQLAlchemyError as error:
            raise self._told(error) from error

    @property
    def bytes(self) -> int:
        """What the votes take on the server's disk."""
        return self.rows("SELECT SUM(pg_total_relation_size(name)) FROM (VALUES ('records'), ('takes'), ('curves')) AS t (name)")[0][0]

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if engine := getattr(self, "_engine", None):
            engine.dispose()

    def _told(self, error: Exception) -> UserError:
        cause = getattr(error, "orig", None)
        state = getattr(cause, "sqlstate", None) or ""
        words = str(cause or error).strip().splitlines()[0] if str(cause or error).strip() else type(error).__name__
        # Error classes of PostgreSQL (postgresql.org/docs/current/errcodes-appendix.html).
        if state == "42501":
            return UserError(f"The server {self.place} does not allow this: {words}.", "Ask whoever keeps it.")
        if state == "25006":
            return UserError(f"The server {self.place} takes no changes (a read-only copy).")
        if state == "53100":
            return UserError(f"The disk of the server {self.place} is full: this was not kept.", "Earlier votes are safe.")
        lost = not state and isinstance(error, self._sqlalchemy.exc.OperationalError)  # libpq has no code for what it says itself
        if lost or state[:2] in {"08", "28", "3D", "57"}:
            return UserError(f"The server {self.place} cannot be reached: {words}", "Check the URL, the password and the network.")
        return UserError(f"The server {self.place} could not do this: {words}", "Ask whoever keeps it.")


class ServerCurves:
    """Curves files in a table. The same calls as CurveFiles, but for a path: nothing lies on this machine's disk."""

    def __init__(self, database: ServerDatabase):
        self._database = database

    def path(self, sha: str) -> Path:
        raise UserError(
            f"The curves on {self._database.place} are in its database.", "Merge it into a local store, and take them from there."
        )

    def has(self, sha: str) -> bool:
        return not self.missing([sha])

    def missing(self, shas: Iterable[str]) -> set[str]:
        wanted = set(shas)
        if not wanted:
            return wanted
        values = {f"v{i}": sha for i, sha in enumerate(sorted(wanted))}
        found = self._database.rows(f"SELECT sha FROM curves WHERE sha IN ({', '.join(':' + name for name in values)})", values)
        return wanted - {row[0] for row in found}

    def read(self, sha: str) -> bytes | None:
        found = self._database.rows("SELECT data FROM curves WHERE sha = :sha", {"sha": sha})
        return bytes(found[0][0]) if found else None

    def add_file(self, sha: str, source: Path) -> bool:
        try:
            return self.add_bytes(sha, source.read_bytes())
        except OSError as error:
            raise UserError(f"Cannot read {source}: {error.strerror}.") from error

    def add_bytes(self, sha: str, data: bytes) -> bool:
        if hashlib.sha256(data).hexdigest() != sha:
            raise UserError(f"The curves {sha[:12]} are damaged: their content does not match their name.")
        if self.has(sha):
            return False
        with self._database.writing():
            self._database.run("INSERT INTO curves VALUES (:sha, :data) ON CONFLICT (sha) DO NOTHING", [{"sha": sha, "data": data}])
        return True

    def all(self) -> Iterator[str]:
        for row in self._database.rows("SELECT sha FROM curves ORDER BY sha"):
            yield row[0]

    def is_sound(self, sha: str) -> bool:
        return hashlib.sha256(self.read(sha) or b"").hexdigest() == sha
