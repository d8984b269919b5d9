"""News: what the coordinator is told of events and stages, before it is worded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from engine.deadline import NoDate
from engine.ledger import Entry, EntryKind, RunState, Standing, done_on
from engine.plan import Agency, Stage, Task


@dataclass(frozen=True, slots=True)
class Announced:
    """An outside event that was recorded: the number and day of its document, recorded when."""

    title: str
    document: str
    on: date
    at: datetime


@dataclass(frozen=True, slots=True)
class After:
    """A stage that had to be done first: its number and title, done on which day."""

    number: int
    title: str
    on: date


@dataclass(frozen=True, slots=True)
class Owed:
    """A task of a stage that opened: who owes it, and the first and last of their last days.

    Without days it is not dated, `is_undated` says whether it never will be.
    """

    task: Task
    agencies: tuple[Agency, ...]
    days: tuple[date, ...]
    is_undated: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A stage that opened: when, after which stages and which event, and what is owed in it."""

    number: int
    stage: Stage
    at: datetime
    after: tuple[After, ...]
    event: Announced | None
    owed: tuple[Owed, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A stage that closed on a day: how many of its obligations were in, and who was missing.

    `closed` counts what was handed in or waived, `needed` what its gate asks for: with
    fewer than that the gate gave way to time.
    """

    number: int
    stage: Stage
    on: date
    closed: int
    waived: int
    total: int
    needed: int
    missing: tuple[Agency, ...]

    @property
    def still_missing(self) -> int:
        """How many obligations were not in."""
        return self.total - self.closed

    @property
    def gave_way(self) -> bool:
        """Whether time closed it, not those who owe."""
        return self.closed < self.needed


Item: TypeAlias = Announced | Opened | Closed


def gathered(state: RunState, entries: Iterable[Entry]) -> tuple[Item, ...]:
    """Return what `entries` tell, in their order; a stage that the plan lost is passed over."""
    return tuple(item for entry in entries for item in _items(state, entry))


def _items(state: RunState, entry: Entry) -> Iterator[Item]:
    plan = state.plan
    numbers = {stage.id: number for number, stage in enumerate(plan.stages, 1)}
    match entry.kind:
        case EntryKind.EVENT_ANNOUNCED if (name := str(entry.data.get("event"))) in plan.events:
            yield Announced(
                title=plan.events[name].title,
                document=entry.document,
                on=entry.happened_at.astimezone(plan.zone).date(),
                at=entry.recorded_at,
            )
        case EntryKind.STAGE_OPENED if entry.stage in numbers:
            yield _opened(state, plan.stages[numbers[entry.stage] - 1], entry)
        case EntryKind.STAGE_DONE if entry.stage in numbers:
            yield _closed(state, plan.stages[numbers[entry.stage] - 1], entry)


def _opened(state: RunState, stage: Stage, entry: Entry) -> Opened:
    plan = state.plan
    numbers = {one.id: number for number, one in enumerate(plan.stages, 1)}
    titles = {one.id: one.title for one in plan.stages}
    event = None if stage.event is None else state.events.get(stage.event)
    done = [(need, state.stages[need].done_at) for need in stage.needs]
    return Opened(
        number=numbers[stage.id],
        stage=stage,
        at=entry.happened_at,
        after=tuple(
            After(numbers[need], titles[need], done_on(at, plan.zone))
            for need, at in done
            if at is not None
        ),
        event=None
        if event is None or stage.event is None
        else Announced(
            title=plan.events[stage.event].title,
            document=event.document,
            on=event.happened_at.astimezone(plan.zone).date(),
            at=event.recorded_at,
        ),
        owed=tuple(_owed(state, stage, task) for task in stage.tasks),
    )


def _owed(state: RunState, stage: Stage, task: Task) -> Owed:
    found = [
        one
        for one in state.obligations.values()
        if one.obligation.stage.id == stage.id and one.obligation.task.id == task.id
    ]
    days = sorted({one.due.last_day for one in found if one.due is not None})
    return Owed(
        task=task,
        agencies=tuple(one.obligation.agency for one in found),
        days=tuple(dict.fromkeys((days[0], days[-1]))) if days else (),
        is_undated=isinstance(task.due.rule, NoDate),
    )


def _closed(state: RunState, stage: Stage, entry: Entry) -> Closed:
    plan = state.plan
    gated = plan.gated(stage)
    missing = [key for key in _ids(entry.data.get("missing")) if key in state.obligations]
    agencies = {key: state.obligations[key].obligation.agency for key in missing}
    total = int(entry.data.get("total", len(gated)))
    waived = [
        key
        for key in gated
        if key not in missing and state.obligations[key].standing is Standing.WAIVED
    ]
    return Closed(
        number=[one.id for one in plan.stages].index(stage.id) + 1,
        stage=stage,
        on=done_on(entry.happened_at, plan.zone),
        closed=int(entry.data.get("closed", total - len(missing))),
        waived=len(waived),
        total=total,
        needed=stage.gate.needed(total),
        missing=tuple({agency.id: agency for agency in agencies.values()}.values()),
    )


def _ids(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else ()
