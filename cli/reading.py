"""Reading: plan and scenario files given on the command line; their faults end it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rich.text import Text

from cli.console import err, is_colourful

if TYPE_CHECKING:
    from engine.plan import Plan
    from engine.rehearsal import Scenario
    from plan_definitions import PlanFaults
    from plan_definitions.calendars import Overlay
    from plan_definitions.register import Register


def read_plan(path: Path, language: str) -> Plan:
    """Return the plan of a file; end with 1 and every fault if it holds none."""
    from plan_definitions import Bundle, PlanFaults, load

    try:
        return load(Bundle.read(path))
    except PlanFaults as faults:
        _end(faults, language)


def read_scenario(path: Path, plan: Plan, language: str) -> Scenario:
    """Return the scenario of a file; end with 1 and every fault if it holds none."""
    from plan_definitions import PlanFaults, load_scenario

    try:
        return load_scenario(path, plan)
    except PlanFaults as faults:
        _end(faults, language)


def read_register(path: Path, language: str) -> Register:
    """Return the agencies of a register file; end with 1 and every fault if it holds none."""
    from plan_definitions import Bundle, PlanFaults, load_register

    try:
        return load_register(Bundle.read(path))
    except PlanFaults as faults:
        _end(faults, language)


def read_calendar(path: Path, language: str, *, advise: bool) -> Overlay:
    """Return the calendar of a file; end with 1 and every fault if it holds none.

    What is merely doubtful in it goes to standard error, if it is to be said.
    """
    from plan_definitions import Bundle, PlanFaults, check_calendar, load_calendar, render_text

    bundle = Bundle.read(path)
    try:
        overlay = load_calendar(bundle)
    except PlanFaults as faults:
        _end(faults, language)
    if advise and (found := check_calendar(bundle)):
        said = render_text(found, language, colour=is_colourful(err))
        err.print(Text.from_ansi(said), soft_wrap=True)
    return overlay


def _end(faults: PlanFaults, language: str) -> NoReturn:
    from plan_definitions import render_text

    said = render_text(faults.diagnostics, language, colour=is_colourful(err))
    err.print(Text.from_ansi(said), soft_wrap=True)
    sys.exit(1)
