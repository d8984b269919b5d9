"""Rebuilding: what is kept beside the ledger must be what the ledger folds to.

The rows of obligations, and when a run wakes, are there to find quickly what is due. They
follow from the ledger, are compared with it here, and can be written anew at any time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from engine import news
from engine.chasing import next_wake
from engine.graph import next_turn
from services import keeping, mornings, runs
from services.keeping import LiveRun
from services.wiring import Parts
from storage import ledger, notices, obligations, plans, projection
from storage.obligations import Projected

LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""After which a gate gives way that has not yet been seen to: it still has to be."""


def differences(parts: Parts, run: str, now: datetime) -> list[str]:
    """Return what is not as the ledger says: ids of obligations, and columns of the run.

    All is read from one snapshot. A wake-up that has come but was not seen to yet is no
    difference.
    """
    with parts.database.reading() as connection:
        live = runs.live(parts, connection, run)
        if keeping.is_event_unseen(live):  # the next chase goes over all of it
            return projection.astray(connection, run)
        rows = {row["id"]: row for row in projection.rows(connection, run)}
        found = [
            item.state.obligation.id
            for position, item in enumerate(_reckoned(connection, live, now))
            if not _agrees(rows.pop(item.state.obligation.id, None), position, item, now)
        ]
        found += sorted(rows)  # that the plan does not know
        found += _of_run(connection, live, projection.run_row(connection, run), now)
        return found + projection.astray(connection, run)


def rebuild(parts: Parts, run: str, now: datetime) -> None:
    """Write the rows of a run anew, under its lock."""
    with parts.database.writing() as connection:
        plans.lock(connection, run)
        projection.mark_states(connection, run)  # before the fold, which reads what is marked
        live = runs.live(parts, connection, run)
        projected = list(_reckoned(connection, live, now))
        projection.clear(connection, run)
        obligations.create(connection, run, projected)
        state = live.folding.state()
        plans.set_turn(
            connection,
            run,
            next_turn_at=next_turn(state, LONG_AGO),
            completed_at=state.completed_at,
            news_at=_news_at(connection, live, now),
        )
        stored = replace(live.stored, completed_at=state.completed_at)
        mornings.reckon(connection, stored, live.plan)


def _reckoned(connection: Connection, live: LiveRun, now: datetime) -> Iterator[Projected]:
    states = live.folding.obligations
    issued = notices.keys(connection, live.stored.id, list(states))
    for key, state in states.items():
        yield Projected(state, next_wake(live.plan, state, issued=issued[key], now=now))


def _agrees(row: Any, position: int, item: Projected, now: datetime) -> bool:
    if row is None:
        return False
    state = item.state
    due = (None, None) if state.due is None else (state.due.last_day, state.due.late_from)
    stated = {
        "position": position,
        "stage": state.obligation.stage.id,
        "task": state.obligation.task.id,
        "agency": state.obligation.agency.id,
        "standing": state.standing.value,
        "round": state.round,
        "opened_at": state.opened_at,
        "last_day": due[0],
        "late_from": due[1],
        "submitted_on": state.submitted_on,
        "settled_at": state.settled_at,
    }
    if any(row[name] != value for name, value in stated.items()):
        return False
    return _wakes(row["next_wake_at"], item.next_wake_at, now)


def _of_run(connection: Connection, live: LiveRun, row: Any, now: datetime) -> list[str]:
    state = live.folding.state()
    found = []
    news_at = _news_at(connection, live, now)
    if (row["news_at"] is None) != (news_at is None) or (news_at and row["news_at"] > news_at):
        found.append("news_at")
    stored = replace(live.stored, completed_at=state.completed_at)
    brief_at = mornings.following(connection, [(stored, live.plan)])[stored.id]
    # One that has come is looked at again: an upgrade leaves them so.
    if row["brief_at"] != brief_at and not (row["brief_at"] and row["brief_at"] <= now):
        found.append("brief_at")
    if row["completed_at"] != state.completed_at:
        found.append("completed_at")
    if not _wakes(row["next_turn_at"], next_turn(state, LONG_AGO), now):
        found.append("next_turn_at")
    return found


def _news_at(connection: Connection, live: LiveRun, now: datetime) -> datetime | None:
    """Return when news that nobody was told of go out at the latest, as seen at `now`."""
    run = live.stored.id
    if not ledger.waiting_news(connection, [run], news.KINDS)[run]:
        return None
    return news.next_at(live.folding.state(), now)


def _wakes(kept: datetime | None, reckoned: datetime | None, now: datetime) -> bool:
    """Say whether a kept moment is the one reckoned, or has come and is still to be seen to."""
    return kept == reckoned or (kept is not None and kept <= now and reckoned is not None)
