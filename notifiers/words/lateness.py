"""Lateness: the tables of late bodies in a report to those above."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from engine.chasing import Kind
from notifiers.digest import Line
from notifiers.words.page import LateRow, LateTable
from notifiers.words.room import kept
from notifiers.words.roster import rest
from notifiers.words.saying import Saying

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
    told = dict.fromkeys(_told(saying, line) for line in lines)
    alike = next(iter(told)) if len(told) == 1 and len(lines) > 1 else ""
    rows = [_row(saying, line, number, alike) for number, line in enumerate(lines, start)]
    shown, cut = kept(rows, lambda row: row.name + row.notes)
    return LateTable(
        title=saying.title(lines[0].state.obligation.task),
        chains=tuple(saying.say("late.derivation", chain=chain) for chain in chains),
        to=_to(saying, lines),
        notes=saying.say("late.sent-all", told=alike) if alike else "",
        columns=(saying.say("late.agency"), saying.say("late.since"), saying.say("late.days")),
        rows=shown,
        rest=rest(saying, lines),
        more=saying.say("late.more", count=cut, name=saying.coordinator) if cut else "",
        next=_next(saying, lines),
    )


def _to(saying: Saying, lines: Sequence[Line]) -> str:
    """Say where the results go; nothing where the document does not, or to each body itself."""
    agencies = {line.state.obligation.agency.id for line in lines}
    wanted = dict.fromkeys(line.state.obligation.to for line in lines)
    named = [to for to in wanted if to is not None and not (to in agencies and len(agencies) == 1)]
    if not named:
        return ""
    to = saying.say("late.to-parents") if len(named) > 1 else saying.name(named[0])
    if copies := lines[0].state.obligation.task.copies:
        return saying.say("late.to-copies", to=to, copies=saying.names(copies))
    return saying.say("late.to", to=to)


def _row(saying: Saying, line: Line, number: int, alike: str) -> LateRow:
    name, days = saying.placed(line.state.obligation.agency), saying.days_late(line)
    assert line.state.due is not None
    since = line.state.due.last_day + timedelta(days=1)
    return LateRow(
        number=number,
        name=name,
        since=saying.day(since),
        days=days,
        notes=" ".join(_notes(saying, line, alike)),
        said=saying.say("late.row", name=name, day=since, count=days),
    )


def _notes(saying: Saying, line: Line, alike: str) -> Iterator[str]:
    """Yield what was sent to a late body, unless all were sent alike, and what it has answered."""
    if not alike:
        yield saying.say("late.sent", told=_told(saying, line))
    state = line.state
    if (part := state.in_part) is not None:
        yield saying.say("late.part", document=saying.document(part.document, part.on))
    if state.difficulties:
        one = state.difficulties[-1]
        yield saying.say("late.difficulty", on=saying.document(one.document, one.since))


def _told(saying: Saying, line: Line) -> str:
    said = []
    for kind in _SAID:
        if days := [told.on for told in line.told if told.kind is kind]:
            said.append(saying.say(f"told.{kind.word}", count=len(days), last=days[-1]))
    if line.is_chased:
        said.append(saying.say("told.together", count=line.chaser))
    return "; ".join(said) or saying.say("late.none")


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
