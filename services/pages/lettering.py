"""Lettering: how much room words take in a drawing, and where to break them.

A drawing is made before its font is known. Widths are those of Helvetica and its metric
twins Arial and Liberation Sans, a little more for those that run wider.
"""

from __future__ import annotations

import unicodedata
from functools import cache

SAFETY = 1.04
_WIDTHS = {  # of 1000; Adobe's metrics of Helvetica
    222: "'`ijl",
    278: " !,./:;I[\\]ft|",
    333: "()-r·“”‘’›",
    355: '"',
    500: "Jckszvxy",
    556: "#$?_L0123456789abdeghnopqu–đ",
    584: "+<=>~×",
    611: "FTZ",
    667: "&ABEKPSVXY",
    722: "CDHNRUwĐ",
    778: "GOQ",
    833: "Mm",
    889: "%",
    944: "W",
    1000: "@—…→",
}
_EM = {letter: size / 1000 for size, letters in _WIDTHS.items() for letter in letters}
_HORN, _HORNED = "\u031b", 0.07  # ơ and ư are wider than o and u


def width(words: str, size: float) -> float:
    """Return about how wide `words` are when set in a sans-serif font of `size`."""
    return SAFETY * size * sum(map(_em, words))


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
    if len(lines) > 1 and " " not in lines[-1] and lines[-2].count(" ") > 1:
        lines[-2], _, pulled = lines[-2].rpartition(" ")  # no word stands alone at the end
        if width(f"{pulled} {lines[-1]}", size) <= room:
            lines[-1] = f"{pulled} {lines[-1]}"
        else:
            lines[-2] = f"{lines[-2]} {pulled}"
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
    base, *marks = list(unicodedata.normalize("NFD", letter))
    if unicodedata.combining(base):
        return 0.0
    horned = _HORNED if _HORN in marks else 0.0
    if base in _EM:
        return _EM[base] + horned
    if unicodedata.east_asian_width(base) in "WF":
        return 1.05
    return 0.75 if base.isupper() else 0.6
