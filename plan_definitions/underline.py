"""Spans: how far what a diagnostic points at reaches on its line.

Read off the one line that is shown, by the rules of YAML 1.2 for scalars and flow lists
(sections 7.3 and 7.4). A value that goes on over more lines ends with its first.
"""

from __future__ import annotations

import re

_PAIRS = {"[": "]", "{": "}"}
_CLOSING = frozenset(_PAIRS.values())
_COMMENT = re.compile(r"\s#")
_WORD = re.compile(r"[^\s,\[\]{}]+")


def span(line: str, start: int) -> int:
    """Return how many characters what begins at index `start` of a line takes, at least 1."""
    rest = line[start:]
    if not rest or rest[0] in " \ufffd":
        return 1
    sign = rest[0]
    if sign == "\t":
        return len(rest) - len(rest.lstrip("\t "))
    if sign in "\"'":
        return _quoted(rest) or _content(rest)
    if sign in _PAIRS:
        return _bracketed(rest) or _content(rest)
    if sign in "&*!" and (word := _WORD.match(rest)):
        return len(word[0])
    return max(1, _plain(rest, in_flow=_is_in_flow(line[:start], rest)))


def _content(rest: str) -> int:
    """Return the length of what stands before a comment and the spaces at the end."""
    comment = _COMMENT.search(rest)
    return len(rest[: comment.start() if comment else None].rstrip())


def _quoted(rest: str) -> int:
    """Return the length up to the closing quote, 0 where there is none."""
    pattern = r'"(?:[^"\\]|\\.)*"' if rest[0] == '"' else r"'(?:[^']|'')*'"
    found = re.match(pattern, rest)
    return found.end() if found else 0


def _bracketed(rest: str) -> int:
    """Return the length up to the bracket that closes the first one, 0 where there is none."""
    depth = at = 0
    opens = True  # whether a value may begin here: only there does a quote mean one
    while at < len(rest):
        sign = rest[at]
        if opens and sign in "\"'":
            at += _quoted(rest[at:]) or 1
            opens = False
            continue
        if sign == "#" and at and rest[at - 1].isspace():
            return 0
        depth += (sign in _PAIRS) - (sign in _CLOSING)
        at += 1
        if depth == 0:
            return at
        opens = sign in "[{,:" or (opens and sign.isspace())
    return 0


def _plain(rest: str, *, in_flow: bool) -> int:
    """Return the length of a scalar without quotes, or of a key up to its colon."""
    content = rest[: _content(rest)]
    ends = r":(?=\s|$|[,\[\]{}])|[,\[\]{}]" if in_flow else r":(?=\s|$)"
    found = re.search(ends, content)
    return len(content[: found.start() if found else None].rstrip())


def _is_in_flow(before: str, rest: str) -> bool:
    """Say whether a bracket is open where `rest` begins, on this line or on one above."""
    opened = sum(before.count(sign) for sign in _PAIRS)
    closed = sum(before.count(sign) for sign in _CLOSING)
    if opened > closed:
        return True
    inside = re.sub(r"\[[^\[\]]*\]|\{[^{}]*\}", "", rest)
    return any(sign in inside for sign in _CLOSING)
