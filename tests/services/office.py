"""Office: the parts on a folder, and the short ways to use them that the tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pytest
from sqlalchemy import event, select

from notifiers.wire.channel import Envelope, Outcome, Outcomes, Sent
from plan_definitions import Bundle
from services import chasing, recording, runs
from services.mail import delivering
from services.mail.delivering import Delivered
from services.recording import Source
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger, outbox
from storage.database import Database
from storage.outbox import Message
from storage.tables import MESSAGES, NOTICES
from tests.conformance import recorder
from tests.databases import Kind, lay
from tests.services import written as w

BY = Source("văn thư", "120/BC")
Answer: TypeAlias = Callable[[Envelope], Outcome]


class Halt(BaseException):
    """The process is killed here; nothing of ours catches it."""


@contextmanager
def office(folder: Path) -> Iterator[Parts]:
    """Open the parts on a folder, a file of SQLite in it, whatever the environment says."""
    lay(folder)
    with opened(Settings(home=folder, database_url="", mailbox=None, smtp_host="")) as parts:
        yield parts


class Offices:
    """Opens offices on one kind of database; those opened under one name share theirs."""

    def __init__(self, request: pytest.FixtureRequest, kind: Kind, folder: Path) -> None:
        self.folder = folder
        self._kind, self._opening = kind, partial(kind.ready, request)
        self._open: dict[str, str] = {}
        self._stack = ExitStack()

    @contextmanager
    def __call__(self, name: str = "home", **changes: Any) -> Iterator[Parts]:
        """Open the parts, whatever the environment says."""
        home = self.folder / name
        if name not in self._open:
            self._open[name] = self._stack.enter_context(self._opening(home))
        values = {"home": home, "mailbox": None, "smtp_host": ""}
        values["database_url"] = self._open[name]
        with opened(Settings(**{**values, **changes})) as parts:
            yield parts

    @contextmanager
    def new(self) -> Iterator[Parts]:
        """Open the parts on a database that nobody else has, and that is given back at once."""
        with TemporaryDirectory(dir=self.folder) as home, self._opening(Path(home)) as url:
            values: dict[str, Any] = {"home": Path(home), "mailbox": None, "smtp_host": ""}
            with opened(Settings(**values, database_url=url)) as parts:
                yield parts

    def __enter__(self) -> Offices:
        """Begin to open, and to note what is called."""
        self._stack.enter_context(recorder.on(self._kind.name, "services"))
        return self

    def __exit__(self, *_: object) -> None:
        """Give the databases back."""
        self._stack.close()


def start(parts: Parts, bundle: Bundle | None = None, now: datetime = w.START) -> str:
    """Start a plan, the small one unless told, and return the run."""
    return runs.start(parts, bundle or w.bundle(), now=now, by="văn thư").run


def submit(
    parts: Parts, *obligations: str, now: datetime, run: str = "nho", dated: date | None = None
) -> None:
    """Record submissions."""
    for obligation in obligations:
        recording.submit(parts, run, obligation, Source("văn thư", "1/BC", dated), now=now)


@dataclass
class Recording:
    """A way out that keeps every envelope and answers as it is told, over all its lines."""

    answer: Answer = lambda _envelope: Sent("250 OK")

    def __post_init__(self) -> None:
        self.envelopes: list[Envelope] = []

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Recording]:
        """Open one more line: they are all this one."""
        yield self

    async def send(self, envelope: Envelope) -> Outcomes:
        """Keep the envelope, then answer, the same for each of its addresses."""
        self.envelopes.append(envelope)
        return dict.fromkeys(envelope.recipients, self.answer(envelope))

    @property
    def ids(self) -> list[str]:
        """The Message-IDs that came by, in order."""
        return [envelope.message_id for envelope in self.envelopes]

    @property
    def to(self) -> list[str]:
        """The addresses that mail came by for, in order."""
        return [address for envelope in self.envelopes for address in envelope.recipients]


def deliver(
    parts: Parts, now: datetime, way: Recording | None = None, *, only: Sequence[int] | None = None
) -> Delivered:
    """Deliver what is due over a recording session."""
    return asyncio.run(delivering.deliver(parts, way or Recording(), now, only=only))


def wake(parts: Parts, now: datetime) -> list[str]:
    """Issue what is due and deliver it; return the addresses that mail went to."""
    chasing.issue_notices(parts, now)
    way = Recording()
    deliver(parts, now, way)
    return way.to


def outbox_of(parts: Parts) -> list[Message]:
    """Return every message by send time."""
    with parts.database.reading() as connection:
        return outbox.of_run(connection)


def statuses(parts: Parts) -> list[str]:
    """Return the status of every message by send time."""
    return [message.status.value for message in outbox_of(parts)]


def notice_rows(parts: Parts) -> list[Any]:
    """Return every notice with the recipient's slot of its message, in order."""
    query = (
        select(NOTICES, MESSAGES.c.slot)
        .join(MESSAGES, MESSAGES.c.id == NOTICES.c.message, isouter=True)
        .order_by(NOTICES.c.id)
    )
    with parts.database.reading() as connection:
        return list(connection.execute(query))


def kinds(parts: Parts, run: str = "nho") -> list[str]:
    """Return the kinds of the ledger's entries, in order."""
    with parts.database.reading() as connection:
        return [entry.kind.value for entry in ledger.entries(connection, run)]


@contextmanager
def killed_at(database: Database, statement: int) -> Iterator[None]:
    """Kill the process at its n-th statement, the first being 1; leave quietly if it is killed."""
    count = 0

    def listen(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == statement:
            raise Halt

    event.listen(database.engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", listen)
