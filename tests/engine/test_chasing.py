"""Chasing: which rungs fall when, and what of them is told to whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import DayOff, WorkingCalendar
from engine.chasing import (
    Decision,
    Digest,
    Kind,
    Notice,
    NoticeKey,
    at_once,
    decide,
    digests,
    escalated_to,
    is_office_hour,
    next_rung,
    next_wake,
    rungs,
    send_time,
)
from engine.deadline import Before, By, FromEvent, Phrase, Unit, Within
from engine.ledger import EntryKind, ObligationState
from engine.plan import EscalationStep, Ladder, Level, Overdue, Plan, Span
from tests.engine.builders import BY_9_JUNE, NO_DATE, STANDARD, Story, at, plan, stage, task

A = "first/report/a"
EVERY_THIRD_DAY = Ladder("standard", remind=(1,), overdue=Overdue(2, 3, 4))


def obligation(story: Story, key: str = A) -> ObligationState:
    """Return the state of an obligation."""
    return story.folding.obligations[key]


def shown(notices: Iterable[Notice]) -> list[tuple[str, str, datetime]]:
    """Return what each notice says, to whom, and when it falls."""
    return [(notice.rung, notice.recipient, notice.at) for notice in notices]


def words(notices: Iterable[Notice]) -> list[str]:
    """Return the rungs only."""
    return [notice.rung for notice in notices]


def look(story: Story, when: str, issued: Iterable[NoticeKey] = (), key: str = A) -> Decision:
    """Decide what is due."""
    return decide(story.plan, obligation(story, key), issued=set(issued), now=at(when))


def due(story: Story, when: str, issued: Iterable[NoticeKey] = (), key: str = A) -> list[str]:
    """Return the rungs that are due."""
    return words(look(story, when, issued, key).due)


def keys(story: Story, *found: str, key: str = A) -> set[NoticeKey]:
    """Return the keys of rungs of the present round."""
    return {n.key for n in rungs(story.plan, obligation(story, key)) if n.rung in found}


def days_of(kind: Kind, story: Story, key: str = A) -> list[str]:
    """Return the days on which notices of a kind fall."""
    found = rungs(story.plan, obligation(story, key))
    return [f"{n.at:%d/%m}" for n in found if n.kind is kind]


# ── the ladder of plan 37 ──


def test_the_whole_ladder_of_plan_37_falls_on_its_days():
    """Trước ngày 10/5/2020: last day Saturday 9/5, last working day 8/5, two holidays before."""
    found = shown(rungs(plan(), obligation(Story(plan()))))
    assert found == [
        ("assign", "a", at("2020-04-06 08:00")),
        ("remind-10", "a", at("2020-04-22 08:00")),
        ("remind-5", "a", at("2020-04-29 08:00")),
        ("remind-2", "a", at("2020-05-06 08:00")),
        ("remind-1", "a", at("2020-05-07 08:00")),
        ("remind-0", "a", at("2020-05-08 08:00")),
        ("overdue-1", "a", at("2020-05-11 08:00")),
        ("escalate-1", "coordinator", at("2020-05-11 08:00")),
        ("overdue-2", "a", at("2020-05-12 08:00")),
        ("overdue-3", "a", at("2020-05-13 08:00")),
        ("overdue-4", "a", at("2020-05-14 08:00")),
        ("overdue-5", "a", at("2020-05-15 08:00")),
        ("escalate-2", "superior", at("2020-05-15 08:00")),
        ("overdue-6", "a", at("2020-05-18 08:00")),
        ("overdue-7", "a", at("2020-05-19 08:00")),
        ("overdue-8", "a", at("2020-05-20 08:00")),
        ("overdue-9", "a", at("2020-05-21 08:00")),
        ("overdue-10", "a", at("2020-05-22 08:00")),
    ]


@pytest.mark.parametrize(
    ("phrase", "reminders", "first_overdue", "escalations"),
    [
        # A Tuesday.
        (BY_9_JUNE, ["26/05", "02/06", "05/06", "08/06", "09/06"], "10/06", ["10/06", "16/06"]),
        # A Sunday: the last working day is the Friday before.
        (
            Phrase("đến hết ngày 10/5/2020", By(date(2020, 5, 10))),
            ["22/04", "29/04", "06/05", "07/05", "08/05"],
            "11/05",
            ["11/05", "15/05"],
        ),
        # A Friday: overdue from Saturday, told on Monday.
        (
            Phrase("đến hết ngày 15/5/2020", By(date(2020, 5, 15))),
            ["29/04", "08/05", "13/05", "14/05", "15/05"],
            "18/05",
            ["18/05", "22/05"],
        ),
        # A holiday, 30/4, with 1/5 and a weekend after it.
        (
            Phrase("đến hết ngày 30/4/2020", By(date(2020, 4, 30))),
            ["15/04", "22/04", "27/04", "28/04", "29/04"],
            "04/05",
            ["04/05", "08/05"],
        ),
        # Before a holiday.
        (
            Phrase("trước ngày 30/4/2020", Before(date(2020, 4, 30))),
            ["15/04", "22/04", "27/04", "28/04", "29/04"],
            "04/05",
            ["04/05", "08/05"],
        ),
    ],
)
def test_reminders_come_before_the_last_working_day_and_overdue_after_the_last_day(
    phrase: Phrase, reminders: list[str], first_overdue: str, escalations: list[str]
):
    """Whatever weekday the deadline falls on, mail goes out on working days."""
    story = Story(plan(stage("first", task(due=phrase))))
    assert days_of(Kind.REMIND, story) == reminders
    assert days_of(Kind.OVERDUE, story)[0] == first_overdue
    assert days_of(Kind.ESCALATE, story) == escalations


@pytest.mark.parametrize(
    ("overdue", "days"),
    [
        (Overdue(), []),
        (Overdue(1, 1, 3), ["11/05", "12/05", "13/05"]),
        (Overdue(1, 5, 3), ["11/05", "18/05", "25/05"]),
        (Overdue(3, 1, 2), ["13/05", "14/05"]),
        (Overdue(2, 3, 4), ["12/05", "15/05", "20/05", "25/05"]),
        (Overdue(10, 10, 1), ["22/05"]),
    ],
)
def test_overdue_notices_begin_repeat_and_end_as_the_ladder_says(overdue: Overdue, days: list[str]):
    """first, every, at_most: all in working days after the last day."""
    story = Story(plan(ladder=replace(STANDARD, overdue=overdue)))
    assert days_of(Kind.OVERDUE, story) == days


def test_the_number_of_an_overdue_notice_says_how_many_there_were():
    """The mail says "third time"; the count must not depend on `every`."""
    story = Story(plan(ladder=EVERY_THIRD_DAY))
    found = [n for n in rungs(story.plan, obligation(story)) if n.kind is Kind.OVERDUE]
    assert [(n.rung, n.count) for n in found] == [
        ("overdue-1", 1),
        ("overdue-2", 2),
        ("overdue-3", 3),
        ("overdue-4", 4),
    ]


def test_the_ladder_speaks_at_its_hour():
    """An office that opens at 07:30 hears at 07:30."""
    ladder = replace(STANDARD, send_at=time(7, 30))
    story = Story(plan(ladder=ladder), start="2020-04-06 07:30")
    assert {n.at.timetz().replace(tzinfo=None) for n in rungs(story.plan, obligation(story))} == {
        time(7, 30)
    }


def test_an_exchanged_saturday_is_a_day_like_any_other():
    """Worked instead of a Friday: reminders and overdue notices fall on it."""
    calendar = WorkingCalendar(
        2020, 2020, days_off=[DayOff(date(2020, 5, 15), "bù")], worked=[date(2020, 5, 9)]
    )
    story = Story(plan(calendar=calendar))
    assert days_of(Kind.REMIND, story)[-1] == "09/05"
    assert days_of(Kind.OVERDUE, story)[:5] == ["11/05", "12/05", "13/05", "14/05", "18/05"]


def test_without_a_date_there_is_only_the_assignment():
    """Không hạn: nobody is chased, but everybody is told."""
    story = Story(plan(stage("first", task(due=NO_DATE))))
    (only,) = rungs(story.plan, obligation(story))
    assert (only.rung, only.reason.key) == ("assign", "notice.assign-undated")


def test_who_takes_part_hears_of_the_assignment_and_of_nothing_else():
    """Partners are told where the ladder says so; nobody is told to take part in its own work."""
    joint = replace(task(by=("a", "b")), partners=("b", "c"))
    story = Story(plan(stage("first", joint), ladder=replace(STANDARD, tell_partners=True)))
    silent = Story(plan(stage("first", joint)))

    first, told, *others = rungs(story.plan, obligation(story))
    assert [(one.rung, one.kind, one.recipient) for one in (first, told, others[0])] == [
        ("assign", Kind.ASSIGN, "a"),
        ("partner", Kind.ASSIGN, "b"),
        ("partner", Kind.ASSIGN, "c"),
    ]
    assert first.at == told.at
    assert {one.rung for one in rungs(silent.plan, obligation(silent))}.isdisjoint({"partner"})
    others = [one for one in others if one.recipient in ("b", "c")]
    assert [one.rung for one in others] == ["partner"]
    beside = rungs(story.plan, obligation(story, "first/report/b"))
    assert [one.recipient for one in beside if one.rung == "partner"] == ["c"]


def test_nobody_is_chased_before_the_date_is_known():
    """A period from an event has no rungs until the event has come."""
    phrase = Phrase("…", Within(10, Unit.WORKING_DAYS, FromEvent("issued")))
    story = Story(plan(stage("first", task(due=phrase))))
    assert words(rungs(story.plan, obligation(story))) == ["assign"]
    story.record(EntryKind.EVENT_ANNOUNCED, "2020-05-04 09:00", event="issued")
    assert days_of(Kind.OVERDUE, story)[0] == "19/05"


@pytest.mark.parametrize(
    ("rung", "key"),
    [
        ("assign", "notice.assign"),
        ("remind-10", "notice.remind"),
        ("remind-0", "notice.remind-today"),
        ("overdue-1", "notice.overdue"),
        ("escalate-1", "notice.escalate"),
    ],
)
def test_a_notice_carries_its_reason_with_the_dates(rung: str, key: str):
    """The mail, the ledger and the screen say the same why."""
    story = Story(plan())
    (found,) = (n for n in rungs(story.plan, obligation(story)) if n.rung == rung)
    assert found.reason.key == key
    assert found.reason.values["last_day"] == date(2020, 5, 9)
    assert found.reason.values["last_working_day"] == date(2020, 5, 8)
    assert found.reason.values["count"] == found.count


def test_keys_of_all_notices_of_an_obligation_are_different():
    """A key is issued once: two notices that shared one would lose one."""
    found = [notice.key for notice in rungs(plan(), obligation(Story(plan())))]
    assert len(found) == len(set(found))


# ── what is no rung ──


def test_rungs_of_before_the_opening_are_none():
    """Nobody is chased for a time in which the work was not theirs."""
    one = plan(
        stage("first", task(by=["a"], due=NO_DATE)),
        stage("second", task(by=["b"]), needs=["first"]),
    )
    story = Story(one)
    story.submit("first/report/a", "2020-05-06 10:00")
    found = shown(rungs(one, obligation(story, "second/report/b")))
    assert found[:3] == [
        ("assign", "b", at("2020-05-06 10:00")),
        ("remind-1", "b", at("2020-05-07 08:00")),
        ("remind-0", "b", at("2020-05-08 08:00")),
    ]


def test_a_stage_that_opens_late_is_chased_from_the_day_on_which_it_was_told():
    """Opened four working days after its deadline: late at once, and nobody is silent about it."""
    one = plan(
        stage("first", task(by=["a"], due=NO_DATE)),
        stage("second", task(by=["b"]), needs=["first"]),
    )
    story = Story(one)
    story.submit("first/report/a", "2020-05-14 10:00")
    found = words(rungs(one, obligation(story, "second/report/b")))
    assert found[:4] == ["assign", "overdue-1", "escalate-1", "overdue-2"]
    chasers = [n for n in rungs(one, obligation(story, "second/report/b")) if n.count]
    assert [n.at for n in chasers[:2]] == [at("2020-05-15 08:00")] * 2
    escalations = [n for n in chasers if n.kind is Kind.ESCALATE]
    assert [n.at for n in escalations] == [at("2020-05-15 08:00"), at("2020-05-21 08:00")]
    assert [n.reason.values["count"] for n in escalations] == [5, 9]


def test_a_stage_that_opens_long_after_its_deadline_is_chased_all_the_same():
    """The Government's programme came a year late: every rung of the ladder had fallen before."""
    one = plan(
        stage("first", task(by=["a"], due=NO_DATE)),
        stage("second", task(by=["b"]), needs=["first"]),
    )
    story = Story(one)
    story.submit("first/report/a", "2021-05-15 10:00")
    found = [n for n in rungs(one, obligation(story, "second/report/b")) if n.recipient != "b"]
    assert shown(found) == [
        ("escalate-1", "coordinator", at("2021-05-18 08:00")),
        ("escalate-2", "superior", at("2021-05-24 08:00")),
    ]


def test_a_stage_not_open_is_silent():
    """What waits is not chased."""
    story = Story(plan(stage("first"), stage("second", needs=["first"])))
    assert rungs(story.plan, obligation(story, "second/report/a")) == ()
    assert look(story, "2020-05-11 08:00", key="second/report/a") == Decision((), ())


def close(story: Story, kind: EntryKind) -> None:
    """Close the obligation of `a`."""
    if kind is EntryKind.ACCEPTED:
        story.submit(A, "2020-05-05 08:00")
    story.record(kind, "2020-05-05 09:00", A)


@pytest.mark.parametrize("kind", [EntryKind.SUBMITTED, EntryKind.ACCEPTED, EntryKind.WAIVED])
def test_a_closed_obligation_is_silent(kind: EntryKind):
    """Whoever has done it hears no more of it."""
    story = Story(plan())
    close(story, kind)
    assert rungs(story.plan, obligation(story)) == ()
    assert look(story, "2020-05-15 08:00") == Decision((), ())
    assert (
        next_wake(story.plan, obligation(story), issued=set(), now=at("2020-05-05 10:00")) is None
    )
    assert next_rung(story.plan, obligation(story), after=at("2020-05-05 10:00")) is None


# ── rounds ──


def test_a_return_begins_with_its_own_notice_and_the_rungs_of_the_new_date():
    """Na Hang, returned on Tuesday 12/5 at 10:00 with three days: due Friday 15/5."""
    story = Story(plan())
    story.submit(A, "2020-05-06 14:30")
    story.record(EntryKind.RETURNED, "2020-05-12 10:00", A, days=3)
    found = rungs(story.plan, obligation(story))
    assert shown(found)[:6] == [
        ("returned", "a", at("2020-05-12 10:00")),
        ("remind-2", "a", at("2020-05-13 08:00")),
        ("remind-1", "a", at("2020-05-14 08:00")),
        ("remind-0", "a", at("2020-05-15 08:00")),
        ("overdue-1", "a", at("2020-05-18 08:00")),
        ("escalate-1", "coordinator", at("2020-05-18 08:00")),
    ]
    assert {notice.round for notice in found} == {2}


def test_a_return_brings_no_rungs_of_before_it_back():
    """Returned after the deadline without days: what fell before is over, it is chased anew."""
    story = Story(plan())
    story.submit(A, "2020-05-08 14:30")
    story.record(EntryKind.RETURNED, "2020-05-13 10:00", A)
    found = rungs(story.plan, obligation(story))
    assert shown(found)[:2] == [
        ("returned", "a", at("2020-05-13 10:00")),
        ("overdue-1", "a", at("2020-05-14 08:00")),
    ]


def test_an_extension_begins_with_the_reminders_of_the_new_date():
    """The letter that extends is itself the notice; what follows hangs on the new date."""
    story = Story(plan())
    story.record(EntryKind.EXTENDED, "2020-05-12 10:00", A, until="2020-05-20")
    found = [n for n in rungs(story.plan, obligation(story)) if n.round == 2]
    assert shown(found)[:5] == [
        ("remind-5", "a", at("2020-05-13 08:00")),
        ("remind-2", "a", at("2020-05-18 08:00")),
        ("remind-1", "a", at("2020-05-19 08:00")),
        ("remind-0", "a", at("2020-05-20 08:00")),
        ("overdue-1", "a", at("2020-05-21 08:00")),
    ]


def test_the_same_rung_in_another_round_is_another_notice():
    """Being reminded before the old date does not silence the reminder before the new."""
    story = Story(plan())
    told = keys(story, "assign", "remind-10", "remind-5", "remind-2", "remind-1", "remind-0")
    story.record(EntryKind.EXTENDED, "2020-05-08 10:00", A, until="2020-05-20")
    assert due(story, "2020-05-20 08:00", told) == ["remind-0"]


def test_a_return_not_told_yet_is_told_although_an_extension_follows():
    """Returned after hours, given more time a minute later: the agency must hear of the return."""
    story = Story(plan())
    told = keys(story, "assign", "remind-10", "remind-5")
    story.submit(A, "2020-05-05 10:00")
    story.record(EntryKind.RETURNED, "2020-05-05 17:30", A, reason="thiếu phụ lục")
    story.record(EntryKind.EXTENDED, "2020-05-05 17:31", A, until="2020-05-28")
    assert "returned" in due(story, "2020-05-06 08:00", told)


def test_an_assignment_not_told_yet_is_told_although_an_extension_follows():
    """The stage opened on a Saturday; a date given on Sunday does not replace the assignment."""
    story = Story(plan(), start="2020-04-04 09:00")
    story.record(EntryKind.EXTENDED, "2020-04-05 09:00", A, until="2020-06-30")
    assert due(story, "2020-04-06 08:00") == ["assign"]


def test_what_was_told_is_not_told_again_after_an_extension():
    """The assignment belongs to the opening, not to every new date."""
    story = Story(plan())
    told = keys(story, "assign")
    story.record(EntryKind.EXTENDED, "2020-04-07 09:00", A, until="2020-06-30")
    assert look(story, "2020-04-07 09:00", told) == Decision((), ())


# ── escalation ──


@pytest.mark.parametrize(
    ("agency", "level", "heard_by"),
    [
        ("a", 0, "coordinator"),
        ("a", 1, "superior"),
        ("coordinator", 0, "superior"),
        ("coordinator", 1, "superior"),
        ("superior", 1, None),
        ("a", 2, None),
    ],
)
def test_nobody_is_escalated_to_themselves(agency: str, level: int, heard_by: str | None):
    """It moves one level up; above the top there is nobody."""
    assert escalated_to(plan(), agency, level) == heard_by


@pytest.mark.parametrize(
    ("agency", "level", "heard_by"),
    [("a", 0, "coordinator"), ("a", 1, None), ("coordinator", 0, None)],
)
def test_without_a_superior_the_coordinator_is_the_top(
    agency: str, level: int, heard_by: str | None
):
    """A plan of one office has one level."""
    assert escalated_to(plan(superior=None), agency, level) == heard_by


def with_parents(**parents: str) -> Plan:
    """Return the plan with some agencies under others."""
    one = plan()
    placed = {key: replace(one.agencies[key], parent=parent) for key, parent in parents.items()}
    return replace(one, agencies={**one.agencies, **placed})


@pytest.mark.parametrize(
    ("agency", "heard_by"), [("a", "b"), ("b", "coordinator"), ("coordinator", "superior")]
)
def test_a_commune_is_reported_to_its_own_district_first(agency: str, heard_by: str):
    """Who has nobody of its own above goes to the coordinator, as ever."""
    assert escalated_to(with_parents(a="b"), agency, Level.PARENT) == heard_by


def test_a_late_coordinator_is_reported_to_the_superior_only():
    """Plan 37: Sở Nội vụ reports too. Both rungs go to UBND tỉnh."""
    story = Story(plan(stage("first", task(by=["coordinator"]))))
    found = rungs(story.plan, obligation(story, "first/report/coordinator"))
    assert [(n.rung, n.recipient) for n in found if n.kind is Kind.ESCALATE] == [
        ("escalate-1", "superior"),
        ("escalate-2", "superior"),
    ]


def test_nobody_hears_of_a_late_top():
    """There is nobody above UBND tỉnh in the plan; its own reminders go on."""
    ladder = replace(STANDARD, escalate=(EscalationStep(5, Level.SUPERIOR),))
    story = Story(plan(stage("first", task(by=["superior"])), ladder=ladder))
    found = rungs(story.plan, obligation(story, "first/report/superior"))
    assert {notice.kind for notice in found} == {Kind.ASSIGN, Kind.REMIND, Kind.OVERDUE}


# ── what is due ──


def test_before_its_hour_a_rung_is_not_due():
    """08:00 means 08:00."""
    story = Story(plan())
    assert due(story, "2020-04-22 07:59", keys(story, "assign")) == []
    assert due(story, "2020-04-21 16:00", keys(story, "assign")) == []


def test_at_its_hour_a_rung_is_due_and_once():
    """A key that was issued is not issued again, whoever asks how often."""
    story = Story(plan())
    told = keys(story, "assign")
    found = look(story, "2020-04-22 08:00", told)
    assert words(found.due) == ["remind-10"]
    assert found.superseded == ()
    told |= {notice.key for notice in found.due}
    assert look(story, "2020-04-22 08:00", told) == Decision((), ())
    assert look(story, "2020-04-24 11:00", told) == Decision((), ())


def test_an_assignment_and_a_reminder_of_the_same_moment_are_both_kept():
    """They say different things; one mail carries both."""
    story = Story(plan(), start="2020-04-22 06:00")
    assert due(story, "2020-04-22 08:00") == ["assign", "remind-10"]


def test_a_rung_of_the_very_moment_of_the_opening_is_one():
    """Opened at the send hour of a reminder's day: that reminder is not of before."""
    story = Story(plan(), start="2020-04-22 08:00")
    assert due(story, "2020-04-22 08:00") == ["assign", "remind-10"]


def test_the_agency_and_the_coordinator_both_hear_on_the_same_morning():
    """Newest for each recipient: an escalation does not silence the agency's notice."""
    story = Story(plan())
    told = keys(story, "assign", "remind-10", "remind-5", "remind-2", "remind-1", "remind-0")
    found = look(story, "2020-05-11 08:00", told).due
    assert [(n.rung, n.recipient) for n in found] == [
        ("overdue-1", "a"),
        ("escalate-1", "coordinator"),
    ]


OUTAGES = [
    # back at, due, how many superseded
    ("2020-04-06 08:00", ["assign"], 0),
    ("2020-04-22 08:00", ["remind-10"], 1),
    ("2020-05-07 15:00", ["remind-1"], 4),
    ("2020-05-08 09:30", ["remind-0"], 5),
    ("2020-05-11 10:00", ["overdue-1", "escalate-1"], 6),
    ("2020-05-12 08:00", ["escalate-1", "overdue-2"], 7),
    ("2020-05-14 09:30", ["escalate-1", "overdue-4"], 9),
    ("2020-05-15 09:30", ["escalate-1", "overdue-5", "escalate-2"], 10),
    ("2020-12-31 09:30", ["escalate-1", "escalate-2", "overdue-10"], 15),
]


@pytest.mark.parametrize(("back", "expected", "superseded"), OUTAGES)
def test_after_an_outage_the_newest_rung_wins(back: str, expected: list[str], superseded: int):
    """Nobody is reminded of a deadline that the next line calls missed."""
    found = look(Story(plan()), back)
    assert sorted(words(found.due)) == sorted(expected)
    assert len(found.superseded) == superseded


@pytest.mark.parametrize(("back", "expected", "superseded"), OUTAGES)
def test_what_was_superseded_is_never_sent_afterwards(
    back: str, expected: list[str], superseded: int
):
    """It is recorded as such, and counts as handled."""
    story = Story(plan())
    found = look(story, back)
    handled = {notice.key for notice in (*found.due, *found.superseded)}
    assert look(story, back, handled) == Decision((), ())


def test_a_newer_rung_already_told_leaves_an_older_one_superseded():
    """A second wake-up must not dig out what the first passed over."""
    story = Story(plan())
    found = look(story, "2020-05-07 08:00", keys(story, "assign", "remind-1"))
    assert found.due == ()
    assert words(found.superseded) == ["remind-10", "remind-5", "remind-2"]


# ── office hours ──

WHEN_AT_ONCE = [
    ("2020-04-06 08:00", "2020-04-06 08:00"),  # the first minute
    ("2020-04-06 10:17", "2020-04-06 10:17"),
    ("2020-04-06 17:00", "2020-04-06 17:00"),  # the last
    ("2020-04-06 17:01", "2020-04-07 08:00"),
    ("2020-04-06 23:59", "2020-04-07 08:00"),
    ("2020-04-07 00:00", "2020-04-07 08:00"),
    ("2020-04-07 07:59", "2020-04-07 08:00"),
    ("2020-04-10 18:00", "2020-04-13 08:00"),  # Friday evening
    ("2020-04-11 10:00", "2020-04-13 08:00"),  # Saturday
    ("2020-04-12 10:00", "2020-04-13 08:00"),  # Sunday
    ("2020-04-29 17:30", "2020-05-04 08:00"),  # before two holidays and a weekend
    ("2020-04-30 10:00", "2020-05-04 08:00"),
]


@pytest.mark.parametrize(("moment", "told"), WHEN_AT_ONCE)
def test_at_once_means_in_office_hours(moment: str, told: str):
    """Nobody's phone rings at night because a stage turned at midnight."""
    assert at_once(plan(), STANDARD, at(moment)) == at(told)


@pytest.mark.parametrize(("moment", "told"), WHEN_AT_ONCE)
def test_an_assignment_goes_out_in_office_hours(moment: str, told: str):
    """Stages turn when their conditions hold; people are told when they are there."""
    story = Story(plan(stage("first", task(due=NO_DATE))), start=moment)
    (assignment,) = rungs(story.plan, obligation(story))
    assert assignment.at == at(told)


@pytest.mark.parametrize(("moment", "told"), WHEN_AT_ONCE)
def test_a_return_goes_out_in_office_hours(moment: str, told: str):
    """The same for what is sent back."""
    story = Story(plan(stage("first", task(due=NO_DATE))), start="2020-04-01 08:00")
    story.submit(A, "2020-04-02 09:00")
    story.record(EntryKind.RETURNED, moment, A)
    (notice,) = rungs(story.plan, obligation(story))
    assert (notice.rung, notice.at) == ("returned", at(told))


@pytest.mark.parametrize(
    "moment", ["2020-05-11 17:01", "2020-05-11 23:00", "2020-05-12 07:59", "2020-05-16 10:00"]
)
def test_nothing_is_due_while_offices_are_closed(moment: str):
    """After an outage that ends at night or at the weekend, mail waits for the morning."""
    story = Story(plan())
    assert not is_office_hour(story.plan, STANDARD, at(moment))
    assert look(story, moment) == Decision((), ())


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ("2020-05-11 10:17", "2020-05-11 10:17"),
        ("2020-05-11 20:00", "2020-05-12 08:00"),
        ("2020-05-15 20:00", "2020-05-18 08:00"),
        ("2020-05-16 10:00", "2020-05-18 08:00"),
        ("2020-05-12 06:00", "2020-05-12 08:00"),
    ],
)
def test_a_catch_up_waits_for_the_next_send_hour(back: str, told: str):
    """At once if offices are open, else in the morning of a working day."""
    story = Story(plan())
    assert next_wake(story.plan, obligation(story), issued=set(), now=at(back)) == at(told)


def test_mail_at_the_send_hour_goes_out_although_offices_end_before_it():
    """A ladder that speaks in the evening still speaks."""
    ladder = replace(STANDARD, send_at=time(19, 0), office_ends=time(17, 0))
    one = plan(ladder=ladder)
    assert is_office_hour(one, ladder, at("2020-04-06 19:00"))
    assert at_once(one, ladder, at("2020-04-06 19:01")) == at("2020-04-07 19:00")


QUIET = (
    Span(date(2020, 5, 6), date(2020, 5, 8), "Bầu cử"),
    Span(date(2020, 5, 11), date(2020, 5, 11)),
)


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2020-05-05 17:00", "2020-05-05 17:00"),
        ("2020-05-05 17:01", "2020-05-12 08:00"),  # over the weekend to the next quiet day
        ("2020-05-06 00:00", "2020-05-12 08:00"),
        ("2020-05-08 10:00", "2020-05-12 08:00"),
        ("2020-05-09 10:00", "2020-05-12 08:00"),
        ("2020-05-11 23:59", "2020-05-12 08:00"),
        ("2020-05-12 08:00", "2020-05-12 08:00"),
    ],
)
def test_at_once_means_after_the_quiet_days(moment: str, told: str):
    """An office that asked for quiet has it, whatever happens meanwhile."""
    calm = replace(plan(), quiet=QUIET)
    assert at_once(calm, STANDARD, at(moment)) == at(told)
    assert is_office_hour(calm, STANDARD, at(moment)) == (moment == told)


def test_a_quiet_day_is_one_of_the_plans_zone():
    """18:00 UTC is already the next day in Viet Nam."""
    calm = replace(plan(), quiet=QUIET)
    assert at_once(calm, STANDARD, datetime(2020, 5, 6, 2, tzinfo=UTC)) == at("2020-05-12 08:00")
    assert is_office_hour(calm, STANDARD, datetime(2020, 5, 12, 2, tzinfo=UTC))


def test_nothing_is_due_on_a_quiet_day_and_the_wake_up_is_after_it():
    """The clock does not turn on it either."""
    story = Story(replace(plan(), quiet=QUIET))
    told = keys(story, "assign", "remind-10", "remind-5")
    state = obligation(story)
    assert look(story, "2020-05-08 09:00", told) == Decision((), ())
    for moment in ("2020-05-05 09:00", "2020-05-06 08:00", "2020-05-08 09:00"):
        wake = next_wake(story.plan, state, issued=told, now=at(moment))
        assert wake == at("2020-05-12 08:00")


def test_after_quiet_days_the_newest_rung_wins_and_keeps_its_own_time():
    """As after an outage; the reason still tells of the day on which it fell."""
    story = Story(replace(plan(), quiet=(Span(date(2020, 5, 4), date(2020, 5, 7)),)))
    found = look(story, "2020-05-08 09:00", keys(story, "assign", "remind-10", "remind-5"))
    assert shown(found.due) == [("remind-0", "a", at("2020-05-08 08:00"))]
    assert words(found.superseded) == ["remind-2", "remind-1"]


def test_the_send_hour_is_one_of_the_plans_zone():
    """08:00 in Tuyên Quang, wherever the machine stands."""
    one = plan()
    assert send_time(one, STANDARD, date(2020, 5, 8)).isoformat() == "2020-05-08T08:00:00+07:00"


# ── next rung, next wake ──


def test_the_next_rung_is_the_first_after_the_moment():
    """The mail says what happens next."""
    story = Story(plan())
    found = next_rung(story.plan, obligation(story), after=at("2020-05-08 08:00"))
    assert found is not None
    assert found.rung == "overdue-1"
    assert next_rung(story.plan, obligation(story), after=at("2020-05-22 08:00")) is None


def test_the_next_rung_is_the_newest_of_those_that_quiet_days_hold_back():
    """What the board promises is what comes: on Tuesday the overdue notice, no reminder."""
    story = Story(replace(plan(), quiet=QUIET))
    found = next_rung(story.plan, obligation(story), after=at("2020-05-05 08:00"))
    assert found is not None
    assert (found.rung, found.at) == ("overdue-2", at("2020-05-12 08:00"))
    within = next_rung(story.plan, obligation(story), after=at("2020-05-08 08:00"))
    assert within == found


def test_the_wake_up_after_the_last_rung_is_never():
    """An obligation that has been chased to the end costs nothing more."""
    story = Story(plan())
    told = {notice.key for notice in rungs(story.plan, obligation(story))}
    assert next_wake(story.plan, obligation(story), issued=told, now=at("2020-05-22 08:00")) is None


minutes = st.integers(0, 70 * 24 * 60).map(
    lambda count: at("2020-04-06 08:00") + timedelta(minutes=count)
)


spells = st.lists(
    st.builds(
        lambda day, count: Span(day, day + timedelta(days=count)),
        st.dates(date(2020, 4, 1), date(2020, 6, 10)),
        st.integers(0, 12),
    ),
    max_size=3,
).map(tuple)


@given(st.lists(minutes, max_size=20), spells)
def test_at_the_wake_up_there_is_something_to_say_and_before_it_nothing(
    moments: list[datetime], quiet: tuple[Span, ...]
):
    """The clock looks only at wake-ups: one too late is a late mail, one too early a loop."""
    story = Story(replace(plan(), quiet=quiet))
    state = obligation(story)
    told: set[NoticeKey] = set()
    for now in sorted(moments):
        found = decide(story.plan, state, issued=told, now=now)
        told |= {notice.key for notice in (*found.due, *found.superseded)}
        wake = next_wake(story.plan, state, issued=told, now=now)
        if wake is None:
            assert told == {notice.key for notice in rungs(story.plan, state)}
            continue
        assert wake >= now
        assert is_office_hour(story.plan, STANDARD, wake)
        assert not story.plan.is_quiet(wake.date())
        assert decide(story.plan, state, issued=told, now=wake).due
        if wake > now:
            just_before = wake - timedelta(microseconds=1)
            assert decide(story.plan, state, issued=told, now=just_before) == Decision((), ())


# ── digests ──


def gather(
    story: Story, when: str, issued: dict[str, set[NoticeKey]] | None = None
) -> list[Digest]:
    """Decide for every obligation and gather."""
    told = issued or {}
    decisions = [
        decide(story.plan, state, issued=told.get(key, set()), now=at(when))
        for key, state in story.folding.obligations.items()
    ]
    return digests(story.plan, decisions, now=at(when))


def test_there_is_one_digest_per_recipient():
    """One mail, however many obligations."""
    story = Story(plan(stage("first", task(), task("other"), task("third", by=["a"]))))
    found = gather(story, "2020-04-06 08:00")
    assert sorted(digest.recipient for digest in found) == ["a", "b", "c"]
    (of_a,) = (digest for digest in found if digest.recipient == "a")
    assert of_a.obligations == ("first/report/a", "first/other/a", "first/third/a")
    assert of_a.rungs == ("assign",)


def test_an_escalation_is_one_message_that_lists_everyone_late():
    """Sở Nội vụ gets one mail, not one per agency."""
    found = gather(Story(plan()), "2020-05-11 08:00")
    (of_coordinator,) = (d for d in found if d.recipient == "coordinator")
    assert of_coordinator.kind is Kind.ESCALATE
    assert of_coordinator.obligations == ("first/report/a", "first/report/b", "first/report/c")


def test_the_gravest_comes_first_in_a_digest():
    """What is late stands above what is new, then the plan's order."""
    story = Story(
        plan(
            stage("first", task("new", by=["a"], due=NO_DATE), task("late", by=["a"])),
            stage("second", task("soon", by=["a"], due=BY_9_JUNE)),
            stage("third", task("later", by=["a"])),
        )
    )
    (digest,) = (d for d in gather(story, "2020-06-02 08:00") if d.recipient == "a")
    assert [(n.kind, n.obligation) for n in digest.notices] == [
        (Kind.OVERDUE, "first/late/a"),
        (Kind.OVERDUE, "third/later/a"),
        (Kind.REMIND, "second/soon/a"),
        (Kind.ASSIGN, "first/new/a"),
    ]
    assert digest.kind is Kind.OVERDUE


def test_the_kind_of_a_digest_is_its_gravest():
    """The subject says the worst."""
    kinds = [kind.word for kind in sorted(Kind)]
    assert kinds == ["event", "assign", "remind", "returned", "overdue", "escalate"]


def test_a_digest_knows_the_slot_that_it_is_for_and_when_it_goes():
    """After an outage the two differ; the Message-ID hangs on the slot."""
    digest = next(d for d in gather(Story(plan()), "2020-05-11 10:30") if d.recipient == "a")
    assert digest.slot == at("2020-05-11 08:00")
    assert digest.send_at == at("2020-05-11 10:30")


def test_the_slot_of_a_digest_is_the_latest_of_its_notices():
    """Two escalations of different days in one catch-up."""
    story = Story(
        plan(stage("first", task(by=["a"])), stage("second", task(by=["a"], due=BY_9_JUNE)))
    )
    (digest,) = (d for d in gather(story, "2020-06-15 09:00") if d.recipient == "coordinator")
    assert digest.slot == at("2020-06-10 08:00")
    assert len(digest.notices) == 2


def test_nothing_due_is_no_digest():
    """No empty mail."""
    story = Story(plan())
    told = {
        key: {n.key for n in rungs(story.plan, state)}
        for key, state in story.folding.obligations.items()
    }
    assert gather(story, "2020-05-11 08:00", told) == []


# ── laws ──

ladders = st.builds(
    Ladder,
    name=st.just("standard"),
    remind=st.sets(st.integers(0, 12), max_size=4).map(lambda found: tuple(sorted(found)[::-1])),
    overdue=st.builds(
        Overdue, first=st.integers(1, 4), every=st.integers(1, 4), at_most=st.integers(0, 6)
    ),
    escalate=st.lists(
        st.builds(EscalationStep, after=st.integers(1, 8), to=st.sampled_from(list(Level))),
        max_size=3,
    ).map(tuple),
)
agencies = st.sampled_from(["a", "coordinator", "superior"])
dues = st.dates(date(2020, 4, 1), date(2020, 5, 31)).map(lambda day: Phrase("…", By(day)))


def one_obligation(ladder: Ladder, agency: str, phrase: Phrase) -> tuple[Story, ObligationState]:
    """Return a story of a single obligation."""
    story = Story(plan(stage("first", task(by=[agency], due=phrase)), ladder=ladder))
    return story, obligation(story, f"first/report/{agency}")


@given(ladders, agencies, dues, st.lists(minutes, max_size=30))
def test_no_key_is_issued_twice_at_any_ticks(
    ladder: Ladder, agency: str, phrase: Phrase, moments: list[datetime]
):
    """Run twice, late or in parallel: a notice has a unique key."""
    story, state = one_obligation(ladder, agency, phrase)
    told: set[NoticeKey] = set()
    for now in sorted(moments):
        found = decide(story.plan, state, issued=told, now=now)
        fresh = [notice.key for notice in (*found.due, *found.superseded)]
        assert len(set(fresh)) == len(fresh)
        assert told.isdisjoint(fresh)
        told.update(fresh)


@given(ladders, agencies, dues)
def test_dense_ticks_issue_exactly_the_rungs(ladder: Ladder, agency: str, phrase: Phrase):
    """With the clock running, every rung goes out at its time and none is superseded."""
    story, state = one_obligation(ladder, agency, phrase)
    sent: list[Notice] = []
    told: set[NoticeKey] = set()
    now = at("2020-04-06 08:00")
    while (wake := next_wake(story.plan, state, issued=told, now=now)) is not None:
        now = wake
        found = decide(story.plan, state, issued=told, now=now)
        assert found.superseded == ()
        assert {notice.at for notice in found.due} == {now}
        sent += found.due
        told |= {notice.key for notice in found.due}
    assert sorted(sent, key=repr) == sorted(rungs(story.plan, state), key=repr)


@given(ladders, agencies, dues)
def test_looking_every_six_hours_is_as_good_as_looking_at_wake_ups(
    ladder: Ladder, agency: str, phrase: Phrase
):
    """The 60 s sweep and the exact clock send the same."""
    story, state = one_obligation(ladder, agency, phrase)
    sent: set[NoticeKey] = set()
    for count in range(75 * 4):
        now = at("2020-04-06 08:00") + timedelta(hours=6 * count)
        found = decide(story.plan, state, issued=sent, now=now)
        assert found.superseded == ()
        sent |= {notice.key for notice in found.due}
    last = at("2020-04-06 08:00") + timedelta(days=75)
    assert sent == {n.key for n in rungs(story.plan, state) if n.at < last}


@given(ladders, agencies, dues, minutes, minutes)
def test_after_an_outage_of_any_length_each_recipient_hears_of_one_time_only(
    ladder: Ladder, agency: str, phrase: Phrase, one: datetime, other: datetime
):
    """At most one slot's notices per obligation: not a pile of outdated ones."""
    story, state = one_obligation(ladder, agency, phrase)
    down, back = sorted([one, other])
    told: set[NoticeKey] = set()
    now = at("2020-04-06 08:00")
    while now <= down:
        found = decide(story.plan, state, issued=told, now=now)
        told |= {notice.key for notice in (*found.due, *found.superseded)}
        wake = next_wake(story.plan, state, issued=told, now=now)
        if wake is None:
            return
        now = wake
    back = at_once(story.plan, ladder, back)
    found = decide(story.plan, state, issued=told, now=back)
    for recipient in {notice.recipient for notice in found.due}:
        slots = {notice.at for notice in found.due if notice.recipient == recipient}
        passed = [n.at for n in found.superseded if n.recipient == recipient]
        assert len(slots) == 1
        assert all(at < max(slots) for at in passed)
    reached = {n.key for n in rungs(story.plan, state) if n.at <= back}
    handled = told | {n.key for n in (*found.due, *found.superseded)}
    assert handled == reached


@given(ladders, agencies, dues, minutes)
def test_every_rung_falls_in_office_hours_after_the_round_began(
    ladder: Ladder, agency: str, phrase: Phrase, start: datetime
):
    """Reminders fall on working days at the plan's hour, whatever was written."""
    written = start.strftime("%Y-%m-%d %H:%M")
    story = Story(plan(stage("first", task(by=[agency], due=phrase)), ladder=ladder), start=written)
    found = rungs(story.plan, obligation(story, f"first/report/{agency}"))
    assert list(found) == sorted(found, key=lambda notice: notice.at)
    for notice in found:
        assert is_office_hour(story.plan, ladder, notice.at)
        assert notice.at >= start
        assert notice.recipient != agency or notice.kind is not Kind.ESCALATE


def test_a_decision_depends_on_nothing_but_its_arguments():
    """`now` is an argument: the same question has the same answer."""
    story = Story(plan())
    assert look(story, "2020-05-12 08:00") == look(story, "2020-05-12 08:00")
