"""Released: a database of every version is brought up with all that is in it, and goes on.

`tests/storage/released/` has the rows that the program of a revision wrote in a small run;
`tests/storage/releasing.py` makes them. A revision without rows of its own is tried with those
of the one before, as an office has them that came that way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from services.settings import Settings
from services.wiring import Parts, opened
from storage import agreement, ledger, notices, outbox, plans
from storage.database import MIGRATIONS, Database, SchemaTooOld, Step, _config
from storage.outbox import Status
from storage.tables import OBLIGATIONS
from tests.services import written as w
from tests.services.office import Recording, deliver, outbox_of, submit, wake
from tests.services.test_projection import check
from tests.storage.releasing import NOW, RELEASED
from tests.storage.together import at_once

SCRIPT = ScriptDirectory(str(MIGRATIONS))
REVISIONS = [one.revision for one in SCRIPT.walk_revisions()][::-1]
HEAD = REVISIONS[-1]
LATER = w.at("2020-05-12 10:00")


def newest_rows(revision: str) -> Path:
    """Return the rows of the newest version up to `revision`."""
    so_far = REVISIONS[: REVISIONS.index(revision) + 1]
    return next(file for one in so_far[::-1] if (file := RELEASED / f"{one}.sql").exists())


def bring(connection: Connection, revision: str) -> None:
    """Bring the schema to a revision, whatever else is new."""
    command.upgrade(_config(connection), revision)


def fill(connection: Connection, file: Path) -> None:
    """Write the rows, and let numbers go on behind them."""
    connection.execute(text("SET LOCAL TimeZone = 'UTC'")) if _is_server(connection) else None
    for line in file.read_text(encoding="utf-8").splitlines():
        connection.exec_driver_sql(line.replace("%", "%%") if _is_server(connection) else line)
    if not _is_server(connection):
        return
    for table in inspect(connection).get_table_names():
        for column in inspect(connection).get_columns(table):
            if column.get("autoincrement"):
                name = column["name"]
                connection.execute(
                    text(
                        f"SELECT setval(pg_get_serial_sequence('{table}', '{name}'),"
                        f" (SELECT coalesce(max({name}), 1) FROM {table}))"
                    )
                )


def _is_server(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


@pytest.fixture(params=REVISIONS)
def revision(request: pytest.FixtureRequest) -> str:
    """Each revision that there was."""
    found: str = request.param
    return found


@pytest.fixture
def old(empty: Database, revision: str) -> Database:
    """A database of that revision, with a run under way."""
    with empty.writing() as connection:
        rows = newest_rows(revision)
        bring(connection, rows.stem)
        fill(connection, rows)
        bring(connection, revision)
    return empty


@pytest.fixture
def parts(old: Database, tmp_path: Path) -> Iterator[Parts]:
    """The program of today on it, brought up."""
    url = old.url.render_as_string(hide_password=False)
    upgrader = Database(url, who="upgrade")
    upgrader.upgrade(disconnect=True)
    upgrader.close()
    with opened(Settings(home=tmp_path / "x", database_url=url, smtp_host="")) as made:
        yield made


def test_every_released_revision_but_the_newest_has_rows_of_its_own():
    """What a version wrote can only be had while its program is at hand."""
    missing = [one for one in REVISIONS[:-1] if not (RELEASED / f"{one}.sql").exists()]
    assert missing == [], "python -m tests.storage.releasing, at the last commit of that revision"


def test_nothing_is_lost_on_the_way_up(old: Database, revision: str):
    """Every row of every table is there afterwards, and the schema is what the models say."""
    with old.reading() as connection:
        tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
        before = {one: _count(connection, one) for one in tables}

    steps: list[Step] = []
    assert old.upgrade(tell=steps.append) == (revision, HEAD)

    assert [one.revision for one in steps] == REVISIONS[REVISIONS.index(revision) + 1 :]
    with old.reading() as connection:
        assert {one: _count(connection, one) for one in tables} == before
        assert agreement.differences(connection) == []
    assert old.faults() == []


def _count(connection: Connection, table: str) -> int:
    return int(connection.execute(select(func.count()).select_from(text(table))).scalar_one())


def test_the_ledger_reads_as_it_was_written(parts: Parts):
    """The history is what an office proves its work by."""
    with parts.database.reading() as connection:
        entries = ledger.entries(connection, "nho")
        run = plans.find_run(connection, "nho")
    said = [(one.kind.value, one.obligation) for one in entries]
    assert run is not None
    assert run.started_at == w.START
    assert said[0] == ("run-started", None)
    assert ("submitted", w.REPORT_A) in said
    assert ("returned", w.REPORT_A) in said
    assert ("extended", w.REPORT_B) in said
    assert (
        next(one for one in entries if one.kind.value == "extended").data["until"] == "2020-05-20"
    )


def test_the_projection_is_what_the_ledger_folds_to(parts: Parts):
    """What an old version projected must be what this one reckons."""
    check(parts, NOW, issued_now=True, is_upgraded=True)


def test_the_mail_that_was_waiting_goes_out_once_and_nothing_again(parts: Parts):
    """Nobody is mailed twice because the program was renewed, and nobody is passed over."""
    way = Recording()
    deliver(parts, LATER, way)
    first = sorted(way.to)
    deliver(parts, LATER, way)

    assert sorted(way.to) == first
    assert "c@nho.example" in first
    assert "tinh@nho.example" in first
    assert {one.status for one in outbox_of(parts)} <= {Status.SENT, Status.CANCELLED}


def test_the_run_goes_on(parts: Parts):
    """A chase, submissions, the next stage, its reminder, each once."""
    wake(parts, LATER)
    submit(parts, w.REPORT_C, w.REPORT_A, now=w.at("2020-05-12 11:00"))
    with parts.database.reading() as connection:
        issued = notices.keys(connection, "nho", [w.REPORT_B])[w.REPORT_B]
    to = wake(parts, w.at("2020-05-20 08:00"))

    assert "b@nho.example" in to
    with parts.database.reading() as connection:
        assert notices.keys(connection, "nho", [w.REPORT_B])[w.REPORT_B] > issued
        query = select(OBLIGATIONS.c.opened_at).where(OBLIGATIONS.c.id == w.DRAFT)
        assert connection.execute(query).scalar() is not None
        numbers = [one.message_id for one in outbox.of_run(connection)]
    assert len(numbers) == len(set(numbers))
    check(parts, w.at("2020-05-20 08:00"), issued_now=True)


@pytest.mark.parametrize("revision", REVISIONS[-2:-1], indirect=True)
def test_an_older_schema_is_brought_up_unasked_on_one_machine_only(old: Database, tmp_path: Path):
    """On a server the other machines may still run the program that the schema belongs to."""
    url = old.url.render_as_string(hide_password=False)
    later = Database(url)
    if old.is_sqlite:
        later.ready()
        assert later.revisions() == (HEAD, HEAD)
    else:
        with pytest.raises(SchemaTooOld) as refused:
            later.ready()
        assert (refused.value.found, refused.value.wanted) == (REVISIONS[-2], HEAD)
    later.close()


@pytest.mark.parametrize("revision", REVISIONS[:1], indirect=True)
def test_many_who_bring_it_up_at_once_do_it_once(old: Database):
    """An administrator's script may run on every machine."""
    url = old.url.render_as_string(hide_password=False)
    old.close()
    told: list[Step] = []

    def upgrade() -> None:
        mine = Database(url, who="upgrade")
        mine.upgrade(tell=told.append)
        mine.close()

    at_once(*[upgrade] * 4)

    assert [one.revision for one in told] == REVISIONS[1:]
