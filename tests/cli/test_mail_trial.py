"""`mail test`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.postfix import Faults, sink

TO = "vanthu@so-y-te.example"
runner = CliRunner()


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation of its own, no server set."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path))
    monkeypatch.setenv("DONDOC_SMTP_TLS", "off")
    for name in ("HOST", "PORT", "USER", "PASSWORD"):
        monkeypatch.delenv(f"DONDOC_SMTP_{name}", raising=False)


def to_server(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Set a server."""
    monkeypatch.setenv("DONDOC_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("DONDOC_SMTP_PORT", str(port))


def test_a_mail_that_is_taken_ends_with_zero(monkeypatch: pytest.MonkeyPatch):
    """Each step with its sign."""
    with sink() as server:
        to_server(monkeypatch, server.port)
        shown = runner.invoke(app, ["mail", "test", TO])
        [mail] = server.received

    assert shown.exit_code == 0
    assert [line[0] for line in shown.output.splitlines() if line[0] != " "] == ["✓", "!", "✓", "✓"]
    assert mail.recipients == (TO,)


def test_a_server_at_fault_ends_with_three(monkeypatch: pytest.MonkeyPatch):
    """With the way out, in the language asked for."""
    with sink(Faults(hard=["RCPT"])) as server:
        to_server(monkeypatch, server.port)
        shown = runner.invoke(app, ["mail", "test", TO, "--lang", "en"])

    assert shown.exit_code == 3
    assert "✗ The server refuses mail" in shown.output
    assert "DONDOC_SENDER" in shown.output


def test_an_address_at_fault_ends_with_one():
    """As any input."""
    assert runner.invoke(app, ["mail", "test", "vanthu"]).exit_code == 1


def test_without_a_server_it_says_where_mail_is_filed(tmp_path: Path):
    """That is no fault."""
    shown = runner.invoke(app, ["mail", "test", TO, "--format", "json"])
    found = json.loads(shown.stdout)

    assert shown.exit_code == 0
    assert found["ok"]
    assert str(tmp_path / "mailbox") in found["steps"][0]["said"]


def test_it_helps_with_an_example():
    """As every command does."""
    shown = runner.invoke(app, ["mail", "test", "--help"])
    assert "Ví dụ" in shown.output
