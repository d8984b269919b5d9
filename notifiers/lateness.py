"""Lateness: the tables of late bodies in a report to those above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.chasing import Kind
from notifiers.digest import Line
from notifiers.page import LateRow, LateTable
from notifiers.saying import Saying

_SAID = (Kind.ASSIGN, Kind.REMIND, Kind.RETURNED, Kind.OVERDUE)


def tables(saying: Saying) -> tuple[LateTable, ...]:
    """Return one table for each task, its bodies the latest first."""
    by_task: dict[tuple[str, str], list[Line]] = {}
    for line in saying.digest.late:
        obligation = line.state.obligation
        by_task.setdefault((obligation.stage.id, obligation.task.id), []).append(line)
    number = 1
    found = []
    for lines in by_task.values():
        lines.sort(key=lambda line: -saying.days_late(line))
        found.append(_table(saying, lines, number))
        number += len(lines)
    return tuple(found)


def _table(saying: Saying, lines: Sequence[Line], start: int) -> LateTable:
    chains = dict.fromkeys(saying.chain(line.state) for line in lines)
    return LateTable(
        title=saying.title(lines[0].state.obligation.task),
        chains=tuple(saying.say("late.derivation", chain=chain) for chain in chains),
        columns=(saying.say("late.agency"), saying.say("late.due"), saying.say("late.days")),
        rows=tuple(_row(saying, line, number) for number, line in enumerate(lines, start)),
        next=_next(saying, lines),
    )


def _row(saying: Saying, line: Line, number: int) -> LateRow:
    name, days = saying.placed(line.state.obligation.agency), saying.days_late(line)
    assert line.state.due is not None
    due = line.state.due.last_day
    told = "; ".join(_told(saying, line)) or saying.say("late.none")
    return LateRow(
        number=number,
        name=name,
        due=saying.day(due),
        days=days,
        told=saying.say("late.sent", told=told),
        said=saying.say("late.row", name=name, day=due, count=days),
    )


def _told(saying: Saying, line: Line) -> Iterator[str]:
    for kind in _SAID:
        days = [told.on for told in line.told if told.kind is kind]
        if days:
            yield saying.say(f"told.{kind.word}", count=len(days), last=days[-1])


def _next(saying: Saying, lines: Sequence[Line]) -> str:
    """Say the earliest of what comes next, and whether it can go any higher."""
    coming = [line for line in lines if line.next is not None]
    said = []
    if coming:
        first = min(coming, key=lambda line: line.next.at if line.next else saying.digest.as_of)
        said.append(saying.say("late.next", steps=saying.steps(first)))
    if all(line.escalation is None for line in lines):
        said.append(saying.say("late.last-parent" if saying.to_parent else "late.last"))
    return " ".join(said)
