"""Preparing: claimed messages as they go out: looked at again, worded, put together as bytes.

It reads the database and writes nothing, so that another process can do it
(`services.mail.helper`). What it gives is small and plain: all that is needed to send a
message and to mark it.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.chasing import Notice
from engine.contacts import Addressee
from notifiers.rendering import Mail, Rendered, render
from notifiers.wire.channel import Envelope
from services.mail import writing
from services.mail.looking import Hours, Looker, Ready
from services.settings import Settings
from services.wiring import Parts
from storage.outbox import Message
from storage.recipients import Recipient


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a mail can't be made: in a line for people, and where in the program it came up."""

    why: str
    trace: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A message as it goes out. It is pointless where nothing of it is true any more.

    `envelope` is None where there is nothing to send, or no address left to send it to, or
    where the mail can't be made, by a `fault`. The rest is as in `looking.Ready`.
    """

    message: Message
    subject: str = ""
    envelope: Envelope | None = None
    fault: Fault | None = None
    is_pointless: bool = False
    outdated: tuple[Notice, ...] = ()
    paused: tuple[Notice, ...] = ()
    addressees: tuple[Addressee, ...] = ()
    open_addresses: tuple[str, ...] = ()
    before: tuple[Recipient, ...] = ()
    waits_until: datetime | None = None
    why: str = ""
    broken: str = ""
    is_unread: bool = False
    hours: Hours | None = None


class Preparer:
    """Prepares messages; keeps what it has read of their runs."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._looker = Looker(parts)

    def prepare(self, messages: Sequence[Message], now: datetime) -> list[Prepared]:
        """Return claimed messages as they go out at `now`, in their order."""
        return [_prepared(one, self._settings) for one in self._looker.look(messages, now)]


def _prepared(ready: Ready, settings: Settings) -> Prepared:
    subject, envelope, fault = "", None, None
    if ready.mail is not None:
        try:
            rendered = render(ready.mail)
            subject = rendered.subject
            envelope = _envelope(ready, ready.mail, rendered, settings)
        except Exception as error:
            fault = Fault(f"{type(error).__name__}: {error}", traceback.format_exc())
    return Prepared(
        message=ready.message,
        subject=subject,
        envelope=envelope,
        fault=fault,
        is_pointless=ready.mail is None and ready.waits_until is None and not ready.broken,
        outdated=ready.outdated,
        paused=ready.paused,
        addressees=ready.addressees,
        open_addresses=ready.open_addresses,
        before=ready.before,
        waits_until=ready.waits_until,
        why=ready.why,
        broken=ready.broken,
        is_unread=ready.is_unread,
        hours=ready.hours,
    )


def _envelope(ready: Ready, mail: Mail, rendered: Rendered, settings: Settings) -> Envelope | None:
    """Return the mail in its envelope, where it has an address to go to."""
    addresses = ready.open_addresses
    if not addresses:
        return None
    content = writing.written(rendered, mail, settings, ready.addressees, ready.answers_to)
    return Envelope(mail.message_id, settings.sender, addresses, content, is_plain=True)
