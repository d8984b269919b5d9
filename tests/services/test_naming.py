"""Naming: what people pick or write, and which run, agency, task and obligation it means."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services import naming, recording
from services.errors import Refused
from services.naming import Wanted, id_of
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import BY, start, submit

NOW = w.at("2020-05-07 15:30")


def meant(parts: Parts, *, wanted: Wanted = Wanted.OPEN, **named: Any) -> str:
    """Return the obligation that is meant in the small plan."""
    return naming.find_obligation(parts, "nho", wanted=wanted, **named)


def refusal(parts: Parts, **named: Any) -> str:
    """Return the sentence with which it is refused."""
    with pytest.raises(Refused) as refused:
        meant(parts, **named)
    assert refused.value.say("en") != refused.value.say("vi")
    return refused.value.say("vi")


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("so-tu-phap", "so-tu-phap"),
        (" so-tu-phap ", "so-tu-phap"),
        ("Sở Tư pháp (so-tu-phap)", "so-tu-phap"),
        ("Báo cáo (lần 2) của sở (reports/report)", "reports/report"),
        ("Báo cáo\nhai dòng (reports/report) ", "reports/report"),
        ("", ""),
        ("()", ""),
    ],
)
def test_the_id_is_what_stands_in_the_last_parentheses_or_all_of_it(written: str, id: str):
    """A picker shows people words, and hands them over with the id."""
    assert id_of(written) == id


def test_a_label_gives_its_id_back():
    """Who makes the pickers and who reads them agree."""
    assert id_of(naming.label("Báo cáo (dự thảo)", "reports/report")) == "reports/report"


@pytest.mark.parametrize(
    "named",
    [
        {"obligation": w.REPORT_A},
        {"obligation": f"Sở An: Báo cáo tổng kết ({w.REPORT_A})"},
        {"agency": "a", "task": "report"},
        {"agency": "a", "task": "reports/report"},
        {"agency": "Sở An (a)", "task": "Báo cáo tổng kết (reports/report)"},
        {"agency": "Sở An", "task": "Báo cáo tổng kết"},
        {"agency": "SỞ AN", "task": "report"},
    ],
)
def test_an_obligation_is_named_by_its_id_or_by_agency_and_task(
    small: Parts, named: dict[str, Any]
):
    """A command line, a picker, and somebody who writes the name all mean the same."""
    assert meant(small, **named) == w.REPORT_A


def test_an_agency_alone_means_the_only_task_that_is_open(small: Parts):
    """C owes one report; to ask which would be a question without a choice."""
    assert meant(small, agency="Sở Cường (c)") == w.REPORT_C


def test_a_task_alone_means_the_only_agency_that_owes_it(small: Parts):
    """The draft is the coordinator's."""
    assert meant(small, task="draft") == w.DRAFT


def test_of_several_tasks_that_fit_none_is_guessed(small: Parts):
    """They are listed by their titles instead, with the ids that a command line takes."""
    said = refusal(small, agency="a")

    assert "Báo cáo tổng kết (reports/report); Khen thưởng (reports/praise)" in said
    assert "follow-up" not in said


def test_an_early_report_for_a_stage_that_is_not_open_must_be_named(small: Parts):
    """Pressing the button twice must not record the report of next year."""
    submit(small, w.REPORT_A, w.PRAISE_A, now=NOW)

    said = refusal(small, agency="a")

    assert said.startswith("Sở An không có nhiệm vụ nào đang mở")
    assert "Dự thảo kế hoạch (follow-up/plan)" in said
    assert meant(small, agency="a", task="follow-up/plan") == w.FOLLOW_UP


def test_a_return_means_the_only_report_that_waits_to_be_looked_at(small: Parts):
    """Of A's tasks one is submitted."""
    submit(small, w.REPORT_A, now=NOW)

    assert meant(small, agency="a", wanted=Wanted.SUBMITTED) == w.REPORT_A
    assert "đang chờ xem xét" in refusal(small, agency="b", wanted=Wanted.SUBMITTED)


def test_an_answer_means_the_only_difficulty_that_waits_for_one(small: Parts):
    """And without one there is nothing to answer."""
    assert "khó khăn" in refusal(small, agency="a", wanted=Wanted.WITH_DIFFICULTY)
    recording.report_difficulty(small, "nho", w.REPORT_A, BY, what="Thiếu số liệu", now=NOW)

    assert meant(small, agency="a", wanted=Wanted.WITH_DIFFICULTY) == w.REPORT_A


def test_a_withdrawal_means_the_only_submission_that_can_be_taken_back(small: Parts):
    """What was accepted meanwhile can't be."""
    submit(small, w.REPORT_A, w.PRAISE_A, now=NOW)
    recording.accept(small, "nho", w.PRAISE_A, BY, now=NOW)

    assert meant(small, agency="a", wanted=Wanted.WITHDRAWABLE) == w.REPORT_A
    assert "huỷ được" in refusal(small, agency="b", wanted=Wanted.WITHDRAWABLE)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ({}, "Chưa chọn cơ quan"),
        ({"agency": "Sở Ann"}, "Có phải: Sở An (a)"),
        ({"agency": "xyz"}, "Mã các cơ quan: a, b, c, noi-vu"),
        ({"agency": "tinh"}, "Ủy ban nhân dân tỉnh không phải thực hiện"),
        ({"agency": "a", "task": "draft"}, "Các nhiệm vụ của cơ quan này: Báo cáo tổng kết"),
        ({"task": "report"}, "Ghi rõ cơ quan nào"),
        ({"task": "raport"}, "Các nhiệm vụ: Báo cáo tổng kết (reports/report)"),
    ],
)
def test_what_names_nothing_is_refused_with_what_there_is(
    small: Parts, named: dict[str, Any], said: str
):
    """One plain sentence, and a way out."""
    assert said in refusal(small, **named)


@pytest.mark.parametrize("written", [None, "", "nho", "1/KH-UBND – Kế hoạch nhỏ (nho)"])
def test_a_run_may_be_left_out_or_picked(small: Parts, written: str | None):
    """While only one is active nobody has to say which."""
    assert naming.find_run(small, written) == "nho"


def test_of_two_runs_one_must_be_named(small: Parts):
    """Nothing is recorded in the wrong one."""
    start(small, w.bundle(plan="nho-2"), w.START + timedelta(minutes=1))

    with pytest.raises(Refused) as refused:
        naming.find_run(small, "")

    assert "nho-2" in refused.value.say("vi")
    assert naming.find_run(small, "Kế hoạch nhỏ (nho-2)") == "nho-2"


def test_no_agency_means_the_whole_run(small: Parts):
    """A pause of everybody."""
    assert naming.find_agency(small, "nho", " ") is None
    assert naming.find_agency(small, "nho", "Sở An (a)") == "a"


def test_whose_mail_is_meant_is_found_by_id_label_or_name(small: Parts):
    """In one run or in any: an operator looks for an agency's mail, not for a run's."""
    for run in (None, "nho"):
        for written in ("a", "Sở An (a)", "sở an", " A "):
            assert naming.addressee_of(small, run, written) == "a", (run, written)


def test_whose_mail_is_meant_must_be_known(small: Parts):
    """A mistyped name is told the closest ones."""
    with pytest.raises(Refused) as refused:
        naming.addressee_of(small, None, "Sở Am")

    assert "sở an" in refused.value.say("vi").casefold()
