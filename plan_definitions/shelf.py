"""Shelf: the plan files in a folder, by the number and title that stand in them.

Registers, calendars and scenarios are no plans; the handbook's examples are none to start.
Files are looked into, not checked: a plan with faults is listed, and says so when started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from plan_definitions.dates import tidy
from plan_definitions.reading import garbage
from plan_definitions.reading.source import SUFFIXES, read_text
from plan_definitions.reading.yaml_source import parse

Stamp: TypeAlias = tuple[tuple[str, int, int], ...]

MOST_FILES = 2_000
"""Files that are looked into: a folder given by mistake must not be read for minutes."""

_ASIDE = ("examples", "schemas")
_PLAN = re.compile(r"^plan *:", re.MULTILINE)
_STAGES = re.compile(r"^stages *:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shelved:
    """A plan file: its path within the folder, with `/`, and what it calls itself."""

    path: str
    number: str
    title: str


def stamp(folder: Path) -> Stamp:
    """Return what changes when a file of the folder does: paths, sizes, times (nanoseconds)."""
    stamped = []
    for file in _files(folder):
        try:
            seen = file.stat()
        except OSError:  # it went while we looked
            continue
        stamped.append((file.relative_to(folder).as_posix(), seen.st_size, seen.st_mtime_ns))
    return tuple(stamped)


def plans(folder: Path) -> list[Shelved]:
    """Return the plans of a folder and those below it, by path; none where there is no folder."""
    with garbage.paused():
        found = [_look(folder, file) for file in _files(folder)]
    return [plan for plan in found if plan is not None]


def _files(folder: Path) -> list[Path]:
    files: list[Path] = []
    for file in _walk(folder):
        files.append(file)
        if len(files) == MOST_FILES:
            break
    return sorted(files)


def _walk(folder: Path) -> Iterator[Path]:
    for place, below, names in os.walk(folder):
        below[:] = sorted(name for name in below if name[0] not in "._" and name not in _ASIDE)
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(place) / name


def _look(folder: Path, file: Path) -> Shelved | None:
    try:
        text = read_text(file)
    except (OSError, ValueError):
        return None
    if not (_PLAN.search(text) and _STAGES.search(text)):
        return None
    document, _ = parse(str(file), text)
    value = document.value if document is not None else None
    told = value if isinstance(value, dict) else {}
    number, title = (
        tidy(said) if isinstance(said := told.get(key), str) else "" for key in ("number", "title")
    )
    return Shelved(file.relative_to(folder).as_posix(), number, title)
