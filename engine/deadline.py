"""Deadline: typed legal phrases, and the last day and instant that each derives to.

Phrase → last day → rolled last day → instant, every step kept as a reason. Days are
reckoned in the plan's time zone; a day ends at 24:00 (Civil Code 2015, art. 148), so a
report is late from 00:00 of the day after its last day.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias
from zoneinfo import ZoneInfo

from engine.calendar import WorkingCalendar
from engine.reason import Reason, reason


class Roll(StrEnum):
    """What a last day that is no working day does."""

    NONE = "none"
    FORWARD = "forward"
    BACK = "back"


class Unit(StrEnum):
    """What a period is counted in."""

    DAYS = "days"
    WORKING_DAYS = "working-days"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Before:
    """*trước ngày D*: the last day is the day before D."""

    day: date


@dataclass(frozen=True, slots=True)
class By:
    """*chậm nhất ngày D*, *đến hết ngày D*: the last day is D."""

    day: date


@dataclass(frozen=True, slots=True)
class During:
    """*trong tháng M/Y*, *quý Q/Y*, *trong năm Y*: the last day is the last of the span."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class FromDay:
    """A period's first day, which is itself not counted."""

    day: date


@dataclass(frozen=True, slots=True)
class FromEvent:
    """A period counted from the date of an outside event's document."""

    event: str


@dataclass(frozen=True, slots=True)
class FromStage:
    """A period counted from the day on which a stage was done."""

    stage: str


@dataclass(frozen=True, slots=True)
class Within:
    """*trong thời hạn N ngày (làm việc) kể từ …*: D is not counted (Civil Code, art. 147)."""

    count: int
    unit: Unit
    of: FromDay | FromEvent | FromStage


@dataclass(frozen=True, slots=True)
class NoDate:
    """*kịp thời*, *thường xuyên*, *sau khi …*, *không hạn*: no date, never late."""


Rule: TypeAlias = Before | By | During | Within | NoDate


@dataclass(frozen=True, slots=True)
class Phrase:
    """A deadline as the plan states it: its words, its typed rule, and its roll.

    `roll` None takes the default of the rule: none for dates, forward for periods of
    days or months (Civil Code 2015, art. 148).
    """

    text: str
    rule: Rule
    roll: Roll | None = None


@dataclass(frozen=True, slots=True)
class Anchors:
    """The dates that periods are counted from, as far as they are known."""

    events: Mapping[str, date] = field(default_factory=dict)
    stages: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A derived deadline: the last day, the instant it is late from, and how it came about."""

    last_day: date
    last_working_day: date
    late_from: datetime
    derivation: tuple[Reason, ...]


def derive(
    phrase: Phrase, *, calendar: WorkingCalendar, zone: ZoneInfo, anchors: Anchors
) -> Deadline | None:
    """Return the deadline of `phrase`, or None where it has no date, or none yet.

    Raises CalendarRangeError where a day lies outside of the calendar's years.
    """
    found = _last_day(phrase, calendar, anchors)
    if found is None:
        return None
    last_day, steps = found
    return settle(
        last_day,
        steps,
        roll=phrase.roll or _default_roll(phrase.rule),
        calendar=calendar,
        zone=zone,
    )


def stated_day(phrase: Phrase, *, calendar: WorkingCalendar, anchors: Anchors) -> date | None:
    """Return the last day as a phrase words it, before its roll; None as `derive` does.

    Raises CalendarRangeError.
    """
    found = _last_day(phrase, calendar, anchors)
    return None if found is None else found[0]


def settle(
    last_day: date,
    steps: tuple[Reason, ...],
    *,
    roll: Roll,
    calendar: WorkingCalendar,
    zone: ZoneInfo,
) -> Deadline:
    """Roll `last_day` and reckon the instant from which it is late."""
    if not calendar.is_working(last_day) and roll is not Roll.NONE:
        forward = roll is Roll.FORWARD
        rolled = calendar.on_or_after(last_day) if forward else calendar.on_or_before(last_day)
        steps = (*steps, reason(f"derivation.roll-{roll}", day=last_day, rolled=rolled))
        last_day = rolled
    last_working_day = calendar.on_or_before(last_day)
    steps = (*steps, reason("derivation.last-day", day=last_day))
    if last_working_day != last_day:
        steps = (*steps, reason("derivation.last-working-day", day=last_working_day))
    if calendar.is_estimate(last_day.year):
        steps = (*steps, reason("derivation.estimate", year=last_day.year))
    return Deadline(
        last_day=last_day,
        last_working_day=last_working_day,
        late_from=start_of(last_day + timedelta(days=1), zone),
        derivation=steps,
    )


def later_of(old: Deadline | None, new: Deadline) -> Deadline:
    """Return the later deadline: time between a submission and its return is not the agency's."""
    return old if old is not None and old.last_day > new.last_day else new


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Return 00:00 of `day` in `zone`, in UTC."""
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _last_day(
    phrase: Phrase, calendar: WorkingCalendar, anchors: Anchors
) -> tuple[date, tuple[Reason, ...]] | None:
    """Return the last day before any roll, and the steps up to it: first the phrase itself."""
    said = phrase.text
    match phrase.rule:
        case NoDate():
            return None
        case Before(day):
            steps = (reason("derivation.before", phrase=said, day=day),)
            return day - timedelta(days=1), steps
        case By(day):
            return day, (reason("derivation.by", phrase=said, day=day),)
        case During(first, last):
            return last, (reason("derivation.during", phrase=said, first=first, last=last),)
        case Within(count, unit, of):
            origin = _origin(of, anchors)
            if origin is None:
                return None
            return _count(origin, count, unit, calendar), (
                reason("derivation.within", phrase=said),
                reason(f"derivation.counted-{unit}", origin=origin, count=count),
            )


def _origin(of: FromDay | FromEvent | FromStage, anchors: Anchors) -> date | None:
    match of:
        case FromDay(day):
            return day
        case FromEvent(event):
            return anchors.events.get(event)
        case FromStage(stage):
            return anchors.stages.get(stage)


def _count(origin: date, count: int, unit: Unit, calendar: WorkingCalendar) -> date:
    match unit:
        case Unit.WORKING_DAYS:
            return calendar.offset(origin, count)
        case Unit.DAYS:
            return origin + timedelta(days=count)
        case Unit.MONTHS:
            months = origin.year * 12 + origin.month - 1 + count
            year, month = divmod(months, 12)
            # Art. 147: a month without that day ends the period on its last day.
            return date(year, month + 1, min(origin.day, gregorian.monthrange(year, month + 1)[1]))


def _default_roll(rule: Rule) -> Roll:
    return Roll.FORWARD if isinstance(rule, Within) else Roll.NONE
