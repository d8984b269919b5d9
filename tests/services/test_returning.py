"""Returning: mail that came back counts once, un-counts what it carried, and goes on elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from engine.ledger import EntryKind
from engine.plan import Contact, Role
from notifiers.digest import domain_of, message_id
from notifiers.wire.channel import Envelope, Outcome, Sent, TryLater
from services import briefing, chasing
from services.errors import Unavailable
from services.mail import mailroom, returned_mail, returning
from services.mail.returning import Came
from services.wiring import Parts
from storage import addresses, ledger, notices, recipients
from storage.outbox import Message, Status
from storage.recipients import Fate, Recipient
from storage.tables import MESSAGES
from tests import dovecot
from tests.dovecot import Dovecot
from tests.notifiers.test_mail_bounces import content
from tests.services import written as w
from tests.services.office import (
    Halt,
    Offices,
    Recording,
    deliver,
    killed_at,
    kinds,
    notice_rows,
    outbox_of,
    start,
    submit,
    wake,
)
from tests.storage.records import contents
from tests.storage.together import at_once

SOON = w.START + timedelta(minutes=10)
OTHER = "an.nguyen@nho.example"


@pytest.fixture
def parts(office: Offices, tmp_path: Path) -> Iterator[Parts]:
    """The parts, with a Maildir that mail comes back to."""
    for part in ("new", "cur", "tmp"):
        (tmp_path / "returned" / part).mkdir(parents=True)
    with office(bounces_maildir=tmp_path / "returned") as made:
        yield made


@pytest.fixture
def sent(parts: Parts) -> Parts:
    """An office whose first mail has gone out: to a, b and c, each to its one address."""
    start(parts)
    wake(parts, w.START)
    for one in outbox_of(parts):
        went_to(parts, one, f"{one.recipient}@nho.example")
    return parts


def went_to(
    parts: Parts,
    message: Message,
    address: str,
    *,
    is_copy: bool = False,
    fate: Fate = Fate.SENT,
) -> None:
    """Keep what became of a message at an address: it was taken there, unless said otherwise."""
    with parts.database.writing() as connection:
        one = Recipient(message.id, address, "x", "focal", is_copy, fate, message.sent_at)
        recipients.keep(parts.database, connection, [one])


def give(parts: Parts, agency: str, *others: str) -> None:
    """Give an agency focal points besides its mailbox."""
    plan = parts.plan(1)
    found = tuple(Contact(f"Đầu mối {one}", Role.FOCAL, one) for one in others)
    with_them = replace(plan.agencies[agency], contacts=found)
    parts._plans[1] = replace(plan, agencies={**plan.agencies, agency: with_them})


def message_to(parts: Parts, recipient: str = "a") -> Message:
    """Return the first message to an agency, of the coordinator its brief."""
    found = (one for one in outbox_of(parts) if one.recipient == recipient)
    return next(one for one in found if one.kind != "event")


def bounce(parts: Parts, name: str = "postfix", *, to: str = "a", address: str = "") -> bytes:
    """Return what a mail server writes about the first message to an agency."""
    ours = message_to(parts, to).message_id.encode()
    made = content(name).replace(b"<one.a.nho@dondoc.example>", ours)
    return made.replace(b"a@nho.example", (address or f"{to}@nho.example").encode())


def take(parts: Parts, mail: bytes, now: Any = SOON) -> list[Came]:
    """Read one mail; return what came of it."""
    return [one.came for one in returning.take(parts, mail, now)]


def drop(parts: Parts, name: str, mail: bytes) -> None:
    """Let a mail be delivered to the Maildir."""
    assert parts.settings.bounces_maildir is not None
    (parts.settings.bounces_maildir / "new" / name).write_bytes(mail)


def statuses(parts: Parts, recipient: str = "a") -> list[str]:
    """Return the statuses of an agency's messages by their numbers."""
    found = sorted(outbox_of(parts), key=lambda one: one.id)
    return [one.status.value for one in found if one.recipient == recipient]


def fate(parts: Parts, message: Message) -> list[tuple[str, str]]:
    """Return what became of a message at each address."""
    with parts.database.reading() as connection:
        found = recipients.of_messages(connection, [message.id])[message.id]
    return [(one.address, one.fate.value) for one in found]


def known(parts: Parts) -> dict[str, bool]:
    """Return of which addresses it is known whether mail comes back."""
    with parts.database.reading() as connection:
        return {key: one.bounced for key, one in addresses.known(connection).items()}


def told(parts: Parts) -> list[str]:
    """Return to whom the notices count as told."""
    with parts.database.reading() as connection:
        return sorted({one.recipient for one in notices.told(connection, "nho")})


def bounced_entries(parts: Parts) -> list[dict[str, Any]]:
    """Return what the ledger says of mail that came back."""
    with parts.database.reading() as connection:
        found = ledger.entries(connection, "nho")
    return [dict(one.data) for one in found if one.kind.value == "message-bounced"]


# ── An address that is gone ──


def test_a_hard_bounce_marks_the_address_and_sends_it_to_the_next(sent: Parts):
    """Bounced is not reminded: another of the agency gets the same, under another Message-ID."""
    give(sent, "a", OTHER)
    assert told(sent) == ["a", "b", "c"]

    (taken,) = returning.take(sent, bounce(sent), SOON)

    first, second = (one for one in outbox_of(sent) if one.recipient == "a")
    assert (taken.came, taken.sent_to, taken.given_up) == (Came.BOUNCED, (OTHER,), None)
    assert (first.status.value, second.status.value) == ("bounced", "queued")
    assert (second.slot, second.part, second.kind) == (first.slot, 2, first.kind)
    assert first.message_id != second.message_id
    assert second.expires_at == second.send_at + sent.settings.mail_expires
    assert known(sent) == {"a@nho.example": True}
    assert fate(sent, first) == [("a@nho.example", "bounced")]
    assert told(sent) == ["b", "c"]
    assert {row.message for row in notice_rows(sent) if row.recipient == "a"} == {second.id}

    deliver(sent, SOON)
    assert statuses(sent) == ["bounced", "sent"]
    assert told(sent) == ["a", "b", "c"]


def test_what_came_back_is_shown_as_it_was_sent(sent: Parts):
    """Who asks what an agency did not get reads its text, though another mail carries it now."""
    give(sent, "a", OTHER)
    (first,) = (one for one in outbox_of(sent) if one.recipient == "a")
    before = mailroom.rendered(sent, first.id)
    returning.take(sent, bounce(sent), SOON)
    deliver(sent, SOON)
    (_, second) = (one for one in outbox_of(sent) if one.recipient == "a")

    assert mailroom.rendered(sent, first.id).text == before.text
    ours, theirs = second.message_id.encode(), first.message_id.encode()
    again = bounce(sent, "zimbra", address=OTHER).replace(theirs, ours)
    assert take(sent, again) == [Came.BOUNCED]
    assert mailroom.rendered(sent, first.id).text == before.text


def test_the_ledger_says_what_came_back_from_where_and_where_it_went(sent: Parts):
    """So that it can be proved afterwards."""
    give(sent, "a", OTHER)

    take(sent, bounce(sent))

    (entry,) = bounced_entries(sent)
    assert entry["address"] == "a@nho.example"
    assert entry["status"] == "5.1.1"
    assert "User unknown" in entry["detail"]
    assert (entry["lost"], entry["sent_to"], entry["recipient"]) == (True, [OTHER], "a")


def test_without_another_address_it_waits_for_a_person(sent: Parts):
    """As undeliverable, with what the server said; mended, it can be sent."""
    (taken,) = returning.take(sent, bounce(sent), SOON)

    first, second = (one for one in outbox_of(sent) if one.recipient == "a")
    assert (first.status.value, second.status.value) == ("bounced", "undeliverable")
    assert taken.given_up is not None
    assert (taken.given_up.message, taken.given_up.recipient) == (second.id, "a")
    assert "User unknown" in second.error
    assert told(sent) == ["b", "c"]
    mailroom.retry(sent, second.id, SOON)
    deliver(sent, SOON)
    assert told(sent) == ["a", "b", "c"]


def test_nothing_is_issued_twice_because_of_it(sent: Parts):
    """The keys of what came back stay taken."""
    before = len(notice_rows(sent))
    take(sent, bounce(sent))

    chasing.issue_notices(sent, SOON)

    assert len(notice_rows(sent)) == before


def test_as_long_as_another_who_answers_got_it_nothing_is_sent_again(sent: Parts):
    """Two focal points, of whom one is gone: the agency knows."""
    first = message_to(sent)
    went_to(sent, first, OTHER)

    assert take(sent, bounce(sent)) == [Came.BOUNCED]

    assert statuses(sent) == ["sent"]
    assert known(sent) == {"a@nho.example": True}
    assert told(sent) == ["a", "b", "c"]
    assert bounced_entries(sent)[0]["lost"] is False


def test_who_gets_only_a_copy_does_not_count_as_told(sent: Parts):
    """They are not the ones to answer."""
    went_to(sent, message_to(sent), OTHER, is_copy=True)

    take(sent, bounce(sent))

    assert statuses(sent) == ["bounced", "undeliverable"]
    assert "a" not in told(sent)


def test_the_second_of_two_addresses_that_are_gone_loses_it(sent: Parts):
    """The reports come one by one."""
    went_to(sent, message_to(sent), OTHER)
    take(sent, bounce(sent))

    second = bounce(sent, "zimbra", address=OTHER)
    assert take(sent, second) == [Came.BOUNCED]

    assert statuses(sent) == ["bounced", "undeliverable"]
    assert known(sent) == {"a@nho.example": True, OTHER: True}


# ── What is no fault of the address ──


def test_mail_about_a_run_that_cannot_be_read_is_taken_once_it_can_be(
    sent: Parts, monkeypatch: pytest.MonkeyPatch
):
    """It may not keep what came back of all other runs from being read, nor be lost."""
    with monkeypatch.context() as damaged:

        def fail(_self: Parts, _version: int) -> None:
            raise LookupError("no calendar for 2031")

        damaged.setattr(Parts, "plan", fail)
        assert take(sent, bounce(sent)) == [Came.EARLY]
        assert fate(sent, message_to(sent)) == [("a@nho.example", "sent")]
        assert set(sent.unread) == {"nho"}

    assert take(sent, bounce(sent)) == [Came.BOUNCED]


def test_a_full_mailbox_lost_the_mail_but_not_the_address(sent: Parts):
    """Nobody was told; the next rung goes there all the same."""
    assert take(sent, bounce(sent, "sendmail")) == [Came.BOUNCED]

    assert known(sent) == {}
    assert statuses(sent) == ["bounced", "undeliverable"]
    assert told(sent) == ["b", "c"]


def test_a_delay_is_noted_and_nothing_else(sent: Parts):
    """The server keeps trying."""
    assert take(sent, bounce(sent, "postfix-delayed")) == [Came.DELAYED]

    assert (known(sent), statuses(sent), told(sent)) == ({}, ["sent"], ["a", "b", "c"])
    with sent.database.reading() as connection:
        first = message_to(sent).id
        (row,) = recipients.of_messages(connection, [first])[first]
    assert (row.fate, "timed out" in row.detail) == (Fate.SENT, True)


@pytest.mark.parametrize("name", ["absent-exchange", "absent-zimbra", "absent-old"])
def test_an_automatic_reply_is_noted_and_nothing_else(sent: Parts, name: str):
    """It is no answer: whoever is away is chased on; and no bounce: it got there."""
    before = (kinds(sent), statuses(sent), told(sent), known(sent))

    assert take(sent, bounce(sent, name)) == [Came.AUTO_REPLY]

    assert (kinds(sent), statuses(sent), told(sent), known(sent)) == before
    (noted,) = contents(sent.database)["post"]
    assert {"auto-reply", "a@nho.example"} < set(noted)


# ── What must change nothing ──


def test_the_same_report_counts_once(sent: Parts):
    """Read again after a kill, or by a second clock."""
    take(sent, bounce(sent))
    before = contents(sent.database)

    assert take(sent, bounce(sent), SOON + timedelta(hours=1)) == [Came.KNOWN]

    assert contents(sent.database) == before


def test_a_second_report_of_the_same_loss_changes_nothing(sent: Parts):
    """A server may say it twice, under another Message-ID."""
    take(sent, bounce(sent))
    entries = kinds(sent)

    assert take(sent, bounce(sent, "zimbra")) == [Came.NOTED]

    assert (kinds(sent), statuses(sent)) == (entries, ["bounced", "undeliverable"])


@pytest.mark.parametrize("name", ["postfix", "exchange", "gmail", "exim", "qmail", "absent-zimbra"])
def test_a_report_about_what_we_never_sent_changes_nothing(sent: Parts, name: str):
    """Whoever knows the address can write to it."""
    before = contents(sent.database)

    assert take(sent, content(name)) == [Came.LETTER]

    assert contents(sent.database) == before


def test_a_report_about_an_address_it_never_went_to_changes_nothing(sent: Parts):
    """Though the Message-ID is right."""
    before = contents(sent.database)

    assert take(sent, bounce(sent, address="tinh@nho.example")) == [Came.LETTER]

    assert contents(sent.database) == before


def test_with_a_key_no_report_can_be_reckoned(office: Offices):
    """What is queued is under it: mail, briefs, what goes out in place of what came back.

    It goes out as it was queued, whatever the key is by then.
    """
    with office(message_key="một khóa dài và bí mật") as parts:
        start(parts)
        chasing.issue_notices(parts, w.START)
        briefing.send(parts, "nho", now=w.START, by="văn thư")
    way = Recording()
    with office() as parts:
        deliver(parts, w.START, way)
        assert sorted(way.ids) == sorted(one.message_id for one in outbox_of(parts))
    with office(message_key="một khóa dài và bí mật") as parts:
        went_to(parts, message_to(parts), "a@nho.example")
        assert take(parts, bounce(parts)) == [Came.BOUNCED]
        found = outbox_of(parts)

    assert {one.kind for one in found} >= {"assign", "brief"}
    assert [one.part for one in found if one.recipient == "a"] == [1, 2]
    for one in found:
        domain = domain_of(one.message_id)
        reckoned = message_id(one.run, one.recipient, one.slot, part=one.part, domain=domain)
        assert one.message_id != reckoned


def test_an_answer_is_let_be(sent: Parts):
    """It belongs to a person."""
    before = contents(sent.database)

    assert take(sent, bounce(sent, "answer")) == [Came.LETTER]

    assert contents(sent.database) == before


def test_an_address_that_was_restored_since_is_not_marked_again(sent: Parts):
    """The report may be days old; somebody has said meanwhile that the address is good."""
    later = addresses.Noted("a@nho.example", SOON, "văn thư")
    with sent.database.writing() as connection:
        addresses.keep(sent.database, connection, later)

    take(sent, bounce(sent), SOON + timedelta(hours=1))

    assert known(sent) == {"a@nho.example": False}
    assert statuses(sent)[0] == "bounced"


def test_two_who_read_it_at_once_count_it_once(sent: Parts):
    """Each clock looks into the mailbox."""
    give(sent, "a", OTHER)
    mail = bounce(sent)

    came = at_once(*[partial(take, sent, mail) for _ in range(4)])

    assert sorted(one for (one,) in came) == [Came.BOUNCED, *[Came.KNOWN] * 3]
    assert statuses(sent) == ["bounced", "queued"]


def test_killed_at_any_line_it_has_happened_or_not(sent: Parts):
    """One transaction for each mail: read again, it comes to the same as without the kill."""
    give(sent, "a", OTHER)
    mail = bounce(sent)
    before = contents(sent.database)
    killed = 0
    for statement in range(1, 100):
        try:
            with killed_at(sent.database, statement):
                returning.take(sent, mail, SOON)
            break
        except Halt:
            killed += 1
            assert contents(sent.database) == before

    assert killed > 10
    assert statuses(sent) == ["bounced", "queued"]
    assert len(bounced_entries(sent)) == 1
    assert take(sent, mail) == [Came.KNOWN]


# ── When it comes late ──


def test_what_has_been_submitted_since_is_not_sent_again(sent: Parts):
    """Nobody is told of what is done."""
    submit(sent, w.REPORT_A, w.PRAISE_A, now=SOON)

    take(sent, bounce(sent), SOON + timedelta(hours=1))

    assert statuses(sent) == ["bounced"]
    assert kinds(sent).count("notice-dropped") == 2


def test_what_a_newer_rung_has_overtaken_is_not_sent_again(sent: Parts):
    """Some servers try for five days."""
    wake(sent, w.EVE)

    take(sent, bounce(sent), w.EVE + timedelta(hours=1))

    again = [one for one in outbox_of(sent) if one.recipient == "a" and one.part == 2]
    carried = [row.obligation for row in notice_rows(sent) if again and row.message == again[0].id]
    assert carried == [w.PRAISE_A]  # it has no date, and no rung after the first
    assert "notice-superseded" in kinds(sent)
    with sent.database.reading() as connection:
        entries = ledger.entries(connection, "nho", kinds={EntryKind.NOTICE_SUPERSEDED})
    assert all(entry.data["reason"] for entry in entries)


def test_outside_office_hours_it_goes_on_in_the_morning(sent: Parts):
    """Nothing is sent at night."""
    give(sent, "a", OTHER)

    take(sent, bounce(sent), w.at("2020-04-06 23:00"))

    second = next(one for one in outbox_of(sent) if one.part == 2)
    assert second.send_at == w.at("2020-04-07 08:00")


def test_about_a_message_that_is_still_tried_it_is_read_again_later(parts: Parts):
    """One address took it, another has not yet."""
    start(parts)
    chasing.issue_notices(parts, w.START)
    deliver(parts, w.START, Recording(lambda _: TryLater("451")))
    drop(parts, "1", bounce(parts))

    assert returning.read(parts, SOON).counts == {Came.EARLY: 1}
    assert returning.read(parts, SOON).counts == {Came.EARLY: 1}

    deliver(parts, w.START + timedelta(hours=1))
    went_to(parts, message_to(parts), "a@nho.example")
    assert returning.read(parts, SOON).counts == {Came.BOUNCED: 1}
    assert returning.read(parts, SOON).counts in ({}, {Came.KNOWN: 1})


# ── The mailbox ──


def stands(parts: Parts, message: Message, status: Status) -> None:
    """Let a message that has reached somebody stand at a status, due in an hour."""
    values = {"status": status.value, "next_try_at": SOON + timedelta(hours=1)}
    with parts.database.writing() as connection:
        connection.execute(MESSAGES.update().where(MESSAGES.c.id == message.id).values(values))


def test_an_address_that_is_gone_is_spared_though_its_mail_is_being_sent(sent: Parts):
    """The report is read again in a minute; what is written meanwhile goes to another."""
    stands(sent, message_to(sent), Status.SENDING)

    assert take(sent, bounce(sent)) == [Came.EARLY]

    assert known(sent) == {"a@nho.example": True}
    assert statuses(sent) == ["sending"]
    assert bounced_entries(sent) == []


@pytest.mark.parametrize("status", [Status.LATER, Status.UNCERTAIN])
def test_what_came_back_counts_at_once_though_a_copy_is_still_tried(sent: Parts, status: Status):
    """A copy may be tried for days: the rung is not said to be told until then."""
    give(sent, "a", OTHER)
    first = message_to(sent)
    went_to(sent, first, "luu@nho.example", is_copy=True, fate=Fate(status.value))
    stands(sent, first, status)

    assert take(sent, bounce(sent)) == [Came.BOUNCED]

    assert told(sent) == ["b", "c"]
    assert statuses(sent) == ["bounced", "queued"]
    assert ("luu@nho.example", "withheld") in fate(sent, first)
    assert bounced_entries(sent)[0]["lost"] is True
    deliver(sent, SOON + timedelta(hours=2))
    assert statuses(sent) == ["bounced", "sent"], "the first is tried no more"
    assert told(sent) == ["a", "b", "c"]


def test_what_came_back_is_not_told_until_another_who_answers_has_got_it(sent: Parts):
    """The same mail still goes to the second focal point: no message more, but no rung counted."""
    give(sent, "a", OTHER)
    first = message_to(sent)
    went_to(sent, first, OTHER, fate=Fate.LATER)
    stands(sent, first, Status.LATER)

    assert take(sent, bounce(sent)) == [Came.BOUNCED]

    assert told(sent) == ["b", "c"]
    assert statuses(sent) == ["later"]
    (entry,) = bounced_entries(sent)
    assert (entry["lost"], entry["again"], entry["sent_to"]) == (True, None, [OTHER])
    way = Recording()
    tell(sent, SOON, way)
    assert f"đang tiếp tục gửi tới {OTHER}" in said(way.envelopes[0])
    deliver(sent, SOON + timedelta(hours=2))
    assert told(sent) == ["a", "b", "c"]
    assert statuses(sent) == ["sent"]


def test_a_look_into_the_mailbox_takes_what_is_ours_and_leaves_the_rest(sent: Parts):
    """A letter stays in `new`, unread; the next look does not read it all again."""
    give(sent, "a", OTHER)
    drop(sent, "1", bounce(sent, "answer"))
    drop(sent, "2", bounce(sent))
    drop(sent, "3", b"\xff\xfe\x00" * 1000)

    reading = returning.read(sent, SOON)

    assert reading.counts == {Came.LETTER: 2, Came.BOUNCED: 1}
    folder = sent.settings.bounces_maildir
    assert folder is not None
    assert sorted(path.name for path in (folder / "new").iterdir()) == ["1", "3"]
    assert [path.name for path in (folder / "cur").iterdir()] == ["2:2,S"]
    again = returning.read(sent, SOON)
    assert not again.counts[Came.BOUNCED]
    assert again.counts.total() <= 2


def test_a_mailbox_that_is_away_is_said_in_a_sentence(sent: Parts):
    """The clock goes on without it."""
    folder = sent.settings.bounces_maildir
    assert folder is not None
    folder.rename(folder.parent / "elsewhere")

    with pytest.raises(Unavailable) as away:
        returning.read(sent, SOON)

    assert away.value.key == "error.inbox"


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """A real IMAP server."""
    with dovecot.serve() as running:
        yield running


def over_imap(parts: Parts, server: Dovecot, **changes: Any) -> Parts:
    """Return the parts with the server's mailbox in place of the Maildir."""
    values: dict[str, Any] = {"bounces_maildir": None, "imap_host": server.host}
    values |= {"imap_port": server.tls_port}
    values |= {"imap_user": dovecot.USER, "imap_password": SecretStr(dovecot.PASSWORD)}
    return replace_settings(parts, **(values | {"bounces_move_to": "dondoc"} | changes))


def test_over_real_imap_it_is_read_once_and_filed(
    sent: Parts, server: Dovecot, monkeypatch: pytest.MonkeyPatch
):
    """Also where the mailbox was made anew in between; the letter stays unread where it is."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    office = over_imap(sent, server)
    filed = len(server.flags("dondoc"))
    for mail in (bounce(sent, "answer"), bounce(sent), bounce(sent, "zimbra", to="b")):
        server.deliver(mail)

    reading = returning.read(office, SOON)

    assert reading.counts[Came.BOUNCED] == 2
    assert len(server.flags("dondoc")) == filed + 2
    assert set(server.flags()) == {""}
    assert not returning.read(office, SOON).counts
    before = contents_but_places(sent)
    server.deliver(bounce(sent))
    server.forget()
    again = returning.read(office, SOON).counts
    assert (again[Came.BOUNCED], again[Came.KNOWN]) == (0, 1)
    assert contents_but_places(sent) == before


def contents_but_places(parts: Parts) -> Any:
    """Return every row but that of how far the inbox was read."""
    found = dict(contents(parts.database))
    found["post"] = [row for row in found["post"] if not str(row[0]).startswith("place:")]
    return found


def test_a_certificate_that_nobody_vouches_for_is_said(sent: Parts, server: Dovecot):
    """No password goes there; the database stays as it is."""
    before = contents(sent.database)

    with pytest.raises(Unavailable) as refused:
        returning.read(over_imap(sent, server), SOON)

    assert "certificate" in refused.value.say("vi")
    assert dovecot.PASSWORD not in refused.value.say("vi")
    assert contents(sent.database) == before


# ── Who is told ──


def tell(parts: Parts, now: Any, way: Recording) -> int:
    """Tell the coordinators."""
    return asyncio.run(returned_mail.tell(parts, way, now))


def said(envelope: Envelope) -> str:
    """Return what a mail says."""
    payload = message_from_bytes(envelope.content).get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_the_coordinator_is_told_once_a_day_of_all_of_it(sent: Parts):
    """What came back, why, where it went, and what to do."""
    give(sent, "a", OTHER)
    take(sent, bounce(sent))
    take(sent, bounce(sent, "zimbra", to="b"))
    way = Recording()

    assert tell(sent, SOON, way) == 1

    assert way.to == ["noivu@nho.example"]
    mail = said(way.envelopes[0])
    assert "Sở An tới địa chỉ a@nho.example bị trả lại ngày 06/4/2020" in mail
    assert f"đã chuyển gửi tới {OTHER}" in mail
    assert "Sở Bình" in mail
    assert "chưa gửi được cho ai khác" in mail
    assert "dondoc address replace b@nho.example" in mail
    assert not returned_mail.is_due(sent, SOON)
    assert tell(sent, SOON + timedelta(hours=1), way) == 0

    take(sent, bounce(sent, "sendmail", to="c"), SOON + timedelta(hours=1))
    assert tell(sent, SOON + timedelta(hours=2), way) == 0
    assert tell(sent, w.at("2020-04-07 07:00"), way) == 0
    assert tell(sent, w.at("2020-04-07 08:00"), way) == 1
    assert "Sở Cường" in said(way.envelopes[1])
    assert "Sở An" not in said(way.envelopes[1])


def test_a_mail_to_the_coordinator_that_does_not_go_out_is_tried_again(sent: Parts):
    """Late is better than lost."""
    take(sent, bounce(sent))

    assert tell(sent, SOON, Recording(lambda _: TryLater("451"))) == 0
    assert tell(sent, SOON + timedelta(minutes=5), Recording()) == 1


def test_where_no_mail_reaches_the_coordinator_the_operator_is_told(sent: Parts):
    """Somebody has to know."""
    briefing.send(sent, "nho", now=SOON, by="văn thư")
    deliver(sent, SOON)
    brief = message_to(sent, "noi-vu")
    went_to(sent, brief, "noivu@nho.example")
    mail = bounce(sent, to="noi-vu", address="noivu@nho.example")
    assert take(sent, mail, SOON + timedelta(minutes=5)) == [Came.BOUNCED]
    assert statuses(sent, "noi-vu") == ["sent", "bounced"]
    told_operator = replace_settings(sent, operator="it@nho.example")
    way = Recording()

    tell(told_operator, SOON + timedelta(minutes=6), way)

    assert way.to == ["it@nho.example"]
    assert "Sở Nội vụ" in said(way.envelopes[0])


def replace_settings(parts: Parts, **changes: Any) -> Parts:
    """Return the parts under other settings."""
    return replace(parts, settings=parts.settings.model_copy(update=changes))


def test_the_brief_says_whom_mail_does_not_reach(sent: Parts):
    """Until some arrives."""
    take(sent, bounce(sent))
    shown = briefing.preview(sent, "nho", SOON)

    (unreached,) = shown.unreached
    assert (unreached.recipient, unreached.address) == ("a", "a@nho.example")
    assert "User unknown" in unreached.why
    mailroom.retry(sent, max(one.id for one in outbox_of(sent)), SOON)
    deliver(sent, SOON)
    assert briefing.preview(sent, "nho", SOON + timedelta(minutes=1)).unreached == ()


def test_of_several_addresses_of_the_coordinator_one_is_enough(sent: Parts):
    """The first that takes it."""
    give(sent, "noi-vu", "x@nho.example", "y@nho.example")
    take(sent, bounce(sent))

    def answer(envelope: Envelope) -> Outcome:
        return Sent() if envelope.recipients[0] == "y@nho.example" else TryLater("451")

    way = Recording(answer)
    assert tell(sent, SOON, way) == 1
    assert way.to == ["x@nho.example", "y@nho.example"]
