"""Codes, explanations, pages and the checker stay in step."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs import fault_pages, generate
from docs.examples import Example, examples
from language.catalogue import LANGUAGES, passage, sentences
from plan_definitions.diagnostics import RULES
from plan_definitions.handbook.explanations import explain
from plan_definitions.reading.yaml_source import MOST_ENTRIES

PLANNED: frozenset[str] = frozenset()
"""Kinds that are explained before the checker knows them."""

PLAN, REGISTER = "plan.yaml", "parts/agencies.yaml"
ENTRY = "- at: 2020-05-12 09:00\n    "

REPLACED: Mapping[str, tuple[str, str]] = {
    "tab": (PLAN, "reports:\n\ttitle: Báo cáo"),
    "duplicate-key": (PLAN, "title: Tổng hợp\n    title: Tổng kết"),
    "several-documents": (PLAN, "---\nladders:"),
    "too-many-values": (PLAN, "needs:\n" + "\n".join(["      - reports"] * (MOST_ENTRIES + 1))),
    "too-many-faults": (PLAN, "\n    ".join(["needs: [reports]"] * 2_000)),
    "unreachable-stage": (PLAN, "reports:\n    title: Báo cáo\n    needs: [summary]"),
    "unknown-country": ("parts/calendar-abroad.yaml", "base: XX"),
    "no-parent": (
        REGISTER,
        "so-noi-vu: {name: Sở Nội vụ, kind: department, email: vanthu@sonoivu.example}",
    ),
    "ladder-cycle": (PLAN, "standard:\n    extends: urgent\n    remind: [5, 1, 0]"),
    "base-or-extends": (
        "parts/calendar-base-and-extends.yaml",
        "base: VN\nextends: calendar.yaml",
    ),
    "day-twice": (
        "parts/calendar-day-twice.yaml",
        "- {date: 2026-01-02, name: Nghỉ hoán đổi, source: 12729/VPCP-KGVX}\n  "
        "- {date: 02/01/2026, name: Nghỉ Tết Dương lịch, source: Thông báo số 1/TB-SNV}",
    ),
    "no-superior": (PLAN, "coordinator: so-noi-vu"),
    "entry-without-act": ("", ENTRY + "document: 120/BC-STP"),
    "entry-with-two-acts": (
        "",
        ENTRY + "submit: reports/report\n    by: so-tu-phap\n    accept: reports/report",
    ),
    "event-not-matched": (
        "",
        "- at: 2021-07-16 10:00\n    event: government.programme-issued\n    document: 76/NQ-CP",
    ),
    "undated-task-awaited": (PLAN, "gate: {tasks: [report], quorum: 90%}"),
    "no-recipient": (PLAN, "by: [departments, huyen-chiem-hoa]"),
    "unused-agency": (PLAN, "by: departments"),
    "unused-communes": (PLAN, "by: [departments, huyen-chiem-hoa]"),
    "estimated-year": ("parts/calendar.yaml", "notices_until: 2026"),
    "uncertain-day": (
        "parts/calendar-uncertain.yaml",
        "uncertain:\n  - {date: 2020-05-11, off: false, "
        "name: Nghỉ bù theo dự kiến, source: Tờ trình số 1/TTr-SNV}",
    ),
    "event-not-awaited": (PLAN, "reports:\n    title: Báo cáo"),
    "no-communes": (PLAN, "by: departments"),
    "appendix-covered-twice": (PLAN, "appendix: [Phụ lục I]"),
    "appendix-not-covered": (PLAN, "appendix: [Phụ lục I]"),
    "no-lead": (PLAN, "by: [so-noi-vu, so-tu-phap]"),
    "reminders-before-opening": (PLAN, "remind: [5]"),
    "communes-undated": (PLAN, "due: thường xuyên"),
    "undated-tasks-awaited": (PLAN, "due: không hạn"),
    "unused-event": (PLAN, "needs: [reports]"),
    "unused-ladder": (PLAN, "title: Dự thảo báo cáo"),
    "no-focal-point": (
        "parts/agencies-no-focal-point.yaml",
        "- {name: Bà B, role: head, email: b@sotuphap.example}",
    ),
    "unsigned-letter": (
        PLAN,
        "- {after: 1 ngày làm việc, to: coordinator}\n"
        "      - {after: 5 ngày làm việc, to: superior, letter: true}",
    ),
    "date-before-event": (PLAN, "due: chậm nhất ngày 30/6/2020"),
    "notices-behind": ("parts/calendar-notices-behind.yaml", "notices_until: 2026"),
}
"""What the corrected lines stand for where that is not the offending line alone.

The first line is without its indentation; a scenario's file is "".
"""

NOT_MENDED: Mapping[str, str] = {
    "empty-file": "its corrected lines only begin a plan",
    "last-day-off": "the advice stays on purpose: it is shown whatever was decided",
}
"""Kinds whose corrected lines do not make the example faultless, and why."""


def _mended(example: Example, instead: str) -> Example:
    """Return the corrected twin of an example."""
    shown = example.shown()
    file, old = REPLACED.get(example.kind, (shown.file, ""))
    file = file or example.main
    lines = example.texts[file].split("\n")
    if not old:
        line = lines[shown.line - 1]
        indent = line[: len(line) - len(line.lstrip(" "))]
        lines[shown.line - 1] = textwrap.indent(instead, indent)
        mended = "\n".join(lines)
        return example.changed(file, example.texts[file], mended)
    first = next(line for line in lines if line.lstrip(" ") == old.partition("\n")[0])
    indent = first[: len(first) - len(first.lstrip(" "))]
    return example.changed(file, indent + old, textwrap.indent(instead, indent))


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return generate.generated()


def test_every_code_is_explained_in_both_languages():
    """A code that cannot be looked up helps nobody; one too many misleads."""
    for language in LANGUAGES:
        explained = {
            tuple(key.split(".")[1:]) for key in sentences(language) if key.startswith("fault.")
        }

        assert {kind for kind, _ in explained} == set(RULES) | PLANNED
        assert {part for _, part in explained} == {"title", "what", "why", "mend", "instead"}
        assert len(explained) == 5 * len(set(RULES) | PLANNED)
    assert not PLANNED & set(RULES)


def test_every_code_has_a_page_in_both_languages_and_none_is_stale(files: dict[str, str]):
    """`make docs` writes them; nobody writes them by hand."""
    assert generate.stale(files) == []
    for language in LANGUAGES:
        folder = f"{fault_pages.FOLDER}/{language}"
        pages = {path for path in files if path.startswith(f"{folder}/")}
        assert pages == {f"{folder}/{name}.md" for name in [*RULES.values(), "README"]}


def test_a_changed_a_lost_and_a_left_over_page_are_noticed_and_put_right(tmp_path: Path):
    """Else the test above would prove nothing."""
    folder = fault_pages.FOLDER
    files = {f"{folder}/vi/DD{n}.md": f"{n}\n" for n in (1, 2, 3)}
    generate.write(files, tmp_path)
    (tmp_path / folder / "vi/DD1.md").write_text("by hand\n", encoding="utf-8")
    (tmp_path / folder / "vi/DD2.md").unlink()
    (tmp_path / folder / "vi/DD9.md").write_text("9\n", encoding="utf-8")

    names = [f"{folder}/vi/DD{n}.md" for n in (1, 2, 9)]
    assert generate.stale(files, tmp_path) == names
    assert generate.write(files, tmp_path) == names
    assert generate.stale(files, tmp_path) == []


def test_the_generator_runs_as_a_plain_script_from_anywhere(tmp_path: Path):
    """As the Makefile and a developer run it."""
    script = [sys.executable, str(generate.ROOT / "docs" / "generate.py"), "--check"]

    ran = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stdout) == (0, "up to date\n"), ran.stderr


@pytest.mark.parametrize("kind", RULES)
def test_the_corrected_lines_mend_the_example(kind: str):
    """A way out that does not lead out is worse than none."""
    example = examples(kind)[0]
    before = Counter(diagnostic.kind for diagnostic in example.found())
    for language in LANGUAGES:
        found = _mended(example, explain(kind, language).instead).found()

        after = Counter(diagnostic.kind for diagnostic in found)

        if kind in NOT_MENDED:
            assert [(one.kind, one.variant) for one in found] != [(kind, example.shown().variant)]
        else:
            assert after[kind] == before[kind] - 1
            assert not after - before


def test_every_link_of_a_page_leads_somewhere(files: dict[str, str]):
    """Relative links are easily broken when a page moves."""
    links = {
        (generate.ROOT / path).parent / link
        for path, text in files.items()
        if path.endswith(".md")
        for link in re.findall(r"\]\(([^)#]+)", text)
    }

    assert len(links) > len(RULES)
    assert [link for link in links if not link.is_file()] == []


def test_the_plan_language_leads_to_the_pages():
    """Who reads how a plan is written also looks for what its faults mean."""
    text = (generate.ROOT / "docs" / "plan-language.md").read_text(encoding="utf-8")

    assert all(f"](faults/{language}/README.md)" in text for language in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(set(RULES) | PLANNED))
def test_an_explanation_is_short_and_says_more_than_the_message(kind: str, language: str):
    """An official reads it standing; what `check` has said already is not said again."""
    parts = ("title", "what", "why", "mend")
    title, what, why, mend = (passage(language, f"fault.{kind}.{part}") for part in parts)

    assert len(title) <= 52
    assert not title.endswith(".")
    for part in (what, why, mend):
        assert not part[0].islower()
        assert part.endswith(".")
        assert len(part) <= 520
    assert len({what, why, mend}) == 3
