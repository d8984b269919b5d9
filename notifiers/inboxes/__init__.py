"""Inboxes: where mail that comes back is read from. One way to use them, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class InboxError(Exception):
    """The mailbox can't be read now: it is away, refuses the login, or has no such folder."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mail in an inbox: `ref` is how the inbox knows it, `content` how it begins.

    `place` is how far an inbox has been read once this one has been.
    """

    ref: str
    content: bytes
    place: str


class Inbox(Protocol):
    """A mailbox that is read and never emptied. What is no business of ours stays unread."""

    name: str
    """Which mailbox it is: the same name, the same mails. Holds no password."""

    def look(self) -> None:
        """Say nothing where the mailbox can be read. Raises InboxError."""
        ...

    def mails(self, place: str, *, since: datetime) -> Iterator[Found]:
        """Yield what has come after `place`, oldest first; without a place what came `since`.

        `place` is one that a mail was yielded with. Where it has lost its sense (the mailbox
        was made anew) it counts for none. Raises InboxError.
        """
        ...

    def put_away(self, found: Found) -> None:
        """Mark a mail as read, or move it, as set: it was ours. Raises InboxError."""
        ...
