"""Helper: a second process that prepares mail while this one sends it.

Python computes on one core at a time; wording a mail takes as long as sending and marking it.
The helper only reads the database, so it takes no lock that a sender waits for. Requests and
answers go through its standard input and output, each a pickle behind its length. It ends with
its input, so nobody who is killed leaves one behind; where it fails, the sender prepares by
itself: nothing depends on it but the pace. What it logs stands in the sender's standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import logging
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from engine.contacts import Addressee
from notifiers.wire.channel import Envelope
from services.mail.looking import Hours
from services.mail.preparing import Prepared, Preparer
from services.settings import Settings
from services.wiring import opened
from storage.outbox import Message

log = logging.getLogger("services.mail.helper")  # the helper itself runs as __main__

PATIENCE = 60.0  # seconds after which a helper that does not answer is given up
_LOGGED = "%(asctime)s %(levelname)s %(name)s %(message)s"
_SIZE = 4  # bytes of a length
_BUFFER = 1 << 20  # bytes that an answer may wait in
_OBJECTS = 50_000  # made before the collector looks at the youngest: mail makes many and no circles


@asynccontextmanager
async def helped(settings: Settings) -> AsyncIterator[Helper]:
    """Have a helper for as long as the context is open."""
    helper = Helper(settings)
    running = asyncio.create_task(helper.run())
    try:
        yield helper
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


class Helper:
    """The sender's end. It starts in the background: until it is there, nothing waits for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.process: Process | None = None
        self._asked: deque[asyncio.Future[list[Prepared] | None]] = deque()
        self._there = asyncio.Event()

    @property
    def is_there(self) -> bool:
        """Whether it has started, and has not failed since."""
        return self._there.is_set()

    async def started(self) -> None:
        """Wait until it is there."""
        await self._there.wait()

    async def prepare(self, messages: Sequence[Message], now: datetime) -> list[Prepared] | None:
        """Have messages prepared; None where the helper is not there, or fails."""
        if not self.is_there or self.process is None or self.process.stdin is None:
            return None
        answer: asyncio.Future[list[Prepared] | None] = asyncio.get_running_loop().create_future()
        self._asked.append(answer)
        self.process.stdin.write(_packed((list(messages), now)))
        try:
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError:
            log.warning("the helper does not answer", extra={"action": "helper-hangs"})
            self._give_up()
            return None

    async def run(self) -> None:
        """Start the helper, and pass its answers on until it ends or this is cancelled."""
        try:
            self.process = process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", __name__),
                stdin=PIPE,
                stdout=PIPE,
                limit=_BUFFER,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for the sender to heed
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(_packed(self._settings))
            while True:
                found = await _unpacked(process.stdout)
                if self.is_there:
                    self._answer(found)
                self._there.set()
        except Exception as error:
            log.warning(
                "mail is prepared without a helper: %r", error, extra={"action": "helper-ended"}
            )
        finally:
            self._give_up()
            if self.process is not None:
                await self.process.wait()

    def _answer(self, found: list[Prepared] | None) -> None:
        """Pass an answer on to who asked first, unless nobody waits for it any more."""
        answer = self._asked.popleft()
        if not answer.done():
            answer.set_result(found)

    def _give_up(self) -> None:
        """Do without it from now on; it holds nothing that it could leave undone."""
        self._there.clear()
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        while self._asked:
            self._answer(None)


def _environment() -> dict[str, str]:
    """Return an environment in which modules are found where this process finds them."""
    places = [place or str(Path.cwd()) for place in sys.path]
    return os.environ | {"PYTHONPATH": os.pathsep.join(places)}


_Apart: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


def _taken_apart(kind: type[Any]) -> Callable[[Any], _Apart]:
    """Return how a value of a dataclass is pickled: as a call with its fields.

    What pickle does of itself with one that is frozen costs ten times as much.
    """
    values = attrgetter(*(one.name for one in fields(kind)))
    return lambda one: (kind, values(one))


_APART: Mapping[type, Callable[[Any], _Apart]] = {
    one: _taken_apart(one) for one in (Addressee, Envelope, Hours, Message, Prepared)
}


def _packed(value: Any) -> bytes:
    into = io.BytesIO()
    into.write(bytes(_SIZE))
    pickler = pickle.Pickler(into, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _APART
    pickler.dump(value)
    into.seek(0)
    into.write((into.getbuffer().nbytes - _SIZE).to_bytes(_SIZE, "big"))
    return into.getvalue()


async def _unpacked(stream: asyncio.StreamReader) -> Any:
    size = int.from_bytes(await stream.readexactly(_SIZE), "big")
    return pickle.loads(await stream.readexactly(size))  # noqa: S301 (our own child's)


# ── The helper's end ──


def main() -> None:
    """Answer requests until there are no more."""
    logging.basicConfig(level=logging.WARNING, format=_LOGGED)
    requests = sys.stdin.buffer
    answers = os.fdopen(_widened(os.dup(sys.stdout.fileno())), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what anything prints is no answer
    with contextlib.suppress(EOFError, BrokenPipeError):
        settings = _read(requests)
        with opened(settings, who="helper") as parts:
            gc.set_threshold(_OBJECTS)
            preparer = Preparer(parts)
            _write(answers, None)
            while True:
                messages, now = _read(requests)
                _write(answers, _tried(preparer, messages, now))


def _widened(pipe: int) -> int:
    """Make room in a pipe for a whole answer, where the system can: who writes it waits less."""
    if sys.platform == "linux":
        import fcntl  # there is none on Windows

        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _BUFFER)
    return pipe


def _tried(preparer: Preparer, messages: Sequence[Message], now: datetime) -> list[Prepared] | None:
    """Prepare; None where that fails as a whole: the sender meets the same, and says it."""
    try:
        return preparer.prepare(messages, now)
    except Exception:
        log.exception("mail can't be prepared", extra={"action": "helper-failed"})
        return None


def _read(stream: BinaryIO) -> Any:
    size = stream.read(_SIZE)
    content = stream.read(int.from_bytes(size, "big"))
    if len(size) < _SIZE or not content:
        raise EOFError
    return pickle.loads(content)  # noqa: S301 (our own parent's)


def _write(stream: BinaryIO, value: Any) -> None:
    stream.write(_packed(value))
    stream.flush()


if __name__ == "__main__":
    main()
