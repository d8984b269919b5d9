"""Announcing: after the mail, beside the mail, never instead of it, and once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from notifiers.wire import chat
from notifiers.wire.channel import Envelope, Outcome, Sent, TryLater
from notifiers.wire.chat import Announcement, Service, Told
from services import chasing
from services.mail import announcing
from services.settings import Settings
from services.wiring import Parts
from tests.services import written as w
from tests.services.office import Recording, deliver, statuses

LATE = w.at("2020-05-11 08:00")
URL = "json://127.0.0.1:1/token"


@dataclass
class Chat:
    """A chat that keeps what it is told."""

    told: list[Announcement] = field(default_factory=list)
    breaks: bool = False

    async def announce(self, services: Any, what: Announcement, *, patience: float) -> list[Told]:
        """Keep it."""
        if self.breaks:
            raise RuntimeError(URL)
        self.told.append(what)
        return [Told(one.name) for one in services]


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> Chat:
    """The chat that is spoken to."""
    found = Chat()
    monkeypatch.setattr(chat, "announce", found.announce)
    return found


def mailing(parts: Parts, **changes: Any) -> Parts:
    """The parts of an office that sends real mail."""
    how = {
        "home": parts.settings.home,
        "database_url": parts.settings.url,
        "smtp_host": "mail.example",
    }
    return Parts(Settings(**{**how, "chat": URL, **changes}), parts.database)


def escalate(parts: Parts, answer: Outcome = Sent("250 OK")) -> list[int]:  # noqa: B008
    """Let the deadline pass, and mail the escalation; return which are to be announced."""

    def answered(_: Envelope) -> Outcome:
        return answer

    for now in (w.START, LATE):
        chasing.issue_notices(parts, now)
        delivered = deliver(parts, now, Recording(answered))
    return list(delivered.escalated)


def announce(parts: Parts, messages: list[int]) -> list[Told]:
    """Announce what was mailed."""
    return asyncio.run(announcing.announce(parts, messages))


def test_an_escalation_that_was_mailed_is_announced_in_a_few_lines(small: Parts, chats: Chat):
    """Who is late with what since when, and where the mail with the rest went."""
    announced = announce(mailing(small), escalate(small))

    assert [one.service for one in announced] == ["JSON #1"]
    (said,) = chats.told
    assert "[1/KH-UBND]" in said.title
    assert "- Sở An: Báo cáo tổng kết, quá hạn từ ngày 10/5/2020" in said.text
    assert said.text.splitlines()[-1] == "Thư chi tiết đã gửi tới: Sở Nội vụ."


def test_what_was_not_mailed_is_not_announced(small: Parts, chats: Chat):
    """Mail is what counts: a chat must not say that a mail went out."""
    assert escalate(small, TryLater("451 busy")) == []


def test_a_mail_is_announced_by_who_marked_it_and_by_no_later_delivery(small: Parts, chats: Chat):
    """The next drain has nothing to announce: never twice."""
    assert len(escalate(small)) == 1

    assert deliver(small, LATE).escalated == []


def test_without_a_mail_server_nobody_is_told(small: Parts, chats: Chat):
    """Mail in the local mailbox reached nobody; a rehearsal must not ring."""
    assert announce(mailing(small, smtp_host=""), escalate(small)) == []
    assert chats.told == []


def test_a_chat_that_breaks_changes_nothing_about_the_mail(
    small: Parts, chats: Chat, caplog: pytest.LogCaptureFixture
):
    """It is logged without its address, and delivering goes on."""
    chats.breaks = True

    assert announce(mailing(small), escalate(small)) == []

    assert set(statuses(small)) == {"sent"}
    assert "not announced" in caplog.text
    assert "token" not in caplog.text


def test_the_services_are_read_from_the_setting():
    """As Apprise writes them."""
    assert [type(one) for one in chat.services(URL)] == [Service]
