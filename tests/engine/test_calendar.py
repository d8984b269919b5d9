"""The calendar: counting along working days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import CalendarRangeError, DayOff, WorkingCalendar

OFF = [DayOff(date(2020, 4, 30), "30/4"), DayOff(date(2020, 5, 1), "1/5")]
CALENDAR = WorkingCalendar(2019, 2021, days_off=OFF, worked=[date(2020, 5, 9)], estimated_from=2021)

days = st.dates(date(2019, 5, 1), date(2021, 8, 1))


def naive(day: date, count: int) -> date:
    """Count along the days one by one."""
    step = timedelta(days=1 if count > 0 else -1)
    left = abs(count)
    off = {one.day for one in OFF}
    while left:
        day += step
        worked = day == date(2020, 5, 9) or (day.weekday() < 5 and day not in off)
        left -= worked
    return day


@given(days, st.integers(-60, 60))
def test_offset_counts_as_one_would_by_hand(day: date, count: int):
    """A rank table is only worth having if it agrees with the plain count."""
    assert CALENDAR.offset(day, count) == naive(day, count)


@given(days, st.integers(1, 60))
def test_going_there_and_back_ends_on_a_working_day_at_home(day: date, count: int):
    """From a working day, n forward and n back is where it began."""
    home = CALENDAR.on_or_before(day)
    assert CALENDAR.offset(CALENDAR.offset(home, count), -count) == home


@given(days, days)
def test_days_between_agree_with_offset(start: date, end: date):
    """Counting between two days is the inverse of counting along them."""
    between = CALENDAR.working_days_between(start, end)
    if between > 0:
        assert CALENDAR.offset(start, between) == CALENDAR.on_or_before(end)


@given(days)
def test_on_or_before_and_after_enclose_the_day(day: date):
    """The working days next to a day stand on both sides of it, with none in between."""
    before, after = CALENDAR.on_or_before(day), CALENDAR.on_or_after(day)
    assert before <= day <= after
    assert (before == after) == CALENDAR.is_working(day)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2020, 5, 8), True),
        (date(2020, 5, 9), True),  # a Saturday worked instead
        (date(2020, 5, 10), False),
        (date(2020, 4, 30), False),
        (date(2020, 5, 2), False),
    ],
)
def test_a_day_is_worked_or_not(day: date, works: bool):
    """Weekends and days off are not worked, exchanged Saturdays are."""
    assert CALENDAR.is_working(day) is works


def test_a_named_day_off_says_its_name():
    """The derivation of a date shows why it moved."""
    off = CALENDAR.day_off(date(2020, 4, 30))
    assert off is not None
    assert off.name == "30/4"
    assert CALENDAR.is_worked_instead(date(2020, 5, 9))


def test_offset_zero_is_the_day_itself():
    """No counting, no moving: also on a day off."""
    assert CALENDAR.offset(date(2020, 5, 10), 0) == date(2020, 5, 10)


@pytest.mark.parametrize("day", [date(2018, 12, 31), date(2022, 1, 1)])
def test_a_day_outside_of_the_years_is_refused(day: date):
    """A made-up answer would be worse than none."""
    with pytest.raises(CalendarRangeError):
        CALENDAR.is_working(day)


def test_counting_out_of_the_years_is_refused():
    """The answer would lie where nothing is known."""
    with pytest.raises(CalendarRangeError):
        CALENDAR.offset(date(2021, 12, 30), 10)
    with pytest.raises(CalendarRangeError):
        CALENDAR.offset(date(2019, 1, 2), -10)


def test_years_without_a_notice_are_estimates():
    """People are told that the days off may still change."""
    assert not CALENDAR.is_estimate(2020)
    assert CALENDAR.is_estimate(2021)
