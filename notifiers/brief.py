"""Brief: what the coordinator is told of a whole run on a morning, before it is worded.

Unlike a digest it carries no notices: it is reckoned from the state of the run at the
moment at which it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import groupby

from engine.chasing import PARTNER, Kind, Notice, rungs
from engine.deadline import NoDate
from engine.ledger import Difficulty, Entry, ObligationState, Pause, RunState, Standing
from engine.plan import Agency, Plan
from notifiers.signatory import signatory

WORD = "brief"
"""The kind of such a message, beside the kinds of notices."""
AHEAD = 5
"""How many working days it looks ahead."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A notice that reached its recipient."""

    obligation: str
    kind: Kind
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Unreached:
    """Somebody whose mail comes back: how many since the last that arrived, and why.

    `address` is which one it came back from, where that is known.
    """

    recipient: str
    count: int
    since: datetime
    why: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A late obligation: `chased` on these days of its round, reported to whom on which day."""

    state: ObligationState
    since: date
    days: int
    chased: tuple[date, ...]
    reported: tuple[tuple[str, date], ...]


@dataclass(frozen=True, slots=True)
class Sending:
    """What goes out at one time: the agencies by kind, and how many are reported above."""

    at: datetime
    agencies: tuple[tuple[Kind, tuple[str, ...]], ...]
    late: int


@dataclass(frozen=True)
class Brief:
    """A brief before it is worded. Instants are aware.

    `send_at` is the minute that it was asked for and names it; `as_of` is when it tells
    the truth; `since` is when the news begin: with the last brief, or the last working day.
    """

    state: RunState
    run_id: str
    recipient: Agency
    send_at: datetime
    as_of: datetime
    since: datetime
    language: str
    message_id: str
    thread_id: str
    reached: tuple[Reached, ...] = ()
    unreached: tuple[Unreached, ...] = ()
    entries: tuple[Entry, ...] = ()

    @property
    def word(self) -> str:
        """The kind of message that it is."""
        return WORD

    @property
    def plan(self) -> Plan:
        """The plan that it is about."""
        return self.state.plan

    @property
    def sender(self) -> Agency:
        """In whose name it goes out, and who gets the answers: see `notifiers.signatory`."""
        return signatory(self.plan, self.recipient, language=self.language)

    @property
    def today(self) -> date:
        """The day, in the plan's zone, that its counts are true on."""
        return self.as_of.astimezone(self.plan.zone).date()

    @property
    def last_ahead(self) -> date:
        """The last of the days that it looks ahead to."""
        return self.plan.calendar.offset(self.today, AHEAD)

    @cached_property
    def dated(self) -> tuple[ObligationState, ...]:
        """What is owed by a date, open or not; a waived one is not owed."""
        return tuple(
            state
            for state in self.state.obligations.values()
            if state.standing is not Standing.WAIVED
            and not (state.due is None and isinstance(state.obligation.task.due.rule, NoDate))
        )

    @cached_property
    def overdue(self) -> tuple[Overdue, ...]:
        """What is late, the longest first."""
        late = [one for one in self.state.obligations.values() if one.is_late(self.as_of)]
        found = [self._overdue(state) for state in late]
        return tuple(sorted(found, key=lambda one: one.since))

    def _overdue(self, state: ObligationState) -> Overdue:
        assert state.due is not None
        began = state.round_began or self.as_of
        told = [one for one in self._told.get(state.obligation.id, ()) if one.at >= began]
        above = {one.recipient: self._day(one.at) for one in told if one.kind is Kind.ESCALATE}
        return Overdue(
            state=state,
            since=state.due.last_day + timedelta(days=1),
            days=max(self.plan.calendar.working_days_between(state.due.last_day, self.today), 0),
            chased=tuple(self._day(one.at) for one in told if one.kind is Kind.OVERDUE),
            reported=tuple(above.items()),
        )

    @cached_property
    def _told(self) -> dict[str, list[Reached]]:
        found: dict[str, list[Reached]] = {}
        for one in self.reached:
            found.setdefault(one.obligation, []).append(one)
        return found

    @cached_property
    def unanswered(self) -> tuple[tuple[ObligationState, Difficulty], ...]:
        """The difficulties with what is still owed that wait for an answer, the longest first."""
        found = [
            (state, difficulty)
            for state in self.state.obligations.values()
            for difficulty in state.difficulties
            if not state.is_closed
        ]
        return tuple(sorted(found, key=lambda one: one[1].since))

    @cached_property
    def pauses(self) -> tuple[Pause, ...]:
        """The pauses of chasing that hold, that of the whole run first."""
        return self.state.paused(self.as_of)

    @cached_property
    def falling_due(self) -> tuple[tuple[date, tuple[ObligationState, ...]], ...]:
        """By day and task, what is owed within the days ahead, its stage open or not."""
        found = [
            (state.due.last_day, state)
            for state in self.dated
            if state.due is not None
            and not state.is_closed
            and self.today <= state.due.last_day <= self.last_ahead
        ]
        place = self.plan.positions
        found.sort(key=lambda one: (one[0], place[one[1].obligation.id]))
        grouped = groupby(found, key=lambda one: (one[0], one[1].obligation.task.id))
        return tuple((day, tuple(state for _, state in group)) for (day, _), group in grouped)

    @cached_property
    def sendings(self) -> tuple[Sending, ...]:
        """What goes out next if nothing changes, by time."""
        ahead = sorted(self._ahead(), key=lambda notice: (notice.at, -notice.kind))
        return tuple(
            _sending(at, list(notices))
            for at, notices in groupby(ahead, key=lambda notice: notice.at)
        )

    def _ahead(self) -> Iterator[Notice]:
        for state in self.state.obligations.values():
            for notice in rungs(self.plan, state):
                if notice.rung == PARTNER:  # it is no task of theirs
                    continue
                if notice.at > self.as_of and not state.is_paused(notice.at):
                    yield notice

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.plan.zone).date()


def _sending(at: datetime, notices: Sequence[Notice]) -> Sending:
    by_kind: dict[Kind, dict[str, None]] = {}
    for notice in notices:
        by_kind.setdefault(notice.kind, {})[notice.recipient] = None
    late = {notice.obligation for notice in notices if notice.kind is Kind.ESCALATE}
    agencies = tuple((kind, tuple(found)) for kind, found in by_kind.items())
    return Sending(at, agencies, len(late))
