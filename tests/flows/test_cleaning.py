"""Cleaning: how often, how much at once, and what goes along."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from flows import cleaning
from services.wiring import Parts
from storage import stage_runs
from storage.stage_runs import StageRun

NOW = datetime(2020, 5, 11, 1, 0, tzinfo=UTC)


class Old:
    """A server of runs that all ended long ago, every request counted."""

    def __init__(self, runs: int, children: int = 0) -> None:
        self.runs = {one.id: one for one in (_run() for _ in range(runs))}
        self.children = {run: [_run() for _ in range(children)] for run in self.runs}
        self.asked = 0
        self.deleted: list[UUID] = []

    async def read_flow_runs(
        self, *, flow_run_filter: FlowRunFilter, sort: Any, limit: int, offset: int
    ) -> list[FlowRun]:
        self.asked += 1
        if (of := flow_run_filter.parent_flow_run_id) is not None:
            return [child for run in of.any_ or [] for child in self.children.get(run, [])]
        return list(self.runs.values())[offset : offset + limit]

    async def delete_flow_run(self, run: UUID) -> None:
        if run in self.deleted:
            raise ObjectNotFound(Exception(run))
        self.deleted.append(run)
        self.runs.pop(run, None)


def _run() -> FlowRun:
    return FlowRun(id=uuid4(), flow_id=uuid4(), name="old")


def daily(parts: Parts, old: Old, last: datetime | None) -> datetime | None:
    """Clean as a sweep does."""
    return asyncio.run(cleaning.daily(parts, cast(PrefectClient, old), NOW, last=last))


def test_a_day_has_one_cleaning(parts: Parts):
    """A sweep comes each minute; what it costs must not grow with that."""
    old = Old(runs=3)
    hours = NOW - timedelta(hours=23)

    assert daily(parts, old, hours) == hours
    assert old.asked == 0
    assert daily(parts, old, NOW - timedelta(days=1)) == NOW
    assert len(old.deleted) == 3


def test_what_is_too_much_for_one_go_is_left_to_the_next_sweep(parts: Parts):
    """The first cleaning of an old server must not hold up the sweeps."""
    old = Old(runs=cleaning.AT_MOST + 150)

    assert daily(parts, old, None) is None
    assert len(old.runs) == 150
    assert daily(parts, old, None) == NOW
    assert old.runs == {}


def test_sub_runs_go_with_the_run_that_they_belong_to(parts: Parts):
    """One that a worker's run began has no tag by which it could be found later."""
    old = Old(runs=1, children=2)

    daily(parts, old, None)

    assert len(set(old.deleted)) == len(old.deleted) == 3


def test_what_still_shows_a_plan_run_stays_however_much_there_is_of_it(small: Parts):
    """Thousands of red runs hide nothing that may go, and are not named all at once."""
    old = Old(runs=350)
    shown = list(old.runs)[:220]
    with small.database.writing() as connection:
        rows = [StageRun("nho", f"escalation/{n}", str(run), "") for n, run in enumerate(shown)]
        stage_runs.save(small.database, connection, rows)

    assert daily(small, old, None) == NOW

    assert list(old.runs) == shown
