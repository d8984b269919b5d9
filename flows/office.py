"""Office: the parts that the flows of one process share, made at the first use."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache

from services.settings import Settings
from services.wiring import Parts, opened

_open = ExitStack()
_who = ["flow"]  # what a database server shows the sessions of this process as


def be(who: str) -> None:
    """Say what this process is, before its parts are made."""
    _who[:] = [who]


@cache
def parts() -> Parts:
    """Return the parts of this process, by the settings of its environment."""
    return _open.enter_context(opened(Settings(), who=_who[-1]))


def close() -> None:
    """Give the connections back, and forget the settings."""
    _open.close()
    parts.cache_clear()
