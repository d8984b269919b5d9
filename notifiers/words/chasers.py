"""Chasers: how firmly what is overdue is asked for, the more often it was asked for before.

First urged, then at once; from the third on with the reason and a day; once it was reported
above the sender, with an explanation in writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from engine.chasing import Kind
from notifiers.digest import Line
from notifiers.words.saying import Saying

EXPLAINED = 3
"""From which chaser on the reason for the delay is asked for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a line was chased before, and to whom above the sender it was reported and when."""

    before: int
    last: date | None
    above: str | None
    reported: date | None

    @property
    def manner(self) -> str:
        """Which sentence asks for it."""
        if self.above is not None and self.before:
            return "reported"
        return str(min(self.before + 1, EXPLAINED))

    @property
    def is_to_be_explained(self) -> bool:
        """Whether the reason for the delay is asked for."""
        return self.manner in ("reported", str(EXPLAINED))


def standing(saying: Saying, line: Line) -> Standing:
    """Say how often a line was chased in its round, last when, and who above heard of it."""
    zone, began = saying.digest.plan.zone, line.state.round_began
    first = date.min if began is None else began.astimezone(zone).date()
    earlier = [one.on for one in line.told if one.kind is Kind.OVERDUE and one.on >= first]
    higher = _reported_above(saying, line)
    return Standing(
        before=len(earlier) or line.chaser - 1,
        last=earlier[-1] if earlier else None,
        above=None if higher is None else higher[0],
        reported=None if higher is None else higher[1].astimezone(zone).date(),
    )


def _reported_above(saying: Saying, line: Line) -> tuple[str, datetime] | None:
    """Return to whom above the one that chases it a line was reported last, and when."""
    known = {saying.digest.sender.id, saying.digest.recipient.id}
    above = [(one.recipient, one.at) for one in line.reported if one.recipient not in known]
    return above[-1] if above else None


def opening(saying: Saying, lines: Sequence[Line]) -> str:
    """Ask for what is overdue; where some was asked for oftener than other, for all of it."""
    stood = [standing(saying, line) for line in lines]
    if len(set(stood)) > 1:
        firm = any(one.is_to_be_explained for one in stood)
        return _said(saying, lines, "several-firm" if firm else "several", stood[0])
    return _said(saying, lines, stood[0].manner, stood[0])


def _said(saying: Saying, lines: Sequence[Line], manner: str, stood: Standing) -> str:
    how = "reported" if saying.digest.plan.superior == stood.above else "told"
    return saying.say(
        f"opening.overdue-{manner}",
        sender=saying.sender,
        name=saying.digest.recipient.name,
        ask=saying.ask,
        insist=saying.insist,
        count=len(lines),
        record=record(saying, lines),
        chased=_chased(saying, stood),
        reported=stood.reported,
        above="" if stood.above is None else saying.name(stood.above),
        report=saying.say(f"report.{how}"),
        on=saying.say(f"report.on-{how}"),
    )


def record(saying: Saying, lines: Sequence[Line]) -> str:
    """Say that there is no result, or not all of it where a part has come in."""
    in_part = any(line.state.in_part is not None for line in lines)
    return saying.say("record.part" if in_part else "record.none")


def _chased(saying: Saying, stood: Standing) -> str:
    if stood.last is None:
        return saying.say("chased.undated", count=stood.before)
    return saying.say("chased.last", count=stood.before, last=stood.last)
