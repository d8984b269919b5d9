"""Delivering: drain the outbox. Claim, look again whether it is still true, render, send, mark.

A message is claimed in batches of a few, under a lease. Killed between the final dot and
the mark, it is sent once more under the same Message-ID: at least once, and at most
`BATCH` extra copies per kill.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.chasing import Kind, Notice, rungs
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from notifiers.brief import WORD as BRIEF
from notifiers.channel import Envelope, Outcome, Refused, Sent, Session, TryLater, Unknown
from notifiers.digest import compose
from notifiers.mailbox import MailboxServer
from notifiers.message import MessageError, Sender, build
from notifiers.rendering import Mail, Rendered, render
from notifiers.smtp import SmtpChannel, SmtpSettings
from services import briefing, runs
from services.errors import Refused as NotAllowed
from services.settings import Settings
from services.wiring import Parts
from storage import ledger, notices, outbox, plans
from storage.outbox import Message, Status

log = logging.getLogger(__name__)

BATCH = 8
LEASE = timedelta(minutes=15)  # longer than the 10 minutes that RFC 5321 gives the final dot
WAITS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=6))
GIVE_UP_AFTER = 12  # tries, about two days and a half


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A message that was given up: its number, to whom it was, and why."""

    run: str
    message: int
    recipient: str
    why: str


@dataclass
class Delivered:
    """How a delivery went: how many messages came to which status, and of which runs."""

    counts: Counter[Status] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)
    undeliverable: list[Undeliverable] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many messages were handled."""
        return self.counts.total()


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claimed message: what is still true of it, what is not, and what a pause keeps back."""

    message: Message
    mail: Mail | None
    outdated: tuple[Notice, ...]
    paused: tuple[Notice, ...] = ()


@asynccontextmanager
async def session(parts: Parts) -> AsyncIterator[Session]:
    """Open the way that mail takes: the configured server, else the local mailbox.

    Without a server configured an embedded one answers on the loopback address for as
    long as the channel is open, files what it gets into a Maildir, and sends nothing on.
    """
    settings = parts.settings
    if settings.smtp_host:
        async with SmtpChannel(smtp_settings(settings)).session() as opened:
            yield opened
        return
    with MailboxServer(settings.mailbox_folder) as mailbox:
        smtp = SmtpSettings(host=mailbox.host, port=mailbox.port, tls="off")
        async with SmtpChannel(smtp).session() as opened:
            yield opened


def smtp_settings(settings: Settings) -> SmtpSettings:
    """Return how the configured mail server is spoken to."""
    return SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=settings.smtp_user or None,
        password=settings.smtp_password.get_secret_value() or None,
        tls=settings.smtp_tls,
    )


def is_mail_due(parts: Parts, now: datetime) -> bool:
    """Say whether any message is due to be tried at `now`."""
    with parts.database.reading() as connection:
        at = outbox.next_due(connection)
    return at is not None and at <= now


async def deliver(
    parts: Parts, way: Session, now: datetime, *, only: Sequence[int] | None = None
) -> Delivered:
    """Send every message that is due at `now`, of `only` if given. Safe to run twice or at once."""
    delivered = Delivered()
    while batch := _claim(parts, now, only):
        for message in batch:
            ready, outcome = await _try(parts, way, message, now)
            _mark(parts, ready, outcome, now, delivered)
    if delivered.total:
        log.info("outbox: %s", dict(delivered.counts), extra={"action": "delivered"})
    return delivered


def _claim(parts: Parts, now: datetime, only: Sequence[int] | None) -> list[Message]:
    with parts.database.writing() as connection:
        return outbox.claim(connection, now, lease=LEASE, limit=BATCH, only=only)


async def _try(
    parts: Parts, way: Session, message: Message, now: datetime
) -> tuple[_Ready, tuple[Outcome, str] | None]:
    """Look again and send. A mail that can't be made goes to a person, not before the others."""
    ready = _Ready(message, None, ())
    try:
        ready = look_again(parts, message, now)
        return ready, await _send(parts, way, ready)
    except Exception as error:
        log.exception("message %s can't be made", message.id, extra={"action": "mail-failed"})
        return ready, (Refused(f"{type(error).__name__}: {error}"), "")


def look_again(parts: Parts, message: Message, now: datetime, *, all_of_it: bool = False) -> _Ready:
    """Return what of a message is still true: whoever has submitted since is not chased.

    `all_of_it` keeps what is not true any more, to look at a mail that went out before.
    """
    if message.kind == BRIEF:  # it carries no notices, and is never pointless
        return _Ready(message, briefing.compose(parts, message, now), ())
    with parts.database.reading() as connection:
        # A mail that went out is shown as things stood when it did.
        live = runs.live(parts, connection, message.run, as_of=now if all_of_it else None)
        carried = notices.of_message(connection, message.id)
        told = notices.told(connection, message.run)
    state = live.folding.state()
    true = [n for n in carried if all_of_it or _still_true(live, n)]
    outdated = tuple(n for n in carried if n not in true)
    paused = () if all_of_it else tuple(n for n in true if _is_paused(live, n, now))
    true = [n for n in true if n not in paused]
    if not true:
        return _Ready(message, None, outdated, paused)
    history: dict[str, list[tuple[Kind, datetime]]] = {}
    for one in told:
        # Not what goes out in the same minute: whose turn comes first would change the mail.
        if one.kind is not Kind.ESCALATE and one.sent_at < message.send_at:
            history.setdefault(one.obligation, []).append((one.kind, one.sent_at))
    digest = compose(
        state,
        true,
        run_id=message.run,
        recipient=message.recipient,
        send_at=message.slot,
        as_of=now,
        part=message.part,
        history=history,
    )
    return _Ready(message, digest, outdated, paused)


def _is_paused(live: runs.LiveRun, notice: Notice, now: datetime) -> bool:
    return live.folding.obligations[notice.obligation].is_paused(now)


def _still_true(live: runs.LiveRun, notice: Notice) -> bool:
    ladder = rungs(live.plan, live.folding.obligations[notice.obligation])
    return any(rung.key == notice.key for rung in ladder)


def rendered(parts: Parts, number: int) -> Rendered:
    """Return a message of the outbox as it looks, or would look if it were sent now."""
    with parts.database.reading() as connection:
        message = outbox.find(connection, number)
    if message is None:
        raise NotAllowed("refused.unknown-message", number=number)
    was_sent = message.sent_at is not None
    as_of = message.sent_at or message.send_at
    ready = look_again(parts, message, as_of, all_of_it=was_sent)
    if ready.mail is None:
        raise NotAllowed("refused.message-pointless", number=number)
    return render(ready.mail)


def retry(parts: Parts, number: int, now: datetime) -> None:
    """Queue a message again that was given up or put off."""
    with parts.database.writing() as connection:
        if outbox.find(connection, number) is None:
            raise NotAllowed("refused.unknown-message", number=number)
        if not outbox.retry(connection, number, now):
            raise NotAllowed("refused.not-retryable", number=number)


async def _send(parts: Parts, way: Session, ready: _Ready) -> tuple[Outcome, str] | None:
    """Render and send; None where nothing is true any more."""
    mail = ready.mail
    if mail is None:
        return None
    rendered = render(mail)
    coordinator = mail.plan.agencies[mail.plan.coordinator]
    sender = Sender(coordinator.name, parts.settings.sender, reply_to=coordinator.email)
    try:
        content = build(rendered, mail, sender=sender)
    except MessageError as error:
        return Refused(str(error)), rendered.subject
    envelope = Envelope(
        message_id=mail.message_id,
        sender=sender.address,
        recipients=(mail.recipient.email or "",),
        content=content,
    )
    return (await way.send(envelope))[envelope.recipients[0]], rendered.subject


def _mark(
    parts: Parts,
    ready: _Ready,
    outcome: tuple[Outcome, str] | None,
    now: datetime,
    delivered: Delivered,
) -> None:
    message = ready.message
    status, detail, next_try = _judge(message, outcome, now)
    subject = outcome[1] if outcome else ""
    with parts.database.writing() as connection:
        plans.lock(connection, message.run)
        counted = outbox.mark(
            connection,
            message,
            status,
            now=now,
            subject=subject,
            detail=detail,
            next_try_at=next_try,
        )
        if not counted:
            return
        notices.drop(connection, message.id, ready.outdated)
        dropped = [_unsent(EntryKind.NOTICE_DROPPED, notice, now) for notice in ready.outdated]
        ledger.append(connection, message.run, dropped)
        _withdraw(parts, connection, ready, now)
        kind = _ENTRIES.get(status)
        if kind is not None:
            data = {"message_id": message.message_id, "recipient": message.recipient}
            data |= {"kind": message.kind, "subject": subject}
            data |= {"detail": detail} if detail else {}
            entry = Entry(kind, message.send_at, now, SYSTEM, data=data)
            ledger.append(connection, message.run, [entry])
    delivered.counts[status] += 1
    delivered.runs.add(message.run)
    if status is Status.UNDELIVERABLE:
        given_up = Undeliverable(message.run, message.id, message.recipient, detail)
        delivered.undeliverable.append(given_up)


def _withdraw(parts: Parts, connection: Connection, ready: _Ready, now: datetime) -> None:
    """Take back what a pause keeps from going out: it is due again when the pause ends."""
    if not ready.paused:
        return
    notices.withdraw(connection, ready.message.id, ready.paused)
    live = runs.held(parts, connection, ready.message.run)
    keys = [notice.obligation for notice in ready.paused]
    taken_back = [_unsent(EntryKind.NOTICE_WITHDRAWN, notice, now) for notice in ready.paused]
    runs.keep(connection, live, [], now=now, touched=keys, also=taken_back)


def _unsent(kind: EntryKind, notice: Notice, now: datetime) -> Entry:
    """Return the entry that says that an issued notice did not go out."""
    return Entry(
        kind=kind,
        happened_at=now,
        recorded_at=now,
        by=SYSTEM,
        obligation=notice.obligation,
        data={"rung": notice.rung, "round": notice.round, "recipient": notice.recipient},
    )


_ENTRIES = {
    Status.SENT: EntryKind.MESSAGE_SENT,
    Status.CANCELLED: EntryKind.MESSAGE_CANCELLED,
    Status.UNDELIVERABLE: EntryKind.MESSAGE_UNDELIVERABLE,
}


def _judge(
    message: Message, outcome: tuple[Outcome, str] | None, now: datetime
) -> tuple[Status, str, datetime | None]:
    """Return the status that an outcome leads to, its detail, and when to try again."""
    again = now + WAITS[min(message.tries, len(WAITS)) - 1]
    match outcome:
        case None:
            return Status.CANCELLED, "", None
        case (Sent(), _):
            return Status.SENT, "", None
        case (Refused(why), _):
            return Status.UNDELIVERABLE, why, None
        case (TryLater(why) | Unknown(why), _) if message.tries >= GIVE_UP_AFTER:
            return Status.UNDELIVERABLE, why, None
        case (TryLater(why), _):
            return Status.LATER, why, again
        case (Unknown(why), _):
            return Status.UNCERTAIN, why, again
        case _:
            raise TypeError(f"not an outcome: {outcome!r}")
