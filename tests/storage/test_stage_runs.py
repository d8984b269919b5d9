"""Stage runs: which flow run shows a stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from storage import plans, stage_runs
from storage.database import Database
from storage.stage_runs import Mark, StageRun
from tests.storage.records import LEASE, keep_run

NOW = datetime(2020, 5, 11, tzinfo=UTC)


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


def test_a_run_is_settled_when_its_plan_and_stages_are_shown_as_done(database: Database):
    """One that ended while Prefect or the worker was away is still to be shown."""
    for run in ("r", "s", "t"):
        keep_run(database, run)
    save(database, "r", "plan/plan", "1", '{"look": "waits"}')
    save(database, "s", "plan/plan", "2", '{"look": "done"}')
    save(database, "s", "first", "3", '{"look": "done"}')
    save(database, "s", "escalation/7", "4", '{"look": "alarms"}')
    save(database, "s", "artifact/board", "5", "2 0123")
    save(database, "t", "plan/plan", "6", '{"look": "done"}')
    save(database, "t", "first", "7", '{"look": "resumed"}')
    with database.writing() as connection:
        lease = timedelta(seconds=60)
        now = datetime(2020, 5, 11, tzinfo=UTC)
        assert stage_runs.claim(database, connection, "s", "one", now=now, lease=lease)
        assert stage_runs.unsettled(connection) == []  # what goes on is looked at in its turn
        for run in ("r", "s", "t"):
            plans.set_turn(connection, run, next_turn_at=None, completed_at=now)

    with database.reading() as connection:
        assert sorted(stage_runs.unsettled(connection)) == ["r", "t"]


def test_saving_nothing_writes_nothing(database: Database):
    """A run that shows what it showed costs no transaction's worth of work."""
    with database.writing() as connection:
        stage_runs.save(database, connection, [])
        assert stage_runs.unsettled(connection) == []


def test_a_completed_run_that_is_shown_in_part_is_not_settled(database: Database):
    """Its stages are owed a run each, though it ended while much was to be shown."""
    keep_run(database, "r")
    now, lease = datetime(2020, 5, 11, tzinfo=UTC), timedelta(seconds=60)

    def unsettled_after(mark: Mark) -> list[str]:
        with database.writing() as connection:
            stage_runs.claim(database, connection, "r", "one", now=now, lease=lease)
            stage_runs.release(connection, "r", "one", mark)
            return stage_runs.unsettled(connection)

    with database.writing() as connection:
        plans.set_turn(connection, "r", next_turn_at=None, completed_at=now)

    assert unsettled_after(Mark(7, stage_runs.IN_PART)) == ["r"]
    assert unsettled_after(Mark(7, now)) == []


def test_one_process_at_a_time_shows_a_run(database: Database):
    """A claim is exclusive, given back, and lapses with whoever died."""
    keep_run(database, "r")
    now, lease = datetime(2020, 5, 11, tzinfo=UTC), timedelta(seconds=60)

    def claim(owner: str, at: datetime) -> bool:
        with database.writing() as connection:
            return stage_runs.claim(database, connection, "r", owner, now=at, lease=lease)

    def held(at: datetime) -> set[str]:
        with database.reading() as connection:
            return stage_runs.held(connection, ["r", "s"], at)

    assert held(now) == set()
    assert claim("one", now)
    assert held(now + timedelta(seconds=59)) == {"r"}
    assert held(now + timedelta(seconds=60)) == set()
    assert not claim("two", now + timedelta(seconds=59))
    assert claim("two", now + timedelta(seconds=60))
    with database.writing() as connection:
        stage_runs.release(connection, "r", "one")  # lapsed: it has nothing to give back
    assert not claim("three", now + timedelta(seconds=61))
    with database.writing() as connection:
        stage_runs.release(connection, "r", "two")
    assert claim("three", now + timedelta(seconds=62))
    # The wall's clock is set back by an hour: nobody waits for that long.
    assert claim("four", now - timedelta(hours=1))
    with database.reading() as connection:
        assert stage_runs.of_run(connection, "r") == {}


def test_what_shows_anything_is_listed_until_it_is_forgotten(database: Database):
    """What Prefect has lost is made again from here, and nothing of another run goes with it."""
    for run in ("r", "s"):
        keep_run(database, run)
        save(database, run, "first", f"flow-{run}", "Waiting 0/3")
        save(database, run, "artifact/board", f"artifact-{run}", "Waiting 0/3")

    with database.writing() as connection:
        stage_runs.claim(
            database, connection, "r", "me", now=datetime(2020, 5, 8, tzinfo=UTC), lease=LEASE
        )
        assert sorted(stage_runs.runs(connection)) == ["r", "s"]
        asked = ["flow-r", "flow-s", "another"]
        assert stage_runs.showing(connection, asked) == {"flow-r", "flow-s"}
        stage_runs.forget(connection, "r")

    with database.reading() as connection:
        assert stage_runs.runs(connection) == ["s"]
        assert stage_runs.showing(connection, asked) == {"flow-s"}
        assert set(stage_runs.of_run(connection, "s")) == {"first", "artifact/board"}


def test_several_runs_are_read_at_once_as_one_by_one(database: Database):
    """A round looks at many runs; a question for each would be most of its time."""
    for run in ("r", "s", "t"):
        keep_run(database, run)
    save(database, "r", "first", "1", "Waiting 0/3")
    save(database, "s", "first", "2", "Waiting 1/3")
    save(database, "s", "second", "3", "Blocked")
    save(database, "t", "first", "4", "Waiting 2/3")

    with database.writing() as connection:
        assert stage_runs.claim(database, connection, "s", "one", now=NOW, lease=LEASE)
        found = stage_runs.of_runs(connection, ["r", "s", "unknown"])
        singly = {run: stage_runs.of_run(connection, run) for run in ("r", "s", "unknown")}

    assert found == singly
    assert [sorted(found[run]) for run in ("r", "s", "unknown")] == [
        ["first"],
        ["first", "second"],
        [],
    ]


def test_a_run_is_marked_as_shown_unless_it_is_being_shown(database: Database):
    """Only what moved behind its mark is shown anew; who dies at it leaves no mark."""
    shown = {"r": Mark(17, NOW + LEASE), "s": Mark(18, NOW + LEASE), "t": None}
    keep_run(database, "u")
    for run, mark in shown.items():
        keep_run(database, run)
        with database.writing() as connection:
            assert stage_runs.claim(database, connection, run, "one", now=NOW, lease=LEASE)
            stage_runs.release(connection, run, "one", mark)
    with database.writing() as connection:
        assert stage_runs.claim(database, connection, "s", "two", now=NOW, lease=LEASE)

    with database.reading() as connection:
        marks = stage_runs.marks(connection, ["r", "s", "t", "u", "unknown"])

    assert marks == {"r": Mark(17, NOW + LEASE)}
