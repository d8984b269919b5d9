"""Assembly: the plan that faultless forms state, as the engine's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.calendar import WorkingCalendar
from engine.deadline import FromDay, FromEvent, FromStage, Phrase, Within
from engine.plan import (
    Appendix,
    AppendixRef,
    EscalationStep,
    Gate,
    Ladder,
    Level,
    Note,
    OutsideEvent,
    Overdue,
    Plan,
    Span,
    Stage,
    Task,
)
from plan_definitions.appendices import key_of
from plan_definitions.arrangement import arrange
from plan_definitions.checks import read_zone
from plan_definitions.desk import Desk
from plan_definitions.phrases import worded
from plan_definitions.register import Register
from plan_definitions.schema import LadderForm, OverdueForm, StageForm, TaskForm


def assemble(desk: Desk, register: Register, calendar: WorkingCalendar) -> Plan:
    """Return the plan of forms in which no fault was found."""
    form = desk.form
    zone = read_zone(form.time_zone)
    assert zone is not None
    order = arrange({key: stage.needs for key, stage in form.stages.items()}).order
    return Plan(
        id=form.plan,
        number=form.number,
        title=form.title,
        issued=form.issued,
        issuer=form.issuer,
        coordinator=form.coordinator,
        superior=form.superior or None,
        zone=zone,
        language=form.language,
        agencies=register.agencies,
        stages=tuple(_stage(desk, register, key, form.stages[key]) for key in order),
        ladders={name: _ladder(name, ladder) for name, ladder in desk.ladders.items()},
        calendar=calendar,
        events={
            name: OutsideEvent(name, event.title, event.document, event.correlate)
            for name, event in form.events.items()
        },
        notes=tuple(
            Note(note.ref, note.text, note.why, note.row, note.doubt) for note in form.notes
        ),
        appendices={
            label: Appendix(label, appendix.title, appendix.items)
            for label, appendix in form.appendices.items()
        },
        groups=register.groups,
        quiet=tuple(Span(span.first, span.last, span.why) for span in form.quiet),
    )


def phrase(desk: Desk, task: TaskForm) -> Phrase:
    """Return a task's deadline, its names settled and a twin put into words."""
    rule, due = task.due.rule, task.due
    key = (id(due), task.roll)  # the same words are read but once
    made = desk.phrases.get(key)
    if made is not None:
        return made
    if isinstance(rule, Within) and isinstance(rule.of, FromEvent | FromStage):
        rule = Within(rule.count, rule.unit, _origin(desk, rule.of))
    text = due.text or worded(desk.form.language, rule, due.after)
    return desk.phrases.setdefault(key, Phrase(text, rule, task.roll))


def _origin(desk: Desk, of: FromEvent | FromStage) -> FromDay | FromEvent | FromStage:
    """Return the event or stage of that name; where both have it, the wording stands."""
    name = of.event if isinstance(of, FromEvent) else of.stage
    if desk.is_issue(name):
        return FromDay(desk.form.issued)
    event, stage = desk.event_of(name), desk.stage_of(name)
    if event is not None and (stage is None or isinstance(of, FromEvent)):
        return FromEvent(event)
    assert stage is not None
    return FromStage(stage)


def _stage(desk: Desk, register: Register, key: str, form: StageForm) -> Stage:
    return Stage(
        id=key,
        title=form.title,
        tasks=tuple(
            _task(desk, register, task_id, task) for task_id, task in desk.filled[key].items()
        ),
        gate=Gate(form.gate.tasks or tuple(form.tasks), form.gate.quorum, form.gate.otherwise),
        needs=tuple(dict.fromkeys(form.needs)),
        event=desk.event_of(form.when.event) if form.when is not None else None,
        ref=form.ref,
    )


def _task(desk: Desk, register: Register, key: str, form: TaskForm) -> Task:
    by = register.expand(form.by)
    return Task(
        id=key,
        title=form.title,
        by=by,
        due=phrase(desk, form),
        ladder=form.ladder or desk.form.ladder,
        to=form.to or None,
        copies=register.expand(form.copies) if form.copies else (),
        partners=register.expand(form.partners) if form.partners else (),
        concerning=register.communes_by(by) if form.concerning or form.collects else {},
        appendix=_labelled(desk, form.appendix) if form.appendix else (),
        collects=form.collects or None,
        ref=form.ref,
        rows=form.row,
        note=form.note,
    )


def _labelled(desk: Desk, refs: Sequence[AppendixRef]) -> tuple[AppendixRef, ...]:
    """Return references that call their appendices as the plan's list does."""
    labels = {key_of(label): label for label in reversed(desk.form.appendices)}
    if not labels:
        return tuple(refs)
    called = [labels.get(key_of(ref.appendix), ref.appendix) for ref in refs]
    return tuple(replace(ref, appendix=label) for ref, label in zip(refs, called, strict=True))


def _ladder(name: str, form: LadderForm) -> Ladder:
    steps = sorted(form.escalate, key=lambda step: step.after)
    return Ladder(
        name=name,
        send_at=form.send_at,
        office_ends=form.office_ends,
        remind=tuple(sorted(set(form.remind), reverse=True)),
        overdue=_overdue(form.overdue) if form.overdue else Overdue(),
        escalate=tuple(
            EscalationStep(step.after, Level[step.to.upper()], step.letter) for step in steps
        ),
        tell_partners=form.tell_partners,
    )


def _overdue(form: OverdueForm) -> Overdue:
    return Overdue(form.first, form.every, form.at_most, form.head_from, form.letter_from)
