"""Showing: Prefect is brought up to the database, whatever happened to either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.states import Cancelled, Completed, Pending, Running, Scheduled

from flows import moment, orphans, rounds, showing
from flows.rounds import Rounds
from services.wiring import Parts
from storage import stage_runs
from tests.flows.fake_prefect import FakePrefect
from tests.services import written as w
from tests.services.office import start, submit, wake

LATE = w.at("2020-05-11 08:00")
PLAN = "nho"
REPORTS = "nho/1-reports"
SUMMARY = "nho/2-summary"
PAGES = 10  # seven of the run, one of each stage


class Wall:
    """The wall's clock, which Prefect goes by."""

    def __init__(self) -> None:
        self.now = w.at("2026-11-25 10:00")

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """A wall's clock that the test sets."""
    hands = Wall()
    monkeypatch.setattr(moment, "wall", hands)
    return hands


@pytest.fixture
def prefect(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePrefect]:
    """A server on which nothing is shown yet."""
    fake = FakePrefect(wall)
    monkeypatch.setattr(showing, "get_client", fake.client)
    monkeypatch.setattr(rounds, "get_client", fake.client)
    yield fake
    assert len(fake.names) == len(set(fake.names)), fake.names
    assert len(fake.pages) == len(set(fake.pages)), fake.pages


def show(parts: Parts, now: datetime = LATE) -> None:
    """Show the small run, as a flow does."""
    asyncio.run(showing.show(parts, "nho", now))


def sweep(parts: Parts, now: datetime = LATE) -> None:
    """Sweep, as the clock does."""
    asyncio.run(Rounds(parts).sweep(now))


def locked(parts: Parts) -> bool:
    """Say whether somebody holds the right to show the run."""
    with parts.database.writing() as connection:
        return not stage_runs.claim(
            parts.database, connection, "nho", "me", now=moment.wall(), lease=timedelta(seconds=0)
        )


def test_a_quiet_sweep_asks_twice_however_many_runs_there_are(parts: Parts, prefect: FakePrefect):
    """The cost of a sweep follows what differs, not what exists."""
    for number in range(12):
        start(parts, w.bundle(plan=f"nho-{number}"))
    sweep(parts)
    assert len(prefect.runs) == 12 * 4
    prefect.asked.clear()

    sweep(parts)

    assert dict(prefect.asked) == {"read_flow_runs": 1, "POST /artifacts/count": 1}


def test_a_quiet_sweep_costs_requests_by_the_two_hundred(parts: Parts, prefect: FakePrefect):
    """Prefect answers about 200 flow runs at once."""
    for number in range(60):
        start(parts, w.bundle(plan=f"nho-{number}"))
    sweep(parts)
    prefect.asked.clear()

    sweep(parts)

    assert len(prefect.runs) == 240
    assert len(prefect.artifacts) == 600
    assert dict(prefect.asked) == {"read_flow_runs": 2, "POST /artifacts/count": 3}


INJURIES: dict[str, Callable[[FakePrefect], object]] = {
    "cancelled": lambda it: it.put(REPORTS, Cancelled()),
    "completed under its own name": lambda it: it.put(
        REPORTS,
        Completed(name="Overdue 3/3", message=it.run(REPORTS).state.message),  # type: ignore[union-attr]
    ),
    "renamed": lambda it: setattr(it.run(REPORTS), "name", "something else"),
    "untagged": lambda it: setattr(it.run(REPORTS), "tags", []),
    "deleted": lambda it: it.runs.pop(it.run(REPORTS).id),
    "plan deleted": lambda it: it.runs.pop(it.run(PLAN).id),
    "board deleted": lambda it: [
        it.artifacts.pop(key) for key, one in [*it.artifacts.items()] if one.key == "board-nho"
    ],
    "wiped": lambda it: it.wipe(),
}


def test_what_an_earlier_version_showed_is_taken_over(small: Parts, prefect: FakePrefect):
    """It kept a list of name and message: the same run is shown on, no twin is made."""
    sweep(small)
    before = {one.name: one.id for one in prefect.runs.values()}
    with small.database.writing() as connection:
        shown = stage_runs.of_run(connection, "nho")
        old = [replace(one, shown='["Waiting 0/3", "…"]') for one in shown.values()]
        stage_runs.save(small.database, connection, [one for one in old if "/" not in one.stage])

    sweep(small)

    assert {one.name: one.id for one in prefect.runs.values()} == before
    assert prefect.says(REPORTS) == (StateType.PAUSED, "Overdue 3/3")


@pytest.mark.parametrize("injury", INJURIES.values(), ids=INJURIES.keys())
def test_what_is_done_by_hand_is_put_right_by_the_next_sweep(
    small: Parts, prefect: FakePrefect, injury: Callable[[FakePrefect], object]
):
    """The database is the truth: states, names, tags and pages are as they were."""
    sweep(small)
    before = {one.name: (prefect.says(one.name), set(one.tags)) for one in prefect.runs.values()}
    assert before[REPORTS][0] == (StateType.PAUSED, "Overdue 3/3")
    assert before[PLAN][0] == (StateType.FAILED, "Overdue 3/5")

    injury(prefect)
    sweep(small)

    after = {one.name: (prefect.says(one.name), set(one.tags)) for one in prefect.runs.values()}
    assert after == before
    assert len(prefect.pages) == PAGES


def test_one_lost_page_does_not_send_those_of_other_runs_again(parts: Parts, prefect: FakePrefect):
    """A page deleted by hand costs what it takes to make it again, and a look at its run."""
    for number in range(3):
        start(parts, w.bundle(plan=f"nho-{number}"))
    sweep(parts)
    gone = next(key for key, one in prefect.artifacts.items() if one.key == "late-nho-1")
    del prefect.artifacts[gone]
    prefect.asked.clear()

    sweep(parts)

    assert prefect.asked["create_artifact"] == 1
    assert prefect.asked["PATCH /artifacts/{id}"] == 4  # its board and cards link to the new one
    assert len(prefect.pages) == 3 * PAGES
    prefect.asked.clear()
    sweep(parts)
    assert dict(prefect.asked) == {"read_flow_runs": 1, "POST /artifacts/count": 1}


def test_the_plan_is_shown_on_a_run_of_the_day(small: Parts, prefect: FakePrefect, wall: Wall):
    """At the wall's midnight, though nothing moved and the office pretends another year."""
    sweep(small)
    first = prefect.run(PLAN).id
    boards = {one.flow_run_id for one in prefect.artifacts.values() if one.key == "board-nho"}
    assert boards == {first}
    wall.now = w.at("2026-11-25 23:59")
    sweep(small)
    assert prefect.run(PLAN).id == first

    wall.now = w.at("2026-11-26 00:01")
    sweep(small)

    second = prefect.run(PLAN).id
    assert second != first
    boards = {one.flow_run_id for one in prefect.artifacts.values() if one.key == "board-nho"}
    assert boards == {second}
    assert len(prefect.pages) == PAGES
    # A machine whose clock is behind by a minute does not bring yesterday's run back.
    wall.now = w.at("2026-11-25 23:59")
    sweep(small)
    show(small)
    assert prefect.run(PLAN).id == second


def test_a_plan_run_that_cannot_be_deleted_leaves_no_twin(
    small: Parts, prefect: FakePrefect, wall: Wall
):
    """Where Prefect fails in between, the next sweep starts where this one stopped."""
    sweep(small)
    wall.now += timedelta(days=1)
    bulk = "POST /deployments/{id}/create_flow_run/bulk"  # where it fails each is made by itself
    failing = ["delete_flow_run", bulk, "create_flow_run", "create_artifact", "delete_artifact"]

    async def fail_once(what: str) -> None:
        if failing and what == failing[0]:
            failing.pop(0)
            raise ConnectionError(what)

    prefect.before = fail_once
    while failing:
        with pytest.raises(rounds.NotShown):
            sweep(small)
    sweep(small)

    assert len(prefect.runs) == 4
    assert len(prefect.pages) == PAGES


def test_what_one_run_suffers_does_not_hold_up_the_others(parts: Parts, prefect: FakePrefect):
    """A run that cannot be shown is told of, after the others were shown."""
    for number in range(3):
        start(parts, w.bundle(plan=f"nho-{number}"))
    sweep(parts)
    for one in list(prefect.runs.values()):
        one.state = Cancelled()
    broken = prefect.run("nho-0/1-reports").id
    before = prefect.set_flow_run_state

    async def refuse(run: UUID, state: State[Any], *, force: bool) -> None:
        if run == broken:
            raise ValueError("cannot be set")
        await before(run, state, force=force)

    prefect.set_flow_run_state = refuse  # type: ignore[method-assign]
    with pytest.raises(rounds.NotShown, match=r"nho-0: ValueError: cannot be set"):
        sweep(parts)

    assert prefect.says("nho-2") == (StateType.FAILED, "Overdue 3/5")
    assert prefect.says("nho-1/1-reports") == (StateType.PAUSED, "Overdue 3/3")


def test_where_prefect_is_away_a_sweep_ends_at_once(parts: Parts, prefect: FakePrefect):
    """Three hundred runs would each wait for their time-out."""
    for number in range(9):
        start(parts, w.bundle(plan=f"nho-{number}"))

    async def away(what: str) -> None:
        if what != "read_flow_runs":
            raise httpx.ConnectError(what)

    prefect.before = away
    with pytest.raises(httpx.ConnectError):
        sweep(parts)
    assert prefect.asked["read_deployment"] <= rounds.RUNS_BESIDE


def test_an_entry_stands_though_it_cannot_be_shown(
    small: Parts, prefect: FakePrefect, caplog: pytest.LogCaptureFixture
):
    """The deployment is gone, or Prefect is: who records is not told that it failed."""
    deployed, prefect.deployments = prefect.deployments, {}

    show(small)

    assert prefect.runs == {}
    [line] = [one.getMessage() for one in caplog.records if one.name == "flows.showing"]
    assert line.startswith("run nho is shown by the next sweep: ObjectNotFound")
    assert not locked(small)
    prefect.deployments = deployed
    sweep(small)
    assert len(prefect.runs) == 4


def test_of_two_who_show_at_once_the_newest_stays(small: Parts, prefect: FakePrefect):
    """The one with the older board is halfway when an agency submits: it does not come last."""
    show(small)

    async def both() -> None:
        async def submit_meanwhile(what: str) -> None:
            if what == "set_state":
                prefect.before = None
                submit(small, w.REPORT_A, now=LATE)
                others.append(asyncio.create_task(showing.show(small, "nho", LATE)))
                for _ in range(50):  # let the other run as far as it gets
                    await asyncio.sleep(0)

        others: list[asyncio.Task[None]] = []
        prefect.put(REPORTS, Cancelled())
        prefect.before = submit_meanwhile
        await Rounds(small).sweep(LATE)
        await asyncio.gather(*others)

    asyncio.run(both())

    assert prefect.says(REPORTS) == (StateType.PAUSED, "Overdue 2/3")
    board = next(one for one in prefect.artifacts.values() if one.key == "late-nho")
    assert "Sở An" not in board.data.split("Sở Bình")[0]
    assert len(prefect.pages) == PAGES


def test_ten_who_show_a_new_run_at_once_make_everything_once(small: Parts, prefect: FakePrefect):
    """Five chases, a worker and the sweeps: one run, one page of each."""

    async def many() -> None:
        await asyncio.gather(*(showing.show(small, "nho", LATE) for _ in range(10)))

    asyncio.run(many())

    assert len(prefect.names) == 4
    assert len(prefect.pages) == PAGES


def test_what_a_killed_process_left_half_shown_is_finished(small: Parts, prefect: FakePrefect):
    """At whichever request it dies: no twin, no page twice, and nobody waits for it for long."""

    class Killed(BaseException):
        pass

    async def kill_at(step: int) -> None:
        count = 0

        async def die(_: str) -> None:
            nonlocal count
            count += 1
            if count == step:
                raise Killed

        prefect.before = die
        await Rounds(small).sweep(LATE)

    died = 0
    for step in range(1, 60):
        prefect.wipe()
        try:
            asyncio.run(kill_at(step))
        except Killed:
            died += 1
        prefect.before = None
        sweep(small)
        assert len(prefect.names) == 4, step
        assert len(prefect.pages) == PAGES, step
        assert prefect.says(REPORTS) == (StateType.PAUSED, "Overdue 3/3")
    assert died > 20


def test_a_stage_that_is_done_is_resumed_and_not_forgotten_until_a_worker_completed_it(
    small: Parts, prefect: FakePrefect, wall: Wall
):
    """A worker that is away, or an operator who cancels, leaves no stage waiting for good."""
    show(small)
    submit(small, w.REPORT_A, w.REPORT_B, w.REPORT_C, now=LATE)

    show(small)

    assert prefect.says(REPORTS) == (StateType.SCHEDULED, "Resuming")
    told = [line for line in prefect.logged if line.startswith("Done 2/3")]
    assert len(told) == 1
    sweep(small)
    assert prefect.says(REPORTS) == (StateType.SCHEDULED, "Resuming")
    prefect.put(REPORTS, Cancelled())
    sweep(small)
    assert prefect.says(REPORTS) == (StateType.COMPLETED, "Done 2/3")
    assert [line for line in prefect.logged if line.startswith("Done 2/3")] == told


def test_a_run_that_a_worker_has_is_left_to_it_but_not_for_good(
    small: Parts, prefect: FakePrefect, wall: Wall
):
    """Set by force just before it starts it would die; without a worker it would stay so."""
    show(small)
    prefect.put(REPORTS, Scheduled(name="AwaitingRetry").model_copy(update={"timestamp": wall.now}))
    submit(small, w.REPORT_A, now=LATE)

    show(small)
    sweep(small)
    assert prefect.says(REPORTS) == (StateType.SCHEDULED, "AwaitingRetry")

    wall.now += timedelta(minutes=6)
    sweep(small)
    assert prefect.says(REPORTS) == (StateType.PAUSED, "Overdue 2/3")


def test_escalations_are_made_again_while_they_are_open(small: Parts, prefect: FakePrefect):
    """One that is answered may be cleaned away; one that is not comes back, red."""
    monday = w.at("2020-05-12 08:00")
    wake(small, w.at("2020-05-11 08:00"))
    wake(small, monday)
    sweep(small, monday)
    opened = [name for name in prefect.names if "escalation" in name]
    assert opened
    assert {prefect.says(name)[0] for name in opened} == {StateType.FAILED}
    for name in opened:
        del prefect.runs[prefect.run(name).id]
    sweep(small, monday)
    assert [name for name in prefect.names if "escalation" in name] == opened

    submit(small, w.REPORT_A, w.REPORT_B, w.REPORT_C, now=monday)
    sweep(small, monday)
    assert {prefect.says(name)[0] for name in opened} == {StateType.COMPLETED}
    for name in opened:
        del prefect.runs[prefect.run(name).id]
    sweep(small, monday)
    assert not any("escalation" in name for name in prefect.names)


def test_a_run_whose_worker_died_before_it_began_is_begun_again(
    small: Parts, prefect: FakePrefect, wall: Wall
):
    """What an operator entered by form is not lost with the worker."""
    show(small)
    prefect.put(PLAN, Pending().model_copy(update={"timestamp": wall.now}))

    def put_right() -> int:
        return asyncio.run(orphans.end_or_restart(prefect, wall.now, "vi"))  # type: ignore[arg-type]

    assert put_right() == 0
    wall.now += timedelta(minutes=6)
    tags, prefect.run(PLAN).tags = prefect.run(PLAN).tags, ["another's"]
    assert put_right() == 0  # a flow of the same name on a shared server
    prefect.run(PLAN).tags = tags
    assert put_right() == 1
    assert prefect.says(PLAN) == (StateType.SCHEDULED, "AwaitingRetry")


def test_a_run_whose_process_is_gone_is_crashed_with_a_sentence(
    small: Parts, prefect: FakePrefect, wall: Wall
):
    """A chase may take half an hour; what runs for longer runs no more."""
    show(small)
    prefect.put(PLAN, Running().model_copy(update={"timestamp": wall.now}))
    wall.now += timedelta(minutes=34)
    assert asyncio.run(orphans.end_or_restart(prefect, wall.now, "vi")) == 0  # type: ignore[arg-type]
    wall.now += timedelta(minutes=2)

    assert asyncio.run(orphans.end_or_restart(prefect, wall.now, "vi")) == 1  # type: ignore[arg-type]

    state = prefect.run(PLAN).state
    assert state is not None
    assert state.type is StateType.CRASHED
    assert "nhập lại" in str(state.message)
