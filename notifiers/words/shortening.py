"""Shortening: a line cut at a word, where a list of mail has no more room."""

from __future__ import annotations


def shortened(words: str, room: int) -> str:
    """Cut at a word so that at most `room` characters are left, the last one an ellipsis."""
    if len(words) <= room:
        return words
    cut = words[: room - 1]
    at_word = cut[: cut.rfind(" ")] if " " in cut[room // 2 :] else cut
    return at_word.rstrip(" ,;:–-") + "…"
