"""Plans: the versions of plans, and their runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    select,
)

from engine.ledger import Standing
from storage import sets
from storage.database import Database
from storage.tables import OBLIGATIONS, PLAN_RUNS, PLAN_VERSIONS


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A plan run as stored, with the version of the plan that it executes."""

    id: str
    plan: str
    number: str
    title: str
    plan_version: int
    fingerprint: str
    started_at: datetime
    completed_at: datetime | None
    next_turn_at: datetime | None
    news_at: datetime | None
    wakes_at: datetime | None = None
    brief_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What an active run has to do: of its obligations how many are open, and overdue.

    `open` are those whose stage has opened and that are still owed, `overdue` those of them
    whose deadline has passed; `late_since` is the oldest deadline that has.
    """

    run: StoredRun
    open: int
    overdue: int
    late_since: datetime | None


def save_version(
    database: Database,
    connection: Connection,
    *,
    plan: str,
    fingerprint: str,
    number: str,
    title: str,
    bundle: Mapping[str, Any],
    now: datetime,
) -> int:
    """Keep a plan's texts, once per fingerprint, and return the version's id."""
    connection.execute(
        database.insert_new(PLAN_VERSIONS).values(
            plan=plan,
            fingerprint=fingerprint,
            number=number,
            title=title,
            bundle=dict(bundle),
            recorded_at=now,
        )
    )
    found = connection.execute(
        select(PLAN_VERSIONS.c.id).where(
            PLAN_VERSIONS.c.plan == plan, PLAN_VERSIONS.c.fingerprint == fingerprint
        )
    ).scalar_one()
    return int(found)


def bundle_of(connection: Connection, version: int) -> Mapping[str, Any]:
    """Return the texts of a plan version."""
    bundle: Mapping[str, Any] = connection.execute(
        select(PLAN_VERSIONS.c.bundle).where(PLAN_VERSIONS.c.id == version)
    ).scalar_one()
    return bundle


def versions_naming(connection: Connection, words: str) -> set[int]:
    """Return the versions that active runs execute and whose texts hold `words` somewhere.

    Read through without being understood: quicker by far than reading each as a plan.
    """
    active = select(PLAN_RUNS.c.plan_version).where(PLAN_RUNS.c.completed_at.is_(None))
    query = select(PLAN_VERSIONS.c.id).where(
        PLAN_VERSIONS.c.id.in_(active),
        cast(PLAN_VERSIONS.c.bundle, Text).contains(words, autoescape=True),
    )
    return set(connection.execute(query).scalars())


def create_run(
    database: Database, connection: Connection, *, run: str, version: int, started_at: datetime
) -> bool:
    """Keep a new run; say whether it is new. One that is there already stays as it is."""
    created = connection.execute(
        database.insert_new(PLAN_RUNS).values(id=run, plan_version=version, started_at=started_at)
    )
    return created.rowcount == 1


def find_run(connection: Connection, run: str) -> StoredRun | None:
    """Return a run by its id, if there is one."""
    row = connection.execute(_runs().where(PLAN_RUNS.c.id == run)).one_or_none()
    return None if row is None else _stored(row)


def lock(connection: Connection, run: str, *, wait: bool = True) -> bool:
    """Keep others who lock the run waiting until the transaction ends; say whether it is locked.

    Without `wait` a run that another has locked is left to it. SQLite knows no such lock
    and passes over it: its writers stand in line anyway. What only refers to the run (the
    rows of what Prefect shows) need not wait.
    """
    locked = connection.execute(_LOCKED if wait else _LOCKED_IF_FREE, {"run": run})
    return locked.first() is not None


def lock_all(connection: Connection, runs: Collection[str]) -> None:
    """Lock runs as `lock` does, in the order of their ids: so no two wait for each other."""
    connection.execute(_ALL_LOCKED, {"runs": list(runs)}).all()


_ONE = select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.id == bindparam("run"))
_LOCKED = _ONE.with_for_update(key_share=True)
_ALL_LOCKED = (
    select(PLAN_RUNS.c.id)
    .where(PLAN_RUNS.c.id.in_(bindparam("runs", expanding=True)))
    .order_by(PLAN_RUNS.c.id)
    .with_for_update(key_share=True)
)
_LOCKED_IF_FREE = _ONE.with_for_update(key_share=True, skip_locked=True)


def count_due(connection: Connection, now: datetime, *, most: int) -> int:
    """Return how many runs want attention at `now`; of more than `most`, `most`."""
    due = select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.wakes_at <= now).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(due)).scalar_one())


def active_after(connection: Connection, run: str, *, limit: int) -> list[str]:
    """Return up to `limit` runs that are not completed, in the order of their ids, behind `run`."""
    query = select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.completed_at.is_(None), PLAN_RUNS.c.id > run)
    return list(connection.execute(query.order_by(PLAN_RUNS.c.id).limit(limit)).scalars())


def count_active(connection: Connection) -> int:
    """Return how many runs are not completed."""
    query = select(func.count()).select_from(PLAN_RUNS).where(PLAN_RUNS.c.completed_at.is_(None))
    return int(connection.execute(query).scalar_one())


def take_due(
    connection: Connection, now: datetime, *, limit: int, only: Collection[str] | None = None
) -> list[StoredRun]:
    """Lock up to `limit` due runs that nobody else has, and return them, the longest waiting first.

    Of `only` if given. Others who ask meanwhile get others. Who dies gives them back with the
    connection.
    """
    query = _runs().where(PLAN_RUNS.c.wakes_at <= now).order_by(*_BY_WAKE).limit(limit)
    if only is not None:
        query = query.where(PLAN_RUNS.c.id.in_(only))
    query = query.with_for_update(of=PLAN_RUNS, key_share=True, skip_locked=True)
    return [_stored(row) for row in connection.execute(query)]


def hold(connection: Connection, runs: Collection[str]) -> list[StoredRun]:
    """Lock runs, waiting for who has one of them, and return them in the order of their ids.

    All who wait for several lock them in that order, so that no two wait for each other.
    """
    query = _runs().where(PLAN_RUNS.c.id.in_(runs)).order_by(PLAN_RUNS.c.id)
    query = query.with_for_update(of=PLAN_RUNS, key_share=True)
    return [_stored(row) for row in connection.execute(query)]


def put_off(connection: Connection, runs: Collection[str], *, until: datetime) -> None:
    """Let what is due of runs wait: nothing wakes them, nor asks for their brief, before then."""
    changed = PLAN_RUNS.update().where(PLAN_RUNS.c.id.in_(runs))
    connection.execute(changed.values(wakes_at=until))
    connection.execute(changed.where(PLAN_RUNS.c.brief_at < until).values(brief_at=until))


_BY_WAKE = (PLAN_RUNS.c.wakes_at, PLAN_RUNS.c.plan_version, PLAN_RUNS.c.id)


def next_wake(connection: Connection) -> datetime | None:
    """Return the earliest moment at which any run wants attention, if ever."""
    return connection.execute(select(func.min(PLAN_RUNS.c.wakes_at))).scalar()


def next_brief(connection: Connection) -> datetime | None:
    """Return the earliest moment at which a brief of any run goes out by itself, if ever."""
    return connection.execute(select(func.min(PLAN_RUNS.c.brief_at))).scalar()


def due_briefs(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """Return the runs whose brief goes out by itself at or before `now`."""
    query = select(PLAN_RUNS.c.id).where(PLAN_RUNS.c.brief_at <= now)
    query = query.order_by(PLAN_RUNS.c.brief_at, PLAN_RUNS.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def set_briefs(connection: Connection, briefs: Mapping[str, datetime | None]) -> None:
    """Set when the brief of each run goes out by itself."""
    values: sets.Values = {"brief_at": list(briefs.values()), "id": list(briefs)}
    sets.update(connection, PLAN_RUNS, values, key=("id",))


def set_wakes(connection: Connection, runs: Collection[str]) -> None:
    """Reckon anew when runs wake: with their first obligation, turn or news."""
    connection.execute(_WAKING, {"runs": list(runs)})


def _sooner(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The sooner of two moments, either of which may be missing; databases differ in that."""
    return case((one.is_(None), other), (other.is_(None), one), (one < other, one), else_=other)


_FIRST_OBLIGATION = (
    select(func.min(OBLIGATIONS.c.next_wake_at))
    .where(OBLIGATIONS.c.run == PLAN_RUNS.c.id)
    .correlate(PLAN_RUNS)
    .scalar_subquery()
)
_WAKING = (
    PLAN_RUNS.update()
    .where(PLAN_RUNS.c.id.in_(bindparam("runs", expanding=True)))
    .values(
        wakes_at=_sooner(_FIRST_OBLIGATION, _sooner(PLAN_RUNS.c.next_turn_at, PLAN_RUNS.c.news_at))
    )
)


def asleep(connection: Connection, runs: Collection[str]) -> list[str]:
    """Return those of `runs` that nothing wakes any more and that are not completed."""
    query = select(PLAN_RUNS.c.id).where(
        PLAN_RUNS.c.id.in_(runs),
        PLAN_RUNS.c.wakes_at.is_(None),
        PLAN_RUNS.c.completed_at.is_(None),
    )
    return list(connection.execute(query).scalars())


def all_runs(connection: Connection, *, active_only: bool = False) -> list[StoredRun]:
    """Return the runs, the latest started first."""
    query = _runs().order_by(PLAN_RUNS.c.started_at.desc(), PLAN_RUNS.c.id)
    if active_only:
        query = query.where(PLAN_RUNS.c.completed_at.is_(None))
    return [_stored(row) for row in connection.execute(query)]


def loads(connection: Connection, now: datetime, *, limit: int | None = None) -> list[Load]:
    """Return what the active runs have to do, the worst first: the most, then the oldest overdue.

    Counted by the database from the projection's rows, whatever there is of them.
    """
    rows = connection.execute(_LOADS.limit(limit), {"now": now})
    return [Load(_stored(row), row.open, row.overdue, row.late_since) for row in rows]


def set_turn(
    connection: Connection,
    run: str,
    *,
    next_turn_at: datetime | None,
    completed_at: datetime | None,
    news_at: datetime | None = None,
) -> None:
    """Set when a gate of the run next gives way by itself, and whether it is completed.

    `news_at` is when its coordinator is told of events and stages, if there is news. When
    the run wakes is reckoned anew, by what its obligations' rows say by then.
    """
    connection.execute(
        PLAN_RUNS.update()
        .where(PLAN_RUNS.c.id == run)
        .values(next_turn_at=next_turn_at, completed_at=completed_at, news_at=news_at)
    )
    set_wakes(connection, [run])


def set_turns(connection: Connection, runs: Collection[StoredRun]) -> None:
    """Set of many runs what `set_turn` does of one: what each is given with."""
    values: sets.Values = {
        "next_turn_at": [run.next_turn_at for run in runs],
        "completed_at": [run.completed_at for run in runs],
        "news_at": [run.news_at for run in runs],
        "id": [run.id for run in runs],
    }
    sets.update(connection, PLAN_RUNS, values, key=("id",))
    set_wakes(connection, [run.id for run in runs])


def mark_turning(connection: Connection, runs: Collection[str], *, at: datetime) -> None:
    """Let runs turn, and their news go out, `at` a moment: who chases them reckons both anew."""
    names = list(runs)
    moments = [at] * len(names)
    values: sets.Values = {"next_turn_at": moments, "news_at": moments, "id": names}
    sets.update(connection, PLAN_RUNS, values, key=("id",))
    set_wakes(connection, names)


def clear_news(connection: Connection, run: str) -> None:
    """Note that no news of a run wait any more."""
    connection.execute(PLAN_RUNS.update().where(PLAN_RUNS.c.id == run).values(news_at=None))
    set_wakes(connection, [run])


def _runs() -> Select[Any]:
    return select(
        PLAN_RUNS,
        PLAN_VERSIONS.c.plan,
        PLAN_VERSIONS.c.number,
        PLAN_VERSIONS.c.title,
        PLAN_VERSIONS.c.fingerprint,
    ).join(PLAN_VERSIONS, PLAN_VERSIONS.c.id == PLAN_RUNS.c.plan_version)


_IS_LATE = OBLIGATIONS.c.late_from <= bindparam("now")
_OWED = (
    select(
        OBLIGATIONS.c.run,
        func.count().label("open"),
        func.sum(case((_IS_LATE, 1), else_=0)).label("overdue"),
        func.min(case((_IS_LATE, OBLIGATIONS.c.late_from))).label("late_since"),
    )
    .join(PLAN_RUNS, PLAN_RUNS.c.id == OBLIGATIONS.c.run)
    .where(
        PLAN_RUNS.c.completed_at.is_(None),
        OBLIGATIONS.c.standing == Standing.OPEN.value,
        OBLIGATIONS.c.opened_at.is_not(None),
    )
    .group_by(OBLIGATIONS.c.run)
    .subquery()
)
_OPEN = func.coalesce(_OWED.c.open, 0).label("open")
_OVERDUE = func.coalesce(_OWED.c.overdue, 0).label("overdue")
_LOADS = (
    _runs()
    .add_columns(_OPEN, _OVERDUE, _OWED.c.late_since)
    .outerjoin(_OWED, _OWED.c.run == PLAN_RUNS.c.id)
    .where(PLAN_RUNS.c.completed_at.is_(None))
    .order_by(_OVERDUE.desc(), _OWED.c.late_since, _OPEN.desc(), PLAN_RUNS.c.id)
)


def _stored(row: Row[Any]) -> StoredRun:
    return StoredRun(
        id=row.id,
        plan=row.plan,
        number=row.number,
        title=row.title,
        plan_version=row.plan_version,
        fingerprint=row.fingerprint,
        started_at=row.started_at,
        completed_at=row.completed_at,
        next_turn_at=row.next_turn_at,
        news_at=row.news_at,
        wakes_at=row.wakes_at,
        brief_at=row.brief_at,
    )
