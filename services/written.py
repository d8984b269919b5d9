"""Written: what people write, made fit to be kept, shown and mailed.

A control character hides from a reader, and no database keeps them all: PostgreSQL refuses NUL.
"""

from __future__ import annotations

import unicodedata

from services.errors import Refused

LONGEST_LINE = 200  # letters of a name or a document's number
LONGEST_TEXT = 4_000  # letters of a reason, a difficulty, an answer


def line(written: str) -> str:
    """Return what somebody wrote as one line without control characters. Raises Refused."""
    if len(written) > LONGEST_LINE:
        raise Refused("refused.too-long", written=plain(written)[:60], longest=LONGEST_LINE)
    return plain(written)


def passage(written: str) -> str:
    """Return what somebody wrote in lines, without control characters. Raises Refused."""
    if len(written) > LONGEST_TEXT:
        raise Refused("refused.too-long", written=plain(written)[:60], longest=LONGEST_TEXT)
    lines = unicodedata.normalize("NFC", written).splitlines()
    return "\n".join("".join(sign for sign in line if sign.isprintable()) for line in lines)


def plain(written: object) -> str:
    """Return a value as plans hold it: text in NFC with single spaces, nothing hidden."""
    text = " ".join(unicodedata.normalize("NFC", str(written)).split())
    return "".join(sign for sign in text if sign.isprintable())[:LONGEST_LINE]
