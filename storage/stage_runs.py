"""Stage runs: which Prefect flow run shows a stage, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from storage.database import Database
from storage.tables import STAGE_RUNS


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage's flow run; `shown` is the state that was last put on it."""

    run: str
    stage: str
    flow_run: str | None
    shown: str


def of_run(connection: Connection, run: str) -> dict[str, StageRun]:
    """Return the stage runs of a plan run, by stage."""
    rows = connection.execute(select(STAGE_RUNS).where(STAGE_RUNS.c.run == run))
    return {row.stage: StageRun(row.run, row.stage, row.flow_run, row.shown) for row in rows}


def save(
    database: Database, connection: Connection, run: str, stage: str, *, flow_run: str, shown: str
) -> None:
    """Keep which flow run shows the stage, and what it shows now."""
    connection.execute(database.insert_new(STAGE_RUNS).values(run=run, stage=stage, shown=""))
    connection.execute(
        STAGE_RUNS.update()
        .where(STAGE_RUNS.c.run == run, STAGE_RUNS.c.stage == stage)
        .values(flow_run=flow_run, shown=shown)
    )
