"""Calendar spans: months, quarters, halves and years as offices name them, first and last day.

*tháng 5/2020*, *quý II/2020*, *6 tháng đầu năm 2020*, *năm 2020*, *giai đoạn 2021-2025*.
"""

from __future__ import annotations

import calendar as gregorian
import re
from datetime import date

from language.catalogue import text as say
from plan_definitions.dates import FIRST_YEAR, LAST_YEAR, fold, tidy
from plan_definitions.diagnostics import Misread

_OF_YEAR = r"(?:/|\.|-| ?,? ?năm )(?P<year>\d{4})"
_QUARTERS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_FORMS = (
    re.compile(rf"tháng (?P<month>\d{{1,2}}){_OF_YEAR}"),
    re.compile(rf"quý (?P<quarter>iv|i{{1,3}}|[1-4]){_OF_YEAR}"),
    re.compile(r"(?:0?6|sáu) tháng (?P<half>đầu|cuối)(?: năm |/)(?P<year>\d{4})"),
    re.compile(r"(?:0?9|chín) tháng (?P<nine>đầu)(?: năm |/)(?P<year>\d{4})"),
    re.compile(r"t(?P<month>\d{1,2})/(?P<year>\d{4})"),
    re.compile(r"năm (?P<year>\d{4})"),
    re.compile(r"(?:giai đoạn )?(?P<year>\d{4}) ?[-–] ?(?P<until>\d{4})"),
)
_ROMAN = ("I", "II", "III", "IV")


def read_span(written: str) -> tuple[date, date] | None:
    """Return the first and last day of a span, or None where it is none.

    Raises Misread: `impossible-date` or `date-out-of-range`.
    """
    said = fold(written)
    found = next((match for form in _FORMS if (match := form.fullmatch(said))), None)
    if found is None:
        return None
    parts = found.groupdict()
    year = int(parts["year"])
    last_year = int(parts.get("until") or year)
    if not (FIRST_YEAR <= year <= LAST_YEAR and year <= last_year <= LAST_YEAR):
        raise Misread("date-out-of-range", written=tidy(written), first=FIRST_YEAR, last=LAST_YEAR)
    if month := parts.get("month"):
        if not 1 <= int(month) <= 12:
            raise Misread(
                "impossible-date", variant="month", written=tidy(written), month=int(month)
            )
        return _months(year, int(month), int(month))
    if quarter := parts.get("quarter"):
        last = 3 * _QUARTERS[quarter]
        return _months(year, last - 2, last)
    if parts.get("nine"):
        return _months(year, 1, 9)
    if half := parts.get("half"):
        return _months(year, 1, 6) if half == "đầu" else _months(year, 7, 12)
    return date(year, 1, 1), date(last_year, 12, 31)


def read_short(written: str) -> tuple[date, date] | None:
    """Return the span of a structured twin, which may leave the noun out: `5/2020`, `II/2020`."""
    said = fold(written)
    for full in (said, f"tháng {said}", f"quý {said.removeprefix('q')}", f"năm {said}"):
        if (found := read_span(full)) is not None:
            return found
    return None


def worded_span(language: str, first: date, last: date) -> str:
    """Return the words of a span, such as "trong quý II/2020"."""
    year = first.year
    months = (first.month, last.month)
    whole = (first, last) == _months(year, *months) if year == last.year else False
    if whole and months == (1, 12):
        return say(language, "phrase.during-year", year=str(year))
    if whole and months[0] == months[1]:
        return say(language, "phrase.during-month", month=str(first.month), year=str(year))
    if whole and months[1] % 3 == 0 and months[1] - months[0] == 2:
        quarter = _ROMAN[months[1] // 3 - 1]
        return say(language, "phrase.during-quarter", quarter=quarter, year=str(year))
    return say(language, "phrase.during", first=first, last=last)


def _months(year: int, first: int, last: int) -> tuple[date, date]:
    return date(year, first, 1), date(year, last, gregorian.monthrange(year, last)[1])
