"""Returning: what follows from mail that comes back. Bounced is not reminded.

A mail counts once, by its own Message-ID, and only where it names a message that really went
to the address that it speaks of: anything else is left where it is, unread, for a person.

Where nobody who is to answer got a message after all, it is `bounced`, and another one, the
next part of its slot, carries its notices: their keys stay, so that nothing is issued twice,
and they count as told when that one is sent. It goes to the next address that
`engine.contacts` finds; where there is none, or where the address is not at fault, it waits
as undeliverable for a person. What a newer rung has overtaken meanwhile is not sent again.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from engine.chasing import Notice, at_once, rungs
from engine.contacts import addressees
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from notifiers.brief import WORD as BRIEF
from notifiers.digest import domain_of, message_id
from notifiers.inboxes import Inbox, InboxError
from notifiers.inboxes.imap import ImapInbox, ImapSettings
from notifiers.inboxes.maildir import MaildirInbox
from notifiers.wire import bounces
from notifiers.wire.bounces import Kind, Reported, Returned, Verdict
from services import keeping, runs
from services.errors import Unavailable
from services.keeping import LiveRun
from services.mail import marking
from services.mail.delivering import Undeliverable
from services.settings import Settings
from services.wiring import Parts
from storage import addresses, notices, outbox, plans, post, recipients
from storage.outbox import Message, Queued, Status
from storage.post import Posted
from storage.recipients import SETTLED, Fate, Recipient

log = logging.getLogger(__name__)

REACH = timedelta(days=14)
"""How far back a mailbox is read that never was: longer than any mail server keeps trying."""
UNDER_WAY = (Status.SENDING, Status.LATER, Status.UNCERTAIN)
"""Where a message may still go to an address."""


class Came(StrEnum):
    """What came of a mail that was read."""

    BOUNCED = "bounced"  # it did not arrive at an address
    DELAYED = "delayed"  # it is still tried
    AUTO_REPLY = "auto-reply"
    NOTED = "noted"  # a report of what is known, or of success
    KNOWN = "known"  # read before
    EARLY = "early"  # about a message that is still being sent: it is read again
    LETTER = "letter"  # nobody's business but the reader's


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was read, and what came of it. `sent_to` is where its message went instead."""

    came: Came
    run: str = ""
    message: int | None = None
    recipient: str = ""
    address: str = ""
    verdict: Verdict | None = None
    status: str = ""
    detail: str = ""
    sent_to: tuple[str, ...] = ()
    given_up: Undeliverable | None = None


@dataclass
class Reading:
    """How a look into the mailbox went."""

    counts: Counter[Came] = field(default_factory=Counter)
    taken: list[Taken] = field(default_factory=list)

    @property
    def undeliverable(self) -> list[Undeliverable]:
        """The messages that there is nowhere left to send to."""
        return [one.given_up for one in self.taken if one.given_up is not None]


def is_on(settings: Settings) -> bool:
    """Say whether a mailbox is set."""
    return bool(settings.imap_host) or settings.bounces_maildir is not None


@contextmanager
def inbox(settings: Settings) -> Iterator[Inbox]:
    """Open the mailbox that is set. Raises InboxError."""
    if settings.bounces_maildir is not None:
        yield MaildirInbox(settings.bounces_maildir, move_to=settings.bounces_move_to)
        return
    with ImapInbox(imap_settings(settings)) as opened:
        yield opened


def imap_settings(settings: Settings) -> ImapSettings:
    """Return how the mailbox's server is spoken to."""
    return ImapSettings(
        host=settings.imap_host,
        port=settings.imap_port,
        user=settings.imap_user,
        password=settings.mailbox_password,
        folder=settings.imap_folder,
        tls=settings.imap_tls,
        move_to=settings.bounces_move_to,
    )


def read(parts: Parts, now: datetime) -> Reading:
    """Read what has come back since the last time. Safe to run twice, at once, or after a kill.

    Raises Unavailable where the mailbox can't be read; what was taken until then stays.
    """
    reading = Reading()
    try:
        with inbox(parts.settings) as opened:
            _read(parts, opened, reading, now)
    except InboxError as error:
        raise Unavailable("error.inbox", why=str(error)) from error
    finally:
        if reading.taken:
            counts = {came.value: count for came, count in reading.counts.items()}
            log.info("mail that came back: %s", counts, extra={"action": "mail-returned"})
    return reading


def _read(parts: Parts, opened: Inbox, reading: Reading, now: datetime) -> None:
    with parts.database.reading() as connection:
        reached = place = post.place(connection, opened.name)
    is_held = False
    try:
        for found in opened.mails(place, since=now - REACH):
            taken = take(parts, found.content, now)
            reading.counts.update(one.came for one in taken)
            reading.taken += [one for one in taken if one.came not in (Came.LETTER, Came.KNOWN)]
            came = {one.came for one in taken}
            # What is not to be judged yet is read again: the place stays before it.
            is_held = is_held or Came.EARLY in came
            if not came & {Came.LETTER, Came.EARLY}:
                opened.put_away(found)
            if not is_held:
                reached = found.place
    finally:
        if reached != place:
            with parts.database.writing() as connection:
                post.move_on(parts.database, connection, opened.name, reached, now)


def take(parts: Parts, content: bytes, now: datetime) -> list[Taken]:
    """Read one mail and do what follows from it, in one transaction; a letter is let be.

    What is about a run that can't be read is read again later, as what is early: it keeps
    nobody else's from being taken.
    """
    returned = bounces.read(content)
    if returned.kind is Kind.LETTER or not returned.about:
        return [Taken(Came.LETTER)]
    with parts.database.reading() as connection:
        number = post.message_of(connection, returned.about)
        message = None if number is None else outbox.find(connection, number)
    if message is None:
        return [Taken(Came.LETTER)]
    with runs.passed_over(parts, message.run):
        return _taken(parts, message, returned, now)
    return [Taken(Came.EARLY, message.run, message.id, message.recipient)]


def _taken(parts: Parts, found: Message, returned: Returned, now: datetime) -> list[Taken]:
    with parts.database.writing() as connection:
        plans.lock(connection, found.run)
        message = outbox.hold(connection, found.id)
        assert message is not None
        if returned.kind is Kind.AUTO_REPLY:
            return [_auto_reply(parts, connection, message, returned, now)]
        return _report(parts, connection, message, returned, now)


def _auto_reply(
    parts: Parts, connection: Connection, message: Message, returned: Returned, now: datetime
) -> Taken:
    posted = Posted(
        key=returned.key,
        read_at=now,
        kind=Kind.AUTO_REPLY.value,
        message=message.id,
        address=returned.sender,
        detail=returned.subject,
    )
    is_new = post.take(parts.database, connection, posted)
    return Taken(
        Came.AUTO_REPLY if is_new else Came.KNOWN,
        message.run,
        message.id,
        message.recipient,
        returned.sender,
        detail=returned.subject,
    )


def _report(
    parts: Parts, connection: Connection, message: Message, returned: Returned, now: datetime
) -> list[Taken]:
    went_to = {
        one.address.lower(): one
        for one in recipients.of_messages(connection, [message.id])[message.id]
        if one.fate in (Fate.SENT, Fate.BOUNCED)
    }
    hits = [
        (went_to[address], report)
        for report in returned.reports
        if (address := next((one for one in report.addresses if one in went_to), None))
    ]
    if _is_early(message):
        for recipient, report in hits:  # what else is written meanwhile goes to another
            if report.verdict is Verdict.GONE:
                _mark(parts, connection, message, recipient.address, _said(report), now)
        return [Taken(Came.EARLY, message.run, message.id, message.recipient)]
    if not hits:  # it never went there: whoever wrote this does not know what we sent
        return [Taken(Came.LETTER)]
    if not post.take(parts.database, connection, _posted(message, returned, hits, now)):
        return [Taken(Came.KNOWN, message.run, message.id, message.recipient)]
    return _applied(parts, connection, message, hits, now)


def _is_early(message: Message) -> bool:
    """Say whether it can't be judged yet what a report about a message means.

    Somebody is at it, or it has reached nobody who is to answer. While it only has still to
    reach others, what came back counts at once.
    """
    if message.status is Status.SENDING:
        return True
    is_tried = message.status in UNDER_WAY or (message.status is Status.QUEUED and message.tries)
    return bool(is_tried) and message.sent_at is None


def _posted(
    message: Message, returned: Returned, hits: Sequence[tuple[Recipient, Reported]], now: datetime
) -> Posted:
    return Posted(
        key=returned.key,
        read_at=now,
        kind=hits[0][1].verdict.value,
        message=message.id,
        address=", ".join(one.address for one, _ in hits),
        detail="; ".join(_said(report) for _, report in hits),
    )


def _applied(
    parts: Parts,
    connection: Connection,
    message: Message,
    hits: Sequence[tuple[Recipient, Reported]],
    now: datetime,
) -> list[Taken]:
    taken, bounced = [], []
    for recipient, report in hits:
        said = _said(report)
        is_lost = report.verdict in (Verdict.GONE, Verdict.FAILED)
        came = Came.DELAYED if report.verdict is Verdict.DELAYED else Came.NOTED
        if is_lost and recipient.fate is Fate.SENT:
            came = Came.BOUNCED
            recipient = replace(recipient, fate=Fate.BOUNCED, settled_at=now, detail=said)
            recipients.keep(parts.database, connection, [recipient])
            bounced.append((recipient, report))
            if report.verdict is Verdict.GONE:
                _mark(parts, connection, message, recipient.address, said, now)
        elif came is Came.DELAYED and recipient.fate is Fate.SENT:
            recipients.keep(parts.database, connection, [replace(recipient, detail=said)])
        taken.append(
            Taken(
                came,
                message.run,
                message.id,
                message.recipient,
                recipient.address,
                report.verdict,
                report.status,
                said,
            )
        )
    if not bounced:
        return taken
    again = _resent(parts, connection, message, bounced, now)
    if again is None:
        return taken
    first = next(place for place, one in enumerate(taken) if one.came is Came.BOUNCED)
    taken[first] = replace(taken[first], sent_to=again.to, given_up=again.given_up)
    return taken


def _mark(
    parts: Parts, connection: Connection, message: Message, address: str, why: str, now: datetime
) -> None:
    """Write no more to an address; unless somebody has said since the sending that it is good."""
    noted = addresses.find(connection, address)
    sent_at = message.sent_at or message.send_at
    if noted is not None and (noted.bounced_at is not None or noted.noted_at > sent_at):
        return
    addresses.mark_bounced(parts.database, connection, address, why=why, now=now, by=SYSTEM)


def _resent(
    parts: Parts,
    connection: Connection,
    message: Message,
    bounced: Sequence[tuple[Recipient, Reported]],
    now: datetime,
) -> _Again | None:
    """Send what nobody got on another way, if it still holds."""
    everybody = recipients.of_messages(connection, [message.id])[message.id]
    answering = [one for one in everybody if not one.is_copy]
    is_lost = not any(one.fate is Fate.SENT for one in answering)
    why = bounced[0][0].detail
    live = runs.held(parts, connection, message.run)
    tried = tuple(one.address for one in answering if one.fate not in SETTLED)
    if is_lost and tried and message.status is not Status.SENT:
        outbox.uncount(connection, message.id)
        _record(connection, live, message, bounced, now, is_lost=True, tried=tried)
        return None
    if not is_lost or not outbox.came_back(connection, message.id, why):
        _record(connection, live, message, bounced, now, is_lost=False)
        return None
    recipients.withhold(connection, message.id, now, why="")
    true, also = _still_true(connection, live, message, now)
    again = None
    if true:
        failed = {one.address.lower() for one in everybody if one.fate is Fate.BOUNCED}
        again = _sent_again(parts, connection, live, message, true, failed, why, now)
    _record(connection, live, message, bounced, now, is_lost=True, again=again, also=also)
    return again


@dataclass(frozen=True, slots=True)
class _Again:
    """The message that carries what came back: its number, where it goes, or that it can't."""

    number: int
    to: tuple[str, ...] = ()
    given_up: Undeliverable | None = None


def _sent_again(
    parts: Parts,
    connection: Connection,
    live: LiveRun,
    message: Message,
    carried: Sequence[Notice],
    failed: set[str],
    why: str,
    now: datetime,
) -> _Again:
    """Queue the notices anew, in the next part of their slot, and say where they will go."""
    ladder = live.plan.obligations[carried[0].obligation].ladder
    send_at = at_once(live.plan, ladder, now)
    part = outbox.next_part(connection, message.run, message.recipient, message.slot)
    queued = Queued(
        run=message.run,
        recipient=message.recipient,
        slot=message.slot,
        part=part,
        send_at=send_at,
        kind=message.kind,
        message_id=message_id(
            message.run,
            message.recipient,
            message.slot,
            part=part,
            domain=domain_of(message.message_id),
            key=parts.settings.mail_key,
        ),
        expires_at=send_at + parts.settings.mail_expires,
    )
    number = outbox.enqueue(connection, queued)
    notices.move(connection, message.id, carried, to=number)
    day = send_at.astimezone(live.plan.zone).date()
    agency = live.plan.agencies[message.recipient]
    found = addressees(agency, day=day, known=addresses.known(connection))
    sent_to = tuple(one.address for one in found if not one.is_copy)
    if {one.lower() for one in sent_to} - failed:
        return _Again(number, sent_to)
    outbox.give_up(connection, number, why)
    return _Again(number, (), Undeliverable(message.run, number, message.recipient, why))


def _still_true(
    connection: Connection, live: LiveRun, message: Message, now: datetime
) -> tuple[list[Notice], list[Entry]]:
    """Return which notices are to be sent again; write off those that no longer are.

    A brief carries none, and the next one says it all anyway.
    """
    true, dropped, outdated = [], [], []
    for notice in [] if message.kind == BRIEF else notices.standing(connection, message.id):
        ladder = rungs(live.plan, live.folding.obligations[notice.obligation])
        mine = [one for one in ladder if one.recipient == notice.recipient]
        if notice.key not in {one.key for one in mine}:
            dropped.append(notice)
        elif any(notice.at < one.at <= now for one in mine):
            outdated.append(notice)
        else:
            true.append(notice)
    notices.drop(connection, message.id, dropped)
    notices.supersede(connection, message.id, outdated)
    return true, [
        *(marking.unsent(EntryKind.NOTICE_DROPPED, notice, now) for notice in dropped),
        *(marking.unsent(EntryKind.NOTICE_SUPERSEDED, notice, now) for notice in outdated),
    ]


def _record(
    connection: Connection,
    live: LiveRun,
    message: Message,
    bounced: Sequence[tuple[Recipient, Reported]],
    now: datetime,
    *,
    is_lost: bool,
    again: _Again | None = None,
    tried: Sequence[str] = (),
    also: Iterable[Entry] = (),
) -> None:
    """Enter what came back; it changes no state. `tried` is where the same message still goes."""
    entries = [
        Entry(
            EntryKind.MESSAGE_BOUNCED,
            now,
            now,
            SYSTEM,
            data={
                "message_id": message.message_id,
                "recipient": message.recipient,
                "kind": message.kind,
                "address": recipient.address,
                "is_copy": recipient.is_copy,
                "verdict": report.verdict.value,
                "status": report.status,
                "detail": recipient.detail,
                "lost": is_lost,
                "again": None if again is None else again.number,
                "sent_to": list(tried if again is None else again.to),
                **({"still_tried": True} if tried else {}),
            },
        )
        for recipient, report in bounced
    ]
    keeping.keep(connection, live, [], now=now, also=[*entries, *also])


def _said(report: Reported) -> str:
    """Return what the server said, with the status where its words have none."""
    said = report.diagnostic
    if report.status and report.status not in said:
        said = f"{report.status} {said}".strip()
    return said or report.verdict.value
