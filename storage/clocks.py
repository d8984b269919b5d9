"""Clocks: each by its name, and when it last beat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from storage.database import Database
from storage.tables import CLOCKS


@dataclass(frozen=True, slots=True)
class Beat:
    """A clock's last sign of life; `stopped_at` is None while it should be running."""

    name: str
    started_at: datetime
    beat_at: datetime
    stopped_at: datetime | None


def beat(
    database: Database, connection: Connection, name: str, *, started_at: datetime, now: datetime
) -> None:
    """Keep that the clock `name` is alive at `now`."""
    first = {"name": name, "started_at": started_at, "beat_at": now}
    connection.execute(database.insert_new(CLOCKS).values(first))
    connection.execute(
        CLOCKS.update()
        .where(CLOCKS.c.name == name)
        .values(started_at=started_at, beat_at=now, stopped_at=None)
    )


def stop(connection: Connection, name: str, *, started_at: datetime, now: datetime) -> None:
    """Keep that the clock stopped as it was told to; not over one that took its name since."""
    connection.execute(
        CLOCKS.update()
        .where(CLOCKS.c.name == name, CLOCKS.c.started_at == started_at)
        .values(stopped_at=now)
    )


def known(connection: Connection) -> list[Beat]:
    """Return every clock that was ever heard of, the last to beat first."""
    query = select(CLOCKS).order_by(CLOCKS.c.beat_at.desc(), CLOCKS.c.name)
    return [
        Beat(row.name, row.started_at, row.beat_at, row.stopped_at)
        for row in connection.execute(query)
    ]


def find(connection: Connection, name: str) -> Beat | None:
    """Return a clock by its name, if it was ever heard of."""
    return next((one for one in known(connection) if one.name == name), None)
