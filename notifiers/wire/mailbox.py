"""Mailbox: a mail server on this machine that files what it gets and sends nothing on.

It speaks real SMTP, so that the whole way out is used, and keeps each mail in a Maildir:
written aside, flushed, then moved into place, so that a reader never sees half a mail.
"""

from __future__ import annotations

import mailbox as stdlib_mailbox
import socket
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as SmtpdEnvelope
from aiosmtpd.smtp import Session as SmtpdSession

LOOPBACK = "127.0.0.1"
_LARGEST = 10 * 1024 * 1024  # bytes; a digest has less than 150,000


@dataclass(frozen=True, slots=True)
class StoredMail:
    """One filed mail, decoded. `date` is aware; `to` are addresses, `to_names` their names."""

    path: Path
    date: datetime
    subject: str
    sender: str
    sender_name: str
    to: tuple[str, ...]
    to_names: tuple[str, ...]
    envelope_to: tuple[str, ...]
    message_id: str
    thread_id: str
    kind: str
    run: str
    recipient: str
    text: str
    html: str


class MailboxServer:
    """Files mail into the Maildir `folder`, on the loopback interface only.

    Port 0 takes a free one; `port` then says which. A context manager: entered it
    listens, left it has stopped. Raises OSError where the port is taken.
    """

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self.folder = folder
        self.host = LOOPBACK
        self.port = port
        self._controller: _Controller | None = None

    def start(self) -> None:
        """Listen; returns when mail can be delivered."""
        self._controller = _Controller(_Filing(self.folder), self.host, self.port)
        self.port = self._controller.port
        self._controller.start()

    def stop(self) -> None:
        """Stop listening and wait for the end; a stopped server stays stopped quietly."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def __enter__(self) -> MailboxServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def read(folder: Path) -> list[StoredMail]:
    """Return every mail of the Maildir `folder` by date; none where there is no folder."""
    files = [path for part in ("new", "cur") for path in sorted((folder / part).glob("*"))]
    found = [_stored(path) for path in files if path.is_file()]
    return sorted(found, key=lambda mail: (mail.date, mail.envelope_to, mail.message_id))


class _Filing:
    """The handler of the server: one file for each mail accepted."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._maildir = stdlib_mailbox.Maildir(str(folder), create=True)

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self,
        server: SMTP,  # noqa: ARG002
        session: SmtpdSession,  # noqa: ARG002
        envelope: SmtpdEnvelope,
    ) -> str:
        content = envelope.content or b""
        if isinstance(content, str):
            content = content.encode()
        kept = _trace(envelope) + content.replace(b"\r\n", b"\n")
        try:
            self._maildir.add(kept)
        except OSError as error:  # a full disk is the sender's cue to come again
            return f"451 4.3.1 not filed: {error.strerror}"
        return "250 2.0.0 filed"


class _Controller(Controller):
    """A server in a thread, on a socket bound before it starts: a free port stays ours."""

    def __init__(self, handler: _Filing, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port))
        super().__init__(
            handler,
            hostname=host,
            port=self._socket.getsockname()[1],
            data_size_limit=_LARGEST,
            server_hostname="mailbox.localhost",
            ident="dondoc mailbox",
        )

    def _create_server(self) -> Awaitable[Any]:
        return self.loop.create_server(self._factory_invoker, sock=self._socket)


def _trace(envelope: SmtpdEnvelope) -> bytes:
    """What the envelope said, ahead of the mail's own headers."""
    lines = [f"X-Envelope-From: {envelope.mail_from or ''}"]
    lines += [f"X-Envelope-To: {recipient}" for recipient in envelope.rcpt_tos]
    return "".join(f"{line}\n" for line in lines).encode()


def _stored(path: Path) -> StoredMail:
    message = message_from_bytes(path.read_bytes())
    from_name, from_address = next(iter(_addresses(message, "From")), ("", ""))
    to = _addresses(message, "To")
    return StoredMail(
        path=path,
        date=_date(message),
        subject=_header(message, "Subject"),
        sender=from_address,
        sender_name=from_name,
        to=tuple(address for _, address in to),
        to_names=tuple(name for name, _ in to),
        envelope_to=tuple(str(value) for value in message.get_all("X-Envelope-To", [])),
        message_id=_header(message, "Message-ID"),
        thread_id=_header(message, "References"),
        kind=_header(message, "X-Dondoc-Kind"),
        run=_header(message, "X-Dondoc-Run"),
        recipient=_header(message, "X-Dondoc-Recipient"),
        text=_body(message, "text/plain"),
        html=_body(message, "text/html"),
    )


def _header(message: Message, name: str) -> str:
    return _decoded(str(message.get(name, "")))


def _decoded(value: str) -> str:
    return str(make_header(decode_header(" ".join(value.splitlines()))))


def _addresses(message: Message, name: str) -> list[tuple[str, str]]:
    """Parse first and decode then: a decoded name may hold a comma."""
    raw = [str(value) for value in message.get_all(name, [])]
    return [(_decoded(display), address) for display, address in getaddresses(raw)]


def _date(message: Message) -> datetime:
    try:
        found = parsedate_to_datetime(str(message.get("Date", "")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _body(message: Message, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == kind:
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                charset = part.get_content_charset("utf-8")
                return payload.decode(charset, "replace").replace("\r\n", "\n")
    return ""
