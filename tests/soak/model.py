"""Model: the rules once more, slow and simple, for a history of one plan run.

Written from `docs/dates.md` and ADR 4, to be checked by reading; each part names its
sentence. It shares no reckoning with the engine: it reads what a plan says (stages, tasks,
agencies, ladders, quiet days, which days are off), counts days one by one, and lets a
clock go from send hour to send hour. What has fallen lies in a tray for each obligation until
it is sent. Where it and the engine differ, one of them is wrong.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction

# What a plan says, as data: none of these reckons anything.
from engine.deadline import Before, By, During, FromDay, FromEvent, FromStage, Phrase, Roll, Within
from engine.plan import GateAfterDue, GateBy, Ladder, Level, Obligation, Plan, Stage

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Happening:
    """Something that was recorded at a time, and taken.

    `what` is submit, part, withdraw, return, accept, extend, waive, event, pause or resume;
    `whom` an obligation, an event, or the agency that is paused ("": the whole run). `dated`
    is the day of its document.
    """

    at: datetime
    what: str
    whom: str
    dated: date
    days: int | None = None
    until: date | None = None


@dataclass(frozen=True)
class Outage:
    """A time in which no wake-up runs, from `begins` until before `ends`.

    With `after` the wake-up at `begins` itself still came through.
    """

    begins: datetime
    ends: datetime
    after: bool = False

    def holds(self, now: datetime) -> bool:
        """Say whether nothing wakes at `now`."""
        begins = self.begins < now if self.after else self.begins <= now
        return begins and now < self.ends


@dataclass(frozen=True, order=True)
class Said:
    """A notice by its key, when the ladder says it falls, and when it was decided."""

    obligation: str
    round: int
    rung: str
    recipient: str
    fell: datetime
    at: datetime


@dataclass(frozen=True, order=True)
class Mail:
    """What one recipient is sent at one time: its slot, its part, and how many news it tells."""

    at: datetime
    recipient: str
    slot: datetime
    part: int
    notices: int
    news: int


@dataclass
class Story:
    """What came of a history."""

    issued: list[Said] = field(default_factory=list)
    superseded: list[Said] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    opened: dict[str, datetime] = field(default_factory=dict)
    done: dict[str, datetime] = field(default_factory=dict)
    missing: dict[str, frozenset[str]] = field(default_factory=dict)
    due: dict[str, date] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    completed: datetime | None = None


@dataclass(frozen=True)
class Fallen:
    """A rung that has fallen and lies in the tray."""

    at: datetime
    recipient: str
    rung: str
    round: int


@dataclass
class Debt:
    """One obligation as it goes along.

    `due` is the last day that holds, `stated` the plan's own; `first` what its agency is told
    first in this round (the assignment or the return) until that falls. `papers` is what can be
    withdrawn, the last one last.
    """

    key: str
    obligation: Obligation
    round: int = 1
    due: date | None = None
    stated: date | None = None
    is_closed: bool = False
    closed_at: datetime | None = None
    is_final: bool = False
    began: datetime | None = None
    first: tuple[str, int] | None = None
    papers: list[str] = field(default_factory=list)
    tray: list[Fallen] = field(default_factory=list)
    ahead: dict[date, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def ladder(self) -> Ladder:
        """Its ladder, as the plan says it."""
        return self.obligation.ladder


class Days:
    """Counting days one by one, along what the calendar says is off or worked instead."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._known: dict[date, bool] = {}

    def works(self, day: date) -> bool:
        """Is it a working day: worked instead, or a weekday that is not off?"""
        if day not in self._known:
            calendar = self.plan.calendar
            is_weekday = day.isoweekday() <= 5 and calendar.day_off(day) is None
            self._known[day] = calendar.is_worked_instead(day) or is_weekday
        return self._known[day]

    def after(self, day: date, count: int) -> date:
        """Return the `count`-th working day after `day`, which itself is not counted."""
        while count > 0:
            day += DAY
            count -= self.works(day)
        return day

    def before(self, day: date, count: int) -> date:
        """Return the `count`-th working day before `day`."""
        while count > 0:
            day -= DAY
            count -= self.works(day)
        return day

    def last_up_to(self, day: date) -> date:
        """Return the last working day on or before `day`."""
        while not self.works(day):
            day -= DAY
        return day

    def first_from(self, day: date) -> date:
        """Return the first working day on or after `day`."""
        while not self.works(day):
            day += DAY
        return day

    def is_quiet(self, day: date) -> bool:
        """Is nothing mailed on it, by the plan's own word?"""
        return any(span.first <= day <= span.last for span in self.plan.quiet)


class Play:
    """The clock of one run: what is recorded, what turns, what falls, what is sent."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.days, self.story = plan, Days(plan), Story()
        self.debts = {key: Debt(key, one) for key, one in plan.obligations.items()}
        self.events: dict[str, date] = {}
        self.pauses: dict[str, date] = {}  # whom, to the end of which day
        self.fresh = 0  # news that nobody was told of
        self.fresh_since: datetime | None = None
        self.unnoticed = 0  # stages that turned while nothing woke: news once it is noticed
        self.parts: dict[tuple[str, datetime], int] = {}

    def local(self, moment: datetime) -> datetime:
        """Return an instant on the plan's clock: all days are reckoned in its time zone."""
        return moment.astimezone(self.plan.zone)

    def instant(self, day: date, hour: time) -> datetime:
        """Return an hour of a day in the plan's time zone."""
        return datetime.combine(day, hour, self.plan.zone)

    # ── "Deadlines" ──

    def last_day(self, phrase: Phrase) -> date | None:
        """Return the last day as the table has it, if it can be known by now."""
        match phrase.rule:
            case Before(day):
                found: date | None = day - DAY
            case By(day):
                found = day
            case During(_, last):
                found = last
            case Within(count, unit, of):
                start = self.counted_from(of)
                found = None if start is None else self.period(start, count, unit.value)
            case _:
                found = None
        if found is None:
            return None
        # "stays as it is for a date, and rolls forward for a period, unless the task says `roll`"
        roll = phrase.roll or (Roll.FORWARD if isinstance(phrase.rule, Within) else Roll.NONE)
        if roll is Roll.FORWARD:
            return self.days.first_from(found)
        return self.days.last_up_to(found) if roll is Roll.BACK else found

    def counted_from(self, of: FromDay | FromEvent | FromStage) -> date | None:
        """Return the date on the event's document, or the day on which the stage was done."""
        if isinstance(of, FromDay):
            return of.day
        if isinstance(of, FromEvent):
            return self.events.get(of.event)
        done = self.story.done.get(of.stage)
        # "a gate that gives way by date does so at 24:00 of that day"
        return None if done is None else self.local(done - MOMENT).date()

    def period(self, start: date, count: int, unit: str) -> date:
        """Count a period; the day that it starts from is not counted."""
        if unit == "working-days":
            return self.days.after(start, count)
        if unit == "days":
            return start + count * DAY
        month, year = start.month, start.year
        for _ in range(count):
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        # "a month without that day ends on its last"
        return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))

    def learn(self, now: datetime) -> None:
        """Reckon the deadlines that could not be known before."""
        for debt in self.debts.values():
            if debt.stated is None:
                debt.stated = self.last_day(debt.obligation.task.due)
                if debt.stated is not None and debt.due is None:
                    debt.due = debt.stated
                    self.look_ahead(debt)
                    self.catch_up(debt, now)

    # ── "The ladder" ──

    def look_ahead(self, debt: Debt) -> None:
        """Write down on which days the rungs of a deadline fall: all at the send hour."""
        debt.ahead = {}
        if debt.due is None or debt.began is None:
            return
        for day, rung, recipient in self.rungs(debt, debt.due):
            # "A reminder that falls before its stage opened (or before a return or extension)
            # is none."
            if self.instant(day, debt.ladder.send_at) >= debt.began:
                debt.ahead.setdefault(day, []).append((rung, recipient))

    def rungs(self, debt: Debt, due: date) -> Iterator[tuple[date, str, str]]:
        """Say on which day each rung falls, and for whom."""
        ladder, agency = debt.ladder, debt.obligation.agency.id
        for count in ladder.remind:
            yield self.days.before(self.days.last_up_to(due), count), f"remind-{count}", agency
        # "Where the last day had passed by then, overdue-k and escalate-i count from the day
        # on which the work was told (the first of office hours since) instead"
        start = max(due, self.told_on(debt))
        for number in range(1, ladder.overdue.at_most + 1):
            count = ladder.overdue.first + ladder.overdue.every * (number - 1)
            yield self.days.after(start, count), f"overdue-{number}", agency
        for number, step in enumerate(ladder.escalate, start=1):
            above = self.above(agency, step.to)
            if above is not None:
                yield self.days.after(start, step.after), f"escalate-{number}", above

    def told_on(self, debt: Debt) -> date:
        """Return the first day of office hours since the round began."""
        assert debt.began is not None
        return self.local(self.next_office_hour(debt.ladder, debt.began)).date()

    def above(self, agency: str, level: Level) -> str | None:
        """Nobody is escalated to themselves: it moves one level up, as for who has no parent."""
        parent = self.plan.agencies[agency].parent
        ranks = [parent, self.plan.coordinator, self.plan.superior]
        for rank in ranks[level + 1 :]:
            if rank is not None and rank != agency:
                return rank
        return None

    def catch_up(self, debt: Debt, now: datetime) -> None:
        """Let fall what fell between the beginning of the round and a deadline known later."""
        for day in sorted(debt.ahead):
            fell = self.instant(day, debt.ladder.send_at)
            if fell < now:
                debt.tray += [Fallen(fell, to, rung, debt.round) for rung, to in debt.ahead[day]]

    def fall(self, now: datetime) -> None:
        """Let what falls at this very moment fall into the trays."""
        today = self.local(now).date()
        for debt in self.debts.values():
            if debt.began is None or debt.is_final:
                continue
            # "at once between send_at and office_ends (both included) on a working day, else
            # at the next send hour"
            if debt.first is not None and self.is_office_hour(debt.ladder, now):
                rung, number = debt.first
                debt.tray.append(Fallen(now, debt.obligation.agency.id, rung, number))
                debt.first = None
            if today in debt.ahead and now == self.instant(today, debt.ladder.send_at):
                debt.tray += [Fallen(now, to, rung, debt.round) for rung, to in debt.ahead[today]]

    # ── office hours, quiet days, pauses ──

    def is_office_hour(self, ladder: Ladder, now: datetime) -> bool:
        """Are offices open: on a working day, from the send hour to the end of office hours?"""
        local = self.local(now)
        ends = max(ladder.office_ends, ladder.send_at)
        return self.days.works(local.date()) and ladder.send_at <= local.time() <= ends

    def may_go(self, ladder: Ladder, now: datetime) -> bool:
        """May mail go out: offices are open, and it is no quiet day?"""
        return self.is_office_hour(ladder, now) and not self.days.is_quiet(self.local(now).date())

    def next_office_hour(self, ladder: Ladder, moment: datetime) -> datetime:
        """Return `moment` if offices are open then, else the next send hour at which they are."""
        return self.next_hour(ladder, moment, self.is_office_hour)

    def next_hour(
        self, ladder: Ladder, moment: datetime, is_fine: Callable[[Ladder, datetime], bool]
    ) -> datetime:
        """Go from send hour to send hour until it is fine."""
        if is_fine(ladder, moment):
            return moment
        day = self.local(moment).date()
        while True:
            hour = self.instant(day, ladder.send_at)
            if hour > moment and is_fine(ladder, hour):
                return hour
            day += DAY

    def is_paused(self, now: datetime, *whom: str) -> bool:
        """Is chasing of any of these paused? A pause ends with the end of its last day."""
        today = self.local(now).date()
        return any(today <= self.pauses.get(one, date.min) for one in whom)

    # ── what is recorded ──

    def record(self, one: Happening) -> None:
        """Take in what was recorded."""
        if one.what == "event":
            self.events[one.whom] = one.dated
            self.add_news(1, one.at)
        elif one.what == "pause":
            self.pauses[one.whom] = one.until or date.max
        elif one.what == "resume":
            del self.pauses[one.whom]
        else:
            self.record_about(self.debts[one.whom], one)

    def record_about(self, debt: Debt, one: Happening) -> None:
        """Take in what was recorded about an obligation."""
        match one.what:
            case "submit":
                debt.papers.append("whole")
                debt.is_closed, debt.closed_at = True, one.at
            case "part":
                # Of a part only its date is kept: the rest is owed and chased as before.
                debt.papers.append("part")
            case "withdraw":
                # Owed and chased as before: what fell meanwhile lies in the tray.
                if debt.papers.pop() == "whole":
                    debt.is_closed, debt.closed_at = False, None
            case "accept":
                debt.is_final = True
            case "waive":
                debt.is_closed, debt.closed_at, debt.is_final = True, one.at, True
            case "return":
                self.begin_round(debt, one.at, kept=[])
                debt.papers, debt.is_closed, debt.closed_at = [], False, None
                debt.first = ("returned", debt.round)
                if one.days is not None:
                    # "the later of its old deadline and the stated working days after the return"
                    new = self.days.after(one.dated, one.days)
                    debt.due = new if debt.due is None else max(debt.due, new)
                self.look_ahead(debt)
            case "extend":
                # An assignment or a return that was not told yet is still told.
                told_first = [one for one in debt.tray if one.rung in ("assign", "returned")]
                self.begin_round(debt, one.at, kept=told_first)
                debt.due = one.until
                self.look_ahead(debt)

    def begin_round(self, debt: Debt, now: datetime, *, kept: list[Fallen]) -> None:
        """Either begins a new round with its own rungs."""
        debt.round += 1
        debt.tray = kept
        if debt.began is not None:
            debt.began = now

    # ── "Stages" ──

    def turn(self, now: datetime) -> None:
        """Open and close stages until nothing turns any more."""
        while any(self.opens(stage, now) or self.closes(stage, now) for stage in self.plan.stages):
            self.unnoticed += 1
            self.learn(now)

    def opens(self, stage: Stage, now: datetime) -> bool:
        """A stage opens when all its `needs` are done and its event is recorded."""
        if stage.id in self.story.opened:
            return False
        if any(need not in self.story.done for need in stage.needs):
            return False
        if stage.event is not None and stage.event not in self.events:
            return False
        self.story.opened[stage.id] = now
        for debt in self.debts.values():
            if debt.obligation.stage.id == stage.id:
                debt.began = now
                debt.first = ("assign", debt.round)
                self.look_ahead(debt)
        return True

    def closes(self, stage: Stage, now: datetime) -> bool:
        """Its gate holds when enough are closed, or when it gives way."""
        if stage.id not in self.story.opened or stage.id in self.story.done:
            return False
        counted = [
            debt
            for debt in self.debts.values()
            if debt.obligation.stage.id == stage.id and debt.obligation.task.id in stage.gate.tasks
        ]
        closed = [debt for debt in counted if debt.is_closed]
        is_enough = len(closed) >= self.wanted(stage.gate.quorum, len(counted))
        if not is_enough and not self.gives_way(stage, counted, self.local(now).date()):
            return False
        self.story.done[stage.id] = now
        # "Who is missing is noted, and is chased on."
        self.story.missing[stage.id] = frozenset(d.key for d in counted if not d.is_closed)
        return True

    def wanted(self, quorum: Fraction | int, total: int) -> int:
        """A share is rounded up: 90% of 27 is 25."""
        if isinstance(quorum, int):
            return min(quorum, total)
        wanted = 0
        while wanted < quorum * total:
            wanted += 1
        return wanted

    def gives_way(self, stage: Stage, counted: Sequence[Debt], today: date) -> bool:
        """It gives way at the end of a day; of the n-th working day after the last deadline that
        the plan states, or after the day the stage opened where that is later."""
        match stage.gate.otherwise:
            case GateBy(day):
                return today > day
            case GateAfterDue(count):
                known = [debt.stated for debt in counted if debt.stated is not None]
                if not known:
                    return False
                start = max([*known, self.local(self.story.opened[stage.id]).date()])
                return today > self.days.after(start, count)
        return False

    # ── what is sent ──

    def send(self, now: datetime) -> None:
        """Send the newest of each tray to each recipient; what it outdates is superseded."""
        carried: dict[str, list[Said]] = {}
        for debt in self.debts.values():
            agency = debt.obligation.agency.id
            if debt.is_closed or not debt.tray or not self.may_go(debt.ladder, now):
                continue
            if self.is_paused(now, "", agency):
                continue
            for to in {fallen.recipient for fallen in debt.tray}:
                mine = [fallen for fallen in debt.tray if fallen.recipient == to]
                newest = max(fallen.at for fallen in mine)
                for fallen in mine:
                    said = Said(debt.key, fallen.round, fallen.rung, to, fallen.at, now)
                    if fallen.at == newest:
                        carried.setdefault(to, []).append(said)
                    else:
                        self.story.superseded.append(said)
            debt.tray = []
        for to, said_to in carried.items():
            self.story.issued += said_to
            self.mail(now, to, max(one.fell for one in said_to), len(said_to))
        self.send_news(now)

    def mail(self, now: datetime, to: str, slot: datetime, notices: int) -> None:
        """One message per recipient and send time; the coordinator's tells the news as well."""
        part = self.parts[to, slot] = self.parts.get((to, slot), 0) + 1
        news = 0
        if to == self.plan.coordinator:
            news, self.fresh, self.fresh_since = self.fresh, 0, None
        self.story.mails.append(Mail(now, to, slot, part, notices, news))

    # ── "News" ──

    def add_news(self, count: int, now: datetime) -> None:
        """Keep news, and since when the first of them waits."""
        if count:
            self.fresh += count
            self.fresh_since = self.fresh_since or now

    def notice(self, now: datetime) -> None:
        """What turned is news once it is noticed: by a wake-up, or as something is recorded."""
        self.add_news(self.unnoticed, now)
        self.unnoticed = 0

    def send_news(self, now: datetime) -> None:
        """News go out in the office hours of the ladder that sends first, in no pause of the run.

        "its slot is when the first of them was due"
        """
        ladder = min(self.plan.ladders.values(), key=lambda ladder: ladder.send_at)
        if self.fresh_since is None or not self.may_go(ladder, now) or self.is_paused(now, ""):
            return
        slot = self.next_hour(ladder, self.fresh_since, self.may_go)
        self.mail(now, self.plan.coordinator, slot, 0)

    def complete(self, now: datetime) -> None:
        """A run is completed when every stage is done and no rung lies ahead."""
        if self.story.completed is not None or len(self.story.done) < len(self.plan.stages):
            return
        if not any(self.has_rungs(debt, now) for debt in self.debts.values()):
            self.story.completed = now

    def has_rungs(self, debt: Debt, now: datetime) -> bool:
        """Does anything wait in its tray or lie ahead, while it is owed?"""
        if debt.is_closed:
            return False
        ahead = any(self.instant(day, debt.ladder.send_at) > now for day in debt.ahead)
        return debt.first is not None or bool(debt.tray) or ahead


def moments(
    plan: Plan, start: datetime, until: datetime, more: Sequence[datetime]
) -> list[datetime]:
    """Return all moments at which anything can change: each midnight, each send hour, and more."""
    hours = {time(0), *(ladder.send_at for ladder in plan.ladders.values())}
    found = {start, *more}
    day = start.astimezone(plan.zone).date()
    while day <= until.astimezone(plan.zone).date():
        found |= {datetime.combine(day, hour, plan.zone) for hour in hours}
        day += DAY
    return sorted(moment for moment in found if start <= moment <= until)


def play(
    plan: Plan,
    *,
    start: datetime,
    until: datetime,
    happenings: Sequence[Happening],
    outages: Sequence[Outage] = (),
) -> Story:
    """Let the clock of a run go from `start` to `until`, both included; tell what came of it.

    `happenings` is what was recorded, of one moment in its order; `outages` when nothing woke.
    """
    playing = Play(plan)
    playing.learn(start)
    told = [one.at for one in happenings] + [outage.ends for outage in outages]
    waiting = sorted(happenings, key=lambda one: one.at)
    for now in moments(plan, start, until, told):
        playing.turn(now)
        is_up = not any(outage.holds(now) for outage in outages)
        is_noticed = is_up or now == start or (bool(waiting) and waiting[0].at == now)
        if is_noticed:
            playing.notice(now)
        while waiting and waiting[0].at <= now:
            playing.record(waiting.pop(0))
            playing.learn(now)
            playing.turn(now)
            playing.notice(now)
        playing.fall(now)
        if is_up:
            playing.send(now)
        if is_noticed:
            playing.complete(now)
    playing.story.closed = {key for key, debt in playing.debts.items() if debt.is_closed}
    playing.story.due = {k: debt.due for k, debt in playing.debts.items() if debt.due is not None}
    return playing.story
