"""Obligations: the projection, and the index of what wakes when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.ledger import EntryKind
from storage import obligations, plans
from storage.database import Database
from storage.obligations import Projected
from storage.tables import OBLIGATIONS
from tests.engine import builders as b
from tests.storage.records import MORNING, OWED, PLAN, keep_run, minutes


def create(database: Database, run: str = "r", **wakes: datetime | None) -> None:
    """Keep a run with the plan's obligations; `wakes` are by agency."""
    keep_run(database, run)
    story = b.Story(PLAN)
    with database.writing() as connection:
        obligations.create(
            connection,
            run,
            [
                Projected(state, wakes.get(state.obligation.agency.id))
                for state in story.folding.obligations.values()
            ],
        )
        plans.set_wakes(connection, [run])


def rows(database: Database, run: str = "r") -> list[Any]:
    """Return the rows in their order."""
    query = select(OBLIGATIONS).where(OBLIGATIONS.c.run == run).order_by(OBLIGATIONS.c.position)
    with database.reading() as connection:
        return list(connection.execute(query))


def test_obligations_keep_the_order_of_the_plan(database: Database):
    """Screens and mails list them as the document does."""
    create(database)

    assert [row.id for row in rows(database)] == OWED
    assert [row.position for row in rows(database)] == [0, 1, 2]
    first = rows(database)[0]
    assert (first.stage, first.task, first.agency) == ("first", "report", "a")


def test_nothing_to_create_or_project_is_nothing(database: Database):
    """A wake-up that changed nothing writes nothing."""
    create(database)
    before = rows(database)
    with database.writing() as connection:
        obligations.create(connection, "r", [])
        obligations.project(connection, [])

    assert rows(database) == before


def test_an_obligation_is_created_once(database: Database):
    """It is one task × one agency of one run."""
    create(database)
    story = b.Story(PLAN)
    state = story.folding.obligations[OWED[0]]

    with pytest.raises(IntegrityError), database.writing() as connection:
        obligations.create(connection, "r", [Projected(state, None)])


def test_projecting_writes_every_column_of_the_state(database: Database):
    """The row must be rebuildable from the ledger, and equal to what is rebuilt."""
    create(database)
    story = b.Story(PLAN)
    story.submit(OWED[0], "2020-05-07 15:30", dated="2020-05-06 00:00")
    state = story.folding.obligations[OWED[0]]
    with database.writing() as connection:
        obligations.project(connection, [("r", Projected(state, MORNING))])

    row, untouched, _ = rows(database)

    assert (row.standing, row.round) == ("submitted", 1)
    assert row.opened_at == b.at("2020-04-06 08:00")
    assert row.last_day.isoformat() == "2020-05-09"
    assert row.late_from == b.at("2020-05-10 00:00")
    assert row.submitted_on == b.at("2020-05-06 00:00")
    assert row.settled_at == b.at("2020-05-07 15:30")
    assert row.next_wake_at == MORNING
    assert untouched.standing == "open"
    assert untouched.next_wake_at is None


def test_projecting_takes_away_what_holds_no_more(database: Database):
    """A returned report has no date of submission."""
    create(database)
    story = b.Story(PLAN)
    story.submit(OWED[0], "2020-05-07 15:30")
    with database.writing() as connection:
        before = Projected(story.folding.obligations[OWED[0]], MORNING)
        obligations.project(connection, [("r", before)])
        story.record(EntryKind.RETURNED, "2020-05-08 09:00", OWED[0], days=3)
        after = Projected(story.folding.obligations[OWED[0]], None)
        obligations.project(connection, [("r", after)])

    row = rows(database)[0]
    assert (row.standing, row.round) == ("open", 2)
    assert (row.submitted_on, row.settled_at, row.next_wake_at) == (None, None, None)


def test_projecting_touches_its_own_run_only(database: Database):
    """Two runs of one plan have obligations of the same names."""
    create(database, "r")
    create(database, "s")
    state = b.Story(PLAN).folding.obligations[OWED[0]]
    with database.writing() as connection:
        obligations.project(connection, [("r", Projected(state, MORNING))])

    assert rows(database, "r")[0].next_wake_at == MORNING
    assert rows(database, "s")[0].next_wake_at is None


def test_due_is_what_wakes_now_or_earlier_in_plan_order(database: Database):
    """At the very instant it is due; what never wakes is not."""
    create(database, a=MORNING, b=MORNING - minutes(1), c=None)
    create(database, "s", a=MORNING)

    with database.reading() as connection:
        both, one = ["r", "s"], ["r"]
        found = obligations.due_of(connection, both, MORNING)
        assert found == {"r": [OWED[0], OWED[1]], "s": [OWED[0]]}
        assert obligations.due_of(connection, one, MORNING - minutes(1)) == {"r": [OWED[1]]}
        assert obligations.due_of(connection, one, MORNING - minutes(2)) == {"r": []}
        assert obligations.count_due(connection, both, MORNING) == {"r": 2, "s": 1}
        assert obligations.count(connection, both) == {"r": len(OWED), "s": len(OWED)}


def test_the_run_that_waited_longest_comes_first(database: Database):
    """With a limit nobody may be put off for ever."""
    create(database, "r", a=MORNING - minutes(1), b=MORNING)
    create(database, "s", a=MORNING - minutes(3))
    create(database, "t", a=MORNING - minutes(2))
    create(database, "later", a=MORNING + minutes(1))
    create(database, "never")

    assert due_runs(database, MORNING) == ["s", "t", "r"]
    assert due_runs(database, MORNING, limit=2) == ["s", "t"]
    assert due_runs(database, MORNING, only=["r", "t", "later"]) == ["t", "r"]
    assert due_runs(database, MORNING - minutes(4)) == []


def due_runs(database: Database, now: datetime, **how: Any) -> list[str]:
    """Return the runs that whoever chases takes, in order."""
    with database.writing() as connection:
        return [one.id for one in plans.take_due(connection, now, **{"limit": 10} | how)]


def test_a_run_whose_gate_gives_way_is_due_too(database: Database):
    """A stage opens by the date although nobody is to be told anything."""
    create(database, "r", a=MORNING)
    create(database, "s")
    with database.writing() as connection:
        turn = MORNING - minutes(5)
        plans.set_turn(connection, "s", next_turn_at=turn, completed_at=None)
        plans.set_turn(connection, "r", next_turn_at=MORNING, completed_at=None)

    assert due_runs(database, MORNING) == ["s", "r"]
    assert due_runs(database, turn) == ["s"]


def test_the_next_wake_is_the_earliest_of_all(database: Database):
    """The clock is armed for it: obligations and gates of every run."""
    create(database, "r", a=MORNING, b=MORNING + minutes(1))
    create(database, "s", c=MORNING + minutes(2))
    with database.reading() as connection:
        assert plans.next_wake(connection) == MORNING

    with database.writing() as connection:
        turn = MORNING - timedelta(days=1)
        plans.set_turn(connection, "s", next_turn_at=turn, completed_at=None)
        assert plans.next_wake(connection) == turn


def test_where_nothing_is_due_there_is_no_next_wake(database: Database):
    """The clock then waits for the sweep alone."""
    with database.reading() as connection:
        assert plans.next_wake(connection) is None
    create(database)
    with database.reading() as connection:
        assert plans.next_wake(connection) is None


def test_runs_that_wait_are_passed_over_until_then(database: Database):
    """What can't be read must not stand before the others each time."""
    create(database, "r", a=MORNING - minutes(1))
    create(database, "s", a=MORNING)
    until = MORNING + minutes(9)
    with database.writing() as connection:
        plans.set_briefs(connection, {"r": MORNING, "s": MORNING})
        plans.put_off(connection, ["r"], until=until)

        assert plans.due_briefs(connection, MORNING, limit=9) == ["s"]
        assert plans.due_briefs(connection, until, limit=9) == ["s", "r"]
    assert due_runs(database, MORNING) == ["s"]
    assert due_runs(database, until) == ["s", "r"]


def test_runs_that_are_to_turn_are_due_and_their_news_too(database: Database):
    """Whatever else wakes them, and whenever they were to turn before."""
    create(database, "r", a=MORNING + minutes(9))
    create(database, "s")
    create(database, "t")
    with database.writing() as connection:
        plans.mark_turning(connection, ["r", "s"], at=MORNING)

        held = plans.hold(connection, ["t", "s", "r"])

    assert [(one.id, one.next_turn_at, one.news_at) for one in held] == [
        ("r", MORNING, MORNING),
        ("s", MORNING, MORNING),
        ("t", None, None),
    ]
    assert due_runs(database, MORNING) == ["r", "s"]


def test_the_first_last_day_is_of_what_is_open(database: Database):
    """What is not open yet, or is closed, is nothing to prepare for."""
    create(database)
    first = min(state.due.last_day for state in _dated(b.Story(PLAN)))

    def search() -> object:
        with database.reading() as connection:
            return obligations.first_last_days(connection, ["r", "s"]).get("r")

    def change(**values: object) -> None:
        with database.writing() as connection:
            connection.execute(OBLIGATIONS.update().values(**values))

    change(opened_at=None)
    assert search() is None
    change(opened_at=MORNING)
    assert search() == first
    change(standing="submitted")
    assert search() is None


def _dated(story: b.Story) -> list[Any]:
    return [state for state in story.folding.obligations.values() if state.due is not None]


def test_a_run_whose_news_wait_is_due_at_their_time(database: Database):
    """The coordinator is told although no agency is; a run without news sleeps on."""
    create(database, "r", a=MORNING + minutes(9))
    create(database, "s")
    with database.writing() as connection:
        plans.set_turn(connection, "s", next_turn_at=None, completed_at=None, news_at=MORNING)

        assert plans.next_wake(connection) == MORNING
    assert due_runs(database, MORNING) == ["s"]
    assert due_runs(database, MORNING - minutes(1)) == []

    with database.writing() as connection:
        plans.clear_news(connection, "s")
        assert plans.next_wake(connection) == MORNING + minutes(9)


def test_the_run_with_the_most_overdue_stands_first(database: Database):
    """Who looks after many runs looks at the worst first; one without obligations has a row."""
    now = b.at("2020-05-12 09:00")
    for run in ("calm", "worst", "late"):
        create(database, run, a=MORNING)
    keep_run(database, "bare")
    keep_run(database, "ended")
    story = b.Story(PLAN)
    story.submit(OWED[0], "2020-05-07 15:30")
    story.submit(OWED[1], "2020-05-07 15:30")
    with database.writing() as connection:
        for run, keys in (("calm", OWED), ("late", OWED[:2])):
            changed = [story.folding.obligations[key] for key in keys]
            obligations.project(connection, [(run, Projected(one, None)) for one in changed])
        connection.execute(  # the last of this run is owed later
            OBLIGATIONS.update()
            .where(OBLIGATIONS.c.run == "calm", OBLIGATIONS.c.id == OWED[2])
            .values(late_from=now + timedelta(days=1))
        )
        plans.set_turn(connection, "ended", next_turn_at=None, completed_at=MORNING)

    with database.reading() as connection:
        found = plans.loads(connection, now)
        first = plans.loads(connection, now, limit=1)

    overdue = b.at("2020-05-10 00:00")
    assert [(one.run.id, one.overdue, one.open, one.late_since) for one in found] == [
        ("worst", 3, 3, overdue),
        ("late", 1, 1, overdue),
        ("calm", 0, 1, None),
        ("bare", 0, 0, None),
    ]
    assert found[0].run.wakes_at == MORNING
    assert first == found[:1]
