"""YAML source: a text as plain values, each with its line and column.

Plain texts are read line by line (`plain_lines`), all others from libyaml's events, never
with its loader: a loader keeps the last of two equal keys, reads `no` as False and crashes
on 50,000 brackets. Here every scalar stays text; duplicate keys, anchors, tags and hidden
characters are refused; depth, size and the number of faults have limits. A place is looked
up when something is to be said of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn, Protocol, TypeAlias

import yaml

from plan_definitions.diagnostics import Diagnostic, limited
from plan_definitions.reading import garbage, plain_lines

DEEPEST = 24
LARGEST = 6_000_000
"""Bytes of a file; a plan of 10,000 tasks takes two thirds, one of a province a hundredth."""
MOST_LINES = 250_000
LONGEST = 100_000
"""Characters of a line, and of a text."""
MOST_ENTRIES = 20_000
"""Keys of one mapping, items of one list."""
MOST_VALUES = 300_000
MOST_FAULTS = 1_000
"""Faults in how a text is written after which nobody reads on."""

Path: TypeAlias = tuple[str | int, ...]
Mark: TypeAlias = tuple[int, int]

_LOADER: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_FOREIGN = re.compile("[\ud800-\udfff]")
# Control characters, line breaks that no editor counts, and all that nobody sees: marks of
# direction, joiners, fillers, soft hyphens, selectors of variants, tags.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_TAB_INDENT = re.compile(r" *+(\t)[\t ]*+\S")
# Spaces that only look like one, as they are pasted from elsewhere, where a space counts.
_ODD = re.compile("[\xa0\u2000-\u200a\u202f\u3000]")
_ODD_SPACE = re.compile(f"(?: *+|[^:]*+:)({_ODD.pattern})")
_NO_SPACE = re.compile(
    r"[^\S ]|" + HIDDEN.pattern
)  # what looks like a space in a key, or is not seen
_KEYED = re.compile(r":(?: |$)|^ *+(?:- ++)?[\[{\"'|>]")
_COLON = re.compile("[:\uff1a]")
_START: Mark = (1, 1)
_ASIDE = "\0"  # the place of what a key given twice holds: no key can be called so


class Hole:
    """The place of a value that was at fault."""


HOLE: Final = Hole()


class Place(NamedTuple):
    """Where a value stands and its key, if it has one.

    `exact` is false where it is only the nearest thing around what was asked for.
    """

    mark: Mark
    key: Mark | None
    exact: bool


class Places(Protocol):
    """Who knows the places of all that is in a text."""

    def find(self, path: Path) -> Place:
        """Return the place of the value at `path`, or of the nearest thing around it."""


@dataclass(frozen=True)
class Document:
    """A text as plain values (dict, list, str), and where each key and value stands.

    Equal values may be one object: nobody may change them.
    """

    file: str
    lines: list[str]
    value: Any
    places: Places

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """Return line and column of the value at `path`, or of its key.

        Where there is no such value, of the key of the nearest thing that it would be in.
        """
        place = self.places.find(path)
        return place.mark if place.exact and not key else place.key or place.mark

    def holds(self, path: Path) -> bool:
        """Say whether something is written at `path`, valid or not."""
        value = self.value
        for step in path:
            if isinstance(value, dict):
                if step not in value:
                    return False
            elif not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
                return False
            value = value[step]
        return True

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
    unix = _unix(text)
    if len(text) > LARGEST or unix.count("\n") > MOST_LINES:
        return None, [Diagnostic("file-too-large", file, 1, 1, {"name": file})]
    reading = _Reading(file, text, unix.split("\n"))
    try:
        with garbage.paused():
            reading.check_signs()
            document = _plain_document(reading, unix) or _parsed_document(reading)
    except _Stop:
        document = None
    except (
        yaml.YAMLError,
        ValueError,
    ) as error:  # PyYAML itself trips over numbers of 5,000 digits
        reading.say_syntax(error)
        document = None
    return document, limited(reading.found)


def _plain_document(reading: _Reading, unix: str) -> Document | None:
    """Return the document of a text in which there is nothing that a parser must judge."""
    if "\t" in unix or not unicodedata.is_normalized("NFC", unix):
        return None
    read = plain_lines.read(reading.lines, most=MOST_ENTRIES)
    if read is None:
        return None
    value, spots = read
    # Each value takes two characters at least, each line brings two values and its commas.
    if len(unix) > 2 * MOST_VALUES:
        most = 2 * len(reading.lines) + unix.count(",")
        if most > MOST_VALUES and plain_lines.count(value) > MOST_VALUES:
            return None
    return Document(reading.file, reading.lines, value, _LinePlaces(reading.lines, spots))


def _parsed_document(reading: _Reading) -> Document:
    reading.check_lines()
    value, root = reading.read()
    return Document(reading.file, reading.lines, value, _EventPlaces(root))


class _Stop(Exception):
    """Reading on makes no sense."""


class _Reading:
    """Reads one text from its events, and notes what is wrong with how it is written."""

    def __init__(self, file: str, text: str, lines: list[str]) -> None:
        self.file, self.text, self.lines = file, text, lines
        self.found: list[Diagnostic] = []
        self.faults = 0
        self.long_quote: Mark | None = None

    def check_signs(self) -> None:
        """Stop at a character that no plan may hold."""
        if bad := HIDDEN.search(self.text):
            # Letters of two bytes each, read as if of one, bring zeros among them.
            foreign = _FOREIGN.match(bad[0]) or "\0" in self.text[:4]
            before = _unix(self.text[: bad.start()])
            mark = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            self.lines[mark[0] - 1] = HIDDEN.sub("\ufffd", self.lines[mark[0] - 1])
            self.stop("not-utf8" if foreign else "control-character", mark, sign=_sign(bad[0]))

    def check_lines(self) -> None:
        """Stop at a line that nobody wrote: what is in it would all be looked at in one go."""
        if len(self.text) > LONGEST and max(map(len, self.lines)) > LONGEST:
            long = next(n for n, line in enumerate(self.lines, 1) if len(line) > LONGEST)
            self.stop("line-too-long", (long, 1), limit=LONGEST)

    def read(self) -> tuple[Any, _Node]:
        """Return the values and their node. Raises _Stop and YAMLError.

        One loop with a stack of its own: large files spend their time in it, and nothing
        that is written may use up Python's.
        """
        shelf: list[Any] = []  # for the whole, and its node
        roots: list[_Node] = []
        holder: Any = shelf  # the list or mapping that is open, and the nodes in it
        nodes: Any = roots
        listing = True
        key: str | None = None  # what is still to get its value, and where it stands
        key_at: Any = None
        stack: list[tuple[Any, Any, bool, str | None, Any]] = []
        normal = unicodedata.is_normalized("NFC", self.text)
        values = 0
        for event in _events(self.text):
            kind = type(event)
            if kind is yaml.ScalarEvent:
                value = event.value
                if len(value) > LONGEST:
                    self.stop("line-too-long", _mark(event.start_mark), limit=LONGEST)
                if event.style:
                    self.check_quoted(event)
                if event.anchor is not None or event.tag is not None:
                    self.refuse_marks(event)
                if not normal or event.style:
                    value = unicodedata.normalize("NFC", value)
                if key is None and not listing:
                    key_at = event.start_mark
                    key = self.key(value, key_at, nodes)
                    continue
                inner = None
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                if not listing:
                    holder.pop(_ASIDE, None)
                holder, nodes, listing, key, key_at = stack.pop()
                key = None
                continue
            elif isinstance(event, yaml.NodeEvent):
                if key is None and not listing:
                    self.stop("key-not-text", _mark(event.start_mark))
                value, inner = self.opened(event, len(stack))
            else:
                if kind is yaml.DocumentStartEvent and shelf:
                    self.stop("several-documents", _mark(event.start_mark))
                continue
            values += 1
            if values > MOST_VALUES or len(nodes) >= MOST_ENTRIES:
                limit = MOST_VALUES if values > MOST_VALUES else MOST_ENTRIES
                self.stop("too-many-values", _mark(event.start_mark), limit=limit)
            if listing:
                holder.append(value)
                nodes.append((event.start_mark, None, inner))
            else:
                holder[key] = value
                nodes[key] = (event.start_mark, key_at, inner)
            if inner is None:
                key = None
            else:
                stack.append((holder, nodes, listing, key, key_at))
                holder, nodes, listing, key = value, inner, kind is yaml.SequenceStartEvent, None
        if not shelf or not shelf[0]:
            self.stop("empty-file", _START)
        return shelf[0], roots[0]

    def opened(self, event: Any, depth: int) -> tuple[Any, Any]:
        """Return the value that begins with an event, and a place for the nodes in it."""
        if isinstance(event, yaml.AliasEvent):
            self.say("anchor", _mark(event.start_mark))
            return HOLE, None
        if depth > DEEPEST:
            self.stop("too-deep", _mark(event.start_mark), limit=DEEPEST)
        self.refuse_marks(event)
        return ([], []) if isinstance(event, yaml.SequenceStartEvent) else ({}, {})

    def check_quoted(self, event: Any) -> None:
        """Look for what an escape can bring in, and for quotes that were not closed in time."""
        at, end = event.start_mark, event.end_mark
        if event.style in ("'", '"') and end.line > at.line:
            self.long_quote = _mark(at)
        if event.style == '"' and (bad := HIDDEN.search(event.value)):
            self.say("control-character", _mark(at), sign=_sign(bad[0]))

    def refuse_marks(self, event: Any) -> None:
        """Note an anchor or a tag."""
        if event.anchor is not None:
            self.say("anchor", _mark(event.start_mark))
        if event.tag is not None:
            self.say("tag", _mark(event.start_mark), tag=event.tag)

    def key(self, key: str, at: Any, nodes: dict[str, _Node]) -> str:
        """Return a key, or where to put aside what a key at fault holds."""
        if key == "<<":  # a merge key
            self.say("anchor", _mark(at))
            return _ASIDE
        if key in nodes:
            self.say("duplicate-key", _mark(at), key=key, line=nodes[key][1].line + 1)
            return _ASIDE
        if not key.isprintable() and (bad := _NO_SPACE.search(key)):
            self.say("control-character", _mark(at), sign=_sign(bad[0]))
        return key

    def say(self, kind: str, mark: Mark, variant: str = "", **values: Any) -> None:
        """Note a fault; of a kind that there are many of, only the number is kept."""
        self.found.append(_diagnostic(kind, self.file, self.lines, mark, values, variant))
        self.faults += 1
        if self.faults == MOST_FAULTS:
            self.stop("too-many-faults", mark, limit=MOST_FAULTS)

    def stop(self, kind: str, mark: Mark, **values: Any) -> NoReturn:
        """Note a fault and read no further."""
        self.found.append(_diagnostic(kind, self.file, self.lines, mark, values))
        raise _Stop

    def say_syntax(self, error: Exception) -> None:
        """Say every tab in an indentation, else where the parser stumbled, and over what.

        Where a quote of more than one line came before, that is shown: one that was meant
        to end on its line is only noticed far below.
        """
        try:
            if "\t" in self.text and self.say_each("tab", _TAB_INDENT):
                return
            if _ODD.search(self.text) and self.say_each("control-character", _ODD_SPACE):
                return
        except _Stop:
            return
        problem = str(getattr(error, "problem", None) or "")
        context = str(getattr(error, "context", None) or "")
        opened = "flow" in context or "quoted" in context
        at = getattr(error, "context_mark" if opened else "problem_mark", None)
        mark = _START if at is None else (min(at.line + 1, len(self.lines)), at.column + 1)
        hint = _hint(f"{context} {problem}" if opened else problem)
        if self.long_quote is not None:
            mark, hint = self.long_quote, "quote"
        elif "colon" in hint:
            mark, hint = _without_colon(self.lines, mark) or (mark, hint)
        self.say("yaml-syntax", mark, hint, problem=problem)

    def say_each(self, kind: str, pattern: re.Pattern[str]) -> bool:
        """Note every line that begins so; say whether there is one."""
        before = self.faults
        for number, line in enumerate(self.lines, start=1):
            if found := pattern.match(line):
                self.say(kind, (number, found.start(1) + 1), sign=_sign(found[1]))
        return self.faults > before


_Node: TypeAlias = tuple[Any, Any, Any]
"""The parser's marks of a value and its key, and the nodes of what is in it."""


@dataclass(frozen=True, slots=True)
class _EventPlaces:
    """The places of a text that was read from events."""

    root: _Node

    def find(self, path: Path) -> Place:
        """Return the place of the value at `path`, or of the nearest thing around it."""
        (mark, key, _), exact = _walked(self.root, path)
        return Place(_mark(mark), None if key is None else _mark(key), exact)


@dataclass(frozen=True, slots=True)
class _LinePlaces:
    """The places of a text that was read line by line."""

    lines: list[str]
    spots: plain_lines.Spots

    def find(self, path: Path) -> Place:
        """Return the place of the value at `path`, or of the nearest thing around it."""
        number = plain_lines.first_line(self.spots)
        below: plain_lines.Spots | None = self.spots
        found = 0
        while below is not None and found < len(path):
            spot = _step(below, path[found])
            if spot is None:
                break
            number, below = (spot, None) if isinstance(spot, int) else spot
            found += 1
        if below is None and found < len(path):
            return self._in_line(number, path[found - 1], path[found:])
        return self._of_line(number, path[:found][-1:], below, exact=found == len(path))

    def _of_line(
        self, number: int, step: Path, below: plain_lines.Spots | None, *, exact: bool
    ) -> Place:
        """Return the place of the key or the item that a line begins; of the whole without one."""
        first, key, value = plain_lines.columns(self.lines[number - 1])
        is_key = bool(step) and isinstance(step[0], str)
        mark = (number, value)
        if not step:
            mark = (number, first)
        elif below is not None:
            start = plain_lines.first_line(below)
            column = key if start == number else plain_lines.columns(self.lines[start - 1])[0]
            mark = (start, column)
        return Place(mark, (number, key) if is_key else None, exact)

    def _in_line(self, number: int, step: str | int, path: Path) -> Place:
        """Return the place of what is in the value of the key or the item that a line begins."""
        line = self.lines[number - 1]
        _, (_, _, inner) = _Reading("", line, [line]).read()
        # By itself it is a mapping of one key or a list of one item, or that in this.
        if isinstance(step, str):
            node = inner[step] if isinstance(inner, dict) else inner[0][2][step]
        else:
            node = inner[0]
        (mark, key, _), exact = _walked(node, path)
        key_mark = None if key is None else (number, key.column + 1)
        return Place((number, mark.column + 1), key_mark, exact)


def _walked(node: _Node, path: Path) -> tuple[_Node, bool]:
    """Return the node at `path`, or the nearest one around it; and whether it is the one."""
    for step in path:
        inner: _Node | None = _step(node[2], step)
        if inner is None:
            return node, False
        node = inner
    return node, True


def _step(inner: Any, step: str | int) -> Any:
    """Return what stands in nodes or spots at a key or an index, or None."""
    if isinstance(inner, dict):
        return inner.get(step)
    if isinstance(inner, list) and isinstance(step, int) and step < len(inner):
        return inner[step]
    return None


def _mark(mark: Any) -> Mark:
    return mark.line + 1, mark.column + 1


def _unix(text: str) -> str:
    """Return a text with line feeds for the line ends of any editor."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _sign(sign: str) -> str:
    return f"U+{ord(sign):04X}"


def _events(text: str) -> Iterator[Any]:
    return iter(_LOADER(text).get_event, None)


def _diagnostic(
    kind: str,
    file: str,
    lines: list[str],
    mark: Mark,
    values: Mapping[str, Any],
    variant: str = "",
) -> Diagnostic:
    line, column = mark
    excerpt = lines[line - 1] if line <= len(lines) else ""
    return Diagnostic(kind, file, line, column, values, variant, excerpt)


def _without_colon(lines: list[str], mark: Mark) -> tuple[Mark, str] | None:
    """Return where a key above lacks its colon, and how, if the line above is such a one.

    The parser takes it for text, and only stumbles over the colon of the next line.
    """
    number = mark[0] - 1
    while number and not lines[number - 1].strip(" ").partition("#")[0]:
        number -= 1
    if not number:
        return None
    above, here = lines[number - 1], lines[mark[0] - 1]
    indent = len(above) - len(above.lstrip(" "))
    if indent > len(here) - len(here.lstrip(" ")) or _KEYED.search(above):
        return None
    sign = _COLON.search(above)
    if sign is None:
        return (number, indent + 1), "missing-colon"
    return (number, sign.start() + 1), "wide-colon" if sign[0] == "\uff1a" else "tight-colon"


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
