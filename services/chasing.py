"""Chasing: issue what is due. Read, decide purely, write, in one transaction per run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine import news
from engine.chasing import Digest, Notice, decide, digests
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from notifiers.digest import message_id
from services import briefing, delivering, runs
from services.runs import LiveRun
from services.wiring import Parts
from storage import ledger, notices, obligations, outbox
from storage.notices import NoticeStatus

log = logging.getLogger(__name__)

BATCH = 100


@dataclass(frozen=True, slots=True)
class Chased:
    """What a wake-up came to for one run."""

    run: str
    notices: int
    messages: int
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signs:
    """What wakes next, what is mailed next, and the newest entry: whatever is done moves one."""

    wakes_at: datetime | None
    mails_at: datetime | None
    entry: int


def is_anything_due(parts: Parts, now: datetime) -> bool:
    """Say whether any run wants attention at `now`, or any message is due to be tried."""
    with parts.database.reading() as connection:
        if obligations.due_runs(connection, now, limit=1):
            return True
    moments = [delivering.next_due(parts), briefing.next_at(parts)]
    return any(at is not None and at <= now for at in moments)


def next_wake(parts: Parts) -> datetime | None:
    """Return the earliest moment at which there is something to do, if ever."""
    with parts.database.reading() as connection:
        moments = [obligations.next_wake(connection)]
    moments += [delivering.next_due(parts), briefing.next_at(parts)]
    return min((at for at in moments if at is not None), default=None)


def signs(parts: Parts) -> Signs:
    """Return what `next_wake` follows from: while these stay the same, so does that.

    A few looks at indexes, however many runs there are; `next_wake` may ask each of them.
    """
    mails_at = delivering.next_due(parts)
    with parts.database.reading() as connection:
        return Signs(obligations.next_wake(connection), mails_at, ledger.newest(connection))


def issue_notices(parts: Parts, now: datetime) -> list[Chased]:
    """Issue every notice and all news due at `now`; open and close the stages that turn.

    Safe to run twice, late, or many at once: a notice is issued once, whoever asks. The
    briefs that are due by themselves are queued after it, so that they tell of it.
    """
    with parts.database.reading() as connection:
        due = obligations.due_runs(connection, now, limit=BATCH)
    done = [chased for run in due if (chased := _chase(parts, run, now)) is not None]
    briefing.send_due(parts, now)
    return done


def _chase(parts: Parts, run: str, now: datetime) -> Chased | None:
    with parts.database.writing() as connection:
        live = runs.held(parts, connection, run)
        turned = runs.keep(connection, live, [], now=now)
        keys = obligations.due(connection, run, now)
        issued = notices.keys(connection, run, keys)
        decisions = [
            decide(live.plan, live.folding.obligations[key], issued=issued[key], now=now)
            for key in keys
        ]
        found = digests(live.plan, decisions, now=now)
        waiting = _waiting_news(connection, live)
        state = live.folding.state()
        # The brief of this morning, queued right after, tells them: not twice.
        if not (waiting and briefing.is_due(parts, connection, live, now)):
            found = news.gathered(state, found, waiting, now)
        sent = [(digest, _enqueue(parts, connection, live, digest)) for digest in found]
        outdated = [notice for decision in decisions for notice in decision.superseded]
        notices.save(
            parts.database,
            connection,
            run,
            outdated,
            status=NoticeStatus.SUPERSEDED,
            message=None,
            now=now,
        )
        told = [
            *(_entry(EntryKind.NOTICE_SUPERSEDED, notice, now) for notice in outdated),
            *(_entry(EntryKind.NOTICE_ISSUED, n, now) for digest in found for n in digest.notices),
            *(_news_issued(live, identity, now) for digest, identity in sent if digest.news),
        ]
        turned += runs.keep(connection, live, [], now=now, touched=keys, also=told)
    stages = tuple(dict.fromkeys(entry.stage for entry in turned if entry.stage))
    count = sum(len(digest.notices) for digest in found)
    if found or stages:
        log.info(
            "run %s: %d notices in %d messages", run, count, len(found), extra={"action": "chased"}
        )
    return Chased(run, count, len(found), stages)


def _waiting_news(connection: Connection, live: LiveRun) -> list[Entry]:
    if live.news_at is None:
        return []
    return ledger.waiting_news(connection, live.stored.id, news.KINDS)


def _enqueue(parts: Parts, connection: Connection, live: LiveRun, digest: Digest) -> str:
    """Put a digest into the outbox and return its Message-ID."""
    run = live.stored.id
    part = outbox.next_part(connection, run, digest.recipient, digest.slot)
    identity = message_id(
        run, digest.recipient, digest.slot, part=part, domain=parts.settings.mail_domain
    )
    message = outbox.enqueue(
        connection,
        run=run,
        recipient=digest.recipient,
        slot=digest.slot,
        part=part,
        send_at=digest.send_at,
        kind=digest.kind.word,
        message_id=identity,
        expires_at=digest.send_at + parts.settings.mail_expires,
    )
    notices.save(
        parts.database,
        connection,
        run,
        digest.notices,
        status=NoticeStatus.ISSUED,
        message=message,
        now=digest.send_at,
    )
    return identity


def _news_issued(live: LiveRun, identity: str, now: datetime) -> Entry:
    """Return the entry that says which message tells the news that stand before it."""
    data = {"recipient": live.plan.coordinator, "message_id": identity}
    return Entry(EntryKind.NEWS_ISSUED, now, now, SYSTEM, data=data)


def _entry(kind: EntryKind, notice: Notice, now: datetime) -> Entry:
    return Entry(
        kind=kind,
        happened_at=notice.at,
        recorded_at=now,
        by=SYSTEM,
        obligation=notice.obligation,
        data={
            "rung": notice.rung,
            "round": notice.round,
            "recipient": notice.recipient,
            "reason": notice.reason.to_json(),
        },
    )
