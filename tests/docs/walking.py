"""Walking: a tutorial is done as its reader would do it, block by block.

What is done with a fenced block says the comment on the line before it, which no reader sees:

    <!-- file NAME -->              write the file
    <!-- end NAME -->               put the block at the end of it, after an empty line
    <!-- next NAME -->              put it right under the last line
    <!-- before LINE in NAME -->    put it above that line, followed by an empty line
    <!-- change NAME -->            the block is a diff: put its `+` lines in place of its `-` lines
    <!-- run -->                    run each `$ …` line; the rest is what it prints
    <!-- run, shows A | B +2 | C +row -->   the same, but only the lines in which A is found (a
                                    regular expression), B with the two lines below, and C
                                    with the rest of its row in a table
    <!-- mail AGENCY KIND PLAN -->  the first mail of that kind, nobody answering

A block without a comment is only to be read. Commands run in this process, in the tutorial's
folder; besides `dondoc`, only what is named in `_SHELL` is understood.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from typer.testing import CliRunner

from cli.main import app
from notifiers.rendering import render
from plan_definitions import Bundle, load
from services.views import previewing

_COMMENT = re.compile(r"<!-- (file|end|next|before|change|run|mail)\b(.*?) -->")
_FENCE = re.compile(r"```(\w*)")
_BEFORE = re.compile(r"(?P<line>.+) in (?P<name>\S+)")
LEFT_OUT = "…"


@dataclass(frozen=True)
class Block:
    """A fenced block: what to do with it, and where its lines stand (from 0, the last not)."""

    act: str
    about: str
    begins: int
    ends: int
    lines: tuple[str, ...]


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks that something is done with, in order."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        if not _FENCE.match(lines[number]):
            number += 1
            continue
        ends = lines.index("```", number + 1)
        comment = _COMMENT.fullmatch(lines[number - 1])
        if comment is not None:
            inner = tuple(lines[number + 1 : ends])
            yield Block(comment[1], comment[2].strip(" ,"), number + 1, ends, inner)
        number = ends + 1


def quotes(text: str) -> list[str]:
    """Return what a tutorial quotes of the document: the lines that begin with `> `."""
    return [line.removeprefix("> ") for line in text.split("\n") if line.startswith("> ")]


@dataclass
class Walk:
    """One reader at work in a folder: `shown` is what each block should have shown."""

    folder: Path
    set_variable: Callable[[str, str], None]
    shown: dict[Block, tuple[str, ...]] = field(default_factory=dict)

    def through(self, text: str) -> None:
        """Do what the text says, from its first block to its last."""
        for block in blocks(text):
            match block.act:
                case "run":
                    self.shown[block] = tuple(self._run(block))
                case "mail":
                    self.shown[block] = tuple(_mail(*block.about.split()))
                case _:
                    self.shown[block] = block.lines
                    self._write(block)

    def _write(self, block: Block) -> None:
        written = list(block.lines)
        if block.act == "file":
            return _save(Path(block.about), written)
        if block.act == "before":
            found = _BEFORE.fullmatch(block.about)
            assert found is not None, block.about
            lines = _read(Path(found["name"]))
            at = lines.index(found["line"])
            return _save(Path(found["name"]), [*lines[:at], *written, "", *lines[at:]])
        path = Path(block.about)
        lines = _read(path)
        if block.act == "change":
            return _save(path, _changed(lines, written))
        return _save(path, [*lines, *([""] if block.act == "end" else []), *written])

    def _run(self, block: Block) -> Iterator[str]:
        patterns = block.about.removeprefix("shows ").split(" | ") if block.about else []
        for line in block.lines:
            if line.startswith("$ "):
                yield line
                yield from _excerpt(self._command(line.removeprefix("$ ")), patterns)

    def _command(self, line: str) -> list[str]:
        words, _, target = (part.strip() for part in line.partition(" > "))
        name, *arguments = shlex.split(words)
        if name in _SHELL:
            _SHELL[name](self, arguments)
            return []
        assert name == "dondoc", line
        done = CliRunner().invoke(app, arguments)
        assert not done.exception or isinstance(done.exception, SystemExit), done.exception
        if target:
            assert done.exit_code == 0
            Path(target).write_text(done.stdout, encoding="utf-8")
            return []
        return [printed.rstrip() for printed in done.output.rstrip("\n").split("\n")]

    def export(self, arguments: Sequence[str]) -> None:
        """`export NAME=VALUE`."""
        name, _, value = arguments[0].partition("=")
        self.set_variable(name, value)

    def make_folder(self, arguments: Sequence[str]) -> None:
        """`mkdir NAME`."""
        Path(arguments[0]).mkdir()


_SHELL: Mapping[str, Callable[[Walk, Sequence[str]], None]] = {
    "export": Walk.export,
    "mkdir": Walk.make_folder,
}


def rewritten(text: str, shown: Mapping[Block, Sequence[str]]) -> str:
    """Return the text with what its blocks show put in place of what they said."""
    lines = text.split("\n")
    for block, found in sorted(shown.items(), key=lambda one: -one[0].begins):
        lines[block.begins : block.ends] = found
    return "\n".join(lines)


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n")


def _save(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _changed(lines: list[str], diff: Sequence[str]) -> list[str]:
    """Put each run of `+` lines in place of the `-` lines above it."""
    assert all(line[:1] in ("-", "+") for line in diff), diff
    for old, new in _pairs(diff):
        at = [n for n in range(len(lines)) if lines[n : n + len(old)] == old]
        assert len(at) == 1, f"{old} stands {len(at)} times"
        lines = [*lines[: at[0]], *new, *lines[at[0] + len(old) :]]
    return lines


def _pairs(diff: Sequence[str]) -> Iterator[tuple[list[str], list[str]]]:
    old: list[str] = []
    new: list[str] = []
    for line in diff:
        if line[0] == "-" and new:
            yield old, new
            old, new = [], []
        (old if line[0] == "-" else new).append(line[1:])
    yield old, new


def _excerpt(lines: list[str], patterns: Sequence[str]) -> Iterator[str]:
    """Yield the lines that are asked for, and a sign where others are left out."""
    if not patterns:
        yield from lines
        return
    kept: set[int] = set()
    for pattern in patterns:
        words, _, more = pattern.partition(" +")
        found = [number for number, line in enumerate(lines) if re.search(words, line)]
        assert found, f"{words!r} is not among what is printed"
        for number in found:
            rest = _rest_of_row(lines[number + 1 :]) if more == "row" else int(more or 0)
            kept.update(range(number, number + 1 + rest))
    last = -1
    for number in sorted(number for number in kept if number < len(lines)):
        if number != last + 1:
            yield LEFT_OUT
        yield lines[number]
        last = number
    if last + 1 < len(lines):
        yield LEFT_OUT


def _rest_of_row(lines: Sequence[str]) -> int:
    """Count the lines that go on with a row of a table: their first cell is empty."""
    return sum(1 for _ in takewhile(lambda line: line.startswith(" " * 10), lines))


def _mail(agency: str, kind: str, plan: str) -> list[str]:
    """Return the subject and text of the first such mail of a plan that nobody answers."""
    mails = previewing.mails(previewing.preview(load(Bundle.read(plan))))
    found = (mail for _, mail in mails if (mail.recipient.id, mail.kind.word) == (agency, kind))
    made = render(next(found))
    return [made.subject, "", *(line.rstrip() for line in made.text.strip("\n").split("\n"))]
