"""Claiming: whether many workers on one PostgreSQL claim as quickly as one, and nothing twice.

Workers are processes. Each claims messages that are due as delivering does, or plan runs as
chasing does, commits, and goes on until none is left.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from sqlalchemy import text

from benchmarks.figures import Figure, figure
from services.mail.delivering import BATCH, LEASE
from storage import outbox, plans, sets
from storage.database import Database
from storage.tables import MESSAGES, PLAN_RUNS, PLAN_VERSIONS
from tests import postgres

MESSAGES_DUE = 24_000
RUNS_DUE = 6_000
WORKERS = 8
TIMES = 3
RUNS_AT_ONCE = 20
MORNING = datetime(2026, 5, 11, 1, tzinfo=UTC)
_FORK = multiprocessing.get_context("fork")

Claim: TypeAlias = Callable[[Database, str], list[Any]]
"""Claims once, in a transaction of its own, and returns the names of what it got."""


def claiming() -> Iterator[Figure]:
    """Measure one worker beside eight."""
    with postgres.serve() as server, server.database() as url:
        named = url.render_as_string(hide_password=False)
        for what, claim in (("messages", _messages), ("plan runs", _plan_runs)):
            times: dict[int, list[float]] = {1: [], WORKERS: []}
            for _ in range(TIMES):
                for workers, found in times.items():
                    found.append(_seconds(named, workers, claim))
            one, many = (statistics.median(found) for found in times.values())
            name = f"claims of {what}, {WORKERS} workers, share of one, postgresql"
            yield figure(name, one / many, 0.9, better="higher")


def _messages(database: Database, by: str) -> list[Any]:
    with database.writing() as connection:
        claimed = outbox.claim(connection, MORNING, lease=LEASE, limit=BATCH, by=by)
    return [one.id for one in claimed]


def _plan_runs(database: Database, _by: str) -> list[Any]:
    """Take runs, and let nothing wake them any more."""
    with database.writing() as connection:
        taken = plans.take_due(connection, MORNING, limit=RUNS_AT_ONCE)
        plans.set_wakes(connection, [stored.id for stored in taken])
    return [stored.id for stored in taken]


def _seconds(url: str, workers: int, claim: Claim) -> float:
    """Return how long so many workers take for all there is. Exits where one was claimed twice."""
    _fill(url)
    ends = [_FORK.Pipe() for _ in range(workers)]
    started = [
        _FORK.Process(target=_work, args=(url, f"w{number}", claim, theirs))
        for number, (_, theirs) in enumerate(ends)
    ]
    for process in started:
        process.start()
    for ours, _ in ends:
        ours.recv()  # it is connected
    began = time.perf_counter()
    for ours, _ in ends:
        ours.send("go")
    claimed = [name for ours, _ in ends for name in ours.recv()]
    spent = time.perf_counter() - began
    for process in started:
        process.join()
    wanted = MESSAGES_DUE if claim is _messages else RUNS_DUE
    if len(claimed) != wanted or len(set(claimed)) != wanted:
        raise SystemExit(f"{wanted} due, {len(claimed)} claimed, {len(set(claimed))} different")
    return spent


def _work(url: str, name: str, claim: Claim, end: multiprocessing.connection.Connection) -> None:
    database = Database(url)
    with database.reading() as connection:
        connection.execute(text("SELECT 1"))
    end.send("ready")
    end.recv()
    found: list[Any] = []
    while got := claim(database, name):
        found += got
    database.close()
    end.send(found)


def _fill(url: str) -> None:
    database = Database(url)
    database.upgrade()
    names = [f"r{number:05}" for number in range(RUNS_DUE)]
    numbers = range(MESSAGES_DUE)
    with database.writing() as connection:
        connection.execute(text("TRUNCATE plan_versions RESTART IDENTITY CASCADE"))
        version: sets.Values = {"plan": ["p"], "fingerprint": [""], "number": ["1"], "title": [""]}
        version |= {"bundle": [{}], "recorded_at": [MORNING]}
        sets.insert(connection, PLAN_VERSIONS, version)
        many = len(names)
        runs: sets.Values = {"id": names, "plan_version": [1] * many}
        runs |= {"started_at": [MORNING] * many, "wakes_at": [MORNING] * many}
        sets.insert(connection, PLAN_RUNS, runs)
        mails: sets.Values = {
            "run": [names[number % many] for number in numbers],
            "recipient": [f"a{number}" for number in numbers],
            "message_id": [f"<{number}@x.example>" for number in numbers],
        }
        same = {"part": 1, "kind": "remind", "status": "queued", "subject": "", "error": ""}
        same |= {"tries": 0, "lap": 0, "slot": MORNING, "send_at": MORNING}
        same |= {"next_try_at": MORNING, "expires_at": MORNING + timedelta(days=3)}
        mails |= {name: [value] * MESSAGES_DUE for name, value in same.items()}
        sets.insert(connection, MESSAGES, mails)
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    database.close()
