"""Clock: one wake-up job, set to the earliest moment at which anything is due.

A look each second, a few looks at indexes, sets the job again where another process has moved
that moment; it also notices that the wall's clock jumped. The job runs `chase`. What fails
is tried again soon, then less often. What has changed is shown as soon as may be, a sweep
puts right what Prefect shows, and a beat tells that the clock is alive. Looks, sweeps and
beats are reckoned by the monotonic clock, so that setting back the wall's stops nothing.
Several clocks may run: the work is idempotent, and each leaves the one before it a little
time to have done it.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from flows import client, moment, office
from services import chasing
from services.chasing import Signs
from services.errors import Refused, one_line
from services.settings import Settings
from services.wiring import Parts, refusal
from storage.database import WrongSchema

log = logging.getLogger(__name__)

WAKE_UP = "wake-up"
LOOK = 1.0  # seconds between looks
VERIFY = timedelta(seconds=60)  # between two looks whether the schema is still ours
FAR = timedelta(days=1)  # no job is set for what is further off: a look sets it in time
BEAT = timedelta(seconds=60)  # the automation `clock-silent` waits for three of them
POST = timedelta(minutes=3)  # between two looks for mail that came back
SHOW = timedelta(seconds=2)  # between two goings over what is to be shown
SHOW_AGAIN = 30.0  # seconds after one that failed
OFTEN = timedelta(seconds=10)  # no beat more often, however often the sweep
LONGEST = timedelta(minutes=30)  # that a chase or a sweep may take; longer than a mail's lease
LONGEST_WAIT = timedelta(seconds=60)  # before what failed is tried again
STAGGER = timedelta(seconds=3)  # that a clock waits for each one before it: else both make a run
JUMP = timedelta(seconds=2)  # by which the wall's clock may stray between two looks
HANGING = 600.0  # seconds without a look, after which this process is ended
GRACE = 8.0  # seconds that a stop gives to what is under way


class Errands(Protocol):
    """What the clock does when it is time; `flows.errands` has the real ones."""

    async def chase(self) -> None:
        """Issue what is due and mail it; raise where that fails."""

    async def reconcile(self, now: datetime, *, gently: bool) -> None:
        """Put right what Prefect shows, `gently` where something more urgent is under way."""

    async def show(self, now: datetime, *, gently: bool) -> bool:
        """Show some of what has changed, as quietly as may be; say whether nothing is left."""

    async def read_post(self, now: datetime) -> None:
        """Read what mail has come back, and do what follows from it."""

    async def beat(self) -> int:
        """Leave a sign of life; return how many clocks that are alive come before this one."""

    async def stopped(self) -> None:
        """Say that the clock ends because it was told to."""


class NothingMoved(Exception):
    """The chase said that all was well, but what was due is due still."""


class Clock:
    """Runs its errands when they are due. `start`, `look` each second, and `stop` it."""

    def __init__(
        self,
        parts: Parts,
        errands: Errands,
        *,
        sweep: timedelta,
        scheduler: Any = None,
        wall: Callable[[], datetime] = moment.wall,
        ticks: Callable[[], float] = time.monotonic,
        longest: timedelta = LONGEST,
    ) -> None:
        self.parts, self.errands = parts, errands
        self.sweep_every = sweep
        self.beat_every = max(OFTEN, min(BEAT, sweep))
        self.longest = longest
        self._scheduler = scheduler or AsyncIOScheduler(timezone=UTC)
        self._wall, self._ticks = wall, ticks
        self._seen: tuple[datetime, float] | None = None
        self._known: tuple[Signs, datetime | None] | None = None
        self._set_to: datetime | None = None
        self._retry_at: datetime | None = None
        self._failures = 0
        self._rank = 0
        self._shown: int | None = None  # up to which entry
        self._trouble: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._next: dict[str, float] = {}
        self.outdated: WrongSchema | None = None

    def start(self) -> None:
        """Look at once for what came due while nothing ran."""
        self._scheduler.start()
        self.look()

    def look(self) -> None:
        """Set the wake-up to the earliest moment there is, and begin what else it is time for."""
        self._notice_a_jump()
        try:
            self._verify()
            self._set(self._next_wake())
        except Exception as error:
            # A database that is away comes back; until then there is nothing to do.
            self._tell("look", error)
            return
        self._works("look")
        self._begin("beat", self._beat, every=self.beat_every)
        self._begin("sweep", self._sweep, every=self.sweep_every)
        if self._known is not None and self._known[0].entry != self._shown:
            self._begin("show", self._show, every=SHOW)
        self._begin("post", lambda: self.errands.read_post(self.now()), every=POST)

    async def stop(self) -> None:
        """Let a chase that is under way end, if it does soon; then stop, and say so."""
        self._scheduler.shutdown(wait=False)
        if chasing_now := self._tasks.get("chase"):
            await asyncio.wait({chasing_now}, timeout=GRACE)
        left = list(self._tasks.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        with suppress(Exception):  # the database or Prefect may be gone already
            await self.errands.stopped()

    def now(self) -> datetime:
        """Return the present of this installation, which may pretend."""
        return self._wall() + moment.shift(self.parts.settings.home)

    async def settled(self) -> None:
        """Return when nothing is under way any more."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _set(self, at: datetime | None) -> None:
        """Set the one job, unless it is set so already, or a chase is under way."""
        if "chase" in self._tasks:
            return
        shift = moment.shift(self.parts.settings.home)
        target = None
        if at is not None and at - (self._wall() + shift) < FAR:
            target = at - shift + self._rank * STAGGER
            if self._retry_at is not None:
                target = max(target, self._retry_at)
        if target == self._set_to:
            return
        self._set_to = target
        if target is not None:
            self._scheduler.add_job(
                self._wake,
                "date",
                run_date=target,
                id=WAKE_UP,
                replace_existing=True,
                misfire_grace_time=None,  # late is better than lost
            )
        elif self._scheduler.get_job(WAKE_UP):
            self._scheduler.remove_job(WAKE_UP)

    async def _wake(self) -> None:
        self._set_to = None
        if "chase" not in self._tasks:
            self._start("chase", self._chase())

    async def _chase(self) -> None:
        """Chase what is due. What fails waits for its next try: 1, 2, 4 … seconds."""
        try:
            before = self._standing()
            if before[0] is None or before[0] > self.now():
                return  # another clock was quicker
            async with asyncio.timeout(self.longest.total_seconds()):
                await self.errands.chase()
            if self._standing() == before:
                raise NothingMoved(f"due since {before[0]:%Y-%m-%d %H:%M:%S} UTC")
        except Exception as error:
            self._failures += 1
            wait = min(timedelta(seconds=2 ** min(self._failures - 1, 10)), LONGEST_WAIT)
            self._retry_at = self._wall() + wait
            self._tell("chase", error)
        else:
            self._failures, self._retry_at = 0, None
            self._works("chase")

    def _next_wake(self) -> datetime | None:
        """Return the earliest moment; reckoned anew only where something it rests on moved."""
        signs = chasing.signs(self.parts)
        if self._known is None or self._known[0] != signs:
            self._known = signs, chasing.next_wake(self.parts)
        return self._known[1]

    def _verify(self) -> None:
        """See once a minute whether another version of the program has changed the schema."""
        if self._ticks() >= self._next.get("verify", 0.0):
            self.parts.database.verify()
            self._next["verify"] = self._ticks() + VERIFY.total_seconds()

    def _standing(self) -> tuple[datetime | None, Signs]:
        """Return what is next and what that rests on: a chase that does anything moves it."""
        return chasing.next_wake(self.parts), chasing.signs(self.parts)

    async def _show(self) -> None:
        """Show what has changed; while we chase, with one hand only."""
        assert self._known is not None
        entry = self._known[0].entry
        try:
            if await self.errands.show(self.now(), gently="chase" in self._tasks):
                self._shown = entry
        except Exception:
            self._next["show"] = self._ticks() + SHOW_AGAIN
            raise

    async def _sweep(self) -> None:
        await self.errands.reconcile(self.now(), gently="chase" in self._tasks)

    async def _beat(self) -> None:
        self._rank = await self.errands.beat()

    def _begin(
        self, what: str, errand: Callable[[], Coroutine[Any, Any, None]], *, every: timedelta
    ) -> None:
        """Begin what is due by the monotonic clock, unless it is under way."""
        if what in self._tasks or self._ticks() < self._next.get(what, 0.0):
            return
        self._next[what] = self._ticks() + every.total_seconds()
        self._start(what, self._run(what, errand))

    async def _run(self, what: str, errand: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            async with asyncio.timeout(self.longest.total_seconds()):
                await errand()
        except Exception as error:
            self._tell(what, error)
        else:
            self._works(what)

    def _start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=what)
        self._tasks[what] = task
        task.add_done_callback(lambda _: self._ended(what))

    def _ended(self, what: str) -> None:
        del self._tasks[what]
        if what == "chase" and self._scheduler.running:
            self.look()

    def _notice_a_jump(self) -> None:
        """Reckon the job anew where the wall's clock was set, or the machine slept."""
        wall, ticks = self._wall(), self._ticks()
        if self._seen is not None:
            strayed = (wall - self._seen[0]) - timedelta(seconds=ticks - self._seen[1])
            if abs(strayed) > JUMP:
                log.warning("the clock jumped by %s", strayed, extra={"action": "clock-jumped"})
                self._retry_at = None
                self._scheduler.wakeup()
        self._seen = wall, ticks

    def _tell(self, what: str, error: Exception) -> None:
        """Log a failure in one line, and once for as long as it stays the same.

        A schema that is another version's does not pass: who runs this clock is to end it.
        """
        if isinstance(error, WrongSchema):
            self.outdated = error
        said = one_line(error)
        if self._trouble.get(what) != said:
            extra = {"action": f"{what}-failed"}
            log.warning("the %s fails, and is tried again: %s", what, said, extra=extra)
        self._trouble[what] = said

    def _works(self, what: str) -> None:
        if self._trouble.pop(what, None):
            log.warning("the %s works again", what, extra={"action": "works-again"})


async def run(stop: asyncio.Event) -> None:
    """Run the clock of this process until `stop` is set.

    Raises Refused once the database is another version's: writing on would write wrongly. A
    process that hangs is ended with a traceback of all threads: whoever supervises it
    starts another.
    """
    from flows.errands import Errands as Real

    office.be("clock")
    parts = office.parts()
    sweep = timedelta(seconds=parts.settings.sweep_seconds)
    clock = Clock(parts, Real(parts), sweep=sweep)
    clock.start()
    try:
        while True:
            faulthandler.dump_traceback_later(HANGING, exit=True)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)
                return
            clock.look()
            if clock.outdated is not None:
                raise refusal(clock.outdated)
    finally:
        await clock.stop()
        faulthandler.cancel_dump_traceback_later()


def main() -> None:
    """Run the clock as a process of its own, until Ctrl-C or SIGTERM; Prefect may be away."""
    settings = Settings()
    client.point_at(client.address(settings))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_ours)
    asyncio.run(_until_told())


def _is_ours(record: logging.LogRecord) -> bool:
    """Say whether a line belongs in the clock's log: what Prefect runs, its pages show."""
    return record.levelno >= logging.WARNING or record.name.startswith(("flows.", "services."))


async def _until_told() -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await run(stop)


if __name__ == "__main__":
    from flows import clock  # under its own name, as the others import it

    try:
        clock.main()
    except Refused as refused:
        sys.exit(str(refused))
