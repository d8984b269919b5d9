"""Addressing: what is noted of an address, and taken back."""

from __future__ import annotations

from datetime import date

import pytest

from services.errors import Refused
from services.mail import addressing
from services.wiring import Parts
from storage import post
from storage.post import Posted
from tests.services import written as w

OLD, NEW = "an@nho.example", "binh@nho.example"


def test_what_was_noted_of_an_address_is_found_by_any_spelling_and_taken_back(parts: Parts):
    """Somebody is away, then comes back: the register counts again."""
    until, since = date(2020, 5, 20), date(2020, 5, 11)
    addressing.away(
        parts, OLD.upper(), first=since, last=until, substitute=NEW, now=w.EVE, by="Lan"
    )
    addressing.take_place(parts, "c@nho.example", NEW, now=w.EVE, by="Lan")

    found = addressing.find(parts, OLD)
    assert found is not None
    assert (found.absent_from, found.absent_until, found.substitute) == (since, until, NEW)
    assert [one.address for one in addressing.every(parts)] == [OLD, "c@nho.example"]

    back = addressing.restore(parts, OLD, now=w.LATE, by="Lan")
    assert (back.absent_until, back.substitute, back.noted_at) == (None, "", w.LATE)
    with pytest.raises(Refused) as refused:
        addressing.restore(parts, OLD, now=w.LATE, by="Lan")
    assert refused.value.key == "refused.nothing-to-restore"


def test_the_last_automatic_replies_of_an_address_are_told_the_newest_first(parts: Parts):
    """Somebody is away: whoever looks at the address sees what its owner lets know."""
    days = [w.EVE, w.LATE, w.START, w.at("2020-05-12 08:00")]
    with parts.database.writing() as connection:
        for number, read_at in enumerate(days):
            reply = Posted(f"k{number}", read_at, "auto-reply", None, OLD, f"Đi vắng {number}")
            post.take(parts.database, connection, reply)
        other = Posted("other", w.LATE, "auto-reply", None, NEW, "Đi vắng")
        post.take(parts.database, connection, other)

    told = addressing.replies(parts, OLD)

    assert [one.key for one in told] == ["k3", "k1", "k0"]
    assert addressing.replies(parts, "c@nho.example") == []
