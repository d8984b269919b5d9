"""Desk: what lies on the desk while a plan is checked: its form, its register, the findings.

Here what a task, a stage or a ladder does not say itself is taken from where it may be
said once: the defaults of the stage, then of the plan; the ladder that a ladder extends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.deadline import Phrase
from plan_definitions.arrangement import arrange
from plan_definitions.dates import fold
from plan_definitions.diagnostics import nearest
from plan_definitions.phrases import ISSUED
from plan_definitions.reading.validation import Findings
from plan_definitions.reading.yaml_source import Document
from plan_definitions.register import Register
from plan_definitions.schema import DefaultsForm, LadderForm, PlanForm, TaskForm

NOBODY = frozenset({"none", "không"})
"""Written for `to`, these say that a task has no recipient, whatever the defaults say."""


@dataclass(frozen=True)
class Desk:
    """What lies on the desk while a plan is checked; without a register, agencies are not."""

    form: PlanForm
    document: Document
    register: Register | None
    findings: Findings

    @cached_property
    def clean(self) -> set[Hashable]:
        """What was looked at once and found in order: thousands of tasks name the same."""
        return set()

    @cached_property
    def phrases(self) -> dict[Hashable, Phrase]:
        """The deadlines made so far: the same words give the very same phrase."""
        return {}

    @cached_property
    def filled(self) -> Mapping[str, Mapping[str, TaskForm]]:
        """The tasks by stage, with the defaults of stage and plan where they say nothing."""
        plan = _said(self.form.defaults)
        found = {}
        for stage_id, stage in self.form.stages.items():
            defaults = plan | _said(stage.defaults)
            found[stage_id] = {key: _filled(task, defaults) for key, task in stage.tasks.items()}
        return found

    @cached_property
    def tasks(self) -> Sequence[tuple[str, str, TaskForm]]:
        """Every task with the ids of its stage and itself, defaults filled in."""
        return [
            (stage_id, task_id, task)
            for stage_id, tasks in self.filled.items()
            for task_id, task in tasks.items()
        ]

    @cached_property
    def ladders(self) -> Mapping[str, LadderForm]:
        """The ladders, each with what it takes from the one that it extends."""
        form = self.form.ladders
        found: dict[str, LadderForm] = {}
        for name in arrange({key: (one.extends,) for key, one in form.items()}).order:
            found[name] = form[name]
            base = found.get(form[name].extends)
            if base is not None:
                own = form[name].model_fields_set
                taken = {key: getattr(base, key) for key in base.model_fields_set - own}
                found[name] = form[name].model_copy(update=taken)
        return {name: found.get(name, one) for name, one in form.items()}

    @cached_property
    def event_names(self) -> Mapping[str, str]:
        """The id of each event by its id and by its title, as they are compared."""
        titles = _by_title({name: event.title for name, event in self.form.events.items()})
        return titles | {name: name for name in self.document.keys_at("events")}

    @cached_property
    def stage_names(self) -> Mapping[str, str]:
        """The id of each stage by its id and by its title, as they are compared."""
        titles = _by_title({name: stage.title for name, stage in self.form.stages.items()})
        return titles | {name: name for name in self.document.keys_at("stages")}

    def event_of(self, name: str) -> str | None:
        """Return the id of the event of that id or title, if there is one."""
        return self.event_names.get(name) or self.event_names.get(fold(name))

    def stage_of(self, name: str) -> str | None:
        """Return the id of the stage of that id or title, if there is one."""
        return self.stage_names.get(name) or self.stage_names.get(fold(name))

    def is_issue(self, name: str) -> bool:
        """Say whether a period so named counts from the day on which the plan was issued."""
        return name == ISSUED and name not in self.event_names

    def add(self, kind: str, *path: str | int, key: bool = False, **values: object) -> None:
        """Note a fault of the plan file."""
        variant = str(values.pop("variant", ""))
        self.findings.add(self.document, kind, *path, key=key, variant=variant, **values)

    def unknown(
        self, kind: str, *path: str | int, name: str, known: Callable[[], list[str]]
    ) -> None:
        """Note a name that nothing has; `known` returns those that there are."""
        self.findings.unknown(
            self.document,
            kind,
            *path,
            near=lambda: nearest(name, known()),
            name=name,
            known=lambda: known() or ["-"],
        )

    def item(self, path: tuple[str | int, ...], index: int) -> tuple[str | int, ...]:
        """Return the path of a list's item, or of the single value that stands for the list."""
        item = (*path, index)
        return item if self.document.holds(item) else path


def _by_title(titles: Mapping[str, str]) -> dict[str, str]:
    """Return the ids by their titles, as they are compared; a title of two names neither."""
    folded = {name: fold(title) for name, title in titles.items()}
    often = Counter(folded.values())
    return {title: name for name, title in folded.items() if often[title] == 1}


def _said(defaults: DefaultsForm) -> dict[str, object]:
    return {key: getattr(defaults, key) for key in defaults.model_fields_set}


def _filled(task: TaskForm, defaults: Mapping[str, object]) -> TaskForm:
    taken: dict[str, object] = {}
    if defaults:
        own = task.model_fields_set
        taken = {key: value for key, value in defaults.items() if key not in own}
    if taken.get("to", task.to) in NOBODY:
        taken["to"] = ""
    return task.model_copy(update=taken) if taken else task
