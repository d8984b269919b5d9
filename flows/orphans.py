"""Orphans: runs that Prefect shows as running although their process is gone.

A worker tells Prefect when the process of a run has died; nobody tells it when the worker,
the clock or the machine has.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import AwaitingRetry, Crashed

from flows import deploying, processes
from language.catalogue import text

log = logging.getLogger(__name__)

IN_FLIGHT = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
STARTS_WITHIN = timedelta(minutes=5)  # from taken up by a worker to running
LONGEST = timedelta(minutes=35)  # a chase may take 30
FLOW_RUNS_ASKED = 200  # for in one request


async def end_or_restart(client: PrefectClient, now: datetime, language: str) -> int:
    """End what has been running for too long, start anew what never began; say how many.

    `now` is the wall's time. One request, unless there is an orphan.
    """
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(IN_FLIGHT))),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate(
            {"before_": now - STARTS_WITHIN}
        ),
    )
    count = 0
    # By their names: the sub-run of a chase has no tag of ours and no deployment.
    ours = FlowFilter(name=FlowFilterName(any_=list(deploying.names())))
    for one in await client.read_flow_runs(
        flow_filter=ours, flow_run_filter=wanted, limit=FLOW_RUNS_ASKED
    ):
        # Another's flow on a shared server may be called so too.
        is_ours = processes.TAG in one.tags or one.parent_task_run_id is not None
        state = _fate(one, now, language) if is_ours else None
        if state is not None:
            await _set(client, one.id, state)
            log.warning("%s is an orphan", one.name, extra={"action": "orphan"})
            count += 1
    return count


def _fate(run: FlowRun, now: datetime, language: str) -> State[None] | None:
    """Return the state that an orphan is put into; None for what may be alive."""
    state = run.state
    if state is None:
        return None
    age = now - state.timestamp
    if state.type is StateType.PENDING and run.deployment_id is not None:
        # The worker died before it began: what an operator entered must not be lost.
        return AwaitingRetry(scheduled_time=now) if age > STARTS_WITHIN else None
    if age <= LONGEST:
        return None
    return Crashed(message=text(language, "look.orphan"))


async def _set(client: PrefectClient, run: UUID, state: State[None]) -> None:
    await client.set_flow_run_state(run, state, force=True)
