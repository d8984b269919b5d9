"""Markdown: the few pieces of which the generated pages are made."""

from __future__ import annotations

from collections.abc import Iterable


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    names = list(heads)
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def link(words: str, place: str) -> str:
    """Return a link to a place of the same page."""
    return f"[{words}](#{place})"


def anchor(place: str) -> str:
    """Return what makes a place; a heading's own name would differ between languages."""
    return f'<a id="{place}"></a>'


def code(written: str) -> str:
    """Return a text as it is to be typed."""
    return f"`{written}`"


def _cell(said: str) -> str:
    return said.replace("|", "\\|")
