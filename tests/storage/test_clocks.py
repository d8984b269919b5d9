"""Clocks and alarms: the last sign of life, and one mail in a while."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import alarms, clocks
from storage.clocks import Beat
from storage.database import Database
from tests.storage.records import MORNING, minutes
from tests.storage.together import at_once

QUIET = timedelta(hours=1)


def beat(database: Database, name: str, at: float, started: float = 0) -> None:
    """Let a clock beat, minutes after the morning."""
    with database.writing() as connection:
        clocks.beat(
            database,
            connection,
            name,
            started_at=MORNING + minutes(started),
            now=MORNING + minutes(at),
        )


def stop(database: Database, name: str, at: float, started: float = 0) -> None:
    """Stop a clock, minutes after the morning."""
    with database.writing() as connection:
        began = MORNING + minutes(started)
        clocks.stop(connection, name, started_at=began, now=MORNING + minutes(at))


def known(database: Database) -> list[Beat]:
    """Return every clock."""
    with database.reading() as connection:
        return clocks.known(connection)


def claim(database: Database, at: float, kind: str = "mail", subject: str = "r") -> bool:
    """Ask to mail about something, minutes after the morning."""
    with database.writing() as connection:
        now = MORNING + minutes(at)
        return alarms.claim(database, connection, kind, subject, now=now, quiet=QUIET)


def test_a_clock_is_known_by_its_last_beat(database: Database):
    """`dondoc doctor` reads it without Prefect."""
    assert known(database) == []
    beat(database, "a", 1)
    beat(database, "b", 2)
    beat(database, "a", 3)

    assert [(one.name, one.beat_at) for one in known(database)] == [
        ("a", MORNING + minutes(3)),
        ("b", MORNING + minutes(2)),
    ]


def test_a_clock_that_stopped_is_told_from_one_that_fell_silent(database: Database):
    """Who ends it on purpose wants no alarm; started again, it runs."""
    beat(database, "a", 1)
    stop(database, "a", 2)
    assert [one.stopped_at for one in known(database)] == [MORNING + minutes(2)]

    beat(database, "a", 3, started=3)
    assert [one.stopped_at for one in known(database)] == [None]
    with database.reading() as connection:
        found = clocks.find(connection, "a")
        assert found is not None
        assert found.started_at == MORNING + minutes(3)
        assert clocks.find(connection, "b") is None


def test_a_clock_that_stops_late_does_not_stop_its_successor(database: Database):
    """Under one supervisor the next may be there before the last has ended."""
    beat(database, "a", 1, started=0)
    beat(database, "a", 2, started=2)
    stop(database, "a", 3, started=0)

    assert [one.stopped_at for one in known(database)] == [None]


@pytest.mark.parametrize(("after", "goes_out"), [(0, False), (59, False), (60, True), (600, True)])
def test_one_mail_an_hour_about_one_thing(database: Database, after: float, goes_out: bool):
    """Ten crashes in a row are one letter, not ten."""
    assert claim(database, 0) is True
    assert claim(database, after) is goes_out
    assert claim(database, after, subject="s") is True
    assert claim(database, after, kind="clock") is True


def test_of_many_at_once_one_mails(database: Database, second: Database):
    """Two workers may run the same alarm."""
    won: list[bool] = []
    at_once(lambda: won.append(claim(database, 0)), lambda: won.append(claim(second, 0)))
    assert sorted(won) == [False, True]


def test_what_did_not_go_out_may_be_tried_again(database: Database):
    """A mail server that is away must not use up the hour."""
    assert claim(database, 0) is True
    with database.writing() as connection:
        alarms.release(connection, "mail", "r")
    assert claim(database, 1) is True
