"""Issuing: once, whoever asks how often, how late, from how many places, killed where it may be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, select, text

from services import alarming, briefing, chasing, keeping, rebuilding, runs
from services.keeping import LiveRun
from services.mail.judging import WAITS
from services.views import reports
from services.wiring import Parts
from storage import obligations, plans
from storage.plans import StoredRun
from storage.tables import LEDGER, OBLIGATIONS, PLAN_VERSIONS
from tests.services import written as w
from tests.services.office import (
    Halt,
    Offices,
    deliver,
    killed_at,
    kinds,
    notice_rows,
    outbox_of,
    start,
    submit,
)
from tests.storage.records import contents
from tests.storage.together import at_once


def issue(parts: Parts, now: datetime = w.EVE) -> list[chasing.Chased]:
    """Issue what is due, on the eve unless told."""
    return chasing.issue_notices(parts, now)


def test_what_is_due_is_issued_with_its_message_and_its_entries(small: Parts):
    """The notice, the mail in the outbox and the line in the ledger: one step."""
    (chased,) = issue(small, w.START)

    assert (chased.run, chased.notices, chased.messages) == ("nho", 5, 4)
    assert [(message.recipient, message.kind) for message in outbox_of(small)] == [
        ("a", "assign"),
        ("b", "assign"),
        ("c", "assign"),
        ("noi-vu", "event"),
    ]
    assert kinds(small).count("notice-issued") == 5


def test_issuing_twice_changes_nothing(small: Parts):
    """A flow that is run again finds nothing to do."""
    issue(small)
    before = contents(small.database)

    issue(small)

    assert contents(small.database) == before


def test_nothing_due_is_nothing_done(small: Parts):
    """The sweep passes every minute."""
    issue(small, w.START)
    before = contents(small.database)

    assert issue(small, w.START + timedelta(minutes=1)) == []
    assert contents(small.database) == before


def test_nothing_is_issued_before_its_time(small: Parts):
    """One minute before the send hour nobody is reminded yet."""
    issue(small, w.START)
    count = len(outbox_of(small))

    issue(small, w.at("2020-05-05 07:59"))
    assert len(outbox_of(small)) == count
    issue(small, w.at("2020-05-05 08:00"))
    assert len(outbox_of(small)) == count + 3


def test_offices_are_not_written_to_at_night(small: Parts):
    """What fell due in an outage that ends at night waits for the next send hour."""
    issue(small, w.at("2020-05-08 22:00"))
    assert outbox_of(small) == []

    assert chasing.next_wake(small) == w.LATE
    issue(small, w.LATE)
    assert {message.send_at for message in outbox_of(small)} == {w.LATE}


def test_late_each_hears_only_the_newest(small: Parts):
    """After an outage nobody is reminded of a deadline that was missed meanwhile."""
    issue(small, w.at("2020-05-14 09:30"))

    rungs = {(row.recipient, row.rung) for row in notice_rows(small) if row.status == "issued"}
    assert {rung for who, rung in rungs if who in "abc"} == {"assign", "overdue-3"}
    assert Counter(message.recipient for message in outbox_of(small)) == Counter(
        {"a": 1, "b": 1, "c": 1, "noi-vu": 1, "tinh": 1}
    )
    superseded = [row for row in notice_rows(small) if row.status == "superseded"]
    assert kinds(small).count("notice-superseded") == len(superseded) == 15
    before = len(notice_rows(small))
    issue(small, w.at("2020-05-14 09:31"))
    assert len(notice_rows(small)) == before


def test_on_quiet_days_nothing_is_issued_and_after_them_the_newest(parts: Parts):
    """Elections from Monday to Wednesday: on Thursday one mail each, the rest superseded."""
    quiet = "quiet: [{from: 11/5/2020, until: 13/5/2020, why: bầu cử}]"
    start(parts, w.bundle(ladder=f"{quiet}\n{w.LADDER}"))
    for moment in (w.START, w.EVE):
        issue(parts, moment)
    before = len(outbox_of(parts))

    for day in (11, 12, 13):
        issue(parts, w.at(f"2020-05-{day} 08:00"))
    assert len(outbox_of(parts)) == before
    thursday = w.at("2020-05-14 08:00")
    with parts.database.reading() as connection:
        assert obligations.due_of(connection, ["nho"], w.at("2020-05-13 12:00")) == {"nho": []}
    issue(parts, thursday)

    sent = outbox_of(parts)[before:]
    assert Counter(one.recipient for one in sent) == Counter(["a", "b", "c", "noi-vu", "tinh"])
    assert {one.send_at for one in sent} == {thursday}
    rows = [row for row in notice_rows(parts) if row.rung.startswith("overdue")]
    assert {(row.rung, row.status) for row in rows} == {
        ("overdue-1", "superseded"),
        ("overdue-2", "superseded"),
        ("overdue-3", "issued"),
    }


def test_an_escalation_is_one_message_about_everybody_late(small: Parts):
    """Not one per agency."""
    issue(small)
    issue(small, w.LATE)

    above = [one for one in reports.messages(small) if one["to"] == "noi-vu"]
    assert [(one["kind"], one["obligations"]) for one in above] == [
        ("event", []),
        ("escalate", [w.REPORT_A, w.REPORT_B, w.REPORT_C]),
    ]


def test_from_many_places_at_once_each_notice_is_issued_once(office: Offices):
    """Several clocks may run: each recipient gets one message per slot."""
    with office() as one, office() as two:
        start(one)
        for now in (w.START, w.EVE, w.LATE, w.at("2020-05-12 08:00")):
            at_once(*[partial(issue, parts, now) for parts in (one, two, one, two)])

        keys = Counter(
            (row.obligation, row.round, row.rung, row.recipient) for row in notice_rows(one)
        )
        slots = Counter((message.recipient, message.slot) for message in outbox_of(one))
        assert set(keys.values()) == {1}
        assert set(slots.values()) == {1}
        with office("alone") as alone:
            start(alone)
            for now in (w.START, w.EVE, w.LATE, w.at("2020-05-12 08:00")):
                issue(alone, now)
            assert told(one) == told(alone)


def test_killed_at_any_line_nothing_is_left_and_the_next_call_does_it_all(
    small: Parts, office: Offices
):
    """Neither a notice without its mail nor a mail without its notice."""
    before = contents(small.database)
    for statement in range(1, 200):
        try:
            with killed_at(small.database, statement):
                issue(small, w.LATE)
        except Halt:
            assert contents(small.database) == before, statement
        else:
            break

    assert statement > 20
    with office("never-killed") as other:
        start(other)
        issue(other, w.LATE)
        assert told(small) == told(other)


def told(parts: Parts) -> tuple[list[dict[str, Any]], list[str], list[tuple[Any, ...]]]:
    """Return messages, ledger and notices without their numbers, of which a kill may cost some."""
    messages = [{**one, "number": None} for one in reports.messages(parts)]
    rows = [
        (row.obligation, row.rung, row.recipient, row.status, row.slot)
        for row in notice_rows(parts)
    ]
    return messages, kinds(parts), rows


def test_one_run_killed_leaves_the_other_issued(small: Parts):
    """Each run is a transaction of its own."""
    start(small, w.bundle(plan="other"))
    for statement in range(1, 200):
        try:
            with killed_at(small.database, statement):
                issue(small, w.START)
        except Halt:
            if len({message.run for message in outbox_of(small)}) == 1:
                break
    issue(small, w.START)

    assert Counter(message.run for message in outbox_of(small)) == Counter({"nho": 4, "other": 4})


def test_a_gate_that_gives_way_opens_the_next_stage_and_assigns_it(small: Parts):
    """Although nobody has answered."""
    now = w.at("2020-05-14 00:00")
    issue(small, w.at("2020-05-13 08:00"))

    (turned,) = issue(small, now)
    assert turned.stages == ("reports", "summary")
    issue(small, w.at("2020-05-14 08:00"))

    assert ("noi-vu", "assign") in [(one.recipient, one.kind) for one in outbox_of(small)]


def test_a_gate_noticed_late_counts_from_when_it_gave_way(small: Parts):
    """What follows does not depend on when the machine was up again."""
    issue(small, w.at("2020-05-18 10:00"))

    with small.database.reading() as connection:
        query = select(OBLIGATIONS.c.last_day).where(OBLIGATIONS.c.id == w.DRAFT)
        assert connection.execute(query).scalar_one() == date(2020, 5, 20)


def test_the_run_is_completed_once_when_nothing_is_left(parts: Parts):
    """It says so in the ledger, and wakes nobody any more."""
    start(parts, w.bundle(w.ONE))
    submit(parts, "only/report/a", "only/report/b", now=w.EVE)
    issue(parts, w.EVE)

    assert kinds(parts).count("run-completed") == 1
    deliver(parts, w.EVE)  # the news that it opened and was done
    assert chasing.next_wake(parts) is None
    issue(parts, w.LATE)
    assert kinds(parts).count("run-completed") == 1


def test_killed_at_its_last_rung_a_run_is_completed_all_the_same(parts: Parts):
    """Nothing would wake it any more: the last rung and the run's end are one transaction."""
    gate = "    gate: {quorum: 100%, or: 1 ngày làm việc sau hạn}\n"
    start(parts, w.bundle(w.ONE + gate))
    for now in (w.START, w.EVE, w.LATE, w.at("2020-05-12 08:00")):
        while issue(parts, now):
            pass
    assert "stage-done" in kinds(parts)
    assert "run-completed" not in kinds(parts)
    for statement in range(1, 200):
        try:
            with killed_at(parts.database, statement):
                issue(parts, w.at("2020-05-13 08:00"))
        except Halt:
            continue
        if not chasing.count_due(parts, w.at("2020-05-13 08:00"), most=1):
            break  # a server may still have held the run for one that was killed

    assert statement > 10
    assert kinds(parts).count("run-completed") == 1


@pytest.fixture
def settled(parts: Parts) -> Parts:
    """Three runs of which only rungs will be due: their beginning was told."""
    for name in ("nho-1", "nho-2", "nho-3"):
        start(parts, w.bundle(plan=name))
    while chasing.issue_notices(parts, w.START):
        pass
    return parts


def test_runs_of_which_only_rungs_are_due_are_chased_by_a_few_statements(settled: Parts):
    """The cost of a batch is not that of its runs one by one."""
    statements: list[str] = []

    def listen(*what: Any) -> None:
        statements.append(what[2])

    event.listen(settled.database.engine, "before_cursor_execute", listen)
    done = chasing.issue_notices(settled, w.EVE)
    event.remove(settled.database.engine, "before_cursor_execute", listen)

    assert {one.run for one in done} == {"nho-1", "nho-2", "nho-3"}
    assert sum(one.notices for one in done) == len(
        [one for one in notice_rows(settled) if one.issued_at == w.EVE and one.status == "issued"]
    )
    writing = [one.split()[0] for one in statements if not one.startswith("SELECT")]
    assert writing.count("INSERT") == 3  # messages, notices, the ledger
    assert writing.count("UPDATE") == 2  # obligations, runs


def test_a_run_too_large_for_a_batch_is_chased_alone_after_the_others(
    settled: Parts, monkeypatch: pytest.MonkeyPatch
):
    """One huge run keeps nobody waiting, and is done all the same."""
    with settled.database.writing() as connection:
        # Of two runs only one obligation each is due.
        for name in ("nho-2", "nho-3"):
            connection.execute(
                OBLIGATIONS.update()
                .where(OBLIGATIONS.c.run == name, OBLIGATIONS.c.id != w.REPORT_A)
                .values(next_wake_at=None)
            )
        plans.set_wakes(connection, ["nho-2", "nho-3"])
    monkeypatch.setattr(chasing, "MOST_DUE", 2)

    first = chasing.issue_notices(settled, w.EVE)
    second = chasing.issue_notices(settled, w.EVE)

    assert [one.run for one in first] == ["nho-2", "nho-3"]
    assert [one.run for one in second] == ["nho-1"]
    assert second[0].notices > 2
    assert chasing.issue_notices(settled, w.EVE) == []


@pytest.mark.parametrize("now", [w.START, w.EVE], ids=["stages", "rungs"])
def test_a_run_that_cannot_be_read_keeps_no_other_from_its_notices(parts: Parts, now: datetime):
    """It is the first in line each time: all of the others would wait behind it for ever."""
    for plan in ("aa", "bb", "cc"):
        start(parts, w.bundle(w.ONE, plan=plan))
    if now != w.START:
        issue(parts, w.START)
    _spoil(parts, "aa")
    before = len(outbox_of(parts))

    done = issue(parts, now)

    assert [one.run for one in done] == ["bb", "cc"]
    assert {message.run for message in outbox_of(parts)[before:]} >= {"bb", "cc"}
    later = now + runs.UNREADABLE_FOR
    assert [chasing.count_due(parts, at, most=9) for at in (now, later)] == [0, 1]
    assert issue(parts, later) == []
    _mend(parts, "aa")
    assert [one.run for one in issue(parts, later + runs.UNREADABLE_FOR)] == ["aa"]


@pytest.mark.parametrize("now", [w.START, w.EVE], ids=["stages", "rungs"])
def test_a_plan_whose_text_is_no_text_keeps_no_other_from_its_notices(parts: Parts, now: datetime):
    """Whatever a damaged version raises, it is that run's own trouble."""
    for plan in ("aa", "bb"):
        start(parts, w.bundle(w.ONE, plan=plan))
    if now != w.START:
        issue(parts, w.START)
    _rewrite(parts, "aa", {"main": "plan.yaml", "texts": {"plan.yaml": 3}})

    assert [one.run for one in issue(parts, now)] == ["bb"]
    assert set(parts.unread) == {"aa"}


@pytest.mark.on_files("a server takes nothing that is no JSON or no moment")
@pytest.mark.parametrize("now", [w.START, w.EVE], ids=["stages", "rungs"])
@pytest.mark.parametrize("damage", ["data = '{'", "recorded_at = 'x'"])
def test_a_ledger_damaged_on_the_disk_keeps_no_other_from_its_notices(
    parts: Parts, now: datetime, damage: str
):
    """What is due of many runs is read by one statement, and fails for all of them."""
    for plan in ("aa", "bb", "cc"):
        start(parts, w.bundle(w.ONE, plan=plan))
    if now != w.START:
        issue(parts, w.START)
    with parts.database.writing() as connection:
        connection.execute(text(f"UPDATE ledger SET {damage} WHERE run = 'bb'"))

    assert [one.run for one in issue(parts, now)] == ["aa", "cc"]
    assert set(parts.unread) == {"bb"}
    assert chasing.count_due(parts, now, most=9) == 0


@pytest.mark.parametrize("now", [w.START, w.EVE], ids=["stages", "rungs"])
def test_runs_that_cannot_be_read_fill_no_batch_for_ever(
    parts: Parts, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    """Two hundred of them would be all that anybody ever takes."""
    monkeypatch.setattr(chasing, "BATCH", 2)
    for plan in ("aa", "ab", "ac", "ad", "zz"):
        start(parts, w.bundle(w.ONE, plan=plan))
    while now != w.START and issue(parts, w.START):
        pass
    for plan in ("aa", "ab", "ac", "ad"):
        _spoil(parts, plan)

    done = [issue(parts, now) for _ in range(3)]

    assert [[one.run for one in batch] for batch in done] == [[], [], ["zz"]]


def test_what_fails_beyond_reading_keeps_no_other_run_from_its_notices(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A batch that can't be written is done run by run: only one of them is at fault."""
    for plan in ("aa", "bb", "cc"):
        start(parts, w.bundle(w.ONE, plan=plan))
    real = keeping._turned

    def beyond(run: LiveRun, now: datetime) -> StoredRun:
        if run.stored.id == "bb":
            raise LookupError("no calendar for 2031")
        return real(run, now)

    monkeypatch.setattr(keeping, "_turned", beyond)

    assert [one.run for one in issue(parts, w.START)] == ["aa", "cc"]
    assert {message.run for message in outbox_of(parts)} == {"aa", "cc"}
    assert parts.unread == {"bb": "LookupError: no calendar for 2031"}


def test_a_brief_that_cannot_be_read_keeps_no_other_brief_waiting(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """They too are taken as many at a time, the longest waiting first."""
    monkeypatch.setattr(briefing, "BRIEFS", 1)
    for plan in ("aa", "bb"):
        start(parts, w.bundle(w.ONE, plan=plan))
    _spoil(parts, "aa")
    morning = w.at("2020-04-07 08:00")

    mailing = replace(parts, settings=parts.settings.model_copy(update={"brief": "daily"}))

    found = [briefing.send_due(mailing, morning) for _ in range(2)]

    assert [[one.run for one in some] for some in found] == [[], ["bb"]]


def test_an_entry_of_a_newer_program_keeps_no_other_run_from_its_notices(settled: Parts):
    """Two versions at work on one database: what one of them does not know is one run's trouble."""
    with settled.database.writing() as connection:
        row = {"kind": "announced-by-fax", "happened_at": w.START, "recorded_at": w.START}
        row |= {"run": "nho-1", "by": "", "document": "", "data": {}, "changes_state": True}
        connection.execute(LEDGER.insert(), row)

    assert [one.run for one in issue(settled, w.EVE)] == ["nho-2", "nho-3"]


def test_mail_of_others_is_marked_beside_that_of_a_run_that_cannot_be_read(parts: Parts):
    """Unmarked, it would go out again with every lease that lapses."""
    for plan in ("aa", "bb", "cc"):
        start(parts, w.bundle(w.ONE, plan=plan))
    issue(parts, w.START)
    _spoil(parts, "aa")

    deliver(parts, w.START)

    assert _statuses(parts) == {("aa", "later"), ("bb", "sent"), ("cc", "sent")}
    assert set(alarming.newly_unread(parts, w.START)) == {"aa"}


def test_mail_of_a_run_that_cannot_be_read_goes_out_once_it_can_be(parts: Parts):
    """Nobody has to find out which mail was given up meanwhile, and to send it again."""
    start(parts, w.bundle(w.ONE, plan="aa"))
    issue(parts, w.START)
    _spoil(parts, "aa")
    deliver(parts, w.START)
    _mend(parts, "aa")

    deliver(parts, w.START + WAITS[0])

    assert _statuses(parts) == {("aa", "sent")}


def test_mail_of_a_run_that_stays_unreadable_expires_as_any_mail(parts: Parts):
    """It says something of days gone by; the operator hears that it is given up."""
    start(parts, w.bundle(w.ONE, plan="aa"))
    issue(parts, w.START)
    _spoil(parts, "aa")
    for days in range(5):
        deliver(parts, w.START + timedelta(days=days))
    assert _statuses(parts) == {("aa", "later")}

    delivered = deliver(parts, w.START + parts.settings.mail_expires)

    assert _statuses(parts) == {("aa", "expired")}
    assert {one.run for one in delivered.undeliverable} == {"aa"}


def _statuses(parts: Parts) -> set[tuple[str, str]]:
    return {(message.run, message.status.value) for message in outbox_of(parts)}


def _spoil(parts: Parts, plan: str) -> None:
    """Let the version of a plan be one that this program does not take."""
    _rewrite(parts, plan, {"main": "plan.yaml", "files": {"plan.yaml": "plan: ["}})


def _mend(parts: Parts, plan: str) -> None:
    """Let the version of a plan be what it was."""
    _rewrite(parts, plan, w.bundle(w.ONE, plan=plan).to_json())


def _rewrite(parts: Parts, plan: str, texts: Any) -> None:
    with parts.database.writing() as connection:
        mine = PLAN_VERSIONS.update().where(PLAN_VERSIONS.c.plan == plan)
        connection.execute(mine.values(bundle=dict(texts)))
    parts._plans.clear()


def test_a_gate_that_nobody_has_seen_to_yet_is_sound_and_outlives_a_rebuild(small: Parts):
    """After an outage rows are looked over before the clock is up: the stage must still turn."""
    issue(small, w.START)
    late = w.at("2020-06-30 08:00")
    assert rebuilding.differences(small, "nho", late) == []

    rebuilding.rebuild(small, "nho", late)

    assert chasing.count_due(small, late, most=9) == 1
    assert "reports" in [stage for one in issue(small, late) for stage in one.stages]


def test_the_clock_is_told_the_next_moment(small: Parts):
    """Wake-ups, gates and mail to be tried, whichever is first."""
    assert chasing.next_wake(small) == w.START
    assert chasing.is_anything_due(small, w.START)
    issue(small, w.START)
    assert chasing.is_anything_due(small, w.START), "there is mail to send"
    deliver(small, w.START)

    assert not chasing.is_anything_due(small, w.START)
    assert chasing.next_wake(small) == w.at("2020-05-05 08:00")
    assert not chasing.is_anything_due(small, w.at("2020-05-05 07:59"))
    assert chasing.is_anything_due(small, w.at("2020-05-05 08:00"))
