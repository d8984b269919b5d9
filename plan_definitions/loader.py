"""Loader: the plan that a bundle holds, or every fault in it at once."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from engine.plan import Plan
from plan_definitions.advice import advise
from plan_definitions.assembly import assemble
from plan_definitions.calendars import Overlay, build_calendar
from plan_definitions.checks import check_plan
from plan_definitions.desk import Desk
from plan_definitions.diagnostics import Diagnostic, PlanFaults, has_faults, limited
from plan_definitions.overlays import Layer, advise_on_layers, check_layer, overlay_of
from plan_definitions.reading import garbage
from plan_definitions.reading.source import Bundle
from plan_definitions.reading.validation import Findings, fill
from plan_definitions.reading.yaml_source import Document
from plan_definitions.register import Part, Register, build_register
from plan_definitions.schema import Form, OverlayForm, PlanForm, RegisterForm

F = TypeVar("F", bound=Form)


def load(bundle: Bundle) -> Plan:
    """Return the plan that a bundle holds. Raises PlanFaults with every fault."""
    findings = Findings()
    with garbage.paused():
        read = _read(bundle, findings)
    if read is None:
        faults = [found for found in findings.items if found.is_fault]
        raise PlanFaults(_sorted(bundle, faults))
    return read[0]


def check(bundle: Bundle) -> list[Diagnostic]:
    """Return every fault of a bundle; if there is none, every warning and all advice."""
    with garbage.paused():
        return _checked(bundle)


def check_file(path: Path | str) -> list[Diagnostic]:
    """Return what `check` says of a plan file and the files that it names."""
    return check(Bundle.read(path))


def load_register(bundle: Bundle) -> Register:
    """Return the agencies of a register file. Raises PlanFaults."""
    findings = Findings()
    document, form = _form(bundle, bundle.main, RegisterForm, findings)
    if document is not None and form is not None:
        register = build_register([Part.of(form, document)], findings)
        if not has_faults(findings.items):
            return register
    raise PlanFaults(_sorted(bundle, findings.items))


def load_calendar(bundle: Bundle) -> Overlay:
    """Return what a calendar file and those that it extends say. Raises PlanFaults."""
    findings = Findings()
    first = _form(bundle, bundle.main, OverlayForm, findings)
    layers = _layers(bundle, bundle.main, first, findings)
    if not layers or has_faults(findings.items):
        raise PlanFaults(_sorted(bundle, findings.items))
    return overlay_of(layers)


def check_calendar(bundle: Bundle) -> list[Diagnostic]:
    """Return every fault of a calendar file and those that it extends; if there is none, advice."""
    findings = Findings()
    first = _form(bundle, bundle.main, OverlayForm, findings)
    layers = _layers(bundle, bundle.main, first, findings)
    if layers and not has_faults(findings.items):
        advise_on_layers(layers, findings)
    return _sorted(bundle, findings.items)


def _checked(bundle: Bundle) -> list[Diagnostic]:
    findings = Findings()
    read = _read(bundle, findings)
    if read is not None:
        advise(*read)
    return _sorted(bundle, findings.items)


def _read(bundle: Bundle, findings: Findings) -> tuple[Plan, Desk, Register, list[Layer]] | None:
    document, form = _form(bundle, bundle.main, PlanForm, findings)
    if document is None or form is None:
        return None
    register = _register(bundle, document, form, findings)
    overlay = _referred(bundle, document, form.calendar, OverlayForm, findings, "calendar")
    layers = _layers(bundle, bundle.named(form.calendar), overlay, findings)
    desk = Desk(form, document, register, findings)
    check_plan(desk)
    if register is None or not layers or has_faults(findings.items):
        return None
    calendar = build_calendar(overlay_of(layers), issued=form.issued)
    return assemble(desk, register, calendar), desk, register, layers


def _layers(
    bundle: Bundle,
    name: str,
    first: tuple[Document | None, OverlayForm | None],
    findings: Findings,
) -> list[Layer]:
    """Return a calendar file and all that it stands on, the uppermost first; or none of it."""
    document, form = first
    layers: list[Layer] = []
    names: list[str] = []
    while document is not None and form is not None:
        layers.append(Layer(form, document))
        names.append(name)
        check_layer(layers[-1], findings)
        if form.base or not form.extends:
            return layers
        name = bundle.named(form.extends, beside=name)
        if name in names:
            circle = " → ".join([*names[names.index(name) :], name])
            findings.add(document, "calendar-cycle", "extends", circle=circle)
            break
        if name not in bundle.texts:
            kind = bundle.why_unread(name)
            findings.add(document, kind, "extends", variant="extends", name=form.extends)
            break
        document, form = _form(bundle, name, OverlayForm, findings)
    return []


def _register(
    bundle: Bundle, document: Document, form: PlanForm, findings: Findings
) -> Register | None:
    """Return the agencies of every register that the plan names, with the plan's own groups."""
    parts = [Part(document, {}, form.groups, {})]
    complete = bool(form.agencies)
    names = [bundle.named(name) for name in form.agencies]
    for index, name in enumerate(form.agencies):
        if bundle.named(name) in names[:index]:  # one file, however often it is named
            continue
        item: tuple[str | int, ...] = ("agencies", index)
        at = item if document.holds(item) else ("agencies",)
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
        kind = bundle.why_unread(name)
        findings.items.append(Diagnostic(kind, shown, 1, 1, {"name": shown}))
        return None, None
    document, found = bundle.document(name)
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
    found = bundle.named(name)
    if found not in bundle.texts:
        findings.add(document, bundle.why_unread(found), *at, name=name)
        return None, None
    return _form(bundle, found, form, findings)


def _sorted(bundle: Bundle, found: list[Diagnostic]) -> list[Diagnostic]:
    """Sort by file, the plan's first, and place."""
    files = {bundle.shown(bundle.main): 0}
    for diagnostic in found:
        files.setdefault(diagnostic.file, len(files))
    return limited(sorted(found, key=lambda d: (files[d.file], d.line, d.column, d.code)))
