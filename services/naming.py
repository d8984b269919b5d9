"""Naming: which run, agency, task and obligation people mean by what they pick or write.

A picker hands over labels, `Sở Tư pháp (so-tu-phap)`; a command line bare ids: the id is
what stands in the last parentheses, or all of it. Every function raises Refused with a
sentence for what names nothing, or more than one thing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from enum import Enum
from typing import TypeAlias

from engine.ledger import ObligationState, Standing
from engine.plan import Obligation, Plan
from services import runs
from services.errors import Refused
from services.wiring import Parts
from storage import outbox, plans

_LABEL = re.compile(r".*\(([^()]*)\)\s*", re.DOTALL)

Fits: TypeAlias = Callable[[ObligationState], bool]


class Wanted(Enum):
    """Which obligations an entry can be about, where only the agency is named."""

    OPEN = "open"
    SUBMITTED = "submitted"
    WITH_DIFFICULTY = "with-difficulty"
    WITHDRAWABLE = "withdrawable"

    def fits(self, state: ObligationState) -> bool:
        """Say whether an obligation is such a one."""
        match self:
            case Wanted.OPEN:
                return state.is_open
            case Wanted.SUBMITTED:
                return state.standing is Standing.SUBMITTED
            case Wanted.WITH_DIFFICULTY:
                return bool(state.difficulties)
            case Wanted.WITHDRAWABLE:
                return state.before is not None


def id_of(label: str) -> str:
    """Return the id that a label ends with in parentheses, or what was written, if none."""
    found = _LABEL.fullmatch(label)
    return (found[1] if found else label).strip()


def label(title: str, id: str) -> str:
    """Return what a picker shows for an id: its title, and the id in parentheses."""
    return f"{title} ({id})"


def find_run(parts: Parts, written: str | None) -> str:
    """Return the run that is meant; without a name the only active one."""
    return runs.find(parts, id_of(written or "") or None, active_only=True)


def find_agency(parts: Parts, run: str, written: str) -> str | None:
    """Return the id of the agency that is meant in a run; None where none is named."""
    if not id_of(written):
        return None
    with parts.database.reading() as connection:
        plan = runs.live(parts, connection, run).plan
    return agency_of(plan, written)


def addressee_of(parts: Parts, run: str | None, written: str) -> str:
    """Return the id of an agency that gets mail of a run, or of any, by its id, label or name.

    Raises Refused where there is none.
    """
    with parts.database.reading() as connection:
        found = [one for one in plans.all_runs(connection) if run is None or one.id == run]
        written_to = outbox.written_to(connection)  # one that an amendment has removed too
    names = {id: id for id in written_to}
    for one in found:
        names |= {id: agency.name for id, agency in parts.plan(one.plan_version).agencies.items()}
    named = id_of(written)
    asked = {named.casefold(), written.strip().casefold()}
    for id, name in names.items():
        if id == named or {id.casefold(), name.casefold()} & asked:
            return id
    close = difflib.get_close_matches(named.casefold(), names, n=3, cutoff=0.6) or [
        id for id, name in names.items() if name in _near(written, names.values())
    ]
    if close:
        near = ", ".join(label(names[id], id) for id in close)
        raise Refused("refused.no-such-addressee", agency=written.strip(), near=near)
    raise Refused("refused.no-addressee", agency=written.strip(), known=", ".join(names) or "-")


def agency_of(plan: Plan, written: str) -> str:
    """Return the id of an agency that owes something in `plan`, by its id, label or name."""
    named = id_of(written)
    owing = {one.agency.id: one.agency.name for one in plan.obligations.values()}
    found = [id for id, name in owing.items() if named == id] or [
        id
        for id, name in owing.items()
        if named.casefold() in (id.casefold(), name.casefold())
        or written.strip().casefold() == name.casefold()
    ]
    if len(found) == 1:
        return found[0]
    if named in plan.agencies:
        raise Refused("refused.owes-nothing", name=plan.agencies[named].name)
    close = difflib.get_close_matches(named.casefold(), owing, n=3, cutoff=0.6) or [
        id for id, name in owing.items() if name in _near(written, owing.values())
    ]
    if close:
        near = ", ".join(label(owing[id], id) for id in close)
        raise Refused("refused.no-such-agency-owes", agency=written.strip(), near=near)
    raise Refused("refused.nobody-owes", agency=written.strip(), known=", ".join(owing))


def _near(written: str, names: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(written.strip(), names, n=3, cutoff=0.6)


def find_obligation(
    parts: Parts,
    run: str,
    *,
    agency: str = "",
    task: str = "",
    obligation: str = "",
    wanted: Wanted,
) -> str:
    """Return the obligation that is meant: by its id, or by its agency and task.

    With an agency and no task it is the only one that the entry can be about; a task may
    do without an agency where only one owes it.
    """
    if named := id_of(obligation):
        return named
    if not id_of(agency) and not id_of(task):
        raise Refused("refused.which-obligation")
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run)
    plan, states = live.plan, live.folding.obligations
    if not id_of(agency):
        return _only_one_that_owes(plan, task)
    owing = agency_of(plan, agency)
    owed = [o for o in plan.obligations.values() if o.agency.id == owing]
    if id_of(task):
        return _of_task(owed, task)
    return _only_one_wanted(owed, [o for o in owed if wanted.fits(states[o.id])], wanted)


def _only_one_that_owes(plan: Plan, task: str) -> str:
    found = [o for o in plan.obligations.values() if _is_named(o, task)]
    if not found:
        raise Refused(
            "refused.no-such-task", task=task.strip(), known=_titles(plan.obligations.values())
        )
    if len(found) > 1:
        raise Refused("refused.which-agency", task=found[0].task.title)
    return found[0].id


def _of_task(owed: list[Obligation], task: str) -> str:
    found = [o for o in owed if _is_named(o, task)]
    if len(found) == 1:
        return found[0].id
    name = owed[0].agency.name
    key = "refused.which-task" if found else "refused.not-its-task"
    raise Refused(key, name=name, task=task.strip(), known=_titles(found or owed))


def _only_one_wanted(owed: list[Obligation], found: list[Obligation], wanted: Wanted) -> str:
    if len(found) == 1:
        return found[0].id
    name = owed[0].agency.name
    if found:
        raise Refused("refused.which-of-several", name=name, known=_titles(found))
    raise Refused(f"refused.none-{wanted.value}", name=name, known=_titles(owed))


def _is_named(obligation: Obligation, task: str) -> bool:
    """A task is named by `stage/task`, by its own id, or by its title."""
    named = id_of(task)
    known = (f"{obligation.stage.id}/{obligation.task.id}", obligation.task.id)
    return named in known or task.strip().casefold() == obligation.task.title.casefold()


def _titles(owed: Iterable[Obligation]) -> str:
    """List tasks by their titles, each once, with the ids that a command line takes."""
    titles = {f"{o.stage.id}/{o.task.id}": o.task.title for o in owed}
    return "; ".join(label(title, id) for id, title in titles.items())
