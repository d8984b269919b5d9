"""`dondoc explain`: what a code means, without a server and without a network."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from language.catalogue import passage
from plan_definitions.diagnostics import RULES
from plan_definitions.handbook.explanations import explain


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def _words(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["DD131", "dd131", "131", "phrase-not-understood"])
def test_a_code_is_explained_however_it_is_named(name: str):
    """People write what they remember."""
    shown = run(name, "--lang", "vi")

    known = explain("phrase-not-understood", "vi")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"DD131  {known.title}\nLỗi: ")
    for words in (known.why, known.mend, known.instead):
        assert _words(words).replace("`", "“")[:20] in _words(shown.output)
    assert "`" not in shown.output


def test_it_speaks_english_on_request():
    """A warning says that it stops nobody."""
    shown = run("DD202", "--lang", "en")

    assert "Warning: the plan runs" in shown.output
    assert _words(explain("undated-task-awaited", "en").why) in _words(shown.output)


@pytest.mark.parametrize(
    ("name", "near"), [("DD13", "DD130"), ("DD999", "DD"), ("unknown-agenci", "unknown-agency")]
)
def test_an_unknown_code_ends_with_one_and_names_the_nearest(name: str, near: str):
    """A slip is put right in one step."""
    shown = run(name, "--lang", "vi")

    assert shown.exit_code == 1
    assert name in shown.stderr
    assert "dondoc explain" in shown.stderr
    assert near in shown.stderr


def test_without_a_code_all_are_listed_in_their_groups():
    """The index of the pages, on the screen."""
    shown = run("--lang", "vi")

    assert shown.exit_code == 0
    assert all(code in shown.output for code in RULES.values())
    assert shown.output.index("Ngày và thời hạn") < shown.output.index("DD131")


@pytest.mark.parametrize("kind", RULES)
def test_every_explanation_fits_a_screen(kind: str):
    """80 columns and 40 lines: nothing to scroll."""
    lines = run(kind, "--lang", "vi").output.splitlines()

    prose = lines[: lines.index(passage("vi", "fault-page.instead"))]
    assert all(len(line.rstrip()) <= 80 for line in prose)
    assert len(lines) <= 40


def test_it_helps_with_an_example():
    """As every command does."""
    shown = run("--help")

    assert "Ví dụ: dondoc explain DD131" in shown.output
