"""Addresses: what is known of them beside the registers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from engine.contacts import Known
from engine.plan import Span
from storage.database import Database
from storage.tables import ADDRESSES


@dataclass(frozen=True, slots=True)
class Noted:
    """What was last noted of an address, by whom and when; kept in small letters.

    One of which nothing holds any more was restored: what was sent before that tells nothing.
    """

    address: str
    noted_at: datetime
    noted_by: str
    bounced_at: datetime | None = None
    why: str = ""
    absent_from: date | None = None
    absent_until: date | None = None
    substitute: str = ""
    replaced_by: str = ""

    @property
    def away(self) -> Span | None:
        """The days on which whoever reads it is away."""
        if self.absent_from is None or self.absent_until is None:
            return None
        return Span(self.absent_from, self.absent_until)


def known(connection: Connection) -> dict[str, Known]:
    """Return what is known, by the address in small letters."""
    return {
        one.address: Known(
            bounced=one.bounced_at is not None,
            why=one.why,
            replaced_by=one.replaced_by,
            away=one.away,
            substitute=one.substitute,
        )
        for one in every(connection)
    }


def every(connection: Connection) -> list[Noted]:
    """Return all that was noted, by address."""
    noted = (_noted(row) for row in connection.execute(select(ADDRESSES)))
    return sorted(noted, key=lambda one: one.address)  # a server's order of words is its own


def find(connection: Connection, address: str) -> Noted | None:
    """Return what was noted of an address, if anything."""
    query = select(ADDRESSES).where(ADDRESSES.c.address == address.lower())
    row = connection.execute(query).one_or_none()
    return None if row is None else _noted(row)


def keep(database: Database, connection: Connection, noted: Noted) -> None:
    """Write what is noted of an address; what was before is overtaken."""
    row = {
        "address": noted.address.lower(),
        "bounced_at": noted.bounced_at,
        "why": noted.why,
        "absent_from": noted.absent_from,
        "absent_until": noted.absent_until,
        "substitute": noted.substitute,
        "replaced_by": noted.replaced_by,
        "noted_at": noted.noted_at,
        "noted_by": noted.noted_by,
    }
    connection.execute(database.insert_or_update(ADDRESSES), [row])


def restore(connection: Connection, address: str) -> bool:
    """Take an address for good again; say whether mail to it had come back."""
    done = connection.execute(
        ADDRESSES.update()
        .where(ADDRESSES.c.address == address.lower(), ADDRESSES.c.bounced_at.is_not(None))
        .values(bounced_at=None, why="")
    )
    return done.rowcount == 1


def mark_bounced(
    database: Database, connection: Connection, address: str, *, why: str, now: datetime, by: str
) -> None:
    """Note that mail to an address comes back."""
    row = {
        "address": address.lower(),
        "bounced_at": now,
        "why": why,
        "substitute": "",
        "replaced_by": "",
        "noted_at": now,
        "noted_by": by,
    }
    if connection.execute(database.insert_new(ADDRESSES).values(row)).rowcount == 0:
        connection.execute(
            ADDRESSES.update()
            .where(ADDRESSES.c.address == address.lower())
            .values(bounced_at=now, why=why, noted_at=now, noted_by=by)
        )


def _noted(row: Row[Any]) -> Noted:
    return Noted(**row._mapping)
