"""Message: a rendered mail as the bytes of a mail (RFC 5322, RFC 2045-2047).

Its parts are put together as bytes: trees of the standard library's objects take twenty
times as long. The same mail always gives the same bytes.
"""

from __future__ import annotations

import hashlib
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from functools import lru_cache
from struct import Struct

from engine.contacts import Addressee
from notifiers.errors import BadAddress, BadHeader, MessageError
from notifiers.mime.address import checked_address
from notifiers.mime.attachment import Attachment
from notifiers.mime.headers import address_field, attachment_fields, field, text_field
from notifiers.rendering import Mail, Rendered

__all__ = ["BadAddress", "BadHeader", "MessageError", "Sender", "body", "build", "sender_fields"]

_COLUMNS = 76  # of a line of base64, RFC 2045 §6.8


@dataclass(frozen=True, slots=True)
class Sender:
    """In whose name mail goes out; answers go to `reply_to`, or else to `address`."""

    name: str
    address: str
    reply_to: str | None = None


def build(
    rendered: Rendered,
    mail: Mail,
    *,
    sender: Sender,
    addressees: Sequence[Addressee],
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """Return the mail as bytes, lines ended by CRLF. Raises BadHeader or BadAddress.

    The copies among `addressees` stand in Cc, the others in To.
    """
    if not addressees:
        raise BadAddress(f"nobody to mail: {mail.recipient.id!r}")
    thread = mail.thread_id
    return b"".join(
        (
            sender_fields(sender),
            *_recipients(addressees),
            text_field("Subject", rendered.subject),
            field("Date", format_datetime(mail.as_of.astimezone(mail.plan.zone))),
            field("Message-ID", mail.message_id),
            field("In-Reply-To", thread),
            field("References", thread),
            b"Auto-Submitted: auto-generated\r\n",  # RFC 3834 §5
            field("Content-Language", mail.language),
            text_field("X-Dondoc-Run", mail.run_id),
            field("X-Dondoc-Kind", mail.word),
            text_field("X-Dondoc-Recipient", mail.recipient.id),
            b"MIME-Version: 1.0\r\n",
            _content(rendered, mail.message_id, attachments),
        )
    )


@lru_cache(maxsize=256)
def sender_fields(sender: Sender) -> bytes:
    """Return From and Reply-To, the same for every mail of a plan."""
    address = checked_address(sender.address)
    answers = checked_address(sender.reply_to or sender.address)
    return address_field("From", [(sender.name, address)]) + field("Reply-To", answers)


def body(content: str, subtype: str) -> bytes:
    """Return a part of text: its fields, an empty line, and its lines in base64."""
    octets = content.encode()
    if b"\r" in octets:  # which our templates never write, and looking is cheap
        octets = octets.replace(b"\r\n", b"\n")
    octets = octets.replace(b"\n", b"\r\n")
    head = f'Content-Type: text/{subtype}; charset="utf-8"\r\nContent-Transfer-Encoding: base64\r\n'
    return b"%s\r\n%s" % (head.encode("ascii"), _base64(octets))


def _recipients(addressees: Sequence[Addressee]) -> list[bytes]:
    return [
        address_field(name, [(one.name, one.address) for one in found])
        for name, found in (
            ("To", [one for one in addressees if not one.is_copy]),
            ("Cc", [one for one in addressees if one.is_copy]),
        )
        if found
    ]


def _content(rendered: Rendered, message_id: str, attachments: Sequence[Attachment]) -> bytes:
    both = [body(rendered.text, "plain"), body(rendered.html, "html")]
    alternative = _multipart("alternative", _boundary(message_id), both)
    if not attachments:
        return alternative
    files = [_file(attachment) for attachment in attachments]
    return _multipart("mixed", _boundary(f"{message_id} mixed"), [alternative, *files])


def _file(attachment: Attachment) -> bytes:
    head = attachment_fields(attachment.filename, attachment.content_type)
    return b"%s\r\n%s" % (head, _base64(attachment.content))


def _multipart(subtype: str, boundary: bytes, parts: Sequence[bytes]) -> bytes:
    """Return parts within a whole; each ends with the CRLF that belongs to its boundary."""
    head = b'Content-Type: multipart/%s;\r\n boundary="%s"\r\n' % (subtype.encode(), boundary)
    within = b"".join(b"\r\n--%s\r\n%s" % (boundary, part) for part in parts)
    return b"%s%s\r\n--%s--\r\n" % (head, within, boundary)


def _base64(octets: bytes) -> bytes:
    """Return lines of base64, without the last line's end (RFC 2045 §6.8)."""
    whole = b2a_base64(octets, newline=False)
    return b"\r\n".join(_in_lines(len(whole)).unpack(whole))


@lru_cache(maxsize=256)
def _in_lines(size: int) -> Struct:
    """Return what cuts so many octets into lines at once: one by one takes twice as long."""
    full, rest = divmod(size, _COLUMNS)
    return Struct(f"{_COLUMNS}s" * full + (f"{rest}s" if rest else ""))


def _boundary(name: str) -> bytes:
    """A boundary of its own for each mail; base64 bodies cannot hold `=_`."""
    return f"=_{hashlib.sha256(name.encode()).hexdigest()[:32]}".encode("ascii")
