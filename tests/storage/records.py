"""Records: what the suite writes, made from the small plan of engine values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from engine.chasing import Kind, Notice
from engine.ledger import Entry, EntryKind
from engine.reason import reason
from storage import notices, outbox, plans
from storage.database import Database
from storage.notices import Kept, NoticeStatus
from storage.outbox import Message, Queued
from storage.tables import metadata
from tests.engine import builders as b

MORNING = b.at("2020-05-08 08:00")
LEASE = timedelta(minutes=15)
LIFE = timedelta(days=5)
PLAN = b.plan()
OWED = list(PLAN.obligations)


def minutes(count: float) -> timedelta:
    """Return a span."""
    return timedelta(minutes=count)


def keep_run(database: Database, run: str = "r", *, started_at: datetime = MORNING) -> int:
    """Keep a version of the plan and a run of it; return the version."""
    with database.writing() as connection:
        version = keep_version(database, connection)
        plans.create_run(database, connection, run=run, version=version, started_at=started_at)
    return version


def keep_version(
    database: Database, connection: Connection, *, plan: str = "p", fingerprint: str = "f1"
) -> int:
    """Keep a version of the plan."""
    return plans.save_version(
        database,
        connection,
        plan=plan,
        fingerprint=fingerprint,
        number="1/KH",
        title="Kế hoạch",
        bundle={"main": "a.yaml", "texts": {"a.yaml": "plan: đôn đốc"}},
        now=MORNING,
    )


def entry(kind: EntryKind = EntryKind.SUBMITTED, **changes: Any) -> Entry:
    """Return an entry recorded in the morning."""
    return replace(Entry(kind, MORNING, MORNING, "văn thư", obligation=OWED[0]), **changes)


def notice(obligation: str = OWED[0], rung: str = "remind-5", **changes: Any) -> Notice:
    """Return a notice of the morning to agency a."""
    made = Notice(
        obligation=obligation,
        round=1,
        rung=rung,
        kind=Kind.REMIND,
        recipient="a",
        at=MORNING,
        count=5,
        reason=reason("notice.remind", count=5, last_day=MORNING.date()),
    )
    return replace(made, **changes)


def save_notices(
    database: Database,
    *made: Notice,
    run: str = "r",
    status: NoticeStatus = NoticeStatus.ISSUED,
    message: int | None = None,
) -> None:
    """Write notices in a transaction of their own."""
    with database.writing() as connection:
        kept = [Kept(run, one, message, status) for one in made]
        notices.save(connection, kept, now=MORNING)


def put(
    connection: Connection,
    *,
    run: str = "r",
    recipient: str = "a",
    send_at: datetime = MORNING,
    part: int = 1,
    kind: str = "remind",
    lap: int = 0,
) -> int:
    """Put a message into the outbox."""
    queued = Queued(
        run=run,
        recipient=recipient,
        slot=send_at,
        part=part,
        send_at=send_at,
        kind=kind,
        message_id=f"<{run}.{recipient}.{send_at.astimezone(UTC):%Y%m%d%H%M}.{part}@x.example>",
        expires_at=send_at + LIFE,
        lap=lap,
    )
    return outbox.enqueue(connection, queued)


def enqueue(database: Database, **values: Any) -> int:
    """Put a message into the outbox in a transaction of its own."""
    with database.writing() as connection:
        return put(connection, **values)


def claim(
    database: Database, now: datetime = MORNING, *, limit: int = 8, only: list[int] | None = None
) -> list[Message]:
    """Claim messages in a transaction of their own."""
    with database.writing() as connection:
        return outbox.claim(connection, now, lease=LEASE, limit=limit, only=only)


def found(database: Database, message: int) -> Message:
    """Return a message that must be there."""
    with database.reading() as connection:
        message_found = outbox.find(connection, message)
    assert message_found is not None
    return message_found


def contents(database: Database) -> Mapping[str, list[tuple[Any, ...]]]:
    """Return every row of every table, so that two moments can be compared."""
    with database.reading() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }
