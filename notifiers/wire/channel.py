"""Channel: the way out, and what became of a mail on it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail to one or more addresses. `content` is the whole mail, lines ended by CRLF.

    `is_plain`: that is certain, and that no line begins with a dot, as of what `message.build`
    puts together; it then goes over a line as it is.
    """

    message_id: str
    sender: str
    recipients: tuple[str, ...]
    content: bytes
    is_plain: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The next server has taken the mail over; `response` is its answer."""

    response: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The mail was certainly not taken; the same may succeed later.

    `of_relay`: the trouble is the server's as a whole, and would meet any other mail too.
    """

    reason: str
    of_relay: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail was refused for good; sending the same again is pointless.

    `of_address`: there is no such address, says the server; another of the agency may do.
    `of_mailbox`: more precisely, no such mailbox: where it says so of everybody, its list of
    them is broken.
    """

    reason: str
    of_address: bool = False
    of_mailbox: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection ended before the answer: the mail may have been taken or not."""

    reason: str


Outcome: TypeAlias = Sent | TryLater | Refused | Unknown
Outcomes: TypeAlias = Mapping[str, Outcome]
"""What became of a mail, for each of its addresses."""


class Session(Protocol):
    """One conversation, over which several mails go, one after the other."""

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand one mail over. A fault of the way out is an outcome, never an exception."""
        ...


class Channel(Protocol):
    """A way out. Sessions are independent: several may be open at once."""

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Open a conversation lazily; leaving the context ends it politely."""
        ...

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand over one mail in a session of its own."""
        ...
