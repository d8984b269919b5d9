"""Rehearsal: a whole plan under a virtual clock, against stories and an independent model."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.calendar import DayOff, WorkingCalendar
from engine.chasing import Kind
from engine.deadline import Before, By, FromDay, FromEvent, FromStage, NoDate, Phrase, Unit, Within
from engine.ledger import EntryKind, fold
from engine.plan import (
    EscalationStep,
    Gate,
    GateAfterDue,
    GateBy,
    Ladder,
    Level,
    Overdue,
    Plan,
    Span,
    Stage,
)
from engine.rehearsal import WORST_CASE, Act, Rehearsal, Scenario, rehearse, start_of_run
from tests.engine import model
from tests.engine.builders import BY_9_JUNE, NO_DATE, ZONE, at, plan, stage, task
from tests.engine.model import Due, Duty, Happening, Policy, Step, Told, World

A = "first/report/a"


def submits(when: str, obligation: str = A, dated: str | None = None) -> Act:
    """Return a submission."""
    return Act(at(when), EntryKind.SUBMITTED, at(dated or when), obligation)


def announces(when: str, dated: str | None = None) -> Act:
    """Return the announcement of the event."""
    return Act(at(when), EntryKind.EVENT_ANNOUNCED, at(dated or when), event="issued")


def scenario(
    *acts: Act,
    start: str | None = None,
    until: str | None = None,
    outages: Sequence[tuple[str, str]] = (),
) -> Scenario:
    """Return a scenario."""
    return Scenario(
        id="s",
        title="",
        start=None if start is None else at(start),
        until=None if until is None else at(until),
        acts=acts,
        outages=tuple((at(begins), at(ends)) for begins, ends in outages),
    )


def mails(found: Rehearsal, to: str = "a") -> list[str]:
    """Return what a recipient was sent, as `22/04 08:00 remind-10`."""
    return [
        f"{one.digest.send_at.astimezone(ZONE):%d/%m %H:%M}"
        f" {' '.join(one.digest.rungs) or one.digest.kind.word}"
        for one in found.issued
        if one.digest.recipient == to
    ]


# ── the worst case ──


def test_in_the_worst_case_every_rung_of_the_ladder_goes_out():
    """The preview without a scenario: nobody answers."""
    found = rehearse(plan(stage("first", task(by=["a"]))))
    assert len(mails(found)) == 16
    assert mails(found)[:3] == [
        "06/04 08:00 assign",
        "22/04 08:00 remind-10",
        "29/04 08:00 remind-5",
    ]
    assert mails(found)[-1] == "22/05 08:00 overdue-10"
    assert mails(found, "coordinator") == ["06/04 08:00 event", "11/05 08:00 escalate-1"]
    assert mails(found, "superior") == ["15/05 08:00 escalate-2"]


def test_in_the_worst_case_what_waits_for_an_answer_never_opens():
    """Nobody is written to about a stage that nobody has opened."""
    found = rehearse(plan(stage("first"), stage("second", needs=["first"])))
    assert found.state.stages["second"].opened_at is None
    assert {key.split("/")[0] for i in found.issued for key in i.digest.obligations} == {"first"}


def test_in_the_worst_case_a_gate_that_gives_way_opens_the_next_stage():
    """The assignment of the next stage waits for Monday morning."""
    found = rehearse(
        plan(
            stage("first", task(by=["a"]), otherwise=GateAfterDue(5)),
            stage("second", task(by=["b"], due=BY_9_JUNE), needs=["first"]),
        )
    )
    assert found.state.stages["second"].opened_at == at("2020-05-16 00:00")
    assert mails(found, "b")[:2] == ["18/05 08:00 assign", "26/05 08:00 remind-10"]


def test_without_a_scenario_the_run_starts_on_the_day_of_issue():
    """At the plan's hour."""
    assert start_of_run(plan()) == at("2020-04-06 08:00")
    assert WORST_CASE.start is None


def test_of_several_ladders_the_earliest_hour_starts_the_run():
    """Nobody's assignment comes after their colleagues' because of a later ladder."""
    one = plan()
    early = replace(one, ladders={**one.ladders, "early": Ladder("early", send_at=time(7))})
    assert start_of_run(early) == at("2020-04-06 07:00")


def test_a_scenario_may_start_the_run_at_another_time():
    """On a Saturday the assignment waits for Monday."""
    found = rehearse(plan(), scenario(start="2020-04-04 10:00"))
    assert found.entries[0].happened_at == at("2020-04-04 10:00")
    assert mails(found)[0] == "06/04 08:00 assign"


def test_a_rehearsal_is_the_same_every_time():
    """A preview that changes by itself is worth nothing."""
    assert rehearse(plan()) == rehearse(plan())


# ── scenarios ──


def test_from_the_moment_it_is_recorded_nothing_more_is_sent_about_it():
    """Also at that very moment: 08:00 recorded, 08:00 not reminded."""
    found = rehearse(plan(), scenario(submits("2020-04-29 08:00")))
    assert mails(found) == ["06/04 08:00 assign", "22/04 08:00 remind-10"]
    assert "29/04 08:00 remind-5" in mails(found, "b")


def test_who_submitted_is_not_in_the_escalation():
    """Nobody is reported as late who is not."""
    found = rehearse(plan(), scenario(submits("2020-05-11 07:59")))
    _, digest = (i.digest for i in found.issued if i.digest.recipient == "coordinator")
    assert digest.obligations == ("first/report/b", "first/report/c")


def test_the_end_of_a_scenario_ends_the_clock():
    """What falls at the end is sent, what falls after it is not."""
    found = rehearse(plan(), scenario(until="2020-04-29 08:00"))
    assert mails(found)[-1] == "29/04 08:00 remind-5"
    assert found.ended_at == at("2020-04-29 08:00")


def test_a_return_is_told_at_once_and_chased_by_its_own_dates():
    """Na Hang in plan 37."""
    found = rehearse(
        plan(stage("first", task(by=["a"]))),
        scenario(
            submits("2020-05-06 14:30"),
            Act(
                at("2020-05-12 10:00"),
                EntryKind.RETURNED,
                at("2020-05-12 10:00"),
                A,
                data={"days": 3},
            ),
            submits("2020-05-14 15:20"),
        ),
    )
    assert mails(found)[-3:] == [
        "12/05 10:00 returned",
        "13/05 08:00 remind-2",
        "14/05 08:00 remind-1",
    ]


def test_after_an_outage_one_mail_with_the_newest():
    """Down from the last working day to the week after."""
    found = rehearse(plan(), scenario(outages=[("2020-05-08 07:00", "2020-05-14 09:30")]))
    assert mails(found)[4:7] == [
        "07/05 08:00 remind-1",
        "14/05 09:30 overdue-4",
        "15/05 08:00 overdue-5",
    ]
    assert mails(found, "coordinator") == ["06/04 08:00 event", "14/05 09:30 escalate-1"]


def test_an_outage_that_ends_at_night_is_caught_up_in_the_morning():
    """Nothing is sent while offices are closed."""
    found = rehearse(plan(), scenario(outages=[("2020-05-08 07:00", "2020-05-09 03:00")]))
    assert "11/05 08:00 overdue-1" in mails(found)
    assert not [mail for mail in mails(found) if mail.startswith(("08/05", "09/05", "10/05"))]


def test_two_outages_that_overlap_are_one():
    """Back in the first, still down in the second."""
    outages = [("2020-05-06 07:00", "2020-05-07 12:00"), ("2020-05-07 07:00", "2020-05-08 10:00")]
    found = rehearse(plan(), scenario(outages=outages))
    assert mails(found)[3] == "08/05 10:00 remind-0"


def test_a_stage_that_turned_in_an_outage_keeps_its_time():
    """The assignment comes late, the history is right."""
    found = rehearse(
        plan(
            stage("first", task(by=["a"]), otherwise=GateAfterDue(5)),
            stage("second", task(by=["b"], due=BY_9_JUNE), needs=["first"]),
        ),
        scenario(outages=[("2020-05-15 12:00", "2020-05-20 10:00")]),
    )
    assert found.state.stages["second"].opened_at == at("2020-05-16 00:00")
    assert mails(found, "b")[0] == "20/05 10:00 assign"


def test_a_deadline_that_becomes_known_in_an_open_stage_is_chased():
    """Preview must show what the flows will send: the event dates what is open already."""
    phrase = Phrase("…", Within(10, Unit.WORKING_DAYS, FromEvent("issued")))
    found = rehearse(
        plan(stage("first", task(by=["a"], due=phrase))), scenario(announces("2020-05-04 09:00"))
    )
    # Due 18/5: ten working days before it is 29/4, before anybody could know.
    assert "18/05 08:00 remind-0" in mails(found)
    assert "19/05 08:00 overdue-1" in mails(found)


def test_a_deadline_that_hangs_on_another_stage_is_chased_when_that_is_done():
    """The same for a period that counts from a stage."""
    phrase = Phrase("…", Within(10, Unit.WORKING_DAYS, FromStage("first")))
    found = rehearse(
        plan(
            stage("first", task(by=["a"], due=NO_DATE)), stage("second", task(by=["b"], due=phrase))
        ),
        scenario(submits("2020-05-04 09:00")),
    )
    assert "18/05 08:00 remind-0" in mails(found, "b")


def test_the_event_opens_its_stage_at_once():
    """Recorded in office hours, assigned in the same minute."""
    found = rehearse(
        plan(stage("first", task(by=["a"], due=NO_DATE), event="issued")),
        scenario(announces("2020-05-06 09:30", dated="2020-05-04 00:00")),
    )
    assert mails(found) == ["06/05 09:30 assign"]


def test_a_run_is_completed_when_all_is_done_and_said():
    """Once, at the end."""
    found = rehearse(plan(stage("first", task(by=["a"]))), scenario(submits("2020-05-04 09:00")))
    completed = [e for e in found.entries if e.kind is EntryKind.RUN_COMPLETED]
    assert [entry.happened_at for entry in completed] == [at("2020-05-04 09:00")]
    assert found.state.completed_at == at("2020-05-04 09:00")


def test_a_run_that_still_has_to_chase_is_not_completed():
    """The stage is done without them; they are still asked."""
    found = rehearse(plan(stage("first", task(by=["a"]), otherwise=GateAfterDue(1))))
    assert found.state.stages["first"].done_at == at("2020-05-12 00:00")
    assert found.state.completed_at == at("2020-05-22 08:00")


def test_the_entries_of_a_rehearsal_fold_to_its_state():
    """The ledger that it shows is the whole truth."""
    one = plan(stage("first", otherwise=GateAfterDue(5)), stage("second", needs=["first"]))
    found = rehearse(one, scenario(submits("2020-05-04 09:00")))
    assert fold(one, found.entries) == found.state


def test_a_mail_shows_the_state_of_its_sending():
    """Later entries do not rewrite a mail that has gone out."""
    found = rehearse(plan(), scenario(submits("2020-05-04 09:00")))
    first, last = found.issued[0], found.issued[-1]
    assert not first.state.obligations[A].is_closed
    assert last.state.obligations[A].is_closed


def test_acts_may_be_written_in_any_order():
    """A scenario is sorted by time, not by line."""
    acts = [submits("2020-05-04 09:00"), submits("2020-04-20 09:00", "first/report/b")]
    there, back = rehearse(plan(), scenario(*acts)), rehearse(plan(), scenario(*reversed(acts)))
    assert there == back


# ── news ──


def test_what_turns_at_night_is_told_in_the_morning_with_what_goes_out_anyway():
    """A gate gave way at midnight: the coordinator hears of it with what it is asked itself."""
    one = plan(
        stage("first", task(by=["a"]), otherwise=GateAfterDue(3)),
        stage("second", task("sum", by=["coordinator"], due=NO_DATE), needs=["first"]),
    )
    found = rehearse(one)
    assert news(found) == [
        (at("2020-04-06 08:00"), "opened first"),
        (at("2020-05-14 08:00"), "done first"),
        (at("2020-05-14 08:00"), "opened second"),
    ]
    assert "14/05 08:00 assign" in mails(found, "coordinator")


def test_an_event_is_told_at_once_in_office_hours():
    """Together with the stage that it opened, in one mail."""
    one = plan(stage("first", task(by=["a"], due=NO_DATE), event="issued"))
    found = rehearse(one, scenario(announces("2020-05-06 09:30", dated="2020-05-04 00:00")))
    (mail,) = (i.digest for i in found.issued if i.digest.recipient == "coordinator")
    assert [entry.kind for entry in mail.news] == [
        EntryKind.EVENT_ANNOUNCED,
        EntryKind.STAGE_OPENED,
    ]
    assert (mail.slot, mail.send_at) == (at("2020-05-06 09:30"),) * 2
    assert mail.kind is Kind.EVENT


def test_news_of_an_outage_are_told_at_its_end_in_one_mail():
    """The slot is when the first of them was due, so that its Message-ID is the same again."""
    one = plan(stage("first", task(by=["a"], due=NO_DATE)))
    off = scenario(submits("2020-05-06 22:00"), outages=[("2020-04-06 08:00", "2020-05-08 10:15")])
    found = rehearse(one, off)
    (mail,) = (i.digest for i in found.issued if i.digest.recipient == "coordinator")
    assert len(mail.news) == 2
    assert (mail.slot, mail.send_at) == (at("2020-04-06 08:00"), at("2020-05-08 10:15"))


def test_news_wait_for_the_end_of_a_pause():
    """The whole run is quiet, towards the coordinator too."""
    pause = Act(
        at("2020-04-10 09:00"),
        EntryKind.CHASING_PAUSED,
        at("2020-04-10 09:00"),
        data={"agency": None, "reason": "", "until": "2020-05-05"},
    )
    one = plan(stage("first", task(by=["a"], due=NO_DATE)))
    found = rehearse(one, scenario(pause, submits("2020-04-20 09:00")))
    assert news(found)[1:] == [(at("2020-05-06 08:00"), "done first")]


# ── quiet days ──


def quiet(*spells: tuple[str, str]) -> Plan:
    """Return the plan of one agency, with quiet days."""
    spans = [Span(date.fromisoformat(first), date.fromisoformat(last)) for first, last in spells]
    return replace(plan(stage("first", task(by=["a"]))), quiet=tuple(spans))


def test_what_falls_on_quiet_days_goes_out_after_them_and_only_the_newest():
    """Two reminders and two overdue notices are one mail on the day after: the newest."""
    found = rehearse(quiet(("2020-05-07", "2020-05-12")))
    assert mails(found)[3:6] == [
        "06/05 08:00 remind-2",
        "13/05 08:00 overdue-3",
        "14/05 08:00 overdue-4",
    ]
    assert mails(found, "coordinator") == ["06/04 08:00 event", "13/05 08:00 escalate-1"]


def test_what_quiet_days_outdate_is_recorded_as_superseded():
    """The ledger can tell why nobody got the first and the second."""
    found = rehearse(quiet(("2020-05-11", "2020-05-12")))
    sent = [notice.rung for one in found.issued for notice in one.digest.notices]
    assert {"overdue-1", "overdue-2"}.isdisjoint(sent)
    assert sent.count("overdue-3") == 1


def test_quiet_days_leave_the_later_rungs_where_they_are():
    """The ladder counts working days, quiet or not."""
    assert mails(rehearse(quiet(("2020-05-07", "2020-05-12"))))[5:] == mails(rehearse(quiet()))[9:]


def test_a_stage_that_opens_on_a_quiet_day_is_told_after_it():
    """The work is theirs from the day on which the stage opened; the mail waits."""
    found = rehearse(quiet(("2020-04-06", "2020-04-08")))
    assert found.state.stages["first"].opened_at == at("2020-04-06 08:00")
    assert mails(found)[0] == "09/04 08:00 assign"


def test_quiet_days_that_end_before_days_off_end_after_them():
    """The quiet of Wednesday, two holidays and a weekend are one."""
    assert "04/05 08:00 remind-5" in mails(rehearse(quiet(("2020-04-29", "2020-04-29"))))


def test_quiet_spells_that_follow_each_other_are_one():
    """Written in any order."""
    found = mails(rehearse(quiet(("2020-05-12", "2020-05-13"), ("2020-05-11", "2020-05-11"))))
    assert [mail for mail in found if mail.startswith(("11/05", "12/05", "13/05"))] == []
    assert "14/05 08:00 overdue-4" in found


def test_quiet_days_on_which_nothing_falls_change_nothing():
    """A weekend that somebody wrote down."""
    weekend = rehearse(quiet(("2020-05-09", "2020-05-10")))
    assert mails(weekend) == mails(rehearse(quiet()))


# ── random plans and stories, against the model ──

START = at("2020-04-06 08:00")
HORIZON = 48  # days
OFF = [date(2020, 4, 30), date(2020, 5, 1), date(2020, 4, 15), date(2020, 5, 11)]
SATURDAYS = [date(2020, 4, 18), date(2020, 5, 9)]


@dataclass(frozen=True)
class Sketch:
    """A random plan and what happens to it, for both the engine and the model."""

    world: World
    start: datetime
    until: datetime
    happenings: tuple[Happening, ...]
    outages: tuple[tuple[datetime, datetime], ...]


def build(world: World) -> Plan:
    """Return the engine's plan of a world."""
    base = plan(superior=world.above[1] if len(world.above) > 1 else None)
    return replace(
        base,
        stages=tuple(build_stage(step) for step in world.steps),
        ladders={name: build_ladder(name, policy) for name, policy in world.policies},
        calendar=WorkingCalendar(
            2020, 2020, days_off=[DayOff(day, "") for day in world.off], worked=world.worked
        ),
        quiet=build_quiet(world.quiet),
    )


def build_quiet(quiet: Set[date]) -> tuple[Span, ...]:
    """Return the engine's quiet days, in spans that overlap where days follow each other."""
    return tuple(
        Span(day, day + timedelta(days=1) if day + timedelta(days=1) in quiet else day)
        for day in sorted(quiet)
    )


def build_stage(step: Step) -> Stage:
    """Return the engine's stage."""
    otherwise: GateAfterDue | GateBy | None = None
    if step.or_by is not None:
        otherwise = GateBy(step.or_by)
    elif step.or_after is not None:
        otherwise = GateAfterDue(step.or_after)
    tasks = [
        task(duty.name, by=duty.by, due=Phrase("…", build_rule(duty.due)), ladder=duty.policy)
        for duty in step.duties
    ]
    gated = tuple(duty.name for duty in step.duties if duty.is_gated)
    return Stage(
        step.name, "", tuple(tasks), Gate(gated, step.quorum, otherwise), step.needs, step.event
    )


def build_rule(due: Due) -> Before | By | Within | NoDate:
    """Return the engine's rule."""
    if due.how == "none":
        return NoDate()
    if due.how in ("before", "by"):
        assert due.day is not None
        return Before(due.day) if due.how == "before" else By(due.day)
    unit = Unit.WORKING_DAYS if due.how == "working" else Unit.DAYS
    if due.event:
        return Within(due.count, unit, FromEvent(due.event))
    if due.step:
        return Within(due.count, unit, FromStage(due.step))
    assert due.day is not None
    return Within(due.count, unit, FromDay(due.day))


def build_ladder(name: str, policy: Policy) -> Ladder:
    """Return the engine's ladder."""
    return Ladder(
        name,
        send_at=policy.opens,
        office_ends=policy.closes,
        remind=policy.remind,
        overdue=Overdue(policy.first, policy.every, policy.at_most),
        escalate=tuple(EscalationStep(after, Level(to)) for after, to in policy.escalate),
    )


KINDS = {
    "submit": EntryKind.SUBMITTED,
    "return": EntryKind.RETURNED,
    "accept": EntryKind.ACCEPTED,
    "extend": EntryKind.EXTENDED,
    "waive": EntryKind.WAIVED,
    "part": EntryKind.SUBMITTED_IN_PART,
    "pause": EntryKind.CHASING_PAUSED,
    "resume": EntryKind.CHASING_RESUMED,
}


PAUSING = ("pause", "resume")


def build_act(one: Happening) -> Act:
    """Return the engine's act."""
    if one.what == "event":
        return Act(one.at, EntryKind.EVENT_ANNOUNCED, one.dated, event=one.whom)
    data: dict[str, object] = {}
    if one.days is not None:
        data["days"] = one.days
    if one.until is not None:
        data["until"] = one.until.isoformat()
    if one.what in PAUSING:
        agency = {"agency": one.whom or None}
        return Act(one.at, KINDS[one.what], one.dated, data=data | agency)
    return Act(one.at, KINDS[one.what], one.dated, one.whom, data=data)


def fitting(raw: Sequence[Happening]) -> tuple[Happening, ...]:
    """Keep what can happen: nobody returns what was not submitted."""
    standing: dict[str, str] = {}
    kept = []
    for one in sorted(raw, key=lambda one: one.at):
        now = standing.get(one.whom, "open")
        wanted = "submitted" if one.what in ("return", "accept") else "open"
        is_owed = one.what not in ("event", *PAUSING)
        if is_owed and now != wanted:
            continue
        becomes = {"submit": "submitted", "return": "open", "extend": "open", "part": "open"}
        if is_owed:
            standing[one.whom] = becomes.get(one.what, "closed")
        kept.append(one)
    return tuple(kept)


days = st.integers(0, HORIZON - 8).map(lambda count: START.date() + timedelta(days=count))
full_hours = st.integers(0, (HORIZON - 2) * 24).map(lambda count: START + timedelta(hours=count))
policies = st.builds(
    Policy,
    opens=st.sampled_from([time(7, 30), time(8), time(9)]),
    closes=st.sampled_from([time(16, 30), time(17)]),
    remind=st.sets(st.integers(0, 10), max_size=3).map(lambda found: tuple(sorted(found)[::-1])),
    first=st.integers(1, 3),
    every=st.integers(1, 3),
    at_most=st.integers(0, 5),
    escalate=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1)), max_size=3).map(tuple),
)


@st.composite
def dues(draw: st.DrawFn, *, event: str | None, needs: Sequence[str], anywhere: bool) -> Due:
    """Draw a deadline whose anchor is known as the stage opens, or `anywhere`."""
    events = ["issued"] if anywhere or event else []
    steps = ["s0"] if anywhere else list(needs)
    kinds = ["before", "by", "by", "none", "days", "working"]
    how = draw(st.sampled_from(kinds))
    if how in ("before", "by"):
        return Due(how, day=draw(days))
    if how == "none":
        return Due(how)
    count = draw(st.integers(1, 15))
    origin = draw(st.sampled_from(["day", *["event"] * len(events), *["step"] * len(steps)]))
    if origin == "event":
        return Due(how, count=count, event="issued")
    if origin == "step":
        return Due(how, count=count, step=draw(st.sampled_from(steps)))
    return Due(how, count=count, day=draw(days))


@st.composite
def quiets(draw: st.DrawFn) -> frozenset[date]:
    """Draw quiet days: up to two spells, which may overlap."""
    found: set[date] = set()
    for _ in range(draw(st.integers(0, 2))):
        first = draw(days)
        found |= {first + timedelta(days=count) for count in range(draw(st.integers(1, 12)))}
    return frozenset(found)


@st.composite
def worlds(draw: st.DrawFn, *, anywhere: bool, quiet: bool) -> World:
    """Draw a plan of up to three stages."""
    names = ["slow", "fast"][: draw(st.integers(1, 2))]
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 3))):
        needs = tuple(step.name for step in steps if draw(st.booleans()))
        event = "issued" if draw(st.integers(0, 3)) == 0 else None
        duties = tuple(
            Duty(
                f"t{place}",
                tuple(
                    draw(
                        st.lists(
                            st.sampled_from(["a", "b", "coordinator", "superior"]),
                            min_size=1,
                            max_size=3,
                            unique=True,
                        )
                    )
                ),
                draw(dues(event=event, needs=needs, anywhere=anywhere and number > 0)),
                draw(st.sampled_from(names)),
                is_gated=place == 0 or draw(st.booleans()),
            )
            for place in range(draw(st.integers(1, 2)))
        )
        quorum = draw(
            st.one_of(
                st.integers(1, 4), st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(9, 10)])
            )
        )
        way = draw(st.sampled_from(["none", "after", "by"]))
        steps.append(
            Step(
                f"s{number}",
                duties,
                needs,
                event,
                quorum,
                draw(st.integers(0, 4)) if way == "after" else None,
                draw(days) if way == "by" else None,
            )
        )
    return World(
        steps=tuple(steps),
        policies=tuple((name, draw(policies)) for name in names),
        above=draw(st.sampled_from([("coordinator", "superior"), ("coordinator",)])),
        off=frozenset(draw(st.sets(st.sampled_from(OFF)))),
        worked=frozenset(draw(st.sets(st.sampled_from(SATURDAYS)))),
        zone=ZONE,
        quiet=draw(quiets()) if quiet else frozenset(),
    )


@st.composite
def outages(draw: st.DrawFn) -> tuple[tuple[datetime, datetime], ...]:
    """Draw up to two outages, which may overlap and end before the horizon."""
    found = []
    for _ in range(draw(st.integers(0, 2))):
        begins = draw(full_hours)
        ends = begins + timedelta(minutes=30 * draw(st.integers(1, 500)))
        found.append((begins, min(ends, START + timedelta(days=HORIZON - 1))))
    return tuple(sorted(found))


@st.composite
def happenings(
    draw: st.DrawFn, world: World, *, kinds: Sequence[str], anywhere: bool
) -> tuple[Happening, ...]:
    """Draw what is recorded: on the hour; extensions at other times in office hours."""
    keys = [f"{s.name}/{d.name}/{by}" for s in world.steps for d in s.duties for by in d.by]
    raw = []
    for _ in range(draw(st.integers(0, 14))):
        what = draw(st.sampled_from(kinds))
        moment = draw(full_hours)
        if what == "extend" and not anywhere:
            moment = moment.replace(hour=draw(st.sampled_from([10, 13, 15])), minute=30)
            if not model.works(world, moment.date()):
                continue
        whom = "issued" if what == "event" else draw(st.sampled_from(keys))
        if what in PAUSING:
            whom = draw(st.sampled_from(["", "a", "b"]))
        raw.append(
            Happening(
                moment,
                what,
                whom,
                moment - timedelta(days=draw(st.integers(0, 6))),
                days=draw(st.integers(1, 6)) if what == "return" and draw(st.booleans()) else None,
                until=moment.date() + timedelta(days=draw(st.integers(0, 15)))
                if what == "extend" or (what == "pause" and draw(st.booleans()))
                else None,
            )
        )
    return fitting(raw)


PAUSES = ["pause", "pause", "resume"]
CALM = ["submit"] * 4 + ["return"] * 3 + ["accept", "waive", "event"]


@st.composite
def sketches(
    draw: st.DrawFn, *, anywhere: bool = False, pauses: bool = False, quiet: bool = False
) -> Sketch:
    """Draw a plan and its story.

    Not `anywhere`: periods count from what is known as the stage opens, and a plan is
    either extended, in office hours, or suffers outages.
    """
    world = draw(worlds(anywhere=anywhere, quiet=quiet))
    extends = anywhere or draw(st.booleans())
    start = START + timedelta(hours=draw(st.sampled_from([0, 0, 2, 14, 100, 121])))
    kinds = [*CALM, "extend", "extend"] if extends else CALM
    kinds = [*kinds, *PAUSES, "part"] if pauses else kinds
    found = draw(happenings(world, kinds=kinds, anywhere=anywhere))
    return Sketch(
        world=world,
        start=start,
        until=START + timedelta(days=HORIZON),
        happenings=fitting([one for one in found if one.at >= start]),
        outages=draw(outages()) if anywhere or not extends else (),
    )


def engine_of(sketch: Sketch) -> Rehearsal:
    """Rehearse a sketch."""
    return rehearse(
        build(sketch.world),
        Scenario(
            id="random",
            title="",
            start=sketch.start,
            until=sketch.until,
            acts=tuple(build_act(one) for one in sketch.happenings),
            outages=sketch.outages,
        ),
    )


def model_of(sketch: Sketch) -> model.Story:
    """Play a sketch by the model."""
    return model.play(
        sketch.world,
        start=sketch.start,
        until=sketch.until,
        happenings=sketch.happenings,
        outages=sketch.outages,
    )


def told(found: Rehearsal) -> list[Told]:
    """Return everything that was said, in order."""
    return sorted(
        Told(one.digest.send_at, notice.recipient, notice.obligation, notice.rung)
        for one in found.issued
        for notice in one.digest.notices
    )


def news(found: Rehearsal) -> list[tuple[datetime, str]]:
    """Return everything that the coordinator was told of events and stages, and when.

    An event that a random story announces again is none: the office would be refused.
    """
    words = {
        EntryKind.EVENT_ANNOUNCED: "event",
        EntryKind.STAGE_OPENED: "opened",
        EntryKind.STAGE_DONE: "done",
    }
    told: dict[str, datetime] = {}
    for one in found.issued:
        for entry in one.digest.news:
            said = f"{words[entry.kind]} {entry.stage or entry.data['event']}"
            told.setdefault(said, one.digest.send_at)
    return [(at, said) for said, at in told.items()]


def check(sketch: Sketch) -> tuple[Rehearsal, model.Story]:
    """Every message that should exist exists once, and none that should not.

    Stages turn when the model says, and obligations stand where it says.
    """
    found, story = engine_of(sketch), model_of(sketch)
    stages, obligations = found.state.stages.items(), found.state.obligations.items()
    assert {key: one.opened_at for key, one in stages if one.opened_at} == story.opened
    assert {key: one.done_at for key, one in stages if one.done_at} == story.done
    assert {key: one.due.last_day for key, one in obligations if one.due} == story.due
    assert {key for key, one in obligations if one.is_closed} == story.closed
    assert told(found) == sorted(story.told)
    assert sorted(news(found)) == sorted(story.news)
    return found, story


laws = settings(max_examples=100)


@laws
@given(sketches())
def test_every_agency_hears_exactly_what_the_prose_says(sketch: Sketch):
    """Reminders, overdue notices and escalations of random plans, day by day."""
    check(sketch)


@laws
@given(sketches(anywhere=True))
def test_every_agency_hears_it_also_where_anything_may_happen(sketch: Sketch):
    """Extensions at night and in outages; periods that count from what comes later."""
    found, story = check(sketch)
    stages = found.state.stages.items()
    assert {key: {*one.missing} for key, one in stages if one.done_at} == story.missing


@laws
@given(sketches(anywhere=True, pauses=True))
def test_every_agency_hears_it_also_where_chasing_is_paused(sketch: Sketch):
    """What falls within a pause waits for its end, and only the newest of it is said."""
    found, _ = check(sketch)
    assert fold(found.state.plan, found.entries) == found.state


@laws
@given(sketches(anywhere=True, pauses=True, quiet=True))
def test_every_agency_hears_it_also_where_days_are_quiet(sketch: Sketch):
    """What falls on quiet days goes out after them, once, and only the newest of it."""
    found, _ = check(sketch)
    assert fold(found.state.plan, found.entries) == found.state


@laws
@given(sketches(anywhere=True, pauses=True, quiet=True))
def test_nothing_is_issued_on_a_quiet_day(sketch: Sketch):
    """No agency is mailed while the plan says that nobody is."""
    for one in engine_of(sketch).issued:
        assert one.digest.send_at.astimezone(ZONE).date() not in sketch.world.quiet


@laws
@given(sketches(), days, st.integers(1, 12))
def test_quiet_days_are_as_an_outage(sketch: Sketch, first: date, count: int):
    """The same mails at the same times; and stages turn when they do."""
    spell = frozenset(first + timedelta(days=number) for number in range(count))
    begins, ends = (
        datetime.combine(day, time(0), ZONE) for day in (first, first + timedelta(days=count))
    )
    assume(ends < sketch.until)
    calm = replace(sketch, outages=())

    quiet = engine_of(replace(calm, world=replace(calm.world, quiet=spell)))

    down = engine_of(replace(calm, outages=((begins, ends),)))
    assert told(quiet) == told(down)
    assert quiet.state.stages == down.state.stages


@laws
@given(sketches(anywhere=True, pauses=True))
def test_nothing_is_issued_within_a_pause(sketch: Sketch):
    """Neither to the agency nor to those above about it, whatever else happens meanwhile."""
    for one in engine_of(sketch).issued:
        for notice in one.digest.notices:
            assert not one.state.obligations[notice.obligation].is_paused(one.digest.send_at)


@laws
@given(sketches(), st.integers(0, 400), st.integers(1, 200))
def test_a_pause_of_the_whole_run_is_as_an_outage(sketch: Sketch, after: int, lasts: int):
    """The same mails at the same times: pausing and resuming loses nothing and doubles nothing."""
    begins = sketch.start + timedelta(hours=after, minutes=15)
    ends = min(begins + timedelta(hours=lasts), sketch.until)
    spell = [Happening(at, what, "", at) for at, what in ((begins, "pause"), (ends, "resume"))]
    calm = replace(sketch, outages=())

    paused = engine_of(replace(calm, happenings=(*calm.happenings, *spell)))

    assert told(paused) == told(engine_of(replace(calm, outages=((begins, ends),))))


@laws
@given(sketches(), st.integers(1, 400), st.integers(1, 60))
def test_a_pause_in_which_nothing_falls_changes_nothing(sketch: Sketch, after: int, lasts: int):
    """Nobody can tell from the mail that there was one."""
    begins = sketch.start + timedelta(hours=after, minutes=15)
    ends = begins + timedelta(hours=lasts)
    calm = replace(sketch, outages=())
    without = engine_of(calm)
    assume(not any(begins <= one.digest.send_at <= ends for one in without.issued))
    spell = [Happening(at, what, "", at) for at, what in ((begins, "pause"), (ends, "resume"))]

    assert told(engine_of(replace(calm, happenings=(*calm.happenings, *spell)))) == told(without)


@laws
@given(sketches(anywhere=True, pauses=True))
def test_a_recipient_gets_one_message_at_a_time_gravest_first(sketch: Sketch):
    """One mail per recipient and send time, every notice in one mail only; the ledger tells all."""
    found = engine_of(sketch)
    assert len({(i.digest.recipient, i.digest.send_at) for i in found.issued}) == len(found.issued)
    keys = [notice.key for one in found.issued for notice in one.digest.notices]
    assert len(set(keys)) == len(keys)
    for one in found.issued:
        kinds = [notice.kind for notice in one.digest.notices]
        assert kinds == sorted(kinds, reverse=True)
        assert all(notice.at <= one.digest.send_at for notice in one.digest.notices)
        named = {notice.recipient for notice in one.digest.notices}
        assert named == ({one.digest.recipient} if one.digest.notices else set())
        assert one.digest.notices or one.digest.news
        assert one.digest.recipient == "coordinator" or not one.digest.news
    assert fold(found.state.plan, found.entries) == found.state
