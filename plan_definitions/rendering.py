"""Rendering: diagnostics as text for people, with the line, what is meant and the way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from language.catalogue import text
from plan_definitions.diagnostics import Diagnostic, Severity
from plan_definitions.underline import span

_WIDTH = 96  # characters of the offending line that are shown
_CUT = "… "  # stands where something of the line is left out
_TAB = "→"  # a tab, which nobody sees otherwise
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.ADVICE: "36"}


def render_text(
    diagnostics: Sequence[Diagnostic], language: str = "vi", *, colour: bool = False
) -> str:
    """Return the diagnostics as people read them, a line that counts them and where to read on.

    With `colour` the severity and the underline are set in ANSI colours.
    """
    shown = [render_one(diagnostic, language, colour=colour) for diagnostic in diagnostics]
    return "\n\n".join([*shown, _summary(diagnostics, language)])


def render_one(diagnostic: Diagnostic, language: str = "vi", *, colour: bool = False) -> str:
    """Return one diagnostic as people read it: place, code and sentence, line, way out."""
    severity = text(language, f"diagnostic-severity.{diagnostic.severity}")
    head = _coloured(f"{severity} {diagnostic.code}", diagnostic, colour=colour)
    place = f"{diagnostic.file}:{diagnostic.line}:{diagnostic.column}"
    lines = [f"{place}: {head}: {diagnostic.message(language)}"]
    if diagnostic.excerpt.strip():
        lines += _pointed(diagnostic, colour=colour)
    hint = text(language, f"diagnostic-severity.help-{diagnostic.severity}")
    return "\n".join([*lines, f"   {hint}: {diagnostic.help(language)}"])


def _coloured(words: str, diagnostic: Diagnostic, *, colour: bool) -> str:
    return f"\x1b[1;{_COLOURS[diagnostic.severity]}m{words}\x1b[0m" if colour else words


def _pointed(diagnostic: Diagnostic, *, colour: bool) -> list[str]:
    """Return the offending line and what is meant underlined, cut where it is too long."""
    whole = diagnostic.excerpt
    at = min(diagnostic.column - 1, len(whole))
    end = at + span(whole, at)
    start = max(0, min(at - _WIDTH // 4, len(whole) - _WIDTH)) if len(whole) > _WIDTH else 0
    line = whole.replace("\t", _TAB).rstrip()
    cut = line[start : start + _WIDTH]
    before = _CUT if start else ""
    after = _CUT.rstrip() if len(line) > start + _WIDTH else ""
    margin = " " * (_columns(before) + _columns(line[start:at]))
    marks = "^" * max(1, _columns(line[at : min(end, start + _WIDTH)]))
    number = f"{diagnostic.line:>6}"
    underline = _coloured(marks, diagnostic, colour=colour)
    return [f"{number} | {before}{cut}{after}", f"{'':>6} | {margin}{underline}"]


def _columns(shown: str) -> int:
    """Return how many columns of the screen a text takes.

    Marks written as characters of their own and joiners take none, wide letters two.
    """
    return sum(_width(sign) for sign in shown)


def _width(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def _summary(diagnostics: Sequence[Diagnostic], language: str) -> str:
    counted = [
        text(language, f"diagnostic-severity.count-{severity}", count=count)
        for severity in Severity
        if (count := sum(1 + d.more for d in diagnostics if d.severity is severity))
    ]
    if not counted:
        return text(language, "diagnostic-severity.none")
    total = text(language, "diagnostic-severity.summary", counts=counted)
    read_on = text(language, "diagnostic-severity.read-on", code=diagnostics[0].code)
    return f"{total}\n{read_on}"
