"""Overview: the active plan runs side by side, the worst first, counted without folding any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.wiring import Parts
from storage import plans
from storage.plans import Load

MOST_ROWS = 50
"""Runs that a screen shows; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The active runs at `now`, the worst first; `count` is how many there are in all."""

    now: datetime
    loads: Sequence[Load]
    count: int


def has_several(parts: Parts) -> bool:
    """Say whether more than one run is active, so that none is meant without a name."""
    with parts.database.reading() as connection:
        return plans.count_active(connection) > 1


def read(parts: Parts, now: datetime, *, limit: int | None) -> Overview:
    """Return the active runs at `now`: up to `limit` of them, or all."""
    with parts.database.reading() as connection:
        loads = plans.loads(connection, now, limit=limit)
        count = plans.count_active(connection)
    return Overview(now.astimezone(ZoneInfo(parts.settings.time_zone)), loads, count)


def as_json(seen: Overview) -> list[dict[str, Any]]:
    """Return one object for each run."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(seen.now.tzinfo).isoformat()

    return [
        {
            "run": load.run.id,
            "plan": load.run.plan,
            "number": load.run.number,
            "title": load.run.title,
            "started_at": at(load.run.started_at),
            "as_of": at(seen.now),
            "overdue": load.overdue,
            "late_since": at(load.late_since),
            "open": load.open,
            "next_wake_at": at(load.run.wakes_at),
        }
        for load in seen.loads
    ]
