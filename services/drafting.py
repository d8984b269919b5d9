"""Drafting: a new plan, and a register beside it, written as files to start from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

from language.catalogue import text
from plan_definitions import Bundle, load_calendar
from plan_definitions.calendars import YEARS_AHEAD, build_calendar, shipped
from plan_definitions.dates import FIRST_YEAR, LAST_YEAR
from plan_definitions.handbook.skeleton import (
    NEWCOMERS,
    Cast,
    Draft,
    plan_text,
    register_text,
    slug,
)
from plan_definitions.reading.source import SUFFIXES
from plan_definitions.register import Register
from services.errors import Refused

FIRST_DUE, LAST_DUE = 20, 30
"""Working days after the issue: when the reports are due, and when the summary is."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """What was written, the plan first, and the register that the plan names."""

    files: tuple[Path, ...]
    agencies: Path


def plan_file(file: Path | None, number: str, language: str) -> Path:
    """Return the plan file to write: the one asked for, else one named for the document.

    Raises Refused where it is there already.
    """
    return _free(file or Path(slug(number) or text(language, "skeleton.file-plan")))


def register_file(file: Path | None, language: str) -> Path:
    """Return the register file to write. Raises Refused where it is there already."""
    return _free(file or Path(text(language, "skeleton.file-register")))


def register_beside(plan: Path, language: str) -> Path:
    """Return the register that a new plan gets beside it, whether or not it is there."""
    name = text(language, "skeleton.file-register")
    named = plan.with_name(f"{name}{SUFFIXES[0]}")
    return plan.with_name(f"{plan.stem}-{named.name}") if named == plan else named


def draft_register(file: Path, language: str, *, as_of: date) -> Drafted:
    """Write a small register, and return what was written."""
    _write(
        file,
        register_text(
            language,
            name=slug(file.stem) or "a1",
            as_of=as_of,
            schema=_own(file, "schemas/agencies.schema.json"),
        ),
    )
    return Drafted((file,), file)


def draft_plan(
    file: Path,
    language: str,
    *,
    number: str,
    title: str,
    issued: date,
    agencies: Path,
    register: Register | None,
) -> Drafted:
    """Write a plan that has no fault, and return what was written.

    It names the register at `agencies`; where there is none yet (`register` None), a small
    one is written there. Raises Refused for a year that no plan can be issued in.
    """
    if not FIRST_YEAR <= issued.year <= LAST_YEAR - YEARS_AHEAD:
        last = LAST_YEAR - YEARS_AHEAD
        raise Refused("refused.issue-year", year=issued.year, first=FIRST_YEAR, last=last)
    overlay = load_calendar(Bundle.read(shipped()))
    calendar = build_calendar(overlay, issued=issued)
    draft = Draft(
        language=language,
        id=slug(number) or slug(file.stem) or "a1",
        number=number or text(language, "skeleton.number"),
        title=title or text(language, "skeleton.title"),
        issued=issued,
        first_due=calendar.offset(issued, FIRST_DUE),
        last_due=calendar.offset(issued, LAST_DUE),
        agencies=_path(file, agencies),
        calendar=_path(file, shipped()),
        schema=_own(file, "schemas/plan.schema.json"),
        cast=NEWCOMERS if register is None else Cast.of(register),
    )
    made = () if register else draft_register(agencies, language, as_of=issued).files
    _write(file, plan_text(draft, file=file.name))
    return Drafted((file, *made), agencies)


def _free(file: Path) -> Path:
    """Return a file with the ending that plans need. Raises Refused where it is there."""
    if not file.name:
        raise Refused("refused.file-exists", file=str(file))
    named = file if file.suffix in SUFFIXES else file.with_name(f"{file.name}.yaml")
    if named.exists():
        raise Refused("refused.file-exists", file=str(named))
    return named


def _own(file: Path, name: str) -> str:
    """Return the path of a file that comes with the program, from where `file` stands."""
    return _path(file, Path(str(files("plan_definitions"))) / name)


def _path(file: Path, other: Path) -> str:
    """Return the path of another file from where `file` stands, as a plan writes it."""
    return Path(os.path.relpath(other.resolve(), file.resolve().parent)).as_posix()


def _write(file: Path, written: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("x", encoding="utf-8", newline="\n") as opened:
        opened.write(written)
