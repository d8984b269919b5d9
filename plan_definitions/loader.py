"""Loader: the plan that a bundle holds, or every fault in it at once."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from engine.plan import Plan
from plan_definitions.advice import advise
from plan_definitions.assembly import assemble
from plan_definitions.calendars import UnknownCountry, build_calendar
from plan_definitions.checks import check_plan
from plan_definitions.desk import Desk
from plan_definitions.diagnostics import Diagnostic, PlanFaults, has_faults
from plan_definitions.register import Part, Register, build_register
from plan_definitions.schema import Form, OverlayForm, PlanForm, RegisterForm
from plan_definitions.source import Bundle
from plan_definitions.validation import Findings, fill
from plan_definitions.yaml_source import Document, parse

F = TypeVar("F", bound=Form)


def load(bundle: Bundle) -> Plan:
    """Return the plan that a bundle holds. Raises PlanFaults with every fault."""
    findings = Findings()
    read = _read(bundle, findings)
    if read is None:
        faults = [found for found in findings.items if found.is_fault]
        raise PlanFaults(_sorted(bundle, faults))
    return read[0]


def check(bundle: Bundle) -> list[Diagnostic]:
    """Return every fault of a bundle; if there is none, every warning and all advice."""
    findings = Findings()
    read = _read(bundle, findings)
    if read is not None:
        advise(*read)
    return _sorted(bundle, findings.items)


def check_file(path: Path | str) -> list[Diagnostic]:
    """Return what `check` says of a plan file and the files that it names."""
    return check(Bundle.read(path))


def _read(bundle: Bundle, findings: Findings) -> tuple[Plan, Desk, Register, OverlayForm] | None:
    document, form = _form(bundle, bundle.main, PlanForm, findings)
    if document is None or form is None:
        return None
    register = _register(bundle, document, form, findings)
    _, overlay = _referred(bundle, document, form.calendar, OverlayForm, findings, "calendar")
    desk = Desk(form, document, register, findings)
    check_plan(desk)
    if register is None or overlay is None or has_faults(findings.items):
        return None
    try:
        calendar = build_calendar(overlay, issued=form.issued)
    except UnknownCountry:
        findings.add(document, "unknown-country", "calendar", name=overlay.base)
        return None
    return assemble(desk, register, calendar), desk, register, overlay


def _register(
    bundle: Bundle, document: Document, form: PlanForm, findings: Findings
) -> Register | None:
    """Return the agencies of every register that the plan names, with the plan's own groups."""
    parts = [Part(document, {}, form.groups, {})]
    complete = bool(form.agencies)
    for index, name in enumerate(form.agencies):
        item: tuple[str | int, ...] = ("agencies", index)
        at = item if item in document.value_marks else ("agencies",)
        file, register = _referred(bundle, document, name, RegisterForm, findings, *at)
        if file is None or register is None:
            complete = False
        else:
            parts.append(Part.of(register, file))
    return build_register(parts, findings) if complete else None


def _form(
    bundle: Bundle, name: str, form: type[F], findings: Findings
) -> tuple[Document | None, F | None]:
    shown = bundle.shown(name)
    if name not in bundle.texts:
        kind = bundle.unread.get(name, "missing-file")
        findings.items.append(Diagnostic(kind, shown, 1, 1, {"name": shown}))
        return None, None
    document, found = parse(shown, bundle.texts[name])
    findings.items.extend(found)
    return document, None if document is None else fill(form, document, findings)


def _referred(
    bundle: Bundle,
    document: Document,
    name: str,
    form: type[F],
    findings: Findings,
    *at: str | int,
) -> tuple[Document | None, F | None]:
    """Return the form of a file that the plan names at a path; missing is the plan's fault."""
    if not name:
        return None, None
    if name not in bundle.texts:
        kind = bundle.unread.get(name, "missing-file")
        findings.add(document, kind, *at, name=name)
        return None, None
    return _form(bundle, name, form, findings)


def _sorted(bundle: Bundle, found: list[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, the plan's first, and place."""
    files = {bundle.shown(bundle.main): 0}
    for diagnostic in found:
        files.setdefault(diagnostic.file, len(files))
    return sorted(found, key=lambda d: (files[d.file], d.line, d.column, d.code))
