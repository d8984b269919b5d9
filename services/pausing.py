"""Pausing: stop the chasing of all runs at once, and let it go on, as around a restore.

Nothing is issued by it, and no Prefect server is needed: it is done before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from services import recording, runs
from services.errors import Refused
from services.recording import Source
from services.wiring import Parts
from storage import plans

AS_ASKED = frozenset(
    {
        "refused.run-paused-already",
        "refused.run-not-paused",
        "refused.only-agencies-paused",  # these go on being paused: somebody meant them
    }
)
LATER = "refused.run-completed"  # between the look at what is active and its turn


@dataclass(frozen=True, slots=True)
class Changed:
    """Runs whose chasing was paused or resumed, those that stood so, and the unreadable ones."""

    done: tuple[str, ...]
    before: tuple[str, ...]
    unreadable: tuple[str, ...]


def pause_all(
    parts: Parts, source: Source, *, why: str, until: date | None = None, now: datetime
) -> Changed:
    """Pause every active run; one that is paused already keeps its own pause.

    Raises Refused for what no run would take, as a day that is past.
    """

    def pause(run: str) -> None:
        recording.pause(parts, run, source, why=why, until=until, now=now)

    return _each(parts, pause)


def resume_all(parts: Parts, source: Source, *, why: str = "", now: datetime) -> Changed:
    """Resume every active run that is paused as a whole; what fell due is the clock's to issue."""

    def resume(run: str) -> None:
        recording.resume(parts, run, source, why=why, now=now)

    return _each(parts, resume)


def _each(parts: Parts, change: Callable[[str], None]) -> Changed:
    with parts.database.reading() as connection:
        names = [run.id for run in plans.all_runs(connection, active_only=True)]
    done: list[str] = []
    before: list[str] = []
    unreadable: list[str] = []
    for run in sorted(names):
        try:
            change(run)
        except Refused as refused:
            if refused.key in AS_ASKED:
                before.append(run)
            elif refused.key != LATER:
                raise
        except runs.UNREADABLE:  # such a run is not chased either
            unreadable.append(run)
        else:
            done.append(run)
    return Changed(tuple(done), tuple(before), tuple(unreadable))
