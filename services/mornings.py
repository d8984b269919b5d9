"""Mornings: when the brief of a run goes out by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

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
BRIEFED = ledger.STATE_KINDS | UNDELIVERED
"""The entries that a coordinator is to hear of in a brief."""


def reckon(connection: Connection, stored: StoredRun, plan: Plan) -> datetime | None:
    """Reckon and keep the morning of a run's next brief; return it, None where there is none."""
    return reckon_all(connection, [(stored, plan)])[stored.id]


def reckon_all(
    connection: Connection, runs: Sequence[tuple[StoredRun, Plan]]
) -> dict[str, datetime | None]:
    """Reckon and keep of many runs what `reckon` does of one; return it by run."""
    found = following(connection, runs)
    moved = {one.id: found[one.id] for one, _ in runs if found[one.id] != one.brief_at}
    plans.set_briefs(connection, moved)
    return found


def following(
    connection: Connection, runs: Sequence[tuple[StoredRun, Plan]]
) -> dict[str, datetime | None]:
    """Return the mornings of the next briefs of runs, by run; None where there is none.

    Only a run of which there is something to say has one: news since the last brief,
    something late, or something that falls due soon. A quiet run is never woken for it.
    """
    found: dict[str, datetime | None] = {stored.id: None for stored, _ in runs}
    speaking = [one for one in runs if not _is_silent(*one)]
    names = [stored.id for stored, _ in speaking]
    since = ledger.since_briefs(connection, names, BRIEFED) if names else {}
    days = obligations.first_last_days(connection, names) if names else {}
    for stored, plan in speaking:
        last, news_at = since[stored.id]
        slot = None if last is None else datetime.fromisoformat(last["slot"])
        found[stored.id] = _morning(stored, plan, slot, news_at, days.get(stored.id))
    return found


def _is_silent(stored: StoredRun, plan: Plan) -> bool:
    return stored.completed_at is not None or not plan.agencies[plan.coordinator].addresses


def _morning(
    stored: StoredRun,
    plan: Plan,
    last: datetime | None,
    news_at: datetime | None,
    last_day: date | None,
) -> datetime | None:
    """Return the first send hour at which there is something to say after the last brief.

    `last` is the slot of that brief, `news_at` when the first entry since was recorded,
    `last_day` the earliest of what is open.
    """
    earliest = _send_hour(plan, stored.started_at)
    if last is not None:
        day = last.astimezone(plan.zone).date()
        earliest = _send_hour(plan, start_of(day + timedelta(days=1), plan.zone))
    moments = []
    if news_at is not None:
        moments.append(max(earliest, _send_hour(plan, news_at)))
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
