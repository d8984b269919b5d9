"""Wording: the rungs of the ladder as people call them, in one place for every screen."""

from __future__ import annotations

from language.catalogue import text


def rung_name(language: str, rung: str) -> str:
    """Return a rung as people call it: `overdue-2` is “đôn đốc lần 2”."""
    kind, _, number = rung.partition("-")
    if kind == "remind" and number == "0":
        return text(language, "rung.remind-today")
    return text(language, f"rung.{kind}", count=int(number or 0))
