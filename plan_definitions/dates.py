"""Dates: the ways in which offices write a date, a time of day, and the two together."""

from __future__ import annotations

import calendar as gregorian
import re
import unicodedata
from datetime import date, datetime, time

from plan_definitions.diagnostics import Misread

FIRST_YEAR, LAST_YEAR = 1990, 2099
"""The years that the holiday tables hold for sure."""

DATE_SHAPE = (
    r"(?:\d{1,2}/\d{1,2}/\d{4}|\d{1,2}\.\d{1,2}\.\d{4}|\d{4}-\d{1,2}-\d{1,2}"
    r"|\d{1,2} tháng \d{1,2} năm \d{4})"
)

_FORMS = tuple(
    re.compile(f"(?:ngày )?{form}")
    for form in (
        r"(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})",
        r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})",
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<day>\d{1,2}) tháng (?P<month>\d{1,2}) năm (?P<year>\d{4})",
    )
)
_CLOCK = re.compile(r"(?P<hour>\d{1,2}) ?(?:[:h]|giờ) ?(?P<minute>\d{2})?(?::\d{2})?(?: phút)?")
_PLACEMENTS = dict(
    zip(
        ("oà", "oá", "oả", "oã", "oạ", "oè", "oé", "oẻ", "oẽ", "oẹ", "uỳ", "uý", "uỷ", "uỹ", "uỵ"),
        ("òa", "óa", "ỏa", "õa", "ọa", "òe", "óe", "ỏe", "õe", "ọe", "ùy", "úy", "ủy", "ũy", "ụy"),
        strict=True,
    )
)
# At the end of a syllable only: "hoàn" and "quý" have one way of being written.
_PLACED = re.compile(f"(?<!q)({'|'.join(_PLACEMENTS)})(?!\\w)")


def tidy(written: str) -> str:
    """Return a text in NFC with single spaces."""
    return " ".join(unicodedata.normalize("NFC", written).split())


def fold(written: str) -> str:
    """Return a text as it is compared: tidy, in small letters, Hoà and Hòa the same."""
    return _PLACED.sub(lambda found: _PLACEMENTS[found[0]], tidy(written).casefold())


def bare(written: str) -> str:
    """Return a text without its marks, in small letters: `Đôn đốc` → `don doc`."""
    apart = unicodedata.normalize("NFD", written.casefold().replace("đ", "d"))
    return tidy("".join(sign for sign in apart if not unicodedata.combining(sign)))


def read_date(written: str) -> date:
    """Return the date that is written in one of four forms.

    10/5/2020, 10.5.2020, 2020-05-10, (ngày) 10 tháng 5 năm 2020. Raises Misread:
    `not-a-date`, `impossible-date` or `date-out-of-range`.
    """
    said = fold(written)
    found = next((match for form in _FORMS if (match := form.fullmatch(said))), None)
    if found is None:
        raise Misread("not-a-date", written=tidy(written))
    day, month, year = (int(found[part]) for part in ("day", "month", "year"))
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Misread("date-out-of-range", written=said, first=FIRST_YEAR, last=LAST_YEAR)
    if not 1 <= month <= 12:
        raise Misread("impossible-date", variant="month", written=said, month=month)
    longest = gregorian.monthrange(year, month)[1]
    if not 1 <= day <= longest:
        raise Misread("impossible-date", written=said, month=month, year=year, longest=longest)
    return date(year, month, day)


def parse_date(written: str) -> date | None:
    """Return the date that is written in one of the four forms, or None."""
    try:
        return read_date(written)
    except Misread:
        return None


def read_time(written: str) -> time:
    """Return the time of day: 08:00, 8h00, 8 giờ. Raises Misread `not-a-time`."""
    found = _CLOCK.fullmatch(fold(written))
    hour, minute = (int(found["hour"]), int(found["minute"] or 0)) if found else (24, 0)
    if hour > 23 or minute > 59:
        raise Misread("not-a-time", written=tidy(written))
    return time(hour, minute)


def read_moment(written: str) -> datetime:
    """Return a date and time of the plan's own clock, without a zone.

    2020-05-07 15:30 or 07/5/2020 15:30. Raises Misread: `not-a-moment`, or what is wrong
    with the date.
    """
    day, _, clock = tidy(written).replace("T", " ").rpartition(" ")
    if not day or not _CLOCK.fullmatch(fold(clock)):
        raise Misread("not-a-moment", written=tidy(written))
    return datetime.combine(read_date(day), read_time(clock))
