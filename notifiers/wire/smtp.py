"""SMTP: the channel that hands mail to a mail server (RFC 5321).

What counts is what is certain. Before the text of the mail is on its way nothing was
taken; a broken connection then means "later". From the first byte of the text on, a
broken connection means "unknown": the server may have the mail (RFC 5321 §6.1).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias, cast

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPHeloError,
    SMTPReadTimeoutError,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from notifiers.errors import BadAddress
from notifiers.mime.address import checked_address, needs_smtputf8, wire_address
from notifiers.wire.channel import Envelope, Outcome, Outcomes, Refused, Sent, TryLater, Unknown
from notifiers.wire.conversation import Answer, Conversation

Tls = Literal["required", "implicit", "off"]

_OURS = frozenset({421, 454, 503, 530, 534, 535, 538})
"""Closing, or about us and not about the mail: out of step, TLS, login."""
_CLOSING = 421
_TOO_MANY = 552  # as some servers say to RCPT what is no refusal, RFC 5321 §4.5.3.1.10
_GO_AHEAD = 354
_DATA = b"DATA"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"(?m)^\.")
_NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Bad mailbox, host or syntax, moved, null MX, disabled (RFC 3463 §3.2-3.3, RFC 7505 §4.2)."""
_NO_SUCH_MAILBOX = "5.1.1"
_NOT_FOUND = frozenset({550, 551, 553})  # RFC 5321 §4.2.3, where no enhanced code says more
_RELAYING = re.compile(r"\brelay(ing|ed)?\b", re.IGNORECASE)
"""A server that takes us for strangers: `Relay access denied`, `relay not permitted` …"""
_UNSPOKEN = Refused(
    "addressing: the server takes no address with letters beyond ASCII (it offers no SMTPUTF8)",
    of_address=True,
)
_LONGEST = 2_000  # signs of an answer that are kept; one line has 512 octets (RFC 5321 §4.5.3.1.5)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where and how mail is handed over. Time-outs in seconds (RFC 5321 §4.5.3.2).

    `tls` is `required` (STARTTLS, or nothing is sent), `implicit` (TLS from the first
    byte, RFC 8314), or `off`, which has to be asked for by name.
    """

    host: str
    port: int = 587
    tls: Tls = "required"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    helo: str | None = None
    connect_timeout: float = 30.0
    command_timeout: float = 300.0
    data_timeout: float = 120.0
    final_timeout: float = 600.0


class SmtpChannel:
    """Hands mail to the server of `settings`; `tls_context` None trusts the system's roots."""

    def __init__(
        self, settings: SmtpSettings, *, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self.settings = settings
        self._tls_context = tls_context
        self._manners = _Manners()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SmtpSession]:
        """Open a session; it connects with its first mail, and quits at the end."""
        opened = SmtpSession(self.settings, self._tls_context, self._manners)
        try:
            yield opened
        finally:
            await opened.close()

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand over one mail in a session of its own."""
        async with self.session() as session:
            return await session.send(envelope)


@dataclass
class _Manners:
    """How a server is spoken to: by one command at a time, once several at once went wrong."""

    step_by_step: bool = False


class _BadManners(Exception):
    """A server offers to hear several commands at once (RFC 2920), and can't."""


class _HungUp(Exception):
    """A line over which mail went had ended when the next was begun."""


class _OutOfStep(Exception):
    """An answer may be another's: nothing that was answered before the text is certain."""


class SmtpSession:
    """One connection after another: after an error the next mail connects anew."""

    def __init__(
        self, settings: SmtpSettings, tls_context: ssl.SSLContext | None, manners: _Manners
    ) -> None:
        self._settings = settings
        self._manners = manners
        self._tls_context = tls_context
        self._client: SMTP | None = None
        self._talk: Conversation | None = None
        self._is_used = False

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand one mail over, and say what became of it, for each of its addresses."""
        fit, outcomes = _checked(envelope)
        if not fit:
            return outcomes
        try:
            return outcomes | await self._send(envelope, fit)
        except _HungUp:  # as after so many mails: nothing of this one was said
            pass
        except _BadManners:  # none of its text was given
            self._manners.step_by_step = True
        return await self.send(envelope)

    async def _send(self, envelope: Envelope, fit: Mapping[str, str]) -> dict[str, Outcome]:
        """Hand one mail over on the line that there is. Raises _HungUp where that had ended.

        Raises _BadManners where the server must be spoken to step by step.
        """
        try:
            talk = await self._connected()
        except (SMTPException, OSError, ValueError) as error:
            self._drop()
            return dict.fromkeys(fit, TryLater(_reason("connecting", error), of_relay=True))
        is_ahead = self._is_ahead()
        try:
            outcomes = await self._converse(talk, envelope, fit)
        except _OutOfStep as error:  # who was refused may be another
            self._drop()
            if is_ahead:
                raise _BadManners from error
            return dict.fromkeys(fit, TryLater(_reason("addressing", error), of_relay=True))
        except BaseException:  # cancelled in mid-conversation: nobody may speak on this line
            self._drop()
            raise
        self._is_used = self._talk is talk
        return outcomes

    async def greet(self) -> str:
        """Connect, secure the line and log in, and send nothing; return why that failed."""
        try:
            await self._connected()
        except (SMTPException, OSError, ValueError) as error:
            self._drop()
            return _reason("connecting", error)
        return ""

    async def close(self) -> None:
        """End the conversation politely; whatever happens now changes no outcome."""
        talk = self._talk
        try:
            if talk is not None and talk.is_open and talk.is_in_step:
                await talk.ask(b"QUIT", self._settings.connect_timeout)
        except (SMTPException, OSError):
            pass
        finally:
            self._drop()

    async def _connected(self) -> Conversation:
        """Return the line to the server; one that broke, or is out of step, is opened anew."""
        if self._talk is not None and self._talk.is_open and self._talk.is_in_step:
            return self._talk
        self._drop()
        settings = self._settings
        self._client = client = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password,
            local_hostname=settings.helo,
            timeout=settings.connect_timeout,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "required",
            tls_context=self._tls_context,
        )
        await client.connect()
        if client.is_ehlo_or_helo_needed:  # who will not greet us takes no mail at all
            await _greet(client)
        if client.transport is None or _has_said_more(client):
            raise SMTPServerDisconnected("it answered more than it was asked")
        self._talk = Conversation(cast("asyncio.Transport", client.transport))
        return self._talk

    def _offers(self, extension: str) -> bool:
        return self._client is not None and self._client.supports_extension(extension)

    def _is_ahead(self) -> bool:
        """Say whether commands are said before the last one's answer was heard."""
        return self._offers("pipelining") and not self._manners.step_by_step

    def _check_manners(self, error: Exception, say: _Say) -> None:
        """Raise _BadManners where a server seems to have let go what was said at once."""
        if say is _said_already and isinstance(error, SMTPReadTimeoutError):
            raise _BadManners from error

    async def _converse(
        self, talk: Conversation, envelope: Envelope, fit: Mapping[str, str]
    ) -> dict[str, Outcome]:
        """Name the sender and who is to get it, then hand it over for those who were taken.

        `fit` is how each address is spoken, by how it was given. All is said at once to a
        server that offers it and can (RFC 2920), but for the text: that waits for the answer to
        DATA.
        Raises _OutOfStep where no answer is certain, _BadManners where none comes.
        """
        timeout = self._settings.command_timeout
        refused: dict[str, Outcome] = {}
        strange: SMTPResponseException | None = None
        if not self._offers("smtputf8"):
            refused = {one: _UNSPOKEN for one, wire in fit.items() if needs_smtputf8(wire)}
            fit = {one: wire for one, wire in fit.items() if one not in refused}
            if not fit:
                return refused
        international = any(needs_smtputf8(wire) for wire in fit.values())
        option = " SMTPUTF8" if international else ""  # RFC 6531 §3.4
        first = f"MAIL FROM:<{checked_address(envelope.sender)}>{option}".encode()
        naming = {address: f"RCPT TO:<{wire}>".encode() for address, wire in fit.items()}
        say: _Say = talk.say
        try:
            if self._is_ahead():
                talk.say(first, *naming.values(), _DATA)
                say = _said_already
            say(first)
            try:
                await _agree(talk, timeout)
            except ConnectionError as error:
                if self._is_used:
                    raise _HungUp from error
                raise
            for address, command in naming.items():
                say(command)
                try:
                    await _agree(talk, timeout)
                except SMTPResponseException as error:
                    if error.code == _CLOSING:
                        raise
                    refused[address] = _answered(error)
                    strange = error if _is_strange(error) else strange
            if strange is not None and len(refused) == len(fit):
                raise strange
        except SMTPResponseException as error:
            # Who refuses the sender, does not relay for us, or closes, would do so with any other
            # mail: a setting of ours or the server's own trouble, which costs no agency its mail.
            await self._recover(talk, error)
            later = TryLater(_reason("answered", error), of_relay=True)
            gone = refused if error is not strange else {}
            return dict.fromkeys(fit, later) | _for_good(gone)
        except (SMTPException, OSError) as error:
            self._drop()
            self._check_manners(error, say)
            later = TryLater(_reason("addressing", error), of_relay=True)
            return dict.fromkeys(fit, later) | _for_good(refused)
        taken = [address for address in fit if address not in refused]
        if not taken:
            await self._reset(talk)
            return refused
        outcome = await self._hand_over(talk, envelope, say)
        return refused | dict.fromkeys(taken, outcome)

    async def _hand_over(self, talk: Conversation, envelope: Envelope, say: _Say) -> Outcome:
        """Announce the text, then give it: only from there on a broken line is a riddle."""
        settings = self._settings
        try:
            say(_DATA)
            ready = await _heard(talk, settings.data_timeout)
            if ready.code != _GO_AHEAD:
                raise _refusal(ready)
        except SMTPResponseException as error:
            await self._recover(talk, error)
            return _classified(error)
        except (SMTPException, OSError) as error:
            self._drop()
            self._check_manners(error, say)
            return TryLater(_reason("announcing the text", error), of_relay=True)
        try:
            talk.give(_as_spoken(envelope))
            answer = await talk.hear(settings.final_timeout)
            if answer.code // 100 == 2:
                return Sent(_line(f"{answer.code} {answer.message}"))
            _expect_step(talk)
            refusal = _refusal(answer)
            await self._recover(talk, refusal)
        except (SMTPException, OSError, _OutOfStep) as error:
            self._drop()
            return Unknown(_reason("waiting for the answer to the text", error))
        return _classified(refusal)

    async def _recover(self, talk: Conversation, error: SMTPResponseException) -> None:
        """Make the connection ready for the next mail, or give it up. Raises _OutOfStep."""
        if error.code == _CLOSING:
            self._drop()
            return
        await self._reset(talk)

    async def _reset(self, talk: Conversation) -> None:
        """Hear what is still to be answered, and begin anew.

        Who waits for a text that is for nobody any more is left: there is no other way out.
        Raises _OutOfStep where the answers heard so far may have been others'.
        """
        timeout = self._settings.command_timeout
        try:
            while talk.owes:
                answer = await _heard(talk, timeout)
                if answer.code in (_CLOSING, _GO_AHEAD):
                    self._drop()
                    return
                if not talk.owes and answer.code // 100 == 2:  # no answer to DATA, the last one
                    raise _OutOfStep(_line(f"{answer.code} {answer.message}"))
            talk.say(b"RSET")
            await _agree(talk, timeout)
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        client, self._client, self._talk = self._client, None, None
        self._is_used = False
        if client is not None:
            client.close()


_Say: TypeAlias = Callable[[bytes], None]


def _said_already(command: bytes) -> None:
    """Say nothing: the command went out with those before it."""


async def _heard(talk: Conversation, patience: float) -> Answer:
    """Return the next answer. Raises _OutOfStep where it may be another's, or is none."""
    try:
        answer = await talk.hear(patience)
    except SMTPResponseException as error:
        raise _OutOfStep(error.message) from error
    _expect_step(talk)
    return answer


def _expect_step(talk: Conversation) -> None:
    if not talk.is_in_step:
        raise _OutOfStep("it answered more than it was asked")


async def _agree(talk: Conversation, patience: float) -> None:
    """Hear that a command is agreed to. Raises SMTPResponseException where the answer is no."""
    answer = await _heard(talk, patience)
    if answer.code // 100 != 2:
        raise _refusal(answer)


def _refusal(answer: Answer) -> SMTPResponseException:
    """Return a no as an error. Raises _OutOfStep for what is neither yes nor no."""
    if answer.code // 100 not in (4, 5):
        raise _OutOfStep(f"{answer.code} {answer.message}")
    return SMTPResponseException(*answer)


def _has_said_more(client: SMTP) -> bool:
    """Say whether something came with the last answer that the library heard."""
    return bool(getattr(client.protocol, "_buffer", b""))


async def _greet(client: SMTP) -> None:
    """Say who we are, in the old way where a server knows only that (RFC 5321 §3.2)."""
    try:
        await client.ehlo()
    except SMTPHeloError as error:
        if error.code == _CLOSING:
            raise
        await client.helo()


def _as_spoken(envelope: Envelope) -> bytes:
    """Return the text as it goes over the line, with its final dot (RFC 5321 §4.1.1.4)."""
    content = envelope.content if envelope.is_plain else stuffed(envelope.content)
    return content + b".\r\n"


def stuffed(content: bytes) -> bytes:
    """Return the text with its lines ended by CRLF and leading dots doubled (RFC 5321 §4.5.2)."""
    bare = content.replace(b"\r\n", b"")
    if b"\n" in bare or b"\r" in bare:
        content = _LINE_END.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    if content.startswith(b".") or b"\n." in content:
        content = _LEADING_DOT.sub(b"..", content)
    return content


def _checked(envelope: Envelope) -> tuple[dict[str, str], dict[str, Outcome]]:
    """Return how the addresses are spoken that can be, and what becomes of the others."""
    try:
        checked_address(envelope.sender)
    except BadAddress as error:
        later = TryLater(_reason("addressing", error), of_relay=True)
        return {}, dict.fromkeys(envelope.recipients, later)
    fit, outcomes = {}, {}
    for address in envelope.recipients:
        try:
            fit[address] = wire_address(address)
        except BadAddress as error:
            outcomes[address] = Refused(_reason("addressing", error), of_address=True)
    return fit, dict[str, Outcome](outcomes)


def _classified(error: SMTPResponseException) -> Outcome:
    """4xx: later; 5xx: refused (RFC 5321 §4.2.1), unless it is about our own credentials."""
    reason = _reason("answered", error)
    if error.code >= 500 and error.code not in _OURS:
        return Refused(reason)
    return TryLater(reason, of_relay=error.code in _OURS)


def _answered(error: SMTPResponseException) -> Outcome:
    """Return what an answer to RCPT comes to for its address."""
    if error.code == _TOO_MANY:
        return TryLater(_reason("answered", error))
    outcome = _classified(error)
    if not isinstance(outcome, Refused) or not _is_unknown(error):
        return outcome
    found = _ENHANCED.match(error.message)
    is_mailbox = found is None or found[0] == _NO_SUCH_MAILBOX
    return replace(outcome, of_address=True, of_mailbox=is_mailbox)


def _is_unknown(error: SMTPResponseException) -> bool:
    """Say whether an answer to RCPT says that there is no such address."""
    if found := _ENHANCED.match(error.message):
        return found[0] in _NO_SUCH_ADDRESS
    return error.code in _NOT_FOUND and not _RELAYING.search(error.message)


def _is_strange(error: SMTPResponseException) -> bool:
    """Say whether an answer to RCPT is about us: the server does not relay for who we are."""
    return error.code >= 500 and bool(_RELAYING.search(error.message)) and not _is_unknown(error)


def _for_good(refused: dict[str, Outcome]) -> dict[str, Outcome]:
    """Keep what was refused for good, though the conversation broke off after it."""
    return {address: one for address, one in refused.items() if isinstance(one, Refused)}


def _reason(doing: str, error: Exception) -> str:
    """One line for the outbox: what was being done, and what came back."""
    if isinstance(error, SMTPResponseException):
        said = f"{error.code} {error.message}"
    else:
        said = f"{type(error).__name__}: {error}"
    return f"{doing}: {_line(said)}"


def _line(said: str) -> str:
    """Bring a server's words to one line that every database keeps: no NUL, no half of a letter.

    PostgreSQL refuses the one and every driver the other; a mark that is refused sends again.
    What steers a terminal is no word either, and of very long ones the beginning does.
    """
    words = " ".join(said.encode("utf-8", "replace").decode().split())[:_LONGEST]
    return "".join(sign if sign.isprintable() else "?" for sign in words)
