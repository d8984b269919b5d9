"""Reading pages and calendars strictly, as their standards say, in a few lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = frozenset({"meta", "br", "hr", "img", "link", "input"})


class Reader(HTMLParser):
    """Reads HTML and complains where a tag is not closed in its turn."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> out of turn at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """All words, with single spaces."""
        return " ".join(" ".join(self.words).split())


def read(page: str) -> Reader:
    """Read a page whole; every tag is closed, in its turn."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return reader


def drawings(page: str) -> list[ElementTree.Element]:
    """Parse every drawing of a page as XML, which forgives nothing."""
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


@dataclass
class Component:
    """A component of a calendar: its properties by name, parameters cut off, and its children."""

    name: str
    properties: dict[str, list[str]] = field(default_factory=dict)
    children: list[Component] = field(default_factory=list)

    def one(self, name: str) -> str:
        """Return the value of a property that stands exactly once."""
        (value,) = self.properties[name]
        return value

    def words(self, name: str) -> str:
        """Return a TEXT value unescaped."""
        signs = {"n": "\n", "N": "\n"}
        return re.sub(r"\\(.)", lambda m: signs.get(m[1], m[1]), self.one(name))


def calendar(feed: str) -> Component:
    """Parse a calendar line by line (RFC 5545)."""
    assert feed.endswith("\r\n")
    assert "\n" not in feed.replace("\r\n", "")
    assert "\r" not in feed.replace("\r\n", "")
    root = Component("")
    stack = [root]
    for name, value in _content_lines(feed):
        if name == "BEGIN":
            child = Component(value)
            stack[-1].children.append(child)
            stack.append(child)
        elif name == "END":
            assert stack.pop().name == value
        else:
            stack[-1].properties.setdefault(name, []).append(value)
    assert stack == [root]
    (found,) = root.children
    return found


def _content_lines(feed: str) -> Iterator[tuple[str, str]]:
    unfolded = feed.replace("\r\n ", "")
    for line in unfolded.split("\r\n")[:-1]:
        match = re.fullmatch(r"([A-Z-]+)((?:;[A-Z-]+=[^;:,\"]+)*):(.*)", line)
        assert match, f"not a content line: {line!r}"
        yield match[1], match[3]
