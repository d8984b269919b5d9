"""Delivering: looked at again, tried again, never lost; faults by a fake, once in earnest."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from email import message_from_bytes
from functools import partial

import pytest

from notifiers.wire.channel import Envelope, Outcome, Refused, Sent, TryLater, Unknown
from notifiers.wire.mailbox import StoredMail, read
from services import chasing, recording
from services.errors import Refused as NotAllowed
from services.mail import addressing, delivering, mailroom
from services.mail.delivering import BATCH, LEASE, UNMARKED
from services.mail.judging import WAITS
from services.views import reports
from services.wiring import Parts
from storage.outbox import Message, Status
from tests.services import written as w
from tests.services.office import (
    BY,
    Halt,
    Offices,
    Recording,
    deliver,
    kinds,
    notice_rows,
    outbox_of,
    start,
    statuses,
    submit,
    wake,
)
from tests.storage.records import contents
from tests.storage.together import at_once

FIVE_DAYS = timedelta(days=5)
SOON = w.START + timedelta(minutes=1)


@pytest.fixture
def issued(small: Parts) -> Parts:
    """An office whose first mail is in the outbox: to a, b and c, and news to the coordinator."""
    chasing.issue_notices(small, w.START)
    return small


@pytest.fixture
def late(small: Parts) -> Parts:
    """An office in which all three are late, told so, and reported above; nothing sent yet."""
    wake(small, w.START)
    wake(small, w.EVE)
    chasing.issue_notices(small, w.LATE)
    return small


def answering(outcome: Outcome) -> Recording:
    """Return a way out that answers always the same."""
    return Recording(lambda _: outcome)


def found(parts: Parts, recipient: str) -> Message:
    """Return a recipient's message of the late morning."""
    messages = [message for message in outbox_of(parts) if message.send_at == w.LATE]
    return next(message for message in messages if message.recipient == recipient)


def in_earnest(parts: Parts, now: datetime) -> list[StoredMail]:
    """Deliver over real SMTP into the local mailbox, and read what was filed."""

    async def run() -> None:
        async with delivering.way_out(parts) as way:
            await delivering.deliver(parts, way, now)

    asyncio.run(run())
    return read(parts.settings.mailbox_folder)


# ── As it should go ──


def test_what_is_due_goes_out_once(issued: Parts):
    """To the right addresses, and never again."""
    way = Recording()

    delivered = deliver(issued, w.START, way)

    assert way.to == ["a@nho.example", "b@nho.example", "c@nho.example", "noivu@nho.example"]
    assert (delivered.total, delivered.counts, delivered.runs) == (
        4,
        {Status.SENT: 4},
        {"nho"},
    )
    assert way.ids == [message.message_id for message in outbox_of(issued)]
    assert kinds(issued).count("message-sent") == 4
    assert deliver(issued, SOON + LEASE, way).total == 0
    assert len(way.envelopes) == 4


def test_answers_go_to_the_address_that_took_the_coordinators_place(small: Parts):
    """For all plans, at once."""
    new = "vanthu@noivu.example"
    addressing.take_place(small, "noivu@nho.example", new, now=w.START, by="văn thư")
    way = Recording()
    chasing.issue_notices(small, w.START)
    deliver(small, w.START, way)

    assert {message_from_bytes(one.content)["Reply-To"] for one in way.envelopes} == {new}


def test_only_what_is_asked_for_goes_out(issued: Parts):
    """Escalations are a run of their own."""
    way, second = Recording(), outbox_of(issued)[1]

    deliver(issued, w.START, way, only=[second.id])

    assert way.to == ["b@nho.example"]
    assert statuses(issued) == ["queued", "sent", "queued", "queued"]


def test_two_who_deliver_at_once_share_the_mail(office: Offices):
    """Nobody gets it twice."""
    with office() as one, office() as two:
        start(one, w.real())
        chasing.issue_notices(one, w.START)
        ways = [Recording() for _ in range(4)]
        at_once(
            *[
                partial(deliver, parts, w.START, way)
                for parts, way in zip((one, two, one, two), ways, strict=True)
            ]
        )

        ids = [found for way in ways for found in way.ids]
        assert sorted(ids) == sorted(message.message_id for message in outbox_of(one))
        assert len(ids) > BATCH
        assert set(statuses(one)) == {"sent"}


def test_a_real_conversation_files_the_mail(late: Parts):
    """Without a server configured: real SMTP, a Maildir, nothing sent on."""
    filed = in_earnest(late, w.LATE)

    assert {mail.recipient: mail.kind for mail in filed} == {
        "a": "overdue",
        "b": "overdue",
        "c": "overdue",
        "noi-vu": "escalate",
    }
    above = next(mail for mail in filed if mail.recipient == "noi-vu")
    assert (above.to, above.envelope_to) == (("noivu@nho.example",), ("noivu@nho.example",))
    assert above.run == "nho"
    assert above.date == w.LATE
    for name in ("Sở An", "Sở Bình", "Sở Cường"):
        assert name in above.text
        assert name in above.html
    shown = {one["message_id"]: one["subject"] for one in reports.messages(late)}
    assert {mail.message_id: mail.subject for mail in filed}.items() <= shown.items()
    assert set(statuses(late)) == {"sent"}


# ── Looking again ──


def test_who_has_submitted_since_is_not_chased(late: Parts):
    """The rest of the mail goes out without them; the one that is only about them does not."""
    submit(late, w.REPORT_A, now=w.LATE + timedelta(minutes=1))

    filed = in_earnest(late, w.LATE + timedelta(minutes=2))

    assert [mail.recipient for mail in filed] == ["b", "c", "noi-vu"]
    above = filed[-1]
    for told in (above.text, above.html):
        assert "Sở An" not in told
        assert "Sở Bình" in told
    dropped = {(row.obligation, row.rung) for row in notice_rows(late) if row.status == "dropped"}
    assert dropped == {(w.REPORT_A, "overdue-1"), (w.REPORT_A, "escalate-1")}
    assert kinds(late).count("message-cancelled") == 1
    assert kinds(late).count("notice-dropped") == 2  # the ledger proves what did not go out
    assert found(late, "a").status is Status.CANCELLED


def test_a_message_of_which_nothing_is_true_any_more_is_cancelled(late: Parts):
    """Whole; nothing reaches the way out, and it does not count as told."""
    submit(late, w.REPORT_A, w.REPORT_B, w.REPORT_C, now=w.LATE)
    way = Recording()

    delivered = deliver(late, w.LATE, way)

    assert way.envelopes == []
    assert delivered.counts == {Status.CANCELLED: 4}
    told = [one for one in reports.outcome(late, "nho", w.LATE).board.told if "1" in one.rung]
    assert told == []


@pytest.mark.parametrize("deed", ["waive", "extend", "return"])
def test_a_new_round_outdates_what_was_said_of_the_old(late: Parts, deed: str):
    """An extension, a return or a waiver: the mail in the outbox speaks of what was."""
    now = w.LATE + timedelta(minutes=1)
    match deed:
        case "waive":
            recording.waive(late, "nho", w.REPORT_A, BY, why="Giải thể", now=now)
        case "extend":
            until = w.at("2020-05-20 00:00").date()
            recording.extend(late, "nho", w.REPORT_A, BY, until=until, now=now)
        case "return":
            submit(late, w.REPORT_A, now=now)
            recording.send_back(late, "nho", w.REPORT_A, BY, why="Thiếu", days=3, now=now)
    way = Recording()

    deliver(late, now, way)

    assert "a@nho.example" not in way.to
    assert len(way.to) == 3


# ── Faults ──


def test_what_may_succeed_later_waits_longer_each_time_and_is_given_up_at_last(issued: Parts):
    """A full mailbox is not hammered, and not tried for ever."""
    only = [outbox_of(issued)[0].id]
    way, now = answering(TryLater("451 mailbox full")), w.START
    waits, tried = [], []
    while now < w.START + FIVE_DAYS:
        deliver(issued, now, way, only=only)
        message = outbox_of(issued)[0]
        assert (message.status, message.error) == (Status.LATER, "451 mailbox full")
        assert message.next_try_at is not None
        waits.append(message.next_try_at - now)
        tried.append(now)
        early = message.next_try_at - timedelta(seconds=1)
        assert deliver(issued, early, way, only=only).total == 0
        now = message.next_try_at
    given_up = deliver(issued, now, way, only=only)

    assert waits[: len(WAITS)] == list(WAITS)
    assert all(8 <= at.astimezone(w.START.tzinfo).hour <= 17 for at in tried), "at night none"
    assert outbox_of(issued)[0].status is Status.EXPIRED
    assert kinds(issued).count("message-expired") == 1
    assert [one.why for one in given_up.undeliverable] == ["451 mailbox full"]
    assert len(way.envelopes) == len(waits)
    assert len(set(way.ids)) == 1


def test_what_is_refused_for_good_is_undeliverable_at_once(issued: Parts):
    """Sending the same again is pointless; the operator sees why, and others get theirs."""

    def answer(envelope: Envelope) -> Outcome:
        refused = envelope.recipients[0].startswith("b@")
        return Refused("550 no such mailbox") if refused else Sent()

    delivered = deliver(issued, w.START, Recording(answer))

    assert delivered.counts == {Status.SENT: 3, Status.UNDELIVERABLE: 1}
    refused = outbox_of(issued)[1]
    assert (refused.status, refused.error) == (Status.UNDELIVERABLE, "550 no such mailbox")
    assert kinds(issued).count("message-undeliverable") == 1
    assert deliver(issued, SOON + timedelta(days=9)).total == 0


def test_what_was_refused_can_be_sent_by_hand_once_it_is_mended(issued: Parts):
    """Under the same Message-ID; what was sent can't be sent again."""
    deliver(issued, w.START, answering(Refused("550 no such mailbox")))
    number = outbox_of(issued)[0].id

    mailroom.retry(issued, number, SOON)
    way = Recording()
    deliver(issued, SOON, way)

    assert way.ids == [outbox_of(issued)[0].message_id]
    before = contents(issued.database)
    for wrong, key in ((number, "not-retryable"), (999, "unknown-message")):
        with pytest.raises(NotAllowed) as refused:
            mailroom.retry(issued, wrong, SOON)
        assert refused.value.key == f"refused.{key}"
    assert contents(issued.database) == before


def test_an_unknown_outcome_is_tried_again_under_the_same_message_id(issued: Parts):
    """It may arrive twice, and a reader's program can tell that it is one."""
    first, second = answering(Unknown("cut off at the dot")), Recording()
    deliver(issued, w.START, first)
    assert statuses(issued) == ["uncertain"] * 4

    deliver(issued, w.START + WAITS[0], second)

    assert second.ids == first.ids
    assert statuses(issued) == ["sent"] * 4


def test_what_was_uncertain_is_dropped_if_it_is_settled_meanwhile(late: Parts):
    """Also a second try looks again."""
    deliver(late, w.LATE, answering(Unknown("cut off")))
    submit(late, w.REPORT_A, now=w.LATE + timedelta(minutes=1))
    way = Recording()

    deliver(late, w.LATE + WAITS[0], way)

    assert "a@nho.example" not in way.to


def test_killed_while_sending_nothing_is_lost_and_few_are_doubled(parts: Parts):
    """At least once; no more doubles than one batch, each under its own Message-ID."""
    start(parts, w.real())
    chasing.issue_notices(parts, w.START)
    first, second = Recording(), Recording()

    def kill(envelope: Envelope) -> Outcome:
        if len(first.envelopes) == 12:
            raise Halt
        return Sent()

    first.answer = kill
    with pytest.raises(Halt):
        deliver(parts, w.START, first)

    deliver(parts, SOON, second)
    assert "sending" in statuses(parts), "the lease still holds"
    deliver(parts, w.START + LEASE, second)

    everybody = {message.message_id for message in outbox_of(parts)}
    assert set(statuses(parts)) == {"sent"}
    assert set(first.ids) | set(second.ids) == everybody
    assert len(second.ids) == len(set(second.ids))
    assert len(set(first.ids) & set(second.ids)) <= UNMARKED


def test_a_worker_that_comes_back_after_its_lease_changes_nothing(issued: Parts):
    """Another has sent it meanwhile: its word stands."""
    way = Recording()

    def answer(_: Envelope) -> Outcome:
        at_once(partial(deliver, issued, w.START + LEASE, way))
        return Refused("550 too late")

    slow = Recording(answer)
    deliver(issued, w.START, slow, only=[outbox_of(issued)[0].id])

    assert slow.ids[0] in way.ids
    assert statuses(issued) == ["sent"] * 4
    assert kinds(issued).count("message-undeliverable") == 0
    assert kinds(issued).count("message-sent") == 4


# ── Looking at mail ──


def test_a_sent_mail_can_be_looked_at_although_its_matter_is_settled(late: Parts):
    """What an agency was told can be shown to it."""
    deliver(late, w.LATE)
    submit(late, w.REPORT_A, now=w.LATE + timedelta(hours=1))
    number = found(late, "a").id

    assert "Báo cáo tổng kết" in mailroom.rendered(late, number).text


def test_a_mail_that_would_say_nothing_is_said_to_be_pointless(late: Parts):
    """Not shown as if it would go out."""
    submit(late, w.REPORT_A, now=w.LATE)
    number = found(late, "a").id

    for wrong, key in ((number, "message-pointless"), (999, "unknown-message")):
        with pytest.raises(NotAllowed) as refused:
            mailroom.rendered(late, wrong)
        assert refused.value.key == f"refused.{key}"


def test_mail_is_due_when_it_may_be_tried(issued: Parts):
    """The clock asks before it opens a conversation."""
    assert delivering.is_mail_due(issued, w.START)
    assert not delivering.is_mail_due(issued, w.START - timedelta(minutes=1))
    deliver(issued, w.START, answering(TryLater("busy")))
    assert not delivering.is_mail_due(issued, SOON)
    assert delivering.is_mail_due(issued, w.START + WAITS[0])
