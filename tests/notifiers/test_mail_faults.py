"""Faults: every way a mail server can fail, by Postfix's sink or scripted; each told apart."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from notifiers.mime.message import build
from notifiers.rendering import render
from notifiers.wire.channel import Envelope, Outcome, Outcomes, Refused, Sent, TryLater, Unknown
from notifiers.wire.smtp import SmtpChannel, SmtpSettings
from tests.certificates import PAST, Authority
from tests.notifiers import mail_builder as b
from tests.notifiers.mail_samples import SAMPLES
from tests.notifiers.test_mail_hostile import HOSTILE, MAIL, addresses_old, built, to
from tests.notifiers.test_mail_smtp import SENDER, Faulty, serving
from tests.postfix import Faults, sink

ONE = "vanthu@so-y-te.example"
QUICK: dict[str, Any] = {
    "connect_timeout": 0.2,
    "command_timeout": 0.2,
    "data_timeout": 0.2,
    "final_timeout": 0.2,
}


def envelope(*recipients: str, name: str = "remind") -> Envelope:
    """A whole mail to these addresses."""
    digest = SAMPLES[name]("vi")
    content = build(render(digest), digest, sender=SENDER, addressees=b.addressed(digest.recipient))
    return Envelope(digest.message_id, SENDER.address, recipients or (ONE,), content)


def settings(port: int, **changes: Any) -> SmtpSettings:
    """This machine, in the clear unless told."""
    return SmtpSettings(**{"host": "127.0.0.1", "port": port, "tls": "off", **changes})


def send(
    port: int,
    *envelopes: Envelope,
    trust: ssl.SSLContext | None = None,
    **changes: Any,
) -> list[Outcomes]:
    """Hand mails over in one session, and return what became of each."""

    async def all_of_them() -> list[Outcomes]:
        channel = SmtpChannel(settings(port, **changes), tls_context=trust)
        async with channel.session() as session:
            return [await session.send(one) for one in envelopes or (envelope(),)]

    return asyncio.run(all_of_them())


def one_of(outcomes: Sequence[Outcomes]) -> Outcome:
    """The outcome of a mail to one address."""
    [found] = outcomes[0].values()
    return found


def failing(how: str, *commands: str) -> Faults:
    """A server that fails at these commands: `hard` 5xx, `soft` 4xx, `close` 421, or `drop`."""
    changes: dict[str, Any] = {how: commands}
    return Faults(**changes)


def check_later(outcome: Outcome, *, of_relay: bool) -> None:
    """It was not taken, and comes again; whose trouble it is decides who else waits."""
    assert isinstance(outcome, TryLater), outcome
    assert outcome.of_relay is of_relay
    assert outcome.reason
    assert "\n" not in outcome.reason


# ── The server's answers, by Postfix's sink ──

HELLO = ["EHLO", "HELO"]


@pytest.mark.parametrize("how", ["hard", "soft", "close", "drop"])
@pytest.mark.parametrize("commands", [["CONNECT"], HELLO], ids=["greeting", "hello"])
def test_a_server_that_will_not_talk_keeps_no_mail_from_going_later(how: str, commands: list[str]):
    """Even a 5xx is about the server as a whole: no agency is given up for it."""
    with sink(failing(how, *commands)) as server:
        outcome = one_of(send(server.port))
        received = server.received

    check_later(outcome, of_relay=True)
    assert received == []


def test_an_old_server_is_greeted_in_the_old_way():
    """RFC 5321 §3.2: who does not know EHLO is told HELO."""
    with sink(Faults(hard=["EHLO"])) as server:
        assert isinstance(one_of(send(server.port)), Sent)
        assert len(server.received) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("how", ["hard", "soft", "close", "drop"])
def test_an_answer_at_each_command_is_told_apart(how: str, command: str):
    """5xx to a person, 4xx later, 421 the server's trouble; only at the dot nobody knows.

    Who refuses the sender refuses everybody's mail: no agency's is given up for it.
    """
    with sink(failing(how, command)) as server:
        outcome = one_of(send(server.port))
        received = server.received

    match how, command:
        case (("hard" | "soft"), "MAIL"):
            check_later(outcome, of_relay=True)
        case "hard", _:
            assert isinstance(outcome, Refused)
            assert "500" in outcome.reason
        case "soft", _:
            check_later(outcome, of_relay=False)
        case "drop", ".":
            assert isinstance(outcome, Unknown)
        case _:
            check_later(outcome, of_relay=True)
    assert received == [] or command == "."


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "."])
def test_a_full_disk_over_there_means_later(command: str):
    """452 (RFC 5321 §4.2.2): room may be made by the next try."""
    faults = Faults(soft=[command], soft_reply="452 4.3.1 Insufficient system storage")
    with sink(faults) as server:
        outcome = one_of(send(server.port))

    check_later(outcome, of_relay=command == "MAIL")
    assert isinstance(outcome, TryLater)
    assert "452 4.3.1" in outcome.reason


@pytest.mark.parametrize("command", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."])
def test_a_server_that_answers_too_late_is_not_waited_for(command: str):
    """A worker is not held for ever; only where the text was on its way it may have been taken."""
    with sink(Faults(delays=[(command, 5)])) as server:
        outcome = one_of(send(server.port, **QUICK))

    if command == ".":
        assert isinstance(outcome, Unknown)
    else:
        check_later(outcome, of_relay=True)


def test_a_server_that_is_not_there_means_later():
    """Its restart loses nothing."""
    with sink() as server:
        port = server.port

    check_later(one_of(send(port)), of_relay=True)


def test_a_quit_that_fails_changes_nothing():
    """What was taken stays taken."""
    for how in ("hard", "close", "drop"):
        with sink(failing(how, "QUIT")) as server:
            assert isinstance(one_of(send(server.port)), Sent)
            assert len(server.received) == 1


def test_after_a_fault_the_next_mail_goes_over_a_line_of_its_own():
    """One mail's mishap is not the next one's."""
    with sink(Faults(close=["RSET"], hard=["RCPT"])) as server:
        outcomes = send(server.port, envelope(), envelope())

    assert [type(one) for found in outcomes for one in found.values()] == [Refused, Refused]


# ── Several addresses ──


def test_each_address_hears_its_own_answer():
    """One has no mailbox, one's is full, one is taken: three outcomes of one mail."""
    handler = Faulty(RCPT=["550 5.1.1 no such user", "450 4.2.2 mailbox full"])
    to_three = envelope("a@b.example", "c@d.example", "e@f.example")
    with serving(handler) as port:
        [found] = send(port, to_three)

    assert list(found) == ["a@b.example", "c@d.example", "e@f.example"]
    first, second, third = found.values()
    assert isinstance(first, Refused)
    assert (first.of_address, first.of_mailbox) == (True, True)
    check_later(second, of_relay=False)
    assert isinstance(third, Sent)
    assert len(handler.taken) == 1


@pytest.mark.parametrize(
    ("answer", "of_mailbox"),
    [
        ("550 5.1.1 no such user", True),
        ("550 no such user", True),
        ("550 5.1.2 no such host", False),
        ("550 5.2.1 mailbox disabled", False),
    ],
)
def test_a_list_of_mailboxes_that_may_be_broken_is_told_from_the_rest(
    answer: str, of_mailbox: bool
):
    """Where everybody is said to have no mailbox it is; a host that there is not stays so."""
    with serving(Faulty(RCPT=[answer])) as port:
        [found] = send(port, envelope("a@b.example"))

    outcome = found["a@b.example"]
    assert isinstance(outcome, Refused)
    assert (outcome.of_address, outcome.of_mailbox) == (True, of_mailbox)


def test_of_several_the_mail_is_filed_once_for_all():
    """One transaction: the server passes it on, and all see the same mail."""
    with sink() as server:
        [found] = send(server.port, envelope("a@b.example", "c@d.example"))
        [received] = server.received

    assert {type(one) for one in found.values()} == {Sent}
    assert received.recipients == ("a@b.example", "c@d.example")
    assert received.content.replace(b"\n", b"\r\n") == envelope().content


# ── The line breaks ──


async def _speak(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, breaking: str, taken: list[bytes]
) -> None:
    """Speak SMTP as far as told: hang up `before` the dot, `at` it, or `after` the answer to it."""
    writer.write(b"220 script\r\n")
    answers = {b"DATA": b"354 go\r\n"}
    while line := await reader.readline():
        writer.write(answers.get(line[:4].upper().strip(), b"250 ok\r\n"))
        if line[:4].upper() != b"DATA":
            continue
        if breaking == "before":
            await reader.readline()
            break
        text = b""
        while not text.endswith(b"\r\n.\r\n"):
            text += await reader.readline()
        taken.append(text)
        if breaking == "at":
            break
        writer.write(b"250 2.0.0 taken\r\n")
        await writer.drain()
        break
    if breaking == "after":
        writer.close()
    else:
        writer.transport.abort()


@asynccontextmanager
async def scripted(breaking: str) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server whose line breaks; yields its port and what it took."""
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _speak(reader, writer, breaking, taken)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], taken


@pytest.mark.parametrize(
    ("breaking", "outcome", "took"),
    [("before", Unknown, 0), ("at", Unknown, 2), ("after", Sent, 2)],
)
def test_a_line_that_breaks_around_the_dot(breaking: str, outcome: type, took: int):
    """Before and at the dot nobody knows; after the answer the mail is theirs, once."""

    async def run() -> tuple[list[Outcomes], int]:
        async with scripted(breaking) as (port, taken):
            async with SmtpChannel(settings(port)).session() as session:
                found = [await session.send(envelope()) for _ in range(2)]
            return found, len(taken)

    outcomes, count = asyncio.run(run())

    assert [type(one) for found in outcomes for one in found.values()] == [outcome, outcome]
    assert count == took


# ── TLS and login ──


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Who vouches for the servers of this module."""
    return Authority()


class Login:
    """Knows one user; keeps who came in."""

    def __init__(self) -> None:
        self.let_in: list[str] = []

    def __call__(self, server: Any, session: Any, envelope: Any, how: str, data: Any) -> AuthResult:
        """Judge a login."""
        is_known = (data.login, data.password) == (b"dondoc", "mật-khẩu".encode())
        if is_known:
            self.let_in.append(data.login.decode())
        return AuthResult(success=is_known, handled=False)


@contextmanager
def over_tls(context: ssl.SSLContext, **options: Any) -> Iterator[tuple[int, Faulty]]:
    """A server that asks for STARTTLS first."""
    handler = Faulty()
    with serving(handler, tls_context=context, require_starttls=True, **options) as port:
        yield port, handler


def test_no_starttls_means_that_nothing_is_sent():
    """Not the sender's name, not the recipient's, not a byte of the mail."""
    with sink() as server:
        outcome = one_of(send(server.port, tls="required"))
        assert server.received == []

    check_later(outcome, of_relay=True)


@pytest.mark.parametrize("answer", ["454 4.7.0 TLS not available", "501 no", "220 go"])
def test_a_starttls_that_leads_nowhere_means_that_nothing_is_sent(answer: str):
    """Refused, or agreed to and then spoken in the clear."""
    said: list[bytes] = []

    async def run() -> Outcomes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 script\r\n")
            while line := await reader.readline():
                said.append(line)
                if line[:4] == b"EHLO":
                    writer.write(b"250-script\r\n250 STARTTLS\r\n")
                elif line[:8] == b"STARTTLS":
                    writer.write(f"{answer}\r\n250 in the clear\r\n".encode())
                else:
                    writer.write(b"250 ok\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            quick = settings(port, tls="required", **QUICK)
            return await SmtpChannel(quick).send(envelope())

    check_later(one_of([asyncio.run(run())]), of_relay=True)
    assert not [line for line in said if line[:4].upper() in (b"MAIL", b"AUTH")]


def test_a_server_that_shows_who_it_is_gets_the_mail(authority: Authority):
    """STARTTLS, a certificate for its name, by an authority that is trusted."""
    with over_tls(authority.server("localhost")) as (port, handler):
        outcome = one_of(send(port, trust=authority.trusting(), host="localhost", tls="required"))

    assert isinstance(outcome, Sent)
    assert len(handler.taken) == 1


@pytest.mark.parametrize("how", ["self-signed", "another name", "expired", "unknown authority"])
@pytest.mark.parametrize("tls", ["required", "implicit"])
def test_a_bad_certificate_means_that_nothing_is_sent(authority: Authority, how: str, tls: str):
    """Whoever sits in between reads nothing, and learns no password."""
    trust = authority.trusting()
    match how:
        case "self-signed":
            shown = authority.server("localhost", self_signed=True)
        case "another name":
            shown = authority.server("mail.example")
        case "expired":
            shown = authority.server("localhost", until=PAST)
        case _:
            shown = Authority("Another").server("localhost")
    login, handler = Login(), Faulty()
    options: dict[str, Any] = {"authenticator": login}
    options |= {"ssl_context": shown} if tls == "implicit" else {"tls_context": shown}
    with serving(handler, **options) as port:
        changes = {"host": "localhost", "tls": tls, "username": "dondoc", "password": "mật-khẩu"}
        outcome = one_of(send(port, trust=trust, **changes))

    check_later(outcome, of_relay=True)
    assert isinstance(outcome, TryLater)
    assert "certificate" in outcome.reason.lower()
    assert (handler.peers, handler.taken, login.let_in) == ([], [], [])


def test_tls_from_the_first_byte(authority: Authority):
    """RFC 8314: port 465."""
    handler = Faulty()
    with serving(handler, ssl_context=authority.server("localhost")) as port:
        outcome = one_of(send(port, trust=authority.trusting(), host="localhost", tls="implicit"))

    assert isinstance(outcome, Sent)
    assert len(handler.taken) == 1


def test_tls_from_the_first_byte_to_a_server_that_has_none():
    """A wrong port is a setting to mend, and loses nothing."""
    with sink() as server:
        check_later(one_of(send(server.port, tls="implicit", **QUICK)), of_relay=True)


@pytest.mark.parametrize(("password", "is_let_in"), [("mật-khẩu", True), ("đoán-mò", False)])
def test_a_login_lets_in_or_holds_all_mail_back(
    authority: Authority, password: str, is_let_in: bool
):
    """A wrong password is nobody's address at fault; and no outcome says what it was."""
    login = Login()
    with over_tls(authority.server("localhost"), authenticator=login) as (port, handler):
        changes = {"host": "localhost", "tls": "required"}
        changes |= {"username": "dondoc", "password": password}
        outcome = one_of(send(port, trust=authority.trusting(), **changes))

    assert login.let_in == (["dondoc"] if is_let_in else [])
    assert len(handler.taken) == is_let_in
    if is_let_in:
        assert isinstance(outcome, Sent)
    else:
        check_later(outcome, of_relay=True)
        assert "535" in repr(outcome)
        assert password not in repr(outcome)


# ── Letters ──


def test_a_domain_with_marks_is_spoken_in_its_plain_form():
    """Any server takes it; the outcome is told under the address as it was given."""
    with sink() as server:
        [found] = send(server.port, envelope("van-thu@tuyênquang.example"))
        [received] = server.received

    assert {given: type(one) for given, one in found.items()} == {
        "van-thu@tuyênquang.example": Sent
    }
    assert received.recipients == ("van-thu@xn--tuynquang-n4a.example",)


def test_a_server_that_speaks_smtputf8_takes_any_letters():
    """RFC 6531: asked for in MAIL, and only where somebody needs it."""

    class Options(Faulty):
        def __init__(self) -> None:
            super().__init__()
            self.options: list[list[str]] = []
            self.recipients: list[str] = []

        async def handle_MAIL(
            self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
        ) -> str:
            self.options.append(options)
            return await super().handle_MAIL(server, session, envelope, address, options)

        async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
            self.recipients += envelope.rcpt_tos
            return await super().handle_DATA(server, session, envelope)

    handler = Options()
    with serving(handler, enable_SMTPUTF8=True) as port:
        outcomes = send(port, envelope("văn-thư@tuyênquang.example", ONE), envelope())

    assert {type(one) for found in outcomes for one in found.values()} == {Sent}
    assert handler.recipients == ["văn-thư@xn--tuynquang-n4a.example", ONE, ONE]
    assert handler.options == [["SMTPUTF8"], []]


def test_a_server_that_does_not_speak_it_keeps_nobody_else_from_their_mail():
    """The one address is refused with a sentence that a person understands."""
    with sink() as server:
        [found] = send(server.port, envelope("văn-thư@b.example", ONE))
        [received] = server.received

    refused = found["văn-thư@b.example"]
    assert isinstance(refused, Refused)
    assert "SMTPUTF8" in refused.reason
    assert isinstance(found[ONE], Sent)
    assert received.recipients == (ONE,)


def test_hostile_names_reach_nobody_but_those_they_name():
    """Over the wire as in the header: each comes back, no recipient and no header is added."""
    everybody = to(*HOSTILE[:9], copies=HOSTILE[9:])
    content = built(HOSTILE[0], everybody)
    mail = Envelope(MAIL.message_id, SENDER.address, tuple(a.address for a in everybody), content)
    with sink() as server:
        [found] = send(server.port, mail)
        [received] = server.received

    assert {type(one) for one in found.values()} == {Sent}
    assert received.recipients == tuple(one.address for one in everybody)
    assert addresses_old(received.message, "To") == [(a.name, a.address) for a in everybody[:9]]
    assert addresses_old(received.message, "Cc") == [(a.name, a.address) for a in everybody[9:]]
    assert received.message["Bcc"] is None


def test_of_a_sender_that_cannot_be_spoken_nothing_is_said():
    """A setting to mend: nothing is slipped into MAIL."""
    bad = replace(envelope(), sender="a@b.example>\r\nRCPT TO:<c@d.example")
    with sink() as server:
        check_later(one_of(send(server.port, bad)), of_relay=True)
        assert server.received == []
