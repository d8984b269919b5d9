"""Rendering: diagnostics as text for people, with the line, a caret and the way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from language.catalogue import text
from plan_definitions.diagnostics import Diagnostic, Severity

_WIDTH = 96  # characters of the offending line that are shown
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.ADVICE: "36"}


def render_text(
    diagnostics: Sequence[Diagnostic], language: str = "vi", *, colour: bool = False
) -> str:
    """Return the diagnostics as people read them, and a line that counts them.

    With `colour` the severity is set in ANSI colours.
    """
    shown = [_one(diagnostic, language, colour=colour) for diagnostic in diagnostics]
    return "\n\n".join([*shown, _summary(diagnostics, language)])


def _one(diagnostic: Diagnostic, language: str, *, colour: bool) -> str:
    severity = text(language, f"diagnostic-severity.{diagnostic.severity}")
    head = f"{severity} {diagnostic.code}"
    if colour:
        head = f"\x1b[1;{_COLOURS[diagnostic.severity]}m{head}\x1b[0m"
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}"
    lines = [f"{place}: {head}: {diagnostic.message(language)}"]
    if diagnostic.excerpt.strip():
        lines += _pointed(diagnostic)
    hint = text(language, "diagnostic-severity.help")
    return "\n".join([*lines, f"   {hint}: {diagnostic.help(language)}"])


def _pointed(diagnostic: Diagnostic) -> list[str]:
    """Return the offending line and a caret under the column, cut where it is too long."""
    line = diagnostic.excerpt.replace("\t", " ")
    at = min(diagnostic.column - 1, len(line))
    start = max(0, at - _WIDTH // 2) if len(line) > _WIDTH else 0
    cut = line[start : start + _WIDTH]
    # Marks written as characters of their own take no column on the screen.
    before = sum(1 for sign in line[start:at] if not unicodedata.combining(sign))
    number = f"{diagnostic.line:>6}"
    return [f"{number} | {cut}", f"{'':>6} | {' ' * before}^"]


def _summary(diagnostics: Sequence[Diagnostic], language: str) -> str:
    counted = [
        text(language, f"diagnostic-severity.count-{severity}", count=count)
        for severity in Severity
        if (count := sum(d.severity is severity for d in diagnostics))
    ]
    if not counted:
        return text(language, "diagnostic-severity.none")
    return text(language, "diagnostic-severity.summary", counts=counted)
