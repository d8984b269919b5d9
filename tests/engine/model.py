"""Model: the rules once more, slow and simple, written from the prose of the design.

It shares no code with the engine: a clock that ticks every half hour, days counted one by
one, and for every obligation and recipient a tray in which what has fallen waits to be
sent. Where it and the engine differ, one of them is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

TICK = timedelta(minutes=30)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Due:
    """A deadline: `before` or `by` a day; `days` or `working` after a day, event or step."""

    how: str
    day: date | None = None
    count: int = 0
    event: str = ""
    step: str = ""


@dataclass(frozen=True)
class Policy:
    """When to speak."""

    opens: time = time(8)
    closes: time = time(17)
    remind: tuple[int, ...] = ()
    first: int = 1
    every: int = 1
    at_most: int = 0
    escalate: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Duty:
    """What some agencies owe within a step."""

    name: str
    by: tuple[str, ...]
    due: Due
    policy: str
    is_gated: bool = True


@dataclass(frozen=True)
class Step:
    """A stage."""

    name: str
    duties: tuple[Duty, ...]
    needs: tuple[str, ...] = ()
    event: str | None = None
    quorum: Fraction | int = Fraction(1)
    or_after: int | None = None
    or_by: date | None = None


@dataclass(frozen=True)
class World:
    """A plan and its calendar."""

    steps: tuple[Step, ...]
    policies: tuple[tuple[str, Policy], ...]
    above: tuple[str, ...]  # who is escalated to, the nearest first
    off: frozenset[date]
    worked: frozenset[date]
    zone: ZoneInfo
    quiet: frozenset[date] = frozenset()  # nothing is sent on them; what falls then stays in trays


@dataclass(frozen=True)
class Happening:
    """Something recorded at a time: submit, part, return, accept, extend, waive, event…

    … or pause and resume, of one agency or of everybody ("").
    """

    at: datetime
    what: str
    whom: str  # an obligation, the event, an agency
    dated: datetime
    days: int | None = None
    until: date | None = None


@dataclass(frozen=True, order=True)
class Told:
    """One thing said to one recipient about one obligation."""

    at: datetime
    to: str
    about: str
    what: str


@dataclass
class Story:
    """What came of it all."""

    told: list[Told] = field(default_factory=list)
    news: list[tuple[datetime, str]] = field(default_factory=list)
    opened: dict[str, datetime] = field(default_factory=dict)
    done: dict[str, datetime] = field(default_factory=dict)
    missing: dict[str, set[str]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    due: dict[str, date] = field(default_factory=dict)


def works(world: World, day: date) -> bool:
    """Is it a working day?"""
    return day in world.worked or (day.isoweekday() <= 5 and day not in world.off)


def nth_working_day_after(world: World, day: date, count: int) -> date:
    """Count one by one; the day itself is not counted."""
    while count > 0:
        day += DAY
        if works(world, day):
            count -= 1
    return day


def last_working_day(world: World, day: date) -> date:
    """Go back until a day is worked."""
    while not works(world, day):
        day -= DAY
    return day


def working_days_after(world: World, start: date, end: date) -> int:
    """How many working days there are after `start`, up to and including `end`."""
    count = 0
    while start < end:
        start += DAY
        count += works(world, start)
    return count


def what_falls_on(
    world: World, policy: Policy, due: date, told: date, today: date
) -> Iterator[tuple[str, int]]:
    """Say which rungs of a deadline fall today; an escalation with its level, else -1.

    Who was told of it on a day on which it had passed is chased from that day on.
    """
    if not works(world, today):
        return
    goal = last_working_day(world, due)
    if today <= goal:
        left = working_days_after(world, today, goal)
        if left in policy.remind:
            yield f"remind-{left}", -1
    start = max(due, told)
    if today > start:
        past = working_days_after(world, start, today)
        for number in range(1, policy.at_most + 1):
            if past == policy.first + policy.every * (number - 1):
                yield f"overdue-{number}", -1
        for number, (after, level) in enumerate(policy.escalate, start=1):
            if past == after:
                yield f"escalate-{number}", level


def heard_by(world: World, agency: str, level: int) -> str | None:
    """Nobody is escalated to themselves: one level up, above the top nobody."""
    while level < len(world.above):
        if world.above[level] != agency:
            return world.above[level]
        level += 1
    return None


@dataclass
class Debt:
    """One obligation as it goes along."""

    duty: Duty
    step: Step
    agency: str
    due: date | None = None
    stated: date | None = None
    is_closed: bool = False
    began: datetime | None = None
    first: str | None = None  # the assignment or the return, until it falls
    tray: list[tuple[datetime, str, str]] = field(default_factory=list)  # fell, to whom, what


class Play:
    """The clock ticks; at each tick: what is recorded, what turns, what falls, what is sent."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.story = Story()
        self.policies = dict(world.policies)
        self.events: dict[str, tuple[date, datetime]] = {}
        self.pauses: dict[str, date] = {}  # whom, to the end of which day
        self.fresh: list[str] = []  # what the first above has not been told yet
        self.debts = {
            f"{step.name}/{duty.name}/{agency}": Debt(duty, step, agency)
            for step in world.steps
            for duty in step.duties
            for agency in duty.by
        }

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.world.zone)

    # ── deadlines ──

    def derive(self, due: Due) -> date | None:
        """Return the last day as the phrase means it, if it can be known by now."""
        if due.how == "before":
            assert due.day is not None
            return due.day - DAY
        if due.how == "by":
            return due.day
        if due.how == "none":
            return None
        origin = due.day
        if due.event:
            origin = self.events[due.event][0] if due.event in self.events else None
        if due.step:
            done = self.story.done.get(due.step)
            # A gate that gives way does so at 24:00, which still is that day.
            origin = None if done is None else (self.local(done) - timedelta(microseconds=1)).date()
        if origin is None:
            return None
        if due.how == "working":
            return nth_working_day_after(self.world, origin, due.count)
        last = origin + due.count * DAY
        return last if works(self.world, last) else nth_working_day_after(self.world, last, 1)

    def learn_deadlines(self, now: datetime) -> None:
        """Derive what was not known; what of it has fallen in an open round is caught up."""
        for debt in self.debts.values():
            if debt.stated is None:
                debt.stated = self.derive(debt.duty.due)
                if debt.stated is not None and debt.due is None:
                    debt.due = debt.stated
                    self.catch_up(debt, now)

    def catch_up(self, debt: Debt, now: datetime) -> None:
        if debt.began is None or debt.is_closed:
            return
        day = self.local(debt.began).date()
        while day <= self.local(now).date():
            moment = self.opening(debt, day)
            if debt.began <= moment < now:
                self.let_fall(debt, moment)
            day += DAY

    # ── what is recorded ──

    def record(self, happening: Happening) -> None:
        if happening.what == "event":
            if happening.whom not in self.events:
                day = self.local(happening.dated).date()
                self.events[happening.whom] = (day, happening.at)
                self.fresh.append(f"event {happening.whom}")
            return
        if happening.what == "pause":
            self.pauses[happening.whom] = happening.until or date.max
            return
        if happening.what == "resume":
            self.pauses.pop(happening.whom, None)
            return
        debt = self.debts[happening.whom]
        if happening.what in ("submit", "waive"):
            debt.is_closed = True
            debt.tray = []
            debt.first = None
        elif happening.what == "return":
            debt.is_closed = False
            self.begin_round(debt, happening.at)
            debt.first = "returned"
            if happening.days is not None:
                returned = self.local(happening.dated).date()
                new = nth_working_day_after(self.world, returned, happening.days)
                debt.due = new if debt.due is None else max(debt.due, new)
        elif happening.what == "extend":
            # The old rungs are history; an assignment or a return not told yet is still told.
            kept = [fallen for fallen in debt.tray if fallen[2] in ("assign", "returned")]
            self.begin_round(debt, happening.at)
            debt.tray = kept
            debt.due = happening.until

    def begin_round(self, debt: Debt, now: datetime) -> None:
        debt.tray = []
        if debt.step.name in self.story.opened:
            debt.began = now

    # ── what turns ──

    def turn(self, now: datetime) -> None:
        """Open and close stages until nothing turns any more."""
        while any(self.turns(step, now) for step in self.world.steps):
            self.learn_deadlines(now)

    def turns(self, step: Step, now: datetime) -> bool:
        opened, done = self.story.opened, self.story.done
        if step.name not in opened:
            if not all(need in done for need in step.needs):
                return False
            if step.event is not None and step.event not in self.events:
                return False
            opened[step.name] = now
            self.fresh.append(f"opened {step.name}")
            for debt in self.debts.values():
                if debt.step is step:
                    debt.began = now
                    debt.first = None if debt.is_closed else "assign"
            return True
        if step.name not in done:
            gated = [k for k, d in self.debts.items() if d.step is step and d.duty.is_gated]
            missing = {key for key in gated if not self.debts[key].is_closed}
            closed = len(gated) - len(missing)
            if closed >= self.wanted(step, len(gated)) or self.gives_way(step, now):
                done[step.name] = now
                self.fresh.append(f"done {step.name}")
                self.story.missing[step.name] = missing
                return True
        return False

    def wanted(self, step: Step, total: int) -> int:
        if isinstance(step.quorum, int):
            return min(step.quorum, total)
        wanted = 0
        while wanted < step.quorum * total:
            wanted += 1
        return wanted

    def gives_way(self, step: Step, now: datetime) -> bool:
        today = self.local(now).date()
        if step.or_by is not None:
            return today > step.or_by
        if step.or_after is None:
            return False
        stated = [d.stated for d in self.debts.values() if d.step is step and d.duty.is_gated]
        known = [day for day in stated if day is not None]
        if not known:
            return False
        start = max([*known, self.local(self.story.opened[step.name]).date()])
        return today > nth_working_day_after(self.world, start, step.or_after)

    # ── what falls, what is sent ──

    def opening(self, debt: Debt, day: date) -> datetime:
        return datetime.combine(day, self.policies[debt.duty.policy].opens, self.world.zone)

    def offices_open(self, debt: Debt, now: datetime) -> bool:
        policy = self.policies[debt.duty.policy]
        local = self.local(now)
        return works(self.world, local.date()) and policy.opens <= local.time() <= policy.closes

    def told_on(self, debt: Debt) -> date:
        """Find the first day since the round began on which an office was open."""
        assert debt.began is not None
        moment = self.local(debt.began)
        while not self.offices_open(debt, moment):
            at_opening = self.opening(debt, moment.date())
            if moment >= at_opening:
                at_opening = self.opening(debt, moment.date() + DAY)
            moment = at_opening
        return moment.date()

    def let_fall(self, debt: Debt, now: datetime) -> None:
        """Put the rungs of a deadline that fall at the send hour into the tray."""
        policy, local = self.policies[debt.duty.policy], self.local(now)
        if debt.due is None or local.time() != policy.opens:
            return
        told = self.told_on(debt)
        for what, level in what_falls_on(self.world, policy, debt.due, told, local.date()):
            to = debt.agency if level < 0 else heard_by(self.world, debt.agency, level)
            if to is not None:
                debt.tray.append((now, to, what))

    def fall(self, now: datetime) -> None:
        for debt in self.debts.values():
            if debt.is_closed or debt.step.name not in self.story.opened:
                continue
            if debt.first is not None and self.offices_open(debt, now):
                debt.tray.append((now, debt.agency, debt.first))
                debt.first = None
            self.let_fall(debt, now)

    def is_paused(self, debt: Debt, now: datetime) -> bool:
        lasts = [self.pauses.get("", date.min), self.pauses.get(debt.agency, date.min)]
        return self.local(now).date() <= max(lasts)

    def send(self, now: datetime) -> None:
        """Send the newest of each tray to each recipient; throw away what it outdates."""
        for key, debt in self.debts.items():
            if not debt.tray or not self.offices_open(debt, now) or self.is_paused(debt, now):
                continue
            if self.local(now).date() in self.world.quiet:
                continue
            for to in {recipient for _, recipient, _ in debt.tray}:
                newest = max(fell for fell, recipient, _ in debt.tray if recipient == to)
                self.story.told += [
                    Told(now, to, key, what)
                    for fell, recipient, what in debt.tray
                    if recipient == to and fell == newest
                ]
            debt.tray = []
        self.tell_news(now)

    def tell_news(self, now: datetime) -> None:
        """Tell the first above what is fresh: in office hours, or with what it gets anyway."""
        earliest = min(self.policies.values(), key=lambda policy: policy.opens)
        local = self.local(now)
        is_open = (
            works(self.world, local.date())
            and local.date() not in self.world.quiet
            and earliest.opens <= local.time() <= earliest.closes
        )
        is_paused = local.date() <= self.pauses.get("", date.min)
        gets_mail = any(one.at == now and one.to == self.world.above[0] for one in self.story.told)
        if gets_mail or (is_open and not is_paused):
            self.story.news += [(now, fresh) for fresh in self.fresh]
            self.fresh = []


def play(
    world: World,
    *,
    start: datetime,
    until: datetime,
    happenings: Sequence[Happening],
    outages: Sequence[tuple[datetime, datetime]] = (),
) -> Story:
    """Let the clock tick from `start` to `until`, both included, and tell what came of it."""
    playing = Play(world)
    playing.learn_deadlines(start)
    waiting = sorted(happenings, key=lambda one: one.at)
    now = start
    while now <= until:
        if now == start or playing.local(now).time() == time(0):  # by itself only as a day begins
            playing.turn(now)
        while waiting and waiting[0].at <= now:
            playing.record(waiting.pop(0))
            playing.learn_deadlines(now)
            playing.turn(now)
        playing.fall(now)
        if not any(begins <= now < ends for begins, ends in outages):
            playing.send(now)
        now += TICK
    playing.story.closed = {key for key, debt in playing.debts.items() if debt.is_closed}
    playing.story.due = {key: d.due for key, d in playing.debts.items() if d.due is not None}
    return playing.story
