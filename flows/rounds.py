"""Rounds: which plan runs are shown next. What changed first, the most urgent before the others.

Of many that are behind each is first shown in part: what somebody is late with or waits for.
What nobody asks for now, stages that are blocked or done, pages without news, is the rest: it
comes when nothing else is behind.

The ledger says what changed; a mark beside each run says up to where it is shown, for every
process to see. Besides, all runs are looked at in turn, a slice at a time, for what changes
without an entry and for what was done to Prefect behind our back. So a look costs what
changed and a slice, whatever exists.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import islice
from uuid import UUID
from zlib import crc32

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound
from sqlalchemy import Connection

from engine.ledger import EntryKind
from flows import artifacts, showing
from flows.births import Nursery, those_there
from services.errors import one_line
from services.wiring import Parts
from storage import ledger, outbox, plans, stage_runs
from storage.stage_runs import StageRun

log = logging.getLogger(__name__)

TIME_OF_A_LAP = timedelta(minutes=15)  # within which each run is looked at
SLICE = 100  # runs of one look at least
LOOK_BACK = 50_000  # entries before the newest that a process which begins looks at
DAYS = 5  # as many different days on which plans move to a new run: none is older than a week
TIME_OF_A_GOING = timedelta(seconds=40)  # that one going takes; what is left is the next one's
BRIEFLY = timedelta(seconds=10)  # that one going takes for the rest: something may turn up
GROUP = 10  # runs whose new flow runs are made together
FEW = 20  # runs that are behind, of which each is shown whole at once
RUNS_BESIDE = 4  # runs that are shown at one time: Prefect's server is one process
# Prefect's server packs its answers; on one machine, or a network, that costs more than it spares.
UNPACKED = {"headers": {"accept-encoding": "identity"}}
TOGETHER = 50  # runs whose places are read in one go
LEAST_TOLD = 20  # runs behind from which on the log tells how it goes


class Urgency(IntEnum):
    """In which order runs are shown."""

    ESCALATED = 0
    LATE = 1
    TURNED = 2  # a stage has opened or closed
    CHANGED = 3
    IN_TURN = 4
    REST = 5  # of what is shown in part


KINDS = {"escalate": Urgency.ESCALATED, "overdue": Urgency.LATE}
TURNS = (EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE)


class NotShown(Exception):
    """Some run is not shown as it stands."""


@dataclass(frozen=True, slots=True)
class Behind:
    """A run that may be shown otherwise than it stands; `asks`: its pages may be gone."""

    urgency: Urgency
    asks: bool = False

    def and_(self, other: Behind | None) -> Behind:
        """Return both in one."""
        if other is None:
            return self
        return Behind(min(self.urgency, other.urgency), self.asks or other.asks)


class Rounds:
    """The rounds of one process. What it remembers is an id for each run that is behind."""

    def __init__(
        self,
        parts: Parts,
        *,
        every: timedelta = timedelta(seconds=60),
        share: timedelta = TIME_OF_A_GOING,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every` is how often it sweeps, `share` how long showing may go on at a time."""
        self.parts, self.share = parts, share
        self._laps = max(1, TIME_OF_A_LAP // every)  # looks of one lap
        self._ticks = ticks
        self._behind: dict[str, Behind] = {}
        self._again: set[str] = set()  # failed, or a worker has yet to complete it
        self._cursor, self._slice = "", 0
        self._many: bool | None = None  # so many runs that a new one of the day each is too much
        self._seen: int | None = None  # places in the ledger and the outbox
        self._mail = 0
        self._before = [0, 0]  # the places of the last sweeps: commits may overtake each other
        self._deployments: dict[str, UUID] = {}
        self._going = asyncio.Lock()

    @property
    def behind(self) -> int:
        """How many runs are not known to be shown as they stand."""
        return len(self._behind)

    async def sweep(self, now: datetime, *, gently: bool = False) -> None:
        """Look at a slice of what exists, and at what changed; put right what differs.

        What was cancelled, deleted, crashed or lost with Prefect's database is made again;
        `gently` as in `catch_up`. Raises NotShown where one could not be put right, after the
        others were.
        """
        async with self._going, get_client(httpx_settings=UNPACKED) as client:
            await self._check(client, now)
            if self._urgent or not gently:
                await self._catch_up(client, now, at_once=1 if gently else RUNS_BESIDE)

    async def catch_up(self, now: datetime, *, gently: bool = False) -> bool:
        """Show what changed, for as long as one share; say whether nothing is left.

        `gently`, one after another and not the rest, where this process has more urgent work
        as well.
        """
        self._take_notice()
        if not self._behind:
            return True
        if gently and not self._urgent:
            return False
        async with self._going, get_client(httpx_settings=UNPACKED) as client:
            await self._catch_up(client, now, at_once=1 if gently else RUNS_BESIDE)
        return not self._behind

    # ── What is behind ──

    def _take_notice(self, *, since: int | None = None) -> None:
        """Note which runs' ledgers have moved, and how urgent that is."""
        with self.parts.database.reading() as connection:
            if self._many is None:
                self._count(connection)
            if self._seen is None:
                # What another process left undone when it was killed; the rest comes in turn.
                self._seen = max(0, ledger.newest(connection) - LOOK_BACK)
                self._before = [self._seen, self._seen]
                self._mail = max(0, outbox.newest(connection) - LOOK_BACK)
            after = self._seen if since is None else since
            moved = ledger.moved(connection, after)
            turned = ledger.moved(connection, after, kinds=TURNS)
            mails = outbox.queued_after(connection, self._mail, kinds=[*KINDS])
            self._mail = max(self._mail, outbox.newest(connection))
        self._seen = max([self._seen, *moved.values()])
        for run in moved:
            self._note(run, Behind(Urgency.TURNED if run in turned else Urgency.CHANGED))
        for run, kind in mails:
            self._note(run, Behind(KINDS[kind]))

    def _note(self, run: str, behind: Behind) -> None:
        self._behind[run] = behind.and_(self._behind.get(run))

    async def _check(self, client: PrefectClient, now: datetime) -> None:
        """Note what of the next slice differs from what was put there."""
        with self.parts.database.reading() as connection:
            runs = self._next(connection)
            last = ledger.places(connection, runs)
            shown = stage_runs.of_runs(connection, runs)
            marks = stage_runs.marks(connection, runs)
        self._take_notice(since=self._before[0] if self._seen is not None else None)
        self._before = [self._before[1], self._seen or 0]
        for run in self._again:
            self._note(run, Behind(Urgency.CHANGED, asks=True))
        self._again.clear()
        today = showing.today_of(self.parts)
        ids = [one.flow_run for run in runs for one in showing.flow_runs_of(shown[run])]
        found = await those_there(client, [UUID(one) for one in ids if one])
        pages = {
            run: [one.flow_run for one in showing.pages_of(shown[run]) if one.flow_run]
            for run in runs
        }
        are_there = await artifacts.are_there(client, [one for of in pages.values() for one in of])
        for run in runs:
            stands = showing.stands(shown[run], found, today, self._lasts(run))
            stands = stands and (are_there or await artifacts.are_there(client, pages[run]))
            mark = marks.get(run)
            if not stands:
                is_red = showing.is_red(shown[run])
                self._note(run, Behind(Urgency.LATE if is_red else Urgency.IN_TURN, asks=True))
            elif _lacks_rest(mark, last[run]):
                self._note(run, Behind(Urgency.REST))
            elif not _is_fresh(mark, last[run], now):
                self._note(run, Behind(Urgency.IN_TURN))

    def _next(self, connection: Connection) -> list[str]:
        """Return the runs of the next slice; once in a lap also what ended and still waits."""
        more: list[str] = []
        if not self._cursor:
            count = self._count(connection)
            self._slice = max(SLICE, -(-count // self._laps))
            # One that ended while Prefect was away is still to be shown as done.
            more = stage_runs.unsettled(connection)
        runs = plans.active_after(connection, self._cursor, limit=self._slice)
        self._cursor = runs[-1] if len(runs) == self._slice else ""
        return sorted({*runs, *more[: self._slice]})

    def _count(self, connection: Connection) -> int:
        count = plans.count_active(connection)
        self._many = count > SLICE
        return count

    def _lasts(self, run: str) -> int:
        """Return for how many days more than its own the run lasts that shows a plan.

        Prefect's lists go back a week, its dashboard a day. Where there are many, what nobody
        touches keeps its run for some days; not all move at one midnight.
        """
        return 1 + crc32(run.encode()) % DAYS if self._many else 0

    # ── Showing it ──

    async def _catch_up(self, client: PrefectClient, now: datetime, *, at_once: int) -> None:
        count, urgent = len(self._behind), self._urgent
        share = self.share if urgent else min(self.share, BRIEFLY)
        going = _Going(
            self,
            client,
            now,
            size=max(1, min(GROUP, -(-count // at_once))),
            until=self._ticks() + share.total_seconds(),
            whole=urgent <= FEW or not self._many or not urgent,
        )
        queue = self._in_order(now, rest=not urgent)
        hands = [asyncio.create_task(going.work(queue)) for _ in range(min(at_once, count))]
        try:
            await asyncio.gather(*hands)
        finally:
            for hand in hands:
                hand.cancel()
            await asyncio.gather(*hands, return_exceptions=True)
        if count >= LEAST_TOLD:
            log.info(
                "%d plan runs shown, %d still to be shown",
                going.count,
                len(self._behind),
                extra={"action": "shown"},
            )
        for run, why in going.failed.items():
            raise NotShown(f"{run}: {one_line(why)}") from why

    @property
    def _urgent(self) -> int:
        """How many runs are behind with more than the rest."""
        return sum(one.urgency is not Urgency.REST for one in self._behind.values())

    def _in_order(self, now: datetime, *, rest: bool = True) -> Iterator[str]:
        """Yield the runs that are behind, the most urgent first; drop those shown meanwhile.

        Those of which only the rest is behind come only where the `rest` is wanted.
        """
        wanted = (
            run for run, one in self._behind.items() if rest or one.urgency is not Urgency.REST
        )
        ordered = sorted(wanted, key=lambda run: (self._behind[run].urgency, run))
        for first in range(0, len(ordered), TOGETHER):
            some = ordered[first : first + TOGETHER]
            with self.parts.database.reading() as connection:
                last = ledger.places(connection, some)
                marks = stage_runs.marks(connection, some)
            for run in some:
                mark, asks = marks.get(run), self._behind[run].asks
                if not asks and _is_fresh(mark, last[run], now):
                    del self._behind[run]
                elif not asks and _lacks_rest(mark, last[run]) and not rest:
                    self._behind[run] = Behind(Urgency.REST)
                else:
                    yield run

    async def group(
        self, client: PrefectClient, runs: Sequence[str], now: datetime, *, whole: bool
    ) -> _Group:
        """Do ahead of time, for several runs in few requests, what they have in common."""
        with self.parts.database.reading() as connection:
            shown = stage_runs.of_runs(connection, runs)
        ids = [UUID(i) for run in runs for i in _ids(showing.flow_runs_of(shown[run]))]
        found = await those_there(client, ids)
        nursery = Nursery(client, self._deployments)
        ahead: dict[str, showing.Ahead] = {}
        try:
            ahead = await showing.look_ahead(
                self.parts,
                client,
                {run: self._lasts(run) for run in runs},
                now,
                found=found,
                nursery=nursery,
                whole=whole,
            )
        except httpx.TransportError:  # Prefect is away
            raise
        except Exception as error:  # each tells of it by itself
            self._deployments.clear()
            log.debug("nothing done ahead: %s", one_line(error), extra={"action": "not-ahead"})
        return _Group(nursery, shown, found, ahead, whole)

    async def show(self, client: PrefectClient, run: str, now: datetime, group: _Group) -> bool:
        """Show one run of a group; say whether it is the whole."""
        with self.parts.database.reading() as connection:
            shown = stage_runs.of_run(connection, run)
        found = group.found
        if shown != group.shown[run]:  # somebody has shown it meanwhile
            found = await those_there(client, [UUID(i) for i in _ids(showing.flow_runs_of(shown))])
        lost = set[str]()
        if self._behind[run].asks:
            lost = await artifacts.gone(client, _ids(showing.pages_of(shown)))
        try:
            done = await showing.bring_up(
                self.parts,
                client,
                run,
                now,
                found=found,
                lost=lost,
                wait=False,
                nursery=group.nursery,
                lasts=self._lasts(run),
                whole=group.whole,
                ahead=group.ahead.get(run),
            )
        except ObjectNotFound:
            self._deployments.clear()  # it may be one that was deployed anew
            raise
        if not done.is_settled:
            self._again.add(run)
        return done.is_whole

    def done(self, run: str, *, failed: bool = False, whole: bool = True) -> None:
        """Cross a run off; one that failed comes with the next sweep, the rest when it is quiet."""
        self._behind.pop(run, None)
        if failed:
            self._again.add(run)
        elif not whole:
            self._behind[run] = Behind(Urgency.REST)

    def is_over(self, until: float) -> bool:
        """Say whether a share that ends at `until` is over."""
        return self._ticks() >= until


@dataclass(frozen=True, slots=True)
class _Group:
    """Runs that are shown one after another, and what was done for all of them ahead."""

    nursery: Nursery
    shown: Mapping[str, Mapping[str, StageRun]]
    found: Mapping[str, FlowRun]
    ahead: Mapping[str, showing.Ahead]
    whole: bool


class _Going:
    """One going over what is behind, by several hands."""

    def __init__(
        self,
        rounds: Rounds,
        client: PrefectClient,
        now: datetime,
        *,
        size: int,
        until: float,
        whole: bool,
    ) -> None:
        self.rounds, self.client, self.now = rounds, client, now
        self.size, self.until, self.whole = size, until, whole
        self.failed: dict[str, Exception] = {}
        self.count = 0

    async def work(self, queue: Iterator[str]) -> None:
        """Show one group after another until no run is left, or the share is done."""
        while runs := [*islice(queue, self.size)]:
            group = await self.rounds.group(self.client, runs, self.now, whole=self.whole)
            for run in runs:
                await self._show(run, group)
            if self.rounds.is_over(self.until):
                return

    async def _show(self, run: str, group: _Group) -> None:
        try:
            shown = await self.rounds.show(self.client, run, self.now, group)
            self.rounds.done(run, whole=shown)
            self.count += 1
        except showing.Busy:
            pass  # whoever shows it may have an older board: it is looked at again
        except httpx.TransportError:  # Prefect is away: for all of them
            raise
        except Exception as error:
            self.failed[run] = error
            self.rounds.done(run, failed=True)


def _ids(shown: Iterable[StageRun]) -> list[str]:
    return [one.flow_run for one in shown if one.flow_run]


def _lacks_rest(mark: stage_runs.Mark | None, seq: int) -> bool:
    return mark is not None and mark.until == stage_runs.IN_PART and mark.seq >= seq


def _is_fresh(mark: stage_runs.Mark | None, seq: int, now: datetime) -> bool:
    return mark is not None and mark.seq >= seq and now < mark.until
