"""SMTP: the channel that hands mail to a mail server (RFC 5321).

What counts is what is certain. Before the text of the mail is on its way nothing was
taken; a broken connection then means "later". From the first byte of the text on, a
broken connection means "unknown": the server may have the mail (RFC 5321 §6.1).
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPHeloError,
    SMTPResponse,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from notifiers.errors import BadAddress
from notifiers.mime.address import checked_address, needs_smtputf8, wire_address
from notifiers.wire.channel import Envelope, Outcome, Outcomes, Refused, Sent, TryLater, Unknown

Tls = Literal["required", "implicit", "off"]

_OURS = frozenset({421, 454, 530, 534, 535, 538})  # closing, or about us and not about the mail
_CLOSING = 421
_GO_AHEAD = 354
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

    @asynccontextmanager
    async def session(self) -> AsyncIterator[SmtpSession]:
        """Open a session; it connects with its first mail, and quits at the end."""
        opened = SmtpSession(self.settings, self._tls_context)
        try:
            yield opened
        finally:
            await opened.close()

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand over one mail in a session of its own."""
        async with self.session() as session:
            return await session.send(envelope)


class SmtpSession:
    """One connection after another: after an error the next mail connects anew."""

    def __init__(self, settings: SmtpSettings, tls_context: ssl.SSLContext | None) -> None:
        self._settings = settings
        self._tls_context = tls_context
        self._client: SMTP | None = None

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand one mail over, and say what became of it, for each of its addresses."""
        fit, outcomes = _checked(envelope)
        if not fit:
            return outcomes
        try:
            client = await self._connected()
        except (SMTPException, OSError, ValueError) as error:
            self._drop()
            later = TryLater(_reason("connecting", error), of_relay=True)
            return outcomes | dict.fromkeys(fit, later)
        try:
            return outcomes | await self._converse(client, envelope, fit)
        except BaseException:  # cancelled in mid-conversation: nobody may speak on this line
            self._drop()
            raise

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
        client, self._client = self._client, None
        if client is None or not client.is_connected:
            return
        try:
            await client.quit(timeout=self._settings.connect_timeout)
        except (SMTPException, OSError):
            client.close()

    async def _connected(self) -> SMTP:
        if self._client is None or not self._client.is_connected:
            settings = self._settings
            client = SMTP(
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
            self._client = client
            if client.is_ehlo_or_helo_needed:  # who will not greet us takes no mail at all
                await _greet(client)
        return self._client

    async def _converse(
        self, client: SMTP, envelope: Envelope, fit: Mapping[str, str]
    ) -> dict[str, Outcome]:
        """Name the sender and who is to get it, then hand it over for those who were taken.

        `fit` is how each address is spoken, by how it was given.
        """
        timeout = self._settings.command_timeout
        refused: dict[str, Outcome] = {}
        strange: SMTPResponseException | None = None
        if not client.supports_extension("smtputf8"):
            refused = {one: _UNSPOKEN for one, wire in fit.items() if needs_smtputf8(wire)}
            fit = {one: wire for one, wire in fit.items() if one not in refused}
            if not fit:
                return refused
        international = any(needs_smtputf8(wire) for wire in fit.values())
        try:
            option = " SMTPUTF8" if international else ""  # RFC 6531 §3.4
            sender = checked_address(envelope.sender)
            await _say(client, f"MAIL FROM:<{sender}>{option}", timeout)
            for address, wire in fit.items():
                try:
                    await _say(client, f"RCPT TO:<{wire}>", timeout)
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
            await self._recover(client, error)
            later = TryLater(_reason("answered", error), of_relay=True)
            gone = refused if error is not strange else {}
            return dict.fromkeys(fit, later) | _for_good(gone)
        except (SMTPException, OSError) as error:
            self._drop()
            later = TryLater(_reason("addressing", error), of_relay=True)
            return dict.fromkeys(fit, later) | _for_good(refused)
        taken = [address for address in fit if address not in refused]
        if not taken:
            await self._reset(client)
            return refused
        outcome = await self._hand_over(client, envelope.content)
        return refused | dict.fromkeys(taken, outcome)

    async def _hand_over(self, client: SMTP, content: bytes) -> Outcome:
        """Announce the text, then send it: only from there on a broken line is a riddle.

        `SMTP.data` does both in one call, which would hide at which of them it broke.
        """
        settings = self._settings
        try:
            ready = await client.execute_command(b"DATA", timeout=settings.data_timeout)
            _check_step(client)
            if ready.code != _GO_AHEAD:
                raise SMTPResponseException(ready.code, ready.message)
        except SMTPResponseException as error:
            await self._recover(client, error)
            return _classified(error)
        except (SMTPException, OSError) as error:
            self._drop()
            return TryLater(_reason("announcing the text", error), of_relay=True)
        try:
            response = await _transfer(client, content, settings.final_timeout)
        except (SMTPException, OSError) as error:
            self._drop()
            return Unknown(_reason("waiting for the answer to the text", error))
        if response.code // 100 == 2:
            if _is_out_of_step(client):
                self._drop()
            return Sent(_line(f"{response.code} {response.message}"))
        refusal = SMTPResponseException(response.code, response.message)
        await self._recover(client, refusal)
        return _classified(refusal)

    async def _recover(self, client: SMTP, error: SMTPResponseException) -> None:
        """Make the connection ready for the next mail, or give it up."""
        if error.code == _CLOSING:
            self._drop()
            return
        await self._reset(client)

    async def _reset(self, client: SMTP) -> None:
        try:
            await client.rset(timeout=self._settings.command_timeout)
        except (SMTPException, OSError):
            self._drop()

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


async def _say(client: SMTP, command: str, longest: float) -> None:
    """Say a command. Raises SMTPResponseException where the answer is no.

    The library's own `mail` and `rcpt` parse an address anew, which costs time and once
    sent mail elsewhere.
    """
    response = await client.execute_command(command.encode(), timeout=longest)
    _check_step(client)
    if response.code // 100 != 2:
        raise SMTPResponseException(response.code, response.message)


def _is_out_of_step(client: SMTP) -> bool:
    """Say whether the server answered more than it was asked: its next answer would be another's.

    The library throws away what comes when nothing was asked, but not what came with an answer.
    """
    return bool(getattr(client.protocol, "_buffer", b""))


def _check_step(client: SMTP) -> None:
    if _is_out_of_step(client):
        raise SMTPServerDisconnected("it answered more than it was asked")


async def _greet(client: SMTP) -> None:
    """Say who we are, in the old way where a server knows only that (RFC 5321 §3.2)."""
    try:
        await client.ehlo()
    except SMTPHeloError as error:
        if error.code == _CLOSING:
            raise
        await client.helo()


async def _transfer(client: SMTP, content: bytes, longest: float) -> SMTPResponse:
    """Send the text and the final dot (RFC 5321 §4.1.1.4, §4.5.2), and read the answer."""
    if client.protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    client.protocol.write(_stuffed(content) + b".\r\n")
    return await client.protocol.read_response(timeout=longest)


def _stuffed(content: bytes) -> bytes:
    """Return the text as it goes over the line: lines ended by CRLF, leading dots doubled.

    A mail of ours has neither a bare end nor a leading dot; looking costs a tenth of replacing.
    """
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
    """
    return " ".join(said.encode("utf-8", "replace").decode().replace("\0", "?").split())
