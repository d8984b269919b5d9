"""How a text becomes plain values with places; nothing that is written can crash it."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plan_definitions.reading import yaml_source
from plan_definitions.reading.yaml_source import parse


def faults(text: str) -> list[tuple[str, int, int]]:
    return [(found.kind, found.line, found.column) for found in parse("f.yaml", text)[1]]


WORDS = (
    "no", "Off", "true", "1:30", "010", "1e3", "0x10", "~", "null", ".inf", "-.inf", ".nan",
    "2020-05-10", "2020-05-10 08:00:00", "12_000", "0o7", "0b1", "1.", "+1", "=",
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("first", ["", "---\n"], ids=["plain", "parsed"])
def test_scalars_stay_text(first: str, word: str):
    """`no`, `010` and `1:30` are words until a form says what they are."""
    document, found = parse("f.yaml", f"{first}a: {word}\nb: [{word}]\nc: {{d: {word}}} # e\n")

    assert found == []
    assert document is not None
    assert document.value == {"a": word, "b": [word], "c": {"d": word}}


def test_places_count_characters_not_bytes():
    """Vietnamese letters take several bytes and one column."""
    document, _ = parse("f.yaml", "đôn đốc: {hạn: trước}\n")

    assert document is not None
    assert document.mark(("đôn đốc", "hạn"), key=True) == (1, 11)
    assert document.mark(("đôn đốc", "hạn")) == (1, 16)


@pytest.mark.parametrize("text", ["\ufeffa: b\n", "a: b\r\n", "a: b\r", "a: b", "# x\r\na: b\r\n"])
def test_marks_and_line_ends_of_other_editors_are_accepted(text: str):
    """Notepad writes a byte order mark and CRLF; neither is a coordinator's fault."""
    document, found = parse("f.yaml", text)

    assert document is not None
    assert (document.value, found) == ({"a": "b"}, [])


def test_text_is_brought_to_one_form_of_unicode():
    """Decomposed letters from a Mac are the same word."""
    document, _ = parse("f.yaml", "a: Nội vụ\n")

    assert document is not None
    assert document.value == {"a": "Nội vụ"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("empty-file", 1, 1)),
        ("# chỉ ghi chú\n", ("empty-file", 1, 1)),
        ("a: b\n\tc: d\n", ("tab", 2, 1)),
        ("a:\n  \tb: c\n", ("tab", 2, 3)),
        ("a: x\x00y", ("control-character", 1, 5)),
        ("a: b\nc: \udcff", ("not-utf8", 2, 4)),
        ("a: *b", ("anchor", 1, 4)),
        ("a: !!python/name:os.system x", ("tag", 1, 4)),
        ("a: 1\na: 2", ("duplicate-key", 2, 1)),
        ("a: [b", ("yaml-syntax", 1, 4)),
        ("a: b\n---\nc: d", ("several-documents", 2, 1)),
        ("{a: b}: c", ("key-not-text", 1, 1)),
        ("a: " + "[" * 50_000, ("too-deep", 1, 28)),
    ],
)
def test_what_cannot_be_read_has_a_number_and_a_place(text: str, expected: tuple[str, int, int]):
    """Each of these has crashed or fooled a YAML loader."""
    assert faults(text)[0] == expected


def test_every_line_that_begins_with_a_tab_is_shown_at_once():
    """Who pressed Tab once pressed it everywhere."""
    assert [line for _, line, _ in faults("a:\n\tb: 1\n\tc: 2\n\td: 3\n")] == [2, 3, 4]


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x,x]\n" + "".join(f"k{i}: &k{i} [*a,*a]\n" for i in range(50)),
        "a: &a {x: y}\n" + "b: {" + ", ".join("<<: *a" for _ in range(50)) + "}\n",
        "".join("k: v\n" for _ in range(50_000)),
        "[" * 500_000,
        "a: [" + "x," * 300_000 + "]",
    ],
    ids=["aliases", "merge-keys", "duplicates", "brackets", "values"],
)
def test_bombs_are_refused_quickly(bomb: str):
    """A file sent by e-mail must not stop the machine that checks it."""
    began = time.process_time()

    assert faults(bomb)
    assert time.process_time() - began < 3


def test_the_pure_python_parser_says_the_same(monkeypatch: pytest.MonkeyPatch):
    """A machine without libyaml must not find other faults."""
    texts = ["a: b\nc: [d, {e: f}]\n", "a: 1\na: 2\n", "a: *b", "a: b\n\tc: d\n", "[" * 2000]
    with_libyaml = [faults(text) for text in texts]

    monkeypatch.setattr(yaml_source, "_LOADER", yaml.SafeLoader)

    assert [faults(text) for text in texts] == with_libyaml


@given(st.text(max_size=60))
def test_no_text_crashes_it(text: str):
    """Whatever is written, there is a document or a fault."""
    document, found = parse("f.yaml", text)

    assert document is not None or found


@given(st.text(alphabet="ab: -[]{},'\"\n\t&*!|>#?%@`đ", max_size=40))
def test_no_text_that_looks_like_yaml_crashes_it(text: str):
    """Signs that mean something are where parsers stumble."""
    document, found = parse("f.yaml", text)

    assert document is not None or found
    assert all(diagnostic.message("vi") and diagnostic.help("en") for diagnostic in found)
