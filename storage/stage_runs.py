"""Stage runs: what in Prefect shows what of a plan run, and what it shows.

A stage stands under its own id, the other views under `kind/name`: `plan/plan`,
`escalation/12`; an artifact under `artifact/board`, where `flow_run` is its own id.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from storage.database import Database
from storage.tables import STAGE_RUNS


@dataclass(frozen=True, slots=True)
class StageRun:
    """A view's flow run, or an artifact; `shown` is what was last put on it."""

    run: str
    stage: str
    flow_run: str | None
    shown: str


def of_run(connection: Connection, run: str) -> dict[str, StageRun]:
    """Return the stage runs of a plan run, by stage."""
    rows = connection.execute(select(STAGE_RUNS).where(STAGE_RUNS.c.run == run))
    return {row.stage: StageRun(row.run, row.stage, row.flow_run, row.shown) for row in rows}


def save(database: Database, connection: Connection, shown: Iterable[StageRun]) -> None:
    """Keep what in Prefect shows which view, and what it shows now."""
    rows = [
        {"run": one.run, "stage": one.stage, "flow_run": one.flow_run, "shown": one.shown}
        for one in shown
    ]
    if not rows:
        return
    connection.execute(database.insert_new(STAGE_RUNS), rows)
    connection.execute(
        STAGE_RUNS.update().where(
            STAGE_RUNS.c.run == bindparam("_run"), STAGE_RUNS.c.stage == bindparam("_stage")
        ),
        [
            {
                "_run": row["run"],
                "_stage": row["stage"],
                "flow_run": row["flow_run"],
                "shown": row["shown"],
            }
            for row in rows
        ],
    )


def unsettled(connection: Connection, view: str) -> list[str]:
    """Return the plan runs whose `view` is not shown as done."""
    query = select(STAGE_RUNS.c.run).where(
        STAGE_RUNS.c.stage == view, STAGE_RUNS.c.shown.not_like('%"look": "done"%')
    )
    return list(connection.execute(query).scalars())
