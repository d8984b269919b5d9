"""Contacts of agencies, quiet days of a plan, and which rungs of a ladder go to a head."""

from __future__ import annotations

from datetime import date

import pytest

from engine.plan import Contact, EscalationStep, Level, Overdue, Role, Span, Substitute
from plan_definitions import Bundle, check, has_faults, load
from plan_definitions.diagnostics import Diagnostic
from tests.plan_definitions.plan_texts import sample

JUSTICE = "{name: Sở Tư pháp, kind: department, email: vanthu@sotuphap.example}"
COMMUNE = '{name: UBND xã Hòa An, code: "02353"}'
OVERDUE = "overdue: {at_most: 3}"
SUPERIOR = "{after: 5 ngày làm việc, to: superior}"


def with_contacts(*contacts: str, email: str = ", email: vanthu@sotuphap.example") -> Bundle:
    """Return the sample plan, the department of justice having these contacts."""
    said = f"{{name: Sở Tư pháp, kind: department{email}, contacts: [{', '.join(contacts)}]}}"
    return sample(agencies=((JUSTICE, said),))


def quiet(*spells: str) -> Bundle:
    """Return the sample plan with quiet days."""
    return sample(("ladders:\n", f"quiet: [{', '.join(spells)}]\nladders:\n"))


def kinds(found: list[Diagnostic]) -> list[str]:
    """Return what is found, by kind."""
    return [one.kind for one in found]


# ── contacts ──


def test_contacts_are_read_in_their_order():
    """The first focal point is the one who is addressed first."""
    plan = load(
        with_contacts(
            "{name: Ông A, role: focal, email: a@x.example,"
            " away: [{from: 20/4/2020, until: 24/4/2020, why: nghỉ phép},"
            " {from: 2020-06-01, until: 2020-06-01}],"
            " substitute: {name: Bà B, email: b@x.example}}",
            "{name: Giám đốc, role: head, email: c@x.example}",
        )
    )

    assert plan.agencies["so-tu-phap"].contacts == (
        Contact(
            "Ông A",
            Role.FOCAL,
            "a@x.example",
            away=(
                Span(date(2020, 4, 20), date(2020, 4, 24), "nghỉ phép"),
                Span(date(2020, 6, 1), date(2020, 6, 1)),
            ),
            substitute=Substitute("Bà B", "b@x.example"),
        ),
        Contact("Giám đốc", Role.HEAD, "c@x.example"),
    )
    assert plan.agencies["so-tu-phap"].email == "vanthu@sotuphap.example"
    assert plan.agencies["so-noi-vu"].contacts == ()


@pytest.mark.parametrize(
    ("written", "role"),
    [
        ("focal", Role.FOCAL),
        ("head", Role.HEAD),
        ("copy", Role.COPY),
        ("đầu mối", Role.FOCAL),
        ("Thủ trưởng", Role.HEAD),
        ("bản sao", Role.COPY),
    ],
)
def test_a_role_may_be_said_in_vietnamese(written: str, role: Role):
    """As offices call them."""
    plan = load(with_contacts(f"{{name: A, role: {written}, email: a@x.example}}"))
    assert plan.agencies["so-tu-phap"].contacts[0].role is role


def test_a_commune_may_have_contacts_too():
    """It owes things like any other."""
    contact = "{name: Bà B, role: focal, email: b@hoaan.example}"
    said = f'{{name: UBND xã Hòa An, code: "02353", contacts: [{contact}]}}'
    plan = load(sample(agencies=((COMMUNE, said),)))
    assert plan.agencies["xa-hoa-an"].contacts == (Contact("Bà B", Role.FOCAL, "b@hoaan.example"),)


def test_an_agency_with_a_focal_point_needs_no_mailbox():
    """Somebody can be written to."""
    assert check(with_contacts("{name: A, role: focal, email: a@x.example}", email="")) == []


def test_an_agency_with_only_a_head_is_pointed_out_and_runs():
    """It is written to, but who answers?"""
    found = check(with_contacts("{name: A, role: head, email: a@x.example}", email=""))
    assert kinds(found) == ["no-focal-point"]
    assert not has_faults(found)


def test_a_head_and_a_mailbox_are_fine():
    """The mailbox answers, the head is added where the ladder says so."""
    assert check(with_contacts("{name: A, role: head, email: a@x.example}")) == []


def test_the_mailbox_may_be_a_contacts_address_too():
    """A desk that is the focal point; it is written to once."""
    found = check(with_contacts("{name: Văn thư, role: focal, email: vanthu@sotuphap.example}"))
    assert found == []


def test_an_agency_with_an_empty_list_of_contacts_and_no_mailbox_has_no_address():
    """Nobody can be written to."""
    assert "no-email" in kinds(check(with_contacts(email="")))


def test_one_address_may_belong_to_contacts_of_two_agencies():
    """One person may look after two small bodies."""
    contact = "contacts: [{name: A, role: focal, email: a@x.example}]"
    both = tuple(
        (f"{{{said}}}", f"{{{said}, {contact}}}")
        for said in (
            "name: Sở Tư pháp, kind: department, email: vanthu@sotuphap.example",
            "name: Sở Nội vụ, kind: department, email: vanthu@sonoivu.example",
        )
    )
    assert check(sample(agencies=both)) == []


# ── ladders ──


def test_a_ladder_says_from_which_notice_on_the_head_hears_and_a_letter_comes():
    """Firmer by rung."""
    plan = load(
        sample(
            (OVERDUE, "overdue: {at_most: 3, head_from: 2, letter_from: 3}"),
            (SUPERIOR, "{after: 5 ngày làm việc, to: superior, letter: true}"),
        )
    )
    ladder = plan.ladders["standard"]
    assert ladder.overdue == Overdue(at_most=3, head_from=2, letter_from=3)
    assert ladder.escalate == (
        EscalationStep(1, Level.COORDINATOR),
        EscalationStep(5, Level.SUPERIOR, letter=True),
    )


def test_a_ladder_that_extends_another_takes_them_over():
    """What is written once holds for both; what is written anew replaces the whole key."""
    more = (
        "ladders:\n",
        "ladders:\n"
        "  same: {extends: standard, remind: [3]}\n"
        "  other: {extends: standard, overdue: {at_most: 2}}\n",
    )
    plan = load(
        sample(
            more,
            (OVERDUE, "overdue: {at_most: 3, head_from: 2, letter_from: 3}"),
            (SUPERIOR, "{after: 5 ngày làm việc, to: superior, letter: có}"),
        )
    )
    standard, same, other = (plan.ladders[name] for name in ("standard", "same", "other"))
    assert same.overdue == standard.overdue
    assert same.escalate == other.escalate == standard.escalate
    assert standard.escalate[-1].letter
    assert other.overdue == Overdue(at_most=2)


def test_a_head_at_the_last_notice_is_no_fault():
    """The last of three is the third."""
    assert check(sample((OVERDUE, "overdue: {at_most: 3, head_from: 3, letter_from: 3}"))) == []


def test_a_fault_in_the_number_of_notices_is_said_once():
    """Not also that the head's is never reached."""
    found = check(sample((OVERDUE, "overdue: {at_most: many, head_from: 2}")))
    assert kinds(found) == ["not-a-number"]


# ── quiet days ──


def test_quiet_days_are_read():
    """First and last day, both included, and why."""
    plan = load(
        quiet(
            "{from: 20/4/2020, until: 24/4/2020, why: bầu cử}",
            "{from: 2020-06-01, until: 2020-06-01}",
        )
    )
    assert plan.quiet == (
        Span(date(2020, 4, 20), date(2020, 4, 24), "bầu cử"),
        Span(date(2020, 6, 1), date(2020, 6, 1)),
    )
    assert plan.is_quiet(date(2020, 4, 24))
    assert not plan.is_quiet(date(2020, 4, 25))
    assert load(sample()).quiet == ()


def test_a_year_of_quiet_days_is_the_most():
    """366 days; one more is a slip of the year."""
    assert kinds(check(quiet("{from: 01/7/2020, until: 01/7/2021}"))) == []
    assert kinds(check(quiet("{from: 01/7/2020, until: 02/7/2021}"))) == ["quiet-too-long"]


@pytest.mark.parametrize(
    ("spells", "found"),
    [
        (["{from: 04/5/2020, until: 10/5/2020}"], []),  # the mail of the last day is left
        (["{from: 05/5/2020, until: 11/5/2020}"], []),  # the first reminder goes out before
        (["{from: 04/5/2020, until: 11/5/2020}"], ["reminders-in-quiet-days"]),
        (
            ["{from: 04/5/2020, until: 06/5/2020}", "{from: 07/5/2020, until: 11/5/2020}"],
            ["reminders-in-quiet-days"],
        ),
    ],
)
def test_quiet_days_that_leave_no_reminder_are_pointed_out(spells: list[str], found: list[str]):
    """Due on 11/5/2020, reminded on 4/5, 8/5 and 11/5."""
    assert kinds(check(quiet(*spells))) == found


# ── dates in stages that wait for an event ──


def test_of_several_fixed_dates_behind_an_event_the_first_is_said():
    """One piece of advice for a stage, not one for each task."""
    due = "due: trong thời hạn 10 ngày làm việc kể từ khi government.programme-issued"
    later = "{title: Sau, by: so-noi-vu, to: ubnd-tinh, due: trong tháng 7/2020}"
    more = f"due: trong quý II/2020\n      later: {later}"
    (found,) = check(sample((due, more)))
    assert (found.kind, found.values["task"]) == ("date-before-event", "draft")
