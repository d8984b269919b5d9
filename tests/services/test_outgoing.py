"""Outgoing: one message with all that is known of it, many at once, and what is active."""

from __future__ import annotations

from dataclasses import replace

import pytest

from notifiers.wire.channel import Refused as MailRefused
from notifiers.wire.channel import Sent, TryLater
from services import briefing, chasing, choices
from services.errors import Refused
from services.mail import outgoing
from services.wiring import Parts
from storage import post
from storage.outbox import Sought, Status
from storage.post import Posted
from tests.services import written as w
from tests.services.office import Recording, deliver, outbox_of, start, statuses, submit, wake


def test_one_message_is_shown_with_its_tries_and_what_came_back(small: Parts):
    """Who asks what became of a mail gets the whole story, the first try first."""
    chasing.issue_notices(small, w.START)
    first = outbox_of(small)[0]
    later = Recording(lambda _: TryLater("451 mai lại"))
    deliver(small, w.START, later, only=[first.id])
    tried_again = outbox_of(small)[0].next_try_at
    assert tried_again is not None
    deliver(small, tried_again, Recording(lambda _: Sent("250 OK")), only=[first.id])
    back = Posted("k", w.EVE, "letter", first.id, "", "Đã nhận")
    with small.database.writing() as connection:
        post.take(small.database, connection, replace(back, key="k2", read_at=w.LATE))
        post.take(small.database, connection, back)

    found = outgoing.one(small, first.id)
    proof, remark = outgoing.proof(small, first.id)

    assert [one.outcome for one in found.attempts] == ["later", "sent"]
    assert [one.began_at for one in found.attempts] == [w.START, tried_again]
    assert [one.key for one in found.back] == ["k", "k2"]
    assert proof is not None
    assert (dict(proof.headers)["Subject"], remark) == (found.message.subject, "")


def test_what_needs_a_person_comes_first_and_all_are_counted(small: Parts):
    """A screen holds few of many: none that wants a person may be among the others."""
    chasing.issue_notices(small, w.START)
    last = outbox_of(small)[-1]
    refusal = Recording(lambda _: MailRefused("550 no"))
    deliver(small, w.START, refusal, only=[last.id])
    deliver(small, w.START, Recording(lambda _: Sent("250 OK")))

    listed = outgoing.gravest(small, Sought("nho"), limit=1)

    assert [one.message.id for one in listed.found] == [last.id]
    assert listed.counts == {Status.UNDELIVERABLE: 1, Status.SENT: len(outbox_of(small)) - 1}


def test_the_signs_change_with_whatever_is_recorded(parts: Parts):
    """While they stay the same the clock need not ask every run when it wakes."""
    nothing = chasing.signs(parts)
    start(parts)
    began = chasing.signs(parts)
    submit(parts, w.REPORT_A, now=w.EVE)
    recorded = chasing.signs(parts)

    assert len({nothing, began, recorded}) == 3
    assert chasing.signs(parts) == recorded


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
