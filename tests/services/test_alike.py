"""Alike: one story on one kind of database leaves what it leaves on the other, row for row.

And what the two would take differently: numbers out of range, words that one of them refuses,
the order of words in another language, and what the owner of a server has set on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text

from plan_definitions import load, load_scenario
from services import chasing
from services.errors import Refused
from services.mail import delivering, mailroom
from services.wiring import Parts
from storage import recipients
from storage.recipients import Fate, Recipient
from storage.tables import metadata
from tests.databases import POSTGRESQL, SQLITE, Kind
from tests.services import written as w
from tests.services.living import live_through
from tests.services.office import Offices, outbox_of, start, statuses, wake

OF_THE_PROCESS = {"claimed_by", "claimed_until"}


def rows(parts: Parts) -> Mapping[str, list[dict[str, Any]]]:
    """Return every row of every table in the order of its key, but for who held a claim."""
    with parts.database.reading() as connection:
        found = {}
        for table in metadata.sorted_tables:
            read = connection.execute(select(table)).mappings()
            kept = [{k: v for k, v in row.items() if k not in OF_THE_PROCESS} for row in read]
            found[table.name] = sorted(
                kept, key=lambda row: [repr(row[key.name]) for key in table.primary_key]
            )
        return found


def test_a_whole_plan_leaves_the_same_rows_on_each(request: pytest.FixtureRequest, tmp_path: Path):
    """Instants to the microsecond, dates, JSON, numbers, nulls: nothing is of one of them only."""

    def left(kind: Kind) -> Mapping[str, list[dict[str, Any]]]:
        with Offices(request, kind, tmp_path / kind.name) as office, office() as parts:
            live_through(parts, w.real(), scenario, mailing=True)
            return rows(parts)

    scenario = load_scenario(w.SCENARIOS / "plausible.yaml", load(w.real()))
    one, other = left(SQLITE), left(POSTGRESQL)

    assert sum(map(len, one.values())) > 1000
    for table, found in one.items():
        assert found == other[table], table


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**40, 2**63, 10**30])
def test_a_number_that_no_column_holds_is_an_unknown_message(small: Parts, number: int):
    """A slip of the finger is answered with a sentence, not with a driver's error."""
    with pytest.raises(Refused) as refused:
        mailroom.find(small, number)

    assert refused.value.key == "refused.unknown-message"


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    """A server that answers so at the dot; yields its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        while line := await reader.readline():
            if line[:4].upper() == b"DATA":
                writer.write(b"354 go\r\n")
                while line != b".\r\n":
                    line = await reader.readline()
                writer.write(answer + b"\r\n")
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"250 2.0.0 queued \0 as \xff7", "sent"),
        (b"451 4.3.0 try \0 later \xff", "later"),
        (b"554 5.7.1 no \0 spam \xe1\xba", "undeliverable"),
    ],
)
def test_whatever_a_server_says_the_mark_is_kept(office: Offices, answer: bytes, status: str):
    """A mark that the database refuses would send the same mail again with each lease."""

    async def deliver(parts: Parts) -> None:
        async with answering(answer) as port:
            at = parts.settings.model_copy(update={"smtp_port": port})
            mailing = Parts(at, parts.database)
            async with delivering.way_out(mailing) as way:
                await delivering.deliver(mailing, way, w.START)

    with office(smtp_host="127.0.0.1", smtp_tls="off", smtp_connections=1) as parts:
        start(parts)
        chasing.issue_notices(parts, w.START)
        asyncio.run(deliver(parts))

        assert statuses(parts) == [status] * 4


def test_addresses_stand_in_one_order_whatever_language_the_server_sorts_in(small: Parts):
    """A dictionary sorts `B` behind `a`, bytes before it."""
    wake(small, w.START)
    message = outbox_of(small)[0]
    written = ["ab@x.example", "a.c@x.example", "a-d@x.example", "B@x.example"]
    with small.database.writing() as connection:
        recipients.keep(
            small.database,
            connection,
            [Recipient(message.id, one, "", "office", False, Fate.SENT) for one in written],
        )

    with small.database.reading() as connection:
        found = recipients.of_messages(connection, [message.id])

    assert [one.address for one in found[message.id] if one.address in written] == sorted(written)


def test_postgresql_is_tried_as_somebody_else_would_set_it_up(
    request: pytest.FixtureRequest, tmp_path: Path
):
    """With its dates, zone, isolation and order of words; they must not be ours by chance."""
    with Offices(request, POSTGRESQL, tmp_path) as office, office() as parts:
        with parts.database.writing() as connection:
            isolation = connection.execute(text("SHOW transaction_isolation")).scalar()
            zone = connection.execute(text("SHOW timezone")).scalar()
            first = connection.execute(text("SELECT least('B', 'a')")).scalar()
            day = connection.execute(select(func.current_date())).scalar()
        with parts.database.reading() as connection:
            snapshot = connection.execute(text("SHOW transaction_isolation")).scalar()

    assert (isolation, snapshot) == ("read committed", "repeatable read")
    assert zone == "Asia/Ho_Chi_Minh"
    assert first == "a"
    assert isinstance(day, date)
