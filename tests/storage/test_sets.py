"""Sets: many rows at once are what they would be one by one."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select

from storage import sets
from storage.database import Database
from storage.tables import ADDRESSES, LEDGER, MESSAGES, OBLIGATIONS
from tests.storage.records import LIFE, MORNING, keep_run

# What an array of PostgreSQL could stumble over, and what it can't hold at all (NUL).
TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
AWKWARD = ["", "NULL", "null", '"', "\\", '\\"', "{a,b}", "a,b", "  x ", "Sở Nội vụ", "'", "\n\t"]


def entry(document: str, by: str = "văn thư", data: Any = None) -> dict[str, Any]:
    """Return a row of the ledger."""
    return {
        "run": "r",
        "kind": "submitted",
        "happened_at": MORNING,
        "recorded_at": MORNING + timedelta(microseconds=1),
        "by": by,
        "obligation": None,
        "stage": None,
        "document": document,
        "data": {} if data is None else data,
        "changes_state": True,
    }


def stored(database: Database) -> list[Any]:
    """Return the ledger but for its numbers, in order."""
    columns = [column for column in LEDGER.c if column.name != "seq"]
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(LEDGER.c.seq))]


def both_ways(database: Database, rows: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """Return what is stored of rows written as a set, and one by one."""
    with database.writing() as connection:
        connection.execute(delete(LEDGER))
        sets.insert(connection, LEDGER, sets.columns_of(rows))
    together = stored(database)
    with database.writing() as connection:
        connection.execute(delete(LEDGER))
        for row in rows:
            connection.execute(insert(LEDGER), row)
    return together, stored(database)


@pytest.fixture
def run(database: Database) -> Database:
    """A database with the run that rows belong to."""
    keep_run(database)
    return database


def test_awkward_words_come_back_as_they_were(run: Database):
    """A quote in a document's number must not break, nor write, a statement."""
    rows = [entry(word, by=word, data={word: [word, None, 1.5, True]}) for word in AWKWARD]

    together, one_by_one = both_ways(run, rows)

    assert together == one_by_one
    assert [row[7] for row in together] == AWKWARD


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_any_words_are_stored_as_they_would_be_one_by_one(
    run: Database, words: list[tuple[str, str]]
):
    """Whatever people write."""
    together, one_by_one = both_ways(run, [entry(a, by=b, data={"x": b}) for a, b in words])

    assert together == one_by_one


def test_rows_whose_key_is_taken_are_passed_over(run: Database):
    """Who comes second with the same message puts in the others only, and learns which."""

    def queued(recipient: str, number: int) -> dict[str, Any]:
        return {
            "run": "r",
            "recipient": recipient,
            "slot": MORNING,
            "part": 1,
            "lap": 0,
            "send_at": MORNING,
            "kind": "remind",
            "message_id": f"<{recipient}.{number}@x.example>",
            "status": "queued",
            "next_try_at": MORNING,
            "expires_at": MORNING + LIFE,
            "subject": "",
            "tries": 0,
            "error": "",
        }

    def put(*rows: dict[str, Any]) -> set[str]:
        with run.writing() as connection:
            found = sets.insert(
                connection,
                MESSAGES,
                sets.columns_of(rows),
                new_only=True,
                returning=("id", "message_id"),
            )
            return {row.message_id for row in found}

    many = [queued(f"agency-{number}", 1) for number in range(sets.CHUNK + 3)]
    assert put(*many) == {row["message_id"] for row in many}
    assert put(queued("agency-0", 2), queued("new", 2)) == {"<new.2@x.example>"}


def test_many_rows_are_updated_each_by_its_key(run: Database):
    """No row gets another's value, and those not named stay as they are."""
    keys = ["first/report/a", "first/report/b", "first/report/c"]
    rows = [
        {
            "run": "r",
            "id": key,
            "position": number,
            "stage": "first",
            "task": "report",
            "agency": key[-1],
            "standing": "open",
            "round": 1,
        }
        for number, key in enumerate(keys)
    ]
    wakes = {keys[0]: MORNING, keys[2]: None}
    with run.writing() as connection:
        sets.insert(connection, OBLIGATIONS, sets.columns_of(rows))
        sets.update(
            connection,
            OBLIGATIONS,
            {
                "run": ["r", "r"],
                "id": list(wakes),
                "next_wake_at": list(wakes.values()),
                "last_day": [date(2020, 5, 9), None],
            },
            key=("run", "id"),
        )
        query = select(OBLIGATIONS.c.id, OBLIGATIONS.c.next_wake_at, OBLIGATIONS.c.last_day)
        found = {row.id: (row.next_wake_at, row.last_day) for row in connection.execute(query)}

    assert found == {
        keys[0]: (MORNING, date(2020, 5, 9)),
        keys[1]: (None, None),
        keys[2]: (None, None),
    }


def test_no_rows_are_no_statement(run: Database):
    """A wake-up at which nothing is due writes nothing."""
    with run.writing() as connection:
        assert sets.insert(connection, LEDGER, {}) == []
        assert sets.insert(connection, LEDGER, {"run": []}) == []
        sets.update(connection, ADDRESSES, {}, key=("address",))
    assert stored(run) == []


def test_an_instant_is_stored_as_every_other_is(run: Database):
    """What is compared as text must have one form: with its microseconds, in UTC."""
    local = datetime.fromisoformat("2020-05-08T08:00:00+07:00")
    together, one_by_one = both_ways(run, [entry("a") | {"happened_at": local}])

    assert together == one_by_one
    with run.reading() as connection:
        query = select(LEDGER.c.document).where(LEDGER.c.happened_at <= local)
        assert connection.execute(query).scalars().all() == ["a"]
