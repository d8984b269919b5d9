"""`dondoc status` without a run where several are active."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.console import out
from cli.main import app
from flows import moment
from services import wiring
from services.errors import Refused
from services.views import overview
from tests.services import written as w
from tests.services.office import start

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with two runs under way."""
    monkeypatch.setenv("DONDOC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(out, "width", 200)
    monkeypatch.setattr(moment, "now", lambda _settings: w.LATE)
    with wiring.opened() as parts:
        start(parts)
        start(parts, w.bundle(plan="nho-hai"))


def test_each_run_has_a_line(monkeypatch: pytest.MonkeyPatch):
    """Nobody has to know their names first; the rest is counted."""
    shown = runner.invoke(app, ["status"])
    monkeypatch.setattr(overview, "MOST_ROWS", 1)
    short = runner.invoke(app, ["status"])

    assert shown.exit_code == 0, shown.output
    assert "Đang thực hiện 2 đợt" in shown.output
    lines = [line.split() for line in shown.output.splitlines()]
    assert [line[:3] for line in lines if line[:1] in (["nho"], ["nho-hai"])] == [
        ["nho", "3", "5"],
        ["nho-hai", "3", "5"],
    ]
    assert "1/KH-UBND Kế hoạch nhỏ" in shown.output
    assert "dondoc status ĐỢT" in shown.output
    assert "Còn " not in shown.output
    assert "Còn 1 đợt đang thực hiện nữa" in short.output


def test_json_is_a_list_of_all():
    """One document, whatever the screen would leave out."""
    shown = runner.invoke(app, ["status", "--format", "json"])

    assert [one["run"] for one in json.loads(shown.stdout)] == ["nho", "nho-hai"]


def test_one_that_is_named_is_shown_and_other_commands_still_ask_which():
    """Only looking at all of them at once makes sense."""
    named = runner.invoke(app, ["status", "nho", "--format", "json"])
    ledger = runner.invoke(app, ["ledger"])

    assert json.loads(named.stdout)["run"] == "nho"
    assert isinstance(ledger.exception, Refused)
    assert ledger.exception.key == "refused.which-run"


def test_it_speaks_the_language_asked_for():
    """As every command that an operator of a country looks with."""
    shown = runner.invoke(app, ["status", "--lang", "en"])
    one = runner.invoke(app, ["status", "nho", "--lang", "en"])
    ledger = runner.invoke(app, ["ledger", "nho", "--lang", "en"])

    assert "2 active plan runs" in shown.output
    assert (one.exit_code, ledger.exit_code) == (0, 0)
    assert one.output != runner.invoke(app, ["status", "nho"]).output
    assert ledger.output != runner.invoke(app, ["ledger", "nho"]).output


def test_all_runs_are_paused_and_resumed_by_one_command_without_a_server():
    """After a restore nobody may be chased before what was entered since is entered again."""
    both = runner.invoke(app, ["pause", "--all", "--run", "nho", "--why", "x"])
    paused = runner.invoke(app, ["pause", "--all", "--why", "Khôi phục", "--by", "quản trị"])
    again = runner.invoke(app, ["pause", "--all", "--why", "Khôi phục"])
    resumed = runner.invoke(app, ["resume", "--all", "--by", "quản trị"])
    nothing = runner.invoke(app, ["resume", "--all"])

    assert both.exit_code == 2
    assert paused.exit_code == 0, paused.output
    assert "Đã tạm dừng đôn đốc 2 đợt thực hiện: nho, nho-hai." in paused.output
    assert "Đang tạm dừng từ trước, giữ nguyên: 2 đợt" in again.output
    assert "Đã tạm dừng" not in again.output
    assert nothing.output.startswith("Không có gì để tiếp tục ở 2 đợt")
    assert "Đã tiếp tục đôn đốc 2 đợt" in resumed.output
