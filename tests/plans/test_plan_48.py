"""Plan 48/KH-UBND of the tutorial: three levels and two events, on the days reckoned by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest

from engine.chasing import Kind, Notice
from engine.contacts import addressees
from engine.ledger import EntryKind, Outcome
from engine.plan import GateAfterDue, GateBy, Plan
from engine.rehearsal import WORST_CASE, Issued, Rehearsal, Scenario, rehearse
from plan_definitions import Bundle, PlanFaults, check, load, load_scenario

HERE = Path(__file__).parents[2] / "plan_definitions" / "song-lam"
PLAN = HERE / "48-kh-ubnd-2024.yaml"
SCENARIO = HERE / "scenarios" / "plausible.yaml"
REPORT = "commune-review/risk-report"

COMMUNES = {
    "tp-lam-giang": ("phuong-ben-lam", "phuong-cho-tram", "xa-lam-phu"),
    "huyen-thuong-lam": ("thi-tran-thuong-lam", "xa-khe-say", "xa-doi-gio"),
    "huyen-hai-lam": ("thi-tran-cua-lam", "xa-hai-bang", "xa-con-so"),
}
SECTORS = {
    "risk-maps": "so-tnmt",
    "shelters": "so-xay-dung",
    "routes": "so-gtvt",
    "forces": "bo-chqs",
}


@cache
def plan() -> Plan:
    """Return the plan of the repository."""
    return load(Bundle.read(PLAN))


@cache
def scenario() -> Scenario:
    """Return the shipped scenario."""
    return load_scenario(SCENARIO, plan())


@cache
def rehearsed(*, plausible: bool) -> Rehearsal:
    """Rehearse the shipped scenario, or the worst case."""
    return rehearse(plan(), scenario() if plausible else WORST_CASE)


def at(written: str) -> datetime:
    """Return an instant of the province."""
    return datetime.fromisoformat(f"{written}+07:00")


def last_day(found: Rehearsal, obligation: str) -> date | None:
    """Return the last day of an obligation at the end of a rehearsal."""
    due = found.state.obligations[obligation].due
    return None if due is None else due.last_day


def notices(found: Rehearsal, kind: Kind, prefix: str) -> list[tuple[Issued, Notice]]:
    """Return the notices of a kind about obligations that begin with a prefix."""
    return [
        (one, notice)
        for one in found.issued
        for notice in one.digest.notices
        if notice.kind is kind and notice.obligation.startswith(prefix)
    ]


def mornings(found: Rehearsal, kind: Kind, prefix: str) -> list[str]:
    """Return the days on which they went out, all of them at 08:00."""
    sent = {one.digest.send_at.astimezone(plan().zone) for one, _ in notices(found, kind, prefix)}
    assert {(moment.hour, moment.minute) for moment in sent} == {(8, 0)}
    return [f"{moment:%d/%m}" for moment in sorted(sent)]


def heard(found: Rehearsal, prefix: str) -> Counter[tuple[str, str]]:
    """Count the escalations by day and recipient."""
    return Counter(
        (f"{one.digest.send_at.astimezone(plan().zone):%d/%m %H:%M}", notice.recipient)
        for one, notice in notices(found, Kind.ESCALATE, prefix)
    )


# ── what the document says ──


def test_what_the_checker_says_is_what_the_tutorial_explains():
    """No fault, and five pieces of advice that are meant."""
    assert Counter(found.kind for found in check(Bundle.read(PLAN))) == {
        "no-recipient": 2,  # guide-communes, publicity
        "last-day-off": 1,  # trước ngày 17/6 ends on a Sunday
        "date-before-event": 1,  # the drill in quarter III, whenever the province approves
        "document-doubt": 1,  # trước ngày, chậm nhất ngày
    }


def test_thirty_seven_obligations_stand_in_six_stages():
    """9 + 3 + 1, 3, 4, 1, 9 + 3, 1 + 3."""
    found = Counter(one.stage.id for one in plan().obligations.values())
    assert found == {
        "commune-review": 13,
        "district-plans": 3,
        "sector-plans": 4,
        "provincial-plan": 1,
        "roll-out": 12,
        "funding": 4,
    }


def test_each_commune_reports_to_its_district_and_each_district_to_the_department():
    """Three levels; nobody passes over the one above."""
    obligations = plan().obligations
    for district, communes in COMMUNES.items():
        for commune in communes:
            assert obligations[f"{REPORT}/{commune}"].to == district
            assert obligations[f"roll-out/posting/{commune}"].to == district
        assert obligations[f"district-plans/district-plan/{district}"].to == "so-nnptnt"
        assert obligations[f"roll-out/drill/{district}"].to == "so-nnptnt"
        assert obligations[f"funding/purchase/{district}"].to == "so-tai-chinh"
    assert obligations["provincial-plan/draft/so-nnptnt"].to == "ubnd-tinh"
    assert obligations["commune-review/publicity/so-tttt"].to is None


def test_a_district_gathers_the_reports_of_its_own_communes():
    """The mail names them."""
    (task,) = plan().stage("district-plans").tasks
    assert task.collects == REPORT
    assert task.concerning == COMMUNES


def test_the_province_waits_for_both_branches():
    """A diamond: one stage opens two, and both open the fourth."""
    needs = {stage.id: stage.needs for stage in plan().stages}
    assert needs["district-plans"] == needs["sector-plans"] == ("commune-review",)
    assert needs["provincial-plan"] == ("district-plans", "sector-plans")
    assert needs["roll-out"] == needs["funding"] == ("provincial-plan",)


def test_the_gates_are_a_number_a_share_and_a_day():
    """8 of 9 communes; 75% of four is 3, or 5 June."""
    first, sectors = plan().stage("commune-review").gate, plan().stage("sector-plans").gate
    assert (first.tasks, first.quorum) == (("risk-report",), 8)
    assert first.otherwise == GateAfterDue(5)
    assert (sectors.quorum, sectors.needed(4)) == (Fraction(3, 4), 3)
    assert sectors.otherwise == GateBy(date(2024, 6, 5))


def test_every_item_of_the_appendices_is_given_to_one_task():
    """I.1-3 the communes, I.4 and II the districts, III the four departments."""
    given = [
        (ref.text, task.id)
        for stage in plan().stages
        for task in stage.tasks
        for ref in task.appendix
    ]
    assert given == [
        ("Phụ lục I (trừ Mục 4)", "risk-report"),
        ("Mục 4 Phụ lục I", "district-plan"),
        ("Phụ lục II", "district-plan"),
        ("Mục 1 Phụ lục III", "risk-maps"),
        ("Điểm a, b Mục 2 Phụ lục III", "shelters"),
        ("Điểm c, d Mục 2 Phụ lục III", "routes"),
        ("Mục 3, 4 Phụ lục III", "forces"),
    ]


def test_nobody_of_a_real_province_is_written_to():
    """The province is invented, and every address leads nowhere."""
    assert len(plan().agencies) == 20
    agencies = plan().agencies.values()
    contacts = [contact for agency in agencies for contact in agency.contacts]
    emails = [agency.email or "" for agency in agencies]
    emails += [contact.email for contact in contacts]
    emails += [one.substitute.email for one in contacts if one.substitute is not None]
    assert all(email.endswith(".songlam.example") for email in emails)
    assert len({email.lower() for email in emails}) == len(emails)


def test_heads_hear_from_the_third_overdue_notice_on():
    """Of communes too: their ladder takes it over. The coordinator gets a letter to sign."""
    standard, communes = (plan().ladders[name] for name in ("standard", "communes"))
    assert standard.overdue.head_from == communes.overdue.head_from == 3
    assert [step.letter for step in standard.escalate] == [True, False]


def test_the_substitute_reads_the_districts_mail_while_its_focal_point_is_away():
    """Mr Sơn is at a course when the district's plan is due."""
    district = plan().agencies["huyen-thuong-lam"]

    def reached(day: date, *, with_head: bool = False) -> list[str]:
        found = addressees(district, day=day, with_head=with_head)
        return [one.address.partition("@")[0] for one in found]

    assert reached(date(2024, 4, 19)) == ["lvson", "vanthu", "phongnn"]
    assert reached(date(2024, 5, 10)) == ["htmai", "vanthu", "phongnn"]
    assert reached(date(2024, 5, 13), with_head=True) == ["lvson", "vvthanh", "vanthu", "phongnn"]


# ── the worst case ──


def test_the_communes_are_reminded_and_chased_on_their_mornings():
    """Monday 15/4 is the 20th working day; 18/4, 29/4, 30/4 and 1/5 are off."""
    found = rehearsed(plausible=False)
    days = {last_day(found, f"{REPORT}/{one}") for all_of in COMMUNES.values() for one in all_of}
    assert days == {date(2024, 4, 15)}
    assert mornings(found, Kind.REMIND, REPORT) == ["01/04", "08/04", "11/04", "15/04"]
    assert mornings(found, Kind.OVERDUE, REPORT) == ["16/04", "19/04", "23/04", "25/04", "02/05"]


def test_districts_hear_of_communes_first_then_the_department_the_province_never():
    """One working day, three, and no further."""
    assert heard(rehearsed(plausible=False), REPORT) == {
        ("16/04 08:00", "tp-lam-giang"): 3,
        ("16/04 08:00", "huyen-thuong-lam"): 3,
        ("16/04 08:00", "huyen-hai-lam"): 3,
        ("19/04 08:00", "so-nnptnt"): 9,
    }


def test_departments_and_districts_are_reported_to_the_province():
    """Due 09/5 and 31/5: the department after one working day, the province after five."""
    found = rehearsed(plausible=False)
    assert heard(found, "district-plans") == {
        ("10/05 08:00", "so-nnptnt"): 3,
        ("16/05 08:00", "ubnd-tinh"): 3,
    }
    assert heard(found, "sector-plans") == {
        ("03/06 08:00", "so-nnptnt"): 4,
        ("07/06 08:00", "ubnd-tinh"): 4,
    }


def test_in_the_worst_case_stages_open_by_their_dates_and_no_event_comes():
    """Five working days after 15/4 end on 23/4; ten more, over four days off, on 09/5."""
    found = rehearsed(plausible=False)
    opened = {key: stage.opened_at for key, stage in found.state.stages.items()}
    assert opened == {
        "commune-review": at("2024-03-18 08:00"),
        "district-plans": at("2024-04-24 00:00"),
        "sector-plans": at("2024-04-24 00:00"),
        "provincial-plan": at("2024-06-06 00:00"),
        "roll-out": None,
        "funding": None,
    }
    assert last_day(found, "district-plans/district-plan/huyen-hai-lam") == date(2024, 5, 9)
    assert len(found.state.stages["sector-plans"].missing) == 4


@pytest.mark.parametrize(
    ("obligation", "day"),
    [
        *((f"sector-plans/{task}/{who}", date(2024, 5, 31)) for task, who in SECTORS.items()),
        ("provincial-plan/draft/so-nnptnt", date(2024, 6, 16)),  # a Sunday
        ("roll-out/drill/tp-lam-giang", date(2024, 9, 30)),
        ("roll-out/posting/xa-khe-say", None),
        ("funding/allocation/so-tai-chinh", None),
        ("commune-review/publicity/so-tttt", None),
    ],
)
def test_what_can_be_known_beforehand_has_its_day(obligation: str, day: date | None):
    """A month, a day before, a quarter; what counts from an event has none yet."""
    assert last_day(rehearsed(plausible=False), obligation) == day


def test_the_draft_is_reminded_on_the_last_working_day():
    """Friday 14/6; the first of its reminders falls before the stage can open."""
    about = "provincial-plan"
    assert mornings(rehearsed(plausible=False), Kind.REMIND, about) == ["07/06", "12/06", "14/06"]


# ── the scenario ──


@pytest.mark.parametrize(
    ("stage", "opened", "done", "missing"),
    [
        ("commune-review", "2024-03-18 08:00", "2024-04-17 15:00", [f"{REPORT}/xa-con-so"]),
        ("district-plans", "2024-04-17 15:00", "2024-05-10 10:00", []),
        (
            "sector-plans",
            "2024-04-17 15:00",
            "2024-05-30 10:30",
            ["sector-plans/shelters/so-xay-dung"],
        ),
        ("provincial-plan", "2024-05-30 10:30", "2024-06-13 15:00", []),
        ("roll-out", "2024-06-25 09:00", "2024-09-27 10:00", []),
        ("funding", "2024-07-11 08:30", "2024-08-26 11:00", []),
    ],
)
def test_every_stage_of_the_scenario_opens_and_is_done(
    stage: str, opened: str, done: str, missing: list[str]
):
    """The eighth of nine, the third of four, two events; who is missing is named."""
    found = rehearsed(plausible=True).state.stages[stage]
    assert (found.opened_at, found.done_at) == (at(opened), at(done))
    assert list(found.missing) == missing


@pytest.mark.parametrize(
    ("obligation", "day"),
    [
        (f"{REPORT}/xa-khe-say", date(2024, 4, 17)),  # returned on Friday 12/4 with three days
        ("district-plans/district-plan/tp-lam-giang", date(2024, 5, 6)),  # 10 after 17/4
        ("district-plans/district-plan/huyen-thuong-lam", date(2024, 5, 13)),  # extended
        ("roll-out/posting/xa-doi-gio", date(2024, 7, 1)),  # 5 after 24/6
        ("funding/allocation/so-tai-chinh", date(2024, 7, 19)),  # 7 after 10/7
        ("funding/purchase/tp-lam-giang", date(2024, 8, 26)),  # 45 days: a Saturday
    ],
)
def test_periods_count_from_what_happened(obligation: str, day: date):
    """A return, a stage, an extension, the dates of two documents; Saturday 4/5 is worked."""
    assert last_day(rehearsed(plausible=True), obligation) == day


def test_only_the_resolution_that_is_meant_opens_the_funding():
    """The council passes many; the scenario says which, or is told what is missing."""
    event = plan().events["council.budget-passed"]
    assert event.is_announced_by({"nam": "2024", "ky-hop": "giua-nam"})
    assert not event.is_announced_by({"nam": "2024", "ky-hop": "cuoi-nam"})

    written = SCENARIO.read_text(encoding="utf-8").replace("giua-nam", "cuoi-nam")
    with pytest.raises(PlanFaults) as raised:
        load_scenario(written, plan())
    assert [found.kind for found in raised.value.diagnostics] == ["event-not-matched"]


def test_over_the_outage_nobody_is_written_to_and_then_once():
    """Down from 16/4 07:00 to 17/4 10:00: the newest of each, and nothing older after it."""
    down, back = at("2024-04-16 07:00"), at("2024-04-17 10:00")
    sent = [
        (one.digest.recipient, one.digest.rungs)
        for one in rehearsed(plausible=True).issued
        if down <= one.digest.send_at <= back
    ]
    assert {
        one.digest.send_at
        for one in rehearsed(plausible=True).issued
        if down <= one.digest.send_at <= back
    } == {back}
    assert sent == [
        ("xa-khe-say", ("remind-0",)),
        ("xa-con-so", ("overdue-1",)),
        ("huyen-hai-lam", ("escalate-1",)),
    ]


def test_who_is_late_in_the_scenario_is_made_known_to_those_above():
    """A commune to its district and the department; a department to itself and no further."""
    found = rehearsed(plausible=True)
    assert heard(found, "") == {
        ("17/04 10:00", "huyen-hai-lam"): 1,
        ("19/04 08:00", "so-nnptnt"): 1,
        ("03/06 08:00", "so-nnptnt"): 1,
        ("02/07 08:00", "huyen-thuong-lam"): 1,
    }


def test_the_scenario_sends_126_mails():
    """One per recipient and time; who was excused or asked late gets fewer.

    Eight of them are news alone: of the nine times at which a stage turned or an event came,
    the coordinator had mail of its own at one.
    """
    issued = rehearsed(plausible=True).issued
    sent = Counter(one.digest.recipient for one in issued)
    assert len(issued) == len({(one.digest.recipient, one.digest.send_at) for one in issued}) == 126
    assert sent["phuong-cho-tram"] == 6  # assigned, three reminders, excused; assigned, one more
    assert sent["xa-con-so"] == 9
    assert sent["so-tttt"] == 1
    assert sent["ubnd-tinh"] == 0
    assert Counter(one.digest.kind for one in issued) == {
        Kind.EVENT: 8,
        Kind.ASSIGN: 37,
        Kind.REMIND: 72,
        Kind.RETURNED: 1,
        Kind.OVERDUE: 4,
        Kind.ESCALATE: 4,
    }


def test_the_scenario_ends_with_everything_answered():
    """33 on time, 3 late, 1 excused; the run is completed."""
    found = rehearsed(plausible=True)
    outcomes = {key: one.outcome(found.ended_at) for key, one in found.state.obligations.items()}
    assert Counter(outcomes.values()) == {
        Outcome.ON_TIME: 33,
        Outcome.LATE: 3,
        Outcome.WAIVED: 1,
    }
    late = {key for key, outcome in outcomes.items() if outcome is Outcome.LATE}
    assert late == {
        f"{REPORT}/xa-con-so",
        "sector-plans/shelters/so-xay-dung",
        "roll-out/posting/xa-doi-gio",
    }
    assert outcomes[f"{REPORT}/phuong-cho-tram"] is Outcome.WAIVED
    assert found.state.completed_at == at("2024-09-27 10:00")


def test_the_scenario_holds_one_of_everything_that_can_happen():
    """Both events, a return, an extension, a waiver, an outage; nothing is passed over."""
    kinds = Counter(act.kind for act in scenario().acts)
    assert kinds[EntryKind.EVENT_ANNOUNCED] == 2
    for kind in (EntryKind.RETURNED, EntryKind.EXTENDED, EntryKind.WAIVED):
        assert kinds[kind] == 1
    assert len(scenario().outages) == 1
    own = {EntryKind.RUN_STARTED, EntryKind.RUN_COMPLETED}
    own |= {EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE}
    recorded = [one for one in rehearsed(plausible=True).entries if one.kind not in own]
    assert len(recorded) == len(scenario().acts)
