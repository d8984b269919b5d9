"""Note: a short plain mail to one address, outside any plan (RFC 5322)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime
from typing import Any, cast

from notifiers.address import checked_address
from notifiers.channel import Envelope
from notifiers.message import Sender, mailbox_header, text_header

_WIRE = compat32.clone(linesep="\r\n", max_line_length=76)


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
    message = MIMEText(note.text.replace("\n", "\r\n"), "plain", "utf-8")
    headers = [
        ("From", mailbox_header("From", sender.name, sender.address)),
        ("To", checked_address(note.to)),
        ("Subject", text_header("Subject", note.subject)),
        ("Date", format_datetime(note.at)),
        ("Message-ID", note.message_id),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834 §5
        ("Content-Language", note.language),
    ]
    for name, value in headers:
        cast(Any, message)[name] = value  # takes a Header as well, which its stub forgets
    return Envelope(note.message_id, sender.address, (note.to,), message.as_bytes(policy=_WIRE))
