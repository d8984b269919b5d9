"""Sending: mail from the outbox to a server, beside Postfix's own source and beside the plain way.

Many runs of plan 37 have their first mail in the outbox, on SQLite. Each mail is claimed,
looked at again, rendered in both forms, put together, handed to Postfix's `smtp-sink`, and
marked, by a sender and its helper; `smtp-source` sends mail of the same size to the same sink
in the same minute. Then the sender is killed many times, and its memory watched.

DONDOC_BENCH_KILLS and DONDOC_BENCH_MAILS set how many kills and, for the memory, mails.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import shutil
import signal
import smtplib
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from benchmarks.figures import Figure, figure
from engine.contacts import Addressee
from notifiers.rendering import Mail, Rendered, render
from notifiers.wire.channel import Channel, Envelope, Outcomes, Session
from plan_definitions import Bundle
from services import chasing, runs
from services.mail import delivering, looking
from services.settings import Settings
from services.wiring import Parts, opened
from storage import outbox
from storage.outbox import Status
from storage.tables import MESSAGES
from tests.postfix import Sink, sink, source

PLAN = Path(__file__).parent.parent / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
NOW = datetime(2020, 4, 6, 8, 0, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh"))
MAILS = 8_700  # of 300 runs: the helper's start is a tenth of it, and not a third
KILLED = 2_900  # of those whose sender is killed
PLAIN = 300  # mails of the plain way, which is slow
OF_A_RUN = 29  # mails of the first morning
ROUNDS = 3
KILLS = int(os.environ.get("DONDOC_BENCH_KILLS", "20"))
WEIGHED = int(os.environ.get("DONDOC_BENCH_MAILS", str(MAILS)))
LIVES = 0.1  # seconds at most from the first mail until the kill
SETTLES = 0.05  # seconds in which the sink has read what was on its way

_FORK = multiprocessing.get_context("fork")


def sending() -> Iterator[Figure]:
    """Measure how fast mail goes out, what a kill costs, and what the sender weighs."""
    with tempfile.TemporaryDirectory() as name:
        office = _Office.filled(Path(name) / "first", MAILS)
        yield from _speed(office)
        yield _copies(_Office.filled(Path(name) / "killed", KILLED))
        if WEIGHED != MAILS:
            office = _Office.filled(Path(name) / "many", WEIGHED)
        yield _weight(office)


# ── An office with much to send ──


@dataclass(frozen=True)
class _Office:
    """A database whose outbox is full; each use is of a copy."""

    folder: Path
    mails: int

    @classmethod
    def filled(cls, folder: Path, mails: int) -> _Office:
        """Start as many runs of plan 37 as have so many mails on their first morning."""
        bundle = Bundle.read(PLAN)
        with opened(_settings(folder)) as parts:
            for number in range(-(-mails // OF_A_RUN)):
                runs.start(parts, bundle, now=NOW, by="benchmark", run=f"n{number}")
            while any(chased.notices for chased in chasing.issue_notices(parts, NOW)):
                pass
            with parts.database.reading() as connection:
                found = outbox.count(connection)
        return cls(folder, found)

    @contextmanager
    def copied(self, server: Sink) -> Iterator[Parts]:
        """Give the parts on a fresh copy, mail going to `server`."""
        with tempfile.TemporaryDirectory(dir=self.folder.parent) as name:
            shutil.copytree(self.folder, name, dirs_exist_ok=True)
            with opened(_settings(Path(name), server)) as parts:
                yield parts


def _settings(folder: Path, server: Sink | None = None) -> Settings:
    host, port = (server.host, server.port) if server else ("", 587)
    return Settings(
        home=folder,
        database_url="",
        smtp_host=host,
        smtp_port=port,
        smtp_user="",
        smtp_tls="off",
        smtp_per_minute=0,
    )


# ── How fast ──


def _speed(office: _Office) -> Iterator[Figure]:
    sample = _sample(office)
    beside_source, beside_plain, rates = [], [], []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "mail"
        file.write_bytes(sample.replace(b"\r\n", b"\n"))
        for _ in range(ROUNDS):
            with sink(keep=False) as server:
                of_source = office.mails / source(server, file, count=office.mails)
                with office.copied(server) as parts:
                    ours = _rate(office.mails, lambda: _deliver(parts))
                    _check_all_sent(parts, office.mails)
                with office.copied(server) as parts:
                    plain = _rate(PLAIN, lambda: _plainly(parts, server))
            rates.append(ours)
            beside_source.append(ours / of_source)
            beside_plain.append(ours / plain)
    yield figure("mails a second, end to end", statistics.median(rates), 0, better="higher")
    name = f"sending {len(sample) / 1000:.0f} kB mails, share of smtp-source"
    yield figure(name, statistics.median(beside_source), 0.10, better="higher")
    yield figure(
        "sending, times the plain way", statistics.median(beside_plain), 8, better="higher"
    )


def _rate(count: int, work: Callable[[], object]) -> float:
    gc.collect()
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def _deliver(parts: Parts, wrapped: Callable[[Channel], Channel] = lambda way: way) -> None:
    async def run() -> None:
        async with delivering.way_out(parts) as way:
            await delivering.deliver(parts, wrapped(way), NOW)

    asyncio.run(run())


def _check_all_sent(parts: Parts, mails: int) -> None:
    with parts.database.reading() as connection:
        sent = outbox.count_of(connection, Status.SENT)
    if sent != mails:
        raise SystemExit(f"{sent} of {mails} mails went out")


def _sample(office: _Office) -> bytes:
    """Return the mail of middle size, by delivering a copy and looking at each."""
    found: list[bytes] = []

    def look(envelope: Envelope) -> None:
        found.append(envelope.content)

    with sink(keep=False) as server, office.copied(server) as parts:
        _deliver(parts, lambda way: _Watched(way, look))
    return sorted(found, key=len)[len(found) // 2]


@dataclass(frozen=True)
class _Watched:
    """A way out that somebody looks at."""

    way: Channel
    look: Callable[[Envelope], None]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        async with self.way.session() as opened_session:
            yield _WatchedSession(opened_session, self.look)

    async def send(self, envelope: Envelope) -> Outcomes:
        self.look(envelope)
        return await self.way.send(envelope)


@dataclass(frozen=True)
class _WatchedSession:
    session: Session
    look: Callable[[Envelope], None]

    async def send(self, envelope: Envelope) -> Outcomes:
        self.look(envelope)
        return await self.session.send(envelope)


# ── The plain way: one mail after the other, each looked at, made, sent and committed ──


def _plainly(parts: Parts, server: Sink) -> None:
    with parts.database.reading() as connection:
        queued = outbox.of_run(connection)[:PLAIN]
    with smtplib.SMTP(server.host, server.port) as client:
        for message in queued:
            ready = looking.as_it_is(parts, message, NOW, was_sent=False)
            assert ready.mail is not None
            client.send_message(_email_message(render(ready.mail), ready.mail, ready.addressees))
            with parts.database.writing() as connection:
                connection.execute(
                    MESSAGES.update()
                    .where(MESSAGES.c.id == message.id)
                    .values(status=Status.SENT.value, sent_at=NOW)
                )


def _email_message(
    rendered: Rendered, mail: Mail, addressees: tuple[Addressee, ...]
) -> EmailMessage:
    above = mail.plan.agencies[mail.plan.coordinator]
    made = EmailMessage()
    made["From"] = Address(above.name, addr_spec="dondoc@tuyenquang.example")
    made["To"] = [Address(one.name, addr_spec=one.address) for one in addressees]
    made["Reply-To"] = above.email or ""
    made["Subject"] = rendered.subject
    made["Date"] = mail.as_of
    made["Message-ID"] = mail.message_id
    made["References"] = made["In-Reply-To"] = mail.thread_id
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(rendered.text)
    made.add_alternative(rendered.html, subtype="html")
    return made


# ── What a kill costs ──


@dataclass
class _Tally:
    """Copies that the sink has, and how many of them too many after each kill."""

    ids: list[str] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    _seen: set[Path] = field(default_factory=set)
    _over: int = 0

    def look(self, server: Sink) -> None:
        """Take in what came since."""
        for file, received in server.received_since(self._seen):
            self._seen.add(file)
            self.ids.append(received.message_id)

    def count(self, marked: int) -> None:
        """Whatever came and is not marked will come again."""
        over = len(self.ids) - marked
        self.extra.append(over - self._over)
        self._over = over


def _copies(office: _Office) -> Figure:
    """Kill the sender at any moment, many times; the last one finishes. Nothing may be lost."""
    drawn, tally, spent = random.Random(37), _Tally(), 0
    with sink() as server:
        while spent < KILLS:
            with office.copied(server) as parts:
                tally.ids, tally._over = [], 0
                spent += _kill_until_done(parts, server, tally, drawn, KILLS - spent)
                _lapse(parts)
                _deliver(parts)
                time.sleep(SETTLES)
                tally.look(server)
                _check_all_sent(parts, office.mails)
                lost = office.mails - len(set(tally.ids))
                if lost:
                    raise SystemExit(f"{lost} mails were lost")
    name = f"extra copies of a kill, the most of {len(tally.extra)}"
    return figure(name, max(tally.extra), 8, better="lower")


def _kill_until_done(
    parts: Parts, server: Sink, tally: _Tally, drawn: random.Random, kills: int
) -> int:
    """Kill so many senders, fewer if there is nothing left to send; return how many."""
    for done in range(kills):
        _lapse(parts)
        if _open(parts) == 0:
            return done
        begun, begins = _FORK.Pipe(duplex=False)
        child = _FORK.Process(target=_child, args=(parts.settings, begins))
        child.start()
        begun.recv()
        time.sleep(drawn.uniform(0, LIVES))
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        time.sleep(SETTLES)
        tally.look(server)
        with parts.database.reading() as connection:
            tally.count(outbox.count_of(connection, Status.SENT))
    return kills


def _child(settings: Settings, begins: multiprocessing.connection.Connection) -> None:
    def tell(_: Envelope) -> None:
        if not told:
            told.append(True)
            begins.send(True)

    told: list[bool] = []
    with opened(settings) as parts:
        _deliver(parts, lambda way: _Watched(way, tell))


def _lapse(parts: Parts) -> None:
    """Let the claims of who was killed lapse now, and not in a quarter of an hour."""
    with parts.database.writing() as connection:
        connection.execute(
            MESSAGES.update()
            .where(MESSAGES.c.status == Status.SENDING.value)
            .values(claimed_until=NOW - timedelta(seconds=1))
        )


def _open(parts: Parts) -> int:
    query = select(func.count()).where(MESSAGES.c.status != Status.SENT.value)
    with parts.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


# ── What it weighs ──


def _weight(office: _Office) -> Figure:
    """Return by how much the sender grows from a third of the mails to all of them."""
    with sink(keep=False) as server, office.copied(server) as parts:
        found, finds = _FORK.Pipe(duplex=False)
        child = _FORK.Process(target=_weighed, args=(parts.settings, office.mails, finds))
        child.start()
        grown = found.recv()
        child.join()
    name = f"growth of the sender over {office.mails:,} mails (MB)"
    return figure(name, grown, 10, better="lower")


def _weighed(settings: Settings, mails: int, finds: multiprocessing.connection.Connection) -> None:
    weights: list[float] = []

    def weigh(_: Envelope) -> None:
        weights.append(_megabytes())

    with opened(settings) as parts:
        _deliver(parts, lambda way: _Watched(way, weigh))
    third = statistics.median(weights[mails // 3 : mails // 3 + 100])
    finds.send(statistics.median(weights[-100:]) - third)


def _megabytes() -> float:
    """Return what this process and its helper have in memory."""
    own = Path(f"/proc/{os.getpid()}")
    children = (own / f"task/{own.name}/children").read_text(encoding="ascii").split()
    statms = [Path(f"/proc/{number}/statm") for number in (own.name, *children)]
    pages = sum(int(file.read_text(encoding="ascii").split()[1]) for file in statms)
    return pages * os.sysconf("SC_PAGESIZE") / 1e6
