"""Message: a rendered mail as the bytes of a mail (RFC 5322, RFC 2045-2047).

Built from the older `email.mime` classes and `email.header.Header`: the newer
`EmailMessage` loses spaces in folded Vietnamese subjects and, on Python 3.11, lets an
encoded CRLF inject a header (CVE-2024-6923). The same mail always gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.charset import Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from typing import Any, cast

from notifiers.address import checked_address
from notifiers.errors import BadAddress, BadHeader, MessageError
from notifiers.rendering import Mail, Rendered

__all__ = ["BadAddress", "BadHeader", "MessageError", "Sender", "build"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = 60  # characters of ASCII that need no encoding to fit on a line
_WIRE = compat32.clone(linesep="\r\n", max_line_length=76)
_UTF8 = Charset("utf-8")


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name mail goes out; answers go to `reply_to`, or else to `address`."""

    name: str
    address: str
    reply_to: str | None = None


def build(rendered: Rendered, mail: Mail, *, sender: Sender) -> bytes:
    """Return the mail as bytes, lines ended by CRLF. Raises BadHeader or BadAddress."""
    recipient = mail.recipient
    message = MIMEMultipart("alternative", boundary=_boundary(mail.message_id))
    headers: list[tuple[str, str | Header]] = [
        ("From", mailbox_header("From", sender.name, sender.address)),
        ("To", mailbox_header("To", recipient.name, recipient.email or "")),
        ("Reply-To", checked_address(sender.reply_to or sender.address)),
        ("Subject", text_header("Subject", rendered.subject)),
        ("Date", format_datetime(mail.as_of.astimezone(mail.plan.zone))),
        ("Message-ID", _clean(mail.message_id)),
        ("In-Reply-To", _clean(mail.thread_id)),
        ("References", _clean(mail.thread_id)),
        ("Auto-Submitted", "auto-generated"),  # RFC 3834 §5
        ("Content-Language", _clean(mail.language)),
        ("X-Dondoc-Run", text_header("X-Dondoc-Run", mail.run_id)),
        ("X-Dondoc-Kind", mail.word),
        ("X-Dondoc-Recipient", text_header("X-Dondoc-Recipient", recipient.id)),
    ]
    for name, value in headers:
        cast(Any, message)[name] = value  # takes a Header as well, which its stub forgets
    message.attach(_part(rendered.text, "plain"))
    message.attach(_part(rendered.html, "html"))
    return message.as_bytes(policy=_WIRE)


def text_header(name: str, value: str) -> str | Header:
    """Return a header's free text, in encoded words (RFC 2047) unless short plain ASCII."""
    _clean(value)
    if value.isascii() and len(value) <= _PLAIN and "=?" not in value:
        return value
    return Header(value, charset=_UTF8, header_name=name)


def mailbox_header(name: str, display: str, address: str) -> str | Header:
    """Return a header of one display name and address."""
    checked_address(address)
    _clean(display)
    if display.isascii() and len(display) <= _PLAIN and "=?" not in display:
        return formataddr((display, address))
    header = Header(display, charset=_UTF8, header_name=name)
    header.append(f"<{address}>", charset="us-ascii")
    return header


def _clean(value: str) -> str:
    if _CONTROL.search(value):
        raise BadHeader(f"a control character in a header: {value!r}")
    return value


def _part(content: str, subtype: str) -> MIMEText:
    """Encode a body; base64 wants its text's lines ended by CRLF (RFC 2045 §6.8)."""
    lines = content.replace("\r\n", "\n").replace("\n", "\r\n")
    return MIMEText(lines, subtype, "utf-8")


def _boundary(message_id: str) -> str:
    """A boundary of its own for each mail; base64 bodies cannot hold `=_`."""
    return f"=_{hashlib.sha256(message_id.encode()).hexdigest()[:32]}"
