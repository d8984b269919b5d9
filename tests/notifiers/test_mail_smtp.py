"""SMTP: a real conversation with a real server, and every way that it can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from notifiers.mime.message import Sender, build
from notifiers.rendering import render
from notifiers.wire.channel import Envelope, Outcome, Refused, Sent, TryLater, Unknown
from notifiers.wire.mailbox import MailboxServer, read
from notifiers.wire.smtp import SmtpChannel, SmtpSettings
from tests.notifiers import mail_builder as b
from tests.notifiers.mail_samples import SAMPLES

SENDER = Sender("Sở Nội vụ tỉnh Tuyên Quang", "don-doc@sonoivu.example")


def envelope(name: str = "remind", recipient: str | None = None) -> Envelope:
    """A whole mail, ready to go."""
    digest = SAMPLES[name]("vi")
    content = build(render(digest), digest, sender=SENDER, addressees=b.addressed(digest.recipient))
    to = recipient or digest.recipient.email or ""
    return Envelope(digest.message_id, SENDER.address, (to,), content)


def settings(port: int, **changes: Any) -> SmtpSettings:
    """A plain connection to this machine, impatient enough for a test."""
    values: dict[str, Any] = {"tls": "off", "helo": "test.example", **changes}
    return SmtpSettings("127.0.0.1", port, **values)


def sent(channel: SmtpChannel, *envelopes: Envelope) -> list[Outcome]:
    """Hand mails over in one session."""

    async def all_of_them() -> list[Outcome]:
        async with channel.session() as session:
            told = [(one, await session.send(one)) for one in envelopes]
            return [outcomes[one.recipients[0]] for one, outcomes in told]

    return asyncio.run(all_of_them())


class Faulty:
    """A server's handler that answers as it was told, mail by mail, then accepts."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = answers
        self.peers: list[Any] = []
        self.taken: list[bytes] = []

    def _next(self, command: str) -> str:
        waiting = self.answers.get(command, [])
        return waiting.pop(0) if waiting else ""

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self._next("MAIL")
        if answer:
            return answer
        self.peers.append(session.peer)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        answer = self._next("RCPT")
        if answer == "drop":
            server.transport.abort()
            return "250 OK"
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self._next("DATA")
        if answer == "drop":
            server.transport.abort()
            return "250 OK"
        if answer:
            return answer
        self.taken.append(envelope.content)
        return "250 OK"


class _OnSocket(Controller):
    def __init__(self, handler: Any, **options: Any) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        port = self.socket.getsockname()[1]
        super().__init__(handler, hostname="127.0.0.1", port=port, **options)

    def _create_server(self) -> Any:
        make = self.loop.create_server
        return make(self._factory_invoker, sock=self.socket, ssl=self.ssl_context)


@contextlib.contextmanager
def serving(handler: Faulty, **options: Any) -> Iterator[int]:
    """A server with `handler`; yields its port."""
    controller = _OnSocket(handler, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def test_a_mail_arrives_in_the_mailbox_as_it_was_written(tmp_path: Path) -> None:
    """The whole way: rendered, built, spoken over SMTP, filed, read."""
    digest = SAMPLES["escalate-superior"]("vi")
    made = render(digest)
    with MailboxServer(tmp_path / "mail") as server:
        outcomes = sent(SmtpChannel(settings(server.port)), envelope("escalate-superior"))
    [found] = read(tmp_path / "mail")

    assert [type(outcome) for outcome in outcomes] == [Sent]
    assert (found.subject, found.text, found.html) == (made.subject, made.text, made.html)
    assert found.to == ("vanthu@ubnd-tinh.example",)
    assert found.to_names == ("Ủy ban nhân dân tỉnh Tuyên Quang",)
    assert found.envelope_to == found.to
    assert (found.sender_name, found.sender) == (SENDER.name, SENDER.address)
    assert (found.message_id, found.thread_id) == (digest.message_id, digest.thread_id)
    assert (found.kind, found.run, found.recipient) == ("escalate", b.RUN, "ubnd-tinh")
    assert found.date == digest.send_at


def test_mails_are_read_by_date_and_share_a_connection(tmp_path: Path) -> None:
    """Several mails go over one line; the reader sorts them by when they are dated."""
    names = ["overdue-again", "assign", "remind"]
    with MailboxServer(tmp_path / "mail") as server:
        sent(SmtpChannel(settings(server.port)), *map(envelope, names))

    assert [mail.kind for mail in read(tmp_path / "mail")] == ["assign", "remind", "overdue"]


def test_a_mailbox_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Nothing sent yet is no fault."""
    assert read(tmp_path / "nothing") == []


def test_lines_that_begin_with_a_dot_survive(tmp_path: Path) -> None:
    """RFC 5321 §4.5.2: a lone dot would end the mail early."""
    body = b"Subject: x\r\n\r\n.\r\n..two\r\nlast"
    with MailboxServer(tmp_path / "mail") as server:
        one = Envelope("<1@x>", "a@b.example", ("c@d.ex",), body)
        sent(SmtpChannel(settings(server.port)), one)
    [found] = read(tmp_path / "mail")

    assert found.path.read_bytes().endswith(b"\n\n.\n..two\nlast\n")


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        ("RCPT", "450 4.2.1 mailbox busy", TryLater),
        ("RCPT", "552 5.5.3 too many recipients", TryLater),
        ("RCPT", "550 5.1.1 no such user", Refused),
        ("DATA", "451 4.3.0 try again", TryLater),
        ("DATA", "554 5.7.1 refused as spam", Refused),
        ("MAIL", "452 4.3.1 out of storage", TryLater),
        ("MAIL", "553 5.1.8 bad sender", TryLater),
        ("MAIL", "530 5.7.0 authenticate first", TryLater),
        ("RCPT", "554 5.7.1 Relay access denied", TryLater),
        ("RCPT", "550 relay not permitted", TryLater),
        ("RCPT", "drop", TryLater),
        ("DATA", "drop", Unknown),
        ("DATA", "421 4.3.2 shutting down", TryLater),
    ],
)
def test_an_answer_is_told_apart_and_the_next_mail_still_goes(
    command: str, answer: str, outcome: type
) -> None:
    """Later, refused or unknown: and one bad recipient does not hold up the others."""
    handler = Faulty(**{command: [answer]})
    with serving(handler) as port:
        first, second = sent(SmtpChannel(settings(port)), envelope(), envelope("overdue-again"))

    assert type(first) is outcome
    assert isinstance(first, TryLater | Refused | Unknown)
    assert "\n" not in first.reason
    if answer[0].isdigit():
        assert answer[:3] in first.reason
    assert isinstance(second, Sent)
    assert len(handler.taken) == 1


def test_a_refused_recipient_costs_no_new_connection() -> None:
    """A 5xx is an answer, not the end of the conversation."""
    handler = Faulty(RCPT=["550 5.1.1 no such user"])
    with serving(handler) as port:
        sent(SmtpChannel(settings(port)), envelope(), envelope())

    assert len(set(handler.peers)) == 1


def test_a_refused_connection_means_later() -> None:
    """The server is down: nothing was taken, nothing is lost."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    [outcome] = sent(SmtpChannel(settings(port)), envelope())

    assert isinstance(outcome, TryLater)
    assert "connecting" in outcome.reason


def test_without_starttls_nothing_is_said_in_the_clear() -> None:
    """TLS is required unless it is turned off by name."""
    handler = Faulty()
    with serving(handler) as port:
        [outcome] = sent(SmtpChannel(settings(port, tls="required")), envelope())

    assert SmtpSettings("mail.example").tls == "required"
    assert isinstance(outcome, TryLater)
    assert "STARTTLS" in outcome.reason.upper()
    assert handler.peers == []


def test_wrong_credentials_hold_mail_back_and_refuse_none() -> None:
    """A password that expired overnight must not mark every agency undeliverable."""
    handler = Faulty()
    with serving(handler) as port:
        channel = SmtpChannel(settings(port, username="x", password="y"))
        [outcome] = sent(channel, envelope())

    assert isinstance(outcome, TryLater)
    assert "password" not in repr(SmtpSettings("h", password="secret"))


def test_an_answer_that_never_comes_is_unknown() -> None:
    """The time-out at the final dot: the server may have the mail (RFC 5321 §6.1)."""

    async def conversation() -> Outcome:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 slow\r\n")
            while line := await reader.readline():
                if line == b".\r\n":
                    continue  # never answers
                word = line[:4].upper()
                answers = {b"EHLO": b"250 slow\r\n", b"DATA": b"354 go\r\n"}
                known = (b"EHLO", b"MAIL", b"RCPT", b"DATA", b"QUIT")
                if word in known:
                    writer.write(answers.get(word, b"250 ok\r\n"))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            channel = SmtpChannel(settings(port, final_timeout=0.05))
            return next(iter((await channel.send(envelope())).values()))

    outcome = asyncio.run(conversation())

    assert isinstance(outcome, Unknown)
    assert SmtpSettings("h").final_timeout == 600


@pytest.mark.parametrize(
    ("word", "said", "expected"),
    [
        (b"MAIL", b"250 ok\r\n250 ok\r\n", TryLater),
        (b"RCPT", b"250 ok\r\n250 ok\r\n", TryLater),
        (b"DATA", b"354 go\r\n250 taken\r\n", TryLater),
        (b".\r\n", b"250 taken\r\n250 taken\r\n", Sent),
    ],
)
def test_a_server_that_answers_twice_is_not_taken_at_its_word(
    word: bytes, said: bytes, expected: type[Outcome]
) -> None:
    """Its next answer would be heard as that to another address, or to another mail."""
    connections = []

    async def conversation() -> list[Outcome]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(writer)
            writer.write(b"220 twice\r\n")
            is_text = False
            while line := await reader.readline():
                if is_text and line != b".\r\n":
                    continue
                asked = line if is_text else line[:4].upper()
                is_text = asked == b"DATA"
                usual = b"354 go\r\n" if is_text else b"250 ok\r\n"
                writer.write(said if asked == word else usual)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            channel = SmtpChannel(settings(server.sockets[0].getsockname()[1]))
            async with channel.session() as session:
                found = [await session.send(envelope()) for _ in range(2)]
            return [outcome for outcomes in found for outcome in outcomes.values()]

    outcomes = asyncio.run(conversation())

    assert [type(one) for one in outcomes] == [expected] * 2
    assert len(connections) == 2


@pytest.mark.parametrize("address", ["văn-thư@b.example", "a@b.example\r\nRCPT TO:<c@d.example>"])
def test_an_address_that_cannot_be_spoken_is_refused(address: str) -> None:
    """No command of the conversation can be slipped in through an address."""
    handler = Faulty()
    with serving(handler, enable_SMTPUTF8=False) as port:
        first, second = sent(SmtpChannel(settings(port)), envelope(recipient=address), envelope())

    assert isinstance(first, Refused)
    assert isinstance(second, Sent)
    assert len(handler.taken) == 1
