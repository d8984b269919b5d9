"""Account: a comparison in words, in the order in which it should be read.

What stands on a screen and on a page is the same account, laid out otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """What happened to something: a sign on a screen, a colour on a page."""

    WARNING = "warning"
    GONE = "gone"
    ADDED = "added"
    MOVED = "moved"
    CHANGED = "changed"
    RENAMED = "renamed"


SIGNS = {
    Mark.WARNING: "!",
    Mark.GONE: "−",
    Mark.ADDED: "+",
    Mark.MOVED: "→",
    Mark.CHANGED: "~",
    Mark.RENAMED: "=",
}
"""What tells the marks apart where there is no colour."""


LONG = 100
"""Characters from and to that still read well beside each other."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A line about something: its label, and either a sentence or what it was and is."""

    label: str
    said: str = ""
    old: str = ""
    new: str = ""

    @property
    def is_long(self) -> bool:
        """Whether what it was and is should stand below each other."""
        return not self.said and len(self.old) + len(self.new) > LONG


@dataclass(frozen=True, slots=True)
class Item:
    """One change. `ref` is its id in the file, `names` those whom `who` counts.

    `about` is what a mail is about, `gone` and `added` are lines of its text.
    """

    mark: Mark
    what: str
    about: str = ""
    ref: str = ""
    who: str = ""
    names: tuple[str, ...] = ()
    old: str = ""
    new: str = ""
    by: str = ""
    details: tuple[Detail, ...] = ()
    gone: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Items that belong together under one head; without a head they stand by themselves.

    `about` is what those mails are about that don't say it themselves.
    """

    items: tuple[Item, ...]
    who: str = ""
    names: tuple[str, ...] = ()
    counts: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of change, with a heading and a sentence about it."""

    key: str
    heading: str
    about: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """A number of the summary and what it counts."""

    mark: Mark
    count: int
    said: str


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that a comparison says. `verdict` stands alone where nothing has changed."""

    title: str
    scene: str
    verdict: str
    counts: tuple[Count, ...]
    mails: str
    parts: tuple[Part, ...]
