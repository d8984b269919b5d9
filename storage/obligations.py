"""Obligations: the projection of the fold, and the index of what wakes when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, func, select, union_all

from engine.ledger import ObligationState, Standing
from storage.tables import OBLIGATIONS, PLAN_RUNS


@dataclass(frozen=True, slots=True)
class Projected:
    """An obligation's state together with its next wake-up."""

    state: ObligationState
    next_wake_at: datetime | None


def create(connection: Connection, run: str, projected: Iterable[Projected]) -> None:
    """Write the obligations of a new run, in the plan's order."""
    rows = [
        {
            "run": run,
            "id": item.state.obligation.id,
            "position": position,
            "stage": item.state.obligation.stage.id,
            "task": item.state.obligation.task.id,
            "agency": item.state.obligation.agency.id,
            **_changing(item),
        }
        for position, item in enumerate(projected)
    ]
    if rows:
        connection.execute(OBLIGATIONS.insert(), rows)


def project(connection: Connection, run: str, projected: Iterable[Projected]) -> None:
    """Bring the rows of changed obligations up to their state."""
    rows = [{"_id": item.state.obligation.id, **_changing(item)} for item in projected]
    if rows:
        connection.execute(
            OBLIGATIONS.update().where(
                OBLIGATIONS.c.run == run, OBLIGATIONS.c.id == bindparam("_id")
            ),
            rows,
        )


def due(connection: Connection, run: str, now: datetime) -> list[str]:
    """Return the ids of a run's obligations that wake at or before `now`, in plan order."""
    query = (
        select(OBLIGATIONS.c.id)
        .where(OBLIGATIONS.c.run == run, OBLIGATIONS.c.next_wake_at <= now)
        .order_by(OBLIGATIONS.c.position)
    )
    return list(connection.execute(query).scalars())


def due_runs(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """Return the runs in which something wakes at or before `now`, the longest waiting first.

    An obligation with a rung to issue, a gate that gives way, or news to be told.
    """
    waking = union_all(
        select(OBLIGATIONS.c.run.label("run"), OBLIGATIONS.c.next_wake_at.label("at")).where(
            OBLIGATIONS.c.next_wake_at <= now
        ),
        *(
            select(PLAN_RUNS.c.id.label("run"), column.label("at")).where(column <= now)
            for column in (PLAN_RUNS.c.next_turn_at, PLAN_RUNS.c.news_at)
        ),
    ).subquery()
    query = select(waking.c.run).group_by(waking.c.run).order_by(func.min(waking.c.at)).limit(limit)
    return list(connection.execute(query).scalars())


def first_last_day(connection: Connection, run: str) -> date | None:
    """Return the earliest last day of what is open in a run, if anything dated is."""
    query = select(func.min(OBLIGATIONS.c.last_day)).where(
        OBLIGATIONS.c.run == run,
        OBLIGATIONS.c.standing == Standing.OPEN.value,
        OBLIGATIONS.c.opened_at.is_not(None),
    )
    return connection.execute(query).scalar()


def latest_last_day(connection: Connection, run: str) -> date | None:
    """Return the latest last day of anything in a run, if anything is dated."""
    query = select(func.max(OBLIGATIONS.c.last_day)).where(OBLIGATIONS.c.run == run)
    return connection.execute(query).scalar()


def has_wakes(connection: Connection, run: str) -> bool:
    """Say whether any obligation of the run has a wake-up ahead."""
    query = select(OBLIGATIONS.c.id).where(
        OBLIGATIONS.c.run == run, OBLIGATIONS.c.next_wake_at.is_not(None)
    )
    return connection.execute(query.limit(1)).first() is not None


def next_wake(connection: Connection) -> datetime | None:
    """Return the earliest moment at which any run wants attention, if ever."""
    firsts = (
        select(column).where(column.is_not(None)).order_by(column).limit(1).scalar_subquery()
        for column in (OBLIGATIONS.c.next_wake_at, PLAN_RUNS.c.next_turn_at, PLAN_RUNS.c.news_at)
    )
    return min((at for at in connection.execute(select(*firsts)).one() if at), default=None)


def _changing(item: Projected) -> dict[str, object]:
    state = item.state
    return {
        "standing": state.standing.value,
        "round": state.round,
        "opened_at": state.opened_at,
        "last_day": None if state.due is None else state.due.last_day,
        "late_from": None if state.due is None else state.due.late_from,
        "submitted_on": state.submitted_on,
        "settled_at": state.settled_at,
        "next_wake_at": item.next_wake_at,
    }
