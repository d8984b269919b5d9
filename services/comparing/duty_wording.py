"""Duty wording: obligations, deadlines and tasks that change, those that change alike as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from engine.deadline import Deadline
from engine.ledger import ObligationState
from engine.plan import Obligation
from language.catalogue import text
from services.comparing.account import Detail, Item, Mark
from services.comparing.changes import Change
from services.comparing.duties import Duties, Moved, Reworked
from services.comparing.words import Words
from services.pages.speech import Speech


def owed(found: Iterable[Obligation], mark: Mark, words: Words) -> Iterator[Item]:
    """Say what came or went, one item per task and deadline."""
    shown = words.compared.new if mark is Mark.ADDED else words.compared.old
    speech = words.new if mark is Mark.ADDED else words.old
    remaining = _by_task(words, of_old=mark is Mark.ADDED)
    grouped: dict[tuple[str, str, str], list[Obligation]] = {}
    for one in found:
        due = _due(shown.state.obligations[one.id], speech, words)
        grouped.setdefault((one.stage.id, one.task.id, due), []).append(one)
    for (stage, task, due), together in grouped.items():
        who, names = words.many([one.agency.name for one in together])
        named = f"{stage}/{task}"
        if mark is Mark.GONE:
            named = words.compared.renames.task(stage, task)
        rest = remaining.get(named, 0)
        key = "rest" if rest else "whole"
        yield Item(
            mark,
            together[0].task.title,
            ref=f"{stage}/{task}",
            who=who,
            names=names,
            details=(
                Detail(words.label("due"), due),
                Detail("", words.say(f"{key}.{mark}", count=rest)),
            ),
        )


def _by_task(words: Words, *, of_old: bool) -> Mapping[str, int]:
    """Return how many agencies owe each task of one of the plans, by its id in the new one."""
    renames = words.compared.renames
    plan = renames.old if of_old else renames.new
    owing = ((stage.id, task) for stage in plan.stages for task in stage.tasks)
    return {
        renames.task(stage, task.id) if of_old else f"{stage}/{task.id}": len(task.by)
        for stage, task in owing
    }


def _due(state: ObligationState, speech: Speech, words: Words) -> str:
    if state.due is None:
        return speech.phrase(state.obligation.task.due)
    return words.say("until", day=state.due.last_day)


def moved(found: Sequence[Moved], words: Words) -> Iterator[Item]:
    """Say which deadlines move, one item per task and move: vanished, new, earlier, later."""
    grouped: dict[tuple[object, ...], list[Moved]] = {}
    for move in found:
        owed = move.new.obligation
        days = tuple(None if due is None else due.last_day for due in _dues(move))
        whys = _why(move.old, words.old), _why(move.new, words.new)
        key = (owed.stage.id, owed.task.id, days, whys, move.cause)
        grouped.setdefault(key, []).append(move)
    for together in sorted(grouped.values(), key=lambda moves: _gravity(moves[0])):
        yield _move(together, words)


def _dues(move: Moved) -> tuple[Deadline | None, Deadline | None]:
    return move.old.due, move.new.due


def _gravity(move: Moved) -> tuple[int, int]:
    if move.new.due is None:
        return 0, 0
    if move.days is None:
        return 1, 0
    return (2, move.days) if move.days < 0 else (3, -move.days)


def _move(together: list[Moved], words: Words) -> Item:
    move = together[0]
    owed = move.new.obligation
    who, names = words.many([one.new.obligation.agency.name for one in together])
    return Item(
        Mark.MOVED,
        owed.task.title,
        ref=f"{owed.stage.id}/{owed.task.id}",
        who=who,
        names=names,
        old=_due(move.old, words.old, words),
        new=_due(move.new, words.new, words),
        by=_distance(move, words),
        details=(
            Detail(words.say("why"), words.say(f"cause.{move.cause}")),
            Detail(words.say("why-old"), _why(move.old, words.old)),
            Detail(words.say("why-new"), _why(move.new, words.new)),
        ),
    )


def _why(state: ObligationState, speech: Speech) -> str:
    return " → ".join(speech.derivation(state.due)) or speech.phrase(state.obligation.task.due)


def _distance(move: Moved, words: Words) -> str:
    if move.days is None:
        return words.say("undated" if move.new.due is None else "dated")
    said = words.say("earlier" if move.days < 0 else "later", count=abs(move.days))
    if move.working_days is None:
        return said
    return f"{said} ({words.say('working-days', count=abs(move.working_days))})"


def outcomes(duties: Duties, words: Words) -> Iterator[Item]:
    """Yield what obligations come to otherwise, those of one task that change alike together."""
    grouped: dict[tuple[str, str, str, str], list[Obligation]] = {}
    for move in duties.outcomes:
        owed = move.obligation
        key = (owed.stage.id, owed.task.id, move.old.value, move.new.value)
        grouped.setdefault(key, []).append(owed)
    for (stage, task, old, new), together in grouped.items():
        who, names = words.many([owed.agency.name for owed in together])
        yield Item(
            Mark.CHANGED,
            together[0].task.title,
            ref=f"{stage}/{task}",
            who=who,
            names=names,
            old=text(words.language, f"outcome.{old}"),
            new=text(words.language, f"outcome.{new}"),
        )


def tasks(duties: Duties, words: Words) -> Iterator[Item]:
    """Yield the tasks that were edited and stayed, each with what was changed of it."""
    moved = {move.new.obligation.id for move in duties.moved}
    for one in duties.changed:
        details = tuple(
            words.detail(change) for change in one.task.changes if _says(one, change, moved)
        )
        if details:
            task = one.task.new
            yield Item(Mark.CHANGED, task.title, ref=f"{one.stage}/{task.id}", details=details)


def _says(one: Reworked, change: Change, moved: set[str]) -> bool:
    """Whether a change is news: a deadline whose day has moved was told with its reasons."""
    if change.field != "due":
        return True
    told = (f"{one.stage}/{one.task.new.id}/{agency}" in moved for agency in one.agencies)
    return not any(told)
