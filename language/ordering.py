"""Ordering: the order in which a Vietnamese reader looks for a name in a list."""

from __future__ import annotations

import unicodedata
from typing import Final, TypeAlias

Place: TypeAlias = tuple[tuple[tuple[int, ...], int], ...]

LETTERS: Final = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
TONES: Final = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng; none comes first


def alphabetical(written: str) -> Place:
    """Return a key to sort by: syllable by syllable, its letters first, then its tone."""
    return tuple(_syllable(word) for word in written.casefold().split())


def _syllable(word: str) -> tuple[tuple[int, ...], int]:
    signs = unicodedata.normalize("NFD", word)
    tone = next((TONES.index(sign) + 1 for sign in signs if sign in TONES), 0)
    plain = unicodedata.normalize("NFC", "".join(sign for sign in signs if sign not in TONES))
    return tuple(_rank(letter) for letter in plain), tone


def _rank(letter: str) -> int:
    """Digits and signs come before the letters, what Vietnamese does not know after them."""
    place = LETTERS.find(letter)
    if place >= 0:
        return 0x1000 + place
    return ord(letter) + (0x2000 if letter.isalpha() else 0)
