"""Inboxes: the same promises of a real IMAP server and of a Maildir; then what each has alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from notifiers.inboxes import Found, Inbox, InboxError
from notifiers.inboxes.imap import ImapInbox, ImapSettings
from notifiers.inboxes.maildir import MaildirInbox
from notifiers.wire.bounces import LARGEST
from tests import dovecot
from tests.dovecot import Dovecot

SINCE = datetime.now(UTC) - timedelta(days=3)  # the mail servers' clock, not the plans'


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """One Dovecot for the tests of this module."""
    with dovecot.serve() as running:
        yield running


@pytest.fixture
def imap(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The same server with an empty mailbox, its certificate trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    for path in (server.folder / "mail").rglob("*"):
        if path.parent.name in ("new", "cur"):
            path.unlink()
    server.forget()
    return server


def settings(server: Dovecot, **changes: Any) -> ImapSettings:
    """Return how to speak to it."""
    made = ImapSettings(server.host, dovecot.USER, dovecot.PASSWORD, port=server.tls_port)
    return replace(made, patience=5.0, **changes)


@dataclass(frozen=True)
class Box:
    """A kind of inbox: how to open it, to put mail there, and to see the flags of what is there."""

    open: Callable[..., AbstractContextManager[Inbox]]
    deliver: Callable[[bytes], object]
    flags: Callable[..., list[str]]


@pytest.fixture(params=["imap", "maildir"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Box:
    """Each kind in turn."""
    if request.param == "imap":
        server: Dovecot = request.getfixturevalue("imap")
        return Box(lambda **how: ImapInbox(settings(server, **how)), server.deliver, server.flags)
    folder = tmp_path / "Maildir"
    for part in ("new", "cur", "tmp"):
        (folder / part).mkdir(parents=True)
    count = iter(range(1000))

    def deliver(content: bytes) -> None:
        (folder / "tmp" / f"{next(count):04}.x").write_bytes(content)
        newest = max((folder / "tmp").iterdir())
        newest.rename(folder / "new" / newest.name)

    def flags(move_to: str = "") -> list[str]:
        beside = folder / (f".{move_to}" if move_to else "")
        found = [path for part in ("new", "cur") for path in (beside / part).glob("*")]
        return sorted(path.name.partition(":2,")[2] for path in found)

    return Box(lambda **how: nullcontext(MaildirInbox(folder, **how)), deliver, flags)


def mail(number: int, size: int = 0) -> bytes:
    """Return a mail."""
    return f"Subject: thu {number}\r\n\r\n".encode() + b"x" * size


def read(box: Box, place: str = "") -> list[Found]:
    """Open the inbox and return what there is."""
    with box.open() as inbox:
        return list(inbox.mails(place, since=SINCE))


def test_what_has_come_is_read_in_order_and_stays_unread(box: Box):
    """An official's answer belongs to a person: reading it leaves no trace."""
    for number in range(45):
        box.deliver(mail(number))

    found = read(box)

    subjects = [one.content.split(b"\r\n")[0] for one in found]
    assert subjects == [f"Subject: thu {number}".encode() for number in range(45)]
    assert box.flags() == [""] * 45


def test_the_next_look_begins_where_the_last_one_ended(box: Box):
    """However much mail an office keeps."""
    box.deliver(mail(1))
    (first,) = read(box)
    box.deliver(mail(2))

    later = read(box, first.place)

    assert later[-1].content == mail(2)
    assert [one.place for one in read(box, later[-1].place)] in ([], [later[-1].place])


def test_only_the_beginning_of_a_large_mail_is_read(box: Box):
    """Whoever sends ten megabytes takes none of our memory."""
    box.deliver(mail(1, 10_000_000))

    (found,) = read(box)

    assert len(found.content) == LARGEST


def test_what_was_ours_is_marked_as_read_and_stays(box: Box):
    """Whoever looks into the mailbox sees that it was dealt with."""
    for number in range(2):
        box.deliver(mail(number))
    with box.open() as inbox:
        first, _ = inbox.mails("", since=SINCE)
        inbox.put_away(first)

    assert box.flags() == ["", "S"]


def test_what_was_ours_is_moved_where_a_folder_is_set(box: Box):
    """The folder is made when it is needed."""
    for number in range(2):
        box.deliver(mail(number))
    with box.open(move_to="dondoc") as inbox:
        first, _ = inbox.mails("", since=SINCE)
        inbox.put_away(first)

    assert box.flags() == [""]
    assert box.flags("dondoc") == ["S"]
    with box.open(move_to="dondoc") as inbox:  # the folder is there by now
        (second,) = inbox.mails("", since=SINCE)
        inbox.put_away(second)
    assert box.flags("dondoc") == ["S", "S"]


def test_a_name_holds_no_password(box: Box):
    """It is written into the database and the log."""
    with box.open() as inbox:
        assert dovecot.PASSWORD not in inbox.name


# ── IMAP alone ──


def test_new_numbers_make_an_old_place_worth_nothing(imap: Dovecot):
    """A mailbox that was restored is read anew: what is known already counts once."""
    imap.deliver(mail(1))
    with ImapInbox(settings(imap)) as inbox:
        (first,) = inbox.mails("", since=SINCE)
        assert list(inbox.mails(first.place, since=SINCE)) == []
    validity, _, uid = first.place.partition(":")

    with ImapInbox(settings(imap)) as inbox:
        again = list(inbox.mails(f"{int(validity) - 1}:{int(uid) + 7}", since=SINCE))

    assert [one.content for one in again] == [mail(1)]


@pytest.mark.parametrize("tls", ["starttls", "off"])
def test_another_port_is_spoken_to_by_starttls_or_in_the_open_by_name(imap: Dovecot, tls: Any):
    """Some servers only offer 143."""
    imap.deliver(mail(1))

    with ImapInbox(settings(imap, port=imap.port, tls=tls)) as inbox:
        assert len(list(inbox.mails("", since=SINCE))) == 1


@pytest.mark.parametrize(("tls", "port"), [("required", "tls_port"), ("starttls", "port")])
def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch, tls: Any, port: str
):
    """Whoever stands in between has one too."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    attempts = server.log.count("method=")

    with (
        pytest.raises(InboxError, match="certificate verify failed"),
        ImapInbox(settings(server, tls=tls, port=getattr(server, port))),
    ):
        pass

    assert server.log.count("method=") == attempts


@pytest.mark.parametrize("password", ["sai", "sai bét"])
def test_a_wrong_password_is_said_without_it(imap: Dovecot, password: str):
    """The line goes into a log."""
    with (
        pytest.raises(InboxError, match="AUTHENTICATIONFAILED") as refused,
        ImapInbox(settings(imap, password=password)),
    ):
        pass

    assert password not in str(refused.value)
    assert password not in repr(settings(imap, password=password))


def test_a_folder_that_is_not_there_is_said(imap: Dovecot):
    """A mistyped one."""
    with (
        pytest.raises(InboxError, match="khong-co"),
        ImapInbox(settings(imap, folder="khong-co")),
    ):
        pass


def test_nobody_there_is_an_error_like_any_other(imap: Dovecot):
    """A port on which nobody listens."""
    with pytest.raises(InboxError, match="refused"), ImapInbox(settings(imap, port=1)):
        pass


def test_a_server_that_dies_in_the_middle_is_an_error_and_lost_nothing():
    """The next look finds it all again."""
    with dovecot.serve() as server, _trusting(server):
        for number in range(3):
            server.deliver(mail(number))
        with ImapInbox(settings(server)) as inbox:
            (first, *_) = inbox.mails("", since=SINCE)
            server.kill()
            with pytest.raises(InboxError):
                inbox.put_away(first)

        assert server.flags() == ["", "", ""]


@contextmanager
def _trusting(server: Dovecot) -> Iterator[None]:
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = str(server.certificate)
    try:
        yield
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before


# ── Maildir alone ──


def test_a_mail_that_somebody_has_opened_is_read_too(tmp_path: Path):
    """A mail program moves what it shows from `new` to `cur`."""
    for part in ("new", "cur", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "cur" / "1.x:2,FS").write_bytes(mail(1))
    inbox = MaildirInbox(tmp_path)

    (found,) = inbox.mails("", since=SINCE)
    inbox.put_away(found)
    (tmp_path / "cur" / "1.x:2,FS").unlink()
    inbox.put_away(found)  # it has gone meanwhile

    assert list((tmp_path / "cur").iterdir()) == []


def test_a_folder_that_is_no_maildir_is_an_error(tmp_path: Path):
    """A mistyped path."""
    with pytest.raises(InboxError, match="khong-co"):
        list(MaildirInbox(tmp_path / "khong-co").mails("", since=SINCE))
