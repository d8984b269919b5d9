"""Obligations: the projection of the fold, and the index of what wakes when."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, func, select

from engine.ledger import ObligationState, Standing
from storage import sets
from storage.tables import OBLIGATIONS


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
    sets.insert(connection, OBLIGATIONS, sets.columns_of(rows))


def project(connection: Connection, projected: Iterable[tuple[str, Projected]]) -> None:
    """Bring the rows of changed obligations, each with its run, up to their state."""
    rows = [
        {"run": run, "id": item.state.obligation.id, **_changing(item)} for run, item in projected
    ]
    sets.update(connection, OBLIGATIONS, sets.columns_of(rows), key=("run", "id"))


def due_of(connection: Connection, runs: Collection[str], now: datetime) -> dict[str, list[str]]:
    """Return the ids of what wakes at or before `now` in each of `runs`, in plan order."""
    found: dict[str, list[str]] = {run: [] for run in runs}
    for row in connection.execute(_DUE_OF, {"runs": list(runs), "now": now}):
        found[row.run].append(row.id)
    return found


_DUE_OF = (
    select(OBLIGATIONS.c.run, OBLIGATIONS.c.id)
    .where(
        OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)),
        OBLIGATIONS.c.next_wake_at <= bindparam("now"),
    )
    .order_by(OBLIGATIONS.c.run, OBLIGATIONS.c.position)
)


def count_due(connection: Connection, runs: Collection[str], now: datetime) -> dict[str, int]:
    """Return how many obligations of each of `runs` wake at or before `now`."""
    rows = connection.execute(_COUNTED, {"runs": list(runs), "now": now})
    return dict.fromkeys(runs, 0) | {row.run: row.due for row in rows}


_COUNTED = (
    select(OBLIGATIONS.c.run, func.count().label("due"))
    .where(
        OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)),
        OBLIGATIONS.c.next_wake_at <= bindparam("now"),
    )
    .group_by(OBLIGATIONS.c.run)
)


def count(connection: Connection, runs: Collection[str]) -> dict[str, int]:
    """Return how many obligations each of `runs` has."""
    rows = connection.execute(_ALL_COUNTED, {"runs": list(runs)})
    return dict.fromkeys(runs, 0) | {row.run: row.all for row in rows}


_ALL_COUNTED = (
    select(OBLIGATIONS.c.run, func.count().label("all"))
    .where(OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)))
    .group_by(OBLIGATIONS.c.run)
)


def set_wakes(connection: Connection, wakes: Iterable[tuple[str, str, datetime | None]]) -> None:
    """Set when obligations next wake, each named by its run and its id."""
    rows = list(wakes)
    values: sets.Values = {
        "next_wake_at": [at for _, _, at in rows],
        "run": [run for run, _, _ in rows],
        "id": [key for _, key, _ in rows],
    }
    sets.update(connection, OBLIGATIONS, values, key=("run", "id"))


def first_last_days(connection: Connection, runs: Collection[str]) -> dict[str, date]:
    """Return the earliest last day of what is open in each of `runs` where anything dated is."""
    rows = connection.execute(_FIRST_LAST_DAYS, {"runs": list(runs)})
    return {row.run: row.day for row in rows if row.day is not None}


_FIRST_LAST_DAYS = (
    select(OBLIGATIONS.c.run, func.min(OBLIGATIONS.c.last_day).label("day"))
    .where(
        OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)),
        OBLIGATIONS.c.standing == Standing.OPEN.value,
        OBLIGATIONS.c.opened_at.is_not(None),
    )
    .group_by(OBLIGATIONS.c.run)
)


def latest_last_day(connection: Connection, run: str) -> date | None:
    """Return the latest last day of anything in a run, if anything is dated."""
    query = select(func.max(OBLIGATIONS.c.last_day)).where(OBLIGATIONS.c.run == run)
    return connection.execute(query).scalar()


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
