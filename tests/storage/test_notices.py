"""Notices: each rung once, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import select

from engine.chasing import Kind
from storage import notices, outbox
from storage.database import Database
from storage.notices import NoticeStatus, Told
from storage.outbox import Marking, Status
from storage.tables import NOTICES
from tests.storage.records import (
    MORNING,
    OWED,
    claim,
    contents,
    enqueue,
    keep_run,
    minutes,
    notice,
    save_notices,
)
from tests.storage.together import at_once


@pytest.fixture
def run(database: Database) -> Database:
    """A database with the runs r and s."""
    keep_run(database, "r")
    keep_run(database, "s")
    return database


def statuses(database: Database) -> dict[str, str]:
    """Return the status of every notice, by obligation and rung."""
    with database.reading() as connection:
        return {
            f"{row.obligation} {row.rung}": row.status
            for row in connection.execute(select(NOTICES).order_by(NOTICES.c.id))
        }


def test_a_notice_is_written_once(run: Database):
    """The unique key is what keeps two clocks from telling an agency twice."""
    save_notices(run, notice())
    before = contents(run)["notices"]

    save_notices(run, notice(count=9), status=NoticeStatus.SUPERSEDED)
    save_notices(run, notice(), notice())

    assert contents(run)["notices"] == before


@pytest.mark.parametrize(
    "other",
    [
        notice(OWED[1]),
        notice(round=2),
        notice(rung="remind-2"),
        notice(recipient="coordinator"),
    ],
    ids=["obligation", "round", "rung", "recipient"],
)
def test_every_part_of_the_key_tells_notices_apart(run: Database, other):
    """A returned report is chased anew, and those above are told besides."""
    save_notices(run, notice(), other)

    assert len(contents(run)["notices"]) == 2


def test_two_runs_have_notices_of_their_own(run: Database):
    """The same plan, started again, chases again."""
    save_notices(run, notice())
    save_notices(run, notice(), run="s")

    assert len(contents(run)["notices"]) == 2


def test_of_many_who_write_it_at_once_one_does(run: Database, second: Database):
    """Several clocks may run."""
    at_once(*[partial(save_notices, (run, second)[number % 2], notice()) for number in range(6)])

    assert len(contents(run)["notices"]) == 1


def test_keys_are_those_of_what_was_issued_or_superseded(run: Database):
    """A superseded rung must not come back at the next wake-up."""
    issued, outdated = notice(), notice(rung="remind-10")
    save_notices(run, issued)
    save_notices(run, outdated, status=NoticeStatus.SUPERSEDED)
    save_notices(run, notice(OWED[1]))
    save_notices(run, notice(OWED[2]), run="s")

    with run.reading() as connection:
        found = notices.keys(connection, "r", [OWED[0], OWED[2]])

    assert found == {OWED[0]: {issued.key, outdated.key}, OWED[2]: set()}


@pytest.mark.parametrize("count", [0, 500, 501, 40_000])
def test_keys_are_found_however_many_are_asked_for(run: Database, count: int):
    """A province-wide plan has more obligations than a statement may have parameters."""
    save_notices(run, notice())
    asked = [OWED[0], *(f"first/report/{number}" for number in range(count - 1))][:count]

    with run.reading() as connection:
        found = notices.keys(connection, "r", asked)

    assert list(found) == asked
    assert {key for keys in found.values() for key in keys} == ({notice().key} if count else set())


def test_a_message_gives_back_its_notices_as_they_were_decided(run: Database):
    """The reason reaches the mail: it is worded from what is read back."""
    message = enqueue(run)
    carried = [
        notice(OWED[1], "overdue-2", kind=Kind.OVERDUE, count=2),
        notice(OWED[0]),
        notice(OWED[2], "assign", kind=Kind.ASSIGN, count=0),
    ]
    save_notices(run, *carried, message=message)
    save_notices(run, notice(rung="remind-2"), message=enqueue(run, recipient="b"))

    with run.reading() as connection:
        found = notices.of_message(connection, message)
        nothing = notices.of_message(connection, 999)

    assert found == carried
    assert nothing == []


def test_dropping_marks_the_notices_named_and_no_others(run: Database):
    """One report came in meanwhile; the rest of the mail still holds."""
    message, other = enqueue(run), enqueue(run, recipient="b")
    save_notices(run, notice(), notice(OWED[1]), notice(rung="overdue-1"), message=message)
    save_notices(run, notice(recipient="b"), message=other)

    with run.writing() as connection:
        notices.drop(connection, message, [notice()])
        notices.drop(connection, message, [])

    with run.reading() as connection:
        rows = connection.execute(select(NOTICES).order_by(NOTICES.c.id))
        assert [row.status for row in rows] == ["dropped", "issued", "issued", "issued"]


def test_told_is_what_reached_its_recipient(run: Database):
    """Queued, dropped and superseded ones were not heard by anybody."""
    later = enqueue(run, recipient="b")
    sent, first = enqueue(run), enqueue(run, send_at=MORNING - minutes(60))
    save_notices(run, notice(), notice(OWED[1]), message=sent)
    save_notices(run, notice(rung="remind-10"), message=first)
    save_notices(run, notice(OWED[2], recipient="b"), message=later)
    save_notices(run, notice(rung="remind-2"), status=NoticeStatus.SUPERSEDED)
    moments = {sent: MORNING + minutes(1), first: MORNING}
    taken = {message.id: message for message in claim(run)}
    with run.writing() as connection:
        notices.drop(connection, sent, [notice(OWED[1])])
        for number, now in moments.items():
            marking = Marking(taken[number], Status.SENT, sent_at=now)
            assert outbox.mark(connection, [marking])

    with run.reading() as connection:
        told = notices.told(connection, "r")
        others = notices.told(connection, "s")

    assert told == [
        Told(OWED[0], 1, "remind-10", Kind.REMIND, "a", MORNING - minutes(60), MORNING),
        Told(OWED[0], 1, "remind-5", Kind.REMIND, "a", MORNING, MORNING + minutes(1)),
    ]
    assert others == []


def test_a_notice_of_every_kind_comes_back(run: Database):
    """The word in the table and the kind in the rules are the same thing."""
    message = enqueue(run)
    carried = [replace(notice(rung=kind.word), kind=kind) for kind in Kind]
    save_notices(run, *carried, message=message)

    with run.reading() as connection:
        assert [one.kind for one in notices.of_message(connection, message)] == list(Kind)
