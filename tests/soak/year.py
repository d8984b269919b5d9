"""Year: plan runs through the real services for a simulated year, with all that goes wrong.

Time jumps from wake-up to wake-up (`chasing.next_wake`) and to what people record. There are
outages, in which nothing wakes while people record on; chases in a process that is killed
(SIGKILL) at a random statement, commit or mail, and run again at once or after an outage; and
two processes that chase at once.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import random
import signal
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, func, select

from engine.ledger import EntryKind, Standing
from engine.plan import Plan
from notifiers.wire.channel import Envelope, Outcomes, Sent
from plan_definitions import load
from services import chasing, recording, runs
from services.errors import Refused
from services.mail import delivering
from services.recording import Source
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger
from storage.database import Database
from storage.tables import LEDGER, MESSAGES, NOTICES, OBLIGATIONS
from tests.soak.model import Happening, Mail, Outage, Said, Story
from tests.soak.plans import Act, Sketch

CLERK = "văn thư"
LAPSED = timedelta(minutes=16)  # after a kill: then what the dead had claimed is free again
MOST_IDLE = 3  # rounds of one wake-up that come to nothing
NEWS = (EntryKind.EVENT_ANNOUNCED, EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)


class Stuck(AssertionError):
    """What is due stays due, however often it is done."""


class Broke(AssertionError):
    """A process that chased ended with an error."""


class Way:
    """A way out that takes every mail and writes its Message-ID into a file."""

    def __init__(self, file: Path, step: Callable[[], None] = lambda: None) -> None:
        self.file, self.step = file, step

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Way]:
        """Open one more line: they are all this one."""
        yield self

    async def send(self, envelope: Envelope) -> Outcomes:
        """Take a mail; who is to die on the way dies before or after it was taken."""
        self.step()
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, f"{envelope.message_id}\n".encode())
        os.close(handle)
        self.step()
        return dict.fromkeys(envelope.recipients, Sent("250 OK"))


@dataclass(frozen=True)
class Violence:
    """How often a wake-up is killed, and how often two chase at once; shares of all wake-ups."""

    killed: float = 0.0
    doubled: float = 0.0


@dataclass
class Tally:
    """What a year came to."""

    wakes: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    survived: int = 0
    doubled: int = 0
    downs: int = 0


class Year:
    """A year of some plan runs on one database."""

    def __init__(
        self,
        parts: Parts,
        sketches: Sequence[Sketch],
        *,
        until: datetime,
        outages: Sequence[Outage] = (),
        violence: Violence = Violence(),
        drawn: random.Random | None = None,
        progress: Callable[[datetime], None] = lambda _now: None,
    ) -> None:
        """Lay the year out; nothing happens yet."""
        self.parts, self.until, self.outages = parts, until, list(outages)
        self.violence, self.drawn = violence, drawn or random.Random(0)
        self.progress, self.tally = progress, Tally()
        self.sketches = {one.run: one for one in sketches}
        self.histories: dict[str, list[Happening]] = {one.run: [] for one in sketches}
        self.blackouts: dict[str, list[Outage]] = {one.run: [] for one in sketches}
        self.started: dict[str, datetime] = {}
        self.held_until: datetime | None = None
        self.mails = parts.settings.home / "mails.log"
        order = 0
        self.waiting: list[tuple[datetime, int, str, Act | None]] = []
        for one in sketches:
            for act in (None, *one.acts):
                self.waiting.append((one.start if act is None else act.at, order, one.run, act))
                order += 1
        heapq.heapify(self.waiting)

    def live(self) -> None:
        """Let the year pass."""
        now = self.waiting[0][0]
        while now <= self.until:
            self.progress(now)
            while self.waiting and self.waiting[0][0] <= now and not self.is_held(now):
                _, _, run, act = heapq.heappop(self.waiting)
                self.do(run, act, now)
            if self.is_up(now):
                self.wake(now)
            following = self.following(now)
            if following is None:
                return
            if following <= now:
                raise Stuck(f"at {now} the next wake-up is {following}")
            now = following

    def following(self, now: datetime) -> datetime | None:
        """Return when something happens next: an act, or a wake-up, if the clock is up then."""
        found = []
        if self.waiting:
            at = self.waiting[0][0]
            found.append(at if self.held_until is None else max(at, self.held_until))
        wake = chasing.next_wake(self.parts)
        if wake is not None:
            found.append(self.awake(wake if self.is_up(now) else max(wake, now)))
        return min(found, default=None)

    def is_held(self, now: datetime) -> bool:
        """Whether people wait for what a killed process had claimed."""
        return self.held_until is not None and now < self.held_until

    def is_up(self, now: datetime) -> bool:
        """Whether the clock is up."""
        return not any(outage.holds(now) for outage in self.outages)

    def awake(self, moment: datetime) -> datetime:
        """Return `moment`, or the end of the outages that it lies in."""
        while True:
            ends = [outage.ends for outage in self.outages if outage.holds(moment)]
            if not ends:
                return moment
            moment = max(ends)

    # ── what people do ──

    def do(self, run: str, act: Act | None, now: datetime) -> None:
        """Start a run, or record what somebody means to; the office may refuse it."""
        if act is None:
            runs.start(self.parts, self.sketches[run].bundle, now=now, by=CLERK)
            self.started[run] = now
            return
        try:
            for name in record(self.parts, run, act, now):
                one = Happening(now, act.what, act.whom, act.dated, act.days, act.until)
                self.histories[name].append(one)
            self.tally.taken[act.what] += 1
        except Refused:
            self.tally.refused[act.what] += 1

    # ── what the program does ──

    def wake(self, now: datetime) -> None:
        """Wake up: quietly, twice at once, or to be killed."""
        self.tally.wakes += 1
        fate = 1.0 if self.is_held(now) else self.drawn.random()
        if fate < self.violence.killed and self.drawn.random() < 0.5:
            self.be_killed(now)
        elif fate < self.violence.killed:
            self.be_killed_and_stay_down(now)
        elif fate < self.violence.killed + self.violence.doubled:
            self.tally.doubled += 1
            self.fork(
                [None, None],
                lambda parts, step: work(parts, now, Way(self.mails, step), is_alone=False),
            )
        if self.is_up(now):
            work(self.parts, now, Way(self.mails))

    def be_killed(self, now: datetime) -> None:
        """Chase and deliver in a process that is killed; people wait until its claims lapse."""
        if not self.is_up(now + LAPSED):
            return
        step = self.draw_step()
        killed = self.fork([step], lambda parts, die: work(parts, now, Way(self.mails, die)))
        if killed:
            self.held_until = now + LAPSED

    def be_killed_and_stay_down(self, now: datetime) -> None:
        """Chase in a process that is killed; what it committed goes out, then all is down.

        Whether a run's share was committed is a fact of its history: all of it, or nothing.
        """
        before = self.places()
        if not self.fork([self.draw_step()], lambda parts, _die: chase(parts, now)):
            return
        deliver(self.parts, now, Way(self.mails))
        self.tally.downs += 1
        ends = now + timedelta(hours=self.drawn.choice([1, 3, 20, 90]), seconds=30)
        after = self.places()
        for run in self.sketches:
            outage = Outage(now, ends, after=after.get(run, 0) > before.get(run, 0))
            self.blackouts[run].append(outage)
        self.outages.append(Outage(now, ends))

    def draw_step(self) -> int:
        """Draw at which statement, commit or mail to die: early ones as often as late ones."""
        return round(2 ** self.drawn.uniform(0, 9))

    def places(self) -> dict[str, int]:
        """Return the last entry of each run's ledger."""
        query = select(LEDGER.c.run, func.max(LEDGER.c.seq)).group_by(LEDGER.c.run)
        with self.parts.database.reading() as connection:
            return {run: int(seq) for run, seq in connection.execute(query)}

    def fork(
        self, steps: Sequence[int | None], job: Callable[[Parts, Callable[[], None]], None]
    ) -> int:
        """Do a job in processes of its own, each killed at its step; return how many were."""
        self.parts.database.close()  # no process may inherit a connection
        children = []
        for step in steps:
            child = os.fork()
            if not child:
                _be_a_child(self.parts, step, job)
            children.append(child)
        killed = 0
        for child in children:
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
                killed += 1
            elif status:
                raise Broke(f"status {status}")
        if steps != [None, None]:
            self.tally.killed += killed
            self.tally.survived += len(steps) - killed
        return killed


def _be_a_child(
    parts: Parts, step: int | None, job: Callable[[Parts, Callable[[], None]], None]
) -> None:
    """Do the job on a connection of one's own, and leave without a word to the parent's things."""
    status = 1
    try:
        mine = replace(parts, database=Database(parts.settings.url))
        die = _Dying(step)
        for what in ("before_cursor_execute", "commit"):
            event.listen(mine.database.engine, what, die)
        job(mine, die)
        mine.database.close()
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


class _Dying:
    """Dies at the n-th step, if it is to die."""

    def __init__(self, step: int | None) -> None:
        self.left = step

    def __call__(self, *_: Any) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)


def chase(parts: Parts, now: datetime) -> None:
    """Issue what is due, batch by batch."""
    while _is_something(chasing.issue_notices(parts, now)):
        pass


def deliver(parts: Parts, now: datetime, way: Way) -> int:
    """Deliver what is due; return how many messages were handled."""
    if not delivering.is_mail_due(parts, now):
        return 0
    return asyncio.run(delivering.deliver(parts, way, now)).total


def work(parts: Parts, now: datetime, way: Way, *, is_alone: bool = True) -> None:
    """Chase and deliver until nothing is due; beside another, until that one has all that is."""
    idle = 0
    while chasing.is_anything_due(parts, now):
        is_busy = _is_something(chasing.issue_notices(parts, now))
        is_busy = deliver(parts, now, way) > 0 or is_busy
        idle = 0 if is_busy else idle + 1
        if idle > MOST_IDLE and not is_alone:
            return
        if idle > MOST_IDLE:
            raise Stuck(f"at {now} something stays due")


def _is_something(done: Sequence[chasing.Chased]) -> bool:
    return any(one.notices or one.messages or one.stages for one in done)


def record(parts: Parts, run: str, act: Act, now: datetime) -> list[str]:
    """Record an act; return the runs that took it. Raises Refused."""
    source = Source(CLERK, f"{act.what}/{now:%m%d%H%M}", act.dated)
    why = "lý do"
    match act.what:
        case "submit" | "part":
            part = act.what == "part"
            recording.submit(parts, run, act.whom, source, part=part, now=now)
        case "withdraw":
            recording.withdraw(parts, run, act.whom, source, why=why, now=now)
        case "return":
            recording.send_back(parts, run, act.whom, source, why=why, days=act.days, now=now)
        case "accept":
            recording.accept(parts, run, act.whom, source, now=now)
        case "extend":
            assert act.until is not None
            recording.extend(parts, run, act.whom, source, until=act.until, now=now)
        case "waive":
            recording.waive(parts, run, act.whom, source, why=why, now=now)
        case "pause":
            agency = act.whom or None
            recording.pause(parts, run, source, agency=agency, why=why, until=act.until, now=now)
        case "resume":
            recording.resume(parts, run, source, agency=act.whom or None, now=now)
        case "event":
            values: Mapping[str, str] = dict(act.values)
            announced = recording.announce(parts, act.whom, source, values=values, now=now)
            return [one.run for one in announced.recorded]
        case _:
            raise ValueError(act.what)
    return [run]


# ── what the database says came of it ──


def told_by(parts: Parts, run: str) -> Story:
    """Return what the database says came of a run, in the model's form."""
    story = Story()
    news = _ledger(parts, run, story)
    with parts.database.reading() as connection:
        carried: Counter[int] = Counter()
        for row in connection.execute(select(NOTICES).where(NOTICES.c.run == run)):
            said = Said(row.obligation, row.round, row.rung, row.recipient, row.at, row.issued_at)
            (story.superseded if row.message is None else story.issued).append(said)
            carried[row.message] += 1
        for row in connection.execute(select(MESSAGES).where(MESSAGES.c.run == run)):
            told = news.get(row.message_id, 0)
            mail = Mail(row.send_at, row.recipient, row.slot, row.part, carried[row.id], told)
            story.mails.append(mail)
        for row in connection.execute(select(OBLIGATIONS).where(OBLIGATIONS.c.run == run)):
            if row.last_day is not None:
                story.due[row.id] = row.last_day
            if row.standing != Standing.OPEN.value:
                story.closed.add(row.id)
    return story


def _ledger(parts: Parts, run: str, story: Story) -> dict[str, int]:
    """Read the stages out of the ledger; return how many news each message tells."""
    told: dict[str, int] = {}
    waiting = 0
    with parts.database.reading() as connection:
        entries = list(ledger.entries(connection, run))
    for entry in entries:
        waiting += entry.kind in NEWS
        if entry.kind is EntryKind.STAGE_OPENED:
            assert entry.stage is not None
            assert entry.stage not in story.opened
            story.opened[entry.stage] = entry.happened_at
        elif entry.kind is EntryKind.STAGE_DONE:
            assert entry.stage is not None
            assert entry.stage not in story.done
            story.done[entry.stage] = entry.happened_at
            story.missing[entry.stage] = frozenset(entry.data["missing"])
        elif entry.kind is EntryKind.RUN_COMPLETED:
            assert story.completed is None
            story.completed = entry.happened_at
        elif entry.kind is EntryKind.NEWS_ISSUED:
            told[entry.data["message_id"]], waiting = waiting, 0
    return told


def copies(parts: Parts, mails: Path) -> tuple[int, set[str], set[str]]:
    """Return how many mails went out twice, which never did, and which should not have."""
    sent: Counter[str] = Counter()
    with suppress(FileNotFoundError):
        sent.update(mails.read_text().split())
    with parts.database.reading() as connection:
        query = select(MESSAGES.c.message_id, MESSAGES.c.status)
        statuses = {row.message_id: row.status for row in connection.execute(query)}
    extra = sum(count - 1 for count in sent.values())
    wanted = {key for key, status in statuses.items() if status == "sent"}
    return extra, wanted - set(sent), set(sent) - wanted


def office(home: Path, url: str = "") -> Any:
    """Open the parts on a folder and a database, whatever the environment says."""
    settings = Settings(home=home, database_url=url, mailbox=None, smtp_host="", brief="off")
    return opened(settings)


def plan_of(one: Sketch) -> Plan:
    """Return the plan of a sketch."""
    return load(one.bundle)
