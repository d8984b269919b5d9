"""Timing: in which order the dates of a plan fall, as far as the plan itself states them.

A stage opens, at the latest that its plan provides for, when the gates before it give way;
where one of them has no date of its own, or an event is awaited, that day is not known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from engine.calendar import CalendarRangeError
from engine.deadline import Anchors, NoDate, Phrase, derive, stated_day
from engine.plan import PARENT, GateAfterDue, GateBy, Plan, Span, Stage, Task
from plan_definitions.desk import Desk


@dataclass(frozen=True, slots=True)
class Due:
    """The day on which a stage has something due."""

    day: date
    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class Days:
    """The last day of a deadline as it is worded, and as its roll leaves it."""

    stated: date
    last: date


class Timing:
    """The dates that a plan states, derived once each."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        # By the phrase itself: tasks share them.
        self._derived: dict[int, Days | None] = {}
        self._last: dict[int, date | None] = {}
        self._dated: dict[str, Sequence[tuple[Task, date]]] = {}
        self._counted: dict[str, Set[str]] = {}
        self._reminded: dict[tuple[date, str], date] = {}

    def last_day(self, task: Task) -> date | None:
        """Return the last day of a task, or None where it has none, or none yet."""
        try:
            return self._last[id(task.due)]
        except KeyError:
            days = self.days(task)
            return self._last.setdefault(id(task.due), None if days is None else days.last)

    def days(self, task: Task) -> Days | None:
        """Return the last day of a task, stated and rolled; None where it has none yet."""
        key = id(task.due)
        if key not in self._derived:
            self._derived[key] = self._days(task.due)
        return self._derived[key]

    def _days(self, due: Phrase) -> Days | None:
        if isinstance(due.rule, NoDate):
            return None
        plan = self.plan
        stated = stated_day(due, calendar=plan.calendar, anchors=Anchors())
        if stated is None or plan.calendar.is_working(stated):
            return None if stated is None else Days(stated, stated)
        found = derive(due, calendar=plan.calendar, zone=plan.zone, anchors=Anchors())
        return None if found is None else Days(stated, found.last_day)

    def dated(self, stage: Stage) -> Sequence[tuple[Task, date]]:
        """Return the tasks of a stage that have a last day, with it."""
        if stage.id not in self._dated:
            days = [(task, self.last_day(task)) for task in stage.tasks]
            self._dated[stage.id] = [(task, day) for task, day in days if day is not None]
        return self._dated[stage.id]

    def counted(self, stage: Stage) -> Set[str]:
        """Return the tasks that a stage's gate counts."""
        if stage.id not in self._counted:
            self._counted[stage.id] = frozenset(stage.gate.tasks)
        return self._counted[stage.id]

    def last_reminder(self, day: date, ladder: str) -> date:
        """Return the day of the last reminder that a ladder has of a last day."""
        key = (day, ladder)
        if key not in self._reminded:
            remind = self.plan.ladders[ladder].remind
            self._reminded[key] = self._reminder(day, min(remind))
        return self._reminded[key]

    def first_reminder(self, day: date, ladder: str) -> date:
        """Return the day of the first reminder that a ladder has of a last day."""
        return self._reminder(day, max(self.plan.ladders[ladder].remind))

    def _reminder(self, day: date, before: int) -> date:
        return self.plan.calendar.offset(self.plan.calendar.on_or_before(day), -before)

    def followers(self, stage: str) -> list[str]:
        """Return the stages that need a stage, in the plan's order."""
        return self._followers.get(stage, [])

    @cached_property
    def _followers(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for stage in self.plan.stages:
            for need in stage.needs:
                found[need].append(stage.id)
        return found

    def first_due_after(self, stage: str) -> Due | None:
        """Return the earliest thing due in any stage that waits for a stage, however far."""
        return self._first_due_after.get(stage)

    @cached_property
    def _first_due_after(self) -> Mapping[str, Due]:
        found: dict[str, Due] = {}
        for stage in reversed(self.plan.stages):
            dues = [
                due
                for later in self.followers(stage.id)
                for due in (self._first_due_in.get(later), found.get(later))
                if due is not None
            ]
            if dues:
                found[stage.id] = min(dues, key=lambda due: due.day)
        return found

    @cached_property
    def _first_due_in(self) -> Mapping[str, Due]:
        """The earliest thing due in each stage that has anything due."""
        found: dict[str, Due] = {}
        for stage in self.plan.stages:
            if dated := self.dated(stage):
                task, day = min(dated, key=lambda one: one[1])
                found[stage.id] = Due(day, stage.id, task.id)
        return found

    def opens(self, stage: Stage) -> date | None:
        """Return the day on which a stage opens if every gate before it gives way by date."""
        return self._opens.get(stage.id)

    @cached_property
    def _opens(self) -> Mapping[str, date]:
        opens: dict[str, date] = {}
        gives_way: dict[str, date] = {}
        for stage in self.plan.stages:
            if stage.event is None and all(need in gives_way for need in stage.needs):
                before = [gives_way[need] for need in stage.needs]
                opens[stage.id] = max([self.plan.issued, *before])
                if (day := self._gives_way(stage, opens[stage.id])) is not None:
                    gives_way[stage.id] = day
        return opens

    def _gives_way(self, stage: Stage, opens: date) -> date | None:
        """Return the day that begins as the gate gives way: it does so at the end of one."""
        match stage.gate.otherwise:
            case GateBy(day):
                return max(day + timedelta(days=1), opens)
            case GateAfterDue(count):
                counted = self.counted(stage)
                days = [day for task, day in self.dated(stage) if task.id in counted]
                if not days:
                    return None
                try:
                    return self.plan.calendar.offset(max(*days, opens), count) + timedelta(days=1)
                except CalendarRangeError:
                    return None
        return None


def advise_on_order(plan: Plan, desk: Desk, timing: Timing) -> None:
    """Note dates that fall in an order in which the work cannot be done."""
    owing = _owing_by_day(plan, timing)
    for stage in plan.stages:
        first = timing.first_due_after(stage.id)
        for task, day in timing.dated(stage):
            if first is not None and day > first.day and task.id in timing.counted(stage):
                desk.add(
                    "due-after-reader",
                    *("stages", stage.id, "tasks", task.id, "due"),
                    task=task.id,
                    day=day,
                    later=first.stage,
                    due=first.day,
                )
            else:
                _advise_on_readers(plan, desk, stage, task, day, owing[day])
        _advise_on_opening(plan, desk, timing, stage)
        _advise_on_event(plan, desk, timing, stage)
    if plan.quiet:
        _advise_on_quiet_days(plan, desk, timing)


def _advise_on_event(plan: Plan, desk: Desk, timing: Timing, stage: Stage) -> None:
    """Note that an event may come after a date by which something of its stage is due."""
    if stage.event is not None and (dated := timing.dated(stage)):
        task, day = min(dated, key=lambda one: one[1])
        desk.add(
            "date-before-event",
            *("stages", stage.id, "when"),
            key=True,
            event=plan.events[stage.event].title,
            stage=stage.id,
            task=task.id,
            day=day,
        )


def _advise_on_quiet_days(plan: Plan, desk: Desk, timing: Timing) -> None:
    """Note quiet days after which, for some task, the day of the last reminder is past."""
    silenced: dict[Span, list[tuple[Task, date]]] = {}
    for stage in plan.stages:
        for task, day in timing.dated(stage):
            if plan.ladders[task.ladder].remind:
                first = timing.first_reminder(day, task.ladder)
                quiet = plan.quiet_span(first)
                if quiet is not None and _after_quiet_days(plan, first) > day:
                    silenced.setdefault(quiet, []).append((task, day))
    for quiet, found in silenced.items():
        task, day = found[0]
        at = ("quiet", plan.quiet.index(quiet))
        desk.add("reminders-in-quiet-days", *at, task=task.id, day=day, count=len(found))


def _after_quiet_days(plan: Plan, day: date) -> date:
    """Return `day`, or the first working day after the quiet days that it lies in."""
    while (quiet := plan.quiet_span(day)) is not None:
        day = plan.calendar.offset(quiet.last, 1)
    return day


def _owing_by_day(plan: Plan, timing: Timing) -> Mapping[date, Mapping[str, str]]:
    """Return, for each last day, the agencies that owe something then, and what first."""
    found: dict[date, dict[str, str]] = defaultdict(dict)
    seen: set[tuple[date, int]] = set()
    for stage in plan.stages:
        for task, day in timing.dated(stage):
            if (day, id(task.by)) not in seen:
                seen.add((day, id(task.by)))
                for agency in task.by:
                    found[day].setdefault(agency, task.title)
    return found


def _advise_on_readers(
    plan: Plan, desk: Desk, stage: Stage, task: Task, day: date, owing: Mapping[str, str]
) -> None:
    """Note readers whose own work is due on the day on which they get what they need for it.

    Decree 09/2019/NĐ-CP, art. 8: each level has a deadline of its own.
    """
    if task.to != PARENT and task.to not in owing and owing.keys().isdisjoint(task.copies):
        return
    to = [task.to] if task.to is not None and task.to != PARENT else []
    if task.to == PARENT:
        to = [p for a in task.by if (p := plan.agencies[a].parent) is not None]
    readers = dict.fromkeys(one for one in (*to, *task.copies) if one in owing)
    if readers:
        at = ("stages", stage.id, "tasks", task.id, "due")
        names = [plan.agencies[reader].name for reader in readers]
        desk.add("input-due-same-day", *at, day=day, names=names, count=len(names), task=task.id)


def _advise_on_opening(plan: Plan, desk: Desk, timing: Timing, stage: Stage) -> None:
    """Note a gate, or a ladder's reminders, that are over before the stage opens."""
    opens = timing.opens(stage)
    if opens is None:
        return
    gate = stage.gate.otherwise
    if isinstance(gate, GateBy) and stage.needs and gate.day < opens:
        where = ("stages", stage.id, "gate", "or")
        desk.add("gate-before-opening", *where, day=gate.day, opens=opens, stage=stage.id)
    # Few days and ladders, but thousands of tasks.
    late = {
        (day, ladder)
        for day, ladder in {(day, task.ladder) for task, day in timing.dated(stage)}
        if plan.ladders[ladder].remind and day >= plan.issued
        if timing.last_reminder(day, ladder) < opens
    }
    for task, day in timing.dated(stage) if late else ():
        if (day, task.ladder) in late:
            at = ("stages", stage.id, "tasks", task.id, "due")
            desk.add(
                "reminders-before-opening",
                *at,
                ladder=task.ladder,
                opens=opens,
                day=day,
                task=task.id,
            )
