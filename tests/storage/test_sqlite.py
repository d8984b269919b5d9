"""SQLite: what its file survives, and how its transactions begin."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from storage.database import BUSY_TIMEOUT_MS, MIGRATIONS, Database
from tests.storage.records import keep_version
from tests.storage.together import at_once

FULL = 2
HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "dondoc.sqlite3"


@pytest.fixture
def opened(file: Path) -> Iterator[Database]:
    """A database in that file, with its schema."""
    database = Database(f"sqlite:///{file}")
    database.upgrade()
    yield database
    database.close()


@pytest.mark.parametrize("way", ["writing", "reading"])
@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", FULL),
        ("foreign_keys", 1),
        ("busy_timeout", BUSY_TIMEOUT_MS),
    ],
)
def test_every_connection_is_set_for_safety(
    opened: Database, way: str, pragma: str, value: str | int
):
    """NORMAL may lose commits on a power cut; without a time-out a second writer fails."""
    with getattr(opened, way)() as connection:
        assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_the_settings_hold_for_every_connection_of_the_pool(opened: Database):
    """`synchronous` is no property of the file: each connection must be told."""
    with opened.reading() as one, opened.reading() as two, opened.writing() as three:
        for connection in (one, two, three):
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL


def test_a_writing_transaction_takes_its_lock_when_it_begins(opened: Database, file: Path):
    """With nothing written yet, nobody else can begin to write, and everybody can read."""
    other = sqlite3.connect(file, timeout=0, isolation_level=None)

    with opened.writing():
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        assert other.execute("SELECT count(*) FROM plan_versions").fetchone() == (0,)
    other.execute("BEGIN IMMEDIATE")
    other.close()


def test_a_reading_transaction_takes_no_lock(opened: Database, file: Path):
    """Looking at the board holds nobody up."""
    other = sqlite3.connect(file, timeout=0, isolation_level=None)

    with opened.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM plan_versions").scalar()
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")
    other.close()


def test_the_statements_begin_as_the_design_says(opened: Database):
    """IMMEDIATE for what writes, a plain BEGIN for what reads, and nothing before it."""
    statements: list[str] = []
    event.listen(opened.engine, "before_cursor_execute", lambda *found: statements.append(found[2]))

    with opened.writing() as connection:
        keep_version(opened, connection)
    with opened.reading() as connection:
        connection.exec_driver_sql("SELECT 1")

    begins = [statement for statement in statements if statement.startswith("BEGIN")]
    assert begins == ["BEGIN IMMEDIATE", "BEGIN"]
    assert statements[0] == "BEGIN IMMEDIATE"


def test_a_writer_that_never_ends_is_waited_for_no_longer_than_the_time_out(
    opened: Database, file: Path
):
    """Waiting has an end, and then it is an error, not a silent loss."""
    other = sqlite3.connect(file, timeout=0, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with opened.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")

    with pytest.raises(OperationalError, match="locked"), opened.writing():
        raise AssertionError("two writers at once")

    other.close()


def test_a_fresh_file_opened_by_many_at_once_is_made_once(tmp_path: Path):
    """`up`, a clock and a form may all be the first; none may fail."""
    for attempt in range(5):
        url = f"sqlite:///{tmp_path / str(attempt) / 'dondoc.sqlite3'}"
        assert set(at_once(*[partial(_version_after_opening, url) for _ in range(6)])) == {HEAD}


def _version_after_opening(url: str) -> str | None:
    database = Database(url)
    try:
        database.upgrade()
        with database.reading() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        database.close()
