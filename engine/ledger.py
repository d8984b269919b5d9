"""Ledger: the append-only entries of a plan run, and the state that they fold to.

An entry keeps two times: when it happened (the date on the document) and when it was
recorded. Deadlines are judged by the first, what is sent by the second.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from engine.deadline import (
    Anchors,
    Deadline,
    FromDay,
    NoDate,
    Phrase,
    Roll,
    Unit,
    Within,
    derive,
    later_of,
    settle,
    start_of,
)
from engine.plan import Obligation, Plan
from engine.reason import reason


class EntryKind(StrEnum):
    """What an entry says."""

    RUN_STARTED = "run-started"
    RUN_COMPLETED = "run-completed"
    STAGE_OPENED = "stage-opened"
    STAGE_DONE = "stage-done"
    EVENT_ANNOUNCED = "event-announced"
    SUBMITTED = "submitted"
    SUBMITTED_IN_PART = "submitted-in-part"
    SUBMISSION_WITHDRAWN = "submission-withdrawn"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    EXTENDED = "extended"
    WAIVED = "waived"
    DIFFICULTY_REPORTED = "difficulty-reported"
    DIFFICULTY_ANSWERED = "difficulty-answered"
    CHASING_PAUSED = "chasing-paused"
    CHASING_RESUMED = "chasing-resumed"
    NOTICE_ISSUED = "notice-issued"
    NOTICE_SUPERSEDED = "notice-superseded"
    NOTICE_DROPPED = "notice-dropped"
    NOTICE_WITHDRAWN = "notice-withdrawn"
    MESSAGE_SENT = "message-sent"
    MESSAGE_LATER = "message-later"
    MESSAGE_UNCERTAIN = "message-uncertain"
    MESSAGE_CANCELLED = "message-cancelled"
    MESSAGE_UNDELIVERABLE = "message-undeliverable"
    MESSAGE_EXPIRED = "message-expired"
    MESSAGE_BOUNCED = "message-bounced"
    BRIEF_REQUESTED = "brief-requested"
    NEWS_ISSUED = "news-issued"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. Instants are aware; `data` holds JSON values only."""

    kind: EntryKind
    happened_at: datetime
    recorded_at: datetime
    by: str
    obligation: str | None = None
    stage: str | None = None
    document: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class Standing(StrEnum):
    """Where an obligation stands."""

    OPEN = "open"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    WAIVED = "waived"


class Outcome(StrEnum):
    """How an obligation counts, in the words of the Government's own tracking.

    hoàn thành đúng hạn, hoàn thành quá hạn, chưa hoàn thành trong hạn, chưa hoàn thành
    quá hạn; a waived one is owed no more.
    """

    ON_TIME = "on-time"
    LATE = "late"
    PENDING = "pending"
    OVERDUE = "overdue"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class InPart:
    """What has come in of an obligation that is still owed: how many parts, and the last one."""

    count: int
    on: datetime
    document: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """What was sent back for completion: when, the document returned, and its date.

    `document` is the returned one, `letter` the one that returned it, if either has a number.
    """

    at: datetime
    document: str = ""
    dated: datetime | None = None
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Difficulty:
    """A difficulty that an agency reports: what, since when, by whom, on what document."""

    what: str
    since: datetime
    by: str
    document: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to an agency's difficulties, when, by whom, on what document."""

    answer: str
    at: datetime
    by: str
    document: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which nothing is issued: of one agency, or of the whole run (`agency` None).

    It holds from `since` until before `ends_at`; None: until it is resumed.
    """

    agency: str | None
    since: datetime
    ends_at: datetime | None
    until: date | None
    why: str
    by: str
    document: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether nothing is issued at `now`."""
        return self.since <= now and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class ObligationState:
    """What the ledger says of one obligation.

    `stated` is the deadline of the plan's phrase, known since `dated_at` (None: from the
    start), `due` the one that holds now. `round` counts deadlines: a return or an
    extension starts a new one, with its own rungs; `round_began` is when, `begun_by`
    what. `told_of` is what the agency is told first, its assignment or the last return,
    of `told_round`, at `told_from`: an extension that follows does not take its place.
    `returned` is its last return, if it ever was.
    `settled_at` is when it was last closed, `is_nil` whether by a nil report; `before` is
    the state that the last submission or part found, to go back to where it is withdrawn.
    `pauses` are those that cover it, whether they still hold or not.
    """

    obligation: Obligation
    standing: Standing = Standing.OPEN
    round: int = 1
    opened_at: datetime | None = None
    round_began: datetime | None = None
    begun_by: EntryKind = EntryKind.STAGE_OPENED
    told_of: EntryKind = EntryKind.STAGE_OPENED
    told_round: int = 1
    told_from: datetime | None = None
    dated_at: datetime | None = None
    stated: Deadline | None = None
    due: Deadline | None = None
    submitted_on: datetime | None = None
    settled_at: datetime | None = None
    returned_for: str = ""
    returned: Return | None = None
    document: str = ""
    is_nil: bool = False
    in_part: InPart | None = None
    before: ObligationState | None = None
    difficulties: tuple[Difficulty, ...] = ()
    answer: Answer | None = None
    pauses: tuple[Pause, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is owed any more (until a return)."""
        return self.standing is not Standing.OPEN

    @property
    def is_open(self) -> bool:
        """Whether its stage has opened and it is still owed."""
        return self.opened_at is not None and not self.is_closed

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing is issued about it at `now`."""
        return any(pause.holds(now) for pause in self.pauses)

    def freed_at(self, moment: datetime) -> datetime | None:
        """Return `moment`, or the end of the pauses that it lies in; None if they have none."""
        ends = [pause.ends_at for pause in self.pauses if pause.holds(moment)]
        known = [end for end in ends if end is not None]
        return None if len(known) < len(ends) else max([moment, *known])

    def is_late(self, now: datetime) -> bool:
        """Whether it is owed, open, and past its deadline at `now`."""
        return self.is_open and self.due is not None and now >= self.due.late_from

    def outcome(self, now: datetime) -> Outcome:
        """Return how it counts at `now`. A submission is judged by its document's date."""
        if self.standing is Standing.WAIVED:
            return Outcome.WAIVED
        if self.is_closed:
            in_time = self.due is None or (
                self.submitted_on is not None and self.submitted_on < self.due.late_from
            )
            return Outcome.ON_TIME if in_time else Outcome.LATE
        late = self.due is not None and now >= self.due.late_from
        return Outcome.OVERDUE if late else Outcome.PENDING


_FIELDS = tuple(one.name for one in fields(ObligationState))


@dataclass(frozen=True, slots=True)
class StageState:
    """What the ledger says of one stage; `missing` counts what was not in when it was done."""

    opened_at: datetime | None = None
    done_at: datetime | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EventState:
    """An outside event: the date of its document, and when it was recorded."""

    happened_at: datetime
    recorded_at: datetime
    document: str = ""


@dataclass(frozen=True)
class RunState:
    """The state of a plan run: the fold of its ledger."""

    plan: Plan
    started_at: datetime | None
    completed_at: datetime | None
    stages: Mapping[str, StageState]
    obligations: Mapping[str, ObligationState]
    events: Mapping[str, EventState]
    pauses: Mapping[str | None, Pause] = field(default_factory=dict)

    def pause_of(self, agency: str | None, now: datetime) -> Pause | None:
        """Return the pause of one agency, or of the whole run (None), that holds at `now`."""
        pause = self.pauses.get(agency)
        return pause if pause is not None and pause.holds(now) else None

    def paused(self, now: datetime) -> tuple[Pause, ...]:
        """Return the pauses that hold at `now`, that of the whole run first."""
        held = [pause for pause in self.pauses.values() if pause.holds(now)]
        return tuple(sorted(held, key=lambda pause: pause.agency or ""))

    def anchors(self) -> Anchors:
        """Return the dates that periods are counted from, in the plan's zone."""
        zone = self.plan.zone
        return Anchors(
            events={k: e.happened_at.astimezone(zone).date() for k, e in self.events.items()},
            stages={
                k: done_on(s.done_at, zone) for k, s in self.stages.items() if s.done_at is not None
            },
        )


def done_on(moment: datetime, zone: ZoneInfo) -> date:
    """Return the day on which a stage was done at `moment`.

    A gate that gives way does so at 24:00, which still is that day (Civil Code 2015, art. 148).
    """
    return (moment.astimezone(zone) - timedelta(microseconds=1)).date()


def fold(plan: Plan, entries: Iterable[Entry]) -> RunState:
    """Return the state that `entries`, in the order they were recorded, add up to."""
    folding = Folding(plan)
    for entry in entries:
        folding.take(entry)
    return folding.state()


def fold_some(
    plan: Plan, keys: Collection[str], entries: Iterable[Entry]
) -> dict[str, ObligationState]:
    """Return the states of some obligations alone, in the order of `keys`.

    `entries` are those of the whole run and those of these obligations, in their order. Of
    obligations of one task that only the run's entries are about, one is folded for all.
    """
    return _folded(plan, keys, entries).obligations


def fold_alike(plan: Plan, entries: Iterable[Entry]) -> Folding:
    """Return the fold of a whole run, of which obligations in the same case are folded once."""
    return _folded(plan, plan.obligations, entries)


def _folded(plan: Plan, keys: Collection[str], entries: Iterable[Entry]) -> Folding:
    told = list(entries)
    own = {entry.obligation for entry in told if entry.obligation is not None}
    paused = {entry.data.get("agency") for entry in told if entry.kind is EntryKind.CHASING_PAUSED}
    folded: dict[str, str] = {}  # which obligation is folded, by the one asked for
    alike: dict[str, str] = {}
    for key in keys:
        obligation = plan.obligations[key]
        if key in own or obligation.agency.id in paused:
            folded[key] = key
        else:
            folded[key] = alike.setdefault(f"{obligation.stage.id}/{obligation.task.id}", key)
    folding = Folding(plan, dict.fromkeys(folded.values()))
    for entry in told:
        folding.take(entry)
    states = folding.obligations
    folding.obligations = {
        key: states[one] if one == key else _but(states[one], obligation=plan.obligations[key])
        for key, one in folded.items()
    }
    return folding


def _but(state: ObligationState, **changes: Any) -> ObligationState:
    """Return `state` with some fields changed: what `replace` does, in a third of its time."""
    made = object.__new__(ObligationState)
    for name in _FIELDS:
        value = changes[name] if name in changes else getattr(state, name)
        object.__setattr__(made, name, value)
    return made


class Folding:
    """A fold in progress: take entries one by one, look at the state in between."""

    def __init__(self, plan: Plan, only: Iterable[str] | None = None) -> None:
        """Begin before the first entry; with `only` some of the plan's obligations are folded.

        Of stages and gates a fold of some says nothing.
        """
        self.plan = plan
        self.started_at: datetime | None = None
        self.completed_at: datetime | None = None
        self.stages = {stage.id: StageState() for stage in plan.stages}
        self.events: dict[str, EventState] = {}
        self.pauses: dict[str | None, Pause] = {}
        self.obligations = {
            key: ObligationState(plan.obligations[key])
            for key in (plan.obligations if only is None else only)
        }
        self._derive_all()

    def state(self) -> RunState:
        """Return the state so far: a view, which later entries move on."""
        return RunState(
            plan=self.plan,
            started_at=self.started_at,
            completed_at=self.completed_at,
            stages=self.stages,
            obligations=self.obligations,
            events=self.events,
            pauses=self.pauses,
        )

    def snapshot(self) -> RunState:
        """Return the state so far, which later entries leave as it is."""
        return replace(
            self.state(),
            stages=dict(self.stages),
            obligations=dict(self.obligations),
            events=dict(self.events),
            pauses=dict(self.pauses),
        )

    def take(self, entry: Entry) -> None:
        """Fold one more entry in."""
        match entry.kind:
            case EntryKind.RUN_STARTED:
                self.started_at = entry.happened_at
            case EntryKind.RUN_COMPLETED:
                self.completed_at = entry.happened_at
            case EntryKind.EVENT_ANNOUNCED:
                self.events.setdefault(
                    entry.data["event"],
                    EventState(entry.happened_at, entry.recorded_at, entry.document),
                )
                self._derive_all(entry.recorded_at)
            case EntryKind.STAGE_OPENED | EntryKind.STAGE_DONE:
                self._take_stage(entry)
            case EntryKind.CHASING_PAUSED | EntryKind.CHASING_RESUMED:
                self._take_pause(entry)
            case _ if entry.obligation in self.obligations:
                before = self.obligations[entry.obligation]
                self.obligations[entry.obligation] = _after(self.plan, before, entry)

    def _take_stage(self, entry: Entry) -> None:
        assert entry.stage is not None
        stage = self.stages[entry.stage]
        if entry.kind is EntryKind.STAGE_DONE:
            missing = tuple(entry.data.get("missing", ()))
            self.stages[entry.stage] = replace(stage, done_at=entry.happened_at, missing=missing)
            self._derive_all(entry.happened_at)
            return
        self.stages[entry.stage] = replace(stage, opened_at=entry.happened_at)
        for key, state in self.obligations.items():
            if state.obligation.stage.id == entry.stage:
                self.obligations[key] = _but(
                    state,
                    opened_at=entry.happened_at,
                    round_began=entry.happened_at,
                    begun_by=entry.kind,
                    told_of=entry.kind,
                    told_round=state.round,
                    told_from=entry.happened_at,
                )

    def _take_pause(self, entry: Entry) -> None:
        """Pause or resume the whole run or one agency; what was told or is due stays as it is."""
        agency = entry.data.get("agency")
        if entry.kind is EntryKind.CHASING_RESUMED:
            self.pauses.pop(agency, None)
        else:
            self.pauses[agency] = _pause(self.plan, entry)
        for key, state in self.obligations.items():
            if agency in (None, state.obligation.agency.id):
                found = (self.pauses.get(None), self.pauses.get(state.obligation.agency.id))
                pauses = tuple(pause for pause in found if pause is not None)
                self.obligations[key] = _but(state, pauses=pauses)

    def _derive_all(self, known_at: datetime | None = None) -> None:
        """Derive the deadlines that are not known yet; events and stages are their anchors."""
        anchors = self.state().anchors()
        known: dict[int, Deadline | None] = {}  # by the phrase, which a task's obligations share
        for key, state in self.obligations.items():
            due = state.obligation.task.due
            if state.stated is None and not isinstance(due.rule, NoDate):
                if id(due) not in known:
                    known[id(due)] = derive(
                        due, calendar=self.plan.calendar, zone=self.plan.zone, anchors=anchors
                    )
                if (stated := known[id(due)]) is not None:
                    self.obligations[key] = _but(
                        state,
                        stated=stated,
                        due=stated if state.due is None else state.due,
                        dated_at=known_at,
                    )


def _after(plan: Plan, state: ObligationState, entry: Entry) -> ObligationState:
    """Return `state` as `entry` leaves it."""
    match entry.kind:
        case EntryKind.SUBMITTED:
            return replace(
                state,
                standing=Standing.SUBMITTED,
                submitted_on=entry.happened_at,
                settled_at=entry.recorded_at,
                document=entry.document,
                is_nil=bool(entry.data.get("nil")),
                before=state,
            )
        case EntryKind.SUBMITTED_IN_PART:
            count = 1 if state.in_part is None else state.in_part.count + 1
            part = InPart(count, entry.happened_at, entry.document)
            return replace(state, in_part=part, before=state)
        case EntryKind.SUBMISSION_WITHDRAWN if state.before is not None:
            return _as_before(state, state.before)
        case EntryKind.DIFFICULTY_REPORTED:
            difficulty = Difficulty(entry.data["what"], entry.happened_at, entry.by, entry.document)
            return replace(state, difficulties=(*state.difficulties, difficulty))
        case EntryKind.DIFFICULTY_ANSWERED:
            answer = Answer(entry.data["answer"], entry.happened_at, entry.by, entry.document)
            return replace(state, difficulties=(), answer=answer)
        case EntryKind.ACCEPTED:
            return replace(state, standing=Standing.ACCEPTED, before=None)
        case EntryKind.WAIVED:
            return replace(
                state,
                standing=Standing.WAIVED,
                settled_at=entry.recorded_at,
                document=entry.document,
                before=None,
            )
        case EntryKind.RETURNED:
            return replace(
                state,
                standing=Standing.OPEN,
                round=state.round + 1,
                round_began=entry.recorded_at,
                begun_by=entry.kind,
                told_of=entry.kind,
                told_round=state.round + 1,
                told_from=entry.recorded_at,
                due=_due_after_return(plan, state, entry),
                submitted_on=None,
                settled_at=None,
                returned_for=entry.data.get("reason", ""),
                returned=Return(
                    at=entry.happened_at,
                    document=state.document,
                    dated=state.submitted_on,
                    letter=entry.document,
                ),
                is_nil=False,
                in_part=None,
                before=None,
            )
        case EntryKind.EXTENDED:
            return replace(
                state,
                round=state.round + 1,
                round_began=entry.recorded_at,
                begun_by=entry.kind,
                due=_due_after_extension(plan, entry),
            )
        case _:
            return state


def _as_before(state: ObligationState, before: ObligationState) -> ObligationState:
    """Take the last submission or part back; what else has happened since stays."""
    return replace(
        state,
        standing=before.standing,
        submitted_on=before.submitted_on,
        settled_at=before.settled_at,
        document=before.document,
        is_nil=before.is_nil,
        in_part=before.in_part,
        before=before.before,
    )


def _pause(plan: Plan, entry: Entry) -> Pause:
    """A pause counts from its recording; `until` is its last day, to 24:00 in the plan's zone."""
    written = entry.data.get("until")
    until = None if written is None else date.fromisoformat(written)
    return Pause(
        agency=entry.data.get("agency"),
        since=entry.recorded_at,
        ends_at=None if until is None else start_of(until + timedelta(days=1), plan.zone),
        until=until,
        why=entry.data.get("reason", ""),
        by=entry.by,
        document=entry.document,
    )


def _due_after_return(plan: Plan, state: ObligationState, entry: Entry) -> Deadline | None:
    """A return with days: the later of the old deadline and the days after the return."""
    days = entry.data.get("days")
    if days is None:
        return state.due
    returned = entry.happened_at.astimezone(plan.zone).date()
    phrase = Phrase("", Within(int(days), Unit.WORKING_DAYS, FromDay(returned)))
    new = derive(phrase, calendar=plan.calendar, zone=plan.zone, anchors=Anchors())
    assert new is not None
    new = replace(
        new,
        derivation=(
            reason("derivation.returned", returned=returned, count=int(days)),
            *new.derivation[2:],
        ),
    )
    return later_of(state.due, new)


def _due_after_extension(plan: Plan, entry: Entry) -> Deadline:
    until = date.fromisoformat(entry.data["until"])
    return settle(
        until,
        (reason("derivation.extended", until=until, document=entry.document),),
        roll=Roll.NONE,
        calendar=plan.calendar,
        zone=plan.zone,
    )
