"""Deadlines: what is owed, by how many agencies, until when, and why that date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from engine.deadline import Deadline, NoDate
from engine.ledger import ObligationState, Outcome
from engine.plan import Stage, Task
from language.catalogue import text
from services.pages.speech import Speech
from services.views.previewing import Preview, gate_text

NO_DATE = ("không hạn", "none")  # phrases that say nothing but this
FEW = 3  # so many agencies are named in the table; more have a list of their own


@dataclass(frozen=True, slots=True)
class Shared:
    """The obligations of one task that have one deadline in common."""

    stage: Stage
    task: Task
    due: Deadline | None
    states: tuple[ObligationState, ...]

    @property
    def is_stated(self) -> bool:
        """Whether it is the deadline of the plan's own phrase, not one returned or extended."""
        stated = self.states[0].stated
        return self.due is None or (stated is not None and stated.last_day == self.due.last_day)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table of deadlines, in words; `id` is the task's in its stage.

    `names` are the agencies; where they are many, `who` counts them and `roll` is the number
    of the list that names them, from 1, else 0. Without a date, `day` says why there is none.
    """

    id: str
    task: str
    ref: str
    who: str
    names: tuple[str, ...]
    roll: int
    is_dated: bool
    day: str
    weekday: str
    steps: tuple[str, ...]
    outcomes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """The deadlines of one stage."""

    head: str
    title: str
    gate: str
    rows: tuple[Row, ...]


def shared_deadlines(shown: Preview) -> Iterator[Shared]:
    """Yield every task of the plan, once per distinct deadline that its agencies have."""
    for stage in shown.plan.stages:
        for task in stage.tasks:
            groups: dict[tuple[object, ...], list[ObligationState]] = {}
            for agency in task.by:
                state = shown.state.obligations[f"{stage.id}/{task.id}/{agency}"]
                due = state.due
                derived = () if due is None else tuple(step.key for step in due.derivation)
                groups.setdefault((due and due.last_day, derived), []).append(state)
            for states in groups.values():
                yield Shared(stage, task, states[0].due, tuple(states))


def parts(shown: Preview, speech: Speech) -> list[Part]:
    """Return the table of deadlines, stage by stage."""
    rows: dict[str, list[Row]] = {stage.id: [] for stage in shown.plan.stages}
    rolls: dict[tuple[str, ...], int] = {}
    for one in shared_deadlines(shown):
        rows[one.stage.id].append(_row(shown, speech, one, rolls))
    return [
        Part(
            head=speech.stage(stage),
            title=stage.title,
            gate=gate_text(stage.gate, len(shown.plan.gated(stage)), speech.language),
            rows=tuple(rows[stage.id]),
        )
        for stage in shown.plan.stages
    ]


def rolls(parts: list[Part]) -> list[tuple[int, str, tuple[str, ...]]]:
    """Return the lists of agencies that the rows refer to: number, how many, names."""
    found = {row.roll: (row.roll, row.who, row.names) for part in parts for row in part.rows}
    return [found[number] for number in sorted(found) if number]


def _row(shown: Preview, speech: Speech, one: Shared, rolls: dict[tuple[str, ...], int]) -> Row:
    names = tuple(state.obligation.agency.name for state in one.states)
    many = len(names) > FEW
    due = one.due
    return Row(
        id=one.task.id,
        task=one.task.title,
        ref=one.task.ref,
        who=speech.say("agencies", count=len(names)) if many else "; ".join(names),
        names=names,
        roll=rolls.setdefault(names, len(rolls) + 1) if many else 0,
        is_dated=due is not None,
        day=_undated(speech, one) if due is None else speech.day(due.last_day),
        weekday="" if due is None else speech.weekday(due.last_day),
        steps=speech.derivation(due) or _phrase(speech, one),
        outcomes=outcomes(shown, speech, one),
    )


def _phrase(speech: Speech, one: Shared) -> tuple[str, ...]:
    """The plan's own words, unless they are no more than that there is no date."""
    said = speech.phrase(one.task.due)
    return () if said.casefold() in NO_DATE else (said,)


def _undated(speech: Speech, one: Shared) -> str:
    is_period = not isinstance(one.task.due.rule, NoDate)
    return speech.say("no-date-yet" if is_period else "no-date")


def outcomes(shown: Preview, speech: Speech, one: Shared) -> tuple[tuple[str, str], ...]:
    """Count how the obligations stand at the end: CSS class and words, in a fixed order."""
    counts = Counter(state.outcome(shown.rehearsal.ended_at) for state in one.states)
    found = []
    for outcome in Outcome:
        if count := counts[outcome]:
            word = outcome.value
            if one.due is None and outcome in (Outcome.PENDING, Outcome.ON_TIME):
                word = f"{word}-undated"
            said = text(speech.language, f"page.outcome.{word}")
            found.append((outcome.value, f"{count} {said}" if len(one.states) > 1 else said))
    return tuple(found)
