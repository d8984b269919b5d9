"""Hearing: what was heard of obligations before a message goes out, as the database knows it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.chasing import Heard, History, Kind, Notice
from storage import notices
from storage.notices import Told
from storage.outbox import Message

TOGETHER = timedelta(minutes=5)
"""What has one send time goes out within this, unless it is put off."""


def before(
    connection: Connection,
    message: Message,
    carried: Collection[Notice],
    now: datetime,
    *,
    told: Collection[Told] | None = None,
) -> History:
    """Return what was heard of a message's obligations before it goes out, or went out, at `now`.

    `told` is what reached anybody about them, if that has been read already.
    What goes out at the same time has not been heard: whose turn comes first would change
    what is said. The chasers among it are marked so.
    """
    about = {notice.obligation for notice in carried}
    found: dict[str, list[Heard]] = {}
    if told is None:
        told = notices.told(connection, message.run, about=about)
    for one in told:
        if one.obligation in about and _is_before(one, message, now):
            heard = Heard(one.kind, one.round, one.recipient, one.sent_at)
            found.setdefault(one.obligation, []).append(heard)
    if any(notice.kind is Kind.ESCALATE for notice in carried):
        chased = notices.chased_at(connection, message.run, message.send_at)
        for key, (round, agency) in chased.items():
            if key in about and not _is_counted(found.get(key, ()), message):
                beside = Heard(Kind.OVERDUE, round, agency, message.send_at, together=True)
                found.setdefault(key, []).append(beside)
    return found


def _is_counted(heard: Collection[Heard], message: Message) -> bool:
    """Whether the chaser of a message's time has been heard: the message was put off since."""
    return any(one.kind is Kind.OVERDUE and one.at >= message.send_at for one in heard)


def _is_before(one: Told, message: Message, now: datetime) -> bool:
    """Whether a mail went out before this one, in an order that no worker's pace changes."""
    if one.send_at == message.send_at:
        return one.sent_at <= now - TOGETHER
    return (one.sent_at, one.send_at) < (now, message.send_at)
