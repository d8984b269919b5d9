"""Files that were written, or spoilt, to crash, stop or fool who reads them."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.hostile import HOSTILE, Hostile
from benchmarks.plans import write_plan
from plan_definitions import (
    Bundle,
    PlanFaults,
    check,
    diagnostics,
    has_faults,
    load,
    phrases,
    render_text,
)
from plan_definitions.diagnostics import MOST_OF_A_KIND, Diagnostic
from plan_definitions.reading import yaml_source
from plan_definitions.reading.yaml_source import MOST_ENTRIES, MOST_FAULTS, parse
from plan_definitions.scenario import load_scenario
from tests.plan_definitions.plan_texts import REAL, sample

MOST_EVENTS = 3 * MOST_ENTRIES


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with every event that is taken from the parser."""
    taken: list[int] = []
    real = yaml_source._events

    def counted(text: str) -> Iterator[Any]:
        for event in real(text):
            taken.append(1)
            yield event

    monkeypatch.setattr(yaml_source, "_events", counted)
    return taken


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the register and the calendar that the good plans among them name."""
    write_plan(tmp_path, 1)
    return tmp_path


def checked(folder: Path, hostile: Hostile) -> list[Diagnostic]:
    file = folder / "hostile.yaml"
    file.write_bytes(hostile.make())
    return check(Bundle.read(file))


@pytest.mark.parametrize("name", HOSTILE)
def test_each_is_said_with_a_number_and_a_place_or_read_rightly(
    name: str, folder: Path, events: list[int]
):
    """Never a crash, and never more work than a real plan of that size takes."""
    found = checked(folder, HOSTILE[name])

    if HOSTILE[name].kind:
        assert HOSTILE[name].kind in {diagnostic.kind for diagnostic in found}
    else:
        assert not has_faults(found)
    assert len(events) <= MOST_EVENTS
    assert all(d.code and d.line >= 1 and d.column >= 1 for d in found)
    assert len(render_text(found, "vi")) < 100_000
    assert len(render_text(found, "en")) < 100_000


@pytest.mark.parametrize("name", ["a bomb of aliases", "a bomb of merge keys", "50,000 brackets"])
def test_bombs_do_not_go_off_in_memory(name: str, folder: Path):
    """304 bytes of aliases have cost a validator 123 MB."""
    checked(folder, HOSTILE[name])  # imports and caches are not the bomb's
    tracemalloc.start()
    try:
        checked(folder, HOSTILE[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10_000_000


@pytest.mark.parametrize(
    "name", ["50,000 brackets", "a bomb of aliases", "20,000 anchors", "only a word"]
)
def test_a_machine_without_libyaml_says_the_same(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """PyYAML may be built without it."""
    with_libyaml = checked(folder, HOSTILE[name])
    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)

    assert checked(folder, HOSTILE[name]) == with_libyaml


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("first", ["", "---\n"], ids=["plain", "parsed"])
def test_a_fault_has_its_place_whatever_the_editor(end: str, first: str):
    """Windows writes a byte order mark and CRLF, an old Mac CR."""
    text = sample(("due: trước ngày 12/5/2020", "due: hôm nào đó")).texts["plan.yaml"]
    lines = (first + text).split("\n")
    line = next(n for n, line in enumerate(lines, 1) if "hôm nào đó" in line)
    turned = "\ufeff" + (first + text).replace("\n", end)

    (found,) = check(Bundle("plan.yaml", {**sample().texts, "plan.yaml": turned}))

    assert (found.kind, found.line, found.column) == ("phrase-not-understood", line, 14)
    assert found.excerpt == lines[line - 1]


def test_a_hundred_thousand_faults_are_not_said_one_by_one():
    """Reading stops, and what was found is counted."""
    _, found = parse("f.yaml", "k: v\n" * 100_000)

    assert [diagnostic.kind for diagnostic in found] == [
        *["duplicate-key"] * MOST_OF_A_KIND,
        "too-many-faults",
    ]
    assert found[MOST_OF_A_KIND - 1].more == MOST_FAULTS - MOST_OF_A_KIND
    assert found[MOST_OF_A_KIND - 1].message("en").endswith("950 more like this in this file.")
    assert found[-1].line == MOST_FAULTS + 1


def test_the_same_slip_in_every_task_is_shown_fifty_times_and_counted():
    """Ten thousand paragraphs help nobody; the number tells that it is everywhere."""
    text = sample().texts["plan.yaml"]
    slips = "".join(f"      t{n}: {{title: a, by: so-noi-vuu}}\n" for n in range(400))
    turned = text.replace("    tasks:\n", f"    tasks:\n{slips}", 1)
    bundle = Bundle("plan.yaml", {**sample().texts, "plan.yaml": turned})

    found = check(bundle)
    with pytest.raises(PlanFaults) as raised:
        load(bundle)

    assert len(found) == MOST_OF_A_KIND
    assert list(raised.value.diagnostics) == found
    assert [d.more for d in found if d.more] == [400 - MOST_OF_A_KIND]
    assert found[-1].message("vi").endswith("Còn 350 chỗ nữa như vậy trong tệp này.")
    assert "Tổng cộng: 400 lỗi." in render_text(found, "vi")


def test_a_repair_of_one_line_does_not_touch_its_twin():
    """Equal lines are read once; a fault in what one of them holds is not the other's."""
    text = sample().texts["plan.yaml"]
    assert text.count("\n      - {after: 1 ngày làm việc, to: coordinator}\n") == 1
    turned = text + "  other:\n    remind: [1, x]\n  third:\n    remind: [1, x]\n"

    found = check(Bundle("plan.yaml", {**sample().texts, "plan.yaml": turned}))

    assert [d.kind for d in found] == ["not-a-number", "not-a-number"]
    assert found[1].line == found[0].line + 2


def _directory(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone.yaml"))


def _to_itself(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [_directory, _pipe, _dangling, _to_itself])
def test_what_is_no_file_is_a_fault_and_nobody_waits_for_it(make: Any, tmp_path: Path):
    """Opening a pipe would wait for a writer who never comes."""
    path = tmp_path / "plan.yaml"
    make(path)

    assert [d.kind for d in check(Bundle.read(path))] == ["missing-file"]
    with pytest.raises(PlanFaults) as raised:
        load_scenario(path, load(Bundle.read(REAL)))
    assert [d.kind for d in raised.value.diagnostics] == ["missing-file"]


def test_a_file_that_may_not_be_read_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Permissions, or a file that vanished a moment ago."""

    def refused(*_: Any) -> int:
        raise PermissionError

    path = tmp_path / "plan.yaml"
    path.write_text("plan: a\n", encoding="utf-8")
    monkeypatch.setattr(os, "open", refused)

    assert [d.kind for d in check(Bundle.read(path))] == ["missing-file"]


def test_a_text_that_never_was_a_file_has_the_same_limits():
    """A bundle may come from a database or a request."""
    assert [d.kind for d in check(Bundle("p.yaml", {"p.yaml": "a" * 7_000_000}))] == [
        "file-too-large"
    ]


@pytest.mark.parametrize(
    ("stage", "task"),
    [("needs: [x{n}]", ""), ("", "by: x{n}"), ("", "ladder: x{n}"), ("", "due: hạn chót {n}")],
)
def test_likely_names_are_looked_for_only_where_they_are_said(
    stage: str, task: str, monkeypatch: pytest.MonkeyPatch
):
    """To compare each of ten thousand slips with ten thousand names would take minutes."""
    asked: list[str] = []

    def counted(*arguments: Any, **options: Any) -> list[str]:
        asked.append(arguments[0])
        return []

    def likely(words: str) -> str:
        asked.append(words)
        return words

    monkeypatch.setattr(diagnostics, "get_close_matches", counted)
    monkeypatch.setattr(phrases, "nearest_phrase", likely)
    stages = "".join(
        f"  s{n}:\n    title: a\n    {stage.format(n=n)}\n    tasks:\n"
        f"      t:\n        title: b\n        by: so-noi-vu\n        {task.format(n=n)}\n"
        for n in range(400)
    ).replace("by: so-noi-vu\n        by:", "by:")
    text = sample().texts["plan.yaml"].replace("stages:\n", f"stages:\n{stages}", 1)

    found = check(Bundle("plan.yaml", {**sample().texts, "plan.yaml": text}))

    assert sum(1 + d.more for d in found if d.is_fault) == 400
    assert len(asked) <= 2 * MOST_OF_A_KIND  # an agency may be meant by its name
