"""Scenarios become acts on obligations, at the plan's own times."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from engine.ledger import EntryKind
from engine.plan import Plan
from engine.rehearsal import Scenario
from plan_definitions import Bundle, PlanFaults, load, load_scenario
from tests.plan_definitions.plan_texts import REAL, sample

HEAD = "scenario: thu\ntitle: Thử\nentries:\n"
HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=HANOI)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return load(sample())


def read(plan: Plan, *entries: str) -> Scenario:
    return load_scenario(HEAD + "".join(f"  - {{{entry}}}\n" for entry in entries), plan)


def test_a_submission_by_a_group_is_one_act_for_each_agency(plan: Plan):
    """Groups stand for their members, as in the plan."""
    scenario = read(plan, "at: 2020-05-07 15:30, submit: reports/report, by: [departments]")

    assert [act.obligation for act in scenario.acts] == [
        "reports/report/so-noi-vu",
        "reports/report/so-tu-phap",
    ]
    assert {act.kind for act in scenario.acts} == {EntryKind.SUBMITTED}


def test_a_document_counts_from_the_start_of_its_date(plan: Plan):
    """`happened_at` is the date on the document, `at` when it was recorded."""
    scenario = read(
        plan,
        "at: 2020-05-07 15:30, submit: reports/report, by: so-tu-phap, "
        "dated: 2020-05-06, document: 120/BC-STP",
        "at: 2020-05-08 09:00, submit: reports/report, by: so-noi-vu",
    )

    dated, undated = scenario.acts
    assert (dated.at, dated.happened_at) == (at("2020-05-07T15:30"), at("2020-05-06T00:00"))
    assert dated.document == "120/BC-STP"
    assert undated.happened_at == undated.at == at("2020-05-08T09:00")


@pytest.mark.parametrize(
    ("entry", "kind", "data"),
    [
        (
            "return: reports/report, agency: so-tu-phap, days: 3, reason: Thiếu số liệu",
            EntryKind.RETURNED,
            {"days": 3, "reason": "Thiếu số liệu"},
        ),
        ("return: reports/report, agency: so-tu-phap", EntryKind.RETURNED, {"reason": ""}),
        ("accept: reports/report, agency: so-tu-phap", EntryKind.ACCEPTED, {}),
        (
            "extend: reports/report, agency: so-tu-phap, until: 20/5/2020, document: 1/UBND",
            EntryKind.EXTENDED,
            {"until": "2020-05-20", "reason": ""},
        ),
        (
            "waive: reports/report, agency: so-tu-phap, reason: Sáp nhập",
            EntryKind.WAIVED,
            {"reason": "Sáp nhập"},
        ),
        (
            "event: government.programme-issued, document: 76/NQ-CP",
            EntryKind.EVENT_ANNOUNCED,
            {"event": "government.programme-issued"},
        ),
    ],
)
def test_each_entry_is_its_kind_of_act(
    plan: Plan, entry: str, kind: EntryKind, data: dict[str, object]
):
    """What the ledger keeps of it is JSON."""
    (act,) = read(plan, f"at: 2020-05-12 09:00, {entry}").acts

    assert act.kind is kind
    assert dict(act.data) == data


def test_an_outage_is_no_act(plan: Plan):
    """Nothing is recorded while the engine is down."""
    scenario = read(plan, "at: 2020-05-11 00:00, outage_until: 2020-05-14 09:30")

    assert scenario.acts == ()
    assert scenario.outages == ((at("2020-05-11T00:00"), at("2020-05-14T09:30")),)


def test_acts_stand_in_the_order_of_their_times(plan: Plan):
    """Files may be sorted by agency instead."""
    scenario = read(
        plan,
        "at: 2020-05-08 09:00, submit: reports/report, by: so-noi-vu",
        "at: 2020-05-07 09:00, submit: reports/report, by: so-tu-phap",
    )

    assert [act.at.day for act in scenario.acts] == [7, 8]


@pytest.mark.parametrize(
    ("entry", "kind", "near"),
    [
        ("submit: reports/raport, by: so-noi-vu", "unknown-task", "reports/report"),
        ("submit: reports/report, by: so-noi-vo", "unknown-obligation", "so-noi-vu"),
        ("submit: reports/report, by: Sở Tư pháp", "unknown-obligation", "so-tu-phap"),
        ("submit: summary/draft, by: so-tu-phap", "unknown-obligation", None),
        ("event: government.programme", "unknown-event", "government.programme-issued"),
        ("submit: reports/report", "missing-key", None),
        ("submit: reports/report, agency: so-noi-vu, by: so-noi-vu", "misplaced-key", None),
        (
            "submit: reports/report, by: so-noi-vu, dated: 2020-05-13",
            "dated-after-recorded",
            None,
        ),
        ("document: 1/BC", "entry-without-act", None),
        ("submit: a/b, event: c, by: d", "entry-with-two-acts", None),
        ("outage_until: 2020-05-11 09:00", "outage-ends-first", None),
        ("sumbit: reports/report, by: so-noi-vu", "unknown-key", "submit"),
        ("outage_until: mai", "not-a-moment", None),
        ("extend: reports/report, agency: so-noi-vu, until: 31/4/2020", "impossible-date", None),
    ],
)
def test_what_does_not_fit_the_plan_is_a_fault(plan: Plan, entry: str, kind: str, near: str | None):
    """A scenario that silently skips an entry rehearses something else."""
    with pytest.raises(PlanFaults) as raised:
        read(plan, f"at: 2020-05-12 09:00, {entry}")

    found = {d.kind: d for d in raised.value.diagnostics}
    assert kind in found
    assert near is None or found[kind].values["near"] == near
    assert all(d.line == 4 for d in raised.value.diagnostics)
    assert raised.value.say("vi")
    assert [d.help("vi") for d in raised.value.diagnostics]


def test_all_faults_of_a_scenario_come_at_once(plan: Plan):
    """As those of a plan do."""
    with pytest.raises(PlanFaults) as raised:
        read(
            plan,
            "at: mai, submit: reports/report, by: so-noi-vo",
            "at: 2020-05-12 09:00, submit: reports/raport, by: so-noi-vu",
        )

    assert {d.kind for d in raised.value.diagnostics} == {
        "not-a-moment",
        "unknown-obligation",
        "unknown-task",
    }


@pytest.mark.parametrize("text", ["", "\n", "a: b\n", "[]\n", "scenario: a\nentries: x\n"])
def test_a_text_that_is_no_scenario_is_a_fault(plan: Plan, text: str, tmp_path: Path):
    """Never a traceback."""
    file = tmp_path / "scenario.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(PlanFaults) as raised:
        load_scenario(file, plan)
    assert raised.value.diagnostics


def test_a_scenario_that_is_not_there_is_a_fault(plan: Plan, tmp_path: Path):
    """As a plan that is not there."""
    with pytest.raises(PlanFaults) as raised:
        load_scenario(tmp_path / "none.yaml", plan)

    assert raised.value.diagnostics[0].kind == "missing-file"


def test_the_shipped_scenarios_fit_the_real_plan():
    """They are what `make demo` rehearses."""
    real = load(Bundle.read(REAL))
    folder = REAL.parent / "scenarios"

    plausible = load_scenario(folder / "plausible.yaml", real)
    outage = load_scenario(folder / "outage.yaml", real)

    assert plausible.start == at("2020-04-06T08:00")
    assert any(act.event == "government.programme-issued" for act in plausible.acts)
    assert len(outage.outages) == 1
