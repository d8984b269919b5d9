"""Notices: every rung that was issued or superseded, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Result,
    Row,
    Select,
    and_,
    bindparam,
    func,
    select,
)

from engine.chasing import Kind, Notice, NoticeKey
from engine.ledger import Standing
from engine.reason import Reason
from storage import sets
from storage.tables import MESSAGES, NOTICES, OBLIGATIONS

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


@dataclass(frozen=True, slots=True)
class Kept:
    """A notice of a run as it is written: issued in a message, or superseded without one."""

    run: str
    notice: Notice
    message: int | None = None
    status: NoticeStatus = NoticeStatus.ISSUED


def save(connection: Connection, notices: Iterable[Kept], *, now: datetime) -> None:
    """Write notices, of however many runs; one that is there already stays as it is."""
    rows = list(notices)
    made = [kept.notice for kept in rows]
    reasons = {id(notice.reason): notice.reason.to_json() for notice in made}  # many share one
    values: sets.Values = {
        "run": [kept.run for kept in rows],
        "obligation": [notice.obligation for notice in made],
        "round": [notice.round for notice in made],
        "rung": [notice.rung for notice in made],
        "recipient": [notice.recipient for notice in made],
        "kind": [notice.kind.word for notice in made],
        "count": [notice.count for notice in made],
        "at": [notice.at for notice in made],
        "issued_at": [now] * len(made),
        "status": [kept.status.value for kept in rows],
        "message": [kept.message for kept in rows],
        "reason": [reasons[id(notice.reason)] for notice in made],
    }
    sets.insert(connection, NOTICES, values, new_only=True)


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


def keys_of_due(
    connection: Connection, runs: Collection[str], now: datetime
) -> dict[tuple[str, str], set[NoticeKey]]:
    """Return the keys of what was issued or superseded of what wakes at or before `now`.

    By run and obligation; the index of the unique key answers it alone.
    """
    return _keys(connection.execute(_KEYS_OF_DUE, {"runs": list(runs), "now": now}))


_KEYS = (
    select(
        NOTICES.c.run,
        NOTICES.c.obligation,
        NOTICES.c.round,
        NOTICES.c.rung,
        NOTICES.c.recipient,
    )
    .join(
        OBLIGATIONS,
        and_(OBLIGATIONS.c.run == NOTICES.c.run, OBLIGATIONS.c.id == NOTICES.c.obligation),
    )
    .where(OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)))
)
_KEYS_OF_DUE = _KEYS.where(OBLIGATIONS.c.next_wake_at <= bindparam("now"))


def keys_of_open(
    connection: Connection, runs: Collection[str]
) -> dict[tuple[str, str], set[NoticeKey]]:
    """Return the keys of what was issued or superseded of what is open, by run and obligation."""
    return _keys(connection.execute(_KEYS_OF_OPEN, {"runs": list(runs)}))


_KEYS_OF_OPEN = _KEYS.where(
    OBLIGATIONS.c.standing == Standing.OPEN.value, OBLIGATIONS.c.opened_at.is_not(None)
)


def _keys(rows: Iterable[Row[Any]]) -> dict[tuple[str, str], set[NoticeKey]]:
    found: dict[tuple[str, str], set[NoticeKey]] = {}
    for row in rows:
        key = (row.obligation, row.round, row.rung, row.recipient)
        found.setdefault((row.run, row.obligation), set()).add(key)
    return found


def of_message(connection: Connection, message: int) -> list[Notice]:
    """Return the notices that a message carries, as they were decided."""
    query = select(NOTICES).where(NOTICES.c.message == message).order_by(NOTICES.c.id)
    return [_notice(row) for row in connection.execute(query)]


def of_messages(connection: Connection, messages: Sequence[int]) -> dict[int, list[Notice]]:
    """Return the notices that each message carries, as they were decided."""
    found: dict[int, list[Notice]] = {message: [] for message in messages}
    for row in connection.execute(_CARRIED, {"messages": list(messages)}):
        found[row.message].append(_notice(row))
    return found


_CARRIED = (
    select(NOTICES)
    .where(NOTICES.c.message.in_(bindparam("messages", expanding=True)))
    .order_by(NOTICES.c.id)
)


def newest(
    connection: Connection, run: str, obligations: Sequence[str]
) -> dict[tuple[str, int, str], datetime]:
    """Return when the newest rung issued fell, by obligation, round and recipient."""
    rows = _about(connection, _NEWEST, run, obligations)
    return {(row.obligation, row.round, row.recipient): row.at for row in rows}


_RUNG = (NOTICES.c.obligation, NOTICES.c.round, NOTICES.c.recipient)
_NEWEST = (
    select(*_RUNG, func.max(NOTICES.c.at).label("at"))
    .where(NOTICES.c.run == bindparam("run"), NOTICES.c.status == NoticeStatus.ISSUED.value)
    .group_by(*_RUNG)
)
_ONLY_ABOUT = NOTICES.c.obligation.in_(bindparam("about", expanding=True))


def _about(
    connection: Connection, query: Select[Any], run: str, about: Collection[str] | None
) -> Result[Any]:
    """Ask about a run; only about some of its obligations, unless they are too many to name."""
    if about is None or len(about) > _MANY:
        return connection.execute(query, {"run": run})
    return connection.execute(query.where(_ONLY_ABOUT), {"run": run, "about": list(about)})


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
        for row in _about(connection, _TOLD, run, about)
    ]


_TOLD = (
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
        NOTICES.c.run == bindparam("run"),
        NOTICES.c.status == NoticeStatus.ISSUED.value,
        MESSAGES.c.sent_at.is_not(None),
    )
    .order_by(MESSAGES.c.sent_at, NOTICES.c.id)
)


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


def escalated(connection: Connection, run: str) -> dict[int, dict[NoticeStatus, list[str]]]:
    """Return the obligations that each escalation of a run names, by the message's number.

    Apart stand those that it does not name, or would have named, had it gone out: the dropped.
    """
    query = (
        select(NOTICES.c.message, NOTICES.c.obligation, NOTICES.c.status)
        .where(
            NOTICES.c.run == run,
            NOTICES.c.kind == Kind.ESCALATE.word,
            NOTICES.c.message.is_not(None),
        )
        .order_by(NOTICES.c.id)
    )
    found: dict[int, dict[NoticeStatus, list[str]]] = {}
    for row in connection.execute(query):
        about = found.setdefault(row.message, {})
        about.setdefault(NoticeStatus(row.status), []).append(row.obligation)
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
