"""Advice: what is no fault, but worth a look before a plan runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from engine.calendar import WorkingCalendar
from engine.deadline import Anchors, NoDate, Roll, derive
from engine.plan import GateBy, Plan, Stage, Task
from plan_definitions.checks import Desk
from plan_definitions.overlays import Layer, advise_on_layers, overlay_of
from plan_definitions.register import COMMUNE, Register


def advise(plan: Plan, desk: Desk, register: Register, layers: Sequence[Layer]) -> None:
    """Note warnings and advice on a plan without faults."""
    uncertain = {day.date: day.name for day in overlay_of(layers).uncertain}
    for stage in plan.stages:
        for task in stage.tasks:
            _advise_on_day(plan, desk, stage, task, uncertain)
            _advise_on_people(plan, desk, stage, task)
        _advise_on_gate(plan, desk, stage)
    _advise_on_unused(plan, desk, register)
    advise_on_layers(layers, desk.findings)


def _advise_on_day(
    plan: Plan, desk: Desk, stage: Stage, task: Task, uncertain: dict[date, str]
) -> None:
    at = ("stages", stage.id, "tasks", task.id, "due")
    unrolled = replace(task.due, roll=Roll.NONE)
    derived = derive(unrolled, calendar=plan.calendar, zone=plan.zone, anchors=Anchors())
    after = desk.form.stages[stage.id].tasks[task.id].due.after
    if after is not None and after != stage.event:
        desk.add("event-not-awaited", *at, event=after, stage=stage.id)
    if derived is None:
        return
    last = derived.last_day
    if not plan.calendar.is_working(last):
        before = plan.calendar.on_or_before(last)
        settled = derive(task.due, calendar=plan.calendar, zone=plan.zone, anchors=Anchors())
        assert settled is not None
        moved = settled.last_day
        how = "stays" if moved == last else "forward" if moved > last else "back"
        desk.add("last-day-off", *at, variant=how, day=last, before=before, moved=moved)
    if last < plan.issued:
        desk.add("due-before-issue", *at, day=last, issued=plan.issued)
    if last in uncertain:
        desk.add("uncertain-day", *at, day=last, name=uncertain[last])
    _advise_on_year(plan.calendar, desk, last, *at)


def _advise_on_year(calendar: WorkingCalendar, desk: Desk, day: date, *at: str | int) -> None:
    if calendar.is_estimate(day.year):
        desk.add("estimated-year", *at, year=str(day.year), day=day)


def _advise_on_people(plan: Plan, desk: Desk, stage: Stage, task: Task) -> None:
    at = ("stages", stage.id, "tasks", task.id)
    if task.to is None:
        desk.add("no-recipient", *at, key=True, task=task.id)
    elif task.to in task.by:
        desk.add("sender-is-recipient", *at, "to", name=plan.agencies[task.to].name, task=task.id)
    if desk.form.stages[stage.id].tasks[task.id].concerning and not task.concerning:
        desk.add("no-communes", *at, "concerning", task=task.id)


def _advise_on_gate(plan: Plan, desk: Desk, stage: Stage) -> None:
    """Warn where a later stage may wait for ever; give advice on the gate's own date."""
    at = ("stages", stage.id)
    followers = [later.id for later in plan.stages if stage.id in later.needs]
    if followers and stage.gate.otherwise is None:
        for task in stage.tasks:
            if task.id in stage.gate.tasks and isinstance(task.due.rule, NoDate):
                where = (*at, "tasks", task.id)
                desk.add("undated-task-awaited", *where, key=True, task=task.id, stage=followers[0])
    if isinstance(stage.gate.otherwise, GateBy):
        day = stage.gate.otherwise.day
        if not plan.calendar.is_working(day):
            before = plan.calendar.on_or_before(day)
            desk.add(
                "last-day-off", *at, "gate", "or", variant="gate", day=day, before=before, moved=day
            )
        _advise_on_year(plan.calendar, desk, day, *at, "gate", "or")


def _advise_on_unused(plan: Plan, desk: Desk, register: Register) -> None:
    used = {plan.issuer, *plan.levels, *_named(plan)}
    parents = {register.agencies[a].parent for a in used if a in register.agencies}
    idle = [a for key, a in register.agencies.items() if key not in used | parents]
    for agency in idle:
        if agency.kind != COMMUNE:
            path = register.path(agency.id)
            desk.findings.add(register.document, "unused-agency", *path, key=True, name=agency.name)
    communes = [agency for agency in idle if agency.kind == COMMUNE]
    if communes:
        path = register.path(communes[0].id)
        names = [agency.name for agency in communes[:3]]
        desk.findings.add(
            register.document, "unused-communes", *path, key=True, count=len(communes), names=names
        )


def _named(plan: Plan) -> Iterable[str]:
    """Yield every agency that a task names."""
    for stage in plan.stages:
        for task in stage.tasks:
            yield from task.by
            yield from task.copies
            yield from task.partners
            if task.to is not None:
                yield task.to
            for communes in task.concerning.values():
                yield from communes
