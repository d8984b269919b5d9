"""Markdown: tables and links as Prefect's pages render them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar or a line break within a cell is no cell's end."""
    return "\n".join([_line(heads), _line(["---"] * len(heads)), *(_line(row) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())


def plain(text: str) -> str:
    """Return text that somebody typed so that it stays text: no markup, no link."""
    return re.sub(r"([\\`*_\[\]<>#~])", r"\\\1", text)


def artifact_key(kind: str, *names: str) -> str:
    """Return an artifact's key: `board-kh37-2020`, `stage-kh37-2020--draft`.

    Keys know only [a-z0-9-]: what of a name they cannot hold is told by a mark of it, lest
    two runs write over each other's pages.
    """
    written = "--".join(names)
    held = re.sub("[^a-z0-9-]", "-", written)
    mark = "" if held == written else f"-{zlib.crc32(written.encode()):08x}"
    return f"{kind}-{held}{mark}".strip("-")


def link(said: str, kind: str, *names: str, artifact: str | None = None) -> str:
    """Return a link to an artifact: to itself if its id is known, else to the list of its key.

    Within a table cell the pages show a link as text.
    """
    where = f"artifact/{artifact}" if artifact else f"key/{artifact_key(kind, *names)}"
    return f"[{said}](/v2/artifacts/{where})"
