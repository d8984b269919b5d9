"""Plans: the versions of plans, and their runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from storage.database import Database
from storage.tables import PLAN_RUNS, PLAN_VERSIONS


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A plan run as stored, with the version of the plan that it executes."""

    id: str
    plan: str
    number: str
    title: str
    plan_version: int
    fingerprint: str
    started_at: datetime
    completed_at: datetime | None
    next_turn_at: datetime | None
    news_at: datetime | None


def save_version(
    database: Database,
    connection: Connection,
    *,
    plan: str,
    fingerprint: str,
    number: str,
    title: str,
    bundle: Mapping[str, Any],
    now: datetime,
) -> int:
    """Keep a plan's texts, once per fingerprint, and return the version's id."""
    connection.execute(
        database.insert_new(PLAN_VERSIONS).values(
            plan=plan,
            fingerprint=fingerprint,
            number=number,
            title=title,
            bundle=dict(bundle),
            recorded_at=now,
        )
    )
    found = connection.execute(
        select(PLAN_VERSIONS.c.id).where(
            PLAN_VERSIONS.c.plan == plan, PLAN_VERSIONS.c.fingerprint == fingerprint
        )
    ).scalar_one()
    return int(found)


def bundle_of(connection: Connection, version: int) -> Mapping[str, Any]:
    """Return the texts of a plan version."""
    bundle: Mapping[str, Any] = connection.execute(
        select(PLAN_VERSIONS.c.bundle).where(PLAN_VERSIONS.c.id == version)
    ).scalar_one()
    return bundle


def create_run(
    database: Database, connection: Connection, *, run: str, version: int, started_at: datetime
) -> bool:
    """Keep a new run; say whether it is new. One that is there already stays as it is."""
    created = connection.execute(
        database.insert_new(PLAN_RUNS).values(id=run, plan_version=version, started_at=started_at)
    )
    return created.rowcount == 1


def find_run(connection: Connection, run: str) -> StoredRun | None:
    """Return a run by its id, if there is one."""
    row = connection.execute(_runs().where(PLAN_RUNS.c.id == run)).one_or_none()
    return None if row is None else _stored(row)


def lock(connection: Connection, run: str) -> None:
    """Keep others who lock the run waiting until the transaction ends.

    SQLite knows no such lock and passes over it: its writers stand in line anyway. What
    only refers to the run (the rows of what Prefect shows) need not wait.
    """
    connection.execute(_LOCKED, {"run": run})


_LOCKED = (
    select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.id == bindparam("run")).with_for_update(key_share=True)
)


def all_runs(connection: Connection, *, active_only: bool = False) -> list[StoredRun]:
    """Return the runs, the latest started first."""
    query = _runs().order_by(PLAN_RUNS.c.started_at.desc(), PLAN_RUNS.c.id)
    if active_only:
        query = query.where(PLAN_RUNS.c.completed_at.is_(None))
    return [_stored(row) for row in connection.execute(query)]


def set_turn(
    connection: Connection,
    run: str,
    *,
    next_turn_at: datetime | None,
    completed_at: datetime | None,
    news_at: datetime | None = None,
) -> None:
    """Set when a gate of the run next gives way by itself, and whether it is completed.

    `news_at` is when its coordinator is told of events and stages, if there is news.
    """
    connection.execute(
        PLAN_RUNS.update()
        .where(PLAN_RUNS.c.id == run)
        .values(next_turn_at=next_turn_at, completed_at=completed_at, news_at=news_at)
    )


def clear_news(connection: Connection, run: str) -> None:
    """Note that no news of a run wait any more."""
    connection.execute(PLAN_RUNS.update().where(PLAN_RUNS.c.id == run).values(news_at=None))


def _runs() -> Select[Any]:
    return select(
        PLAN_RUNS,
        PLAN_VERSIONS.c.plan,
        PLAN_VERSIONS.c.number,
        PLAN_VERSIONS.c.title,
        PLAN_VERSIONS.c.fingerprint,
    ).join(PLAN_VERSIONS, PLAN_VERSIONS.c.id == PLAN_RUNS.c.plan_version)


def _stored(row: Row[Any]) -> StoredRun:
    return StoredRun(
        id=row.id,
        plan=row.plan,
        number=row.number,
        title=row.title,
        plan_version=row.plan_version,
        fingerprint=row.fingerprint,
        started_at=row.started_at,
        completed_at=row.completed_at,
        next_turn_at=row.next_turn_at,
        news_at=row.news_at,
    )
