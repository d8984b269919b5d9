"""Board: what a run is waiting for, on whom, until when; for the CLI and the Prefect UI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from engine.chasing import Notice, next_rung
from engine.graph import gives_way_at
from engine.ledger import ObligationState, Outcome, RunState, StageState
from engine.plan import Plan, Stage
from language.catalogue import text
from services import runs
from services.wiring import Parts
from storage import notices
from storage.notices import Told


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One obligation as the board shows it."""

    obligation: ObligationState
    outcome: Outcome
    last_told: Told | None
    next: Notice | None

    @property
    def due(self) -> date | None:
        """The last day, if there is a date."""
        return None if self.obligation.due is None else self.obligation.due.last_day


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage at a glance: `name` is what the list of runs shows, `message` says the rest."""

    id: str
    title: str
    name: str
    message: str
    opened_at: datetime | None
    done_at: datetime | None
    closed: int
    total: int
    missing: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        """Whether its gate has held."""
        return self.done_at is not None


@dataclass(frozen=True, slots=True)
class Tally:
    """How many obligations were owed, and how they came out; waived ones are not owed."""

    owed: int = 0
    on_time: int = 0
    late: int = 0
    missing: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.owed + other.owed,
            self.on_time + other.on_time,
            self.late + other.late,
            self.missing + other.missing,
        )


@dataclass(frozen=True, slots=True)
class Board:
    """A run as people look at it."""

    run: str
    plan: Plan
    state: RunState
    now: datetime
    stages: tuple[StageView, ...]
    rows: tuple[BoardRow, ...]
    told: tuple[Told, ...]

    @property
    def late(self) -> tuple[BoardRow, ...]:
        """The rows that are open and overdue, the longest first."""
        rows = [row for row in self.rows if row.obligation.is_late(self.now)]
        return tuple(sorted(rows, key=lambda row: row.due or date.max))

    def tallies(self) -> Mapping[str, Tally]:
        """Count per agency, in the register's order."""
        counted = {agency: Tally() for agency in self.plan.agencies}
        for row in self.rows:
            counted[row.obligation.obligation.agency.id] += _tally(row.outcome)
        return {agency: tally for agency, tally in counted.items() if tally.owed}

    def total(self) -> Tally:
        """Count in all."""
        return sum((_tally(row.outcome) for row in self.rows), Tally())


def read(parts: Parts, run: str, now: datetime, *, as_of: datetime | None = None) -> Board:
    """Return the board of a run at `now`, as the ledger stood at `as_of`."""
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run, as_of=as_of)
        told = notices.told(connection, run)
    if as_of is not None:
        told = [one for one in told if one.sent_at <= as_of]
    return of_state(run, live.folding.state(), as_of or now, told)


def of_state(run: str, state: RunState, now: datetime, told: list[Told]) -> Board:
    """Return the board of a state."""
    last = {(one.obligation): one for one in told}
    rows = tuple(
        BoardRow(
            obligation=obligation,
            outcome=obligation.outcome(now),
            last_told=last.get(key),
            next=next_rung(state.plan, obligation, after=now),
        )
        for key, obligation in state.obligations.items()
    )
    stages = tuple(stage_view(state, stage, now) for stage in state.plan.stages)
    return Board(run, state.plan, state, now, stages, rows, tuple(told))


def stage_view(state: RunState, stage: Stage, now: datetime) -> StageView:
    """Return a stage at a glance. Its name is ASCII: the run list's font lacks Vietnamese."""
    keys = state.plan.gated(stage)
    gated = [state.obligations[key] for key in keys]
    missing = tuple(one.obligation.agency.id for one in gated if not one.is_closed)
    where = state.stages[stage.id]
    closed = len(gated) - len(missing)
    late = sum(one.is_late(now) for one in gated)
    return StageView(
        id=stage.id,
        title=stage.title,
        name=_name(state, stage, where, closed=closed, late=late, total=len(gated)),
        message=_message(state, stage, missing, late),
        opened_at=where.opened_at,
        done_at=where.done_at,
        closed=closed,
        total=len(gated),
        missing=tuple(dict.fromkeys(missing)),
    )


def _name(
    state: RunState, stage: Stage, where: StageState, *, closed: int, late: int, total: int
) -> str:
    if where.done_at is not None:
        return f"Done {total - len(where.missing)}/{total}"
    if where.opened_at is not None:
        return f"Overdue {late}/{total}" if late else f"Waiting {closed}/{total}"
    return "Awaiting event" if _lacks_only_event(state, stage) else "Blocked"


def _lacks_only_event(state: RunState, stage: Stage) -> bool:
    return all(state.stages[need].done_at is not None for need in stage.needs)


def _message(state: RunState, stage: Stage, missing: tuple[str, ...], late: int) -> str:
    """Say in one line, in the plan's language, what the stage waits for."""
    plan, language = state.plan, state.plan.language
    where = state.stages[stage.id]
    if where.done_at is not None:
        done_on = where.done_at.astimezone(plan.zone)
        if where.missing:
            names = _names(plan, tuple(key.rsplit("/", 1)[1] for key in where.missing))
            return text(language, "stage.done-missing", at=done_on, names=names)
        return text(language, "stage.done", at=done_on)
    if where.opened_at is None:
        return _waits_for(state, stage)
    said = [text(language, "stage.missing", count=len(missing), names=_names(plan, missing))]
    if late:
        said.append(text(language, "stage.late", count=late))
    deadline = _next_deadline(state, stage)
    if deadline is not None:
        said.append(text(language, "stage.deadline", day=deadline))
    gives_way = gives_way_at(state, stage)
    if gives_way is not None:
        said.append(text(language, "stage.gives-way", at=gives_way.astimezone(plan.zone)))
    return " ".join(said)


def _waits_for(state: RunState, stage: Stage) -> str:
    plan, language = state.plan, state.plan.language
    waits = [
        text(language, "stage.needs", stage=need)
        for need in stage.needs
        if state.stages[need].done_at is None
    ]
    if stage.event is not None and stage.event not in state.events:
        title = plan.events[stage.event].title
        waits.append(text(language, "stage.event", title=title, event=stage.event))
    return text(language, "stage.waits", what="; ".join(waits))


def _next_deadline(state: RunState, stage: Stage) -> date | None:
    days = [
        one.due.last_day
        for one in state.obligations.values()
        if one.obligation.stage.id == stage.id and one.is_open and one.due is not None
    ]
    return min(days, default=None)


def _names(plan: Plan, agencies: tuple[str, ...]) -> str:
    return ", ".join(plan.agencies[agency].name for agency in dict.fromkeys(agencies))


def _tally(outcome: Outcome) -> Tally:
    match outcome:
        case Outcome.WAIVED:
            return Tally()
        case Outcome.ON_TIME:
            return Tally(owed=1, on_time=1)
        case Outcome.LATE:
            return Tally(owed=1, late=1)
        case _:
            return Tally(owed=1, missing=1)


def summary(board: Board) -> dict[str, Any]:
    """Return `summary.json`: per agency and in all, and when each stage opened and closed."""

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else moment.astimezone(board.plan.zone).isoformat()

    return {
        "plan": board.plan.id,
        "run": board.run,
        "as_of": at(board.now),
        "all": asdict(board.total()),
        "agencies": {agency: asdict(tally) for agency, tally in board.tallies().items()},
        "stages": [
            {
                "id": stage.id,
                "state": stage.name,
                "opened": at(stage.opened_at),
                "done": at(stage.done_at),
                "closed": stage.closed,
                "total": stage.total,
                "missing": list(board.state.stages[stage.id].missing),
            }
            for stage in board.stages
        ],
        "events": {
            name: {
                "document": event.document,
                "date": event.happened_at.astimezone(board.plan.zone).date().isoformat(),
                "recorded_at": at(event.recorded_at),
            }
            for name, event in board.state.events.items()
        },
    }
