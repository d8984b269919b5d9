"""Bounces: what a mail is that came back: a delivery report, an automatic reply, or a letter.

Pure: bytes in, a value out, whatever the bytes are; nothing here raises. Read are the
reports of RFC 3464 (and of RFC 6533 where an address is not ASCII) within RFC 6522, and of
the older plain forms those of qmail, Exim, sendmail and Exchange. A reply counts as
automatic by RFC 3834 or by what programs write that are older than it.

What a status says (RFC 3463) is sorted by what follows from it, not by its first digit:

- *gone*: there is no such address, or nobody will ever read there. X.1.0-4 (no such mailbox
  or system, bad syntax, ambiguous), X.1.6 (moved, no forwarding), X.1.10 (a domain that takes
  no mail, RFC 7505), X.2.1 (mailbox disabled), X.4.4 (no route: how Postfix reports a domain
  that does not exist). The address is not written to again.
- *failed*: this mail did not arrive, though the address may be good. X.2.2 (mailbox full,
  which the RFC calls persistent but transient by nature), X.3 and X.4 (systems and networks),
  X.5 (protocol), X.6 (content), X.7 (policy and security), and X.1.5, X.1.7, X.1.8, which
  are no fault of the recipient's address; 4.X.X where a server has given up.
- *delayed*: it is still tried. *arrived*: delivered, relayed or expanded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.message import Message
from enum import StrEnum
from typing import TypeAlias

_Mail: TypeAlias = "Message[str, str]"

LARGEST = 256 * 1024
"""How many bytes of a mail are read: a report stands before the mail that it returns."""
_MOST = 100  # recipients of one report that are read; ours have a handful
_LONGEST = 500  # characters of a server's own words that are kept
_LONGEST_HEADER = 10_000  # characters


class Kind(StrEnum):
    """What a mail is. A letter belongs to a person, and is left alone."""

    REPORT = "report"
    AUTO_REPLY = "auto-reply"
    LETTER = "letter"


class Verdict(StrEnum):
    """What became of a mail at one address."""

    GONE = "gone"
    FAILED = "failed"
    DELAYED = "delayed"
    ARRIVED = "arrived"


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report says of one recipient.

    `addresses` are the names that it has there, in small letters: as it was written to
    first, then where it ended. `status` is of RFC 3463, empty where none is given.
    """

    addresses: tuple[str, ...]
    verdict: Verdict
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Returned:
    """What a mail is, and about which of ours.

    `key` is the same whenever the same mail is read; `about` are the Message-IDs that it may
    be about, the likeliest first; `sender` is who an automatic reply is from.
    """

    kind: Kind
    key: str
    about: tuple[str, ...] = ()
    reports: tuple[Reported, ...] = ()
    sender: str = ""
    subject: str = ""


def read(content: bytes) -> Returned:
    """Return what a mail is. What can't be read is a letter: a person looks at it."""
    head = content[:LARGEST]
    try:
        return _read(message_from_bytes(head), head)
    # The parser's own faults are many: a charset that is none, parts within parts within parts.
    except Exception:
        return Returned(Kind.LETTER, _digest(head))


def _read(mail: _Mail, content: bytes) -> Returned:
    key = _identity(mail, content)
    sender, subject = _address(_header(mail, "From")), _header(mail, "Subject")[:_LONGEST]
    fields = list(_status_fields(mail))
    reports = [one for one in map(_reported, fields) if one is not None][:_MOST]
    if not fields and _is_from_a_server(mail):
        reports = list(_plain_reports(mail))[:_MOST]
    if reports:
        about = _returned_ids(mail) or _answered_ids(mail)
        return Returned(Kind.REPORT, key, about, tuple(reports), sender, subject)
    if _is_automatic(mail, subject):
        return Returned(Kind.AUTO_REPLY, key, _answered_ids(mail), (), sender, subject)
    return Returned(Kind.LETTER, key, (), (), sender, subject)


def _identity(mail: _Mail, content: bytes) -> str:
    found = _ids(_header(mail, "Message-ID"))
    return found[0] if found and len(found[0]) <= _LONGEST else _digest(content)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


# ── Delivery status notifications (RFC 3464) ──

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/global-headers",
)
_DEEPEST = 4  # multiparts within multiparts: a gateway may wrap a report, a letter may not


def _parts(mail: _Mail, depth: int = 0) -> Iterator[_Mail]:
    """Yield the parts of a mail, but not those of a mail that it encloses or forwards."""
    payload = mail.get_payload()
    if not mail.is_multipart() or mail.get_content_maintype() != "multipart":
        yield mail
    elif depth < _DEEPEST and isinstance(payload, list):
        for part in payload:
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)


def _status_fields(mail: _Mail) -> Iterator[_Mail]:
    """Yield the fields for each recipient; the first group is about the whole mail (§2.1)."""
    for part in _parts(mail):
        if part.get_content_type() not in _STATUS_TYPES:
            continue
        payload = part.get_payload()
        groups = payload if isinstance(payload, list) else []
        if part.get_content_type() != _STATUS_TYPES[0]:
            groups = [group for one in groups for group in _groups(one)]
        for group in groups:
            if isinstance(group, Message) and group.get("Action"):
                yield group


def _groups(mail: object) -> list[_Mail]:
    """Split the utf-8 variant, which the parser takes for a mail: its first group for headers."""
    written = mail.get_payload(decode=True) if isinstance(mail, Message) else None
    text = written.decode("utf-8", "replace") if isinstance(written, bytes) else ""
    lines = text.replace("\r\n", "\n").strip()
    return [message_from_string(one) for one in re.split(r"\n[ \t]*\n", lines)]


def _reported(fields: _Mail) -> Reported | None:
    named = [*_named(fields, "Original-Recipient"), *_named(fields, "Final-Recipient")]
    addresses = tuple(dict.fromkeys(one for one in named if one))
    if not addresses:
        return None
    diagnostic = _one_line(_header(fields, "Diagnostic-Code").partition(";")[2])
    status = _status(_header(fields, "Status"), diagnostic)
    verdict = _verdict(_header(fields, "Action").strip().lower(), status)
    return None if verdict is None else Reported(addresses, verdict, status, diagnostic)


def _named(fields: _Mail, name: str) -> tuple[str, ...]:
    """Return an address: `rfc822;` as it is and in xtext (RFC 3461 §4), `utf-8;` by RFC 6533 §3."""
    kind, semicolon, written = _header(fields, name).partition(";")
    if not semicolon:
        kind, written = "rfc822", kind
    if kind.strip().lower() == "utf-8":
        return (_address(re.sub(r"\\x\{([0-9A-Fa-f]{2,6})\}", _unicode, written)),)
    plain = re.sub(r"\+([0-9A-F]{2})", lambda hexed: chr(int(hexed[1], 16)), written)
    return _address(written), _address(plain)


def _unicode(hexed: re.Match[str]) -> str:
    number = int(hexed[1], 16)
    return chr(number) if number < 0x110000 else ""


_GONE = re.compile(r"5\.(1\.([0-4]|6|10)|2\.1|4\.4)")
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_ACTIONS = {
    "delayed": Verdict.DELAYED,
    "delivered": Verdict.ARRIVED,
    "relayed": Verdict.ARRIVED,
    "expanded": Verdict.ARRIVED,
}


def _verdict(action: str, status: str) -> Verdict | None:
    if action == "failed":
        return Verdict.GONE if _GONE.fullmatch(status) else Verdict.FAILED
    return _ACTIONS.get(action)


def _status(written: str, diagnostic: str) -> str:
    """Return the status; what a server said itself is finer than a bare X.0.0."""
    found = _STATUS.search(written)
    if found is None or found[0].endswith(".0.0"):
        found = _STATUS.search(diagnostic) or found
    if found is not None and not found[0].endswith(".0.0"):
        return found[0]
    return _guessed(diagnostic) or (found[0] if found else "")


_UNKNOWN = re.compile(
    r"user unknown|unknown user|no such (user|mailbox|recipient|account)|mailbox not found"
    r"|(user|mailbox|recipient|account) (does not|doesn't) exist|no mailbox here by that name"
    r"|(recipient|mailbox|user|account)( address)? (is )?(unknown|not found)|unrouteable address",
    re.IGNORECASE,
)
_FULL = re.compile(r"(mailbox|quota|inbox)\b.{0,20}\b(full|exceeded)|over ?quota", re.IGNORECASE)


def _guessed(said: str) -> str:
    """Return the status that a server's words without one come to."""
    if _FULL.search(said):
        return "5.2.2"
    return "5.1.1" if _UNKNOWN.search(said) else ""


# ── Forms that are older, or plainer ──

_SERVERS = re.compile(r"^(mailer-daemon|postmaster|mail-daemon|double-bounce)@?", re.IGNORECASE)
_PARAGRAPH = re.compile(r"^<([^<>\s@]+@[^<>\s]+)>:?[ \t]*\n((?:(?!\n\n|\n<).)+)", re.M | re.S)
_INDENTED = re.compile(r"^ {2}([^\s@]{1,64}@[^\s@:]{1,254}):?\n((?:[ \t]{3,}.*\n?)+)", re.M)
_COPIED = re.compile(
    r"^(?:--- Below this line is a copy of the message|------ This is a copy of the message"
    r"|[ \t]*-----[ \t]*(?:Original|Returned|Unsent) message|Original message headers:)",
    re.IGNORECASE | re.MULTILINE,
)


def _is_from_a_server(mail: _Mail) -> bool:
    """Say whether nobody wrote it: its return path is empty, or a server's own name."""
    sender = _address(_header(mail, "From"))
    path = mail.get("Return-Path")
    return (path is not None and str(path).strip() == "<>") or bool(_SERVERS.match(sender))


def _plain_reports(mail: _Mail) -> Iterator[Reported]:
    """Read the forms of qmail and sendmail (`<address>` and why), Exim's, and X-Failed-Recipients.

    These say no action: somebody who is told so late is told that it has failed, unless it
    says that it is still tried.
    """
    said = _COPIED.split(_body(mail), maxsplit=1)[0]
    subject = _header(mail, "Subject").lower()
    warns = any(word in subject for word in ("delayed", "warning", "delay)"))
    found: dict[str, str] = {}
    for pattern in (_PARAGRAPH, _INDENTED):
        for address, why in pattern.findall(said):
            found.setdefault(_address(address), _one_line(why))
    for address in _header(mail, "X-Failed-Recipients").split(","):
        found.setdefault(_address(address), _one_line(said))
    for address, why in found.items():
        if address:
            status = _status(why, why)
            failed = Verdict.GONE if _GONE.fullmatch(status) else Verdict.FAILED
            yield Reported((address,), Verdict.DELAYED if warns else failed, status, why)


# ── Which mail of ours ──

_ID = re.compile(r"<[^<>\s]{1,250}>")


def _returned_ids(mail: _Mail) -> tuple[str, ...]:
    """Return the Message-ID of the mail that a report returns, whole or in part."""
    for part in _parts(mail):
        kind = part.get_content_type()
        payload = part.get_payload()
        if kind not in _RETURNED_TYPES:
            continue
        if isinstance(payload, list) and payload:
            headers = payload[0]
        else:
            headers = message_from_string(_text(part).lstrip())
        if isinstance(headers, Message) and (found := _ids(_header(headers, "Message-ID"))):
            return found[:1]
    copied = _COPIED.split(_body(mail), maxsplit=1)
    written = re.search(r"^Message-ID:\s*(<[^<>\s]{1,250}>)", copied[-1], re.I | re.M)
    return (written[1],) if written and len(copied) > 1 else ()


def _answered_ids(mail: _Mail) -> tuple[str, ...]:
    """Return what it answers: In-Reply-To first, then the last of References (RFC 5322 §3.6.4)."""
    answered = _ids(_header(mail, "In-Reply-To"))[:5]
    return tuple(dict.fromkeys([*answered, *_ids(_header(mail, "References"))[:-6:-1]]))


def _ids(written: str) -> tuple[str, ...]:
    return tuple(_ID.findall(written))


# ── Automatic replies (RFC 3834) ──

_ABSENT = re.compile(
    r"^(auto(matic)?[ -]?(reply|response)|out of( the)? office|trả lời tự động|tự động trả lời"
    r"|thư trả lời tự động|thông báo vắng mặt|vắng mặt)\b",
    re.IGNORECASE,
)
_UNMISTAKABLE = re.compile(r"^(automatic reply|trả lời tự động|auto(-| )?reply)\s*:", re.IGNORECASE)
_WRITTEN_BY_PROGRAMS = ("X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-Auto-Reply-From")


def _is_automatic(mail: _Mail, subject: str) -> bool:
    """Say whether a program answers for a person: it is neither an answer nor a bounce.

    Somebody's letter is never taken for one by its subject alone, unless that is the very
    phrase that mail programs put there.
    """
    submitted = _header(mail, "Auto-Submitted").lower().strip()
    precedence = _header(mail, "Precedence").lower().strip()
    if submitted.startswith("auto-replied") or precedence == "auto_reply":
        return True
    if any(mail.get(name) is not None for name in _WRITTEN_BY_PROGRAMS):
        return True
    if mail.get("X-MS-Exchange-Inbox-Rules-Loop") is not None or _is_receipt(mail):
        return True
    by_a_program = (
        submitted.startswith("auto-")
        or precedence in ("bulk", "junk")
        or mail.get("X-Auto-Response-Suppress") is not None
        or _header(mail, "Return-Path").strip() == "<>"
    )
    return bool(_UNMISTAKABLE.match(subject) or (by_a_program and _ABSENT.match(subject)))


def _is_receipt(mail: _Mail) -> bool:
    """A mail program says that a mail was displayed or deleted (RFC 8098)."""
    kind = str(mail.get_param("report-type") or "").lower()
    return mail.get_content_type() == "multipart/report" and kind == "disposition-notification"


# ── Text ──


def _header(mail: _Mail, name: str) -> str:
    """Return a header decoded, on one line; what can't be decoded as it is written."""
    written = " ".join(_raw(mail, name)[:_LONGEST_HEADER].split())
    if "=?" not in written:
        return written
    try:
        return " ".join(str(make_header(decode_header(written))).split())
    except (ValueError, LookupError):
        return written


def _raw(mail: _Mail, name: str) -> str:
    """Return a header as it is written: not in ASCII it is UTF-8 (RFC 6532), whoever wrote it."""
    written = next((it for key, it in mail.raw_items() if key.lower() == name.lower()), "")
    return str(written).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _address(written: str) -> str:
    """Return the address alone, in small letters; empty where there is none."""
    if angled := re.search(r"<([^<>]*)>\s*$", written):
        written = angled[1]
    written = written.strip().lower()
    plain = written.isprintable() and not any(sign.isspace() for sign in written)
    return written if plain and "@" in written[1:-1] and len(written) <= 254 else ""


def _text(part: _Mail) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        return payload.decode(charset, "replace").replace("\r\n", "\n")
    except (LookupError, ValueError):
        return payload.decode("utf-8", "replace").replace("\r\n", "\n")


def _body(mail: _Mail) -> str:
    """Return the first plain text."""
    texts = (_text(part) for part in _parts(mail) if part.get_content_type() == "text/plain")
    return next(texts, "")


def _one_line(said: str) -> str:
    kept = "".join(sign if sign.isprintable() else " " for sign in said)
    return " ".join(kept.split())[:_LONGEST]
