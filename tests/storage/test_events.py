"""Outside events: once per name and document."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from storage import events
from storage.database import Database
from storage.tables import OUTSIDE_EVENTS
from tests.storage.records import MORNING, minutes
from tests.storage.together import at_once


def save(
    database: Database, name: str = "issued", document: str = "76/NQ-CP", by: str = "văn thư"
) -> bool:
    """Keep an event in a transaction of its own."""
    with database.writing() as connection:
        return events.save(
            database,
            connection,
            name=name,
            document=document,
            happened_at=MORNING,
            recorded_at=MORNING + minutes(5),
            by=by,
        )


def test_an_event_is_new_once(database: Database):
    """Whoever announces it second learns that it is known, and the first word stands."""
    assert save(database) is True
    assert save(database, by="another") is False
    assert save(database, document="77/NQ-CP") is True
    assert save(database, name="repealed") is True

    with database.reading() as connection:
        rows = list(connection.execute(select(OUTSIDE_EVENTS).order_by(OUTSIDE_EVENTS.c.id)))
    assert [(row.name, row.document, row.by) for row in rows] == [
        ("issued", "76/NQ-CP", "văn thư"),
        ("issued", "77/NQ-CP", "văn thư"),
        ("repealed", "76/NQ-CP", "văn thư"),
    ]
    assert (rows[0].happened_at, rows[0].recorded_at) == (MORNING, MORNING + minutes(5))


def test_of_many_at_once_one_is_new(database: Database, second: Database):
    """The UI, the command line and a program may all announce it."""
    news = at_once(*[partial(save, (database, second)[number % 2]) for number in range(6)])

    assert sorted(news) == [False] * 5 + [True]
