"""Chasing: issue what is due. Read, decide purely, write, in one transaction per batch of runs.

Runs are found by when they wake, and locked so that of many who chase at once each gets
others; who dies gives them back with the transaction.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from engine import chasing as rules
from engine import news
from engine.chasing import Digest, Notice, NoticeKey
from engine.graph import SYSTEM
from engine.ledger import Entry, EntryKind, ObligationState
from engine.plan import Plan
from notifiers.digest import message_id
from services import briefing, runs
from services.mail import delivering
from services.runs import LiveRun
from services.wiring import Parts
from storage import ledger, notices, obligations, outbox, plans
from storage.notices import Kept, NoticeStatus
from storage.outbox import Queued
from storage.plans import StoredRun

log = logging.getLogger(__name__)

BATCH = 200  # runs that one transaction takes
AT_ONCE = 1_000  # obligations that one transaction is about; of a single run however many
LAP = 100  # messages of one run that go out before those of others that wait
NONE_ISSUED: frozenset[NoticeKey] = frozenset()


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
    other from its own. The briefs that are due by themselves are queued after it, so that
    they tell of it.
    """
    done, others = _chase_batch(parts, now)
    for run in others:
        with runs.passed_over(run):
            if (chased := _chase(parts, run, now)) is not None:
                done.append(chased)
    briefing.send_due(parts, now)
    return done


# ── Runs of which nothing but rungs is due: many at once ──


def _chase_batch(parts: Parts, now: datetime) -> tuple[list[Chased], list[str]]:
    """Issue the rungs due of a batch of runs in one transaction; return the runs that want more.

    A run in which a stage turns, or that has news, is folded as a whole, by itself.
    """
    with parts.database.writing() as connection:
        taken = plans.take_due(connection, now, limit=BATCH)
        plain = [stored for stored in taken if _has_only_rungs(stored, now)]
        plain = _as_many_as(AT_ONCE, plain, connection, now)
        others = [stored.id for stored in taken if not _has_only_rungs(stored, now)]
        issued = notices.keys_of_due(connection, [stored.id for stored in plain], now)
        batch = _Batch(now)
        for run, (plan, states) in runs.of_due(parts, connection, plain, now).items():
            with runs.passed_over(run):
                batch.decide(run, plan, states, issued)
        _write(parts, connection, batch)
        names = batch.decided
        plans.set_wakes(connection, names)
        for run in plans.asleep(connection, names):
            # It may be completed. Nothing would wake it for that later.
            runs.keep(connection, runs.live(parts, connection, run), [], now=now)
    done = batch.chased(names)
    _log(done)
    return done, others


def _has_only_rungs(stored: StoredRun, now: datetime) -> bool:
    return stored.news_at is None and (stored.next_turn_at is None or stored.next_turn_at > now)


def _as_many_as(
    most: int, taken: Sequence[StoredRun], connection: Connection, now: datetime
) -> list[StoredRun]:
    """Return runs with up to `most` obligations due; a larger one comes last, and alone.

    One huge run does not keep the others waiting, and no transaction becomes long for many.
    """
    counts = obligations.count_due(connection, [stored.id for stored in taken], now)
    chosen: list[StoredRun] = []
    total = 0
    for stored in sorted(taken, key=lambda one: counts[one.id] > most):
        total += counts[stored.id]
        if chosen and total > most:
            break
        chosen.append(stored)
    return chosen


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
        issued: Mapping[tuple[str, str], Set[NoticeKey]],
    ) -> None:
        """Decide about what is due of one run, and when it next wakes; all of it or nothing."""
        decisions, wakes = [], []
        for key, state in states.items():
            before = issued.get((run, key), NONE_ISSUED)
            decision = rules.decide(plan, state, issued=before, now=self.now)
            decisions.append(decision)
            after = {*before, *(one.key for one in (*decision.due, *decision.superseded))}
            wakes.append((run, key, rules.next_wake(plan, state, issued=after, now=self.now)))
        digests = rules.digests(plan, decisions, now=self.now)
        self.superseded += [(run, notice) for one in decisions for notice in one.superseded]
        self.wakes += wakes
        self.digests += [(run, digest) for digest in digests]
        self.decided.append(run)

    def chased(self, names: Sequence[str]) -> list[Chased]:
        """Say what it came to for each run."""
        counts: Counter[str] = Counter()
        mails: Counter[str] = Counter()
        for run, digest in self.digests:
            counts[run] += len(digest.notices)
            mails[run] += 1
        return [Chased(run, counts[run], mails[run], ()) for run in names]


def _write(parts: Parts, connection: Connection, batch: _Batch) -> None:
    """Write messages, notices, the ledger and the next wake-ups, each by one statement."""
    sent = _enqueue(parts, connection, batch.digests)
    carried = [
        (run, notice, number)
        for (run, digest), (number, _) in zip(batch.digests, sent, strict=True)
        for notice in digest.notices
    ]
    kept = [_superseded(run, notice) for run, notice in batch.superseded]
    kept += [Kept(run, notice, number) for run, notice, number in carried]
    notices.save(connection, kept, now=batch.now)
    told = [
        (run, _entry(EntryKind.NOTICE_SUPERSEDED, notice, batch.now))
        for run, notice in batch.superseded
    ]
    told += [
        (run, _entry(EntryKind.NOTICE_ISSUED, notice, batch.now)) for run, notice, _ in carried
    ]
    ledger.append_all(connection, told)
    obligations.set_wakes(connection, batch.wakes)


# ── Runs in which something turns: one at a time ──


def _chase(parts: Parts, run: str, now: datetime) -> Chased | None:
    """Chase one run as a whole; None where another has it just now."""
    with parts.database.writing() as connection:
        if not plans.lock(connection, run, wait=False):
            return None
        stored = plans.find_run(connection, run)
        if stored is None or stored.wakes_at is None or stored.wakes_at > now:
            return Chased(run, 0, 0, ())  # who took the same batch has seen to it meanwhile
        live = runs.live(parts, connection, run)
        turned = runs.keep(connection, live, [], now=now)
        keys = obligations.due(connection, run, now)
        issued = notices.keys(connection, run, keys)
        decisions = [
            rules.decide(live.plan, live.folding.obligations[key], issued=issued[key], now=now)
            for key in keys
        ]
        found = rules.digests(live.plan, decisions, now=now)
        waiting = _waiting_news(connection, live)
        state = live.folding.state()
        # The brief of this morning, queued right after, tells them: not twice.
        if not (waiting and briefing.is_due(parts, live, now)):
            found = news.gathered(state, found, waiting, now)
        sent = _enqueue(parts, connection, [(run, digest) for digest in found])
        outdated = [notice for decision in decisions for notice in decision.superseded]
        kept = [_superseded(run, notice) for notice in outdated]
        for digest, (number, _) in zip(found, sent, strict=True):
            kept += [Kept(run, notice, number) for notice in digest.notices]
        notices.save(connection, kept, now=now)
        told = [
            *(_entry(EntryKind.NOTICE_SUPERSEDED, notice, now) for notice in outdated),
            *(_entry(EntryKind.NOTICE_ISSUED, n, now) for digest in found for n in digest.notices),
            *(
                _news_issued(live, identity, now)
                for digest, (_, identity) in zip(found, sent, strict=True)
                if digest.news
            ),
        ]
        turned += runs.keep(connection, live, [], now=now, touched=keys, also=told)
    stages = tuple(dict.fromkeys(entry.stage for entry in turned if entry.stage))
    chased = Chased(run, sum(len(digest.notices) for digest in found), len(found), stages)
    _log([chased])
    return chased


def _superseded(run: str, notice: Notice) -> Kept:
    return Kept(run, notice, status=NoticeStatus.SUPERSEDED)


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


def _waiting_news(connection: Connection, live: LiveRun) -> list[Entry]:
    if live.news_at is None:
        return []
    return ledger.waiting_news(connection, live.stored.id, news.KINDS)


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
        queued.append(_queued(run, digest, 1, place // LAP, domain=domain, key=key, lasts=lasts))
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


def _news_issued(live: LiveRun, identity: str, now: datetime) -> Entry:
    """Return the entry that says which message tells the news that stand before it."""
    data = {"recipient": live.plan.coordinator, "message_id": identity}
    return Entry(EntryKind.NEWS_ISSUED, now, now, SYSTEM, data=data)


def _entry(kind: EntryKind, notice: Notice, now: datetime) -> Entry:
    return Entry(
        kind=kind,
        happened_at=notice.at,
        recorded_at=now,
        by=SYSTEM,
        obligation=notice.obligation,
        data={
            "rung": notice.rung,
            "round": notice.round,
            "recipient": notice.recipient,
            "reason": notice.reason.to_json(),
        },
    )
