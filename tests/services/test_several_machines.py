"""Several machines on one PostgreSQL: what is done at once from many is done once.

SQLite's writers stand in line by themselves; PostgreSQL's do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from notifiers.wire.channel import TryLater
from plan_definitions import Bundle
from services import briefing, chasing, recording, runs
from services.errors import Refused
from services.mail import delivering, marking
from services.recording import Source
from services.wiring import Parts
from storage import ledger, outbox, plans
from tests.services import written as w
from tests.services.office import (
    BY,
    Offices,
    Recording,
    deliver,
    kinds,
    notice_rows,
    outbox_of,
    start,
    statuses,
    submit,
)
from tests.storage.together import at_once

EVENT = "government.issued"


@pytest.fixture
def machines(office: Offices, tmp_path: Path) -> Iterator[list[Parts]]:
    """Eight machines with homes of their own and one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(office(home=tmp_path / str(number))) for number in range(8)]


def said(work: Callable[[Parts], object], parts: Parts) -> str:
    """Do the work; say that it was done, or why it was refused."""
    try:
        work(parts)
    except Refused as refused:
        return refused.key
    return "done"


def test_a_plan_started_from_all_at_once_has_one_run(machines: list[Parts]):
    """Whoever is slower is told of the run that there is."""
    started = at_once(
        *[
            partial(runs.start, parts, w.bundle(), now=w.START, by=f"máy {number}")
            for number, parts in enumerate(machines)
        ]
    )

    assert sorted(one.is_new for one in started) == [False] * 7 + [True]
    assert {one.run for one in started} == {"nho"}
    assert kinds(machines[0]).count("run-started") == 1


def test_two_versions_started_at_once_leave_one_and_refuse_the_other(machines: list[Parts]):
    """A name stands for one version of a plan, whoever came first."""
    other = w.bundle(w.STAGES.replace("quorum: 2", "quorum: 3"))

    def begin(bundle: Bundle, parts: Parts) -> None:
        start(parts, bundle)

    both = zip(machines, [w.bundle(), other] * 4, strict=True)
    answers = at_once(*[partial(said, partial(begin, bundle), parts) for parts, bundle in both])

    assert Counter(answers) == {"done": 4, "refused.run-exists": 4}
    assert kinds(machines[0]).count("run-started") == 1


def test_eight_submissions_of_one_report_at_once_record_one(machines: list[Parts]):
    """One is taken, the others are told so; the stage closes once."""
    start(machines[0])
    submit(machines[0], w.REPORT_B, now=w.EVE)

    answers = at_once(
        *[
            partial(said, lambda parts: submit(parts, w.REPORT_A, now=w.EVE), parts)
            for parts in machines
        ]
    )

    assert Counter(answers) == {"done": 1, "refused.submitted-already": 7}
    recorded = kinds(machines[0])
    assert recorded.count("submitted") == 2
    assert recorded.count("stage-done") == 1


def test_reports_of_all_agencies_at_once_close_the_stage_once(machines: list[Parts]):
    """Each of them decides by what the one before has written."""
    start(machines[0])
    reports = [w.REPORT_A, w.REPORT_B, w.REPORT_C]

    at_once(
        *[
            partial(submit, parts, report, now=w.EVE)
            for parts, report in zip(machines[:3], reports, strict=True)
        ]
    )

    recorded = kinds(machines[0])
    assert recorded.count("submitted") == 3
    assert recorded.count("stage-done") == 1


def test_an_event_announced_from_all_at_once_counts_once(machines: list[Parts]):
    """In each of two runs that wait for it; nobody waits for a lock that waits for him."""
    for name in ("nho", "nho-2"):
        start(machines[0], w.bundle(plan=name))

    announced = at_once(
        *[
            partial(recording.announce, parts, EVENT, Source("văn thư", "76/NQ-CP"), now=w.EVE)
            for parts in machines
        ]
    )

    assert sorted(len(one.recorded) for one in announced) == [0] * 7 + [2]
    for name in ("nho", "nho-2"):
        assert kinds(machines[0], name).count("event-announced") == 1


def test_chased_from_all_at_once_each_notice_is_issued_and_mailed_once(machines: list[Parts]):
    """Two clocks wake in the same second: one mail for each recipient and slot."""
    start(machines[0])
    ways = [Recording() for _ in machines]

    def wake(now: datetime, parts: Parts, way: Recording) -> None:
        chasing.issue_notices(parts, now)
        deliver(parts, now, way)

    for now in (w.START, w.EVE, w.LATE, w.at("2020-05-12 08:00")):
        at_once(*[partial(wake, now, *both) for both in zip(machines, ways, strict=True)])

    one = machines[0]
    keys = Counter((row.obligation, row.round, row.rung, row.recipient) for row in notice_rows(one))
    assert set(keys.values()) == {1}
    mailed = Counter(message_id for way in ways for message_id in way.ids)
    assert set(mailed) == {message.message_id for message in outbox_of(one)}
    assert set(mailed.values()) == {1}
    assert set(statuses(one)) == {"sent"}
    assert kinds(one).count("message-sent") == len(mailed)


def test_a_report_beside_a_chase_and_a_pause_leaves_a_ledger_that_folds(machines: list[Parts]):
    """Different people, different machines, one run: no error, and nothing is lost."""
    start(machines[0])
    chasing.issue_notices(machines[0], w.START)
    works: list[Callable[[], object]] = [
        partial(chasing.issue_notices, machines[0], w.EVE),
        partial(submit, machines[1], w.REPORT_A, now=w.EVE),
        partial(recording.pause, machines[2], "nho", BY, agency="b", why="Lũ", now=w.EVE),
        partial(deliver, machines[3], w.EVE),
        partial(deliver, machines[4], w.EVE),
        partial(briefing.send, machines[5], "nho", now=w.EVE, by="văn thư"),
        partial(briefing.send, machines[6], "nho", now=w.EVE, by="văn thư"),
        partial(recording.announce, machines[7], EVENT, BY, now=w.EVE),
    ]

    at_once(*works)

    recorded = Counter(kinds(machines[0]))
    for kind in ("submitted", "chasing-paused", "event-announced", "brief-requested"):
        assert recorded[kind] == 1, kind
    deliver(machines[0], w.EVE)
    assert set(statuses(machines[0])) <= {"sent", "cancelled"}


def test_what_a_run_records_is_committed_in_the_order_of_its_numbers(machines: list[Parts]):
    """Who has read up to a number must not miss a smaller one that is committed later."""
    start(machines[0])
    with machines[0].database.writing() as connection:
        plans.lock(connection, "nho")
        before = ledger.places(connection, ["nho"])["nho"]

        def look() -> int:
            with machines[2].database.reading() as other:
                return ledger.places(other, ["nho"])["nho"]

        assert look() == before
    submit(machines[1], w.REPORT_A, now=w.EVE)
    assert look() > before


def test_many_runs_chased_from_all_at_once_are_each_chased_once(machines: list[Parts]):
    """Each of eight takes what the others have not: all of it is done, none of it twice."""
    for number in range(40):
        start(machines[0], w.bundle(plan=f"nho-{number}"))

    def chase_all(parts: Parts) -> list[str]:
        done: list[str] = []
        while chasing.count_due(parts, w.START, most=1):
            done += [one.run for one in chasing.issue_notices(parts, w.START) if one.notices]
        return done

    done = at_once(*[partial(chase_all, parts) for parts in machines])

    assert sorted(run for runs_of_one in done for run in runs_of_one) == sorted(
        f"nho-{number}" for number in range(40)
    )
    keys = Counter((row.run, row.obligation, row.rung) for row in notice_rows(machines[0]))
    assert set(keys.values()) == {1}


def test_mail_that_is_taken_back_does_not_expire_at_the_same_time(machines: list[Parts]):
    """Both take the run first: neither waits for what the other holds, and one thing is told."""
    start(machines[0])
    chasing.issue_notices(machines[0], w.START)
    number = outbox_of(machines[0])[0].id
    deliver(machines[0], w.START, Recording(lambda _: TryLater("451 busy")))
    late = w.START + timedelta(days=8)
    with ThreadPoolExecutor(1) as pool:
        with machines[0].database.writing() as connection:
            plans.lock(connection, "nho")
            expired = pool.submit(marking.expire, machines[1], late, limit=8)
            with pytest.raises(TimeoutError):
                expired.result(timeout=0.5)
            assert outbox.cancel(connection, number, "gửi công văn giấy")
        gone = {one.id for one in expired.result(timeout=30)}

    others = {one.id for one in outbox_of(machines[0])} - {number}
    assert gone == others
    assert kinds(machines[0]).count("message-expired") == len(others)


def test_one_who_looks_waits_for_nobody(machines: list[Parts]):
    """The board is read while a run is being written, and holds no writer up."""
    start(machines[0])
    with machines[0].database.writing() as connection:
        live = runs.held(machines[0], connection, "nho")

        with machines[1].database.reading() as other:
            seen = runs.live(machines[1], other, "nho")

    assert seen.folding.state() == live.folding.state()
    assert delivering.is_mail_due(machines[1], w.START) is False
