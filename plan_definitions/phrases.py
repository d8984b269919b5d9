"""Phrases: deadlines as administrative documents word them, and their structured twins.

`trước ngày 10/5/2020` and `{before: 2020-05-10}` say the same. What each comes to is
`engine.deadline`'s business; here they are only understood.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from difflib import SequenceMatcher
from functools import lru_cache, partial
from typing import Any

from engine.deadline import (
    Before,
    By,
    During,
    FromDay,
    FromEvent,
    FromStage,
    NoDate,
    Rule,
    Unit,
    Within,
)
from engine.plan import GateAfterDue, GateBy
from language.catalogue import text as say
from language.dates import weekday
from plan_definitions.calendar_spans import read_short, read_span, worded_span
from plan_definitions.dates import DATE_SHAPE, bare, fold, read_date, tidy
from plan_definitions.diagnostics import Misread, Term

MOST = {Unit.DAYS: 1000, Unit.WORKING_DAYS: 1000, Unit.MONTHS: 60}
"""The longest periods; a plan's calendar holds twenty years."""

LONGEST = 300
"""Characters of a phrase; the longest that is understood has a third of it."""

_UNITS = {
    "ngày làm việc": Unit.WORKING_DAYS,
    "working days": Unit.WORKING_DAYS,
    "working day": Unit.WORKING_DAYS,
    "ngày": Unit.DAYS,
    "days": Unit.DAYS,
    "day": Unit.DAYS,
    "tuần": Unit.DAYS,
    "weeks": Unit.DAYS,
    "week": Unit.DAYS,
    "tháng": Unit.MONTHS,
    "months": Unit.MONTHS,
    "month": Unit.MONTHS,
}
_WEEKS = frozenset({"tuần", "weeks", "week"})
_PERIOD = rf"(?P<count>\d+)(?: ?\([^()]*\))? (?P<unit>{'|'.join(_UNITS)})"
_DATE = re.compile(f"(?:ngày )?{DATE_SHAPE}")
_DATE_FIRST = re.compile(rf"(?P<date>{DATE_SHAPE})\b(?P<rest>.*)")
_WEEKDAY = re.compile(
    r",? ?\(?(?:tức )?(?:ngày )?(?P<weekday>thứ (?:hai|ba|tư|năm|sáu|bảy)|chủ nhật)\)?$"
)
_UNDATED = frozenset(
    {"kịp thời", "thường xuyên", "liên tục", "không hạn", "không thời hạn", "none"}
)
_COUNTDOWN = re.compile(r"\b\d+ (?:ngày|tháng|tuần)(?: làm việc)? trước (?:ngày|khi|thời điểm)\b")
_VAGUE = re.compile(
    r"^(?:trong |vào )?(?:đầu|giữa|nửa|khoảng|trung tuần|thượng tuần|hạ tuần|tuần)\b"
)
_FIELD = re.compile(r"{(\w+)}")
_NEAR = 0.5
_DECISIVE = ("truoc", "sau", "qua", "before", "after", "thang", "quy", "tuan", "gio")
_NOTHING = frozenset({"no", "không", "không có", "chưa có", "không rõ", "null", "~", "-", "n/a"})
_RECURRING = re.compile(
    r"\b(?:(?:hằng|hàng|mỗi|các) (?:năm|quý|tháng|tuần|ngày)|định kỳ|tháng cuối quý)\b"
    r"|\bquý (?:iv|i{1,3}|[1-4])\b[/\d]* ?(?:,|và|-) ?(?:quý )?(?:iv|i{1,3}|[1-4])\b"
)
_CLOCK = re.compile(r"\b\d{1,2} ?(?:giờ|g|h|:)(?: ?\d{2}(?: phút)?)?,? (?:ngày )?(?P<date>.+)")

_BEFORE = re.compile(r"trước (?:ngày )?(?P<date>\S*\d.*)")
_BY = re.compile(
    r"(?:(?:chậm|muộn) nhất(?: (?:là|đến|vào|trong|hết))*|(?:đến|tới) hết|hạn(?: đến| là)?|đến"
    r"|(?:từ|kể từ) (?:ngày )?\S+ đến(?: hết)?)"
    r" (?:ngày )?(?P<date>\S*\d.*)"
)
_WITHIN = re.compile(
    rf"(?:(?:trong|(?:chậm|muộn) nhất|không quá)(?: (?:là|trong|thời hạn|thời gian|vòng))* )?"
    rf"{_PERIOD},? (?:kể từ|tính từ|từ|sau)(?: khi| lúc| ngày)* (?P<of>.+)"
)
_AFTER = re.compile(r"(?:ngay )?sau khi (?P<of>.+?)(?: xong| hoàn thành)?")
_AFTER_DUE = re.compile(rf"{_PERIOD} (?:sau hạn|sau thời hạn|after due)")
_SPAN_LEAD = re.compile(
    r"(?:(?:chậm|muộn) nhất(?: là)? )?(?:(?:trong|vào|cuối|đến cuối|hết|đến hết) )?"
)

ISSUED = "issued"
"""The origin of a period that counts from the day on which the plan was issued."""
_OF_ISSUE = re.compile(
    r"(?:ký|ký ban hành|ban hành)(?: (?:kế hoạch|văn bản|quyết định))?(?: này)?|issued"
)

_EXAMPLES = (
    "trước ngày {day}",
    "chậm nhất ngày {day}",
    "chậm nhất là ngày {day}",
    "chậm nhất đến ngày {day}",
    "đến hết ngày {day}",
    "hạn ngày {day}",
    "trong thời hạn {count} ngày làm việc kể từ ngày {day}",
    "trong thời hạn {count} ngày kể từ ngày {day}",
    "trong thời hạn {count} tháng kể từ ngày {day}",
    "trong thời hạn {count} ngày làm việc kể từ khi {name}",
    "trong vòng {count} ngày làm việc kể từ khi {name}",
    "trong thời hạn {count} ngày làm việc kể từ ngày ban hành",
    "trong tháng {month}",
    "trong quý {quarter}",
    "trong năm {year}",
    "sau khi {name}",
    "kịp thời",
    "thường xuyên",
    "không hạn",
)


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline as it is written: its words ("" for a twin) and its rule.

    `after` names what a deadline without a date waits for (`sau khi EVENT`). An event or a
    stage may be named by its id or by its title; which it is, is settled by who knows the
    plan (until then `xong` counts).
    """

    text: str
    rule: Rule
    after: str | None = None


UNDATED = Due("không hạn", NoDate())


def examples() -> tuple[str, ...]:
    """Return one phrase of each kind that is understood, of sample days and names."""
    values = {"day": "10/5/2020", "count": "10", "name": "tên-sự-kiện"}
    spans = {"month": "5/2020", "quarter": "II/2020", "year": "2020"}
    return tuple(example.format_map(values | spans) for example in _EXAMPLES)


def read_due(written: Any) -> Due:
    """Return the deadline that a phrase or its structured twin states. Raises Misread."""
    if isinstance(written, Mapping):
        return _read_twin(written)
    if not isinstance(written, str):
        raise Misread("wrong-type", expected=Term("phrase"))
    return _read_phrase(tidy(written))


@lru_cache(maxsize=4096)
def _read_phrase(words: str) -> Due:
    whole = fold(words).rstrip(" .;,")
    said = _WEEKDAY.sub("", whole)
    if len(said) > LONGEST:
        raise Misread("phrase-not-understood", written=words, near="")
    if all(part in _UNDATED for part in re.split(", | và ", said)):
        return Due(words if said != "none" else "", NoDate())
    rule = _read_span(said) or _read_within(words, said) or _read_date_phrase(words, said)
    if rule is not None:
        _check_weekday(whole, rule)
        return Due(words, rule)
    if found := _AFTER.fullmatch(said):
        return Due(words, NoDate(), after=_as_written(words, found["of"]))
    raise _not_understood(words, said)


def _check_weekday(said: str, rule: Rule) -> None:
    """Refuse a day of the week that is not that of the date: one of the two is a slip."""
    written = _WEEKDAY.search(said)
    if written is not None and isinstance(rule, Before | By):
        named = written["weekday"]
        if named != fold(weekday("vi", rule.day)):
            raise Misread("wrong-weekday", day=rule.day, named=named)


def _read_span(said: str) -> Rule | None:
    """Read *trong tháng 5/2020*, *quý II/2020*, *trước tháng 6/2020*."""
    if said.startswith("trước "):
        found = read_span(said.removeprefix("trước "))
        return None if found is None else Before(found[0])
    lead = _SPAN_LEAD.match(said)
    found = read_span(said[lead.end() if lead else 0 :])
    return None if found is None else During(*found)


def _read_within(words: str, said: str) -> Rule | None:
    found = _WITHIN.fullmatch(said)
    if found is None:
        return None
    count, unit = _period(found)
    return Within(count, unit, _origin(found["of"], _as_written(words, found["of"])))


def _read_date_phrase(words: str, said: str) -> Rule | None:
    for pattern, rule in ((_BEFORE, Before), (_BY, By)):
        if found := pattern.fullmatch(said):
            day = found["date"]
            first = _DATE_FIRST.fullmatch(day)
            if (first is not None and first["rest"]) or _speaks_of_more(said):
                raise _not_understood(words, said)
            return rule(read_date(day))
    return None


def _speaks_of_more(said: str) -> bool:
    """Say whether a phrase speaks of a clock time or a repetition, which no deadline has."""
    return any(found.search(said) for found in (_CLOCK, _RECURRING, _COUNTDOWN))


def _not_understood(words: str, said: str) -> Misread:
    variant, near = "", partial(nearest_phrase, words)
    if _DATE.fullmatch(said):
        variant = "bare-date"
    elif _RECURRING.search(said):
        variant = "recurring"
    elif _COUNTDOWN.search(said):
        variant = "countdown"
    elif _VAGUE.search(said):
        variant = "vague"
    elif (clock := _CLOCK.search(said)) and (day := _DATE_FIRST.match(clock["date"])):
        # An hour of that day is still that day.
        variant, near = "clock", partial("chậm nhất ngày {}".format, day["date"])
    return Misread("phrase-not-understood", variant=variant, written=words, near=near)


def _as_written(words: str, said: str) -> str:
    """Return the part of a text that was found in its folded form, as it was written."""
    core = words.rstrip(" .;,")
    for end in range(len(core), len(core) - 12, -1):  # what may stand behind: " hoàn thành"
        part = core[max(end - len(said), 0) : end]
        if fold(part) == said:
            return part
    return said


def read_gate_end(written: Any) -> GateAfterDue | GateBy:
    """Return when a gate gives way: N working days after due, or a date. Raises Misread."""
    if isinstance(written, str) and (found := _AFTER_DUE.fullmatch(fold(written))):
        count, unit = _period(found)
        if unit is Unit.WORKING_DAYS:
            return GateAfterDue(count)
        raise Misread("gate-not-understood", written=tidy(written))
    try:
        due = read_due(written)
    except Misread as misread:
        if misread.kind == "phrase-not-understood":
            raise Misread("gate-not-understood", written=tidy(written)) from None
        raise
    match due.rule:
        case By(day):
            return GateBy(day)
        case Before(day):
            return GateBy(day - timedelta(days=1))
        case During(_, last):
            return GateBy(last)
    raise Misread("gate-not-understood", written=due.text or str(written))


def read_period(written: str) -> tuple[int, Unit]:
    """Return a period: `10 ngày làm việc`, `2 months`; a bare number is working days.

    Raises Misread.
    """
    said = fold(written)
    found = re.fullmatch(_PERIOD, f"{said} ngày làm việc" if said.isdecimal() else said)
    if found is None:
        raise Misread("period-not-understood", written=tidy(written))
    return _period(found)


def worded(language: str, rule: Rule, after: str | None = None) -> str:
    """Return the words of a structured twin, in the plan's language."""
    match rule:
        case Before(day):
            return say(language, "phrase.before", day=day)
        case By(day):
            return say(language, "phrase.by", day=day)
        case During(first, last):
            return worded_span(language, first, last)
        case Within(count, unit, FromDay(day)):
            return say(language, f"phrase.within-{unit}", count=count, of=_written(day))
        case Within(count, unit, FromEvent(name)):
            return say(language, f"phrase.within-{unit}-of", count=count, of=name)
        case Within(count, unit, FromStage(name)):
            return say(language, f"phrase.within-{unit}-of-stage", count=count, of=name)
        case _ if after is not None:
            return say(language, "phrase.after", of=after)
    return say(language, "phrase.none")


def nearest_phrase(written: str) -> str:
    """Return the understood phrase that `written` comes closest to, "" where none is near.

    It says nothing that is not written: no date, year, number or name is made up.
    """
    said = fold(written)
    if said in _NOTHING:
        return "không hạn"
    day = re.search(DATE_SHAPE, said)
    rest = said.replace(day[0], " ") if day else said
    number = re.search(r"\b\d{1,3}\b", rest)
    name = re.search(r"\b[a-z0-9]*[a-z][a-z0-9]*(?:[.-][a-z0-9]+)+\b", rest)
    month = re.search(r"\b(?:0?[1-9]|1[0-2])[/.-](?:20\d\d)\b", rest)
    year = re.search(r"\b20\d\d\b", rest)
    quarter = re.search(r"\b(i{1,3}|iv|[1-4])\b\W+(?:nam |năm )?(20\d\d)\b", bare(rest))
    found = {
        "day": day and day[0],
        "count": number and number[0],
        "name": name and name[0],
        "month": month and month[0],
        "quarter": quarter and f"{quarter[1].upper()}/{quarter[2]}",
        "year": year and year[0],
    }
    values = {key: value for key, value in found.items() if value}
    plain = bare(said)

    def likeness(example: str) -> float:
        return SequenceMatcher(None, plain, bare(example)).ratio()

    said_so = [
        example.format_map(values)
        for example in _EXAMPLES
        if all(key in values for key in _FIELD.findall(example))
    ]
    near = max(said_so, key=likeness)
    return near if likeness(near) >= _NEAR and not _turns(plain, bare(near)) else ""


def _turns(said: str, near: str) -> bool:
    """Say whether a proposal would turn the meaning round: its direction or its unit."""
    words, others = set(said.split()), set(near.split())
    return any((word in words) != (word in others) for word in _DECISIVE)


def _period(found: re.Match[str]) -> tuple[int, Unit]:
    unit = _UNITS[found["unit"]]
    digits = found["count"]
    # A number of a thousand digits is no number of days; int() would refuse it.
    count = int(digits) if len(digits) <= 6 else MOST[unit] + 1
    if found["unit"] in _WEEKS:
        count *= 7
    if not 1 <= count <= MOST[unit]:
        raise Misread("number-out-of-range", written=digits[:12], least=1, most=MOST[unit])
    return count, unit


def _origin(said: str, written: str) -> FromDay | FromEvent | FromStage:
    """Return what a period counts from; a name is kept as it was written."""
    name = re.sub(r" (?:xong|hoàn thành)$", "", said)
    if _DATE.fullmatch(name):
        return FromDay(read_date(name))
    if _OF_ISSUE.fullmatch(name):
        return FromEvent(ISSUED)
    if name != said:
        return FromStage(written[: len(name)])
    return FromEvent(written)


def _read_twin(written: Mapping[str, Any]) -> Due:
    """Read `{before: D}`, `{by: D}`, `{in: M/Y}`, `{within: …, of: …}` or `{after: EVENT}`."""
    values = {key: value for key, value in written.items() if isinstance(value, str) and value}
    if len(values) == len(written):
        match sorted(written):
            case ["before"]:
                return Due("", Before(read_date(values["before"])))
            case ["by"]:
                return Due("", By(read_date(values["by"])))
            case ["in"] if found := read_short(values["in"]):
                return Due("", During(*found))
            case ["of", "within"]:
                count, unit = read_period(values["within"])
                of = tidy(values["of"])
                return Due("", Within(count, unit, _origin(fold(of), of)))
            case ["after"]:
                return Due("", NoDate(), after=tidy(values["after"]))
    shown = ", ".join(f"{key}: {value}" for key, value in written.items())
    raise Misread("phrase-not-understood", variant="twin", written="{" + shown[:80] + "}", near="")


def _written(day: date) -> str:
    return f"{day.day:02}/{day.month}/{day.year}" if day.month > 2 else f"{day:%d/%m/%Y}"
