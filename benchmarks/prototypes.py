"""Prototypes: a few dozen plan runs that were lived through, by the real services, in months.

Agencies submit, most of them just before the deadline, some late, a few never; reports are
returned, extended, waived. Chasing and delivery run every working day as a clock would have
them run; only the mail itself is neither worded nor sent. What they leave is multiplied by
`benchmarks.load`.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import event, select

from benchmarks.provinces import EVENT, SINGLE, TEMPLATES, Template, bundle
from engine.calendar import WorkingCalendar
from engine.chasing import is_office_hour, send_time
from engine.contacts import addressees
from engine.plan import Plan
from notifiers.wire.channel import Outcome, Sent, TryLater
from plan_definitions import Bundle, load
from services import chasing, recording, runs
from services.errors import Refused
from services.mail import marking
from services.mail.preparing import Prepared
from services.recording import Source
from services.settings import Settings
from services.wiring import Parts, opened
from storage import outbox, plans
from storage.outbox import Message
from storage.tables import OBLIGATIONS

PROTOTYPE = "ban-mau-"  # what the name of each begins with
BEFORE, AFTER = "before.sqlite3", "after.sqlite3"
LEASE = timedelta(minutes=15)
CLAIMED = 200
_AROUND = (0, 2, -1, 5, -3)  # working days from the morning to the deadline
TICKS = 1_000  # more at one moment would be a tick without end

Told: TypeAlias = Callable[[str], None]
Act: TypeAlias = Callable[[datetime], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What prototypes are made of: the seed, the morning that they lead to, and how many.

    `oldest` is how many days ago the first of them began: the more, the more history.
    """

    seed: int
    at: datetime
    count: int = 24
    oldest: int = 150


@dataclass(frozen=True, slots=True)
class Lived:
    """Prototypes as they were left, in two databases: before the morning `at`, and after it.

    Before it everything that is due then waits; after it nothing does.
    """

    folder: Path
    at: datetime

    @property
    def before(self) -> str:
        """The URL of what was there before the morning."""
        return f"sqlite:///{self.folder / BEFORE}"

    @property
    def after(self) -> str:
        """The URL of what was there after it."""
        return f"sqlite:///{self.folder / AFTER}"


def live(folder: Path, wanted: Wanted, told: Told = lambda _: None) -> Lived:
    """Return the prototypes in `folder`; live them through unless they are there already.

    Raises ValueError where no mail goes out at the moment that they are to lead to.
    """
    made, wish = folder / "made.json", json.dumps(asdict(wanted), default=str)
    if made.exists() and made.read_text(encoding="utf-8") == wish:
        return Lived(folder, wanted.at)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _scratch(folder / AFTER) as parts:
        life = _Life(parts, wanted)
        life.lead_up(told)
        # A commit may stand in the log of SQLite only: a copy is made by itself.
        with parts.database.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("VACUUM INTO ?", (str(folder / BEFORE),))
        life.tick(wanted.at)
    made.write_text(wish, encoding="utf-8")
    return Lived(folder, wanted.at)


@contextmanager
def _scratch(file: Path) -> Iterator[Parts]:
    """Open the parts on a file that nobody needs when the power fails."""
    settings = Settings(home=file.parent, database_url=f"sqlite:///{file}", smtp_host="")
    with opened(settings) as parts:
        parts.database.close()  # what is connected already commits to the disk
        event.listen(parts.database.engine, "connect", _in_haste)
        yield parts


def _in_haste(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _calendar(wanted: Wanted) -> WorkingCalendar:
    """Return the calendar that all plans have."""
    drawn = random.Random(wanted.seed)
    issued = wanted.at.date()
    return load(bundle(SINGLE, drawn=drawn, issued=issued, communes=1)).calendar


@dataclass
class _Run:
    """A run of which agencies report: when it starts, and what is to happen on which day."""

    name: str
    template: Template
    starts: date
    plan: Plan
    acts: list[tuple[date, Act]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


class _Life:
    """The months that lead to a morning."""

    def __init__(self, parts: Parts, wanted: Wanted) -> None:
        self.parts, self.wanted = parts, wanted
        self.drawn = random.Random(wanted.seed)
        self.bundles: dict[str, Bundle] = {}
        self.calendar = _calendar(wanted)
        self.runs = [self._made(number) for number in range(wanted.count)]
        self.plan = self.runs[0].plan  # all have one calendar and one ladder
        if not is_office_hour(self.plan, self.plan.first_ladder, wanted.at):
            raise ValueError(f"no mail goes out at {wanted.at.isoformat()}")

    def _made(self, number: int) -> _Run:
        """Return a run; the first has one obligation, due this morning, the rest are of any age."""
        name, today = f"{PROTOTYPE}{number:03}", self.wanted.at.date()
        template = TEMPLATES[number % len(TEMPLATES)] if number else SINGLE
        first_due = self._due_around(number)
        if first_due is None:
            starts = today - timedelta(days=self._age(number))
        else:
            starts = min(first_due, today) - timedelta(days=template.steps[0].days)
        found = bundle(
            template,
            drawn=random.Random(f"{self.wanted.seed}/{name}"),
            issued=starts,
            first_due=first_due,
            communes=self.drawn.randint(80, 125),
        )
        self.bundles[name] = found
        return _Run(name, template, starts, load(found))

    def _due_around(self, number: int) -> date | None:
        """Let every fourth be due around the morning, so that it is reminded or chased then."""
        if number % 4:
            return None
        offset = _AROUND[number // 4 % len(_AROUND)]
        today = self.wanted.at.date()
        return self.calendar.offset(today, offset) if offset else today

    def _age(self, number: int) -> int:
        """Spread the ages evenly, each template over all of them."""
        place = (number * 7) % self.wanted.count + self.drawn.random()
        return 4 + int((self.wanted.oldest - 4) * place / (self.wanted.count + 1))

    def lead_up(self, told: Told) -> None:
        """Live through every working day before the morning."""
        day, last = min(run.starts for run in self.runs), self.wanted.at.date()
        while day < last:
            if self.calendar.is_working(day):
                self._live(day)
                told(f"prototypes: {day}")
            day += timedelta(days=1)

    def _live(self, day: date) -> None:
        morning = send_time(self.plan, self.plan.first_ladder, day)
        self.tick(morning)
        started = [run for run in self.runs if run.starts <= day and run.name in self.bundles]
        for run in started:
            now = morning + timedelta(minutes=75)
            runs.start(self.parts, self.bundles.pop(run.name), now=now, by="văn thư", run=run.name)
        if started:
            self.tick(morning + timedelta(minutes=75))
        if self._act(day, morning + timedelta(hours=6)):
            self.tick(morning + timedelta(hours=6))

    def _act(self, day: date, now: datetime) -> bool:
        """Do what falls on the day; say whether there was anything."""
        self._foresee(day)
        done = False
        for run in self.runs:
            due = [act for at, act in run.acts if at <= day]
            run.acts = [(at, act) for at, act in run.acts if at > day]
            for act in due:
                with suppress(Refused):  # what came before has made it pointless
                    act(now)
                    done = True
        announced = self.wanted.at.date() - timedelta(days=self.wanted.oldest // 3)
        if day == self.calendar.on_or_before(announced):
            with suppress(Refused):
                recording.announce(self.parts, EVENT, Source("HĐND", "12/NQ-HĐND", day), now=now)
        return done

    def _foresee(self, day: date) -> None:
        """Draw what will become of obligations that have opened since."""
        query = select(OBLIGATIONS.c.run, OBLIGATIONS.c.id, OBLIGATIONS.c.agency)
        query = query.add_columns(OBLIGATIONS.c.last_day).where(
            OBLIGATIONS.c.opened_at.is_not(None), OBLIGATIONS.c.settled_at.is_(None)
        )
        with self.parts.database.reading() as connection:
            rows = connection.execute(query).all()
        by_name = {run.name: run for run in self.runs if run.template is not SINGLE}
        for row in rows:
            run = by_name.get(row.run)
            if run is None or row.id in run.seen or row.last_day is None:
                continue
            run.seen.add(row.id)
            run.acts += self._fate(run.name, row.id, row.agency, day, row.last_day)

    def _fate(
        self, run: str, key: str, agency: str, opened: date, last: date
    ) -> Iterator[tuple[date, Act]]:
        """Yield what will be recorded of an obligation: most are on time, with a tail of late ones.

        An agency is more or less punctual in all that it owes.
        """
        drawn = random.Random(f"{self.wanted.seed}/{run}/{key}")
        punctual = random.Random(f"{self.wanted.seed}/{agency}").betavariate(16, 3)
        parts, number = self.parts, drawn.randint(1, 900)

        def by(document: str = "BC") -> Source:
            return Source("văn thư", f"{number}/{document}")

        def days(count: float) -> timedelta:
            return timedelta(days=int(count))

        chance = drawn.random()
        if chance < 0.01:
            why = "Đã sáp nhập, không còn nhiệm vụ"
            yield (
                opened + days(drawn.uniform(2, 12)),
                lambda now: recording.waive(parts, run, key, by("QĐ"), why=why, now=now),
            )
            return
        if chance < 0.05:
            until = last + days(drawn.choice((5, 7, 10, 14)))
            yield (
                last - days(drawn.uniform(1, 4)),
                lambda now: recording.extend(parts, run, key, by("CV"), until=until, now=now),
            )
            last = until
        if drawn.random() < 0.03:
            what = "Số liệu của các đơn vị trực thuộc chưa đầy đủ"
            yield (
                last - days(drawn.uniform(2, 9)),
                lambda now: recording.report_difficulty(parts, run, key, by(), what=what, now=now),
            )
        if drawn.random() < punctual:
            handed = last - days(drawn.expovariate(1 / 3))
            handed = max(opened, self.calendar.on_or_before(handed))
        elif drawn.random() < 0.85:
            handed = last + days(1 + drawn.expovariate(1 / 5))
        else:
            return
        if drawn.random() < 0.02:
            yield (
                handed - days(1),
                lambda now: recording.submit(parts, run, key, by(), part=True, now=now),
            )
        yield handed, lambda now: recording.submit(parts, run, key, by(), now=now)
        looked_at = handed + days(drawn.uniform(1, 7))
        chance = drawn.random()
        if chance < 0.05:
            why = "Đề nghị bổ sung số liệu tại phụ lục"
            yield (
                looked_at,
                lambda now: recording.send_back(
                    parts, run, key, by("CV"), why=why, days=5, now=now
                ),
            )
            again = looked_at + days(drawn.expovariate(1 / 5) + 1)
            yield again, lambda now: recording.submit(parts, run, key, by(), now=now)
        elif chance < 0.45:
            yield looked_at, lambda now: recording.accept(parts, run, key, by("CV"), now=now)

    def tick(self, now: datetime) -> None:
        """Issue and deliver until nothing is due."""
        for _ in range(TICKS):
            if not chasing.is_anything_due(self.parts, now):
                return
            chasing.issue_notices(self.parts, now)
            self._deliver(now)
        raise RuntimeError(f"something is always due at {now.isoformat()}")

    def _deliver(self, now: datetime) -> None:
        """Mark what is due as sent, as a delivery would have; now and then a server is busy."""
        database = self.parts.database
        while True:
            with database.writing() as connection:
                taken = outbox.claim(connection, now, lease=LEASE, limit=CLAIMED)
                found = [plans.find_run(connection, run) for run in {one.run for one in taken}]
                versions = {one.id: one.plan_version for one in found if one is not None}
            if not taken:
                return
            tries = [
                self._tried(message, self.parts.plan(versions[message.run]), now)
                for message in taken
            ]
            marking.mark(self.parts, tries, "", now)

    def _tried(self, message: Message, plan: Plan, now: datetime) -> marking.Tried:
        agency = plan.agencies[message.recipient]
        found = addressees(agency, day=now.astimezone(plan.zone).date())
        addresses = tuple(one.address for one in found)
        ready = Prepared(
            message=message,
            subject=f"[Đôn đốc] Kế hoạch số {plan.number}: {_SUBJECTS.get(message.kind, '')}",
            addressees=found,
            open_addresses=addresses,
        )
        is_busy = message.tries == 1 and self.drawn.random() < 0.01
        answer: Outcome = TryLater("450 4.3.2 busy") if is_busy else Sent("250 2.0.0 Ok: queued")
        outcomes = dict.fromkeys(addresses, answer)
        return marking.tried(self.parts, ready, outcomes, now)


_SUBJECTS = {
    "assign": "giao nhiệm vụ báo cáo",
    "remind": "nhắc việc sắp đến hạn",
    "overdue": "đôn đốc việc quá hạn",
    "escalate": "các cơ quan chậm báo cáo",
    "returned": "đề nghị hoàn thiện báo cáo",
}
