"""Errands: what the clock does about mail that came back, with the real mailbox and database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.errands import Errands, PostUnread
from notifiers.wire.mailbox import read
from services.wiring import Parts
from storage import recipients
from storage.recipients import Fate, Recipient
from tests.notifiers.test_mail_bounces import content
from tests.services import written as w
from tests.services.office import outbox_of, wake

SOON = w.START + timedelta(minutes=10)


def with_settings(parts: Parts, **changes: Any) -> Parts:
    """Return the parts under other settings."""
    return replace(parts, settings=parts.settings.model_copy(update=changes))


@pytest.fixture
def sent(small: Parts, tmp_path: Path) -> Parts:
    """An office whose mail to `a` has come back to a Maildir."""
    wake(small, w.START)
    for part in ("new", "cur"):
        (tmp_path / "returned" / part).mkdir(parents=True)
    first = next(one for one in outbox_of(small) if one.recipient == "a")
    with small.database.writing() as connection:
        one = Recipient(first.id, "a@nho.example", "Sở An", "mailbox", False, Fate.SENT, w.START)
        recipients.keep(small.database, connection, [one])
    mail = content("postfix").replace(b"<one.a.nho@dondoc.example>", first.message_id.encode())
    (tmp_path / "returned" / "new" / "1").write_bytes(mail)
    return with_settings(small, bounces_maildir=tmp_path / "returned")


def test_what_came_back_is_taken_and_the_coordinator_told_by_mail(sent: Parts):
    """Over the way that all mail takes; the operator's alarm goes out with the next beat."""
    errands = Errands(sent)

    asyncio.run(errands.read_post(SOON))

    (mail,) = read(sent.settings.mailbox_folder)
    assert mail.to == ("noivu@nho.example",)
    assert "a@nho.example" in mail.text
    (untold,) = errands._untold
    assert (untold.name, untold.about["recipients"]) == ("dondoc.mail.undeliverable", "a")


def test_a_mailbox_that_is_away_keeps_nobody_from_being_told(sent: Parts):
    """What came back before it went away is known."""
    errands = Errands(sent)
    asyncio.run(errands.read_post(w.START + timedelta(hours=12)))
    assert read(sent.settings.mailbox_folder) == []
    gone = Errands(with_settings(sent, bounces_maildir=Path("nowhere")))

    with pytest.raises(PostUnread, match="nowhere"):
        asyncio.run(gone.read_post(w.START + timedelta(days=1)))

    assert len(read(sent.settings.mailbox_folder)) == 1


def test_without_a_mailbox_nothing_is_read(sent: Parts):
    """Off unless it is set."""
    off = Errands(with_settings(sent, bounces_maildir=None))

    asyncio.run(off.read_post(SOON))

    assert [one.status.value for one in outbox_of(sent)] == ["sent"] * 4
