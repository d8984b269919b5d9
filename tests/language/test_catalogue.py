"""One catalogue, two languages, in step."""

from __future__ import annotations

import re
from datetime import date, datetime
from string import Formatter
from unicodedata import normalize

import pytest

from language import dates
from language.catalogue import UnknownText, sentences, text


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_say_the_same_things():
    """A sentence that lacks its twin would fail in front of a reader."""
    vi, en = (
        {key.removesuffix("_one") for key in sentences(language)} for language in ("vi", "en")
    )
    assert {key for key in vi - en if not key.startswith("letter.")} == set()  # Vietnamese only
    assert en - vi == set()


def test_twins_use_no_value_that_the_other_does_not_know():
    """What one language is given, the other is given too."""
    vi, en = sentences("vi"), sentences("en")
    differ = [
        key
        for key in set(vi) & set(en)
        if not key.endswith("-help")
        and not key.startswith("fault.")  # they hold no values; a brace is a brace
        and not _fields(en[key]) <= _fields(vi[key]) | {"count"}
    ]
    assert differ == []


def test_vietnamese_is_written_with_its_marks():
    """A catalogue without marks would be no Vietnamese."""
    marked = re.compile("[đ\u0300-\u036f]", re.IGNORECASE)
    said = [s for key, s in sentences("vi").items() if not key.endswith(".instead")]
    prose = [sentence for sentence in said if len(re.sub(r"{[^}]*}", "", sentence)) > 24]
    assert [sentence for sentence in prose if not marked.search(normalize("NFD", sentence))] == []


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (date(2020, 5, 9), "09/5/2020"),
        (date(2016, 2, 4), "04/02/2016"),
        (date(2020, 12, 20), "20/12/2020"),
        (date(2011, 1, 1), "01/01/2011"),
        (date(2012, 3, 29), "29/3/2012"),
    ],
)
def test_dates_are_written_as_offices_write_them(value: date, written: str):
    """Decree 30/2020: a zero before days below 10 and the months 1 and 2."""
    assert dates.day("vi", value) == written


def test_instants_are_written_with_their_hour():
    """In both languages."""
    moment = datetime.fromisoformat("2020-05-11T08:00:00+07:00")
    assert dates.instant("vi", moment) == "08:00 ngày 11/5/2020"
    assert dates.instant("en", moment) == "08:00 on 11 May 2020"


def test_one_is_not_many_in_english():
    """1 working day, 5 working days."""
    day = date(2020, 5, 8)
    assert "1 working day " in text("en", "notice.remind", count=1, last_working_day=day)
    assert "5 working days " in text("en", "notice.remind", count=5, last_working_day=day)


@pytest.mark.parametrize("call", [("vi", "no.such"), ("fr", "notice.assign")])
def test_what_is_not_there_is_an_error(call: tuple[str, str]):
    """Better a fault in a test than a raw key in a mail."""
    with pytest.raises(UnknownText):
        text(*call)
