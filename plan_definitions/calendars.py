"""Calendars: the working days of a country, as the `holidays` package knows them, corrected.

The package knows the public holidays by the lunar calendar and most swaps of a day off
for a worked Saturday; the overlay, a dated and sourced file, wins over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.metadata import version

import holidays

from engine.calendar import DayOff, WorkingCalendar
from plan_definitions.dates import LAST_YEAR
from plan_definitions.schema import OverlayForm

YEARS_AHEAD = 20
"""How long after its issue a plan can set dates."""


class UnknownCountry(LookupError):
    """The `holidays` package has no country of that code."""


@cache
def _package(
    base: str, first_year: int, last_year: int
) -> tuple[Mapping[date, str], frozenset[date]]:
    """Return the package's days off with their names, and the weekend days worked instead."""
    try:
        supported = holidays.country_holidays(base).supported_languages
        found = holidays.country_holidays(
            base,
            years=range(first_year, last_year + 1),
            language="vi" if "vi" in supported else None,
        )
    except NotImplementedError as error:
        raise UnknownCountry(base) from error
    worked = frozenset(getattr(found, "weekend_workdays", ()))
    return dict(found.items()), worked


def build_calendar(overlay: OverlayForm, *, issued: date) -> WorkingCalendar:
    """Return the calendar of the years around a plan, from the year before its issue.

    Raises UnknownCountry.
    """
    first, last = issued.year - 1, min(issued.year + YEARS_AHEAD, LAST_YEAR)
    return calendar_of_years(overlay, first, last)


def calendar_of_years(overlay: OverlayForm, first_year: int, last_year: int) -> WorkingCalendar:
    """Return the calendar of whole years, both included. Raises UnknownCountry."""
    names, swapped = _package(overlay.base, first_year, last_year)
    source = f"holidays {version('holidays')}"
    off = {day: DayOff(day, name, source) for day, name in names.items()}
    worked = set(swapped)
    for uncertain in overlay.uncertain:
        off.pop(uncertain.date, None)
        if uncertain.off:
            off[uncertain.date] = DayOff(uncertain.date, uncertain.name, uncertain.source)
    for free in overlay.days_off:
        off[free.date] = DayOff(free.date, free.name, free.source)
        worked.discard(free.date)
    for instead in overlay.worked:
        off.pop(instead.date, None)
        worked.add(instead.date)
    return WorkingCalendar(
        first_year,
        last_year,
        days_off=off.values(),
        worked=worked,
        estimated_from=overlay.notices_until + 1,
    )
