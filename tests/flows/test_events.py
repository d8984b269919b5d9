"""Events: one for each run whose mail was given up, however many messages."""

from __future__ import annotations

from collections import Counter

from flows import events
from services.mail.delivering import Delivered, Undeliverable


def test_a_delivery_that_gave_nothing_up_tells_nothing():
    """Every delivery passes here."""
    assert events.undeliverable(Delivered()) == []


def test_what_was_given_up_is_one_event_per_run():
    """A mail server that refuses five hundred must not start five hundred alarms."""
    given_up = [
        Undeliverable("b", 3, "x", "550"),
        Undeliverable("a", 2, "y", "551"),
        Undeliverable("b", 1, "z", "552"),
    ]

    told = events.undeliverable(Delivered(Counter(), {"a", "b"}, given_up))

    assert [(one.name, one.resource) for one in told] == [
        ("dondoc.mail.undeliverable", "dondoc.mail.a"),
        ("dondoc.mail.undeliverable", "dondoc.mail.b"),
    ]
    assert dict(told[1].about) == {
        "run": "b",
        "messages": "1,3",
        "recipients": "z, x",
        "why": "552",
    }


def test_runs_that_cannot_be_read_make_one_event_however_many():
    """Hundreds of alarms would hide what they say."""
    assert events.unreadable({}) == []

    (told,) = events.unreadable({f"r{number}": "ValueError: x" for number in range(300)})

    assert told.name == "dondoc.runs.unreadable"
    assert told.about["count"] == 300
    assert str(told.about["runs"]).split() == [f"r{number}" for number in range(events.NAMED)]
