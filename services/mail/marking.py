"""Marking: write what tries came to: the message, its addresses, its notices, the ledger.

Several tries are written in one transaction; the lock of each run is taken first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.chasing import Notice
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind
from language.catalogue import text
from notifiers.wire.channel import Outcome, Outcomes, Refused, Sent, TryLater
from services import keeping, mornings, runs
from services.mail import pacing
from services.mail.judging import WAITS, Verdict, judge
from services.mail.looking import opens
from services.mail.preparing import Prepared
from services.wiring import Parts
from storage import addresses, ledger, notices, outbox, plans, recipients, relays
from storage.outbox import Marking, Message, Status

NO_ADDRESS = "no usable address"


@dataclass(frozen=True, slots=True)
class Tried:
    """A try of a message, and what it came to."""

    ready: Prepared
    verdict: Verdict
    outcomes: Outcomes
    expires_at: datetime | None = None


def tried(parts: Parts, ready: Prepared, outcomes: Outcomes, now: datetime) -> Tried:
    """Judge a try.

    What was tried a few times only, before offices closed, keeps the time that it had left.
    """
    expires_at = None
    if ready.broken and not ready.is_unread:
        verdict = Verdict(Status.UNDELIVERABLE, ready.broken)
    elif ready.is_unread:
        # A plan or a ledger that can't be read now may be, once somebody has seen to it.
        again = now + WAITS[min(ready.message.tries, len(WAITS)) - 1]
        verdict = Verdict(Status.LATER, ready.broken, again)
        parts.unread[ready.message.run] = ready.broken
    elif ready.waits_until is not None:
        verdict = Verdict(ready.message.was, ready.message.error, ready.waits_until)
        expires_at = _put_off(ready.message, now, ready.waits_until)
    elif ready.is_pointless:
        # What reached who is to answer was said, though copies of it have become pointless.
        was_told = ready.message.sent_at is not None
        verdict = Verdict(Status.SENT if was_told else Status.CANCELLED)
    elif not ready.addressees:
        # What a server said of the last one tells more than that there is none left.
        why = ready.message.error or ready.why or NO_ADDRESS
        verdict = Verdict(Status.UNDELIVERABLE, why)
    else:
        verdict = judge(ready.message, ready.addressees, ready.before, outcomes, now=now)
        if verdict.next_try_at is not None and verdict.next_try_at > now:
            again = opens(parts, ready.hours, verdict.next_try_at)
            expires_at = _put_off(ready.message, verdict.next_try_at, again)
            verdict = replace(verdict, next_try_at=again)
    return Tried(ready, verdict, outcomes, expires_at)


def _put_off(message: Message, at: datetime, opens: datetime) -> datetime | None:
    """Return when a message is given up that was to be tried `at`, if that would be too soon."""
    if message.expires_at is None or message.tries > len(WAITS):
        return None
    if not at < message.expires_at <= opens:
        return None
    return opens + (message.expires_at - at)


def mark(parts: Parts, tries: Sequence[Tried], relay: str, now: datetime) -> set[int]:
    """Write what tries came to; return the numbers of the messages whose try counted."""
    with parts.database.writing() as connection:
        plans.lock_all(connection, {one.ready.message.run for one in tries})
        counted = outbox.mark(connection, [_marking(one, now) for one in tries])
        told = [one for one in tries if one.ready.message.id in counted]
        recipients.keep(
            parts.database, connection, (row for one in told for row in one.verdict.recipients)
        )
        for address, why in (found for one in told for found in one.verdict.unknown):
            addresses.mark_bounced(parts.database, connection, address, why=why, now=now, by=SYSTEM)
        entries = [
            (one.ready.message.run, entry)
            for one in told
            for entry in (*_entries(one, now), *_withhold(parts, connection, one, now))
        ]
        ledger.append_all(connection, entries)
        undelivered = (run for run, entry in entries if entry.kind in mornings.UNDELIVERED)
        for run in dict.fromkeys(undelivered):
            _tell_in_a_brief(parts, connection, run)
        for one in told:
            _settle_notices(parts, connection, one.ready, now)
        _heed_relay(parts, connection, relay, tries, now)
    return counted


def expire(parts: Parts, now: datetime, *, limit: int) -> list[Message]:
    """Give up what has waited too long; return it."""
    with parts.database.writing() as connection:
        waiting = outbox.expiring(connection, now, limit=limit)
        plans.lock_all(connection, {run for _, run in waiting})
        found = outbox.expire(connection, now, only=[number for number, _ in waiting])
        for message in found:
            if message.status is not Status.EXPIRED:
                copies = copies_withheld(connection, message, now, why=message.error)
                ledger.append(connection, message.run, copies)
                continue
            entry = _told(EntryKind.MESSAGE_EXPIRED, message, message.subject, message.error, now)
            ledger.append(connection, message.run, [entry])
            _tell_in_a_brief(parts, connection, message.run)
    return found


def _tell_in_a_brief(parts: Parts, connection: Connection, run: str) -> None:
    """Let a brief go out that tells what could not be delivered.

    Of a run that cannot be read there is none. What others were sent has to be marked all the
    same: they would get it again and again.
    """
    stored = plans.find_run(connection, run)
    assert stored is not None
    with runs.passed_over(parts, run):
        mornings.reckon(connection, stored, parts.plan(stored.plan_version))


def copies_withheld(
    connection: Connection, message: Message, now: datetime, *, why: str, by: str = SYSTEM
) -> list[Entry]:
    """Try no more the copies of a message that who is to answer has got; say so in the ledger."""
    addresses = recipients.withhold(connection, message.id, now, why=why)
    if not addresses:
        return []
    kind, more = EntryKind.MESSAGE_CANCELLED, {"only_copies": True, "addresses": addresses}
    return [replace(_told(kind, message, message.subject, why, now, **more), by=by)]


def _withhold(parts: Parts, connection: Connection, one: Tried, now: datetime) -> list[Entry]:
    """Withhold the copies of what has become pointless since it reached who is to answer."""
    ready = one.ready
    if not ready.is_pointless or ready.message.sent_at is None:
        return []
    reason = "paused" if ready.paused else "settled"
    why = text(parts.settings.language, f"outbox.withheld-{reason}")
    return copies_withheld(connection, ready.message, now, why=why)


def unsent(kind: EntryKind, notice: Notice, now: datetime, by: str = SYSTEM) -> Entry:
    """Return the entry that says that an issued notice did not go out, or reached nobody."""
    return Entry(
        kind=kind,
        happened_at=now,
        recorded_at=now,
        by=by,
        obligation=notice.obligation,
        data=notice.data,
    )


def _marking(one: Tried, now: datetime) -> Marking:
    return Marking(
        message=one.ready.message,
        status=one.verdict.status,
        subject=one.ready.subject,
        detail=one.verdict.detail,
        next_try_at=one.verdict.next_try_at,
        sent_at=now if one.verdict.reaches else None,
        expires_at=one.expires_at,
        was_tried=one.ready.waits_until is None,
    )


def _entries(one: Tried, now: datetime) -> list[Entry]:
    ready, verdict = one.ready, one.verdict
    message = ready.message
    outdated = ready.outdated if message.sent_at is None else ()
    found = [unsent(EntryKind.NOTICE_DROPPED, notice, now) for notice in outdated]
    if verdict.reaches:
        to = [address for address, outcome in one.outcomes.items() if isinstance(outcome, Sent)]
        kind = EntryKind.MESSAGE_SENT
        found.append(_told(kind, message, one.ready.subject, verdict.detail, now, addresses=to))
    if verdict.status is Status.UNDELIVERABLE:
        kind = EntryKind.MESSAGE_UNDELIVERABLE
        found.append(_told(kind, message, one.ready.subject, verdict.detail, now))
    elif put_off := _PUT_OFF.get(verdict.status if ready.waits_until is None else Status.QUEUED):
        again = verdict.next_try_at
        more = {} if again is None else {"next_try_at": again.isoformat()}
        found.append(_told(put_off, message, one.ready.subject, verdict.detail, now, **more))
    elif verdict.status is Status.CANCELLED:
        found.append(_told(EntryKind.MESSAGE_CANCELLED, message, one.ready.subject, "", now))
    return found


_PUT_OFF = {
    Status.LATER: EntryKind.MESSAGE_LATER,
    Status.UNCERTAIN: EntryKind.MESSAGE_UNCERTAIN,
}


def _told(
    kind: EntryKind, message: Message, subject: str, detail: str, now: datetime, **more: Any
) -> Entry:
    data = {"message_id": message.message_id, "recipient": message.recipient}
    data |= {"kind": message.kind, "subject": subject, **more}
    data |= {"detail": detail} if detail else {}
    return Entry(kind, message.send_at, now, SYSTEM, data=data)


def _settle_notices(parts: Parts, connection: Connection, ready: Prepared, now: datetime) -> None:
    """Drop what is not true any more; take back what a pause keeps: it is due again after it.

    What has reached somebody who is to answer was said, and stays so.
    """
    if ready.message.sent_at is not None:
        return
    notices.drop(connection, ready.message.id, ready.outdated)
    if not ready.paused:
        return
    notices.withdraw(connection, ready.message.id, ready.paused)
    live = runs.held(parts, connection, ready.message.run)
    keys = [notice.obligation for notice in ready.paused]
    taken_back = [unsent(EntryKind.NOTICE_WITHDRAWN, notice, now) for notice in ready.paused]
    keeping.keep(connection, live, [], now=now, touched=keys, also=taken_back)


def _heed_relay(
    parts: Parts, connection: Connection, name: str, tries: Sequence[Tried], now: datetime
) -> None:
    """Keep whether the mail server was alive."""
    answers = [outcome for one in tries for outcome in one.outcomes.values()]
    troubles = [one.reason for one in answers if isinstance(one, TryLater) and one.of_relay]
    is_alive = any(_shows_life(one) for one in answers)
    if not troubles and (not is_alive or not relays.find(connection, name).failures):
        return
    relay = relays.held(parts.database, connection, name)
    after = pacing.failed(relay, troubles[-1], now) if troubles else pacing.answered(relay)
    relays.keep(connection, after)


def _shows_life(outcome: Outcome) -> bool:
    match outcome:
        case Sent() | Refused():
            return True
        case TryLater(of_relay=of_relay):
            return not of_relay
        case _:
            return False
