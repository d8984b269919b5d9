"""What coordinators write, and how it is read: plans, registers, calendars, scenarios."""

from plan_definitions.dates import parse_date
from plan_definitions.diagnostics import Diagnostic, PlanDefinitionError, PlanFaults, has_faults
from plan_definitions.loader import (
    check,
    check_calendar,
    check_file,
    load,
    load_calendar,
    load_register,
)
from plan_definitions.reading.source import Bundle
from plan_definitions.rendering import render_text
from plan_definitions.scenario import load_scenario

__all__ = [
    "Bundle",
    "Diagnostic",
    "PlanDefinitionError",
    "PlanFaults",
    "check",
    "check_calendar",
    "check_file",
    "has_faults",
    "load",
    "load_calendar",
    "load_register",
    "load_scenario",
    "parse_date",
    "render_text",
]
