"""Databases for each test of this folder: every kind in turn (see `tests.databases`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.database import Database
from tests.conformance import recorder
from tests.databases import Kind


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, database_kind: Kind, tmp_path: Path) -> Iterator[str]:
    """The URL of a database with nothing in it; a file's folder does not exist yet either."""
    with database_kind.empty(request, tmp_path / "home") as url:
        yield url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database with nothing in it, not even the schema."""
    opened = Database(empty_url)
    yield opened
    opened.close()


@pytest.fixture
def database(
    request: pytest.FixtureRequest, database_kind: Kind, tmp_path: Path
) -> Iterator[Database]:
    """A database with this version's schema."""
    with database_kind.ready(request, tmp_path / "home") as url:
        opened = Database(url)
        with recorder.on(database_kind.name, "storage"):
            yield opened
        opened.close()


@pytest.fixture
def second(database: Database) -> Iterator[Database]:
    """The same database, as another process would open it."""
    opened = Database(database.url.render_as_string(hide_password=False))
    yield opened
    opened.close()
