"""Killing: a process that delivers, and is killed (SIGKILL) where it is told.

    python -m tests.services.killing DATABASE HOST PORT POINT NUMBER INSTANT

at the NUMBER-th mail or commit of marks. What it had sent and not marked goes out again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import event

from notifiers.wire.channel import Channel, Envelope, Outcomes, Session
from notifiers.wire.smtp import SmtpSession
from services.mail import delivering, marking
from services.settings import Settings
from services.wiring import Parts, opened

POINTS = ("claimed", "named", "taken", "committing", "committed")
"""Before anything is said, before DATA, after the dot, before COMMIT, and after it."""


class Dying:
    """Dies at the n-th call."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, *_: Any) -> None:
        """Count, and die when it is time."""
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Line:
    """A session on which one dies before or after a mail."""

    def __init__(self, session: Session, point: str, die: Dying) -> None:
        self.session, self.point, self.die = session, point, die

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand over, or die."""
        if self.point == "claimed":
            self.die()
        outcomes = await self.session.send(envelope)
        if self.point == "taken":
            self.die()
        return outcomes


class Way:
    """A way out over such lines."""

    def __init__(self, way: Channel, point: str, die: Dying) -> None:
        self.way, self.point, self.die = way, point, die

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Open a line."""
        async with self.way.session() as session:
            yield Line(session, self.point, self.die)

    async def send(self, envelope: Envelope) -> Outcomes:
        """Hand over on a line of its own."""
        async with self.session() as session:
            return await session.send(envelope)


def prepare(parts: Parts, point: str, die: Dying) -> None:
    """Lay the trap where it is not on the line."""
    whole = marking.mark
    if point == "named":
        hand_over = SmtpSession._hand_over

        async def dying(self: SmtpSession, *rest: Any) -> Any:
            die()
            return await hand_over(self, *rest)

        SmtpSession._hand_over = dying  # type: ignore
    elif point == "committing":

        def marked(*rest: Any) -> set[int]:
            event.listen(parts.database.engine, "commit", die)
            return whole(*rest)

        marking.mark = marked  # type: ignore
    elif point == "committed":

        def marked_whole(*rest: Any) -> set[int]:
            found = whole(*rest)
            die()
            return found

        marking.mark = marked_whole  # type: ignore


def main(database: str, host: str, port: str, point: str, number: str, instant: str) -> None:
    """Deliver what is due, and die."""
    settings = Settings(database_url=database, smtp_host=host, smtp_port=int(port), smtp_tls="off")
    die = Dying(int(number))
    with opened(settings) as parts:
        prepare(parts, point, die)

        async def run() -> None:
            async with delivering.way_out(parts) as way:
                await delivering.deliver(
                    parts, Way(way, point, die), datetime.fromisoformat(instant)
                )

        asyncio.run(run())


if __name__ == "__main__":
    main(*sys.argv[1:])
