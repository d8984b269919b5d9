"""Reasons: values that travel through JSON and come back equal."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reason import Reason, ReasonValue, reason
from tests.engine.builders import at

zones = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))
values = st.one_of(
    st.text(),
    st.integers(),
    st.dates(),
    st.datetimes(timezones=zones),
    st.lists(st.text(), max_size=3).map(tuple),
)


@given(st.text(), st.dictionaries(st.text(), values, max_size=4))
def test_a_reason_survives_the_ledger(key: str, found: dict[str, ReasonValue]):
    """The ledger keeps JSON; the mail that is rendered from it must say the same."""
    there = json.loads(json.dumps(Reason(key, found).to_json()))
    assert Reason.from_json(there) == Reason(key, found)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (date(2020, 5, 9), {"date": "2020-05-09"}),
        (at("2020-05-10 00:00"), {"instant": "2020-05-10T00:00:00+07:00"}),
        (("a", "b"), ["a", "b"]),
        ("27", "27"),
        (27, 27),
    ],
)
def test_a_value_is_written_so_that_its_type_can_be_read(value: ReasonValue, written: object):
    """A date is said as a date, an instant with its hour: the text alone does not tell."""
    assert reason("x", value=value).to_json() == {"key": "x", "values": {"value": written}}


def test_a_date_and_the_instant_of_its_midnight_stay_different():
    """`datetime` is a `date` to Python, not to a reader."""
    day, midnight = date(2020, 5, 9), datetime(2020, 5, 9, tzinfo=at("2020-05-09 00:00").tzinfo)
    assert reason("x", value=day).to_json() != reason("x", value=midnight).to_json()


@pytest.mark.parametrize("value", [None, 1.5, {"day": "2020-05-09"}])
def test_what_is_no_value_of_a_reason_is_refused(value: object):
    """A ledger written by something else is noticed, not guessed at."""
    with pytest.raises(TypeError):
        Reason.from_json({"key": "x", "values": {"value": value}})


def test_a_reason_may_have_no_values():
    """Some sentences need none."""
    assert Reason.from_json(reason("x").to_json()) == Reason("x")
