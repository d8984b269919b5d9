"""Deadlines: what the legal phrases mean, so that two people compute the same."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.deadline import (
    Anchors,
    Before,
    By,
    Deadline,
    FromDay,
    FromEvent,
    FromStage,
    NoDate,
    Phrase,
    Roll,
    Unit,
    Within,
    derive,
    later_of,
)
from tests.engine.builders import CALENDAR, ZONE, at

days = st.dates(date(2019, 6, 1), date(2023, 6, 1))


def due(
    rule: Before | By | Within | NoDate, roll: Roll | None = None, **anchors: dict[str, date]
) -> Deadline:
    """Derive a deadline that is expected to have a date."""
    found = derive(
        Phrase("…", rule, roll), calendar=CALENDAR, zone=ZONE, anchors=Anchors(**anchors)
    )
    assert found is not None
    return found


def test_before_a_sunday_ends_with_the_saturday():
    """Plan 37: trước ngày 10/5/2020 ends with Saturday 9/5; the last working day is 8/5."""
    found = due(Before(date(2020, 5, 10)))
    assert found.last_day == date(2020, 5, 9)
    assert found.last_working_day == date(2020, 5, 8)
    assert found.late_from == at("2020-05-10 00:00")


def test_before_a_wednesday_ends_with_the_tuesday():
    """Plan 37: trước ngày 10/6/2020."""
    found = due(Before(date(2020, 6, 10)))
    assert (found.last_day, found.last_working_day) == (date(2020, 6, 9), date(2020, 6, 9))


@given(days)
def test_by_is_one_day_later_than_before(day: date):
    """Chậm nhất ngày D includes D, trước ngày D does not."""
    assert due(By(day)).last_day - due(Before(day)).last_day == timedelta(days=1)


@given(days)
def test_a_deadline_is_late_from_midnight_after_its_last_day(day: date):
    """A day ends at 24:00 (Civil Code, art. 148)."""
    found = due(By(day))
    assert found.late_from.astimezone(ZONE).date() == day + timedelta(days=1)
    assert found.late_from.astimezone(ZONE).hour == 0


@given(days)
def test_rolling_lands_on_a_working_day(day: date):
    """Forward never earlier, back never later, both worked."""
    forward, back = due(By(day), Roll.FORWARD), due(By(day), Roll.BACK)
    assert back.last_day <= day <= forward.last_day
    assert CALENDAR.is_working(forward.last_day)
    assert CALENDAR.is_working(back.last_day)


@given(days)
def test_dates_do_not_roll_by_themselves(day: date):
    """A date in the document is that date; only a period moves (art. 148)."""
    assert due(By(day)).last_day == day


@given(days, st.integers(1, 40))
def test_a_period_does_not_count_its_first_day(day: date, count: int):
    """Civil Code, art. 147."""
    found = due(Within(count, Unit.DAYS, FromDay(day)), Roll.NONE)
    assert found.last_day == day + timedelta(days=count)


@given(days, st.integers(1, 40))
def test_working_days_are_counted_from_the_day_after(day: date, count: int):
    """The N-th working day after D."""
    found = due(Within(count, Unit.WORKING_DAYS, FromDay(day)))
    assert found.last_day == CALENDAR.offset(day, count)


@given(days, st.integers(1, 60))
def test_a_period_of_days_rolls_forward(day: date, count: int):
    """Civil Code, art. 148: a last day that is off moves to the next working day."""
    found = due(Within(count, Unit.DAYS, FromDay(day)))
    assert found.last_day == CALENDAR.on_or_after(day + timedelta(days=count))


def test_a_month_without_that_day_ends_with_its_last():
    """One month from 31 January ends in February."""
    found = due(Within(1, Unit.MONTHS, FromDay(date(2020, 1, 31))), Roll.NONE)
    assert found.last_day == date(2020, 2, 29)


def test_a_month_over_the_year_changes_the_year():
    """Two months from December end in February of the next year."""
    found = due(Within(2, Unit.MONTHS, FromDay(date(2020, 12, 15))), Roll.NONE)
    assert found.last_day == date(2021, 2, 15)


@pytest.mark.parametrize("of", [FromEvent("issued"), FromStage("first")])
def test_a_period_whose_beginning_is_not_known_has_no_date_yet(of: FromEvent | FromStage):
    """Nobody is chased for a date that does not exist."""
    phrase = Phrase("…", Within(10, Unit.DAYS, of))
    assert derive(phrase, calendar=CALENDAR, zone=ZONE, anchors=Anchors()) is None


def test_a_period_from_an_event_counts_from_its_document():
    """Trong thời hạn 10 ngày làm việc kể từ khi ban hành."""
    rule = Within(10, Unit.WORKING_DAYS, FromEvent("issued"))
    found = due(rule, events={"issued": date(2021, 7, 15)})
    assert found.last_day == date(2021, 7, 29)


def test_a_period_from_a_stage_counts_from_the_day_it_was_done():
    """Trong thời hạn 5 ngày kể từ khi bước trước xong."""
    found = due(Within(5, Unit.DAYS, FromStage("first")), stages={"first": date(2020, 5, 15)})
    assert found.last_day == date(2020, 5, 20)


def test_no_date_is_no_deadline():
    """Kịp thời, thường xuyên: never late."""
    phrase = Phrase("kịp thời", NoDate())
    assert derive(phrase, calendar=CALENDAR, zone=ZONE, anchors=Anchors()) is None


def test_the_derivation_says_every_step():
    """Phrase, last day, last working day: that is what the mail shows."""
    keys = [step.key for step in due(Before(date(2020, 5, 10))).derivation]
    assert keys == ["derivation.before", "derivation.last-day", "derivation.last-working-day"]


def test_a_roll_stands_in_the_derivation():
    """The calendar rule that moved a date is named."""
    keys = [step.key for step in due(By(date(2020, 5, 10)), Roll.FORWARD).derivation]
    assert "derivation.roll-forward" in keys


@given(days, days)
def test_the_later_of_two_deadlines_wins(one: date, other: date):
    """A return never shortens what an agency had."""
    assert later_of(due(By(one)), due(By(other))).last_day == max(one, other)
