"""The databases that the whole suite runs on: one list of makers, one entry each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from storage.database import Database

Opening: TypeAlias = Callable[[Path], AbstractContextManager[str]]


@dataclass(frozen=True)
class Maker:
    """How to come by an empty database: `url` opens one and gives its URL, then removes it."""

    name: str
    url: Opening


@contextmanager
def sqlite_file(folder: Path) -> Iterator[str]:
    """A file that does not exist yet, in a folder that does not either."""
    yield f"sqlite:///{folder / 'home' / 'dondoc.sqlite3'}"


MAKERS = [Maker("sqlite", sqlite_file)]
"""Add an entry, and every test of this folder runs on that database as well."""


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.name)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    maker: Maker = request.param
    with maker.url(tmp_path) as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database with nothing in it, not even the schema."""
    opened = Database(empty_url)
    yield opened
    opened.close()


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with this version's schema."""
    empty.upgrade()
    return empty


@pytest.fixture
def second(database: Database) -> Iterator[Database]:
    """The same database, as another process would open it."""
    opened = Database(database.url.render_as_string(hide_password=False))
    yield opened
    opened.close()
