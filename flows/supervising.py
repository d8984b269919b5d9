"""Supervising: children are started again when they end, and when they hang."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from flows.processes import Child

log = logging.getLogger(__name__)

Tell = Callable[..., None]
"""Says a sentence of the catalogue to the person at the terminal."""


@dataclass(frozen=True)
class Pace:
    """How often a child is looked at, and how long is too long. All in seconds."""

    look_every: float = 0.5
    first_wait: float = 1.0  # before it is started again; twice as long each time
    longest_wait: float = 60.0
    settled_after: float = 60.0  # one that ran for so long is not to blame for its last end
    ask_every: float = 5.0
    silent_for: float = 60.0  # without an answer it hangs


@dataclass
class Watched:
    """A child under watch. `answers` asks whether it does its work; without, living is enough."""

    child: Child
    tell: Tell
    answers: Callable[[], Awaitable[bool]] | None = None
    pace: Pace = field(default_factory=Pace)
    restarts: int = 0
    _quick: int = 0

    async def keep(self) -> None:
        """Keep it running until cancelled."""
        while True:
            began = time.monotonic()
            hangs = await self._until_it_ends()
            if time.monotonic() - began > self.pace.settled_after:
                self._quick = 0
            wait = min(self.pace.first_wait * 2**self._quick, self.pace.longest_wait)
            self._quick += 1
            self._say(hangs, wait)
            await self.child.stop()
            await asyncio.sleep(wait)
            self.child.start()
            self.restarts += 1

    async def _until_it_ends(self) -> bool:
        """Return when it has ended, or hangs; say whether it hangs."""
        answered = asked = time.monotonic()
        while self.child.is_running:
            await asyncio.sleep(self.pace.look_every)
            if self.answers is None or time.monotonic() - asked < self.pace.ask_every:
                continue
            if await self.answers():
                answered = time.monotonic()
            asked = time.monotonic()
            if asked - answered > self.pace.silent_for and self.child.is_running:
                return True
        return False

    def _say(self, hangs: bool, wait: float) -> None:
        what = "up.hangs" if hangs else "up.ended"
        log.warning("%s %s", self.child.name, what, extra={"action": "child-ended"})
        self.tell(what, name=self.child.name, seconds=round(wait), log=str(self.child.log_file))
