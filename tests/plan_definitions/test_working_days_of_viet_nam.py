"""The calendar against the days off as they really were, day by day."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import holidays
import pytest

from engine.calendar import WorkingCalendar
from plan_definitions import Bundle, calendars, load_calendar
from plan_definitions.calendars import Overlay

ROOT = Path(__file__).parents[2]

# As the official notices have them: off besides Saturdays and Sundays (weekend days inside
# a range are off anyway), and weekend days worked instead.
TABLE = """
| 2019 | 1/1; 4–8/2; 15/4; 29/4; 30/4; 1/5; 2/9 | 5/1; 4/5 |
| 2020 | 1/1; 23–29/1; 2/4; 30/4; 1/5; 2/9 | |
| 2021 | 1/1; 10–16/2; 21/4; 30/4; 3/5; 2–3/9 | |
| 2022 | 3/1; 31/1–4/2; 11/4; 2–3/5; 1–2/9 | |
| 2023 | 2/1; 20–26/1; 1–3/5; 1/9; 4/9 | |
| 2024 | 1/1; 8–14/2; 18/4; 29/4; 30/4; 1/5; 2–3/9 | 4/5 |
| 2025 | 1/1; 27–31/1; 7/4; 30/4; 1/5; 2/5; 1–2/9 | 26/4 |
| 2026 | 1–2/1; 16–20/2; 27/4; 30/4; 1/5; 31/8; 1–2/9 | 10/1; 22/8 |
"""
DAY = timedelta(days=1)


def read_table() -> dict[int, tuple[set[date], set[date]]]:
    """Return by year the days off, as written, and the days worked instead."""
    found = {}
    for line in TABLE.strip().splitlines():
        year, off, worked = (cell.strip() for cell in line.strip("|").split("|"))
        found[int(year)] = (days(int(year), off), days(int(year), worked))
    return found


def days(year: int, written: str) -> set[date]:
    """Read `1/1; 4–8/2; 31/1–4/2`."""
    found: set[date] = set()
    for span in filter(None, written.split("; ")):
        first, _, last = span.partition("–")
        last = last or first
        if "/" not in first:
            first += "/" + last.partition("/")[2]
        begin, end = (
            date(year, int(month), int(day)) for day, month in (x.split("/") for x in (first, last))
        )
        found.update(begin + n * DAY for n in range((end - begin).days + 1))
    return found


def year_of_days(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + n * DAY for n in range((date(year + 1, 1, 1) - first).days)]


TRUTH = read_table()


def shipped() -> Overlay:
    return load_calendar(Bundle.read(calendars.shipped()))


def overlay(*lines: str, base: str = "base: VN") -> Overlay:
    text = "\n".join(["calendar: x", base, "notices_until: 2026", *lines])
    return load_calendar(Bundle("x.yaml", {"x.yaml": text}))


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return calendars.calendar_of_years(shipped(), 2019, 2040)


def test_the_table_holds_eight_years_of_days_off_and_worked_weekend_days():
    """Else the comparison below would compare less than it says."""
    assert list(TRUTH) == list(range(2019, 2027))
    assert sum(len(year_of_days(year)) for year in TRUTH) == 2922
    assert sum(day.weekday() < 5 for off, _ in TRUTH.values() for day in off) == 91
    worked = sorted(day for _, instead in TRUTH.values() for day in instead)
    assert len(worked) == 6
    assert all(day.weekday() == 5 for day in worked)


@pytest.mark.parametrize("year", TRUTH)
def test_every_day_of_the_year_is_worked_or_off_as_it_really_was(
    calendar: WorkingCalendar, year: int
):
    """One day wrong moves a deadline of every agency."""
    off, worked = TRUTH[year]

    found = {day: calendar.is_working(day) for day in year_of_days(year)}

    expected = {
        day: day in worked or (day.weekday() < 5 and day not in off) for day in year_of_days(year)
    }
    assert {day: works for day, works in found.items() if works != expected[day]} == {}


@pytest.mark.parametrize("year", TRUTH)
def test_the_named_days_off_and_the_worked_days_are_those_of_the_notices(
    calendar: WorkingCalendar, year: int
):
    """A reader is shown why a day is off, or that it is worked in exchange."""
    off, worked = TRUTH[year]
    named = {day for day in year_of_days(year) if calendar.day_off(day) is not None}

    assert {day for day in named if day.weekday() < 5} == {d for d in off if d.weekday() < 5}
    assert {day for day in year_of_days(year) if calendar.is_worked_instead(day)} == worked


@pytest.mark.parametrize("year", TRUTH)
def test_a_year_read_alone_is_the_same_year(calendar: WorkingCalendar, year: int):
    """Swaps across the new year (31/12/2018 for 05/01/2019) must not hang on the years around."""
    alone = calendars.calendar_of_years(shipped(), year, year)

    assert [alone.is_working(day) for day in year_of_days(year)] == [
        calendar.is_working(day) for day in year_of_days(year)
    ]


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
    day = f"  - {{date: 2026-11-24, off: {word}, name: Ngày Văn hóa, source: 80-NQ/TW}}"

    built = calendars.calendar_of_years(overlay("uncertain:", day), 2026, 2026)

    assert built.is_working(date(2026, 11, 24)) is worked


def test_an_uncertain_day_off_takes_back_a_worked_saturday():
    """Its word wins over the package's swap, as that of every other day does."""
    day = "  - {date: 2026-08-22, off: true, name: Nghỉ, source: Dự thảo}"

    built = calendars.calendar_of_years(overlay("uncertain:", day), 2026, 2026)

    assert not built.is_working(date(2026, 8, 22))
    assert not built.is_worked_instead(date(2026, 8, 22))


def test_a_plans_calendar_covers_two_years_before_it_and_twenty_after():
    """Reminders reach back, periods reach far."""
    built = calendars.build_calendar(shipped(), issued=date(2020, 4, 6))

    assert (built.first_year, built.last_year) == (2018, 2040)


def test_building_a_calendar_is_fast():
    """It is done at every start of a process; the package's tables are in memory."""
    form = overlay()
    calendars.calendar_of_years(form, 2019, 2019)
    calendars._package.cache_clear()
    calendars.calendar_of_years.cache_clear()
    began = time.process_time()

    calendars.calendar_of_years(form, 2019, 2040)

    assert time.process_time() - began < 0.05


def test_the_same_overlay_is_built_once():
    """A server that opens ten runs of one plan keeps one calendar."""
    assert overlay() is not overlay()
    first = calendars.calendar_of_years(overlay(), 2019, 2040)
    assert calendars.calendar_of_years(overlay(), 2019, 2040) is first
    changed = overlay("days_off:", "  - {date: 2026-01-02, name: Nghỉ, source: Thông báo}")
    assert calendars.calendar_of_years(changed, 2019, 2040) is not first


def test_only_the_country_asked_for_is_imported():
    """The package has 250 of them, in 40 ms; and whoever reads no plan pays nothing."""
    code = """
import sys
from datetime import date
import plan_definitions
assert "holidays" not in sys.modules
from plan_definitions.calendars import Overlay, build_calendar
build_calendar(Overlay("x", "VN", 2026), issued=date(2020, 4, 6))
assert "holidays" in sys.modules
assert not [name for name in sys.modules if name.startswith("holidays.countries")]
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("base", ["VN", "LA", "GU", "DE"])
def test_a_country_read_by_itself_is_as_the_package_gives_it(base: str):
    """Guam's module stands on that of the United States; Germany has no Vietnamese names."""
    language = "vi" if base == "VN" else None
    whole = holidays.country_holidays(base, years=range(2019, 2031), language=language)

    names, swapped = calendars._package(base, 2019, 2030)

    assert {day: off.name for day, off in names.items()} == dict(whole.items())
    assert swapped == whole.weekend_workdays


def test_a_country_that_nobody_knows_is_refused():
    """The loader turns this into a fault."""
    with pytest.raises(calendars.UnknownCountry):
        calendars.calendar_of_years(Overlay("x", "XX", 2026), 2020, 2021)
