"""Briefing: the brief to the coordinator, asked for or by itself on a working morning.

A brief carries no notices. It is put into the outbox as an empty message, and composed
from the run as it stands at the moment at which it is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from engine.chasing import at_once
from engine.deadline import start_of
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from engine.plan import Agency, Plan
from notifiers.brief import WORD, Brief, Reached, Unreached
from notifiers.digest import domain_of, message_id, thread_id
from services import mornings, runs
from services.errors import Refused
from services.keeping import LiveRun
from services.wiring import Parts
from services.written import line
from storage import ledger, notices, outbox, plans
from storage.outbox import Message, Queued

log = logging.getLogger(__name__)

BRIEFS = 200  # that one look queues


@dataclass(frozen=True, slots=True)
class Requested:
    """A brief in the outbox: its message, for whom, and whether this request put it there."""

    run: str
    message: int
    recipient: Agency
    is_new: bool


def send(parts: Parts, run: str, *, now: datetime, by: str) -> Requested:
    """Queue a brief of `run` for its coordinator; twice within one minute it is one.

    Raises Refused where there is no such run, or no address that mail could go to.
    """
    by = line(by)
    with parts.database.writing() as connection:
        plans.lock(connection, run)
        plan = _plan(parts, connection, run)
        recipient = plan.agencies[plan.coordinator]
        if not recipient.addresses:
            raise Refused("refused.no-address", name=recipient.name, agency=recipient.id)
        return _queue(parts, connection, run, recipient, send_at=now, now=now, by=by)


def preview(parts: Parts, run: str, now: datetime) -> Brief:
    """Return the brief that would go out now. Raises Refused where there is no such run."""
    plan = plan_of(parts, run)
    slot, domain = _minute(now), parts.settings.mail_domain
    identity = message_id(run, plan.coordinator, slot, domain=domain)
    return _compose(parts, run, plan.coordinator, slot=slot, now=now, identity=identity)


def compose(parts: Parts, message: Message, now: datetime) -> Brief:
    """Return what a brief in the outbox says at `now`; one that was sent, what it said then."""
    return _compose(
        parts,
        message.run,
        message.recipient,
        slot=message.slot,
        now=now,
        identity=message.message_id,
    )


def plan_of(parts: Parts, run: str) -> Plan:
    """Return the plan that a run executes. Raises Refused where there is no such run."""
    with parts.database.reading() as connection:
        return _plan(parts, connection, run)


def next_at(parts: Parts) -> datetime | None:
    """Return the next morning on which a brief goes out by itself, if ever."""
    if parts.settings.brief == "off":
        return None
    with parts.database.reading() as connection:
        return plans.next_brief(connection)


def is_due(parts: Parts, live: LiveRun, now: datetime) -> bool:
    """Say whether the brief of a run is queued by itself at `now`: then it tells the news."""
    if parts.settings.brief == "off" or live.folding.completed_at is not None:
        return False
    return live.stored.brief_at is not None and live.stored.brief_at <= now


def send_due(parts: Parts, now: datetime) -> list[Requested]:
    """Queue the briefs whose morning has come; outside office hours, for the next morning.

    After an outage there is one of each run, not one for every morning missed.
    """
    if parts.settings.brief == "off":
        return []
    with parts.database.reading() as connection:
        due = plans.due_briefs(connection, now, limit=BRIEFS)
    found = []
    for run in due:
        with runs.passed_over(parts, run):
            if (sent := _send_by_itself(parts, run, now)) is not None:
                found.append(sent)
            continue
        with parts.database.writing() as connection:  # it would stand before the others each time
            plans.set_briefs(connection, {run: now + runs.UNREADABLE_FOR})
    return found


def _send_by_itself(parts: Parts, run: str, now: datetime) -> Requested | None:
    with parts.database.writing() as connection:
        if not plans.lock(connection, run, wait=False):
            return None  # whoever has it moves its morning, or the next look finds it again
        stored = plans.find_run(connection, run)
        assert stored is not None
        plan = parts.plan(stored.plan_version)
        morning = mornings.reckon(connection, stored, plan)
        if morning is None or morning > now:
            return None  # another clock was faster
        recipient = plan.agencies[plan.coordinator]
        send_at = at_once(plan, plan.first_ladder, now)
        return _queue(parts, connection, run, recipient, send_at=send_at, now=now, by=SYSTEM)


def _plan(parts: Parts, connection: Connection, run: str) -> Plan:
    stored = plans.find_run(connection, run)
    if stored is None:
        raise Refused("refused.unknown-run", run=run, known="-")
    return parts.plan(stored.plan_version)


def _queue(
    parts: Parts,
    connection: Connection,
    run: str,
    recipient: Agency,
    *,
    send_at: datetime,
    now: datetime,
    by: str,
) -> Requested:
    slot = _minute(send_at)
    known = outbox.in_slot(connection, run, recipient.id, slot, kind=WORD)
    if known is not None:
        return Requested(run, known, recipient, is_new=False)
    part = outbox.next_part(connection, run, recipient.id, slot)
    domain, key = parts.settings.mail_domain, parts.settings.mail_key
    identity = message_id(run, recipient.id, slot, part=part, domain=domain, key=key)
    queued = Queued(
        run=run,
        recipient=recipient.id,
        slot=slot,
        part=part,
        send_at=send_at,
        kind=WORD,
        message_id=identity,
        expires_at=send_at + parts.settings.mail_expires,
    )
    message = outbox.enqueue(connection, queued)
    data = {"recipient": recipient.id, "slot": slot.isoformat()}
    entry = Entry(EntryKind.BRIEF_REQUESTED, now, now, by, data=data)
    ledger.append(connection, run, [entry])
    _take_news(connection, run, recipient, identity, now)
    stored = plans.find_run(connection, run)
    assert stored is not None
    mornings.reckon(connection, stored, parts.plan(stored.plan_version))
    log.info("run %s: a brief for %s", run, recipient.id, extra={"action": "brief-requested"})
    return Requested(run, message, recipient, is_new=True)


def _take_news(
    connection: Connection, run: str, recipient: Agency, identity: str, now: datetime
) -> None:
    """Let a brief tell the news that wait: nobody is told them twice at one time."""
    stored = plans.find_run(connection, run)
    if stored is None or stored.news_at is None:
        return
    data = {"recipient": recipient.id, "message_id": identity}
    ledger.append(connection, run, [Entry(EntryKind.NEWS_ISSUED, now, now, SYSTEM, data=data)])
    plans.clear_news(connection, run)


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


# ── What it says ──


def _compose(
    parts: Parts,
    run: str,
    recipient: str,
    *,
    slot: datetime,
    now: datetime,
    identity: str,
) -> Brief:
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run, as_of=now)
        told = notices.told(connection, run)
        mails = ledger.entries(connection, run, kinds=_MAILS, as_of=now)
        since = _since(live.plan, mails, now)
        news = ledger.states(connection, run, as_of=now, after=since)
    return Brief(
        state=live.folding.state(),
        run_id=run,
        recipient=live.plan.agencies[recipient],
        send_at=slot,
        as_of=now,
        since=since,
        language=live.plan.language,
        message_id=identity,
        thread_id=thread_id(run, recipient, domain=domain_of(identity)),
        reached=tuple(
            Reached(one.obligation, one.kind, one.recipient, one.sent_at)
            for one in told
            if one.sent_at <= now
        ),
        unreached=_unreached(mails),
        entries=tuple(news),
    )


_MAILS = (EntryKind.MESSAGE_SENT, *sorted(mornings.UNDELIVERED))


def _since(plan: Plan, mails: Sequence[Entry], now: datetime) -> datetime:
    """Return when the last brief before this one went out, or the last working day began."""
    sent = [
        entry.recorded_at
        for entry in mails
        if entry.kind is EntryKind.MESSAGE_SENT
        and entry.data.get("kind") == WORD
        and entry.recorded_at < now
    ]
    if sent:
        return max(sent)
    today = now.astimezone(plan.zone).date()
    return start_of(plan.calendar.offset(today, -1), plan.zone)


def _unreached(mails: Sequence[Entry]) -> tuple[Unreached, ...]:
    """Gather whose mail has come back since the last that arrived."""
    found: dict[str, Unreached] = {}
    for entry in mails:
        recipient = str(entry.data.get("recipient", ""))
        if entry.kind is EntryKind.MESSAGE_SENT:
            found.pop(recipient, None)
            continue
        if entry.kind is EntryKind.MESSAGE_BOUNCED and not entry.data.get("lost"):
            continue  # somebody else there got it
        before = found.get(recipient)
        since = entry.recorded_at if before is None else before.since
        count = 1 if before is None else before.count + 1
        why, address = (str(entry.data.get(key, "")) for key in ("detail", "address"))
        found[recipient] = Unreached(recipient, count, since, why, address)
    return tuple(found.values())
