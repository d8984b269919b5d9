"""Packing: a file of Word as the same bytes whenever it is made.

An office's file is a ZIP archive, whose entries carry the time of their writing.
"""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

_YEARS = range(1980, 2108)  # that a ZIP archive can date
_FIRST = ("[Content_Types].xml", "_rels/.rels")  # ECMA-376 part 2: read before the rest
_UNIX = 3


def packed(archive: bytes, when: datetime) -> bytes:
    """Return `archive` with every entry dated `when`, in an order of its own."""
    year = min(max(when.year, _YEARS.start), _YEARS.stop - 1)
    dated = (year, when.month, when.day, when.hour, when.minute, when.second)
    written = BytesIO()
    with ZipFile(BytesIO(archive)) as read, ZipFile(written, "w", ZIP_DEFLATED) as out:
        for name in sorted(read.namelist(), key=lambda name: (name not in _FIRST, name)):
            entry = ZipInfo(name, dated)
            entry.compress_type, entry.create_system = ZIP_DEFLATED, _UNIX
            entry.external_attr = 0o600 << 16
            out.writestr(entry, read.read(name))
    return written.getvalue()
