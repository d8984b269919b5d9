"""Headers: fields of a mail as bytes, folded, encoded (RFC 5322 §2.2.3, RFC 2047, RFC 2231).

Written here and not by the standard library: its newer classes lose spaces in folded
Vietnamese subjects and, on Python 3.11, let an encoded CRLF inject a header
(CVE-2024-6923); its older ones take longer than all the rest of a mail.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from email.utils import formataddr
from functools import lru_cache
from urllib.parse import quote

from notifiers.errors import BadHeader
from notifiers.mime.address import wire_address

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]*")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")  # RFC 6838 §4.2
_NO_NAME = str.maketrans(dict.fromkeys('<>:"/\\|?*', "-"))  # what Windows can't call a file
_LINE = 76  # characters of a line that holds an encoded word, RFC 2047 §2
_WORD = 75  # characters of an encoded word, RFC 2047 §2
_AROUND = len("=?utf-8?b??=")
_PLAIN = 60  # characters of ASCII that need no encoding to fit on a line
_LEAST = 16  # octets that a word is worth beginning for


def field(name: str, value: str) -> bytes:
    """Return a field whose value is ours and plain: an id, a date. Raises BadHeader."""
    return f"{name}: {_ascii(clean(value))}\r\n".encode("ascii")


@lru_cache(maxsize=4096)
def text_field(name: str, value: str) -> bytes:
    """Return a field of free text, in encoded words unless short plain ASCII."""
    clean(value)
    if _is_plain(value):
        return f"{name}: {value}\r\n".encode("ascii")
    words = "\r\n ".join(_words(value, len(name) + 2))
    return f"{name}: {words}\r\n".encode("ascii")


def address_field(name: str, mailboxes: Iterable[tuple[str, str]]) -> bytes:
    """Return a field of mailboxes, each a display name and an address, one on a line.

    Raises BadHeader for a name, BadAddress for an address that can't stand in it.
    """
    column, parts = len(name) + 2, []
    for display, address in mailboxes:
        parts.append(_mailbox(display, address, column))
        column = 1
    return b"%s: %s\r\n" % (name.encode("ascii"), b",\r\n ".join(parts))


def attachment_fields(filename: str, content_type: str) -> bytes:
    """Return the fields that head an attached file. Raises BadHeader."""
    filename = filename_on_disk(filename)
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise BadHeader(f"no media type: {content_type!r}")
    named = "".join(f";\r\n {part}" for part in _filename(clean(filename)))
    return (
        f"Content-Type: {content_type}\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment{named}\r\n"
    ).encode("ascii")


def filename_on_disk(name: str) -> str:
    """Return `name` as every reader's machine can keep it: no folder, nothing that Windows forbids.

    Quotes and angle brackets around a whole name are lost on some parsers besides, Python's
    among them.
    """
    return name.translate(_NO_NAME)


def clean(value: str) -> str:
    """Return `value`. Raises BadHeader where it holds a line break or another control."""
    if _CONTROL.search(value):
        raise BadHeader(f"a control character in a header: {value!r}")
    return value


@lru_cache(maxsize=4096)
def _mailbox(display: str, address: str, column: int) -> bytes:
    """Return one mailbox, the line having been written up to `column`.

    An address that no plain header can hold is named as a group without members (RFC 6857
    §3.1.8): the others still read who got the mail, and the mail stays plain.
    """
    clean(display)
    wire = wire_address(address)
    if not wire.isascii():
        shown = f"{display} {wire}" if display else wire
        return _joined(_words(shown, column), ":;").encode("ascii")
    if _is_plain(display):
        return formataddr((display, wire)).encode("ascii")
    return _joined(_words(display, column), f"<{wire}>").encode("ascii")


def _joined(words: Iterable[str], end: str) -> str:
    """Fold the words, and put `end` behind them where the last line has room for it."""
    lines = list(words)
    fits = len(lines[-1]) + 1 + len(end) + 1 < _LINE and len(lines) > 1
    return "\r\n ".join(lines) + (" " if fits else "\r\n ") + end


def _is_plain(value: str) -> bool:
    """Say whether a parser gives `value` back as it is: spaces at an end or twice it may lose."""
    return (
        value.isascii()
        and len(value) <= _PLAIN
        and "=?" not in value
        and "  " not in value
        and value == value.strip()
    )


def _words(value: str, column: int) -> Iterator[str]:
    """Yield `value` as encoded words, the first fitting on a line written up to `column`.

    No character is cut (RFC 2047 §5), and no word of the text where a space is near: some
    readers, Python's among them, leave the fold in a name in as one space more.
    """
    octets = _utf8(value)
    start, room = 0, _room(min(_WORD, _LINE - column))
    while start < len(octets):
        end = _cut(octets, start, start + room)
        encoded = b2a_base64(octets[start:end], newline=False).decode("ascii")
        yield f"=?utf-8?b?{encoded}?="
        start, room = end, _room(_WORD)


def _room(characters: int) -> int:
    """Return how many octets an encoded word of so many characters holds."""
    return max((characters - _AROUND) // 4 * 3, 6)


def _cut(octets: bytes, start: int, end: int) -> int:
    """Return where to end a word of the text that must end by `end`."""
    if end >= len(octets):
        return len(octets)
    space = octets.rfind(b" ", start + _LEAST, end)
    if space >= 0:
        return space + 1
    while octets[end] & 0xC0 == 0x80:  # within a character
        end -= 1
    return end


def _filename(name: str) -> Iterator[str]:
    """Yield the parameters that name a file, in parts that fit on a line (RFC 2231 §3, §4)."""
    if _TOKEN.fullmatch(name) and len(name) <= _PLAIN and _is_plain(name):
        yield f'filename="{name}"'
        return
    parts, line = [], "utf-8''"
    for character in name:
        escaped = quote(_utf8(character), safe="")
        if len(line) + len(escaped) > _PLAIN:
            parts.append(line)
            line = ""
        line += escaped
    parts.append(line)
    if len(parts) == 1:
        yield f"filename*={line}"
        return
    for number, part in enumerate(parts):
        yield f"filename*{number}*={part}"


def _utf8(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:  # half a character
        raise BadHeader(f"no text: {value!r}") from error


def _ascii(value: str) -> str:
    if not value.isascii():
        raise BadHeader(f"not plain ASCII: {value!r}")
    return value
