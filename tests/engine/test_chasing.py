"""The ladder: what is due when, to whom, and why nothing else is."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.chasing import Kind, Notice, NoticeKey, at_once, decide, digests, next_wake, rungs
from engine.deadline import By, Phrase
from engine.ledger import EntryKind
from engine.plan import EscalationStep, Ladder, Overdue
from tests.engine.builders import CALENDAR, NO_DATE, STANDARD, Story, at, plan, stage, task

A = "first/report/a"


def notices(story: Story, key: str = A) -> tuple[Notice, ...]:
    """Every rung of an obligation as it stands."""
    return rungs(story.plan, story.folding.obligations[key])


def due(story: Story, now: str, issued: set[NoticeKey] | None = None, key: str = A) -> list[str]:
    """The rungs that are due at `now`."""
    found = decide(story.plan, story.folding.obligations[key], issued=issued or set(), now=at(now))
    return [notice.rung for notice in found.due]


@pytest.mark.parametrize(
    ("rung", "when", "recipient"),
    [
        ("assign", "2020-04-06 08:00", "a"),
        ("remind-10", "2020-04-22 08:00", "a"),
        ("remind-5", "2020-04-29 08:00", "a"),
        ("remind-2", "2020-05-06 08:00", "a"),
        ("remind-1", "2020-05-07 08:00", "a"),
        ("remind-0", "2020-05-08 08:00", "a"),
        ("overdue-1", "2020-05-11 08:00", "a"),
        ("overdue-2", "2020-05-12 08:00", "a"),
        ("overdue-3", "2020-05-13 08:00", "a"),
        ("overdue-4", "2020-05-14 08:00", "a"),
        ("overdue-5", "2020-05-15 08:00", "a"),
        ("overdue-6", "2020-05-18 08:00", "a"),
        ("overdue-10", "2020-05-22 08:00", "a"),
        ("escalate-1", "2020-05-11 08:00", "coordinator"),
        ("escalate-2", "2020-05-15 08:00", "superior"),
    ],
)
def test_plan_37s_ladder_falls_on_these_days(rung: str, when: str, recipient: str):
    """Before 10/5/2020, a Sunday: two people compute the same."""
    found = {notice.rung: notice for notice in notices(Story(plan()))}
    assert found[rung].at == at(when)
    assert found[rung].recipient == recipient


def test_the_ladder_has_no_other_rungs():
    """Ten reminders too many are as bad as one too few."""
    assert len(notices(Story(plan()))) == 1 + 5 + 10 + 2


@pytest.mark.parametrize(
    ("clock", "expected"),
    [("07:59", []), ("08:00", ["remind-2"]), ("12:00", ["remind-2"]), ("17:00", ["remind-2"])],
)
def test_a_rung_is_due_from_its_hour_on(clock: str, expected: list[str]):
    """A closed mouth before the hour, one notice after it."""
    story = Story(plan())
    issued = {n.key for n in notices(story) if n.at < at("2020-05-06 08:00")}
    assert due(story, f"2020-05-06 {clock}", issued) == expected


def test_an_outage_over_the_reminder_leaves_only_the_overdue_notice():
    """Nobody is reminded of a deadline already missed."""
    found = decide(
        plan(), Story(plan()).folding.obligations[A], issued=set(), now=at("2020-05-12 09:00")
    )
    by_recipient = {notice.recipient: notice.rung for notice in found.due}
    assert by_recipient == {"a": "overdue-2", "coordinator": "escalate-1"}
    assert "remind-0" in {notice.rung for notice in found.superseded}


@pytest.mark.parametrize(
    "now", ["2020-05-11 06:00", "2020-05-11 17:01", "2020-05-09 10:00", "2020-04-30 10:00"]
)
def test_nothing_goes_out_while_offices_are_closed(now: str):
    """No mail at night, on a Saturday, or on a day off: late is better, but not then."""
    assert due(Story(plan()), now) == []


@pytest.mark.parametrize("kind", [EntryKind.SUBMITTED, EntryKind.WAIVED])
def test_a_closed_obligation_is_silent(kind: EntryKind):
    """From the moment it is recorded, nothing more is sent about it."""
    story = Story(plan())
    story.record(kind, "2020-04-20 09:00", A)
    assert notices(story) == ()
    assert due(story, "2020-05-12 08:00") == []


@pytest.mark.parametrize(
    ("agency", "first", "second"),
    [
        ("a", "coordinator", "superior"),
        ("coordinator", "superior", "superior"),
        ("superior", "coordinator", None),
    ],
)
def test_nobody_is_escalated_to_themselves(agency: str, first: str, second: str | None):
    """It moves one level up; above the last there is nobody."""
    story = Story(plan(stage("first", task(by=[agency]))))
    found = {n.rung: n.recipient for n in notices(story, f"first/report/{agency}")}
    assert found.get("escalate-1") == first
    assert found.get("escalate-2") == second


def test_without_a_superior_there_is_one_level():
    """A plan may name no step above the coordinator."""
    story = Story(plan(stage("first", task(by=["coordinator"])), superior=None))
    assert "escalate-1" not in {n.rung for n in notices(story, "first/report/coordinator")}


def test_rungs_before_the_stage_opened_are_none():
    """Nobody is chased for a time in which the work was not theirs."""
    story = Story(plan(), start="2020-05-07 10:00")
    assert [n.rung for n in notices(story)][:3] == ["assign", "remind-0", "overdue-1"]


def test_a_task_without_a_date_is_only_assigned():
    """Kịp thời, thường xuyên: never late, never chased."""
    story = Story(plan(stage("first", task(due=NO_DATE))))
    assert [n.rung for n in notices(story)] == ["assign"]


@pytest.mark.parametrize(
    ("started", "assigned"),
    [
        ("2020-04-06 08:00", "2020-04-06 08:00"),
        ("2020-04-06 10:15", "2020-04-06 10:15"),
        ("2020-04-06 17:00", "2020-04-06 17:00"),
        ("2020-04-06 17:01", "2020-04-07 08:00"),
        ("2020-04-06 03:00", "2020-04-06 08:00"),
        ("2020-04-10 22:00", "2020-04-13 08:00"),
        ("2020-04-29 18:00", "2020-05-04 08:00"),
        ("2020-05-02 09:00", "2020-05-04 08:00"),
    ],
)
def test_an_assignment_goes_out_at_once_or_at_the_next_send_hour(started: str, assigned: str):
    """At once in office hours; after them, on weekends and days off at the next send hour."""
    assert notices(Story(plan(), start=started))[0].at == at(assigned)


def test_an_assignment_and_a_reminder_of_the_same_moment_are_both_kept():
    """Neither outdates the other."""
    story = Story(plan(), start="2020-05-06 08:00")
    assert due(story, "2020-05-06 08:00") == ["assign", "remind-2"]


@pytest.mark.parametrize(
    ("overdue", "days"),
    [
        (Overdue(1, 1, 3), [11, 12, 13]),
        (Overdue(1, 2, 3), [11, 13, 15]),
        (Overdue(2, 1, 3), [12, 13, 14]),
        (Overdue(3, 5, 2), [13, 20]),
        (Overdue(1, 1, 0), []),
    ],
)
def test_overdue_begins_at_first_and_goes_on_every_so_often(overdue: Overdue, days: list[int]):
    """First, every, at most: all in working days after the last day."""
    story = Story(plan(ladder=Ladder("standard", overdue=overdue)))
    found = [n.at for n in notices(story) if n.kind is Kind.OVERDUE]
    assert found == [at(f"2020-05-{day} 08:00") for day in days]


@given(st.dates(date(2020, 4, 20), date(2021, 12, 1)), st.integers(0, 30), st.integers(1, 30))
def test_every_rung_falls_on_a_working_day_at_the_send_hour(day: date, before: int, after: int):
    """Reminders fall on working days at the plan's hour, whatever the date."""
    ladder = Ladder(
        "standard",
        remind=(before,),
        overdue=Overdue(after, 1, 2),
        escalate=(EscalationStep(after, 0),),
    )
    story = Story(plan(stage("first", task(due=Phrase("…", By(day)))), ladder=ladder))
    for notice in notices(story):
        local = notice.at.astimezone(story.plan.zone)
        assert CALENDAR.is_working(local.date())
        assert (local.hour, local.minute) == (8, 0)


@given(st.lists(st.integers(0, 80 * 24), min_size=1, max_size=30))
def test_ticking_at_any_times_issues_no_rung_twice(hours: list[int]):
    """Chase five times at once, late, again: each notice exists once."""
    story = Story(plan())
    issued: list[NoticeKey] = []
    for hour in sorted(hours):
        now = at("2020-04-06 08:00") + timedelta(hours=hour)
        found = decide(story.plan, story.folding.obligations[A], issued=set(issued), now=now)
        issued += [n.key for n in (*found.due, *found.superseded)]
        slots = {(n.recipient, n.at) for n in found.due}
        assert len({recipient for recipient, _ in slots}) == len(slots)
    assert len(issued) == len(set(issued))


def test_waking_when_told_issues_every_rung_and_supersedes_none():
    """The next wake-up is never too late and never too often."""
    story = Story(plan())
    state = story.folding.obligations[A]
    issued: set[NoticeKey] = set()
    now = at("2020-04-06 08:00")
    ticks = 0
    while (wake := next_wake(story.plan, state, issued=issued, now=now)) is not None:
        now, ticks = wake, ticks + 1
        found = decide(story.plan, state, issued=issued, now=now)
        assert found.due
        assert not found.superseded
        issued |= {n.key for n in found.due}
    assert issued == {n.key for n in notices(story)}
    assert ticks == len({n.at for n in notices(story)})


def test_after_an_outage_the_wake_up_waits_for_the_office_to_open():
    """What fell due on Friday goes out on Monday at eight, not on Sunday night."""
    story = Story(plan())
    issued = {n.key for n in notices(story) if n.at < at("2020-05-08 08:00")}
    state = story.folding.obligations[A]
    wake = next_wake(story.plan, state, issued=issued, now=at("2020-05-10 23:00"))
    assert wake == at("2020-05-11 08:00")


def test_a_digest_gathers_all_for_one_recipient_the_gravest_first():
    """One message per recipient and send time, however many obligations."""
    story = Story(plan(stage("first", task(by=["a", "b", "coordinator"]))))
    now = at("2020-05-11 08:00")
    issued: set[NoticeKey] = set()
    decisions = [
        decide(story.plan, state, issued=issued, now=now)
        for state in story.folding.obligations.values()
    ]
    found = {one.recipient: one for one in digests(story.plan, decisions, now=now)}
    assert set(found) == {"a", "b", "coordinator", "superior"}
    top = found["coordinator"]
    assert [n.kind for n in top.notices] == [Kind.ESCALATE, Kind.ESCALATE, Kind.OVERDUE]
    assert top.kind is Kind.ESCALATE
    assert top.rungs == ("escalate-1", "overdue-1")
    assert len(top.obligations) == 3


def test_a_return_begins_a_round_of_its_own():
    """Due the later of the old deadline and the days after the return; old rungs are gone."""
    story = Story(plan())
    story.submit(A, "2020-05-07 09:00")
    story.record(EntryKind.RETURNED, "2020-05-12 10:00", A, days=3, reason="thiếu")
    found = notices(story)
    assert found[0].rung == "returned"
    assert found[0].at == at("2020-05-12 10:00")
    assert {n.round for n in found} == {2}
    assert [n.at for n in found if n.rung == "overdue-1"] == [at("2020-05-18 08:00")]


def test_an_extension_moves_the_ladder_without_an_assignment():
    """What was chased for the old date is not chased for it again."""
    story = Story(plan())
    story.record(EntryKind.EXTENDED, "2020-05-11 09:00", A, until="2020-05-20")
    found = [n.rung for n in notices(story)]
    assert "assign" not in found
    assert found[0] == "remind-5"
    assert [n.at for n in notices(story) if n.rung == "remind-0"] == [at("2020-05-20 08:00")]


@given(
    st.datetimes(
        at("2020-04-06 00:00").replace(tzinfo=None), at("2020-12-01 00:00").replace(tzinfo=None)
    )
)
def test_at_once_is_never_before_and_always_in_office_hours(moment: datetime):
    """A return on Friday evening is told on Monday morning."""
    where = plan()
    asked = moment.replace(tzinfo=where.zone)
    told = at_once(where, STANDARD, asked)
    assert told >= asked
    assert CALENDAR.is_working(told.date())
    assert STANDARD.send_at <= told.timetz().replace(tzinfo=None) <= STANDARD.office_ends
