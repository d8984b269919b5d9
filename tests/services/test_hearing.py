"""Hearing: a mail says how often an agency was really chased, and what was really reported."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header

from notifiers.wire.channel import Envelope, Outcome, Refused, Sent, TryLater
from services import chasing, recording
from services.mail import mailroom
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import BY, Recording, deliver, outbox_of, submit, wake

SECOND = w.at("2020-05-12 08:00")
THIRD = w.at("2020-05-13 08:00")


def text_of(parts: Parts, recipient: str, at: object) -> str:
    """Return subject and text of a recipient's message of a send time."""
    found = next(m for m in outbox_of(parts) if (m.recipient, m.send_at) == (recipient, at))
    rendered = mailroom.rendered(parts, found.id)
    return f"{rendered.subject}\n{rendered.text}"


def refusing(*addresses: str, outcome: Outcome | None = None) -> Recording:
    """Return a way out on which some addresses take nothing."""
    refused = outcome or Refused("550 no such user")
    return Recording(lambda mail: refused if mail.recipients[0] in addresses else Sent("250 OK"))


def test_the_first_chaser_after_an_outage_is_the_first(small: Parts):
    """Its rung is called overdue-3, but nothing was sent before: it must not say that it was."""
    wake(small, w.START)
    wake(small, THIRD)

    said = text_of(small, "a", THIRD)

    assert "Đôn đốc lần 1 – quá hạn từ 10/5/2020" in said
    assert "Đã đôn đốc" not in said
    assert "Danh sách quá hạn đã gửi" not in said


def test_a_chaser_that_was_refused_does_not_count(small: Parts):
    """Whose mail comes back has not been chased."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, refusing("a@nho.example"))
    wake(small, SECOND)

    assert "Đôn đốc lần 1" in text_of(small, "a", SECOND)
    assert "Đôn đốc lần 2" in text_of(small, "b", SECOND)
    assert "đôn đốc lần 3 lúc 08:00 ngày 13/5/2020" in text_of(small, "b", SECOND)


def test_a_return_is_chased_from_one_again(small: Parts):
    """The round is another one: what was sent about the old deadline was answered."""
    wake(small, w.START)
    wake(small, w.LATE)
    submit(small, w.REPORT_A, now=w.at("2020-05-11 10:00"))
    recording.send_back(
        small, "nho", w.REPORT_A, BY, days=1, why="Thiếu", now=w.at("2020-05-11 14:00")
    )
    wake(small, w.at("2020-05-11 14:00"))
    wake(small, THIRD)

    said = text_of(small, "a", THIRD)

    assert "Đôn đốc lần 1" in said
    assert "Đã báo cáo" not in said


def test_what_was_reported_is_dated_by_the_day_on_which_it_went(small: Parts):
    """The server of those above was down for a day: they heard of it on the twelfth."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, refusing("noivu@nho.example", outcome=TryLater("450 busy")))
    deliver(small, w.at("2020-05-11 17:40"))
    wake(small, SECOND)
    wake(small, THIRD)

    assert "Danh sách quá hạn đã gửi" not in text_of(small, "a", SECOND)
    assert "Danh sách quá hạn đã gửi: Sở Nội vụ (ngày 12/5/2020)" in text_of(small, "a", THIRD)


def test_a_report_says_how_often_an_agency_was_chased(small: Parts):
    """Not what goes out in the same minute, whoever's turn comes first; what comes next does."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, refusing("b@nho.example"))
    chasing.issue_notices(small, SECOND)
    for turn in sorted((m for m in outbox_of(small) if m.send_at == SECOND), key=lambda m: -m.id):
        deliver(small, SECOND, only=[turn.id])

    said = text_of(small, "tinh", SECOND)

    lines = [line for line in said.splitlines() if line.strip().startswith("Đã gửi:")]
    assert len(lines) == 3
    assert ["đôn đốc 11/5" in line.replace("/2020", "") for line in lines].count(True) == 2
    assert "đôn đốc lần 3 lúc 08:00 ngày 13/5/2020" in said


def test_a_report_that_was_put_off_counts_what_was_sent_meanwhile(small: Parts):
    """It is true when it is read, not when it was planned."""
    wake(small, w.START)
    chasing.issue_notices(small, w.LATE)
    deliver(small, w.LATE, refusing("noivu@nho.example", outcome=TryLater("450 busy")))
    way = Recording()
    deliver(small, w.at("2020-05-11 09:00"), way)

    (mail,) = way.envelopes
    assert "; đôn đốc 11/5/2020." in words(mail)


def words(envelope: Envelope) -> str:
    """Return a mail's subject and text, decoded."""
    message = message_from_bytes(envelope.content)
    subject = str(make_header(decode_header(str(message["Subject"]))))
    part = next(p for p in message.walk() if p.get_content_type() == "text/plain")
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return f"{subject}\n{payload.decode()}"
