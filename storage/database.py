"""Database: one connection pool, its transactions, and the schema's version.

The only module that looks which database it is: `storage.sqlite` and `storage.postgresql`
say what differs. Whoever writes through a database that is `ready` writes with the schema
that this program knows, or not at all: a connection looks at it before its first write, and
again when the schema has changed; whoever upgrades ends the connections of others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.schema import Table

from storage.driver import TAKES_ARRAYS, Driver, Fault, Patience, Waits
from storage.errors import (
    Broken,
    ConnectionLost,
    DatabaseUnreachable,
    InUse,
    Locked,
    RightsMissing,
    SchemaTooNew,
    SchemaTooOld,
    StorageError,
    UpgradeFailed,
    WrongSchema,
)
from storage.postgresql import Postgresql
from storage.sqlite import BUSY_TIMEOUT_MS, Sqlite
from storage.tables import metadata

__all__ = [
    "BUSY_TIMEOUT_MS",
    "MIGRATIONS",
    "Database",
    "DatabaseUnreachable",
    "InUse",
    "Locked",
    "Patience",
    "RightsMissing",
    "SchemaTooNew",
    "SchemaTooOld",
    "Step",
    "StorageError",
    "UpgradeFailed",
    "WrongSchema",
]

MIGRATIONS = Path(__file__).parent / "migrations"
REVISION = "alembic_version"  # the table that holds it
_SEEN = "dondoc_schema"  # under which a connection remembers what schema it has looked at


@dataclass(frozen=True)
class Step:
    """One step of an upgrade that begins now: to which revision, the n-th of how many."""

    revision: str
    number: int
    of: int


class Database:
    """A database by its URL; connects at the first use, not before."""

    def __init__(self, url: str, *, who: str = "", patience: Patience | None = None) -> None:
        """Take a SQLAlchemy URL; a server shows its sessions as `dondoc/<who>`."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.driver: Driver = Sqlite() if self.is_sqlite else Postgresql()
        self.engine: Engine = self.driver.engine(self.url, who, patience or Patience())
        self.engine.update_execution_options(**{TAKES_ARRAYS: self.driver.takes_arrays})
        self._is_guarded = False

    @property
    def place(self) -> str:
        """Where the database is, without a password."""
        return self.driver.place(self.url)

    @property
    def exists(self) -> bool:
        """Whether there is anything to open; of a server that only connecting can tell."""
        return self.driver.exists(self.url)

    @property
    def head(self) -> str | None:
        """The newest revision that this program knows."""
        return _head()

    def knows(self, revision: str) -> bool:
        """Say whether this program knows a revision."""
        return any(one.revision == revision for one in _script().walk_revisions())

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that writes: committed at the end, rolled back on any error.

        Raises SchemaTooNew or SchemaTooOld where the schema is no longer the one known.
        """
        with self._connected() as connection, connection.begin():
            if self._is_guarded:
                self._look(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads, from one snapshot."""
        with self._connected() as connection:
            connection = connection.execution_options(**self.driver.reading)
            with connection.begin():
                yield connection

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except DBAPIError as error:
            raise self._closed(error) from error
        with connection:
            if (unfit := self.driver.unfit(connection)) is not None:
                raise unfit
            try:
                yield connection
            except DBAPIError as error:
                if (refused := self.driver.rights_missing(connection, error)) is None:
                    raise
                raise refused from error

    def _closed(self, error: DBAPIError) -> StorageError:
        """Return why it can't even be opened."""
        found = self.driver.trouble(error)
        if isinstance(found, ConnectionLost | Broken):
            return DatabaseUnreachable(str(error.orig))
        return found

    def trouble(self, error: DBAPIError) -> StorageError:
        """Return what an error of the database means: one of `storage.errors`."""
        return self.driver.trouble(error)

    def expect_to_write(self) -> None:
        """Make sure that this may be written to. Raises ReadOnly, as for a standby."""
        with self._connected() as connection:
            try:
                with connection.begin():
                    refused = self.driver.read_only(connection)
            except DBAPIError as error:
                raise self.driver.trouble(error) from error
        if refused is not None:
            raise refused

    def revisions(self) -> tuple[str | None, str | None]:
        """Return the schema's revision and this program's; changes nothing."""
        with self._connected() as connection:
            # Not `reading`: who waits here for an upgrade is to see what came of it.
            connection = connection.execution_options(dondoc_reading=True)
            try:
                return _revision(connection), _head()
            except DBAPIError as error:  # as while somebody upgrades it
                if (refused := self.driver.rights_missing(connection, error)) is not None:
                    raise refused from error
                raise DatabaseUnreachable(str(error.orig)) from error

    def ready(self) -> None:
        """Make sure of the schema, now and whenever this is written to.

        An empty database gets it. An older one is brought up where one machine uses it;
        where several may, that is for a person to say: raises SchemaTooOld. Raises
        SchemaTooNew for a newer one.
        """
        found, head = self.revisions()
        if found != head and (found is None or self.driver.upgrades_itself):
            self.upgrade()
        else:
            _verify(found)
        self._is_guarded = True

    def verify(self) -> None:
        """Look whether the schema is the one known. Raises SchemaTooNew or SchemaTooOld."""
        _verify(self.revisions()[0])

    def _look(self, connection: Connection) -> None:
        """Verify the schema, unless it is as at this connection's last look."""
        mark = self.driver.mark(connection)
        if connection.info.get(_SEEN) != mark:
            _verify(_revision(connection))
            connection.info[_SEEN] = mark

    def upgrade(
        self,
        *,
        tell: Callable[[Step], None] = lambda _: None,
        waits: Waits = lambda _: None,
        disconnect: bool = False,
    ) -> tuple[str | None, str | None]:
        """Bring the schema to this version of the program; return from which to which.

        All of it or nothing. `tell` hears of each step before it, `waits` of sessions that are
        waited for. Raises SchemaTooNew, and InUse where other programs are at work on a
        database that is not empty, unless `disconnect` ends their sessions. Raises Locked where
        somebody else does not let go of a table, UpgradeFailed where the database refuses a
        step, and others of `storage.errors`.
        """
        found, head = self.revisions()
        if found == head:
            return found, head
        _refuse_newer(found)
        try:
            return self._upgrade(tell, waits, disconnect=disconnect), head
        except RightsMissing as error:
            raise UpgradeFailed(str(error)) from error
        except DBAPIError as error:
            found_out = self.driver.trouble(error)
            if isinstance(found_out, Broken):
                raise UpgradeFailed(str(error.orig)) from error
            raise found_out from error

    def refuse_upgrade(self, *, disconnect: bool) -> None:
        """Raise what `upgrade` would before it changes anything: SchemaTooNew or InUse."""
        found, head = self.revisions()
        _refuse_newer(found)
        if found not in (None, head) and not disconnect:
            with self._connected() as connection:
                if others := self.driver.others(connection):
                    raise InUse(others)

    def _upgrade(
        self, tell: Callable[[Step], None], waits: Waits, *, disconnect: bool
    ) -> str | None:
        head = _head()
        with self._connected() as connection, connection.begin():
            self.driver.begin_upgrade(connection, waits)
            tables = inspect(connection).get_table_names()
            if disconnect:
                self.driver.send_away(connection)
            self.driver.hold(connection, sorted({REVISION} & {*tables}), waits)
            found = _revision(connection)  # another may have been quicker
            _refuse_newer(found)
            if found not in (None, head) and disconnect:  # who came in the meantime
                self.driver.send_away(connection)
            elif found not in (None, head) and (others := self.driver.others(connection)):
                raise InUse(others)
            steps = _steps(found)
            if steps:
                self.driver.hold(connection, sorted({*metadata.tables} & {*tables}), waits)
            for number, revision in enumerate(steps, start=1):
                tell(Step(revision, number, len(steps)))
                command.upgrade(_config(connection), revision)
        return found

    def faults(self) -> list[Fault]:
        """Return what the database finds wrong with itself. May read all of it."""
        found: list[Fault] = []
        try:
            with self.reading() as connection:
                found = self.driver.faults(connection)
        except OperationalError as error:
            raise DatabaseUnreachable(str(error.orig)) from error
        except DBAPIError as error:  # so broken that not even looking ends well
            return found or [Fault("broken", str(error.orig))]
        return found

    def backup(self, file: Path) -> None:
        """Write all of it into an empty file, consistent while others go on.

        Raises BackupFailed, and DatabaseUnreachable where there is none.
        """
        self.revisions()
        self.driver.backup(self.url, file)

    def insert_new(self, table: Table) -> Insert:
        """Return an INSERT that passes over rows whose unique key is taken already.

        Its row count says how many were new; drivers keep that of an INSERT only if asked.
        """
        new: Insert = self.driver.insert(table).on_conflict_do_nothing()
        return new.execution_options(preserve_rowcount=True)

    def insert_or_update(self, table: Table) -> Insert:
        """Return an INSERT that brings a row whose primary key is taken up to the new values."""
        return _upsert(type(self.driver), table)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


@cache  # it takes longer to put together than to execute
def _upsert(driver: type[Driver], table: Table) -> Insert:
    new = driver().insert(table)
    keys = {column.name for column in table.primary_key}
    changed = {one.name: new.excluded[one.name] for one in table.c if one.name not in keys}
    updated: Insert = new.on_conflict_do_update(index_elements=sorted(keys), set_=changed)
    return updated


# ── The schema ────────────────────────────────────────────────────────────────


def _script() -> ScriptDirectory:
    return _scripts(MIGRATIONS)


@cache
def _scripts(folder: Path) -> ScriptDirectory:
    return ScriptDirectory(str(folder))


def _head() -> str | None:
    return _script().get_current_head()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _verify(found: str | None) -> None:
    script = _script()
    head = script.get_current_head()
    if found == head:
        return
    _refuse_newer(found)
    raise SchemaTooOld(found or "-", head or "-")


def _refuse_newer(found: str | None) -> None:
    if found is not None and all(one.revision != found for one in _script().walk_revisions()):
        raise SchemaTooNew(found)


def _steps(found: str | None) -> list[str]:
    """Return the revisions from `found` to this program's, in their order."""
    return [one.revision for one in _script().iterate_revisions("head", found or "base")][::-1]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config
