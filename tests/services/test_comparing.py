"""Comparing: what an edit of a plan does, kind by kind, before it is let loose."""

from __future__ import annotations

from datetime import date, time

import pytest

from engine.ledger import EntryKind
from engine.rehearsal import Scenario
from plan_definitions import load_scenario
from services.comparing import carried, compare
from services.comparing.changes import Differences
from services.comparing.duties import Cause
from services.views import previewing
from services.views.previewing import preview
from tests.services import written as w
from tests.services.edits import (
    LATER,
    NEW_DEPARTMENT,
    NO_HEALTH,
    edited_37,
    edited_sample,
    plan_37,
    read,
    sample_plan,
    shown_37,
)

DUE = "due: trước ngày 12/5/2020"
REPORT = "reports/report"


# ── nothing changes ──


def test_a_plan_differs_in_nothing_from_itself():
    """Whoever compares a file with its copy is told so."""
    compared = compare(shown_37(), shown_37())

    assert compared.is_same
    assert all(box.is_same for box in compared.boxes)


def test_comments_and_the_order_of_keys_change_nothing():
    """What only people read is no change of what the plan does."""
    compared = edited_sample(
        ("title: Kế hoạch mẫu\n", "title: Kế hoạch mẫu  # lời giải thích\n"),
        (
            "issuer: ubnd-tinh\ncoordinator: so-noi-vu\n",
            "coordinator: so-noi-vu\nissuer: ubnd-tinh\n",
        ),
    )

    assert compared.is_same


def test_the_same_agencies_in_another_order_are_no_change_of_the_task():
    """A list of copies has no first and last."""
    before = sample_plan(
        (
            "to: ubnd-tinh\n        concerning",
            "to: ubnd-tinh\n        copy: [so-noi-vu, so-tu-phap]\n        concerning",
        )
    )
    after = sample_plan(
        (
            "to: ubnd-tinh\n        concerning",
            "to: ubnd-tinh\n        copy: [so-tu-phap, so-noi-vu]\n        concerning",
        )
    )

    assert not compare(preview(before), preview(after)).duties.changed


# ── deadlines ──


def test_a_later_deadline_says_from_when_to_when_by_how_much_and_why():
    """The first thing a coordinator wants to see."""
    moved = edited_37(LATER).duties.moved

    assert len(moved) == 27
    one = read(edited_37(LATER))["obligations"]["moved"][0]
    assert one == {
        "id": "agency-reports/final-report/vp-ubnd",
        "stage": "agency-reports",
        "task": "final-report",
        "agency": "vp-ubnd",
        "from": "2020-05-09",
        "to": "2020-05-14",
        "days": 5,
        "working_days": 4,
        "cause": "phrase",
        "why_old": one["why_old"],
        "why_new": one["why_new"],
    }
    assert one["why_old"] == previewing.derivation(moved[0].old.due, "vi")
    assert one["why_new"] == previewing.derivation(moved[0].new.due, "vi")
    assert one["why_old"] != one["why_new"]


def test_an_earlier_deadline_counts_backwards():
    """Five days less are minus five."""
    (move, *_) = edited_sample((DUE, "due: trước ngày 07/5/2020")).duties.moved

    assert (move.days, move.working_days) == (-5, -3)


@pytest.mark.parametrize(
    ("old", "new", "days"),
    [
        (DUE, "due: không hạn", (date(2020, 5, 11), None)),
        ("due: không hạn", DUE, (None, date(2020, 5, 11))),
    ],
    ids=["vanishes", "appears"],
)
def test_a_deadline_that_vanishes_or_appears_moves_from_or_to_nothing(
    old: str, new: str, days: tuple[date | None, date | None]
):
    """Undated is not some day far away."""
    gate = ("or: 5 ngày làm việc sau hạn", "or: đến hết ngày 29/5/2020")
    before, after = sample_plan((DUE, old), gate), sample_plan((DUE, new), gate)

    (move, *_) = compare(preview(before), preview(after)).duties.moved

    assert (
        tuple(None if due is None else due.last_day for due in (move.old.due, move.new.due)) == days
    )
    assert (move.days, move.working_days) == (None, None)


def test_a_deadline_said_otherwise_on_the_same_day_does_not_move():
    """The words change, the day does not: the task is edited, no deadline."""
    compared = edited_sample((DUE, "due: chậm nhất ngày 11/5/2020"))

    assert not compared.duties.moved
    (task,) = compared.duties.changed
    assert [change.field for change in task.task.changes] == ["due"]
    assert task.agencies == ("so-noi-vu", "so-tu-phap", "huyen-chiem-hoa")


def test_each_cause_of_a_move_is_called_by_its_name():
    """A coordinator who edited a calendar wonders why deadlines move."""
    sunday = (DUE, "due: trước ngày 11/5/2020")
    rolled = (DUE, "due: trước ngày 11/5/2020\n        roll: forward")
    roll = compare(preview(sample_plan(sunday)), preview(sample_plan(rolled)))
    holiday = ("days_off:\n", "days_off:\n  - {date: 2020-05-04, name: Nghỉ bù, source: x}\n")
    period = (LATER[0], "due: trong thời hạn 20 ngày làm việc kể từ ngày 06/4/2020")
    calendar = compare(preview(plan_37(period)), preview(plan_37(period, calendar=(holiday,))))
    after_stage = (
        "due: trước ngày 10/6/2020",
        "due: trong thời hạn 5 ngày làm việc sau khi agency-reports xong",
    )
    anchor = compare(preview(plan_37(after_stage)), preview(plan_37(after_stage, LATER)))
    gate = ("or: 5 ngày làm việc sau hạn", "or: đến hết ngày 22/5/2020")
    hung = compare(preview(plan_37(after_stage)), preview(plan_37(after_stage, gate)))

    assert {move.cause for move in roll.duties.moved} == {Cause.ROLL}
    assert {move.cause for move in calendar.duties.moved} == {Cause.CALENDAR}
    assert [move.cause for move in hung.duties.moved] == [Cause.ANCHOR]
    assert {move.cause for move in anchor.duties.moved} == {Cause.PHRASE, Cause.ANCHOR}


def test_a_deadline_that_the_scenario_extended_is_not_blamed_on_the_plan():
    """What an extension set holds, whatever the plan says now."""
    scenario = w.SCENARIOS / "plausible.yaml"
    returned = "agency-reports/final-report/huyen-na-hang"
    later = edited_37((LATER[0], "due: trước ngày 20/5/2020"), scenario=scenario.name)

    (move,) = (one for one in later.duties.moved if one.new.obligation.id == returned)
    assert move.cause is Cause.LEDGER


# ── obligations ──


def test_a_department_added_to_the_register_owes_what_departments_owe():
    """Nobody edits the plan, and yet two obligations are new."""
    compared = edited_37(register=NEW_DEPARTMENT)

    assert [owed.id for owed in compared.duties.added] == [
        "agency-reports/final-report/so-moi",
        "agency-reports/rewards/so-moi",
    ]
    assert not compared.duties.gone
    assert [agency.id for agency in compared.outline.agencies.added] == ["so-moi"]
    assert [change.field for change in compared.outline.groups] == ["departments", "reporting"]
    assert compared.newly == ("so-moi",)


def test_a_department_taken_out_owes_no_more():
    """And the gate counts one agency less."""
    compared = edited_37(register=(NO_HEALTH,))

    assert [owed.agency.id for owed in compared.duties.gone] == ["so-y-te", "so-y-te"]
    (stage,) = compared.outline.stages.edited
    assert [change.field for change in stage.changes] == ["gate"]
    gate = read(compared)["stages"]["changed"][0]["fields"][0]
    assert gate["from"]["gate"].startswith("đủ 25/27")
    assert gate["to"]["gate"].startswith("đủ 24/26")
    assert not compared.no_longer  # it still reports in the second stage


def test_who_owed_one_thing_only_and_owes_it_no_more_gets_no_mail():
    """Somebody should tell them."""
    compared = edited_sample(agencies=(("[departments, huyen-chiem-hoa]", "[departments]"),))

    assert not compared.duties.gone  # the plan names the district itself
    compared = edited_sample(("by: [departments, huyen-chiem-hoa]", "by: departments"))
    assert [owed.id for owed in compared.duties.gone] == [f"{REPORT}/huyen-chiem-hoa"]
    assert compared.no_longer == ("huyen-chiem-hoa",)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("to: ubnd-tinh\n        concerning", "to: so-noi-vu\n        concerning", "to"),
        ("concerning: communes", "copy: departments\n        concerning: communes", "copies"),
        ("concerning: communes", "note: Xem kỹ\n        concerning: communes", "note"),
        ("title: Báo cáo tổng kết", "title: Báo cáo cuối kỳ", "title"),
        ("        concerning: communes\n", "", "concerning"),
        (DUE, f"appendix: [Phụ lục I]\n        {DUE}", "appendix"),
    ],
)
def test_what_a_task_says_otherwise_is_named(old: str, new: str, field: str):
    """Each of it is printed in a mail."""
    compared = edited_sample((old, new))

    (task,) = compared.duties.changed
    assert [change.field for change in task.task.changes] == [field]
    assert compared.counts["mails"]["change"]


def test_partners_are_compared_too():
    """Who takes part is told in the mail."""
    (task,) = edited_sample(("        with: departments\n", "")).duties.changed

    assert [(change.field, change.new) for change in task.task.changes] == [("partners", ())]


# ── what looks renamed ──


def test_a_stage_under_another_id_is_renamed_not_gone_and_new():
    """But a running plan has new obligations, and the coordinator is warned."""
    compared = edited_37(("agency-reports", "reports"))

    assert compared.renames.stages == {"agency-reports": "reports"}
    assert len(compared.duties.renamed) == 63
    assert compared.duties.added == compared.duties.gone == ()
    assert compared.duties.moved == ()
    assert compared.outline.stages == Differences()
    assert compared.duties.changed == ()
    assert all(box.is_same for box in compared.boxes)
    assert not compared.is_same


def test_a_task_under_another_id_is_renamed():
    """The gate that counts it counts it still."""
    compared = edited_37(("final-report", "tong-ket"))

    assert compared.renames.tasks == {"agency-reports/final-report": "agency-reports/tong-ket"}
    assert len(compared.duties.renamed) == 27
    assert not compared.outline.stages.edited


def test_a_task_renamed_and_retitled_is_known_by_its_row_of_the_document():
    """The row is its place in the document."""
    title = "title: Quyết định khen thưởng theo thẩm quyền"
    compared = edited_37(
        ("      rewards:", "      khen:"), (title, "title: Khen thưởng theo thẩm quyền")
    )

    assert compared.renames.tasks == {"agency-reports/rewards": "agency-reports/khen"}
    (task,) = compared.duties.changed
    assert [change.field for change in task.task.changes] == ["title"]


def test_a_task_moved_to_another_stage_is_the_same_task():
    """It opens at another time, and its ids are new."""
    task = """      more:
        title: Một việc nữa
        by: so-tu-phap
"""
    before = sample_plan(("    gate: {tasks", f"{task}    gate: {{tasks"))
    after = sample_plan(("ladders:\n", f"{task}ladders:\n"))

    compared = compare(preview(before), preview(after))

    assert compared.renames.tasks == {"reports/more": "summary/more"}
    (moved,) = compared.duties.changed
    assert [change.field for change in moved.task.changes] == ["stage"]


def test_an_agency_under_another_id_is_renamed_wherever_it_stands():
    """The register's id changes, its name does not."""
    compared = edited_sample(
        ("coordinator: so-noi-vu", "coordinator: snv"),
        ("by: so-noi-vu", "by: snv"),
        agencies=(("so-noi-vu:", "snv:"), ("[so-noi-vu,", "[snv,")),
    )

    assert compared.renames.agencies == {"so-noi-vu": "snv"}
    assert compared.outline.head == compared.outline.groups == ()
    assert compared.duties.changed == ()
    assert {now.agency.id for _, now in compared.duties.renamed} == {"snv"}
    assert all(box.is_same for box in compared.boxes)


def test_an_event_under_another_name_is_renamed():
    """The stage waits for the same thing."""
    compared = edited_sample(("government.programme-issued", "chinh-phu"))

    assert compared.renames.events == {"government.programme-issued": "chinh-phu"}
    assert not compared.outline.stages.edited


def test_two_of_one_title_are_not_guessed_at():
    """A wrong guess would hide an obligation that is gone."""
    twins = """      one:
        title: Cùng tên
        by: so-tu-phap
      two:
        title: Cùng tên
        by: so-tu-phap
"""
    before = sample_plan(("    gate: {tasks", f"{twins}    gate: {{tasks"))
    after = sample_plan(
        ("    gate: {tasks", twins.replace("one:", "three:") + "    gate: {tasks"),
        ("      two:", "      four:"),
    )

    compared = compare(preview(before), preview(after))

    assert not compared.renames.tasks
    assert len(compared.duties.gone) == len(compared.duties.added) == 2


# ── the plan itself ──


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("title: Kế hoạch mẫu", "title: Kế hoạch khác", "title"),
        ("number: 1/KH-UBND", "number: 2/KH-UBND", "number"),
        ("issued: 06/4/2020", "issued: 07/4/2020", "issued"),
        ("coordinator: so-noi-vu", "coordinator: so-tu-phap", "coordinator"),
        ("superior: ubnd-tinh", "superior: so-tu-phap", "superior"),
        ("issuer: ubnd-tinh", "issuer: so-noi-vu", "issuer"),
        ("plan: mau", "plan: mau-2", "id"),
        ("issuer: ubnd-tinh", "issuer: ubnd-tinh\nlanguage: en", "language"),
        ("issuer: ubnd-tinh", "issuer: ubnd-tinh\ntime_zone: Asia/Bangkok", "zone"),
    ],
)
def test_each_field_of_the_head_is_compared(old: str, new: str, field: str):
    """The head stands in every mail."""
    compared = edited_sample((old, new))

    assert [change.field for change in compared.outline.head] == [field]
    assert not compared.is_same


def test_a_stage_with_another_need_event_or_gate_is_edited():
    """They decide when it opens and when it is done."""
    compared = edited_sample(
        ("    needs: [reports]\n", ""),
        ("    when: {event: government.programme-issued}\n", ""),
        ("quorum: 90%", "quorum: 100%"),
    )

    fields = {
        edited.new.id: [one.field for one in edited.changes]
        for edited in compared.outline.stages.edited
    }
    assert fields["summary"] == ["needs", "event"]
    assert "reports" not in fields  # of three, 90 % and 100 % are three


def test_a_firmer_gate_is_a_change_where_it_asks_for_more():
    """Of 27, 90 % are 25 and 100 % all."""
    (stage,) = edited_37(("quorum: 90%, or", "quorum: 100%, or")).outline.stages.edited

    assert [change.field for change in stage.changes] == ["gate"]


def test_a_stage_that_opens_or_closes_otherwise_is_told():
    """The deadline carries the gate with it, and the gate the next stage."""
    moves = {move.stage.id: move for move in edited_37(LATER).stages}

    assert set(moves) == {"agency-reports", "topic-reports"}
    opens = [at and at.astimezone(w.ZONE).date() for at in moves["topic-reports"].opens]
    assert opens == [date(2020, 5, 16), date(2020, 5, 22)]


def test_a_stage_that_opens_now_and_never_did_moves_from_nothing():
    """In the worst case no event comes."""
    compared = edited_sample(("    when: {event: government.programme-issued}\n", ""))

    (move,) = compared.stages
    assert move.stage.id == "summary"
    assert move.opens[0] is None
    assert move.opens[1] is not None


def test_a_ladder_is_compared_field_by_field():
    """It decides over every mail."""
    compared = edited_sample(
        ('send_at: "08:00"', 'send_at: "07:30"'),
        ("remind: [5, 1, 0]", "remind: [3, 0]"),
        ("at_most: 3", "at_most: 1"),
        ("{after: 1 ngày làm việc, to: coordinator}", "{after: 2, to: coordinator}"),
    )

    (ladder,) = compared.outline.ladders.edited
    found = {change.field: change.new for change in ladder.changes}
    assert found["send_at"] == time(7, 30)
    assert found["remind"] == (3, 0)
    assert [step.after for step in found["escalate"]] == [2, 5]
    assert set(found) == {"send_at", "remind", "overdue", "escalate"}


def test_a_day_off_in_the_calendar_is_named():
    """The reminders move around it, the deadline does not."""
    holiday = ("days_off:\n", "days_off:\n  - {date: 2020-05-07, name: Nghỉ bù, source: x}\n")
    compared = edited_37(calendar=(holiday,))

    (day,) = compared.outline.calendar
    assert (day.day, day.is_working, day.name) == (date(2020, 5, 7), False, "Nghỉ bù")
    assert not compared.duties.moved
    assert compared.counts["mails"]["move"] == 4 * 27


def test_an_address_in_the_register_is_a_change_though_no_mail_differs():
    """The mails go elsewhere."""
    compared = edited_37(register=(("vanthu@soyte.", "vanthu2@soyte."),))

    (agency,) = compared.outline.agencies.edited
    assert [change.field for change in agency.changes] == ["email"]
    assert all(box.is_same for box in compared.boxes)
    assert not compared.is_same


def test_a_contact_in_the_register_is_a_change_though_no_mail_differs():
    """Somebody else reads them."""
    contact = ", contacts: [{name: A, role: focal, email: a@soyte.example}]}"
    mailbox = "email: vanthu@soyte.tuyenquang.example"
    compared = edited_37(register=((f"{mailbox}}}", f"{mailbox}{contact}"),))

    (agency,) = compared.outline.agencies.edited
    (change,) = agency.changes
    assert (change.field, change.old) == ("contacts", ())
    assert all(box.is_same for box in compared.boxes)
    assert not compared.is_same
    (found,) = read(compared)["agencies"]["changed"]
    assert found["fields"][0]["to"][0]["role"] == "focal"


def test_quiet_days_move_and_merge_mails():
    """What fell on them goes out after them, once."""
    quiet = "quiet: [{from: 2020-05-11, until: 2020-05-13, why: x}]"
    compared = edited_37(("ladders:\n", f"{quiet}\nladders:\n"))

    (change,) = compared.outline.head
    assert change.field == "quiet"
    assert compared.counts["mails"]["vanish"] > 0
    assert not compared.duties.moved
    (found,) = read(compared)["head"]
    assert found["to"] == [{"first": "2020-05-11", "last": "2020-05-13", "why": "x"}]


def test_notes_are_compared():
    """They say why something is no task."""
    notes = edited_37(("    why: Là câu dẫn;", "    why: Chỉ là câu dẫn;")).outline.notes

    assert [note.why[:8] for note in (*notes.gone, *notes.added)] == ["Là câu d", "Chỉ là c"]


# ── scenarios ──


def test_under_a_scenario_it_is_told_who_would_be_late_now():
    """An earlier deadline makes late what was in time."""
    compared = edited_37((LATER[0], "due: trước ngày 05/5/2020"), scenario="plausible.yaml")

    assert {(move.old, move.new) for move in compared.duties.outcomes} == {("on-time", "late")}
    assert len(compared.duties.outcomes) == 9


def test_in_the_worst_case_nobody_s_result_is_told():
    """Nobody answers, so all that is dated ends overdue."""
    assert not edited_37(LATER).duties.outcomes


def test_a_scenario_goes_along_with_renamed_obligations_and_without_those_gone():
    """It was written for one of the two plans."""
    old = plan_37()
    scenario = load_scenario(w.SCENARIOS / "plausible.yaml", old)
    renamed = plan_37(("agency-reports", "reports"), ("government.programme-issued", "chinh-phu"))
    without = plan_37(register=(NO_HEALTH,))

    along, none = carried(scenario, old, renamed)
    fewer, left_out = carried(scenario, old, without)

    assert none == 0
    assert {act.obligation.split("/")[0] for act in along.acts if act.obligation} == {
        *("reports", "topic-reports", "draft-summary", "plan-2021-2030")
    }
    (event,) = (act for act in along.acts if act.kind is EntryKind.EVENT_ANNOUNCED)
    assert (event.event, event.data["event"]) == ("chinh-phu", "chinh-phu")
    assert left_out == 2
    assert len(fewer.acts) == len(scenario.acts) - 2


def test_carrying_a_scenario_keeps_its_times():
    """Only what is acted on can change."""
    plan = sample_plan()
    scenario = Scenario(id="s", title="Một kịch bản", start=w.START, until=w.LATE)

    assert carried(scenario, plan, plan) == (scenario, 0)


# ── the document ──


def test_the_document_has_the_promised_shape():
    """Programs build on it."""
    found = read(edited_37(LATER, register=NEW_DEPARTMENT))

    assert list(found) == [
        *("old", "new", "scenario", "same", "same_texts", "counts", "renamed", "head"),
        *("stages", "ladders", "events", "agencies", "groups", "calendar", "notes"),
        *("obligations", "recipients", "mails"),
    ]
    assert found["old"] == {"plan": "kh37-2020", "number": "37/KH-UBND"}
    assert set(found["obligations"]) == {
        *("added", "gone", "renamed", "changed", "moved", "outcomes")
    }
    assert set(found["obligations"]["added"][0]) == {"id", "stage", "task", "agency", "last_day"}
    for box in found["mails"].values():
        assert set(box) == {"vanish", "appear", "move", "change"}
        for pair in (*box["move"], *box["change"]):
            assert set(pair["from"]) == {"send_at", "kind", "rungs", "obligations", "subject"}
    assert found["counts"]["mails"]["new"] == 471


def test_the_document_of_no_change_says_same_and_lists_nothing():
    """A script asks one question first."""
    found = read(compare(shown_37(), shown_37(), same_texts=True))

    assert found["same"] is True
    assert found["same_texts"] is True
    assert found["mails"] == {}
    assert found["obligations"]["moved"] == []
