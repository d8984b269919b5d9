"""Choices: what a person can pick from where the values are known.

A choice is a label, `Sở Tư pháp (so-tu-phap)`: a person reads the name, and whoever takes
the choice finds the id again (`naming.id_of`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.plan import OutsideEvent, Plan
from language.ordering import alphabetical
from plan_definitions import shelf
from services import naming
from services.errors import Refused
from services.settings import Settings
from services.wiring import Parts
from storage import plans
from storage.plans import StoredRun

LONGEST = 90
"""Characters of a title in a choice; a longer one is cut at a word."""


MOST_RUNS = 1_000
"""Active runs whose agencies, tasks and events are offered; of more no list bears them."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be picked, each list in the order in which it is shown."""

    runs: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()


def read(parts: Parts) -> Choices:
    """Return what the active plan runs and the folder of plans offer."""
    active = active_runs(parts)
    versions = dict.fromkeys(run.plan_version for run in active)
    known = [parts.plan(version) for version in versions if len(active) <= MOST_RUNS]
    return Choices(
        runs=_distinct(label(f"{run.number} – {run.title}", run.id) for run in active),
        agencies=tuple(sorted(_distinct(_agencies(known)), key=alphabetical)),
        tasks=_distinct(_tasks(known)),
        events=tuple(_events(known)),
        plans=_distinct(
            label(f"{plan.number} – {plan.title}", plan.path)
            for plan in shelf.plans(parts.settings.plans_folder)
        ),
    )


def active_runs(parts: Parts) -> list[StoredRun]:
    """Return the runs that are not completed, the latest started first."""
    with parts.database.reading() as connection:
        return plans.all_runs(connection, active_only=True)


def label(title: str, id_: str) -> str:
    """Return a choice: its title, shortened, and its id."""
    return naming.label(shortened(title), id_)


def shortened(title: str) -> str:
    """Return a title of at most LONGEST characters, cut at a word."""
    if len(title) <= LONGEST:
        return title
    return title[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(" ,;:–-") + " …"


def chosen_event(parts: Parts, written: str) -> tuple[str, Mapping[str, str]]:
    """Return the name of a chosen event, and the values that its announcement must carry.

    A bare name carries none: whoever announces it says them.
    """
    known = [parts.plan(run.plan_version) for run in active_runs(parts)]
    event = _events(known).get(written)
    return (naming.id_of(written), {}) if event is None else (event.name, event.correlate)


def plan_file(settings: Settings, written: str) -> Path:
    """Return the plan file that is meant by a choice, by a path, or by one within the folder.

    Raises Refused where there is none.
    """
    for name in (written.strip(), naming.id_of(written)):
        for file in (settings.plans_folder / name, Path(name)):
            if name and file.is_file():
                return file
    raise Refused("refused.no-plan-file", plan=written, folder=settings.plans_folder)


def _agencies(known: Iterable[Plan]) -> Iterable[str]:
    for plan in known:
        for obligation in plan.obligations.values():
            yield label(obligation.agency.name, obligation.agency.id)


def _tasks(known: Iterable[Plan]) -> Iterable[str]:
    for plan in known:
        for stage in plan.stages:
            for task in stage.tasks:
                yield label(task.title, f"{stage.id}/{task.id}")


def _events(known: Iterable[Plan]) -> dict[str, OutsideEvent]:
    """Return the events that stages wait for, by how they are offered."""
    found: dict[str, OutsideEvent] = {}
    for plan in known:
        awaited = {stage.event for stage in plan.stages}
        for event in plan.events.values():
            if event.name in awaited:
                carried = ", ".join(f"{key}={value}" for key, value in event.correlate.items())
                title = shortened(event.title) + (f" [{carried}]" if carried else "")
                found.setdefault(naming.label(title, event.name), event)
    return found


def _distinct(labels: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(labels))
