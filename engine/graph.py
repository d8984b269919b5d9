"""Graph: when each stage opens, and when its gate holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from engine.deadline import start_of
from engine.ledger import Entry, EntryKind, Folding, RunState
from engine.plan import GateAfterDue, GateBy, Plan, Stage

SYSTEM = "dondoc"


def advance(folding: Folding, now: datetime) -> list[Entry]:
    """Open and close what is due at `now`, fold it in, and return the entries.

    An entry happens at the instant at which its condition held, which may lie before
    `now` after an outage: what follows from it does not depend on when it was noticed.
    """
    entries: list[Entry] = []
    while found := next(_steps(folding.state(), now), None):
        folding.take(found)
        entries.append(found)
    return entries


def _steps(state: RunState, now: datetime) -> Iterator[Entry]:
    if state.started_at is None:
        return
    for stage in state.plan.stages:
        opened_at = state.stages[stage.id].opened_at
        if opened_at is None:
            opens = opens_at(state, stage)
            if opens is not None and opens <= now:
                yield _stage_entry(EntryKind.STAGE_OPENED, stage, opens, now, {})
        elif state.stages[stage.id].done_at is None:
            done = done_at(state, stage)
            if done is not None and done <= now:
                missing = _missing_at(state, stage, done)
                total = len(state.plan.gated(stage))
                counts = {"closed": total - len(missing), "total": total, "missing": missing}
                yield _stage_entry(EntryKind.STAGE_DONE, stage, done, now, counts)


def opens_at(state: RunState, stage: Stage) -> datetime | None:
    """Return when `stage` opens: its needs done and its event recorded; None if not yet."""
    if state.started_at is None:
        return None
    moments = [state.started_at]
    for need in stage.needs:
        done = state.stages[need].done_at
        if done is None:
            return None
        moments.append(done)
    if stage.event is not None:
        event = state.events.get(stage.event)
        if event is None:
            return None
        moments.append(event.recorded_at)
    return max(moments)


def done_at(state: RunState, stage: Stage) -> datetime | None:
    """Return when the gate of an open `stage` holds, as far as is known now."""
    moments = [at for at in (_quorum_at(state, stage), gives_way_at(state, stage)) if at]
    return min(moments, default=None)


def _quorum_at(state: RunState, stage: Stage) -> datetime | None:
    opened_at = state.stages[stage.id].opened_at
    if opened_at is None:
        return None
    keys = state.plan.gated(stage)
    needed = stage.gate.needed(len(keys))
    settled = sorted(
        at
        for at in (state.obligations[k].settled_at for k in keys if state.obligations[k].is_closed)
        if at is not None
    )
    if len(settled) < needed:
        return None
    return max(opened_at, settled[needed - 1]) if needed else opened_at


def gives_way_at(state: RunState, stage: Stage) -> datetime | None:
    """Return the instant at which the gate holds whoever is missing, if it has one.

    "N working days after due" counts from the last stated deadline of the gate's tasks,
    or from the opening of the stage where that is later, and ends with the N-th day.
    """
    opened_at = state.stages[stage.id].opened_at
    if opened_at is None:
        return None
    plan = state.plan
    match stage.gate.otherwise:
        case GateBy(day):
            last = day
        case GateAfterDue(count):
            stated = [state.obligations[key].stated for key in plan.gated(stage)]
            days = [deadline.last_day for deadline in stated if deadline is not None]
            if not days:
                return None
            start = max(*days, opened_at.astimezone(plan.zone).date())
            last = plan.calendar.offset(start, count)
            # A date that hangs on an event cannot have passed before the event was known.
            known = [state.obligations[key].dated_at for key in plan.gated(stage)]
            opened_at = max([opened_at, *(at for at in known if at is not None)])
        case None:
            return None
    return max(opened_at, start_of(last + timedelta(days=1), plan.zone))


def next_turn(state: RunState, now: datetime) -> datetime | None:
    """Return when a stage next opens, or a gate gives way, by itself, after `now`, if ever.

    A stage opens by itself where its event was recorded by a clock that is ahead.
    """
    moments = (
        opens_at(state, stage) if one.opened_at is None else gives_way_at(state, stage)
        for stage in state.plan.stages
        if (one := state.stages[stage.id]).done_at is None
    )
    return min((at for at in moments if at is not None and at > now), default=None)


def is_finished(plan: Plan, state: RunState) -> bool:
    """Say whether every stage is done."""
    return all(state.stages[stage.id].done_at is not None for stage in plan.stages)


def _missing_at(state: RunState, stage: Stage, moment: datetime) -> list[str]:
    """Return what was not in at `moment`, though it may be by the time that this is noticed."""
    return [
        key
        for key in state.plan.gated(stage)
        if (settled := state.obligations[key].settled_at) is None or settled > moment
    ]


def _stage_entry(
    kind: EntryKind, stage: Stage, at: datetime, now: datetime, data: Mapping[str, object]
) -> Entry:
    return Entry(
        kind=kind, happened_at=at, recorded_at=now, by=SYSTEM, stage=stage.id, data=dict(data)
    )
