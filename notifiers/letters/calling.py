"""Calling: which rungs of a plan's ladder call for a letter, and so what a letter is about."""

from __future__ import annotations

from dataclasses import dataclass

from engine.chasing import Kind, Notice
from notifiers.digest import Digest, Line


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a letter is about: tasks that its recipient is late with, and bodies that are late."""

    own: tuple[Line, ...] = ()
    late: tuple[Line, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.own or self.late)


def occasion(digest: Digest) -> Occasion:
    """Return what the letter of a mail is about; nothing where no rung of it calls for one.

    One rung that does is enough: the letter then lists everything overdue that the mail
    lists. The sender writes no letter to itself, nor does it chase the body above it.
    """
    own = tuple(line for line in digest.own if line.kind is Kind.OVERDUE)
    if digest.recipient.id in digest.plan.levels or not any(map(_is_called_for, own)):
        own = ()
    late = digest.late if any(map(_is_called_for, digest.late)) else ()
    return Occasion(own, late)


def _is_called_for(line: Line) -> bool:
    return any(_calls(line, notice) for notice in line.notices)


def _calls(line: Line, notice: Notice) -> bool:
    ladder = line.state.obligation.ladder
    match notice.kind:
        case Kind.OVERDUE:
            first = ladder.overdue.letter_from
            return first is not None and line.chaser >= first
        case Kind.ESCALATE:
            number = notice.rung.removeprefix("escalate-")
            steps = ladder.escalate[int(number) - 1 :] if number.isdecimal() else ()
            return bool(steps) and steps[0].letter
        case _:
            return False
