"""PostgreSQL: what a server that others restart does to us."""

from __future__ import annotations

from sqlalchemy import text

from storage import plans
from storage.database import Database
from tests.postgres import Postgres
from tests.storage.records import keep_run
from tests.storage.together import PATIENCE


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
