"""The clock: exact, soon again after a failure, and at rest while nothing is due."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from flows import clock, moment
from flows import office as own
from flows.clock import STAGGER
from flows.errands import Errands
from services import chasing
from services.errors import Refused
from services.wiring import Parts
from storage import plans
from tests.flows.clockwork import Clockwork, never
from tests.services import written as w
from tests.services.office import office, outbox_of, start, statuses, submit, wake

RUN = asyncio.run
FIRST_REMINDER = w.at("2020-05-05 08:00")


def settle(parts: Parts, now: datetime = w.START) -> None:
    """Send what is due at the start, as if the clock had run then."""
    wake(parts, now)


def at_rest(parts: Parts, wall: datetime, **how: Any) -> Clockwork:
    """A clock over a plan of which nothing is due at `wall`."""
    settle(parts)
    return Clockwork(parts, wall, **how)


def seconds_before(moment: datetime, count: float) -> datetime:
    """Return an earlier instant."""
    return moment - timedelta(seconds=count)


def test_the_wake_up_is_set_to_the_moment_itself(small: Parts):
    """Not to the next sweep: who is told “at 08:00” looks at the clock."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 90))

    async def morning() -> None:
        await work.start()
        assert work.scheduler.at == FIRST_REMINDER
        await work.live(89)
        assert work.errands.chased == []
        await work.live(1)

    RUN(morning())
    assert work.errands.chased == [FIRST_REMINDER]
    assert "sent" in statuses(small)


def test_the_job_is_set_once_not_at_every_look(small: Parts):
    """A quiet day is a look per second and nothing else."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 3600))

    async def hour() -> None:
        await work.start()
        await work.live(600)

    RUN(hour())
    assert work.scheduler.sets == [FIRST_REMINDER]


def test_what_another_process_makes_earlier_is_known_within_a_second(small: Parts):
    """A form, the command line or another machine records; nobody tells the clock."""
    work = at_rest(small, w.at("2020-05-05 07:30"), sweep=3600)

    async def morning() -> None:
        await work.start()
        assert work.scheduler.at == FIRST_REMINDER
        start(small, w.bundle(plan="hai"), w.START)
        await work.live(1)

    RUN(morning())
    assert work.errands.chased == [w.at("2020-05-05 07:30:01")]


def test_what_is_months_off_costs_no_job_and_no_chase(small: Parts):
    """A plan may sleep for a year; the look that is near enough sets the job."""
    work = at_rest(small, w.at("2020-04-20 08:00"))

    async def weeks() -> None:
        await work.start()
        await work.live(120)
        assert work.scheduler.sets == []
        work.hands.pass_(days=14, hours=1)
        await work.live(1)

    RUN(weeks())
    assert work.scheduler.sets == [FIRST_REMINDER]
    assert work.errands.chased == []


@pytest.mark.parametrize("brief", ["off", "daily"])
def test_a_look_costs_the_same_few_statements_however_much_there_is(small: Parts, brief: str):
    """One look per second for fifteen months must be nothing; whether a brief is due is not."""
    small = replace(small, settings=small.settings.model_copy(update={"brief": brief}))
    for number in range(20):
        start(small, w.bundle(plan=f"nho-{number}"))
    settle(small)
    work = Clockwork(small, w.at("2020-04-20 08:00"), sweep=3600)
    statements: list[str] = []

    def listen(*what: Any) -> None:
        statements.append(what[2])

    async def minute() -> None:
        await work.start()
        await work.live(100)  # a brief of the weeks since the start may be due, and goes out
        event.listen(small.database.engine, "before_cursor_execute", listen)
        await work.live(100)

    RUN(minute())
    reading = [one for one in statements if one.startswith("SELECT")]
    assert len(reading) <= 5 * 100
    with small.database.reading() as connection:
        for column in ("wakes_at", "brief_at"):
            query = f"SELECT {column} FROM plan_runs WHERE {column} IS NOT NULL ORDER BY {column}"
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query} LIMIT 1").all()
            assert "COVERING INDEX" in str(plan)


def test_a_brief_that_turns_out_to_be_later_is_not_waited_for_hotly(small: Parts):
    """After an upgrade each run is looked at for its brief, which writes no entry."""
    small = replace(small, settings=small.settings.model_copy(update={"brief": "daily"}))
    work = at_rest(small, w.at("2020-04-06 09:00"), sweep=3600)
    with small.database.writing() as connection:
        plans.set_briefs(connection, {"nho": w.START})

    async def minute() -> None:
        await work.start()
        await work.live(60)

    RUN(minute())
    assert len(work.errands.chased) == 1
    assert len(work.scheduler.sets) <= 2


def test_what_came_due_while_nothing_ran_is_chased_at_once(small: Parts):
    """Power cut on Friday, power on Monday: one chase, no pile."""
    work = at_rest(small, w.at("2020-05-11 09:13:20"))

    RUN(work.start())

    assert work.errands.chased == [w.at("2020-05-11 09:13:20")]
    assert chasing.next_wake(small) > w.at("2020-05-11 09:13:20")  # type: ignore[operator]


def test_where_another_clock_was_quicker_no_run_is_made(small: Parts):
    """Two clocks on two machines: the second finds nothing and leaves no trace."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 1))

    async def morning() -> None:
        await work.start()
        work.hands.pass_(seconds=1)
        await asyncio.to_thread(wake, small, FIRST_REMINDER)
        await work.second()

    RUN(morning())
    assert work.errands.chased == []


def test_two_clocks_send_every_mail_once(small: Parts, tmp_path: Path):
    """However many clocks there are, the outbox is one."""
    with office(tmp_path / "home") as other:
        settle(small)
        pair = [Clockwork(parts, seconds_before(FIRST_REMINDER, 2)) for parts in (small, other)]

        async def morning() -> None:
            for work in pair:
                await work.start()
            for _ in range(5):
                for work in pair:
                    work.hands.pass_(seconds=1)
                await asyncio.gather(*(work.second() for work in pair))

        RUN(morning())
    sent = [(one.recipient, one.slot, one.part) for one in outbox_of(small)]
    assert len(sent) == len(set(sent))
    assert set(statuses(small)) <= {"sent", "cancelled"}


def test_a_second_clock_leaves_the_first_a_little_time(small: Parts):
    """Two runs at 08:00, of which one finds nothing, are one too many; a dead first is no loss."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 90))
    work.errands.rank = 1

    async def morning() -> None:
        await work.start()
        await work.live(95)

    RUN(morning())
    assert work.errands.chased == [FIRST_REMINDER + STAGGER]


async def _fails(now: datetime) -> None:
    raise OSError("the server is away")


def test_a_chase_that_fails_is_tried_again_after_growing_waits(small: Parts):
    """Soon, because mail waits; then less often, because it may take the night."""
    work = at_rest(small, FIRST_REMINDER)
    work.errands.chasing = _fails

    async def minutes() -> None:
        await work.start()
        await work.live(300)
        work.errands.chasing = work.errands.really
        await work.live(60)

    RUN(minutes())
    tries = [(one - FIRST_REMINDER).total_seconds() for one in work.errands.chased]
    waits = [later - earlier for earlier, later in pairwise(tries)]
    assert waits[:9] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert chasing.next_wake(small) > FIRST_REMINDER  # type: ignore[operator]


def test_after_a_success_the_waits_begin_anew(small: Parts):
    """An outage of yesterday must not slow this morning."""
    work = at_rest(small, FIRST_REMINDER)
    work.errands.chasing = _fails

    async def mornings() -> None:
        await work.start()
        await work.live(20)
        work.errands.chasing = work.errands.really
        await work.live(60)
        work.errands.chased.clear()
        work.hands.set_to(w.at("2020-05-11 08:00"))
        work.errands.chasing = _fails
        await work.live(3)

    RUN(mornings())
    assert len(work.errands.chased) >= 2


def test_a_failure_is_one_line_and_so_is_its_end(small: Parts, caplog: pytest.LogCaptureFixture):
    """A log with a traceback per minute is read by nobody."""
    work = at_rest(small, FIRST_REMINDER)
    work.errands.chasing = _fails

    async def minutes() -> None:
        await work.start()
        await work.live(300)
        work.errands.chasing = work.errands.really
        await work.live(61)

    with caplog.at_level(logging.INFO, "flows.clock"):
        RUN(minutes())
    assert [record.getMessage() for record in caplog.records] == [
        "the chase fails, and is tried again: OSError: the server is away",
        "the chase works again",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_a_chase_that_moves_nothing_does_not_run_hot(small: Parts):
    """Whatever is wrong with a plan, the server must not get a run per blink."""
    work = at_rest(small, FIRST_REMINDER)

    async def nothing(now: datetime) -> None: ...

    work.errands.chasing = nothing

    async def minutes() -> None:
        await work.start()
        await work.live(120)

    RUN(minutes())
    assert len(work.errands.chased) == 7


def test_a_chase_that_leaves_something_due_is_followed_by_the_next_at_once(
    small: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A hundred runs a chase: the hundred and first does not wait for the sweep."""
    for number in range(3):
        start(small, w.bundle(plan=f"nho-{number}"))
    settle(small)
    work = Clockwork(small, FIRST_REMINDER)

    monkeypatch.setattr(chasing, "BATCH", 1)
    RUN(work.start())
    assert len(work.errands.chased) >= 4
    assert set(work.errands.chased) == {FIRST_REMINDER}


def test_a_chase_that_hangs_is_given_up(small: Parts):
    """A mail server that keeps the line must not hold the clock for ever."""
    work = at_rest(small, FIRST_REMINDER, longest=0.02)

    async def hangs(now: datetime) -> None:
        await never()

    work.errands.chasing = hangs

    async def morning() -> None:
        await work.start()
        assert len(work.errands.chased) == 1
        work.errands.chasing = work.errands.really
        await work.live(2)

    RUN(morning())
    assert len(work.errands.chased) > 1
    assert chasing.next_wake(small) > FIRST_REMINDER  # type: ignore[operator]


def test_a_sweep_that_takes_long_does_not_hold_up_the_mail(small: Parts):
    """Prefect's pages may wait; 08:00 does not."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 5), longest=3600)
    work.errands.sweeping = never

    async def morning() -> None:
        work.clock.start()
        work.hands.pass_(seconds=5)
        await work.scheduler.fire_what_is_due()
        await work.errands.ended.wait()
        await work.clock.stop()

    RUN(morning())
    assert work.errands.chased == [FIRST_REMINDER]
    assert work.errands.swept == 1


def test_the_database_may_be_away_for_a_while(
    small: Parts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """The clock does not die of it, sends no sign of life, and goes on when it is back."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 30), sweep=10)

    def away(parts: Parts) -> None:
        raise OperationalError("SELECT 1", {}, OSError("connection refused"))

    async def morning() -> None:
        await work.start()
        beats = work.errands.beats
        with monkeypatch.context() as broken:
            broken.setattr(chasing, "signs", away)
            await work.live(300)
        assert work.errands.beats == beats
        await work.live(1)

    with caplog.at_level(logging.INFO, "flows.clock"):
        RUN(morning())
    assert len(work.errands.chased) == 1
    looks = [record for record in caplog.records if "the look" in record.getMessage()]
    assert len(looks) == 2


def test_when_the_walls_clock_leaps_ahead_what_it_passed_is_chased_at_once(small: Parts):
    """A laptop that slept, a virtual machine that was frozen, NTP after a dead battery."""
    work = at_rest(small, w.at("2020-05-04 20:00"), sweep=3600)

    async def night() -> None:
        await work.start()
        work.hands.set_to(w.at("2020-05-05 08:30"))
        await work.live(1)

    RUN(night())
    assert work.scheduler.reckoned == 1
    assert work.errands.chased == [w.at("2020-05-05 08:30:01")]


def test_when_the_walls_clock_is_set_back_nothing_stands_still(small: Parts):
    """Looks, sweeps and beats go by the monotonic clock; what is due goes by the wall's."""
    work = at_rest(small, w.at("2020-05-05 07:00"), sweep=60)

    async def morning() -> None:
        await work.start()
        work.hands.set_to(w.at("2020-05-05 01:00"))
        swept = work.errands.swept
        await work.live(120)
        assert work.errands.swept == swept + 2
        assert work.errands.chased == []
        start(small, w.bundle(plan="hai"), w.START)
        await work.live(1)

    RUN(morning())
    assert len(work.errands.chased) == 1


def test_a_retry_does_not_wait_for_a_wall_clock_that_was_set_back(small: Parts):
    """A wait of a minute must not become one of hours."""
    work = at_rest(small, FIRST_REMINDER)
    work.errands.chasing = _fails

    async def morning() -> None:
        await work.start()
        await work.live(40)
        work.errands.chasing = work.errands.really
        work.hands.set_to(FIRST_REMINDER + timedelta(seconds=1))
        await work.live(1)

    RUN(morning())
    assert chasing.next_wake(small) > FIRST_REMINDER  # type: ignore[operator]


def test_an_installation_that_pretends_wakes_by_its_own_time(small: Parts):
    """`dondoc up --pretend`: the plan's morning is some other time on the wall."""
    wall = w.at("2026-03-01 14:00")
    settle(small)
    shift = seconds_before(FIRST_REMINDER, 10) - wall
    small.settings.home.joinpath(moment.SHIFT_FILE).write_text(str(shift.total_seconds()))
    work = Clockwork(small, wall)
    work.errands.shift = shift

    async def morning() -> None:
        await work.start()
        assert work.scheduler.at == wall + timedelta(seconds=10)
        await work.live(10)

    RUN(morning())
    assert work.errands.chased == [FIRST_REMINDER]


def test_a_shift_that_cannot_be_read_stops_the_mail_not_the_clock(small: Parts):
    """Mail at a wrong time is worse than none; put right, it goes on."""
    work = at_rest(small, FIRST_REMINDER)
    file = small.settings.home / moment.SHIFT_FILE
    file.write_text("yesterday")

    async def morning() -> None:
        await work.start()
        await work.live(5)
        assert work.errands.chased == []
        file.unlink()
        await work.live(1)

    RUN(morning())
    assert len(work.errands.chased) == 1


@pytest.mark.parametrize(
    ("sweep", "seconds", "sweeps", "beats"), [(60, 300, 6, 6), (2, 20, 11, 3), (600, 600, 2, 11)]
)
def test_sweeps_follow_the_setting_and_beats_come_once_a_minute(
    small: Parts, sweep: int, seconds: int, sweeps: int, beats: int
):
    """The automation waits three minutes for a beat, whatever the setting says."""
    work = at_rest(small, w.at("2020-04-20 08:00"), sweep=sweep)

    async def live() -> None:
        await work.start()
        await work.live(seconds)

    RUN(live())
    assert (work.errands.swept, work.errands.beats) == (sweeps, beats)
    assert work.errands.chased == []


def test_a_stop_lets_the_chase_end_and_says_so(small: Parts):
    """A mail in the middle of its delivery would go out twice."""
    work = at_rest(small, FIRST_REMINDER)
    gate = asyncio.Event()

    async def slow(now: datetime) -> None:
        await gate.wait()
        await work.errands.really(now)

    work.errands.chasing = slow

    async def stops() -> None:
        work.clock.start()
        await work.scheduler.fire_what_is_due()
        await work.errands.began.wait()
        stopping: Coroutine[Any, Any, None] = work.clock.stop()
        task = asyncio.create_task(stopping)
        await asyncio.sleep(0)
        gate.set()
        await task

    RUN(stops())
    assert chasing.next_wake(small) > FIRST_REMINDER  # type: ignore[operator]
    assert work.errands.ends == 1
    assert work.scheduler.running is False


def test_every_rung_of_the_plan_is_issued_within_a_second_of_its_time(small: Parts):
    """The whole plan, second by second around each moment, with a clock that is killed between."""
    settle(small)
    submit(small, "reports/report/a", now=w.at("2020-05-04 10:00"))
    moments: list[datetime] = []
    while (at := chasing.next_wake(small)) is not None and len(moments) < 12:
        moments.append(at)
        work = Clockwork(small, seconds_before(at, 2.5))

        async def around(work: Clockwork = work) -> None:
            await work.start()
            for _ in range(3):
                ahead = (work.scheduler.at or at) - work.hands.wall
                if ahead <= timedelta(seconds=1):
                    work.hands.pass_(seconds=ahead.total_seconds())
                    await work.come_to_rest()
                work.hands.pass_(seconds=1)
                await work.second()

        RUN(around())
        first = work.errands.chased[0]
        assert timedelta(0) <= first - at <= timedelta(seconds=1), at
    assert len(moments) >= 5


def test_mail_that_came_back_is_looked_for_every_few_minutes(small: Parts):
    """Whatever the sweep is set to."""
    work = at_rest(small, w.at("2020-04-08 12:00"))

    async def noon() -> None:
        await work.start()
        await work.live(370)

    RUN(noon())

    assert work.errands.posts == 3


def test_a_mailbox_that_is_away_stops_no_chasing_and_fills_no_log(
    small: Parts, caplog: pytest.LogCaptureFixture
):
    """Said once, and once more when it works again."""
    work = at_rest(small, seconds_before(FIRST_REMINDER, 400))

    async def away() -> None:
        raise OSError("imap.example.vn:993: refused")

    async def morning() -> None:
        work.errands.posting = away
        await work.start()
        await work.live(405)

    RUN(morning())

    said = [record for record in caplog.records if getattr(record, "action", "") == "post-failed"]
    assert work.errands.posts == 3
    assert len(said) == 1
    assert len(work.errands.chased) == 1


def test_what_changes_is_shown_within_seconds_and_a_quiet_day_shows_nothing(small: Parts):
    """An operator sees what was recorded at once; while nothing moves nothing is asked."""
    work = at_rest(small, w.at("2020-05-04 09:00"), sweep=3600)

    async def hour() -> None:
        await work.start()
        await work.live(60)
        assert len(work.errands.shown) == 1
        submit(small, w.REPORT_A, now=w.at("2020-05-04 09:01"))
        await work.live(2)
        assert len(work.errands.shown) == 2
        await work.live(60)

    RUN(hour())
    assert work.errands.shown == [False, False]


def test_what_is_left_to_show_is_gone_on_with(small: Parts):
    """Each going takes its share of the time; the next comes until nothing is left."""
    work = at_rest(small, w.at("2020-05-04 09:00"), sweep=3600)
    left = [False, False, True]

    async def some() -> bool:
        return left.pop(0)

    work.errands.showing = some

    async def minute() -> None:
        await work.start()
        await work.live(60)

    RUN(minute())
    assert left == []


def test_showing_is_quiet_while_we_chase_and_does_not_hold_it_up(small: Parts):
    """Mail and notices come first; both go on at one time."""
    work = Clockwork(small, w.START, sweep=3600)

    async def endless() -> bool:
        await never()
        return True

    work.errands.showing = endless

    async def slow(now: datetime) -> None:
        work.hands.pass_(seconds=3)
        work.clock.look()
        await asyncio.sleep(0)
        await work.errands.really(now)

    work.errands.chasing = slow

    async def morning() -> None:
        work.clock.start()
        for _ in range(3):
            await work.scheduler.fire_what_is_due()
            await asyncio.wait_for(work.errands.ended.wait(), 10)
        await work.clock.stop()

    RUN(morning())
    assert work.errands.chased == [w.START]
    assert "sent" in statuses(small)


def test_showing_that_fails_is_tried_again_after_half_a_minute(small: Parts):
    """A Prefect that is away is not asked every other second."""
    work = at_rest(small, w.at("2020-05-04 09:00"), sweep=3600)

    async def away() -> bool:
        raise ConnectionError("Prefect")

    work.errands.showing = away

    async def minute() -> None:
        await work.start()
        await work.live(60)

    RUN(minute())
    assert len(work.errands.shown) == 3


def test_a_schema_that_has_moved_is_noticed_within_a_minute(small: Parts):
    """A clock of an older version that goes on writes what the newer one reads wrongly."""
    work = at_rest(small, w.at("2020-04-20 08:00"))

    async def minutes() -> None:
        await work.start()
        await work.live(5)
        assert work.clock.outdated is None
        with small.database.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        await work.live(60)

    RUN(minutes())
    assert work.clock.outdated is not None
    assert work.clock.outdated.found == "9999"


def test_the_clock_ends_with_a_sentence_once_the_schema_has_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever supervises it starts the version that is installed by now."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path))
    own.close()
    with office(tmp_path) as parts:
        parts.database.ready()
    monkeypatch.setattr(Errands, "reconcile", never_mind)
    monkeypatch.setattr(Errands, "beat", never_mind)
    own.parts()
    with office(tmp_path) as parts, parts.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(Refused, match="phiên bản mới hơn"):
        RUN(clock.run(asyncio.Event()))

    own.close()


async def never_mind(*_: Any, **__: Any) -> int:
    """Do nothing."""
    return 0
