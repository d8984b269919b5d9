"""Clockwork: a clock whose time, scheduler and errands belong to the test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from flows.clock import Clock
from services import chasing
from services.mail import delivering
from services.wiring import Parts
from tests.services.office import Recording


class Hands:
    """The wall's time and the monotonic one; `pass_` moves both, `set_to` the wall's alone."""

    def __init__(self, wall: datetime) -> None:
        self.wall, self.ticks = wall, 1000.0

    def pass_(self, **span: float) -> None:
        """Let time go by."""
        self.wall += timedelta(**span)
        self.ticks += timedelta(**span).total_seconds()

    def set_to(self, wall: datetime) -> None:
        """Set the wall's clock, as NTP or a person does."""
        self.wall = wall


class Scheduler:
    """Keeps the jobs that a clock sets; the test fires them."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands
        self.jobs: dict[str, tuple[Callable[[], Awaitable[None]], datetime]] = {}
        self.sets: list[datetime] = []
        self.reckoned = 0
        self.running = False

    def start(self) -> None:
        self.running = True

    def shutdown(self, *, wait: bool) -> None:
        assert wait is False
        self.running = False

    def wakeup(self) -> None:
        self.reckoned += 1

    def add_job(self, job: Any, trigger: str, *, run_date: datetime, id: str, **how: Any) -> None:
        assert trigger == "date"
        assert how == {"replace_existing": True, "misfire_grace_time": None}
        self.jobs[id] = job, run_date
        self.sets.append(run_date)

    def get_job(self, id: str) -> Any:
        return self.jobs.get(id)

    def remove_job(self, id: str) -> None:
        del self.jobs[id]

    @property
    def at(self) -> datetime | None:
        """When the wake-up is set to, if it is."""
        return next((at for _, at in self.jobs.values()), None)

    async def fire_what_is_due(self) -> int:
        """Run each job whose time has come, as APScheduler would; say how many."""
        due = [id for id, (_, at) in self.jobs.items() if at <= self.hands.wall]
        for id in due:
            job, _ = self.jobs.pop(id)
            await job()
        return len(due)


class Errands:
    """Counts the errands; a chase does what it is given to do, by default a real one."""

    def __init__(self, parts: Parts, hands: Hands) -> None:
        self.parts, self.hands = parts, hands
        self.chased: list[datetime] = []
        self.began, self.ended = asyncio.Event(), asyncio.Event()
        self.swept = self.posts = self.beats = self.ends = 0
        self.shift = timedelta(0)
        self.rank = 0
        self.chasing: Callable[[datetime], Awaitable[None]] = self.really
        self.shown: list[bool] = []
        self.showing: Callable[[], Awaitable[bool]] = _all
        self.sweeping: Callable[[], Awaitable[None]] = _nothing
        self.posting: Callable[[], Awaitable[None]] = _nothing

    async def really(self, now: datetime) -> None:
        """Issue and deliver what is due."""
        chasing.issue_notices(self.parts, now)
        await delivering.deliver(self.parts, Recording(), now)

    async def chase(self) -> None:
        now = self.hands.wall + self.shift
        self.chased.append(now)
        self.began.set()
        await self.chasing(now)
        self.ended.set()

    async def reconcile(self, now: datetime, *, gently: bool) -> None:
        self.swept += 1
        await self.sweeping()

    async def show(self, now: datetime, *, gently: bool) -> bool:
        self.shown.append(gently)
        return await self.showing()

    async def read_post(self, now: datetime) -> None:
        self.posts += 1
        await self.posting()

    async def beat(self) -> int:
        self.beats += 1
        return self.rank

    async def stopped(self) -> None:
        self.ends += 1


class Clockwork:
    """A clock with everything that it touches."""

    def __init__(self, parts: Parts, wall: datetime, *, sweep: float = 60, longest: float = 60):
        self.parts = parts
        self.hands = Hands(wall)
        self.scheduler = Scheduler(self.hands)
        self.errands = Errands(parts, self.hands)
        self.clock = Clock(
            parts,
            self.errands,
            sweep=timedelta(seconds=sweep),
            scheduler=self.scheduler,
            wall=lambda: self.hands.wall,
            ticks=lambda: self.hands.ticks,
            longest=timedelta(seconds=longest),
        )

    async def start(self) -> None:
        self.clock.start()
        await self.come_to_rest()

    async def live(self, seconds: int) -> None:
        """Let as many seconds pass, with a look in each, as `run` does."""
        for _ in range(seconds):
            self.hands.pass_(seconds=1)
            await self.second()

    async def second(self) -> None:
        """What happens within one second without time passing: the job, then a look."""
        await self.come_to_rest()
        self.clock.look()
        await self.come_to_rest()

    async def come_to_rest(self) -> None:
        """Run what is due and under way, until nothing is."""
        for _ in range(100):
            await self.clock.settled()
            if not await self.scheduler.fire_what_is_due():
                return
        raise AssertionError("the clock runs hot: a hundred chases within one second")


async def _nothing() -> None:
    pass


async def _all() -> bool:
    return True


async def never() -> None:
    """Wait for what does not come."""
    await asyncio.Event().wait()
