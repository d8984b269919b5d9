"""Chasing: the ladder. State and `now` → the notices that are due, each with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import IntEnum
from typing import Any, Generic, TypeAlias, TypeVar

from engine.ledger import Entry, EntryKind, ObligationState
from engine.plan import Ladder, Level, Plan
from engine.reason import Reason, reason

T = TypeVar("T")


class Kind(IntEnum):
    """What a notice says, in rising order: a message takes the highest of its notices.

    `EVENT` is a message without any: it carries only news of events and stages.
    """

    EVENT = 0
    ASSIGN = 1
    REMIND = 2
    RETURNED = 3
    OVERDUE = 4
    ESCALATE = 5

    @property
    def word(self) -> str:
        """The word that JSON and the catalogue know it by."""
        return self.name.lower()


PARTNER = "partner"
"""The rung that tells who takes part in a task of its assignment."""

NoticeKey: TypeAlias = tuple[str, int, str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One due rung for one obligation and one recipient, with its reason.

    `at` is when the ladder says it falls; `count` is its number: working days before the
    deadline, or how many times it has been overdue or escalated.
    """

    obligation: str
    round: int
    rung: str
    kind: Kind
    recipient: str
    at: datetime
    count: int
    reason: Reason

    @property
    def key(self) -> NoticeKey:
        """What makes it one and the same: it is issued once, whoever asks how often."""
        return (self.obligation, self.round, self.rung, self.recipient)

    @property
    def data(self) -> dict[str, Any]:
        """What an entry about it holds beside its obligation (`docs/json.md`)."""
        return {
            "rung": self.rung,
            "round": self.round,
            "recipient": self.recipient,
            "reason": self.reason.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """What is due now, and what a newer rung has made pointless."""

    due: tuple[Notice, ...]
    superseded: tuple[Notice, ...]


NOTHING_DUE = Decision((), ())


@dataclass(frozen=True, slots=True)
class Heard:
    """A notice that reached its recipient: of which kind and round, and when it went out.

    `together` marks one that only goes out at the same time as what is being composed: it
    is not history yet, but what is said of the future counts on it.
    """

    kind: Kind
    round: int
    recipient: str
    at: datetime
    together: bool = False


History: TypeAlias = Mapping[str, Sequence[Heard]]
"""What was heard of each obligation, by its id, in the order in which it went out."""


def send_time(plan: Plan, ladder: Ladder, day: date) -> datetime:
    """Return the plan's send hour on `day`, aware, in the plan's zone."""
    return datetime.combine(day, ladder.send_at, plan.zone)


def at_once(plan: Plan, ladder: Ladder, moment: datetime) -> datetime:
    """Return `moment` if mail may go out then, else the next send hour at which it may.

    It may while offices are open, and on no quiet day of the plan.
    """
    return _after_quiet_days(plan, ladder, _when_offices_open(plan, ladder, moment))


def _after_quiet_days(plan: Plan, ladder: Ladder, at: datetime) -> datetime:
    """Return `at`, in the plan's zone, or the first send hour after the quiet days it lies in."""
    while (quiet := plan.quiet_span(at.date())) is not None:
        at = send_time(plan, ladder, plan.calendar.offset(quiet.last, 1))
    return at


def _when_offices_open(plan: Plan, ladder: Ladder, moment: datetime) -> datetime:
    local = moment.astimezone(plan.zone)
    day, clock = local.date(), local.timetz().replace(tzinfo=None)
    if plan.calendar.is_working(day):
        if ladder.send_at <= clock <= _ends(ladder):
            return local
        if clock < ladder.send_at:
            return send_time(plan, ladder, day)
    return send_time(plan, ladder, plan.calendar.offset(day, 1))


def _next_hour(plan: Plan, ladder: Ladder, moment: datetime) -> datetime:
    """Return what `at_once` does; runs of one plan ask for one and the same moment."""
    key = (plan.identity, ladder.name, moment)
    return _KNOWN_NEXT.get(key, lambda: at_once(plan, ladder, moment))


def is_office_hour(plan: Plan, ladder: Ladder, moment: datetime) -> bool:
    """Say whether mail may go out at `moment`: on a working day, none of the plan's quiet ones.

    And from the send hour on, until offices end.
    """
    key = (plan.identity, ladder.name, moment)
    return _KNOWN_HOURS.get(key, lambda: at_once(plan, ladder, moment) == moment)


def _ends(ladder: Ladder) -> time:
    return max(ladder.office_ends, ladder.send_at)


def rungs(plan: Plan, state: ObligationState) -> tuple[Notice, ...]:
    """Return every rung of the ladder of an open obligation's present round, by time.

    A reminder that falls before the stage opened, or before the round began, is none:
    nobody is reminded of a time in which the work was not theirs. Where the deadline had
    passed by then, chasers and escalations are counted from the day on which it was told:
    nobody's lateness is silent because the work came late.
    """
    if not state.is_open or state.round_began is None:
        return ()
    obligation = state.obligation

    def reckoned() -> tuple[Notice, ...]:
        return tuple(
            _notice(obligation.id, step, recipient)
            for step in _steps(plan, state)
            if (recipient := _recipient(plan, obligation.agency.id, step)) is not None
        )

    return _KNOWN_RUNGS.get((_case(plan, state), obligation.agency.id), reckoned)


@dataclass(frozen=True, slots=True)
class _Step:
    """A rung as it falls for every obligation of a task in the same case.

    `level` is how far above the one who owes it goes; None: to that one itself, or to the
    `partner` who takes part.
    """

    rung: str
    round: int
    kind: Kind
    level: int | None
    at: datetime
    count: int
    reason: Reason
    partner: str | None = None


class _Known(Generic[T]):
    """What was reckoned before: runs of one plan ask alike, and a mail asks three times."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[object, T] = {}

    def get(self, key: object, reckon: Callable[[], T]) -> T:
        """Return what is kept under `key`, reckoned at the first time."""
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= self._most:
                self._kept.clear()
            found = self._kept[key] = reckon()
        return found


_KNOWN_STEPS: _Known[tuple[_Step, ...]] = _Known(1_024)
_KNOWN_RUNGS: _Known[tuple[Notice, ...]] = _Known(4_096)  # of all plans: some 40 MB
_KNOWN_HOURS: _Known[bool] = _Known(256)
_KNOWN_NEXT: _Known[datetime] = _Known(256)


def _case(plan: Plan, state: ObligationState) -> object:
    """Return all that the rungs of an obligation follow from, but for whose it is."""
    due, obligation = state.due, state.obligation
    return (
        plan.identity,
        obligation.stage.id,
        obligation.task.id,
        state.round,
        state.round_began,
        state.told_of,
        state.told_round,
        state.told_from,
        None if due is None else (due.last_day, due.last_working_day),
    )


def _steps(plan: Plan, state: ObligationState) -> tuple[_Step, ...]:
    """Return the rungs of an open obligation by time, whoever gets them."""
    began = state.round_began
    if began is None or not state.is_open:
        return ()
    return _KNOWN_STEPS.get(_case(plan, state), lambda: _reckoned(plan, state, began))


def _reckoned(plan: Plan, state: ObligationState, began: datetime) -> tuple[_Step, ...]:
    found = [*_firsts(plan, state)]
    found += [step for step in _dated(plan, state) if step.at >= began]
    return tuple(sorted(found, key=lambda step: (step.at, step.kind)))


def _recipient(plan: Plan, agency: str, step: _Step) -> str | None:
    if step.level is not None:
        return escalated_to(plan, agency, step.level)
    if step.partner is None:
        return agency
    return step.partner if step.partner != agency else None  # nobody takes part in its own work


def _notice(obligation: str, step: _Step, recipient: str) -> Notice:
    return Notice(
        obligation=obligation,
        round=step.round,
        rung=step.rung,
        kind=step.kind,
        recipient=recipient,
        at=step.at,
        count=step.count,
        reason=step.reason,
    )


def decide(
    plan: Plan, state: ObligationState, *, issued: Set[NoticeKey], now: datetime
) -> Decision:
    """Return the notices that are due at `now`: for each recipient the newest rung only.

    After an outage nobody is reminded of a deadline that the next line calls missed; what
    the newest rung outdates is returned as superseded. `issued` holds the keys of notices
    that were issued or superseded before. A closed obligation is silent, and so is
    everyone while offices are closed: what fell due then waits for the next send hour.
    What falls within a pause, or on a quiet day, waits for its end, as after an outage.
    """
    if state.is_paused(now) or not is_office_hour(plan, state.obligation.ladder, now):
        return NOTHING_DUE
    obligation = state.obligation
    newest: dict[str, datetime] = {}
    fresh: list[Notice] = []
    for step in _steps(plan, state):
        if step.at > now:
            break
        recipient = _recipient(plan, obligation.agency.id, step)
        if recipient is not None:
            newest[recipient] = step.at
            if (obligation.id, step.round, step.rung, recipient) not in issued:
                fresh.append(_notice(obligation.id, step, recipient))
    if not fresh:
        return NOTHING_DUE
    due = tuple(one for one in fresh if one.at == newest[one.recipient])
    return Decision(due, tuple(one for one in fresh if one.at != newest[one.recipient]))


def next_rung(plan: Plan, state: ObligationState, *, after: datetime) -> Notice | None:
    """Return the first rung that goes out after `after` and in no pause, `at` that time, if any.

    Of what a quiet day holds back it is the newest: only that goes out after it.
    """
    return _first(_ahead(plan, state, after))


def _first(ahead: Iterable[tuple[datetime, Notice]]) -> Notice | None:
    """Return the newest of those rungs that go out first, to whom the first of them goes."""
    goes, newest = None, None
    for at, one in ahead:
        if newest is None:
            goes, newest = at, one
        elif at != goes:  # what falls later goes out no earlier
            break
        elif one.recipient == newest.recipient and one.at > newest.at:
            newest = one
    return None if goes is None or newest is None else _going(newest, goes)


def _ahead(
    plan: Plan, state: ObligationState, after: datetime
) -> Iterator[tuple[datetime, Notice]]:
    """Yield the rungs that go out after `after` and in no pause, each with when it does."""
    ladder = state.obligation.ladder
    for one in rungs(plan, state):
        at = _after_quiet_days(plan, ladder, one.at)
        if at > after and not state.is_paused(at):
            yield at, one


def coming(
    plan: Plan, state: ObligationState, *, after: datetime
) -> tuple[Notice | None, Notice | None]:
    """Return what goes out next after `after`, and what goes above next, each at its real time."""
    ahead = [*_ahead(plan, state, after)]
    above = next(((at, one) for at, one in ahead if one.kind is Kind.ESCALATE), None)
    return _first(ahead), None if above is None else _going(above[1], above[0])


def _going(notice: Notice, at: datetime) -> Notice:
    """Return a notice at the time at which it really goes out, which mostly is its own."""
    return notice if notice.at == at else replace(notice, at=at)


def next_wake(
    plan: Plan, state: ObligationState, *, issued: Set[NoticeKey], now: datetime
) -> datetime | None:
    """Return when the obligation next has a notice to issue, not before `now`, if ever.

    What falls within a pause, or on a quiet day, waits for the first send time after it; in
    a pause without an end for the entry that resumes it.
    """
    key, agency = state.obligation.id, state.obligation.agency.id
    waiting = (
        step.at
        for step in _steps(plan, state)
        if (recipient := _recipient(plan, agency, step)) is not None
        and (key, step.round, step.rung, recipient) not in issued
    )
    at = next(waiting, None)
    if at is None:
        return None
    ladder = state.obligation.ladder
    at = _after_quiet_days(plan, ladder, at) if at > now else _next_hour(plan, ladder, now)
    if not state.is_paused(at):
        return at
    freed = state.freed_at(at)
    return None if freed is None else at_once(plan, ladder, freed)


def is_held_back(
    plan: Plan, state: ObligationState, *, issued: Set[NoticeKey], now: datetime
) -> bool:
    """Say whether only a pause keeps an obligation from ever having a notice to issue."""
    unpaused = replace(state, pauses=())
    return (
        next_wake(plan, state, issued=issued, now=now) is None
        and next_wake(plan, unpaused, issued=issued, now=now) is not None
    )


@dataclass(frozen=True, slots=True)
class Digest:
    """What one recipient is told at one time: one message, however many obligations.

    `slot` is the latest time at which one of its rungs fell, `send_at` when it is sent:
    the same, but for a catch-up. `news` are entries that the coordinator is told of, with
    notices or alone.
    """

    recipient: str
    slot: datetime
    send_at: datetime
    notices: tuple[Notice, ...]
    news: tuple[Entry, ...] = ()

    @property
    def kind(self) -> Kind:
        """The highest kind among the notices."""
        return max((notice.kind for notice in self.notices), default=Kind.EVENT)

    @property
    def rungs(self) -> tuple[str, ...]:
        """The rungs that it speaks of, each once."""
        return tuple(dict.fromkeys(notice.rung for notice in self.notices))

    @property
    def obligations(self) -> tuple[str, ...]:
        """The obligations that it speaks of, each once."""
        return tuple(dict.fromkeys(notice.obligation for notice in self.notices))


def digests(plan: Plan, decisions: Iterable[Decision], *, now: datetime) -> list[Digest]:
    """Gather what is due into one digest per recipient, the gravest notices first."""
    order = plan.positions
    gathered: dict[str, list[Notice]] = {}
    for decision in decisions:
        for notice in decision.due:
            gathered.setdefault(notice.recipient, []).append(notice)
    return [
        Digest(
            recipient=recipient,
            slot=max(notice.at for notice in notices),
            send_at=now,
            notices=tuple(sorted(notices, key=lambda n: (-n.kind, order[n.obligation], n.at))),
        )
        for recipient, notices in gathered.items()
    ]


def _firsts(plan: Plan, state: ObligationState) -> Iterator[_Step]:
    """Yield what begins a round: the assignment, or the return."""
    assert state.told_from is not None
    at = _when_offices_open(plan, state.obligation.ladder, state.told_from)
    first = replace(state, round=state.told_round)
    match state.told_of:
        case EntryKind.STAGE_OPENED:
            yield _step(first, "assign", Kind.ASSIGN, None, at, 0)
            if state.obligation.ladder.tell_partners:
                told = _step(first, PARTNER, Kind.ASSIGN, None, at, 0)
                for partner in state.obligation.task.partners:
                    yield replace(told, partner=partner)
        case EntryKind.RETURNED:
            yield _step(first, "returned", Kind.RETURNED, None, at, 0)


def _dated(plan: Plan, state: ObligationState) -> Iterator[_Step]:
    """Yield the rungs that hang on the deadline."""
    if state.due is None:
        return
    due, calendar = state.due, plan.calendar
    ladder = state.obligation.ladder

    def on(day: date) -> datetime:
        return send_time(plan, ladder, day)

    for days in ladder.remind:
        at = on(calendar.offset(due.last_working_day, -days))
        yield _step(state, f"remind-{days}", Kind.REMIND, None, at, days)
    counted_from = max(due.last_day, _told_on(plan, state))
    for number in range(1, ladder.overdue.at_most + 1):
        after = ladder.overdue.first + (number - 1) * ladder.overdue.every
        at = on(calendar.offset(counted_from, after))
        yield _step(state, f"overdue-{number}", Kind.OVERDUE, None, at, number)
    for number, above in enumerate(ladder.escalate, start=1):
        day = calendar.offset(counted_from, above.after)
        late = calendar.working_days_between(due.last_day, day)
        step = _step(state, f"escalate-{number}", Kind.ESCALATE, above.to, on(day), late)
        yield replace(step, count=above.after)


def _told_on(plan: Plan, state: ObligationState) -> date:
    """Return the day on which the present round is told: the first of office hours in it."""
    assert state.round_began is not None
    at = _when_offices_open(plan, state.obligation.ladder, state.round_began)
    return at.astimezone(plan.zone).date()


def escalated_to(plan: Plan, agency: str, level: int) -> str | None:
    """Return who hears of `agency` at `level`: nobody is escalated to themselves.

    It moves one level up instead, as it does where there is no parent; above the last
    level there is nobody.
    """
    above = plan.levels[max(level, Level.COORDINATOR) :]
    if level == Level.PARENT and (parent := plan.agencies[agency].parent):
        above = (parent, *above)
    return next((recipient for recipient in above if recipient != agency), None)


def _step(
    state: ObligationState, rung: str, kind: Kind, level: int | None, at: datetime, count: int
) -> _Step:
    values: dict[str, str | int | date] = {"count": count}
    if state.due is not None:
        values["last_day"] = state.due.last_day
        values["last_working_day"] = state.due.last_working_day
    variant = ""
    if state.due is None:
        variant = "-undated"
    elif kind is Kind.REMIND and count == 0:
        variant = "-today"
    why = reason(f"notice.{kind.word}{variant}", **values)
    return _Step(rung, state.round, kind, level, at, count, why)
