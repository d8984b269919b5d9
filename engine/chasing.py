"""Chasing: the ladder. State and `now` → the notices that are due, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import IntEnum
from typing import TypeAlias

from engine.ledger import Entry, EntryKind, ObligationState
from engine.plan import Ladder, Level, Plan
from engine.reason import Reason, reason


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


def is_office_hour(plan: Plan, ladder: Ladder, moment: datetime) -> bool:
    """Say whether mail may go out at `moment`: on a working day, none of the plan's quiet ones.

    And from the send hour on, until offices end.
    """
    return at_once(plan, ladder, moment) == moment


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
    key = _ladder_key(plan, state)
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[key] = _rungs(plan, state, state.round_began)
    return found


MOST_KNOWN = 4_096  # ladders that are kept, of all plans: some 40 MB
_LadderKey: TypeAlias = tuple[object, ...]
_KNOWN: dict[_LadderKey, tuple[Notice, ...]] = {}
"""What was reckoned before: a mail asks for its ladders three times, and runs of one plan alike."""


def _ladder_key(plan: Plan, state: ObligationState) -> _LadderKey:
    """Return all that the rungs of an obligation follow from."""
    due = state.due
    return (
        plan.identity,
        state.obligation.id,
        state.round,
        state.round_began,
        state.told_of,
        state.told_round,
        state.told_from,
        None if due is None else (due.last_day, due.last_working_day),
    )


def _rungs(plan: Plan, state: ObligationState, began: datetime) -> tuple[Notice, ...]:
    found = [*_firsts(plan, state)]
    found += [notice for notice in _dated(plan, state) if notice.at >= began]
    return tuple(sorted(found, key=lambda notice: (notice.at, notice.kind)))


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
    reached: dict[str, list[Notice]] = {}
    for notice in rungs(plan, state):
        if notice.at <= now:
            reached.setdefault(notice.recipient, []).append(notice)
    due: list[Notice] = []
    superseded: list[Notice] = []
    for notices in reached.values():
        newest = notices[-1].at
        for notice in notices:
            if notice.key not in issued:
                (due if notice.at == newest else superseded).append(notice)
    return Decision(tuple(due), tuple(superseded))


def next_rung(plan: Plan, state: ObligationState, *, after: datetime) -> Notice | None:
    """Return the first rung that goes out after `after` and in no pause, `at` that time, if any.

    Of what a quiet day holds back it is the newest: only that goes out after it.
    """
    ladder = state.obligation.ladder
    ahead = ((_after_quiet_days(plan, ladder, one.at), one) for one in rungs(plan, state))
    coming = [(at, one) for at, one in ahead if at > after and not state.is_paused(at)]
    if not coming:
        return None
    goes, first = coming[0]
    same = [one for at, one in coming if at == goes and one.recipient == first.recipient]
    newest = next(one for one in same if one.at == same[-1].at)
    return replace(newest, at=goes)


def coming(
    plan: Plan, state: ObligationState, *, after: datetime
) -> tuple[Notice | None, Notice | None]:
    """Return what goes out next after `after`, and what goes above next, each at its real time."""
    first = next_rung(plan, state, after=after)
    ladder = state.obligation.ladder
    found = (
        replace(one, at=at)
        for one in rungs(plan, state)
        if one.kind is Kind.ESCALATE
        and (at := _after_quiet_days(plan, ladder, one.at)) > after
        and not state.is_paused(at)
    )
    return first, next(found, None)


def next_wake(
    plan: Plan, state: ObligationState, *, issued: Set[NoticeKey], now: datetime
) -> datetime | None:
    """Return when the obligation next has a notice to issue, not before `now`, if ever.

    What falls within a pause, or on a quiet day, waits for the first send time after it; in
    a pause without an end for the entry that resumes it.
    """
    waiting = next((n for n in rungs(plan, state) if n.key not in issued), None)
    if waiting is None:
        return None
    ladder = state.obligation.ladder
    at = waiting.at
    at = _after_quiet_days(plan, ladder, at) if at > now else at_once(plan, ladder, now)
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


def _firsts(plan: Plan, state: ObligationState) -> Iterator[Notice]:
    """Yield what begins a round: the assignment, or the return."""
    obligation = state.obligation
    assert state.told_from is not None
    at = _when_offices_open(plan, obligation.ladder, state.told_from)
    first = replace(state, round=state.told_round)
    match state.told_of:
        case EntryKind.STAGE_OPENED:
            yield _notice(first, "assign", Kind.ASSIGN, obligation.agency.id, at, 0)
        case EntryKind.RETURNED:
            yield _notice(first, "returned", Kind.RETURNED, obligation.agency.id, at, 0)


def _dated(plan: Plan, state: ObligationState) -> Iterator[Notice]:
    """Yield the rungs that hang on the deadline."""
    if state.due is None:
        return
    obligation, due, calendar = state.obligation, state.due, plan.calendar
    ladder, agency = obligation.ladder, obligation.agency.id

    def on(day: date) -> datetime:
        return send_time(plan, ladder, day)

    for days in ladder.remind:
        at = on(calendar.offset(due.last_working_day, -days))
        yield _notice(state, f"remind-{days}", Kind.REMIND, agency, at, days)
    counted_from = max(due.last_day, _told_on(plan, state))
    for number in range(1, ladder.overdue.at_most + 1):
        after = ladder.overdue.first + (number - 1) * ladder.overdue.every
        at = on(calendar.offset(counted_from, after))
        yield _notice(state, f"overdue-{number}", Kind.OVERDUE, agency, at, number)
    for number, step in enumerate(ladder.escalate, start=1):
        recipient = escalated_to(plan, agency, step.to)
        if recipient is not None:
            day = calendar.offset(counted_from, step.after)
            late = calendar.working_days_between(due.last_day, day)
            yield replace(
                _notice(state, f"escalate-{number}", Kind.ESCALATE, recipient, on(day), late),
                count=step.after,
            )


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


def _notice(
    state: ObligationState, rung: str, kind: Kind, recipient: str, at: datetime, count: int
) -> Notice:
    obligation = state.obligation
    values: dict[str, str | int | date] = {"count": count}
    if state.due is not None:
        values["last_day"] = state.due.last_day
        values["last_working_day"] = state.due.last_working_day
    variant = ""
    if state.due is None:
        variant = "-undated"
    elif kind is Kind.REMIND and count == 0:
        variant = "-today"
    return Notice(
        obligation=obligation.id,
        round=state.round,
        rung=rung,
        kind=kind,
        recipient=recipient,
        at=at,
        count=count,
        reason=reason(f"notice.{kind.word}{variant}", **values),
    )
