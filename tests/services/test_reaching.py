"""Reaching: which of an agency's addresses a mail goes to, and what is done where one fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from engine.ledger import EntryKind
from notifiers.digest import compose
from notifiers.wire.channel import Envelope, Outcome, Outcomes, Refused, Sent, TryLater, Unknown
from plan_definitions import Bundle
from services import chasing, recording
from services.mail import addressing, delivering, looking, mailroom, marking, pacing
from services.wiring import Parts
from storage import addresses, ledger, notices, outbox, recipients, relays
from storage.outbox import Message, Status
from storage.recipients import Fate
from tests.services import written as w
from tests.services.office import (
    BY,
    Offices,
    Recording,
    deliver,
    kinds,
    outbox_of,
    start,
    submit,
    wake,
)

CONTACTS = """\
  a:
    name: Sở An
    kind: department
    email: a@nho.example
    contacts:
      - {name: Nguyễn Văn An, role: focal, email: an@nho.example}
      - {name: Trần Thị Giám, role: head, email: giam@nho.example}
      - {name: Lưu trữ, role: copy, email: luu@nho.example}
"""
NO_SUCH_USER = Refused("550 5.1.1 no such user", of_address=True, of_mailbox=True)
SECOND = w.at("2020-05-12 08:00")


def bundle() -> Bundle:
    """Return the small plan, Sở An with contacts, its head added from the second chaser on."""
    found = w.bundle(ladder=w.LADDER.replace("at_most: 3}", "at_most: 3, head_from: 2}"))
    line = next(one for one in w.REGISTER.splitlines(keepends=True) if one.startswith("  a:"))
    texts = dict(found.texts)
    texts["register.yaml"] = w.REGISTER.replace(line, CONTACTS)
    return Bundle(found.main, texts)


@pytest.fixture
def parts(office: Offices) -> Parts:
    """An office in which the plan with contacts has started."""
    with office() as opened:
        start(opened, bundle())
        return opened


class Answering(Recording):
    """A way out that answers for each address."""

    def __init__(self, answer: Callable[[str], Outcome]) -> None:
        super().__init__()
        self.of = answer

    async def send(self, envelope: Envelope) -> Outcomes:
        """Keep the envelope, then answer for each address."""
        self.envelopes.append(envelope)
        return {address: self.of(address) for address in envelope.recipients}


def refusing(*unknown: str, later: tuple[str, ...] = ()) -> Answering:
    """Return a way out on which some addresses are not there, and some not now."""

    def answer(address: str) -> Outcome:
        if address in unknown:
            return NO_SUCH_USER
        return TryLater("451 busy") if address in later else Sent("250 ok")

    return Answering(answer)


def to_a(way: Recording) -> list[tuple[str, ...]]:
    """Return the addresses of each mail to Sở An, in order."""
    known = ("a@", "an@", "giam@", "luu@", "binh@")
    return [one.recipients for one in way.envelopes if one.recipients[0].startswith(known)]


def message_to_a(parts: Parts, number: int = -1) -> Message:
    """Return a message to Sở An, the last one unless told."""
    return [one for one in outbox_of(parts) if one.recipient == "a"][number]


def fates(parts: Parts, message: Message) -> dict[str, Fate]:
    """Return what became of a message at each address."""
    with parts.database.reading() as connection:
        found = recipients.of_messages(connection, [message.id])[message.id]
    return {one.address: one.fate for one in found}


def test_the_focal_point_is_written_to_and_the_others_get_copies(parts: Parts):
    """One mail to all of them; who is to answer stands in To, the others in Cc."""
    chasing.issue_notices(parts, w.START)
    way = Recording()
    deliver(parts, w.START, way)

    (envelope,) = (one for one in way.envelopes if "an@nho.example" in one.recipients)
    assert envelope.recipients == ("an@nho.example", "a@nho.example", "luu@nho.example")
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert mail["To"] == "Nguyễn Văn An <an@nho.example>"
    assert mail["Cc"] == "Sở An <a@nho.example>, Lưu trữ <luu@nho.example>"
    assert set(fates(parts, message_to_a(parts)).values()) == {Fate.SENT}


def test_the_head_is_written_to_from_the_rung_on_that_the_plan_says(parts: Parts):
    """Not for the first chaser, but for the second."""
    wake(parts, w.START)
    wake(parts, w.EVE)

    assert "giam@nho.example" not in wake(parts, w.LATE)
    assert "giam@nho.example" in wake(parts, SECOND)


def test_where_the_focal_point_is_not_there_the_next_contact_gets_it_at_once(parts: Parts):
    """Who had a copy of it already is the one to answer now; the dead address is left alone."""
    chasing.issue_notices(parts, w.START)
    way = refusing("an@nho.example")

    delivered = deliver(parts, w.START, way)

    assert to_a(way) == [("an@nho.example", "a@nho.example", "luu@nho.example")]
    message = message_to_a(parts)
    assert message.status is Status.SENT
    assert fates(parts, message)["an@nho.example"] is Fate.REFUSED
    assert delivered.undeliverable == []
    with parts.database.reading() as connection:
        assert addresses.known(connection)["an@nho.example"].bounced
        told = [one for one in notices.told(connection, "nho") if one.recipient == "a"]
    assert len({(one.obligation, one.rung) for one in told}) == len(told) == 2
    assert "an@nho.example" not in wake(parts, w.EVE)


def test_where_nobody_is_there_a_person_is_told_and_can_mend_it(parts: Parts):
    """The corrected address takes the place of the old one in every plan."""
    chasing.issue_notices(parts, w.START)
    gone = ("an@nho.example", "a@nho.example", "luu@nho.example", "giam@nho.example")

    delivered = deliver(parts, w.START, refusing(*gone))

    assert [one.recipient for one in delivered.undeliverable] == ["a"]
    message = message_to_a(parts)
    assert message.status is Status.UNDELIVERABLE
    assert message.error == delivered.undeliverable[0].why == NO_SUCH_USER.reason
    addressing.take_place(parts, "a@nho.example", "binh@nho.example", by="Lan", now=w.START)
    mailroom.retry(parts, message.id, w.START + timedelta(minutes=5))
    way = Recording()
    deliver(parts, w.START + timedelta(minutes=5), way)
    assert any("binh@nho.example" in one for one in to_a(way))
    assert message_to_a(parts).status is Status.SENT


def test_a_sent_mail_is_shown_with_the_addresses_that_it_went_to(parts: Parts):
    """Whatever took their place since: what is asked is where that mail went."""
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, Recording())
    addressing.take_place(parts, "an@nho.example", "binh@nho.example", by="Lan", now=w.EVE)

    shown = mailroom.looked_at(parts, message_to_a(parts).id)

    assert {one.address for one in shown.addressees} == {
        "an@nho.example",
        "a@nho.example",
        "luu@nho.example",
    }
    assert [one.address for one in shown.addressees if not one.is_copy] == ["an@nho.example"]


def test_who_has_got_it_is_spared_by_the_second_try(parts: Parts):
    """Only the address that was busy is tried again."""
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, refusing(later=("luu@nho.example",)))
    message = message_to_a(parts)
    assert (message.status, message.sent_at) == (Status.LATER, w.START)
    again = Recording()

    deliver(parts, w.START + timedelta(minutes=5), again)

    assert again.to == ["luu@nho.example"]
    assert message_to_a(parts).status is Status.SENT
    assert kinds(parts).count("message-later") == 1
    sent = [one for one in kinds(parts) if one == "message-sent"]
    assert len(sent) == len(outbox_of(parts))


def test_a_chaser_that_a_newer_one_has_overtaken_does_not_go_out_any_more(parts: Parts):
    """After an outage of days nobody gets a pile: the newest goes out, as the first chaser."""
    wake(parts, w.START)
    wake(parts, w.EVE)
    down = Answering(lambda _: TryLater("refused", of_relay=True))
    chasing.issue_notices(parts, w.LATE)
    deliver(parts, w.LATE, down)
    chasing.issue_notices(parts, SECOND)
    way = Recording()

    deliver(parts, SECOND, way)

    assert len(to_a(way)) == 1
    first, second = message_to_a(parts, -2), message_to_a(parts)
    assert (first.status, second.status) == (Status.CANCELLED, Status.SENT)
    assert "Đôn đốc lần 1" in second.subject


def test_a_dead_server_costs_one_attempt(parts: Parts):
    """However many mails wait; they are as they were, untried, and go out when it is back."""
    chasing.issue_notices(parts, w.START)
    down = Answering(lambda _: TryLater("connecting: refused", of_relay=True))

    delivered = deliver(parts, w.START, down)

    assert len(down.envelopes) == 1
    assert delivered.trouble == "connecting: refused"
    assert sorted(one.tries for one in outbox_of(parts)) == [0] * (len(outbox_of(parts)) - 1) + [1]
    deliver(parts, w.START + timedelta(seconds=30), down)
    assert len(down.envelopes) == 1, "left alone for a minute"
    way = Recording()
    deliver(parts, w.START + timedelta(minutes=6), way)
    assert {one.status for one in outbox_of(parts)} == {Status.SENT}


def test_a_retry_does_not_fall_into_the_night(parts: Parts):
    """What could not go out in the afternoon goes out in the morning."""
    afternoon = w.at("2020-04-06 16:50")
    recording.announce(parts, "government.issued", BY, now=afternoon)
    chasing.issue_notices(parts, afternoon)
    late = Answering(lambda _: TryLater("451 busy"))

    deliver(parts, afternoon, late)

    waiting = [one for one in outbox_of(parts) if one.status is Status.LATER]
    assert waiting
    assert {one.next_try_at for one in waiting} <= {
        w.at("2020-04-06 16:55"),
        w.at("2020-04-07 08:00"),
    }
    deliver(parts, w.at("2020-04-06 16:55"), late)
    assert {one.next_try_at for one in outbox_of(parts) if one.status is Status.LATER} == {
        w.at("2020-04-07 08:00")
    }


def test_what_is_taken_back_says_nothing_any_more(parts: Parts):
    """It counts as not told, and the ledger says who took it back and why."""
    chasing.issue_notices(parts, w.START)
    message = message_to_a(parts)

    mailroom.cancel(parts, message.id, by="Lan", why="gửi công văn giấy", now=w.START)

    way = Recording()
    deliver(parts, w.START, way)
    assert to_a(way) == []
    assert message_to_a(parts).status is Status.CANCELLED
    assert kinds(parts).count("message-cancelled") == 1
    with parts.database.reading() as connection:
        assert "a" not in {one.recipient for one in notices.told(connection, "nho")}
        assert outbox.next_due(connection) is None


def test_what_the_agency_has_got_stays_said_though_its_copy_is_taken_back(parts: Parts):
    """A rung that was read counts: only the copy that is still tried is taken back."""
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, refusing(later=("luu@nho.example",)))
    message = message_to_a(parts)
    assert message.status is Status.LATER

    mailroom.cancel(parts, message.id, by="Lan", why="thôi bản sao", now=w.START)

    assert message_to_a(parts).status is Status.SENT
    assert "notice-dropped" not in kinds(parts)
    with parts.database.reading() as connection:
        assert "a" in {one.recipient for one in notices.told(connection, "nho")}
        (entry,) = ledger.entries(connection, "nho", kinds=[EntryKind.MESSAGE_CANCELLED])
        assert entry.data["only_copies"] is True
        assert outbox.next_due(connection) is None


def withheld(parts: Parts) -> list[tuple[list[str], str]]:
    """Return which copies the ledger says were not sent any more, and why; the outbox agrees."""
    with parts.database.reading() as connection:
        found = ledger.entries(connection, "nho", kinds=[EntryKind.MESSAGE_CANCELLED])
        number = message_to_a(parts).id
        kept = recipients.of_messages(connection, [number])[number]
    said = [(one.data["addresses"], one.data["detail"]) for one in found]
    kept_back = [one.address for one in kept if one.fate is Fate.WITHHELD]
    assert kept_back == [address for addresses, _ in said for address in addresses]
    return said


def test_a_copy_that_a_pause_keeps_back_leaves_nothing_open(parts: Parts):
    """Who is to answer has got it: the rung counts, and is not issued again after the pause."""
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, refusing(later=("luu@nho.example",)))
    recording.pause(parts, "nho", BY, why="bão", now=w.START + timedelta(minutes=1))

    deliver(parts, w.START + timedelta(minutes=6))

    assert message_to_a(parts).status is Status.SENT
    assert "notice-withdrawn" not in kinds(parts)
    assert withheld(parts) == [(["luu@nho.example"], "đang tạm dừng đôn đốc")]
    with parts.database.reading() as connection:
        assert "a" in {one.recipient for one in notices.told(connection, "nho")}
        assert outbox.next_due(connection) is None


def test_message_ids_end_with_the_sender_s_domain(office: Offices):
    """Two offices that run the same plan must not send mails of one id."""
    with office() as opened:
        ours = replace(
            opened, settings=opened.settings.model_copy(update={"sender": "dd@sonoivu.example"})
        )
        start(ours, bundle())
        chasing.issue_notices(ours, w.START)
        way = Recording()
        deliver(ours, w.START, way)

    assert {one.rpartition("@")[2] for one in way.ids} == {"sonoivu.example>"}
    mail = message_from_bytes(way.envelopes[0].content, policy=policy.default)
    assert mail["Message-ID"] == way.ids[0]
    assert str(mail["References"]).endswith("@sonoivu.example>")


def test_what_has_to_wait_for_the_morning_goes_out_in_one_mail_with_what_falls_due_then(
    parts: Parts,
):
    """A mail that was queued in the afternoon and not tried: nobody gets two at 08:00."""
    wake(parts, w.START)
    wake(parts, w.EVE)
    chasing.issue_notices(parts, w.LATE)
    evening = w.at("2020-05-11 17:40")
    way = Recording()

    deliver(parts, evening, way)

    assert way.envelopes == []
    assert message_to_a(parts).status is Status.CANCELLED
    assert kinds(parts).count("notice-withdrawn") > 0
    morning = Recording()
    chasing.issue_notices(parts, SECOND)
    deliver(parts, SECOND, morning)
    assert len(to_a(morning)) == 1
    assert "Đôn đốc lần 1" in message_to_a(parts).subject


def test_one_delivery_goes_on_for_a_while_at_the_server_s_rate(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A run for each mail would fill the operator's list; after a minute another one goes on."""
    slow = replace(parts, settings=parts.settings.model_copy(update={"smtp_per_minute": 2}))
    chasing.issue_notices(slow, w.START)
    now = [w.START]
    sleeps: list[float] = []

    really = asyncio.sleep

    async def sleep(seconds: float) -> None:
        if seconds == delivering.RENEWED.total_seconds():
            await really(3600)  # who renews claims has nothing to do here, and is cancelled
        sleeps.append(seconds)
        now[0] += timedelta(seconds=seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    way = Recording()

    asyncio.run(delivering.deliver(slow, way, w.START, clock=lambda: now[0]))

    due = len(outbox_of(slow))
    assert due == 4
    assert len(way.envelopes) == 3, "one at once, then one every half a minute"
    assert sum(sleeps) == pytest.approx(60)
    assert delivering.next_due(slow) == w.START + timedelta(seconds=90)


def test_a_server_that_answers_to_no_mail_is_left_alone(parts: Parts):
    """Each of them may have been taken: a whole morning must not arrive twice."""
    start(parts, w.real())
    chasing.issue_notices(parts, w.START)
    silent = Answering(lambda _: Unknown("no answer to the text"))

    delivered = deliver(parts, w.START, silent)

    assert len(silent.envelopes) <= delivering.RIDDLES + parts.settings.smtp_connections
    assert delivered.trouble == "no answer to the text"
    assert Status.QUEUED in {one.status for one in outbox_of(parts)}


def test_what_has_reached_the_agency_but_not_a_copy_in_five_days_counts_as_sent(parts: Parts):
    """Nobody is alarmed for a copy."""
    chasing.issue_notices(parts, w.START)
    busy = refusing(later=("luu@nho.example",))
    deliver(parts, w.START, busy)

    delivered = deliver(parts, w.START + timedelta(days=8), busy)

    assert message_to_a(parts).status is Status.SENT
    assert delivered.undeliverable == []
    assert kinds(parts).count("message-expired") == 0


def test_one_message_that_can_not_be_looked_at_keeps_no_other_waiting(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A fault of ours costs one mail, and a person hears of it."""
    chasing.issue_notices(parts, w.START)
    really = compose

    def stumbles(*arguments: Any, **named: Any) -> Any:
        if named["recipient"] == "b":
            raise LookupError("a fault of ours")
        return really(*arguments, **named)

    monkeypatch.setattr(looking, "compose", stumbles)

    delivered = deliver(parts, w.START)

    assert [(one.recipient, one.why) for one in delivered.undeliverable] == [
        ("b", "LookupError: a fault of ours")
    ]
    assert message_to_a(parts).status is Status.SENT


def test_a_delivery_that_is_broken_off_sees_mail_on_its_way_through(parts: Parts):
    """At SIGTERM: what the server has is marked, the rest is given back and goes out next time."""
    chasing.issue_notices(parts, w.START)

    class Slow(Recording):
        """A way out on which the first mail is under way while the delivery is broken off."""

        async def send(self, envelope: Envelope) -> Outcomes:
            if not self.envelopes:
                delivery.cancel()
                await asyncio.sleep(0)
            return await super().send(envelope)

    way = Slow()
    delivery: Any = None

    async def run() -> None:
        nonlocal delivery
        delivery = asyncio.create_task(delivering.deliver(parts, way, w.START))
        with pytest.raises(asyncio.CancelledError):
            await delivery

    asyncio.run(run())

    assert len(way.envelopes) == 1
    found = Counter(one.status for one in outbox_of(parts))
    assert found == {Status.SENT: 1, Status.QUEUED: 3}
    second = Recording()
    deliver(parts, w.START, second)
    assert not set(second.ids) & set(way.ids)


def test_what_has_reached_the_agency_stays_said_though_its_copy_became_pointless(parts: Parts):
    """The proof of what was sent outlives a submission between two tries."""
    wake(parts, w.START)
    wake(parts, w.EVE)
    chasing.issue_notices(parts, w.LATE)
    deliver(parts, w.LATE, refusing(later=("luu@nho.example",)))

    def told() -> list[str]:
        with parts.database.reading() as connection:
            found = notices.told(connection, "nho", about=[w.REPORT_A])
        return [one.rung for one in found if one.recipient == "a"]

    before = told()
    submit(parts, w.REPORT_A, now=w.LATE + timedelta(minutes=1))

    deliver(parts, w.LATE + timedelta(minutes=6))

    assert "overdue-1" in before
    assert told() == before
    assert message_to_a(parts).status is Status.SENT
    ((addresses, why),) = withheld(parts)
    assert (addresses, why.partition(":")[0]) == (["luu@nho.example"], "không còn cần")


def test_a_copy_that_never_arrived_is_given_up_in_the_open(parts: Parts):
    """After days nothing more is tried: the ledger says so, the agency itself has got it."""
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, refusing(later=("luu@nho.example",)))

    later = w.START + parts.settings.mail_expires + timedelta(days=1)
    marking.expire(parts, later, limit=10)

    assert message_to_a(parts).status is Status.SENT
    assert withheld(parts) == [(["luu@nho.example"], "451 busy")]


def test_a_probe_that_need_not_go_out_leaves_the_server_to_the_next(parts: Parts):
    """Else mail that became pointless would keep the rest waiting a quarter of an hour each."""
    wake(parts, w.START)
    wake(parts, w.EVE)
    chasing.issue_notices(parts, w.LATE)
    dead = Recording(lambda _: TryLater("refused", of_relay=True))
    deliver(parts, w.LATE, dead)
    (first,) = (one for one in outbox_of(parts) if one.status is Status.LATER)
    reports = {"a": w.REPORT_A, "b": w.REPORT_B, "c": w.REPORT_C}
    open_ones = [one for one in outbox_of(parts) if one.status is Status.QUEUED]
    pointless = next(one for one in open_ones if one.recipient in reports)
    for one in open_ones:
        if one.id < pointless.id:
            mailroom.cancel(parts, one.id, by="văn thư", why="Thôi", now=w.LATE)
    submit(parts, reports[pointless.recipient], now=w.LATE + timedelta(seconds=5))
    way = Recording()

    deliver(parts, w.LATE + timedelta(minutes=1, seconds=1), way)

    status = {one.id: one.status for one in outbox_of(parts)}
    assert status[pointless.id] is Status.CANCELLED
    assert way.envelopes
    assert {status[one.id] for one in open_ones} <= {Status.CANCELLED, Status.SENT}
    assert status[first.id] is Status.LATER


def test_who_submits_while_a_slow_server_is_at_it_is_not_chased(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A look holds for moments, not for a whole claim."""
    monkeypatch.setattr(delivering, "FRESH", 0.0)
    wake(parts, w.START)
    wake(parts, w.EVE)
    chasing.issue_notices(parts, w.LATE)
    others = {"a": w.REPORT_A, "b": w.REPORT_B, "c": w.REPORT_C}
    way = Recording()

    def answer(envelope: Envelope) -> Outcome:
        if len(way.envelopes) == 1:
            mine = envelope.recipients[0][0]
            for agency, report in others.items():
                if agency != mine:
                    submit(parts, report, now=w.LATE)
        return Sent("250 ok")

    way.answer = answer
    parts.settings.__dict__["smtp_connections"] = 1

    deliver(parts, w.LATE, way)

    assert not any(one.recipients[0] in ("b@nho.example", "c@nho.example") for one in way.envelopes)
    assert len(way.envelopes) == 2, "to Sở An, and the report above about it alone"


def test_what_waits_for_offices_to_open_was_not_tried(parts: Parts):
    """A machine that was off, then a night: it goes out, however late, and does not expire."""
    parts.settings.__dict__["mail_days"] = 1
    chasing.issue_notices(parts, w.START)
    night, morning = w.at("2020-04-06 20:00"), w.at("2020-04-07 08:30")
    deliver(parts, night)

    assert {one.tries for one in outbox_of(parts) if one.status is Status.QUEUED} <= {0}
    chasing.issue_notices(parts, morning)
    delivered = deliver(parts, morning)

    assert delivered.undeliverable == []
    assert {one.status for one in outbox_of(parts)} <= {Status.SENT, Status.CANCELLED}


def test_what_was_put_off_once_before_a_weekend_is_tried_after_it(parts: Parts):
    """Greylisted at five on Friday; given up on Saturday it would have had no second try."""
    parts.settings.__dict__["mail_days"] = 1
    friday = w.at("2020-04-10 16:58")
    recording.extend(
        parts, "nho", w.REPORT_A, BY, until=w.at("2020-05-20 00:00").date(), now=friday
    )
    wake(parts, w.at("2020-04-10 08:00"))
    chasing.issue_notices(parts, friday)
    message = message_to_a(parts)
    deliver(parts, friday, refusing(later=("an@nho.example", "a@nho.example", "luu@nho.example")))
    put_off = message_to_a(parts)
    assert put_off.next_try_at == w.at("2020-04-13 08:00")

    deliver(parts, w.at("2020-04-13 08:00"))

    assert message_to_a(parts).status is Status.SENT
    assert message_to_a(parts).id == message.id


def test_a_mark_that_the_database_does_not_take_is_tried_again(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """What the server has and nobody marked would arrive twice."""
    chasing.issue_notices(parts, w.START)
    really, asked = marking.mark, []

    def locked_once(*arguments: Any) -> set[int]:
        asked.append(arguments)
        if len(asked) == 1:
            raise OperationalError("BEGIN IMMEDIATE", {}, Exception("database is locked"))
        return really(*arguments)

    monkeypatch.setattr(marking, "mark", locked_once)
    way = Recording()

    deliver(parts, w.START, way)

    assert {one.status for one in outbox_of(parts)} == {Status.SENT}
    assert len(way.ids) == len(set(way.ids))


def test_the_claim_on_a_mail_that_is_long_on_its_way_is_renewed(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
):
    """A server may take minutes for each command: nobody else sends the same meanwhile."""
    monkeypatch.setattr(delivering, "RENEWED", timedelta(seconds=0.01))
    chasing.issue_notices(parts, w.START)
    only = [outbox_of(parts)[0].id]
    now = [w.START]
    second = Recording()

    class Slow(Recording):
        """A way out that takes longer than a lease, by the office's clock."""

        async def send(self, envelope: Envelope) -> Outcomes:
            for _ in range(2):
                now[0] += delivering.LEASE - timedelta(minutes=2)
                await asyncio.sleep(0.1)
            await delivering.deliver(parts, second, now[0], only=only)
            return await super().send(envelope)

    way = Slow()
    asyncio.run(delivering.deliver(parts, way, now[0], only=only, clock=lambda: now[0]))

    assert (len(way.envelopes), second.envelopes) == (1, [])
    assert outbox_of(parts)[0].status is Status.SENT


# ── The clock is set back ──


def test_mail_that_was_claimed_by_a_clock_a_day_ahead_goes_out(parts: Parts):
    """The machine died over it, and its clock was set right: nobody waits for that day."""
    chasing.issue_notices(parts, w.START)
    ahead = w.START + timedelta(days=1)
    with parts.database.writing() as connection:
        outbox.claim(connection, ahead, lease=delivering.LEASE, limit=2, by="dead")
    parts.settings.__dict__["smtp_connections"] = 1  # the dead one must not hold the only line

    assert not delivering.is_mail_due(parts, w.START)
    assert delivering.free_held(parts, w.START)
    assert delivering.is_mail_due(parts, w.START)
    assert not delivering.free_held(parts, w.START)
    deliver(parts, w.START)

    assert {one.status for one in outbox_of(parts)} == {Status.SENT}


def test_a_claim_that_another_machine_may_hold_is_left_alone(parts: Parts):
    """Its clock may be some minutes ahead of ours."""
    chasing.issue_notices(parts, w.START)
    ahead = w.START + pacing.SKEW
    with parts.database.writing() as connection:
        outbox.claim(connection, ahead, lease=delivering.LEASE, limit=2, by="alive")

    assert not delivering.free_held(parts, w.START)
    deliver(parts, w.START)

    assert Counter(one.status for one in outbox_of(parts))[Status.SENDING] == 2


def test_a_mail_server_that_was_dead_tomorrow_is_tried_today(parts: Parts):
    """The rest that it was given a day ahead is none any more."""
    chasing.issue_notices(parts, w.START)
    with parts.database.writing() as connection:
        relay = relays.held(parts.database, connection, parts.settings.relay)
        relays.keep(connection, pacing.failed(relay, "refused", w.START + timedelta(days=1)))

    deliver(parts, w.START)

    assert {one.status for one in outbox_of(parts)} == {Status.SENT}
