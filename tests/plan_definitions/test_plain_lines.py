"""Plain lines are read by a reader of their own; it must never differ from the parser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.plans import plan_text
from plan_definitions.reading import plain_lines, yaml_source
from plan_definitions.reading.yaml_source import Document, Path, parse

SHIPPED = sorted((File(__file__).parents[2] / "plan_definitions").rglob("*.yaml"))
BROKEN = sorted((File(__file__).parent / "broken").rglob("*.yaml"))

PIECES = st.sampled_from(
    [
        "a", "b", "key", "an id", "so-noi-vu", "đôn đốc", "08:00", "10/5/2020", "1", "90%", "x: y",
        "a:b", "a#b", "a #b", "# c", "'q'", '"q"', '"q: #"', "''", '""', "'it''s'", '"\\n"', "[]",
        "{}", "[a]", "[a, b]", "[a b , c]", "[a,]", "[,]", "[a: b]", "[a, [b, {c: d}]]", "{a: 1}",
        "{a: [b], c: {d: e}}", "{a: 1, a: 2}", "{a}", "{a: }", "{a:1}", "{'a': 1}", "[a", "a]",
        "&a b", "*a", "!t a", "|", ">", "%a", "@a", "`a", "- a", "-", "?", "? a", ": a", "<<",
        "---", "...",
        "~", "null", "(a, b)", "“a”", "a - b", "a?b", "[a?b]", "[a # b]", "[a] # c", "[a]#c",
        "[08:00]", "a,b", "a [b]", "a {b}", "a'b", 'a"b', "a: ", "a  b", "a ", " a",
    ]
)  # fmt: skip
LINES = st.builds(
    lambda indent, dash, key, value, end: f"{' ' * indent}{dash}{key}{value}{end}",
    st.integers(0, 6),
    st.sampled_from(["", "", "", "- ", "-   ", "- - "]),
    st.sampled_from(["", "a: ", "b: ", "c:", "d:  ", "an id: ", "a-b.c: ", "đ: ", "a:b: ", "a : "]),
    st.one_of(st.just(""), PIECES),
    st.sampled_from(["", "", "", " ", "  # note", "#"]),
)
TEXTS = st.lists(LINES, min_size=1, max_size=8).map("\n".join)


def places(document: Document) -> dict[Path, tuple[Any, Any]]:
    """Return where every value of a document stands, its key, and what is missing in it."""
    return {
        path: (document.mark(path), document.mark(path, key=True))
        for there in [(), *_paths(document.value, ())]
        for path in (there, (*there, "missing"), (*there, 9, 9))
    }


def _paths(value: Any, path: Path) -> Iterator[Path]:
    steps = value if isinstance(value, dict) else range(len(value)) if type(value) is list else []
    for step in steps:
        yield (*path, step)
        yield from _paths(value[step], (*path, step))


def both(text: str) -> tuple[tuple[Any, list[Any]], tuple[Any, list[Any]]]:
    """Return what is read with and without the reader of plain lines: values, places, faults."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        for _ in range(2):
            document, faults = parse("f.yaml", text)
            read = None if document is None else (document.value, places(document))
            found.append((read, faults))
            patch.setattr(plain_lines, "read", lambda lines, *, most: None)
    return found[0], found[1]


@given(TEXTS)
@example("a:\n- b\n- c: d\n  e: f\ng: h")
@example("a:\n  - b\nc:\n    d: e")
@example("- a: b\n  c:\n  - d\n- e")
@example("a: b\n  c")
@example("a:\n # note\n\n  b: c # d\n")
@example("a: [b, c] # d\nb: {c: 'd', e: [f]}")
@example("k" * 900 + ": v\n" + "k" * 1100 + ": v")
@example("đ" * 900 + ": v\n- " + "đ" * 1100 + ": v")
@example("a: {" + "k" * 1100 + ": v}")
@example("a: {" + "k" * 900 + ": " + "v" * 3000 + "}")
@settings(max_examples=1500, deadline=None)
def test_it_reads_what_the_parser_reads_or_leaves_it_alone(text: str):
    """Two readings of one text would be two plans."""
    plain, parsed = both(text)

    assert plain == parsed


@pytest.mark.parametrize("file", [*SHIPPED, *BROKEN], ids=lambda file: file.stem)
def test_it_reads_whole_files_as_the_parser_does(file: File):
    """Every value and every place of what is shipped."""
    plain, parsed = both(file.read_text(encoding="utf-8"))

    assert plain == parsed


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_reads_large_plans_and_the_files_of_any_editor(end: str):
    """The path that a large plan takes must be the fast one."""
    text = plan_text(60)
    turned = "\ufeff" + text.replace("\n", end)

    assert plain_lines.read(text.split("\n"), most=100) is not None
    plain, parsed = both(turned)
    assert plain == parsed
    assert plain == both(text)[0]


@pytest.mark.parametrize(
    "file", [file for file in SHIPPED if file.parent.name != "en"], ids=lambda file: file.stem
)
def test_what_is_shipped_is_plain(file: File):
    """Else the fast reader would be of no use to those who copy the samples.

    English ones may hold an apostrophe, which is no quote and left to the parser to judge.
    """
    lines = file.read_text(encoding="utf-8").split("\n")

    assert plain_lines.read(lines, most=yaml_source.MOST_ENTRIES) is not None


def test_equal_lines_share_what_they_hold():
    """Ten thousand tasks name the same few agencies."""
    read = plain_lines.read(["a:", "  by: [x, y]", "b:", "  by: [x, y]"], most=10)

    assert read is not None
    value, _ = read
    assert value["a"]["by"] is value["b"]["by"]
