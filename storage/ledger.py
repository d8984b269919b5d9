"""Ledger: append entries, and read them back in the order they were recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, literal_column, select

from engine.ledger import Entry, EntryKind
from storage import sets
from storage.tables import LEDGER, OBLIGATIONS, PLAN_RUNS

# What the fold reads; the rest says what was sent.
STATE_KINDS = frozenset(
    {
        EntryKind.RUN_STARTED,
        EntryKind.RUN_COMPLETED,
        EntryKind.STAGE_OPENED,
        EntryKind.STAGE_DONE,
        EntryKind.EVENT_ANNOUNCED,
        EntryKind.SUBMITTED,
        EntryKind.SUBMITTED_IN_PART,
        EntryKind.SUBMISSION_WITHDRAWN,
        EntryKind.RETURNED,
        EntryKind.ACCEPTED,
        EntryKind.EXTENDED,
        EntryKind.WAIVED,
        EntryKind.DIFFICULTY_REPORTED,
        EntryKind.DIFFICULTY_ANSWERED,
        EntryKind.CHASING_PAUSED,
        EntryKind.CHASING_RESUMED,
    }
)


def append(connection: Connection, run: str, entries: Iterable[Entry]) -> None:
    """Write entries at the ledger's end, in their order."""
    append_all(connection, ((run, entry) for entry in entries))


def append_all(connection: Connection, entries: Iterable[tuple[str, Entry]]) -> None:
    """Write entries of many runs at the ledger's end, each with its run, in their order."""
    rows = list(entries)
    values: sets.Values = {
        "run": [run for run, _ in rows],
        "kind": [entry.kind.value for _, entry in rows],
        "happened_at": [entry.happened_at for _, entry in rows],
        "recorded_at": [entry.recorded_at for _, entry in rows],
        "by": [entry.by for _, entry in rows],
        "obligation": [entry.obligation for _, entry in rows],
        "stage": [entry.stage for _, entry in rows],
        "document": [entry.document for _, entry in rows],
        "data": [dict(entry.data) for _, entry in rows],
        "changes_state": [entry.kind in STATE_KINDS for _, entry in rows],
    }
    sets.insert(connection, LEDGER, values)


def states_of_due(
    connection: Connection, runs: Collection[str], now: datetime
) -> dict[str, Iterable[Entry]]:
    """Return what the fold reads of the obligations that wake at or before `now`, by run.

    Their own entries and those of the whole run, in the order they were recorded, to be gone
    through once: the cost follows what is due, not what a run holds. One that cannot be
    read raises where its run is gone through.
    """
    asked = {"runs": list(runs), "now": now}
    rows = [*connection.execute(_OF_WHOLE_RUNS, asked), *connection.execute(_OF_DUE, asked)]
    rows.sort(key=attrgetter("seq"))
    found: dict[str, list[Row[Any]]] = {run: [] for run in runs}
    for row in rows:
        found[row.run].append(row)
    return {run: map(_entry, mine) for run, mine in found.items()}


def states_of(connection: Connection, runs: Collection[str]) -> dict[str, Iterable[Entry]]:
    """Return what the fold reads of whole runs, each to be gone through once.

    One that cannot be read raises where its run is gone through.
    """
    found: dict[str, list[Row[Any]]] = {run: [] for run in runs}
    for row in connection.execute(_OF_RUNS, {"runs": list(runs)}):
        found[row.run].append(row)
    return {run: map(_entry, mine) for run, mine in found.items()}


_OF_RUNS = (
    select(LEDGER)
    .where(LEDGER.c.run.in_(bindparam("runs", expanding=True)), LEDGER.c.changes_state)
    .order_by(LEDGER.c.seq)
)
_OF_WHOLE_RUNS = select(LEDGER).where(
    LEDGER.c.run.in_(bindparam("runs", expanding=True)),
    LEDGER.c.obligation.is_(None),
    LEDGER.c.changes_state,
)
_OF_DUE = (
    select(LEDGER)
    .join(
        OBLIGATIONS,
        and_(OBLIGATIONS.c.run == LEDGER.c.run, OBLIGATIONS.c.id == LEDGER.c.obligation),
    )
    .where(
        OBLIGATIONS.c.run.in_(bindparam("runs", expanding=True)),
        OBLIGATIONS.c.next_wake_at <= bindparam("now"),
        LEDGER.c.changes_state,
    )
)


def states(
    connection: Connection,
    run: str,
    *,
    as_of: datetime | None = None,
    after: datetime | None = None,
) -> list[Entry]:
    """Return what the fold reads of a run, recorded after `after` up to `as_of` (included)."""
    query = select(LEDGER).where(LEDGER.c.run == run, LEDGER.c.changes_state)
    if as_of is not None:
        query = query.where(LEDGER.c.recorded_at <= as_of)
    if after is not None:
        query = query.where(LEDGER.c.recorded_at > after)
    return [_entry(row) for row in connection.execute(query.order_by(LEDGER.c.seq))]


def entries(
    connection: Connection,
    run: str,
    *,
    kinds: Collection[EntryKind] | None = None,
    as_of: datetime | None = None,
    after: datetime | None = None,
) -> list[Entry]:
    """Return a run's entries, as they were recorded after `after` up to `as_of` (included)."""
    query = select(LEDGER).where(LEDGER.c.run == run).order_by(LEDGER.c.seq)
    if kinds is not None:
        query = query.where(LEDGER.c.kind.in_(sorted(kind.value for kind in kinds)))
    if as_of is not None:
        query = query.where(LEDGER.c.recorded_at <= as_of)
    if after is not None:
        query = query.where(LEDGER.c.recorded_at > after)
    return [_entry(row) for row in connection.execute(query)]


def states_behind(connection: Connection, run: str, place: int) -> tuple[int, list[Entry]]:
    """Return what the fold reads of a run behind a place, and the place of the last of it."""
    rows = connection.execute(_BEHIND, {"run": run, "place": place}).all()
    return (rows[-1].seq if rows else place), [_entry(row) for row in rows]


_BEHIND = (
    select(LEDGER)
    .where(
        LEDGER.c.run == bindparam("run"),
        LEDGER.c.seq > bindparam("place"),
        LEDGER.c.changes_state,
    )
    .order_by(LEDGER.c.seq)
)


def since_briefs(
    connection: Connection, runs: Collection[str], kinds: Collection[EntryKind]
) -> dict[str, tuple[Mapping[str, Any] | None, datetime | None]]:
    """Return what each run's last brief was asked for with, and since when there is more to tell.

    That is when its first entry of `kinds` behind that brief was recorded. None where there
    is none.
    """
    asked = {"runs": list(runs), "kinds": sorted(kind.value for kind in kinds)}
    rows = connection.execute(_SINCE_BRIEFS, asked)
    return {run: (data, recorded_at) for run, data, recorded_at in rows}


_BRIEFS = LEDGER.alias("briefs")
_LAST_BRIEF = (
    # The kind is spelled out: only then is the index that holds nothing but these used.
    select(_BRIEFS.c.seq)
    .where(
        _BRIEFS.c.run == PLAN_RUNS.c.id,
        _BRIEFS.c.kind == literal_column(f"'{EntryKind.BRIEF_REQUESTED.value}'"),
    )
    .order_by(_BRIEFS.c.seq.desc())
    .limit(1)
)
_SINCE_BRIEFS = select(
    PLAN_RUNS.c.id,
    _LAST_BRIEF.with_only_columns(_BRIEFS.c.data).scalar_subquery(),
    select(LEDGER.c.recorded_at)
    .where(
        LEDGER.c.run == PLAN_RUNS.c.id,
        LEDGER.c.seq > func.coalesce(_LAST_BRIEF.correlate(PLAN_RUNS).scalar_subquery(), 0),
        LEDGER.c.kind.in_(bindparam("kinds", expanding=True)),
    )
    .order_by(LEDGER.c.seq)
    .limit(1)
    .correlate(PLAN_RUNS)
    .scalar_subquery(),
).where(PLAN_RUNS.c.id.in_(bindparam("runs", expanding=True)))


def announced(connection: Connection, runs: Collection[str], event: str) -> dict[str, Entry]:
    """Return the entry by which each of `runs` knows an outside event, if it does."""
    found: dict[str, Entry] = {}
    for row in connection.execute(_ANNOUNCED, {"runs": list(runs)}):
        if row.data["event"] == event:
            found.setdefault(row.run, _entry(row))
    return found


def turned(connection: Connection, runs: Collection[str], *, behind: int) -> dict[str, list[Entry]]:
    """Return the entries behind a place that say which stages opened or were done, by run."""
    kinds = [EntryKind.STAGE_OPENED.value, EntryKind.STAGE_DONE.value]
    query = select(LEDGER).where(
        LEDGER.c.run.in_(runs), LEDGER.c.seq > behind, LEDGER.c.kind.in_(kinds)
    )
    found: dict[str, list[Entry]] = {run: [] for run in runs}
    for row in connection.execute(query.order_by(LEDGER.c.seq)):
        found[row.run].append(_entry(row))
    return found


_ANNOUNCED = (
    select(LEDGER)
    .where(
        LEDGER.c.run.in_(bindparam("runs", expanding=True)),
        LEDGER.c.obligation.is_(None),
        LEDGER.c.changes_state,
        LEDGER.c.kind == EntryKind.EVENT_ANNOUNCED.value,
    )
    .order_by(LEDGER.c.seq)
)


def waiting_news(
    connection: Connection, runs: Collection[str], kinds: Collection[EntryKind]
) -> dict[str, list[Entry]]:
    """Return the entries of `kinds` that stand after the last news that each run issued."""
    asked = {"runs": list(runs), "kinds": sorted(kind.value for kind in kinds)}
    found: dict[str, list[Entry]] = {run: [] for run in runs}
    for row in connection.execute(_WAITING, asked):
        found[row.run].append(_entry(row))
    return found


_NEWS = LEDGER.alias("news")
_LAST_NEWS = (
    select(_NEWS.c.seq)
    .where(_NEWS.c.run == PLAN_RUNS.c.id, _NEWS.c.kind == EntryKind.NEWS_ISSUED.value)
    .order_by(_NEWS.c.seq.desc())
    .limit(1)
    .correlate(PLAN_RUNS)
    .scalar_subquery()
)
_WAITING = (
    select(LEDGER)
    .join(PLAN_RUNS, PLAN_RUNS.c.id == LEDGER.c.run)
    .where(
        PLAN_RUNS.c.id.in_(bindparam("runs", expanding=True)),
        LEDGER.c.obligation.is_(None),
        LEDGER.c.changes_state,  # as all of them do
        LEDGER.c.kind.in_(bindparam("kinds", expanding=True)),
        LEDGER.c.seq > func.coalesce(_LAST_NEWS, 0),
    )
    .order_by(LEDGER.c.seq)
)


def news_of(
    connection: Connection, run: str, kinds: Collection[EntryKind], *, message_id: str
) -> list[Entry]:
    """Return the entries of `kinds` that a message tells as news: those since the news before it.

    The places in the ledger part them, not the times: two entries may have one time.
    """
    for issued, told in _parted(connection, run, kinds):
        if issued is not None and issued.data.get("message_id") == message_id:
            return told
    return []


def _parted(
    connection: Connection, run: str, kinds: Collection[EntryKind]
) -> list[tuple[Entry | None, list[Entry]]]:
    """Part a run's news by the entries that say that they were issued; last what waits."""
    found: list[tuple[Entry | None, list[Entry]]] = []
    told: list[Entry] = []
    for entry in entries(connection, run, kinds={*kinds, EntryKind.NEWS_ISSUED}):
        if entry.kind is EntryKind.NEWS_ISSUED:
            found.append((entry, told))
            told = []
        else:
            told.append(entry)
    return [*found, (None, told)]


def places(connection: Connection, runs: Collection[str]) -> Mapping[str, int]:
    """Return the number of the last entry of each run: it moves when anything is recorded."""
    # The index answers for each run at once; grouping would read the whole ledger.
    last = select(func.max(LEDGER.c.seq)).where(LEDGER.c.run == PLAN_RUNS.c.id).scalar_subquery()
    query = select(PLAN_RUNS.c.id, last).where(PLAN_RUNS.c.id.in_(runs))
    found = {run: seq or 0 for run, seq in connection.execute(query)}
    return {run: found.get(run, 0) for run in runs}


def moved(
    connection: Connection, after: int, *, kinds: Sequence[EntryKind] = ()
) -> Mapping[str, int]:
    """Return the runs with entries behind a place, and the number of the last of each.

    With `kinds` only entries of these count.
    """
    query = select(LEDGER.c.run, func.max(LEDGER.c.seq)).where(LEDGER.c.seq > after)
    if kinds:
        query = query.where(LEDGER.c.kind.in_([kind.value for kind in kinds]))
    rows = connection.execute(query.group_by(LEDGER.c.run))
    return {row[0]: row[1] for row in rows}


def newest(connection: Connection) -> int:
    """Return the number of the last entry of all runs; 0 where nothing is recorded."""
    return int(connection.execute(select(func.max(LEDGER.c.seq))).scalar() or 0)


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        kind=EntryKind(row.kind),
        happened_at=row.happened_at,
        recorded_at=row.recorded_at,
        by=row.by,
        obligation=row.obligation,
        stage=row.stage,
        document=row.document,
        data=row.data,
    )
