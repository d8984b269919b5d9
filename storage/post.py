"""Post: mail that came back, each counted once; and how far each inbox has been read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from storage.database import Database
from storage.tables import MESSAGES, POST

PLACE = "place"
"""The kind of a row that is no mail: how far an inbox has been read stands in its detail."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A mail that came back: what it was, about which message, and what it said."""

    key: str
    read_at: datetime
    kind: str
    message: int | None
    address: str
    detail: str


def take(database: Database, connection: Connection, posted: Posted) -> bool:
    """Keep that a mail was read; say whether it is new."""
    row = {
        "key": posted.key,
        "read_at": posted.read_at,
        "kind": posted.kind,
        "message": posted.message,
        "address": posted.address,
        "detail": posted.detail,
    }
    return connection.execute(database.insert_new(POST).values(row)).rowcount == 1


def message_of(connection: Connection, message_ids: Sequence[str]) -> int | None:
    """Return the number of the first message of ours among Message-IDs, if one is."""
    query = select(MESSAGES.c.message_id, MESSAGES.c.id).where(
        MESSAGES.c.message_id.in_(list(message_ids))
    )
    found = {row.message_id: row.id for row in connection.execute(query)}
    return next((found[one] for one in message_ids if one in found), None)


def about(connection: Connection, messages: Sequence[int]) -> dict[int, list[Posted]]:
    """Return the mails that came back about each message, the first one first."""
    found: dict[int, list[Posted]] = {message: [] for message in messages}
    query = select(POST).where(POST.c.message.in_(list(messages)))
    for row in connection.execute(query.order_by(POST.c.read_at, POST.c.key)):
        found[row.message].append(Posted(**row._mapping))
    return found


def from_address(connection: Connection, address: str, *, kind: str, limit: int) -> list[Posted]:
    """Return the last mails of a kind that an address has sent, the newest first."""
    query = select(POST).where(func.lower(POST.c.address) == address.lower(), POST.c.kind == kind)
    newest = query.order_by(POST.c.read_at.desc(), POST.c.key).limit(limit)
    return [Posted(**row._mapping) for row in connection.execute(newest)]


def place(connection: Connection, inbox: str) -> str:
    """Return how far an inbox has been read; empty where it never was."""
    query = select(POST.c.detail).where(POST.c.key == _place_of(inbox), POST.c.kind == PLACE)
    return connection.execute(query).scalar() or ""


def move_on(
    database: Database, connection: Connection, inbox: str, place: str, now: datetime
) -> None:
    """Keep how far an inbox has been read."""
    row = {"key": _place_of(inbox), "read_at": now, "kind": PLACE, "message": None}
    connection.execute(database.insert_or_update(POST), [row | {"address": "", "detail": place}])


def _place_of(inbox: str) -> str:
    return f"place:{inbox}"
