"""Addressing: what is noted of an address, and taken back."""

from __future__ import annotations

from datetime import date

import pytest

from services.errors import Refused
from services.mail import addressing
from services.wiring import Parts
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
