"""Workload: what is due, worked through batch by batch while the mail goes out beside it.

Each batch is committed by itself; whoever dies leaves the rest due. As long as mail goes out
it is looked every second whether more has come due: nothing waits for a long delivery.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from flows import moment
from services import chasing
from services.chasing import Chased
from services.mail import delivering
from services.mail.delivering import Delivered
from services.wiring import Parts

LOOK = 1.0  # seconds between looks while mail goes out
TIME_OF_A_CHASE = timedelta(minutes=10)  # that one chase takes; what is left is the next one's
IDLE = 3  # batches in a row that come to nothing, after which it is left to the next chase
FEW = 20  # runs that whoever chased shows at once; of more the clock's rounds make a work
COUNTED = 100_000  # as many runs that are left are counted

Deliver: TypeAlias = Callable[[datetime | None, datetime | None], Awaitable[Delivered]]
"""Delivers: at the moment given if time stands still, and no longer than until then."""


class Workload:
    """What one chase does, and what it came to so far.

    `touched` are the runs that it changed, some of them where they are more than `FEW`;
    `left` is about how many runs are still due.
    """

    def __init__(
        self,
        parts: Parts,
        deliver: Deliver,
        *,
        given: datetime | None = None,
        share: timedelta = TIME_OF_A_CHASE,
        told: Callable[[Workload], None] = lambda _: None,
    ) -> None:
        """Take how to deliver; `given` is the moment for which it is, if time stands still."""
        self.parts, self._deliver, self._given, self._told = parts, deliver, given, told
        self._until = moment.now(parts.settings) + share
        self._idle = 0
        self.runs = self.notices = self.left = 0
        self.touched: set[str] = set()
        self.delivered = Delivered()

    async def work(self) -> None:
        """Issue and deliver until nothing is due, or the share is done."""
        if self._given is None:
            await self._beside()
            return
        while await self._issue(self._given):
            pass
        if delivering.is_mail_due(self.parts, self._given):
            self._add(await self._deliver(self._given, None))

    async def _beside(self) -> None:
        """Issue, and deliver beside it."""
        mailing: asyncio.Task[Delivered] | None = None
        try:
            while True:
                more = await self._issue(self._now())
                if mailing is not None and mailing.done():
                    sent = mailing.result()
                    mailing = None
                    self._add(sent)
                    if not more and (not sent.total or sent.trouble):
                        return  # nobody takes mail now, or others have the way out
                if mailing is None and self._is_mail_due():
                    mailing = asyncio.create_task(self._send())
                if more:
                    continue
                if mailing is None:
                    return
                await asyncio.wait({mailing}, timeout=LOOK)
        finally:
            if mailing is not None:
                mailing.cancel()
                await asyncio.gather(mailing, return_exceptions=True)

    async def _send(self) -> Delivered:
        return await self._deliver(None, self._until)

    async def _issue(self, now: datetime) -> bool:
        """Issue one batch; say whether there may be more to issue for us.

        In a thread of its own: mail goes on meanwhile.
        """
        if now >= self._until and self._given is None:
            return False
        if not chasing.is_anything_to_issue(self.parts, now):
            return False
        done = await asyncio.to_thread(chasing.issue_notices, self.parts, now)
        self._idle = 0 if any(one.messages or one.stages for one in done) else self._idle + 1
        self._note(done, now)
        return bool(done) and self._idle < IDLE

    def _note(self, done: list[Chased], now: datetime) -> None:
        self.runs += len(done)
        self.notices += sum(one.notices for one in done)
        self._touch({one.run for one in done if one.messages or one.stages})
        before, self.left = self.left, chasing.count_due(self.parts, now, most=COUNTED)
        if self.left or before:
            self._told(self)

    def _touch(self, runs: set[str]) -> None:
        if len(self.touched) <= FEW:
            self.touched |= runs

    def _add(self, sent: Delivered) -> None:
        into = self.delivered
        into.counts += sent.counts
        into.undeliverable += sent.undeliverable
        into.escalated += sent.escalated
        into.trouble = sent.trouble
        self._touch(sent.runs)

    def _is_mail_due(self) -> bool:
        now = self._now()
        return now < self._until and delivering.is_mail_due(self.parts, now)

    def _now(self) -> datetime:
        return moment.now(self.parts.settings)
