"""Working year: one year of a calendar as people look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from engine.calendar import SATURDAY, DayOff, WorkingCalendar
from language.catalogue import text
from plan_definitions.calendars import Overlay, calendar_of_years, package_source
from plan_definitions.dates import FIRST_YEAR, LAST_YEAR
from plan_definitions.schema import DayForm, UncertainForm
from services.errors import Refused

MONTHS = range(1, 13)


@dataclass(frozen=True)
class WorkingYear:
    """A year, its days off besides the weekends, and the days worked instead."""

    year: int
    overlay: Overlay
    calendar: WorkingCalendar
    language: str

    @property
    def is_estimate(self) -> bool:
        """Whether no official notice is known for the year."""
        return self.calendar.is_estimate(self.year)

    @cached_property
    def days_off(self) -> tuple[DayOff, ...]:
        """The days off besides Saturdays and Sundays."""
        named = (self.calendar.day_off(day) for day in self.days() if day.weekday() < SATURDAY)
        return tuple(off for off in named if off is not None)

    @cached_property
    def worked(self) -> tuple[DayOff, ...]:
        """The days that would be off and are worked, each with its notice."""
        told = {day.date: day for day in self.overlay.worked}
        days = (day for day in self.days() if self.calendar.is_worked_instead(day))
        return tuple(_noted(told[day]) if day in told else self._swapped(day) for day in days)

    @cached_property
    def uncertain(self) -> tuple[UncertainForm, ...]:
        """The days announced and not enacted; `off` says how each is counted."""
        found = (day for day in self.overlay.uncertain if day.date.year == self.year)
        return tuple(sorted(found, key=lambda day: day.date))

    @cached_property
    def months(self) -> tuple[int, ...]:
        """How many working days each month has."""
        counts = [0] * len(MONTHS)
        for day in self.days():
            counts[day.month - 1] += self.calendar.is_working(day)
        return tuple(counts)

    def days(self) -> Iterator[date]:
        """Yield every day of the year."""
        day = date(self.year, 1, 1)
        while day.year == self.year:
            yield day
            day += timedelta(days=1)

    def _swapped(self, day: date) -> DayOff:
        """Say of a swap that only the package knows for which day off it is worked."""
        written = f"{day:%d/%m/%Y}"
        free = next((off.day for off in self.days_off if written in off.name), None)
        name = (
            text(self.language, "calendar.instead")
            if free is None
            else text(self.language, "calendar.instead-of", day=free)
        )
        return DayOff(day, name, package_source())


def look_up(overlay: Overlay, year: int, language: str) -> WorkingYear:
    """Return a year of a calendar. Raises Refused for a year that the tables do not hold."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Refused("refused.unknown-year", year=year, first=FIRST_YEAR, last=LAST_YEAR)
    return WorkingYear(year, overlay, calendar_of_years(overlay, year, year), language)


def to_json(shown: WorkingYear) -> dict[str, Any]:
    """Return the JSON value that `calendar --format json` prints; Monday is weekday 1."""
    return {
        "year": shown.year,
        "calendar": shown.overlay.calendar,
        "estimate": shown.is_estimate,
        "notices_until": shown.overlay.notices_until,
        "days_off": [_day(off) for off in shown.days_off],
        "worked": [_day(instead) for instead in shown.worked],
        "uncertain": [
            {**_day(_noted(day)), "off": day.off, "note": day.note} for day in shown.uncertain
        ],
        "working_days": {"year": sum(shown.months), "months": list(shown.months)},
    }


def _noted(form: DayForm) -> DayOff:
    return DayOff(form.date, form.name, form.source)


def _day(one: DayOff) -> dict[str, Any]:
    return {
        "date": one.day.isoformat(),
        "weekday": one.day.isoweekday(),
        "name": one.name,
        "source": one.source,
    }
