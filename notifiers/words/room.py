"""Room: how much of a long list a mail holds. Clients cut mail off at about 100 kB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

ROOM = 80_000
"""Bytes that the rows of one table may take in HTML; the rest of the mail fits beside them."""
_MARKUP = 440  # bytes of tags and styles of a row

Row = TypeVar("Row")


def kept(rows: Sequence[Row], words: Callable[[Row], str]) -> tuple[tuple[Row, ...], int]:
    """Return the first rows that there is room for, and how many were cut."""
    left = ROOM
    for number, row in enumerate(rows):
        left -= _MARKUP + len(words(row).encode())
        if left < 0 and number:
            return tuple(rows[:number]), len(rows) - number
    return tuple(rows), 0
