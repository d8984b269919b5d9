"""Addresses: what is known of them beside the registers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from engine.contacts import Known
from engine.plan import Span
from storage.database import Database
from storage.tables import ADDRESSES


def known(connection: Connection) -> dict[str, Known]:
    """Return what is known, by the address in small letters."""
    return {
        row.address: Known(
            bounced=row.bounced_at is not None,
            replaced_by=row.replaced_by,
            away=None
            if row.absent_from is None or row.absent_until is None
            else Span(row.absent_from, row.absent_until),
            substitute=row.substitute,
        )
        for row in connection.execute(select(ADDRESSES))
    }


def restore(connection: Connection, address: str) -> bool:
    """Take an address for good again; say whether it was marked."""
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
