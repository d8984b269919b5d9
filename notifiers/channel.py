"""Channel: the way out, and what became of a mail on it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Envelope:
    """One mail to one recipient. `content` is the whole message, lines ended by CRLF."""

    message_id: str
    sender: str
    recipient: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The next server has taken the mail over; `response` is its answer."""

    response: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The mail was certainly not taken; the same may succeed later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The mail was refused for good; sending the same again is pointless."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The connection ended before the answer: the mail may have been taken or not."""

    reason: str


Outcome: TypeAlias = Sent | TryLater | Refused | Unknown


class Session(Protocol):
    """One conversation, over which several mails go, one after the other."""

    async def send(self, envelope: Envelope) -> Outcome:
        """Hand one mail over. A fault of the way out is an outcome, never an exception."""
        ...


class Channel(Protocol):
    """A way out. Sessions are independent: several may be open at once."""

    def session(self) -> AbstractAsyncContextManager[Session]:
        """Open a conversation lazily; leaving the context ends it politely."""
        ...

    async def send(self, envelope: Envelope) -> Outcome:
        """Hand over one mail in a session of its own."""
        ...
