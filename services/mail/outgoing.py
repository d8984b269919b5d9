"""Outgoing: the outbox as people look at it: each mail, its addresses, what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from engine.chasing import Notice
from engine.plan import Agency
from services.errors import Refused
from services.mail import looking, mailroom, proofs
from services.mail.proofs import Proof, Slip
from services.views import messages
from services.wiring import Parts
from storage import attempts, notices, outbox, plans, post, recipients
from storage.attempts import Attempt
from storage.outbox import Message, Sought, Status
from storage.post import Posted
from storage.recipients import Recipient

TROUBLED = (Status.UNDELIVERABLE, Status.EXPIRED)
"""Where nothing more happens by itself: a person has to do something.

Not where mail came back: what it told goes out again as a message of its own, which is here
itself where there is nowhere left to send it.
"""
EVERYTHING = Sought()
SOME = 500  # messages whose particulars are read at once


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of the outbox: whom it is for, its addresses, what it is about.

    `back` is what came back about it: reports, and automatic replies. `attempts`, and the number
    of the message that went out `instead` of one that came back, are filled where one is looked
    at by itself.
    """

    message: Message
    agency: Agency
    zone: ZoneInfo
    recipients: tuple[Recipient, ...]
    notices: tuple[Notice, ...]
    attempts: tuple[Attempt, ...] = ()
    back: tuple[Posted, ...] = ()
    instead: int | None = None

    @property
    def rungs(self) -> tuple[str, ...]:
        """The rungs that it speaks of, each once."""
        return tuple(dict.fromkeys(notice.rung for notice in self.notices))

    @property
    def obligations(self) -> tuple[str, ...]:
        """The obligations that it speaks of, each once."""
        return tuple(dict.fromkeys(notice.obligation for notice in self.notices))

    def local(self, moment: datetime) -> datetime:
        """Return an instant in the plan's time zone."""
        return moment.astimezone(self.zone)


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the outbox: messages, and how many there are in all of what was looked for."""

    found: tuple[Outgoing, ...]
    counts: Mapping[Status, int]

    @property
    def left_off(self) -> int:
        """How many there are besides those that are shown."""
        return sum(self.counts.values()) - len(self.found)


def listed(parts: Parts, sought: Sought = EVERYTHING) -> list[Outgoing]:
    """Return the messages of the outbox in the order of their send times, narrowed."""
    with parts.database.reading() as connection:
        return _in_lots(parts, connection, outbox.narrowed(connection, sought))


def gravest(parts: Parts, sought: Sought, *, limit: int) -> Listed:
    """Return up to `limit` messages, the gravest first, then the newest, and count them all."""
    with parts.database.reading() as connection:
        found = outbox.gravest(connection, sought, limit=limit)
        counts = outbox.counts(connection, sought)
        return Listed(tuple(_in_lots(parts, connection, found)), counts)


def _in_lots(parts: Parts, connection: Connection, found: Sequence[Message]) -> list[Outgoing]:
    return [
        one
        for start in range(0, len(found), SOME)
        for one in _all_of(parts, connection, found[start : start + SOME])
    ]


def one(parts: Parts, number: int) -> Outgoing:
    """Return one message with its attempts. Raises Refused."""
    message = mailroom.find(parts, number)
    with parts.database.reading() as connection:
        (found,) = _all_of(parts, connection, [message])
        tried = attempts.of_message(connection, number)
        instead = looking.sent_instead(connection, message)
    return replace(found, attempts=tuple(tried), instead=next(iter(instead), None))


def proof(parts: Parts, number: int) -> tuple[Proof | None, str]:
    """Return a message as it looked when it was sent, or would look now, and what is against it.

    Of one that would not go out any more it is how it would have looked in its time; None
    where it carries nothing, as one that was taken back. Raises Refused without such a message.
    """
    message, remark = mailroom.find(parts, number), ""
    try:
        ready = mailroom.looked_at(parts, number)
    except Refused as error:
        remark = error.say(parts.settings.language)
        ready = looking.as_it_is(parts, message, message.send_at, was_sent=True)
    if ready.mail is None:
        return None, remark
    slip = Slip(
        number=number,
        at=message.sent_at or message.send_at,
        kind=message.kind,
        rungs=one(parts, number).rungs,
        mail=ready.mail,
        addressees=ready.addressees,
        answers_to=ready.answers_to,
    )
    return proofs.proof(slip, parts.settings), remark


def _all_of(parts: Parts, connection: Connection, found: Sequence[Message]) -> list[Outgoing]:
    numbers = [message.id for message in found]
    carried = notices.of_messages(connection, numbers)
    addressed = recipients.of_messages(connection, numbers)
    back = post.about(connection, numbers)
    versions: dict[str, int] = {}
    for run in {message.run for message in found}:
        stored = plans.find_run(connection, run)
        assert stored is not None
        versions[run] = stored.plan_version
    shown = []
    for message in found:
        plan = parts.plan(versions[message.run])
        shown.append(
            Outgoing(
                message=message,
                agency=plan.agencies.get(message.recipient)
                or Agency(message.recipient, message.recipient, ""),
                zone=plan.zone,
                recipients=tuple(addressed[message.id]),
                notices=tuple(carried[message.id]),
                back=tuple(back[message.id]),
            )
        )
    return shown


def in_short(one: Outgoing) -> dict[str, Any]:
    """Return a message as a rehearsal leaves it: as it was foreseen, and what became of it."""
    message = one.message
    return {
        **messages.to_json(
            send_at=message.send_at,
            to=message.recipient,
            kind=message.kind,
            rungs=one.rungs,
            obligations=one.obligations,
            subject=message.subject,
            zone=one.zone,
        ),
        "message_id": message.message_id,
        "status": message.status.value,
    }


def to_json(one: Outgoing) -> dict[str, Any]:
    """Return a message as `docs/json.md` describes it."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else one.local(moment).isoformat()

    message = one.message
    return {
        "number": message.id,
        "run": message.run,
        **in_short(one),
        "sent_at": at(message.sent_at),
        "tries": message.tries,
        "next_try_at": at(message.next_try_at),
        "expires_at": at(message.expires_at),
        "error": message.error,
        "recipients": [
            {
                "address": recipient.address,
                "name": recipient.name,
                "role": recipient.role,
                "copy": recipient.is_copy,
                "status": recipient.fate.value,
                "settled_at": at(recipient.settled_at),
                "detail": recipient.detail,
            }
            for recipient in one.recipients
        ],
    }


def attempts_json(one: Outgoing) -> list[dict[str, Any]]:
    """Return the attempts of a message as `docs/json.md` describes them."""
    return [
        {
            "began_at": one.local(attempt.began_at).isoformat(),
            "outcome": attempt.outcome,
            "detail": attempt.detail,
        }
        for attempt in one.attempts
    ]


def back_json(one: Outgoing) -> list[dict[str, Any]]:
    """Return what came back about a message as `docs/json.md` describes it."""
    return [
        {
            "read_at": one.local(posted.read_at).isoformat(),
            "kind": posted.kind,
            "address": posted.address,
            "detail": posted.detail,
        }
        for posted in one.back
    ]


def retry_all(
    parts: Parts,
    numbers: Sequence[int],
    statuses: Sequence[Status],
    now: datetime,
    *,
    run: str | None = None,
) -> tuple[list[int], list[Refused]]:
    """Queue messages again, those of the numbers and those of the statuses.

    Return which were, and why the others were not.
    """
    with parts.database.reading() as connection:
        sought = Sought(run, tuple(statuses))
        found = outbox.narrowed(connection, sought) if statuses else []
    wanted = [*numbers, *(message.id for message in found)]
    return _each(wanted, lambda number: mailroom.retry(parts, number, now))


def cancel_all(
    parts: Parts, numbers: Sequence[int], *, by: str, why: str, now: datetime
) -> tuple[list[int], list[Refused]]:
    """Take messages back. Return which were, and why the others were not."""
    return _each(numbers, lambda number: mailroom.cancel(parts, number, by=by, why=why, now=now))


def _each(numbers: Sequence[int], do: Callable[[int], None]) -> tuple[list[int], list[Refused]]:
    done, refused = [], []
    for number in dict.fromkeys(numbers):
        try:
            do(number)
        except Refused as error:
            refused.append(error)
        else:
            done.append(number)
    return done, refused
