"""Clock: one wake-up job, set to the earliest moment at which anything is due.

After each tick it is set again from the database; a sweep also catches what an event
lost, and looks whether Prefect still shows every stage. The cost of a quiet month is one
look at an index per sweep. Several clocks may run: the work is idempotent.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from prefect.client.orchestration import get_client

from flows import forms, moment, office, showing
from flows.chase import chase
from services import chasing
from services.wiring import Parts

log = logging.getLogger(__name__)

WAKE_UP = "wake-up"
SWEEP = "sweep"
FAR = timedelta(days=1)  # a wake-up further off is set again by a sweep before it comes


class Clock:
    """Runs `chase` when something is due. `start` and `stop` it within an event loop."""

    def __init__(self, parts: Parts, *, sweep: timedelta) -> None:
        self.parts = parts
        self.sweep_every = sweep
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._turn = asyncio.Lock()

    def start(self) -> None:
        """Set the sweep, and look at once for what came due while nothing ran."""
        self._scheduler.add_job(
            self.sweep,
            IntervalTrigger(seconds=int(self.sweep_every.total_seconds()), timezone=UTC),
            id=SWEEP,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            next_run_time=moment.wall(),
        )
        self._scheduler.start()

    async def stop(self) -> None:
        """Let a tick that is under way end, then stop."""
        async with self._turn:
            self._scheduler.shutdown(wait=False)

    async def tick(self) -> None:
        """Issue what is due, if anything is, and set the next wake-up."""
        async with self._turn:
            now = moment.now(self.parts.settings)
            if chasing.is_anything_due(self.parts, now):
                await chase(return_state=True)
        self.set_wake_up()

    async def sweep(self) -> None:
        """Tick, and put right what Prefect shows where it was cancelled, deleted or lost."""
        try:
            await self.tick()
            async with self._turn:
                await showing.reconcile(self.parts, moment.now(self.parts.settings))
                async with get_client() as client:
                    await forms.refresh(self.parts, client)
        except Exception:
            # The next sweep tries again: a server that is away must not stop the clock.
            log.exception("the sweep failed", extra={"action": "sweep-failed"})

    def set_wake_up(self) -> None:
        """Set the one wake-up job to the earliest moment in the database."""
        at = chasing.next_wake(self.parts)
        if at is None:
            if self._scheduler.get_job(WAKE_UP):
                self._scheduler.remove_job(WAKE_UP)
            return
        shift = moment.shift(self.parts.settings.home)
        wall = max(at - shift, moment.wall())
        self._scheduler.add_job(
            self._wake,
            DateTrigger(min(wall, moment.wall() + FAR), timezone=UTC),
            id=WAKE_UP,
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=None,
        )

    async def _wake(self) -> None:
        try:
            await self.tick()
        except Exception:
            log.exception("the wake-up failed", extra={"action": "wake-up-failed"})


async def run(stop: asyncio.Event) -> None:
    """Run the clock of this process until `stop` is set."""
    parts = office.parts()
    clock = Clock(parts, sweep=timedelta(seconds=parts.settings.sweep_seconds))
    clock.start()
    try:
        await stop.wait()
    finally:
        await clock.stop()
