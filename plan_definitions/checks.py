"""Checks: whether the parts of a plan fit together: names, the graph, gates, addresses."""

from __future__ import annotations

from collections.abc import Mapping, Set
from functools import partial
from zoneinfo import ZoneInfo

from engine.deadline import Before, By, During, FromDay, FromEvent, FromStage, NoDate, Within
from engine.plan import PARENT, AppendixRef, GateAfterDue, GateBy
from plan_definitions.appendices import key_of
from plan_definitions.arrangement import arrange
from plan_definitions.calendars import YEARS_AHEAD
from plan_definitions.cells import NO_DAY
from plan_definitions.dates import LAST_YEAR
from plan_definitions.desk import NOBODY, Desk
from plan_definitions.phrases import UNDATED, Due
from plan_definitions.register import COMMUNE, Register
from plan_definitions.schema import DefaultsForm, OverdueForm, StageForm, TaskForm
from plan_definitions.spans import check_span

YEARS_OF_DATES = 13
"""Dates may be this many years after the issue; periods counted from them still fit."""


LONGEST_QUIET = 366
"""Days that may be quiet on end: a plan that is silent for longer has stopped."""


LONGEST_CHASE = 400
"""Working days after a deadline at which the last overdue notice may fall: under two years."""


def check_plan(desk: Desk) -> None:
    """Note every fault in how the parts of a plan fit together."""
    _check_head(desk)
    _check_graph(desk)
    _check_defaults(desk, desk.form.defaults, "defaults")
    tasks = _task_names(desk)
    for stage_id, stage in desk.form.stages.items():
        _check_defaults(desk, stage.defaults, "stages", stage_id, "defaults")
        _check_stage(desk, stage_id, stage)
        for task_id, task in stage.tasks.items():
            _check_task(desk, tasks, task, "stages", stage_id, "tasks", task_id)
    _check_appendices(desk)
    _check_ladders(desk)
    _check_quiet(desk)
    if desk.register is not None:
        _check_addresses(desk, desk.register)
        _check_parents(desk, desk.register)


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
    for index, note in enumerate(form.notes):
        at = ("notes", index)
        written = [key for key in ("why", "doubt") if desk.document.holds((*at, key))]
        if not written and not (note.why or note.doubt):
            desk.add("missing-key", *at, "why", key_name="why")


def _check_agency(desk: Desk, name: str, *path: str | int) -> None:
    """Note a name that is no agency of the register."""
    register = desk.register
    if register is None or not name:
        return
    if name in register.groups:
        desk.add("group-not-agency", *path, name=name)
    elif name not in register.known:
        near = partial(register.nearest, name)
        desk.findings.unknown(desk.document, "unknown-agency", *path, near=near, name=name)


def _check_names(desk: Desk, names: tuple[str, ...], *path: str | int) -> None:
    """Note names that are neither an agency nor a group."""
    register = desk.register
    if register is None or register.known.issuperset(names):
        return
    for index, name in enumerate(names):
        if name not in register.known and not register.knows(name):
            near = partial(register.nearest, name)
            at = desk.item(path, index)
            desk.findings.unknown(desk.document, "unknown-agency", *at, near=near, name=name)


def _check_graph(desk: Desk) -> None:
    known = partial(desk.document.keys_at, "stages")
    for stage_id, stage in desk.form.stages.items():
        for index, need in enumerate(stage.needs):
            at = desk.item(("stages", stage_id, "needs"), index)
            if need == stage_id:
                desk.add("stage-needs-itself", *at, name=need)
            elif not desk.document.holds(("stages", need)):
                desk.unknown("unknown-stage", *at, name=need, known=known)
    arranged = arrange({key: stage.needs for key, stage in desk.form.stages.items()})
    for circle in arranged.circles:
        at = ("stages", circle[0], "needs")
        desk.add("stage-cycle", *at, key=True, circle=" → ".join(circle))
    for stage_id, need in arranged.blocked.items():
        desk.add(
            "unreachable-stage", "stages", stage_id, "needs", key=True, name=stage_id, need=need
        )


def _check_defaults(desk: Desk, defaults: DefaultsForm, *at: str | int) -> None:
    if defaults.model_fields_set:
        _check_people(desk, defaults, *at)
        _check_due(desk, defaults.due, *at, "due")


def _check_people(desk: Desk, said: DefaultsForm | TaskForm, *at: str | int) -> None:
    """Note what a task, or the defaults of tasks, name and nobody is called."""
    named = (said.by, said.copies, said.partners, said.to, said.ladder)
    if named in desk.clean:
        return
    before = desk.findings.count
    _check_names(desk, said.by, *at, "by")
    _check_names(desk, said.copies, *at, "copy")
    _check_names(desk, said.partners, *at, "with")
    if said.to != PARENT and said.to not in NOBODY:
        _check_agency(desk, said.to, *at, "to")
    if said.ladder and said.ladder not in desk.form.ladders:
        known = partial(desk.document.keys_at, "ladders")
        if not desk.document.holds(("ladders", said.ladder)):
            desk.unknown("unknown-ladder", *at, "ladder", name=said.ladder, known=known)
    if desk.findings.count == before:
        desk.clean.add(named)


def _check_stage(desk: Desk, stage_id: str, stage: StageForm) -> None:
    at = ("stages", stage_id)
    if stage.when is not None and stage.when.event:
        _check_event(desk, stage.when.event, *at, "when", "event")
    known = partial(desk.document.keys_at, *at, "tasks")
    for index, task in enumerate(stage.gate.tasks):
        if not desk.document.holds((*at, "tasks", task)):
            place = desk.item((*at, "gate", "tasks"), index)
            desk.unknown("unknown-task", *place, name=task, known=known)
    wanted = frozenset(stage.gate.tasks or known())
    counted = {key: task for key, task in desk.filled[stage_id].items() if key in wanted}
    _check_quorum(desk, stage, counted, *at)
    match stage.gate.otherwise:
        case GateBy(day):
            _check_year(desk, day.year, *at, "gate", "or")
        case GateAfterDue() if counted and not any(
            _may_have_date(desk, task, *at, "tasks", key) for key, task in counted.items()
        ):
            desk.add("gate-without-deadline", *at, "gate", "or")


def _check_quorum(
    desk: Desk, stage: StageForm, counted: Mapping[str, TaskForm], *at: str | int
) -> None:
    if not isinstance(stage.gate.quorum, int) or desk.register is None:
        return
    total = sum(len(desk.register.expand(task.by)) for task in counted.values())
    if total and stage.gate.quorum > total:
        written = str(stage.gate.quorum)
        place = (*at, "gate", "quorum")
        desk.add("quorum-out-of-range", *place, variant="total", written=written, total=total)


def _may_have_date(desk: Desk, task: TaskForm, *at: str | int) -> bool:
    """Say whether a task has a date, or would have if its deadline were not at fault."""
    at_fault = task.due is UNDATED and desk.document.holds((*at, "due"))
    return at_fault or not isinstance(task.due.rule, NoDate)


def _check_event(desk: Desk, name: str, *path: str | int) -> None:
    if desk.event_of(name) is None:
        desk.unknown(
            "unknown-event", *path, name=name, known=partial(desk.document.keys_at, "events")
        )


def _task_names(desk: Desk) -> Mapping[str, None]:
    """Return how every task is called, if anything refers to one; no set, to keep their order."""
    if not any(task.collects for _, _, task in desk.tasks):
        return {}
    return dict.fromkeys(f"{stage_id}/{task_id}" for stage_id, task_id, _ in desk.tasks)


def _check_task(desk: Desk, tasks: Mapping[str, None], task: TaskForm, *at: str) -> None:
    _, stage_id, _, task_id = at
    _check_people(desk, task, *at)
    if task.by:
        _check_somebody(desk, task.by, *at)
    elif not desk.filled[stage_id][task_id].by and not desk.document.holds((*at, "by")):
        desk.add("missing-key", *at, "by", key_name="by")
    if task.collects and task.collects not in tasks:
        desk.unknown(
            "unknown-task", *at, "collects", name=task.collects, known=partial(list, tasks)
        )
    if id(task.due) not in desk.clean:  # equal words are read but once
        _check_due(desk, task.due, *at, "due")


def _check_somebody(desk: Desk, names: tuple[str, ...], *at: str) -> None:
    """Note names that come to no agency at all."""
    register = desk.register
    if register is None or names in desk.clean:
        return
    if _is_nobody(register, names):
        desk.add("empty-stage", *at, "by", name=at[-1])
    else:
        desk.clean.add(names)


def _is_nobody(register: Register, names: tuple[str, ...]) -> bool:
    """Say whether names, all of them known, come to no agency at all."""
    return all(register.knows(name) for name in names) and not register.expand(names)


def _check_due(desk: Desk, due: Due, *at: str | int) -> None:
    before = desk.findings.count
    match due.rule:
        case Before(day) | By(day) | During(_, day) | Within(of=FromDay(day)):
            _check_year(desk, day.year, *at)
        case Within(of=FromEvent(name) | FromStage(name)):
            known = desk.event_of(name) or desk.stage_of(name) or desk.is_issue(name)
            if not known:
                desk.unknown("unknown-origin", *at, name=name, known=partial(_origins, desk))
        case NoDate() if due.after is not None:
            _check_event(desk, due.after, *at)
    if desk.findings.count == before:
        desk.clean.add(id(due))


def _origins(desk: Desk) -> list[str]:
    return [*desk.document.keys_at("events"), *desk.document.keys_at("stages")]


def _check_year(desk: Desk, year: int, *at: str | int) -> None:
    first = desk.form.issued.year
    if desk.form.issued != NO_DAY and not first <= year <= first + YEARS_OF_DATES:
        _out_of_range(desk, *at, year=year, first=first, last=first + YEARS_OF_DATES)


def _out_of_range(desk: Desk, *at: str | int, year: int, last: int, first: int = 1990) -> None:
    desk.add("date-out-of-range", *at, written=str(year), first=first, last=last)


def _check_appendices(desk: Desk) -> None:
    """Note references to what is not among the appendices that the plan lists."""
    listed = {key_of(label): form.items for label, form in desk.form.appendices.items()}
    if not listed:
        return
    known = list(desk.form.appendices)
    for stage_id, task_id, task in desk.tasks:
        for index, ref in enumerate(task.appendix):
            at = desk.item(("stages", stage_id, "tasks", task_id, "appendix"), index)
            key = key_of(ref.appendix)
            if key not in listed:
                desk.unknown("unknown-appendix", *at, name=ref.appendix, known=known.copy)
            elif beyond := _beyond(ref, listed[key]):
                name, most = f"Mục {beyond} {ref.appendix}", str(listed[key])
                desk.add("unknown-appendix", *at, variant="item", name=name, known=[most])


def _beyond(ref: AppendixRef, items: int | None) -> str | None:
    """Return the first item of a reference that its appendix does not have."""
    if items is None:
        return None
    numbers = (number for number in (*ref.items, *ref.less) if number.isdecimal())
    return next((number for number in numbers if not 1 <= int(number) <= items), None)


def _check_ladders(desk: Desk) -> None:
    form, known = desk.form, partial(desk.document.keys_at, "ladders")
    uses_default = any(not task.ladder for _, _, task in desk.tasks)
    names = frozenset(known())
    if uses_default and form.ladder and names and form.ladder not in names:
        desk.unknown("unknown-ladder", "ladder", name=form.ladder, known=known)
    for name, ladder in form.ladders.items():
        if ladder.extends and ladder.extends not in names:
            where = ("ladders", name, "extends")
            desk.unknown("unknown-ladder", *where, name=ladder.extends, known=known)
    extends = {name: (ladder.extends,) for name, ladder in form.ladders.items()}
    for name in (name for name, (base,) in extends.items() if name == base):
        desk.add("ladder-cycle", "ladders", name, "extends", circle=f"{name} → {name}")
    for circle in arrange(extends).circles:
        desk.add("ladder-cycle", "ladders", circle[0], "extends", circle=" → ".join(circle))
    for name, ladder in desk.ladders.items():
        at = ("ladders", name)
        if ladder.office_ends < ladder.send_at:
            place = "office_ends" if desk.document.holds((*at, "office_ends")) else "send_at"
            ends, send = f"{ladder.office_ends:%H:%M}", f"{ladder.send_at:%H:%M}"
            desk.add("office-ends-before-sending", *at, place, ends=ends, send=send)
        chased = ladder.overdue
        if chased and chased.first + (chased.at_most - 1) * chased.every > LONGEST_CHASE:
            most = (LONGEST_CHASE - chased.first) // chased.every + 1
            written = str(chased.at_most)
            most_at = (*at, "overdue", "at_most")
            desk.add("number-out-of-range", *most_at, written=written, least=0, most=most)
        if (own := form.ladders[name].overdue) is not None:
            _check_head_and_letter(desk, own, *at, "overdue")
        for index, step in enumerate(form.ladders[name].escalate):
            if step.to == "superior" and "superior" not in desk.document.keys_at():
                desk.add("no-superior", *at, "escalate", index, "to")


def _check_head_and_letter(desk: Desk, overdue: OverdueForm, *at: str | int) -> None:
    """Note a head, or a letter, that waits for a notice that does not come."""
    for key in ("head_from", "letter_from"):
        number = getattr(overdue, key)
        if number is not None and number > overdue.at_most > 0:
            desk.add(
                "rung-never-reached", *at, key, key_name=key, written=number, most=overdue.at_most
            )


def _check_quiet(desk: Desk) -> None:
    for index, span in enumerate(desk.form.quiet):
        at = ("quiet", index)
        for key, day in (("from", span.first), ("until", span.last)):
            if day != NO_DAY:
                _check_year(desk, day.year, *at, key)
        if check_span(span, desk.document, desk.findings, *at):
            count = (span.last - span.first).days + 1
            if count > LONGEST_QUIET:
                desk.add("quiet-too-long", *at, "until", count=count, most=LONGEST_QUIET)


def _levels_used(desk: Desk) -> set[str]:
    return {step.to for ladder in desk.ladders.values() for step in ladder.escalate}


def _check_addresses(desk: Desk, register: Register) -> None:
    """Note each agency that is to be written to, or to receive a report, and has no address."""
    why: dict[str, str] = {}
    levels = _levels_used(desk)
    for level in ("coordinator", "superior"):
        if level in levels:
            why.setdefault(getattr(desk.form, level), level)
    silent = frozenset(a for a in register.agencies if _is_mute(register, a))
    heard: set[tuple[str, ...]] = set()  # names of whom all have an address
    for _, task_id, task in desk.tasks if silent else ():
        if task.by in heard and task.copies in heard and task.to not in silent:
            continue
        by = register.expand(task.by)
        mute = [agency for agency in by if agency in silent]
        heard |= {names for names in (task.by, task.copies) if _all_heard(register, silent, names)}
        communes = [a for a in mute if register.agencies[a].kind == COMMUNE]
        for agency in mute:
            if agency not in communes:
                why.setdefault(agency, "task")
        if communes:
            _note_communes(desk, register, task_id, communes)
        for agency in (task.to, *register.expand(task.copies)):
            if agency in silent and register.agencies[agency].kind != COMMUNE:
                why.setdefault(agency, "recipient")
    for agency, reason in why.items():
        if _is_mute(register, agency):
            name = register.agencies[agency].name
            register.note(desk.findings, "no-email", agency, variant=reason, name=name, id=agency)


def _all_heard(register: Register, silent: Set[str], names: tuple[str, ...]) -> bool:
    return silent.isdisjoint(register.expand(names))


def _is_mute(register: Register, agency: str) -> bool:
    found = register.agencies.get(agency)
    return found is not None and found.email is None and not found.contacts


def _note_communes(desk: Desk, register: Register, task: str, communes: list[str]) -> None:
    """Note communes without an address together: there may be hundreds."""
    names = [register.agencies[commune].name for commune in communes[:3]]
    values = {"task": task, "count": len(communes), "names": names}
    register.note(desk.findings, "communes-without-email", communes[0], **values)


def _check_parents(desk: Desk, register: Register) -> None:
    """Note tasks that are sent to the parent of an agency that has none."""
    for stage_id, task_id, task in desk.tasks:
        if task.to != PARENT:
            continue
        orphans = [
            agency
            for agency in register.expand(task.by)
            if register.agencies[agency].parent is None
        ]
        if orphans:
            at = ("stages", stage_id, "tasks", task_id, "to")
            names = [register.agencies[agency].name for agency in orphans[:3]]
            desk.add("no-parent", *at, count=len(orphans), names=names, task=task_id)
