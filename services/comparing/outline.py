"""Outline: what an edit changes in the plan itself, before anything is reckoned from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta

from engine.calendar import WorkingCalendar
from engine.ledger import StageState
from engine.plan import Agency, Ladder, Note, OutsideEvent, Plan, Stage
from services.comparing.changes import Change, Differences, changes, differences
from services.comparing.renames import Renames
from services.views.previewing import Preview

PARTS = frozenset({"agencies", "stages", "ladders", "calendar", "events", "notes", "groups"})
"""The fields of a plan that are compared on their own; the others are its head."""


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that one calendar works and the other does not; `name` is why it is off."""

    day: date
    is_working: bool
    name: str


@dataclass(frozen=True, slots=True)
class StageMove:
    """A stage that opens or is done at another time than before; None is never."""

    stage: Stage
    old: StageState
    new: StageState

    @property
    def opens(self) -> tuple[datetime | None, datetime | None]:
        """When it opened and opens."""
        return self.old.opened_at, self.new.opened_at

    @property
    def done(self) -> tuple[datetime | None, datetime | None]:
        """When it was done and is done."""
        return self.old.done_at, self.new.done_at


@dataclass(frozen=True, slots=True)
class Outline:
    """The plan's head and parts, compared. A changed gate stands among a stage's changes."""

    head: tuple[Change, ...]
    stages: Differences[Stage]
    ladders: Differences[Ladder]
    events: Differences[OutsideEvent]
    agencies: Differences[Agency]
    groups: tuple[Change, ...]
    calendar: tuple[CalendarDay, ...]
    estimates: tuple[Change, ...]
    notes: Differences[Note]

    def __bool__(self) -> bool:
        return any(bool(getattr(self, field.name)) for field in fields(self))


def compare_outlines(old: Plan, new: Plan, renames: Renames) -> Outline:
    """Compare two plans part by part."""
    return Outline(
        head=changes(renames.plan_head(old), new, but=PARTS),
        stages=differences(
            {stage.id: stage for stage in old.stages},
            {stage.id: stage for stage in new.stages},
            renamed=renames.stages,
            edit=lambda before, after: _edited_stage(before, after, renames),
        ),
        ladders=differences(
            old.ladders,
            new.ladders,
            renamed=renames.ladders,
            edit=lambda before, after: changes(before, after, but={"name"}),
        ),
        events=differences(
            old.events,
            new.events,
            renamed=renames.events,
            edit=lambda before, after: changes(before, after, but={"name"}),
        ),
        agencies=differences(
            old.agencies,
            new.agencies,
            renamed=renames.agencies,
            edit=lambda before, after: _edited_agency(before, after, renames),
        ),
        groups=tuple(_groups(old, new, renames)),
        calendar=tuple(_days(old.calendar, new.calendar)),
        estimates=tuple(_estimates(old.calendar, new.calendar)),
        notes=_notes(set(old.notes), set(new.notes), (*old.notes, *new.notes)),
    )


def stage_moves(old: Preview, new: Preview, renames: Renames) -> tuple[StageMove, ...]:
    """Return the stages of both plans that open or are done at another time."""
    before = {renames.stage(key): state for key, state in old.state.stages.items()}
    moves = (
        StageMove(stage, before[stage.id], new.state.stages[stage.id])
        for stage in new.plan.stages
        if stage.id in before
    )
    return tuple(move for move in moves if len({*move.opens}) > 1 or len({*move.done}) > 1)


def _edited_stage(old: Stage, new: Stage, renames: Renames) -> tuple[Change, ...]:
    """A gate is another one where it asks for another number, or of other tasks, or gives way
    otherwise: 90% and 100% of three are three."""
    named = renames.stage_in_new_words(old)
    found = changes(named, new, but={"id", "tasks", "gate"})
    totals = len(renames.old.gated(old)), len(renames.new.gated(new))
    asked = old.gate.needed(totals[0]), new.gate.needed(totals[1])
    if len({*totals}) > 1 or len({*asked}) > 1 or changes(named.gate, new.gate, but={"quorum"}):
        found = (*found, Change("gate", old.gate, new.gate))
    return found


def _edited_agency(old: Agency, new: Agency, renames: Renames) -> tuple[Change, ...]:
    parent = None if old.parent is None else renames.agency(old.parent)
    return changes(replace(old, parent=parent), new, but={"id"})


def _groups(old: Plan, new: Plan, renames: Renames) -> Iterator[Change]:
    before: Mapping[str, tuple[str, ...]] = {
        group: tuple(map(renames.agency, members)) for group, members in old.groups.items()
    }
    for group in dict.fromkeys((*before, *new.groups)):
        was, now = before.get(group), new.groups.get(group)
        if was is None or now is None or set(was) != set(now):
            yield Change(group, was, now)


def _notes(old: set[Note], new: set[Note], in_order: Iterable[Note]) -> Differences[Note]:
    either = old ^ new
    differing = dict.fromkeys(note for note in in_order if note in either)
    return Differences(
        added=tuple(note for note in differing if note in new),
        gone=tuple(note for note in differing if note in old),
    )


def _days(old: WorkingCalendar, new: WorkingCalendar) -> Iterator[CalendarDay]:
    """Yield the days of the years that both calendars know on which they differ."""
    day = date(max(old.first_year, new.first_year), 1, 1)
    last = date(min(old.last_year, new.last_year), 12, 31)
    while day <= last:
        works = new.is_working(day)
        if works != old.is_working(day):
            off = (old if works else new).day_off(day)
            yield CalendarDay(day, works, "" if off is None else off.name)
        day += timedelta(days=1)


def _estimates(old: WorkingCalendar, new: WorkingCalendar) -> Iterator[Change]:
    if old.estimated_from != new.estimated_from:
        yield Change("estimated_from", old.estimated_from, new.estimated_from)
