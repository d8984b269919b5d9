"""Load: what is multiplied is what the program itself would have written, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, func, inspect, select

from benchmarks.load import Loaded, NotEmpty, Size, load
from benchmarks.prototypes import Lived, Wanted, live
from benchmarks.provinces import PROVINCES
from engine.chasing import next_wake
from engine.ledger import fold
from services import chasing
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger, notices, plans
from storage.database import Database
from storage.outbox import Status
from storage.tables import (
    MESSAGES,
    NOTICES,
    OBLIGATIONS,
    PLAN_RUNS,
    PLAN_VERSIONS,
    RECIPIENTS,
    metadata,
)
from tests.postgres import Postgres
from tests.services.office import deliver

AT = datetime.fromisoformat("2026-05-11T08:00+07:00")
SIZE = Size(obligations=2_500, due=77, due_runs=9, versions=17)


@dataclass(frozen=True)
class Filled:
    """A database that was loaded, and the prototypes that it was loaded from."""

    url: str
    parts: Parts
    lived: Lived
    loaded: Loaded


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A few prototypes of two months."""
    return live(tmp_path_factory.mktemp("prototypes") / "made", Wanted(7, AT, count=9, oldest=60))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, lived: Lived, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    """A database full of copies; no test changes it but the last."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        url = f"sqlite:///{home / 'dondoc.sqlite3'}"
        if request.param == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            url = stack.enter_context(server.database()).render_as_string(hide_password=False)
        loaded = load(url, lived, SIZE)
        settings = Settings(home=home, database_url=url, mailbox=None, smtp_host="")
        yield Filled(url, stack.enter_context(opened(settings)), lived, loaded)


def rows_of(connection: Connection, table: Table, run: str, *keys: str) -> list[tuple[Any, ...]]:
    """Return what some columns of a table say of a run, in order."""
    query = select(*(table.c[key] for key in keys)).where(table.c.run == run)
    return sorted(map(tuple, connection.execute(query)), key=repr)


def test_it_is_as_many_as_were_asked_for(filled: Filled):
    """A figure of a thousand due among a million means just these."""
    loaded, columns = filled.loaded, OBLIGATIONS.c
    with filled.parts.database.reading() as connection:
        for name, count in loaded.rows.items():
            query = select(func.count()).select_from(metadata.tables[name])
            assert connection.execute(query).scalar_one() == count
        due = connection.execute(select(func.count()).where(columns.next_wake_at <= AT))
        waking = connection.execute(select(func.count()).where(PLAN_RUNS.c.wakes_at <= AT))
        standing = connection.execute(select(func.count()).where(columns.standing == "open"))
        assert due.scalar_one() == loaded.due == SIZE.due
        assert waking.scalar_one() == loaded.due_runs
        assert standing.scalar_one() == loaded.open
    assert SIZE.obligations <= loaded.rows["obligations"] <= SIZE.obligations + 150
    assert 5 <= loaded.due_runs <= 15
    assert loaded.rows["plan_versions"] == SIZE.versions


def test_what_is_closed_need_not_count(lived: Lived, tmp_path: Path):
    """A million open obligations are not a million of which most are done."""
    wanted = Size(obligations=700, only_open=True)
    loaded = load(f"sqlite:///{tmp_path / 'open.sqlite3'}", lived, wanted)
    assert 700 <= loaded.open <= 850
    assert loaded.due == 0


def test_obligations_are_in_every_state(filled: Filled):
    """A database in which nobody is late measures nothing."""
    columns = OBLIGATIONS.c
    with filled.parts.database.reading() as connection:
        states = select(
            columns.standing,
            columns.opened_at.is_not(None),
            columns.submitted_on >= columns.late_from,
            columns.late_from <= AT,
        )
        found = set(map(tuple, connection.execute(states)))
        kinds = set(connection.execute(select(NOTICES.c.kind)).scalars())
    assert {one[0] for one in found} == {"open", "submitted", "accepted", "waived"}
    assert ("open", False, None, False) in found  # its stage has not opened
    assert ("open", True, None, False) in found
    assert ("open", True, None, True) in found  # overdue
    assert {one[2] for one in found if one[0] == "submitted"} == {False, True}
    assert kinds == {"assign", "remind", "overdue", "escalate", "returned"}


def test_every_row_is_the_fold_of_its_ledger(filled: Filled):
    """Copies that part from their ledger would measure what never happens."""
    parts, just_before = filled.parts, AT - timedelta(minutes=1)
    with parts.database.reading() as connection:
        for run in filled.loaded.runs:
            stored = plans.find_run(connection, run)
            assert stored is not None
            plan = parts.plan(stored.plan_version)
            state = fold(plan, ledger.entries(connection, run))
            issued = notices.keys(connection, run, list(plan.obligations))
            query = select(OBLIGATIONS).where(OBLIGATIONS.c.run == run)
            rows = list(connection.execute(query.order_by(OBLIGATIONS.c.position)))
            assert [row.id for row in rows] == list(state.obligations)
            wakes = []
            for row in rows:
                one = state.obligations[row.id]
                assert row.standing == one.standing.value
                assert (row.round, row.opened_at) == (one.round, one.opened_at)
                assert row.last_day == (None if one.due is None else one.due.last_day)
                assert row.late_from == (None if one.due is None else one.due.late_from)
                assert (row.submitted_on, row.settled_at) == (one.submitted_on, one.settled_at)
                wake = next_wake(plan, one, issued=issued[row.id], now=just_before)
                assert row.next_wake_at == wake, (run, row.id)
                wakes += [] if wake is None else [wake]
            assert stored.completed_at == state.completed_at
            turns = [at for at in (stored.next_turn_at, stored.news_at) if at is not None]
            assert stored.wakes_at == min([*wakes, *turns], default=None)


def test_every_key_refers_to_a_row_of_the_same_run(filled: Filled):
    """A notice that hangs on another run's mail would be told to strangers."""
    notice, message = NOTICES.alias(), MESSAGES.alias()
    with filled.parts.database.reading() as connection:
        for table in metadata.sorted_tables:
            for key in table.foreign_keys:
                found = select(1).where(key.column == key.parent).correlate(table)
                orphans = select(func.count()).select_from(table)
                orphans = orphans.where(key.parent.is_not(None), ~found.exists())
                assert connection.execute(orphans).scalar_one() == 0, (table.name, key)
        strange = select(func.count()).select_from(
            notice.join(message, message.c.id == notice.c.message)
        )
        strange = strange.where(
            (notice.c.run != message.c.run) | (notice.c.recipient != message.c.recipient)
        )
        assert connection.execute(strange).scalar_one() == 0


def test_a_copy_is_its_own_provinces(filled: Filled):
    """No sign of the pattern is left, and no mail goes to another province."""
    domains = {domain for _, domain in PROVINCES}
    with filled.parts.database.reading() as connection:
        query = select(MESSAGES.c.run, MESSAGES.c.message_id, RECIPIENTS.c.address)
        query = query.join(RECIPIENTS, RECIPIENTS.c.message == MESSAGES.c.id)
        for run, message_id, address in connection.execute(query):
            domain = address.split(".")[-2]
            assert domain in domains
            assert f"-{domain}-" in run
            assert f".{run}@" in message_id
        for title, plan in connection.execute(select(PLAN_VERSIONS.c.title, PLAN_VERSIONS.c.plan)):
            assert "Mẫu" not in title
            assert plan.rpartition("-")[2] in domains


def test_the_schema_is_as_it_was(filled: Filled):
    """What was let go of to load faster is there again: without it no figure is true."""
    with filled.parts.database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        looked = inspect(connection)
        for table in metadata.sorted_tables:
            keys = looked.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == [column.name for column in table.primary_key]
            assert len(looked.get_foreign_keys(table.name)) == len(table.foreign_key_constraints)


def test_only_an_empty_database_is_loaded(filled: Filled):
    """Twice the load under the same names would be half a load that fails."""
    with pytest.raises(NotEmpty):
        load(filled.url, filled.lived, SIZE)


def test_what_cannot_be_had_is_said(filled: Filled, tmp_path: Path):
    """More due than there are obligations is a slip of whoever measures."""
    with pytest.raises(ValueError, match="too many"):
        load(f"sqlite:///{tmp_path / 'x.sqlite3'}", filled.lived, Size(obligations=100, due=900))


def test_chasing_a_copy_gives_what_chasing_the_prototype_gave(filled: Filled):
    """The morning of the copies is that of the prototypes, down to the mail."""
    parts, loaded = filled.parts, filled.loaded
    with parts.database.writing() as connection:
        waking = [one.id for one in plans.take_due(connection, AT, limit=1_000)]
    while chasing.is_anything_due(parts, AT):
        chasing.issue_notices(parts, AT)
        deliver(parts, AT)

    original = Database(filled.lived.after)
    notice = ("obligation", "round", "rung", "recipient", "at", "status")
    obligation = ("id", "standing", "round", "opened_at", "next_wake_at")
    message = ("recipient", "slot", "part", "kind")
    with parts.database.reading() as connection, original.reading() as other:
        for run in waking:
            prototype = loaded.runs[run]
            for table, keys in ((NOTICES, notice), (OBLIGATIONS, obligation), (MESSAGES, message)):
                copied = rows_of(connection, table, run, *keys)
                assert copied == rows_of(other, table, prototype, *keys), table.name
        query = select(func.count()).where(MESSAGES.c.status == Status.QUEUED.value)
        assert connection.execute(query).scalar_one() == 0
    assert chasing.count_due(parts, AT, most=1) == 0
    assert len(waking) == loaded.due_runs
    original.close()
