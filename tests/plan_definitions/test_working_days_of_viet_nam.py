"""The calendar against the days off as they really were, day by day."""

from __future__ import annotations

import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from engine.calendar import WorkingCalendar
from plan_definitions import calendars
from plan_definitions.schema import OverlayForm
from plan_definitions.validation import Findings, fill
from plan_definitions.yaml_source import parse

OVERLAY = Path(__file__).parents[2] / "plan_definitions" / "calendars" / "viet-nam.yaml"

# Days off besides Saturdays and Sundays, and weekend days worked instead, of official notices.
OFF = {
    2019: "1/1; 4-8/2; 15/4; 29/4; 30/4; 1/5; 2/9",
    2020: "1/1; 23-29/1; 2/4; 30/4; 1/5; 2/9",
    2021: "1/1; 10-16/2; 21/4; 30/4; 3/5; 2-3/9",
    2022: "3/1; 31/1; 1-4/2; 11/4; 2-3/5; 1-2/9",
    2023: "2/1; 20-26/1; 1-3/5; 1/9; 4/9",
    2024: "1/1; 8-14/2; 18/4; 29/4; 30/4; 1/5; 2-3/9",
    2025: "1/1; 27-31/1; 7/4; 30/4; 1/5; 2/5; 1-2/9",
    2026: "1-2/1; 16-20/2; 27/4; 30/4; 1/5; 31/8; 1-2/9",
}
WORKED = {2019: "5/1; 4/5", 2024: "4/5", 2025: "26/4", 2026: "10/1; 22/8"}


def days(year: int, written: str) -> set[date]:
    found = set()
    for part in filter(None, written.split("; ")):
        span, month = part.split("/")
        first, _, last = span.partition("-")
        for day in range(int(first), int(last or first) + 1):
            found.add(date(year, int(month), day))
    return found


def overlay(text: str | None = None) -> OverlayForm:
    findings = Findings()
    document, found = parse("calendar", text or OVERLAY.read_text(encoding="utf-8"))
    assert document is not None
    form = fill(OverlayForm, document, findings)
    assert not found
    assert not findings.items
    assert form is not None
    return form


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return calendars.calendar_of_years(overlay(), 2019, 2040)


@pytest.mark.parametrize("year", OFF)
def test_every_day_of_the_year_is_worked_or_off_as_it_really_was(
    calendar: WorkingCalendar, year: int
):
    """One day wrong moves a deadline of every agency."""
    off, worked = days(year, OFF[year]), days(year, WORKED.get(year, ""))
    first = date(year, 1, 1)
    for day in (first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)):
        expected = day in worked or (day.weekday() < 5 and day not in off)
        assert calendar.is_working(day) == expected, day


def test_years_without_a_notice_are_estimates(calendar: WorkingCalendar):
    """2027 has no official notice yet, and the calendar says so."""
    assert not calendar.is_estimate(2026)
    assert calendar.is_estimate(2027)


def test_tet_2030_follows_the_vietnamese_calendar(calendar: WorkingCalendar):
    """The Chinese calendar puts it a day later, on 3 February."""
    named = calendar.day_off(date(2030, 2, 2))

    assert named is not None
    assert named.name.startswith("Tết Nguyên Đán")


def test_a_day_off_carries_its_name_and_source(calendar: WorkingCalendar):
    """A date that was moved shows by what notice."""
    swapped = calendar.day_off(date(2026, 1, 2))

    assert swapped is not None
    assert "12729/VPCP-KGVX" in swapped.source


@pytest.mark.parametrize(("word", "worked"), [("không", True), ("có", False), ("false", True)])
def test_one_word_decides_an_uncertain_day(word: str, worked: bool):
    """24/11/2026 was announced, not enacted; a coordinator decides."""
    text = (
        "calendar: x\nbase: VN\nnotices_until: 2026\nuncertain:\n"
        "  - {date: 2026-11-24, off: WORD, name: Ngày Văn hóa, source: 80-NQ/TW}\n"
    )

    built = calendars.calendar_of_years(overlay(text.replace("WORD", word)), 2026, 2026)

    assert built.is_working(date(2026, 11, 24)) is worked


def test_a_plans_calendar_covers_the_year_before_it_and_twenty_after():
    """Reminders reach back, periods reach far."""
    built = calendars.build_calendar(overlay(), issued=date(2020, 4, 6))

    assert (built.first_year, built.last_year) == (2019, 2040)


def test_building_a_calendar_is_fast():
    """It is done at every start of a process; the package's tables are in memory."""
    form = overlay()
    calendars._package.cache_clear()
    calendars.calendar_of_years(form, 2019, 2019)
    began = time.perf_counter()

    calendars.calendar_of_years(form, 2019, 2040)

    assert time.perf_counter() - began < 0.15


def test_a_country_that_nobody_knows_is_refused():
    """The loader turns this into a fault."""
    with pytest.raises(calendars.UnknownCountry):
        calendars.calendar_of_years(
            overlay("calendar: x\nbase: XX\nnotices_until: 2026\n"), 2020, 2021
        )
