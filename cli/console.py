"""Console: where the commands print, and how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from services.errors import DondocError

# Markup stays off: a document's number may hold brackets.
out = Console(highlight=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)
_asked_for = ContextVar[str | None]("asked_for", default=None)  # errors are said in it too


class Language(StrEnum):
    """The languages of the screens."""

    VI = "vi"
    EN = "en"


class Format(StrEnum):
    """What a command prints: text for people, JSON for programs."""

    TEXT = "text"
    JSON = "json"


def language(chosen: Language | None = None) -> str:
    """Return the language to speak: the one asked for, else the installation's."""
    _asked_for.set(None if chosen is None else chosen.value)
    if chosen is not None:
        return chosen.value
    from services.settings import Settings

    return Settings().language


def table(*heads: str, right: Iterable[int] = ()) -> Table:
    """Return an empty table with these heads; the columns numbered in `right` hold numbers."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    numbers = set(right)
    for position, head in enumerate(heads):
        made.add_column(head, justify="right" if position in numbers else "left", overflow="fold")
    return made


def is_colourful(console: Console) -> bool:
    """Say whether a console shows colours: a terminal that can, unless NO_COLOR is set."""
    return console.color_system is not None and not console.no_color


def print_json(value: Any) -> None:
    """Print one JSON document on standard output and nothing else."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def say(key: str, **values: Any) -> None:
    """Print a sentence of the catalogue."""
    from language.catalogue import text

    out.print(text(language(), key, **values), soft_wrap=True)


def fail(error: DondocError, *, code: int) -> NoReturn:
    """Print what went wrong and the way out, and end with `code`."""
    from services.settings import spoken

    err.print(error.say(_asked_for.get() or spoken()), style="bold red", soft_wrap=True)
    sys.exit(code)
