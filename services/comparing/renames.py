"""Renames: ids that are gone while another one stands for the same thing.

A rename is a guess, made only where it is the one possible: something gone and something
added that have their title (or their place in the document) in common, and nothing else
has it. For a plan that is running, a new id is a new obligation all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from engine.plan import Gate, Plan, Stage, Task

T = TypeVar("T")


@dataclass(frozen=True)
class Renames:
    """Old ids and their new ones, of those that differ, by what they name.

    A task is called `stage/task`. `tasks` holds what is renamed beyond its stage.
    """

    old: Plan
    new: Plan
    agencies: Mapping[str, str]
    events: Mapping[str, str]
    ladders: Mapping[str, str]
    stages: Mapping[str, str]
    tasks: Mapping[str, str]

    @cached_property
    def obligations(self) -> Mapping[str, str]:
        """The new id of every obligation that both plans have, by its old one."""
        found = ((key, self.obligation(key)) for key in self.old.obligations)
        return {key: named for key, named in found if named in self.new.obligations}

    def obligation(self, key: str) -> str:
        """Return what an old obligation would be called in the new plan."""
        stage, task, agency = key.split("/")
        return f"{self.task(stage, task)}/{self.agency(agency)}"

    def task(self, stage: str, task: str) -> str:
        """Return what an old task is called in the new plan, `stage/task`."""
        key = f"{self.stage(stage)}/{task}"
        return self.tasks.get(key, key)

    def stage(self, stage: str) -> str:
        """Return what an old stage is called in the new plan."""
        return self.stages.get(stage, stage)

    def agency(self, agency: str) -> str:
        """Return what an old agency is called in the new plan."""
        return self.agencies.get(agency, agency)

    def is_same_task(self, old: object, new: object) -> bool:
        """Whether an old value names a task, `stage/task`, whose new name is the new value."""
        stage, slash, task = old.partition("/") if isinstance(old, str) else ("", "", "")
        return bool(slash) and self.task(stage, task) == new

    def plan_head(self, plan: Plan) -> Plan:
        """Return the old plan with the agencies of its head called by their new ids."""
        return replace(
            plan,
            issuer=self.agency(plan.issuer),
            coordinator=self.agency(plan.coordinator),
            superior=None if plan.superior is None else self.agency(plan.superior),
        )

    def stage_in_new_words(self, stage: Stage) -> Stage:
        """Return an old stage with all that it names called by its new ids."""
        return replace(
            stage,
            needs=tuple(self.stage(need) for need in stage.needs),
            event=None if stage.event is None else self.events.get(stage.event, stage.event),
            gate=self._gate(stage),
        )

    def _gate(self, stage: Stage) -> Gate:
        counted = (self.task(stage.id, task) for task in stage.gate.tasks)
        return replace(stage.gate, tasks=tuple(key.partition("/")[2] for key in counted))

    def task_in_new_words(self, task: Task) -> Task:
        """Return an old task with all that it names called by its new ids."""
        return replace(
            task,
            to=None if task.to is None else self.agency(task.to),
            copies=tuple(map(self.agency, task.copies)),
            partners=tuple(map(self.agency, task.partners)),
            concerning={
                self.agency(owing): tuple(map(self.agency, found))
                for owing, found in task.concerning.items()
            },
            ladder=self.ladders.get(task.ladder, task.ladder),
        )


def find_renames(old: Plan, new: Plan) -> Renames:
    """Return what looks renamed from one plan to the other; the same both ways round."""
    stages = _paired(
        *_unmatched(_stages(old), _stages(new)),
        lambda _, stage: _folded(stage.title),
        lambda _, stage: tuple(sorted(task.id for task in stage.tasks)),
    )
    return Renames(
        old,
        new,
        agencies=_paired(
            *_unmatched(old.agencies, new.agencies), lambda _, agency: _folded(agency.name)
        ),
        events=_paired(*_unmatched(old.events, new.events), lambda _, event: _folded(event.title)),
        ladders=_paired(
            *_unmatched(old.ladders, new.ladders), lambda _, ladder: repr(replace(ladder, name=""))
        ),
        stages=stages,
        tasks=_paired(
            *_unmatched(_tasks(old, stages), _tasks(new, {})),
            lambda key, task: (key.partition("/")[0], _folded(task.title)),
            lambda key, task: (key.partition("/")[0], task.rows) if task.rows else None,
            lambda _, task: _folded(task.title),
        ),
    )


def _stages(plan: Plan) -> Mapping[str, Stage]:
    return {stage.id: stage for stage in plan.stages}


def _tasks(plan: Plan, stages: Mapping[str, str]) -> Mapping[str, Task]:
    return {
        f"{stages.get(stage.id, stage.id)}/{task.id}": task
        for stage in plan.stages
        for task in stage.tasks
    }


def _unmatched(
    old: Mapping[str, T], new: Mapping[str, T]
) -> tuple[Mapping[str, T], Mapping[str, T]]:
    gone = {key: value for key, value in old.items() if key not in new}
    added = {key: value for key, value in new.items() if key not in old}
    return gone, added


def _paired(
    gone: Mapping[str, T], added: Mapping[str, T], *signs: Callable[[str, T], Hashable]
) -> dict[str, str]:
    """Pair what is gone with what was added where a sign fits exactly one of each.

    The signs are tried in turn, on what is left. An empty sign is none.
    """
    found: dict[str, str] = {}
    for sign in signs:
        taken = set(found.values())
        left = _by_sign(((k, sign(k, v)) for k, v in gone.items() if k not in found))
        right = _by_sign(((k, sign(k, v)) for k, v in added.items() if k not in taken))
        found.update({left[one]: right[one] for one in left if one in right})
    return found


def _by_sign(signed: Iterable[tuple[str, Hashable]]) -> dict[Hashable, str]:
    """Return the ids by their sign, without those that share one."""
    pairs = [(key, sign) for key, sign in signed if sign]
    counts = Counter(sign for _, sign in pairs)
    return {sign: key for key, sign in pairs if counts[sign] == 1}


def _folded(words: str) -> str:
    return " ".join(words.split()).casefold()
