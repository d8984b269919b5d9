"""SQLite: one file, in WAL with `synchronous=FULL`: a commit survives a power cut.

Every writing transaction begins IMMEDIATE, because a read that upgrades to a write fails at
once whatever the time-out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError, DBAPIError
from sqlalchemy.sql.schema import Table

from storage.driver import Fault, Patience, Waits
from storage.errors import (
    BackupFailed,
    Broken,
    DatabaseUnreachable,
    NoRoom,
    Occupied,
    ReadOnly,
    RightsMissing,
    StorageError,
)

BUSY_TIMEOUT_MS = 30_000
CACHE_KIB = 8 * 1024  # of each connection; a batch touches more pages than SQLite's own 2 MB hold
WAL_TRIES = 100
TROUBLES: Mapping[int, type[StorageError]] = MappingProxyType(
    {
        sqlite3.SQLITE_BUSY: Occupied,
        sqlite3.SQLITE_LOCKED: Occupied,
        sqlite3.SQLITE_READONLY: ReadOnly,
        sqlite3.SQLITE_FULL: NoRoom,
        sqlite3.SQLITE_CANTOPEN: DatabaseUnreachable,
    }
)
MOST_FAULTS = 20  # that are named; a broken file has thousands


class Sqlite:
    """A file, used by the programs of one machine."""

    name = "SQLite"
    ending = "sqlite3"
    upgrades_itself = True
    takes_arrays = False
    reading: Mapping[str, Any] = MappingProxyType({"dondoc_reading": True})

    def insert(self, table: Table) -> Any:
        """Return SQLAlchemy's INSERT for it."""
        return sqlite.insert(table)

    def engine(self, url: URL, who: str, patience: Patience) -> Engine:  # noqa: ARG002
        """Return the pool; the folder of the file is made at the first use where it is missing."""
        engine = create_engine(url)
        if url.database:
            folder = Path(url.database).parent
            event.listen(engine, "do_connect", partial(_make, folder))
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return engine

    def place(self, url: URL) -> str:
        """Return the file."""
        return url.database or ":memory:"

    def exists(self, url: URL) -> bool:
        """Say whether the file is there: opening it would make it."""
        return bool(url.database) and Path(url.database or "").exists()

    def rights_missing(self, connection: Connection, error: DBAPIError) -> RightsMissing | None:  # noqa: ARG002
        """Return nothing: a file knows no users."""
        return None

    def unfit(self, connection: Connection) -> StorageError | None:  # noqa: ARG002
        """Return nothing: what is not UTF-8 the program has not made."""
        return None

    def read_only(self, connection: Connection) -> StorageError | None:  # noqa: ARG002
        """Return nothing: where writing is refused, no transaction that writes begins."""
        return None

    def trouble(self, error: DBAPIError) -> StorageError:
        """Return what the code of an error means (sqlite.org, Result and Error Codes)."""
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        return TROUBLES.get(code, Broken)(str(error.orig))

    def mark(self, connection: Connection) -> object:
        """Return the number that SQLite gives the schema; it stands in the file's first page."""
        return connection.exec_driver_sql("PRAGMA schema_version").scalar()

    def begin_upgrade(self, connection: Connection, waits: Waits) -> None:
        """Do nothing: writers stand in line anyway."""

    def hold(self, connection: Connection, tables: Sequence[str], waits: Waits) -> None:
        """Do nothing: who writes has the whole file."""

    def others(self, connection: Connection) -> list[str]:  # noqa: ARG002
        """Return nobody: a file does not know who has it open."""
        return []

    def send_away(self, connection: Connection) -> None:
        """Do nothing: there is nobody to name."""

    def faults(self, connection: Connection) -> list[Fault]:
        """Read the whole file, and look for rows that refer to nothing."""
        try:
            found = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_FAULTS})").scalars()
            broken = [Fault("broken", line) for line in found if line != "ok"]
            rows = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        except DatabaseError as error:  # too broken to be read to the end
            return [Fault("broken", str(error.orig))]
        orphans = [Fault("orphan", f"{row[0]} {row[1]} → {row[2]}") for row in rows[:MOST_FAULTS]]
        return broken + orphans

    def backup(self, url: URL, file: Path) -> None:
        """Copy one snapshot into `file`, and read the copy from end to end."""
        try:
            with closing(sqlite3.connect(f"{_uri(url.database)}?mode=ro", uri=True)) as source:
                source.execute("VACUUM INTO ?", (str(file),))
            with closing(sqlite3.connect(f"{_uri(str(file))}?mode=ro", uri=True)) as copy:
                said = copy.execute("PRAGMA integrity_check").fetchone()[0]
        except sqlite3.Error as error:
            raise BackupFailed(str(error)) from error
        if said != "ok":
            raise BackupFailed(said)


def _make(folder: Path, *_: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _uri(file: str | None) -> str:
    return Path(file or "").resolve().as_uri()


def _prepare(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin` does.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _switch_to_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", f"cache_size=-{CACHE_KIB}"):
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


def _begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("dondoc_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
