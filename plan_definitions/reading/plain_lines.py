"""Plain lines: the small part of YAML in which plans are written, read line by line.

Nearly every plan holds nothing but `key: value`, `- value` and `[a, b]` on lines of their
own. Such a text is read here in a fraction of the time that a YAML parser takes. Whatever
is the least bit unusual (a text over several lines, an escape, an anchor, a fault) is not
judged here but left to the parser, whose reading is the one that counts: `read`
returns the same values, or nothing. `tests/plan_definitions/test_plain_lines.py` holds it
to that.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

Spot: TypeAlias = "int | tuple[int, Spots]"
"""The line of a value, counted from 1; for a container, that of its key and what is in it."""
Spots: TypeAlias = "dict[Any, Spot] | list[Spot]"

DEEPEST = 16

_Line: TypeAlias = tuple[int, str | None, Any]

_SKIP: Final[_Line] = (-1, None, None)
_EMPTY: Final = ""
_SLICE = 4096  # lines between two looks at the number of entries
_LONGEST = 4096  # characters of a line
_LONGEST_KEY = 400  # of a key; the parser stops at a thousand

_WORDS = r"\w[\w.\-/]*+(?: [\w.\-/]++)*+"
_SHAPE = re.compile(rf"( *+)(- ++)?(?:({_WORDS}):(?: ++|$))?")
# What most lines are; nothing else may stand on one that is understood so.
_COMMON = re.compile(
    r"( *+)([a-zA-Z0-9_][a-zA-Z0-9_.\-/]{0,400}+):"
    r"(?: ([^\s\-?:,\[\]{}#&*!|>'\"%@`][^:#]{0,4000}+(?<! )))?$"
)
_END = re.compile(r"(?: ++(?:#.*)?)?")
_DOUBLE = re.compile(r'"([^"\\]*+)"')
_SINGLE = re.compile(r"'([^']*+)'")
_KEY = re.compile(rf"({_WORDS}): ++")
_NO_PLAIN = r",?\[\]{}\"'#:"
_IN_FLOW = re.compile(rf"[\w(][^{_NO_PLAIN}]*+(?::\w[^{_NO_PLAIN}]*+)*+")
_SPACE = re.compile(r" *+")
# A comma and what follows, which is no bracket; or up to the bracket that closes.
_BETWEEN = re.compile(r" *+(?:, *+(?![\]}])|(?=[\]}]))")
_UNUSUAL_START = frozenset("-?:,[]{}#&*!|>'\"%@` ")


class _Unusual(Exception):
    """A line that a YAML parser must judge."""


def read(lines: list[str], *, most: int) -> tuple[Any, Spots] | None:
    """Return what lines hold (dict, list, str) and on which of them; None if one is unusual.

    The lines must be in NFC and hold no tab, no line break, no hidden character; a list or
    a mapping may have `most` entries. Equal lines share their lists and mappings: what is
    returned must not be changed.
    """
    holder: Any = {_EMPTY: _EMPTY}  # what is open, here the place of the whole
    spots: Any = {_EMPTY: 1}
    root, root_spots = holder, spots
    level = -2
    pending: str | None = _EMPTY  # the key whose value may follow on deeper lines
    stack: list[tuple[int, Any, Any]] = []
    known: dict[str, _Line] = {}
    number = 0
    try:
        for start in range(0, len(lines), _SLICE):
            if len(holder) > most:
                return None
            for line in lines[start : start + _SLICE]:
                number += 1
                found = known.get(line)
                if found is None:
                    if common := _COMMON.match(line):
                        indent, key, value = common.groups()
                        found = (2 * len(indent), key, value or _EMPTY)
                    else:
                        found = _understood(line)
                    known[line] = found
                depth, key, value = found
                if depth != level:
                    if depth < 0:
                        continue
                    if depth > level:
                        if pending is None or len(stack) > DEEPEST:
                            return None
                        stack.append((level, holder, spots))
                        inner: Any = {} if key is not None else []
                        inner_spots: Any = {} if key is not None else []
                        holder[pending] = inner
                        spots[pending] = (spots[pending], inner_spots)
                        holder, spots, level = inner, inner_spots, depth
                    else:
                        while level > depth:
                            if len(holder) > most:
                                return None
                            level, holder, spots = stack.pop()
                        if level != depth:
                            return None
                if key is not None:
                    if key in holder:
                        return None
                    holder[key] = value
                    spots[key] = number
                    pending = key if value is _EMPTY else None
                elif type(value) is tuple:  # a mapping that begins behind a dash
                    stack.append((level, holder, spots))
                    level, key, value = value
                    inner, inner_spots = {key: value}, {key: number}
                    holder.append(inner)
                    spots.append((number, inner_spots))
                    holder, spots = inner, inner_spots
                    pending = key if value is _EMPTY else None
                else:
                    holder.append(value)
                    spots.append(number)
                    pending = None
    except _Unusual:
        return None
    if len(holder) > most or any(len(entries) > most for _, entries, _ in stack):
        return None
    value = root[_EMPTY]
    spot = root_spots[_EMPTY]
    return None if isinstance(spot, int) else (value, spot[1])


def count(value: Any) -> int:
    """Return how many values there are in one, itself counted."""
    if isinstance(value, dict):
        return 1 + sum(map(count, value.values()))
    return 1 + sum(map(count, value)) if isinstance(value, list) else 1


def first_line(spots: Spots) -> int:
    """Return the line on which things begin."""
    spot = next(iter(spots.values())) if isinstance(spots, dict) else spots[0]
    return spot if isinstance(spot, int) else spot[0]


def columns(line: str) -> tuple[int, int, int]:
    """Return the columns, counted from 1, at which a line, its key and its value begin.

    A key without a value has it behind its colon, as the parser has.
    """
    shape = _SHAPE.match(line)
    assert shape is not None
    has_value = line[shape.end() : shape.end() + 1] not in ("", "#")
    value = shape.end() + 1 if has_value else shape.end(3) + 2
    return shape.end(1) + 1, shape.start(3) + 1, value


def _understood(line: str) -> _Line:
    """Return depth, key and value of a line. Raises _Unusual.

    Keys stand at twice their column and dashes one more, so that a list may begin in the
    column of its key and still be the deeper. An item has no key; one that begins a
    mapping has a line as its value.
    """
    if len(line) > _LONGEST:
        raise _Unusual
    shape = _SHAPE.match(line)
    assert shape is not None
    indent, dash, key = shape.groups()
    if key is not None and len(key) > _LONGEST_KEY:
        raise _Unusual
    rest = line[shape.end() :]
    if key is None and dash is None:
        if rest and rest[0] != "#":
            raise _Unusual
        return _SKIP
    depth = 2 * len(indent)
    value = _value(rest)
    if dash is None:
        return depth, key, value
    if key is None:
        if value is _EMPTY:
            raise _Unusual
        return depth + 1, None, value
    return depth + 1, None, (depth + 2 * len(dash), key, value)


def _value(rest: str) -> Any:
    """Return the value that fills the rest of a line; empty where there is none."""
    if not rest or rest[0] == "#":
        return _EMPTY
    if rest[0] in _UNUSUAL_START:
        value, end = _flow(rest, 0, 0)
        # An empty quote would be taken for a key whose value comes on the next line.
        if value is _EMPTY or not _END.fullmatch(rest, end):
            raise _Unusual
        return value
    cut = rest.find(" #")
    if cut >= 0:
        rest = rest[:cut]
    rest = rest.rstrip(" ")
    if rest[-1] == ":" or ": " in rest:
        raise _Unusual
    return rest


def _flow(line: str, at: int, depth: int) -> tuple[Any, int]:
    """Return the value that begins at a place of a line, and where it ends. Raises _Unusual."""
    sign = line[at : at + 1]
    if sign == "[" and depth < DEEPEST:
        return _flow_list(line, at + 1, depth + 1)
    if sign == "{" and depth < DEEPEST:
        return _flow_mapping(line, at + 1, depth + 1)
    pattern = _DOUBLE if sign == '"' else _SINGLE if sign == "'" else None
    if pattern is not None and (found := pattern.match(line, at)):
        return found[1], found.end()
    if depth and (found := _IN_FLOW.match(line, at)):
        return found[0].rstrip(" "), found.end()
    raise _Unusual


def _flow_list(line: str, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _past(_SPACE, line, at)
    while line[at : at + 1] != "]":
        item, at = _flow(line, at, depth)
        items.append(item)
        at = _past(_BETWEEN, line, at)
    return items, at + 1


def _flow_mapping(line: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    entries: dict[str, Any] = {}
    at = _past(_SPACE, line, at)
    while line[at : at + 1] != "}":
        key = _KEY.match(line, at)
        if key is None or key[1] in entries or len(key[1]) > _LONGEST_KEY:
            raise _Unusual
        entries[key[1]], at = _flow(line, key.end(), depth)
        at = _past(_BETWEEN, line, at)
    return entries, at + 1


def _past(pattern: re.Pattern[str], line: str, at: int) -> int:
    """Return where a pattern that begins at a place of a line ends. Raises _Unusual."""
    found = pattern.match(line, at)
    if found is None:
        raise _Unusual
    return found.end()
