"""The command line: what scripts and people rely on, without a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
COMMANDS = (
    *("check", "preview", "calendar", "rehearse", "up", "start", "status", "ledger", "outbox"),
    *("submit", "return", "accept", "extend", "waive", "event", "new"),
    *("withdraw", "difficulty", "answer", "pause", "resume", "brief"),
)

runner = CliRunner()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(command: str):
    """--help says what it does and shows how."""
    shown = runner.invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "dondoc" in shown.output
    assert "Ví dụ" in shown.output


def test_check_prints_one_json_document():
    """Advice alone is no fault."""
    shown = runner.invoke(app, ["check", str(PLAN), "--format", "json"])
    found = json.loads(shown.stdout)["diagnostics"]
    assert shown.exit_code == 0
    assert found
    keys = {"code", "severity", "file", "line", "column", "message", "help"}
    assert all(set(one) == keys for one in found)


def test_a_fault_ends_with_one_and_names_its_place(tmp_path: Path):
    """All faults at once, each with line and column."""
    folder = tmp_path / "plan_definitions"
    shutil.copytree(ROOT / "plan_definitions", folder, ignore=shutil.ignore_patterns("*.py"))
    file = folder / PLAN.parent.name / PLAN.name
    broken = file.read_text(encoding="utf-8")
    broken = broken.replace("trước ngày 10/5/2020", "trước ngày 31/4/2020")
    broken = broken.replace("needs: [agency-reports]", "needs: [agency-report]")
    file.write_text(broken, encoding="utf-8")
    shown = runner.invoke(app, ["check", str(file), "--format", "json"])
    assert shown.exit_code == 1
    errors = [d for d in json.loads(shown.stdout)["diagnostics"] if d["severity"] == "error"]
    assert len(errors) >= 2
    assert all(one["line"] > 0 and one["column"] > 0 and one["message"] for one in errors)


def test_preview_has_the_promised_shape():
    """Programs build on it."""
    shown = runner.invoke(app, ["preview", str(PLAN), "--format", "json"])
    found = json.loads(shown.stdout)
    assert {"plan", "stages", "obligations", "messages"} <= set(found)
    assert set(found["messages"][0]) == {
        "send_at",
        "to",
        "kind",
        "rungs",
        "obligations",
        "subject",
    }
    assert len(found["obligations"]) == 90


def test_preview_text_names_every_stage():
    """People build on it too."""
    shown = runner.invoke(app, ["preview", str(PLAN)])
    assert shown.exit_code == 0
    assert "plan-2021-2030" in shown.output


@pytest.mark.parametrize(
    "arguments", [["preview"], ["submit"], ["outbox", "show"], ["check", "--format", "xml", "x"]]
)
def test_wrong_usage_ends_with_two(arguments: list[str]):
    """A script can tell a typo from a fault."""
    assert runner.invoke(app, arguments).exit_code == 2
