"""Calendars: the working days of a country, as the `holidays` package knows them, corrected.

The package knows the public holidays by the lunar calendar and most swaps of a day off
for a worked Saturday; overlays, dated and sourced files, win over it, and a province's
own overlay wins over its country's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.calendar import DayOff, WorkingCalendar
from plan_definitions.dates import LAST_YEAR
from plan_definitions.schema import DayForm, OverlayForm, UncertainForm

YEARS_AHEAD = 20
"""How long after its issue a plan can set dates."""

COUNTRIES = "holidays.countries"


class UnknownCountry(LookupError):
    """The `holidays` package has no country of that code."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """What is known better than the package does, of whole files standing on each other.

    Of one day it says one thing. Years after `notices_until` are estimates.
    """

    calendar: str
    base: str
    notices_until: int
    days_off: tuple[DayForm, ...] = ()
    worked: tuple[DayForm, ...] = ()
    uncertain: tuple[UncertainForm, ...] = ()

    @classmethod
    def of(cls, forms: Sequence[OverlayForm]) -> Overlay:
        """Return what faultless forms say together: each stands on the next, the last on a base."""
        *upper, lowest = forms
        assert lowest.notices_until is not None
        found = cls(lowest.calendar, lowest.base, lowest.notices_until).with_days_of(lowest)
        for form in reversed(upper):
            found = found.with_days_of(form)
        return found

    def with_days_of(self, form: OverlayForm) -> Overlay:
        """Return the overlay with a form on top: what the form says of a day wins."""
        own = {day.date for day in (*form.days_off, *form.worked, *form.uncertain)}
        return Overlay(
            form.calendar,
            self.base,
            self.notices_until if form.notices_until is None else form.notices_until,
            (*(day for day in self.days_off if day.date not in own), *form.days_off),
            (*(day for day in self.worked if day.date not in own), *form.worked),
            (*(day for day in self.uncertain if day.date not in own), *form.uncertain),
        )


def shipped() -> Path:
    """Return the calendar of Viet Nam that comes with the program."""
    return Path(str(files("plan_definitions") / "calendars" / "viet-nam.yaml"))


def package_source() -> str:
    """Name the package and its version, as the source of the days that it knows."""
    from holidays.version import __version__

    return f"holidays {__version__}"


def is_country(base: str) -> bool:
    """Say whether the package has a country of that code."""
    return _country(base) is not None


def build_calendar(overlay: Overlay, *, issued: date) -> WorkingCalendar:
    """Return the calendar of the years around a plan, from the year before its issue.

    Raises UnknownCountry.
    """
    first, last = issued.year - 2, min(issued.year + YEARS_AHEAD, LAST_YEAR)
    return calendar_of_years(overlay, first, last)


@lru_cache(maxsize=64)
def calendar_of_years(overlay: Overlay, first_year: int, last_year: int) -> WorkingCalendar:
    """Return the calendar of whole years, both included. Raises UnknownCountry."""
    names, swapped = _package(overlay.base, first_year, last_year)
    off, worked = dict(names), set(swapped)
    for uncertain in overlay.uncertain:
        if uncertain.off:
            off[uncertain.date] = _day_off(uncertain)
            worked.discard(uncertain.date)
        else:
            off.pop(uncertain.date, None)
    for free in overlay.days_off:
        off[free.date] = _day_off(free)
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


def _day_off(form: DayForm) -> DayOff:
    return DayOff(form.date, form.name, form.source)


@cache
def _package(
    base: str, first_year: int, last_year: int
) -> tuple[Mapping[date, DayOff], frozenset[date]]:
    """Return the package's days off, and the weekend days worked instead."""
    country = _country(base)
    if country is None:
        raise UnknownCountry(base)
    source = package_source()
    spoken = "vi" if "vi" in country.supported_languages else None
    found = country(years=range(first_year, last_year + 1), language=spoken)
    names = {day: DayOff(day, name, source) for day, name in found.items()}
    return names, frozenset(getattr(found, "weekend_workdays", ()))


@cache
def _country(base: str) -> Any:
    """Return the package's class of a country, or None. Imported late: it takes 25 ms."""
    from holidays.registry import COUNTRIES as REGISTRY

    for module, names in REGISTRY.items():
        if base in names:
            return getattr(_country_module(module), names[0])
    return None


def _country_module(name: str) -> ModuleType:
    """Return a country's module by itself: to import its package imports 250 others, in 40 ms."""
    import holidays

    full = f"{COUNTRIES}.{name}"
    file = Path(holidays.__file__).parent / "countries" / f"{name}.py"
    spec = spec_from_file_location(full, file) if file.is_file() else None
    if COUNTRIES in sys.modules or spec is None or spec.loader is None:
        return import_module(full)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
