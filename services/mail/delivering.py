"""Delivering: drain the outbox. Claim, look again whether it is still true, word, send, mark.

A message is claimed under a lease. Killed between the final dot and the mark, it is sent
once more under the same Message-ID: at least once, and at most `UNMARKED` extra copies per
kill. A server that is down costs one attempt, not one for every message.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from notifiers.wire.channel import (
    Channel,
    Outcome,
    Outcomes,
    Refused,
    Session,
    TryLater,
    Unknown,
)
from notifiers.wire.mailbox import MailboxServer
from notifiers.wire.smtp import SmtpChannel, SmtpSettings
from services.mail import doubts, marking, pacing
from services.mail.doubts import Doubts
from services.mail.helper import Helper, helped
from services.mail.marking import Tried
from services.mail.preparing import Prepared, Preparer
from services.settings import Settings
from services.wiring import Parts
from storage import outbox, relays
from storage.outbox import Message, Status

log = logging.getLogger(__name__)

BATCH = 24  # messages of one claim
FIRST = 4  # of the first one
LARGEST = 96  # of one where those before went out quickly: a claim costs a commit
QUICK = 1.0  # seconds
OWN = 8  # that the sender prepares itself where all lines would wait for the helper
UNMARKED = 8  # mails on their way or taken by the server and not marked yet
LINGER = 0.01  # seconds that a mark waits for others, to share their commit
LEASE = timedelta(minutes=15)
"""Longer than the 10 minutes of RFC 5321 §4.5.3.2.6 for the final dot."""
HEARD = timedelta(minutes=2)
"""For how long a line that has not renewed its claim still counts among the connections: who was
killed keeps the others from the server no longer than that."""
RENEWED = timedelta(minutes=1)  # how often a claim is renewed while its mail is on its way
FRESH = 2.0  # seconds that a look at a message holds; a slow server makes for another
GRACE = 5.0  # seconds that mails on their way get where a delivery is broken off
RIDDLES = 5  # mails in a row that a server did not answer to, until it is left alone
MARKS = 3  # times that a mark is tried where the database does not take it
MUCH = 200  # messages due from which on a helper is worth its start
FAST = 20_000  # mails a minute that one process sends without a helper
PATIENCE = timedelta(minutes=1)  # that one delivery goes on at the server's rate
LONG_AGO = datetime.min.replace(tzinfo=UTC)

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """A message that was given up: its number, to whom it was, and why."""

    run: str
    message: int
    recipient: str
    why: str


@dataclass
class Delivered:
    """How a delivery went: how many messages came to which status, and of which runs.

    `escalated` are the numbers of the escalations that reached somebody; `trouble` is why the
    mail server as a whole is left alone for now.
    """

    counts: Counter[Status] = field(default_factory=Counter)
    runs: set[str] = field(default_factory=set)
    undeliverable: list[Undeliverable] = field(default_factory=list)
    escalated: list[int] = field(default_factory=list)
    trouble: str = ""

    @property
    def total(self) -> int:
        """How many messages were handled."""
        return self.counts.total()

    def note(self, tried: Tried) -> None:
        """Add what a try came to."""
        message, verdict = tried.ready.message, tried.verdict
        self.counts[verdict.status] += 1
        self.runs.add(message.run)
        if verdict.status is Status.UNDELIVERABLE:
            self.give_up(message, verdict.detail)
        if verdict.reaches and message.kind == "escalate":
            self.escalated.append(message.id)

    def give_up(self, message: Message, why: str) -> None:
        """Add a message that nothing more is done about."""
        self.undeliverable.append(Undeliverable(message.run, message.id, message.recipient, why))


@asynccontextmanager
async def way_out(parts: Parts) -> AsyncIterator[Channel]:
    """Open the way that mail takes: the configured server, else the local mailbox.

    Without a server configured an embedded one answers on the loopback address for as
    long as the channel is open, files what it gets into a Maildir, and sends nothing on.
    """
    settings = parts.settings
    if settings.smtp_host:
        yield SmtpChannel(smtp_settings(settings))
        return
    with MailboxServer(settings.mailbox_folder) as mailbox:
        yield SmtpChannel(SmtpSettings(host=mailbox.host, port=mailbox.port, tls="off"))


def smtp_settings(settings: Settings) -> SmtpSettings:
    """Return how the configured mail server is spoken to."""
    user, password = settings.smtp_login or (None, None)
    return SmtpSettings(
        host=settings.smtp_host,
        port=settings.smtp_port,
        username=user,
        password=password,
        tls=settings.smtp_tls,
    )


def next_due(parts: Parts) -> datetime | None:
    """Return when a message is next to be tried, by its own time and by the mail server's."""
    with parts.database.reading() as connection:
        at = outbox.next_due(connection)
        if at is None:
            return None
        relay = relays.find(connection, parts.settings.relay)
        free_at = _free_at(connection, parts.settings)
    ready_at = pacing.ready_at(relay, at, per_minute=parts.settings.smtp_per_minute)
    return max(ready_at, free_at)


def _free_at(connection: Connection, settings: Settings, *, but: str = "") -> datetime:
    """Return since when, or from when on, the mail server has a connection to spare.

    The line `but` has one already, though what it has sent is not marked yet.
    """
    heard = [until - LEASE + HEARD for until in outbox.holders(connection, but=but)]
    taken = len(heard) - settings.smtp_connections
    return heard[taken] if taken >= 0 else LONG_AGO


def is_mail_due(parts: Parts, now: datetime) -> bool:
    """Say whether any message is due to be tried at `now`."""
    at = next_due(parts)
    return at is not None and at <= now


def free_held(parts: Parts, now: datetime) -> bool:
    """Free what a clock that was set back would hold until then: claims, and the mail server.

    What holds for longer than it can was written by a clock that was ahead, or is a day old by
    a clock that went back. Return whether there was any.
    """
    beyond = now + LEASE + pacing.SKEW
    with parts.database.reading() as connection:
        held = max(outbox.holders(connection), default=now) > beyond
        met = relays.every(connection)
    if not held and all(pacing.possible(one, now) == one for one in met):
        return False
    with parts.database.writing() as connection:
        lapsed = outbox.lapse(connection, beyond=beyond, at=now)
        for name in (one.name for one in met):
            relay = relays.held(parts.database, connection, name)
            relays.keep(connection, pacing.possible(relay, now))
    said = "the clock was set back: %d claims on mail have lapsed, the mail server is free"
    log.warning(said, lapsed, extra={"action": "clock-set-back"})
    return True


async def deliver(
    parts: Parts,
    way: Channel,
    now: datetime,
    *,
    only: Sequence[int] | None = None,
    clock: Clock | None = None,
    until: datetime | None = None,
) -> Delivered:
    """Send every message that is due at `now`, of `only` if given. Safe to run twice or at once.

    `clock` tells the time while a long delivery goes on; without one it stays `now`. From
    `until` on nothing more is claimed.
    """
    free_held(parts, now)
    is_live = clock is not None
    drain = _Drain(parts, way, clock or (lambda: now), only, is_live=is_live, until=until)
    async with AsyncExitStack() as stack:
        if only is None and _is_help_worth_it(parts, now):
            drain.helper = await stack.enter_async_context(helped(parts.settings))
        await drain.run()
    delivered = drain.delivered
    if delivered.total:
        log.info("outbox: %s", dict(delivered.counts), extra={"action": "delivered"})
    if delivered.trouble:
        log.warning("mail server: %s", delivered.trouble, extra={"action": "relay-failed"})
    return delivered


def _is_help_worth_it(parts: Parts, now: datetime) -> bool:
    """Say whether much is due, to a server that may be given it fast."""
    if 0 < parts.settings.smtp_per_minute < FAST:
        return False
    with parts.database.reading() as connection:
        return outbox.count_due(connection, now, most=MUCH) >= MUCH


class _Drain:
    """One delivery: several lines to the server, one hand that marks."""

    def __init__(
        self,
        parts: Parts,
        way: Channel,
        clock: Clock,
        only: Sequence[int] | None,
        *,
        is_live: bool,
        until: datetime | None,
    ) -> None:
        self.parts, self.way, self.clock, self.only = parts, way, clock, only
        self.delivered = Delivered()
        self._is_live, self._began = is_live, clock()
        self._until = until
        self._turn: datetime | None = None  # when the rate allows one more
        self.relay = parts.settings.relay
        self.preparer = Preparer(parts)
        self.helper: Helper | None = None
        self._unmarked = asyncio.Semaphore(UNMARKED)
        self._tried: asyncio.Queue[Tried | None] = asyncio.Queue()
        self._alive = asyncio.Event()
        self._failed = False
        self._probing = False
        self._probed_until: datetime | None = None
        self._under_way: dict[int, Message] = {}
        self._riddles = 0
        self._doubts = Doubts(parts)
        self._again = False  # something was refused that another address may take

    async def run(self) -> None:
        """Drain the outbox: first all but the briefs, which tell what the others told."""
        self._expire()
        for briefs in (False, True):
            self._again = True
            while self._again and not self._failed:
                self._again = False
                await self._drain(briefs)

    def _expire(self) -> None:
        now = self.clock()
        while expired := marking.expire(self.parts, now, limit=BATCH):
            for message in expired:
                self.delivered.counts[message.status] += 1
                self.delivered.runs.add(message.run)
                if message.status is Status.EXPIRED:
                    self.delivered.give_up(message, message.error)

    async def _drain(self, briefs: bool) -> None:
        """Let all lines send, and one hand mark. What has gone out is marked, whatever happens."""
        self._alive.clear()
        marker = asyncio.create_task(self._mark_all())
        renewer = asyncio.create_task(self._renew())
        numbers = range(self.parts.settings.smtp_connections)
        lines = [asyncio.create_task(self._line(briefs, first=not number)) for number in numbers]
        try:
            await asyncio.wait(lines)
        except asyncio.CancelledError:
            self._stop()
            await asyncio.wait(lines, timeout=GRACE)
            raise
        finally:
            for line in lines:
                line.cancel()
            ended = await asyncio.gather(*lines, return_exceptions=True)
            renewer.cancel()
            self._tried.put_nowait(None)
            await marker
        for error in ended:  # of several lines that fail one story will do
            if isinstance(error, BaseException):
                raise error

    def _stop(self) -> None:
        """Begin no mail any more; those on their way are seen through."""
        self._failed = True
        self._alive.set()

    async def _line(self, briefs: bool, *, first: bool) -> None:
        """Send over one connection, claim by claim. The others wait whether the first answers."""
        if not first:
            await self._alive.wait()
        name, most = uuid4().hex, BATCH
        try:
            async with self.way.session() as session:
                while not self._failed and not self._is_over():
                    if batch := self._claim(name, briefs, most):
                        began = time.monotonic()
                        await self._send_all(session, batch)
                        is_quick = time.monotonic() - began < QUICK
                        most = min(2 * most, LARGEST) if is_quick else BATCH
                        await self._after_probe()
                    elif not await self._waits_for_its_turn():
                        break
        except Exception:
            self._stop()  # not by cancelling: a mail cut off at the dot would go out twice
            raise
        finally:
            self._alive.set()

    def _is_over(self) -> bool:
        return self._until is not None and self.clock() >= self._until

    async def _waits_for_its_turn(self) -> bool:
        """Wait until the server's rate allows one more, if that is soon; say whether it is.

        A run for each mail would else fill the operator's list.
        """
        turn, now = self._turn, self.clock()
        if turn is None or not self._is_live or turn > self._began + PATIENCE:
            return False
        if not is_mail_due(self.parts, turn):
            return False
        await asyncio.sleep(max((turn - now).total_seconds(), 0))
        return True

    async def _after_probe(self) -> None:
        """Wait until it is written that the server is well: who claims before finds it dead."""
        if not self._probing or self._failed:
            return
        for _ in range(UNMARKED):
            await self._unmarked.acquire()
        self._release(UNMARKED)
        if self._failed:
            return
        self._end_probe()
        self._probing = False
        self._alive.set()

    def _end_probe(self) -> None:
        """Let the server be tried with another mail where this one was not for sending."""
        with self.parts.database.writing() as connection:
            relay = relays.held(self.parts.database, connection, self.relay)
            if relay.failures and relay.open_until == self._probed_until:
                relays.keep(connection, pacing.untried(relay, self.clock()))

    def _release(self, count: int) -> None:
        for _ in range(count):
            self._unmarked.release()

    def _claim(self, name: str, briefs: bool, most: int) -> list[Message]:
        """Claim what the server may be given now, up to `most`."""
        settings, now = self.parts.settings, self.clock()
        with self.parts.database.writing() as connection:
            relay = relays.held(self.parts.database, connection, self.relay)
            # A server that has not answered yet, and may hang, holds few of them.
            most = most if self._alive.is_set() else FIRST
            wanted = pacing.room(relay, now, wanted=most, per_minute=settings.smtp_per_minute)
            self._turn = None
            if not wanted and not relay.failures and settings.smtp_per_minute:
                self._turn = pacing.ready_at(relay, now, per_minute=settings.smtp_per_minute)
            if not wanted or _free_at(connection, settings, but=name) > now:
                return []
            claimed = outbox.claim(
                connection,
                now,
                lease=LEASE,
                limit=wanted,
                by=name,
                briefs=briefs,
                only=self.only,
            )
            after = pacing.taken(relay, now, len(claimed), per_minute=settings.smtp_per_minute)
            if claimed and after != relay:
                relays.keep(connection, after)
            if claimed and relay.failures:
                self._probing, self._probed_until = True, after.open_until
                self._doubts.is_distrusted = doubts.is_distrusted(relay.why)
        return claimed

    async def _send_all(self, session: Session, batch: Sequence[Message]) -> None:
        left = list(batch)
        try:
            await self._send_each(session, left)
        except (Exception, asyncio.CancelledError):
            self._give_back(left)
            raise
        self._give_back(left)

    async def _prepare(self, messages: Sequence[Message], now: datetime) -> list[Prepared]:
        """Prepare messages: by the helper if there is one, or by ourselves.

        Where every other line waits for the helper there is nothing to send: a few are then
        prepared here. The rest is asked for when these have gone out.
        """
        if self.helper is None or not self.helper.is_there:
            return self.preparer.prepare(messages, now)
        if self.helper.waiting >= max(self.parts.settings.smtp_connections - 1, 1):
            return self.preparer.prepare(messages[:OWN], now)
        found = await self.helper.prepare(messages, now)
        return self.preparer.prepare(messages, now) if found is None else found

    async def _send_each(self, session: Session, left: list[Message]) -> None:
        """Send what is `left` of a claim, one by one, until told to stop."""
        prepared: deque[Prepared] = deque()
        looked_at = 0.0
        while left and not self._failed:
            if not prepared:
                prepared = deque(await self._prepare(left, self.clock()))
                looked_at = time.monotonic()
            await self._unmarked.acquire()
            ready = tried = None
            try:
                if self._failed:
                    return
                if time.monotonic() - looked_at > FRESH:
                    prepared = deque(self.preparer.prepare(left, self.clock()))
                    looked_at = time.monotonic()
                ready = prepared.popleft()
                left.remove(ready.message)
                if not self._is_held(ready.message):
                    continue
                self._under_way[ready.message.id] = ready.message
                outcomes = await self._try(session, ready)
                tried = marking.tried(self.parts, ready, outcomes, self.clock())
                self._tried.put_nowait(tried)
                self._heed(outcomes)
                if self._doubts.hear(tried):
                    self._stop()
            finally:
                if tried is None:  # else whoever marks it does
                    self._unmarked.release()
                if ready is not None:
                    self._under_way.pop(ready.message.id, None)

    async def _renew(self) -> None:
        """Make claims longer while their mails are on their way: nobody else sends them."""
        while True:
            await asyncio.sleep(RENEWED.total_seconds())
            with suppress(OperationalError), self.parts.database.writing() as connection:
                for message in list(self._under_way.values()):
                    outbox.renew(connection, message, self.clock() + LEASE)

    def _is_held(self, message: Message) -> bool:
        """Say whether a claim still holds; one that is a while old is renewed.

        It is good for longer than one mail may take, so that nobody else sends it meanwhile.
        """
        now = self.clock()
        if message.claimed_until is None or now + LEASE - RENEWED < message.claimed_until:
            return True
        with self.parts.database.writing() as connection:
            return outbox.renew(connection, message, now + LEASE)

    def _give_back(self, messages: Sequence[Message]) -> None:
        if not messages:
            return
        with self.parts.database.writing() as connection:
            outbox.release(connection, messages, at=self.clock())

    async def _try(self, session: Session, ready: Prepared) -> Outcomes:
        """Send. A mail that can't be made goes to a person, not before the others."""
        if ready.fault is not None:
            number, fault = ready.message.id, ready.fault
            said = "message %s can't be made\n%s"
            log.error(said, number, fault.trace, extra={"action": "mail-failed"})
            return dict.fromkeys(ready.open_addresses, Refused(fault.why))
        if ready.envelope is None:
            return {}
        return await session.send(ready.envelope)

    def _heed(self, outcomes: Mapping[str, Outcome]) -> None:
        """Stop where the server as a whole is in trouble; else let the other lines begin."""
        trouble = _trouble(outcomes) or self._riddle(outcomes)
        if trouble is None:
            if not self._probing:
                self._alive.set()
        elif not self._failed:
            self._failed = True
            self.delivered.trouble = trouble

    def _riddle(self, outcomes: Mapping[str, Outcome]) -> str | None:
        """Return why the server is left alone that again and again does not answer to a mail.

        Each may have been taken, so that each that is tried may arrive twice.
        """
        unknown = next((one for one in outcomes.values() if isinstance(one, Unknown)), None)
        if unknown is None:
            self._riddles = 0 if outcomes else self._riddles
            return None
        self._riddles += 1
        if self._failed or (self._riddles < RIDDLES and not self._probing):
            return None
        with self.parts.database.writing() as connection:
            relay = relays.held(self.parts.database, connection, self.relay)
            relays.keep(connection, pacing.failed(relay, unknown.reason, self.clock()))
        return unknown.reason

    async def _gather(self) -> list[Tried | None]:
        """Return what to mark together: as much as may be unmarked, or what came in a moment.

        A commit costs as much for one as for several.
        """
        found = [await self._tried.get()]
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while len(found) < UNMARKED and found[-1] is not None:
                    found.append(await self._tried.get())
        while not self._tried.empty():
            found.append(self._tried.get_nowait())
        return found

    async def _marked(self, found: Sequence[Tried]) -> set[int]:
        """Mark, again where the database does not take it: what is not marked goes out again.

        Not in a thread: it and the lines would only take the interpreter from each other.
        """
        for left in reversed(range(MARKS)):
            try:
                return marking.mark(self.parts, found, self.relay, self.clock())
            except OperationalError:
                if not left:
                    raise
                await asyncio.sleep(1.0)
        raise AssertionError("unreachable")

    async def _mark_all(self) -> None:
        """Write what became of mails, as many in one commit as are there."""
        ending = False
        while not ending:
            gathered = await self._gather()
            ending = None in gathered
            tried = [one for one in gathered if one is not None]
            found = self._doubts.sift(tried, self.clock(), ending=ending)
            if self._doubts.trouble and not self.delivered.trouble:
                self.delivered.trouble = self._doubts.trouble
                self._stop()
            # What is held back was refused: nobody gets a copy more where it is never marked.
            if not found:
                self._release(len(tried))
                continue
            try:
                counted = await self._marked(found)
            except BaseException:
                # No line may wait for a hand that marks no more.
                self._stop()
                self._release(UNMARKED + self.parts.settings.smtp_connections)
                raise
            self._release(len(tried))
            for one in found:
                if one.ready.message.id in counted:
                    self.delivered.note(one)
                    self._again = self._again or one.verdict.is_for_another


def _trouble(outcomes: Mapping[str, Outcome]) -> str | None:
    """Return what is wrong with the server as a whole, if an answer says so."""
    for outcome in outcomes.values():
        if isinstance(outcome, TryLater) and outcome.of_relay:
            return outcome.reason
    return None
