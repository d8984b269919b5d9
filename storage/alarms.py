"""Alarms: when the operator was last mailed about what."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from storage.database import Database
from storage.tables import ALARMS


def claim(
    database: Database,
    connection: Connection,
    kind: str,
    subject: str,
    *,
    now: datetime,
    quiet: timedelta,
) -> bool:
    """Say whether a mail about this may go out now, and keep that it does: one in `quiet`."""
    new = {"kind": kind, "subject": subject, "mailed_at": now}
    if connection.execute(database.insert_new(ALARMS).values(new)).rowcount == 1:
        return True
    taken = connection.execute(
        ALARMS.update()
        .where(
            ALARMS.c.kind == kind,
            ALARMS.c.subject == subject,
            ALARMS.c.mailed_at <= now - quiet,
        )
        .values(mailed_at=now)
    )
    return taken.rowcount == 1


def last(connection: Connection, kind: str, subject: str) -> datetime | None:
    """Return when a mail last went out about this, if ever."""
    query = select(ALARMS.c.mailed_at).where(ALARMS.c.kind == kind, ALARMS.c.subject == subject)
    found: datetime | None = connection.execute(query).scalar()
    return found


def release(connection: Connection, kind: str, subject: str) -> None:
    """Forget that a mail went out about this: it did not."""
    connection.execute(ALARMS.delete().where(ALARMS.c.kind == kind, ALARMS.c.subject == subject))


def put_back(connection: Connection, kind: str, subject: str, at: datetime | None) -> None:
    """Set when a mail last went out about this to what it was: the one that was claimed did not."""
    if at is None:
        release(connection, kind, subject)
        return
    row = (ALARMS.c.kind == kind, ALARMS.c.subject == subject)
    connection.execute(ALARMS.update().where(*row).values(mailed_at=at))
