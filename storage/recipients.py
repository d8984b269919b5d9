"""Recipients: the addresses that a message went to, and what became of it at each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, select

from storage.database import Database
from storage.tables import RECIPIENTS


class Fate(StrEnum):
    """What became of a message at one address."""

    SENT = "sent"
    LATER = "later"
    UNCERTAIN = "uncertain"
    REFUSED = "refused"
    BOUNCED = "bounced"
    WITHHELD = "withheld"  # a copy that had not gone out when there was no point in it any more


SETTLED = frozenset({Fate.SENT, Fate.REFUSED, Fate.BOUNCED, Fate.WITHHELD})
"""Where nothing more is tried."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One address of a message: whose it is, why it gets it, and what became of it."""

    message: int
    address: str
    name: str
    role: str
    is_copy: bool
    fate: Fate
    settled_at: datetime | None = None
    detail: str = ""


def keep(database: Database, connection: Connection, recipients: Iterable[Recipient]) -> None:
    """Write what became of messages at addresses; what was written before is overtaken."""
    rows = [
        {
            "message": one.message,
            "address": one.address,
            "name": one.name,
            "role": one.role,
            "is_copy": one.is_copy,
            "status": one.fate.value,
            "settled_at": one.settled_at,
            "detail": one.detail,
        }
        for one in recipients
    ]
    if rows:
        connection.execute(database.insert_or_update(RECIPIENTS), rows)


def reopen(connection: Connection, message: int) -> list[str]:
    """Forget where a message was refused or came back, so that it is tried again; say where."""
    refused = (Fate.REFUSED.value, Fate.BOUNCED.value)
    gone = RECIPIENTS.delete().where(
        RECIPIENTS.c.message == message, RECIPIENTS.c.status.in_(refused)
    )
    return list(connection.execute(gone.returning(RECIPIENTS.c.address)).scalars())


def withhold(connection: Connection, message: int, now: datetime, *, why: str) -> list[str]:
    """Try a message no more where it has not arrived yet; return those addresses."""
    waiting = (Fate.LATER.value, Fate.UNCERTAIN.value)
    kept_back = (
        RECIPIENTS.update()
        .where(RECIPIENTS.c.message == message, RECIPIENTS.c.status.in_(waiting))
        .values(status=Fate.WITHHELD.value, settled_at=now, detail=why)
    )
    return sorted(connection.execute(kept_back.returning(RECIPIENTS.c.address)).scalars())


def of_messages(connection: Connection, messages: Sequence[int]) -> dict[int, list[Recipient]]:
    """Return the recipients of messages, who are to answer before those with copies, by address.

    Sorted here: a server of another language has another order of words.
    """
    found: dict[int, list[Recipient]] = {message: [] for message in messages}
    for row in connection.execute(_OF_MESSAGES, {"messages": list(messages)}):
        found[row.message].append(
            Recipient(
                message=row.message,
                address=row.address,
                name=row.name,
                role=row.role,
                is_copy=row.is_copy,
                fate=Fate(row.status),
                settled_at=row.settled_at,
                detail=row.detail,
            )
        )
    for some in found.values():
        some.sort(key=lambda one: (one.is_copy, one.address))
    return found


_OF_MESSAGES = select(RECIPIENTS).where(
    RECIPIENTS.c.message.in_(bindparam("messages", expanding=True))
)
