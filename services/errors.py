"""Errors of the use cases.

    DondocError
    ├── Refused      the request is at fault; nothing was changed
    └── Unavailable  something outside does not answer; try again

Each carries a key of the language catalogue, so that whoever shows it can say it in the
reader's language; `str()` says it in the office's language, Vietnamese.
"""

from __future__ import annotations

from typing import Any

from language.catalogue import has, text


def one_line(error: BaseException) -> str:
    """Return an error as one line for a log: its kind, and what it says, cut at 300 letters."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")[:300]


class DondocError(Exception):
    """A sentence for people, by its key in the catalogue, with a way out where there is one."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def say(self, language: str) -> str:
        """Return the sentence, and the way out after it where the catalogue has one."""
        said = text(language, self.key, **self.values)
        way_out = f"{self.key}-help"
        return (
            f"{said} {text(language, way_out, **self.values)}" if has(language, way_out) else said
        )

    def __str__(self) -> str:
        return self.say("vi")


class Refused(DondocError):
    """The request is at fault; nothing was changed."""


class Unavailable(DondocError):
    """Something outside does not answer."""
