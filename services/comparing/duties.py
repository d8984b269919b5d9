"""Duties: obligations that come, go or change, and deadlines that move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from engine.calendar import CalendarRangeError
from engine.deadline import Deadline, FromDay, Rule, Within
from engine.ledger import ObligationState, Outcome
from engine.plan import Obligation, Plan, Task
from services.comparing.changes import Change, Edited, changes
from services.comparing.renames import Renames
from services.views.previewing import Preview

SETTLED = frozenset({Outcome.ON_TIME, Outcome.LATE, Outcome.WAIVED})


class Cause(StrEnum):
    """Why a deadline is another one."""

    PHRASE = "phrase"
    ROLL = "roll"
    ANCHOR = "anchor"
    CALENDAR = "calendar"
    LEDGER = "ledger"


@dataclass(frozen=True, slots=True)
class Moved:
    """A deadline that falls on another day, appears (no day before) or vanishes (none now).

    `days` are calendar days and `working_days` those of the new calendar, both negative
    where it falls earlier, None where there is nothing to count from or to.
    """

    old: ObligationState
    new: ObligationState
    days: int | None
    working_days: int | None
    cause: Cause


@dataclass(frozen=True, slots=True)
class OutcomeMove:
    """An obligation that ends otherwise, where somebody has acted on it."""

    obligation: Obligation
    old: Outcome
    new: Outcome


@dataclass(frozen=True, slots=True)
class Reworked:
    """A task that both plans have and that says something else now, and who owes it in both."""

    stage: str
    task: Edited[Task]
    agencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duties:
    """What is owed, compared. `renamed` are obligations under another id."""

    added: tuple[Obligation, ...]
    gone: tuple[Obligation, ...]
    renamed: tuple[tuple[Obligation, Obligation], ...]
    changed: tuple[Reworked, ...]
    moved: tuple[Moved, ...]
    outcomes: tuple[OutcomeMove, ...]

    def __bool__(self) -> bool:
        return any(bool(getattr(self, field.name)) for field in fields(self))


def compare_duties(old: Preview, new: Preview, renames: Renames) -> Duties:
    """Compare what two previews owe, the deadlines and how they end."""
    paired = renames.obligations
    before, after = old.plan.obligations, new.plan.obligations
    known = frozenset(paired.values())
    return Duties(
        added=tuple(one for key, one in after.items() if key not in known),
        gone=tuple(one for key, one in before.items() if key not in paired),
        renamed=tuple((before[key], after[now]) for key, now in paired.items() if key != now),
        changed=tuple(_reworked(old.plan, new.plan, renames)),
        moved=tuple(_moved(old, new, paired)),
        outcomes=tuple(_outcomes(old, new, paired)),
    )


def _reworked(old: Plan, new: Plan, renames: Renames) -> Iterator[Reworked]:
    before = {
        renames.task(stage.id, task.id): (stage.id, task)
        for stage in old.stages
        for task in stage.tasks
    }
    for stage in new.stages:
        for task in stage.tasks:
            if (was := before.get(f"{stage.id}/{task.id}")) is None:
                continue
            stood, earlier = was
            found = tuple(
                change
                for change in changes(renames.task_in_new_words(earlier), task, but={"id", "by"})
                if not renames.is_same_task(change.old, change.new)
            )
            if renames.stage(stood) != stage.id:
                found = (Change("stage", renames.stage(stood), stage.id), *found)
            if found:
                owed = {renames.agency(agency) for agency in earlier.by}
                both = tuple(agency for agency in task.by if agency in owed)
                yield Reworked(stage.id, Edited(earlier, task, found), both)


def _moved(old: Preview, new: Preview, paired: Mapping[str, str]) -> Iterator[Moved]:
    for key, now in paired.items():
        was, is_ = old.state.obligations[key], new.state.obligations[now]
        if _day(was.due) != _day(is_.due):
            days, working_days = _distance(was.due, is_.due, new.plan)
            yield Moved(was, is_, days, working_days, _cause(was, is_))


def _day(deadline: Deadline | None) -> object:
    return None if deadline is None else deadline.last_day


def _distance(
    old: Deadline | None, new: Deadline | None, plan: Plan
) -> tuple[int | None, int | None]:
    if old is None or new is None:
        return None, None
    days = (new.last_day - old.last_day).days
    try:
        return days, plan.calendar.working_days_between(old.last_day, new.last_day)
    except CalendarRangeError:  # the old day lies outside of the new plan's years
        return days, None


def _cause(old: ObligationState, new: ObligationState) -> Cause:
    before, after = old.obligation.task.due, new.obligation.task.due
    if _is_by_ledger(old) or _is_by_ledger(new):
        return Cause.LEDGER
    if before.text != after.text or not _says_the_same(before.rule, after.rule):
        return Cause.PHRASE
    if before.roll != after.roll:
        return Cause.ROLL
    hangs = isinstance(after.rule, Within) and not isinstance(after.rule.of, FromDay)
    if before.rule != after.rule or (hangs and _origin(old.due) != _origin(new.due)):
        return Cause.ANCHOR
    return Cause.CALENDAR


def _says_the_same(before: Rule, after: Rule) -> bool:
    """Whether two rules differ in what they count from at most: a plan issued on another day."""
    if isinstance(before, Within) and isinstance(after, Within):
        return (before.count, before.unit) == (after.count, after.unit)
    return before == after


def _is_by_ledger(state: ObligationState) -> bool:
    """Whether the deadline that holds is one that a return or an extension set."""
    return state.due is not None and state.due.derivation[:1] != (
        () if state.stated is None else state.stated.derivation[:1]
    )


def _origin(deadline: Deadline | None) -> object:
    steps = () if deadline is None else deadline.derivation
    return next((step.values["origin"] for step in steps if "origin" in step.values), None)


def _outcomes(old: Preview, new: Preview, paired: Mapping[str, str]) -> Iterator[OutcomeMove]:
    for key, now in paired.items():
        was = old.state.obligations[key].outcome(old.rehearsal.ended_at)
        state = new.state.obligations[now]
        is_ = state.outcome(new.rehearsal.ended_at)
        if was is not is_ and SETTLED & {was, is_}:
            yield OutcomeMove(state.obligation, was, is_)
