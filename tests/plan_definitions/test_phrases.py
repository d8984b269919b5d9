"""What each way of wording a deadline means, and what is said where none is understood."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deadline import Before, By, During, FromDay, FromEvent, FromStage, NoDate, Unit, Within
from engine.plan import GateAfterDue, GateBy
from language.dates import day as written_day
from plan_definitions.dates import parse_date, read_date, read_moment, read_time
from plan_definitions.diagnostics import RULES, Misread
from plan_definitions.phrases import nearest_phrase, read_due, read_gate_end, read_period, worded

D = date(2020, 5, 10)
DATES = st.dates(date(1990, 1, 1), date(2099, 12, 31))


def fault(read: Callable[[str], object], written: str) -> str | None:
    """Return the kind of fault that a reader finds, if any."""
    try:
        read(written)
    except Misread as misread:
        return misread.kind
    return None


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("trước ngày 10/5/2020", Before(D)),
        ("trước 10/05/2020", Before(D)),
        ("Trước  ngày 10.5.2020.", Before(D)),
        ("TRƯỚC NGÀY 2020-05-10", Before(D)),
        ("trước ngày 10 tháng 5 năm 2020", Before(D)),
        (unicodedata.normalize("NFD", "trước ngày 10/5/2020"), Before(D)),
        ("chậm nhất ngày 10/5/2020", By(D)),
        ("chậm nhất là ngày 10/5/2020", By(D)),
        ("chậm nhất đến ngày 10/5/2020", By(D)),
        ("chậm nhất 10/5/2020", By(D)),
        ("đến hết ngày 10/5/2020", By(D)),
        ("hạn ngày 10/5/2020", By(D)),
        ("đến ngày 10/5/2020", By(D)),
        (
            "trong thời hạn 10 ngày làm việc kể từ ngày 10/5/2020",
            Within(10, Unit.WORKING_DAYS, FromDay(D)),
        ),
        ("trong vòng 15 ngày kể từ ngày 10.5.2020", Within(15, Unit.DAYS, FromDay(D))),
        ("trong thời hạn 2 tháng, kể từ ngày 2020-05-10", Within(2, Unit.MONTHS, FromDay(D))),
        (
            "trong vòng 10 ngày làm việc kể từ khi government.programme-issued",
            Within(10, Unit.WORKING_DAYS, FromEvent("government.programme-issued")),
        ),
        (
            "trong thời hạn 5 ngày làm việc sau khi topic-reports xong",
            Within(5, Unit.WORKING_DAYS, FromStage("topic-reports")),
        ),
        (
            "chậm nhất 10 ngày làm việc kể từ ngày 10/5/2020",
            Within(10, Unit.WORKING_DAYS, FromDay(D)),
        ),
        (
            "trong thời hạn 05 (năm) ngày làm việc, kể từ ngày ký ban hành",
            Within(5, Unit.WORKING_DAYS, FromEvent("issued")),
        ),
        ("không quá 2 tuần kể từ ngày 10/5/2020", Within(14, Unit.DAYS, FromDay(D))),
        (
            "trong vòng 10 ngày kể từ khi Chính phủ ban hành Chương trình",
            Within(10, Unit.DAYS, FromEvent("Chính phủ ban hành Chương trình")),
        ),
        (
            "trong thời hạn 5 ngày làm việc sau khi Báo cáo chuyên đề hoàn thành",
            Within(5, Unit.WORKING_DAYS, FromStage("Báo cáo chuyên đề")),
        ),
        ("trước ngày 10/5/2020 (Chủ nhật)", Before(D)),
        ("chậm nhất ngày 10/5/2020, Chủ nhật", By(D)),
        ("từ ngày 01/4/2020 đến hết ngày 10/5/2020", By(D)),
        ("trước tháng 6/2020", Before(date(2020, 6, 1))),
        ("trong tháng 5/2020", During(date(2020, 5, 1), date(2020, 5, 31))),
        ("Tháng 02 năm 2020", During(date(2020, 2, 1), date(2020, 2, 29))),
        ("chậm nhất trong tháng 5/2020", During(date(2020, 5, 1), date(2020, 5, 31))),
        ("quý II/2020", During(date(2020, 4, 1), date(2020, 6, 30))),
        ("đến hết quý 4 năm 2020", During(date(2020, 10, 1), date(2020, 12, 31))),
        ("09 tháng đầu năm 2020", During(date(2020, 1, 1), date(2020, 9, 30))),
        ("T5/2020", During(date(2020, 5, 1), date(2020, 5, 31))),
        ("2021 - 2025", During(date(2021, 1, 1), date(2025, 12, 31))),
        ("6 tháng đầu năm 2020", During(date(2020, 1, 1), date(2020, 6, 30))),
        ("trong năm 2020", During(date(2020, 1, 1), date(2020, 12, 31))),
        ("giai đoạn 2021-2025", During(date(2021, 1, 1), date(2025, 12, 31))),
        ("thường xuyên, kịp thời", NoDate()),
        ({"in": "5/2020"}, During(date(2020, 5, 1), date(2020, 5, 31))),
        ({"in": "II/2020"}, During(date(2020, 4, 1), date(2020, 6, 30))),
        ({"in": "2020"}, During(date(2020, 1, 1), date(2020, 12, 31))),
        ("kịp thời", NoDate()),
        ("Thường xuyên", NoDate()),
        ("không hạn", NoDate()),
        ("none", NoDate()),
        ({"before": "2020-05-10"}, Before(D)),
        ({"by": "10/5/2020"}, By(D)),
        (
            {"within": "10 working days", "of": "2020-05-10"},
            Within(10, Unit.WORKING_DAYS, FromDay(D)),
        ),
        ({"of": "a-name", "within": "3 tháng"}, Within(3, Unit.MONTHS, FromEvent("a-name"))),
        ({"after": "government.programme-issued"}, NoDate()),
    ],
)
def test_a_phrase_and_its_twin_are_understood(written: object, rule: object):
    """The forms are those of administrative documents."""
    assert read_due(written).rule == rule


def test_a_deadline_after_an_event_has_no_date_and_names_the_event():
    """Its date comes with the stage's `when`; the name lets the check see that it fits."""
    due = read_due("sau khi government.programme-issued")

    assert (due.rule, due.after) == (NoDate(), "government.programme-issued")


def test_an_event_may_be_called_by_its_title():
    """Documents name what they wait for in words, not by an id."""
    due = read_due("Sau khi Chính phủ ban hành Chương trình tổng thể")

    assert (due.rule, due.after) == (NoDate(), "Chính phủ ban hành Chương trình tổng thể")


@pytest.mark.parametrize(
    ("written", "variant", "near"),
    [
        ("trước 17 giờ 00 ngày 10/5/2020", "clock", "chậm nhất ngày 10/5/2020"),
        ("trước 16h30 ngày 10/5/2020", "clock", "chậm nhất ngày 10/5/2020"),
        ("trước ngày 15/12 hằng năm", "recurring", None),
        ("Định kỳ hàng quý", "recurring", None),
        ("trước ngày 10/5/2020 để tổng hợp", "", "trước ngày 10/5/2020"),
        ("trong thời hạn 10 ngày làm việc", "", None),
    ],
)
def test_what_plans_say_and_no_deadline_can_be_gets_its_own_way_out(
    written: str, variant: str, near: str | None
):
    """Hours and repetitions stand in many documents; the coordinator is told what to write."""
    with pytest.raises(Misread) as raised:
        read_due(written)

    assert (raised.value.kind, raised.value.variant) == ("phrase-not-understood", variant)
    assert near is None or raised.value.values["near"] == near


@given(DATES, DATES)
def test_the_words_of_a_span_are_read_back_with_the_same_last_day(one: date, other: date):
    """Months, quarters and years, and whatever lies between two days."""
    first, last = min(one, other), max(one, other)
    spans = [During(first, last), read_due(f"quý {first.month % 4 + 1}/{first.year}").rule]
    spans += [read_due(f"tháng {first.month}/{first.year}").rule]

    for rule in spans:
        assert isinstance(rule, During)
        read = read_due(worded("vi", rule)).rule
        assert read in (rule, By(rule.last))


def test_the_words_of_the_document_are_kept():
    """A mail quotes the document, not our reading of it."""
    assert read_due("Trước  ngày 10/5/2020").text == "Trước ngày 10/5/2020"


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ("truoc ngay 10/5/2020", "trước ngày 10/5/2020"),
        ("trứoc ngày 10/5/2020", "trước ngày 10/5/2020"),
        ("cham nhat ngay 10/5/2020", "chậm nhất ngày 10/5/2020"),
        (
            "trong thoi han 7 ngay lam viec ke tu ngay 10/5/2020",
            "trong thời hạn 7 ngày làm việc kể từ ngày 10/5/2020",
        ),
        ("thuong xuyen", "thường xuyên"),
        ("sau government.programme-issued", "sau khi government.programme-issued"),
        ("kịp", "kịp thời"),
    ],
)
def test_what_is_not_understood_names_the_nearest_phrase_with_its_own_date(written: str, near: str):
    """The coordinator copies the help instead of looking the syntax up."""
    with pytest.raises(Misread) as raised:
        read_due(written)

    assert raised.value.kind == "phrase-not-understood"
    assert raised.value.values["near"] == near


@given(st.text(max_size=80))
def test_the_nearest_phrase_is_always_one_that_is_understood(written: str):
    """Help that is itself refused would be a bad joke."""
    near = nearest_phrase(written)

    # A date or a number that cannot be is repeated as it was written.
    assert near == "" or fault(read_due, near) != "phrase-not-understood"


@pytest.mark.parametrize(
    ("written", "variant"),
    [
        ("Quý I, IV", "recurring"),
        ("Trước ngày 25 của tháng cuối quý", "recurring"),
        ("Giữa tháng 6/2022", "vague"),
        ("Tuần 2 tháng 3/2022", "vague"),
        ("chậm nhất 70 ngày trước ngày bầu cử", "countdown"),
    ],
)
def test_what_cannot_be_a_deadline_is_told_why(written: str, variant: str):
    """Half of the appendix tables of provincial plans hold one of these."""
    with pytest.raises(Misread) as raised:
        read_due(written)

    assert (raised.value.kind, raised.value.variant) == ("phrase-not-understood", variant)


@pytest.mark.parametrize(
    "written",
    [
        "Theo hướng dẫn của Trung ương",
        "Trước Tết Nguyên đán",
        "30/6",
        "Khi có yêu cầu",
        "Đột xuất",
        "sau ngày 10/5/2020",
        "quá ngày 10/5/2020",
        "trong vòng 24 giờ kể từ ngày 10/5/2020",
    ],
)
def test_no_date_name_or_direction_is_made_up(written: str):
    """A wrong guess that is copied is worse than none."""
    assert nearest_phrase(written) == ""


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("trước ngày 31/4/2020", "impossible-date"),
        ("trước ngày 10/5/2020 (thứ Hai)", "wrong-weekday"),
        ("đến hết ngày 10/5/2020 (thứ Bảy)", "wrong-weekday"),
        ("trước ngày 29/2/2021", "impossible-date"),
        ("trước ngày 5/13/2020", "impossible-date"),
        ("trước ngày 0/5/2020", "impossible-date"),
        ("trước ngày 10/5", "not-a-date"),
        ("trước ngày 10/5/20", "not-a-date"),
        ("trước ngày 10/5/1020", "date-out-of-range"),
        ("trong thời hạn 0 ngày kể từ ngày 10/5/2020", "number-out-of-range"),
        ("trong thời hạn 5000 ngày kể từ ngày 10/5/2020", "number-out-of-range"),
        ("trong thời hạn " + "9" * 5000 + " ngày kể từ ngày 10/5/2020", "phrase-not-understood"),
        ("10/5/2020", "phrase-not-understood"),
        ({"befor": "2020-05-10"}, "phrase-not-understood"),
        ({"before": ["2020-05-10"]}, "phrase-not-understood"),
        ({"before": "2020-05-10", "by": "2020-05-11"}, "phrase-not-understood"),
        (["trước ngày 10/5/2020"], "wrong-type"),
    ],
)
def test_a_wrong_deadline_says_what_is_wrong(written: object, kind: str):
    """A date that cannot be is another fault than a phrase that is not understood."""
    with pytest.raises(Misread) as raised:
        read_due(written)

    assert raised.value.kind == kind


@given(DATES)
def test_the_four_forms_of_a_date_are_one_date(day: date):
    """Whatever form the document has, the deadline is the same."""
    forms = (
        f"{day.day}/{day.month}/{day.year}",
        f"{day:%d.%m.%Y}",
        day.isoformat(),
        f"ngày {day.day} tháng {day.month} năm {day.year}",
        written_day("vi", day),
    )

    assert {read_date(form) for form in forms} == {day}


@given(DATES, st.sampled_from([Before, By]))
def test_the_words_of_a_twin_are_read_back_as_the_same_rule(day: date, rule: type[Before | By]):
    """What a mail quotes for a twin means what the twin means."""
    assert read_due(worded("vi", rule(day))).rule == rule(day)


@given(DATES, st.integers(1, 60), st.sampled_from(Unit))
def test_the_words_of_a_period_are_read_back_as_the_same_rule(day: date, count: int, unit: Unit):
    """As above, for periods."""
    rule = Within(count, unit, FromDay(day))

    assert read_due(worded("vi", rule)).rule == rule


@given(st.text(max_size=40))
def test_no_text_crashes_the_readers(written: str):
    """Anything else than Misread would reach the coordinator as a traceback."""
    for read in (read_due, read_gate_end, read_period, read_moment, read_time, read_date):
        assert fault(read, written) in {None, *RULES}


@pytest.mark.parametrize(
    ("written", "end"),
    [
        ("5 ngày làm việc sau hạn", GateAfterDue(5)),
        ("5 working days after due", GateAfterDue(5)),
        ("1 working day after due", GateAfterDue(1)),
        ("đến hết ngày 29/5/2020", GateBy(date(2020, 5, 29))),
        ({"by": "2020-05-29"}, GateBy(date(2020, 5, 29))),
        ({"before": "2020-05-29"}, GateBy(date(2020, 5, 28))),
    ],
)
def test_a_gate_gives_way_after_due_or_on_a_date(written: object, end: object):
    """*trước ngày D* is the end of the day before, here as everywhere."""
    assert read_gate_end(written) == end


@pytest.mark.parametrize("written", ["5 ngày sau hạn", "kịp thời", "vài hôm nữa", "none"])
def test_a_gate_without_a_date_is_not_understood(written: str):
    """Calendar days after due are not offered; a gate without an end has no `or`."""
    with pytest.raises(Misread) as raised:
        read_gate_end(written)

    assert raised.value.kind == "gate-not-understood"


@pytest.mark.parametrize(
    ("written", "period"),
    [
        ("5", (5, Unit.WORKING_DAYS)),
        ("1 working day", (1, Unit.WORKING_DAYS)),
        ("10 ngày làm việc", (10, Unit.WORKING_DAYS)),
        ("3 days", (3, Unit.DAYS)),
        ("2 tháng", (2, Unit.MONTHS)),
    ],
)
def test_periods_are_read_in_both_languages(written: str, period: tuple[int, Unit]):
    """A bare number is working days, as everywhere in a ladder."""
    assert read_period(written) == period


@pytest.mark.parametrize("written", ["08:00", "8:00", "8h00", "8h", "8 giờ", "8 giờ 00 phút"])
def test_times_of_day_are_read_as_they_are_written(written: str):
    """Offices write 8h00."""
    assert read_time(written) == time(8)


@pytest.mark.parametrize("written", ["24:00", "8:60", "sáng", "8", ""])
def test_what_is_no_time_of_day_is_refused(written: str):
    """A mail hour that is misread sends at night."""
    with pytest.raises(Misread) as raised:
        read_time(written)

    assert raised.value.kind == "not-a-time"


def test_a_moment_is_a_date_and_a_time():
    """Both orders of the date are read."""
    expected = datetime.combine(date(2020, 5, 7), time(15, 30))

    assert read_moment("2020-05-07 15:30") == expected
    assert read_moment("2020-05-07T15:30") == expected
    assert read_moment("07/5/2020 15h30") == expected


def test_a_date_for_the_command_line_is_a_date_or_none():
    """The command line says wrong usage its own way."""
    assert parse_date("08/5/2020") == date(2020, 5, 8)
    assert parse_date("31/4/2020") is None
