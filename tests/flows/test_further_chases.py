"""Chasers: as many as a morning has batches for, called once, whoever calls."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest

from flows import further_chases, moment
from services import chasing
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import start


class Pool:
    """What Prefect has of the deployment's runs."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.there = {"SCHEDULED": 0, "RUNNING": 0}
        self.asked: list[dict[str, Any]] = []

    async def read_deployment_by_name(self, name: str) -> Any:
        assert name == "chase/chase"
        return SimpleNamespace(id=uuid4())

    async def request(self, method: str, path: str, *, json: Any) -> Any:
        assert (method, path) == ("POST", "/flow_runs/count")
        self.asked.append(json["flow_runs"])
        types = json["flow_runs"]["state"]["type"]["any_"]
        count = sum(count for state, count in self.there.items() if state in types)
        return SimpleNamespace(json=lambda: count)

    async def create_flow_run_from_deployment(
        self, _id: Any, *, idempotency_key: str, tags: list[str]
    ) -> None:
        assert tags == ["dondoc"]
        self.keys.append(idempotency_key)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool:
    """A pool in which nothing runs, in one minute of the wall's; a batch is of two runs."""
    monkeypatch.setattr(moment, "wall", lambda: w.at("2026-11-25 08:00"))
    monkeypatch.setattr(chasing, "BATCH", 2)
    return Pool()


def call(parts: Parts, pool: Pool, most: int) -> int:
    """Call up to `most` chases for what is due."""
    parts = replace(parts, settings=parts.settings.model_copy(update={"chasers": most}))
    return asyncio.run(further_chases.call(parts, pool, w.START))  # type: ignore[arg-type]


def many(parts: Parts, count: int) -> None:
    """Start so many runs of which something is due."""
    for number in range(count):
        start(parts, w.bundle(plan=f"nho-{number}"))


@pytest.mark.parametrize(("due", "most", "wanted"), [(2, 4, 0), (3, 4, 1), (9, 4, 3), (9, 1, 0)])
def test_there_are_as_many_as_there_are_batches(
    parts: Parts, pool: Pool, due: int, most: int, wanted: int
):
    """A quiet morning needs no worker; the clock's own chase is one of them."""
    many(parts, due)

    assert call(parts, pool, most) == wanted
    assert len(pool.keys) == wanted


def test_those_that_wait_or_work_are_counted(parts: Parts, pool: Pool):
    """A worker that is away for a day comes back to a few runs, not to thousands."""
    many(parts, 9)
    pool.there = {"SCHEDULED": 1, "RUNNING": 1}

    assert call(parts, pool, 4) == 1
    assert "expected_start_time" not in pool.asked[0]  # one that waits is there however long
    assert "expected_start_time" in pool.asked[1]  # one that runs beyond its share is dead


def test_two_clocks_call_the_same_ones(parts: Parts, pool: Pool):
    """By their keys Prefect makes them once."""
    many(parts, 9)
    call(parts, pool, 4)
    call(parts, pool, 4)

    assert pool.keys[:3] == pool.keys[3:]
    assert len(set(pool.keys)) == 3
