"""Plan: what is owed, by whom, to whom, in which stage, and the policy of chasing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from enum import IntEnum, StrEnum
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

from engine.calendar import WorkingCalendar
from engine.deadline import Phrase


class Role(StrEnum):
    """Why mail to an agency goes to an address.

    The focal point (*đầu mối*) answers; the head (*thủ trưởng*) is added from a rung on; who
    gets a copy (*nhận bản sao*) only reads; the mailbox is the agency's own (*văn thư*).
    """

    FOCAL = "focal"
    HEAD = "head"
    COPY = "copy"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class Span:
    """Days from `first` to `last`, both of them included, and why they are named."""

    first: date
    last: date
    why: str = ""

    def holds(self, day: date) -> bool:
        """Say whether `day` is one of them."""
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Substitute:
    """Who gets the mail of a contact that is away."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or desk of an agency that gets its mail, by role; away on some days."""

    name: str
    role: Role
    email: str
    away: tuple[Span, ...] = ()
    substitute: Substitute | None = None


@dataclass(frozen=True, slots=True)
class Agency:
    """A body that owes, receives or is told: a department, a district, a commune.

    `email` is the agency's own mailbox, `contacts` are further addresses by role.
    """

    id: str
    name: str
    kind: str
    email: str | None = None
    parent: str | None = None
    note: str = ""
    contacts: tuple[Contact, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that the register names for it, each once; its own mailbox first."""
        found = [self.email or ""]
        for contact in self.contacts:
            found += [contact.email, contact.substitute.email if contact.substitute else ""]
        return tuple(dict.fromkeys(address for address in found if address))


PARENT = "parent"
"""Written for a recipient: the body that stands above the one that owes (a commune's district)."""


@dataclass(frozen=True, slots=True)
class Appendix:
    """An appendix of the document (*Phụ lục*), with how many items (*Mục*) it has, if known."""

    id: str
    title: str = ""
    items: int | None = None


@dataclass(frozen=True, slots=True)
class AppendixRef:
    """What a task fills in of an appendix: all of it, all but some items, items, or points of one.

    `text` is how the document says it: *Phụ lục I (trừ Mục 3)*, *Mục 3, 4 Phụ lục VIII*,
    *điểm 2, 4 Mục 3 Phụ lục I*. Without `items` it is the whole appendix, less `less`.
    """

    text: str
    appendix: str
    items: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    less: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """Something owed within a stage, by each agency of `by`.

    `to` receives it (PARENT: each agency's own parent), `copies` get it too, `partners`
    take part (phối hợp); `concerning` names the agencies that the task is about, per agency
    that owes it; `collects` is the task (`stage/task`) whose reports it gathers.
    """

    id: str
    title: str
    by: tuple[str, ...]
    due: Phrase
    ladder: str
    to: str | None = None
    copies: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    concerning: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    appendix: tuple[AppendixRef, ...] = ()
    collects: str | None = None
    ref: str = ""
    rows: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateAfterDue:
    """The gate gives way at the end of the n-th working day after the last deadline."""

    working_days: int


@dataclass(frozen=True, slots=True)
class GateBy:
    """The gate gives way at the end of a day."""

    day: date


@dataclass(frozen=True, slots=True)
class Gate:
    """When a stage counts as done: a share of its obligations, or a date, the missing noted.

    `tasks` are those that are counted. `quorum` is a share (Fraction, of 1) or a number
    of obligations; `otherwise` the date at which the stage is done all the same.
    """

    tasks: tuple[str, ...]
    quorum: Fraction | int = Fraction(1)
    otherwise: GateAfterDue | GateBy | None = None

    def needed(self, total: int) -> int:
        """Return how many of `total` obligations must be closed, rounded up, at most `total`."""
        if isinstance(self.quorum, int):
            return min(self.quorum, total)
        share = -(-total * self.quorum.numerator // self.quorum.denominator)
        return min(share, total)


@dataclass(frozen=True, slots=True)
class Stage:
    """A node of the plan's graph; it opens when its `needs` are done and its event is known."""

    id: str
    title: str
    tasks: tuple[Task, ...]
    gate: Gate
    needs: tuple[str, ...] = ()
    event: str | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Overdue notices: on the `first`-th working day, then every `every`, `at_most` in all.

    From the `head_from`-th on the head of the agency gets them too; the `letter_from`-th and
    those after it carry a draft letter (*công văn đôn đốc*). None: never.
    """

    first: int = 1
    every: int = 1
    at_most: int = 0
    head_from: int | None = None
    letter_from: int | None = None


class Level(IntEnum):
    """Who stands above an agency, from the nearest up."""

    PARENT = -1
    COORDINATOR = 0
    SUPERIOR = 1


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """An escalation `after` working days, to the level `to`; with a draft `letter` or without."""

    after: int
    to: Level
    letter: bool = False


@dataclass(frozen=True, slots=True)
class Ladder:
    """The policy of reminders and escalations. All counts are working days.

    `send_at` is the plan's hour for mail; what happens at once (an assignment, a return)
    goes out at once between `send_at` and `office_ends`, else at the next `send_at`. With
    `tell_partners` who takes part hears of the assignment when whoever owes it does.
    """

    name: str
    send_at: time = time(8, 0)
    office_ends: time = time(17, 0)
    remind: tuple[int, ...] = ()
    overdue: Overdue = Overdue()
    escalate: tuple[EscalationStep, ...] = ()
    tell_partners: bool = False


@dataclass(frozen=True, slots=True)
class OutsideEvent:
    """An event that the plan waits for and does not control.

    `correlate` holds the values that an announcement must carry to be this very event:
    the programme of this period, the approval in this province.
    """

    name: str
    title: str
    document: str = ""
    correlate: Mapping[str, str] = field(default_factory=dict)

    def is_announced_by(self, values: Mapping[str, str]) -> bool:
        """Say whether an announcement that carries `values` is about this event."""
        return all(values.get(key) == value for key, value in self.correlate.items())


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence of the document that is no task, with the reason why not, or a doubt about it."""

    ref: str
    text: str
    why: str = ""
    rows: tuple[int, ...] = ()
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Obligation:
    """One task × one agency, with the stage and the ladder that it stands in."""

    id: str
    stage: Stage
    task: Task
    agency: Agency
    ladder: Ladder

    @property
    def to(self) -> str | None:
        """Who receives it: for PARENT, the body above the one that owes."""
        return self.agency.parent if self.task.to == PARENT else self.task.to


@dataclass(frozen=True)
class Plan:
    """The definition that a plan run executes. Stages stand in an order that respects needs.

    `quiet` are days on which nothing is mailed; what falls due on them goes out after them.
    """

    id: str
    number: str
    title: str
    issued: date
    issuer: str
    coordinator: str
    superior: str | None
    zone: ZoneInfo
    language: str
    agencies: Mapping[str, Agency]
    stages: tuple[Stage, ...]
    ladders: Mapping[str, Ladder]
    calendar: WorkingCalendar
    events: Mapping[str, OutsideEvent] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    appendices: Mapping[str, Appendix] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quiet: tuple[Span, ...] = ()

    @cached_property
    def obligations(self) -> Mapping[str, Obligation]:
        """Every obligation by its id, `stage/task/agency`, in the plan's order."""
        return {obligation.id: obligation for obligation in self._obligations()}

    def _obligations(self) -> Iterator[Obligation]:
        for stage in self.stages:
            for task in stage.tasks:
                for agency in task.by:
                    yield Obligation(
                        id=f"{stage.id}/{task.id}/{agency}",
                        stage=stage,
                        task=task,
                        agency=self.agencies[agency],
                        ladder=self.ladders[task.ladder],
                    )

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """The place of each obligation in the plan's order."""
        return {key: position for position, key in enumerate(self.obligations)}

    @cached_property
    def titles(self) -> Mapping[str, str]:
        """What stages and events are called, by their ids; an event's title goes before."""
        titles = {stage.id: stage.title for stage in self.stages}
        return titles | {name: event.title for name, event in self.events.items()}

    @cached_property
    def first_ladder(self) -> Ladder:
        """The ladder whose send hour is the earliest: what hangs on no ladder keeps its hours."""
        return min(self.ladders.values(), key=lambda ladder: ladder.send_at)

    @cached_property
    def identity(self) -> object:
        """What stands for this very plan where something reckoned from it is kept."""
        return object()

    def is_quiet(self, day: date) -> bool:
        """Say whether nothing is mailed on `day`, by the plan's own word."""
        return self.quiet_span(day) is not None

    def quiet_span(self, day: date) -> Span | None:
        """Return the quiet days that `day` is one of, if it is; the longest where several are."""
        if not self.quiet:  # as most plans; it is asked for every rung of a mail
            return None
        spans = (span for span in self.quiet if span.holds(day))
        return max(spans, key=lambda span: span.last, default=None)

    def can_date(self, day: date) -> bool:
        """Say whether deadlines can hang on a day: reminders before it and chasers after it too."""
        return self.first_year <= day.year <= self.last_year

    @property
    def first_year(self) -> int:
        """The first year that a deadline can hang on; its reminders may fall a year before."""
        return self.calendar.first_year + 1

    @property
    def last_year(self) -> int:
        """The last such year: the longest period takes five more, its last chaser two."""
        return self.calendar.last_year - 7

    def stage(self, stage_id: str) -> Stage:
        """Return a stage by its id. Raises KeyError."""
        return self._stages_by_id[stage_id]

    @cached_property
    def _stages_by_id(self) -> Mapping[str, Stage]:
        return {stage.id: stage for stage in self.stages}

    @property
    def levels(self) -> tuple[str, ...]:
        """Return the agencies that are escalated to, from the nearest up."""
        return (self.coordinator,) if self.superior is None else (self.coordinator, self.superior)

    def gated(self, stage: Stage) -> tuple[str, ...]:
        """Return the ids of the obligations that the gate of `stage` counts."""
        return tuple(
            f"{stage.id}/{task.id}/{agency}"
            for task in stage.tasks
            if task.id in stage.gate.tasks
            for agency in task.by
        )
