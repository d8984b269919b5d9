"""Mornings: when the brief of a run goes out by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine.chasing import at_once, send_time
from engine.deadline import start_of
from engine.ledger import EntryKind
from engine.plan import Plan
from notifiers.brief import AHEAD
from storage import ledger, obligations, plans
from storage.plans import StoredRun

UNDELIVERED = frozenset(
    {
        EntryKind.MESSAGE_UNDELIVERABLE,
        EntryKind.MESSAGE_EXPIRED,
        EntryKind.MESSAGE_BOUNCED,
    }
)
NEWS = ledger.STATE_KINDS | UNDELIVERED
"""The entries that a coordinator is to hear of in a brief."""


def reckon(
    connection: Connection, stored: StoredRun, plan: Plan, *, is_completed: bool | None = None
) -> datetime | None:
    """Reckon and keep the morning of a run's next brief; return it, None where there is none."""
    if is_completed is None:
        is_completed = stored.completed_at is not None
    at = following(connection, stored, plan, is_completed=is_completed)
    if at != stored.brief_at:
        plans.set_brief(connection, stored.id, at)
    return at


def following(
    connection: Connection, stored: StoredRun, plan: Plan, *, is_completed: bool
) -> datetime | None:
    """Return the morning of a run's next brief, None where there is none.

    Only a run of which there is something to say has one: news since the last brief,
    something late, or something that falls due soon. A quiet run is never woken for it.
    """
    silent = is_completed or not plan.agencies[plan.coordinator].addresses
    return None if silent else _morning(connection, stored, plan)


def _morning(connection: Connection, stored: StoredRun, plan: Plan) -> datetime | None:
    """Return the first send hour at which there is something to say after the last brief."""
    seq, last = ledger.last_brief(connection, stored.id)
    earliest = _send_hour(plan, stored.started_at)
    if last is not None:
        day = datetime.fromisoformat(last.data["slot"]).astimezone(plan.zone).date()
        earliest = _send_hour(plan, start_of(day + timedelta(days=1), plan.zone))
    moments = []
    news = ledger.first_after(connection, stored.id, seq, NEWS)
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
