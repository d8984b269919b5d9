"""A plan file becomes the engine's plan; the real one, and changes of a sample."""

from __future__ import annotations

import time as clock
from datetime import date, time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.deadline import Before, FromEvent, FromStage, NoDate, Roll, Unit, Within
from engine.plan import EscalationStep, GateAfterDue, GateBy, Level, Overdue, Plan
from plan_definitions import Bundle, PlanFaults, check, has_faults, load
from plan_definitions.arrangement import arrange
from tests.plan_definitions.plan_texts import REAL, sample

DUE = "due: trước ngày 12/5/2020"


@pytest.fixture(scope="module")
def real() -> Plan:
    return load(Bundle.read(REAL))


def test_the_real_plan_has_its_stages_and_obligations(real: Plan):
    """Plan 37/KH-UBND: 27 agencies owe the final report, before 10/5/2020."""
    report = real.stage("agency-reports").tasks[0]

    assert [stage.id for stage in real.stages] == [
        "agency-reports",
        "topic-reports",
        "draft-summary",
        "plan-2021-2030",
    ]
    assert len(report.by) == 27
    assert report.by[0] == "vp-ubnd"
    assert report.due.rule == Before(date(2020, 5, 10))
    assert report.due.text == "trước ngày 10/5/2020"
    assert real.stage("agency-reports").gate.quorum == Fraction(9, 10)
    assert real.stage("agency-reports").gate.otherwise == GateAfterDue(5)
    assert real.stage("topic-reports").gate.otherwise == GateBy(date(2020, 5, 29))
    assert real.stage("plan-2021-2030").event == "government.programme-issued"


def test_the_real_plan_knows_138_communes_under_their_districts(real: Plan):
    """Each district guides its own communes, and no other's."""
    guide = next(t for t in real.stage("agency-reports").tasks if t.id == "guide-communes")

    assert sum(len(communes) for communes in guide.concerning.values()) == 138
    assert len(guide.concerning["huyen-lam-binh"]) == 8
    assert all(real.agencies[c].kind == "commune" for c in guide.concerning["huyen-lam-binh"])


def test_the_real_plan_has_no_fault_and_its_sunday_deadline_is_pointed_out():
    """9 May 2020 is a Saturday; the last working day is Friday the 8th."""
    found = check(Bundle.read(REAL))

    assert not [diagnostic for diagnostic in found if diagnostic.is_fault]
    day_off = [diagnostic for diagnostic in found if diagnostic.kind == "last-day-off"]
    assert [d.values["before"] for d in day_off] == [date(2020, 5, 8)]
    assert "09/5/2020 (thứ Bảy)" in day_off[0].message("vi")


def test_loading_the_real_plan_again_takes_milliseconds(real: Plan):
    """Every process reads it at its start."""
    bundle = Bundle.read(REAL)
    began = clock.process_time()

    load(bundle)

    assert clock.process_time() - began < 0.15


def test_the_ladder_is_the_plans_policy(real: Plan):
    """Reminders from far to near, escalations from below to above."""
    ladder = real.ladders["standard"]

    assert ladder.send_at == time(8)
    assert ladder.remind == (10, 5, 2, 1, 0)
    assert ladder.overdue == Overdue(first=1, every=1, at_most=10)
    assert ladder.escalate == (
        EscalationStep(1, Level.COORDINATOR),
        EscalationStep(5, Level.SUPERIOR),
    )


def test_groups_are_kept_for_scenarios(real: Plan):
    """A scenario may say `by: districts`."""
    assert len(real.groups["reporting"]) == 27


def test_stages_stand_after_what_they_need():
    """A file may state the last stage first."""
    text = sample().texts["plan.yaml"]
    head, rest = text.split("stages:\n")
    stages, ladders = rest.split("ladders:\n")
    first, second = stages.split("  summary:\n")
    turned = f"{head}stages:\n  summary:\n{second}{first}ladders:\n{ladders}"

    plan = load(Bundle("plan.yaml", {**sample().texts, "plan.yaml": turned}))

    assert [stage.id for stage in plan.stages] == ["reports", "summary"]


def test_an_agency_of_two_groups_owes_once():
    """Overlapping groups must not double an obligation."""
    plan = load(sample(("by: [departments, huyen-chiem-hoa]", "by: [so-tu-phap, reporting]")))

    assert plan.stages[0].tasks[0].by == ("so-tu-phap", "so-noi-vu", "huyen-chiem-hoa")


def test_a_period_counts_from_an_event_or_a_stage_whichever_has_the_name():
    """`kể từ khi` is said of both."""
    old = "kể từ khi government.programme-issued"
    plan = load(sample(("10 ngày làm việc " + old, "10 ngày làm việc kể từ khi reports")))

    assert load(sample()).stages[1].tasks[0].due.rule == Within(
        10, Unit.WORKING_DAYS, FromEvent("government.programme-issued")
    )
    assert plan.stages[1].tasks[0].due.rule == Within(10, Unit.WORKING_DAYS, FromStage("reports"))


def test_a_twin_is_worded_in_the_plans_language():
    """Its words are quoted in mails."""
    twin = (DUE, "due: {before: 2020-05-12}\n        roll: forward")
    english = ("superior: ubnd-tinh\n", "superior: ubnd-tinh\nlanguage: en\n")

    vietnamese = load(sample(twin)).stages[0].tasks[0].due

    assert vietnamese.text == "trước ngày 12/5/2020"
    assert vietnamese.roll is Roll.FORWARD
    assert load(sample(twin, english)).stages[0].tasks[0].due.text == "before 12 May 2020"


def test_a_task_without_deadline_has_no_date():
    """`không hạn` is the default, and never late."""
    gate = (", or: 5 ngày làm việc sau hạn", "")
    plan = load(sample(("        " + DUE + "\n", ""), gate))

    assert isinstance(plan.stages[0].tasks[0].due.rule, NoDate)


def test_one_broken_line_does_not_hide_the_other_faults():
    """All faults at once, those of other files too; none that only follows from another."""
    bundle = sample(
        ("        title: Báo cáo tổng kết\n", ""),
        ("[reports]", "[report]"),
        agencies=(("vanthu@sonoivu.example", "vanthu"),),
    )

    kinds = [diagnostic.kind for diagnostic in check(bundle)]

    assert kinds == ["missing-key", "unknown-stage", "bad-email"]


def test_a_missing_file_is_the_plans_fault():
    """It is said where the file is named."""
    bundle = sample()
    texts = {name: text for name, text in bundle.texts.items() if "agencies" not in name}

    (found,) = check(Bundle("plan.yaml", texts))

    assert (found.kind, found.line) == ("missing-file", 8)


def test_a_plan_that_is_not_there_is_a_fault_and_no_traceback(tmp_path: Path):
    """A wrong name on the command line, or a folder."""
    assert [d.kind for d in check(Bundle.read(tmp_path / "no.yaml"))] == ["missing-file"]
    assert [d.kind for d in check(Bundle.read(tmp_path))] == ["missing-file"]


def test_faults_read_as_lines_of_place_and_sentence():
    """The form that logs and Prefect states show."""
    with pytest.raises(PlanFaults) as raised:
        load(sample(("[reports]", "[report]")))

    assert raised.value.say("en") == "plan.yaml:26:13: DD142 No stage has the id “report”."


@pytest.mark.parametrize("name", ["/etc/passwd", "/etc/x.yaml", "../../x.txt", "a\\b.yaml"])
def test_a_plan_cannot_make_us_read_other_files(name: str, tmp_path: Path):
    """A plan sent by others must not show what is on this machine."""
    plan = tmp_path / "plan.yaml"
    text = sample(("parts/agencies.yaml", name)).texts["plan.yaml"]
    plan.write_text(text, encoding="utf-8")

    bundle = Bundle.read(plan)

    assert bundle.unread[name] == "bad-path"
    assert name not in bundle.texts


def test_a_bundle_survives_storage_with_its_fingerprint():
    """The database keeps the very files."""
    bundle = Bundle.read(REAL)

    restored = Bundle.from_json(bundle.to_json())

    assert restored == bundle
    assert restored.fingerprint == bundle.fingerprint
    assert len(bundle.fingerprint) == 64
    assert set(bundle.texts) == {
        "37-kh-ubnd-2020.yaml",
        "../agencies/tuyen-quang-2020.yaml",
        "../calendars/viet-nam.yaml",
    }


def test_one_letter_changes_the_fingerprint():
    """Also one of the register, which the plan only names."""
    changed = sample(agencies=(("Sở Tư pháp", "Sở Tư Pháp"),))

    assert changed.fingerprint != sample().fingerprint


def test_a_file_of_another_encoding_is_a_fault_with_a_place(tmp_path: Path):
    """Old Windows files come in other encodings."""
    plan = tmp_path / "plan.yaml"
    plan.write_bytes("plan: a\ntitle: Kế hoạch\n".encode("utf-16"))

    assert check(Bundle.read(plan))[0].kind == "not-utf8"


def test_a_chain_of_groups_that_doubles_at_each_step_is_no_bomb():
    """Sixty lines would be 2⁶⁰ members if they were counted out."""
    doubled = "".join(f"  g{n}: [g{n - 1}, g{n - 1}]\n" for n in range(1, 60))
    groups = (("groups:\n", f"groups:\n  g0: [so-noi-vu]\n{doubled}"),)

    plan = load(sample(("by: so-noi-vu", "by: g59"), agencies=groups))

    assert plan.stages[1].tasks[0].by == ("so-noi-vu",)


def test_a_long_chain_is_arranged_without_recursion():
    """A thousand stages in a row are unlikely, and no crash."""
    chain = {f"s{n}": [f"s{n + 1}"] for n in range(3000)} | {"s3000": []}

    assert arrange(chain).order[0] == "s3000"


def test_circles_are_found_all_at_once():
    """Each names who waits for whom."""
    arranged = arrange({"a": ["b"], "b": ["a"], "c": ["d"], "d": ["c"], "e": ["a"], "f": []})

    assert {frozenset(circle) for circle in arranged.circles} == {
        frozenset({"a", "b"}),
        frozenset({"c", "d"}),
    }
    assert arranged.blocked == {"e": "a"}
    assert arranged.order == ("e", "f")


LINES = sample().texts["plan.yaml"].splitlines()
REGISTER = sample().texts["parts/agencies.yaml"].splitlines()
JUNK = ["", "[]", "{}", "a", "0", "-1", "[[a]]", "{a: b}", "31/4/2020", "[a, {b: c}]", "~", "*a"]


@given(
    st.integers(0, len(LINES) - 1),
    st.integers(0, len(REGISTER) - 1),
    st.sampled_from(["drop", "value", "twice", "indent"]),
    st.sampled_from(JUNK),
)
@settings(max_examples=300, deadline=None)
def test_no_slip_of_the_hand_crashes_it(line: int, other: int, slip: str, junk: str):
    """A line lost, doubled, moved or filled with anything is a fault, or still a plan."""
    bundle = sample()
    texts = {
        **bundle.texts,
        "plan.yaml": _slipped(LINES, line, slip, junk),
        "parts/agencies.yaml": _slipped(REGISTER, other, slip, junk),
    }

    found = check(Bundle("plan.yaml", texts))

    assert all(d.message(lang) and d.help(lang) for d in found for lang in ("vi", "en"))
    if not has_faults(found):
        assert load(Bundle("plan.yaml", texts)).obligations


def _slipped(lines: list[str], at: int, slip: str, junk: str) -> str:
    line = lines[at]
    changed = {
        "drop": [],
        "value": [f"{line.partition(':')[0]}: {junk}"],
        "twice": [line, line],
        "indent": [f" {line}"],
    }
    return "\n".join([*lines[:at], *changed[slip], *lines[at + 1 :]]) + "\n"


def test_every_item_of_a_list_that_is_at_fault_is_named():
    """One run of `check`, all of them: not one more each time that the last was mended."""
    plan = "        title: Dự thảo báo cáo\n"
    found = check(sample((plan, f"{plan}        appendix: [Bieu mot, Phụ lục I, Bieu hai]\n")))

    assert [(one.kind, one.column) for one in found] == [
        ("appendix-not-understood", 20),
        ("appendix-not-understood", 41),
    ]
