"""Plan 37/KH-UBND itself: what the document says, the files say."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest

from engine.chasing import Kind
from engine.plan import Plan
from engine.rehearsal import Rehearsal, rehearse
from plan_definitions import Bundle, check_file, has_faults, load, load_scenario

ROOT = Path(__file__).parents[2] / "plan_definitions"
PLAN = ROOT / "tuyen-quang/37-kh-ubnd-2020.yaml"
SCENARIOS = sorted((PLAN.parent / "scenarios").glob("*.yaml"))


@cache
def plan_37() -> Plan:
    """The plan as loaded."""
    return load(Bundle.read(PLAN))


@cache
def rehearsed(scenario: Path | None = None) -> Rehearsal:
    """The plan under a scenario, or in the worst case."""
    plan = plan_37()
    return rehearse(plan) if scenario is None else rehearse(plan, load_scenario(scenario, plan))


def test_the_files_have_no_fault():
    """What ships must pass its own checker."""
    assert not has_faults(check_file(PLAN))


def test_every_row_of_the_obligations_is_accounted_for():
    """As a task, or as a note with the reason why not: 31 rows, each once."""
    plan = plan_37()
    tasks = [row for stage in plan.stages for task in stage.tasks for row in task.rows]
    notes = [row for note in plan.notes for row in note.rows]
    assert sorted(tasks + notes) == list(range(1, 32))
    assert all(note.why for note in plan.notes)


def test_four_stages_stand_in_the_documents_order():
    """Agency reports, topic reports, draft summary, plan 2021-2030."""
    plan = plan_37()
    ids = [stage.id for stage in plan.stages]
    assert ids == ["agency-reports", "topic-reports", "draft-summary", "plan-2021-2030"]
    assert [stage.needs for stage in plan.stages] == [(), *((one,) for one in ids[:3])]
    assert plan.stages[3].event == "government.programme-issued"


@pytest.mark.parametrize(
    ("district", "count"),
    [
        ("tp-tuyen-quang", 15),
        ("huyen-lam-binh", 8),
        ("huyen-na-hang", 12),
        ("huyen-chiem-hoa", 26),
        ("huyen-ham-yen", 18),
        ("huyen-yen-son", 28),
        ("huyen-son-duong", 31),
    ],
)
def test_the_communes_stand_under_their_districts(district: str, count: int):
    """138 communes of 01/3/2020."""
    plan = plan_37()
    under = [agency for agency in plan.agencies.values() if agency.parent == district]
    assert len(under) == count
    task = next(one for one in plan.stages[0].tasks if one.id == "guide-communes")
    assert len(task.concerning[district]) == count


def test_twenty_seven_bodies_report():
    """20 provincial bodies and 7 districts; 2 media bodies and the issuer beside them."""
    plan = plan_37()
    report = next(one for one in plan.stages[0].tasks if one.id == "final-report")
    assert len(report.by) == 27
    assert len([agency for agency in plan.agencies.values() if agency.parent is None]) == 30
    assert len(plan.agencies) == 30 + 138


def test_every_address_is_made_up():
    """Nobody is mailed by accident."""
    addresses = [agency.email for agency in plan_37().agencies.values() if agency.email]
    assert len(addresses) == len(set(addresses)) == 30
    assert all(address.endswith(".example") for address in addresses)


@pytest.mark.parametrize(
    ("task", "last_day", "last_working_day"),
    [
        ("agency-reports/final-report/", date(2020, 5, 9), date(2020, 5, 8)),
        ("draft-summary/", date(2020, 6, 9), date(2020, 6, 9)),
    ],
)
def test_the_documents_two_dates(task: str, last_day: date, last_working_day: date):
    """Trước ngày 10/5/2020, a Sunday; trước ngày 10/6/2020, a Wednesday."""
    for key, state in rehearsed().state.obligations.items():
        if key.startswith(task):
            assert state.stated is not None
            found = (state.stated.last_day, state.stated.last_working_day)
            assert found == (last_day, last_working_day)


def test_only_two_tasks_have_a_date():
    """The document sets no more; the file invents none."""
    plan = plan_37()
    dated = {
        (key.split("/")[0], key.split("/")[1])
        for key, state in rehearsed().state.obligations.items()
        if state.stated is not None
    }
    assert {stage for stage, _ in dated} == {"agency-reports", "draft-summary"}
    assert len(dated) == 2
    assert len(plan.obligations) == 90


def test_in_the_worst_case_every_body_gets_the_whole_ladder():
    """Nobody answers: assignment, five reminders, ten chasers, for each of the 27."""
    wanted = ["assign", "remind-10", "remind-5", "remind-2", "remind-1", "remind-0"]
    wanted += [f"overdue-{number}" for number in range(1, 11)]
    got: dict[str, list[str]] = {}
    for one in rehearsed().issued:
        for notice in one.digest.notices:
            stage, task, agency = notice.obligation.split("/")
            if (stage, task) == ("agency-reports", "final-report") and notice.recipient == agency:
                got.setdefault(agency, []).append(notice.rung)
    assert got == dict.fromkeys(got, wanted)
    assert len(got) == 27


def test_in_the_worst_case_those_above_are_told_once_each():
    """11/5 to Sở Nội vụ about the other 26, and of itself to UBND tỉnh; 15/5 about all 27."""
    told = [
        (one.digest.send_at.strftime("%d/%m %H:%M"), one.digest.recipient, len(escalated))
        for one in rehearsed().issued
        if (escalated := [n for n in one.digest.notices if n.kind is Kind.ESCALATE])
        and one.digest.send_at.month == 5
    ]
    assert sorted(told) == [
        ("11/05 08:00", "so-noi-vu", 26),
        ("11/05 08:00", "ubnd-tinh", 1),
        ("15/05 08:00", "ubnd-tinh", 27),
    ]


def test_the_plausible_story_opens_and_closes_every_stage():
    """Most on time, some late, one silent until UBND tỉnh is told, then 76/NQ-CP."""
    plan, story = plan_37(), rehearsed(PLAN.parent / "scenarios/plausible.yaml")
    opened = [story.state.stages[stage.id].opened_at for stage in plan.stages]
    assert [at.astimezone(plan.zone).date() for at in opened if at] == [
        date(2020, 4, 6),
        date(2020, 5, 14),
        date(2020, 5, 30),
        date(2021, 7, 16),
    ]
    assert all(story.state.stages[stage.id].done_at for stage in plan.stages)
    assert story.state.events["government.programme-issued"].document == "76/NQ-CP"
    told = [n for one in story.issued for n in one.digest.notices if n.rung == "escalate-2"]
    assert len(told) == 1
    silent = story.state.obligations[told[0].obligation]
    assert silent.settled_at is not None
    assert silent.settled_at > told[0].at


@pytest.mark.parametrize("scenario", [None, *SCENARIOS], ids=lambda s: s.stem if s else "worst")
def test_no_recipient_gets_two_messages_at_one_time(scenario: Path | None):
    """One message per recipient and send time, whatever happens."""
    counted = Counter(
        (one.digest.recipient, one.digest.send_at) for one in rehearsed(scenario).issued
    )
    assert set(counted.values()) == {1}


@pytest.mark.parametrize("scenario", [None, *SCENARIOS], ids=lambda s: s.stem if s else "worst")
def test_every_mail_goes_out_in_office_hours(scenario: Path | None):
    """Working days, 08:00 to 17:00, in the plan's zone."""
    plan = plan_37()
    for one in rehearsed(scenario).issued:
        local = one.digest.send_at.astimezone(plan.zone)
        assert plan.calendar.is_working(local.date())
        assert 8 <= local.hour <= 17


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda s: s.stem)
def test_nobody_is_chased_after_submitting(scenario: Path):
    """Not a reminder, not a chaser, not an escalation about what is in."""
    plan = plan_37()
    acts = load_scenario(scenario, plan).acts
    for one in rehearsed(scenario).issued:
        for notice in one.digest.notices:
            before = [
                act
                for act in acts
                if act.obligation == notice.obligation and act.at <= one.digest.send_at
            ]
            latest = max(before, key=lambda act: act.at, default=None)
            assert latest is None or latest.kind.value != "submitted"


def test_after_the_outage_each_body_gets_the_newest_rung_only():
    """Down from 08/5 07:00 to 14/5 09:30: nobody gets a pile of outdated reminders."""
    plan, story = plan_37(), rehearsed(PLAN.parent / "scenarios/outage.yaml")
    back = [one for one in story.issued if one.digest.send_at.date() == date(2020, 5, 14)]
    assert back
    first = min(one.digest.send_at for one in back).astimezone(plan.zone)
    assert (first.hour, first.minute) == (9, 30)
    for one in back:
        own = [n.rung for n in one.digest.notices if n.kind is Kind.OVERDUE]
        assert own in ([], ["overdue-4"])


CALENDAR = {
    2019: ("1/1 4/2-8/2 15/4 29/4 30/4 1/5 2/9", "5/1 4/5"),
    2020: ("1/1 23/1-29/1 2/4 30/4 1/5 2/9", ""),
    2021: ("1/1 10/2-16/2 21/4 30/4 3/5 2/9-3/9", ""),
    2022: ("3/1 31/1-4/2 11/4 2/5-3/5 1/9-2/9", ""),
    2023: ("2/1 20/1-26/1 1/5-3/5 1/9 4/9", ""),
    2024: ("1/1 8/2-14/2 18/4 29/4 30/4 1/5 2/9-3/9", "4/5"),
    2025: ("1/1 27/1-31/1 7/4 30/4 1/5 2/5 1/9-2/9", "26/4"),
    2026: ("1/1-2/1 16/2-20/2 27/4 30/4 1/5 31/8 1/9-2/9", "10/1 22/8"),
}


def _days(year: int, written: str) -> set[date]:
    found: set[date] = set()
    for part in written.split():
        first, _, last = part.partition("-")
        day, end = (_day(year, one) for one in (first, last or first))
        while day <= end:
            found.add(day)
            day += timedelta(days=1)
    return found


def _day(year: int, written: str) -> date:
    day, month = written.split("/")
    return date(year, int(month), int(day))


@pytest.mark.parametrize("year", sorted(CALENDAR))
def test_every_day_is_worked_or_off_as_it_really_was(year: int):
    """The official notices, day by day, weekends and exchanged Saturdays included."""
    calendar = plan_37().calendar
    off, worked = (_days(year, part) for part in CALENDAR[year])
    day = date(year, 1, 1)
    while day.year == year:
        expected = day in worked or (day.weekday() < 5 and day not in off)
        assert calendar.is_working(day) is expected, day
        day += timedelta(days=1)
