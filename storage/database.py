"""Database: one connection pool, its transactions, and the schema's version.

The only module that knows which database it is. SQLite runs in WAL with
`synchronous=FULL`: a commit survives a power cut; every writing transaction begins
IMMEDIATE, because a read that upgrades to a write fails at once whatever the time-out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table

BUSY_TIMEOUT_MS = 30_000
WAL_TRIES = 100
UPGRADE_LOCK = 0x646F6E646F63  # "dondoc": who upgrades a shared database does it alone
MIGRATIONS = Path(__file__).parent / "migrations"


class StorageError(Exception):
    """The database can't be used as it is."""


class SchemaTooNew(StorageError):
    """The database was written by a newer version of the program."""

    def __init__(self, found: str) -> None:
        super().__init__(found)
        self.found = found


class DatabaseUnreachable(StorageError):
    """The database does not answer, or its file can't be opened."""


class Database:
    """A database by its URL; connects at the first use, not before."""

    def __init__(self, url: str) -> None:
        """Take a SQLAlchemy URL. The folder of a SQLite file is made where it is missing."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        # A server may have been restarted since a connection was last used; a file was not.
        # What isolation and which dates it gives by default is for its owner to say, not for us.
        shared: dict[str, Any] = {"pool_pre_ping": True, "isolation_level": "READ COMMITTED"}
        self.engine: Engine = create_engine(self.url, **({} if self.is_sqlite else shared))
        # PostgreSQL's default shows each statement a snapshot of its own.
        self._reading: dict[str, Any] = (
            {"dondoc_reading": True} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        )
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "connect", _prepare_postgresql)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: committed at the end, rolled back on any error."""
        with self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads, from one snapshot."""
        with self._connected() as connection:
            connection = connection.execution_options(**self._reading)
            with connection.begin():
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            raise DatabaseUnreachable(str(error.orig)) from error
        with connection:
            yield connection

    def revisions(self) -> tuple[str | None, str | None]:
        """Return the schema's revision and this program's; changes nothing."""
        head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
        with self._connected() as connection:
            return MigrationContext.configure(connection).get_current_revision(), head

    def upgrade(self) -> None:
        """Bring the schema to this version of the program. Raises SchemaTooNew."""
        script = ScriptDirectory(str(MIGRATIONS))
        with self._connected() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
            connection.rollback()
        if found == script.get_current_head():
            return
        if found is not None and not _knows(script, found):
            raise SchemaTooNew(found)
        with self.writing() as connection:
            if not self.is_sqlite:  # whose writers stand in line anyway
                connection.execute(select(func.pg_advisory_xact_lock(UPGRADE_LOCK)))
            config = Config()
            config.set_main_option("script_location", str(MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def insert_new(self, table: Table) -> Insert:
        """Return an INSERT that passes over rows whose unique key is taken already.

        Its row count says how many were new; drivers keep that of an INSERT only if asked.
        """
        insert = sqlite.insert if self.is_sqlite else postgresql.insert
        return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)

    def insert_or_update(self, table: Table) -> Insert:
        """Return an INSERT that brings a row whose primary key is taken up to the new values."""
        return _upsert(table, is_sqlite=self.is_sqlite)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@cache  # it takes longer to put together than to execute
def _upsert(table: Table, *, is_sqlite: bool) -> Insert:
    new = (sqlite.insert if is_sqlite else postgresql.insert)(table)
    keys = {column.name for column in table.primary_key}
    changed = {one.name: new.excluded[one.name] for one in table.c if one.name not in keys}
    return new.on_conflict_do_update(index_elements=sorted(keys), set_=changed)


def _knows(script: ScriptDirectory, revision: str) -> bool:
    return any(found.revision == revision for found in script.walk_revisions())


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    if not connection.info.parameter_status("DateStyle").startswith(
        "ISO"
    ):  # the driver reads no other
        connection.execute("SET datestyle = ISO")
        connection.commit()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` does.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _switch_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """Switch a new file to WAL. Of several who open it at once some are told at once to wait."""
    for _ in range(WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        # The switch ignores the time-out; a lock is waited for.
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("ROLLBACK")
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("dondoc_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
