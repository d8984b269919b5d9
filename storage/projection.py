"""Projection: the rows that follow from the ledger, as they are, and how they are written anew."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from storage.ledger import STATE_KINDS
from storage.tables import LEDGER, OBLIGATIONS, PLAN_RUNS

KINDS = sorted(kind.value for kind in STATE_KINDS)


def rows(connection: Connection, run: str) -> list[RowMapping]:
    """Return the rows of a run's obligations, by their columns."""
    query = select(OBLIGATIONS).where(OBLIGATIONS.c.run == run).order_by(OBLIGATIONS.c.position)
    return list(connection.execute(query).mappings())


def run_row(connection: Connection, run: str) -> RowMapping:
    """Return the row of a run, by its columns."""
    return connection.execute(select(PLAN_RUNS).where(PLAN_RUNS.c.id == run)).mappings().one()


def clear(connection: Connection, run: str) -> None:
    """Remove the rows of a run's obligations, to be written anew in the same transaction."""
    connection.execute(OBLIGATIONS.delete().where(OBLIGATIONS.c.run == run))


def astray(connection: Connection, run: str) -> list[str]:
    """Return the columns that do not follow from others as they should.

    `wakes_at` of the run is the first of its wake-ups; `changes_state` of an entry says
    whether the fold reads its kind.
    """
    found = []
    row = run_row(connection, run)
    first = select(func.min(OBLIGATIONS.c.next_wake_at)).where(OBLIGATIONS.c.run == run)
    moments = [connection.execute(first).scalar(), row["next_turn_at"], row["news_at"]]
    if row["wakes_at"] != min((at for at in moments if at is not None), default=None):
        found.append("wakes_at")
    wrong = select(LEDGER.c.seq).where(LEDGER.c.run == run, _is_astray()).limit(1)
    if connection.execute(wrong).first() is not None:
        found.append("changes_state")
    return found


def mark_states(connection: Connection, run: str) -> None:
    """Say of each entry of a run whether the fold reads it."""
    changed = LEDGER.update().where(LEDGER.c.run == run, _is_astray())
    connection.execute(changed.values(changes_state=LEDGER.c.kind.in_(KINDS)))


def _is_astray() -> Any:
    return LEDGER.c.changes_state != LEDGER.c.kind.in_(KINDS)
