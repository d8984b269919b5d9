"""What a plan says once and means for many: defaults, groups, communes, ladders, appendices."""

from __future__ import annotations

from datetime import date

import pytest

from engine.deadline import (
    Anchors,
    FromDay,
    FromEvent,
    FromStage,
    NoDate,
    Unit,
    Within,
    derive,
)
from engine.plan import AppendixRef, EscalationStep, GateBy, Level, Plan
from language.catalogue import text
from plan_definitions import Bundle, PlanFaults, check, load, load_scenario
from plan_definitions.appendices import key_of, read_appendix
from plan_definitions.diagnostics import Misread
from tests.plan_definitions.plan_texts import sample

DRAFT = "        title: Dự thảo báo cáo\n"
COMMUNES = 'communes:\n  huyen-chiem-hoa:\n    xa-hoa-an: {name: UBND xã Hòa An, code: "02353"'


def derived(plan: Plan, stage: str, language: str = "vi") -> str:
    """Return how the deadline of a stage's first task is derived, in words."""
    task = plan.stage(stage).tasks[0]
    found = derive(task.due, calendar=plan.calendar, zone=plan.zone, anchors=Anchors())
    assert found is not None
    return " → ".join(text(language, step.key, **step.values) for step in found.derivation)


def test_a_derived_date_says_how_it_came_about():
    """The chain that offices check, weekday by weekday."""
    plan = load(sample(("trước ngày 12/5/2020", "trước ngày 10/5/2020")))

    assert derived(plan, "reports") == (
        "trước ngày 10/5/2020 (Chủ nhật) → hết ngày 09/5/2020 (thứ Bảy)"
        " → ngày làm việc cuối cùng 08/5/2020"
    )
    assert derived(plan, "reports", "en") == (
        "“trước ngày 10/5/2020”: before 10 May 2020 (Sunday)"
        " → until the end of 9 May 2020 (Saturday) → last working day 8 May 2020"
    )


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        (
            "trong quý II/2020",
            "trong quý II/2020 (từ ngày 01/4/2020 đến hết ngày 30/6/2020)"
            " → hết ngày 30/6/2020 (thứ Ba)",
        ),
        (
            "trong thời hạn 5 ngày kể từ ngày ban hành",
            "trong thời hạn 5 ngày kể từ ngày ban hành"
            " → 5 ngày, không tính ngày 06/4/2020 (thứ Hai)"
            " → 11/4/2020 (thứ Bảy) là ngày nghỉ"
            " → chuyển sang ngày làm việc kế tiếp 13/4/2020 (thứ Hai)"
            " → hết ngày 13/4/2020 (thứ Hai)",
        ),
    ],
)
def test_spans_and_periods_say_their_days(phrase: str, said: str):
    """A quarter has a last day; a period does not count its first (Civil Code, art. 147)."""
    assert derived(load(sample(("trước ngày 12/5/2020", phrase))), "reports") == said


# ── defaults ──


def test_a_task_takes_what_it_does_not_say_from_its_stage_then_from_the_plan():
    """Said once, meant for all; said again, it wins."""
    plan = load(
        sample(
            ("events:\n", "defaults: {to: ubnd-tinh, copy: [so-tu-phap], roll: back}\nevents:\n"),
            ("    needs: [reports]\n", "    needs: [reports]\n    defaults: {copy: [so-noi-vu]}\n"),
            ("        with: departments\n        to: ubnd-tinh\n", "        with: departments\n"),
        )
    )
    (report,), (draft,) = plan.stage("reports").tasks, plan.stage("summary").tasks

    assert (report.to, report.copies) == ("ubnd-tinh", ("so-tu-phap",))
    assert (draft.to, draft.copies) == ("ubnd-tinh", ("so-noi-vu",))
    assert report.due.roll == draft.due.roll == "back"


def test_a_task_can_have_no_recipient_although_the_defaults_name_one():
    """`to: none` is an answer too."""
    plan = load(
        sample(
            ("events:\n", "defaults: {to: so-noi-vu}\nevents:\n"),
            ("        with: departments\n        to: ubnd-tinh\n", "        to: none\n"),
        )
    )

    assert plan.stage("summary").tasks[0].to is None


def test_who_owes_a_task_may_stand_in_the_defaults_but_must_stand_somewhere():
    """A task of nobody is a slip of the pen."""
    without = ("        by: so-noi-vu\n", "")
    stage = ("    needs: [reports]\n", "    needs: [reports]\n    defaults: {by: so-noi-vu}\n")

    assert load(sample(without, stage)).stage("summary").tasks[0].by == ("so-noi-vu",)
    with pytest.raises(PlanFaults) as raised:
        load(sample(without))
    assert [found.kind for found in raised.value.diagnostics] == ["missing-key"]


# ── agencies ──


def test_a_plan_may_add_groups_of_its_own():
    """The register is shared; who is thematic is this plan's business."""
    plan = load(
        sample(
            ("events:\n", "groups: {lead: [so-noi-vu], all: [lead, huyen-chiem-hoa]}\nevents:\n"),
            ("        by: so-noi-vu\n", "        by: all\n"),
        )
    )

    assert plan.stage("summary").tasks[0].by == ("so-noi-vu", "huyen-chiem-hoa")


def test_a_plan_may_name_several_registers():
    """A province's register, and a small one beside it."""
    bundle = sample(
        ("agencies: parts/agencies.yaml", "agencies: [parts/agencies.yaml, parts/press.yaml]"),
        ("        by: so-noi-vu\n", "        by: [so-noi-vu, bao]\n"),
    )
    press = (
        "register: press\nas_of: 2020-03-01\n"
        "agencies: {bao: {name: Báo, kind: media, email: toasoan@bao.example}}\n"
    )

    plan = load(Bundle(bundle.main, {**bundle.texts, "parts/press.yaml": press}))

    assert plan.stage("summary").tasks[0].by == ("so-noi-vu", "bao")


@pytest.mark.parametrize("again", ["parts/agencies.yaml", "./parts/agencies.yaml"])
def test_a_register_that_is_named_twice_is_one_register(again: str):
    """Else every agency of it would be called a duplicate of itself."""
    bundle = sample(("agencies: parts/agencies.yaml", f"agencies: [parts/agencies.yaml, {again}]"))

    assert load(bundle).agencies == load(sample()).agencies


def communes_report(*changes: tuple[str, str]) -> Bundle:
    """Return the sample with a stage in which the communes report to their district."""
    stage = (
        "stages:\n"
        "  communes:\n"
        "    title: Cấp xã\n"
        "    tasks:\n"
        "      review:\n"
        "        title: Báo cáo của xã\n"
        "        by: communes of reporting\n"
        "        to: parent\n"
        "        ladder: communes\n"
        "        due: trước ngày 29/4/2020\n"
    )
    ladder = (
        "ladders:\n"
        "  communes:\n"
        "    extends: standard\n"
        "    remind: [3, 0]\n"
        "    escalate:\n"
        "      - {after: 1, to: parent}\n"
        "      - {after: 3 ngày làm việc, to: coordinator}\n"
    )
    return sample(
        ("stages:\n", stage),
        ("ladders:\n", ladder),
        ("        concerning: communes\n", "        collects: communes/review\n"),
        (
            "  reports:\n    title: Báo cáo\n",
            "  reports:\n    title: Báo cáo\n    needs: [communes]\n",
        ),
        *changes,
        agencies=((COMMUNES, f"{COMMUNES}, email: xa@hoaan.example"),),
    )


def test_communes_report_to_their_own_district():
    """Three levels: each commune owes its district, the district owes the province."""
    plan = load(communes_report())
    owed = plan.obligations["communes/review/xa-hoa-an"]

    assert owed.to == "huyen-chiem-hoa"
    collecting = plan.stage("reports").tasks[0]
    assert collecting.collects == "communes/review"
    assert collecting.concerning == {"huyen-chiem-hoa": ("xa-hoa-an",)}


def test_a_ladder_takes_from_another_what_it_does_not_say():
    """The hours and the overdue notices are the province's, the reminders its own."""
    plan = load(communes_report())
    ladder, standard = plan.ladders["communes"], plan.ladders["standard"]

    assert (ladder.send_at, ladder.overdue) == (standard.send_at, standard.overdue)
    assert ladder.remind == (3, 0)
    assert ladder.escalate == (
        EscalationStep(1, Level.PARENT),
        EscalationStep(3, Level.COORDINATOR),
    )
    assert ladder.name == "communes"


def test_a_plan_without_a_ladder_is_at_fault():
    """Every task climbs one, whether or not it reminds."""
    bundle = sample()
    head, _, _ = bundle.texts["plan.yaml"].partition("ladders:")

    found = check(Bundle(bundle.main, {**bundle.texts, "plan.yaml": f"{head}ladders: {{}}\n"}))

    assert [diagnostic.kind for diagnostic in found] == ["empty-value"]


def test_a_scenario_may_name_the_communes_of_a_district():
    """As a task may."""
    plan = load(communes_report())
    entry = "at: 2020-04-20 09:00, submit: communes/review, by: communes of huyen-chiem-hoa"

    scenario = load_scenario(f"scenario: s\ntitle: S\nentries:\n  - {{{entry}}}\n", plan)

    assert [act.obligation for act in scenario.acts] == ["communes/review/xa-hoa-an"]


def test_the_communes_of_nobody_are_told_with_the_likely_name():
    """A slip in the district's id."""
    with pytest.raises(PlanFaults) as raised:
        load(communes_report(("communes of reporting", "communes of reportin")))

    (found,) = raised.value.diagnostics
    assert (found.kind, found.values["near"]) == ("unknown-agency", "communes of reporting")


# ── events and origins ──

EVENT = "    title: Chính phủ ban hành Chương trình\n"


@pytest.mark.parametrize(
    ("phrase", "rule"),
    [
        (
            "trong thời hạn 5 ngày làm việc kể từ khi Chính phủ ban hành chương trình",
            Within(5, Unit.WORKING_DAYS, FromEvent("government.programme-issued")),
        ),
        (
            "trong thời hạn 5 ngày làm việc sau khi Báo cáo xong",
            Within(5, Unit.WORKING_DAYS, FromStage("reports")),
        ),
        (
            "trong thời hạn 5 ngày làm việc kể từ ngày ký ban hành",
            Within(5, Unit.WORKING_DAYS, FromDay(date(2020, 4, 6))),
        ),
        ("sau khi Chính phủ ban hành Chương trình", NoDate()),
    ],
)
def test_events_and_stages_are_known_by_their_titles_too(phrase: str, rule: object):
    """The document says them in words; so may the plan."""
    written = "trong thời hạn 10 ngày làm việc kể từ khi government.programme-issued"
    plan = load(sample((written, phrase)))

    due = plan.stage("summary").tasks[0].due
    assert due.rule == rule
    assert due.text == phrase


def test_a_title_that_two_events_have_names_neither():
    """The last one written would win without a word."""
    twin = "  another:\n    title: Chính phủ ban hành chương trình\n"
    written = "kể từ khi government.programme-issued"
    with pytest.raises(PlanFaults) as raised:
        load(
            sample(
                ("stages:\n", f"{twin}stages:\n"),
                (written, "kể từ khi Chính phủ ban hành Chương trình"),
            )
        )

    assert [found.kind for found in raised.value.diagnostics] == ["unknown-origin"]


def test_an_event_is_told_from_others_of_its_name_by_the_values_it_carries():
    """Two programmes are issued; the plan waits for one of them."""
    plan = load(sample((EVENT, EVENT + "    correlate: {period: 2021-2030}\n")))
    event = plan.events["government.programme-issued"]

    assert event.is_announced_by({"period": "2021-2030", "more": "x"})
    assert not event.is_announced_by({"period": "2011-2020"})
    assert not event.is_announced_by({})


def test_a_scenario_announces_the_event_that_is_meant_or_is_told_what_is_missing():
    """Else the rehearsal would wait for ever without a word."""
    plan = load(sample((EVENT, EVENT + "    correlate: {period: 2021-2030}\n")))
    head = "scenario: s\ntitle: S\nentries:\n"
    entry = "at: 2021-07-16 10:00, event: government.programme-issued, document: 76/NQ-CP"

    act = load_scenario(f"{head}  - {{{entry}, values: {{period: 2021-2030}}}}\n", plan).acts[0]
    with pytest.raises(PlanFaults) as raised:
        load_scenario(f"{head}  - {{{entry}}}\n", plan)

    assert act.data == {
        "event": "government.programme-issued",
        "values": {"period": "2021-2030"},
    }
    (found,) = raised.value.diagnostics
    assert (found.kind, found.values["wanted"]) == ("event-not-matched", "period: 2021-2030")


# ── appendices ──


@pytest.mark.parametrize(
    ("written", "appendix", "items", "points", "less"),
    [
        ("Phụ lục IV", "Phụ lục IV", (), (), ()),
        ("phụ lục số 02", "Phụ lục 02", (), (), ()),
        ("Phụ lục I (trừ Mục 3)", "Phụ lục I", (), (), ("3",)),
        ("Phụ lục VII (không tổng hợp Mục 14)", "Phụ lục VII", (), (), ("14",)),
        ("Mục 3 Phụ lục I", "Phụ lục I", ("3",), (), ()),
        ("Mục 3, 4, 5, 7 Phụ lục VIII", "Phụ lục VIII", ("3", "4", "5", "7"), (), ()),
        ("Mục 8 đến 10 và 16 Phụ lục VIII", "Phụ lục VIII", ("8", "9", "10", "16"), (), ()),
        ("Phụ lục VIII, Mục 6", "Phụ lục VIII", ("6",), (), ()),
        ("Điểm 2, 4 Mục 3 Phụ lục I", "Phụ lục I", ("3",), ("2", "4"), ()),
        ("điểm a, b mục 2 của Phụ lục 1", "Phụ lục 1", ("2",), ("a", "b"), ()),
        ("Biểu số 02a", "Biểu 02A", (), (), ()),
        ({"appendix": "I", "less": ["3"]}, "Phụ lục I", (), (), ("3",)),
        ({"appendix": "VIII", "items": ["3", "4"]}, "Phụ lục VIII", ("3", "4"), (), ()),
        (
            {"appendix": "I", "items": "3", "points": ["2", "4"]},
            "Phụ lục I",
            ("3",),
            ("2", "4"),
            (),
        ),
    ],
)
def test_places_in_appendices_are_read_as_documents_write_them(
    written: object,
    appendix: str,
    items: tuple[str, ...],
    points: tuple[str, ...],
    less: tuple[str, ...],
):
    """Phụ lục, Mục, điểm: with exceptions, lists and ranges, and their structured twins."""
    ref = read_appendix(written)

    assert ref == AppendixRef(ref.text, appendix, items, points, less)


@pytest.mark.parametrize(
    ("written", "variant"),
    [
        ("Mục 3", "comma"),
        ("4", "comma"),
        ("Phụ lục", ""),
        ({"item": "3"}, "twin"),
        ({"appendix": "I", "points": ["2", "4"]}, "twin"),
        ({"appendix": "I", "items": "3", "less": "4"}, "twin"),
        ({"appendix": "I", "items": "3", "item": "4"}, "twin"),
        ("x" * 9999, ""),
    ],
)
def test_what_is_no_place_in_an_appendix_is_refused(written: object, variant: str):
    """A comma without quotes splits a list in [ ]; that is said."""
    with pytest.raises(Misread) as raised:
        read_appendix(written)

    assert (raised.value.kind, raised.value.variant) == ("appendix-not-understood", variant)


def test_roman_and_arabic_numbers_are_the_same_appendix():
    """Documents mix them."""
    assert key_of("Phụ lục VIII") == key_of("Phụ lục 08")
    assert key_of("Phụ lục IV") != key_of("Phụ lục VI")
    assert key_of("Phụ lục I") != key_of("Biểu 1")


def test_a_task_calls_an_appendix_as_the_plan_lists_it():
    """One name in mails and screens."""
    plan = load(
        sample(
            ("stages:\n", "appendices: {II: {title: Thể chế}}\nstages:\n"),
            (DRAFT, f"{DRAFT}        appendix: [Mục 1 Phụ lục 2]\n"),
        )
    )

    (ref,) = plan.stage("summary").tasks[0].appendix
    assert (ref.appendix, ref.text) == ("Phụ lục II", "Mục 1 Phụ lục 2")
    assert plan.appendices["Phụ lục II"].title == "Thể chế"


def test_gates_give_way_at_the_end_of_a_quarter_too():
    """Whatever phrase has a last day."""
    plan = load(sample(("or: 5 ngày làm việc sau hạn", "or: đến hết quý II/2020")))

    assert plan.stage("reports").gate.otherwise == GateBy(date(2020, 6, 30))


def test_a_stage_opens_on_the_day_after_that_on_which_the_gate_before_it_gave_way():
    """A gate gives way at the end of a day: a reminder of that very day is never sent."""
    found = check(
        sample(
            (f"events:\n  government.programme-issued:\n{EVENT}", ""),
            ("    when: {event: government.programme-issued}\n", ""),
            (
                "due: trong thời hạn 10 ngày làm việc kể từ khi government.programme-issued\n",
                "due: trước ngày 19/5/2020\n    gate: {or: đến hết ngày 18/5/2020}\n",
            ),
        )
    )

    assert [(one.kind, one.values["opens"]) for one in found] == [
        ("reminders-before-opening", date(2020, 5, 19)),
        ("gate-before-opening", date(2020, 5, 19)),
    ]
