"""Load: a country's worth of plan runs, from a seed, by set statements.

    python -m benchmarks.load --obligations 1000000 --seed 7 --database URL \
        [--due 1000 --at 2026-05-11T08:00+07:00]

A few dozen prototypes are lived through by the real services (`benchmarks.prototypes`). They
are multiplied by one `INSERT … SELECT` for each table and wave of runs, with every column
that the tables have: nothing of the schema is known here but that `plan_runs` has a name and
a version of a plan, and which keys refer to which. A copy has the name of its own run, the
addresses of its own province and numbers of its own, in the order of time within its wave,
so that a run's entries lie as scattered as they would. It is what the program would have
written, but for two things: copies of one prototype have the same history to the minute, and
the hash in a Message-ID is the prototype's (the rest of it is the copy's own).

While it loads there are no indexes and, on SQLite, no journal: what breaks off is to be
thrown away. Only an empty database is loaded.
"""

from __future__ import annotations

import argparse
import bisect
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    cast,
    func,
    select,
    text,
)
from sqlalchemy.types import JSON

from benchmarks.prototypes import PROTOTYPE, Lived, Told, Wanted, live
from benchmarks.provinces import DOMAIN, NAME, PROVINCES, ROOT, edition
from engine.ledger import Standing
from storage.database import Database
from storage.tables import OBLIGATIONS, PLAN_RUNS, PLAN_VERSIONS, metadata

MORNING = datetime.fromisoformat("2026-05-11T08:00+07:00")
WAVE = 480  # runs that are written together
RUNS_OF_A_VERSION = 10
DUE_OF_A_RUN = 10
CACHE_KB = 2_000_000  # what SQLite may keep in memory while it loads


class NotEmpty(Exception):
    """The database holds runs already; load one that is empty."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much to load.

    `obligations` in all, at least, or, with `only_open`, at least so many that are open; of
    these exactly `due` wake by the prototypes' morning, in about `due_runs` runs (default: ten
    in each). `versions` is how many versions of plans there are (default: one for every ten
    runs); one belongs to one plan of one province.
    """

    obligations: int
    only_open: bool = False
    due: int = 0
    due_runs: int | None = None
    versions: int | None = None
    seed: int = 7

    def counted(self, pattern: _Pattern) -> int:
        """Return how many obligations of a copy count."""
        return pattern.open if self.only_open else pattern.obligations


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and at what cost.

    `runs` says of which prototype each is a copy; `rows` counts those of each table; `open`
    and `due` are obligations.
    """

    runs: Mapping[str, str]
    rows: Mapping[str, int]
    open: int
    due: int
    due_runs: int
    seconds: float
    bytes: int

    @property
    def rows_a_second(self) -> int:
        """Rows of all tables for every second."""
        return int(sum(self.rows.values()) / self.seconds)


def load(url: str, lived: Lived, size: Size, told: Told = lambda _: None) -> Loaded:
    """Fill an empty database with copies of the prototypes. Raises NotEmpty.

    Nobody else may have it open. Raises ValueError where `size` can't be had.
    """
    database = Database(url)
    try:
        database.upgrade()
        with database.reading() as connection:
            if connection.execute(select(PLAN_RUNS.c.id).limit(1)).first() is not None:
                raise NotEmpty(url)
        database.close()  # SQLite changes its journal for who is alone only
        began = time.monotonic()
        patterns = _Patterns.read(lived)
        copies = _copies(patterns, size)
        rows = _write(database, patterns, copies, told)
        seconds = time.monotonic() - began
        with database.reading() as connection:
            taken = _bytes(connection)
    finally:
        database.close()
    due = [copy.pattern for copy in copies if copy.pattern.due]
    return Loaded(
        runs={copy.run: copy.pattern.run for copy in copies},
        rows=rows,
        open=sum(copy.pattern.open for copy in copies),
        due=sum(pattern.due for pattern in due),
        due_runs=len(due),
        seconds=seconds,
        bytes=taken,
    )


# ── What is multiplied ──


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A prototype as it was before or after the morning, and what there is to say of it."""

    number: int
    run: str
    template: str
    version: int
    obligations: int
    open: int
    due: int


@dataclass
class _Patterns:
    """All that was read of the prototypes: patterns, and the rows of each table by pattern.

    `shared` are rows that belong to no run.
    """

    after: list[_Pattern]
    before: list[_Pattern]
    rows: dict[str, list[tuple[int, dict[str, Any]]]]
    shared: dict[str, list[dict[str, Any]]]
    versions: dict[int, dict[str, Any]]

    @classmethod
    def read(cls, lived: Lived) -> _Patterns:
        """Read the prototypes, before the morning and after it; their numbers agree."""
        patterns = cls([], [], defaultdict(list), {}, {})
        for url, found in ((lived.before, patterns.before), (lived.after, patterns.after)):
            database = Database(url)
            with database.reading() as connection:
                found += _found(connection, lived.at, first=len(patterns.before))
                patterns._take(connection, {one.run: one.number for one in found})
            database.close()
        return patterns

    def highest(self, table: Table) -> int:
        """Return the highest number in a table that numbers its rows."""
        (key,) = table.primary_key
        return max(int(row[key.name]) for _, row in self.rows[table.name])

    def _take(self, connection: Connection, numbers: Mapping[str, int]) -> None:
        of_row: dict[str, dict[Any, int]] = {}
        for table in metadata.sorted_tables:
            if table is PLAN_VERSIONS:
                versions = connection.execute(select(table)).mappings()
                self.versions.update({row["id"]: dict(row) for row in versions})
                continue
            query = select(table).order_by(*table.primary_key)
            rows = [dict(row) for row in connection.execute(query).mappings()]
            way = _way_to_run(table)
            if way is None:
                self.shared[table.name] = rows
                continue
            column, parent = way
            known = numbers if parent is PLAN_RUNS else of_row[parent.name]
            numbered = [(known[row[column]], row) for row in rows if row[column] is not None]
            self.rows[table.name] += numbered
            if len(table.primary_key) == 1:
                (key,) = table.primary_key
                of_row[table.name] = {row[key.name]: number for number, row in numbered}


def _found(connection: Connection, at: datetime, *, first: int) -> list[_Pattern]:
    columns = OBLIGATIONS.c
    counts = (
        select(
            columns.run,
            func.count().label("obligations"),
            func.count().filter(columns.standing == Standing.OPEN.value).label("open"),
            func.count().filter(columns.next_wake_at <= at).label("due"),
        )
        .group_by(columns.run)
        .subquery()
    )
    query = (
        select(counts, PLAN_RUNS.c.plan_version, PLAN_VERSIONS.c.plan)
        .join(PLAN_RUNS, PLAN_RUNS.c.id == counts.c.run)
        .join(PLAN_VERSIONS, PLAN_VERSIONS.c.id == PLAN_RUNS.c.plan_version)
        .order_by(counts.c.run)
    )
    return [
        _Pattern(
            number=number,
            run=row.run,
            template=row.plan.removesuffix(f"-{DOMAIN}"),
            version=row.plan_version,
            obligations=row.obligations,
            open=row.open,
            due=row.due,
        )
        for number, row in enumerate(connection.execute(query), start=first)
    ]


def _way_to_run(table: Table) -> tuple[str, Table] | None:
    """Return by which column a row belongs to a run, and the table that it names; None if none."""
    if table is PLAN_RUNS:
        return "id", PLAN_RUNS
    keys = sorted(table.foreign_keys, key=lambda key: key.column.table is not PLAN_RUNS)
    for key in keys:
        if _way_to_run(key.column.table) is not None:
            return key.parent.name, key.column.table
    return None


# ── Which copies there are ──


@dataclass(frozen=True, slots=True)
class _Copy:
    """One run to be: of which pattern, what it is called, and whose it is."""

    pattern: _Pattern
    run: str
    province: tuple[str, str]
    edition: int


def _copies(patterns: _Patterns, size: Size) -> list[_Copy]:
    """Choose the runs: as many as wake by the morning, and all others as they were after it."""
    drawn = random.Random(size.seed)
    chosen = _waking(patterns.before, size, drawn)
    left = size.obligations - sum(size.counted(one) for one in chosen)
    if left < 0:
        raise ValueError(f"the runs of {size.due} due obligations have {-left} too many in all")
    while left > 0:
        for one in drawn.sample(patterns.after, len(patterns.after)):
            chosen.append(one)
            left -= size.counted(one)
            if left <= 0:
                break
    return _named(_mixed(chosen, drawn), size)


def _mixed(chosen: list[_Pattern], drawn: random.Random) -> list[_Pattern]:
    """Mix the copies, those of each prototype spread evenly: waves are then alike."""
    of_run: dict[str, list[_Pattern]] = defaultdict(list)
    for one in chosen:
        of_run[one.run].append(one)
    placed = []
    for mine in of_run.values():
        drawn.shuffle(mine)
        placed += [((n + drawn.random()) / len(mine), one) for n, one in enumerate(mine)]
    return [one for _, one in sorted(placed, key=lambda item: item[0])]


def _named(chosen: Sequence[_Pattern], size: Size) -> list[_Copy]:
    """Give each copy a name, a province, and an edition of its plan."""
    editions = _editions(chosen, size)
    counts: Counter[str] = Counter()
    copies = []
    for number, pattern in enumerate(chosen):
        place = counts[pattern.run] % editions[pattern.run]
        counts[pattern.run] += 1
        province = PROVINCES[place % len(PROVINCES)]
        run = f"d{number:07}-{province[1]}-{pattern.template}"
        copies.append(_Copy(pattern, run, province, place // len(PROVINCES) + 1))
    return copies


def _editions(chosen: Sequence[_Pattern], size: Size) -> dict[str, int]:
    """Share the versions of plans among the prototypes, by their copies; each has one at least."""
    counts = Counter(one.run for one in chosen)
    wanted = len(chosen) // RUNS_OF_A_VERSION if size.versions is None else size.versions
    shares = {run: max(1, wanted * count // len(chosen)) for run, count in counts.items()}
    for run, count in counts.most_common():
        if sum(shares.values()) >= wanted:
            break
        shares[run] += min(count - shares[run], wanted - sum(shares.values()))
    return shares


def _waking(found: Sequence[_Pattern], size: Size, drawn: random.Random) -> list[_Pattern]:
    """Choose runs with exactly so many obligations due, about as many as are wanted.

    Of those with more than what is left for each run, or with less, one is drawn, with such
    odds that on average it is just that. A prototype with one obligation makes it exact.
    """
    by_due = sorted((one for one in found if one.due), key=lambda one: one.due)
    places = size.due_runs or max(1, size.due // DUE_OF_A_RUN)
    chosen: list[_Pattern] = []
    left = size.due
    while left > 0:
        possible = by_due[: bisect.bisect_right(by_due, left, key=lambda one: one.due)]
        if not possible:
            raise ValueError(f"no runs of prototypes come to {size.due} due obligations")
        wanted = left / max(1, places - len(chosen))
        few = [one for one in possible if one.due <= wanted]
        many = possible[len(few) :]
        below, above = _mean(few), _mean(many)
        is_many = bool(many) and (not few or drawn.random() * (above - below) < wanted - below)
        one = drawn.choice(many if is_many else few)
        chosen.append(one)
        left -= one.due
    return chosen


def _mean(patterns: Sequence[_Pattern]) -> float:
    return sum(one.due for one in patterns) / len(patterns) if patterns else 0.0


# ── How they are written ──


def _write(
    database: Database,
    patterns: _Patterns,
    copies: Sequence[_Copy],
    told: Told,
) -> dict[str, int]:
    """Write all copies, wave by wave; return how many rows each table got."""
    rows: Counter[str] = Counter()
    with database.engine.connect() as connection, _unhindered(database, connection, told):
        with connection.begin():
            versions = _write_versions(connection, patterns, copies)
            rows[PLAN_VERSIONS.name] = len(set(versions))
            for name, shared in patterns.shared.items():
                if shared:
                    connection.execute(metadata.tables[name].insert(), shared)
                    rows[name] = len(shared)
            stage = _Stage.set_up(connection, patterns)
            width = stage.list_copies(connection, copies, versions)
            stage.analyze(connection)
        waves = (len(copies) + WAVE - 1) // WAVE
        for wave in range(waves):
            with connection.begin():
                for target in stage.targets:
                    rows[target.table.name] += target.write(connection, wave, width)
            told(f"wave {wave + 1} of {waves}")
        with connection.begin():
            stage.drop(connection)
            if not database.is_sqlite:
                _set_sequences(connection)
    return {name: count for name, count in rows.items() if count}


def _write_versions(
    connection: Connection, patterns: _Patterns, copies: Sequence[_Copy]
) -> list[int]:
    """Write the versions of plans; return the version of each copy."""
    known: dict[tuple[int, tuple[str, str], int], int] = {}
    versions, rows = [], []
    for copy in copies:
        key = (copy.pattern.version, copy.province, copy.edition)
        if key not in known:
            known[key] = len(known) + 1
            rows.append(_version(known[key], patterns.versions[copy.pattern.version], copy))
        versions.append(known[key])
        if len(rows) == WAVE:
            connection.execute(PLAN_VERSIONS.insert(), rows)
            rows = []
    if rows:
        connection.execute(PLAN_VERSIONS.insert(), rows)
    return versions


def _version(number: int, pattern: Mapping[str, Any], copy: _Copy) -> dict[str, Any]:
    bundle = edition(pattern["bundle"], copy.province, copy.edition)
    own = {
        name: _own(value, copy) if isinstance(value, str) else value
        for name, value in pattern.items()
    }
    return own | {"id": number, "fingerprint": bundle.fingerprint, "bundle": bundle.to_json()}


def _own(value: str, copy: _Copy) -> str:
    return value.replace(NAME, copy.province[0]).replace(DOMAIN, copy.province[1])


class _Stage:
    """The tables that the copies are selected from; they last as long as the connection."""

    def __init__(self, targets: list[_Target], copies: Table) -> None:
        self.targets, self.copies = targets, copies

    @classmethod
    def set_up(cls, connection: Connection, patterns: _Patterns) -> _Stage:
        """Write the patterns' rows into tables of their own, one for each that is multiplied."""
        staged = MetaData()
        copies = Table(
            "load_copies",
            staged,
            Column("wave", Integer, primary_key=True),
            Column("pattern", Integer, primary_key=True),
            Column("slot", Integer, primary_key=True),
            Column("run", Text),
            Column("prototype", Text),
            Column("version", Integer),
            Column("name", Text),
            Column("domain", Text),
            prefixes=["TEMPORARY"],
        )
        copies.create(connection)
        targets = [
            _Target.set_up(connection, staged, table, copies, patterns)
            for table in metadata.sorted_tables
            if patterns.rows.get(table.name)
        ]
        return cls(targets, copies)

    def list_copies(
        self, connection: Connection, copies: Sequence[_Copy], versions: Sequence[int]
    ) -> int:
        """Write the list of copies; return how many of one prototype a wave has at most.

        A slot is a copy's number among those of its prototype in its wave.
        """
        counts: Counter[tuple[int, str]] = Counter()
        rows = []
        for number, (copy, version) in enumerate(zip(copies, versions, strict=True)):
            key = (number // WAVE, copy.pattern.run)
            rows.append(
                {
                    "wave": key[0],
                    "pattern": copy.pattern.number,
                    "slot": counts[key],
                    "run": copy.run,
                    "prototype": copy.pattern.run,
                    "version": version,
                    "name": copy.province[0],
                    "domain": copy.province[1],
                }
            )
            counts[key] += 1
        connection.execute(self.copies.insert(), rows)
        return max(counts.values())

    def analyze(self, connection: Connection) -> None:
        """Let the planner know how small they are."""
        for table in (self.copies, *(target.staged for target in self.targets)):
            connection.execute(text(f"ANALYZE {table.name}"))

    def drop(self, connection: Connection) -> None:
        """Throw the tables away."""
        for table in (self.copies, *(target.staged for target in self.targets)):
            table.drop(connection)


class _Target:
    """A table to be filled, and the statement that fills it."""

    def __init__(self, table: Table, staged: Table, statement: Any) -> None:
        self.table, self.staged, self._statement = table, staged, statement

    @classmethod
    def set_up(
        cls,
        connection: Connection,
        staged: MetaData,
        table: Table,
        copies: Table,
        patterns: _Patterns,
    ) -> _Target:
        """Write the rows of the patterns, and make the statement that multiplies them."""
        jsons = [column.name for column in table.c if isinstance(column.type, JSON)]
        columns = [Column(one.name, Text if one.name in jsons else one.type) for one in table.c]
        number = Column("_pattern", Integer, index=True)
        stage = Table(f"load_{table.name}", staged, *columns, number, prefixes=["TEMPORARY"])
        stage.create(connection)
        rows = [
            row | {name: json.dumps(row[name]) for name in jsons} | {"_pattern": pattern}
            for pattern, row in patterns.rows[table.name]
        ]
        connection.execute(stage.insert(), rows)
        values = {one.name: _value(one, stage, copies, rows, patterns) for one in table.c}
        if connection.dialect.name != "sqlite":
            values |= {name: cast(values[name], JSON) for name in jsons}
        chosen = (
            select(*values.values())
            .select_from(stage.join(copies, copies.c.pattern == stage.c._pattern))
            .where(copies.c.wave == bindparam("_wave", type_=Integer))
            .order_by(*(values[column.name] for column in table.primary_key))
        )
        return cls(table, stage, table.insert().from_select(list(values), chosen))

    def write(self, connection: Connection, wave: int, width: int) -> int:
        """Fill in one wave; return how many rows that were."""
        values = {"_wave": wave, "_width": width}
        kept = {"preserve_rowcount": True}
        return connection.execute(self._statement, values, execution_options=kept).rowcount


def _value(
    column: Column[Any],
    stage: Table,
    copies: Table,
    rows: Sequence[Mapping[str, Any]],
    patterns: _Patterns,
) -> ColumnElement[Any]:
    """Return what a column of a copy is: the name of its run, a number of its own, or the same.

    Numbers follow one another in the order of time within a wave. The width is how many
    copies of one prototype a wave may have: each has a number for every one of theirs.
    """
    named, origin = stage.c[column.name], _origin(column)
    if origin is PLAN_RUNS.c.id:
        return copies.c.run
    if origin is PLAN_VERSIONS.c.id:
        return copies.c.version
    is_number = isinstance(column.type, Integer) and (column.primary_key or column.foreign_keys)
    if is_number and origin.table.name in patterns.rows:
        width = bindparam("_width", type_=BigInteger)
        place = cast(copies.c.wave, BigInteger) * patterns.highest(origin.table) + named - 1
        return place * width + copies.c.slot + 1
    return _signed(named, copies, [row[column.name] for row in rows])


def _signed(named: ColumnElement[Any], copies: Table, values: Sequence[Any]) -> ColumnElement[Any]:
    """Return a column with the signs of a prototype, where any stand in it, made the copy's."""
    texts = [value for value in values if isinstance(value, str)]
    signs = (
        (PROTOTYPE, copies.c.prototype, copies.c.run),
        (DOMAIN, DOMAIN, copies.c.domain),
        (NAME, NAME, copies.c.name),
    )
    if any(_ESCAPED in value for value in texts):
        raise ValueError(f"{named} holds the name of the province as JSON: it can't be replaced")
    for sign, old, new in signs:
        if any(sign in value for value in texts):
            named = func.replace(named, old, new)
    return named


_ESCAPED = json.dumps(NAME)[1:-1]


def _origin(column: Column[Any]) -> Column[Any]:
    """Return the column that a key refers to in the end; one that is no key is its own."""
    for key in column.foreign_keys:
        return _origin(key.column)
    return column


# ── What a database lets go of while it is loaded ──


@contextmanager
def _unhindered(database: Database, connection: Connection, told: Told) -> Iterator[None]:
    """Do without indexes, keys and a journal, and make them again at the end: keys are checked."""
    if database.is_sqlite:
        _pragmas(
            connection,
            "journal_mode=OFF",
            "synchronous=OFF",
            "foreign_keys=OFF",
            f"cache_size=-{CACHE_KB}",
            "threads=2",
        )
    else:
        with connection.begin():
            for setting in _SETTINGS:
                connection.execute(text(f"SET {setting}"))
    with connection.begin():
        constraints = [] if database.is_sqlite else _drop_constraints(connection)
        for index in _indexes():
            index.drop(connection)
    yield
    for number, statement in enumerate(constraints):
        told(f"key {number + 1} of {len(constraints)}")
        if statement.is_foreign:
            break
        with connection.begin():
            connection.execute(text(statement.added))
    for index in _indexes():
        told(f"index {index.name}")
        with connection.begin():
            index.create(connection)
    for statement in constraints:
        if statement.is_foreign:
            told(f"checking {statement.added[:60]}")
            with connection.begin():
                connection.execute(text(statement.added))
    if database.is_sqlite:
        _pragmas(connection, "journal_mode=WAL", "synchronous=FULL")
    else:
        told("vacuum")
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("VACUUM ANALYZE"))


_SETTINGS = (
    "synchronous_commit = off",
    "work_mem = '512MB'",
    "maintenance_work_mem = '1GB'",
    "temp_buffers = '256MB'",
)


def _pragmas(connection: Connection, *pragmas: str) -> None:
    raw: Any = connection.connection.driver_connection
    for pragma in pragmas:
        raw.execute(f"PRAGMA {pragma}")


def _indexes() -> list[Index]:
    found = [index for table in metadata.sorted_tables for index in table.indexes]
    return sorted(found, key=lambda index: str(index.name))


@dataclass(frozen=True, slots=True)
class _Constraint:
    """A key of PostgreSQL's, and how it is made again."""

    added: str
    is_foreign: bool


def _drop_constraints(connection: Connection) -> list[_Constraint]:
    """Drop all keys of our tables; return them, foreign ones last."""
    query = text(
        "SELECT c.conname AS name, t.relname AS of, c.contype = 'f' AS is_foreign,"
        " pg_get_constraintdef(c.oid) AS definition"
        " FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
        " WHERE c.contype IN ('p', 'u', 'f') AND t.relname = ANY(:tables)"
        " AND t.relnamespace = current_schema()::regnamespace"
        " ORDER BY is_foreign, t.relname, c.contype, c.conname"
    )
    found = connection.execute(query, {"tables": list(metadata.tables)}).all()
    for row in reversed(found):
        connection.execute(text(f'ALTER TABLE {row.of} DROP CONSTRAINT "{row.name}"'))
    return [
        _Constraint(
            f'ALTER TABLE {row.of} ADD CONSTRAINT "{row.name}" {row.definition}', row.is_foreign
        )
        for row in found
    ]


def _set_sequences(connection: Connection) -> None:
    """Let PostgreSQL go on numbering behind what was loaded."""
    for table in metadata.sorted_tables:
        for key in table.primary_key:
            if key is not table.autoincrement_column:
                continue
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), found)"
                    f" FROM (SELECT max({key.name}) AS found FROM {table.name}) AS newest"
                    " WHERE found IS NOT NULL"
                )
            )


def _bytes(connection: Connection) -> int:
    """Return what the database takes on disk."""
    if connection.dialect.name == "sqlite":
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        return int(pages * connection.execute(text("PRAGMA page_size")).scalar_one())
    query = text("SELECT pg_database_size(current_database())")
    return int(connection.execute(query).scalar_one())


# ── The command ──


def main(arguments: Sequence[str] | None = None) -> int:
    """Load as told on the command line; return 1 where that can't be."""
    given = _parser().parse_args(arguments)
    size = Size(
        obligations=given.obligations,
        only_open=given.open,
        due=given.due,
        due_runs=given.due_runs,
        versions=given.versions,
        seed=given.seed,
    )
    wanted = Wanted(given.seed, given.at, given.count, given.oldest)
    console = Console(stderr=True)
    with console.status("…") as status:
        try:
            lived = live(given.prototypes, wanted, status.update)
            loaded = load(given.database, lived, size, status.update)
        except NotEmpty:
            console.print("The database holds runs already: name one that is empty.")
            return 1
        except ValueError as error:
            console.print(str(error))
            return 1
    table = RichTable("what", "how much")
    for name, count in loaded.rows.items():
        table.add_row(name, f"{count:,}")
    table.add_row("open obligations", f"{loaded.open:,}")
    table.add_row("due obligations", f"{loaded.due:,} in {loaded.due_runs:,} runs")
    table.add_row("seconds", f"{loaded.seconds:,.1f}")
    table.add_row("rows a second", f"{loaded.rows_a_second:,}")
    table.add_row("size on disk (MB)", f"{loaded.bytes / 1e6:,.0f}")
    Console().print(table)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=_WHAT)
    parser.add_argument("--database", required=True, help="URL of an empty database")
    parser.add_argument("--obligations", type=int, default=100_000)
    parser.add_argument("--open", action="store_true", help="count only those that are open")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--due", type=int, default=0, help="obligations that wake by --at")
    parser.add_argument("--due-runs", type=int, help="in about so many runs; default: due / 10")
    parser.add_argument("--at", type=_moment, default=MORNING)
    parser.add_argument("--versions", type=int, help="versions of plans; default: runs / 10")
    parser.add_argument("--count", type=int, default=24, help="prototypes")
    parser.add_argument("--oldest", type=int, default=150, help="days that the oldest run is old")
    parser.add_argument("--prototypes", type=Path, default=ROOT / "build/prototypes")
    return parser


def _moment(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("say the zone too, as in 2026-05-11T08:00+07:00")
    return moment


_WHAT = "Fill an empty database with a country's worth of plan runs."


if __name__ == "__main__":
    sys.exit(main())
