"""Lettering: how much room words take in a drawing, and where to break them.

A drawing is made before its font is known, so widths are reckoned, a little too wide
rather than too narrow, from the classes of letters in common sans-serif fonts.
"""

from __future__ import annotations

import unicodedata
from functools import cache

_NARROW = frozenset("iljtfrI.,;:'’|!()[]/-–·“”\"")
_BROAD = frozenset("mwMW@%…—→")


def width(words: str, size: float) -> float:
    """Return about how wide `words` are when set in a sans-serif font of `size`."""
    return size * sum(map(_em, words))


def wrapped(words: str, size: float, room: float, *, most: int = 99) -> tuple[str, ...]:
    """Break `words` into at most `most` lines of at most `room`, the last cut with “…”."""
    lines: list[str] = []
    line = ""
    for word in words.split():
        longer = f"{line} {word}" if line else word
        if line and width(longer, size) > room:
            lines.append(line)
            line = word
        else:
            line = longer
    lines.append(line)
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    return tuple(cut(line, size, room) for line in lines)


def cut(words: str, size: float, room: float) -> str:
    """Return `words`, shortened with “…” where they are wider than `room`."""
    if width(words, size) <= room:
        return words
    kept = words.removesuffix("…").rstrip()
    while kept and width(f"{kept}…", size) > room:
        kept = kept[:-1].rstrip()
    return f"{kept}…"


@cache
def _em(letter: str) -> float:
    base = unicodedata.normalize("NFD", letter)[0]
    if unicodedata.combining(base):
        return 0.0
    if base.isspace():
        return 0.3
    if base in _NARROW:
        return 0.36
    if base in _BROAD:
        return 0.95
    if unicodedata.east_asian_width(base) in "WF":
        return 1.05
    return 0.7 if base.isupper() else 0.57
