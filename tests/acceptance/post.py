"""Post: a mail server that stands still at the moment that the test chooses."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from email import message_from_bytes
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from flows.processes import free_port

HELLO, DOT = "hello", "dot"


class Post:
    """Takes mail and keeps it. A context manager: entered it listens."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.reached = threading.Event()
        self.peer = 0
        self._stop_at: tuple[str, int] | None = None
        self._go_on = asyncio.Event()
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)

    @property
    def settings(self) -> dict[str, str]:
        """What an office must set to send its mail here."""
        return {
            "DONDOC_SMTP_HOST": "127.0.0.1",
            "DONDOC_SMTP_PORT": str(self.port),
            "DONDOC_SMTP_TLS": "off",
        }

    @property
    def doubled(self) -> int:
        """How many copies came beyond the first of each."""
        return sum(count - 1 for count in Counter(self.ids).values())

    def stop_at(self, where: str, mail: int) -> None:
        """Stand still at the n-th mail from now on: before it begins, or after its final dot."""
        self.reached.clear()
        self._go_on = asyncio.Event()
        self._stop_at = where, len(self.ids) + mail

    def go_on(self) -> None:
        """Stand still no more."""
        self._stop_at = None
        self._controller.loop.call_soon_threadsafe(self._go_on.set)

    def who_waits(self) -> int:
        """Return the number of the process at the other end of the line."""
        [inode] = [
            line.split()[9]
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
            if int(line.split()[1].split(":")[1], 16) == self.peer
            and int(line.split()[2].split(":")[1], 16) == self.port
        ]
        for entry in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                found = entry.readlink()
            except OSError:
                continue
            if str(found) == f"socket:[{inode}]":
                return int(entry.parts[2])
        raise AssertionError("nobody holds the line")

    async def handle_MAIL(
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        """Take a sender, unless it is time to stand still."""
        await self._stand_still(HELLO, len(self.ids) + 1, session)
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the mail: from here on it is delivered, whether the sender hears of it or not."""
        assert isinstance(envelope.content, bytes)
        self.ids.append(str(message_from_bytes(envelope.content)["Message-ID"]))
        await self._stand_still(DOT, len(self.ids), session)
        return "250 OK"

    async def _stand_still(self, where: str, mail: int, session: Session) -> None:
        if self._stop_at == (where, mail):
            assert isinstance(session.peer, tuple)
            self.peer = int(session.peer[1])
            self.reached.set()
            await self._go_on.wait()

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_on()
        self._controller.stop()
