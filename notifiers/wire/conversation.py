"""Conversation: commands to a mail server and its answers, in step, on a line that is open.

The library that opens a line (greets, secures it, logs in) says one command at a time, each
with a task and a timer of its own. Here several may be on their way (RFC 2920), and no answer
is taken for another's: who answers more than was asked is out of step, and is left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from aiosmtplib import SMTPReadTimeoutError, SMTPResponseException, SMTPServerDisconnected

_MOST = 128 * 1024  # octets that are kept of what nobody has heard yet
_NO_ANSWER = -1  # the code of what is none


class Answer(NamedTuple):
    """What a server said: its code, and its words, the lines of a longer one parted by \\n."""

    code: int
    message: str


class Conversation(asyncio.Protocol):
    """A line to a server that has been greeted. Whoever says a command hears its answer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._came = b""  # of a line that is not whole yet
        self._lines: list[bytes] = []  # of an answer that is not whole yet
        self._answers: deque[Answer] = deque()
        self._unheard = 0  # octets that came since the last answer was heard
        self._owed = 0  # answers that were asked for and not heard
        self._waiter: asyncio.Future[None] | None = None
        self._ended: Exception | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether anything can be said on it."""
        return self._ended is None and not self._transport.is_closing()

    @property
    def is_in_step(self) -> bool:
        """Whether the server has answered no more than it was asked."""
        waiting = len(self._answers) + bool(self._came or self._lines)
        return waiting <= self._owed

    @property
    def owes(self) -> bool:
        """Whether the server owes an answer, or one that came has not been heard."""
        return self._owed > 0

    def say(self, *commands: bytes) -> None:
        """Say commands, without their ends, all at once. Raises SMTPServerDisconnected."""
        if any(b"\r" in one or b"\n" in one for one in commands):
            raise ValueError("a command is one line")
        self._write(b"\r\n".join((*commands, b"")), len(commands))

    def give(self, text: bytes) -> None:
        """Give the text of a mail, with the dot that ends it. Raises SMTPServerDisconnected."""
        self._write(text, 1)

    def _write(self, octets: bytes, answers: int) -> None:
        if not self.is_open:
            raise SMTPServerDisconnected("Connection lost") from self._ended
        self._owed += answers
        self._transport.write(octets)

    async def hear(self, patience: float) -> Answer:
        """Return the next answer, in the order of the commands.

        Raises SMTPServerDisconnected where the line ends before it, SMTPReadTimeoutError
        after so many seconds, SMTPResponseException for what is no answer.
        """
        if not self._answers:
            await self._wait(patience)
        self._owed -= 1
        self._unheard = 0
        answer = self._answers.popleft()
        if answer.code == _NO_ANSWER:
            raise SMTPResponseException(*answer)
        return answer

    async def ask(self, command: bytes, patience: float) -> Answer:
        """Say one command and return its answer; as `say` and `hear`."""
        self.say(command)
        return await self.hear(patience)

    def close(self) -> None:
        """End it at once."""
        self._transport.close()

    async def _wait(self, patience: float) -> None:
        loop = asyncio.get_running_loop()
        if self._ended is not None:
            raise self._ended
        self._waiter = waiter = loop.create_future()
        timer = loop.call_later(patience, _give_up, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    # ── What the line tells ──

    def data_received(self, data: bytes) -> None:
        """Take in what came, answer by answer."""
        self._unheard += len(data)
        if self._unheard > _MOST:
            self._end(SMTPServerDisconnected("Response too long"))
            self._transport.abort()
            return
        *lines, self._came = (self._came + data).split(b"\n")
        for line in lines:
            self._take(line)
        if self._answers:
            self._wake(None)

    def _take(self, line: bytes) -> None:
        code = line[:3]
        if not code.isdigit():
            said = line.decode("utf-8", "replace").strip()
            self._lines = []
            self._answers.append(Answer(_NO_ANSWER, f"Malformed SMTP response line: {said}"))
            return
        self._lines.append(line[4:].strip(b" \t\r\n"))
        if line[3:4] != b"-":
            message = b"\n".join(self._lines).decode("utf-8", "surrogateescape")
            self._lines = []
            self._answers.append(Answer(int(code), message))

    def eof_received(self) -> None:
        """Note that the server says nothing more."""
        self._end(SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, error: Exception | None) -> None:
        """Note that the line is gone."""
        lost = SMTPServerDisconnected("Connection lost")
        lost.__cause__ = error
        self._end(lost)

    def _end(self, why: Exception) -> None:
        if self._ended is None:
            self._ended = why
        self._wake(why)

    def _wake(self, error: Exception | None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error is None:
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(error)


def _give_up(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_exception(SMTPReadTimeoutError("Timed out waiting for server response"))
