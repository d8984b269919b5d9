"""Outside events: each announced once per name and document."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from storage.database import Database
from storage.tables import OUTSIDE_EVENTS


def save(
    database: Database,
    connection: Connection,
    *,
    name: str,
    document: str,
    happened_at: datetime,
    recorded_at: datetime,
    by: str,
) -> bool:
    """Keep an outside event; say whether it is new."""
    saved = connection.execute(
        database.insert_new(OUTSIDE_EVENTS).values(
            name=name,
            document=document,
            happened_at=happened_at,
            recorded_at=recorded_at,
            by=by,
        )
    )
    return saved.rowcount == 1
