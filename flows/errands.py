"""Errands: what the clock does when it is time.

The chase runs as a flow. Where Prefect does not answer, what is due is issued and mailed
all the same: the database is the truth. The next sweep shows it when Prefect is back.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from flows import cleaning, clients, events, forms, further_chases, moment, orphans
from flows.chase import chase
from flows.events import Event
from flows.processes import TAG
from flows.rounds import Rounds
from flows.workload import Workload
from services import alarming
from services.errors import Unavailable, one_line
from services.mail import announcing, delivering, returned_mail, returning
from services.mail.delivering import Delivered
from services.wiring import Parts
from storage import clocks

log = logging.getLogger(__name__)

SWEPT = "dondoc.clock.swept"
STOPPED = "dondoc.clock.stopped"
PATIENCE = 5.0  # seconds that Prefect gets to say that it is there


class ChaseFailed(Exception):
    """The chase ended in a state that is no success; its run has the story."""


class PostUnread(Exception):
    """The mailbox that mail comes back to can't be read now; the next look may."""


class Errands:
    """The clock's errands in one office."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.name = parts.settings.clock_name or machine()
        self.started_at = moment.wall()
        self._rounds = Rounds(parts, every=timedelta(seconds=parts.settings.sweep_seconds))
        self._cleaned_at: datetime | None = None
        self._untold: list[Event] = []  # what happened while Prefect was away

    async def chase(self) -> None:
        """Issue what is due and mail it. Raises ChaseFailed, or whatever went wrong."""
        try:
            async with clients.shared():
                state = await _run_of_chase(self.parts)
        except Exception as error:
            # What comes out of a flow instead of a state is Prefect's own trouble.
            log.warning("no run of chase: %s", one_line(error), extra={"action": "no-run"})
        else:
            if not state.is_completed():
                raise ChaseFailed(f"{state.name}: {state.message}")
            return
        await self._without_prefect()

    async def _without_prefect(self) -> None:
        work = Workload(self.parts, self._deliver)
        await work.work()
        self._untold += events.unreadable(alarming.newly_unread(self.parts, moment.wall()))
        log.warning(
            "Prefect is away: %d notices, %d mails without it",
            work.notices,
            work.delivered.total,
            extra={"action": "chased-without-prefect"},
        )

    async def _deliver(self, _now: datetime | None, until: datetime | None) -> Delivered:
        settings = self.parts.settings
        async with delivering.way_out(self.parts) as way:
            clock = partial(moment.now, settings)
            delivered = await delivering.deliver(self.parts, way, clock(), clock=clock, until=until)
        self._untold += events.undeliverable(delivered)
        await announcing.announce(self.parts, delivered.escalated)
        return delivered

    async def show(self, now: datetime, *, gently: bool) -> bool:
        """Show what has changed, for as long as one share; say whether nothing is left."""
        return await self._rounds.catch_up(now, gently=gently)

    async def reconcile(self, now: datetime, *, gently: bool = False) -> None:
        """Put right what Prefect shows where it was cancelled, deleted or lost.

        First what no chase would be woken for: mail that a clock which was set back holds.
        """
        delivering.free_held(self.parts, now)
        await self._rounds.sweep(now, gently=gently)
        async with get_client() as client:
            await forms.refresh(self.parts, client)
            await orphans.end_or_restart(client, moment.wall(), self.parts.settings.language)
            self._cleaned_at = await cleaning.daily(self.parts, client, now, last=self._cleaned_at)

    async def read_post(self, now: datetime) -> None:
        """Read what mail has come back, and tell whom it concerns; off where no mailbox is set.

        In a thread of its own: a mail server that is slow keeps nothing else waiting.
        """
        if not returning.is_on(self.parts.settings):
            return
        trouble: Unavailable | None = None
        try:
            reading = await asyncio.to_thread(returning.read, self.parts, now)
            self._untold += events.given_up(reading.undeliverable)
        except Unavailable as error:  # what came back before is told all the same
            trouble = error
        if returned_mail.is_due(self.parts, now):
            async with delivering.way_out(self.parts) as way:
                await returned_mail.tell(self.parts, way, now)
        if trouble is not None:
            raise PostUnread(trouble.values["why"])

    async def beat(self) -> int:
        """Leave a sign of life, in the database and for Prefect's automations.

        Returns how many clocks that are alive come before this one, by their names.
        """
        now = moment.wall()
        with self.parts.database.writing() as connection:
            clocks.beat(
                self.parts.database,
                connection,
                self.name,
                started_at=self.started_at,
                now=now,
            )
            known = clocks.known(connection)
        untold = [*self._untold]
        if await events.tell_all([self._event(SWEPT), *untold]):
            self._untold = [one for one in self._untold if one not in untold]
        return sum(one.name < self.name and alarming.beats(one, now) for one in known)

    async def stopped(self) -> None:
        """Say that the clock ends because it was told to."""
        with self.parts.database.writing() as connection:
            clocks.stop(connection, self.name, started_at=self.started_at, now=moment.wall())
        await events.tell(self._event(STOPPED))

    def _event(self, name: str) -> Event:
        about = {"clock": self.name, "started_at": self.started_at.isoformat()}
        return Event(name, f"dondoc.clock.{self.name}", about)


def machine() -> str:
    """Return this machine's name. Clocks of one name vouch for each other."""
    return re.sub(r"[^a-z0-9.-]+", "-", socket.gethostname().lower()) or "clock"


async def _run_of_chase(parts: Parts) -> State[Any]:
    """Run the flow, if Prefect answers at all; one that hangs is not waited for.

    Of a large morning workers of the pool take their part.
    """
    async with asyncio.timeout(PATIENCE), get_client() as client:
        trouble = await client.api_healthcheck()
    if trouble is not None:
        raise trouble
    try:
        async with asyncio.timeout(PATIENCE), get_client() as client:
            await further_chases.call(parts, client, moment.now(parts.settings))
    except Exception as error:  # we chase all of it, then
        log.warning("no further chases: %s", one_line(error), extra={"action": "no-further-chases"})
    with tags(TAG):
        state: State[Any] = await chase(return_state=True)
    return state
