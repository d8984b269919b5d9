"""Recording: what agencies and the coordinator do becomes an entry in the ledger.

Every function takes the obligation as `stage/task/agency`, `dated` as the date on the
document (default: today in the plan's zone), and raises Refused, with nothing changed,
for what is unknown, lies ahead, or does not fit where the obligation stands.
"""

from __future__ import annotations

import difflib
import logging
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from engine.deadline import start_of
from engine.ledger import Entry, EntryKind, ObligationState, Standing
from engine.plan import Plan
from services import runs
from services.errors import Refused
from services.runs import LiveRun
from services.wiring import Parts
from storage import events, plans

log = logging.getLogger(__name__)

LONGEST_RETURN = 250  # working days: about a year

Check: TypeAlias = Callable[[Plan, ObligationState], None]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was appended to a run's ledger."""

    run: str
    entries: tuple[Entry, ...]

    @property
    def turned(self) -> tuple[Entry, ...]:
        """The stages opened or done by it."""
        kinds = (EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)
        return tuple(entry for entry in self.entries if entry.kind in kinds)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an entry comes from: who records it, on what document of which date."""

    by: str
    document: str = ""
    dated: date | None = None


def submit(parts: Parts, run: str, obligation: str, source: Source, *, now: datetime) -> Recorded:
    """Record a submission. Nothing more is sent about it from then on."""

    def check(plan: Plan, state: ObligationState) -> None:
        if state.standing is Standing.WAIVED:
            raise Refused("refused.waived", obligation=obligation)
        if state.submitted_on is not None:
            on = state.submitted_on.astimezone(plan.zone).date()
            raise Refused("refused.submitted-already", obligation=obligation, day=on)

    return _record(parts, run, obligation, EntryKind.SUBMITTED, source, check, {}, now)


def send_back(
    parts: Parts,
    run: str,
    obligation: str,
    source: Source,
    *,
    why: str,
    days: int | None,
    now: datetime,
) -> Recorded:
    """Return a report for completion, due `days` working days later (or as it was before)."""
    _say_why(why)
    if days is not None and not 1 <= days <= LONGEST_RETURN:
        raise Refused("refused.days", days=days, longest=LONGEST_RETURN)
    data = {"reason": why} | ({} if days is None else {"days": days})
    return _record(parts, run, obligation, EntryKind.RETURNED, source, _is_submitted, data, now)


def accept(parts: Parts, run: str, obligation: str, source: Source, *, now: datetime) -> Recorded:
    """Accept a submitted report."""
    return _record(parts, run, obligation, EntryKind.ACCEPTED, source, _is_submitted, {}, now)


def extend(
    parts: Parts,
    run: str,
    obligation: str,
    source: Source,
    *,
    until: date,
    why: str = "",
    now: datetime,
) -> Recorded:
    """Give an obligation until the end of `until`."""

    def check(plan: Plan, state: ObligationState) -> None:
        _is_owed(plan, state)
        if state.due is not None and until <= state.due.last_day:
            raise Refused("refused.not-longer", until=until, day=state.due.last_day)
        if not plan.can_date(until):
            raise Refused("refused.beyond-calendar", day=until)

    data = {"until": until.isoformat(), "reason": why}
    return _record(parts, run, obligation, EntryKind.EXTENDED, source, check, data, now)


def waive(
    parts: Parts, run: str, obligation: str, source: Source, *, why: str, now: datetime
) -> Recorded:
    """Say that an obligation is owed no more."""
    _say_why(why)
    data = {"reason": why}
    return _record(parts, run, obligation, EntryKind.WAIVED, source, _is_owed, data, now)


def announce(
    parts: Parts,
    name: str,
    source: Source,
    *,
    values: Mapping[str, str] | None = None,
    now: datetime,
) -> list[Recorded]:
    """Record an outside event in every active run that it is about; sent twice it counts once.

    A run whose plan correlates the event takes it only with the `values` that it demands.
    One that comes before its stage's needs hold is kept, and the stage opens when they
    do. Raises Refused where no run knows the event, or it is about none of them. Returns
    the runs that it is new to.
    """
    carried = {_plain(key): _plain(value) for key, value in (values or {}).items()}
    with parts.database.writing() as connection:
        active = plans.all_runs(connection, active_only=True)
        knowing = [run for run in active if name in parts.plan(run.plan_version).events]
        if not knowing:
            known = {e for run in active for e in parts.plan(run.plan_version).events}
            raise Refused(
                "refused.unknown-event", event=name, known=", ".join(sorted(known)) or "-"
            )
        meant = [
            run
            for run in knowing
            if parts.plan(run.plan_version).events[name].is_announced_by(carried)
        ]
        if not meant:
            wanted = {
                f"{key}={value}"
                for run in knowing
                for key, value in parts.plan(run.plan_version).events[name].correlate.items()
            }
            raise Refused("refused.event-not-meant", event=name, wanted=",".join(sorted(wanted)))
        recorded = []
        for stored in meant:
            live = runs.live(parts, connection, stored.id)
            happened_at = _happened(live.plan, source, now)
            events.save(
                parts.database,
                connection,
                name=name,
                document=source.document,
                happened_at=happened_at,
                recorded_at=now,
                by=source.by,
            )
            if name not in live.folding.events:
                entry = Entry(
                    kind=EntryKind.EVENT_ANNOUNCED,
                    happened_at=happened_at,
                    recorded_at=now,
                    by=source.by,
                    document=source.document,
                    data={"event": name} | ({"values": carried} if carried else {}),
                )
                appended = runs.keep(connection, live, [entry], now=now)
                recorded.append(Recorded(stored.id, tuple(appended)))
    return recorded


def _plain(written: object) -> str:
    """Return a value as plans hold it: text in NFC with single spaces, nothing hidden."""
    text = " ".join(unicodedata.normalize("NFC", str(written)).split())
    return "".join(sign for sign in text if sign.isprintable())[:200]


def _record(
    parts: Parts,
    run: str,
    obligation: str,
    kind: EntryKind,
    source: Source,
    check: Check,
    data: Mapping[str, Any],
    now: datetime,
) -> Recorded:
    with parts.database.writing() as connection:
        live = runs.live(parts, connection, run)
        state = _find(live, obligation)
        happened_at = _happened(live.plan, source, now)
        check(live.plan, state)
        entry = Entry(
            kind=kind,
            happened_at=happened_at,
            recorded_at=now,
            by=source.by,
            obligation=obligation,
            document=source.document,
            data=data,
        )
        appended = runs.keep(connection, live, [entry], now=now)
    log.info("%s: %s", obligation, kind.value, extra={"action": kind.value})
    return Recorded(run, tuple(appended))


def _find(live: LiveRun, obligation: str) -> ObligationState:
    state = live.folding.obligations.get(obligation)
    if state is None:
        near = difflib.get_close_matches(obligation, live.folding.obligations, n=3, cutoff=0.4)
        if near:
            near_ones = ", ".join(near)
            raise Refused("refused.unknown-obligation", obligation=obligation, near=near_ones)
        example = next(iter(live.folding.obligations))
        raise Refused("refused.no-such-obligation", obligation=obligation, example=example)
    return state


def _happened(plan: Plan, source: Source, now: datetime) -> datetime:
    """Return when it counts from: the start of the document's day, or now without a date."""
    today = now.astimezone(plan.zone).date()
    if source.dated is None:
        return now
    if source.dated > today:
        raise Refused("refused.dated-ahead", day=source.dated, today=today)
    if not plan.can_date(source.dated):
        raise Refused("refused.dated-long-ago", day=source.dated, first=plan.first_year)
    return start_of(source.dated, plan.zone)


def _say_why(why: str) -> None:
    if not why.strip():
        raise Refused("refused.empty-why")


def _is_submitted(_plan: Plan, state: ObligationState) -> None:
    if state.standing is not Standing.SUBMITTED:
        raise Refused("refused.not-submitted", obligation=state.obligation.id)


def _is_owed(_plan: Plan, state: ObligationState) -> None:
    if state.is_closed:
        raise Refused("refused.closed", obligation=state.obligation.id)
