"""Plan 37/KH-UBND: the real plan derives to the dates that a clerk would reckon by hand."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pytest

from engine.chasing import Kind, Notice
from engine.ledger import EntryKind, Outcome
from engine.plan import Plan
from engine.rehearsal import WORST_CASE, Issued, Rehearsal, Scenario, rehearse
from plan_definitions import Bundle, check, load, load_scenario

HERE = Path(__file__).parents[2] / "plan_definitions" / "tuyen-quang"
PLAN = HERE / "37-kh-ubnd-2020.yaml"
REPORT = "agency-reports/final-report"
DRAFT = "draft-summary/draft-report/so-noi-vu"

DISTRICTS = {
    "tp-tuyen-quang": 15,
    "huyen-lam-binh": 8,
    "huyen-na-hang": 12,
    "huyen-chiem-hoa": 26,
    "huyen-ham-yen": 18,
    "huyen-yen-son": 28,
    "huyen-son-duong": 31,
}
REMINDED = ["2020-04-22", "2020-04-29", "2020-05-06", "2020-05-07", "2020-05-08"]
CHASED = [
    *(f"2020-05-{day}" for day in (11, 12, 13, 14, 15)),
    *(f"2020-05-{day}" for day in (18, 19, 20, 21, 22)),
]


@cache
def plan() -> Plan:
    """Return the plan of the repository."""
    return load(Bundle.read(PLAN))


@cache
def rehearsed(name: str = "") -> Rehearsal:
    """Rehearse a shipped scenario, or the worst case."""
    return rehearse(plan(), scenario(name) if name else WORST_CASE)


def scenario(name: str) -> Scenario:
    """Return a shipped scenario."""
    return load_scenario(HERE / "scenarios" / f"{name}.yaml", plan())


def at(written: str) -> datetime:
    """Return an instant of Tuyên Quang."""
    return datetime.fromisoformat(f"{written}+07:00")


def notices(found: Rehearsal, kind: Kind, prefix: str = REPORT) -> list[tuple[Issued, Notice]]:
    """Return the notices of a kind about obligations that begin with a prefix."""
    return [
        (one, notice)
        for one in found.issued
        for notice in one.digest.notices
        if notice.kind is kind and notice.obligation.startswith(prefix)
    ]


def moments(found: Rehearsal, kind: Kind, prefix: str = REPORT) -> list[str]:
    """Return when they went out, each moment once, with the offset."""
    sent = {one.digest.send_at for one, _ in notices(found, kind, prefix)}
    return [moment.astimezone(plan().zone).isoformat() for moment in sorted(sent)]


# ── what the document says ──


def test_the_plan_has_no_fault():
    """The plan that is shipped is the example that coordinators copy."""
    assert [found for found in check(Bundle.read(PLAN)) if found.is_fault] == []


def test_twenty_seven_bodies_owe_the_final_report():
    """20 provincial bodies and 7 districts; none of them twice."""
    task = plan().stage("agency-reports").tasks[0]
    kinds = Counter(plan().agencies[agency].kind for agency in task.by)
    assert len(set(task.by)) == 27
    assert kinds == {"department": 19, "state-body": 1, "district": 7}
    assert task.to == "so-noi-vu"
    assert len(task.copies) == 5


def test_all_31_rows_of_the_document_are_accounted_for():
    """Each is a task, or a note with the reason why not; none is both, none forgotten."""
    of_tasks = [row for stage in plan().stages for task in stage.tasks for row in task.rows]
    of_notes = [row for note in plan().notes for row in note.rows]
    assert sorted(of_tasks + of_notes) == list(range(1, 32))
    assert sorted(of_notes) == [6, 8, 9, 10, 30, 31]
    assert all(note.why for note in plan().notes if note.rows)
    assert all(note.why or note.doubt for note in plan().notes)


@pytest.mark.parametrize(("district", "count"), DISTRICTS.items())
def test_each_district_guides_its_own_communes(district: str, count: int):
    """138 communes, by the administrative division of March 2020."""
    (guide,) = (t for t in plan().stage("agency-reports").tasks if t.id == "guide-communes")
    communes = guide.concerning[district]
    assert len(communes) == len(set(communes)) == count
    assert {plan().agencies[commune].parent for commune in communes} == {district}


def test_there_are_138_communes():
    """15, 8, 12, 26, 18, 28 and 31."""
    assert sum(DISTRICTS.values()) == 138
    (guide,) = (t for t in plan().stage("agency-reports").tasks if t.id == "guide-communes")
    named = [commune for communes in guide.concerning.values() for commune in communes]
    assert len(set(named)) == len(named) == 138
    assert sorted(guide.concerning) == sorted(DISTRICTS)


def test_ninety_obligations_stand_in_four_stages():
    """63, 25, 1 and 1, as docs/plan-37.md counts them."""
    found = Counter(obligation.stage.id for obligation in plan().obligations.values())
    assert found == {
        "agency-reports": 63,
        "topic-reports": 25,
        "draft-summary": 1,
        "plan-2021-2030": 1,
    }
    assert [stage.id for stage in plan().stages] == list(found)


def test_every_address_is_an_example():
    """Nobody is mailed by accident."""
    addresses = [agency.email for agency in plan().agencies.values() if agency.email]
    assert addresses
    assert all(address.endswith(".example") for address in addresses)


# ── the dates ──


def test_the_final_report_ends_with_saturday_9_may():
    """Trước ngày 10/5/2020, a Sunday: last day 9/5, last working day Friday 8/5."""
    for agency in plan().stage("agency-reports").tasks[0].by:
        due = rehearsed().state.obligations[f"{REPORT}/{agency}"].due
        assert due is not None
        assert (due.last_day, due.last_working_day) == (date(2020, 5, 9), date(2020, 5, 8))
        assert due.late_from == at("2020-05-10 00:00")


def test_the_draft_report_ends_with_tuesday_9_june():
    """Trước ngày 10/6/2020."""
    due = rehearsed().state.obligations[DRAFT].due
    assert due is not None
    assert due.last_day == due.last_working_day == date(2020, 6, 9)
    assert due.late_from == at("2020-06-10 00:00")


def test_only_two_tasks_have_a_date():
    """The document states no other, and none is invented."""
    dated = {k.rsplit("/", 1)[0] for k, one in rehearsed().state.obligations.items() if one.due}
    assert dated == {REPORT, "draft-summary/draft-report"}


def test_holidays_of_2020_are_known():
    """Hùng Kings' day on 2/4, then 30/4 and 1/5, are no working days."""
    calendar = plan().calendar
    off = [date(2020, 4, 2), date(2020, 4, 30), date(2020, 5, 1), date(2020, 5, 2)]
    assert not any(calendar.is_working(day) for day in off)
    assert calendar.is_working(date(2020, 5, 4))


# ── the worst case ──


def test_reminders_go_out_on_their_five_mornings():
    """10, 5, 2, 1 and 0 working days before Friday 8/5, over two holidays, at 08:00."""
    assert moments(rehearsed(), Kind.REMIND) == [f"{day}T08:00:00+07:00" for day in REMINDED]


def test_overdue_notices_go_out_on_ten_mornings():
    """Monday 11/5 to Friday 22/5."""
    assert moments(rehearsed(), Kind.OVERDUE) == [f"{day}T08:00:00+07:00" for day in CHASED]


def test_escalations_go_out_on_the_first_and_fifth_working_day():
    """Sở Nội vụ on 11/5, UBND tỉnh on 15/5; Sở Nội vụ's own lateness goes to UBND tỉnh."""
    found = Counter(
        (one.digest.send_at.astimezone(plan().zone).isoformat(), notice.recipient)
        for one, notice in notices(rehearsed(), Kind.ESCALATE)
    )
    assert found == {
        ("2020-05-11T08:00:00+07:00", "so-noi-vu"): 26,
        ("2020-05-11T08:00:00+07:00", "ubnd-tinh"): 1,
        ("2020-05-15T08:00:00+07:00", "ubnd-tinh"): 27,
    }


@pytest.mark.parametrize("kind", [Kind.REMIND, Kind.OVERDUE])
def test_each_of_the_27_bodies_is_chased_the_same(kind: Kind):
    """Every body gets every notice once, by itself."""
    found = Counter(notice.recipient for _, notice in notices(rehearsed(), kind))
    assert len(found) == 27
    assert set(found.values()) == {5 if kind is Kind.REMIND else 10}
    assert all(n.obligation == f"{REPORT}/{n.recipient}" for _, n in notices(rehearsed(), kind))


def test_nobody_gets_two_mails_at_a_time():
    """Sở Nội vụ hears of its own report and of the others' in one mail."""
    sent = [(one.digest.recipient, one.digest.send_at) for one in rehearsed().issued]
    assert len(set(sent)) == len(sent)


def test_in_the_worst_case_the_plan_goes_on_by_its_dates():
    """Five working days after the deadline, then 29/5; the Government never comes."""
    stages = rehearsed().state.stages
    assert stages["topic-reports"].opened_at == at("2020-05-16 00:00")
    assert stages["draft-summary"].opened_at == at("2020-05-30 00:00")
    assert stages["plan-2021-2030"].opened_at is None
    assert len(stages["agency-reports"].missing) == 27


def test_the_draft_is_reminded_only_after_its_stage_has_opened():
    """Opened on Saturday 30/5: five working days before 9/6 is Tuesday 2/6."""
    assert moments(rehearsed(), Kind.REMIND, DRAFT) == [
        f"2020-06-{day}T08:00:00+07:00" for day in ("02", "05", "08", "09")
    ]
    assert moments(rehearsed(), Kind.ASSIGN, DRAFT) == ["2020-06-01T08:00:00+07:00"]


# ── the shipped scenarios ──


@pytest.mark.parametrize(
    ("stage", "opened", "done", "missing"),
    [
        ("agency-reports", "2020-04-06 08:00", "2020-05-14 10:25", 2),  # the 25th of 27
        ("topic-reports", "2020-05-14 10:25", "2020-05-30 00:00", 2),
        ("draft-summary", "2020-05-30 00:00", "2020-06-08 15:30", 0),
        ("plan-2021-2030", "2021-07-16 09:30", "2021-08-13 14:20", 0),  # Nghị quyết 76/NQ-CP
    ],
)
def test_the_stages_of_the_plausible_course_open_and_close(
    stage: str, opened: str, done: str, missing: int
):
    """A quorum, a date, a whole, and an outside event a year later."""
    found = rehearsed("plausible").state.stages[stage]
    assert found.opened_at == at(opened)
    assert found.done_at == at(done)
    assert len(found.missing) == missing


def test_the_missing_of_the_plausible_course_are_named():
    """Na Hang's was returned, Yên Sơn's never came in time."""
    stages = rehearsed("plausible").state.stages
    assert stages["agency-reports"].missing == (
        f"{REPORT}/huyen-na-hang",
        f"{REPORT}/huyen-yen-son",
    )
    assert set(stages["topic-reports"].missing) == {
        "topic-reports/publicity-report/dai-ptth",
        "topic-reports/theme-assessment/so-tttt",
    }


@pytest.mark.parametrize(
    ("agency", "outcome"),
    [
        ("so-ngoai-vu", Outcome.ON_TIME),
        ("so-tttt", Outcome.ON_TIME),  # the last working day itself
        ("so-ldtbxh", Outcome.LATE),
        ("huyen-chiem-hoa", Outcome.ON_TIME),  # dated 8/5, recorded 12/5
        ("huyen-na-hang", Outcome.ON_TIME),  # returned with three days, again on the second
        ("huyen-yen-son", Outcome.LATE),
    ],
)
def test_the_agencies_of_the_plausible_course_are_judged_fairly(agency: str, outcome: Outcome):
    """By the date on the document, and by the deadline after a return."""
    found = rehearsed("plausible")
    assert found.state.obligations[f"{REPORT}/{agency}"].outcome(found.ended_at) is outcome


def test_who_submits_is_chased_no_more():
    """Chiêm Hóa's report was on its way: chased on 11/5 and 12/5, then never again."""
    about = f"{REPORT}/huyen-chiem-hoa"
    assert moments(rehearsed("plausible"), Kind.OVERDUE, about) == [
        "2020-05-11T08:00:00+07:00",
        "2020-05-12T08:00:00+07:00",
    ]


def test_only_yen_son_is_reported_to_the_province():
    """On 15/5 all the others had answered."""
    found = notices(rehearsed("plausible"), Kind.ESCALATE)
    to_province = [notice.obligation for _, notice in found if notice.recipient == "ubnd-tinh"]
    assert to_province == [f"{REPORT}/huyen-yen-son"]


def test_the_event_assigns_the_last_stage_in_the_same_minute():
    """Nghị quyết 76/NQ-CP of 15/7/2021, recorded on the 16th at 09:30."""
    assert moments(rehearsed("plausible"), Kind.ASSIGN, "plan-2021-2030") == [
        "2021-07-16T09:30:00+07:00"
    ]


def test_the_plausible_course_is_completed_with_one_answer_missing():
    """84 on time, 5 late, 1 that never came: every stage is done, the debt stays on the board."""
    found = rehearsed("plausible")
    assert found.state.completed_at == at("2021-08-13 14:20")
    outcomes = Counter(one.outcome(found.ended_at) for one in found.state.obligations.values())
    assert outcomes == {Outcome.ON_TIME: 84, Outcome.LATE: 5, Outcome.PENDING: 1}


def test_after_the_shipped_outage_each_body_gets_one_mail():
    """Down from 8/5 to 14/5 09:30: the newest overdue notice, not five old ones."""
    found = rehearsed("outage")
    down, back = at("2020-05-08 07:00"), at("2020-05-14 09:30")
    sent = [one.digest for one in found.issued if down <= one.digest.send_at <= back]
    assert {digest.send_at for digest in sent} == {back}
    assert len(sent) == 18  # 17 of 27 have not submitted, and Sở Nội vụ hears of them
    agencies = [digest for digest in sent if digest.kind is Kind.OVERDUE]
    assert {digest.rungs for digest in agencies} == {("overdue-4",)}
    (escalated,) = (digest for digest in sent if digest.kind is Kind.ESCALATE)
    assert (escalated.recipient, len(escalated.notices)) == ("so-noi-vu", 17)


def test_after_the_shipped_outage_the_gate_gives_way_by_its_date():
    """24 of 27 at the end of 15/5: one too few, so the day decides."""
    stage = rehearsed("outage").state.stages["agency-reports"]
    assert stage.done_at == at("2020-05-16 00:00")
    assert len(stage.missing) == 3


def test_the_shipped_courses_record_every_act():
    """Nothing of a scenario is passed over in silence."""
    for name in ("plausible", "outage"):
        own = {EntryKind.RUN_STARTED, EntryKind.RUN_COMPLETED}
        own |= {EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE}
        recorded = [entry for entry in rehearsed(name).entries if entry.kind not in own]
        assert len(recorded) == len(scenario(name).acts)


def test_the_checker_points_out_the_gaps_of_the_document():
    """What docs/plan-37.md lists, with the codes that it names; nothing is a fault."""
    found = check(Bundle.read(PLAN))

    assert not any(one.is_fault for one in found)
    assert Counter(one.code for one in found) == {
        "DD201": 1,  # 10/5/2020 is a Sunday, its last day a Saturday
        "DD203": 5,  # rewards, communes, publicity, and what Sở Nội vụ owes itself
        "DD204": 2,  # Sở Nội vụ and the five both send and receive row 1
        "DD213": 1,  # the thematic bodies get their input when it is due
        "DD214": 1,  # điểm 2, 4 Mục 3 Phụ lục I
        "DD216": 2,  # Mục 6 Phụ lục VIII, and the two media bodies
        "DD218": 1,  # the communes have no date
        "DD219": 2,  # 255/QĐ-TTg; nobody is named above Sở Nội vụ
        "DD221": 1,  # rows 2 and 11-29 are awaited and undated
    }
