"""Ladders: an edit of the policy of reminders and escalations, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from engine.chasing import Kind
from engine.plan import EscalationStep, Ladder, Overdue, Plan
from services.comparing.account import Detail
from services.comparing.changes import Change, Edited, changes
from services.comparing.mail_telling import rungs_said
from services.comparing.words import Words


def ladder_details(edited: Edited[Ladder], words: Words) -> tuple[Detail, ...]:
    """Say what differs between two ladders, a line per kind of rung."""
    return tuple(found for change in edited.changes for found in _details(change, words))


def _details(change: Change, words: Words) -> Iterator[Detail]:
    match change.field:
        case "remind":
            yield Detail(words.label("remind"), _reminders(change, words))
        case "overdue":
            yield from _overdue(change.old, change.new, words)
        case "escalate":
            yield from _escalations(change, words)
        case _:
            yield words.detail(change)


def _reminders(change: Change, words: Words) -> str:
    old, new = (
        [rungs_said([(Kind.REMIND, days)], words) for days in days_before]
        for days_before in (change.old, change.new)
    )
    return words.came_and_went(old, new)


def _overdue(old: Overdue, new: Overdue, words: Words) -> Iterator[Detail]:
    label = words.label("overdue")
    if not (old.at_most and new.at_most):
        yield Detail(label, old=_all_overdue(old, words), new=_all_overdue(new, words))
        return
    for change in changes(old, new):
        said = (_part(change.field, count, words) for count in (change.old, change.new))
        yield Detail(label, "", *said)


def _part(field: str, count: int | None, words: Words) -> str:
    """Say one number of overdue notices; without one, that there is none of what it says."""
    key = f"overdue.{field.replace('_', '-')}"
    return words.say(f"{key}-never") if count is None else words.say(key, count=count)


def _all_overdue(overdue: Overdue, words: Words) -> str:
    if not overdue.at_most:
        return words.say("nothing")
    parts = ((field.name, getattr(overdue, field.name)) for field in fields(overdue))
    return ", ".join(_part(name, count, words) for name, count in parts if count is not None)


def _escalations(change: Change, words: Words) -> Iterator[Detail]:
    """Yield a line per level whose steps have changed."""
    before, after = _by_level(change.old), _by_level(change.new)
    for level in dict.fromkeys((*before, *after)):
        old, new = before.get(level, []), after.get(level, [])
        if old != new:
            plans = words.old.plan, words.new.plan
            yield Detail(
                words.say("escalate-to", name=_level(level, plans, words)),
                old=_steps(old, words),
                new=_steps(new, words),
            )


def _by_level(steps: tuple[EscalationStep, ...]) -> Mapping[int, list[EscalationStep]]:
    found: dict[int, list[EscalationStep]] = {}
    for step in steps:
        found.setdefault(step.to, []).append(step)
    return found


def _level(level: int, plans: tuple[Plan, Plan], words: Words) -> str:
    """Name whom a level means, if both plans mean the same; below the first is the body above."""
    if level < 0:
        return words.value("to", "parent", words.new)
    if all(level < len(plan.levels) for plan in plans):
        names = {plan.agencies[plan.levels[level]].name for plan in plans}
        if len(names) == 1:
            return names.pop()
    return words.label(("coordinator", "superior")[level])


def _steps(steps: list[EscalationStep], words: Words) -> str:
    said = (
        words.say("escalate-after-letter" if step.letter else "escalate-after", count=step.after)
        for step in steps
    )
    return ", ".join(said) or words.say("nothing")
