"""Stage runs: what in Prefect shows what of a plan run, and what it shows.

A stage stands under its own id, the other views under `kind/name`: `plan/plan`,
`escalation/12`; an artifact under `artifact/board`, where `flow_run` is its own id. One
row more, `lock/showing`, says which process is showing the run just now, and until when at
most; while none is, up to where in the ledger all of it is shown, and how long that holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, or_, select

from storage.database import Database
from storage.tables import PLAN_RUNS, STAGE_RUNS

# Where other things stand beside the stages: no stage's id has a stroke.
LOCK, ARTIFACT, ESCALATION = "lock/showing", "artifact/", "escalation/"
IN_PART = datetime.min.replace(tzinfo=UTC)  # until when it holds that a run is shown in part


@dataclass(frozen=True, slots=True)
class StageRun:
    """A view's flow run, or an artifact; `shown` is what was last put on it."""

    run: str
    stage: str
    flow_run: str | None
    shown: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to which entry of the ledger a plan run is shown, and until when that holds by itself."""

    seq: int
    until: datetime


def of_run(connection: Connection, run: str) -> dict[str, StageRun]:
    """Return the stage runs of a plan run, by stage."""
    mine = (STAGE_RUNS.c.run == run, STAGE_RUNS.c.stage != LOCK)
    rows = connection.execute(select(STAGE_RUNS).where(*mine))
    return {row.stage: StageRun(row.run, row.stage, row.flow_run, row.shown) for row in rows}


def of_runs(connection: Connection, runs: Collection[str]) -> dict[str, dict[str, StageRun]]:
    """Return the stage runs of several plan runs, by run and stage."""
    found: dict[str, dict[str, StageRun]] = {run: {} for run in runs}
    theirs = (STAGE_RUNS.c.run.in_(runs), STAGE_RUNS.c.stage != LOCK)
    for row in connection.execute(select(STAGE_RUNS).where(*theirs)):
        found[row.run][row.stage] = StageRun(row.run, row.stage, row.flow_run, row.shown)
    return found


def marks(connection: Connection, runs: Collection[str]) -> dict[str, Mark]:
    """Return up to where plan runs are shown; one that is being shown, or never was, has none."""
    free = (STAGE_RUNS.c.stage == LOCK, STAGE_RUNS.c.flow_run.is_(None))
    query = select(STAGE_RUNS.c.run, STAGE_RUNS.c.shown).where(STAGE_RUNS.c.run.in_(runs), *free)
    found = {}
    for row in connection.execute(query):
        with suppress(ValueError):  # what was left by one that failed is no mark
            seq, until = row.shown.split(" ", 1)
            found[row.run] = Mark(int(seq), datetime.fromisoformat(until))
    return found


def held(connection: Connection, runs: Collection[str], now: datetime) -> set[str]:
    """Return the plan runs that a process is showing just now; `now` is the wall's time."""
    taken = (STAGE_RUNS.c.stage == LOCK, STAGE_RUNS.c.flow_run.is_not(None))
    query = select(STAGE_RUNS.c.run).where(
        STAGE_RUNS.c.run.in_(runs), *taken, STAGE_RUNS.c.shown > now.isoformat()
    )
    return set(connection.execute(query).scalars())


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


def unsettled(connection: Connection) -> list[str]:
    """Return the plan runs that are completed, and not shown as done, or in part only."""
    view, shown = STAGE_RUNS.c.stage, STAGE_RUNS.c.shown
    completed = select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.completed_at.is_not(None))
    query = select(STAGE_RUNS.c.run).where(
        STAGE_RUNS.c.run.in_(completed),
        or_(
            and_(
                view != LOCK,
                view.not_like(f"{ARTIFACT}%"),
                view.not_like(f"{ESCALATION}%"),  # one that nobody answers stays red for good
                shown.not_like('%"look": "done"%'),
            ),
            and_(view == LOCK, shown.like(f"% {IN_PART.isoformat()}")),
        ),
    )
    return list(connection.execute(query.distinct()).scalars())


def claim(
    database: Database,
    connection: Connection,
    run: str,
    owner: str,
    *,
    now: datetime,
    lease: timedelta,
) -> bool:
    """Take the right to show a run, for the length of `lease`; say whether it was free.

    Two processes that show a run at once would make each artifact twice, and the older
    board might come last. A claim lapses with a process that died.
    """
    connection.execute(database.insert_new(STAGE_RUNS).values(run=run, stage=LOCK, shown=""))
    claimed = connection.execute(
        STAGE_RUNS.update()
        .where(
            STAGE_RUNS.c.run == run,
            STAGE_RUNS.c.stage == LOCK,
            or_(
                STAGE_RUNS.c.flow_run.is_(None),
                STAGE_RUNS.c.shown <= now.isoformat(),
                # Taken before the wall's clock was set back: it may be long until then.
                STAGE_RUNS.c.shown > (now + lease).isoformat(),
            ),
        )
        .values(flow_run=owner, shown=(now + lease).isoformat())
    )
    return claimed.rowcount == 1


def release(connection: Connection, run: str, owner: str, mark: Mark | None = None) -> None:
    """Give the right to show a run back, if it is still held; `mark` says what is shown now."""
    shown = "" if mark is None else f"{mark.seq} {mark.until.isoformat()}"
    connection.execute(
        STAGE_RUNS.update()
        .where(STAGE_RUNS.c.run == run, STAGE_RUNS.c.stage == LOCK, STAGE_RUNS.c.flow_run == owner)
        .values(flow_run=None, shown=shown)
    )


def runs(connection: Connection) -> list[str]:
    """Return the plan runs of which Prefect shows anything."""
    return list(connection.execute(select(STAGE_RUNS.c.run).distinct()).scalars())


def showing(connection: Connection, flow_runs: Collection[str]) -> set[str]:
    """Return those of some flow runs that show something, of whatever plan run."""
    query = select(STAGE_RUNS.c.flow_run).where(
        STAGE_RUNS.c.flow_run.in_(flow_runs), STAGE_RUNS.c.stage != LOCK
    )
    return {one for one in connection.execute(query).scalars() if one}


def forget(connection: Connection, run: str) -> None:
    """Forget what showed a plan run: it is in Prefect no more."""
    connection.execute(STAGE_RUNS.delete().where(STAGE_RUNS.c.run == run))
