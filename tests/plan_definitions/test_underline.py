"""What is underlined is what the parser took for the value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan_definitions.underline import span
from tests.plan_definitions.plan_texts import PARTS, REAL

ROOT = REAL.parents[1]
FILES = sorted([*ROOT.rglob("*.yaml"), *PARTS.glob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_spans_are_those_of_the_parser(file: Path):
    """Every scalar and flow list of the shipped plan, register, calendar and scenarios."""
    text = file.read_text(encoding="utf-8")
    lines = text.split("\n")

    for start, end in _spans(text):
        assert span(lines[start.line], start.column) == max(1, end.column - start.column)


@pytest.mark.parametrize(
    ("line", "start", "meant"),
    [
        ("title: Báo cáo: phần một", 0, "title"),
        ("due: trước ngày 10/5/2020   # Chủ nhật", 5, "trước ngày 10/5/2020"),
        ("note: C# và #1", 6, "C# và"),
        ("by: [a, b c, d]", 8, "b c"),
        ("by: [a, [b, c], d]", 8, "[b, c]"),
        ('by: ["a, ]", b]', 4, '["a, ]", b]'),
        ("  so-noi-vo, so-tu-phap]", 2, "so-noi-vo"),
        ("needs: [reports", 7, "[reports"),
        ('title: "Tổng hợp', 7, '"Tổng hợp'),
        (r'title: "a \" b" # c', 7, r'"a \" b"'),
        ("title: 'Uỷ ban ''x''' # c", 7, "'Uỷ ban ''x'''"),
        ("when: {event: a.b, x: y}", 6, "{event: a.b, x: y}"),
        ("when: {event: a.b, x: y}", 14, "a.b"),
        ("when: {event: a.b, x: y}", 19, "x"),
        ("needs: &a [reports]", 7, "&a"),
        ("title: !!python/object x", 7, "!!python/object"),
        ("\t  title: x", 0, "\t  "),
        ("title: Kế\ufffdhoạch", 9, "\ufffd"),
        ("title:", 6, ""),
        ("", 0, ""),
        ("a: b: c", 4, ":"),
    ],
)
def test_what_is_meant(line: str, start: int, meant: str):
    """Quotes, flow lists, comments, and what is not closed on its line."""
    assert line[start : start + span(line, start)] == meant


@given(st.text(alphabet="ab:,#[]{}'\"\\ \t&*!-é", max_size=30), st.integers(0, 31))
def test_any_line_has_a_span_within_it(line: str, start: int):
    """A line at fault may hold anything."""
    found = span(line, start)

    assert 1 <= found <= max(1, len(line) - start)


def _spans(text: str) -> list[tuple[Any, Any]]:
    """Return the start and end marks of the scalars and flow collections that stand on a line."""
    found: list[tuple[Any, Any]] = []
    opened: list[Any] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        match event:
            case yaml.ScalarEvent():
                found.append((event.start_mark, event.end_mark))
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                opened.append(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                began = opened.pop()
                if began.flow_style:
                    found.append((began.start_mark, event.end_mark))
    return [(start, end) for start, end in found if start.line == end.line]
