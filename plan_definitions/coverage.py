"""Coverage: whether each item of the document's appendices is somebody's, and only one's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from engine.plan import AppendixRef, Plan, Stage, Task
from plan_definitions.desk import Desk
from plan_definitions.register import COMMUNE

_ALL = ""  # the item of a reference to a whole appendix

SEVERAL = 5
"""More agencies than this each fill in a form of their own; fewer share one."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """A task that fills in something of an appendix, and where that is written."""

    stage: Stage
    task: Task
    index: int
    ref: AppendixRef

    @property
    def path(self) -> tuple[str | int, ...]:
        return ("stages", self.stage.id, "tasks", self.task.id, "appendix")


def advise_on_coverage(plan: Plan, desk: Desk) -> None:
    """Note items of appendices that are covered twice, by several without a lead, or not at all."""
    claims: dict[str, list[_Claim]] = defaultdict(list)
    for stage in plan.stages:
        for task in stage.tasks:
            for index, ref in enumerate(task.appendix):
                claims[ref.appendix].append(_Claim(stage, task, index, ref))
    areas = _areas(plan)
    for label, found in claims.items():
        _advise_on_twice(plan, desk, found)
        for claim in found:
            _advise_on_lead(plan, desk, claim, areas)
        _advise_on_gaps(plan, desk, label, found)
    for label in plan.appendices:
        if label not in claims:
            desk.add("appendix-not-covered", "appendices", *_key(desk, label), key=True, name=label)


def _key(desk: Desk, label: str) -> list[str]:
    """Return the key under which the plan lists an appendix, as it is written."""
    written = desk.document.keys_at("appendices")
    labels = list(desk.form.appendices)
    return [written[labels.index(label)]] if len(written) == len(labels) else []


def _advise_on_twice(plan: Plan, desk: Desk, claims: list[_Claim]) -> None:
    """Note what two tasks of one stage both cover, at the later one."""
    seen: dict[str, list[_Claim]] = defaultdict(list)
    by_item: dict[tuple[str, str], list[_Claim]] = defaultdict(list)
    for claim in claims:
        stage, items = claim.stage.id, claim.ref.items or (_ALL,)
        earlier = seen[stage]
        if claim.ref.items:
            earlier = [one for item in (_ALL, *items) for one in by_item[stage, item]]
        for other in earlier:
            shared = _shared(other.ref, claim.ref) if other.task is not claim.task else ""
            if shared:
                desk.add(
                    "appendix-covered-twice",
                    *desk.item(claim.path, claim.index),
                    what=shared,
                    first=_who(plan, other.task),
                    second=_who(plan, claim.task),
                    task=other.task.id,
                )
                break
        seen[stage].append(claim)
        for item in items:
            by_item[stage, item].append(claim)


def _shared(one: AppendixRef, other: AppendixRef) -> str:
    """Say what two references to one appendix have in common, "" if nothing."""
    if not one.items and not other.items:
        return one.appendix
    if not one.items or not other.items:
        whole, part = (other, one) if one.items else (one, other)
        items = [item for item in part.items if item not in whole.less]
        points = part.points
    else:
        items = [item for item in one.items if item in other.items]
        points = one.points or other.points
        if one.points and other.points:
            points = tuple(point for point in one.points if point in other.points)
            items = items if points else []
    if not items:
        return ""
    said = f"Mục {', '.join(items)} {one.appendix}"
    return f"Điểm {', '.join(points)} {said}" if points else said


def _who(plan: Plan, task: Task) -> str:
    names = [plan.agencies[agency].name for agency in task.by[:SEVERAL]]
    return "; ".join(names) + ("; …" if len(task.by) > SEVERAL else "")


def _advise_on_lead(plan: Plan, desk: Desk, claim: _Claim, areas: frozenset[str]) -> None:
    """Note an item that a few bodies owe together, none of which leads.

    Districts and communes each fill in the form for their own area.
    """
    by = claim.task.by
    if claim.ref.items and 1 < len(by) <= SEVERAL and not areas.issuperset(by):
        at = desk.item(claim.path, claim.index)
        names = [plan.agencies[agency].name for agency in by]
        desk.add("no-lead", *at, what=claim.ref.text, names=names, count=len(names))


def _areas(plan: Plan) -> frozenset[str]:
    """Return the bodies that govern an area of their own: the communes and what is above them."""
    communes = [agency for agency in plan.agencies.values() if agency.kind == COMMUNE]
    above = (commune.parent for commune in communes)
    return frozenset([*(one.id for one in communes), *(one for one in above if one)])


def _advise_on_gaps(plan: Plan, desk: Desk, label: str, claims: list[_Claim]) -> None:
    """Note the items that nobody covers, of those that are known to exist."""
    listed = plan.appendices.get(label)
    known = [] if listed is None or listed.items is None else _numbers(listed.items)
    left_out = [item for claim in claims for item in claim.ref.less]
    gaps = [
        item
        for item in dict.fromkeys([*known, *left_out])
        if not any(_covers(claim.ref, item) for claim in claims)
    ]
    if not gaps:
        return
    name = f"Mục {', '.join(gaps)} {label}"
    if listed is not None:
        desk.add("appendix-not-covered", "appendices", *_key(desk, label), key=True, name=name)
    else:
        first = next(claim for claim in claims if claim.ref.less)
        desk.add("appendix-not-covered", *desk.item(first.path, first.index), name=name)


def _numbers(count: int) -> Iterator[str]:
    return (str(number) for number in range(1, count + 1))


def _covers(ref: AppendixRef, item: str) -> bool:
    return item in ref.items if ref.items else item not in ref.less
