"""The databases that the whole suite runs on: one list of makers, one entry each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from sqlalchemy import text

from storage.database import Database
from storage.tables import metadata
from tests.postgres import Postgres

Opening: TypeAlias = Callable[[pytest.FixtureRequest], AbstractContextManager[str]]


@dataclass(frozen=True)
class Maker:
    """How to come by a database: one with nothing in it, and one with the schema if it is cheap.

    Each opens one and gives its URL, then removes it.
    """

    name: str
    empty: Opening
    ready: Opening


@contextmanager
def sqlite_file(request: pytest.FixtureRequest) -> Iterator[str]:
    """A file that does not exist yet, in a folder that does not either."""
    folder: Path = request.getfixturevalue("tmp_path")
    yield f"sqlite:///{folder / 'home' / 'dondoc.sqlite3'}"


@contextmanager
def postgresql(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database on a real server."""
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url.render_as_string(hide_password=False)


@contextmanager
def postgresql_emptied(request: pytest.FixtureRequest) -> Iterator[str]:
    """One database for all, upgraded once and emptied after each: a tenth of the time."""
    upgraded: Database = request.getfixturevalue("upgraded")
    yield upgraded.url.render_as_string(hide_password=False)
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with upgraded.writing() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


@pytest.fixture(scope="session")
def upgraded(postgres: Postgres) -> Iterator[Database]:
    """A database on the real server that has this version's schema."""
    with postgres.database() as url:
        database = Database(url.render_as_string(hide_password=False))
        database.upgrade()
        yield database
        database.close()


MAKERS = [
    Maker("sqlite", sqlite_file, sqlite_file),
    Maker("postgresql", postgresql, postgresql_emptied),
]
"""Add an entry, and every test of this folder runs on that database as well."""


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.name)
def maker(request: pytest.FixtureRequest) -> Maker:
    """The kind of database that the test runs on."""
    found: Maker = request.param
    return found


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, maker: Maker) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    with maker.empty(request) as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database with nothing in it, not even the schema."""
    opened = Database(empty_url)
    yield opened
    opened.close()


@pytest.fixture
def database(request: pytest.FixtureRequest, maker: Maker) -> Iterator[Database]:
    """A database with this version's schema."""
    with maker.ready(request) as url:
        opened = Database(url)
        opened.upgrade()
        yield opened
        opened.close()


@pytest.fixture
def second(database: Database) -> Iterator[Database]:
    """The same database, as another process would open it."""
    opened = Database(database.url.render_as_string(hide_password=False))
    yield opened
    opened.close()
