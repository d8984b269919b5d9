"""Upkeep: what an operator does to either database, and what comes of it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from services import chasing, upkeep
from services.errors import Refused, Unavailable
from services.settings import Settings
from services.wiring import Parts, opened
from storage import ledger
from storage.database import Database, SchemaTooNew
from tests.services import written as w
from tests.services.office import Recording, deliver, start, submit, wake
from tests.storage.records import contents
from tests.storage.restoring import restored

NOW = w.at("2020-05-12 10:00")


def spelled(database: Database) -> str:
    """Return a database's URL with all that is needed to open it."""
    return database.url.render_as_string(hide_password=False)


@pytest.fixture
def parts(database: Database, tmp_path: Path) -> Iterator[Parts]:
    """An office in which the small plan is late; a submission is in, mail went out and waits."""
    settings = Settings(home=tmp_path / "office", database_url=spelled(database), smtp_host="")
    with opened(settings) as made:
        start(made)
        wake(made, w.START)
        submit(made, w.REPORT_A, now=w.at("2020-05-05 09:00"))
        wake(made, w.LATE)
        chasing.issue_notices(made, w.at("2020-05-12 09:00"))
        yield made


def findings(parts: Parts, *, rebuild: bool = False) -> list[tuple[str, str]]:
    """Return what a check finds fault with."""
    found = upkeep.check(parts.settings, now=NOW, rebuild=rebuild)
    return [(one.point, one.said) for one in found if one.is_fault]


def tamper(parts: Parts, statement: str) -> None:
    """Change the database as no program of ours does."""
    with parts.database.writing() as connection:
        connection.execute(text(statement))


def test_a_healthy_database_is_said_to_be_healthy_and_is_not_changed(parts: Parts):
    """An operator looks often, also while everything runs."""
    before = contents(parts.database)
    heard: list[tuple[int, int]] = []

    found = list(
        upkeep.check(parts.settings, now=NOW, progress=lambda done, of: heard.append((done, of)))
    )

    assert [one.point for one in found] == ["revision", "integrity", "schema", "projection"]
    assert not any(one.is_fault for one in found)
    assert heard[-1] == (1, 1)
    assert contents(parts.database) == before


def test_a_gate_that_gave_way_while_nobody_looked_is_no_finding(parts: Parts):
    """After an outage, an upgrade or a restore the rows are as they were: the clock goes on."""
    later = w.at("2020-07-01 08:00")
    found = upkeep.check(parts.settings, now=later)
    assert [one.said for one in found if one.is_fault] == []


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE obligations SET standing = 'accepted' WHERE id = '{w.REPORT_C}'",
        f"UPDATE obligations SET next_wake_at = NULL WHERE id = '{w.REPORT_C}'",
        f"UPDATE obligations SET last_day = '2030-01-01' WHERE id = '{w.REPORT_B}'",
        f"DELETE FROM obligations WHERE id = '{w.REPORT_B}'",
        f"UPDATE obligations SET position = 99 WHERE id = '{w.REPORT_A}'",
        "UPDATE plan_runs SET next_turn_at = NULL",
        "UPDATE plan_runs SET brief_at = NULL",
        "UPDATE plan_runs SET brief_at = '2031-01-01 00:00:00+00:00'",
        "UPDATE plan_runs SET news_at = wakes_at",
        "UPDATE ledger SET changes_state = (1 = 0) WHERE kind = 'submitted'",
    ],
)
def test_a_row_that_parted_from_the_ledger_is_found_and_written_anew(parts: Parts, statement: str):
    """Such a row chases whoever has submitted, or forgets whoever has not."""
    tamper(parts, statement)

    assert findings(parts) == [("projection", "astray")]
    assert findings(parts, rebuild=True) == []
    assert findings(parts) == []


def test_who_was_forgotten_is_chased_again_once_the_run_is_rebuilt(parts: Parts):
    """And nobody twice."""
    asked = w.at("2020-05-13 09:00")
    tamper(parts, "UPDATE obligations SET next_wake_at = NULL")
    wake(parts, w.at("2020-05-12 10:00"))  # the mail that waited
    assert wake(parts, asked) == []

    list(upkeep.check(parts.settings, now=asked, rebuild=True))

    assert "b@nho.example" in wake(parts, asked)
    assert wake(parts, asked) == []
    assert findings(parts) == []


def test_what_is_missing_is_named_in_a_sentence_with_a_way_out(parts: Parts):
    """An operator who is no programmer reads it at night."""
    tamper(parts, "DROP INDEX ix_recipients_address")

    try:
        found = [one for one in upkeep.check(parts.settings, now=NOW) if one.is_fault]
    finally:
        tamper(parts, "CREATE INDEX ix_recipients_address ON recipients (address)")

    assert [(one.point, one.said) for one in found] == [("schema", "no-index")]
    for language in ("vi", "en"):
        assert "ix_recipients_address" in found[0].say(language)
        assert found[0].help(language)


@contextmanager
def said_to_be(parts: Parts, revision: str) -> Iterator[None]:
    """Have the database say that it is of another revision."""
    tamper(parts, f"UPDATE alembic_version SET version_num = '{revision}'")
    try:
        yield
    finally:
        with closing(Database(spelled(parts.database))) as again, again.writing() as connection:
            query = f"UPDATE alembic_version SET version_num = '{again.head}'"
            connection.execute(text(query))


def test_another_version_is_said_and_the_rest_left_alone(parts: Parts):
    """Models of another version would find fault with everything."""
    with said_to_be(parts, "9999"):
        assert findings(parts) == [("revision", "newer")]
        with pytest.raises(Refused, match="phiên bản mới hơn"):
            upkeep.upgrade(parts.settings)
    with said_to_be(parts, "0001"):
        assert findings(parts) == [("revision", "older")]


def test_a_row_that_refers_to_nothing_is_found(parts: Parts):
    """Somebody deleted by hand, with the keys switched off."""
    if not parts.database.is_sqlite:
        pytest.skip("PostgreSQL lets nobody switch them off but its administrator")
    with parts.database.reading() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.exec_driver_sql("DELETE FROM plan_versions")
        connection.exec_driver_sql("BEGIN")

    assert ("integrity", "orphan") in findings(parts)


def test_a_database_that_does_not_answer_is_no_finding(tmp_path: Path):
    """Scripts tell a database that is away (3) from one that is ill (1)."""
    url = "postgresql+psycopg://nobody@127.0.0.1:1/dondoc"

    with pytest.raises(Unavailable):
        list(upkeep.check(Settings(home=tmp_path, database_url=url), now=NOW))


def test_looking_at_a_file_that_is_not_there_does_not_make_it(tmp_path: Path):
    """A mistyped folder must not look like an empty office."""
    settings = Settings(home=tmp_path / "typo", database_url="")

    assert [one.said for one in upkeep.check(settings, now=NOW)] == ["missing"]
    with pytest.raises(Refused, match="không có gì để sao lưu"):
        upkeep.backup(settings, None, now=NOW)

    assert not (tmp_path / "typo").exists()


# ── Backup and restore ────────────────────────────────────────────────────────


def test_a_backup_is_restored_and_the_program_goes_on_with_it(parts: Parts, tmp_path: Path):
    """A copy that nobody has started from is a hope, not a backup."""
    file = tmp_path / "copy"
    before = contents(parts.database)

    made = upkeep.backup(parts.settings, file, now=NOW)

    assert made.size == file.stat().st_size > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if "part" in one.name] == []
    assert contents(parts.database) == before
    submit(parts, w.REPORT_B, now=NOW)  # after the backup: it is not in it
    with restored(parts.database, file, tmp_path / "new") as url:
        settings = Settings(home=tmp_path / "new", database_url=url, smtp_host="")
        with opened(settings) as again:
            assert contents(again.database) == before
            assert findings(again) == []
            way = Recording()
            deliver(again, NOW, way)
            assert "c@nho.example" in way.to
            submit(again, w.REPORT_C, now=NOW)
            with again.database.reading() as connection:
                numbers = [one.obligation for one in ledger.entries(connection, "nho")]
            assert w.REPORT_C in numbers


def test_a_backup_overwrites_nothing(parts: Parts, tmp_path: Path):
    """The last good copy must not go for a bad one."""
    file = tmp_path / "copy"
    file.write_text("the only copy")

    with pytest.raises(Refused, match="không ghi đè"):
        upkeep.backup(parts.settings, file, now=NOW)

    assert file.read_text() == "the only copy"


def test_a_backup_into_no_folder_says_so(parts: Parts, tmp_path: Path):
    """A disk for backups that is not mounted is named, and nothing is made in its place."""
    with pytest.raises(Refused, match="Không có thư mục"):
        upkeep.backup(parts.settings, tmp_path / "away" / "copy", now=NOW)

    assert not (tmp_path / "away").exists()


def test_a_backup_is_of_one_moment_while_others_write(parts: Parts, tmp_path: Path):
    """Half of a transaction in the copy would be a run that never was."""
    before = contents(parts.database)
    with parts.database.writing() as connection:
        connection.execute(text("UPDATE obligations SET standing = 'accepted'"))
        upkeep.backup(parts.settings, file := tmp_path / "copy", now=NOW)

    place = tmp_path / "new"
    with restored(parts.database, file, place) as url, closing(Database(url)) as copy:
        assert contents(copy) == before


def damage(database: Database, table: str) -> None:
    """Overwrite the page that a table of a SQLite file begins with, as a bad disk does."""
    file = Path(str(database.url.database))
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        (page,) = connection.execute(query, (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with file.open("r+b") as written:
        written.seek((page - 1) * size)
        written.write(b"\xa5" * size)


def test_a_damaged_file_is_found(parts: Parts):
    """What a bad disk has eaten is better known while there is a backup of before."""
    if not parts.database.is_sqlite:
        pytest.skip("a server's files are its administrator's")
    damage(parts.database, "ledger")

    assert ("integrity", "broken") in findings(parts)


def test_a_backup_that_fails_leaves_no_file(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file that looks like a backup is taken for one. What to do instead is said."""
    if parts.database.is_sqlite:
        damage(parts.database, "ledger")
        said = "Không sao lưu được"
    else:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("storage.postgresql.PLACES", "no/such/*/place")
        said = "pg_dump .* --file=" + str(tmp_path / "copy") + " "

    with pytest.raises(Unavailable, match=said):
        upkeep.backup(parts.settings, tmp_path / "copy", now=NOW)

    assert not list(tmp_path.glob("copy*"))


# ── Programs of another version ───────────────────────────────────────────────


def test_a_program_that_is_running_writes_nothing_once_the_schema_has_moved(parts: Parts):
    """It would write as its own version does, and the newer one would read it wrongly."""
    newer = Database(spelled(parts.database), who="upgrade")
    with newer.writing() as connection:
        newer.driver.begin_upgrade(connection, print)
        newer.driver.send_away(connection)
        connection.execute(text("CREATE TABLE later (id INTEGER PRIMARY KEY)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        before = contents(parts.database)

        with pytest.raises(SchemaTooNew):
            submit(parts, w.REPORT_B, now=NOW)

        assert contents(parts.database) == before
        refused = upkeep.outdated(parts.settings)
        assert refused is not None
        assert refused.key == "error.schema-too-new"
    finally:
        with newer.writing() as connection:
            connection.execute(text("DROP TABLE later"))
            query = f"UPDATE alembic_version SET version_num = '{newer.head}'"
            connection.execute(text(query))
        newer.close()


def test_a_schema_that_is_ours_keeps_nobody_from_going_on(parts: Parts, tmp_path: Path):
    """Nor does a database that is away for a while."""
    assert upkeep.outdated(parts.settings) is None
    away = "postgresql+psycopg://nobody@127.0.0.1:1/dondoc"
    assert upkeep.outdated(Settings(home=tmp_path, database_url=away)) is None
