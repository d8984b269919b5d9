"""Migrations: from nothing to the models, twice, and never backwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from storage import agreement
from storage.database import MIGRATIONS, Database, SchemaTooNew
from storage.tables import metadata
from tests.storage.records import contents, keep_run
from tests.storage.together import at_once

HEAD = ScriptDirectory(str(MIGRATIONS)).get_current_head()
INSTANT = {"SQLite": "DATETIME", "PostgreSQL": "TIMESTAMP WITH TIME ZONE"}


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with this version's schema and of its own: it is changed here."""
    empty.upgrade()
    return empty


def revision(database: Database) -> str | None:
    """Return the version that the database says it has."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def test_an_empty_database_becomes_what_the_models_say(empty: Database):
    """A column added to a model and forgotten in a migration would fail at an office."""
    empty.upgrade()

    with empty.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
        assert agreement.differences(connection) == []
    assert revision(empty) == HEAD


TAMPERINGS = {
    "no-table": ("DROP TABLE relays", "relays"),
    "no-column": ("ALTER TABLE relays DROP COLUMN why", "relays.why"),
    "column": ("ALTER TABLE relays ADD COLUMN colour VARCHAR", "relays.colour"),
    "no-index": ("DROP INDEX ix_recipients_address", "recipients ix_recipients_address"),
}


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_what_is_not_as_the_models_say_is_named(database: Database, kind: str):
    """Each of these would fail later, at night, in a sentence that nobody understands."""
    statement, where = TAMPERINGS[kind]
    with database.writing() as connection:
        connection.execute(text(statement))

    with database.reading() as connection:
        found = agreement.differences(connection)

    assert [(one.kind, one.what) for one in found] == [(kind, where)]


def test_the_unique_and_foreign_keys_are_really_looked_for(database: Database):
    """They are what makes things happen once."""
    with database.writing() as connection:
        connection.execute(text("DROP TABLE outside_events"))
        connection.execute(text("DROP TABLE stage_runs"))
        connection.execute(
            text(
                "CREATE TABLE outside_events (id INTEGER NOT NULL PRIMARY KEY,"
                " name VARCHAR NOT NULL, document VARCHAR NOT NULL,"
                f" happened_at {INSTANT[database.driver.name]} NOT NULL,"
                f' recorded_at {INSTANT[database.driver.name]} NOT NULL, "by" VARCHAR NOT NULL)'
            )
        )
        connection.execute(
            text(
                "CREATE TABLE stage_runs (run VARCHAR NOT NULL, stage VARCHAR NOT NULL,"
                " flow_run VARCHAR, shown TEXT NOT NULL, PRIMARY KEY (run, stage))"
            )
        )

    with database.reading() as connection:
        found = agreement.differences(connection)

    assert {(one.kind, one.what) for one in found} == {
        ("no-unique", "outside_events (name, document)"),
        ("no-key", "stage_runs (run) → plan_runs"),
    }


def test_upgrading_twice_is_harmless(database: Database):
    """Every start of the program upgrades."""
    keep_run(database)
    before = contents(database)

    database.upgrade()

    assert contents(database) == before
    assert revision(database) == HEAD


def test_upgrading_from_many_at_once_is_harmless(empty: Database, empty_url: str):
    """Several workers start on one new database."""

    def upgrade() -> None:
        mine = Database(empty_url)
        mine.upgrade()
        mine.close()

    at_once(*[upgrade] * 4)

    assert revision(empty) == HEAD


def test_a_newer_schema_is_refused_and_left_alone(database: Database):
    """An older program must not write into what it does not know."""
    keep_run(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = contents(database)

    with pytest.raises(SchemaTooNew) as refused:
        database.upgrade()

    assert refused.value.found == "9999"
    assert contents(database) == before
    assert revision(database) == "9999"


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A half-made schema could be neither used nor upgraded."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        (folder / name).write_text((MIGRATIONS / name).read_text())
    (folder / "versions" / "0001.py").write_text(
        "from alembic import op\n"
        "import sqlalchemy as sa\n"
        "revision, down_revision = '0001', None\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Integer(), primary_key=True))\n"
        "    raise RuntimeError('the disk is full')\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr("storage.database.MIGRATIONS", folder)
        with pytest.raises(RuntimeError, match="disk is full"):
            empty.upgrade()

    with empty.reading() as connection:
        assert inspect(connection).get_table_names() == []
    empty.upgrade()
    assert revision(empty) == HEAD


def test_going_down_leaves_nothing(database: Database):
    """A downgrade that forgets a table could not be upgraded again."""
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    with database.reading() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    database.upgrade()
    assert revision(database) == HEAD
