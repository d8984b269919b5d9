"""`dondoc mail preview`: one page in the browser, and nothing else happens."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[2]
PLAN = str(ROOT / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml")

runner = CliRunner()


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was opened in the browser."""
    opened: list[str] = []

    def visit(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr(webbrowser, "open", visit)
    return opened


def test_it_opens_a_page_of_the_mails_asked_for(tmp_path: Path, visited: list[str]):
    """The page, and each mail by itself for a mail program to open."""
    out = tmp_path / "out"

    asked = ["--agency", "so-y-te", "--rung", "overdue-3", "--out", str(out)]
    shown = runner.invoke(app, ["mail", "preview", PLAN, *asked])

    assert shown.exit_code == 0, shown.output
    assert visited == [(out / "mails.html").resolve().as_uri()]
    (mail,) = out.glob("*.eml")
    assert b"overdue" in mail.read_bytes()
    assert str((out / "mails.html").resolve()) in shown.output.replace("\n", "")


def test_it_has_no_side_effect(tmp_path: Path, visited: list[str], monkeypatch: pytest.MonkeyPatch):
    """Neither a database nor a mailbox comes about, and without a browser none is opened."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))

    asked = ["--number", "1", "--out", str(tmp_path / "out"), "--no-browser"]
    shown = runner.invoke(app, ["mail", "preview", PLAN, *asked])

    assert shown.exit_code == 0
    assert visited == []
    assert not (tmp_path / "home").exists()


def test_without_a_plan_it_is_wrong_usage(visited: list[str]):
    """There is nothing to look at; nor is it known which of two."""
    assert runner.invoke(app, ["mail", "preview"]).exit_code == 2
    assert runner.invoke(app, ["mail", "preview", PLAN, "--message", "1"]).exit_code == 2
    assert visited == []
