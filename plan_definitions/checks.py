"""Checks: whether the parts of a plan fit together: names, the graph, gates, addresses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from engine.deadline import Before, By, FromDay, FromEvent, FromStage, NoDate, Within
from engine.plan import GateAfterDue, GateBy
from plan_definitions.arrangement import arrange
from plan_definitions.calendars import YEARS_AHEAD
from plan_definitions.cells import NO_DAY
from plan_definitions.dates import LAST_YEAR
from plan_definitions.diagnostics import nearest
from plan_definitions.phrases import UNDATED
from plan_definitions.register import COMMUNE, Register
from plan_definitions.schema import PlanForm, StageForm, TaskForm
from plan_definitions.validation import Findings
from plan_definitions.yaml_source import Document

YEARS_OF_DATES = 13
"""Dates may be this many years after the issue; periods counted from them still fit."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What lies on the desk while a plan is checked; without a register, agencies are not."""

    form: PlanForm
    document: Document
    register: Register | None
    findings: Findings

    def tasks(self) -> Iterator[tuple[str, str, TaskForm]]:
        """Yield every task with the ids of its stage and itself."""
        for stage_id, stage in self.form.stages.items():
            for task_id, task in stage.tasks.items():
                yield stage_id, task_id, task

    def add(self, kind: str, *path: str | int, key: bool = False, **values: Any) -> None:
        """Note a fault of the plan file."""
        self.findings.add(self.document, kind, *path, key=key, **values)

    def unknown(self, kind: str, *path: str | int, name: str, known: list[str]) -> None:
        """Note a name that nothing has."""
        near = nearest(name, known)
        self.findings.unknown(
            self.document, kind, *path, near=near, name=name, known=known or ["-"]
        )


def check_plan(desk: Desk) -> None:
    """Note every fault in how the parts of a plan fit together."""
    _check_head(desk)
    _check_graph(desk)
    for stage_id, stage in desk.form.stages.items():
        _check_stage(desk, stage_id, stage)
    for stage_id, task_id, task in desk.tasks():
        _check_task(desk, stage_id, task_id, task)
    _check_ladders(desk)
    if desk.register is not None:
        _check_addresses(desk, desk.register)


def read_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a folder's name is an OSError
        return None


def _check_head(desk: Desk) -> None:
    form = desk.form
    for key in ("issuer", "coordinator", "superior"):
        _check_agency(desk, getattr(form, key), key)
    if form.time_zone and read_zone(form.time_zone) is None:
        desk.add("unknown-zone", "time_zone", name=form.time_zone)
    if form.issued.year + YEARS_AHEAD > LAST_YEAR:
        _out_of_range(desk, "issued", year=form.issued.year, last=LAST_YEAR - YEARS_AHEAD)


def _check_agency(desk: Desk, name: str, *path: str | int) -> None:
    """Note a name that is no agency of the register."""
    register = desk.register
    if register is None or not name:
        return
    if name in register.groups:
        desk.add("group-not-agency", *path, name=name)
    elif name not in register.known:
        near = register.nearest(name)
        desk.findings.unknown(desk.document, "unknown-agency", *path, near=near, name=name)


def _check_names(desk: Desk, names: tuple[str, ...], *path: str | int) -> None:
    """Note names that are neither an agency nor a group."""
    register = desk.register
    for index, name in enumerate(names):
        if register is not None and name not in register.known:
            near = register.nearest(name)
            at = _item(desk.document, path, index)
            desk.findings.unknown(desk.document, "unknown-agency", *at, near=near, name=name)


def _item(document: Document, path: tuple[str | int, ...], index: int) -> tuple[str | int, ...]:
    """Return the path of a list's item, or of the single value that stands for the list."""
    item = (*path, index)
    return item if item in document.value_marks else path


def _check_graph(desk: Desk) -> None:
    known = desk.document.keys_at("stages")
    for stage_id, stage in desk.form.stages.items():
        for index, need in enumerate(stage.needs):
            at = _item(desk.document, ("stages", stage_id, "needs"), index)
            if need == stage_id:
                desk.add("stage-needs-itself", *at, name=need)
            elif need not in known:
                desk.unknown("unknown-stage", *at, name=need, known=known)
    arranged = arrange({key: stage.needs for key, stage in desk.form.stages.items()})
    for circle in arranged.circles:
        at = ("stages", circle[0], "needs")
        desk.add("stage-cycle", *at, key=True, circle=" → ".join(circle))
    for stage_id, need in arranged.blocked.items():
        desk.add(
            "unreachable-stage", "stages", stage_id, "needs", key=True, name=stage_id, need=need
        )


def _check_stage(desk: Desk, stage_id: str, stage: StageForm) -> None:
    at = ("stages", stage_id)
    if stage.when is not None and stage.when.event:
        _check_event(desk, stage.when.event, *at, "when", "event")
    known = desk.document.keys_at(*at, "tasks")
    for index, task in enumerate(stage.gate.tasks):
        if task not in known:
            place = _item(desk.document, (*at, "gate", "tasks"), index)
            desk.unknown("unknown-task", *place, name=task, known=known)
    counted = {key: task for key, task in stage.tasks.items() if key in (stage.gate.tasks or known)}
    _check_quorum(desk, stage, counted, *at)
    match stage.gate.otherwise:
        case GateBy(day):
            _check_year(desk, day.year, *at, "gate", "or")
        case GateAfterDue() if counted and not any(
            _may_have_date(desk, task, *at, "tasks", key) for key, task in counted.items()
        ):
            desk.add("gate-without-deadline", *at, "gate", "or")


def _check_quorum(
    desk: Desk, stage: StageForm, counted: dict[str, TaskForm], *at: str | int
) -> None:
    if not isinstance(stage.gate.quorum, int) or desk.register is None:
        return
    total = sum(len(desk.register.expand(task.by)) for task in counted.values())
    if total and stage.gate.quorum > total:
        written = str(stage.gate.quorum)
        desk.findings.add(
            desk.document,
            "quorum-out-of-range",
            *at,
            "gate",
            "quorum",
            variant="total",
            written=written,
            total=total,
        )


def _may_have_date(desk: Desk, task: TaskForm, *at: str | int) -> bool:
    """Say whether a task has a date, or would have if its deadline were not at fault."""
    at_fault = task.due is UNDATED and (*at, "due") in desk.document.value_marks
    return at_fault or not isinstance(task.due.rule, NoDate)


def _check_event(desk: Desk, name: str, *path: str | int) -> None:
    known = desk.document.keys_at("events")
    if name not in known:
        desk.unknown("unknown-event", *path, name=name, known=known)


def _check_task(desk: Desk, stage_id: str, task_id: str, task: TaskForm) -> None:
    at = ("stages", stage_id, "tasks", task_id)
    _check_names(desk, task.by, *at, "by")
    _check_names(desk, task.copies, *at, "copy")
    _check_names(desk, task.partners, *at, "with")
    _check_agency(desk, task.to, *at, "to")
    register = desk.register
    if register is not None and task.by and _is_nobody(register, task.by):
        desk.add("empty-stage", *at, "by", name=task_id)
    if task.ladder and task.ladder not in desk.document.keys_at("ladders"):
        known = desk.document.keys_at("ladders")
        desk.unknown("unknown-ladder", *at, "ladder", name=task.ladder, known=known)
    _check_due(desk, task, *at, "due")


def _is_nobody(register: Register, names: tuple[str, ...]) -> bool:
    """Say whether names, all of them known groups, come to no agency at all."""
    return all(name in register.groups for name in names) and not register.expand(names)


def _check_due(desk: Desk, task: TaskForm, *at: str | int) -> None:
    match task.due.rule:
        case Before(day) | By(day) | Within(of=FromDay(day)):
            _check_year(desk, day.year, *at)
        case Within(of=FromEvent(name) | FromStage(name)):
            known = [*desk.document.keys_at("events"), *desk.document.keys_at("stages")]
            if name not in known:
                desk.unknown("unknown-origin", *at, name=name, known=known)
        case NoDate() if task.due.after is not None:
            _check_event(desk, task.due.after, *at)


def _check_year(desk: Desk, year: int, *at: str | int) -> None:
    first = desk.form.issued.year
    if desk.form.issued != NO_DAY and not first <= year <= first + YEARS_OF_DATES:
        _out_of_range(desk, *at, year=year, first=first, last=first + YEARS_OF_DATES)


def _out_of_range(desk: Desk, *at: str | int, year: int, last: int, first: int = 1990) -> None:
    desk.add("date-out-of-range", *at, written=str(year), first=first, last=last)


def _check_ladders(desk: Desk) -> None:
    form, known = desk.form, desk.document.keys_at("ladders")
    uses_default = any(not task.ladder for _, _, task in desk.tasks())
    if uses_default and form.ladder and known and form.ladder not in known:
        desk.unknown("unknown-ladder", "ladder", name=form.ladder, known=known)
    for name, ladder in form.ladders.items():
        at = ("ladders", name)
        if ladder.office_ends < ladder.send_at:
            place = (
                "office_ends" if (*at, "office_ends") in desk.document.value_marks else "send_at"
            )
            ends, send = f"{ladder.office_ends:%H:%M}", f"{ladder.send_at:%H:%M}"
            desk.add("office-ends-before-sending", *at, place, ends=ends, send=send)
        for index, step in enumerate(ladder.escalate):
            if step.to == "superior" and "superior" not in desk.document.keys_at():
                desk.add("no-superior", *at, "escalate", index, "to")


def _check_addresses(desk: Desk, register: Register) -> None:
    """Note each agency that is to be written to and has no address."""
    why: dict[str, str] = {}
    for level in ("coordinator", "superior"):
        name = getattr(desk.form, level)
        if any(
            step.to == level for ladder in desk.form.ladders.values() for step in ladder.escalate
        ):
            why.setdefault(name, level)
    for _, task_id, task in desk.tasks():
        mute = [a for a in register.expand(task.by) if _is_mute(register, a)]
        communes = [a for a in mute if register.agencies[a].kind == COMMUNE]
        for agency in mute:
            if agency not in communes:
                why.setdefault(agency, "task")
        if communes:
            _note_communes(desk, register, task_id, communes)
    for agency, reason in why.items():
        if _is_mute(register, agency):
            path = register.path(agency)
            name = register.agencies[agency].name
            desk.findings.add(
                register.document, "no-email", *path, key=True, variant=reason, name=name, id=agency
            )


def _is_mute(register: Register, agency: str) -> bool:
    return agency in register.agencies and register.agencies[agency].email is None


def _note_communes(desk: Desk, register: Register, task: str, communes: list[str]) -> None:
    """Note communes without an address together: there may be hundreds."""
    names = [register.agencies[commune].name for commune in communes[:3]]
    path = register.path(communes[0])
    desk.findings.add(
        register.document,
        "communes-without-email",
        *path,
        key=True,
        task=task,
        count=len(communes),
        names=names,
    )
