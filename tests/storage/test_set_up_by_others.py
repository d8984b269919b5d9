"""A server that somebody else has set up: its encoding, its schemas, its poolers, its standbys."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import DBAPIError

from services import checkup, upkeep, wiring
from services.errors import Unavailable
from services.settings import Settings
from storage import postgresql
from storage.database import Database, Locked, Patience, SchemaTooNew, _config
from storage.errors import Broken, ConnectionLost, NoRoom, Occupied, ReadOnly, WrongEncoding
from tests.postgres import Postgres
from tests.services import written as w
from tests.storage.records import keep_run

READ_ONLY = {"options": "-c default_transaction_read_only=on"}
"""As a standby is, which says the same of itself."""


def spelled(url: URL) -> str:
    """Return a URL with all that is needed to open it."""
    return url.render_as_string(hide_password=False)


def settings_of(url: URL, home: Path) -> Settings:
    """The settings of an office on a database."""
    return Settings(home=home, database_url=spelled(url), smtp_host="")


def execute(database: Database, statement: str) -> None:
    """Execute a statement in a transaction that writes."""
    with database.writing() as connection:
        connection.execute(text(statement))


def fill(database: Database, limited: str) -> None:
    """Write more than a file can take whose connection is limited by a pragma."""
    with database.reading() as connection:
        connection.exec_driver_sql(limited)
    for number in range(200):
        keep_run(database, f"r{number}")


@contextmanager
def guest(url: URL, *grants: str) -> Iterator[URL]:
    """A user who owns nothing but a schema of its own, in a database of somebody else's."""
    name = f"guest_{uuid.uuid4().hex[:8]}"
    owner = Database(spelled(url))
    statements = (
        "REVOKE ALL ON SCHEMA public FROM public",
        f"CREATE ROLE {name} LOGIN PASSWORD 'g/u:e@s t%'",
        f'CREATE SCHEMA "Sở Nội vụ" AUTHORIZATION {name}',
        f'ALTER ROLE {name} SET search_path = "Sở Nội vụ"',
        *grants,
    )
    for statement in statements:
        execute(owner, statement)
    try:
        yield url.set(username=name, password="g/u:e@s t%")
    finally:
        execute(owner, f"DROP OWNED BY {name}")
        execute(owner, f"DROP ROLE {name}")
        owner.close()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_is_not_utf8_is_refused_before_anything_is_written(
    postgres: Postgres, tmp_path: Path, encoding: str
):
    """A server made without a locale makes such ones; Vietnamese letters would be lost later."""
    name = f"odd_{uuid.uuid4().hex[:8]}"
    admin = postgres.url.set(drivername="postgresql")
    with psycopg.connect(spelled(admin), autocommit=True) as connection:
        made = f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}'"
        connection.execute(made.encode())
        try:
            settings = settings_of(postgres.url.set(database=name), tmp_path)
            with pytest.raises(Unavailable, match=f"{encoding}.*--encoding=UTF8") as refused:
                upkeep.upgrade(settings)
            looked = checkup.database(settings)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    assert refused.value.key == "error.database-encoding"
    assert isinstance(refused.value.__cause__, WrongEncoding)
    assert looked.said == "encoding"


def test_a_schema_of_ones_own_in_a_shared_database_is_used_checked_and_backed_up(
    postgres: Postgres, tmp_path: Path
):
    """What others keep beside it is closed to us, and no business of ours."""
    with postgres.database() as url:
        others = Database(spelled(url))
        for statement in (
            "CREATE SCHEMA others",
            "CREATE TABLE others.plan_runs (id INTEGER)",
            "CREATE INDEX odd ON others.plan_runs (id)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'others.odd'::regclass",
        ):
            execute(others, statement)
        others.close()
        with guest(url) as ours:
            settings = settings_of(ours, tmp_path)
            upkeep.upgrade(settings)
            with wiring.opened(settings) as parts:
                keep_run(parts.database)
            found = list(upkeep.check(settings, now=w.START))
            made = upkeep.backup(settings, tmp_path / "copy", now=w.START)

    assert [one.said for one in found[:3]] == ["good", "good", "good"]
    assert made.size > 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("postgresql+psycopg://u:p%40s@h:5433/d?sslmode=require", "h 5433 require"),
        ("postgresql+psycopg://u:p@/d?host=/run/pg", "/run/pg - -"),
        ("postgresql+psycopg://u:p@/d?host=a:1&host=b:2&options=-c%20x.y%3D1", "a,b 1,2 -"),
    ],
)
def test_a_backup_goes_where_the_program_goes_and_names_no_password(written: str, expected: str):
    """`***` in place of a password is taken for one, and an option of ours for the dump's."""
    said = postgresql.dump_command(make_url(written), Path("file"))

    where = conninfo_to_dict(said[-1].removeprefix("--dbname="))
    assert {"password", "options"} & where.keys() == set()
    assert "***" not in said[-1]
    assert (where["user"], where["dbname"]) == ("u", "d")
    found = [str(where.get(name, "-")) for name in ("host", "port", "sslmode")]
    assert " ".join(found) == expected


def test_options_of_the_url_have_the_last_word_whatever_they_hold():
    """A schema's name may hold a blank; it is written behind a backslash."""
    written = r"-c lock_timeout=7s --search_path=Sở\ Nội\ vụ -cwork_mem=8MB"

    found = postgresql._options(written)

    assert found == {"lock_timeout": "7s", "search_path": "Sở Nội vụ", "work_mem": "8MB"}
    assert postgresql._options(postgresql._written(found)) == found | {postgresql.KEEPS: "1"}


# ── A pooler, which gives each transaction another session ────────────────────


def _refuses(connect: Any) -> Any:
    def refusing(*words: Any, **named: Any) -> Any:
        if "options" in named:
            raise psycopg.OperationalError("FATAL: unsupported startup parameter: options")
        return connect(*words, **named)

    return refusing


@pytest.mark.parametrize("does", ["refuses", "drops"])
def test_behind_a_pooler_the_limits_hold_for_each_transaction_and_nothing_is_prepared(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch, does: str
):
    """PgBouncer refuses what is set for a session, or drops it, and shares sessions out."""
    with postgres.database() as url:
        own = url.update_query_dict({"options": "-c lock_timeout=7s"})
        database = Database(spelled(own), who="clock")
        if does == "refuses":
            monkeypatch.setattr(psycopg, "connect", _refuses(psycopg.connect))
            monkeypatch.setattr(psycopg.Connection, "connect", _refuses(psycopg.connect))
        else:
            monkeypatch.setattr(postgresql, "_keeps", lambda _connection: False)
        database.upgrade()
        database.ready()
        keep_run(database)
        with database.reading() as connection:
            for _ in range(8):
                assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "7s"
            prepared = text("SELECT count(*) FROM pg_prepared_statements")
            assert connection.execute(prepared).scalar_one() == 0
            limit = text("SHOW idle_in_transaction_session_timeout")
            assert connection.execute(limit).scalar_one() == "1min"

        # Whoever upgrades ends sessions of the pooler's, not ours.
        newer = Database(spelled(url))
        with newer.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        newer.close()
        with pytest.raises(SchemaTooNew):
            keep_run(database, "s")
        database.close()


# ── Standbys, and what else goes wrong ────────────────────────────────────────


def test_a_standby_named_by_mistake_is_said_at_the_start_and_can_be_read(
    postgres: Postgres, tmp_path: Path
):
    """A clock that finds out at the first deadline is too late; to look at it is all right."""
    with postgres.database() as url:
        owner = Database(spelled(url))
        owner.upgrade()
        cautious = f"ALTER DATABASE {url.database} SET default_transaction_read_only = on"
        execute(owner, cautious)  # which is no standby
        owner.close()
        with wiring.opened(settings_of(url, tmp_path), to_write=True) as parts:
            keep_run(parts.database)
        standby = settings_of(url.update_query_dict(READ_ONLY), tmp_path)

        opening = wiring.opened(standby, to_write=True)
        with pytest.raises(Unavailable, match="target_session_attrs") as refused:
            opening.__enter__()
        with pytest.raises(Unavailable) as unwritten, wiring.opened(standby) as parts:
            keep_run(parts.database, "s")
        found = list(upkeep.check(standby, now=w.START))
        looked = checkup.database(standby)

    assert refused.value.key == unwritten.value.key == "error.database-read-only"
    assert isinstance(refused.value.__cause__, ReadOnly)
    assert found[0].said == "good"
    assert looked.said == "read-only"


def test_an_upgrade_behind_a_lock_of_somebody_else_says_whose_and_ends(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    """A forgotten `psql`, or a long dump: an upgrade that waits without a word looks hung."""
    monkeypatch.setattr(postgresql, "HELD", 1)
    with postgres.database() as url:
        ours = Database(spelled(url), who="upgrade", patience=Patience(lock=1))
        with ours.writing() as connection:
            command.upgrade(_config(connection), "0003")
        holder = url.set(drivername="postgresql").update_query_dict({"application_name": "psql"})
        heard: list[str] = []
        with psycopg.connect(spelled(holder)) as other:
            other.execute("SELECT count(*) FROM plan_runs")
            with pytest.raises(Locked) as locked:
                ours.upgrade(waits=heard.extend)
            pid = other.info.backend_pid

        assert locked.value.holders == heard == [f"psql (pid {pid})"]
        said = wiring.unavailable(locked.value, ours).say("vi")
        assert f"psql (pid {pid})" in said
        assert ours.revisions()[0] == "0003"
        ours.upgrade()
        ours.close()


TROUBLES = [
    ("SELECT pg_terminate_backend(pg_backend_pid())", ConnectionLost, "error.database-lost"),
    ("DO $$ BEGIN RAISE 'disk' USING ERRCODE = '53100'; END $$", NoRoom, "error.database-full"),
    ("SET LOCAL statement_timeout = 1; SELECT pg_sleep(9)", Occupied, "error.database-occupied"),
    ("SELECT 1/0", Broken, "error.database-failed"),
]


@pytest.mark.parametrize(("statement", "kind", "key"), TROUBLES)
def test_what_a_server_fails_at_is_one_sentence(
    postgres: Postgres, tmp_path: Path, statement: str, kind: type[Exception], key: str
):
    """A traceback tells an operator nothing; the exit code says that it was outside."""
    with postgres.database() as url:
        settings = settings_of(url, tmp_path)
        with pytest.raises(Unavailable) as said, wiring.opened(settings) as parts:
            execute(parts.database, statement)

    assert said.value.key == key
    cause = said.value.__cause__
    assert isinstance(cause, DBAPIError)
    assert isinstance(Database("postgresql+psycopg://").trouble(cause), kind)


@pytest.mark.parametrize(
    ("pragma", "key"),
    [("query_only = 1", "error.database-read-only"), ("max_page_count = 1", "error.database-full")],
)
def test_what_a_file_fails_at_is_one_sentence(tmp_path: Path, pragma: str, key: str):
    """The same of a file: without the right to write, and on a full disk."""
    settings = Settings(home=tmp_path, database_url="", smtp_host="")
    with wiring.opened(settings):
        pass
    limited = f"PRAGMA {pragma}"
    with pytest.raises(Unavailable) as said, wiring.opened(settings) as parts:
        fill(parts.database, limited)

    assert said.value.key == key
