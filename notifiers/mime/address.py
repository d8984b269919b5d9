"""Address: how a mail address stands in a header, and how it is spoken to a server.

A library that re-parses an address with a line break in it mails somebody else: so each is
checked before anything is sent. A domain of letters with marks is known to every server
under another, plain name (RFC 5891). A local part of such letters only a server that speaks
SMTPUTF8 can take (RFC 6531), and no plain header can hold it.
"""

from __future__ import annotations

import re
import unicodedata

import idna

from notifiers.errors import BadAddress

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
# A dot-atom (RFC 5321 §4.1.2); with letters beyond ASCII as RFC 6531 §3.3 adds them.
_LOCAL = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LOCAL_UTF8 = re.compile(
    r"[^\x00-\x20\x7f\"(),.:;<>@\[\\\]]+(\.[^\x00-\x20\x7f\"(),.:;<>@\[\\\]]+)*"
)
_DOMAIN = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_LONGEST = 254  # octets, RFC 5321 §4.5.3.1.3, less the angle brackets


def checked_address(address: str) -> str:
    """Return `address` as it stands in a header, in ASCII. Raises BadAddress."""
    wire = wire_address(address)
    if not wire.isascii():
        raise BadAddress(f"no plain header can hold the address: {address!r}")
    return wire


def wire_address(address: str) -> str:
    """Return `address` as a server is told it, the domain in A-labels. Raises BadAddress.

    Where the result is not ASCII, only a server that offers SMTPUTF8 may be told it.
    """
    local, at, domain = address.rpartition("@")
    if not at or len(address) > _LONGEST:
        raise _unusable(address)
    wire = f"{_local(local, address)}@{_domain(domain, address)}"
    if len(wire.encode()) > _LONGEST:
        raise _unusable(address)
    return wire


def needs_smtputf8(wire: str) -> bool:
    """Say whether a server has to offer SMTPUTF8 (RFC 6531) to be told this address."""
    return not wire.isascii()


def _local(local: str, address: str) -> str:
    if _LOCAL.fullmatch(local):
        return local
    # One letter has one form: a server compares octets (RFC 6530 §10.1).
    composed = unicodedata.normalize("NFC", local)
    if local.isascii() or not _LOCAL_UTF8.fullmatch(composed) or not composed.isprintable():
        raise _unusable(address)
    return composed


def _domain(domain: str, address: str) -> str:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise _unusable(address) from error
    if not _DOMAIN.fullmatch(domain):
        raise _unusable(address)
    return domain


def _unusable(address: str) -> BadAddress:
    return BadAddress(f"no usable address: {address!r}")
