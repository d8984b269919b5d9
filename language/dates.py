"""How dates are written: as Decree 30/2020/NĐ-CP has offices write them, and in English.

In Vietnamese a day below 10 and the months 1 and 2 take a leading zero: 09/5/2020,
04/02/2016. English is for readers beside it: 9 May 2020.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

_WEEKDAYS = {
    "vi": ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@lru_cache(maxsize=4096)  # a mail writes a dozen, and most mails of a day the same
def day(language: str, value: date, how: str = "") -> str:
    """Write a date; `how` is empty, `weekday` to add the day of the week, `of-week` for it."""
    if how == "of-week":
        return weekday(language, value)
    if language == "vi":
        padded = f"{value.month:02}" if value.month <= 2 else str(value.month)
        written = f"{value.day:02}/{padded}/{value.year}"
    else:
        written = f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
    return f"{written} ({weekday(language, value)})" if how == "weekday" else written


def month(language: str, number: int) -> str:
    """Name a month from 1 to 12, as within a sentence."""
    return f"tháng {number}" if language == "vi" else _MONTHS[number - 1]


def weekday(language: str, value: date) -> str:
    """Name the day of the week, as within a sentence."""
    return _WEEKDAYS[language][value.weekday()]


def instant(language: str, value: datetime, how: str = "") -> str:
    """Write an instant in the zone that it carries."""
    joined = " ngày " if language == "vi" else " on "
    return f"{value:%H:%M}{joined}{day(language, value.date(), how)}"


def month_of_year(language: str, year: int, number: int, *, brief: bool = False) -> str:
    """Write a month where room is short: 4/2020, Apr 2020; with less room still 4/20, Apr."""
    if language == "vi":
        written = f"{number:02}" if number <= 2 else str(number)
        return f"{written}/{year % 100:02}" if brief else f"{written}/{year}"
    name = _MONTHS[number - 1][:3]
    return name if brief else f"{name} {year}"
