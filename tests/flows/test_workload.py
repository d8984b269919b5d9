"""Workload: batch after batch, mail beside it, and nothing waits for a long delivery."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from flows import moment, workload
from flows.workload import Workload
from services import chasing
from services.chasing import Chased
from services.mail.delivering import Delivered
from services.wiring import Parts
from storage.outbox import Status
from tests.services import written as w
from tests.services.office import Recording, outbox_of, start, statuses

Until = datetime | None


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The present is the start of the plans; a batch is of two runs; nobody waits a second."""
    monkeypatch.setattr(moment, "wall", lambda: w.START)
    monkeypatch.setattr(chasing, "BATCH", 2)
    monkeypatch.setattr(workload, "LOOK", 0.001)


def many(parts: Parts, count: int) -> None:
    """Start so many runs, each with notices that are due."""
    for number in range(count):
        start(parts, w.bundle(plan=f"nho-{number}"))


async def sends(parts: Parts) -> Delivered:
    """Deliver what is due over a recording session."""
    from services.mail import delivering

    return await delivering.deliver(parts, Recording(), w.START)


def test_all_that_is_due_is_issued_and_mailed_batch_by_batch(parts: Parts):
    """One chase works through a morning however large it is."""
    many(parts, 7)
    told: list[tuple[int, int]] = []

    async def deliver(_now: Until, _until: Until) -> Delivered:
        return await sends(parts)

    work = Workload(parts, deliver, told=lambda it: told.append((it.runs, it.left)))
    asyncio.run(work.work())

    assert not chasing.is_anything_due(parts, w.START)
    assert set(statuses(parts)) == {"sent"}
    assert work.delivered.counts[Status.SENT] == len(outbox_of(parts))
    assert [left for _, left in told] == sorted((left for _, left in told), reverse=True)
    assert told[-1][1] == 0


def test_what_comes_due_while_mail_goes_out_does_not_wait_for_it(parts: Parts):
    """A slow mail server holds up nobody's notice."""
    many(parts, 1)
    issued = asyncio.Event()

    async def slow(_now: Until, _until: Until) -> Delivered:
        start(parts, w.bundle(plan="sau"))
        for _ in range(2_000):
            if any(one.run == "sau" for one in outbox_of(parts)):
                issued.set()
                break
            await asyncio.sleep(0.001)
        return Delivered()

    asyncio.run(Workload(parts, slow).work())

    assert issued.is_set()


def test_what_comes_to_nothing_again_and_again_is_left_to_the_next_chase(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A run that stays due whatever is done must not keep a process busy for good."""
    many(parts, 1)
    asked = 0

    def nothing(_parts: Parts, _now: datetime) -> list[Chased]:
        nonlocal asked
        asked += 1
        return [Chased("nho-0", 0, 0, ())]

    monkeypatch.setattr(chasing, "issue_notices", nothing)

    async def deliver(_now: Until, _until: Until) -> Delivered:
        return Delivered()

    asyncio.run(Workload(parts, deliver).work())

    assert asked == workload.IDLE


def test_a_share_that_is_over_leaves_the_rest_due(parts: Parts):
    """What is left is found by the next look; nothing is half done."""
    many(parts, 5)

    async def deliver(_now: Until, _until: Until) -> Delivered:
        return Delivered()

    work = Workload(parts, deliver, share=timedelta(0))
    asyncio.run(work.work())

    assert (work.runs, outbox_of(parts)) == (0, [])
    assert chasing.is_anything_due(parts, w.START)


def test_a_delivery_that_fails_is_told_after_what_was_issued(parts: Parts):
    """Its error is the chase's, and no task is left behind."""
    many(parts, 5)

    async def broken(_now: Until, _until: Until) -> Delivered:
        raise OSError("no way out")

    with pytest.raises(OSError, match="no way out"):
        asyncio.run(Workload(parts, broken).work())
