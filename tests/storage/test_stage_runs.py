"""Stage runs: which flow run shows a stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage import stage_runs
from storage.database import Database
from storage.stage_runs import StageRun
from tests.storage.records import keep_run


def save(database: Database, run: str, stage: str, flow_run: str, shown: str) -> None:
    """Keep a stage run in a transaction of its own."""
    with database.writing() as connection:
        stage_runs.save(database, connection, [StageRun(run, stage, flow_run, shown)])


def test_a_stage_has_one_run_and_the_latest_stands(database: Database):
    """A lost flow run is made again, and takes the old one's place."""
    keep_run(database, "r")
    keep_run(database, "s")
    save(database, "r", "first", "1", "Waiting 0/3")
    save(database, "r", "second", "2", "Blocked")
    save(database, "s", "first", "3", "Waiting 0/3")
    save(database, "r", "first", "4", "Overdue 1/3")

    with database.reading() as connection:
        found = stage_runs.of_run(connection, "r")
        nothing = stage_runs.of_run(connection, "t")

    assert found == {
        "first": StageRun("r", "first", "4", "Overdue 1/3"),
        "second": StageRun("r", "second", "2", "Blocked"),
    }
    assert nothing == {}


def test_a_stage_of_no_run_is_refused(database: Database):
    """There is nothing that it could show."""
    with pytest.raises(IntegrityError):
        save(database, "nobody", "first", "1", "")


def test_a_run_is_settled_when_its_view_is_shown_as_done(database: Database):
    """One that ended while Prefect was away is still to be shown."""
    keep_run(database, "r")
    keep_run(database, "s")
    save(database, "r", "plan/plan", "1", '{"look": "waits"}')
    save(database, "s", "plan/plan", "2", '{"look": "done"}')

    with database.reading() as connection:
        assert stage_runs.unsettled(connection, "plan/plan") == ["r"]


def test_saving_nothing_writes_nothing(database: Database):
    """A run that shows what it showed costs no transaction's worth of work."""
    with database.writing() as connection:
        stage_runs.save(database, connection, [])
        assert stage_runs.unsettled(connection, "plan/plan") == []


def test_one_process_at_a_time_shows_a_run(database: Database):
    """A claim is exclusive, given back, and lapses with whoever died."""
    keep_run(database, "r")
    now, lease = datetime(2020, 5, 11, tzinfo=UTC), timedelta(seconds=60)

    def claim(owner: str, at: datetime) -> bool:
        with database.writing() as connection:
            return stage_runs.claim(database, connection, "r", owner, now=at, lease=lease)

    assert claim("one", now)
    assert not claim("two", now + timedelta(seconds=59))
    assert claim("two", now + timedelta(seconds=60))
    with database.writing() as connection:
        stage_runs.release(connection, "r", "one")  # lapsed: it has nothing to give back
    assert not claim("three", now + timedelta(seconds=61))
    with database.writing() as connection:
        stage_runs.release(connection, "r", "two")
    assert claim("three", now + timedelta(seconds=62))
    with database.reading() as connection:
        assert stage_runs.of_run(connection, "r") == {}
