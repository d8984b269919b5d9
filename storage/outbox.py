"""Outbox: messages to send, claimed by lease, marked by outcome, every try kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from storage.tables import ATTEMPTS, MESSAGES


class Status(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    LATER = "later"
    UNCERTAIN = "uncertain"
    UNDELIVERABLE = "undeliverable"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


OPEN = (Status.QUEUED.value, Status.LATER.value, Status.UNCERTAIN.value)
LAST_OUT = "brief"  # the kind of message that goes out after all others
BEGAN = "began"  # the outcome of a try that has none yet


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the outbox."""

    id: int
    run: str
    recipient: str
    slot: datetime
    part: int
    send_at: datetime
    kind: str
    message_id: str
    subject: str
    status: Status
    tries: int
    next_try_at: datetime | None
    sent_at: datetime | None
    error: str


def next_part(connection: Connection, run: str, recipient: str, slot: datetime) -> int:
    """Return the number of the next message to this recipient in this slot; the first is 1."""
    query = select(func.coalesce(func.max(MESSAGES.c.part), 0)).where(
        MESSAGES.c.run == run, MESSAGES.c.recipient == recipient, MESSAGES.c.slot == slot
    )
    return int(connection.execute(query).scalar_one()) + 1


def in_slot(
    connection: Connection, run: str, recipient: str, slot: datetime, *, kind: str
) -> int | None:
    """Return the id of the first message of `kind` to this recipient in this slot, if any."""
    query = (
        select(MESSAGES.c.id)
        .where(
            MESSAGES.c.run == run,
            MESSAGES.c.recipient == recipient,
            MESSAGES.c.slot == slot,
            MESSAGES.c.kind == kind,
        )
        .order_by(MESSAGES.c.part)
        .limit(1)
    )
    return connection.execute(query).scalar()


def enqueue(
    connection: Connection,
    *,
    run: str,
    recipient: str,
    slot: datetime,
    part: int,
    send_at: datetime,
    kind: str,
    message_id: str,
) -> int:
    """Put a message into the outbox and return its id."""
    values = {
        "run": run,
        "recipient": recipient,
        "slot": slot,
        "part": part,
        "send_at": send_at,
        "kind": kind,
        "message_id": message_id,
        "status": Status.QUEUED.value,
        "next_try_at": send_at,
        "subject": "",
        "tries": 0,
        "error": "",
    }
    return int(connection.execute(MESSAGES.insert().returning(MESSAGES.c.id), values).scalar_one())


def claim(
    connection: Connection,
    now: datetime,
    *,
    lease: timedelta,
    limit: int,
    only: Sequence[int] | None = None,
) -> list[Message]:
    """Take up to `limit` messages that are due, for the length of `lease`.

    A claim that lapsed is taken again: whether its mail went out is unknown, so it goes
    out once more, under the same Message-ID.
    """
    is_due = or_(
        and_(MESSAGES.c.status.in_(OPEN), MESSAGES.c.next_try_at <= now),
        and_(MESSAGES.c.status == Status.SENDING.value, MESSAGES.c.claimed_until <= now),
    )
    # A brief tells what the others told: it goes last.
    order = (MESSAGES.c.kind == LAST_OUT, MESSAGES.c.send_at, MESSAGES.c.id)
    query = select(MESSAGES.c.id).where(is_due).order_by(*order)
    if only is not None:
        query = query.where(MESSAGES.c.id.in_(list(only)))
    query = query.limit(limit).with_for_update(skip_locked=True)
    taken = list(connection.execute(query).scalars())
    if not taken:
        return []
    connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id.in_(taken))
        .values(
            status=Status.SENDING.value,
            claimed_until=now + lease,
            tries=MESSAGES.c.tries + 1,
        )
    )
    connection.execute(
        ATTEMPTS.insert(),
        [{"message": key, "began_at": now, "outcome": BEGAN, "detail": ""} for key in taken],
    )
    return [found for key in taken if (found := find(connection, key)) is not None]


def mark(
    connection: Connection,
    message: Message,
    status: Status,
    *,
    now: datetime,
    subject: str = "",
    detail: str = "",
    next_try_at: datetime | None = None,
) -> bool:
    """Write the outcome of a try. Say whether it counted: a lapsed claim's does not."""
    marked = connection.execute(
        MESSAGES.update()
        .where(
            MESSAGES.c.id == message.id,
            MESSAGES.c.status == Status.SENDING.value,
            MESSAGES.c.tries == message.tries,
        )
        .values(
            status=status.value,
            claimed_until=None,
            next_try_at=next_try_at,
            sent_at=now if status is Status.SENT else None,
            error=detail,
            **({"subject": subject} if subject else {}),
        )
    )
    # A claim's own try is the one that its count says; a later claim may have begun another.
    its_try = (
        select(ATTEMPTS.c.id)
        .where(ATTEMPTS.c.message == message.id)
        .order_by(ATTEMPTS.c.id)
        .limit(1)
        .offset(max(message.tries - 1, 0))
    )
    connection.execute(
        ATTEMPTS.update()
        .where(ATTEMPTS.c.id == its_try.scalar_subquery(), ATTEMPTS.c.outcome == BEGAN)
        .values(outcome=status.value, detail=detail)
    )
    return marked.rowcount == 1


def find(connection: Connection, message: int) -> Message | None:
    """Return a message by its number, if there is one."""
    row = connection.execute(select(MESSAGES).where(MESSAGES.c.id == message)).one_or_none()
    return None if row is None else _message(row)


def of_run(connection: Connection, run: str | None = None) -> list[Message]:
    """Return a run's messages, or everybody's, in the order of their send times."""
    query = select(MESSAGES).order_by(MESSAGES.c.send_at, MESSAGES.c.id)
    if run is not None:
        query = query.where(MESSAGES.c.run == run)
    return [_message(row) for row in connection.execute(query)]


def count(connection: Connection) -> int:
    """Return how many messages there are, whatever became of them."""
    return int(connection.execute(select(func.count()).select_from(MESSAGES)).scalar_one())


def count_of(connection: Connection, status: Status) -> int:
    """Return how many messages have come to `status`."""
    query = select(func.count()).select_from(MESSAGES).where(MESSAGES.c.status == status.value)
    return int(connection.execute(query).scalar_one())


def next_due(connection: Connection) -> datetime | None:
    """Return when the next message is to be tried, or a claim lapses, if any."""
    open_at = select(func.min(MESSAGES.c.next_try_at)).where(MESSAGES.c.status.in_(OPEN))
    lapse_at = select(func.min(MESSAGES.c.claimed_until)).where(
        MESSAGES.c.status == Status.SENDING.value
    )
    moments = [connection.execute(query).scalar() for query in (open_at, lapse_at)]
    return min((at for at in moments if at is not None), default=None)


def retry(connection: Connection, message: int, now: datetime) -> bool:
    """Queue a message again that was given up or put off; say whether it could be."""
    retryable = (Status.UNDELIVERABLE.value, Status.LATER.value, Status.UNCERTAIN.value)
    done = connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id == message, MESSAGES.c.status.in_(retryable))
        .values(status=Status.QUEUED.value, next_try_at=now, error="")
    )
    return done.rowcount == 1


def came_back(connection: Connection, message: int, why: str) -> bool:
    """Mark a message that was sent and came back; say whether it was sent."""
    done = connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id == message, MESSAGES.c.status == Status.SENT.value)
        .values(status=Status.BOUNCED.value, error=why)
    )
    return done.rowcount == 1


def give_up(connection: Connection, message: int, why: str) -> None:
    """Leave a message that was not tried yet to a person: there is nowhere to send it."""
    connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id == message, MESSAGES.c.status == Status.QUEUED.value)
        .values(status=Status.UNDELIVERABLE.value, next_try_at=None, error=why)
    )


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        run=row.run,
        recipient=row.recipient,
        slot=row.slot,
        part=row.part,
        send_at=row.send_at,
        kind=row.kind,
        message_id=row.message_id,
        subject=row.subject,
        status=Status(row.status),
        tries=row.tries,
        next_try_at=row.next_try_at,
        sent_at=row.sent_at,
        error=row.error,
    )
