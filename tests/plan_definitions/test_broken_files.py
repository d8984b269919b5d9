"""Every fixture in `broken/` is named for its fault and states what is expected of it.

Its first line reads `# expect: CODE@line:column, CODE@parts/file.yaml:line:column`. Those in
`broken/scenarios/` are scenarios for the sample plan, or for `parts/plan-<their name>.yaml` where
there is one. The pages in docs/faults/ show them all.
"""

from __future__ import annotations

import string
import tomllib
from importlib.resources import files
from pathlib import Path
from unicodedata import normalize

import pytest
from rich.cells import cell_len

from engine.plan import Plan
from plan_definitions import (
    Bundle,
    PlanFaults,
    check_file,
    load,
    load_scenario,
    render_text,
)
from plan_definitions.diagnostics import RULES, Diagnostic, Severity
from tests.plan_definitions.plan_texts import sample

BROKEN = Path(__file__).parent / "broken"
FIXTURES = sorted(BROKEN.glob("*.yaml"))
SCENARIOS = sorted(BROKEN.glob("scenarios/*.yaml"))


def _expected(fixture: Path) -> str:
    return fixture.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# expect: ")


def _place(fixture: Path, diagnostic: Diagnostic) -> str:
    file = Path(diagnostic.file)
    named = "" if file == fixture else f"{file.relative_to(BROKEN)}:"
    return f"{diagnostic.code}@{named}{diagnostic.line}:{diagnostic.column}"


def _plan_of(scenario: Path) -> Plan:
    bundle, own = sample(), BROKEN / "parts" / f"plan-{scenario.stem}.yaml"
    if own.is_file():
        texts = {**bundle.texts, bundle.main: own.read_text(encoding="utf-8")}
        bundle = Bundle(bundle.main, texts)
    return load(bundle)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_each_fault_is_found_at_its_line_and_column(fixture: Path):
    """A coordinator who is sent to the wrong line stops trusting the tool."""
    found = check_file(fixture)

    assert ", ".join(_place(fixture, diagnostic) for diagnostic in found) == _expected(fixture)


@pytest.mark.parametrize("fixture", SCENARIOS, ids=lambda path: path.stem)
def test_each_fault_of_a_scenario_is_found_at_its_line_and_column(fixture: Path):
    """As those of a plan are."""
    with pytest.raises(PlanFaults) as raised:
        load_scenario(fixture, _plan_of(fixture))

    found = raised.value.diagnostics
    assert ", ".join(_place(fixture, diagnostic) for diagnostic in found) == _expected(fixture)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_each_fault_can_be_said_in_both_languages(fixture: Path, language: str):
    """No sentence may miss a value, or say one that does not exist."""
    for diagnostic in check_file(fixture):
        said = diagnostic.to_json(language)

        assert set(said) == {"code", "severity", "file", "line", "column", "message", "help"}
        assert said["message"]
        assert said["help"]
        assert "None" not in said["message"] + said["help"]


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: path.stem)
def test_a_plan_loads_exactly_if_no_error_was_found(fixture: Path):
    """`check` and `load` must never disagree on whether there is a plan."""
    faults = [found for found in check_file(fixture) if found.severity is Severity.ERROR]

    if not faults:
        assert load(Bundle.read(fixture)).id == "mau"
    else:
        with pytest.raises(PlanFaults) as raised:
            load(Bundle.read(fixture))
        assert list(raised.value.diagnostics) == faults


def test_the_sample_itself_has_nothing_to_point_out():
    """Else the fixtures would show faults that are not theirs."""
    # It stands among the parts, so its paths begin one folder up.
    text = (BROKEN / "parts" / "plan.yaml").read_text(encoding="utf-8")
    parts = {
        f"parts/{name}.yaml": (BROKEN / "parts" / f"{name}.yaml").read_text(encoding="utf-8")
        for name in ("agencies", "calendar")
    }

    assert load(Bundle("plan.yaml", {"plan.yaml": text, **parts})).id == "mau"


def test_every_code_is_explained_in_both_languages_with_the_same_values():
    """A translation that forgets a value says less than the other."""
    said = {}
    for language in ("vi", "en"):
        table = files("language") / language / "diagnostics.toml"
        said[language] = tomllib.loads(table.read_text(encoding="utf-8"))["diagnostic"]

    assert set(said["vi"]) == set(said["en"]) == set(RULES)
    for kind, sentences in said["vi"].items():
        for part, sentence in sentences.items():
            assert _values(sentence) == _values(said["en"][kind][part]), (kind, part)


def _values(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_codes_are_unique():
    """A code that means two things cannot be looked up."""
    assert len(set(RULES.values())) == len(RULES)


def test_the_text_for_people_shows_place_line_caret_sentence_and_help():
    """The whole rendering, as a clerk sees it."""
    shown = render_text(check_file(BROKEN / "phrase-not-understood.yaml"), "vi")

    head, line, underline, hint, _, total, more = shown.replace(f"{BROKEN}/", "").split("\n")
    assert head == (
        "phrase-not-understood.yaml:23:14: lỗi DD131: Không hiểu thời hạn “truoc ngay 12/5/2020”."
    )
    assert line == "    23 |         due: truoc ngay 12/5/2020"
    assert underline == "       |              ^^^^^^^^^^^^^^^^^^^^"
    assert hint == "   cách sửa: Có phải ý của anh/chị là “trước ngày 12/5/2020”?"
    assert total == "Tổng cộng: 1 lỗi."
    assert more == "Muốn biết vì sao và cách xử lý, chạy: dondoc explain DD131"


def test_a_long_line_is_cut_around_the_caret():
    """Titles of 300 letters must not push the caret out of sight."""
    line = "x" * 300 + "FAULT" + "y" * 300
    diagnostic = Diagnostic("empty-value", "f", 1, 301, {"key_name": "k"}, excerpt=line)

    _, shown, underline, *_ = render_text([diagnostic]).split("\n")

    assert len(shown) < 110
    assert shown[underline.index("^") :].startswith("FAULT")
    assert shown.startswith("     1 | … x")
    assert shown.endswith("y…")
    assert len(underline) <= len(shown)


@pytest.mark.parametrize(
    ("line", "column", "meant"),
    [
        ("by: [so-tu-phap, so-noi-vo]  # hai sở", 18, "so-noi-vo"),
        ("title: Ủy ban nhân dân: phần một", 8, "Ủy ban nhân dân"),
        (normalize("NFD", "Hòa An: Sở Nội vụ # xã"), 10, normalize("NFD", "Sở Nội vụ")),
        ("tên 東京: x", 5, "東京"),
    ],
)
def test_what_is_meant_is_underlined_on_the_screen(line: str, column: int, meant: str):
    """Marks of their own take no column of the screen, wide letters take two."""
    diagnostic = Diagnostic("empty-value", "f", 1, column, {"key_name": "k"}, excerpt=line)

    _, shown, underline, *_ = render_text([diagnostic]).split("\n")

    before = shown[: shown.index(meant)]
    assert underline == f"       | {' ' * (cell_len(before) - 9)}{'^' * cell_len(meant)}"


def test_a_tab_is_seen():
    """It looks like spaces, which is why it is there."""
    _, line, underline, *_ = render_text(check_file(BROKEN / "tab.yaml")).split("\n")

    assert line == "    16 | →title: Báo cáo"
    assert underline == "       | ^"


def test_one_of_a_kind_is_said_in_the_singular_and_without_dots():
    """“1 xã (UBND xã Hòa An…)” would promise more."""
    (found,) = check_file(BROKEN / "advice-unused-communes.yaml")

    assert "(UBND xã Hòa An)" in found.message("vi")
    assert "1 commune is" in found.message("en")


def test_nothing_to_say_is_said():
    """An empty answer would look like a program that did not run."""
    assert render_text([]) == "Không có lỗi, không có điều gì cần lưu ý."


def test_severity_is_coloured_only_on_request():
    """Escape codes in a file or a pipe are noise."""
    found = check_file(BROKEN / "tab.yaml")

    assert "\x1b[" in render_text(found, colour=True)
    assert "\x1b[" not in render_text(found)
