"""Further chases: runs of `chase` that the pool's workers take, beside the clock's own.

A morning of more than one batch is shared out: each takes batches that nobody else has.
Nothing rests on them: what one that dies leaves is still due, and the clock's own chase
takes whatever nobody else does.
"""

from __future__ import annotations

import logging
from datetime import datetime

from prefect.client.orchestration import PrefectClient

from flows import moment
from flows.processes import TAG
from flows.workload import TIME_OF_A_CHASE
from services import chasing
from services.wiring import Parts

log = logging.getLogger(__name__)

DEPLOYMENT = "chase/chase"
WAITING = ["SCHEDULED"]
AT_WORK = ["PENDING", "RUNNING"]


async def call(parts: Parts, client: PrefectClient, now: datetime) -> int:
    """Start the chases that are wanted beside our own and not there yet; return how many.

    One for each further batch that is due, up to `DONDOC_CHASERS` in all. Several clocks
    that call within the same minute call the same ones.
    """
    most = parts.settings.chasers - 1
    if most < 1:
        return 0
    due = chasing.count_due(parts, now, most=chasing.BATCH * most + 1)
    wanted = min(most, (due - 1) // chasing.BATCH)
    if wanted < 1:
        return 0
    deployment = await client.read_deployment_by_name(DEPLOYMENT)
    there = await _there(client, str(deployment.id))
    minute = moment.wall().strftime("%Y-%m-%dT%H:%M")
    for number in range(there, wanted):
        await client.create_flow_run_from_deployment(
            deployment.id, idempotency_key=f"chase {minute} {number}", tags=[TAG]
        )
    called = max(0, wanted - there)
    if called:
        log.info("%d further chases called", called, extra={"action": "chases-called"})
    return called


async def _there(client: PrefectClient, deployment: str) -> int:
    """Return how many chases of the pool wait for a worker, or may be at work.

    One that has been running for longer than its share is dead, whatever Prefect shows.
    """
    alive = (moment.wall() - 2 * TIME_OF_A_CHASE).isoformat()
    count = 0
    for about in (
        {"state": {"type": {"any_": WAITING}}},
        {"state": {"type": {"any_": AT_WORK}}, "expected_start_time": {"after_": alive}},
    ):
        body = {"flow_runs": about | {"deployment_id": {"any_": [deployment]}}}
        answer = await client.request("POST", "/flow_runs/count", json=body)
        count += int(answer.json())
    return count
