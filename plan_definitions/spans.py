"""Spans: days from one to another, as absences and quiet days are written."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from plan_definitions.cells import NO_DAY
from plan_definitions.reading.validation import Findings
from plan_definitions.reading.yaml_source import Document


class Days(Protocol):
    """The days from `first` to `last`, both included."""

    @property
    def first(self) -> date:
        """The first of them."""

    @property
    def last(self) -> date:
        """The last of them."""


def check_span(days: Days, document: Document, findings: Findings, *at: str | int) -> bool:
    """Say whether days that stand at a path are known and in order; note if they are reversed."""
    if NO_DAY in (days.first, days.last):
        return False
    if days.last < days.first:
        findings.add(document, "span-reversed", *at, "until", first=days.first, last=days.last)
    return days.last >= days.first
