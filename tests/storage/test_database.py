"""Database: transactions, two writers at once, and what a reader sees meanwhile."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from storage import plans
from storage.database import Database, DatabaseUnreachable, StorageError
from storage.tables import OUTSIDE_EVENTS, PLAN_VERSIONS
from tests.storage.records import MORNING, contents, keep_run, keep_version
from tests.storage.together import PATIENCE, at_once


def versions(database: Database) -> int:
    """Count the kept versions, as a reader of its own."""
    with database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(PLAN_VERSIONS)).scalar_one())


class Halt(Exception):
    """The process dies here."""


def test_nothing_connects_before_it_is_used(tmp_path: Path):
    """A command that needs no database must not fail for want of one."""
    Database(f"sqlite:///{tmp_path}/deep/er/x.sqlite3").close()

    assert not (tmp_path / "deep/er/x.sqlite3").exists()


def test_what_was_written_is_there_for_others(database: Database, second: Database):
    """A commit is seen by the next who opens the database."""
    keep_run(database)

    with second.reading() as connection:
        assert plans.find_run(connection, "r") is not None


def test_an_error_leaves_nothing_behind(database: Database):
    """Half of a decision must never be stored."""
    before = contents(database)

    def write_and_halt() -> None:
        with database.writing() as connection:
            version = keep_version(database, connection)
            plans.create_run(database, connection, run="r", version=version, started_at=MORNING)
            raise Halt

    with pytest.raises(Halt):
        write_and_halt()

    assert contents(database) == before
    keep_run(database)


def test_an_error_of_the_database_leaves_nothing_behind_either(database: Database):
    """A broken rule at the end undoes what went well before it."""
    keep_run(database)
    before = contents(database)

    def write_and_fail() -> None:
        with database.writing() as connection:
            keep_version(database, connection, fingerprint="f2")
            plans.create_run(database, connection, run="s", version=77, started_at=MORNING)

    with pytest.raises(IntegrityError):
        write_and_fail()

    assert contents(database) == before


def test_what_refers_to_nothing_is_refused(database: Database):
    """Foreign keys are on: a run of no plan can't come to be."""
    with pytest.raises(IntegrityError), database.writing() as connection:
        plans.create_run(database, connection, run="r", version=77, started_at=MORNING)


def test_a_reader_sees_one_snapshot_while_another_writes(database: Database, second: Database):
    """A board shows one state, not the beginning of one and the end of another."""
    with second.reading() as connection:
        count = select(func.count()).select_from(PLAN_VERSIONS)
        assert connection.execute(count).scalar_one() == 0
        keep_run(database)
        assert connection.execute(count).scalar_one() == 0
    assert versions(second) == 1


def test_a_reader_does_not_see_what_is_not_committed(database: Database, second: Database):
    """What may still be undone is nobody's business."""
    with database.writing() as connection:
        keep_version(database, connection)
        assert versions(second) == 0
    assert versions(second) == 1


def test_a_second_writer_waits_instead_of_failing(database: Database, second: Database):
    """Two clocks, or a form beside the clock: the later one comes after, neither fails."""
    began, go_on = Event(), Event()

    def first() -> int:
        with database.writing() as connection:
            keep_version(database, connection)
            began.set()
            assert go_on.wait(PATIENCE)
            return int(connection.execute(select(func.count(PLAN_VERSIONS.c.id))).scalar_one())

    def other() -> int:
        assert began.wait(PATIENCE)
        go_on.set()
        with second.writing() as connection:
            keep_version(second, connection)
            return int(connection.execute(select(func.count(PLAN_VERSIONS.c.id))).scalar_one())

    assert at_once(first, other) == [1, 1]


def test_many_writers_at_once_all_come_through(database: Database, second: Database):
    """A read before a write in one transaction is what fails at once without IMMEDIATE."""

    def write(number: int) -> bool:
        mine = (database, second)[number % 2]
        for step in range(5):
            with mine.writing() as connection:
                connection.execute(select(func.count(PLAN_VERSIONS.c.id))).scalar_one()
                keep_version(mine, connection, fingerprint=f"{number}-{step}")
        return True

    assert all(at_once(*[partial(write, number) for number in range(8)]))
    assert versions(database) == 40


def test_insert_new_says_whether_it_was_new(database: Database):
    """The row count is how one of many finds out that it came first."""
    values = {"name": "e", "document": "1/NQ-CP", "by": "x"}
    values_at = {"happened_at": MORNING, "recorded_at": MORNING}

    with database.writing() as connection:
        counts = [
            connection.execute(
                database.insert_new(OUTSIDE_EVENTS).values(**values, **values_at)
            ).rowcount
            for _ in range(2)
        ]

    assert counts == [1, 0]


def test_one_of_many_at_once_comes_first(database: Database, second: Database):
    """However many try, one unique key makes it happen once."""

    def insert(number: int) -> int:
        mine = (database, second)[number % 2]
        with mine.writing() as connection:
            values = {"name": "e", "document": "1/NQ-CP", "by": str(number)}
            values_at = {"happened_at": MORNING, "recorded_at": MORNING}
            return connection.execute(
                mine.insert_new(OUTSIDE_EVENTS).values(**values, **values_at)
            ).rowcount

    counts = at_once(*[partial(insert, number) for number in range(6)])

    assert sorted(counts) == [0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("what", ["folder", "garbage"])
def test_a_file_that_is_no_database_is_said_to_be_unreachable(tmp_path: Path, what: str):
    """A wrong path gets a sentence, not a stack of somebody else's errors."""
    path = tmp_path / "x.sqlite3"
    path.mkdir() if what == "folder" else path.write_bytes(b"not a database at all " * 100)
    database = Database(f"sqlite:///{path}")

    with pytest.raises(DatabaseUnreachable) as refused:
        database.upgrade()

    assert isinstance(refused.value, StorageError)
    assert str(refused.value)
