"""Value tables: ways of writing a value, and what the program makes of each.

Nothing is said here that a reader or the engine does not say itself: a phrase that were no
longer understood would end the making of the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import cache
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from engine.calendar import WorkingCalendar
from engine.deadline import (
    Anchors,
    Deadline,
    FromDay,
    FromEvent,
    NoDate,
    Phrase,
    Rule,
    Unit,
    Within,
    derive,
)
from engine.plan import AppendixRef, GateAfterDue
from language.catalogue import text
from language.dates import day as written_day
from plan_definitions.appendices import read_appendix
from plan_definitions.calendars import build_calendar, shipped
from plan_definitions.checks import YEARS_OF_DATES
from plan_definitions.dates import FIRST_YEAR, LAST_YEAR, read_date, read_time
from plan_definitions.handbook.markdown import code
from plan_definitions.loader import load_calendar
from plan_definitions.phrases import (
    ISSUED,
    MOST,
    Due,
    examples,
    read_due,
    read_gate_end,
    read_period,
    worded,
)
from plan_definitions.reading.source import Bundle
from plan_definitions.reading.yaml_source import parse

Row: TypeAlias = tuple[str, ...]

YEARS: Final = {"first": str(FIRST_YEAR), "last": str(LAST_YEAR)}
SAMPLE: Final = {
    "issued": date(2020, 4, 6),
    "event": date(2020, 7, 15),
    "stage": date(2020, 5, 29),
}
"""The days of the sample: when the plan was issued, the event came, the stage was done."""
LIMITS: Final = {
    "days": MOST[Unit.WORKING_DAYS],
    "months": MOST[Unit.MONTHS],
    "years": YEARS_OF_DATES,
}

_EVENT, _STAGE = "tên-sự-kiện", "tên-bước"
_DATES = ("06/4/2020", "6.4.2020", "2020-04-06", "ngày 06 tháng 4 năm 2020")
_CLOCKS = ("08:00", "8h00", "8h", "8 giờ", "16 giờ 30 phút")
_PERIODS = (
    *("10 ngày làm việc", "10 working days", "10", "05 (năm) ngày làm việc"),
    *("15 ngày", "15 days", "2 tuần", "2 weeks", "2 tháng", "2 months"),
)
_PHRASES = (
    *("trước ngày 10 tháng 5 năm 2020", "muộn nhất là ngày 10/5/2020", "đến ngày 10/5/2020"),
    *("từ ngày 01/4/2020 đến hết ngày 10/5/2020", "trước tháng 6/2020", "trước quý III/2020"),
    *("tháng 5 năm 2020", "cuối tháng 5/2020", "đến hết quý II năm 2020", "6 tháng đầu năm 2020"),
    *("6 tháng cuối năm 2020", "giai đoạn 2021-2025", "trong vòng 2 tuần kể từ ngày 10/5/2020"),
    "không quá 05 (năm) ngày làm việc, kể từ ngày ký",
    f"trong thời hạn 5 ngày làm việc sau khi {_STAGE} xong",
    f"chậm nhất 5 ngày làm việc sau khi {_STAGE} hoàn thành",
    *("liên tục", "không thời hạn", "thường xuyên, kịp thời", "none"),
)
_TWINS = (
    *("{before: 2020-05-10}", "{by: 2020-05-10}", "{in: 5/2020}", "{in: II/2020}", "{in: 2020}"),
    *("{within: 10 ngày làm việc, of: 2020-05-10}", "{within: 15 days, of: issued}"),
    f"{{within: 2 tháng, of: {_EVENT}}}",
    f"{{within: 5, of: {_STAGE} xong}}",
    f"{{after: {_EVENT}}}",
)
_APPENDICES = (
    ("Phụ lục IV", "{appendix: IV}"),
    ("Biểu số 02a", "{appendix: Biểu 02a}"),
    ("Phụ lục I (trừ Mục 3)", "{appendix: I, less: 3}"),
    ("Phụ lục VII (không tổng hợp Mục 14)", "{appendix: VII, less: 14}"),
    ("Mục 3, 4 Phụ lục VIII", "{appendix: VIII, items: [3, 4]}"),
    ("Mục 8 đến 10 và 16 Phụ lục VIII", "{appendix: VIII, items: [8, 9, 10, 16]}"),
    ("Điểm 2, 4 Mục 3 Phụ lục I", "{appendix: I, items: 3, points: [2, 4]}"),
)
_GATE_ENDS = (
    *("5 ngày làm việc sau hạn", "5 working days after due", "đến hết ngày 29/5/2020"),
    *("trước ngày 01/6/2020", "đến hết quý II/2020", "{by: 2020-05-29}"),
)


def _say(language: str, key: str, **values: Any) -> str:
    return text(language, f"reference.{key}", **values)


def dates(language: str) -> Iterator[Row]:
    """Yield the forms of a date, and the date."""
    for written in _DATES:
        yield code(written), written_day(language, read_date(written))


def clocks() -> Iterator[Row]:
    """Yield the forms of a time of day, and the time."""
    for written in _CLOCKS:
        yield code(written), f"{read_time(written):%H:%M}"


def periods(language: str) -> Iterator[Row]:
    """Yield the forms of a period, and its length."""
    for written in _PERIODS:
        count, unit = read_period(written)
        yield code(written), _say(language, f"count-{unit}", count=count)


def deadlines(language: str) -> Iterator[Row]:
    """Yield the phrases of a deadline, each with its last day and how that comes about."""
    known = [(phrase, _settled(read_due(phrase))) for phrase in (*examples(), *_PHRASES)]
    for written, due in sorted(known, key=lambda one: _rank(one[1].rule)):
        yield code(written), *_last_day(language, due, written)


def twins(language: str) -> Iterator[Row]:
    """Yield the structured twins of a deadline, each in words and with its last day."""
    for written in _TWINS:
        due = _settled(read_due(_value(written)))
        said = worded(language, due.rule, due.after)
        yield code(written), said, _last_day(language, due, said)[0]


def appendices(language: str) -> Iterator[Row]:
    """Yield places in appendices, each with its structured twin and what it holds."""
    for written, twin in _APPENDICES:
        ref = read_appendix(written)
        yield code(written), code(twin), _place(language, ref)


def appendix_pairs() -> Sequence[tuple[AppendixRef, AppendixRef]]:
    """Return what each place in an appendix and its structured twin refer to."""
    return [(read_appendix(said), read_appendix(_value(twin))) for said, twin in _APPENDICES]


def gate_ends(language: str) -> Iterator[Row]:
    """Yield the ways of saying when a gate gives way, and when that is."""
    for written in _GATE_ENDS:
        match read_gate_end(_value(written)):
            case GateAfterDue(count):
                yield code(written), _say(language, "gate-after-due", count=count)
            case end:
                yield code(written), _say(language, "gate-by", day=end.day)


def _value(written: str) -> Any:
    """Return a value as a plan file holds it."""
    document, _ = parse("", f"value: {written}\n")
    assert document is not None
    return document.value["value"]


def _rank(rule: Rule) -> int:
    """Return the place of a deadline among others: dates, spans, periods, none."""
    return ("Before", "By", "During", "Within", "NoDate").index(type(rule).__name__)


def _last_day(language: str, due: Due, said: str) -> Row:
    """Return the last day of a deadline of the sample, and how it comes about."""
    if isinstance(due.rule, NoDate):
        return _say(language, "none"), _say(language, "undated")
    found = _derived(due.rule, said)
    steps = (text(language, step.key, **step.values) for step in found.derivation)
    return written_day(language, found.last_day, "weekday"), " → ".join(steps)


def _settled(due: Due) -> Due:
    """Return a deadline of the sample: the day of issue is known."""
    rule = due.rule
    if isinstance(rule, Within) and rule.of == FromEvent(ISSUED):
        return replace(due, rule=Within(rule.count, rule.unit, FromDay(SAMPLE["issued"])))
    return due


def _derived(rule: Rule, said: str) -> Deadline:
    found = derive(
        Phrase(said, rule),
        calendar=_calendar(),
        zone=ZoneInfo("Asia/Ho_Chi_Minh"),
        anchors=Anchors({_EVENT: SAMPLE["event"]}, {_STAGE: SAMPLE["stage"]}),
    )
    assert found is not None, said
    return found


@cache
def _calendar() -> WorkingCalendar:
    overlay = load_calendar(Bundle.read(shipped()))
    return build_calendar(overlay, issued=SAMPLE["issued"])


def _place(language: str, ref: AppendixRef) -> str:
    """Say what a place in an appendix holds."""
    parts = [ref.appendix]
    for key, numbers in (("item", ref.items), ("points", ref.points), ("less", ref.less)):
        if numbers:
            parts.append(_say(language, key, numbers=numbers))
    if len(parts) == 1:
        parts.append(_say(language, "all-appendix"))
    return "; ".join(parts)
