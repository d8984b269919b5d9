"""Wording: rungs, answers and remarks in people's words, in both languages."""

from __future__ import annotations

from datetime import date

import pytest

from engine.chasing import rungs
from engine.ledger import EntryKind
from language.catalogue import LANGUAGES, has
from services import recording, runs
from services.recording import Source
from services.views import wording
from services.wiring import Parts
from storage import ledger
from tests.services import written as w
from tests.services.office import BY, submit, wake

NOW = w.at("2020-05-11 15:30")


def source(day: date, document: str = "120/BC") -> Source:
    """Return a document of that date."""
    return Source("văn thư", document, day)


@pytest.mark.parametrize(
    ("rung", "vi", "en"),
    [
        ("assign", "giao việc", "assignment"),
        ("returned", "trả lại để hoàn thiện", "returned for completion"),
        ("remind-10", "nhắc trước 10 ngày làm việc", "reminder 10 working days before"),
        ("remind-1", "nhắc trước 1 ngày làm việc", "reminder 1 working day before"),
        ("remind-0", "nhắc ngày cuối", "reminder on the last day"),
        ("overdue-2", "đôn đốc lần 2", "overdue notice 2"),
        ("escalate-1", "báo cáo cấp trên lần 1", "escalation 1"),
        ("of-tomorrow-3", "of-tomorrow-3", "of-tomorrow-3"),
    ],
)
def test_a_rung_is_called_in_words(rung: str, vi: str, en: str):
    """An id is for programs; one that is not known yet is better than none."""
    assert wording.rung_name("vi", rung) == vi
    assert wording.rung_name("en", rung) == en


def test_no_rung_of_a_ladder_is_left_without_words(small: Parts):
    """Whatever the ladder says."""
    with small.database.reading() as connection:
        live = runs.live(small, connection, "nho")
    found = {one.rung for one in rungs(live.plan, live.folding.obligations[w.REPORT_A])}

    assert len(found) > 5
    for language in LANGUAGES:
        assert not {rung for rung in found if wording.rung_name(language, rung) == rung}


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_entry_has_its_word(kind: EntryKind):
    """The ledger is read by people."""
    assert all(has(language, f"entry.{kind.value}") for language in LANGUAGES)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2020, 5, 9), "ngày 09/5/2020, số 120/BC; đúng hạn."),
        (date(2020, 5, 10), "ngày 10/5/2020, số 120/BC; quá hạn 1 ngày."),
        (date(2020, 5, 11), "ngày 11/5/2020, số 120/BC; quá hạn 2 ngày."),
    ],
)
def test_a_submission_is_answered_with_whose_what_when_and_whether_in_time(
    small: Parts, day: date, said: str
):
    """The operator sees at once whether it was the right line."""
    recorded = recording.submit(small, "nho", w.REPORT_A, source(day), now=NOW)

    whole = wording.recorded("vi", recorded)
    assert whole == f"Đã ghi nhận báo cáo của Sở An: Báo cáo tổng kết ({w.REPORT_A}), {said}"
    assert f"({w.REPORT_A})" in wording.recorded("en", recorded)


def test_what_has_no_date_is_neither_in_time_nor_late(small: Parts):
    """Nobody set one."""
    recorded = recording.submit(small, "nho", w.PRAISE_A, BY, now=NOW)

    assert wording.recorded("vi", recorded).endswith("; không ấn định ngày.")


def test_an_answer_names_the_stages_that_an_entry_turned(small: Parts):
    """Closing one opens another."""
    submit(small, w.REPORT_A, now=NOW)
    recorded = recording.submit(small, "nho", w.REPORT_B, BY, now=NOW)

    said = wording.recorded("vi", recorded)
    assert "Bước Báo cáo của các sở (reports) đã xong." in said
    assert "Bước Báo cáo của tỉnh (summary) đã mở." in said


def test_a_reason_that_ends_with_a_full_stop_ends_the_sentence_once(small: Parts):
    """People write sentences."""
    recorded = recording.waive(small, "nho", w.REPORT_A, BY, why="Đã giải thể.", now=NOW)

    assert wording.recorded("vi", recorded).endswith("Lý do: Đã giải thể.")


def test_every_answer_is_a_sentence_in_both_languages(small: Parts):
    """Nothing is left blank, nothing is left as a placeholder."""
    run, report = "nho", w.REPORT_A
    told = [
        recording.report_difficulty(small, run, report, BY, what="Thiếu số liệu", now=NOW),
        recording.answer_difficulty(small, run, report, BY, answer="Đã gửi", now=NOW),
        recording.submit(small, run, report, BY, part=True, now=NOW),
        recording.withdraw(small, run, report, BY, why="Ghi nhầm", now=NOW),
        recording.submit(small, run, report, BY, nil=True, now=NOW),
        recording.send_back(small, run, report, BY, why="Thiếu", days=3, now=NOW),
        recording.extend(small, run, report, BY, until=date(2020, 5, 29), now=NOW),
        recording.pause(small, run, BY, why="Nghỉ", now=NOW),
        recording.resume(small, run, BY, now=NOW),
        recording.pause(small, run, BY, agency="a", why="Nghỉ", until=date(2020, 5, 12), now=NOW),
        recording.resume(small, run, BY, agency="a", now=NOW),
        recording.submit(small, run, report, BY, now=NOW),
        recording.accept(small, run, report, BY, now=NOW),
        recording.waive(small, run, w.REPORT_B, BY, why="Sáp nhập", now=NOW),
    ]

    for language in LANGUAGES:
        for recorded in told:
            said = wording.recorded(language, recorded)
            assert said.endswith(".")
            assert not [wrong for wrong in ("{", "..", "None", " ,", "  ") if wrong in said]


def test_remarks_say_what_an_outcome_does_not(small: Parts):
    """A part, an open difficulty, a pause; and nothing where there is nothing."""
    wake(small, w.START)
    recording.submit(small, "nho", w.REPORT_A, BY, part=True, now=NOW)
    recording.report_difficulty(small, "nho", w.REPORT_A, BY, what="Thiếu số liệu", now=NOW)
    recording.pause(small, "nho", BY, agency="a", why="Nghỉ.", until=date(2020, 5, 15), now=NOW)
    with small.database.reading() as connection:
        live = runs.live(small, connection, "nho")
    state = live.folding.state()

    assert wording.remarks("vi", live.plan, state.obligations[w.REPORT_A], NOW) == [
        "đã nộp một phần (lần 1, ngày 11/5/2020)",
        "khó khăn, vướng mắc chưa trả lời từ ngày 11/5/2020",
        "đang tạm dừng đôn đốc",
    ]
    assert wording.remarks("vi", live.plan, state.obligations[w.REPORT_B], NOW) == []
    assert wording.pauses("vi", state, NOW) == [
        "Sở An đang được tạm dừng đôn đốc từ ngày 11/5/2020, đến hết ngày 15/5/2020: Nghỉ."
    ]
    assert wording.pauses("vi", state, w.at("2020-05-16 00:00")) == []


def test_a_line_of_the_ledger_carries_what_its_kind_does_not_say(small: Parts):
    """Rungs in words, an event's values, who was missing, why and until when."""
    wake(small, w.START)
    values = {"period": "2021-2030"}
    recording.announce(small, "government.issued", BY, values=values, now=NOW)
    recording.pause(small, "nho", BY, agency="a", why="Nghỉ", until=date(2020, 5, 15), now=NOW)
    submit(small, w.REPORT_A, w.REPORT_B, now=NOW)
    with small.database.reading() as connection:
        entries = ledger.entries(connection, "nho")
        plan = runs.live(small, connection, "nho").plan
    told = {wording.entry_detail("vi", entry, plan) for entry in entries}

    assert "giao việc → Sở An" in told
    assert "government.issued (period=2021-2030)" in told
    assert "Sở An; đến hết ngày 15/5/2020; Nghỉ" in told
    assert "còn thiếu: Sở Cường" in told
