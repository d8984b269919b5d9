"""Advice: what is no fault, but worth a look before a plan runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from engine.calendar import WorkingCalendar
from engine.deadline import FromEvent, NoDate, Within
from engine.plan import PARENT, GateBy, Level, Plan, Role, Stage, Task
from plan_definitions.coverage import advise_on_coverage
from plan_definitions.desk import Desk
from plan_definitions.overlays import Layer, advise_on_layers, overlay_of
from plan_definitions.register import COMMUNE, Register
from plan_definitions.timing import Days, Timing, advise_on_order

FEW = 3
"""Names that a sentence lists before it counts the rest."""


def advise(plan: Plan, desk: Desk, register: Register, layers: Sequence[Layer]) -> None:
    """Note warnings and advice on a plan without faults."""
    uncertain = {day.date: day.name for day in overlay_of(layers).uncertain}
    timing = Timing(plan)
    dated = _owing_by_date(plan)
    silent: set[int] = set()  # the phrases of which there is nothing to say, whoever has them
    for stage in plan.stages:
        forms = desk.filled[stage.id]
        for task in stage.tasks:
            form = forms[task.id]
            if form.due.after is not None:
                _advise_on_event(desk, stage, task, form.due.after)
            if id(task.due) not in silent:
                before = desk.findings.count
                _advise_on_day(plan, desk, timing, stage, task, uncertain)
                if desk.findings.count == before:
                    silent.add(id(task.due))
            _advise_on_people(plan, desk, stage, task)
            if form.concerning or task.concerning:
                _advise_on_communes(desk, stage, task, dated)
        _advise_on_gate(plan, desk, timing, stage)
    advise_on_order(plan, desk, timing)
    advise_on_coverage(plan, desk)
    _advise_on_doubts(plan, desk)
    _advise_on_unused_names(plan, desk)
    _advise_on_letters(plan, desk)
    _advise_on_unused(plan, desk, register)
    _advise_on_contacts(register, desk)
    advise_on_layers(layers, desk.findings)


def _advise_on_event(desk: Desk, stage: Stage, task: Task, after: str) -> None:
    if desk.event_of(after) != stage.event:
        at = ("stages", stage.id, "tasks", task.id, "due")
        desk.add("event-not-awaited", *at, event=after, stage=stage.id)


def _advise_on_day(
    plan: Plan,
    desk: Desk,
    timing: Timing,
    stage: Stage,
    task: Task,
    uncertain: dict[date, str],
) -> None:
    at = ("stages", stage.id, "tasks", task.id, "due")
    days = timing.days(task)
    if days is None:
        return
    last = days.stated
    if not plan.calendar.is_working(last):
        _advise_on_day_off(plan, desk, days, *at)
    if last < plan.issued:
        desk.add("due-before-issue", *at, day=last, issued=plan.issued)
    if last in uncertain:
        desk.add("uncertain-day", *at, day=last, name=uncertain[last])
    _advise_on_year(plan.calendar, desk, last, *at)


def _advise_on_day_off(plan: Plan, desk: Desk, days: Days, *at: str | int) -> None:
    last, moved = days.stated, days.last
    how = "stays" if moved == last else "forward" if moved > last else "back"
    before = plan.calendar.on_or_before(last)
    desk.add("last-day-off", *at, variant=how, day=last, before=before, moved=moved)


def _advise_on_year(calendar: WorkingCalendar, desk: Desk, day: date, *at: str | int) -> None:
    if calendar.is_estimate(day.year):
        desk.add("estimated-year", *at, year=str(day.year), day=day)


def _advise_on_people(plan: Plan, desk: Desk, stage: Stage, task: Task) -> None:
    at = ("stages", stage.id, "tasks", task.id)
    if task.to is None:
        desk.add("no-recipient", *at, key=True, task=task.id)
    elif task.to in task.by:
        desk.add("sender-is-recipient", *at, "to", name=plan.agencies[task.to].name, task=task.id)
    if task.copies and (own := [copy for copy in task.copies if copy in task.by]):
        names = [plan.agencies[copy].name for copy in own]
        desk.add("sender-is-recipient", *at, "copy", variant="copy", name=names, task=task.id)


def _advise_on_communes(desk: Desk, stage: Stage, task: Task, dated: frozenset[str]) -> None:
    """Note a task that is about no commune, or about communes that owe nothing by a date."""
    at = ("stages", stage.id, "tasks", task.id)
    if not task.concerning:
        desk.add("no-communes", *at, "concerning", task=task.id)
    elif isinstance(task.due.rule, NoDate) and not task.collects:
        communes = {one for found in task.concerning.values() for one in found}
        if count := len(communes - dated):
            desk.add("communes-undated", *at, "concerning", task=task.id, count=count)


def _owing_by_date(plan: Plan) -> frozenset[str]:
    """Return the agencies that owe something with a date, known already or not yet."""
    groups = {  # by identity: thousands of tasks share a few
        id(task.by): task.by
        for stage in plan.stages
        for task in stage.tasks
        if not isinstance(task.due.rule, NoDate)
    }
    return frozenset().union(*groups.values())


def _advise_on_gate(plan: Plan, desk: Desk, timing: Timing, stage: Stage) -> None:
    """Warn where a later stage may wait for ever; give advice on the gate's own date."""
    at = ("stages", stage.id)
    followers = timing.followers(stage.id)
    undated = [
        task
        for task in stage.tasks
        if isinstance(task.due.rule, NoDate) and task.id in timing.counted(stage)
    ]
    if followers and undated and stage.gate.otherwise is None:
        for task in undated:
            where = (*at, "tasks", task.id)
            desk.add("undated-task-awaited", *where, key=True, task=task.id, stage=followers[0])
    elif undated and (first := timing.first_due_after(stage.id)) is not None:
        desk.add(
            "undated-tasks-awaited",
            *at,
            "tasks",
            key=True,
            stage=stage.id,
            count=len(undated),
            of=len(stage.tasks),
            later=first.stage,
            day=first.day,
        )
    if isinstance(stage.gate.otherwise, GateBy):
        day = stage.gate.otherwise.day
        if not plan.calendar.is_working(day):
            before = plan.calendar.on_or_before(day)
            desk.add(
                "last-day-off", *at, "gate", "or", variant="gate", day=day, before=before, moved=day
            )
        _advise_on_year(plan.calendar, desk, day, *at, "gate", "or")


def _advise_on_doubts(plan: Plan, desk: Desk) -> None:
    """List the passages of the document that the coordinator marked as doubtful."""
    for index, note in enumerate(plan.notes):
        if note.doubt:
            desk.add("document-doubt", "notes", index, "doubt", ref=note.ref, doubt=note.doubt)


def _advise_on_unused_names(plan: Plan, desk: Desk) -> None:
    """Note events that nothing waits for, and ladders that nothing uses."""
    tasks = [task for stage in plan.stages for task in stage.tasks]
    awaited = {stage.event for stage in plan.stages}
    awaited |= {
        task.due.rule.of.event
        for task in tasks
        if isinstance(task.due.rule, Within) and isinstance(task.due.rule.of, FromEvent)
    }
    for event in plan.events:
        if event not in awaited:
            desk.add("unused-event", "events", event, key=True, name=event)
    used = {task.ladder for task in tasks} | {one.extends for one in desk.form.ladders.values()}
    for ladder in plan.ladders:
        if ladder not in used:
            desk.add("unused-ladder", "ladders", ladder, key=True, name=ladder)


def _advise_on_letters(plan: Plan, desk: Desk) -> None:
    """Note draft letters that go, unsigned, to the superior that they are to be sent to."""
    if plan.superior is None:
        return
    superior, coordinator = plan.agencies[plan.superior], plan.agencies[plan.coordinator]
    for name, form in desk.form.ladders.items():
        for index, step in enumerate(form.escalate):
            if step.letter and Level[step.to.upper()] is Level.SUPERIOR:
                at = ("ladders", name, "escalate", index, "letter")
                values = {"superior": superior.name, "coordinator": coordinator.name}
                desk.add("unsigned-letter", *at, key=True, **values)


def _advise_on_unused(plan: Plan, desk: Desk, register: Register) -> None:
    used = {plan.issuer, *plan.levels} | _named(plan)
    parents = {register.agencies[a].parent for a in used if a in register.agencies}
    idle = [a for key, a in register.agencies.items() if key not in used | parents]
    for agency in idle:
        if agency.kind != COMMUNE:
            register.note(desk.findings, "unused-agency", agency.id, name=agency.name)
    communes = [agency for agency in idle if agency.kind == COMMUNE]
    if communes:
        names = [agency.name for agency in communes[:FEW]]
        values = {"count": len(communes), "names": names}
        register.note(desk.findings, "unused-communes", communes[0].id, **values)


def _advise_on_contacts(register: Register, desk: Desk) -> None:
    """Note agencies whose mail goes to a head, or to those who get copies: nobody answers it."""
    for agency in register.agencies.values():
        roles = {contact.role for contact in agency.contacts}
        if roles and agency.email is None and Role.FOCAL not in roles:
            register.note(desk.findings, "no-focal-point", agency.id, name=agency.name)


def _named(plan: Plan) -> set[str]:
    """Return every agency that a task names."""
    single: set[str] = set()
    groups: dict[int, tuple[str, ...]] = {}  # by identity: thousands of tasks share a few
    for stage in plan.stages:
        for task in stage.tasks:
            if task.to is not None:
                single.add(task.to)
            groups[id(task.by)] = task.by
            groups[id(task.copies)] = task.copies
            groups[id(task.partners)] = task.partners
            for communes in task.concerning.values():
                groups[id(communes)] = communes
    return (single - {PARENT}).union(*groups.values())
