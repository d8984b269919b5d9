"""News: what the coordinator is told of events and stages, when, and in which message.

News is an entry of the ledger that says that an outside event was recorded or that a stage
opened or closed. It goes out at once in office hours, else at the next send hour; after a
pause of the whole run if there is one; and sooner where the coordinator gets mail anyway:
one message per recipient and send time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from engine.chasing import Digest, at_once, is_office_hour
from engine.ledger import Entry, EntryKind, RunState

KINDS = frozenset({EntryKind.EVENT_ANNOUNCED, EntryKind.STAGE_OPENED, EntryKind.STAGE_DONE})
"""The entries that are news."""


def of(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return those of `entries` that are news, in their order."""
    return tuple(entry for entry in entries if entry.kind in KINDS)


def next_at(state: RunState, now: datetime) -> datetime | None:
    """Return when news that wait at `now` go out at the latest, if ever.

    In a pause of the whole run at the first send time after it; in one without an end
    never, but for the entry that resumes it.
    """
    plan = state.plan
    at = at_once(plan, plan.first_ladder, now)
    pause = state.pause_of(None, at)
    if pause is None:
        return at
    return None if pause.ends_at is None else at_once(plan, plan.first_ladder, pause.ends_at)


def gathered(
    state: RunState, found: Sequence[Digest], waiting: Sequence[Entry], now: datetime
) -> list[Digest]:
    """Put the news that wait into the coordinator's digest of `now`, or into one of their own.

    Outside office hours, or in a pause, they go on waiting: then no digest has any.
    """
    plan = state.plan
    if not waiting:
        return list(found)
    if any(digest.recipient == plan.coordinator for digest in found):
        return [
            replace(digest, news=tuple(waiting)) if digest.recipient == plan.coordinator else digest
            for digest in found
        ]
    if not can_go(state, now):
        return list(found)
    slot = at_once(plan, plan.first_ladder, waiting[0].recorded_at)
    return [*found, Digest(plan.coordinator, slot, now, notices=(), news=tuple(waiting))]


def can_go(state: RunState, now: datetime) -> bool:
    """Say whether news may go out at `now`: in office hours, and the run is not paused."""
    plan = state.plan
    return is_office_hour(plan, plan.first_ladder, now) and state.pause_of(None, now) is None
