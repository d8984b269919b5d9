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
from typing import Any

from engine.deadline import (
    Before,
    By,
    FromDay,
    FromEvent,
    FromStage,
    NoDate,
    Unit,
    Within,
)
from engine.plan import GateAfterDue, GateBy
from language.catalogue import text as say
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
    "tháng": Unit.MONTHS,
    "months": Unit.MONTHS,
    "month": Unit.MONTHS,
}
_PERIOD = rf"(?P<count>\d+) (?P<unit>{'|'.join(_UNITS)})"
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
_DATE = re.compile(f"(?:ngày )?{DATE_SHAPE}")
_UNDATED = frozenset({"kịp thời", "thường xuyên", "không hạn", "không thời hạn", "none"})

_BEFORE = re.compile(r"trước (?:ngày )?(?P<date>\S*\d.*)")
_BY = re.compile(
    r"(?:(?:chậm|muộn) nhất(?: (?:là|đến|vào|trong|hết))*|(?:đến|tới) hết|hạn(?: đến| là)?|đến)"
    r" (?:ngày )?(?P<date>\S*\d.*)"
)
_WITHIN = re.compile(
    rf"trong (?:thời hạn |vòng )?{_PERIOD},? (?:kể từ|từ|sau)(?: khi| lúc| ngày)* (?P<of>.+)"
)
_AFTER = re.compile(r"sau khi (?P<of>\S+)(?: xong| hoàn thành)?")
_AFTER_DUE = re.compile(rf"{_PERIOD} (?:sau hạn|sau thời hạn|after due)")

_EXAMPLES = (
    "trước ngày {day}",
    "chậm nhất ngày {day}",
    "chậm nhất là ngày {day}",
    "đến hết ngày {day}",
    "hạn ngày {day}",
    "trong thời hạn {count} ngày làm việc kể từ ngày {day}",
    "trong thời hạn {count} ngày kể từ ngày {day}",
    "trong thời hạn {count} tháng kể từ ngày {day}",
    "trong thời hạn {count} ngày làm việc kể từ khi {name}",
    "trong vòng {count} ngày làm việc kể từ khi {name}",
    "sau khi {name}",
    "kịp thời",
    "thường xuyên",
    "không hạn",
)


@dataclass(frozen=True, slots=True)
class Due:
    """A deadline as it is written: its words ("" for a twin) and its rule.

    `after` names what a deadline without a date waits for (`sau khi EVENT`). Whether a
    name is an event or a stage is settled by who knows the plan; until then `xong` counts.
    """

    text: str
    rule: Before | By | Within | NoDate
    after: str | None = None


UNDATED = Due("không hạn", NoDate())


def read_due(written: Any) -> Due:
    """Return the deadline that a phrase or its structured twin states. Raises Misread."""
    if isinstance(written, Mapping):
        return _read_twin(written)
    if not isinstance(written, str):
        raise Misread("wrong-type", expected=Term("phrase"))
    words = tidy(written)
    said = fold(words).rstrip(" .;,")
    if len(said) > LONGEST:
        raise Misread(
            "phrase-not-understood", written=words, near=_EXAMPLES[0].format(day="10/5/2020")
        )
    if said in _UNDATED:
        return Due(words if said != "none" else "", NoDate())
    if found := _BEFORE.fullmatch(said):
        return Due(words, Before(read_date(found["date"])))
    if found := _BY.fullmatch(said):
        return Due(words, By(read_date(found["date"])))
    if found := _WITHIN.fullmatch(said):
        count, unit = _period(found)
        return Due(words, Within(count, unit, _origin(found["of"])))
    if (found := _AFTER.fullmatch(said)) and _NAME.fullmatch(found["of"]):
        return Due(words, NoDate(), after=found["of"])
    raise Misread(
        "phrase-not-understood",
        variant="bare-date" if _DATE.fullmatch(said) else "",
        written=words,
        near=nearest_phrase(words),
    )


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


def worded(language: str, rule: Before | By | Within | NoDate, after: str | None = None) -> str:
    """Return the words of a structured twin, in the plan's language."""
    match rule:
        case Before(day):
            return say(language, "phrase.before", day=day)
        case By(day):
            return say(language, "phrase.by", day=day)
        case Within(count, unit, FromDay(day)):
            return say(language, f"phrase.within-{unit}", count=count, of=_written(day))
        case Within(count, unit, FromEvent(name) | FromStage(name)):
            return say(language, f"phrase.within-{unit}-of", count=count, of=name)
        case _ if after is not None:
            return say(language, "phrase.after", of=after)
    return say(language, "phrase.none")


def nearest_phrase(written: str) -> str:
    """Return the understood phrase that `written` comes closest to, with its own values."""
    said = fold(written)
    day = re.search(DATE_SHAPE, said)
    rest = said.replace(day[0], " ") if day else said
    number = re.search(r"\b\d{1,3}\b", rest)
    name = re.search(r"\b[a-z0-9]+(?:[.-][a-z0-9]+)+\b", rest)
    values = {
        "day": day[0] if day else "10/5/2020",
        "count": number[0] if number else "10",
        "name": name[0] if name else "tên-sự-kiện",
    }
    plain = bare(said)

    def likeness(example: str) -> float:
        return SequenceMatcher(None, plain, bare(example)).ratio()

    return max((example.format_map(values) for example in _EXAMPLES), key=likeness)


def _period(found: re.Match[str]) -> tuple[int, Unit]:
    unit = _UNITS[found["unit"]]
    digits = found["count"]
    # A number of a thousand digits is no number of days; int() would refuse it.
    count = int(digits) if len(digits) <= 6 else MOST[unit] + 1
    if not 1 <= count <= MOST[unit]:
        raise Misread("number-out-of-range", written=digits[:12], least=1, most=MOST[unit])
    return count, unit


def _origin(said: str) -> FromDay | FromEvent | FromStage:
    name = re.sub(r" (?:xong|hoàn thành)$", "", said)
    if _DATE.fullmatch(name):
        return FromDay(read_date(name))
    if _NAME.fullmatch(name):
        return FromStage(name) if name != said else FromEvent(name)
    raise Misread("unknown-origin", variant="words", name=name)


def _read_twin(written: Mapping[str, Any]) -> Due:
    """Read `{before: D}`, `{by: D}`, `{within: …, of: …}` or `{after: EVENT}`."""
    keys = frozenset(written)
    values = {key: value for key, value in written.items() if isinstance(value, str) and value}
    if len(values) == len(written):
        match sorted(keys):
            case ["before"]:
                return Due("", Before(read_date(values["before"])))
            case ["by"]:
                return Due("", By(read_date(values["by"])))
            case ["of", "within"]:
                count, unit = read_period(values["within"])
                return Due("", Within(count, unit, _origin(fold(values["of"]))))
            case ["after"]:
                return Due("", NoDate(), after=values["after"])
    shown = ", ".join(f"{key}: {value}" for key, value in written.items())
    raise Misread("phrase-not-understood", variant="twin", written="{" + shown[:80] + "}", near="")


def _written(day: date) -> str:
    return f"{day.day:02}/{day.month}/{day.year}" if day.month > 2 else f"{day:%d/%m/%Y}"
