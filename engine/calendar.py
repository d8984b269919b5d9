"""Calendar: which days are worked, and counting along them.

One rank table per calendar: for each day, how many working days there are up to it; for
each working day, its date. Every question is then one or two look-ups, exact also where
a Saturday is worked in exchange for a day off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import accumulate, compress

SATURDAY = 5  # date.weekday()
_WEEK = bytes(weekday < SATURDAY for weekday in range(7))


class CalendarRangeError(ValueError):
    """The day lies outside of the years that this calendar knows."""


@dataclass(frozen=True, slots=True)
class DayOff:
    """A day off besides the weekend, with its name and the notice that says so."""

    day: date
    name: str
    source: str = ""


class WorkingCalendar:
    """The working days of whole years, first to last, both included."""

    def __init__(
        self,
        first_year: int,
        last_year: int,
        *,
        days_off: Iterable[DayOff] = (),
        worked: Iterable[date] = (),
        estimated_from: int | None = None,
    ) -> None:
        """Build the rank table.

        `days_off` are off besides Saturdays and Sundays; `worked` are weekend days or
        holidays worked instead, and win over everything else. `estimated_from` is the
        first year without an official notice.
        """
        self.first_year = first_year
        self.last_year = last_year
        self.estimated_from = estimated_from
        self._names = {off.day: off for off in days_off}
        self._worked = frozenset(worked)
        self._base = date(first_year, 1, 1).toordinal()
        self._end = date(last_year, 12, 31).toordinal()
        # Whole lists at a time: a plan's 22 years are 8,000 days, built at every loading.
        flags = self._flags()
        days = range(self._base, self._end + 1)
        # By day: the rank of the last working day up to it, and how many there are before it.
        self._last = list(accumulate(flags, initial=-1))[1:]
        self._before = list(accumulate(flags, initial=0))[:-1]
        self._working = list(map(date.fromordinal, compress(days, flags)))

    def _flags(self) -> bytearray:
        """Return 1 for each working day and 0 for each day off, in order."""
        length = self._end - self._base + 1
        weekday = (self._base - 1) % 7  # the day of ordinal 1 is a Monday
        flags = bytearray((_WEEK * (length // 7 + 2))[weekday : weekday + length])
        for days, flag in ((self._names, 0), (self._worked, 1)):
            for day in days:
                place = day.toordinal() - self._base
                if 0 <= place < length:
                    flags[place] = flag
        return flags

    def _up_to(self, day: date) -> int:
        """How many working days there are from the first day up to and including `day`."""
        ordinal = day.toordinal()
        if not self._base <= ordinal <= self._end:
            raise CalendarRangeError(f"{day.isoformat()}: {self.first_year}-{self.last_year}")
        return self._last[ordinal - self._base] + 1

    def _nth(self, index: int) -> date:
        if not 0 <= index < len(self._working):
            raise CalendarRangeError(f"{self.first_year}-{self.last_year}")
        return self._working[index]

    def is_working(self, day: date) -> bool:
        """Say whether `day` is worked. Raises CalendarRangeError outside of the years."""
        return self._up_to(day) > self._before[day.toordinal() - self._base]

    def day_off(self, day: date) -> DayOff | None:
        """Return the named day off that falls on `day`, weekend or not, if any."""
        return None if day in self._worked else self._names.get(day)

    def is_worked_instead(self, day: date) -> bool:
        """Say whether `day` would be off but is worked in exchange."""
        return day in self._worked

    def is_estimate(self, year: int) -> bool:
        """Say whether no official notice is known for `year`."""
        return self.estimated_from is not None and year >= self.estimated_from

    def offset(self, day: date, count: int) -> date:
        """Return the `count`-th working day strictly after `day`; before it if negative.

        `day` itself is never counted (Civil Code 2015, art. 147); with `count` 0 it is
        returned as it is. Raises CalendarRangeError where the answer lies outside.
        """
        # Asked a hundred thousand times in a morning: look-ups, and no call more than needed.
        place = day.toordinal() - self._base
        try:
            if place >= 0:
                if count > 0:
                    return self._working[self._last[place] + count]
                if count == 0:
                    return day
                index = self._before[place] + count
                if index >= 0:
                    return self._working[index]
        except IndexError:
            pass
        raise CalendarRangeError(f"{day.isoformat()}: {self.first_year}-{self.last_year}")

    def on_or_before(self, day: date) -> date:
        """Return the last working day on or before `day`."""
        return self._nth(self._up_to(day) - 1)

    def on_or_after(self, day: date) -> date:
        """Return the first working day on or after `day`."""
        return day if self.is_working(day) else self.offset(day, 1)

    def working_days_between(self, start: date, end: date) -> int:
        """Count the working days after `start`, up to and including `end`; negative backwards."""
        return self._up_to(end) - self._up_to(start)
