"""Chasing: issue what is due. Read, decide purely, write, in one transaction per batch of runs.

Runs are found by when they wake, and locked so that of many who chase at once each gets
others; who dies gives them back with the transaction. Of most runs nothing but rungs is due:
of these only what is due is read. One in which a stage turns, or that has news, is read as a
whole, in batches of its own.
"""

from __future__ import annotations

import logging
from collections import ChainMap, Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine import chasing as rules
from engine import news
from engine.chasing import Decision, Digest, Notice, NoticeKey
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind, ObligationState
from engine.plan import Plan
from notifiers.digest import message_id
from services import briefing, keeping, runs, turning
from services.keeping import NONE_ISSUED, Change, Issued, LiveRun
from services.mail import delivering
from services.wiring import Parts
from storage import ledger, notices, obligations, outbox, plans
from storage.notices import Kept, NoticeStatus
from storage.outbox import Queued
from storage.plans import StoredRun

log = logging.getLogger(__name__)

BATCH = 200  # runs that one transaction takes
MOST_DUE = 1_000  # obligations due that one transaction is about; of a single run however many
MAILS_OF_A_LAP = 100  # of one run that go out before those of others that wait


@dataclass(frozen=True, slots=True)
class Chased:
    """What a wake-up came to for one run."""

    run: str
    notices: int
    messages: int
    stages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Signs:
    """What wakes, is mailed and is briefed next, and the newest entry: whatever is done moves one.

    The brief counts by itself: its morning moves without an entry where nothing is to be said.
    """

    wakes_at: datetime | None
    mails_at: datetime | None
    brief_at: datetime | None
    entry: int


def is_anything_due(parts: Parts, now: datetime) -> bool:
    """Say whether any run wants attention at `now`, or any message is due to be tried."""
    return is_anything_to_issue(parts, now) or delivering.is_mail_due(parts, now)


def is_anything_to_issue(parts: Parts, now: datetime) -> bool:
    """Say whether any run wants attention at `now`, or any brief is due by itself."""
    if count_due(parts, now, most=1):
        return True
    brief_at = briefing.next_at(parts)
    return brief_at is not None and brief_at <= now


def count_due(parts: Parts, now: datetime, *, most: int) -> int:
    """Return how many runs want attention at `now`; of more than `most`, `most`."""
    with parts.database.reading() as connection:
        return plans.count_due(connection, now, most=most)


def next_wake(parts: Parts) -> datetime | None:
    """Return the earliest moment at which there is something to do, if ever."""
    with parts.database.reading() as connection:
        moments = [plans.next_wake(connection)]
    moments += [delivering.next_due(parts), briefing.next_at(parts)]
    return min((at for at in moments if at is not None), default=None)


def signs(parts: Parts) -> Signs:
    """Return what `next_wake` follows from: while these stay the same, so does that.

    A few looks at indexes, however many runs there are.
    """
    mails_at, brief_at = delivering.next_due(parts), briefing.next_at(parts)
    with parts.database.reading() as connection:
        return Signs(plans.next_wake(connection), mails_at, brief_at, ledger.newest(connection))


def issue_notices(parts: Parts, now: datetime) -> list[Chased]:
    """Issue notices and news due at `now`, of one batch of runs; open and close stages that turn.

    What is left of a larger morning is still due afterwards: ask again until `is_anything_due`
    says no, or nothing is returned since others have the rest. Safe to run twice, late, or
    many at once: a notice is issued once, whoever asks. A run that cannot be read keeps no
    other from its own: it is tried again later. The briefs that are due by themselves are
    queued after it, so that they tell of it.
    """
    try:
        done, others = _chase_batch(parts, now)
    except runs.UNREADABLE:  # what one statement reads of all is damaged somewhere
        done, others = [], _names_of_due(parts, now)
    done += _chase_others(parts, others, now)
    briefing.send_due(parts, now)
    return done


# ── Runs of which nothing but rungs is due: read for what is due alone ──


def _chase_batch(parts: Parts, now: datetime) -> tuple[list[Chased], list[str]]:
    """Issue the rungs due of a batch of runs in one transaction; return the runs that want more."""
    with parts.database.writing() as connection:
        taken = plans.take_due(connection, now, limit=BATCH)
        plain = [stored for stored in taken if _has_only_rungs(stored, now)]
        counts = obligations.count_due(connection, [stored.id for stored in plain], now)
        plain = turning.as_many_as(MOST_DUE, plain, counts)
        others = [stored.id for stored in taken if not _has_only_rungs(stored, now)]
        issued = notices.keys_of_due(connection, [stored.id for stored in plain], now)
        batch = _Batch(now)
        for run, (plan, states) in runs.of_due(parts, connection, plain, now).items():
            with runs.passed_over(parts, run):
                batch.decide(run, plan, states, issued)
        told = _issue(parts, connection, batch.digests, batch.superseded, now)
        ledger.append_all(connection, ((run, one) for run, mine in told.items() for one in mine))
        obligations.set_wakes(connection, batch.wakes)
        names = batch.decided
        plans.set_wakes(connection, names)
        for run in plans.asleep(connection, names):
            # It may be completed. Nothing would wake it for that later.
            keeping.keep(connection, runs.live(parts, connection, run), [], now=now)
        _put_off(connection, plain, names, now)
    done = _chased(names, batch.digests)
    _log(done)
    return done, others


def _names_of_due(parts: Parts, now: datetime) -> list[str]:
    with parts.database.writing() as connection:
        return [stored.id for stored in plans.take_due(connection, now, limit=BATCH)]


def _has_only_rungs(stored: StoredRun, now: datetime) -> bool:
    return stored.news_at is None and not turning.is_late(stored, now)


def _put_off(
    connection: Connection, taken: Sequence[StoredRun], done: Collection[str], now: datetime
) -> None:
    """Let runs that could not be read wait: they would stand before the others each time."""
    unread = [stored.id for stored in taken if stored.id not in done]
    if unread:
        plans.put_off(connection, unread, until=now + runs.UNREADABLE_FOR)


class _Batch:
    """What is decided of many runs, to be written together."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.decided: list[str] = []
        self.superseded: list[tuple[str, Notice]] = []
        self.digests: list[tuple[str, Digest]] = []
        self.wakes: list[tuple[str, str, datetime | None]] = []

    def decide(
        self,
        run: str,
        plan: Plan,
        states: Mapping[str, ObligationState],
        issued: Issued,
    ) -> None:
        """Decide about what is due of one run, and when it next wakes; all of it or nothing."""
        decisions, wakes = [], []
        for key, state in states.items():
            before = issued.get((run, key), NONE_ISSUED)
            decision = rules.decide(plan, state, issued=before, now=self.now)
            decisions.append(decision)
            after = {*before, *_keys(decision)}
            wakes.append((run, key, rules.next_wake(plan, state, issued=after, now=self.now)))
        digests = rules.digests(plan, decisions, now=self.now)
        self.superseded += [(run, notice) for one in decisions for notice in one.superseded]
        self.wakes += wakes
        self.digests += [(run, digest) for digest in digests]
        self.decided.append(run)


def _keys(decision: Decision) -> Iterator[NoticeKey]:
    return (one.key for one in (*decision.due, *decision.superseded))


# ── Runs in which something turns, or that have news: read as a whole ──


def _chase_others(parts: Parts, names: Sequence[str], now: datetime) -> list[Chased]:
    """Chase runs, as many in a transaction as it may read; where that fails, each by itself.

    Then it fails for the one run that can't be read.
    """
    done: list[Chased] = []
    left = list(names)
    while left:
        try:
            found, left = _chase_whole(parts, left, now)
            done += found
        except runs.UNREADABLE:
            for run in left:
                done += _chase_alone(parts, run, now)
            break
    return done


def _chase_alone(parts: Parts, run: str, now: datetime) -> list[Chased]:
    done: list[Chased] = []
    with runs.passed_over(parts, run):
        done, _ = _chase_whole(parts, [run], now)
        return done
    with parts.database.writing() as connection:
        plans.put_off(connection, [run], until=now + runs.UNREADABLE_FOR)
    return done


def _chase_whole(
    parts: Parts, names: Sequence[str], now: datetime
) -> tuple[list[Chased], list[str]]:
    """Chase some of these runs in one transaction; return what it came to, and the other runs.

    What others have, or have seen to meanwhile, is left to them.
    """
    with parts.database.writing() as connection:
        due = plans.take_due(connection, now, limit=len(names), only=names)
        taken = turning.as_many_as(turning.MOST_READ, due, obligations.count(connection, names))
        whole = _Whole(parts, connection, taken, now)
        for live in runs.lives(parts, connection, taken).values():
            with runs.passed_over(parts, live.stored.id):
                whole.decide(live)
        whole.write()
        _put_off(connection, taken, whole.decided, now)
    done = _chased(whole.decided, whole.digests, whole.stages)
    _log(done)
    left = {stored.id for stored in due} - {stored.id for stored in taken}
    return done, [name for name in names if name in left]


class _Whole:
    """What is decided of runs that are read as a whole, to be written together."""

    def __init__(
        self, parts: Parts, connection: Connection, taken: Sequence[StoredRun], now: datetime
    ) -> None:
        """Read what more it takes to decide, of all of them by a few statements."""
        self.parts, self.connection, self.now = parts, connection, now
        names = [stored.id for stored in taken]
        self.due = obligations.due_of(connection, names, now)
        self.issued: dict[tuple[str, str], Set[NoticeKey]] = {
            **notices.keys_of_open(connection, names)
        }
        with_news = [stored.id for stored in taken if stored.news_at is not None]
        self.waiting = ledger.waiting_news(connection, with_news, news.KINDS) if with_news else {}
        self.changes: list[Change] = []
        self.superseded: list[tuple[str, Notice]] = []
        self.digests: list[tuple[str, Digest]] = []
        self.stages: dict[str, tuple[str, ...]] = {}

    @property
    def decided(self) -> list[str]:
        """The runs that were decided."""
        return [change.name for change in self.changes]

    def decide(self, live: LiveRun) -> None:
        """Turn the stages of a run, and decide what is issued then; all of it or nothing."""
        change = Change(live)
        change.record([], self.now)
        run, plan, states = change.name, live.plan, live.folding.obligations
        issued: dict[tuple[str, str], Set[NoticeKey]] = {}
        decisions = []
        for key in self._due(change):
            before = self.issued.get((run, key), NONE_ISSUED)
            decision = rules.decide(plan, states[key], issued=before, now=self.now)
            decisions.append(decision)
            issued[run, key] = {*before, *_keys(decision)}
        found = rules.digests(plan, decisions, now=self.now)
        found = self._with_news(change, found, issued)
        self.issued |= issued
        self.superseded += [(run, notice) for one in decisions for notice in one.superseded]
        self.digests += [(run, digest) for digest in found]
        stages = dict.fromkeys(one.stage for one in change.appended if one.stage)
        self.stages[run] = tuple(stages)
        change.touched |= {key for _, key in issued}
        self.changes.append(change)

    def _due(self, change: Change) -> list[str]:
        """Return what wakes by now, by the rows or by what has just turned, in plan order."""
        due, states = set(self.due[change.name]), change.run.folding.obligations
        for key in change.changed(self.now):
            before = self.issued.get((change.name, key), NONE_ISSUED)
            wakes = rules.next_wake(change.run.plan, states[key], issued=before, now=self.now)
            if wakes is not None and wakes <= self.now:
                due.add(key)
            else:
                due.discard(key)
                change.wakes[key] = wakes
        return [key for key in states if key in due]

    def _with_news(
        self, change: Change, found: list[Digest], issued: dict[tuple[str, str], Set[NoticeKey]]
    ) -> list[Digest]:
        """Put the news that wait into the digests, unless the brief of this morning tells them.

        It is queued right after, but for a run that is completed by now: that has none.
        """
        if not change.waits():
            return found
        live, now = change.run, self.now
        after = ChainMap(issued, self.issued)
        if briefing.is_due(self.parts, live, now) and not keeping.ends(live, after, now):
            return found
        waiting = [*self.waiting.get(change.name, ()), *news.of(change.appended)]
        return news.gathered(live.folding.state(), found, waiting, now)

    def write(self) -> None:
        """Write it all, each table by one statement."""
        told = _issue(self.parts, self.connection, self.digests, self.superseded, self.now)
        for change in self.changes:
            change.appended += told.get(change.name, ())
        keeping.keep_all(self.connection, self.changes, self.issued, now=self.now)


# ── What is issued, of whichever ──


def _issue(
    parts: Parts,
    connection: Connection,
    digests: Sequence[tuple[str, Digest]],
    superseded: Sequence[tuple[str, Notice]],
    now: datetime,
) -> dict[str, list[Entry]]:
    """Write messages and notices, each by one statement; return the entries that say so, by run."""
    sent = _enqueue(parts, connection, digests)
    kept = [Kept(run, notice, status=NoticeStatus.SUPERSEDED) for run, notice in superseded]
    told: dict[str, list[Entry]] = {}
    for run, notice in superseded:
        told.setdefault(run, []).append(_entry(EntryKind.NOTICE_SUPERSEDED, notice, now))
    for (run, digest), (number, _) in zip(digests, sent, strict=True):
        kept += [Kept(run, notice, number) for notice in digest.notices]
        told.setdefault(run, []).extend(
            _entry(EntryKind.NOTICE_ISSUED, notice, now) for notice in digest.notices
        )
    for (run, digest), (_, identity) in zip(digests, sent, strict=True):
        if digest.news:
            told.setdefault(run, []).append(_news_issued(digest.recipient, identity, now))
    notices.save(connection, kept, now=now)
    return told


def _chased(
    names: Sequence[str],
    digests: Sequence[tuple[str, Digest]],
    stages: Mapping[str, tuple[str, ...]] | None = None,
) -> list[Chased]:
    """Say what it came to for each run."""
    counts: Counter[str] = Counter()
    mails: Counter[str] = Counter()
    for run, digest in digests:
        counts[run] += len(digest.notices)
        mails[run] += 1
    turned = stages or {}
    return [Chased(run, counts[run], mails[run], turned.get(run, ())) for run in names]


def _log(done: Sequence[Chased]) -> None:
    for one in done:
        if one.messages or one.stages:
            log.info(
                "run %s: %d notices in %d messages",
                one.run,
                one.notices,
                one.messages,
                extra={"action": "chased"},
            )


def _enqueue(
    parts: Parts, connection: Connection, found: Sequence[tuple[str, Digest]]
) -> list[tuple[int, str]]:
    """Put digests into the outbox, each with its run; return their numbers and Message-IDs."""
    settings = parts.settings
    domain, key, lasts = settings.mail_domain, settings.mail_key, settings.mail_expires
    laps: dict[str, int] = {}
    queued = []
    for run, digest in found:
        laps[run] = place = laps.get(run, -1) + 1
        lap = place // MAILS_OF_A_LAP
        queued.append(_queued(run, digest, 1, lap, domain=domain, key=key, lasts=lasts))
    numbers = outbox.enqueue_all(connection, queued)
    sent = []
    for one, (run, digest) in zip(queued, found, strict=True):
        if one.message_id not in numbers:  # its slot has a message already: the next part of it
            part = outbox.next_part(connection, run, digest.recipient, digest.slot)
            one = _queued(run, digest, part, one.lap, domain=domain, key=key, lasts=lasts)
            numbers[one.message_id] = outbox.enqueue(connection, one)
        sent.append((numbers[one.message_id], one.message_id))
    return sent


def _queued(
    run: str, digest: Digest, part: int, lap: int, *, domain: str, key: str, lasts: timedelta
) -> Queued:
    identity = message_id(run, digest.recipient, digest.slot, part=part, domain=domain, key=key)
    return Queued(
        run=run,
        recipient=digest.recipient,
        slot=digest.slot,
        part=part,
        send_at=digest.send_at,
        kind=digest.kind.word,
        message_id=identity,
        expires_at=digest.send_at + lasts,
        lap=lap,
    )


def _news_issued(recipient: str, identity: str, now: datetime) -> Entry:
    """Return the entry that says which message tells the news that stand before it."""
    data = {"recipient": recipient, "message_id": identity}
    return Entry(EntryKind.NEWS_ISSUED, now, now, SYSTEM, data=data)


def _entry(kind: EntryKind, notice: Notice, now: datetime) -> Entry:
    return Entry(
        kind=kind,
        happened_at=notice.at,
        recorded_at=now,
        by=SYSTEM,
        obligation=notice.obligation,
        data=notice.data,
    )
