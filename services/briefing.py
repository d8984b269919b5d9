"""Briefing: the brief to the coordinator, asked for or by itself on a working morning.

A brief carries no notices. It is put into the outbox as an empty message, and composed
from the run as it stands at the moment at which it is sent.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.chasing import at_once, send_time
from engine.deadline import start_of
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from engine.plan import Agency, Plan
from notifiers.brief import AHEAD, WORD, Brief, Reached, Unreached
from notifiers.digest import domain_of, message_id, thread_id
from services import runs
from services.errors import Refused
from services.runs import LiveRun
from services.wiring import Parts
from storage import ledger, notices, obligations, outbox, plans
from storage.outbox import Message
from storage.plans import StoredRun

log = logging.getLogger(__name__)

_UNDELIVERED = frozenset(
    {
        EntryKind.MESSAGE_UNDELIVERABLE,
        EntryKind.MESSAGE_EXPIRED,
        EntryKind.MESSAGE_BOUNCED,
    }
)
_NEWS = ledger.STATE_KINDS | _UNDELIVERED


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
    domain = parts.settings.mail_domain
    return _compose(parts, run, plan.coordinator, slot=_minute(now), part=1, now=now, domain=domain)


def compose(parts: Parts, message: Message, now: datetime) -> Brief:
    """Return what a brief in the outbox says at `now`; one that was sent, what it said then."""
    return _compose(
        parts,
        message.run,
        message.recipient,
        slot=message.slot,
        part=message.part,
        now=now,
        domain=domain_of(message.message_id),
    )


def plan_of(parts: Parts, run: str) -> Plan:
    """Return the plan that a run executes. Raises Refused where there is no such run."""
    with parts.database.reading() as connection:
        return _plan(parts, connection, run)


def next_at(parts: Parts) -> datetime | None:
    """Return the next morning on which a brief goes out by itself, if ever.

    Only a run of which there is something to say has one: news since the last brief,
    something late, or something that falls due soon. A quiet run is never woken for it.
    """
    return min((at for _, at in _mornings(parts)), default=None)


def is_due(parts: Parts, connection: Connection, live: LiveRun, now: datetime) -> bool:
    """Say whether the brief of a run is queued by itself at `now`: then it tells the news."""
    if parts.settings.brief == "off" or live.folding.completed_at is not None:
        return False
    if not live.plan.agencies[live.plan.coordinator].addresses:
        return False
    morning = _morning(connection, live.stored, live.plan)
    return morning is not None and morning <= now


def send_due(parts: Parts, now: datetime) -> list[Requested]:
    """Queue the briefs whose morning has come; outside office hours, for the next morning.

    After an outage there is one of each run, not one for every morning missed.
    """
    due = [run for run, morning in _mornings(parts) if morning <= now]
    return [sent for run in due if (sent := _send_by_itself(parts, run, now)) is not None]


def _send_by_itself(parts: Parts, run: str, now: datetime) -> Requested | None:
    with parts.database.writing() as connection:
        plans.lock(connection, run)
        stored = plans.find_run(connection, run)
        assert stored is not None
        plan = parts.plan(stored.plan_version)
        morning = _morning(connection, stored, plan)
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
    domain = parts.settings.mail_domain
    identity = message_id(run, recipient.id, slot, part=part, domain=domain)
    message = outbox.enqueue(
        connection,
        run=run,
        recipient=recipient.id,
        slot=slot,
        part=part,
        send_at=send_at,
        kind=WORD,
        message_id=identity,
        expires_at=send_at + parts.settings.mail_expires,
    )
    data = {"recipient": recipient.id, "slot": slot.isoformat()}
    entry = Entry(EntryKind.BRIEF_REQUESTED, now, now, by, data=data)
    ledger.append(connection, run, [entry])
    _take_news(connection, run, recipient, identity, now)
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
    part: int,
    now: datetime,
    domain: str,
) -> Brief:
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run, as_of=now)
        told = notices.told(connection, run)
        mails = ledger.entries(connection, run, kinds=_MAILS, as_of=now)
        since = _since(live.plan, mails, now)
        news = ledger.entries(connection, run, kinds=ledger.STATE_KINDS, as_of=now, after=since)
    identity = message_id(run, recipient, slot, part=part, domain=domain)
    return Brief(
        state=live.folding.state(),
        run_id=run,
        recipient=live.plan.agencies[recipient],
        send_at=slot,
        as_of=now,
        since=since,
        language=live.plan.language,
        message_id=identity,
        thread_id=thread_id(run, recipient, domain=domain),
        reached=tuple(
            Reached(one.obligation, one.kind, one.recipient, one.sent_at)
            for one in told
            if one.sent_at <= now
        ),
        unreached=_unreached(mails),
        entries=tuple(news),
    )


_MAILS = (EntryKind.MESSAGE_SENT, *sorted(_UNDELIVERED))


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


# ── When it goes out by itself ──


def _mornings(parts: Parts) -> list[tuple[str, datetime]]:
    if parts.settings.brief == "off":
        return []
    found = []
    with parts.database.reading() as connection:
        for stored in plans.all_runs(connection, active_only=True):
            plan = parts.plan(stored.plan_version)
            if plan.agencies[plan.coordinator].addresses:
                at = _morning(connection, stored, plan)
                found += [] if at is None else [(stored.id, at)]
    return found


def _morning(connection: Connection, stored: StoredRun, plan: Plan) -> datetime | None:
    """Return the first send hour at which there is something to say after the last brief."""
    seq, last = ledger.last(connection, stored.id, EntryKind.BRIEF_REQUESTED)
    earliest = _send_hour(plan, stored.started_at)
    if last is not None:
        day = datetime.fromisoformat(last.data["slot"]).astimezone(plan.zone).date()
        earliest = _send_hour(plan, start_of(day + timedelta(days=1), plan.zone))
    moments = []
    news = ledger.first_after(connection, stored.id, seq, _NEWS)
    if news is not None:
        moments.append(max(earliest, _send_hour(plan, news.recorded_at)))
    last_day = obligations.first_last_day(connection, stored.id)
    if last_day is not None:
        day = plan.calendar.offset(last_day, -AHEAD)
        morning = at_once(plan, plan.first_ladder, send_time(plan, plan.first_ladder, day))
        moments.append(max(earliest, morning))
    return min(moments, default=None)


def _send_hour(plan: Plan, moment: datetime) -> datetime:
    """Return the first send hour after `moment` on a working day that is not a quiet one."""
    ladder = plan.first_ladder
    day = plan.calendar.on_or_after(moment.astimezone(plan.zone).date())
    at = send_time(plan, ladder, day)
    if at <= moment:
        at = send_time(plan, ladder, plan.calendar.offset(day, 1))
    return at_once(plan, ladder, at)
