"""Outbox: messages to send, claimed by lease, marked by outcome, every try kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from storage import sets
from storage.tables import ATTEMPTS, MESSAGES, RECIPIENTS


class Status(StrEnum):
    """Where a message stands."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    LATER = "later"
    UNCERTAIN = "uncertain"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    BOUNCED = "bounced"
    CANCELLED = "cancelled"


OPEN = (Status.QUEUED.value, Status.LATER.value, Status.UNCERTAIN.value)
GIVEN_UP = (Status.UNDELIVERABLE.value, Status.EXPIRED.value)
GRAVEST_FIRST = (
    Status.UNDELIVERABLE,
    Status.EXPIRED,
    Status.BOUNCED,
    Status.UNCERTAIN,
    Status.LATER,
    Status.SENDING,
    Status.QUEUED,
    Status.SENT,
    Status.CANCELLED,
)
LAST_OUT = "brief"  # the kind of message that goes out after all others
BEGAN = "began"  # the outcome of a try that has none yet
MOST = 2**31 - 1  # of the numbers that a column of either database holds


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the outbox.

    `expires_at` is when it is given up; of a claimed one `was` is what it was before, and
    `attempt` the number of this try.
    """

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
    expires_at: datetime | None = None
    claimed_until: datetime | None = None
    was: Status = Status.QUEUED
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Marking:
    """What a try came to. `sent_at` is when it first reached anybody who is to answer.

    `expires_at` is set where it is given up later than was meant; one that only waits for
    offices to open was not tried.
    """

    message: Message
    status: Status
    subject: str = ""
    detail: str = ""
    next_try_at: datetime | None = None
    sent_at: datetime | None = None
    expires_at: datetime | None = None
    was_tried: bool = True


def queued_after(
    connection: Connection, message: int, *, kinds: Sequence[str]
) -> list[tuple[str, str]]:
    """Return of which runs messages of `kinds` stand behind a number: each run and kind once."""
    query = select(MESSAGES.c.run, MESSAGES.c.kind).where(
        MESSAGES.c.id > message, MESSAGES.c.kind.in_(kinds)
    )
    return [(run, kind) for run, kind in connection.execute(query.distinct())]


def newest(connection: Connection) -> int:
    """Return the number of the last message; 0 where there is none."""
    return int(connection.execute(select(func.max(MESSAGES.c.id))).scalar() or 0)


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


@dataclass(frozen=True, slots=True)
class Queued:
    """A message as it is put into the outbox."""

    run: str
    recipient: str
    slot: datetime
    part: int
    send_at: datetime
    kind: str
    message_id: str
    expires_at: datetime
    lap: int = 0


def enqueue(connection: Connection, message: Queued) -> int:
    """Put a message into the outbox and return its id."""
    query = MESSAGES.insert().returning(MESSAGES.c.id)
    return int(connection.execute(query, _queued(message)).scalar_one())


def enqueue_all(connection: Connection, messages: Sequence[Queued]) -> dict[str, int]:
    """Put messages into the outbox, of however many runs; return their ids by their Message-IDs.

    One whose recipient has a message with this part of this slot already is passed over.
    """
    values = sets.columns_of([_queued(message) for message in messages])
    found = sets.insert(connection, MESSAGES, values, new_only=True, returning=("id", "message_id"))
    return {row.message_id: row.id for row in found}


def _queued(message: Queued) -> dict[str, Any]:
    return {
        "run": message.run,
        "recipient": message.recipient,
        "slot": message.slot,
        "part": message.part,
        "lap": message.lap,
        "send_at": message.send_at,
        "kind": message.kind,
        "message_id": message.message_id,
        "status": Status.QUEUED.value,
        "next_try_at": message.send_at,
        "expires_at": message.expires_at,
        "subject": "",
        "tries": 0,
        "error": "",
    }


def claim(
    connection: Connection,
    now: datetime,
    *,
    lease: timedelta,
    limit: int,
    by: str = "",
    briefs: bool | None = None,
    only: Sequence[int] | None = None,
) -> list[Message]:
    """Take up to `limit` messages that are due, for the length of `lease`, in the name of `by`.

    A claim that lapsed is taken again: whether its mail went out is unknown, so it goes
    out once more, under the same Message-ID. `briefs` takes only these, or all but these.
    """
    columns = MESSAGES.c
    # One status at a time: each is then read by its index in order, however many are due.
    due = [(status, columns.next_try_at) for status in OPEN]
    taken: list[Row[Any]] = []
    for status, at in [*due, (Status.SENDING.value, columns.claimed_until)]:
        if len(taken) == limit:
            break
        query = select(MESSAGES).where(columns.status == status, at <= now)
        if briefs is not None:
            query = query.where((columns.kind == LAST_OUT) == briefs)
        if only is not None:
            query = query.where(columns.id.in_(list(only)))
        query = query.order_by(at, columns.lap, columns.id).limit(limit - len(taken))
        taken += connection.execute(query.with_for_update(skip_locked=True)).all()
    if not taken:
        return []
    claimed = {"_ids": [row.id for row in taken], "_until": now + lease, "_by": by}
    connection.execute(_CLAIMED, claimed)
    attempts = connection.execute(
        _BEGUN,
        [{"message": row.id, "began_at": now, "outcome": BEGAN, "detail": ""} for row in taken],
    ).scalars()
    return [
        _message(row, (attempt, now + lease)) for row, attempt in zip(taken, attempts, strict=True)
    ]


_CLAIMED = (
    MESSAGES.update()
    .where(MESSAGES.c.id.in_(bindparam("_ids", expanding=True)))
    .values(
        status=Status.SENDING.value,
        claimed_until=bindparam("_until"),
        claimed_by=bindparam("_by"),
        tries=MESSAGES.c.tries + 1,
    )
)
_BEGUN = ATTEMPTS.insert().returning(ATTEMPTS.c.id, sort_by_parameter_order=True)


def _before(status: Status) -> Status:
    """A claim that lapsed may have gone out, or not."""
    return Status.UNCERTAIN if status is Status.SENDING else status


def holders(connection: Connection, *, but: str = "") -> list[datetime]:
    """Return until when each holder of claims, `but` one, holds the last; in order of ending."""
    return list(connection.execute(_HOLDERS, {"but": but}).scalars())


_LAST = func.max(MESSAGES.c.claimed_until)
_HOLDERS = (
    select(_LAST)
    .where(MESSAGES.c.status == Status.SENDING.value, MESSAGES.c.claimed_by != bindparam("but"))
    .group_by(MESSAGES.c.claimed_by)
    .order_by(_LAST)
)


def renew(connection: Connection, message: Message, until: datetime) -> bool:
    """Hold a claim for longer; say whether it is still this one."""
    held = MESSAGES.update().where(_claimed(message))
    done = connection.execute(held.values(claimed_until=until))
    return done.rowcount == 1


def lapse(connection: Connection, *, beyond: datetime, at: datetime) -> int:
    """Let claims lapse `at` that hold until `beyond` or later; return how many those were."""
    held = select(MESSAGES.c.id).where(
        MESSAGES.c.status == Status.SENDING.value, MESSAGES.c.claimed_until > beyond
    )
    ids = list(connection.execute(held.with_for_update(skip_locked=True)).scalars())
    if ids:
        ours = MESSAGES.update().where(MESSAGES.c.id.in_(ids))
        connection.execute(ours.values(claimed_until=at))
    return len(ids)


def release(connection: Connection, messages: Iterable[Message], *, at: datetime) -> None:
    """Give claimed messages back as they were, untried; they are due again at `at`."""
    for message in messages:
        given = connection.execute(
            MESSAGES.update()
            .where(_claimed(message))
            .values(
                status=message.was.value,
                claimed_until=None,
                claimed_by=None,
                tries=message.tries - 1,
                next_try_at=at,
            )
        )
        if given.rowcount:
            connection.execute(ATTEMPTS.delete().where(ATTEMPTS.c.id == message.attempt))


def _claimed(message: Message) -> ColumnElement[bool]:
    """A claim is one try of one message: a later one has another number."""
    return and_(
        MESSAGES.c.id == message.id,
        MESSAGES.c.status == Status.SENDING.value,
        MESSAGES.c.tries == message.tries,
    )


def mark(connection: Connection, markings: Sequence[Marking]) -> set[int]:
    """Write what tries came to. Return which counted: a try whose claim has lapsed does not."""
    ids = [one.message.id for one in markings]
    held = {(row.id, row.tries) for row in connection.execute(_HELD, {"ids": ids})}
    counted = [one for one in markings if (one.message.id, one.message.tries) in held]
    sets.update(
        connection, MESSAGES, sets.columns_of([_marked(one) for one in counted]), key=("id",)
    )
    untried = [one.message.attempt for one in markings if not one.was_tried]
    if untried:
        connection.execute(ATTEMPTS.delete().where(ATTEMPTS.c.id.in_(untried)))
    connection.execute(
        _FINISHED,
        [
            {"_attempt": one.message.attempt, "_outcome": one.status.value, "_detail": one.detail}
            for one in markings
        ],
    )
    return {one.message.id for one in counted}


_HELD = (
    select(MESSAGES.c.id, MESSAGES.c.tries)
    .where(
        MESSAGES.c.id.in_(bindparam("ids", expanding=True)),
        MESSAGES.c.status == Status.SENDING.value,
    )
    .with_for_update()
)
_FINISHED = (
    ATTEMPTS.update()
    .where(ATTEMPTS.c.id == bindparam("_attempt"), ATTEMPTS.c.outcome == BEGAN)
    .values(outcome=bindparam("_outcome"), detail=bindparam("_detail"))
)


def _marked(one: Marking) -> dict[str, Any]:
    return {
        "id": one.message.id,
        "status": one.status.value,
        "claimed_until": None,
        "claimed_by": None,
        "next_try_at": one.next_try_at,
        "sent_at": one.message.sent_at or one.sent_at,
        "error": one.detail,
        "subject": one.subject or one.message.subject,
        "expires_at": one.expires_at or one.message.expires_at,
        "tries": one.message.tries if one.was_tried else one.message.tries - 1,
    }


def expiring(connection: Connection, now: datetime, *, limit: int) -> list[tuple[int, str]]:
    """Return the numbers and runs of what was tried for too long: their locks come first."""
    query = select(MESSAGES.c.id, MESSAGES.c.run).where(_expired(now)).limit(limit)
    return [(row.id, row.run) for row in connection.execute(query)]


def expire(connection: Connection, now: datetime, *, only: Sequence[int]) -> list[Message]:
    """Give up what was tried for too long, of `only`, and return it as it is now.

    What was not tried at all, in an outage of ours, is late, and goes out. What has reached
    somebody who is to answer, and only others not, counts as sent.
    """
    query = (
        select(MESSAGES)
        .where(MESSAGES.c.id.in_(list(only)), _expired(now))
        .with_for_update(skip_locked=True)
    )
    found = [
        replace(one, status=Status.EXPIRED if one.sent_at is None else Status.SENT)
        for one in map(_message, connection.execute(query))
    ]
    for status in dict.fromkeys(one.status for one in found):
        connection.execute(
            MESSAGES.update()
            .where(MESSAGES.c.id.in_([one.id for one in found if one.status is status]))
            .values(status=status.value, next_try_at=None)
        )
    return found


def _expired(now: datetime) -> ColumnElement[bool]:
    return and_(
        MESSAGES.c.status.in_(OPEN),
        MESSAGES.c.next_try_at <= now,
        MESSAGES.c.expires_at <= now,
        MESSAGES.c.tries > 0,
    )


def cancel(connection: Connection, message: int, why: str) -> bool:
    """Take a message that has not gone out from the outbox; say whether it could be.

    What has reached somebody who is to answer, and only others not, counts as sent.
    """
    found = MESSAGES.update().where(
        MESSAGES.c.id == message, MESSAGES.c.status.in_((*OPEN, *GIVEN_UP))
    )
    new = found.where(MESSAGES.c.sent_at.is_(None))
    gone = new.values(status=Status.CANCELLED.value, next_try_at=None, error=why)
    if connection.execute(gone).rowcount:
        return True
    rest = found.values(status=Status.SENT.value, next_try_at=None, error="")
    return connection.execute(rest).rowcount == 1


def find(connection: Connection, message: int) -> Message | None:
    """Return a message by its number, if there is one; whatever number somebody types."""
    if not 0 < message <= MOST:
        return None
    row = connection.execute(select(MESSAGES).where(MESSAGES.c.id == message)).one_or_none()
    return None if row is None else _message(row)


def hold(connection: Connection, message: int) -> Message | None:
    """Return a message as `find` does; nobody claims it until the end of the transaction."""
    query = select(MESSAGES).where(MESSAGES.c.id == message).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else _message(row)


def of_run(connection: Connection, run: str | None = None) -> list[Message]:
    """Return a run's messages, or everybody's, in the order of their send times."""
    query = select(MESSAGES).order_by(MESSAGES.c.send_at, MESSAGES.c.id)
    if run is not None:
        query = query.where(MESSAGES.c.run == run)
    return [_message(row) for row in connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Sought:
    """Which messages are looked for; what is not said narrows nothing."""

    run: str | None = None
    statuses: tuple[Status, ...] = ()
    recipient: str | None = None
    since: datetime | None = None
    address: str | None = None

    @property
    def holds(self) -> tuple[ColumnElement[bool], ...]:
        """What holds of each of them."""
        found: list[ColumnElement[bool]] = []
        if self.run is not None:
            found.append(MESSAGES.c.run == self.run)
        if self.statuses:
            found.append(MESSAGES.c.status.in_([status.value for status in self.statuses]))
        if self.recipient is not None:
            found.append(MESSAGES.c.recipient == self.recipient)
        if self.since is not None:
            found.append(MESSAGES.c.send_at >= self.since)
        if self.address is not None:
            went_to = func.lower(RECIPIENTS.c.address) == self.address.lower()
            found.append(MESSAGES.c.id.in_(select(RECIPIENTS.c.message).where(went_to)))
        return tuple(found)


def narrowed(connection: Connection, sought: Sought) -> list[Message]:
    """Return messages in the order of their send times."""
    query = select(MESSAGES).where(*sought.holds).order_by(MESSAGES.c.send_at, MESSAGES.c.id)
    return [_message(row) for row in connection.execute(query)]


def gravest(connection: Connection, sought: Sought, *, limit: int) -> list[Message]:
    """Return up to `limit` messages, those that a person has to see to first, then the newest.

    One status at a time: of a million that were sent only the last few are read.
    """
    found: list[Message] = []
    for status in GRAVEST_FIRST:
        if len(found) == limit:
            break
        query = select(MESSAGES).where(*sought.holds, MESSAGES.c.status == status.value)
        query = query.order_by(MESSAGES.c.id.desc()).limit(limit - len(found))
        found += [_message(row) for row in connection.execute(query)]
    return found


def counts(connection: Connection, sought: Sought) -> dict[Status, int]:
    """Return how many messages have come to what."""
    query = select(MESSAGES.c.status, func.count()).where(*sought.holds)
    rows = connection.execute(query.group_by(MESSAGES.c.status))
    return {Status(status): int(count) for status, count in rows}


def written_to(connection: Connection) -> list[str]:
    """Return the recipients of all messages."""
    query = select(MESSAGES.c.recipient).distinct().order_by(MESSAGES.c.recipient)
    return list(connection.execute(query).scalars())


def waiting(
    connection: Connection, now: datetime, *, since: datetime
) -> tuple[int, datetime | None]:
    """Return how many messages were to go out before `since` and still try to, and the oldest.

    What only waits for offices to open is none of them: nothing went wrong with it.
    """
    query = select(func.count(), func.min(MESSAGES.c.send_at)).where(
        MESSAGES.c.status.in_(OPEN),
        MESSAGES.c.send_at < since,
        or_(MESSAGES.c.next_try_at <= now, MESSAGES.c.error != ""),
    )
    count, oldest = connection.execute(query).one()
    return int(count), oldest


def count(connection: Connection) -> int:
    """Return how many messages there are, whatever became of them."""
    return int(connection.execute(select(func.count()).select_from(MESSAGES)).scalar_one())


def count_of(connection: Connection, status: Status) -> int:
    """Return how many messages have come to `status`."""
    query = select(func.count()).select_from(MESSAGES).where(MESSAGES.c.status == status.value)
    return int(connection.execute(query).scalar_one())


def count_due(connection: Connection, now: datetime, *, most: int) -> int:
    """Return how many messages are due to be tried at `now`, counting up to `most`."""
    due = select(MESSAGES.c.id).where(MESSAGES.c.status.in_(OPEN), MESSAGES.c.next_try_at <= now)
    query = select(func.count()).select_from(due.limit(most).subquery())
    return int(connection.execute(query).scalar_one())


def next_due(connection: Connection) -> datetime | None:
    """Return when the next message is to be tried, or a claim lapses, if any."""
    return min((at for at in connection.execute(_NEXT_DUE).one() if at is not None), default=None)


def _first(column: ColumnElement[Any], status: str) -> ScalarSelect[Any]:
    """The first moment of one status: its end of the index, however many there are."""
    return select(func.min(column)).where(MESSAGES.c.status == status).scalar_subquery()


_NEXT_DUE = select(
    *(_first(MESSAGES.c.next_try_at, status) for status in OPEN),
    _first(MESSAGES.c.claimed_until, Status.SENDING.value),
)


def retry(connection: Connection, message: int, now: datetime, *, expires_at: datetime) -> bool:
    """Queue a message again that was given up or put off; say whether it could be."""
    retryable = (*GIVEN_UP, Status.LATER.value, Status.UNCERTAIN.value)
    done = connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id == message, MESSAGES.c.status.in_(retryable))
        .values(status=Status.QUEUED.value, next_try_at=now, error="", expires_at=expires_at)
    )
    return done.rowcount == 1


def came_back(connection: Connection, message: int, why: str) -> bool:
    """Mark a message that was sent and came back; say whether it was sent.

    Copies of it that are still tried are tried no more.
    """
    done = connection.execute(
        MESSAGES.update()
        .where(
            MESSAGES.c.id == message,
            MESSAGES.c.status.in_((Status.SENT.value, *OPEN)),
            MESSAGES.c.sent_at.is_not(None),
        )
        .values(status=Status.BOUNCED.value, error=why, next_try_at=None)
    )
    return done.rowcount == 1


def uncount(connection: Connection, message: int) -> None:
    """Let a message that is still tried count as sent to nobody: what had arrived came back."""
    still_tried = MESSAGES.update().where(MESSAGES.c.id == message, MESSAGES.c.status.in_(OPEN))
    connection.execute(still_tried.values(sent_at=None))


def give_up(connection: Connection, message: int, why: str) -> None:
    """Leave a message that was not tried yet to a person: there is nowhere to send it."""
    connection.execute(
        MESSAGES.update()
        .where(MESSAGES.c.id == message, MESSAGES.c.status == Status.QUEUED.value)
        .values(status=Status.UNDELIVERABLE.value, next_try_at=None, error=why)
    )


def _message(row: Row[Any], claim: tuple[int, datetime] | None = None) -> Message:
    """Return a message as its row has it, or as a claim makes it: the attempt, and until when.

    Built at once, not changed afterwards: each mail costs one of these.
    """
    status, until = Status(row.status), row.claimed_until
    attempt, was = 0, Status.QUEUED
    if claim is not None:
        (attempt, until), was, status = claim, _before(status), Status.SENDING
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
        status=status,
        tries=row.tries + (claim is not None),
        next_try_at=row.next_try_at,
        sent_at=row.sent_at,
        error=row.error,
        expires_at=row.expires_at,
        claimed_until=until,
        was=was,
        attempt=attempt,
    )
