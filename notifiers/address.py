"""Address: which mail addresses plain SMTP can carry, checked before anything is sent.

A library that re-parses an address with a line break in it mails somebody else.
"""

from __future__ import annotations

import re

from notifiers.errors import BadAddress

# A dot-atom and a host name (RFC 5321 §4.1.2), ASCII only: SMTPUTF8 is not spoken.
_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_LONGEST = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets


def checked_address(address: str) -> str:
    """Return `address`. Raises BadAddress unless plain SMTP can carry it as it is."""
    if len(address) > _LONGEST or not _ADDRESS.fullmatch(address):
        raise BadAddress(f"no usable address: {address!r}")
    return address
