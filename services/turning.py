"""Turning: open and close the stages of many runs, in portions of a transaction each.

What turns is due until it has turned: a portion that is killed is done again by whoever
comes next, the chase at the latest, and one that is done twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from services import keeping, runs
from services.keeping import Change
from services.wiring import Parts
from storage import notices, obligations, plans
from storage.plans import StoredRun

NAMED = 500  # runs that one statement names
MOST_READ = 2_000  # obligations of the runs that one transaction reads as a whole; of one, all


def is_late(stored: StoredRun, now: datetime) -> bool:
    """Say whether the moment of a run's next turn has come, and nobody has seen to it."""
    return stored.next_turn_at is not None and stored.next_turn_at <= now


def bring_up(parts: Parts, names: Sequence[str], now: datetime) -> None:
    """Turn what is to turn in runs by now; who has one of them just now is waited for."""
    for some in portions(names):
        left = some
        while left:
            with parts.database.writing() as connection:
                late = [one for one in plans.hold(connection, left) if is_late(one, now)]
                counts = obligations.count(connection, [stored.id for stored in late])
                taken = as_many_as(MOST_READ, late, counts)
                turn(parts, connection, taken, now)
            done = {stored.id for stored in taken}
            left = [stored.id for stored in late if stored.id not in done]


def turn(parts: Parts, connection: Connection, taken: Sequence[StoredRun], now: datetime) -> None:
    """Turn what is to turn in runs that are locked, and issue nothing; those unread stay due."""
    if not taken:
        return
    issued = notices.keys_of_open(connection, [stored.id for stored in taken])
    changes = []
    for live in runs.lives(parts, connection, taken).values():
        with runs.passed_over(parts, live.stored.id):
            change = Change(live)
            change.record([], now)
            change.reckon(issued, now)
            changes.append(change)
    keeping.keep_all(connection, changes, issued, now=now)


def as_many_as(most: int, taken: Sequence[StoredRun], counts: Mapping[str, int]) -> list[StoredRun]:
    """Return runs with up to `most` obligations by `counts`; a larger one comes last, and alone.

    One huge run does not keep the others waiting, and no transaction becomes long for many.
    """
    chosen: list[StoredRun] = []
    total = 0
    for stored in sorted(taken, key=lambda one: counts[one.id] > most):
        total += counts[stored.id]
        if chosen and total > most:
            break
        chosen.append(stored)
    return chosen


def portions(names: Sequence[str]) -> Iterator[list[str]]:
    """Yield names, as many at a time as one statement may have."""
    left = iter(names)
    while some := list(islice(left, NAMED)):
        yield some
