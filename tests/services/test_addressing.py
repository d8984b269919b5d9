"""Addressing: what is noted of an address, and taken back."""

from __future__ import annotations

from datetime import date

import pytest

from services import addressing, briefing, choices, outgoing
from services.errors import Refused
from services.wiring import Parts
from storage.outbox import Status
from tests.services import written as w
from tests.services.office import outbox_of, statuses, wake

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


def test_many_messages_are_taken_back_and_queued_again_each_by_itself(small: Parts):
    """One that can not be is told, and keeps no other from it."""
    wake(small, w.START)
    wake(small, w.EVE)
    numbers = [one.id for one in outbox_of(small)]

    again, why_not = outgoing.retry_all(small, [*numbers, 999], (), w.LATE)
    taken, still = outgoing.cancel_all(small, numbers, by="Lan", why="giấy", now=w.LATE)

    assert (again, taken) == ([], [])
    assert len(why_not) == len(numbers) + 1
    assert len(still) == len(numbers)
    assert set(statuses(small)) == {Status.SENT.value}


def test_the_plan_of_a_run_is_found_by_its_name(small: Parts):
    """The active ones are offered; one that is not there is refused."""
    assert [run.id for run in choices.active_runs(small)] == ["nho"]
    assert briefing.plan_of(small, "nho").id == "nho"
    with pytest.raises(Refused):
        briefing.plan_of(small, "khac")
