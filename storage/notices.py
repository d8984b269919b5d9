"""Notices: every rung that was issued or superseded, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from engine.chasing import Kind, Notice, NoticeKey
from engine.reason import Reason
from storage.database import Database
from storage.tables import MESSAGES, NOTICES

_MANY = 500  # a longer list of ids would run into the database's limit on parameters


class NoticeStatus(StrEnum):
    """What became of a notice; `dropped` is one that was not true any more when sent."""

    ISSUED = "issued"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that reached its recipient: when its mail was to go out, and when it did."""

    obligation: str
    round: int
    rung: str
    kind: Kind
    recipient: str
    send_at: datetime
    sent_at: datetime


def save(
    database: Database,
    connection: Connection,
    run: str,
    notices: Iterable[Notice],
    *,
    status: NoticeStatus,
    message: int | None,
    now: datetime,
) -> None:
    """Write notices; one that is there already stays as it is."""
    rows = [
        {
            "run": run,
            "obligation": notice.obligation,
            "round": notice.round,
            "rung": notice.rung,
            "recipient": notice.recipient,
            "kind": notice.kind.word,
            "count": notice.count,
            "at": notice.at,
            "issued_at": now,
            "status": status.value,
            "message": message,
            "reason": notice.reason.to_json(),
        }
        for notice in notices
    ]
    if rows:
        connection.execute(database.insert_new(NOTICES), rows)


def keys(connection: Connection, run: str, obligations: Sequence[str]) -> dict[str, set[NoticeKey]]:
    """Return the keys of what was issued or superseded, by obligation."""
    found: dict[str, set[NoticeKey]] = {obligation: set() for obligation in obligations}
    columns = (NOTICES.c.obligation, NOTICES.c.round, NOTICES.c.rung, NOTICES.c.recipient)
    query = select(*columns).where(NOTICES.c.run == run)
    if len(obligations) <= _MANY:
        query = query.where(NOTICES.c.obligation.in_(obligations))
    for row in connection.execute(query):
        if row.obligation in found:
            found[row.obligation].add((row.obligation, row.round, row.rung, row.recipient))
    return found


def of_message(connection: Connection, message: int) -> list[Notice]:
    """Return the notices that a message carries, as they were decided."""
    query = select(NOTICES).where(NOTICES.c.message == message).order_by(NOTICES.c.id)
    return [_notice(row) for row in connection.execute(query)]


def of_messages(connection: Connection, messages: Sequence[int]) -> dict[int, list[Notice]]:
    """Return the notices that each message carries, as they were decided."""
    found: dict[int, list[Notice]] = {message: [] for message in messages}
    query = select(NOTICES).where(NOTICES.c.message.in_(list(messages))).order_by(NOTICES.c.id)
    for row in connection.execute(query):
        found[row.message].append(_notice(row))
    return found


def newest(
    connection: Connection, run: str, obligations: Sequence[str]
) -> dict[tuple[str, int, str], datetime]:
    """Return when the newest rung issued fell, by obligation, round and recipient."""
    columns = (NOTICES.c.obligation, NOTICES.c.round, NOTICES.c.recipient)
    query = (
        select(*columns, func.max(NOTICES.c.at).label("at"))
        .where(NOTICES.c.run == run, NOTICES.c.status == NoticeStatus.ISSUED.value)
        .group_by(*columns)
    )
    if len(obligations) <= _MANY:
        query = query.where(NOTICES.c.obligation.in_(obligations))
    return {(row.obligation, row.round, row.recipient): row.at for row in connection.execute(query)}


def drop(connection: Connection, message: int, notices: Iterable[Notice]) -> None:
    """Mark notices of a message that were not true any more when it was to be sent."""
    for notice in notices:
        connection.execute(
            NOTICES.update()
            .where(_carried(message, notice))
            .values(status=NoticeStatus.DROPPED.value)
        )


def withdraw(connection: Connection, message: int, notices: Iterable[Notice]) -> None:
    """Forget notices of a message that did not go out: they are issued again when due."""
    for notice in notices:
        connection.execute(NOTICES.delete().where(_carried(message, notice)))


def standing(connection: Connection, message: int) -> list[Notice]:
    """Return the notices that a message carries, but for those that were dropped."""
    query = select(NOTICES).where(
        NOTICES.c.message == message, NOTICES.c.status == NoticeStatus.ISSUED.value
    )
    return [_notice(row) for row in connection.execute(query.order_by(NOTICES.c.id))]


def move(connection: Connection, message: int, notices: Iterable[Notice], *, to: int) -> None:
    """Let another message carry notices whose own came back: they count once that one is sent."""
    for notice in notices:
        connection.execute(NOTICES.update().where(_carried(message, notice)).values(message=to))


def supersede(connection: Connection, message: int, notices: Iterable[Notice]) -> None:
    """Mark notices of a message that came back, and that a newer rung has overtaken since."""
    for notice in notices:
        connection.execute(
            NOTICES.update()
            .where(_carried(message, notice))
            .values(status=NoticeStatus.SUPERSEDED.value)
        )


def _carried(message: int, notice: Notice) -> ColumnElement[bool]:
    return and_(
        NOTICES.c.message == message,
        NOTICES.c.obligation == notice.obligation,
        NOTICES.c.round == notice.round,
        NOTICES.c.rung == notice.rung,
    )


def told(connection: Connection, run: str, *, about: Collection[str] | None = None) -> list[Told]:
    """Return what reached its recipient in a run, oldest first; only of `about` if given.

    What was dropped, or came back, reached nobody.
    """
    query = (
        select(
            NOTICES.c.obligation,
            NOTICES.c.round,
            NOTICES.c.rung,
            NOTICES.c.kind,
            NOTICES.c.recipient,
            MESSAGES.c.send_at,
            MESSAGES.c.sent_at,
        )
        .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message)
        .where(
            NOTICES.c.run == run,
            NOTICES.c.status == NoticeStatus.ISSUED.value,
            MESSAGES.c.sent_at.is_not(None),
        )
        .order_by(MESSAGES.c.sent_at, NOTICES.c.id)
    )
    if about is not None and len(about) <= _MANY:
        query = query.where(NOTICES.c.obligation.in_(about))
    return [
        Told(
            obligation=row.obligation,
            round=row.round,
            rung=row.rung,
            kind=Kind[row.kind.upper()],
            recipient=row.recipient,
            send_at=row.send_at,
            sent_at=row.sent_at,
        )
        for row in connection.execute(query)
    ]


def chased_at(connection: Connection, run: str, send_at: datetime) -> dict[str, tuple[int, str]]:
    """Return the obligations that are chased at a send time, each with its round and agency."""
    query = (
        select(NOTICES.c.obligation, NOTICES.c.round, NOTICES.c.recipient)
        .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message)
        .where(
            NOTICES.c.run == run,
            NOTICES.c.kind == Kind.OVERDUE.word,
            NOTICES.c.status == NoticeStatus.ISSUED.value,
            MESSAGES.c.send_at == send_at,
        )
    )
    return {row.obligation: (row.round, row.recipient) for row in connection.execute(query)}


def escalated(connection: Connection, run: str) -> dict[int, list[str]]:
    """Return the obligations that each escalation of a run names, by the message's number."""
    query = (
        select(NOTICES.c.message, NOTICES.c.obligation)
        .where(
            NOTICES.c.run == run,
            NOTICES.c.kind == Kind.ESCALATE.word,
            NOTICES.c.status == NoticeStatus.ISSUED.value,
            NOTICES.c.message.is_not(None),
        )
        .order_by(NOTICES.c.id)
    )
    found: dict[int, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.message, []).append(row.obligation)
    return found


def _notice(row: Row[Any]) -> Notice:
    return Notice(
        obligation=row.obligation,
        round=row.round,
        rung=row.rung,
        kind=Kind[row.kind.upper()],
        recipient=row.recipient,
        at=row.at,
        count=row._mapping["count"],  # `row.count` is the tuple's method
        reason=Reason.from_json(row.reason),
    )
