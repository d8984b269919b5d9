"""`dondoc new`: a plan to start from, that can be checked and looked at as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from language.catalogue import text
from plan_definitions import Bundle, load
from services.errors import Refused

ROOT = Path(__file__).parents[2]
REGISTER = ROOT / "plan_definitions" / "agencies" / "tuyen-quang-2020.yaml"
ISSUED = ("--issued", "06/4/2020")
PLAN = {"vi": "ke-hoach.yaml", "en": "plan.yaml"}
AGENCIES = {"vi": "danh-ba.yaml", "en": "agencies.yaml"}

runner = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*arguments: str) -> Result:
    return runner.invoke(app, ["new", *ISSUED, *arguments])


@pytest.mark.parametrize("language", ["vi", "en"])
def test_what_it_writes_can_be_checked_and_previewed_at_once(language: str, folder: Path):
    """Before the coordinator has changed a letter."""
    shown = new("--lang", language)
    plan = PLAN[language]

    assert shown.exit_code == 0
    assert {file.name for file in folder.iterdir()} == {plan, AGENCIES[language]}
    assert f"dondoc check {plan}" in shown.output
    assert f"dondoc preview {plan}" in shown.output
    checked = runner.invoke(app, ["check", plan, "--format", "json"])
    assert (checked.exit_code, checked.stdout) == (0, '{\n  "diagnostics": []\n}\n')
    previewed = runner.invoke(app, ["preview", plan, "--lang", language])
    assert previewed.exit_code == 0
    for said in ("skeleton.stage-reports", "skeleton.task-report", "skeleton.task-summary"):
        assert text(language, said) in previewed.output


def test_number_and_title_go_into_the_plan_and_name_it(folder: Path):
    """One command from the document's head to a file of its name."""
    shown = new("--number", "37/KH-UBND", "--title", "Tổng kết: giai đoạn 2011-2020")

    plan = load(Bundle.read(folder / "37-kh-ubnd.yaml"))
    assert shown.exit_code == 0
    assert (plan.id, plan.number) == ("37-kh-ubnd", "37/KH-UBND")
    assert plan.title == "Tổng kết: giai đoạn 2011-2020"
    assert f"{plan.issued:%d/%m/%Y}" == "06/04/2020"


def test_a_file_elsewhere_names_what_it_needs_from_where_it_stands(folder: Path):
    """The calendar and the schema come with the program, wherever the plan is."""
    assert new("a/b/plan").exit_code == 0

    text = (folder / "a/b/plan.yaml").read_text(encoding="utf-8")
    schema = text.splitlines()[0].partition("$schema=")[2]
    assert (folder / "a/b" / schema).resolve() == (
        ROOT / "plan_definitions/schemas/plan.schema.json"
    )
    assert load(Bundle.read(folder / "a/b/plan.yaml")).obligations


def test_nothing_is_overwritten(folder: Path):
    """A plan of months lost to a second `new` would be the last one."""
    (folder / "ke-hoach.yaml").write_text("plan: mine\n", encoding="utf-8")

    shown = new()

    assert isinstance(shown.exception, Refused)
    assert "ke-hoach.yaml" in str(shown.exception)
    assert (folder / "ke-hoach.yaml").read_text(encoding="utf-8") == "plan: mine\n"
    assert [file.name for file in folder.iterdir()] == ["ke-hoach.yaml"]


def test_the_register_beside_it_is_used_if_there_is_one(folder: Path):
    """The second plan of an office stands on the register of the first."""
    new("--number", "1/KH-UBND")
    before = (folder / "danh-ba.yaml").read_text(encoding="utf-8")

    shown = new("--number", "2/KH-UBND")

    assert shown.exit_code == 0
    assert "danh-ba.yaml" in shown.output
    assert (folder / "danh-ba.yaml").read_text(encoding="utf-8") == before
    assert load(Bundle.read(folder / "2-kh-ubnd.yaml")).id == "2-kh-ubnd"


def test_another_register_can_be_named(folder: Path):
    """The plan asks agencies that this register has, who can be written to."""
    shown = new("--agencies", str(REGISTER))

    plan = load(Bundle.read(folder / "ke-hoach.yaml"))
    assert shown.exit_code == 0
    assert [file.name for file in folder.iterdir()] == ["ke-hoach.yaml"]
    assert (plan.issuer, plan.coordinator) == ("ubnd-tinh", "so-noi-vu")
    assert len(plan.stage("reports").tasks[0].by) == 7


def test_a_register_at_fault_is_told_and_nothing_is_written(folder: Path):
    """Else the new plan would begin with the faults of another file."""
    (folder / "danh-ba.yaml").write_text("register: a\n", encoding="utf-8")

    shown = new()

    assert shown.exit_code == 1
    assert "DD121" in shown.output
    assert [file.name for file in folder.iterdir()] == ["danh-ba.yaml"]


def test_a_plan_called_as_the_register_would_be_gets_one_of_another_name(folder: Path):
    """Two files cannot have one name."""
    assert new("danh-ba.yaml").exit_code == 0

    assert load(Bundle.read(folder / "danh-ba.yaml")).id == "danh-ba"
    assert (folder / "danh-ba-danh-ba.yaml").exists()


def test_a_register_alone(folder: Path):
    """For a province that begins with who there is."""
    shown = new("--register")

    assert shown.exit_code == 0
    assert [file.name for file in folder.iterdir()] == ["danh-ba.yaml"]


def test_today_is_the_day_of_issue_if_none_is_given(folder: Path):
    """The draft is written before the document is signed."""
    assert runner.invoke(app, ["new"]).exit_code == 0

    checked = runner.invoke(app, ["check", "ke-hoach.yaml"])
    assert checked.exit_code == 0


def test_a_day_that_is_none_is_wrong_usage(folder: Path):
    """A script can tell a typo from a fault."""
    assert runner.invoke(app, ["new", "--issued", "31/4/2020"]).exit_code == 2
    assert list(folder.iterdir()) == []
