"""`dondoc db`: what an operator types, and what scripts read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.console import err, out
from cli.main import app
from flows import moment
from services import wiring
from services.errors import Refused, Unavailable
from storage.database import Database
from tests.services import written as w
from tests.services.office import start, wake
from tests.storage.releasing import RELEASED
from tests.storage.test_released import HEAD, bring, fill

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "width", 200)
    monkeypatch.setattr(err, "width", 200)
    monkeypatch.setattr(moment, "now", lambda _settings: w.LATE)
    return tmp_path / "home"


@pytest.fixture
def lived() -> None:
    """A run under way."""
    with wiring.opened() as parts:
        start(parts)
        wake(parts, w.LATE)


@pytest.fixture
def old(home: Path) -> None:
    """A database of the first version."""
    database = Database(f"sqlite:///{home / 'dondoc.sqlite3'}")
    with database.writing() as connection:
        bring(connection, "0001")
        fill(connection, RELEASED / "0001.sql")
    database.close()


def run(*arguments: str) -> Result:
    """Run a command."""
    return runner.invoke(app, ["db", *arguments])


@pytest.mark.parametrize("command", ["upgrade", "check", "backup"])
def test_every_command_helps_with_an_example(command: str):
    """--help says what it does and shows how."""
    shown = run(command, "--help")
    assert shown.exit_code == 0
    assert "Ví dụ: dondoc db" in shown.output


def test_an_upgrade_advises_a_backup_and_says_from_which_to_which(old: None):
    """An operator writes it into the log of the day."""
    first = run("upgrade", "--lang", "en")
    again = run("upgrade", "--lang", "en")

    assert first.exit_code == again.exit_code == 0
    assert "make a backup first" in first.stderr
    assert "Upgrading to 0002 (1/" in first.stderr
    assert f"from version 0001 to {HEAD}" in first.stdout
    assert "nothing to do" in again.stdout
    assert again.stderr.strip() == ""


def test_an_upgrade_makes_the_backup_that_it_is_asked_for_first(old: None, tmp_path: Path):
    """And then has no advice to give."""
    file = tmp_path / "before"
    shown = run("upgrade", "--backup", str(file), "--format", "json")

    assert json.loads(shown.stdout) == {"from": "0001", "to": HEAD}
    copy = Database(f"sqlite:///{file}")
    assert copy.revisions()[0] == "0001"
    copy.close()


def test_a_new_database_is_made_without_advice(home: Path):
    """There is nothing to lose."""
    shown = run("upgrade", "--format", "json")
    assert json.loads(shown.stdout) == {"from": None, "to": HEAD}
    assert "sao lưu" not in shown.stderr


@pytest.mark.usefixtures("lived")
def test_a_healthy_database_ends_with_zero_and_one_json_document():
    """A monitor asks each night."""
    shown = run("check", "--format", "json", "--lang", "en")
    found = json.loads(shown.stdout)
    assert shown.exit_code == 0
    assert found["ok"] is True
    assert [one["point"] for one in found["points"]] == [
        *("revision", "integrity", "schema", "projection")
    ]
    assert all(set(one) == {"point", "ok", "found", "said", "help"} for one in found["points"])


@pytest.mark.usefixtures("lived")
def test_a_finding_ends_with_one_and_is_mended_when_told_to():
    """The sentence names the command; the command does it."""
    with wiring.opened() as parts, parts.database.writing() as connection:
        connection.execute(text("UPDATE obligations SET standing = 'waived'"))

    found = run("check")
    assert found.exit_code == 1
    assert "dondoc db check --rebuild" in found.stdout
    assert run("check", "--rebuild").exit_code == 0
    assert run("check").exit_code == 0


def test_a_database_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    """`main` ends with 3 for it."""
    monkeypatch.setenv("DONDOC_DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/dondoc")
    for command in ("upgrade", "check", "backup"):
        assert isinstance(run(command).exception, Unavailable)


@pytest.mark.usefixtures("lived")
def test_a_backup_goes_into_the_home_folder_unless_told_where(home: Path, tmp_path: Path):
    """It says where, and what it is of."""
    made = json.loads(run("backup", "--format", "json").stdout)
    assert Path(made["file"]).parent == home / "backups"
    assert made["bytes"] == Path(made["file"]).stat().st_size
    assert made["of"] == str(home / "dondoc.sqlite3")

    file = tmp_path / "copy.sqlite3"
    assert str(file) in run("backup", str(file)).stdout
    assert isinstance(run("backup", str(file)).exception, Refused)
