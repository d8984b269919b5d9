"""Note: a short plain mail to one address, outside any plan (RFC 5322)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from notifiers.mime.headers import address_field, field, text_field
from notifiers.mime.message import Sender, body
from notifiers.wire.channel import Envelope


@dataclass(frozen=True, slots=True)
class Note:
    """What it says, to which address, under which Message-ID; `at` is its date."""

    to: str
    subject: str
    text: str
    message_id: str
    at: datetime
    language: str


def envelope(note: Note, *, sender: Sender) -> Envelope:
    """Return the note as a mail. Raises BadAddress or BadHeader."""
    content = b"".join(
        (
            address_field("From", [(sender.name, sender.address)]),
            address_field("To", [("", note.to)]),
            text_field("Subject", note.subject),
            field("Date", format_datetime(note.at)),
            field("Message-ID", note.message_id),
            b"Auto-Submitted: auto-generated\r\n",  # RFC 3834 §5
            field("Content-Language", note.language),
            b"MIME-Version: 1.0\r\n",
            body(note.text, "plain"),
            b"\r\n",
        )
    )
    return Envelope(note.message_id, sender.address, (note.to,), content)
