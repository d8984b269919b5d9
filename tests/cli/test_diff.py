"""`dondoc diff`: what an edit does, on the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.pages.reading import read

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "plan_definitions/tuyen-quang/37-kh-ubnd-2020.yaml"
SCENARIO = PLAN.parent / "scenarios/plausible.yaml"
LATER = ("due: trước ngày 10/5/2020", "due: trước ngày 15/5/2020")

runner = CliRunner()


def edited(folder: Path, *changes: tuple[str, str], file: Path = PLAN) -> Path:
    """Copy the plan with its register and its calendar, change words, and return its path."""
    copy = folder / "plan_definitions"
    shutil.copytree(ROOT / "plan_definitions", copy, ignore=shutil.ignore_patterns("*.py"))
    changed = copy / file.relative_to(ROOT / "plan_definitions")
    text = changed.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    changed.write_text(text, encoding="utf-8")
    return copy / PLAN.relative_to(ROOT / "plan_definitions")


def diff(*arguments: object) -> Result:
    """Run `dondoc diff`."""
    return runner.invoke(app, ["diff", *map(str, arguments)])


def document(*arguments: object) -> Any:
    """Return what `dondoc diff --format json` prints."""
    shown = diff(*arguments, "--format", "json")
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def test_it_helps_with_an_example():
    """--help says what it does and shows how."""
    shown = diff("--help")

    assert shown.exit_code == 0
    assert "Ví dụ: dondoc diff" in shown.output


def test_the_text_says_from_when_to_when_and_fits_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A terminal is 80 columns wide, and colours may be missing."""
    monkeypatch.setenv("COLUMNS", "80")

    shown = diff(PLAN, edited(tmp_path, LATER))

    assert shown.exit_code == 0
    assert "27 thời hạn thay đổi" in shown.stdout
    assert "hết ngày 09/5/2020 (thứ Bảy) → hết ngày 14/5/2020 (thứ Năm)" in shown.stdout
    assert "nhắc trước 10 ngày làm việc: 22/4/2020 → 28/4/2020" in shown.stdout
    assert max(len(line) for line in shown.stdout.splitlines()) <= 80
    assert "\x1b" not in shown.stdout


def test_a_file_and_itself_differ_in_nothing():
    """One sentence, and the exit code of what is done."""
    shown = diff(PLAN, PLAN)

    assert shown.exit_code == 0
    assert "Hai bản giống hệt nhau." in shown.stdout
    assert "→" not in shown.stdout


def test_comments_alone_are_told_as_such(tmp_path: Path):
    """The texts differ, the plan does not."""
    shown = diff(PLAN, edited(tmp_path, ("# Bốn bước", "# 4 bước")))

    assert "kế hoạch không đổi" in " ".join(shown.stdout.split())


def test_a_file_under_another_name_is_the_same_text(tmp_path: Path):
    """The name of the file is not part of the plan."""
    copy = edited(tmp_path)
    renamed = copy.rename(copy.with_name("ban-moi.yaml"))

    assert document(PLAN, renamed)["same_texts"] is True


def test_an_edit_of_the_register_shows(tmp_path: Path):
    """Old and new may be two folders' copies."""
    register = ROOT / "plan_definitions/agencies/tuyen-quang-2020.yaml"
    new = edited(tmp_path, ("    - so-y-te\n", ""), file=register)

    found = document(PLAN, new)

    assert [owed["agency"] for owed in found["obligations"]["gone"]] == ["so-y-te", "so-y-te"]


def test_an_edit_of_the_calendar_shows(tmp_path: Path):
    """A day off moves reminders."""
    day = "  - {date: 2020-05-07, name: Nghỉ bù, source: x}\n"
    calendar = ROOT / "plan_definitions/calendars/viet-nam.yaml"
    new = edited(tmp_path, ("days_off:\n", f"days_off:\n{day}"), file=calendar)

    found = document(PLAN, new)

    assert found["calendar"]["days"] == [
        {"date": "2020-05-07", "working": False, "name": "Nghỉ bù"}
    ]


def test_the_scenario_is_followed_in_both(tmp_path: Path):
    """Nobody is chased who has submitted."""
    found = document(PLAN, edited(tmp_path, LATER), "--scenario", SCENARIO)

    assert found["scenario"] == "kh37-2020-plausible"
    assert found["counts"]["mails"]["old"] == 150
    assert {one["to"] for one in found["obligations"]["outcomes"]} == {"on-time"}


def test_a_scenario_that_fits_one_of_the_plans_goes_with_the_other_as_far_as_it_can(
    tmp_path: Path,
):
    """An agency that is gone submits nothing any more; that is no fault of the scenario."""
    register = ROOT / "plan_definitions/agencies/tuyen-quang-2020.yaml"
    new = edited(tmp_path, ("    - so-y-te\n", ""), file=register)

    for pair in ((PLAN, new), (new, PLAN)):
        shown = diff(*pair, "--scenario", SCENARIO)
        assert shown.exit_code == 0
        assert "Kịch bản có 2 mục" in shown.stdout


def test_a_scenario_that_fits_neither_is_at_fault(tmp_path: Path):
    """Its faults are printed, and nothing else."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(
        "scenario: x\ntitle: x\nentries:\n  - {at: 2020-05-07 08:00, submit: a/b}\n"
    )

    shown = diff(PLAN, PLAN, "--scenario", scenario)

    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert "scenario.yaml" in shown.stderr


def test_the_faults_of_both_files_are_printed_at_once(tmp_path: Path):
    """Neither waits for the other to be mended."""
    old = edited(tmp_path / "old", ("trước ngày 10/5/2020", "trước ngày 31/4/2020"))
    new = edited(tmp_path / "new", ("needs: [agency-reports]", "needs: [agency-report]"))

    shown = diff(old, new)

    assert shown.exit_code == 1
    assert shown.stdout == ""
    assert "31/4/2020" in shown.stderr
    assert "agency-report" in shown.stderr


def test_a_missing_file_is_a_fault():
    """As `check` says it."""
    shown = diff(PLAN, "khong-co.yaml")

    assert shown.exit_code == 1
    assert "khong-co.yaml" in shown.stderr


@pytest.mark.parametrize("arguments", [[], [PLAN], [PLAN, PLAN, "--format", "xml"]])
def test_wrong_usage_ends_with_two(arguments: list[object]):
    """A script can tell a typo from a fault."""
    assert diff(*arguments).exit_code == 2


def test_the_page_is_one_document(tmp_path: Path):
    """It is written into a file and opened."""
    shown = diff(PLAN, edited(tmp_path, LATER), "--format", "html", "--lang", "en")

    assert shown.exit_code == 0
    reader = read(shown.stdout)
    assert ("html", {"lang": "en"}) in reader.tags
    assert "27 deadlines changed" in reader.text


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path):
    """Two columns with the same head say nothing."""
    old, new = edited(tmp_path / "a"), edited(tmp_path / "b", LATER)

    shown = diff(old, new)

    assert f"Bản cũ: a/plan_definitions/tuyen-quang/{PLAN.name}" in shown.stdout
    assert f"Bản mới: b/plan_definitions/tuyen-quang/{PLAN.name}" in shown.stdout
