"""Showing: keeps what Prefect shows of a plan run in step with the database.

The stage runs (made, renamed, resumed, made again where they were lost) and the
artifacts. Prefect shows the truth, it does not hold it: all of this can be done again
at any time, by any process.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Completed, Running

from flows import artifacts, moment
from flows.stage import waiting
from services import board
from services.board import Board, StageView
from services.wiring import Parts
from storage import plans, stage_runs

log = logging.getLogger(__name__)

DEPLOYMENT = "stage/stage"
OPENING = "Opening"
IN_FLIGHT = {StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}
STUCK = timedelta(minutes=5)


async def show(parts: Parts, run: str, now: datetime) -> Board:
    """Bring the stage runs and artifacts of a run up to the database. Call it in a flow run."""
    seen = board.read(parts, run, now)
    async with get_client() as client:
        await show_stages(parts, client, seen, changed_only=True)
        await artifacts.publish(client, seen)
    return seen


async def reconcile(parts: Parts, now: datetime) -> None:
    """Ask Prefect about every stage of every active run, and put right what differs.

    What was cancelled, deleted, crashed or lost with Prefect's database is made again.
    """
    with parts.database.reading() as connection:
        active = plans.all_runs(connection, active_only=True)
    async with get_client() as client:
        for run in active:
            seen = board.read(parts, run.id, now)
            await show_stages(parts, client, seen, changed_only=False)


async def show_stages(
    parts: Parts, client: PrefectClient, seen: Board, *, changed_only: bool
) -> None:
    """Bring the stage runs up to the board; with `changed_only` those that changed."""
    with parts.database.reading() as connection:
        known = stage_runs.of_run(connection, seen.run)
    for view in seen.stages:
        wanted = json.dumps([view.name, view.message], ensure_ascii=False)
        shown = known[view.id].shown if view.id in known else ""
        if changed_only and shown == wanted:
            continue
        flow_run = await _show(client, seen.run, view)
        with parts.database.writing() as connection:
            stage_runs.save(
                parts.database,
                connection,
                seen.run,
                view.id,
                flow_run=str(flow_run.id),
                shown=wanted,
            )


async def _show(client: PrefectClient, run: str, view: StageView) -> FlowRun:
    """Make the stage's flow run say what `view` says, whatever happened to it.

    Its key gives the run that is there already; only a deleted one is made anew. It is
    born running, because one born suspended is shown as "late" for as long as it waits;
    no worker takes it up, and no process is held.
    """
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    flow_run = await client.create_flow_run_from_deployment(
        deployment.id,
        name=f"{run}/{view.id}",
        parameters={"run": run, "stage": view.id},
        idempotency_key=f"{run}/{view.id}",
        tags=["dondoc", f"run:{run}", f"stage:{view.id}"],
        state=Running(name=OPENING),
    )
    state = flow_run.state
    assert state is not None
    says = (state.name, state.message) == (view.name, view.message)
    settled = StateType.COMPLETED if view.is_done else StateType.PAUSED
    if says and state.type is settled:
        return flow_run
    age = moment.wall() - state.timestamp
    if state.type in IN_FLIGHT and state.name != OPENING and age < STUCK:
        # A worker has it: it looks at the database by itself, and would die of being
        # suspended by force just before it starts.
        return flow_run
    if not view.is_done:
        await client.set_flow_run_state(flow_run.id, waiting(view), force=True)
    elif state.type is StateType.PAUSED:
        await client.resume_flow_run(flow_run.id)
    else:
        # It was cancelled or crashed, or nobody took it up: the database says it is done.
        done: State[Any] = Completed(name=view.name, message=view.message)
        await client.set_flow_run_state(flow_run.id, done, force=True)
    return flow_run
