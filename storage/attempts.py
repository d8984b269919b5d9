"""Attempts: every try to send a message, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from storage.tables import ATTEMPTS


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try: `outcome` is the status that it led to, or `began` where it has none yet."""

    began_at: datetime
    outcome: str
    detail: str


def of_message(connection: Connection, message: int) -> list[Attempt]:
    """Return the tries of a message, the first one first."""
    query = select(ATTEMPTS).where(ATTEMPTS.c.message == message).order_by(ATTEMPTS.c.id)
    return [Attempt(row.began_at, row.outcome, row.detail) for row in connection.execute(query)]
