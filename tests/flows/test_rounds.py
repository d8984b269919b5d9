"""Rounds: what changed is shown first, the most urgent before the others, and all in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import StateType
from prefect.server.api import deployments
from prefect.states import Cancelled
from sqlalchemy import event

from flows import births, moment, rounds, showing
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


def test_a_share_that_is_over_leaves_the_rest_to_the_next(
    parts: Parts, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
):
    """Showing never goes on for ever: what else the clock does gets its turn."""
    monkeypatch.setattr(rounds, "GROUP", 1)
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


def test_what_another_process_shows_is_told_once(parts: Parts, prefect: FakePrefect):
    """An operator who opens a run's log must not read there everything twice."""
    many(parts, 10)  # three for each of four hands
    one = Rounds(parts)

    def told() -> int:
        return sum("board-nho-00" in line for line in prefect.logged)

    async def meanwhile() -> int:
        async with showing._alone(parts, "nho-00", wait=True):
            await one.catch_up(MORNING)
        return told()

    assert asyncio.run(meanwhile()) == 0
    while not catch_up(one):
        pass
    assert told() == 4


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


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a few runs are many, as ten thousand are."""
    monkeypatch.setattr(rounds, "SLICE", 4)
    monkeypatch.setattr(rounds, "FEW", 2)


@pytest.mark.usefixtures("hurried")
def test_of_many_what_somebody_waits_for_is_there_first_and_the_rest_later(
    parts: Parts, prefect: FakePrefect
):
    """Prefect's server is the wall: who is late must not wait for stages whose turn is far."""
    many(parts, 6)
    one = Rounds(parts)

    assert catch_up(one) is False
    assert prefect.names == sorted(
        name for n in range(6) for name in (f"nho-{n:02}", f"nho-{n:02}/1-reports")
    )
    assert {key.split("-")[0] for key in prefect.pages} == {"board", "late"}
    assert catch_up(one) is True

    assert len(prefect.names) == 6 * 4
    assert len(prefect.pages) == 6 * 10
    prefect.asked.clear()
    sweep(one)
    assert dict(prefect.asked) == {"read_flow_runs": 1, "POST /artifacts/count": 1}


@pytest.mark.usefixtures("hurried")
def test_the_rest_is_left_alone_while_mail_goes_out(parts: Parts, prefect: FakePrefect):
    """Nobody waits for it; the mail does."""
    many(parts, 6)
    one = Rounds(parts)
    catch_up(one)
    prefect.asked.clear()

    assert asyncio.run(one.catch_up(MORNING, gently=True)) is False

    assert not prefect.asked


@pytest.mark.usefixtures("hurried")
def test_the_rest_that_a_killed_process_owed_is_found_by_a_sweep(
    parts: Parts, prefect: FakePrefect
):
    """That a run is shown in part stands in the database."""
    many(parts, 6)
    catch_up(Rounds(parts))
    assert len(prefect.names) < 6 * 4

    another = Rounds(parts)
    assert catch_up(another) is False
    assert catch_up(another) is True

    assert len(prefect.names) == 6 * 4
    assert len(prefect.pages) == 6 * 10


@pytest.mark.usefixtures("hurried")
def test_what_is_lost_with_prefects_database_comes_back_in_the_same_order(
    parts: Parts, prefect: FakePrefect
):
    """All of it, and of nothing two: what is late first, the rest last."""
    many(parts, 6)
    one = Rounds(parts, every=rounds.TIME_OF_A_LAP)
    while not catch_up(one):
        pass
    before = prefect.names
    prefect.wipe()

    sweep(one)
    assert {name.count("/") for name in prefect.names} == {0, 1}
    assert len(prefect.names) == 6 * 2
    while not catch_up(one):
        pass

    assert prefect.names == before
    assert len(prefect.pages) == 6 * 10


@pytest.mark.usefixtures("hurried")
def test_many_runs_are_made_in_a_few_requests(parts: Parts, prefect: FakePrefect):
    """Each request costs Prefect's server more than the flow run that it makes."""
    many(parts, 10)

    one = Rounds(parts)
    while not catch_up(one):
        pass

    assert len(prefect.names) == 10 * 4
    assert prefect.asked["create_flow_run"] == 0
    groups = -(-10 // 3)  # of three for each of four hands
    assert prefect.asked["POST /deployments/{id}/create_flow_run/bulk"] == 3 * groups
    # What is late is born red: only stages that wait are set, and born running before.
    assert prefect.asked["set_state"] == 10 * 3


def test_prefects_server_still_makes_several_flow_runs_in_one_request():
    """Its own client has no method for it, so nothing else would say that it has gone."""
    paths = {getattr(route, "path", "") for route in deployments.router.routes}

    assert "/deployments/{id:uuid}/create_flow_run/bulk" in paths
    assert births.RUNS_MADE <= deployments.BULK_CREATE_LIMIT


def test_a_stage_that_turned_comes_before_what_merely_changed(parts: Parts, prefect: FakePrefect):
    """Whoever is to act next is found in Prefect by the stage's run."""
    many(parts, 3)
    one = Rounds(parts)
    catch_up(one)
    submit(parts, w.REPORT_A, now=w.START, run="nho-00")
    submit(parts, w.REPORT_A, w.REPORT_B, w.REPORT_C, now=w.START, run="nho-02")
    one._take_notice()

    assert list(one._in_order(w.START)) == ["nho-02", "nho-00"]


@pytest.mark.usefixtures("hurried")
def test_a_sweep_while_mail_goes_out_shows_one_after_another(
    parts: Parts, prefect: FakePrefect, monkeypatch: pytest.MonkeyPatch
):
    """It comes each minute, and would else take from the mail what catching up leaves it."""
    monkeypatch.setattr(rounds, "GROUP", 1)
    many(parts, 6)
    one = Rounds(parts, share=timedelta(seconds=0), ticks=Ticks())

    asyncio.run(one.sweep(MORNING, gently=True))

    assert [name for name in prefect.names if "/" not in name] == ["nho-00"]
