"""Cleaning: Prefect forgets what ended long ago, so that years of plans do not fill it.

The database keeps everything; what Prefect has of it is for looking at. A run goes with
its logs, its states and its sub-runs. What shows a plan run goes when the plan run itself
has been completed for as long: of one that is active a sweep would only make it again.

Prefect's own vacuum stays off for runs: it knows neither which runs still show something
nor which artifacts do. Its vacuum of events stays on, at seven days.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from flows import moment
from flows.processes import TAG
from services.wiring import Parts
from storage import plans, stage_runs

log = logging.getLogger(__name__)

FLOW_RUNS_ASKED = 100  # flow runs asked for in one request
AT_MOST = 500  # flow runs in one go, some ten seconds; a sweep has other things to do as well
DAY = timedelta(days=1)


async def daily(
    parts: Parts, client: PrefectClient, now: datetime, *, last: datetime | None
) -> datetime | None:
    """Clean if `last` is a day ago or never was; return when it was last done.

    Where more is left than one go takes, the next call goes on.
    """
    if last is not None and now - last < DAY:
        return last
    keep = timedelta(days=parts.settings.prefect_keep_days)
    deleted = await clean(parts, client, now=now, keep=keep)
    return now if deleted < AT_MOST else last


async def clean(parts: Parts, client: PrefectClient, *, now: datetime, keep: timedelta) -> int:
    """Delete what ended longer than `keep` ago, and return how many flow runs went.

    Only ours, by their tag, and only what has ended: what waits, runs or shows a plan run
    that is not long completed stays. `now` is the office's, which may pretend; Prefect's
    own times are the wall's. Safe to run at any time, by several at once.
    """
    deleted = await _completed(parts, client, now - keep)
    ended = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[*TERMINAL_STATES])),
        end_time=FlowRunFilterEndTime.model_validate({"before_": moment.wall() - keep}),
    )
    kept = 0
    while deleted < AT_MOST and (found := await _read(client, ended, offset=kept)):
        # Which of them still show something is asked of ours: Prefect takes no list of all.
        with parts.database.reading() as connection:
            showing = stage_runs.showing(connection, [str(one.id) for one in found])
        old = [one.id for one in found if str(one.id) not in showing]
        before, deleted = deleted, deleted + await _delete(client, old)
        kept += len(found) - min(len(old), deleted - before)
    if deleted:
        log.info("%s old runs deleted from Prefect", deleted, extra={"action": "cleaned"})
    return deleted


async def _completed(parts: Parts, client: PrefectClient, before: datetime) -> int:
    """Delete the views and the pages of plan runs that were completed before then."""
    with parts.database.reading() as connection:
        completed = {one.id: one.completed_at for one in plans.all_runs(connection)}
        shown = stage_runs.runs(connection)
    deleted = 0
    for run in shown:
        completed_at = completed.get(run)
        if completed_at is None or completed_at >= before or deleted >= AT_MOST:
            continue
        with parts.database.reading() as connection:
            views = stage_runs.of_run(connection, run)
        ids = {view: UUID(one.flow_run) for view, one in views.items() if one.flow_run}
        for view, page in ids.items():
            if view.startswith(stage_runs.ARTIFACT):
                with suppress(ObjectNotFound):
                    await client.delete_artifact(page)
        flow_runs = [one for view, one in ids.items() if not view.startswith(stage_runs.ARTIFACT)]
        deleted += await _delete(client, flow_runs)
        with parts.database.writing() as connection:
            stage_runs.forget(connection, run)
    return deleted


async def _delete(client: PrefectClient, ids: Iterable[UUID]) -> int:
    """Delete flow runs and all their sub-runs; return how many went. Their logs go with them."""
    deleted = 0
    for one in ids:
        # A sub-run has no tag of its own where a worker ran its parent.
        parent = FlowRunFilterParentFlowRunId(any_=[one])
        children = await _read(client, FlowRunFilter(parent_flow_run_id=parent))
        deleted += await _delete(client, [child.id for child in children])
        with suppress(ObjectNotFound):  # another clock was here
            await client.delete_flow_run(one)
            deleted += 1
    return deleted


async def _read(client: PrefectClient, wanted: FlowRunFilter, *, offset: int = 0) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_run_filter=wanted, sort=FlowRunSort.END_TIME_DESC, limit=FLOW_RUNS_ASKED, offset=offset
    )
