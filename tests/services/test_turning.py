"""Turning: stages of many runs in one go, an event recorded in all of them at once, and kills."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import event, select

from services import chasing, keeping, rebuilding, recording, turning
from services.recording import Announced, Source
from services.wiring import Parts
from storage import ledger
from storage.tables import LEDGER, OBLIGATIONS
from tests.services import written as w
from tests.services.office import Halt, Offices, killed_at, kinds, outbox_of, start, submit
from tests.storage.records import contents
from tests.storage.together import at_once

EVENT = "government.issued"
BY = Source("văn thư", "76/NQ-CP")
NOW = w.at("2020-04-21 09:00")
WAITING = """\
events:
  government.issued: {title: Chính phủ ban hành Chương trình}
stages:
  first:
    title: Việc đầu
    tasks:
      opening: {title: Báo cáo đầu, by: a, due: trước ngày 15/4/2020}
      dated: {title: Sau sự kiện, by: b, due: trong thời hạn 5 ngày kể từ khi government.issued}
  second:
    title: Việc thứ hai
    when: {event: government.issued}
    tasks:
      more: {title: Báo cáo thêm, by: [b, c], due: trước ngày 15/5/2020}
"""
RUNS = [f"nho-{number}" for number in range(5)]


@pytest.fixture
def waiting(parts: Parts) -> Parts:
    """Five runs that wait for an event, each told of its beginning."""
    wait_for_it(parts)
    return parts


def wait_for_it(parts: Parts) -> None:
    """Start five runs that wait for the event, and issue what they begin with."""
    for run in RUNS:
        start(parts, w.bundle(WAITING, plan=run))
    drain(parts, w.START)
    drain(parts, w.at("2020-04-21 08:00"))


def drain(parts: Parts, now: datetime) -> None:
    """Issue until nothing is due."""
    while chasing.issue_notices(parts, now):
        pass


def announce(parts: Parts, now: datetime = NOW) -> Announced:
    """Announce the event."""
    return recording.announce(parts, EVENT, BY, now=now)


def told(parts: Parts, run: str) -> tuple[object, ...]:
    """Return what became of a run, without the numbers of its rows."""
    with parts.database.reading() as connection:
        columns = (OBLIGATIONS.c.id, OBLIGATIONS.c.opened_at, OBLIGATIONS.c.last_day)
        rows = connection.execute(
            select(*columns, OBLIGATIONS.c.next_wake_at)
            .where(OBLIGATIONS.c.run == run)
            .order_by(OBLIGATIONS.c.position)
        ).all()
        entries = [(one.kind, one.happened_at, one.stage) for one in ledger.states(connection, run)]
    mails = [(one.recipient, one.kind) for one in outbox_of(parts) if one.run == run]
    return [tuple(row) for row in rows], entries, mails


def test_an_event_opens_its_stage_in_every_run_and_says_so(waiting: Parts):
    """What it opened is told of each, and every row agrees with the ledger."""
    found = announce(waiting)

    assert sorted(one.run for one in found.recorded) == RUNS
    for one in found.recorded:
        assert [entry.stage for entry in one.turned] == ["second"]
        assert rebuilding.differences(waiting, one.run, NOW) == []
    assert {*announce(waiting).known} == {*RUNS}


def test_an_event_that_is_recorded_in_many_runs_is_a_few_statements(waiting: Parts):
    """Thousands of runs are locked for as long as a few statements take."""
    statements: list[str] = []

    def listen(*what: object) -> None:
        statements.append(str(what[2]))

    event.listen(waiting.database.engine, "before_cursor_execute", listen)
    announce(waiting)
    event.remove(waiting.database.engine, "before_cursor_execute", listen)

    writing = [one.split()[0] for one in statements if not one.startswith("SELECT")]
    assert writing.count("INSERT") == 3  # the event, the entries, the stages that opened
    assert len(statements) < 30


def test_a_large_run_turns_alone_after_the_others(waiting: Parts, monkeypatch: pytest.MonkeyPatch):
    """Portions are bounded by what is read, and all of them are done."""
    monkeypatch.setattr(turning, "NAMED", 3)
    monkeypatch.setattr(turning, "MOST_READ", 5)  # each run has four
    sizes: list[int] = []
    real = keeping.keep_all

    def watched(connection: object, changes: list[object], *more: object, now: datetime) -> None:
        sizes.append(len(changes))
        real(connection, changes, *more, now=now)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "keep_all", watched)

    found = announce(waiting)

    assert sizes == [1] * 5
    assert all(one.turned for one in found.recorded)


def test_killed_at_any_line_an_event_is_in_all_runs_or_in_none_and_the_chase_finishes_it(
    waiting: Parts, office: Offices
):
    """Recorded once durably first; what turns by it is due until it has turned."""
    with office("never-killed") as other:
        wait_for_it(other)
        announce(other)
        drain(other, NOW)
        wanted = [told(other, run) for run in RUNS]
    killed = 0
    for statement in range(1, 200):
        with waiting.database.reading() as connection:
            before = ledger.announced(connection, RUNS, EVENT)
        if before:
            break
        try:
            with killed_at(waiting.database, statement):
                announce(waiting)
        except Halt:
            killed += 1
        with waiting.database.reading() as connection:
            assert len(ledger.announced(connection, RUNS, EVENT)) in (0, 5)

    assert killed > 8
    assert chasing.count_due(waiting, NOW, most=9) > 0, "the last kill left stages to turn"
    drain(waiting, NOW)
    assert [told(waiting, run) for run in RUNS] == wanted


def test_what_another_turned_meanwhile_is_told_all_the_same(
    waiting: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A chase that is quicker than who announces leaves nothing to do, but something to say."""
    monkeypatch.setattr(turning, "bring_up", lambda *_: drain(waiting, NOW))

    found = announce(waiting)

    assert [[entry.stage for entry in one.turned] for one in found.recorded] == [["second"]] * 5


def test_what_is_recorded_before_the_stage_has_turned_lets_it_turn(
    waiting: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Also by a machine whose clock is a little behind: the stage opens, dates are right."""
    monkeypatch.setattr(turning, "bring_up", lambda *_: None)
    announce(waiting)

    submit(waiting, "first/opening/a", now=NOW - timedelta(seconds=5), run=RUNS[0])
    submit(waiting, "first/opening/a", now=NOW + timedelta(seconds=5), run=RUNS[1])
    drain(waiting, NOW + timedelta(seconds=9))

    for run in RUNS:
        assert kinds(waiting, run).count("stage-opened") == 2
        assert rebuilding.differences(waiting, run, NOW + timedelta(seconds=9)) == []


def test_an_event_that_is_still_to_be_seen_to_is_no_difference_and_outlives_a_rebuild(
    waiting: Parts, monkeypatch: pytest.MonkeyPatch
):
    """Rows may be looked over, or written anew, just then."""
    monkeypatch.setattr(turning, "bring_up", lambda *_: None)
    announce(waiting)
    assert rebuilding.differences(waiting, RUNS[0], NOW) == []

    rebuilding.rebuild(waiting, RUNS[0], NOW)
    drain(waiting, NOW)

    assert kinds(waiting, RUNS[0]) == kinds(waiting, RUNS[1])


def test_announced_from_two_places_at_once_an_event_is_recorded_once(office: Offices):
    """The form and the command line, by two people who do not know of each other."""
    with office() as one, office() as two:
        wait_for_it(one)

        found = at_once(*[partial(announce, parts) for parts in (one, two)])

        assert sorted(len(each.recorded) for each in found) == [0, 5]
        assert all(kinds(one, run).count("event-announced") == 1 for run in RUNS)


def test_a_gate_that_nobody_has_seen_to_stands_before_the_event(parts: Parts):
    """What had turned when it was recorded had turned without it."""
    start(parts)
    drain(parts, w.START)
    late = w.at("2020-06-30 09:00")

    announce(parts, late)

    with parts.database.reading() as connection:
        query = select(LEDGER.c.kind).where(LEDGER.c.changes_state).order_by(LEDGER.c.seq)
        found = list(connection.execute(query).scalars())
    assert found.index("stage-done") < found.index("event-announced")


def test_a_plan_that_cannot_be_read_keeps_no_other_from_an_event(waiting: Parts):
    """It says so in the log; the event is for all others."""
    from storage.tables import PLAN_VERSIONS

    with waiting.database.writing() as connection:
        mine = PLAN_VERSIONS.update().where(PLAN_VERSIONS.c.plan == RUNS[0])
        broken = {"main": "plan.yaml", "files": {"plan.yaml": f"plan: [{EVENT}"}}
        connection.execute(mine.values(bundle=broken))
    waiting._plans.clear()

    assert sorted(one.run for one in announce(waiting).recorded) == RUNS[1:]
    assert set(waiting.unread) == {RUNS[0]}


def test_turning_twice_changes_nothing(waiting: Parts):
    """A portion may be done again after a kill."""
    announce(waiting)
    before = contents(waiting.database)

    turning.bring_up(waiting, RUNS, NOW)

    assert contents(waiting.database) == before
