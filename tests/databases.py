"""Databases: the kinds that the suite runs on, and how a test comes by one.

The rule: what stands in `storage/` or writes through a service is tried on every kind. So every
test of tests/storage that takes a database, and every test of tests/services that opens an
office, runs once for each kind in `KINDS`; a test that needs no database (a preview, a page, a
wording, a setting) opens none and runs once. One that opens an office to vary something else (the
mail server's faults, a story of the rules, a page) is marked `on_files` with the reason; what it
writes must have a test on every kind beside it. Elsewhere (tests/cli, tests/flows) offices stand on
SQLite files. `tests.conformance` holds that nothing is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from sqlalchemy import inspect, text

from storage.database import Database
from storage.tables import metadata
from tests.postgres import Postgres

FILE = "dondoc.sqlite3"
ELSEWHERE = {
    "datestyle": "SQL, DMY",
    "timezone": "Asia/Ho_Chi_Minh",
    "default_transaction_isolation": "serializable",
}
"""Somebody else's server may be set so; and it sorts words as a dictionary does, not by bytes."""
LET_GO_WITHIN = 20  # seconds that who empties a database waits for a transaction left open


@dataclass
class Shelf:
    """Databases on a server, upgraded once, then lent and emptied: a tenth of the time."""

    server: Postgres
    _free: list[Database] = field(default_factory=list)
    _all: ExitStack = field(default_factory=ExitStack)

    @contextmanager
    def lent(self) -> Iterator[str]:
        """Give the URL of a database with this version's schema and no rows."""
        database = self._free.pop() if self._free else self._new()
        yield database.url.render_as_string(hide_password=False)
        if _is_whole(database):
            _clear(database)
            self._free.append(database)

    def _new(self) -> Database:
        url = self._all.enter_context(self.server.database(ELSEWHERE))
        database = Database(url.render_as_string(hide_password=False))
        database.upgrade()
        self._all.callback(database.close)
        return database

    def close(self) -> None:
        """Drop the databases."""
        self._all.close()


def _is_whole(database: Database) -> bool:
    """Say whether the schema is still this version's: a test may have broken it on purpose."""
    found, head = database.revisions()
    with database.reading() as connection:
        tables = inspect(connection).get_table_names()
    return found == head and set(metadata.tables) <= set(tables)


def _clear(database: Database) -> None:
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with database.writing() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LET_GO_WITHIN}s'"))
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


Opening: TypeAlias = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[str]]


@dataclass(frozen=True)
class Kind:
    """A kind of database: how to come by one in a folder, with nothing in it or with the schema.

    Each opens one and gives its URL, then gives it back.
    """

    name: str
    empty: Opening
    ready: Opening

    def __str__(self) -> str:
        """Return what a test's id shows."""
        return self.name


def lay(folder: Path) -> str:
    """Lay a file with this version's schema into a folder, unless one is there; return its URL."""
    file = folder.resolve() / FILE
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_upgraded_file())
    return f"sqlite:///{file}"


@cache
def _upgraded_file() -> bytes:
    """Return such a file: copied in a sixth of the time that it takes to make."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / FILE}")
        database.upgrade()
        database.close()  # the last to close it leaves nothing beside the file
        return (Path(folder) / FILE).read_bytes()


@contextmanager
def _no_file(_request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / FILE}"


@contextmanager
def _file(_request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    yield lay(folder)


@contextmanager
def _empty_on_server(request: pytest.FixtureRequest, _folder: Path) -> Iterator[str]:
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url.render_as_string(hide_password=False)


@contextmanager
def _lent_on_server(request: pytest.FixtureRequest, _folder: Path) -> Iterator[str]:
    shelf: Shelf = request.getfixturevalue("shelf")
    with shelf.lent() as url:
        yield url


SQLITE = Kind("sqlite", _no_file, _file)
POSTGRESQL = Kind("postgresql", _empty_on_server, _lent_on_server)
KINDS = [SQLITE, POSTGRESQL]
"""Add an entry, and all of them run on that kind of database as well."""
