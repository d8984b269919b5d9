"""Rounds: what changed is shown first, the most urgent before the others, and all in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from prefect.states import Cancelled
from sqlalchemy import event

from flows import moment, rounds, showing
from flows.rounds import Rounds, Urgency
from services.wiring import Parts
from tests.flows.fake_prefect import FakePrefect
from tests.services import written as w
from tests.services.office import start, submit, wake

MORNING = w.at("2020-05-12 08:00")


@pytest.fixture
def prefect(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePrefect]:
    """A server on which nothing is shown yet, on the wall's one day."""
    monkeypatch.setattr(moment, "wall", lambda: w.at("2026-11-25 10:00"))
    fake = FakePrefect(moment.wall)
    monkeypatch.setattr(showing, "get_client", fake.client)
    monkeypatch.setattr(rounds, "get_client", fake.client)
    yield fake
    assert len(fake.names) == len(set(fake.names)), fake.names
    assert len(fake.pages) == len(set(fake.pages)), fake.pages


class Ticks:
    """A monotonic clock on which each look takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def many(parts: Parts, count: int) -> list[str]:
    """Start so many runs."""
    return [start(parts, w.bundle(plan=f"nho-{number:02}")) for number in range(count)]


def sweep(one: Rounds) -> None:
    """Sweep as the clock does each minute."""
    asyncio.run(one.sweep(MORNING))


def catch_up(one: Rounds) -> bool:
    """Show what changed, as the clock does when the ledger moves."""
    return asyncio.run(one.catch_up(MORNING))


def statements(parts: Parts, work: Any) -> int:
    """Count the statements of a piece of work."""
    count = 0

    def listen(*_: Any) -> None:
        nonlocal count
        count += 1

    event.listen(parts.database.engine, "before_cursor_execute", listen)
    try:
        work()
    finally:
        event.remove(parts.database.engine, "before_cursor_execute", listen)
    return count


def test_what_is_escalated_is_shown_before_what_merely_changed(parts: Parts, prefect: FakePrefect):
    """On a large morning it takes long until all is shown: the worst must not come last."""
    late = start(parts, w.bundle(plan="tre"))
    wake(parts, w.at("2020-05-11 08:00"))
    wake(parts, MORNING)
    many(parts, 3)
    one = Rounds(parts)
    one._take_notice()

    first = list(one._in_order(MORNING))

    assert first == [late, "nho-00", "nho-01", "nho-02"]
    assert one._behind[late].urgency is Urgency.ESCALATED


def test_a_share_that_is_over_leaves_the_rest_to_the_next(parts: Parts, prefect: FakePrefect):
    """Showing never goes on for ever: what else the clock does gets its turn."""
    many(parts, 12)
    one = Rounds(parts, share=timedelta(seconds=0), ticks=Ticks())

    assert catch_up(one) is False
    shown = sum(name.count("/") == 0 for name in prefect.names)
    assert shown == rounds.RUNS_BESIDE
    assert catch_up(one) is False
    assert catch_up(one) is True

    assert len(prefect.runs) == 12 * 4


def test_what_another_process_has_shown_is_not_shown_again(parts: Parts, prefect: FakePrefect):
    """Two clocks, a form and a restart: the mark is in the database, for all of them."""
    many(parts, 5)
    assert catch_up(Rounds(parts))
    prefect.asked.clear()

    assert catch_up(Rounds(parts))

    assert not prefect.asked


def test_what_changed_costs_by_what_changed(parts: Parts, prefect: FakePrefect):
    """Of sixty runs one moves: neither the others' rows nor their flow runs are asked for."""
    many(parts, 3)
    one = Rounds(parts)
    catch_up(one)
    submit(parts, w.REPORT_A, now=w.START, run="nho-01")
    few = statements(parts, lambda: catch_up(one))
    for number in range(3, 60):
        start(parts, w.bundle(plan=f"nho-{number:02}"))
    catch_up(one)
    prefect.asked.clear()
    submit(parts, w.REPORT_A, now=w.START, run="nho-02")

    assert statements(parts, lambda: catch_up(one)) == few
    assert prefect.asked["read_flow_runs"] == 1
    assert prefect.asked["create_flow_run"] == 0


def test_all_are_looked_at_in_turn_a_slice_at_a_time(
    parts: Parts, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
):
    """What was cancelled in Prefect is found within a lap, and no sweep asks for everything."""
    monkeypatch.setattr(rounds, "SLICE", 4)
    many(parts, 10)
    one = Rounds(parts, every=timedelta(minutes=5))  # three sweeps in a lap
    catch_up(one)
    names = [f"nho-{number:02}/1-reports" for number in range(10)]
    for name in names:
        prefect.put(name, Cancelled())

    def cancelled() -> int:
        return sum(prefect.says(name)[0] is StateType.CANCELLED for name in names)

    left = []
    for _ in range(3):
        sweep(one)
        left.append(cancelled())

    assert left == [6, 2, 0]


def test_a_run_that_another_process_shows_is_left_to_it(parts: Parts, prefect: FakePrefect):
    """Nobody stands in line while others could be shown; it is looked at again."""
    many(parts, 2)
    one = Rounds(parts)

    async def meanwhile() -> tuple[bool, bool]:
        async with showing._alone(parts, "nho-00", wait=True):
            first = await one.catch_up(MORNING)
        return first, await one.catch_up(MORNING)

    assert asyncio.run(meanwhile()) == (False, True)
    assert len(prefect.runs) == 8


def test_one_that_fails_waits_for_the_next_sweep(parts: Parts, prefect: FakePrefect):
    """It is told of once a minute, not every second, and the others are shown."""
    many(parts, 3)
    deployed, prefect.deployments = prefect.deployments, {}
    one = Rounds(parts)
    with pytest.raises(rounds.NotShown):
        catch_up(one)
    asked = prefect.asked["read_deployment"]

    assert catch_up(one)
    assert prefect.asked["read_deployment"] == asked
    prefect.deployments = deployed
    sweep(one)

    assert len(prefect.runs) == 12


def test_of_many_those_that_nobody_touches_keep_their_run_for_some_days(
    parts: Parts, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
):
    """Ten thousand new runs at one midnight would take the night; the lists go back a week."""
    monkeypatch.setattr(rounds, "SLICE", 4)
    many(parts, 10)
    one = Rounds(parts, every=rounds.TIME_OF_A_LAP)
    sweep(one)
    first = {one.name: one.id for one in prefect.runs.values()}
    moved = []
    for day in range(26, 33):
        wall = w.at("2026-11-25 10:00") + timedelta(days=day - 25)
        monkeypatch.setattr(moment, "wall", lambda wall=wall: wall)
        sweep(one)
        now = {one.name: one.id for one in prefect.runs.values()}
        moved.append(sum(now[name] != first[name] for name in first if "/" not in name))

    assert moved[0] == 0
    assert len(set(moved)) > 3
    assert moved[-1] == 10
