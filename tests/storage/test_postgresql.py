"""PostgreSQL: what a server that others restart does to us."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from services import checkup, runs, upkeep, wiring
from services.errors import Refused, Unavailable
from services.settings import Settings
from storage import plans
from storage.database import REVISION, Database, InUse, Patience, SchemaTooNew, _config
from storage.tables import PLAN_RUNS
from tests.postgres import Postgres
from tests.storage.records import MORNING, keep_run
from tests.storage.together import PATIENCE, at_once


class Halt(Exception):
    """The process dies here."""


def opened(postgres_url: str) -> Database:
    """A database with its schema."""
    database = Database(postgres_url)
    database.upgrade()
    return database


def test_a_server_that_was_restarted_is_asked_anew(postgres: Postgres):
    """A worker or a clock of months must not fail once for each connection that it had."""
    with postgres.database() as url:
        ours = opened(url.render_as_string(hide_password=False))
        keep_run(ours)
        other = Database(url.render_as_string(hide_password=False))
        with other.writing() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

        with ours.reading() as connection:
            assert plans.find_run(connection, "r") is not None
        ours.close()
        other.close()


def test_who_holds_a_run_keeps_no_other_run_waiting(postgres: Postgres):
    """The lock is one of a run, not of the table."""
    with postgres.database() as url:
        ours = opened(url.render_as_string(hide_password=False))
        keep_run(ours, "r")
        keep_run(ours, "s")
        with ours.writing() as one, ours.writing() as two:
            two.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
            plans.lock(one, "r")
            plans.lock(two, "s")
            assert plans.find_run(two, "r") is not None
        ours.close()


def test_who_falls_silent_in_a_transaction_loses_the_run_to_the_next(postgres: Postgres):
    """A machine whose plug is pulled, or a process that hangs, must not hold a run for hours."""
    with postgres.database() as url:
        spelled = url.render_as_string(hide_password=False)
        keep_run(opened(spelled))
        hanging = Database(spelled, patience=Patience(idle=1))
        other = Database(spelled, patience=Patience(lock=PATIENCE))
        held = hanging.writing()
        silent = held.__enter__()
        plans.lock(silent, "r")
        silent.execute(text("UPDATE plan_runs SET news_at = now()"))

        with other.writing() as connection:  # waits for the lock, no longer than the server does
            plans.lock(connection, "r")
            run = plans.find_run(connection, "r")

        assert run is not None
        assert run.news_at is None  # what was not committed is undone
        with pytest.raises(DBAPIError, match="idle-in-transaction"):
            silent.execute(text("UPDATE plan_runs SET news_at = now()"))
        assert not held.__exit__(Halt, Halt(), None)
        keep_run(hanging, "s")  # it comes back by another connection
        hanging.close()
        other.close()


def test_a_row_that_is_never_free_is_given_up(postgres: Postgres):
    """An error that is tried again is better than a worker that waits for ever."""
    with postgres.database() as url:
        spelled = url.render_as_string(hide_password=False)
        ours, other = opened(spelled), Database(spelled, patience=Patience(lock=1))
        keep_run(ours)
        with ours.writing() as holder:
            plans.lock(holder, "r")
            with pytest.raises(OperationalError, match="lock timeout"), other.writing() as waiting:
                plans.lock(waiting, "r")
        ours.close()
        other.close()


def test_a_session_says_whose_it_is_and_how_long_it_waits(postgres: Postgres):
    """An administrator sees in pg_stat_activity who holds what; the URL has the last word."""
    with postgres.database() as url:
        own = url.update_query_dict({"options": "-c lock_timeout=7s", "connect_timeout": "3"})
        database = Database(own.render_as_string(hide_password=False), who="clock")
        expected = {
            "application_name": "dondoc/clock",
            "lock_timeout": "7s",
            "idle_in_transaction_session_timeout": "1min",
            "tcp_keepalives_idle": "7",
            "tcp_user_timeout": "30000",
            "statement_timeout": "30min",
        }
        with database.reading() as connection:
            for name, value in expected.items():
                assert connection.execute(text(f"SHOW {name}")).scalar_one() == value
        database.close()


def test_whoever_upgrades_is_told_who_is_at_work(postgres: Postgres):
    """Machines that still run the older program are named, and left alone unless one insists."""
    with postgres.database() as url:
        spelled = url.render_as_string(hide_password=False)
        first = Database(spelled)
        first.upgrade()
        with first.writing() as connection:
            config = _config(connection)
            command.downgrade(config, "-1")
        first.close()
        older, upgrader = Database(spelled, who="clock"), Database(spelled, who="upgrade")
        with older.reading() as connection:
            connection.execute(text("SELECT 1"))

        with pytest.raises(InUse, match=r"dondoc/clock \(127\.0\.0\.1\)"):
            upgrader.upgrade()
        found, head = upgrader.upgrade(disconnect=True)

        assert found != head
        assert upgrader.revisions() == (head, head)
        upgrader.upgrade()
        older.close()
        upgrader.close()


def test_who_begins_to_write_during_an_upgrade_waits_and_looks_again(postgres: Postgres):
    """Between the look at who is connected and the commit nobody may slip in."""
    with postgres.database() as url:
        spelled = url.render_as_string(hide_password=False)
        ours = opened(spelled)
        ours.ready()
        ours.close()  # its next connection is a new one
        upgrading, waits = Event(), Event()

        def upgrade() -> None:
            newer = Database(spelled, who="upgrade")
            with newer.writing() as connection:
                newer.driver.begin_upgrade(connection, print)
                newer.driver.hold(connection, [REVISION], print)
                upgrading.set()
                assert waits.wait(PATIENCE)
                connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            newer.close()

        def write() -> None:
            assert upgrading.wait(PATIENCE)
            waits.set()
            with pytest.raises(SchemaTooNew):
                keep_run(ours)

        at_once(upgrade, write)
        ours.close()


def test_runs_that_one_chase_has_are_passed_over_by_the_next(postgres: Postgres):
    """Many chase side by side: nobody stands in line, and who dies gives back what it had."""
    with postgres.database() as url:
        ours = opened(url.render_as_string(hide_password=False))
        for name in ("r", "s", "t"):
            keep_run(ours, name)
        with ours.writing() as connection:
            connection.execute(PLAN_RUNS.update().values(wakes_at=MORNING))

        def take(connection: Connection, limit: int = 9) -> list[str]:
            return [one.id for one in plans.take_due(connection, MORNING, limit=limit)]

        with ours.engine.connect() as one, ours.writing() as two:
            assert take(one, 2) == ["r", "s"]
            assert take(two) == ["t"]
            assert plans.lock(two, "r", wait=False) is False
            one.invalidate()  # it died
        with ours.writing() as three:
            three.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}s'"))
            plans.lock(three, "r")
            assert take(three) == ["r", "s", "t"]
        ours.close()


def test_an_upgrade_that_may_make_no_tables_is_said_in_a_sentence(
    postgres: Postgres, tmp_path: Path
):
    """A server set up by somebody else may give our user no right to the schema."""
    with postgres.database() as url:
        owner = Database(url.render_as_string(hide_password=False))
        with owner.writing() as connection:
            connection.execute(text("REVOKE CREATE ON SCHEMA public FROM public"))
            connection.execute(text("CREATE ROLE dondoc_guest LOGIN PASSWORD 'guest'"))
        try:
            guest = url.set(username="dondoc_guest", password="guest")
            settings = Settings(
                home=tmp_path,
                database_url=guest.render_as_string(hide_password=False),
                smtp_host="",
            )
            with pytest.raises(Unavailable, match="permission denied"):
                upkeep.upgrade(settings)
        finally:
            with owner.writing() as connection:
                connection.execute(text("DROP ROLE dondoc_guest"))
            owner.close()


@pytest.mark.parametrize(
    ("granted", "what"), [("", "alembic_version"), ("alembic_version", "plan_runs")]
)
def test_a_user_without_rights_is_told_of_them_and_not_of_the_address(
    postgres: Postgres, tmp_path: Path, granted: str, what: str
):
    """A restore by an administrator leaves the tables to the administrator."""
    with postgres.database() as url:
        owner = opened(url.render_as_string(hide_password=False))
        with owner.writing() as connection:
            connection.execute(text("CREATE ROLE dondoc_guest LOGIN PASSWORD 'guest'"))
            if granted:
                connection.execute(text(f"GRANT SELECT ON {granted} TO dondoc_guest"))
        try:
            guest = url.set(username="dondoc_guest", password="guest")
            settings = Settings(
                home=tmp_path,
                database_url=guest.render_as_string(hide_password=False),
                smtp_host="",
            )
            with pytest.raises(Unavailable) as refused, wiring.opened(settings) as parts:
                runs.find(parts, None)
            looked = checkup.database(settings)
        finally:
            with owner.writing() as connection:
                connection.execute(text("DROP OWNED BY dondoc_guest"))
                connection.execute(text("DROP ROLE dondoc_guest"))
            owner.close()

    assert refused.value.key == "error.rights-missing"
    said = refused.value.say("vi")
    assert "“dondoc_guest”" in said
    assert f"“{what}”" in said
    assert "GRANT" in said
    assert looked.said == ("good" if granted else "rights")


def test_who_is_at_work_is_said_before_a_backup_is_made(postgres: Postgres, tmp_path: Path):
    """Else the second try, after the clocks were stopped, would find its file there already."""
    with postgres.database() as url:
        spelled = url.render_as_string(hide_password=False)
        ours = Database(spelled, who="clock")
        with ours.writing() as connection:
            command.upgrade(_config(connection), "0003")
        settings = Settings(home=tmp_path, database_url=spelled, smtp_host="")
        with ours.reading(), pytest.raises(Refused, match="dondoc/clock"):
            upkeep.refuse_upgrade(settings, disconnect=False)
        ours.close()
