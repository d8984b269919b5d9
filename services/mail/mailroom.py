"""Mailroom: what a person does with the outbox: look at a mail, try it again, take it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.contacts import addressees
from engine.ledger import Entry, EntryKind
from notifiers.rendering import Rendered, render
from services.errors import Refused
from services.mail import looking, marking
from services.mail.looking import Ready
from services.wiring import Parts
from services.written import line, passage
from storage import addresses, ledger, notices, outbox, plans, recipients, relays
from storage.outbox import Message


def find(parts: Parts, number: int) -> Message:
    """Return a message by its number. Raises Refused."""
    with parts.database.reading() as connection:
        message = outbox.find(connection, number)
    if message is None:
        raise Refused("refused.unknown-message", number=number)
    return message


def looked_at(parts: Parts, number: int) -> Ready:
    """Return a message as it looked when it was sent, or would look if it were sent now.

    Raises Refused where there is none of that number, or nothing of it is true any more.
    """
    message = find(parts, number)
    as_of = message.sent_at or message.send_at
    ready = looking.as_it_is(parts, message, as_of, was_sent=message.sent_at is not None)
    if ready.mail is None:
        raise Refused("refused.message-pointless", number=number)
    return ready


def rendered(parts: Parts, number: int) -> Rendered:
    """Return the text of a message as `looked_at` finds it. Raises Refused."""
    ready = looked_at(parts, number)
    assert ready.mail is not None
    return render(ready.mail)


def retry(parts: Parts, number: int, now: datetime) -> None:
    """Queue a message again that was given up or put off, and the mail server with it.

    Who asks for it has mended something: the addresses that refused it are taken for good
    again, all of the agency's where it has no other, and the server is not left alone longer.
    """
    message = find(parts, number)
    expires_at = now + parts.settings.mail_expires
    with parts.database.writing() as connection:
        plans.lock(connection, message.run)
        if not outbox.retry(connection, number, now, expires_at=expires_at):
            raise Refused("refused.not-retryable", number=number)
        for address in recipients.reopen(connection, number):
            addresses.restore(connection, address)
        for address in _unreachable(parts, connection, message, now):
            addresses.restore(connection, address)
        relays.close(connection)


def _unreachable(
    parts: Parts, connection: Connection, message: Message, now: datetime
) -> tuple[str, ...]:
    """Return the addresses of an agency that has none that can be reached."""
    stored = plans.find_run(connection, message.run)
    assert stored is not None
    plan = parts.plan(stored.plan_version)
    agency, day = plan.agencies[message.recipient], now.astimezone(plan.zone).date()
    if addressees(agency, day=day, known=addresses.known(connection)):
        return ()
    # Without what is known of addresses, all that the register names are found.
    return tuple(one.address for one in addressees(agency, day=day, with_head=True))


def cancel(parts: Parts, number: int, *, by: str, why: str, now: datetime) -> None:
    """Take a message back that has not gone out; what it says is not said by it any more.

    What somebody who is to answer has got was said, and stays so: only its copies are taken back.
    """
    message, by, why = find(parts, number), line(by), passage(why)
    with parts.database.writing() as connection:
        plans.lock(connection, message.run)
        if not outbox.cancel(connection, number, why):
            raise Refused("refused.not-cancellable", number=number)
        found = outbox.find(connection, number)
        is_told = found is not None and found.sent_at is not None
        carried = [] if is_told else notices.of_message(connection, number)
        notices.drop(connection, number, carried)
        data: dict[str, Any] = {"message_id": message.message_id, "recipient": message.recipient}
        data |= {"kind": message.kind, "subject": message.subject, "detail": why}
        if is_told:
            data |= {"only_copies": True}
            data["addresses"] = recipients.withhold(connection, number, now, why=why)
        entry = Entry(EntryKind.MESSAGE_CANCELLED, message.send_at, now, by, data=data)
        dropped = [marking.unsent(EntryKind.NOTICE_DROPPED, one, now, by) for one in carried]
        ledger.append(connection, message.run, [entry, *dropped])
