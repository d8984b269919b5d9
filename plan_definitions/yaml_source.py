"""YAML source: a text as plain values, each with its line and column.

Built from libyaml's events, not with its loader: a loader keeps the last of two equal
keys, reads `no` as False and crashes on 50,000 brackets. Here every scalar stays text,
duplicate keys, anchors and tags are refused, and depth and size have limits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import yaml

from plan_definitions.diagnostics import Diagnostic

DEEPEST = 24
MOST_VALUES = 100_000

Path: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_UNREADABLE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
_TAB_INDENT = re.compile(r"^ *(\t)[\t ]*\S", re.MULTILINE)
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_START: Mark = (1, 1)
_ASIDE = "\0"  # the place of what a key given twice holds: no key can be called so


class Hole:
    """The place of a value that was at fault."""

    def __deepcopy__(self, memo: object) -> Hole:
        """There is one hole only."""
        return self


HOLE: Final = Hole()


@dataclass(frozen=True)
class Document:
    """A text as plain values (dict, list, str), and where each key and value stands."""

    file: str
    lines: list[str]
    value: Any
    key_marks: Mapping[Path, Mark]
    value_marks: Mapping[Path, Mark]

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Return line and column of the value at `path`, or of its key.

        Where there is no such value, of the key of the nearest thing that it would be in.
        """
        if path in self.value_marks:
            return self.key_marks.get(path, _START) if key else self.value_marks[path]
        while path := path[:-1]:
            found = self.key_marks.get(path) or self.value_marks.get(path)
            if found:
                return found
        return self.value_marks.get((), _START)

    def keys_at(self, *path: str | int) -> list[str]:
        """Return the keys that are written at `path`, valid or not."""
        value = self.value
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        return list(value) if isinstance(value, dict) else []

    def diagnostic(
        self, kind: str, path: Path, values: Mapping[str, Any], variant: str = "", *, key: bool
    ) -> Diagnostic:
        """Return a diagnostic that points at `path`."""
        return _diagnostic(kind, self.file, self.lines, self.mark(path, key=key), values, variant)


def parse(file: str, text: str) -> tuple[Document | None, list[Diagnostic]]:
    """Return the document of a text, and every fault in how it is written.

    The document is None where the text cannot be read on; never raises.
    """
    text = text.removeprefix("\ufeff")  # Notepad's byte order mark
    lines = _BREAK.split(text)
    unreadable = list(_unreadable(file, text, lines))
    if unreadable:
        return None, unreadable
    builder = _Builder(file, lines)
    try:
        value = builder.document(text)
    except _Stop:
        return None, builder.found
    except yaml.YAMLError as error:
        return None, [*builder.found, *_syntax(file, text, lines, error, builder.long_quote)]
    except RecursionError:
        return None, [_diagnostic("too-deep", file, lines, _START, {"limit": DEEPEST})]
    return Document(file, lines, value, builder.keys, builder.values), builder.found


class _Stop(Exception):
    """Reading on makes no sense."""


class _Builder:
    """Takes the events of one text."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file, self.lines = file, lines
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self.found: list[Diagnostic] = []
        self.long_quote: Mark | None = None
        self.events: Iterator[Any] = iter(())

    def document(self, text: str) -> Any:
        self.events = iter(yaml.parse(text, Loader=_LOADER))
        value: Any = None
        documents = 0
        for event in self.events:
            match event:
                case yaml.StreamStartEvent() | yaml.DocumentEndEvent() | yaml.StreamEndEvent():
                    continue
                case yaml.DocumentStartEvent() if documents:
                    self._stop("several-documents", event)
                case yaml.DocumentStartEvent():
                    documents += 1
                case _:
                    value = self._value(event, ())
        if not value:
            self._say("empty-file", _START)
            raise _Stop
        return value

    def _value(self, event: Any, path: Path) -> Any:
        mark = _mark(event)
        self.values[path] = mark
        if len(path) > DEEPEST:
            self._stop("too-deep", event, limit=DEEPEST)
        if len(self.values) > MOST_VALUES:
            self._stop("too-many-values", event, limit=MOST_VALUES)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            self._say("anchor", mark)
        if isinstance(event, yaml.AliasEvent):
            return HOLE
        if event.tag is not None:
            self._say("tag", mark, tag=event.tag)
        match event:
            case yaml.ScalarEvent():
                return self._scalar(event, mark)
            case yaml.SequenceStartEvent():
                return self._sequence(path)
            case _:
                return self._mapping(path)

    def _scalar(self, event: Any, mark: Mark) -> str:
        if event.style in ("'", '"') and event.end_mark.line > event.start_mark.line:
            self.long_quote = mark
        if bad := _CONTROL.search(event.value):
            self._say("control-character", mark, sign=f"U+{ord(bad[0]):04X}")
        return unicodedata.normalize("NFC", event.value)

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop("key-not-text", event)
            key, mark = self._scalar(event, _mark(event)), _mark(event)
            inner = (*path, key)
            if event.anchor is not None:
                self._say("anchor", mark)
            if key == "<<":  # a merge key
                self._say("anchor", mark)
                self._value(next(self.events), (*inner, _ASIDE))
                continue
            if key in entries:
                self._say("duplicate-key", mark, key=key, line=self.keys[inner][0])
                self._value(next(self.events), (*inner, _ASIDE))
                continue
            self.keys[inner] = mark
            entries[key] = self._value(next(self.events), inner)
        return entries

    def _say(self, kind: str, mark: Mark, **values: Any) -> None:
        self.found.append(_diagnostic(kind, self.file, self.lines, mark, values))

    def _stop(self, kind: str, event: Any, **values: Any) -> None:
        self._say(kind, _mark(event), **values)
        raise _Stop


def _mark(event: Any) -> Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _diagnostic(
    kind: str,
    file: str,
    lines: list[str],
    mark: Mark,
    values: Mapping[str, Any],
    variant: str = "",
) -> Diagnostic:
    line, column = mark
    excerpt = _CONTROL.sub("\ufffd", lines[line - 1]) if line <= len(lines) else ""
    return Diagnostic(kind, file, line, column, values, variant, excerpt)


def _unreadable(file: str, text: str, lines: list[str]) -> Iterator[Diagnostic]:
    """Yield the first character of each kind that no YAML text may hold."""
    for kind, pattern in (("not-utf8", _UNREADABLE), ("control-character", _CONTROL)):
        if bad := pattern.search(text):
            before = _BREAK.split(text[: bad.start()])
            mark = (len(before), len(before[-1]) + 1)
            sign = f"U+{ord(bad[0]):04X}"
            yield _diagnostic(kind, file, lines, mark, {"sign": sign})
            return


def _syntax(
    file: str, text: str, lines: list[str], error: yaml.YAMLError, long_quote: Mark | None
) -> list[Diagnostic]:
    """Say every tab in an indentation, else where the parser stumbled, and over what.

    `long_quote` is where the last quote of more than one line began: one that was meant
    to end on its line is only noticed far below.
    """
    tabs = [
        _diagnostic(
            "tab", file, lines, (text.count("\n", 0, m.start()) + 1, m.end(1) - m.start()), {}
        )
        for m in _TAB_INDENT.finditer(text)
    ]
    if tabs:
        return tabs
    problem = str(getattr(error, "problem", None) or "")
    context = str(getattr(error, "context", None) or "")
    if long_quote is not None:
        return [_diagnostic("yaml-syntax", file, lines, long_quote, {"problem": problem}, "quote")]
    opened = "flow" in context or "quoted" in context
    at = getattr(error, "context_mark" if opened else "problem_mark", None)
    mark = _START if at is None else (min(at.line + 1, len(lines)), at.column + 1)
    hint = _hint(f"{context} {problem}" if opened else problem)
    return [_diagnostic("yaml-syntax", file, lines, mark, {"problem": problem}, hint)]


def _hint(problem: str) -> str:
    """Return which way out suits the parser's complaint."""
    for words, variant in (
        ("mapping values are not allowed", "colon"),
        ("could not find expected ':'", "no-colon"),
        ("quoted scalar", "quote"),
        ("unexpected end of stream", "quote"),
        ("cannot start any token", "quote-it"),
        ("flow", "bracket"),
        ("expected ',' or", "bracket"),
        ("block end", "indent"),
        ("'-' indicator", "indent"),
        ("expected <document start>", "indent"),
        ("expected key", "indent"),
    ):
        if words in problem:
            return variant
    return ""
